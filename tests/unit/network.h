/* For units that run the simulator on one network, the topology of a file, without faults: what all of them begin with. */
#ifndef ICORP_TESTS_UNIT_NETWORK_H
#define ICORP_TESTS_UNIT_NETWORK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "contracts/contract.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "tests/sim/sim.h"

static struct topo topo;

/* Nothing is lost, a message takes 0.3 ms and an apply 0.5 to 3. */
static inline struct sim *calm_sim(void)
{
	struct sim_faults calm = { .delay_min_us = 300, .delay_max_us = 300, .apply_min_us = 500, .apply_max_us = 3000 };

	return sim_new(&topo, 1, &calm);
}

static inline void originate(struct sim *sim, struct contract *c)
{
	assert_non_null(c);
	sim_originate(sim, c);
	contract_unref(c);
}

static inline void run(struct sim *sim, uint64_t us)
{
	if (sim_run(sim, sim_now(sim) + us))
		fail_msg("%s", sim_violation(sim));
}

static inline struct in_addr address(const char *element)
{
	return topo_control(&topo.node[topo_find(&topo, element)]);
}

/* Of an ICorp that ar1 leads; its oldest one. NULL: it has none. */
static inline const struct session *session(struct sim *sim, const char *element, uint32_t id)
{
	return core_session(sim_core(sim, element), id, address("ar1"));
}

/* After a long calm every ICorp is whole or gone, and nothing was violated on the way. */
static inline void assert_settled(struct sim *sim)
{
	sim_settled(sim);
	assert_int_equal(sim_violations(sim), 0);
}

/* How a test ends: as it is, or its ICorp 1 is withdrawn and nothing of it is left. Frees it. */
static inline void end_settled(struct sim *sim)
{
	assert_settled(sim);
	sim_free(sim);
}

static inline void end_withdrawn(struct sim *sim)
{
	sim_withdraw(sim, "ar1", 1);
	run(sim, CLOCK_S);
	assert_int_equal(sim_leftovers(sim), 0);
	sim_free(sim);
}

static inline int network_begin(const char *topology)
{
	char why[256] = "no memory";

	log_open("test", NULL, LOG_SINK_STDERR, getenv("ICORP_TEST_LOG") ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR);
	if (!contract_init() && !topo_load(topology, &topo, why, sizeof(why)))
		return 0;
	fprintf(stderr, "%s: %s\n", topology, why);
	return 1;
}

static inline int network_end(int failed)
{
	topo_free(&topo);
	contract_cleanup();
	return failed;
}

/* Runs the tests on this topology; main's status. ICORP_TEST_LOG in the environment: what controllers log is printed. */
#define RUN_ON(topology, tests) (network_begin(topology) ? 1 : network_end(cmocka_run_group_tests(tests, NULL, NULL)))

#endif
