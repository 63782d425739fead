/*
 * The invariants. After every input the sessions it touched are compared with what they were (struct shadow), which keeps
 * books of our own beside the core's; now and then, and when the books differ, everything is looked at.
 *
 *   capacity        no port, no resource, no VLAN is given away beyond what there is, and the books are right
 *   demands         a level changes only by a demand that was never acted on before, and by no more than it asked, or to
 *                   what was given of it
 *   preemption      what one ICorp takes from another is growth, and its setup priority is better than the other's holding one
 *   renewal         what is in force does not time out in the technologies, and is renewed only while it is what is wanted
 *   ownership       what nobody upstream knows, or nobody downstream answers for, is gone within a lifetime
 *   loops           no ICorp's Paths run in a circle, the leader's or a shortcut's
 *   calm            (sim_settled) what was admitted is whole, of everything else nothing is left, both ends of a link
 *                   agree on the rate, and no shortcut goes on where the tree is
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/internal.h"

static const char *node_name(const struct sim *sim, unsigned node)
{
	return sim->topo->node[node].name;
}

/* ---- demands: at most once ---- */

static const struct rsvp_demand *issued(const struct sim *sim, const struct shadow *s, unsigned r, uint32_t sequence)
{
	const struct installed *has = map_get(&sim->installed, sim_key(s->node, s->last.key.icorp));
	const struct rsvp_demand *d = has && has->isc ? &has->isc->issued[r] : NULL;

	return d && d->sequence == sequence ? d : NULL;
}

/* What the technology gave its ISC. */
static uint64_t given_shares(const struct sim *sim, const struct shadow *s)
{
	const struct installed *has = map_get(&sim->installed, sim_key(s->node, s->last.key.icorp));

	return has ? has->shares : 0;
}

static void check_level(struct sim *sim, struct shadow *s, const struct probe *now, unsigned r)
{
	uint64_t was = s->last.level[r], is = now->level[r], most;
	const struct rsvp_demand *d;

	if (was == is || !was || !is)
		return;
	if (now->handled[r] == s->last.handled[r]) {
		if (r == RESOURCE_BANDWIDTH && is < was && now->cut)
			return; /* refused or taken back, and its ISC is told */
		if (r == RESOURCE_CPU && is < was && is == given_shares(sim, s))
			return;
		sim_violate(sim, "%s: icorp %u: demand %u for %s is applied twice: %lu -> %lu", node_name(sim, s->node),
			    now->key.icorp, now->handled[r], resource_name(r), was, is);
		return;
	}
	if ((int32_t)(now->handled[r] - s->last.handled[r]) < 0 && s->last.handled[r])
		sim_violate(sim, "%s: icorp %u: demand %u for %s comes after %u", node_name(sim, s->node),
			    now->key.icorp, now->handled[r], resource_name(r), s->last.handled[r]);
	d = issued(sim, s, r, now->handled[r]);
	most = d ? d->steps * sim->topo->node[s->node].resource[r].step : 0;
	most = d && d->direction > 0 ? was + most : was > most ? was - most : 0;
	if (d && (d->direction > 0 ? is < was || (is > most && is > rsvp_rate(most)) : is > was || (is < most && is < rsvp_rate(most))))
		sim_violate(sim, "%s: icorp %u: demand %u for %s leads from %lu to %lu", node_name(sim, s->node),
			    now->key.icorp, now->handled[r], resource_name(r), was, is);
}

static void check_demands(struct sim *sim, struct shadow *s, const struct probe *now)
{
	if (!s->last.isc || !now->isc || now->failed || s->last.revision != now->revision)
		return;
	for (unsigned r = 1; r <= RESOURCE_MAX; r++)
		check_level(sim, s, now, r);
}

/*
 * For how long the state of this controller may stand without anybody: a lifetime on its clock, what was under way, and the
 * row it stands in when many lapse (every ICorp's path state and a few reservations).
 */
static uint64_t bound(const struct sim *sim, const struct shadow *s)
{
	const struct controller *c = &sim->ctl[s->node];
	uint64_t lifetime = probe_lifetime(c->core), rate = sim->topo->expiry_rate;
	uint64_t row = rate ? 4 * sim->icorps.n * CLOCK_S / rate : 0;

	return lifetime + lifetime * (uint64_t)llabs(c->ppm) / 500000 + sim->faults.delay_max_us + 1500 * CLOCK_MS + row;
}

/* ---- loops ---- */

