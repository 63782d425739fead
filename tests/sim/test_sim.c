/*
 * Seeded runs on a topology with faults: `test_sim [-t TOPOLOGY] [-n SEEDS] [-s FIRST] [-v]`. A failing seed names itself;
 * `-s SEED -n 1` replays it exactly.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "tests/sim/sim.h"

#define MAX_ICORPS 4

struct run { struct sim *sim; const char *access[16], *server[16]; unsigned n_access, n_servers, n; uint32_t up[MAX_ICORPS + 1]; };

static void find_ends(const struct topo *topo, struct run *run)
{
	for (unsigned i = 0; i < topo->n_nodes; i++) {
		const struct topo_node *n = &topo->node[i];

		if (n->what != TOPO_CONTROLLER)
			continue;
		if (n->kind == ELEMENT_ACCESS && run->n_access < 16)
			run->access[run->n_access++] = n->name;
		if (n->kind == ELEMENT_SERVER && run->n_servers < 16)
			run->server[run->n_servers++] = n->name;
	}
}

/* A few random things happen while messages get lost. */
static void trouble(struct run *run)
{
	static const enum resource resources[] = { RESOURCE_BANDWIDTH, RESOURCE_CPU, RESOURCE_MEMORY };

	for (unsigned i = 0; i < 12; i++) {
		uint32_t id = 1 + (uint32_t)sim_random(run->sim, run->n);
		const char *server = run->server[sim_random(run->sim, run->n_servers)];

		switch (sim_random(run->sim, 8)) {
		case 0:
			sim_kill_isc(run->sim, server, id);
			break;
		default:
			sim_demand(run->sim, server, id, resources[sim_random(run->sim, 3)],
				   sim_random(run->sim, 3) ? 1 : -1, 1 + (unsigned)sim_random(run->sim, 3));
		}
		if (sim_run(run->sim, sim_now(run->sim) + sim_random(run->sim, 3 * CLOCK_S)))
			return;
	}
}

static unsigned one(const struct topo *topo, uint64_t seed, int verbose)
{
	struct run run = { 0 };
	struct sim_faults faults = { .delay_min_us = 50, .apply_min_us = 100 }, calm = { .delay_max_us = 1000,
										       .apply_max_us = 2000 };
	unsigned violations;

	run.sim = sim_new(topo, seed, &calm);
	find_ends(topo, &run);
	faults.loss_permille = (unsigned)sim_random(run.sim, 250);
	faults.duplicate_permille = (unsigned)sim_random(run.sim, 200);
	faults.delay_max_us = 100 + sim_random(run.sim, 300000);
	faults.apply_max_us = 200 + sim_random(run.sim, 500000);
	faults.apply_fail_permille = sim_random(run.sim, 4) ? 0 : (unsigned)sim_random(run.sim, 100);
	sim_set_faults(run.sim, &faults);
	run.n = 1 + (unsigned)sim_random(run.sim, MAX_ICORPS);
	for (uint32_t id = 1; id <= run.n; id++) {
		struct contract *c = sim_contract(run.sim, id, 1, run.server, run.n_servers, run.access, run.n_access,
						  1000000 * (1 + sim_random(run.sim, 40)));

		if (!c)
			break;
		sim_originate(run.sim, c);
		contract_unref(c);
	}
	if (!sim_run(run.sim, sim_now(run.sim) + 30 * CLOCK_S))
		trouble(&run);
	/* the faults end; what is admitted must become whole or be gone, and deletion must leave nothing */
	sim_set_faults(run.sim, &calm);
	sim_run(run.sim, sim_now(run.sim) + 60 * CLOCK_S);
	for (uint32_t id = 1; id <= run.n; id++)
		sim_withdraw(run.sim, run.access[0], id);
	sim_run(run.sim, sim_now(run.sim) + 30 * CLOCK_S);
	sim_leftovers(run.sim);
	violations = sim_violations(run.sim);
	if (violations)
		printf("seed %lu: %u violations; first %s\n", seed, violations, sim_violation(run.sim));
	else if (verbose)
		printf("seed %lu: ok, %lu messages\n", seed, sim_messages(run.sim));
	sim_free(run.sim);
	return violations;
}

int main(int argc, char **argv)
{
	const char *file = SRCDIR "/testbed/demo.topo";
	unsigned long first = 1, n = 200, bad = 0;
	struct topo topo;
	char why[256];
	int c, verbose = 0;

	while ((c = getopt(argc, argv, "t:n:s:v")) != -1) {
		if (c == 't')
			file = optarg;
		else if (c == 'n')
			n = strtoul(optarg, NULL, 10);
		else if (c == 's')
			first = strtoul(optarg, NULL, 10);
		else if (c == 'v')
			verbose++;
		else
			return 2;
	}
	log_open("icorp-sim", NULL, LOG_SINK_STDERR, verbose > 1 ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	if (contract_init() || topo_load(file, &topo, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		return 2;
	}
	for (unsigned long seed = first; seed < first + n; seed++)
		bad += one(&topo, seed, verbose) != 0;
	printf("%lu seeds, %lu failed\n", n, bad);
	topo_free(&topo);
	contract_cleanup();
	return bad ? 1 : 0;
}
