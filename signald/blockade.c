/*
 * A branch is held at less than it asks for: an increase was refused, here or further up. RFC 2205 section 3.5 knows two
 * ways in which such a reservation would kill another one:
 *
 *   It takes the place of the smaller one that stood. So it stands: the branch keeps what it had (InPlace).
 *   Merged, its large request hides a smaller one of another branch, again and again. So a ResvErr brings every hop on its
 *   way to the rate that stands, the large request is out of the merged Resv, and blocked for a lifetime: as much, or more,
 *   is not tried again. After that it is, if it is still asked for, so that nothing stays different on two sides of a link
 *   for longer, whatever was lost.
 *
 * Refreshes are what is blocked. A demand that was never answered is a client who asks again: it is tried.
 */
#include <stdio.h>
#include <stdlib.h>

#include "signald/session.h"

int branch_blocked(const struct turn *t, struct branch *b, uint64_t bps)
{
	if (!b->blockade)
		return 0;
	b->blockade->asked_bps = bps;
	return bps >= b->blockade->bps && t->now_us < b->blockade->until_us;
}

void branch_unblock(struct branch *b, uint64_t bps)
{
	if (!b->blockade || bps < b->blockade->bps)
		return;
	free(b->blockade);
	b->blockade = NULL;
}

void branch_retry(struct turn *t, struct session *s, struct branch *b)
{
	uint64_t asked;

	if (!b->blockade || b->blockade->until_us > t->now_us)
		return;
	asked = b->blockade->asked_bps;
	branch_unblock(b, UINT64_MAX);
	if (b->resv_expires_us && asked > b->rate_bps)
		resv_admit(t, s, b, asked);
}

/* Without memory it may be tried again. */
static void block(struct turn *t, struct branch *b, uint64_t bps)
{
	if (!b->blockade)
		b->blockade = malloc(sizeof(*b->blockade));
	if (b->blockade)
		*b->blockade = (struct blockade){ bps, bps, t->now_us + core_lifetime(t->core, t->core->config.refresh_us) };
}

static int is_preemption(const struct rsvp_error *error)
{
	return error->code == RSVP_ERR_POLICY && error->value == RSVP_POLICY_PARTIAL_PREEMPT;
}

/*
 * On the server whose ISC asked. What is refused is taken back: what was reserved before stands, if so much does. What is
 * preempted is only cut.
 */
static void isc_reduce(struct turn *t, struct session *s, struct branch *b, uint64_t to_bps, const struct rsvp_error *error,
		       const struct rsvp_grant *grant)
{
	int preempted = is_preemption(error);
	const char *by = grant ? grant->element : "an element upstream";
	struct leaf *leaf = leaf_of_isc(s);
	struct rsvp_grant g;

	b->rate_bps = to_bps;
	if (!leaf->more)
		return;
	if (!preempted && leaf->more->former_bps && leaf->more->former_bps < to_bps)
		b->rate_bps = leaf->more->former_bps;
	leaf->more->former_bps = 0;
	own_grant(t->core, s, leaf_ep(s, leaf)->control, RESOURCE_BANDWIDTH, &g);
	g.outcome = preempted ? OUTCOME_PARTLY : OUTCOME_REFUSED;
	g.level = b->rate_bps;
	snprintf(g.reason, sizeof(g.reason), "%s %s",
		 preempted ? "preempted by a contract of higher priority on" : "refused by", by);
	own_grant_put(t, s, &g);
}

void branch_reduce(struct turn *t, struct session *s, struct branch *b, uint64_t asked_bps, uint64_t to_bps,
		   const struct rsvp_error *error, const struct rsvp_grant *grant)
{
	if (b->isc) {
		isc_reduce(t, s, b, to_bps, error, grant);
		return;
	}
	block(t, b, asked_bps);
	b->rate_bps = to_bps;
	send_resv_err(t, s, b, error, grant);
}

void branch_refuse(struct turn *t, struct session *s, struct branch *b, uint64_t asked_bps, uint64_t to_bps,
		   uint8_t code, uint16_t value, const char *why)
{
	struct rsvp_error error = { t->core->config.address, RSVP_ERROR_IN_PLACE, code, value };
	struct in_addr none = { 0 };
	struct rsvp_grant grant;

	own_grant(t->core, s, none, RESOURCE_BANDWIDTH, &grant);
	grant.outcome = is_preemption(&error) ? OUTCOME_PARTLY : OUTCOME_REFUSED;
	grant.level = to_bps;
	snprintf(grant.reason, sizeof(grant.reason), "%s", why);
	branch_reduce(t, s, b, asked_bps, to_bps, &error, &grant);
}
