/*
 * Preemption (RFC 3209 section 4.7, RFC 4495). What a session holds on a port above its contract's rate is its growth
 * there. When a port is full, growth of sessions whose holding priority is worse than the setup priority of the one that
 * needs the room is taken back: of the worst first, then of the largest, only as much as is missing, and never what the
 * contract promised. Nothing is taken when all of it would not do.
 *
 * A contract's setup priority is never better than its holding priority, so whoever was preempted cannot preempt in turn.
 *
 * While a contract is revised (revision.c) nothing is taken from its ICorp: what the two revisions hold is one and the same.
 * What a session of a former life holds is not touched before its neighbours have told of it again (recovery.c).
 *
 * For each port there is a heap of the sessions with growth there, and a sum of it for each holding priority. A session
 * without growth is in none, and has nothing of this.
 */
#include <inttypes.h>
#include <stdio.h>

#include "signald/session.h"

struct grown {
	struct heap_entry order;              /* first */
	struct grown *next;                   /* of the same session */
	struct session *session;
	uint64_t bps;
	uint8_t port, holding;
};

/* The worst holding priority has the smallest key; of one priority the largest growth. */
static uint64_t key_of(const struct grown *g)
{
	const uint64_t most = UINT64_MAX >> 3;

	return (uint64_t)(CORE_PRIORITIES - 1 - g->holding) << 61 | (most - (g->bps < most ? g->bps : most));
}

static struct grown **find(struct session *s, int port)
{
	struct grown **at = &s->more->grown;

	while (*at && (*at)->port != port)
		at = &(*at)->next;
	return at;
}

/* Without memory a session's growth is not known, and cannot be taken back. */
static struct grown *add(struct core *core, struct session *s, int port)
{
	struct grown *g = session_more(s) ? pool_get(&core->pool, sizeof(*g)) : NULL;

	if (!g)
		return NULL;
	g->session = s;
	g->port = (uint8_t)port;
	g->next = s->more->grown;
	s->more->grown = g;
	return g;
}

static void drop(struct core *core, struct grown **at)
{
	struct grown *g = *at;

	*at = g->next;
	heap_remove(&core->growth[g->port].heap, &g->order);
	pool_put(&core->pool, g, sizeof(*g));
}

void growth_note(struct core *core, struct session *s, int port, uint64_t held_bps)
{
	struct growth *growth = &core->growth[port];
	uint64_t base = session_base(s);
	uint64_t bps = held_bps > base && !s->recovering && !revision_beside(core, s) ? held_bps - base : 0;
	struct grown **at = session_rest(s)->grown ? find(s, port) : NULL, *g = at ? *at : NULL;

	if (!g && !bps)
		return;
	if (g)
		growth->bps[g->holding] -= g->bps;
	else
		g = add(core, s, port);
	if (!g)
		return;
	g->bps = bps;
	g->holding = s->contract->holding_priority;
	if (bps && !heap_set(&growth->heap, &g->order, key_of(g)))
		growth->bps[g->holding] += bps;
	else
		drop(core, find(s, port));
}

void growth_forget(struct core *core, struct session *s)
{
	while (s->more && s->more->grown) {
		const struct grown *g = s->more->grown;

		core->growth[g->port].bps[g->holding] -= g->bps;
		drop(core, &s->more->grown);
	}
}

uint64_t preempt_spare(const struct core *core, int port, uint8_t setup)
{
	uint64_t spare = 0;

	for (unsigned holding = setup + 1u; holding < CORE_PRIORITIES; holding++)
		spare += core->growth[port].bps[holding];
	return spare;
}

/* What this element says of the ICorp's bandwidth, for its leader. */
static void say(struct turn *t, struct session *s, enum outcome outcome, const char *reason)
{
	struct in_addr none = { 0 };
	struct rsvp_grant g;

	own_grant(t->core, s, none, RESOURCE_BANDWIDTH, &g);
	g.outcome = (uint8_t)outcome;
	snprintf(g.reason, sizeof(g.reason), "%s", reason);
	own_grant_put(t, s, &g);
	s->words &= ~WORD_ABOUT(RESOURCE_BANDWIDTH);
}

void preempt_forget(struct turn *t, struct session *s)
{
	struct in_addr none = { 0 };
	struct rsvp_grant g;

	own_grant(t->core, s, none, RESOURCE_BANDWIDTH, &g);
	if (g.outcome == OUTCOME_PARTLY)
		say(t, s, OUTCOME_APPLIED, "");
}

/* Brings one session's hold on the port down to to_bps: whatever is reserved through that port and is more, is cut. */
static void shrink(struct turn *t, struct session *s, int port, uint64_t to_bps, const struct session *by)
{
	const char *ifname = t->core->config.port[port].ifname;
	char why[ADAPTOR_REASON];

	t->core->counter[CORE_PREEMPTED]++;
	snprintf(why, sizeof(why), "ICorp %u, of setup priority %u, takes growth on %s: %" PRIu64 " bit/s are left",
		 by->key.icorp, by->contract->setup_priority, ifname, to_bps);
	log_icorp(LOG_LEVEL_INFO, s->key.icorp, "preempted: %s", why);
	action_refused(t, s->key, RSVP_ERR_POLICY, RSVP_POLICY_PARTIAL_PREEMPT, why);
	snprintf(why, sizeof(why), "preempted by a contract of higher priority on %s", ifname);
	for (struct branch *b = s->branch; b; b = b->next)
		if (b->rate_bps > to_bps && branch_goes_through(s, b, port))
			branch_refuse(t, s, b, b->rate_bps, to_bps, RSVP_ERR_POLICY, RSVP_POLICY_PARTIAL_PREEMPT, why);
	session_yield(t->core, s);
	say(t, s, OUTCOME_PARTLY, why);
	s->dirty_terms = s->dirty_up = s->dirty_report = 1;
	revision_settle(t, s);
}

void preempt_take(struct turn *t, const struct session *by, int port, uint64_t bps)
{
	struct grown *g;

	while (bps && (g = (struct grown *)heap_top(&t->core->growth[port].heap))) {
		uint64_t part = g->bps < bps ? g->bps : bps;

		bps -= part; /* or a little more is taken: what is left is a rate that the wire can say */
		shrink(t, g->session, port, rsvp_rate(session_base(g->session) + g->bps - part), by);
	}
}
