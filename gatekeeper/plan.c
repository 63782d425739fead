/*
 * Walking address pools (plan.h). What is in use is asked of the caller, who knows the contracts.
 */
#include <arpa/inet.h>
#include <errno.h>

#include "gatekeeper/plan.h"

int plan_icorp(struct prefix pool, uint32_t wanted, plan_prefix_used_fn *used, const void *ctx, struct prefix *out)
{
	uint32_t n = 1u << (PLAN_ICORP_LEN - pool.len);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t number = (uint32_t)(((uint64_t)wanted + i) % n);
		struct prefix candidate = {prefix_nth(pool, number << (32 - PLAN_ICORP_LEN)), PLAN_ICORP_LEN};

		if (n > 1 && number == 0)
			continue;
		if (used(ctx, candidate))
			continue;
		*out = candidate;
		return 0;
	}
	return -ENOSPC;
}

void plan_split(struct prefix icorp, struct prefix *access, struct prefix *servers)
{
	*access = (struct prefix){prefix_nth(icorp, 0), PLAN_SUBNET_LEN};
	*servers = (struct prefix){prefix_nth(icorp, 1u << (32 - PLAN_SUBNET_LEN)), PLAN_SUBNET_LEN};
}

int plan_public(struct prefix pool, struct in_addr last, plan_addr_used_fn *used, const void *ctx,
		struct in_addr *out)
{
	uint32_t n = pool.len ? 1u << (32 - pool.len) : 0, first = pool.len <= 30 ? 1 : 0;
	uint32_t usable = pool.len <= 30 ? n - 2 : n, start = 0;

	if (pool.len < 8)
		return -ENOSPC;
	if (last.s_addr && prefix_contains(pool, last)) {
		uint32_t at = ntohl(last.s_addr) - ntohl(prefix_nth(pool, 0).s_addr);

		start = at >= first ? (at - first + 1) % usable : 0;
	}
	for (uint32_t i = 0; i < usable; i++) {
		struct in_addr candidate = prefix_nth(pool, first + (start + i) % usable);

		if (used(ctx, candidate))
			continue;
		*out = candidate;
		return 0;
	}
	return -ENOSPC;
}
