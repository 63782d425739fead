/*
 * Cut-through: an endpoint whose routing table has a better way to another endpoint of its ICorp than the tree, which
 * joins them only where their ways from the leader part, sends a Path of its own there. The tree becomes a graph.
 *
 * A shortcut is another sender of the same RSVP session (RFC 2205 section 1.3, Shared-Explicit style): SENDER_TEMPLATE and
 * FILTER_SPEC name who began it instead of the leader. It is a session of its own here, in the chain of the ICorp's
 * revisions (revision.c), after those of the tree: so on each port the larger of the two is held, never the sum, and the
 * technologies are given one set of terms.
 *
 *   begun      by the endpoint with the smaller control address of the two, while the route to the other leaves by a
 *              port that does not carry the ICorp
 *   ends       where the ICorp is already: at the other endpoint, or where the next port carries the tree. The element
 *              there answers for it; no ISC is started
 *   torn       with the tree's session at the endpoint, and when the route is no longer a better one
 *   refused    it costs the shortcut, nothing else; tried again when what is in force is renewed
 */
#include <errno.h>

#include "lib/log.h"
#include "signald/session.h"

struct in_addr session_sender(const struct session *s)
{
	return session_is_cut(s) ? s->more->cut : s->key.leader;
}

int cutthrough_ours(const struct core *core, const struct session *s)
{
	return session_rest(s)->cut.s_addr == core->config.address.s_addr;
}

static int on_tree(const struct session *m)
{
	return !session_is_cut(m) && m->state != SESSION_FAILED;
}

/* Is the ICorp's tree here, in that revision (NULL: in any)? */
static int tree_is_here(struct core *core, const struct session *s, const struct contract *contract)
{
	for EACH_REVISION(m, core, s)
		if (on_tree(m) && (!contract || m->contract == contract))
			return 1;
	return 0;
}

/* Does the tree use this port already? */
static int carried(struct core *core, const struct session *s, int port)
{
	for EACH_REVISION(m, core, s) {
		if (!on_tree(m))
			continue;
		if (m->up.port == port || upstream_former_port(m) == port)
			return 1;
		for (const struct branch *b = m->branch; b; b = b->next)
			if (!b->isc && b->port == port)
				return 1;
	}
	return 0;
}

int cutthrough_ends(struct core *core, const struct session *s, struct in_addr endpoint, int port)
{
	if (!session_is_cut(s))
		return 0;
	if (endpoint.s_addr == core->config.address.s_addr)
		return tree_is_here(core, s, NULL) ? 1 : -EHOSTUNREACH;
	return port >= 0 && carried(core, s, port);
}

/* Is this endpoint to be reached by a shortcut from here? A new one (begins) only while the leader says that it is up. */
static int wanted(struct core *core, const struct session *tree, const struct leaf *leaf, int begins)
{
	struct in_addr us = core->config.address, it = leaf_ep(tree, leaf)->control;
	struct nexthop hop;

	if (it.s_addr == tree->key.leader.s_addr || ntohl(it.s_addr) <= ntohl(us.s_addr))
		return 0;
	if (begins && tree->told && !(leaf->told_flags & RSVP_LOAD_UP))
		return 0;
	return !nexthop_find(core->nexthops, it, (struct in_addr){ 0 }, &hop) && !carried(core, tree, hop.port);
}

static unsigned wanted_in_all(struct core *core, const struct session *tree)
{
	unsigned n = 0;

	for (unsigned i = 0; i < tree->n_leaves; i++)
		n += wanted(core, tree, &tree->leaf[i], 1) != 0;
	return n;
}

/* The shortcuts begun here, of the tree's contract; NULL: none. */
static struct session *begun(struct core *core, const struct session *tree)
{
	for EACH_REVISION(m, core, tree)
		if (m->contract == tree->contract && cutthrough_ours(core, m))
			return m;
	return NULL;
}

/* Is another revision's shortcut to take the place of this one? */
static int replacement_is_due(struct core *core, const struct session *cut)
{
	for EACH_REVISION(m, core, cut) {
		const struct session *other = on_tree(m) ? begun(core, m) : NULL;

		if (on_tree(m) && (m->state != SESSION_UP || (other && other->state != SESSION_UP)))
			return 1;
	}
	return 0;
}

void cutthrough_end(struct turn *t, struct session *cut, const char *why)
{
	log_icorp(LOG_LEVEL_INFO, cut->key.icorp, "shortcut ends: %s", why);
	for (struct branch *b = cut->branch; b; b = b->next)
		send_path_tear(t, cut, b);
	session_close(t, cut);
}

