/*
 * After a long calm: what was admitted is whole, of everything else nothing is left. The ICorp is walked as its Paths went,
 * from the leader down; whatever has it and was not met is a leftover. No ISC pays for more than it was given.
 */
#include <stdio.h>

#include "tests/sim/internal.h"

#define MAX_LEAVES 256

static const char *node_name(const struct sim *sim, unsigned node)
{
	return sim->topo->node[node].name;
}

static uint64_t held(const struct shadow *s, int port)
{
	for (unsigned i = 0; i < s->last.n_holds; i++)
		if (s->last.hold[i].port == port)
			return s->last.hold[i].bps;
	return 0;
}

static int has_room(const struct sim *sim, const struct shadow *s, int port, uint64_t bps)
{
	const struct core_port *at = &core_config(sim->ctl[s->node].core)->port[port];

	return bps <= held(s, port) ||
	       (bps <= at->capacity_bps && at->reserved_bps - held(s, port) <= at->capacity_bps - bps);
}

/* On the branch's port, and on every other one that it goes through: those of previous hops. */
static int would_fit(const struct sim *sim, const struct shadow *s, const struct probe_branch *b, uint64_t bps)
{
	for (unsigned i = 0; i < s->last.n_holds; i++)
		if (!has_room(sim, s, s->last.hold[i].port, bps))
			return 0;
	return has_room(sim, s, b->port, bps);
}

/*
 * Both ends of a link mean the same rate, unless the contract's own does not fit there: it is asked for as long as the
 * contract stands.
 */
static void check_rate(struct sim *sim, const struct shadow *above, const struct probe_branch *b, const struct shadow *below)
{
	uint64_t asks = below->last.merged_bps;

	int excused = b->rate_bps < asks && asks == below->last.base_bps && !would_fit(sim, above, b, asks);

	if (b->reserved && b->rate_bps != asks && !excused)
		sim_violate(sim, "icorp %u: %s has %lu bit/s for %s, which has %lu", above->last.key.icorp,
			    node_name(sim, above->node), b->rate_bps, node_name(sim, below->node), asks);
}

/* Marks every session that the Paths from here reach. Each must have committed, this revision and no other. */
static void walk(struct sim *sim, struct shadow *s, uint16_t revision)
{
	if (s->visited == sim->visit)
		return;
	s->visited = sim->visit;
	if (s->last.n_revisions != 1 || s->last.revision != revision)
		sim_violate(sim, "icorp %u: %s has %u revisions, from %u on, instead of revision %u", s->last.key.icorp,
			    node_name(sim, s->node), s->last.n_revisions, s->last.revision, revision);
	if (!s->last.up_and_committed || !map_get(&sim->installed, sim_key(s->node, s->last.key.icorp)))
		sim_violate(sim, "icorp %u is not in force on %s", s->last.key.icorp, node_name(sim, s->node));
	if (s->last.twice != CORE_PORT_NONE)
		sim_violate(sim, "icorp %u: a shortcut leaves %s by %s, which carries it already", s->last.key.icorp,
			    node_name(sim, s->node), core_config(sim->ctl[s->node].core)->port[s->last.twice].ifname);
	for (unsigned i = 0; i < s->last.n_branches; i++) {
		const struct probe_branch *b = &s->last.branch[i];
		struct shadow *below = b->isc ? NULL : check_session_at(sim, b->neighbour, s->last.key);

		if (below && b->sender.s_addr == s->last.key.leader.s_addr)
			check_rate(sim, s, b, below);
		if (below)
			walk(sim, below, revision);
		else if (!b->isc)
			sim_violate(sim, "icorp %u ends at %s", s->last.key.icorp, node_name(sim, s->node));
	}
}

static void check_leaves(struct sim *sim, const struct shadow *leading)
{
	struct probe_leaf leaf[MAX_LEAVES];
	unsigned n = probe_leaves(sim->ctl[leading->node].core, leading->last.key, leaf, MAX_LEAVES);

	for (unsigned i = 0; i < n; i++) {
		const struct shadow *s = check_session_at(sim, leaf[i].control, leading->last.key);
		int node = topo_owner(sim->topo, leaf[i].control);
		const struct installed *has = map_get(&sim->installed, sim_key((unsigned)node, leading->last.key.icorp));

		if (!leaf[i].wanted)
			continue; /* it was lost, and the leader gave it up */
		if (!leaf[i].up)
			sim_violate(sim, "icorp %u: %s is neither confirmed nor given up", leading->last.key.icorp,
				    node_name(sim, (unsigned)node));
		else if (!s || s->visited != sim->visit)
			sim_violate(sim, "icorp %u: %s is confirmed and not reached", leading->last.key.icorp,
				    node_name(sim, (unsigned)node));
		else if (s->last.isc && !(has && has->isc && has->isc->alive && has->isc->heard))
			sim_violate(sim, "icorp %u: %s is confirmed and its ISC does not run", leading->last.key.icorp,
				    node_name(sim, (unsigned)node));
	}
}

