/* What a restarted controller does before it listens. See restart.h. */
#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "signald/daemon.h"
#include "signald/registrar.h"
#include "signald/restart.h"
#include "signald/session.h"
#include "signald/transport.h"

#define INVENTORY_US (10 * CLOCK_S)   /* adaptors that have not answered by then are not waited for */
#define AGAIN_US (500 * CLOCK_MS)     /* who could not say is asked again after so long */
#define MAP_US (5 * CLOCK_S)          /* nor is a gatekeeper that does not answer */

enum phase { ADAPTORS, MAP, LISTENS };

struct restart {
	struct daemon *d;
	struct event *timer, *again;
	enum phase phase;
	/* a bit for each adaptor that: has not said what it finds; could not, and is to be asked again; and we have said so */
	uint32_t awaited, failed, reported;
};

static void in_us(struct event *timer, uint64_t us)
{
	struct timeval tv = { (time_t)(us / CLOCK_S), (suseconds_t)(us % CLOCK_S) };

	event_add(timer, &tv);
}

static void listens(struct restart *r)
{
	event_del(r->timer);
	r->phase = LISTENS;
	core_recover(r->d->core, clock_now_us());
	transport_listen(r->d->transport);
	daemon_settle(r->d);
}

/* Whoever must hear of us hears nothing while we wait: what we lead, or have claimed, must not lapse by that. */
static uint64_t map_wait(const struct core *core)
{
	uint64_t lifetime = core_lifetime(core, core_config(core)->refresh_us), recovery = core_recovery_time(core);
	uint64_t half = (lifetime < recovery ? lifetime : recovery) / 2;

	return half < MAP_US ? half : MAP_US;
}

static void inventory_done(struct restart *r)
{
	struct daemon *d = r->d;

	r->phase = MAP;
	registrar_start(d->registrar);
	if ((d->registrar || d->lldpd) && core_unclaimed(d->core) && !d->nexthops.n_nodes)
		in_us(r->timer, map_wait(d->core));
	else
		listens(r);
}

static const char *name_of(const struct restart *r, unsigned adaptor)
{
	const char *name, *type, *reason;
	int up;

	dispatch_nth(r->d->dispatch, adaptor, &name, &type, &up, &reason);
	return name;
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct restart *r = ctx;

	if (r->phase == ADAPTORS) {
		for (unsigned i = 0; i < dispatch_count(r->d->dispatch); i++)
			if (r->awaited >> i & 1)
				log_msg(LOG_LEVEL_WARN, "adaptor %s: has not said what is here: going on without",
					name_of(r, i));
		inventory_done(r);
	} else if (r->phase == MAP) {
		log_msg(LOG_LEVEL_WARN, "no layer-2 map comes from %s: going on without", r->d->lldpd ? "lldpd" : "the gatekeeper");
		listens(r);
	}
}

/* Said once per adaptor. */
static void cannot_say(struct restart *r, unsigned adaptor, const char *why)
{
	if (!(r->reported >> adaptor & 1))
		log_msg(LOG_LEVEL_WARN, "adaptor %s: cannot say what is here, and is asked again: %s", name_of(r, adaptor), why);
	r->reported |= 1u << adaptor;
	r->failed |= 1u << adaptor;
	if (r->phase == ADAPTORS && !event_pending(r->again, EV_TIMEOUT, NULL))
		in_us(r->again, AGAIN_US);
}

static void on_again(evutil_socket_t fd, short what, void *ctx)
{
	struct restart *r = ctx;
	uint32_t failed = r->failed;

	r->failed = 0;
	for (unsigned i = 0; r->phase == ADAPTORS && i < dispatch_count(r->d->dispatch); i++)
		if (failed >> i & 1 && dispatch_ask_inventory(r->d->dispatch, i))
			cannot_say(r, i, strerror(ENOMEM));
}

int restart_new(struct daemon *d, struct restart **out)
{
	struct restart *r = calloc(1, sizeof(*r));

	*out = r;
	if (!r)
		return -ENOMEM;
	r->d = d;
	r->awaited = (1u << dispatch_count(d->dispatch)) - 1;
	r->timer = event_new(loop_base(d->loop), -1, 0, on_timer, r);
	r->again = event_new(loop_base(d->loop), -1, 0, on_again, r);
	if (!r->timer || !r->again)
		return -ENOMEM;
	in_us(r->timer, r->awaited ? INVENTORY_US : 0);
	return 0;
}

void restart_free(struct restart *r)
{
	if (r && r->timer)
		event_free(r->timer);
	if (r && r->again)
		event_free(r->again);
	free(r);
}

static uint64_t positive(const json_t *o)
{
	json_int_t n = json_integer_value(o);

	return n > 0 ? (uint64_t)n : 0;
}

static uint64_t number(const json_t *o, const char *name)
{
	return positive(json_object_get(o, name));
}

static int port_of(const struct core_config *config, const char *ifname)
{
	for (unsigned p = 0; ifname && p < config->n_ports; p++)
		if (!strcmp(config->port[p].ifname, ifname))
			return (int)p;
	return -1;
}

static void found(struct core *core, const json_t *o)
{
	const char *leader = json_string_value(json_object_get(o, "leader"));
	const json_t *levels = json_object_get(o, "levels"), *handled = json_object_get(o, "handled");
	struct core_found f = { .key.icorp = (uint32_t)number(o, "icorp"), .vlan = (uint16_t)number(o, "vlan") };
	json_t *port;
	size_t i;

	if (!f.key.icorp || !leader || addr_parse(leader, &f.key.leader))
		return;
	json_array_foreach(json_object_get(o, "ports"), i, port) {
		if (f.n_ports == CORE_MAX_PORTS)
			break;
		f.port[f.n_ports].port = port_of(core_config(core), json_string_value(json_object_get(port, "name")));
		f.port[f.n_ports++].bps = number(port, "rate");
	}
	for (unsigned r = 1; r <= RESOURCE_MAX; r++) {
		f.level[r] = positive(json_array_get(levels, r - 1));
		f.handled[r] = (uint32_t)positive(json_array_get(handled, r - 1));
	}
	if (core_found(core, &f))
		log_icorp(LOG_LEVEL_WARN, f.key.icorp, "what is here of it is not counted: out of memory");
}

void restart_found(struct daemon *d, size_t adaptor, const char *json, const char *why)
{
	json_t *o = json ? json_loads(json, 0, NULL) : NULL, *one;
	struct restart *r = d->restart;
	size_t i;

	if (!r || !(r->awaited >> adaptor & 1)) {
		json_decref(o);
		return; /* its process was started again: what it is to have we know by now */
	}
	if (!o) {
		cannot_say(r, (unsigned)adaptor, json ? "what it says is not JSON" : why);
		return;
	}
	json_array_foreach(json_object_get(o, "sessions"), i, one)
		found(d->core, one);
	json_decref(o);
	r->awaited &= ~(1u << adaptor);
	if (!r->awaited && r->phase == ADAPTORS)
		inventory_done(r);
}

void restart_mapped(struct daemon *d)
{
	if (d->restart && d->restart->phase == MAP)
		listens(d->restart);
}

const char *restart_waits_for(const struct restart *r)
{
	return !r || r->phase == LISTENS ? NULL : r->phase == MAP ? "the layer-2 map" : "its adaptors";
}