static struct session *begin(struct turn *t, struct session *tree)
{
	struct session *cut = session_create(t, tree->key, tree->contract, t->core->config.address);

	if (!cut) {
		t->actions->lost++;
		return NULL;
	}
	cut->up.expires_us = UINT64_MAX;
	log_icorp(LOG_LEVEL_INFO, cut->key.icorp, "begins a shortcut");
	return cut;
}

/* Brings what the shortcut reaches to what is wanted. */
static void adjust(struct turn *t, const struct session *tree, struct session *cut)
{
	unsigned placed = 0;

	for (unsigned i = 0; i < cut->n_leaves && !cut->closing; i++) {
		struct leaf *leaf = &cut->leaf[i];
		int is = leaf->where != LEAF_ELSEWHERE, to_be = wanted(t->core, tree, &tree->leaf[i], !is);

		if (to_be && !is)
			placed += !leaf_place(t, cut, leaf);
		else if (is && !to_be && !placed)
			leaf_prune(t, cut, leaf);
	}
	if (cut->closing)
		return;
	if (placed) {
		if (path_reserve(t, cut))
			return;
		cut->dirty_down = 1;
	}
	session_settle(t, cut);
}

/* Is this leaf of somebody else's shortcut where it would be, were it placed now? */
static int well_placed(struct core *core, const struct session *cut, const struct leaf *leaf)
{
	struct in_addr it = leaf_ep(cut, leaf)->control;
	struct nexthop hop = { .port = CORE_PORT_NONE };

	if (leaf->where == LEAF_ELSEWHERE ||
	    (it.s_addr != core->config.address.s_addr && nexthop_find(core->nexthops, it, leaf->subtarget, &hop)))
		return 1;
	return (cutthrough_ends(core, cut, it, hop.port) == 1) == (leaf->where == LEAF_LOCAL);
}

/* The tree has come here, or has gone: what went on ends here, or goes on. */
static void place_anew(struct turn *t, struct session *cut)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cut->n_leaves; i++) {
		struct leaf *leaf = &cut->leaf[i];

		if (well_placed(t->core, cut, leaf))
			continue;
		leaf_tear(t, cut, leaf);
		if (leaf_place(t, cut, leaf)) {
			session_refuse(t, cut, RSVP_ERR_ROUTING, RSVP_ROUTING_NO_ROUTE, "the shortcut leads nowhere now");
			return;
		}
		n++;
	}
	if (!n || path_reserve(t, cut))
		return;
	session_yield(t->core, cut);
	cut->dirty_terms = cut->dirty_down = 1;
	session_settle(t, cut);
}

/* Its revision is gone here: those that stay may want a shortcut, and have not begun theirs because this one is there. */
static void replace(struct turn *t, struct session *cut)
{
	struct turn own = *t;

	own.body = NULL; /* it is of another revision */
	cut->replacing = 1;
	for EACH_REVISION(m, t->core, cut)
		if (on_tree(m))
			cutthrough_look(&own, m);
	cut->replacing = 0;
}

static void look_at_cut(struct turn *t, struct session *cut)
{
	if (cutthrough_ours(t->core, cut)) {
		if (cut->replacing || tree_is_here(t->core, cut, cut->contract))
			return; /* replacing: what was begun in its place is refused, and asks whether it can go */
		replace(t, cut);
		if (!cut->closing && !replacement_is_due(t->core, cut))
			cutthrough_end(t, cut, "its revision of the contract is gone here");
	} else {
		place_anew(t, cut);
	}
}

void cutthrough_look(struct turn *t, struct session *s)
{
	struct session *cut;

	if (session_is_cut(s)) {
		look_at_cut(t, s);
		return;
	}
	if (s->leading || s->state != SESSION_UP || !leaf_by_addr(s, t->core->config.address))
		return;
	cut = begun(t->core, s);
	if (!cut && t->core->config.n_ports > 1 && wanted_in_all(t->core, s))
		cut = begin(t, s);
	if (cut)
		adjust(t, s, cut);
}

void cutthrough_others(struct turn *t, const struct session *s)
{
	struct session *m = session_find(t->core, s->key), *next;

	for (; m; m = next) {
		next = session_newer(m);
		if (m == s)
			continue;
		if (session_is_cut(m))
			look_at_cut(t, m);
		else if (m->recovering)
			revision_settle(t, m);
		if (next && next->closing)
			next = session_find(t->core, s->key); /* one may have ended others with it: begin anew */
	}
}
