/*
 * The simulator's engine. See sim.h. Everything that happens is an event in one heap: a datagram arrives, an adaptor is
 * done, an ISC refreshes, a controller comes back; a controller's timer is in another. Messages travel as encoded bytes, so
 * the codec is part of every run.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/internal.h"

#define LOOK_US (500 * CLOCK_MS)

uint64_t sim_now(const struct sim *sim)
{
	return sim->now_us;
}

uint64_t sim_random(struct sim *sim, uint64_t below)
{
	sim->random ^= sim->random << 13;
	sim->random ^= sim->random >> 7;
	sim->random ^= sim->random << 17;
	return below ? sim->random % below : 0;
}

uint64_t sim_between(struct sim *sim, uint64_t low, uint64_t high)
{
	return low + sim_random(sim, high - low + 1);
}

void sim_trace_to(struct sim *sim, FILE *to)
{
	sim->trace = to;
}

void sim_trace(struct sim *sim, const char *fmt, ...)
{
	va_list args;

	if (!sim->trace)
		return;
	fprintf(sim->trace, "%12.6f  ", (double)sim->now_us / 1e6);
	va_start(args, fmt);
	vfprintf(sim->trace, fmt, args);
	va_end(args);
	fputc('\n', sim->trace);
}

void sim_violate(struct sim *sim, const char *fmt, ...)
{
	char text[sizeof(sim->violation) - 32];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!sim->violations++)
		snprintf(sim->violation, sizeof(sim->violation), "at %.6f s: %s", (double)sim->now_us / 1e6, text);
	sim_trace(sim, "VIOLATION: %s", text);
}

void sim_event_add(struct sim *sim, struct event *e, uint64_t in_us)
{
	/* events of the same microsecond happen in the order they were made */
	if (heap_set(&sim->events, &e->at, (sim->now_us + in_us) << 16 | (sim->n_events++ & 0xffff)))
		abort();
}

struct event *sim_event(enum event_type type, unsigned to, size_t len)
{
	struct event *e = calloc(1, sizeof(*e) + len);

	if (!e)
		abort();
	e->type = type;
	e->to = to;
	e->len = len;
	return e;
}

/* ---- the network ---- */

/* Whom one meets on the way. */
static void meet(const struct sim *sim, struct flow *flow, unsigned at, struct in_addr dest)
{
	flow->first = dest;
	for (unsigned i = 0; i < flow->n_links; i++) {
		const struct topo_link *l = &sim->topo->link[flow->link[i]];
		const struct topo_node *node;

		at = l->a.node == at ? l->b.node : l->a.node;
		node = &sim->topo->node[at];
		flow->plain += node->what == TOPO_PLAIN;
		if (flow->first.s_addr == dest.s_addr && node->what == TOPO_CONTROLLER && node->kind != ELEMENT_SWITCH)
			flow->first = topo_control(node);
	}
}

struct flow *sim_flow(struct sim *sim, struct in_addr from, struct in_addr dest)
{
	uint64_t key = (uint64_t)from.s_addr << 32 | dest.s_addr;
	struct flow *flow = map_get(&sim->flows, key);
	int a, b;

	if (flow)
		return flow;
	flow = calloc(1, sizeof(*flow));
	if (!flow)
		abort();
	a = topo_owner(sim->topo, from);
	b = topo_owner(sim->topo, dest);
	if (a >= 0 && b >= 0) {
		flow->n_links = topo_way(sim->topo, (unsigned)a, (unsigned)b, flow->link,
					 sizeof(flow->link) / sizeof(flow->link[0]));
		meet(sim, flow, (unsigned)a, dest);
	}
	map_put(&sim->flows, key, flow);
	return flow;
}

int sim_passes(struct sim *sim, struct in_addr from, struct in_addr dest)
{
	const struct flow *flow = sim_flow(sim, from, dest);

	for (unsigned i = 0; i < flow->n_links; i++)
		if (sim->cut[flow->link[i]])
			return 0;
	return 1;
}

static const char *name_of(const struct sim *sim, struct in_addr addr, char out[ADDR_TEXT])
{
	int at = topo_owner(sim->topo, addr);

	return at < 0 ? addr_text(addr, out) : sim->topo->node[at].name;
}