static void check_icorp(struct sim *sim, const struct icorp *icorp)
{
	struct adaptor_key key = { icorp->contract->id, topo_control(&sim->topo->node[icorp->leader]) };
	const struct core *core = sim->ctl[icorp->leader].core;
	enum leader_state state = core ? probe_leader(core, key) : LEADER_GONE;
	struct shadow *s = check_session_at(sim, key.leader, key);

	if (!icorp->wanted)
		return;
	if (!s || (state != LEADER_COMPLETE && state != LEADER_DEGRADED)) {
		sim_violate(sim, "icorp %u is neither whole nor refused: %s", key.icorp, leader_state_name(state));
		return;
	}
	if (!s->last.n_branches && state == LEADER_DEGRADED) { /* every other endpoint was lost: only the leader remembers it */
		s->visited = sim->visit;
		return;
	}
	if (icorp->next)
		sim_violate(sim, "icorp %u: revision %u is neither complete nor refused", key.icorp, icorp->next->revision);
	walk(sim, s, icorp->contract->revision);
	check_leaves(sim, s);
}

void sim_settled(struct sim *sim)
{
	const struct installed *has;
	const struct icorp *icorp;
	const struct shadow *s;

	check_everything(sim);
	sim->visit++;
	for (size_t at = 0; (icorp = map_next(&sim->icorps, &at));)
		check_icorp(sim, icorp);
	for (unsigned i = 0; i < sim->topo->n_nodes; i++)
		for (size_t at = 0; (s = map_next(&sim->ctl[i].shadows, &at));)
			if (s->visited != sim->visit)
				sim_violate(sim, "icorp %u is left on %s", s->last.key.icorp, node_name(sim, i));
	for (size_t at = 0; (has = map_next(&sim->installed, &at));) {
		s = map_get(&sim->ctl[has->node].shadows, has->key.icorp);
		if (!s || s->visited != sim->visit)
			sim_violate(sim, "icorp %u is left in the technologies of %s", has->key.icorp,
				    node_name(sim, has->node));
		else if (s->last.isc && s->last.level[RESOURCE_CPU] > has->shares)
			sim_violate(sim, "icorp %u: %s counts %lu shares for its ISC, which was given %lu", has->key.icorp,
				    node_name(sim, has->node), s->last.level[RESOURCE_CPU], has->shares);
	}
}

/* What one controller still has, once nothing is wanted any more. */
static unsigned left_on(const struct sim *sim, const struct controller *c)
{
	const struct core_config *config = core_config(c->core);
	unsigned left = (unsigned)core_sessions(c->core) + probe_vlans(c->core);

	for (unsigned p = 0; p < config->n_ports; p++)
		left += config->port[p].reserved_bps != 0;
	for (unsigned r = 0; r <= RESOURCE_MAX; r++)
		left += config->resource[r].used != 0;
	return left;
}

unsigned sim_leftovers(struct sim *sim)
{
	unsigned left = (unsigned)(sim->installed.n + sim->iscs.n), one;
	char first[128] = "";
	const struct installed *has;
	size_t at = 0;

	has = map_next(&sim->installed, &at);
	if (has)
		snprintf(first, sizeof(first), "icorp %u in the technologies of %s", has->key.icorp, node_name(sim, has->node));
	else if (sim->iscs.n)
		snprintf(first, sizeof(first), "an ISC");
	for (unsigned i = 0; i < sim->topo->n_nodes; i++) {
		one = sim->ctl[i].core ? left_on(sim, &sim->ctl[i]) : 0;
		if (one && !*first)
			snprintf(first, sizeof(first), "%s: %zu sessions", node_name(sim, i),
				 core_sessions(sim->ctl[i].core));
		left += one;
	}
	if (left)
		sim_violate(sim, "%u things are left; first %s", left, first);
	return left;
}
