/*
 * When routes or the layer-2 map change: leaves whose next hop is another one move there. Make before break. The new hop
 * gets a Path at once; the leaf stays where it is, with its reservation and what is in force here, until the Resv
 * from the new hop confirms it. Then one commit puts the new way in force, and after that the old one is torn. So what
 * flows keeps flowing as long as the old way carries it, and a new way that is refused costs nothing.
 *
 *     core_routes     one walk over the sessions; the next hop of each endpoint is looked up once
 *     leaf_reroute    the leaf begins to move, or, when the way has changed back, stays
 *     reroute_confirmed, reroute_tear_emptied    it is there; what it left behind goes
 *
 * A new way that does not confirm within a lifetime is believed all the same: the old one is torn (the hop where the two
 * ways meet may still listen to the old one), unless nothing is heard of the new hop.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "signald/session.h"

static int moving(const struct leaf *leaf)
{
	return leaf->more && leaf->more->next;
}

/* Nobody needs it any more. */
static void drop_more(struct leaf *leaf)
{
	static const struct leaf_more none;

	if (!leaf->more || memcmp(leaf->more, &none, sizeof(none)))
		return;
	free(leaf->more);
	leaf->more = NULL;
}

void leaf_stay(struct turn *t, struct session *s, struct leaf *leaf, uint64_t retry_us)
{
	struct branch *b = moving(leaf) ? leaf->more->next : NULL;

	if (!leaf->more)
		return;
	leaf->more->next = NULL;
	leaf->more->next_subtarget.s_addr = 0;
	leaf->more->move_us = retry_us;
	drop_more(leaf);
	if (!b)
		return;
	if (leaf->branch)
		leaf->branch->dirty = 1; /* it may have missed news */
	if (--b->n_leaves) {
		b->dirty = 1;
		return;
	}
	if (b->path_id)
		send_path_tear(t, s, b);
	branch_free(t->core, s, b);
}

static void move(struct turn *t, struct session *s, struct leaf *leaf, const struct nexthop *hop)
{
	struct branch *b = branch_towards(t->core, s, leaf, hop);

	if (b)
		b->n_leaves++;
	if (!b || !leaf_more(leaf)) {
		t->actions->lost++;
		if (b && !--b->n_leaves)
			branch_free(t->core, s, b);
		return;
	}
	log_icorp(LOG_LEVEL_DEBUG, s->key.icorp, "%s: next hop changed", leaf_ep(s, leaf)->element);
	b->dirty = 1;
	if (b->path_id) { /* whoever has it may not even know that the leaf was away; another handle makes it answer */
		b->lih = ++s->next_lih;
		b->resv_hash = 0;
	}
	if (!b->path_id && leaf->branch->rate_bps > b->rate_bps)
		b->rate_bps = leaf->branch->rate_bps; /* its Resv will ask for that */
	leaf->more->next = b;
	leaf->more->next_subtarget = hop->subtarget;
	leaf->more->move_us = t->now_us + core_lifetime(t->core, t->core->config.refresh_us);
}

static void subtarget_is(struct branch *b, struct in_addr *was, struct in_addr is)
{
	b->dirty |= was->s_addr != is.s_addr;
	*was = is;
}

static void follow(struct turn *t, struct session *s, struct leaf *leaf, const struct nexthop *hop)
{
	if (branch_is(leaf->branch, hop)) {
		leaf->branch->shared = hop->shared != 0;
		leaf_stay(t, s, leaf, 0);
		subtarget_is(leaf->branch, &leaf->subtarget, hop->subtarget);
	} else if (moving(leaf) && branch_is(leaf->more->next, hop)) {
		subtarget_is(leaf->more->next, &leaf->more->next_subtarget, hop->subtarget);
	} else if (!upstream_wants(s, leaf, hop->neighbour)) {
		leaf_stay(t, s, leaf, 0);
		move(t, s, leaf, hop);
	}
}

static int may_move(const struct leaf *leaf)
{
	return leaf->where == LEAF_BRANCH && !leaf->branch->isc;
}

void leaf_reroute(struct turn *t, struct session *s, struct leaf *leaf, struct in_addr subtarget)
{
	struct nexthop hop;

	/* without a way it stays where it is: the way may come back before what is there lapses */
	if (may_move(leaf) && !nexthop_find(t->core->nexthops, leaf_ep(s, leaf)->control, subtarget, &hop))
		follow(t, s, leaf, &hop);
}

/* It is to move, and where it is to go has not been told. */
static int begins(const struct leaf *leaf)
{
	return moving(leaf) && !leaf->more->next->path_id;
}