/* Does a Path of that sender that leaves `node` come back to `start`? Every session is looked at once. */
static int reaches(const struct sim *sim, unsigned node, unsigned start, struct adaptor_key key, struct in_addr sender)
{
	struct shadow *s = map_get(&sim->ctl[node].shadows, key.icorp);

	if (!s || s->visited == sim->visit)
		return 0;
	s->visited = sim->visit;
	for (unsigned i = 0; i < s->last.n_branches; i++) {
		const struct probe_branch *b = &s->last.branch[i];
		int next = b->isc || b->sender.s_addr != sender.s_addr ? -1 : topo_owner(sim->topo, b->neighbour);

		if (next >= 0 && ((unsigned)next == start || reaches(sim, (unsigned)next, start, key, sender)))
			return 1;
	}
	return 0;
}

/* While routers disagree a circle can come to be; what it is made of lapses, or is torn, once they agree. */
static void check_loop(struct sim *sim, struct shadow *s)
{
	s->circle = 0;
	for (unsigned i = 0; i < s->last.n_branches && !s->circle; i++) {
		sim->visit++;
		s->circle = reaches(sim, s->node, s->node, s->last.key, s->last.branch[i].sender);
	}
	if (s->circle && (!sim->routes_us || sim->now_us - sim->routes_us > bound(sim, s)))
		sim_violate(sim, "icorp %u: its Paths run in a circle through %s", s->last.key.icorp, node_name(sim, s->node));
}

static int same_branches(const struct probe *a, const struct probe *b)
{
	if (a->n_branches != b->n_branches)
		return 0;
	for (unsigned i = 0; i < a->n_branches; i++)
		if (a->branch[i].neighbour.s_addr != b->branch[i].neighbour.s_addr ||
		    a->branch[i].sender.s_addr != b->branch[i].sender.s_addr)
			return 0;
	return 1;
}

/* ---- what an input touched ---- */

struct shadow *check_session_at(const struct sim *sim, struct in_addr addr, struct adaptor_key key)
{
	int node = topo_owner(sim->topo, addr);

	return node < 0 ? NULL : map_get(&sim->ctl[node].shadows, key.icorp);
}

static int is_towards(struct sim *sim, const struct shadow *above, const struct probe_branch *b, unsigned node)
{
	struct in_addr to = b->neighbour;

	if (b->isc)
		return 0;
	if (b->beyond)
		to = sim_flow(sim, topo_control(&sim->topo->node[above->node]), to)->first;
	return topo_owner(sim->topo, to) == (int)node;
}

/* Has the session a Path from that node? */
static int comes_from(const struct sim *sim, const struct shadow *s, unsigned node)
{
	for (unsigned i = 0; !s->last.leading && i < s->last.n_others; i++)
		if (topo_owner(sim->topo, s->last.other[i]) == (int)node)
			return 1;
	return !s->last.leading && topo_owner(sim->topo, s->last.previous) == (int)node;
}

/* Whoever was here for a moment between two looks at everything is an owner, too, and an answer. */
static void note_above(struct sim *sim, const struct shadow *s, struct in_addr hop)
{
	struct shadow *above = s->last.leading || !hop.s_addr ? NULL : check_session_at(sim, hop, s->last.key);

	for (unsigned i = 0; above && i < above->last.n_branches; i++)
		if (is_towards(sim, above, &above->last.branch[i], s->node))
			above->unanswered_us[i] = 0;
}

static void note_neighbours(struct sim *sim, const struct shadow *s)
{
	struct shadow *below;

	note_above(sim, s, s->last.previous);
	for (unsigned i = 0; i < s->last.n_others; i++)
		note_above(sim, s, s->last.other[i]);
	for (unsigned i = 0; i < s->last.n_branches; i++) {
		below = s->last.branch[i].isc ? NULL : check_session_at(sim, s->last.branch[i].neighbour, s->last.key);
		if (below && comes_from(sim, below, s->node))
			below->unowned_us = 0;
	}
}

static void book(struct controller *c, const struct probe *p, int sign)
{
	for (unsigned i = 0; i < p->n_holds; i++)
		c->held[p->hold[i].port] += sign > 0 ? p->hold[i].bps : -p->hold[i].bps;
	for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++)
		c->used[r] += sign > 0 ? p->used[r] : -p->used[r];
}

static void forget(struct controller *c, uint32_t icorp)
{
	struct shadow *s = map_remove(&c->shadows, icorp);

	if (s)
		book(c, &s->last, -1);
	free(s);
}

static uint64_t holds(const struct probe *p, int port)
{
	for (unsigned i = 0; i < p->n_holds; i++)
		if (p->hold[i].port == port)
			return p->hold[i].bps;
	return 0;
}

