/* What a test may look at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signald/leader.h"
#include "tests/sim/internal.h"

struct controller *sim_controller(const struct sim *sim, const char *element)
{
	int at = topo_find(sim->topo, element);

	return at < 0 || !sim->ctl[at].core ? NULL : &sim->ctl[at];
}

unsigned sim_violations(const struct sim *sim)
{
	return sim->violations;
}

const char *sim_violation(const struct sim *sim)
{
	return sim->violation;
}

uint64_t sim_messages(const struct sim *sim)
{
	return sim->messages;
}

const struct core *sim_core(const struct sim *sim, const char *element)
{
	const struct controller *c = sim_controller(sim, element);

	return c ? c->core : NULL;
}

int sim_complete(const struct sim *sim, const char *leader, uint32_t icorp)
{
	const struct controller *c = sim_controller(sim, leader);
	const struct session *s = core_session(c->core, icorp, core_config(c->core)->address);

	return s && leader_state(s) == LEADER_COMPLETE;
}

unsigned sim_leftovers(struct sim *sim)
{
	unsigned left = 0;

	for (unsigned i = 0; i < sim->topo->n_nodes; i++) {
		const struct controller *c = &sim->ctl[i];

		if (!c->core)
			continue;
		left += (unsigned)core_sessions(c->core) + (c->applied != NULL);
		for (unsigned p = 0; p < core_config(c->core)->n_ports; p++)
			left += core_config(c->core)->port[p].reserved_bps != 0;
		for (unsigned r = 0; r <= RESOURCE_MAX; r++)
			left += core_config(c->core)->resource[r].used != 0;
		for (unsigned v = 0; v < sizeof(c->core->vlan_used); v++)
			left += c->core->vlan_used[v] != 0;
		if (left && !*sim->left)
			snprintf(sim->left, sizeof(sim->left), "%s: %zu sessions%s", c->node->name, core_sessions(c->core),
				 c->applied ? ", applied terms" : "");
	}
	for (const struct isc *isc = sim->iscs; isc; isc = isc->next) {
		if (isc->alive && !left++)
			snprintf(sim->left, sizeof(sim->left), "the ISC of %u on %s", isc->key.icorp,
				 sim->ctl[isc->node].node->name);
	}
	if (left)
		sim_violate(sim, "%u things are left; first %s", left, sim->left);
	return left;
}

static const struct adaptor_terms *terms_of(const struct sim *sim, const char *element, uint32_t icorp)
{
	const struct controller *c = sim_controller(sim, element);

	for (const struct applied *a = c ? c->applied : NULL; a; a = a->next)
		if (a->key.icorp == icorp)
			return &a->terms;
	return NULL;
}

uint64_t sim_applied_rate(const struct sim *sim, const char *element, uint32_t icorp, const char *port)
{
	const struct adaptor_terms *terms = terms_of(sim, element, icorp);

	for (unsigned i = 0; terms && i < terms->n_ports; i++)
		if (!strcmp(terms->ports[i].ifname, port))
			return terms->ports[i].rate_bps;
	return 0;
}

uint64_t sim_applied_cpu(const struct sim *sim, const char *element, uint32_t icorp)
{
	const struct adaptor_terms *terms = terms_of(sim, element, icorp);

	return terms && terms->isc.present ? terms->isc.spec.cpu_shares : 0;
}

const struct rsvp_grant *sim_told(const struct sim *sim, const char *server, uint32_t icorp, const char *by,
				  uint32_t sequence)
{
	const struct isc *isc = sim_isc_of(sim, server, icorp);

	for (unsigned g = 0; isc && g < isc->told.grants.n; g++)
		if (isc->told.grants.v[g].sequence == sequence && !strcmp(isc->told.grants.v[g].element, by))
			return &isc->told.grants.v[g];
	return NULL;
}

uint64_t sim_price(const struct sim *sim, const char *server, uint32_t icorp)
{
	const struct isc *isc = sim_isc_of(sim, server, icorp);

	return isc ? isc->told.price.micro : 0;
}
