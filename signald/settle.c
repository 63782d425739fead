/*
 * The end of every input: what it marked dirty becomes actions, once and in order. Commit first; the Resv upstream waits
 * for the commit; Paths go down; the leader prices and reports. Also where the adaptors' answers come in.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "signald/session.h"

/* Is there anything here to be in force? */
static int wants_commit(struct session *s)
{
	if (s->state == SESSION_FAILED)
		return 0;
	for (unsigned i = 0; i < s->n_leaves; i++) {
		const struct leaf *leaf = &s->leaf[i];

		if (leaf->where == LEAF_LOCAL && !s->leading)
			return 1; /* an access router answers for its proxy */
		if (leaf->where == LEAF_BRANCH && (leaf->up || leaf->branch->isc))
			return 1;
	}
	return 0;
}

static void settle_terms(struct turn *t, struct session *s)
{
	s->dirty_terms = s->dirty_renew = 0;
	if (wants_commit(s)) {
		s->asked = 1;
		revision_commit(t, s);
		if (s->state == SESSION_RESERVED)
			session_chstate(t, s, SESSION_COMMITTING, "committing");
		return;
	}
	if (s->asked)
		revision_uncommit(t, s);
	s->asked = s->committed = s->stale = 0;
	s->renew_us = 0;
	s->cookie = 0;
	for (unsigned i = 0; i < s->n_leaves; i++)
		if (s->leaf[i].where == LEAF_LOCAL)
			s->leaf[i].up = 0;
	if (s->state == SESSION_UP || s->state == SESSION_COMMITTING)
		session_chstate(t, s, SESSION_RESERVED, "nothing confirmed is left");
}

/* All its leaves move elsewhere: whoever is to let them go needs no news of them. */
static int branch_leaving(const struct session *s, const struct branch *b)
{
	for (unsigned i = 0; i < s->n_leaves; i++) {
		const struct leaf *leaf = &s->leaf[i];
		struct in_addr via;

		if (leaf_through(leaf, b, &via) && !(leaf->branch == b && leaf->more && leaf->more->next))
			return 0;
	}
	return 1;
}

static void settle_down(struct turn *t, struct session *s)
{
	if (recovery_holds_back(t->core, s))
		return;
	for (struct branch *b = s->branch; b && s->state != SESSION_FAILED; b = b->next)
		if ((s->dirty_down || b->dirty) && (!b->isc || s->committed) && !branch_leaving(s, b))
			send_path(t, s, b);
	s->dirty_down = 0;
}

static void settle_report(struct turn *t, struct session *s)
{
	leader_update(t, s);
	if (s->dirty_report)
		action_session(t, CORE_REPORT, s);
}

void session_settle(struct turn *t, struct session *s)
{
	if (s->closing)
		return;
	if (recovery_waits(t, s)) {
		settle_down(t, s);
		session_schedule(t, s);
		return;
	}
	if (s->leading && (s->dirty_report || s->dirty_up))
		leader_weigh(t->core, s);
	if (s->dirty_terms)
		settle_terms(t, s);
	if (s->dirty_renew && revision_due(t->core, s))
		settle_terms(t, s); /* not as it was: another revision has yet to be applied */
	if (s->dirty_renew)
		action_session(t, CORE_RENEW, revision_first_asked(t->core, s))->cookie = t->core->next_cookie;
	s->dirty_renew = 0;
	if (s->leading && (s->dirty_report || s->dirty_up))
		settle_report(t, s);
	s->dirty_report = 0;
	if (s->emptied && !s->dirty_terms && !s->cookie && !s->stale)
		reroute_tear_emptied(t, s);
	if (s->dirty_up && !s->cookie && !s->recovering) { /* what its ISC has not said again yet would be missing in it */
		send_resv(t, s);
		s->dirty_up = 0;
	}
	settle_down(t, s);
	session_schedule(t, s);
	if (s->leading && s->was_complete && session_rest(s)->complete_by_us)
		revision_complete(t, s);
}

