/*
 * Many seeds, in several processes: a seed that kills its process is a failed seed, not the end of the run.
 */
#ifndef ICORP_SIM_FARM_H
#define ICORP_SIM_FARM_H

#include "tests/sim/scenario.h"

struct farm {
	uint64_t first, n;
	unsigned jobs;                  /* 1: in this process */
	/* Makes the topology of that seed, or gives back a common one; done takes it back. */
	const struct topo *(*topology)(void *ctx, uint64_t seed);
	void (*done)(void *ctx, const struct topo *topo);
	/* Each seed's outcome, in the order they end. */
	void (*outcome)(void *ctx, const struct seed_result *outcome);
	void *ctx;
};

/* 0, or -errno when processes cannot be had. */
int farm_run(const struct farm *farm, const struct scenario *scenario);

#endif
