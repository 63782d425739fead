/*
 * The operator's view: `icorpctl show …`. Everything is described once, through the writer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/control.h"
#include "lib/loop.h"
#include "lib/writer.h"
#include "signald/daemon.h"
#include "signald/leader.h"
#include "signald/registrar.h"
#include "signald/session.h"

/* A show that waits for the adaptors' answers. */
struct show_wait {
	struct show_wait *next;
	uint64_t cookie;
	unsigned left;
	struct writer *w;
	struct control_reply *reply;
};

static void write_addr(struct writer *w, const char *name, struct in_addr addr)
{
	char text[ADDR_TEXT];

	writer_str(w, name, addr.s_addr ? addr_text(addr, text) : "");
}

static const char *port_text(const struct daemon *d, int port)
{
	return port >= 0 && port < (int)d->core_config.n_ports ? d->core_config.port[port].ifname : "-";
}

static void write_ms(struct writer *w, const char *name, uint64_t at_us, uint64_t now_us)
{
	if (!at_us || at_us == UINT64_MAX)
		writer_str(w, name, "-");
	else
		writer_int(w, name, ((int64_t)at_us - (int64_t)now_us) / 1000);
}

static void write_session(const struct daemon *d, struct writer *w, const struct session *s)
{
	writer_uint(w, "icorp", s->key.icorp);
	writer_str(w, "name", s->contract->name);
	writer_uint(w, "revision", s->contract->revision);
	writer_str(w, "state", session_state_name(s->state));
	write_addr(w, "leader", s->key.leader);
	write_addr(w, "previous", s->up.addr);
	writer_str(w, "port", port_text(d, s->up.port));
	writer_fmt(w, "up", "%u/%u", session_up(s), s->n_leaves);
	writer_uint(w, "rate", session_merged(s));
	writer_uint(w, "vlan", s->vlan);
}