/* An input for another ICorp took from this one: was it growth, and may that one take it? */
static void check_preempted(struct sim *sim, const struct controller *c, const struct probe *was, const struct probe *now,
			    const struct adaptor_key *by)
{
	struct probe taker;

	for (unsigned i = 0; i < was->n_holds && !now->failed; i++) {
		uint64_t had = was->hold[i].bps, has = holds(now, was->hold[i].port);

		if (has >= had)
			continue;
		if (has < now->base_bps)
			sim_violate(sim, "%s: icorp %u is preempted below what its contract promises: %lu -> %lu of %lu bit/s",
				    c->node->name, now->key.icorp, had, has, now->base_bps);
		if (!probe_session(c->core, *by, &taker) || taker.all_failed)
			sim_violate(sim, "%s: icorp %u loses growth to icorp %u, which is refused", c->node->name,
				    now->key.icorp, by->icorp);
		else if (taker.setup >= now->holding)
			sim_violate(sim, "%s: icorp %u, holding priority %u, loses growth to icorp %u, setup priority %u",
				    c->node->name, now->key.icorp, now->holding, by->icorp, taker.setup);
	}
}

void check_touched(struct sim *sim, struct controller *c, struct adaptor_key key, const struct adaptor_key *by)
{
	struct shadow *s = map_get(&c->shadows, key.icorp);
	int moved = 1;
	struct probe now;

	if (!probe_session(c->core, key, &now)) {
		if (s && s->last.key.leader.s_addr == key.leader.s_addr)
			forget(c, key.icorp);
		return;
	}
	if (s) {
		check_demands(sim, s, &now);
		if (by && by->icorp != key.icorp)
			check_preempted(sim, c, &s->last, &now, by);
		book(c, &s->last, -1);
		moved = !same_branches(&s->last, &now);
		if (moved)
			memset(s->unanswered_us, 0, sizeof(s->unanswered_us));
	} else {
		s = calloc(1, sizeof(*s));
		if (!s)
			abort();
		s->node = (unsigned)(c - sim->ctl);
		map_put(&c->shadows, key.icorp, s);
	}
	probe_copy(&s->last, &now);
	book(c, &now, 1);
	note_neighbours(sim, s);
	if (moved && now.n_branches)
		check_loop(sim, s);
}

/* ---- capacity ---- */

/* Takes away what the core no longer has; core NULL: all of it. */
static void forget_gone(struct controller *c, const struct core *core)
{
	const struct shadow *s;
	size_t at = 0;

	while ((s = map_next(&c->shadows, &at))) {
		if (core && core_session(core, s->last.key.icorp, s->last.key.leader))
			continue;
		forget(c, s->last.key.icorp);
		at = 0; /* the table has changed */
	}
}

void check_forget(struct controller *c)
{
	forget_gone(c, NULL);
}

/* Everything of one controller anew: when its books differ from ours, a session changed that no action named. */
static void look_again(struct sim *sim, struct controller *c)
{
	size_t n;
	struct adaptor_key *keys = probe_keys(c->core, &n);

	for (size_t i = 0; i < n; i++)
		check_touched(sim, c, keys[i], NULL);
	free(keys);
	if (c->shadows.n != n)
		forget_gone(c, c->core);
}

/* What was found after a restart and is not claimed yet counts as reserved, too. */
static int books_differ(const struct controller *c, const struct core_config *config)
{
	int unclaimed = core_unclaimed(c->core) != 0;

	for (unsigned p = 0; p < config->n_ports; p++)
		if (unclaimed ? config->port[p].reserved_bps < c->held[p] : config->port[p].reserved_bps != c->held[p])
			return 1;
	for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++)
		if (unclaimed ? config->resource[r].used < c->used[r] : config->resource[r].used != c->used[r])
			return 1;
	return 0;
}

void check_books(struct sim *sim, struct controller *c)
{
	const struct core_config *config = core_config(c->core);

	if (books_differ(c, config)) {
		look_again(sim, c);
		if (books_differ(c, config))
			sim_violate(sim, "%s: its books differ from what its sessions hold", c->node->name);
	}
	for (unsigned p = 0; p < config->n_ports; p++) {
		uint64_t reserved = config->port[p].reserved_bps, capacity = config->port[p].capacity_bps;

		if (reserved > capacity + c->excess[p])
			sim_violate(sim, "%s: %s is oversubscribed: %lu of %lu bit/s", c->node->name,
				    config->port[p].ifname, reserved, capacity);
		c->excess[p] = reserved > capacity ? reserved - capacity : 0;
	}
	for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++)
		if (config->resource[r].capacity && config->resource[r].used > config->resource[r].capacity)
			sim_violate(sim, "%s: %s is oversubscribed: %lu of %lu", c->node->name, resource_name(r),
				    config->resource[r].used, config->resource[r].capacity);
}

