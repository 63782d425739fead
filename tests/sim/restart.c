/*
 * A controller's restart, seen by the technologies: what it finds there, and that in a calm network nobody notices.
 *
 *   nothing changes   while nothing else happens, no controller anywhere applies other terms than before, or revokes any
 *   capacity          the rates in force on a port never exceed it, also before the books are whole again; what is found
 *                     may, when a technology had just refused to change something, and then it only gets less
 *   at most once      a level changes only with a demand that the technologies do not remember
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/protocol.h"
#include "tests/sim/internal.h"

static int port_of(const struct core_config *config, const char *ifname)
{
	for (unsigned p = 0; p < config->n_ports; p++)
		if (!strcmp(config->port[p].ifname, ifname))
			return (int)p;
	return -1;
}

static void found(struct controller *c, const struct installed *has)
{
	struct core_found f = { .key = has->key, .vlan = has->terms.vlan };

	for (; f.n_ports < has->terms.n_ports; f.n_ports++) {
		f.port[f.n_ports].port = port_of(core_config(c->core), has->terms.ports[f.n_ports].ifname);
		f.port[f.n_ports].bps = has->terms.ports[f.n_ports].rate_bps;
	}
	if (has->isc && has->isc->alive) {
		f.level[RESOURCE_CPU] = has->shares;
		f.level[RESOURCE_MEMORY] = has->terms.isc.spec.memory_kib;
		f.level[RESOURCE_DISK] = has->terms.isc.spec.disk_mib;
		memcpy(f.handled, has->terms.isc.handled, sizeof(f.handled));
	}
	if (core_found(c->core, &f))
		abort();
}

void restart_inventory(struct sim *sim, struct controller *c)
{
	const struct installed *has;

	for (size_t at = 0; (has = map_next(&sim->installed, &at));)
		if (&sim->ctl[has->node] == c)
			found(c, has);
	for (unsigned p = 0; p < core_config(c->core)->n_ports; p++) {
		const struct core_port *port = &core_config(c->core)->port[p];

		c->excess[p] = port->reserved_bps > port->capacity_bps ? port->reserved_bps - port->capacity_bps : 0;
		c->in_force_excess[p] = c->excess[p];
	}
	core_recover(c->core, controller_now(sim, c));
}

void sim_steady(struct sim *sim, int on)
{
	const struct installed *has;
	struct icorp *icorp;

	for (size_t at = 0; (icorp = map_next(&sim->icorps, &at));) {
		struct adaptor_key key = { icorp->contract->id, topo_control(&sim->topo->node[icorp->leader]) };

		icorp->steady = on && icorp->wanted && sim->ctl[icorp->leader].core &&
				probe_leader(sim->ctl[icorp->leader].core, key) == LEADER_COMPLETE;
	}
	for (size_t at = 0; on && (has = map_next(&sim->installed, &at));) {
		icorp = map_get(&sim->icorps, has->key.icorp);
		if (icorp && !has->len)
			icorp->steady = 0;
	}
}

int restart_steady(const struct sim *sim, uint32_t id)
{
	const struct icorp *icorp = map_get(&sim->icorps, id);

	return icorp && icorp->wanted && icorp->steady;
}

/* May it be told so many shares without a new demand? What it was given, where that was less, or what a revision begins with. */
static int may_be_told(const struct sim *sim, const struct controller *c, const struct installed *has, uint64_t shares)
{
	const struct icorp *icorp = map_get(&sim->icorps, has->key.icorp);
	const struct contract_endpoint *now, *next;

	if (shares == has->shares || !icorp || !icorp->next)
		return shares == has->shares;
	now = contract_endpoint_by_control(icorp->contract, topo_control(c->node));
	next = contract_endpoint_by_control(icorp->next, topo_control(c->node));
	return now && next && next->isc.cpu_shares != now->isc.cpu_shares && next->isc.cpu_shares == shares;
}

/* Does a level differ without a new demand? */
static void check_levels(struct sim *sim, const struct controller *c, const struct installed *has,
			 const struct adaptor_terms *next)
{
	const struct terms_isc *was = &has->terms.isc, *is = &next->isc;

	if (!has->isc || !has->isc->alive || !was->present || !is->present || has->terms.revision != next->revision)
		return;
	if ((was->spec.cpu_shares != is->spec.cpu_shares && !may_be_told(sim, c, has, is->spec.cpu_shares) &&
	     was->handled[RESOURCE_CPU] == is->handled[RESOURCE_CPU]) ||
	    (was->spec.memory_kib != is->spec.memory_kib && was->handled[RESOURCE_MEMORY] == is->handled[RESOURCE_MEMORY]))
		sim_violate(sim, "%s: icorp %u: levels change without a demand: %lu, %lu -> %lu, %lu", c->node->name,
			    has->key.icorp, was->spec.cpu_shares, was->spec.memory_kib, is->spec.cpu_shares,
			    is->spec.memory_kib);
}

