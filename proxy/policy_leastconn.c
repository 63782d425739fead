/*
 * Least connections: the usable target with the fewest open connections for its weight, compared by cross
 * multiplication; ties go round. The kernel cannot count so, its cycle uses the weights alone.
 */
#include "config.h"

#include "proxy/policy.h"

/* a is less loaded than b. */
static int lighter(const struct policy_item *a, const struct policy_item *b)
{
	return (uint64_t)(a->active + 1) * b->weight < (uint64_t)(b->active + 1) * a->weight;
}

static int pick(struct policy_item *const *items, size_t n, uint32_t *cursor)
{
	int best = -1;

	for (size_t i = 0; i < n; i++) {
		size_t at = (*cursor % n + i) % n;

		if (items[at]->usable && (best < 0 || lighter(items[at], items[best])))
			best = (int)at;
	}
	if (best >= 0)
		*cursor = (uint32_t)best + 1;
	return best;
}

static uint32_t share(const struct policy_item *item)
{
	return item->weight ? item->weight : 1;
}

const struct policy policy_leastconn = {
	.name = "least-connections",
	.help = "the fewest open connections for the weight (kernel path: by weight)",
	.pick = pick,
	.share = share,
};
