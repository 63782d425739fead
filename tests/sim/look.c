/* What a test may look at. */
#include <string.h>

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

	return c && probe_leader(c->core, (struct adaptor_key){ icorp, core_config(c->core)->address }) == LEADER_COMPLETE;
}

void sim_count(const struct sim *sim, unsigned *standing, unsigned *refused)
{
	const struct icorp *icorp;

	*standing = *refused = 0;
	for (size_t at = 0; (icorp = map_next(&sim->icorps, &at));) {
		*standing += icorp->wanted && (icorp->reported == LEADER_COMPLETE || icorp->reported == LEADER_DEGRADED);
		*refused += icorp->reported == LEADER_FAILED;
	}
}

static const struct adaptor_terms *terms_of(const struct sim *sim, const char *element, uint32_t icorp)
{
	int at = topo_find(sim->topo, element);
	const struct installed *has = at < 0 ? NULL : map_get(&sim->installed, sim_key((unsigned)at, icorp));

	return has ? &has->terms : NULL;
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
