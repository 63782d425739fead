/*
 * Make before break: revisions of one ICorp's contract side by side (RFC 3209 section 2.5, RFC 4875 section 13). Each
 * revision is a session of its own, named on the wire by its LSP-ID, with its own leaves, branches, lifetimes and errors;
 * so one that is refused, or lost on the way, takes nothing from the other. They share what there is only once:
 *
 *   a port's capacity    the larger of their holds counts (Shared-Explicit style), admit.c
 *   the technologies     get one set of terms that satisfies all of them, plan.c; a commit answers for all that waited for it
 *   a switch's VLAN      the newer one takes the older one's
 *   a server's ISC       is not started again: the oldest revision speaks to it, what it says counts for the others, too
 *                        (revision_isc.c)
 *
 * The leader tears the old revision when the new one is complete (revision_leader.c). What the old one has and the new one
 * has not is first given no more work (weight 0), for a while; what only the new one has is given none before it is complete.
 *
 * The oldest revision is in the table of sessions; each leads to the next newer one. At rest there is one.
 */
#include <errno.h>

#include "signald/session.h"

/* ---- the chain ---- */

/* The tree's by their revisions, then the shortcuts. */
static int comes_before(const struct session *a, const struct session *b)
{
	if (session_is_cut(a) != session_is_cut(b))
		return session_is_cut(b);
	return a->contract->revision < b->contract->revision;
}

int revision_join(struct core *core, struct session *s)
{
	struct session *first = session_find(core, s->key), *older = NULL, *newer = first;

	while (newer && comes_before(newer, s)) {
		older = newer;
		newer = session_newer(newer);
	}
	if ((older && !session_more(older)) || (newer && !session_more(s)) || (!first && table_put(core, s)))
		return -ENOMEM;
	for (struct session *m = first; m; m = session_newer(m))
		growth_forget(core, m);
	if (newer)
		s->more->newer = newer;
	if (older)
		older->more->newer = s;
	else if (newer)
		table_replace(core, newer, s);
	return 0;
}

void revision_leave(struct core *core, struct session *s)
{
	struct session *older = session_find(core, s->key), *newer = session_newer(s);

	if (s->more)
		s->more->newer = NULL;
	if (older == s) {
		table_replace(core, s, newer);
		return;
	}
	while (session_newer(older) != s)
		older = session_newer(older);
	older->more->newer = newer;
}

void revision_settle(struct turn *t, struct session *s)
{
	struct turn own = *t;

	own.body = NULL;
	session_settle(&own, s);
}

/* ---- one set of terms ---- */

struct session *revision_first_asked(struct core *core, struct session *s)
{
	for EACH_REVISION(m, core, s)
		if (m->asked)
			return m;
	return s;
}

void revision_commit(struct turn *t, struct session *s)
{
	uint32_t cookie = ++t->core->next_cookie ? t->core->next_cookie : ++t->core->next_cookie; /* 0: none */
	struct core_action *apply;

	s->cookie = cookie;
	for EACH_REVISION(m, t->core, s)
		if (m->cookie)
			m->cookie = cookie; /* the answer to this one is to all */
	apply = action_session(t, CORE_APPLY, revision_first_asked(t->core, s));
	apply->cookie = cookie;
	s->dirty_terms |= action_is_lost(apply); /* it will not be answered: asked again soon */
}

void revision_uncommit(struct turn *t, struct session *s)
{
	struct session *other;

	s->asked = 0;
	other = revision_first_asked(t->core, s);
	if (!other->asked || other == s) {
		action_session(t, CORE_REVOKE, s);
		return;
	}
	other->adaptors |= s->adaptors;
	other->dirty_terms = 1;
	if (!s->closing)
		revision_settle(t, other);
}

int revision_due(struct core *core, const struct session *s)
{
	for EACH_REVISION(m, core, s)
		if (m != s && m->asked && (m->dirty_terms || m->stale))
			return 1;
	return 0;
}

struct session *revision_waiting(struct core *core, struct adaptor_key key, uint64_t cookie)
{
	struct session *newest = NULL;

	for (struct session *s = cookie ? session_find(core, key) : NULL; s; s = session_newer(s))
		if (s->cookie == cookie)
			newest = s;
	return newest;
}

/* ---- what is held once ---- */

int revision_beside(struct core *core, const struct session *s)
{
	const struct session *oldest = session_find(core, s->key);

	return oldest && (oldest != s || session_newer(s));
}

uint64_t revision_held(struct core *core, const struct session *s, int port)
{
	uint64_t most = 0;

	for EACH_REVISION(m, core, s)
		for (unsigned i = 0; m != s && i < m->n_holds; i++)
			if (m->hold[i].port == port && m->hold[i].bps > most)
				most = m->hold[i].bps;
	return most;
}

uint16_t revision_vlan(struct core *core, const struct session *s, uint16_t id)
{
	for EACH_REVISION(m, core, s)
		if (m != s && m->vlan && (!id || m->vlan == id))
			return m->vlan;
	return 0;
}

/* ---- one of them is closed ---- */

/* What the leader said of the endpoints in both holds until it says it of this one: the tear may come before that. */
static void take_over_weights(struct session *s, const struct session *from)
{
	for (unsigned i = 0; i < s->n_leaves; i++) {
		const struct leaf *old = leaf_by_addr(from, s->contract->endpoints[i].control);

		if (!old || !old->weight || s->leaf[i].weight)
			continue;
		s->leaf[i].told_flags |= old->told_flags;
		s->leaf[i].weight = old->weight;
		s->told = s->dirty_down = 1; /* those behind us believe what we do, until the leader says otherwise */
		s->dirty_terms |= s->asked;
	}
}

void revision_heirs(struct turn *t, struct session *s)
{
	struct session *heir = session_find(t->core, s->key), *next;

	if (s->asked)
		revision_uncommit(t, s);
	if (!heir)
		action_session(t, CORE_CLOSED, s);
	for (unsigned i = 0; heir && !session_newer(heir) && i < heir->n_holds; i++)
		growth_note(t->core, heir, heir->hold[i].port, heir->hold[i].bps);
	for (; heir; heir = next) {
		next = session_newer(heir);
		if (heir->contract->revision > s->contract->revision && !session_is_cut(heir)) {
			revision_take_isc(t, heir, s);
			take_over_weights(heir, s);
		}
		revision_settle(t, heir);
	}
}
