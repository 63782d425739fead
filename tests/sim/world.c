/*
 * What the controllers act on: technologies that remember what they were told, and ISCs that answer. Both outlive a
 * controller that crashes, and the adaptor's process that told them. What nobody renews times out there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/protocol.h"
#include "tests/sim/internal.h"

static struct installed *installed_at(const struct sim *sim, const struct controller *c, uint32_t icorp)
{
	return map_get(&sim->installed, sim_key((unsigned)(c - sim->ctl), icorp));
}

struct isc *sim_isc_of(const struct sim *sim, const char *server, uint32_t icorp)
{
	int node = topo_find(sim->topo, server);
	const struct installed *has = node < 0 ? NULL : installed_at(sim, &sim->ctl[node], icorp);

	return has && has->isc && has->isc->alive ? has->isc : NULL;
}

void sim_isc_dies(struct sim *sim, struct isc *isc)
{
	if (!isc->alive)
		return;
	isc->alive = 0;
	map_remove(&sim->iscs, isc->addr.s_addr);
}

/* ---- the technology: remembers what it was told ---- */

void sim_revoke(struct sim *sim, struct controller *c, struct adaptor_key key)
{
	struct installed *has = map_remove(&sim->installed, sim_key((unsigned)(c - sim->ctl), key.icorp));

	if (!has)
		return;
	if (restart_steady(sim, key.icorp))
		sim_violate(sim, "%s revokes icorp %u because a controller was restarted", c->node->name, key.icorp);
	sim_trace(sim, "%s: revoke icorp %u", c->node->name, key.icorp);
	change_revoked(sim, has);
	if (has->isc)
		sim_isc_dies(sim, has->isc);
	plan_clear(&has->terms);
	free(has->text);
	free(has);
}

static struct isc *start_isc(struct sim *sim, const struct installed *has, const struct topo_node *node)
{
	struct isc *isc = map_get(&sim->iscs, has->terms.isc.address.s_addr);

	if (isc)
		return isc;
	isc = calloc(1, sizeof(*isc));
	if (!isc)
		abort();
	isc->addr = has->terms.isc.address;
	isc->endpoint = topo_control(node);
	isc->key = has->key;
	isc->node = has->node;
	isc->alive = 1;
	isc->sequence = (uint32_t)(sim->now_us / CLOCK_S) * 100 + 1;
	isc->next = sim->all_iscs;
	sim->all_iscs = isc;
	map_put(&sim->iscs, isc->addr.s_addr, isc);
	return isc;
}

/* What the session wants now, also encoded, both for the caller to free. */
static void plan(struct controller *c, const struct core_action *action, struct adaptor_terms *terms, uint8_t **text,
		 size_t *len)
{
	struct plan_isc isc = { .port = RSVP_PORT };

	if (plan_terms(core_config(c->core), action->session, &isc, (uint32_t)(probe_lifetime(c->core) / CLOCK_S), terms) ||
	    terms_encode(terms, text, len))
		abort();
}

void sim_apply(struct sim *sim, struct controller *c, const struct core_action *action)
{
	struct event *e = sim_event(EVENT_APPLIED, (unsigned)(c - sim->ctl), 0);
	struct installed *has = installed_at(sim, c, action->key.icorp);
	uint64_t takes = sim_between(sim, sim->faults.apply_min_us, sim->faults.apply_max_us);
	struct adaptor_terms terms;
	int fresh = !has;
	uint8_t *text;
	size_t len;

	if (fresh) {
		has = calloc(1, sizeof(*has));
		if (!has)
			abort();
		has->key = action->key;
		has->node = (unsigned)(c - sim->ctl);
		map_put(&sim->installed, sim_key(has->node, has->key.icorp), has);
	}
	plan(c, action, &terms, &text, &len);
	if (!fresh)
		restart_applies(sim, c, has, &terms);
	change_applied(sim, has, &terms);
	plan_clear(&has->terms);
	free(has->text);
	has->terms = terms;
	has->shares = terms.isc.spec.cpu_shares;
	if (sim->faults.most_shares && has->shares > sim->faults.most_shares)
		has->shares = sim->faults.most_shares;
	has->text = text;
	has->len = len;
	has->renewed_us = sim->now_us;
	has->known = 1;
	has->refused = 0;
	core_set_adaptors(action->session, 1);
	if (has->terms.isc.present && fresh) /* a dead one is not started again by a renewal */
		has->isc = start_isc(sim, has, c->node);
	if (sim->faults.stall_permille && sim_random(sim, 1000) < sim->faults.stall_permille)
		takes += sim_random(sim, sim->faults.stall_us);
	sim_trace(sim, "%s: apply icorp %u, takes %.3f ms", c->node->name, action->key.icorp, (double)takes / 1e3);
	e->life = c->life;
	e->key = action->key;
	e->cookie = action->cookie;
	sim_event_add(sim, e, takes);
}

static void grants(const struct installed *has, struct adaptor_result *result)
{
	struct adaptor_grant *cpu = &result->grants[RESOURCE_CPU - 1];

	for (unsigned r = 1; r <= RESOURCE_MEMORY; r++)
		result->grants[result->n_grants++] = (struct adaptor_grant){
			.resource = (uint8_t)r, .outcome = OUTCOME_APPLIED, .enforcement = ENFORCEMENT_ENFORCED };
	if (!has || has->shares >= has->terms.isc.spec.cpu_shares)
		return;
	cpu->outcome = OUTCOME_PARTLY;
	cpu->level = has->shares;
	snprintf(cpu->reason, sizeof(cpu->reason), "this host has no more");
}

