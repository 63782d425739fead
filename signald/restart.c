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
#include "signald/transport.h"

#define INVENTORY_US (10 * CLOCK_S)   /* adaptors that have not answered by then are not waited for */

enum phase { ADAPTORS, MAP, LISTENS };

struct restart {
	struct daemon *d;
	struct event *timer;
	enum phase phase;
	uint32_t awaited;             /* adaptors that have not said what they find, a bit each */
};

static void in_us(struct restart *r, uint64_t us)
{
	struct timeval tv = { (time_t)(us / CLOCK_S), (suseconds_t)(us % CLOCK_S) };

	event_add(r->timer, &tv);
}

static void listens(struct restart *r)
{
	event_del(r->timer);
	r->phase = LISTENS;
	core_recover(r->d->core, clock_now_us());
	transport_listen(r->d->transport);
	daemon_settle(r->d);
}

/* Without the map for longer than that, all of it would lapse anyway. */
static void inventory_done(struct restart *r)
{
	struct daemon *d = r->d;

	r->phase = MAP;
	registrar_start(d->registrar);
	if (d->registrar && core_unclaimed(d->core) && !d->nexthops.n_nodes)
		in_us(r, core_recovery_time(d->core) / 2);
	else
		listens(r);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct restart *r = ctx;

	if (r->phase == ADAPTORS) {
		log_msg(LOG_LEVEL_WARN, "some adaptors do not say what is here: going on without");
		inventory_done(r);
	} else if (r->phase == MAP) {
		log_msg(LOG_LEVEL_WARN, "no layer-2 map comes from the gatekeeper: going on without");
		listens(r);
	}
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
	if (!r->timer)
		return -ENOMEM;
	in_us(r, r->awaited ? INVENTORY_US : 0);
	return 0;
}

void restart_free(struct restart *r)
{
	if (r && r->timer)
		event_free(r->timer);
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

void restart_found(struct daemon *d, size_t adaptor, const char *json)
{
	json_t *o = json ? json_loads(json, 0, NULL) : NULL, *one;
	struct restart *r = d->restart;
	size_t i;

	if (!r || !(r->awaited >> adaptor & 1)) {
		json_decref(o);
		return; /* its process was started again: what it is to have we know by now */
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
