/*
 * The clock: the kernel's monotonic one, or the moment it was stopped at, plus all warps.
 */
#include <time.h>

#include "lib/clock.h"

static uint64_t warped_us, stopped_at_us;
static int stopped;

static uint64_t read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * CLOCK_S + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_now_us(void)
{
	return (stopped ? stopped_at_us : read_us(CLOCK_MONOTONIC)) + warped_us;
}

uint64_t clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

void clock_stop(void)
{
	if (!stopped)
		stopped_at_us = read_us(CLOCK_MONOTONIC);
	stopped = 1;
}

void clock_warp(uint64_t delta_us)
{
	warped_us += delta_us;
}