/* "Path 7 icorp 3 revision 1 (srv1 srv2)": type, message id, session, endpoints. */
static void describe(const struct sim *sim, const struct rsvp_msg *msg, char *out, size_t room)
{
	char addr[ADDR_TEXT];
	size_t at = (size_t)snprintf(out, room, "%s", rsvp_type_name(msg->type));

	if (msg->has & RSVP_HAS_ID)
		at += (size_t)snprintf(out + at, room - at, " %u", msg->id.id);
	if (msg->session.icorp)
		at += (size_t)snprintf(out + at, room - at, " icorp %u revision %u", msg->session.icorp, msg->template_.lsp_id);
	for (unsigned i = 0; i < msg->s2l.n && at + 80 < room; i++)
		at += (size_t)snprintf(out + at, room - at, "%s%s%s", i ? " " : " (", name_of(sim, msg->s2l.v[i].addr, addr),
				       i + 1 == msg->s2l.n ? ")" : "");
	for (unsigned i = 0; i < msg->ids.n && at + 80 < room; i++)
		at += (size_t)snprintf(out + at, room - at, " %u", msg->ids.v[i]);
	for (unsigned i = 0; i < msg->acks.n && at + 80 < room; i++)
		at += (size_t)snprintf(out + at, room - at, " %s%u", msg->acks.v[i].nack ? "not " : "", msg->acks.v[i].id.id);
}

static void trace_message(struct sim *sim, struct in_addr from, struct in_addr dest, const uint8_t *data, size_t len,
			  const char *what)
{
	char a[ADDR_TEXT], b[ADDR_TEXT], text[512];
	struct rsvp_msg msg = { 0 };

	if (!sim->trace)
		return;
	if (!rsvp_decode(data, len, RSVP_ENTERPRISE, &msg, NULL)) {
		describe(sim, &msg, text, sizeof(text));
		sim_trace(sim, "%s -> %s  %s%s", name_of(sim, from, a), name_of(sim, dest, b), text, what);
	}
	rsvp_msg_free(&msg);
}

void sim_transmit(struct sim *sim, struct in_addr from, struct in_addr dest, const uint8_t *data, size_t len)
{
	int to = topo_owner(sim->topo, dest);
	struct isc *isc = to < 0 ? map_get(&sim->iscs, dest.s_addr) : NULL;
	int copies = sim_random(sim, 1000) < sim->faults.duplicate_permille ? 2 : 1;

	sim->messages++;
	if ((to < 0 && !isc) || sim_random(sim, 1000) < sim->faults.loss_permille || !sim_passes(sim, from, dest)) {
		trace_message(sim, from, dest, data, len, ": lost");
		return;
	}
	while (copies--) {
		struct event *e = sim_event(EVENT_DATAGRAM, to < 0 ? 0 : (unsigned)to, len);

		e->sequence = sim->messages;
		e->from = from;
		e->dest = dest;
		e->isc = isc;
		memcpy(e->data, data, len);
		sim_event_add(sim, e, sim_between(sim, sim->faults.delay_min_us, sim->faults.delay_max_us));
	}
}

/* What the neighbour layer does with INTEGRITY's sequence numbers: a datagram older than one already taken is dropped. */
static int replayed(const struct sim *sim, struct flow *flow, const struct event *e)
{
	unsigned life = e->isc ? 1 : sim->ctl[e->to].life;

	if (flow->life != life)
		flow->sequence = 0; /* whoever starts anew knows none */
	flow->life = life;
	if (e->sequence <= flow->sequence)
		return !sim->faults.unordered;
	flow->sequence = e->sequence;
	return 0;
}

void sim_transmit_message(struct sim *sim, struct in_addr from, struct in_addr dest, const struct rsvp_msg *msg)
{
	uint8_t buffer[RSVP_MAX_SIZE];
	int len = rsvp_encode(msg, RSVP_ENTERPRISE, NULL, buffer, sizeof(buffer));

	if (len < 0)
		sim_violate(sim, "a %s cannot be encoded", rsvp_type_name(msg->type));
	else
		sim_transmit(sim, from, dest, buffer, (size_t)len);
}

static void deliver(struct sim *sim, const struct event *e)
{
	struct flow *flow = sim_flow(sim, e->from, e->dest);
	struct controller *c = &sim->ctl[e->to];

	if (!e->isc && !c->core) {
		trace_message(sim, e->from, e->dest, e->data, e->len, ": nobody there");
		return;
	}
	if (replayed(sim, flow, e)) {
		trace_message(sim, e->from, e->dest, e->data, e->len, ": old, dropped");
		return;
	}
	trace_message(sim, e->from, e->dest, e->data, e->len, "");
	if (e->isc) {
		if (e->isc->alive)
			sim_isc_input(sim, e->isc, e);
		return;
	}
	if (flow->port_known != sim->map_known) {
		flow->port = nexthop_port_of(&c->nexthops, e->from);
		flow->port_known = sim->map_known;
	}
	controller_datagram(sim, c, e, flow->port);
}

/* ---- running ---- */