/* The same, but that a rate may grow: what was refused and is asked for still fits by now. */
static int stays(const struct installed *has, const struct adaptor_terms *next)
{
	struct adaptor_terms terms = *next;
	uint8_t *text;
	size_t len;
	int same;

	for (unsigned i = 0; i < next->n_ports && next->n_ports == has->terms.n_ports; i++) {
		if (next->ports[i].rate_bps < has->terms.ports[i].rate_bps)
			continue;
		terms.ports[i].rate_bps = has->terms.ports[i].rate_bps;
		terms.ports[i].ceil_bps = has->terms.ports[i].ceil_bps;
	}
	if (terms_encode(&terms, &text, &len))
		abort();
	same = len == has->len && !memcmp(text, has->text, len);
	free(text);
	return same;
}

/* In words, the first of it that tells most. */
const char *restart_difference(const struct adaptor_terms *was, const struct adaptor_terms *is, char *out, size_t room)
{
	snprintf(out, room, "vlan %u -> %u, %u -> %u ports", was->vlan, is->vlan, was->n_ports, is->n_ports);
	for (unsigned i = 0; i < was->n_ports && i < is->n_ports; i++)
		if (was->ports[i].rate_bps != is->ports[i].rate_bps || was->ports[i].trunk != is->ports[i].trunk)
			snprintf(out, room, "%s %lu bit/s%s -> %s %lu bit/s%s", was->ports[i].ifname, was->ports[i].rate_bps,
				 was->ports[i].trunk ? " tagged" : "", is->ports[i].ifname, is->ports[i].rate_bps,
				 is->ports[i].trunk ? " tagged" : "");
	for (unsigned i = 0; i < was->n_endpoints && i < is->n_endpoints; i++)
		if (was->endpoints[i].up != is->endpoints[i].up || was->endpoints[i].weight != is->endpoints[i].weight)
			snprintf(out, room, "%s %s, weight %u -> %s, weight %u", was->endpoints[i].element,
				 was->endpoints[i].up ? "up" : "down", was->endpoints[i].weight,
				 is->endpoints[i].up ? "up" : "down", is->endpoints[i].weight);
	return out;
}

void restart_applies(struct sim *sim, struct controller *c, const struct installed *has, const struct adaptor_terms *next)
{
	check_levels(sim, c, has, next);
	char what[256];

	if (restart_steady(sim, has->key.icorp) && !stays(has, next))
		sim_violate(sim, "%s changes icorp %u because a controller was restarted (%s)", c->node->name, has->key.icorp,
			    restart_difference(&has->terms, next, what, sizeof(what)));
}

/* The rates in force on each of its ports; 0: not all of them are known. */
static int in_force(struct sim *sim, const struct controller *c, uint64_t sum[CORE_MAX_PORTS])
{
	const struct installed *has;

	for (size_t at = 0; (has = map_next(&sim->installed, &at));) {
		if (&sim->ctl[has->node] != c)
			continue;
		if (has->refused)
			return 0; /* what is in force of it is not kept here */
		for (unsigned i = 0; i < has->terms.n_ports; i++) {
			int p = port_of(core_config(c->core), has->terms.ports[i].ifname);

			if (p >= 0)
				sum[p] += has->terms.ports[i].rate_bps;
		}
	}
	return 1;
}

void restart_capacity(struct sim *sim, struct controller *c, const struct core_action *actions, unsigned n)
{
	const struct core_config *config = core_config(c->core);
	uint64_t sum[CORE_MAX_PORTS] = { 0 };
	int applies = 0;

	for (unsigned i = 0; i < n; i++)
		applies |= actions[i].type == CORE_APPLY;
	if (!applies || !in_force(sim, c, sum))
		return;
	for (unsigned p = 0; p < config->n_ports; p++) {
		uint64_t capacity = config->port[p].capacity_bps;

		if (sum[p] > capacity + c->in_force_excess[p])
			sim_violate(sim, "%s: more is in force on %s than it can carry: %lu of %lu bit/s", c->node->name,
				    config->port[p].ifname, sum[p], capacity);
		c->in_force_excess[p] = sum[p] > capacity ? sum[p] - capacity : 0;
	}
}
