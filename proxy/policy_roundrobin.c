/*
 * Round robin: each usable target in turn. The default. The cursor is the index after the last pick, so a target
 * that drops out costs nobody a turn.
 */
#include "config.h"

#include "proxy/policy.h"

static int pick(struct policy_item *const *items, size_t n, uint32_t *cursor)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = (*cursor % n + i) % n;

		if (items[at]->usable) {
			*cursor = (uint32_t)(at + 1);
			return (int)at;
		}
	}
	return -1;
}

static uint32_t share(const struct policy_item *item)
{
	return 1;
}

const struct policy policy_roundrobin = {
	.name = "round-robin",
	.help = "each usable server in turn",
	.pick = pick,
	.share = share,
};