/* What the adaptors say about a resource, together; of what they say nothing about nothing is promised. */
static const struct adaptor_grant *word_about(const struct adaptor_result *result, enum resource resource)
{
	static const struct adaptor_grant nothing = { .outcome = OUTCOME_APPLIED };

	for (unsigned i = 0; i < result->n_grants; i++)
		if (result->grants[i].resource == resource)
			return &result->grants[i];
	return &nothing;
}

/*
 * A grant of ours says what the adaptors say last, good or bad; but what became of a demand, or of growth that was taken
 * back, stays said.
 */
static void take_word(struct session *s, const struct adaptor_grant *said, struct rsvp_grant *g)
{
	unsigned bit = WORD_ABOUT(g->resource);

	g->enforcement = said->enforcement;
	if (g->outcome != OUTCOME_APPLIED && !(s->words & bit))
		return;
	g->outcome = said->outcome > OUTCOME_APPLIED ? said->outcome : OUTCOME_APPLIED;
	s->words &= ~bit;
	if (g->outcome != OUTCOME_APPLIED)
		s->words |= bit;
	snprintf(g->reason, sizeof(g->reason), "%s", said->reason);
}

/*
 * Our ISC was given less than its level. That is its level from now on, so that it pays for no more, begins its next demand
 * there, and has it after a restart. The adaptors are to know: else an audit of theirs could give it more some day. They are told at
 * once, but at leisure when this was not the first time: one that gives less each time is not asked again and again.
 */
static void given_less(struct turn *t, struct session *s, struct leaf *isc, const struct adaptor_grant *said,
		       struct rsvp_grant *g)
{
	struct rsvp_demand *d = &isc->more->demand[g->resource];
	unsigned bit = WORD_ABOUT(g->resource);

	if (g->outcome == OUTCOME_APPLIED || s->words & bit)
		s->dirty_terms = 1;
	else
		s->stale = 1;
	log_icorp(LOG_LEVEL_INFO, s->key.icorp, "%s: %s, %llu of %llu: %s", resource_name(g->resource),
		  outcome_name(said->outcome), (unsigned long long)said->level,
		  (unsigned long long)leaf_level(isc, g->resource), said->reason);
	isc_level_set(t->core, s, isc, g->resource, said->level);
	if (d->sequence == g->sequence)
		d->want = said->level;
	s->words &= ~bit;
	g->outcome = said->outcome;
	snprintf(g->reason, sizeof(g->reason), "%s", said->reason);
	if (said->outcome == OUTCOME_REFUSED)
		action_refused(t, s->key, RSVP_ERR_ADMISSION, RSVP_ADMISSION_ADAPTOR, said->reason);
}

/* One that has none of it left does not run: its controller's silence tells that, and it does not start with nothing. */
static int is_less(const struct adaptor_grant *said, enum resource resource, uint64_t level)
{
	return said->outcome > OUTCOME_APPLIED && said->level < level && (said->level || resource == RESOURCE_DISK);
}

/* What the adaptors do for one resource, of our ISC (NULL: of the ICorp as a whole). Returns whether it is news. */
static int refresh_grant(struct turn *t, struct session *s, struct leaf *isc, enum resource resource,
			 const struct adaptor_grant *said)
{
	struct in_addr endpoint = isc ? leaf_ep(s, isc)->control : (struct in_addr){ 0 };
	struct rsvp_grant was, g;

	own_grant(t->core, s, endpoint, resource, &g);
	was = g;
	if (isc && is_less(said, resource, leaf_level(isc, resource)))
		given_less(t, s, isc, said, &g);
	take_word(s, said, &g);
	if (isc)
		g.level = leaf_level(isc, resource);
	if (g.level == was.level && g.enforcement == was.enforcement && g.outcome == was.outcome &&
	    !strcmp(g.reason, was.reason))
		return 0;
	own_grant_put(t, s, &g);
	return 1;
}

/*
 * What the adaptors do for the bandwidth here, and, on a server, for its ISC: always known to the leader. Returns
 * whether any of it is news.
 */
static int refresh_grants(struct turn *t, struct session *s, const struct adaptor_result *result)
{
	struct leaf *isc = leaf_of_isc(s);
	int news = 0;

	for (unsigned r = RESOURCE_BANDWIDTH; r <= RESOURCE_MAX; r++) {
		const struct adaptor_grant *said = word_about(result, r);

		news |= s->enforcement[r - 1] != said->enforcement;
		s->enforcement[r - 1] = said->enforcement;
		if (r == RESOURCE_BANDWIDTH || (isc && leaf_level(isc, r)))
			news |= refresh_grant(t, s, r == RESOURCE_BANDWIDTH ? NULL : isc, r, said);
	}
	return news;
}

