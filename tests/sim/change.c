/*
 * Make before break: while nothing goes wrong, and nobody asks for less, what stands stays as it is through any change of
 * revision. The element of an endpoint keeps its ISC, its ports with at least the smaller of the two rates, and the proxies
 * keep using every server, until a revision is complete that does not have them.
 */
#include <string.h>

#include "tests/sim/internal.h"

static const struct icorp *standing(const struct sim *sim, const struct installed *has)
{
	const struct icorp *icorp = map_get(&sim->icorps, has->key.icorp);
	const char *name = sim->topo->node[has->node].name;

	return sim->quiet && icorp && icorp->wanted && icorp->reported == LEADER_COMPLETE &&
	       contract_endpoint_by_element(icorp->contract, name) ? icorp : NULL;
}

static const struct terms_port *port_of(const struct adaptor_terms *terms, const char *ifname)
{
	for (unsigned i = 0; i < terms->n_ports; i++)
		if (!strcmp(terms->ports[i].ifname, ifname))
			return &terms->ports[i];
	return NULL;
}

static unsigned weight_of(const struct adaptor_terms *terms, struct in_addr control)
{
	for (unsigned i = 0; i < terms->n_endpoints; i++)
		if (terms->endpoints[i].control.s_addr == control.s_addr)
			return terms->endpoints[i].weight;
	return 0;
}

/* A shortcut is not needed any more when the other endpoint of it is not in the contract that stands. */
static int cut_ends(struct sim *sim, const struct installed *has, const char *ifname, const struct contract *stands)
{
	const struct controller *c = &sim->ctl[has->node];
	const struct shadow *s = map_get(&c->shadows, has->key.icorp);
	unsigned lost = 0;

	for (unsigned i = 0; i < has->terms.n_endpoints; i++)
		lost += !contract_endpoint_by_control(stands, has->terms.endpoints[i].control);
	return lost && s && !s->last.leading && s->last.port >= 0 &&
	       strcmp(core_config(c->core)->port[s->last.port].ifname, ifname);
}

void change_applied(struct sim *sim, const struct installed *has, const struct adaptor_terms *now)
{
	const struct icorp *icorp = standing(sim, has);
	const struct adaptor_terms *was = &has->terms;
	const char *node = sim->topo->node[has->node].name;
	uint64_t least;

	if (!icorp)
		return;
	least = icorp->contract->network.rate_bps;
	if (icorp->next && icorp->next->network.rate_bps < least)
		least = icorp->next->network.rate_bps;
	least = rsvp_rate(least);
	if (was->isc.present && !now->isc.present)
		sim_violate(sim, "icorp %u: a change of revision takes its ISC from %s", has->key.icorp, node);
	for (unsigned i = 0; i < was->n_ports; i++) {
		const struct terms_port *port = port_of(now, was->ports[i].ifname);

		if (!port && cut_ends(sim, has, was->ports[i].ifname, icorp->contract))
			continue;
		if (!port || (port->rate_bps < least && port->rate_bps < was->ports[i].rate_bps))
			sim_violate(sim, "icorp %u: a change of revision leaves it %lu of %lu bit/s on %s of %s",
				    has->key.icorp, port ? port->rate_bps : 0, least, was->ports[i].ifname, node);
	}
	for (unsigned i = 0; i < was->n_endpoints; i++) {
		const struct terms_endpoint *e = &was->endpoints[i];

		if (e->weight && contract_endpoint_by_control(icorp->contract, e->control) && !weight_of(now, e->control))
			sim_violate(sim, "icorp %u: a change of revision takes %s from the proxy on %s", has->key.icorp,
				    e->element, node);
	}
}

void change_revoked(struct sim *sim, const struct installed *has)
{
	if (standing(sim, has))
		sim_violate(sim, "icorp %u: a change of revision takes it from the technologies of %s", has->key.icorp,
			    sim->topo->node[has->node].name);
}