/* One VLAN, one ICorp. */
static void check_vlans(struct sim *sim, const struct controller *c)
{
	uint8_t taken[4096 / 8] = { 0 };
	const struct shadow *s;

	for (size_t at = 0; (s = map_next(&c->shadows, &at));) {
		unsigned vlan = s->last.vlan;

		if (vlan && taken[vlan / 8] >> vlan % 8 & 1)
			sim_violate(sim, "%s: VLAN %u is of two ICorps", c->node->name, vlan);
		taken[vlan / 8] |= (uint8_t)(1u << vlan % 8);
	}
}

/* ---- ownership ---- */

static int sends_to(struct sim *sim, const struct shadow *s, struct in_addr hop)
{
	const struct shadow *above = hop.s_addr ? check_session_at(sim, hop, s->last.key) : NULL;

	for (unsigned i = 0; above && i < above->last.n_branches; i++)
		if (is_towards(sim, above, &above->last.branch[i], s->node))
			return 1;
	return 0;
}

static int has_owner(struct sim *sim, const struct shadow *s)
{
	const struct icorp *icorp = map_get(&sim->icorps, s->last.key.icorp);

	if (s->last.leading)
		return icorp && icorp->wanted;
	for (unsigned i = 0; i < s->last.n_others; i++)
		if (sends_to(sim, s, s->last.other[i]))
			return 1;
	return sends_to(sim, s, s->last.previous);
}

static int is_answered(const struct sim *sim, const struct shadow *s, const struct probe_branch *b)
{
	const struct shadow *below;

	if (!b->reserved)
		return 1;
	if (b->isc)
		return map_get(&sim->iscs, b->neighbour.s_addr) != NULL;
	below = check_session_at(sim, b->neighbour, s->last.key);
	return below && comes_from(sim, below, s->node);
}

static void check_owner(struct sim *sim, struct shadow *s)
{
	const struct probe *p = &s->last;

	if (has_owner(sim, s))
		s->unowned_us = 0;
	else if (!s->unowned_us)
		s->unowned_us = sim->now_us;
	else if (sim->now_us - s->unowned_us > bound(sim, s))
		sim_violate(sim, "%s keeps icorp %u, which nobody upstream has known for %.3f s", node_name(sim, s->node),
			    p->key.icorp, (double)(sim->now_us - s->unowned_us) / 1e6);
	if (s->circle)
		check_loop(sim, s);
	for (unsigned i = 0; i < p->n_branches; i++) {
		if (is_answered(sim, s, &p->branch[i]))
			s->unanswered_us[i] = 0;
		else if (!s->unanswered_us[i])
			s->unanswered_us[i] = sim->now_us;
		else if (sim->now_us - s->unanswered_us[i] > bound(sim, s))
			sim_violate(sim, "%s keeps a reservation of icorp %u that nobody downstream has known for %.3f s",
				    node_name(sim, s->node), p->key.icorp, (double)(sim->now_us - s->unanswered_us[i]) / 1e6);
	}
}

void check_owners(struct sim *sim)
{
	struct shadow *s;

	for (unsigned i = 0; i < sim->topo->n_nodes; i++)
		for (size_t at = 0; sim->ctl[i].shadows.n && (s = map_next(&sim->ctl[i].shadows, &at));)
			check_owner(sim, s);
}

/* What is in force here is renewed in time, however quiet it is; not while a technology that stalls is at work on it. */
static void check_renewed(struct sim *sim, unsigned node)
{
	const struct shadow *s;

	for (size_t at = 0; (s = map_next(&sim->ctl[node].shadows, &at));) {
		const struct installed *has = map_get(&sim->installed, sim_key(node, s->last.key.icorp));

		if (has && s->last.up_and_committed && !s->last.committing && sim_lapsed(sim, has))
			sim_violate(sim, "%s lets what it applied for icorp %u time out", node_name(sim, node),
				    s->last.key.icorp);
	}
}

void check_everything(struct sim *sim)
{
	for (unsigned i = 0; i < sim->topo->n_nodes; i++) {
		struct controller *c = &sim->ctl[i];

		if (!c->core || !core_sessions(c->core))
			continue;
		look_again(sim, c);
		check_books(sim, c);
		check_vlans(sim, c);
		check_renewed(sim, i);
	}
	check_owners(sim);
}
