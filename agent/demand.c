/*
 * Bookkeeping of demands (doc: DEMAND and GRANT of class 252). Elements act on a sequence number at most once, so a
 * number must never come twice, not even from an ISC's controller that was restarted: numbers start at the wall clock's
 * seconds, and the last one used is kept in the run directory.
 */
#include <string.h>

#include "agent/demand.h"

void demand_open(struct demand *d, enum icorp_resource resource, int direction, uint16_t steps, uint32_t sequence,
		 uint64_t now_us, uint64_t deadline_us)
{
	d->state = DEMAND_OPEN;
	d->resource = resource;
	d->direction = direction;
	d->steps = steps;
	d->sequence = sequence;
	d->asked_us = now_us;
	d->deadline_us = deadline_us;
	d->by_policy = 0;
	d->n_grants = 0;
}

static int same(const struct rsvp_grant *a, const struct rsvp_grant *b)
{
	return a->outcome == b->outcome && a->level == b->level && a->enforcement == b->enforcement &&
	       !strcmp(a->reason, b->reason);
}

/* Returns whether it is news. */
static int keep(struct demand *d, const struct rsvp_grant *grant)
{
	unsigned i = 0;

	while (i < d->n_grants && d->grant[i].node.s_addr != grant->node.s_addr)
		i++;
	if (i == DEMAND_MAX_GRANTS || (i < d->n_grants && same(&d->grant[i], grant)))
		return 0;
	d->grant[i] = *grant;
	if (i == d->n_grants)
		d->n_grants++;
	return 1;
}

int demand_take(struct demand *d, const struct rsvp_msg *msg, struct in_addr endpoint, struct in_addr leader, int *news)
{
	int done = 0;

	*news = 0;

	for (unsigned i = 0; i < msg->grants.n; i++) {
		const struct rsvp_grant *g = &msg->grants.v[i];

		if (g->sequence != d->sequence || g->endpoint.s_addr != endpoint.s_addr || g->resource != d->resource)
			continue;
		*news |= keep(d, g);
		done |= g->node.s_addr == leader.s_addr;
	}
	return done;
}

enum icorp_outcome demand_outcome(const struct demand *d)
{
	unsigned seen = 0;

	for (unsigned i = 0; i < d->n_grants; i++)
		seen |= 1u << (d->grant[i].outcome & 7);
	if (seen & 1u << ICORP_REFUSED)
		return ICORP_REFUSED;
	if (seen & 1u << ICORP_PARTLY)
		return ICORP_PARTLY;
	if (seen & 1u << ICORP_APPLIED)
		return ICORP_APPLIED;
	return seen ? ICORP_IGNORED : ICORP_REFUSED;
}

struct rsvp_demand demand_object(const struct demand *d, struct in_addr endpoint)
{
	struct rsvp_demand o = { .endpoint = endpoint, .resource = (uint8_t)d->resource,
				 .direction = (int8_t)d->direction, .steps = d->steps, .sequence = d->sequence };

	return o;
}

uint32_t demand_sequence(uint32_t last, uint64_t wall_s)
{
	return wall_s > last ? (uint32_t)wall_s : last + 1;
}
