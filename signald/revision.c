/*
 * Make before break: revisions of one ICorp's contract side by side (RFC 3209 section 2.5, RFC 4875 section 13). Each
 * revision is a session of its own, named on the wire by its LSP-ID, with its own leaves, branches, lifetimes and errors;
 * so one that is refused, or lost on the way, takes nothing from the other. They share what there is only once:
 *
 *   a port's capacity    the larger of their holds counts (Shared-Explicit style), admit.c
 *   the technologies     get one set of terms that satisfies all of them, plan.c; a commit answers for all that waited for it
 *   a switch's VLAN      the newer one takes the older one's
 *   a server's ISC       is not started again: the oldest revision speaks to it, what it says counts for the others, too
 *
 * The leader tears the old revision when the new one is complete. What the old one has and the new one has not is first
 * given no more work (weight 0), for DRAIN_US; what only the new one has is given none before it is complete.
 *
 * The oldest revision is in the table of sessions; each leads to the next newer one. At rest there is one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "signald/session.h"

#define DRAIN_US (2 * CLOCK_S)

#define EACH_REVISION(m, core, of) (struct session *m = session_find(core, (of)->key); m; m = session_newer(m))

/* ---- the chain ---- */

int revision_join(struct core *core, struct session **at, struct session *s)
{
	struct session *older = NULL, *newer = *at;

	while (newer && newer->contract->revision < s->contract->revision) {
		older = newer;
		newer = session_newer(newer);
	}
	if ((older && !session_more(older)) || (newer && !session_more(s)))
		return -ENOMEM;
	for (struct session *m = *at; m; m = session_newer(m))
		growth_forget(core, m);
	if (newer)
		s->more->newer = newer;
	if (older) {
		older->more->newer = s;
		return 0;
	}
	if (newer) {
		s->hash_next = newer->hash_next;
		newer->hash_next = NULL;
	}
	*at = s;
	return 0;
}

void revision_leave(struct session **at, struct session *s)
{
	struct session *older = *at, *newer = session_newer(s);

	if (s->more)
		s->more->newer = NULL;
	if (older == s) {
		if (newer)
			newer->hash_next = s->hash_next;
		*at = newer ? newer : s->hash_next;
		s->hash_next = NULL;
		return;
	}
	while (session_newer(older) != s)
		older = session_newer(older);
	older->more->newer = newer;
}

/* A session that the input at hand was not for: what came with that (a contract's text) is not this one's. */
static void settle_other(struct turn *t, struct session *s)
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
	uint64_t cookie = ++t->core->next_cookie;

	s->cookie = cookie;
	for EACH_REVISION(m, t->core, s)
		if (m->cookie)
			m->cookie = cookie; /* the answer to this one is to all */
	action_session(t, CORE_APPLY, revision_first_asked(t->core, s))->cookie = cookie;
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
		settle_other(t, other);
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

/* ---- what is shared ---- */

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

/* The other revision's leaf of the ISC that is leaf's; NULL: it has none. */
static struct leaf *same_isc(const struct session *other, const struct leaf *leaf)
{
	struct leaf *found = leaf_of_isc(other);

	return found && found->ep->private_addr.s_addr == leaf->ep->private_addr.s_addr ? found : NULL;
}

uint64_t revision_level(struct core *core, const struct session *s, const struct leaf *leaf, enum resource resource)
{
	uint64_t most = 0;

	for EACH_REVISION(m, core, s) {
		const struct leaf *one = m == s ? NULL : same_isc(m, leaf);

		if (one && leaf_level(one, resource) > most)
			most = leaf_level(one, resource);
	}
	return most;
}

int revision_speaks(struct core *core, const struct session *s, const struct branch *isc, int older)
{
	for EACH_REVISION(m, core, s) {
		if (m == s && older)
			return 0;
		if (m != s && m->state != SESSION_FAILED && branch_of_isc(m, isc->neighbour))
			return 1;
	}
	return 0;
}

/* ---- an ISC in both revisions ---- */

/* The oldest other revision that has this ISC; NULL: none. */
static const struct session *speaker(struct core *core, const struct session *s, const struct leaf *leaf)
{
	for EACH_REVISION(m, core, s)
		if (m != s && m->state != SESSION_FAILED && same_isc(m, leaf))
			return m;
	return NULL;
}

static uint64_t level_of(const struct leaf *leaf, enum resource resource)
{
	return resource == RESOURCE_BANDWIDTH ? leaf->branch->rate_bps : leaf_level(leaf, resource);
}

