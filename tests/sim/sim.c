/*
 * The simulator's engine. See sim.h. Everything that happens is an event in one heap: a datagram arrives, an adaptor is
 * done, an ISC refreshes; a controller's timer is in another. Messages travel as encoded bytes, so the codec is part of
 * every run.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/internal.h"

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

void sim_violate(struct sim *sim, const char *fmt, ...)
{
	va_list args;

	if (!sim->violations++) {
		int at = snprintf(sim->violation, sizeof(sim->violation), "at %.6f s: ", (double)sim->now_us / 1e6);

		va_start(args, fmt);
		vsnprintf(sim->violation + at, sizeof(sim->violation) - (size_t)at, fmt, args);
		va_end(args);
	}
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

/* ---- invariants: after every input, on the controller it went to ---- */

static void check(struct sim *sim, const struct controller *c)
{
	const struct core_config *config = core_config(c->core);
	uint64_t sum[CORE_MAX_PORTS] = { 0 }, used[RESOURCE_MAX + 1] = { 0 };

	for (const struct session *s = core_session_next(c->core, NULL); s; s = core_session_next(c->core, s)) {
		for (unsigned h = 0; h < s->n_holds; h++)
			sum[s->hold[h].port] += s->hold[h].bps;
		for (unsigned i = 0; i < s->n_leaves; i++)
			for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++)
				used[r] += leaf_level(&s->leaf[i], r);
	}
	for (unsigned p = 0; p < config->n_ports; p++) {
		if (config->port[p].reserved_bps > config->port[p].capacity_bps)
			sim_violate(sim, "%s: %s is oversubscribed", c->node->name, config->port[p].ifname);
		if (config->port[p].reserved_bps != sum[p])
			sim_violate(sim, "%s: %s: books say %lu, sessions hold %lu", c->node->name,
				    config->port[p].ifname, config->port[p].reserved_bps, sum[p]);
	}
	for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++) {
		if (config->resource[r].capacity && config->resource[r].used > config->resource[r].capacity)
			sim_violate(sim, "%s: %s is oversubscribed", c->node->name, resource_name(r));
		if (config->resource[r].used != used[r])
			sim_violate(sim, "%s: %s: books differ from sessions", c->node->name, resource_name(r));
	}
}

/* ---- sending ---- */

static int owner_of(const struct sim *sim, struct in_addr addr)
{
	for (unsigned i = 0; i < sim->topo->n_nodes; i++) {
		const struct topo_node *n = &sim->topo->node[i];

		if (n->bridge.addr.s_addr == addr.s_addr)
			return (int)i;
		for (unsigned k = 0; k < n->n_ifaces; k++)
			if (n->iface[k].addr.addr.s_addr == addr.s_addr)
				return (int)i;
	}
	return -1;
}

void sim_transmit(struct sim *sim, struct in_addr from, struct in_addr dest, const struct rsvp_msg *msg)
{
	uint8_t buffer[RSVP_MAX_SIZE];
	int len = rsvp_encode(msg, RSVP_ENTERPRISE, NULL, buffer, sizeof(buffer)), to = owner_of(sim, dest);
	struct isc *isc = to < 0 ? sim_isc_at(sim, dest) : NULL;
	int copies = sim_random(sim, 1000) < sim->faults.duplicate_permille ? 2 : 1;

	sim->messages++;
	if (len < 0) {
		sim_violate(sim, "a %s cannot be encoded", rsvp_type_name(msg->type));
		return;
	}
	if ((to < 0 && !isc) || sim_random(sim, 1000) < sim->faults.loss_permille)
		return;
	while (copies--) {
		struct event *e = sim_event(EVENT_DATAGRAM, to < 0 ? 0 : (unsigned)to, (size_t)len);

		e->sequence = sim->messages;
		e->from = from;
		e->dest = dest;
		e->isc = isc;
		memcpy(e->data, buffer, (size_t)len);
		sim_event_add(sim, e, sim_between(sim, sim->faults.delay_min_us, sim->faults.delay_max_us));
	}
}

