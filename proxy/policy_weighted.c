/*
 * Smooth weighted round robin: at each pick every usable target gains its weight in credit, the richest wins and
 * pays the sum of all. Over a cycle each gets exactly its share, and the picks of a heavy target are spread. The
 * weights are the leader's, who computes them from the servers' load.
 */
#include "config.h"

#include "proxy/policy.h"

/* Bounds what a target that stayed unusable for long, or whose weight fell, may carry along. */
static int64_t bounded(int64_t credit, int64_t sum)
{
	if (credit > sum)
		return sum;
	return credit < -sum ? -sum : credit;
}

static int pick(struct policy_item *const *items, size_t n, uint32_t *cursor)
{
	int64_t sum = 0;
	int best = -1;

	for (size_t i = 0; i < n; i++)
		if (items[i]->usable)
			sum += items[i]->weight;
	for (size_t i = 0; i < n; i++) {
		if (!items[i]->usable)
			continue;
		items[i]->credit = bounded(items[i]->credit, sum) + items[i]->weight;
		if (best < 0 || items[i]->credit > items[best]->credit)
			best = (int)i;
	}
	if (best >= 0)
		items[best]->credit -= sum;
	return best;
}

static uint32_t share(const struct policy_item *item)
{
	return item->weight ? item->weight : 1;
}

const struct policy policy_weighted = {
	.name = "weighted",
	.help = "in proportion to the servers' weights, spread smoothly",
	.pick = pick,
	.share = share,
};