/* A change the technology did not take: the former rate stands. */
static void apply_failed(struct turn *t, struct session *s, const struct adaptor_result *result)
{
	log_icorp(LOG_LEVEL_WARN, s->key.icorp, "not applied: %s", result->reason);
	action_refused(t, s->key, RSVP_ERR_ADMISSION, RSVP_ADMISSION_ADAPTOR, result->reason);
	s->stale = 1;
	for (struct branch *b = s->branch; b; b = b->next) {
		if (b->rate_bps <= s->applied_bps)
			continue;
		branch_refuse(t, s, b, b->rate_bps, s->applied_bps, RSVP_ERR_ADMISSION, RSVP_ADMISSION_ADAPTOR,
			      result->reason);
	}
	session_yield(t->core, s);
	s->dirty_up = 1;
}

static void apply_done(struct turn *t, struct session *s, const struct adaptor_result *result)
{
	int first = !s->committed;
	uint64_t was = s->applied_bps;

	s->committed = 1;
	s->stale = 0;
	s->applied_bps = session_merged(s);
	s->renew_us = t->now_us + core_lifetime(t->core, t->core->config.refresh_us) / 3;
	if (refresh_grants(t, s, result) || first || s->applied_bps != was)
		s->dirty_up = s->dirty_report = 1;
	for (unsigned i = 0; i < s->n_leaves; i++) {
		struct leaf *leaf = &s->leaf[i];

		if (leaf->where == LEAF_LOCAL && !leaf->up) {
			leaf->up = 1;
			leaf->flags |= RSVP_LOAD_UP;
			s->dirty_up = s->dirty_report = 1;
		}
	}
	for (struct branch *b = s->branch; b && first; b = b->next)
		if (b->isc)
			send_path(t, s, b); /* the ISC is started: it may answer */
	if (first)
		revision_mirror_older(t, s); /* or it has answered before */
	if (session_up(s) && s->state != SESSION_UP) {
		session_chstate(t, s, SESSION_UP, "committed");
		cutthrough_look(t, s);
		if (session_is_cut(s))
			cutthrough_others(t, s);
	}
	if (s->leading && !s->was_complete)
		s->dirty_report = 1; /* this may have been the last thing missing */
}

static void applied(struct turn *t, struct session *s, const struct adaptor_result *result)
{
	s->cookie = 0;
	if (s->more)
		s->more->waits_for[0] = 0;
	if (!result->error)
		apply_done(t, s, result);
	else if (s->committed)
		apply_failed(t, s, result);
	else
		session_refuse(t, s, RSVP_ERR_ADMISSION, RSVP_ADMISSION_ADAPTOR, "%s", result->reason);
	session_settle(t, s);
}

/* The newest first: when it is refused, what the others wait for is done again, without it. */
void core_applied(struct core *core, struct adaptor_key key, uint64_t cookie, const struct adaptor_result *result,
		  uint64_t now_us, struct core_actions *actions)
{
	struct session *s;
	struct turn t;

	turn_begin(&t, core, now_us, actions);
	while ((s = revision_waiting(core, key, cookie))) {
		if (result->error != -EAGAIN) {
			applied(&t, s, result);
			continue;
		}
		for (; s; s = session_newer(s))
			if (s->cookie == cookie && session_more(s))
				memcpy(s->more->waits_for, result->reason, sizeof(s->more->waits_for));
		return;
	} /* none: a newer commit is under way, or it was revoked */
}

void core_lost(struct core *core, struct adaptor_key key, uint64_t now_us, struct core_actions *actions)
{
	struct session *s = session_find(core, key);
	struct turn t;

	turn_begin(&t, core, now_us, actions);
	s = s ? revision_first_asked(core, s) : NULL;
	if (!s || !session_at_rest(s))
		return;
	s->dirty_terms = 1;
	session_settle(&t, s);
}