static void happen(struct sim *sim, struct event *e)
{
	struct controller *c = &sim->ctl[e->to];
	int same_life = e->type != EVENT_LINK && e->type != EVENT_DATAGRAM && c->core && c->life == e->life;

	switch (e->type) {
	case EVENT_DATAGRAM:
		deliver(sim, e);
		break;
	case EVENT_APPLIED:
		if (same_life)
			sim_applied(sim, e);
		break;
	case EVENT_LOST:
		if (same_life)
			controller_lost(sim, c, e);
		break;
	case EVENT_CONTRACT:
		if (same_life)
			controller_contract(sim, c, e);
		break;
	case EVENT_ISC:
		if (e->isc->alive)
			sim_isc_refresh(sim, e->isc);
		break;
	case EVENT_RESTART:
		if (!c->core && c->life == e->life)
			sim_restart(sim, e->to);
		break;
	case EVENT_AUDIT:
		if (same_life)
			sim_audit(sim, c);
		break;
	case EVENT_REGISTER:
		if (same_life)
			sim_register(sim, e->to);
		break;
	case EVENT_LINK:
		sim_link_back(sim, e->to);
		break;
	case EVENT_ROUTES:
		sim_reroute(sim, e->to);
		break;
	}
}

unsigned sim_run(struct sim *sim, uint64_t until_us)
{
	for (;;) {
		struct heap_entry *e = heap_top(&sim->events), *t = heap_top(&sim->timers);
		uint64_t event_us = e ? e->key >> 16 : UINT64_MAX, timer_us = t ? t->key : UINT64_MAX;
		uint64_t at = event_us < timer_us ? event_us : timer_us;

		if (at > until_us && sim->next_look_us > until_us)
			break;
		if (sim->next_look_us < at) {
			sim->now_us = sim->next_look_us;
			sim->next_look_us += LOOK_US;
			if (++sim->looks % 10)
				check_owners(sim);
			else
				check_everything(sim);
			continue;
		}
		if (at > sim->now_us)
			sim->now_us = at;
		if (event_us <= timer_us) {
			heap_remove(&sim->events, e);
			happen(sim, (struct event *)e);
			free(e);
		} else {
			controller_tick(sim, (struct controller *)t);
		}
	}
	sim->now_us = until_us;
	return sim->violations;
}

/* ---- life ---- */

struct sim *sim_new(const struct topo *topo, uint64_t seed, const struct sim_faults *faults)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	if (!sim || !(sim->ctl = calloc(topo->n_nodes + 1, sizeof(*sim->ctl))) ||
	    !(sim->cut = calloc(topo->n_links + 1, sizeof(*sim->cut))))
		abort();
	sim->topo = topo;
	sim->faults = *faults;
	sim->setup = sim->holding = 4;
	sim->now_us = CLOCK_S;
	sim->next_look_us = sim->now_us + LOOK_US;
	sim->map_known = 1;
	sim->random = (seed + 1) * 0x9e3779b97f4a7c15ull;
	if (!sim->random)
		sim->random = 1;
	for (int i = 0; i < 8; i++)
		sim_random(sim, 0);
	for (unsigned i = 0; i < topo->n_nodes; i++) {
		struct controller *c = &sim->ctl[i];

		c->node = &topo->node[i];
		c->enrolled = 1;
		if (c->node->what == TOPO_CONTROLLER &&
		    (topo_nexthops(topo, c->node, &c->nexthops) || controller_start(sim, c)))
			abort();
	}
	return sim;
}

static void free_values(struct map *map)
{
	void *value;

	for (size_t at = 0; (value = map_next(map, &at));)
		free(value);
	map_free(map);
}

void sim_free(struct sim *sim)
{
	struct heap_entry *e;
	struct installed *has;
	struct icorp *icorp;

	if (!sim)
		return;
	while ((e = heap_top(&sim->events))) {
		heap_remove(&sim->events, e);
		free(e);
	}
	for (unsigned i = 0; i < sim->topo->n_nodes; i++)
		controller_free(&sim->ctl[i]);
	for (size_t at = 0; (has = map_next(&sim->installed, &at));) {
		plan_clear(&has->terms);
		free(has->text);
	}
	for (size_t at = 0; (icorp = map_next(&sim->icorps, &at));) {
		contract_unref(icorp->contract);
		contract_unref(icorp->next);
	}
	while (sim->all_iscs) {
		struct isc *isc = sim->all_iscs;

		sim->all_iscs = isc->next;
		rsvp_msg_free(&isc->told);
		free(isc);
	}
	free_values(&sim->installed);
	free_values(&sim->icorps);
	free_values(&sim->flows);
	map_free(&sim->iscs);
	heap_free(&sim->events);
	heap_free(&sim->timers);
	rsvp_msg_free(&sim->msg);
	free(sim->cut);
	free(sim->ctl);
	free(sim);
}

void sim_set_faults(struct sim *sim, const struct sim_faults *faults)
{
	sim->faults = *faults;
}
