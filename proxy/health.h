/*
 * Health of one target (one server's port): a failed connect ejects it, for a time that doubles with each
 * failure in a row; when the time is over it is probed, and comes back only if the probe connects. Pure.
 *
 *     in --connect failed--> ejected --time over, probe connects--> in
 *                              ^  |
 *                              +--+ probe fails: twice as long
 */
#ifndef ICORP_PROXY_HEALTH_H
#define ICORP_PROXY_HEALTH_H

#include <stdint.h>

struct health {
	int ejected;
	uint32_t failures;    /* in a row */
	uint64_t until_us;    /* ejected: when to probe */
	uint64_t total;       /* failures ever */
	int error;            /* errno of the last failure */
};

struct health_limits { uint64_t eject_min_us, eject_max_us; };

/* A connect failed with `error` (an errno). Returns 1 when that ejected a target that was in. A failure while it is
 * ejected and its time not over (connections begun earlier) changes nothing but the count. */
int health_failed(struct health *health, const struct health_limits *limits, int error, uint64_t now_us);
/* A connect succeeded. Returns 1 when that brought an ejected target back. */
int health_good(struct health *health);

#endif