static uint64_t began_with(const struct session *s, const struct leaf *leaf, enum resource resource)
{
	return resource == RESOURCE_BANDWIDTH ? session_base(s) : contract_level(s->contract, leaf->ep, resource);
}

/*
 * What its demands made of it is kept, when both contracts begin with the same; what they gained beyond what both begin
 * with is kept in any case. Both as far as the new one's limit allows. Else it has what the new contract begins with.
 */
uint64_t revision_begins(struct core *core, const struct session *s, const struct leaf *leaf, enum resource resource)
{
	uint64_t base = began_with(s, leaf, resource), limit = contract_limit(s->contract, resource);
	const struct session *other = speaker(core, s, leaf);
	const struct leaf *old = other ? same_isc(other, leaf) : NULL;
	uint64_t has = old ? level_of(old, resource) : 0, began = old ? began_with(other, old, resource) : 0;

	if (!has || (began != base && (has <= began || has <= base)))
		return base;
	has = has < limit ? has : limit > base ? limit : base;
	return resource == RESOURCE_BANDWIDTH ? rsvp_rate(has) : has;
}

void revision_handled(struct core *core, const struct session *s, struct leaf *leaf)
{
	const struct session *other = speaker(core, s, leaf);
	const struct leaf *old = other ? same_isc(other, leaf) : NULL;

	if (old && old->more)
		memcpy(leaf->more->handled, old->more->handled, sizeof(leaf->more->handled));
}

static void mirror_levels(struct turn *t, struct session *s, struct leaf *leaf)
{
	uint64_t rate = revision_begins(t->core, s, leaf, RESOURCE_BANDWIDTH), former = leaf->branch->rate_bps, fits;
	int port;

	for (unsigned r = RESOURCE_CPU; leaf->more && r <= RESOURCE_MAX; r++) {
		uint64_t level = revision_begins(t->core, s, leaf, r);

		if (level == leaf_level(leaf, r))
			continue;
		isc_level_set(t->core, s, leaf, r, level);
		s->dirty_terms = 1;
	}
	if (rate == former)
		return;
	leaf->branch->rate_bps = rate;
	if (session_hold(t, s, &port, &fits))
		leaf->branch->rate_bps = former;
	else
		s->dirty_terms = 1;
}

static void mirror(struct turn *t, struct session *s, const struct leaf *from, int news)
{
	struct leaf *leaf = s->state == SESSION_FAILED ? NULL : same_isc(s, from);

	if (!leaf)
		return;
	mirror_levels(t, s, leaf);
	if (!s->committed || !from->up)
		return;
	leaf->load = from->load;
	leaf->flags = from->flags;
	leaf->branch->refresh_ms = from->branch->refresh_ms;
	leaf->branch->resv_expires_us = from->branch->resv_expires_us;
	if (!leaf->up) {
		leaf->up = 1;
		s->confirm = t->core->config.address;
		s->dirty_terms = news = 1;
		if (s->more)
			s->more->isc_deadline_us = 0;
	}
	s->dirty_up |= news != 0;
	s->dirty_report |= news != 0;
}

void revision_mirror(struct turn *t, struct session *s, int news)
{
	const struct leaf *leaf = s->state == SESSION_FAILED ? NULL : leaf_of_isc(s);

	for (struct session *m = session_newer(s); leaf && m; m = session_newer(m)) {
		mirror(t, m, leaf, news);
		settle_other(t, m);
	}
}

void revision_mirror_older(struct turn *t, struct session *s)
{
	struct leaf *leaf = leaf_of_isc(s);

	for EACH_REVISION(m, t->core, s) {
		const struct leaf *old = m == s || !leaf || m->state == SESSION_FAILED ? NULL : same_isc(m, leaf);

		if (m == s)
			return;
		if (old)
			mirror(t, s, old, 1);
	}
}

/* From now on s speaks to the ISC: what it asked of the older revision, and what it was answered, is known here, too. */
static void take_over_isc(struct turn *t, struct session *s, const struct session *from)
{
	const struct leaf *old = leaf_by_addr(from, t->core->config.address);
	struct leaf *leaf = leaf_of_isc(s);
	struct rsvp_grant g;

	if (!leaf || !leaf->more || revision_speaks(t->core, s, leaf->branch, 1))
		return;
	leaf->branch->dirty = 1;
	if (!old || !old->more)
		return;
	memcpy(leaf->more->demand, old->more->demand, sizeof(leaf->more->demand));
	memcpy(leaf->more->handled, old->more->handled, sizeof(leaf->more->handled));
	s->dirty_terms |= s->asked; /* the technologies remember it, too */
	for (uint32_t at = 0; grants_next(&session_rest(from)->grants, &at, &g);) {
		if (!g.sequence || g.endpoint.s_addr != leaf->ep->control.s_addr)
			continue;
		g.level = level_of(leaf, g.resource);
		own_grant_put(t, s, &g);
	}
	s->dirty_up = 1;
}