void sim_act(struct sim *sim, struct controller *c)
{
	for (unsigned i = 0; i < c->actions.n; i++) {
		const struct core_action *a = &c->actions.v[i];

		switch (a->type) {
		case CORE_SEND:
			sim_transmit(sim, core_config(c->core)->address, a->to, a->msg);
			break;
		case CORE_APPLY:
			if (!a->session->closing)
				sim_apply(sim, c, a);
			break;
		case CORE_REVOKE:
			sim_revoke(sim, c, a->key);
			break;
		default:
			break;
		}
	}
	core_actions_clear(&c->actions);
	check(sim, c);
	if (core_next(c->core) == UINT64_MAX)
		heap_remove(&sim->timers, &c->timer);
	else if (heap_set(&sim->timers, &c->timer, core_next(c->core)))
		abort();
}

/* ---- running ---- */

/* What the peer layer does with INTEGRITY's sequence numbers: a datagram older than one already taken is dropped. */
static int replayed(struct sim *sim, const struct event *e)
{
	size_t i = 0;

	while (i < sim->n_seen && (sim->seen[i].from.s_addr != e->from.s_addr || sim->seen[i].dest.s_addr != e->dest.s_addr))
		i++;
	if (i == sim->n_seen) {
		sim->seen = realloc(sim->seen, (i + 1) * sizeof(*sim->seen));
		if (!sim->seen)
			abort();
		sim->n_seen++;
		sim->seen[i].from = e->from;
		sim->seen[i].dest = e->dest;
		sim->seen[i].sequence = 0;
	}
	if (e->sequence <= sim->seen[i].sequence)
		return 1;
	sim->seen[i].sequence = e->sequence;
	return 0;
}

static void deliver(struct sim *sim, struct event *e)
{
	struct controller *c = &sim->ctl[e->to];
	struct core_from from = { e->from, CORE_PORT_NONE, sim_isc_at(sim, e->from) != NULL };
	struct contract *contract = NULL;

	if (replayed(sim, e))
		return;
	if (e->isc) {
		if (e->isc->alive)
			sim_isc_input(sim, e->isc, e);
		return;
	}
	if (!c->core)
		return;
	if (rsvp_decode(e->data, e->len, RSVP_ENTERPRISE, &sim->msg, NULL)) {
		sim_violate(sim, "%s cannot decode what it got", c->node->name);
		return;
	}
	from.port = nexthop_port_of(&c->nexthops, e->from);
	core_message(c->core, &sim->msg, &from, contract, sim->now_us, &c->actions);
	/* pulls are instant here: the contract is in the leader's hands */
	for (unsigned i = 0; i < c->actions.n; i++) {
		struct contract *have = NULL;

		if (c->actions.v[i].type != CORE_FETCH)
			continue;
		for (unsigned k = 0; k < sim->topo->n_nodes && !have; k++)
			if (sim->ctl[k].core)
				have = core_contract_find(sim->ctl[k].core, c->actions.v[i].digest);
		uint8_t digest[SHA256_SIZE];

		memcpy(digest, c->actions.v[i].digest, sizeof(digest));
		if (have)
			contract_ref(have);
		core_contract(c->core, digest, have, "gone", sim->now_us, &c->actions);
		contract_unref(have);
	}
	sim_act(sim, c);
}

static void applied(struct sim *sim, const struct event *e)
{
	struct controller *c = &sim->ctl[e->to];
	struct adaptor_result result = { 0 };

	if (sim_random(sim, 1000) < sim->faults.apply_fail_permille) {
		result.error = -EIO;
		snprintf(result.reason, sizeof(result.reason), "simulated failure");
	} else {
		for (unsigned r = 1; r <= RESOURCE_MEMORY; r++)
			result.grants[result.n_grants++] = (struct adaptor_grant){
				.resource = (uint8_t)r, .outcome = OUTCOME_APPLIED, .enforcement = ENFORCEMENT_ENFORCED };
	}
	core_applied(c->core, e->key, e->cookie, &result, sim->now_us, &c->actions);
	sim_act(sim, c);
}

