/*
 * See health.h: the whole state machine is these two functions.
 */
#include "config.h"

#include "proxy/health.h"

static uint64_t penalty(const struct health_limits *limits, uint32_t failures)
{
	uint64_t time = limits->eject_min_us;

	for (uint32_t i = 1; i < failures && time < limits->eject_max_us; i++)
		time *= 2;
	return time < limits->eject_max_us ? time : limits->eject_max_us;
}

int health_failed(struct health *health, const struct health_limits *limits, int error, uint64_t now_us)
{
	int was = health->ejected;

	health->total++;
	health->error = error;
	if (was && now_us < health->until_us)
		return 0;
	if (health->failures < UINT32_MAX)
		health->failures++;
	health->ejected = 1;
	health->until_us = now_us + penalty(limits, health->failures);
	return !was;
}

int health_good(struct health *health)
{
	int was = health->ejected;

	health->ejected = 0;
	health->failures = 0;
	health->until_us = 0;
	return was;
}