/* What the leader said of the endpoints in both holds until it says it of this one: the tear may come before that. */
static void take_over_weights(struct session *s, const struct session *from)
{
	for (unsigned i = 0; i < s->n_leaves; i++) {
		const struct leaf *old = leaf_by_addr(from, s->leaf[i].ep->control);

		if (!old || !old->weight || s->leaf[i].weight)
			continue;
		s->leaf[i].told_flags |= old->told_flags;
		s->leaf[i].weight = old->weight;
		s->told = 1;
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
		if (heir->contract->revision > s->contract->revision) {
			take_over_isc(t, heir, s);
			take_over_weights(heir, s);
		}
		settle_other(t, heir);
	}
}

/* ---- the leader ---- */

struct session *revision_standing(struct core *core, const struct session *s)
{
	struct session *standing = NULL;

	for EACH_REVISION(m, core, s)
		if (m->contract->revision < s->contract->revision)
			standing = m;
	return standing;
}

void revision_weigh(struct core *core, const struct session *s, const struct leaf *leaf, uint8_t *flags, uint16_t *weight)
{
	const struct session_more *more = session_rest(s);
	const struct session *stands = more->complete_by_us ? revision_standing(core, s) : NULL;
	const struct leaf *old = stands ? leaf_by_addr(stands, leaf->ep->control) : NULL;

	if (old) {
		*flags = old->told_flags;
		*weight = old->weight;
	} else if (stands || (more->replaced_us && session_newer(s) &&
			      !contract_endpoint_by_control(session_newer(s)->contract, leaf->ep->control))) {
		*weight = 0;
	}
}

void revision_supersede(struct turn *t, struct adaptor_key key)
{
	struct session *stands = session_find(t->core, key), *next;

	for (struct session *m = stands; m; m = session_newer(m))
		if (m->was_complete)
			stands = m;
	for (struct session *m = session_find(t->core, key); m; m = next) {
		next = session_newer(m);
		if (m != stands)
			leader_tear(t, m);
	}
}

void revision_failed(struct session *stands, const struct session *s)
{
	const struct session_more *why = session_rest(s);
	int len = (int)sizeof(why->error.reason) - 20;

	log_icorp(LOG_LEVEL_WARN, s->key.icorp, "revision %u failed, revision %u stands", s->contract->revision,
		  stands->contract->revision);
	stands->more->error = why->error;
	snprintf(stands->more->error.reason, sizeof(stands->more->error.reason), "revision %u: %.*s", s->contract->revision,
		 len, why->error.reason);
}

/* Has the older one an endpoint that is not in s's contract any more? */
static int loses_some(const struct session *older, const struct session *s)
{
	for (unsigned i = 0; i < older->n_leaves; i++)
		if (older->leaf[i].where != LEAF_ELSEWHERE &&
		    !contract_endpoint_by_control(s->contract, older->leaf[i].ep->control))
			return 1;
	return 0;
}

void revision_complete(struct turn *t, struct session *s)
{
	struct session *older;

	s->more->complete_by_us = 0;
	s->dirty_report = 1; /* from now on its endpoints are given work */
	settle_other(t, s);
	while ((older = session_find(t->core, s->key)) != s && !session_rest(older)->replaced_us) {
		log_icorp(LOG_LEVEL_INFO, s->key.icorp, "revision %u is complete and replaces revision %u",
			  s->contract->revision, older->contract->revision);
		if (!older->was_complete || !loses_some(older, s)) {
			leader_tear(t, older);
			continue;
		}
		older->more->replaced_us = t->now_us + DRAIN_US;
		older->dirty_report = 1;
		settle_other(t, older);
	}
}

void revision_tick(struct turn *t, struct session *s)
{
	const struct session_more *more = session_rest(s);
	unsigned i = 0;

	if (more->replaced_us && more->replaced_us <= t->now_us) {
		leader_tear(t, s);
		return;
	}
	if (!more->complete_by_us || more->complete_by_us > t->now_us)
		return;
	while (i + 1 < s->n_leaves && s->leaf[i].up)
		i++;
	session_refuse(t, s, RSVP_ERR_ADMISSION, RSVP_ADMISSION_ADAPTOR, "%s was not confirmed in time",
		       s->leaf[i].ep->element);
}