static void happen(struct sim *sim, struct event *e)
{
	switch (e->type) {
	case EVENT_DATAGRAM:
		deliver(sim, e);
		break;
	case EVENT_APPLIED:
		applied(sim, e);
		break;
	case EVENT_ISC:
		if (e->isc->alive)
			sim_isc_resv(sim, e->isc);
		break;
	}
}

unsigned sim_run(struct sim *sim, uint64_t until_us)
{
	for (;;) {
		struct heap_entry *e = heap_top(&sim->events), *t = heap_top(&sim->timers);
		uint64_t event_us = e ? e->key >> 16 : UINT64_MAX, timer_us = t ? t->key : UINT64_MAX;
		uint64_t at = event_us < timer_us ? event_us : timer_us;

		if (at > until_us)
			break;
		if (at > sim->now_us)
			sim->now_us = at;
		if (event_us <= timer_us) {
			heap_remove(&sim->events, e);
			happen(sim, (struct event *)e);
			free(e);
		} else {
			struct controller *c = (struct controller *)t;

			core_tick(c->core, sim->now_us, &c->actions);
			sim_act(sim, c);
		}
	}
	sim->now_us = until_us;
	return sim->violations;
}

/* ---- life ---- */

struct sim *sim_new(const struct topo *topo, uint64_t seed, const struct sim_faults *faults)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	if (!sim || !(sim->ctl = calloc(topo->n_nodes, sizeof(*sim->ctl))))
		abort();
	sim->topo = topo;
	sim->faults = *faults;
	sim->now_us = CLOCK_S;
	sim->random = (seed + 1) * 0x9e3779b97f4a7c15ull;
	for (int i = 0; i < 8; i++)
		sim_random(sim, 0);
	for (unsigned i = 0; i < topo->n_nodes; i++) {
		const struct topo_node *node = &topo->node[i];
		struct controller *c = &sim->ctl[i];
		struct core_config config = { .kind = node->kind, .address = topo_control(node),
					      .refresh_us = topo->refresh_us, .multiplier = 3, .isc_start_us = 20 * CLOCK_S,
					      .contract_wait_us = CLOCK_S, .seed = sim_random(sim, UINT64_MAX) };

		c->node = node;
		if (node->what != TOPO_CONTROLLER)
			continue;
		snprintf(config.element, sizeof(config.element), "%s", node->name);
		snprintf(config.image[0], sizeof(config.image[0]), "%s", topo->image);
		config.n_images = 1;
		if (node->kind == ELEMENT_SWITCH) {
			config.vlan_first = 100;
			config.vlan_last = 199;
		}
		memcpy(config.resource, node->resource, sizeof(config.resource));
		topo_ports(topo, node, &config);
		if (topo_nexthops(topo, node, &c->nexthops) || !(c->core = core_new(&config, &c->nexthops)))
			abort();
	}
	for (unsigned i = 0; i < topo->n_nodes; i++) {
		struct controller *c = &sim->ctl[i];

		if (c->core) {
			c->nexthops.port_ctx = core_config(c->core);
			c->nexthops.port_name = topo_port_name;
		}
	}
	return sim;
}

void sim_free(struct sim *sim)
{
	struct heap_entry *e;

	if (!sim)
		return;
	while ((e = heap_top(&sim->events))) {
		heap_remove(&sim->events, e);
		free(e);
	}
	for (unsigned i = 0; i < sim->topo->n_nodes; i++) {
		struct controller *c = &sim->ctl[i];

		while (c->applied)
			sim_revoke(sim, c, c->applied->key);
		core_actions_free(&c->actions);
		core_free(c->core);
		nexthops_clear_routes(&c->nexthops);
		nexthops_clear_map(&c->nexthops);
	}
	while (sim->iscs) {
		struct isc *isc = sim->iscs;

		sim->iscs = isc->next;
		rsvp_msg_free(&isc->told);
		free(isc);
	}
	heap_free(&sim->events);
	heap_free(&sim->timers);
	rsvp_msg_free(&sim->msg);
	free(sim->seen);
	free(sim->ctl);
	free(sim);
}

void sim_set_faults(struct sim *sim, const struct sim_faults *faults)
{
	sim->faults = *faults;
}
