/* What is measured on the demo's network is known to the leader, who does not send it down again, and only what moved is told. */
#include <string.h>

#include "lib/clock.h"
#include "signald/session.h"
#include "tests/unit/demo_network.h"

static struct core_actions none;

static void used(struct sim *sim, const char *element, enum resource resource, uint64_t used)
{
	struct core *core = (struct core *)(uintptr_t)sim_core(sim, element);

	core_used(core, core_session_next(core, NULL)->key, resource, used, sim_now(sim), &none);
	assert_int_equal(none.n, 0); /* it waits for what others have to say */
	run(sim, 5 * CLOCK_S);
}

/* What ar1, who leads, knows an element to say of a resource; -1: that it was not measured. */
static int64_t known(struct sim *sim, const char *element, enum resource resource)
{
	const struct core *core = sim_core(sim, "ar1");
	struct rsvp_grant g;

	for (struct grant_cursor at = { 0 }; session_grant_next(core, core_session_next(core, NULL), &at, &g);)
		if (!strcmp(g.element, element) && g.resource == resource &&
		    (g.endpoint.s_addr == 0 || resource != RESOURCE_BANDWIDTH))
			return g.flags & RSVP_GRANT_USED ? (int64_t)g.used : -1;
	fail();
	return 0;
}

static void use_is_told_when_it_moves(void **state)
{
	struct sim *sim = start(10000000, 1);

	run(sim, CLOCK_S);
	assert_int_equal(known(sim, "r2", RESOURCE_BANDWIDTH), -1);
	used(sim, "r2", RESOURCE_BANDWIDTH, 0);
	assert_int_equal(known(sim, "r2", RESOURCE_BANDWIDTH), -1);
	used(sim, "r2", RESOURCE_BANDWIDTH, 4000000);
	assert_int_equal(known(sim, "r2", RESOURCE_BANDWIDTH), 4000000);
	assert_int_equal(known(sim, "r1", RESOURCE_BANDWIDTH), -1);
	used(sim, "r2", RESOURCE_BANDWIDTH, 4999999);
	assert_int_equal(known(sim, "r2", RESOURCE_BANDWIDTH), 4000000);
	used(sim, "r2", RESOURCE_BANDWIDTH, 5000000);
	assert_int_equal(known(sim, "r2", RESOURCE_BANDWIDTH), 5000000);
	used(sim, "r2", RESOURCE_BANDWIDTH, 1);
	assert_int_equal(known(sim, "r2", RESOURCE_BANDWIDTH), 1);
	used(sim, "r2", RESOURCE_BANDWIDTH, 100000); /* the difference is less than a hundredth */
	assert_int_equal(known(sim, "r2", RESOURCE_BANDWIDTH), 1);
	used(sim, "r2", RESOURCE_BANDWIDTH, 100001);
	assert_int_equal(known(sim, "r2", RESOURCE_BANDWIDTH), 100001);
	used(sim, "r2", RESOURCE_BANDWIDTH, 200001); /* not twice */
	assert_int_equal(known(sim, "r2", RESOURCE_BANDWIDTH), 100001);
	used(sim, "r2", RESOURCE_BANDWIDTH, 0);
	assert_int_equal(known(sim, "r2", RESOURCE_BANDWIDTH), 0);
	used(sim, "ar1", RESOURCE_BANDWIDTH, 3000000);
	assert_int_equal(known(sim, "ar1", RESOURCE_BANDWIDTH), 3000000);
	used(sim, "srv1", RESOURCE_CPU, 150);
	used(sim, "srv1", RESOURCE_MEMORY, 65536);
	assert_int_equal(known(sim, "srv1", RESOURCE_CPU), 150);
	assert_int_equal(known(sim, "srv1", RESOURCE_MEMORY), 65536);
	used(sim, "srv1", RESOURCE_CPU, 249);
	assert_int_equal(known(sim, "srv1", RESOURCE_CPU), 150);
	used(sim, "r1", RESOURCE_CPU, 500); /* no ISC is there */
	assert_true(sim_complete(sim, "ar1", 1));
	core_actions_free(&none);
	sim_free(sim);
}

/* The answer to a demand says what was measured neither when it is given nor later. */
static void use_stays_above(void **state)
{
	struct sim *sim = start(10000000, 1);
	const struct rsvp_grant *g;
	uint32_t told;
	uint32_t n;

	run(sim, CLOCK_S);
	n = sim_demand(sim, "srv1", 1, RESOURCE_CPU, 1, 1);
	run(sim, CLOCK_S);
	used(sim, "srv1", RESOURCE_CPU, 150);
	assert_int_equal(known(sim, "srv1", RESOURCE_CPU), 150);
	g = sim_told(sim, "srv1", 1, "srv1", n);
	assert_non_null(g);
	assert_int_equal(g->flags, 0);
	told = session(sim, "ar1", 1)->more->told.len;
	used(sim, "srv1", RESOURCE_CPU, 1000);
	assert_int_equal(session(sim, "ar1", 1)->more->told.len, told);
	core_actions_free(&none);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(use_is_told_when_it_moves),
		cmocka_unit_test(use_stays_above),
	};

	return RUN_ON(SRCDIR "/testbed/demo.topo", tests);
}