static int show_sessions(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	uint32_t only = argc ? (uint32_t)strtoul(argv[0], NULL, 10) : 0;

	writer_array(w, "sessions");
	for (const struct session *s = core_session_next(d->core, NULL); s; s = core_session_next(d->core, s)) {
		if (only && s->key.icorp != only)
			continue;
		writer_object(w, NULL);
		write_session(d, w, s);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

static const struct session *find_id(const struct daemon *d, const char *text, struct control_reply *reply)
{
	uint32_t id = (uint32_t)strtoul(text, NULL, 10);

	for (const struct session *s = core_session_next(d->core, NULL); s; s = core_session_next(d->core, s))
		if (s->key.icorp == id)
			return s;
	control_fail(reply, "no such ICorp here: %s", text);
	return NULL;
}

static void write_grant(struct writer *w, const struct rsvp_grant *g)
{
	char text[64];

	writer_object(w, NULL);
	writer_str(w, "element", g->element);
	write_addr(w, "endpoint", g->endpoint);
	writer_str(w, "resource", resource_name(g->resource));
	writer_str(w, "outcome", outcome_name(g->outcome));
	writer_str(w, "enforcement", enforcement_name(g->enforcement));
	writer_str(w, "level", resource_level_text(g->resource, g->level, text, sizeof(text)));
	writer_uint(w, "number", g->sequence);
	writer_str(w, "reason", g->reason);
	writer_end(w);
}

static void write_endpoints(const struct daemon *d, struct writer *w, const struct session *s)
{
	writer_array(w, "endpoints");
	for (unsigned i = 0; i < s->n_leaves; i++) {
		const struct leaf *leaf = &s->leaf[i];

		writer_object(w, NULL);
		writer_str(w, "element", leaf->ep->element);
		write_addr(w, "private", leaf->ep->private_addr);
		writer_str(w, "where", leaf->where == LEAF_LOCAL ? "here" : leaf->where == LEAF_BRANCH && leaf->branch ?
			   (leaf->branch->isc ? "ISC" : port_text(d, leaf->branch->port)) : "elsewhere");
		write_addr(w, "next", leaf->branch ? leaf->branch->neighbour : (struct in_addr){ 0 });
		write_addr(w, "subtarget", leaf->branch ? leaf->subtarget : (struct in_addr){ 0 });
		writer_bool(w, "up", leaf->up || (leaf->where == LEAF_ELSEWHERE && leaf->told_flags & RSVP_LOAD_UP));
		writer_uint(w, "weight", leaf->weight);
		writer_uint(w, "cpu_permille", leaf->load.cpu_permille);
		writer_end(w);
	}
	writer_end(w);
}

static int show_path(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	const struct session *s = find_id(d, argv[0], reply);
	struct rsvp_grant grant;
	char text[64];

	if (!s)
		return -ENOENT;
	write_session(d, w, s);
	if (s->price.interval_s)
		writer_str(w, "price", price_text(s->price.micro, s->price.currency, s->price.interval_s, text, sizeof(text)));
	if (*session_rest(s)->error.element)
		writer_fmt(w, "error", "%s: %s", s->more->error.element, s->more->error.reason);
	write_ms(w, "path_expires_ms", s->up.expires_us, clock_now_us());
	if (*session_rest(s)->waits_for)
		writer_str(w, "waits_for", session_rest(s)->waits_for);
	write_endpoints(d, w, s);
	writer_array(w, "grants");
	for (struct grant_cursor at = { 0 }; session_grant_next(d->core, s, &at, &grant);)
		write_grant(w, &grant);
	writer_end(w);
	return 0;
}

static int show_timers(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	uint64_t now = clock_now_us();

	writer_array(w, "timers");
	for (const struct session *s = core_session_next(d->core, NULL); s; s = core_session_next(d->core, s)) {
		for (const struct branch *b = s->branch; b; b = b->next) {
			writer_object(w, NULL);
			writer_uint(w, "icorp", s->key.icorp);
			write_addr(w, "neighbour", b->neighbour);
			write_ms(w, "next_path_ms", b->next_path_us, now);
			write_ms(w, "resv_expires_ms", b->resv_expires_us, now);
			write_ms(w, "blockade_ms", b->blockade && b->blockade->until_us > now ? b->blockade->until_us : 0, now);
			writer_end(w);
		}
	}
	writer_end(w);
	return 0;
}

static int show_ports(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	const struct core_config *config = core_config(d->core);

	writer_array(w, "ports");
	for (unsigned i = 0; i < config->n_ports; i++) {
		writer_object(w, NULL);
		writer_str(w, "port", config->port[i].ifname);
		writer_uint(w, "capacity", config->port[i].capacity_bps);
		writer_uint(w, "reserved", config->port[i].reserved_bps);
		writer_end(w);
	}
	writer_end(w);
	writer_array(w, "resources");
	for (unsigned r = 1; r <= RESOURCE_MAX; r++) {
		if (!config->resource[r].capacity && !config->resource[r].step)
			continue;
		writer_object(w, NULL);
		writer_str(w, "resource", resource_name(r));
		writer_uint(w, "capacity", config->resource[r].capacity);
		writer_uint(w, "used", config->resource[r].used);
		writer_uint(w, "step", config->resource[r].step);
		writer_uint(w, "floor", config->resource[r].floor);
		writer_uint(w, "ceiling", config->resource[r].ceiling);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

static void write_peer(struct writer *w, const struct peer *p, uint64_t now)
{
	char text[ADDR_TEXT];

	writer_object(w, NULL);
	writer_str(w, "address", p->addr.s_addr ? addr_text(p->addr, text) : "strangers");
	writer_int(w, "heard_ms_ago", p->heard_us ? (int64_t)(now - p->heard_us) / 1000 : -1);
	for (unsigned i = 0; i < PEER_COUNTERS; i++)
		writer_uint(w, peer_counter_name(i), p->counter[i]);
	writer_end(w);
}

static int show_neighbours(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	uint64_t now = clock_now_us();

	writer_array(w, "neighbours");
	for (const struct peer *p = peers_first(d->peers); p; p = peers_next(d->peers, p))
		write_peer(w, p, now);
	write_peer(w, peers_strangers(d->peers), now);
	writer_end(w);
	return 0;
}

static int show_counters(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	uint64_t sum[PEER_COUNTERS];

	for (unsigned i = 0; i < CORE_COUNTERS; i++)
		writer_uint(w, core_counter_name(i), core_counters(d->core)[i]);
	memcpy(sum, peers_strangers(d->peers)->counter, sizeof(sum));
	for (const struct peer *p = peers_first(d->peers); p; p = peers_next(d->peers, p))
		for (unsigned i = 0; i < PEER_COUNTERS; i++)
			sum[i] += p->counter[i];
	for (unsigned i = 0; i < PEER_COUNTERS; i++) {
		char name[64];

		snprintf(name, sizeof(name), "datagrams %s", peer_counter_name(i));
		writer_uint(w, name, sum[i]);
	}
	return 0;
}

static int show_l2(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	const struct nexthops *nh = &d->nexthops;

	writer_array(w, "links");
	for (size_t i = 0; i < nh->n_links; i++) {
		writer_object(w, NULL);
		writer_str(w, "a", nh->node[nh->link[i].a].name);
		writer_str(w, "a_port", nh->link[i].a_port);
		writer_str(w, "b", nh->node[nh->link[i].b].name);
		writer_str(w, "b_port", nh->link[i].b_port);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

static int show_routes(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;

	writer_array(w, "routes");
	for (size_t i = 0; i < d->nexthops.n_routes; i++) {
		const struct nexthop_route *r = &d->nexthops.route[i];
		char text[PREFIX_TEXT];

		writer_object(w, NULL);
		writer_str(w, "destination", prefix_text(r->dest, text));
		write_addr(w, "gateway", r->gateway);
		writer_str(w, "port", port_text(d, r->port));
		writer_uint(w, "metric", r->metric);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

static int show_status(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	const char *why;
	int connected = registrar_connected(d->registrar, &why);

	writer_str(w, "element", d->config.name);
	writer_str(w, "kind", d->config.kind);
	write_addr(w, "address", d->core_config.address);
	writer_uint(w, "up_s", (clock_now_us() - d->started_us) / CLOCK_S);
	writer_uint(w, "sessions", core_sessions(d->core));
	writer_bool(w, "gatekeeper", connected);
	writer_str(w, "gatekeeper_reason", why);
	writer_uint(w, "reports_waiting", registrar_reports_waiting(d->registrar));
	dispatch_describe(d->dispatch, w);
	return 0;
}

static int ask_adaptors(struct daemon *d, enum adaptor_request request, struct writer *w, struct control_reply *reply)
{
	static uint64_t cookie;
	struct show_wait *wait = calloc(1, sizeof(*wait));

	if (!wait)
		return -ENOMEM;
	wait->cookie = ++cookie;
	wait->w = w;
	wait->reply = reply;
	wait->left = dispatch_query(d->dispatch, request, wait->cookie);
	if (!wait->left) {
		free(wait);
		return 0;
	}
	wait->next = d->shows;
	d->shows = wait;
	return CONTROL_LATER;
}

static int show_adaptors(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	return ask_adaptors(ctx, ADAPTOR_SHOW, w, reply);
}

static int show_measure(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	return ask_adaptors(ctx, ADAPTOR_MEASURE, w, reply);
}

void show_shown(struct daemon *d, uint64_t cookie, const char *instance, const char *json, const char *error)
{
	for (struct show_wait **at = &d->shows; *at; at = &(*at)->next) {
		struct show_wait *wait = *at;

		if (wait->cookie != cookie)
			continue;
		if (json && !error)
			writer_json(wait->w, instance, json);
		else
			writer_fmt(wait->w, instance, "not available: %s", error ? error : "no answer");
		if (--wait->left)
			return;
		*at = wait->next;
		control_done(wait->reply, NULL);
		free(wait);
		return;
	}
}

static const struct control_command commands[] = {
	{ "show status", "", "this controller, its gatekeeper and its adaptors", 0, 0, show_status },
	{ "show sessions", "[ID]", "every ICorp here", 0, 1, show_sessions },
	{ "show path", "ID", "one ICorp: endpoints, next hops, what each hop granted", 1, 1, show_path },
	{ "show timers", "", "when each neighbour is due", 0, 0, show_timers },
	{ "show ports", "", "capacity and what is reserved", 0, 0, show_ports },
	{ "show neighbours", "", "who was heard, and what went wrong", 0, 0, show_neighbours },
	{ "show counters", "", "messages and events since the start", 0, 0, show_counters },
	{ "show l2", "", "the layer-2 map", 0, 0, show_l2 },
	{ "show routes", "", "the routes next hops are found by", 0, 0, show_routes },
	{ "show adaptors", "", "what is really there, as the adaptors read it back", 0, 0, show_adaptors },
	{ "show measure", "", "what is really used", 0, 0, show_measure },
	{ 0 },
};

int show_open(struct daemon *d)
{
	return control_listen(loop_base(d->loop), d->config.control, commands, d, d->config.allow_warp, &d->control);
}

void show_close(struct daemon *d)
{
	while (d->shows) {
		struct show_wait *wait = d->shows;

		d->shows = wait->next;
		control_done(wait->reply, "shutting down");
		free(wait);
	}
	control_close(d->control);
}
