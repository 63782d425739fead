/*
 * What the controllers act on: technologies that remember what they were told, and ISCs that answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/internal.h"

struct isc *sim_isc_at(const struct sim *sim, struct in_addr addr)
{
	struct isc *isc = sim->iscs;

	while (isc && !(isc->alive && isc->addr.s_addr == addr.s_addr))
		isc = isc->next;
	return isc;
}

struct isc *sim_isc_of(const struct sim *sim, const char *server, uint32_t icorp)
{
	struct isc *isc = sim->iscs;
	int node = topo_find(sim->topo, server);

	while (isc && !(isc->alive && (int)isc->node == node && isc->key.icorp == icorp))
		isc = isc->next;
	return isc;
}

/* ---- the technology: remembers what it was told ---- */

static struct applied **applied_at(struct controller *c, struct adaptor_key key)
{
	struct applied **at = &c->applied;

	while (*at && ((*at)->key.icorp != key.icorp || (*at)->key.leader.s_addr != key.leader.s_addr))
		at = &(*at)->next;
	return at;
}

void sim_revoke(struct sim *sim, struct controller *c, struct adaptor_key key)
{
	struct applied **at = applied_at(c, key), *a = *at;

	for (struct isc *isc = sim->iscs; isc; isc = isc->next)
		if (isc->key.icorp == key.icorp && &sim->ctl[isc->node] == c)
			isc->alive = 0;
	if (!a)
		return;
	*at = a->next;
	plan_clear(&a->terms);
	free(a);
}

static void start_isc(struct sim *sim, struct controller *c, const struct adaptor_terms *terms)
{
	struct isc *isc;

	for (isc = sim->iscs; isc; isc = isc->next)
		if (isc->addr.s_addr == terms->isc.address.s_addr && isc->alive)
			return;
	isc = calloc(1, sizeof(*isc));
	if (!isc)
		abort();
	isc->addr = terms->isc.address;
	isc->endpoint = core_config(c->core)->address;
	isc->key = (struct adaptor_key){ terms->icorp, terms->leader };
	isc->node = (unsigned)(c - sim->ctl);
	isc->alive = 1;
	isc->sequence = (uint32_t)(sim->now_us / CLOCK_S) * 100 + 1;
	isc->next = sim->iscs;
	sim->iscs = isc;
}

void sim_apply(struct sim *sim, struct controller *c, const struct core_action *action)
{
	struct plan_isc isc = { .port = RSVP_PORT };
	struct event *e = sim_event(EVENT_APPLIED, (unsigned)(c - sim->ctl), 0);
	struct applied **at = applied_at(c, action->key);
	int fresh = !*at;

	if (fresh) {
		*at = calloc(1, sizeof(**at));
		if (!*at)
			abort();
		(*at)->key = action->key;
	}
	plan_clear(&(*at)->terms);
	if (plan_terms(core_config(c->core), action->session, &isc, 10, &(*at)->terms))
		abort();
	if ((*at)->terms.isc.present && fresh) /* a dead one is not started again by a renewal */
		start_isc(sim, c, &(*at)->terms);
	e->key = action->key;
	e->cookie = action->cookie;
	sim_event_add(sim, e, sim_between(sim, sim->faults.apply_min_us, sim->faults.apply_max_us));
}

/* ---- the ISC's controller ---- */

void sim_isc_resv(struct sim *sim, struct isc *isc)
{
	struct rsvp_load load = { .endpoint = isc->endpoint, .flags = RSVP_LOAD_UP, .cpu_permille = 100 };
	struct rsvp_msg *m = &sim->msg;
	struct event *again = sim_event(EVENT_ISC, isc->node, 0);
	uint64_t r = sim->topo->refresh_us;

	rsvp_msg_clear(m);
	m->type = RSVP_RESV;
	m->ttl = 63;
	m->session = (struct rsvp_session){ isc->key.icorp, 0, isc->key.leader };
	m->hop = (struct rsvp_hop){ isc->addr, isc->lih };
	m->refresh_ms = (uint32_t)(r / 1000);
	m->style = RSVP_STYLE_SE;
	m->flow = isc->flow;
	m->template_ = isc->template_;
	m->has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_STYLE | RSVP_HAS_FLOWSPEC | RSVP_HAS_FILTER;
	rsvp_add_s2l(m, isc->endpoint, (struct in_addr){ 0 });
	rsvp_add_load(m, &load);
	for (unsigned i = 1; i <= RESOURCE_MAX; i++)
		if (isc->demand[i].sequence)
			rsvp_add_demand(m, &isc->demand[i]);
	sim_transmit(sim, isc->addr, isc->host, m);
	again->isc = isc;
	sim_event_add(sim, again, r / 2 + sim_random(sim, r));
}

void sim_isc_input(struct sim *sim, struct isc *isc, const struct event *e)
{
	int first = !isc->heard;

	if (rsvp_decode(e->data, e->len, RSVP_ENTERPRISE, &isc->told, NULL)) {
		sim_violate(sim, "an ISC cannot decode what it got");
		return;
	}
	if (isc->told.type != RSVP_PATH)
		return;
	isc->heard = 1;
	isc->host = isc->told.hop.addr;
	isc->lih = isc->told.hop.lih;
	isc->template_ = isc->told.template_;
	isc->flow = isc->told.flow;
	for (unsigned g = 0; g < isc->told.grants.n; g++) {
		const struct rsvp_grant *grant = &isc->told.grants.v[g];

		if (grant->node.s_addr == isc->key.leader.s_addr && grant->resource <= RESOURCE_MAX &&
		    isc->demand[grant->resource].sequence == grant->sequence)
			isc->demand[grant->resource].sequence = 0; /* answered */
	}
	if (first)
		sim_isc_resv(sim, isc);
}
