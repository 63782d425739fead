/*
 * One seed: ICorps are asked for, ask for more and less, lose ISCs and are deleted, while messages, adaptors, controllers
 * and links fail; then everything works again, and what is admitted must become whole, of all else nothing may be left;
 * then everything is deleted, and nothing at all may be left.
 */
#ifndef ICORP_SIM_SCENARIO_H
#define ICORP_SIM_SCENARIO_H

#include <stdio.h>

#include "tests/sim/topo.h"

#define SCENARIO_MAX_ICORPS 4096
#define SCENARIO_AS_SEEDED (-1)

/* Each of these is a number, or SCENARIO_AS_SEEDED: the seed decides, up to what is said here. */
struct scenario {
	int loss, duplicates;   /* of 1000 messages; 249, 199 */
	int delay_ms;           /* the longest of a message; 300. Different ones reorder */
	int refuse, stall;      /* of 1000 answers of adaptors; 99 in one seed of four, 29 in another */
	int crashes;            /* of controllers; 3 */
	int cuts;               /* of links, for up to 15 s; 3 */
	int maps;               /* how often the layer-2 map is gone for a while; 1 */
	int routing;            /* whether routers find other ways when links are cut; in one seed of two */
	int skew_ppm;           /* how wrong clocks run; 50000 */
	int unordered;          /* whether old and doubled datagrams get through; in one seed of four */
	int pressing;           /* whether contracts are small and everybody wants to grow, so that preemption is common; in one of two */
	int quiet;              /* whether nothing but what is asked for happens, and nobody asks for less; in one seed of eight */
	int icorps;             /* how many are asked for; 4, or 12 on networks */
	FILE *trace;            /* NULL: none */
};

struct seed_result {
	uint64_t seed, messages;
	unsigned violations, standing, refused;
	char violation[512];    /* the first */
};

void scenario_run(const struct topo *topo, uint64_t seed, const struct scenario *scenario, struct seed_result *out);

#endif