void reroute_hold(struct turn *t, struct session *s)
{
	uint64_t retry_us = t->now_us + core_jitter(t->core, t->core->config.refresh_us), fits;
	unsigned n = 0;
	int port;

	for (unsigned i = 0; i < s->n_leaves; i++)
		n += begins(&s->leaf[i]) != 0;
	if (!n)
		session_yield(t->core, s);
	if (!n || !session_hold(t, s, &port, &fits))
		return;
	for (unsigned i = 0; i < s->n_leaves; i++) {
		struct leaf *leaf = &s->leaf[i];

		if (!begins(leaf))
			continue;
		t->core->counter[CORE_REFUSED]++;
		log_icorp(LOG_LEVEL_WARN, s->key.icorp, "%s: no capacity on %s for its new way; stays", leaf_ep(s, leaf)->element,
			  t->core->config.port[port].ifname);
		leaf_stay(t, s, leaf, retry_us);
	}
}

/* It is where it was to go. */
static void arrive(struct session *s, struct leaf *leaf)
{
	struct branch *old = leaf->branch;

	leaf->branch = leaf->more->next;
	leaf->subtarget = leaf->more->next_subtarget;
	leaf->more->next = NULL;
	leaf->more->next_subtarget.s_addr = 0;
	leaf->more->move_us = 0;
	drop_more(leaf);
	if (--old->n_leaves)
		old->dirty = 1;
	else
		s->emptied = 1;
	s->dirty_terms = s->dirty_up = s->dirty_report = 1;
}

/* It goes there although nobody has confirmed it there. */
static void leave(struct turn *t, struct session *s, struct leaf *leaf, const char *why)
{
	arrive(s, leaf);
	if (leaf->up)
		leaf_lost(t, s, leaf, why);
}

void reroute_confirmed(struct turn *t, struct session *s, struct branch *b, const struct rsvp_msg *msg)
{
	for (unsigned i = 0; i < msg->s2l.n; i++) {
		struct leaf *leaf = leaf_by_addr(s, msg->s2l.v[i].addr);

		if (leaf && moving(leaf) && leaf->more->next == b)
			arrive(s, leaf);
	}
}

void reroute_tear_emptied(struct turn *t, struct session *s)
{
	struct branch *next;
	uint64_t fits;
	int port;

	s->emptied = 0;
	for (struct branch *b = s->branch; b; b = next) {
		next = b->next;
		if (b->n_leaves)
			continue;
		send_path_tear(t, s, b);
		branch_free(t->core, s, b);
	}
	session_hold(t, s, &port, &fits); /* only shrinks */
}

/* Who has never been heard by the address that b's Path went to may be known by another one (resv.c). */
static int may_refuse(const struct turn *t, const struct branch *b, const struct core_from *from)
{
	const struct neighbour *n;

	if (b->neighbour.s_addr == from->addr.s_addr)
		return 1;
	n = neighbour_find(t->core->neighbours, b->neighbour);
	return !b->resv_expires_us && (b->beyond || !n || !neighbour_heard_us(n));
}

int reroute_refused(struct turn *t, struct session *s, struct leaf *leaf, const struct core_from *from)
{
	if (!leaf->branch)
		return 1; /* it is not reached from here any more */
	if (!moving(leaf))
		return !may_refuse(t, leaf->branch, from);
	if (leaf->branch->neighbour.s_addr == from->addr.s_addr) {
		leave(t, s, leaf, "its old way is gone");
		return 1;
	}
	if (!may_refuse(t, leaf->more->next, from))
		return 1;
	log_icorp(LOG_LEVEL_WARN, s->key.icorp, "%s: its new way was refused; stays", leaf_ep(s, leaf)->element);
	leaf_stay(t, s, leaf, t->now_us + core_jitter(t->core, t->core->config.refresh_us));
	return 1;
}

/* The new hop has not confirmed the leaf for a lifetime. */
static void overdue(struct turn *t, struct session *s, struct leaf *leaf)
{
	const struct neighbour *n = neighbour_find(t->core->neighbours, leaf->more->next->neighbour);

	if (!n || neighbour_state(n) != NEIGHBOUR_IS_UP) {
		leaf->more->move_us = t->now_us + core_lifetime(t->core, t->core->config.refresh_us);
		return;
	}
	leave(t, s, leaf, "its new way does not confirm it");
}

