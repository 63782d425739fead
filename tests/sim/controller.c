/*
 * One controller of the simulation: the shipped core, what goes into it, and what it wants done. No other file here calls
 * the core. Each controller reads its own clock, which has its own offset and rate.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/internal.h"

#define MILLION 1000000

uint64_t controller_now(const struct sim *sim, const struct controller *c)
{
	return (uint64_t)((int64_t)sim->now_us + c->offset_us + (int64_t)sim->now_us / MILLION * c->ppm +
			  (int64_t)sim->now_us % MILLION * c->ppm / MILLION);
}

/* When its clock will show `at`. */
static uint64_t when(const struct sim *sim, const struct controller *c, uint64_t at)
{
	uint64_t now = controller_now(sim, c), in = at > now ? at - now : 0;

	if (at == UINT64_MAX)
		return UINT64_MAX;
	if (c->ppm)
		in = in * MILLION / (uint64_t)(MILLION + c->ppm) + 1; /* never too early */
	return sim->now_us + in;
}

static void set_timer(struct sim *sim, struct controller *c)
{
	uint64_t at = when(sim, c, core_next(c->core));

	if (at == UINT64_MAX)
		heap_remove(&sim->timers, &c->timer);
	else if (heap_set(&sim->timers, &c->timer, at))
		abort();
}

/* ---- what it wants done ---- */

/* The previous hop is asked for a contract, over TCP: it comes, or the connection fails. */
static void fetch(struct sim *sim, struct controller *c, const struct core_action *a)
{
	struct event *e = sim_event(EVENT_CONTRACT, (unsigned)(c - sim->ctl), SHA256_SIZE);

	e->life = c->life;
	e->from = a->to;
	e->key = a->key;
	memcpy(e->data, a->digest, SHA256_SIZE);
	sim_event_add(sim, e, 2 * sim_between(sim, sim->faults.delay_min_us, sim->faults.delay_max_us));
}

/* Of a revision that was to replace what stands. */
static void report_next(struct sim *sim, struct icorp *icorp, enum leader_state state)
{
	if (state == LEADER_SIGNALING)
		return;
	sim_trace(sim, "icorp %u: revision %u is %s", icorp->contract->id, icorp->next->revision, leader_state_name(state));
	if (state == LEADER_FAILED) {
		contract_unref(icorp->next);
	} else {
		contract_unref(icorp->contract);
		icorp->contract = icorp->next;
		icorp->reported = state;
	}
	icorp->next = NULL;
}

/* The gatekeeper hears from a leader. */
static void report(struct sim *sim, struct adaptor_key key, uint16_t revision, enum leader_state state)
{
	struct icorp *icorp = map_get(&sim->icorps, key.icorp);

	if (!icorp || !icorp->wanted)
		return;
	if (icorp->next && icorp->next->revision == revision) {
		report_next(sim, icorp, state);
		return;
	}
	if (icorp->contract->revision != revision)
		return;
	if (state == LEADER_FAILED && icorp->next) { /* it was begun anew, and refused; the newer one may yet do */
		contract_unref(icorp->contract);
		icorp->contract = icorp->next;
		icorp->next = NULL;
		state = LEADER_SIGNALING;
	}
	if (icorp->reported != state)
		sim_trace(sim, "icorp %u: %s -> %s", key.icorp, leader_state_name(icorp->reported), leader_state_name(state));
	icorp->reported = state;
	if (state == LEADER_FAILED)
		icorp->wanted = 0;
}

/* Who was preempted is not what it was before, by right: an ICorp that a restarted leader asks for again may take growth. */
static void refused(struct sim *sim, const struct controller *c, const struct core_action *a)
{
	struct icorp *icorp = map_get(&sim->icorps, a->key.icorp);

	sim_trace(sim, "%s: icorp %u: %s", c->node->name, a->key.icorp, core_action_text(&c->actions, a));
	if (icorp && a->code == RSVP_ERR_POLICY)
		icorp->steady = 0;
}

static void act(struct sim *sim, struct controller *c, const struct core_action *a)
{
	switch (a->type) {
	case CORE_SEND:
		if (a->isc != (topo_owner(sim->topo, a->to) < 0))
			sim_violate(sim, "%s sends a %s the wrong way: to an ISC, or not", c->node->name,
				    rsvp_type_name(a->message_type));
		sim_transmit(sim, core_config(c->core)->address,
			     a->beyond ? sim_flow(sim, core_config(c->core)->address, a->to)->first : a->to, core_action_message(&c->actions, a), a->len);
		break;
	case CORE_APPLY:
		if (probe_asked(a->session)) /* it may have been taken back, or closed, since */
			sim_apply(sim, c, a);
		break;
	case CORE_RENEW:
		if (core_renews(a))
			sim_renew(sim, c, a);
		break;
	case CORE_REVOKE:
		sim_revoke(sim, c, a->key);
		break;
	case CORE_FETCH:
		fetch(sim, c, a);
		break;
	case CORE_REPORT:
		report(sim, a->key, probe_revision(a->session), leader_state(a->session));
		break;
	case CORE_RECOVERED:
		sim_audit(sim, c);
		break;
	case CORE_REFUSAL:
		refused(sim, c, a);
		break;
	case CORE_CLOSED:
	case CORE_STATE:
		break;
	}
}