void sim_applied(struct sim *sim, const struct event *e)
{
	struct controller *c = &sim->ctl[e->to];
	struct installed *has = installed_at(sim, c, e->key.icorp);
	struct adaptor_result result = { 0 };

	if (sim_random(sim, 1000) < sim->faults.apply_fail_permille) {
		if (has)
			has->refused = 1;
		result.error = -EIO;
		snprintf(result.reason, sizeof(result.reason), "simulated failure");
		sim_trace(sim, "%s: icorp %u is not applied", c->node->name, e->key.icorp);
	} else {
		if (has) {
			has->known = 1; /* if the process died meanwhile, its successor was told */
			has->renewed_us = sim->now_us; /* it has only now been done */
		}
		grants(has, &result);
	}
	controller_applied(sim, c, e, &result);
}

/*
 * Only time has passed: what the adaptor has must be what the session wants. An adaptor that does not know it says so, and
 * is told all of it again.
 */
void sim_renew(struct sim *sim, struct controller *c, const struct core_action *action)
{
	struct installed *has = installed_at(sim, c, action->key.icorp);
	struct adaptor_terms terms;
	char what[256];
	struct event *e;
	uint8_t *text;
	size_t len;

	plan(c, action, &terms, &text, &len);
	if (has && (len != has->len || memcmp(text, has->text, len)))
		sim_violate(sim, "%s renews icorp %u, whose terms have changed (%s)", c->node->name, action->key.icorp,
			    restart_difference(&has->terms, &terms, what, sizeof(what)));
	plan_clear(&terms);
	free(text);
	if (has && has->known) {
		has->renewed_us = sim->now_us;
		return;
	}
	e = sim_event(EVENT_LOST, (unsigned)(c - sim->ctl), 0);
	e->life = c->life;
	e->key = action->key;
	sim_event_add(sim, e, CLOCK_MS);
}

/* As kernels' timeouts do: a quarter later than the controller's. */
int sim_lapsed(const struct sim *sim, const struct installed *has)
{
	return sim->now_us > has->renewed_us + has->terms.lifetime_s * CLOCK_S / 4 * 5;
}

void sim_adaptor_dies(struct sim *sim, unsigned node)
{
	struct installed *has;

	if (!sim->ctl[node].core)
		return;
	sim_trace(sim, "%s: its adaptor's process dies", sim->ctl[node].node->name);
	for (size_t at = 0; (has = map_next(&sim->installed, &at));)
		if (has->node == node)
			has->known = 0;
	controller_reapply(sim, &sim->ctl[node]);
}

/* What nobody claims goes, as in the daemon: one lifetime after the start, then every few minutes. */
void sim_audit(struct sim *sim, struct controller *c)
{
	struct event *again = sim_event(EVENT_AUDIT, (unsigned)(c - sim->ctl), 0);
	struct adaptor_key *orphan = NULL;
	const struct installed *has;
	size_t n = 0;

	for (size_t at = 0; (has = map_next(&sim->installed, &at));) {
		if (&sim->ctl[has->node] != c || probe_keeps(c->core, has->key))
			continue;
		orphan = realloc(orphan, (n + 1) * sizeof(*orphan));
		if (!orphan)
			abort();
		orphan[n++] = has->key;
	}
	sim_trace(sim, "%s: audit, %zu orphans", c->node->name, n);
	for (size_t i = 0; i < n; i++)
		sim_revoke(sim, c, orphan[i]);
	free(orphan);
	again->life = c->life;
	sim_event_add(sim, again, 300 * CLOCK_S);
}

/* ---- the ISC's controller ---- */

void sim_isc_resv(struct sim *sim, struct isc *isc)
{
	struct rsvp_load load = { .endpoint = isc->endpoint, .flags = RSVP_LOAD_UP, .cpu_permille = 100 };
	struct rsvp_msg *m = &sim->msg;

	rsvp_msg_clear(m);
	m->type = RSVP_RESV;
	m->ttl = 63;
	m->session = (struct rsvp_session){ isc->key.icorp, 0, isc->key.leader };
	m->hop = (struct rsvp_hop){ isc->addr, isc->lih };
	m->refresh_ms = (uint32_t)(sim->topo->refresh_us / 1000);
	m->style = RSVP_STYLE_SE;
	m->flow = isc->flow;
	m->template_ = isc->template_;
	m->has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_STYLE | RSVP_HAS_FLOWSPEC | RSVP_HAS_FILTER;
	rsvp_add_s2l(m, isc->endpoint, (struct in_addr){ 0 });
	rsvp_add_load(m, &load);
	for (unsigned i = 1; i <= RESOURCE_MAX; i++)
		if (isc->demand[i].sequence)
			rsvp_add_demand(m, &isc->demand[i]);
	sim_transmit_message(sim, isc->addr, isc->host, m);
}

void sim_isc_refresh(struct sim *sim, struct isc *isc)
{
	struct event *again = sim_event(EVENT_ISC, isc->node, 0);
	uint64_t r = sim->topo->refresh_us;

	sim_isc_resv(sim, isc);
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
		sim_isc_refresh(sim, isc);
}