void reroute_tick(struct turn *t, struct session *s)
{
	for (unsigned i = 0; i < s->n_leaves; i++) {
		struct leaf *leaf = &s->leaf[i];

		if (!leaf->more || !leaf->more->move_us || leaf->more->move_us > t->now_us)
			continue;
		if (moving(leaf)) {
			overdue(t, s, leaf);
			continue;
		}
		leaf->more->move_us = 0;
		drop_more(leaf);
		leaf_reroute(t, s, leaf, leaf->subtarget);
		reroute_hold(t, s);
	}
}

/* ---- routes have changed ---- */

/* What was looked up during one walk: many sessions have the same endpoints and previous hops. */
#define LOOKED_UP 4096
struct looked_up { struct in_addr dest, subtarget; struct nexthop hop; int known, r, port_known, port; };

static struct looked_up *looked_up_at(struct looked_up *cache, struct in_addr dest, struct in_addr subtarget)
{
	struct looked_up *at = &cache[(dest.s_addr * 2654435761u ^ subtarget.s_addr * 2246822519u) >> 20];

	if (at->dest.s_addr != dest.s_addr || at->subtarget.s_addr != subtarget.s_addr)
		*at = (struct looked_up){ .dest = dest, .subtarget = subtarget };
	return at;
}

static int look_up(const struct nexthops *nh, struct looked_up *cache, struct in_addr dest, struct in_addr subtarget,
		   struct nexthop *hop)
{
	struct looked_up *at = looked_up_at(cache, dest, subtarget);

	if (!at->known)
		at->r = nexthop_find(nh, dest, subtarget, &at->hop);
	at->known = 1;
	*hop = at->hop;
	return at->r;
}

static int look_up_port(const struct nexthops *nh, struct looked_up *cache, struct in_addr neighbour)
{
	struct looked_up *at = looked_up_at(cache, neighbour, neighbour);

	if (!at->port_known)
		at->port = nexthop_port_of(nh, neighbour);
	at->port_known = 1;
	return at->port;
}

/* The way back to a previous hop leaves by another port now. Returns whether it did. */
static int move_upstream(struct turn *t, struct session *s, struct looked_up *cache, struct upstream *hop)
{
	int port = look_up_port(t->core->nexthops, cache, hop->addr), was = hop->port, full;
	uint64_t fits;

	if (port < 0 || port == was)
		return 0;
	hop->port = (int8_t)port;
	if (session_hold(t, s, &full, &fits)) {
		hop->port = (int8_t)was;
		return 0;
	}
	s->dirty_terms = 1;
	return 1;
}

/* Does anything about this leaf differ from what its next hop is now? */
static int differs(const struct leaf *leaf, const struct nexthop *hop)
{
	return moving(leaf) || !branch_is(leaf->branch, hop) || leaf->subtarget.s_addr != hop->subtarget.s_addr;
}

/* Returns how many leaves began to move. */
static unsigned reroute(struct turn *t, struct session *s, struct looked_up *cache)
{
	unsigned moved = 0, differing = 0;

	if (!s->leading && s->up.addr.s_addr)
		differing += (unsigned)move_upstream(t, s, cache, &s->up);
	if (s->former)
		differing += (unsigned)move_upstream(t, s, cache, s->former);
	for (unsigned i = 0; i < s->n_leaves; i++) {
		struct leaf *leaf = &s->leaf[i];
		struct nexthop hop;

		if (!may_move(leaf) || look_up(t->core->nexthops, cache, leaf_ep(s, leaf)->control, leaf->subtarget, &hop) ||
		    !differs(leaf, &hop))
			continue;
		follow(t, s, leaf, &hop);
		differing++;
		moved += moving(leaf) != 0;
	}
	if (differing) {
		reroute_hold(t, s);
		session_settle(t, s);
	}
	return moved;
}

void core_routes(struct core *core, uint64_t now_us, struct core_actions *actions)
{
	struct looked_up *cache = calloc(LOOKED_UP, sizeof(*cache));
	unsigned leaves = 0, sessions = 0;
	struct turn t;

	turn_begin(&t, core, now_us, actions);
	if (!cache) {
		actions->lost++;
		return;
	}
	for (uint32_t slot = 0; slot < core->n_slots; slot++) {
		struct session *s = session_at(core, slot);
		unsigned moved = s && s->state != SESSION_FAILED ? reroute(&t, s, cache) : 0;

		if (s && !s->closing)
			cutthrough_look(&t, s);
		leaves += moved;
		sessions += moved != 0;
	}
	free(cache);
	if (leaves)
		log_msg(LOG_LEVEL_INFO, "routes changed: %u endpoints of %u ICorps move to another next hop", leaves, sessions);
}
