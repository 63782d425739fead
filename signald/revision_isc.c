/*
 * An ISC of two revisions (revision.c) on its server: it is started once, and goes on running. Its levels count once, the
 * larger of the two. The oldest revision speaks to it; what it answers is copied to the others, which begin with what its
 * demands made of it; when that revision goes, the next one speaks to it, and knows what it asked and was answered.
 */
#include <string.h>

#include "signald/session.h"

/* The other revision's leaf of the ISC at address; NULL: it has none. */
static struct leaf *same_isc(const struct session *other, struct in_addr address)
{
	struct leaf *found = leaf_of_isc(other);

	return found && found->branch->neighbour.s_addr == address.s_addr ? found : NULL;
}

uint64_t revision_level(struct core *core, const struct session *s, enum resource resource)
{
	uint64_t most = 0;

	for EACH_REVISION(m, core, s) {
		const struct leaf *one = m == s ? NULL : leaf_of_isc(m); /* there is one on a server, whatever its address */

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

/* The oldest other revision that has this ISC; NULL: none. */
static const struct session *speaker(struct core *core, const struct session *s, const struct leaf *leaf)
{
	for EACH_REVISION(m, core, s)
		if (m != s && m->state != SESSION_FAILED && same_isc(m, leaf_ep(s, leaf)->private_addr))
			return m;
	return NULL;
}

static uint64_t began_with(const struct session *s, const struct leaf *leaf, enum resource resource)
{
	return resource == RESOURCE_BANDWIDTH ? session_base(s) : contract_level(s->contract, leaf_ep(s, leaf), resource);
}

/*
 * What its demands made of it is kept, when both contracts begin with the same; what they gained beyond what both begin
 * with is kept in any case. Both as far as the new one's limit allows. Else it has what the new contract begins with.
 */
uint64_t revision_begins(struct core *core, const struct session *s, const struct leaf *leaf, enum resource resource)
{
	uint64_t base = began_with(s, leaf, resource), limit = contract_limit(s->contract, resource);
	const struct session *other = speaker(core, s, leaf);
	const struct leaf *old = other ? same_isc(other, leaf_ep(s, leaf)->private_addr) : NULL;
	uint64_t has = old ? leaf_has(old, resource) : 0, began = old ? began_with(other, old, resource) : 0;

	if (!has || (began != base && (has <= began || has <= base)))
		return base;
	has = has < limit ? has : limit > base ? limit : base;
	return resource == RESOURCE_BANDWIDTH ? rsvp_rate(has) : has;
}

void revision_handled(struct core *core, const struct session *s, struct leaf *leaf)
{
	const struct session *other = speaker(core, s, leaf);
	const struct leaf *old = other ? same_isc(other, leaf_ep(s, leaf)->private_addr) : NULL;

	if (old && old->more)
		memcpy(leaf->more->handled, old->more->handled, sizeof(leaf->more->handled));
}

/* The adaptors gave it less than it was to begin with. */
static int was_given_less(const struct core *core, const struct session *s, const struct leaf *leaf, enum resource resource)
{
	struct rsvp_grant g;

	own_grant(core, s, leaf_ep(s, leaf)->control, resource, &g);
	return g.outcome != OUTCOME_APPLIED && !(s->words & WORD_ABOUT(resource));
}

/* The other revision's ISC has what `from` has. What it was not given once is not tried again, unless that got it. */
static void mirror_levels(struct turn *t, struct session *s, struct leaf *leaf, const struct leaf *from)
{
	uint64_t rate = revision_begins(t->core, s, leaf, RESOURCE_BANDWIDTH), former = leaf->branch->rate_bps, fits;
	int port;

	for (unsigned r = RESOURCE_CPU; leaf->more && r <= RESOURCE_MAX; r++) {
		uint64_t level = revision_begins(t->core, s, leaf, r), most = larger(leaf_level(leaf, r), leaf_level(from, r));

		if (level > most && was_given_less(t->core, s, leaf, r))
			level = most;
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
	struct leaf *leaf = s->state == SESSION_FAILED ? NULL : same_isc(s, from->branch->neighbour);

	if (!leaf)
		return;
	mirror_levels(t, s, leaf, from);
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
		revision_settle(t, m);
	}
}

void revision_mirror_older(struct turn *t, struct session *s)
{
	struct leaf *leaf = leaf_of_isc(s);

	for EACH_REVISION(m, t->core, s) {
		const struct leaf *old = m == s || !leaf || m->state == SESSION_FAILED ? NULL :
			same_isc(m, leaf->branch->neighbour);

		if (m == s)
			return;
		if (old)
			mirror(t, s, old, 1);
	}
}

void revision_take_isc(struct turn *t, struct session *s, const struct session *from)
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
		if (!g.sequence || g.endpoint.s_addr != leaf_ep(s, leaf)->control.s_addr)
			continue;
		g.level = leaf_has(leaf, g.resource);
		own_grant_put(t, s, &g);
		if (g.resource != RESOURCE_BANDWIDTH)
			s->words = (s->words & ~WORD_ABOUT(g.resource)) | (from->words & WORD_ABOUT(g.resource));
	}
	s->dirty_up = 1;
}
