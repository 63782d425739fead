/*
 * The list of policies, and the cycle that stands for a policy in the kernel.
 *
 * nftables has no notion of load: `numgen inc mod N map { 0 : a, 1 : b, … }` walks a fixed cycle. policy_slots
 * makes that cycle out of the policy's shares with the smooth weighted round robin of policy_weighted.c, so that
 * weights 5:1:1 become a a b a c a a, not five in a row. A cycle has at most POLICY_MAX_SLOTS slots; larger
 * weights are scaled, rounding so that nobody is left out.
 */
#include "config.h"

#include "proxy/policy.h"

#include <string.h>

/* One line per policy; the first is the default. */
static const struct policy *const policies[] = {
	&policy_roundrobin,
	&policy_weighted,
	&policy_leastconn,
};

const struct policy *policy_nth(size_t n)
{
	return n < sizeof(policies) / sizeof(policies[0]) ? policies[n] : NULL;
}

const struct policy *policy_find(const char *name)
{
	for (size_t i = 0; policy_nth(i); i++)
		if (!strcmp(policies[i]->name, name))
			return policies[i];
	return NULL;
}

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Fits the shares into `room` slots; returns their sum. */
static size_t fit(struct policy_item *copy, size_t n, size_t room)
{
	uint64_t sum = 0;
	uint32_t common = 0;

	for (size_t i = 0; i < n; i++)
		common = gcd(copy[i].weight, common);
	for (size_t i = 0; i < n; i++)
		sum += copy[i].weight /= common;
	if (sum <= room)
		return (size_t)sum;
	uint64_t scaled = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t w = (uint64_t)copy[i].weight * (room - n) / sum; /* n kept back for the rounding up */

		copy[i].weight = w ? (uint32_t)w : 1;
		scaled += copy[i].weight;
	}
	return (size_t)(scaled < room ? scaled : room);
}

size_t policy_slots(const struct policy *policy, struct policy_item *const *items, size_t n, uint16_t *slots,
		    size_t room)
{
	struct policy_item copy[POLICY_MAX_SLOTS], *ptr[POLICY_MAX_SLOTS];
	uint16_t index[POLICY_MAX_SLOTS];
	uint32_t cursor = 0;
	size_t used = 0, total;

	if (room > POLICY_MAX_SLOTS)
		room = POLICY_MAX_SLOTS;
	for (size_t i = 0; i < n && used < room; i++) {
		if (!items[i]->usable)
			continue;
		copy[used] = (struct policy_item){ .weight = policy->share(items[i]), .usable = 1 };
		ptr[used] = &copy[used];
		index[used++] = (uint16_t)i;
	}
	if (!used)
		return 0;
	total = fit(copy, used, room);
	for (size_t s = 0; s < total; s++)
		slots[s] = index[policy_weighted.pick(ptr, used, &cursor)];
	return total;
}