/* Carries out what the input led to and checks what it touched: the session it was for, and all that it acted on. */
static void settle(struct sim *sim, struct controller *c, const struct adaptor_key *key)
{
	for (unsigned i = 0; i < c->actions.n; i++)
		act(sim, c, &c->actions.v[i]);
	restart_capacity(sim, c, c->actions.v, c->actions.n);
	if (key)
		check_touched(sim, c, *key, key);
	for (unsigned i = 0; i < c->actions.n; i++) {
		struct adaptor_key touched = c->actions.v[i].key;

		if (c->actions.v[i].type == CORE_SEND)
			continue;
		if ((i || !key || touched.icorp != key->icorp) && (!i || touched.icorp != c->actions.v[i - 1].key.icorp))
			check_touched(sim, c, touched, key);
	}
	core_actions_clear(&c->actions);
	core_flush(c->core, controller_now(sim, c), &c->actions);
	for (unsigned i = 0; i < c->actions.n; i++)
		act(sim, c, &c->actions.v[i]);
	core_actions_clear(&c->actions);
	check_books(sim, c);
	set_timer(sim, c);
}

/* ---- what goes in ---- */

void controller_datagram(struct sim *sim, struct controller *c, const struct event *e, int port)
{
	struct core_from from = { e->from, port, map_get(&sim->iscs, e->from.s_addr) != NULL,
				  sim_flow(sim, e->from, e->dest)->plain };
	struct adaptor_key key;

	if (rsvp_decode(e->data, e->len, RSVP_ENTERPRISE, &sim->msg, NULL)) {
		sim_violate(sim, "%s cannot decode what it got", c->node->name);
		return;
	}
	key = (struct adaptor_key){ sim->msg.session.icorp, sim->msg.session.leader };
	core_message(c->core, &sim->msg, &from, NULL, controller_now(sim, c), &c->actions);
	settle(sim, c, &key);
}

void controller_contract(struct sim *sim, struct controller *c, const struct event *e)
{
	int at = topo_owner(sim->topo, e->from);
	struct controller *who = at < 0 || !sim_passes(sim, e->from, core_config(c->core)->address) ? NULL : &sim->ctl[at];
	struct contract *have = who && who->core ? core_contract_find(who->core, e->data) : NULL;

	sim_trace(sim, "%s: contract of icorp %u from %s: %s", c->node->name, e->key.icorp,
		  at < 0 ? "?" : sim->topo->node[at].name, have ? "here" : "not to be had");
	if (have)
		contract_ref(have);
	core_contract(c->core, e->from, e->data, have, "not to be had", controller_now(sim, c), &c->actions);
	contract_unref(have);
	settle(sim, c, &e->key);
}

void controller_applied(struct sim *sim, struct controller *c, const struct event *e, const struct adaptor_result *result)
{
	core_applied(c->core, e->key, e->cookie, result, controller_now(sim, c), &c->actions);
	settle(sim, c, &e->key);
}

void controller_lost(struct sim *sim, struct controller *c, const struct event *e)
{
	core_lost(c->core, e->key, controller_now(sim, c), &c->actions);
	settle(sim, c, &e->key);
}

void controller_reapply(struct sim *sim, struct controller *c)
{
	core_reapply(c->core, 1, controller_now(sim, c));
	set_timer(sim, c);
}

void controller_tick(struct sim *sim, struct controller *c)
{
	core_tick(c->core, controller_now(sim, c), &c->actions);
	settle(sim, c, NULL);
}

int controller_originate(struct sim *sim, struct controller *c, struct contract *contract)
{
	struct adaptor_key key = { contract->id, core_config(c->core)->address };
	int r = core_originate(c->core, contract, controller_now(sim, c), &c->actions);

	settle(sim, c, &key);
	return r;
}

void controller_withdraw(struct sim *sim, struct controller *c, uint32_t icorp)
{
	struct adaptor_key key = { icorp, core_config(c->core)->address };

	core_withdraw(c->core, icorp, controller_now(sim, c), &c->actions);
	settle(sim, c, &key);
}

void controller_routes(struct sim *sim, struct controller *c)
{
	core_routes(c->core, controller_now(sim, c), &c->actions);
	settle(sim, c, NULL);
}

/* ---- life ---- */

int controller_start(struct sim *sim, struct controller *c)
{
	const struct topo_node *node = c->node;
	struct core_config config = { .kind = node->kind, .address = topo_control(node),
				      .refresh_us = sim->topo->refresh_us, .multiplier = 3, .isc_start_us = 20 * CLOCK_S,
				      .contract_wait_us = CLOCK_S, .seed = sim_random(sim, UINT64_MAX),
				      .enterprise = RSVP_ENTERPRISE,
				      .epoch = (uint32_t)sim_random(sim, 0xffffff) + 1,
				      .instance = (uint32_t)sim_random(sim, INT32_MAX) + 1,
				      .hello_us = sim->topo->refresh_us, .expiry_rate = sim->topo->expiry_rate };

	snprintf(config.element, sizeof(config.element), "%s", node->name);
	snprintf(config.image[0], sizeof(config.image[0]), "%s", sim->topo->image);
	config.n_images = 1;
	if (node->kind == ELEMENT_SWITCH) {
		config.vlan_first = 100;
		config.vlan_last = 199;
	}
	memcpy(config.resource, node->resource, sizeof(config.resource));
	topo_ports(sim->topo, node, &config);
	c->core = core_new(&config, &c->nexthops);
	if (!c->core)
		return -1;
	c->nexthops.port_ctx = core_config(c->core);
	c->nexthops.port_name = topo_port_name;
	c->life++;
	restart_inventory(sim, c);
	set_timer(sim, c);
	return 0;
}

void controller_stop(struct sim *sim, struct controller *c)
{
	core_free(c->core);
	c->core = NULL;
	heap_remove(&sim->timers, &c->timer);
	check_forget(c);
}

void controller_free(struct controller *c)
{
	check_forget(c);
	map_free(&c->shadows);
	core_actions_free(&c->actions);
	core_free(c->core);
	nexthops_clear_routes(&c->nexthops);
	nexthops_clear_map(&c->nexthops);
}
