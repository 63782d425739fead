/*
 * A contract's revisions on the demo's network: make before break, what does not fit or comes late, what is kept.
 */
#include <string.h>

#include "lib/clock.h"
#include "signald/session.h"
#include "tests/unit/demo_network.h"

static void revise(struct sim *sim, uint16_t revision, unsigned n_servers, uint64_t rate_bps)
{
	struct contract *c = sim_contract(sim, 1, revision, servers, n_servers, access_routers, 2, rate_bps);

	originate(sim, c);
}

static uint64_t reserved(struct sim *sim, const char *element, unsigned port)
{
	return core_config(sim_core(sim, element))->port[port].reserved_bps;
}

/* Runs for a while, looking every millisecond: r1 holds no less than least and no more than most, nothing goes down. */
static void run_between(struct sim *sim, uint64_t us, uint64_t least, uint64_t most)
{
	for (uint64_t end = sim_now(sim) + us; sim_now(sim) < end;) {
		run(sim, CLOCK_MS);
		assert_in_range(reserved(sim, "r1", 1), least, most);
		assert_in_range(sim_applied_rate(sim, "r1", 1, "eth1"), least, most);
		assert_in_range(sim_applied_rate(sim, "srv1", 1, "eth0"), least, most);
		assert_int_equal(session(sim, "ar1", 1)->leaf[2].up, 1); /* srv1 */
	}
}

/* A rate is changed: on each port the larger counts while both revisions are there, then the new one is all there is. */
static void revised_rate(void **state)
{
	struct sim *sim = start(10000000, 1);

	run(sim, CLOCK_S);
	sim_quiet(sim);
	revise(sim, 2, 2, 30000000);
	run_between(sim, CLOCK_S, 10000000, 30000000);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_int_equal(reserved(sim, "r1", 1), 30000000);
	revise(sim, 3, 2, 5000000);
	run_between(sim, CLOCK_S, 5000000, 30000000);
	for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++) {
		assert_int_equal(session(sim, hops[i], 1)->contract->revision, 3);
		assert_null(core_session_newer(session(sim, hops[i], 1)));
		assert_int_equal(session(sim, hops[i], 1)->state, SESSION_UP);
	}
	assert_int_equal(sim_applied_rate(sim, "r1", 1, "eth1"), 5000000);
	sim_settled(sim);
	end_withdrawn(sim);
}

/* A new revision has an endpoint less: that is given no more work, then torn, and nothing is held towards it any more. */
static void revised_without_one(void **state)
{
	struct sim *sim = start(10000000, 1);

	run(sim, CLOCK_S);
	sim_quiet(sim);
	revise(sim, 2, 1, 10000000);
	run(sim, CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_non_null(session(sim, "srv2", 1)); /* it may have users still */
	assert_int_equal(session(sim, "ar2", 1)->leaf[3].weight, 0);
	assert_int_equal(session(sim, "ar2", 1)->leaf[2].weight, 1);
	run(sim, 2 * CLOCK_S);
	assert_null(session(sim, "srv2", 1));
	assert_int_equal(sim_applied_rate(sim, "s2", 1, "eth1"), 10000000);
	assert_int_equal(reserved(sim, "s2", 2), 0);
	sim_settled(sim);
	revise(sim, 3, 2, 10000000); /* and it comes back */
	run(sim, CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_int_equal(sim_applied_rate(sim, "s2", 1, "eth2"), 10000000);
	assert_int_equal(session(sim, "ar2", 1)->leaf[3].weight, 1);
	end_settled(sim);
}

/* It comes back at once, with another address, before its old ISC has drained. */
static void revised_with_another_address(void **state)
{
	static const uint8_t place[] = { 0, 5 };
	struct sim *sim = start(10000000, 1);
	const struct core_resource *cpu = &core_config(sim_core(sim, "srv2"))->resource[RESOURCE_CPU];

	run(sim, CLOCK_S);
	revise(sim, 2, 1, 10000000);
	run(sim, CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_non_null(session(sim, "srv2", 1));
	sim_places(sim, place);
	revise(sim, 3, 2, 10000000);
	run(sim, 10 * CLOCK_S);
	assert_int_equal(session(sim, "ar1", 1)->contract->revision, 3);
	assert_int_equal(cpu->used, 1024);
	assert_settled(sim);
	end_withdrawn(sim);
}

/* A revision cannot give a server another address than the one that stands has: that has its ISC until it is replaced. */
static void revision_moves_nobody(void **state)
{
	static const uint8_t place[] = { 0, 5 };
	struct sim *sim = start(10000000, 1);
	uint64_t messages;

	run(sim, CLOCK_S);
	messages = core_counters(sim_core(sim, "ar1"))[CORE_PATHS_SENT];
	sim_places(sim, place);
	revise(sim, 2, 2, 10000000);
	assert_int_equal(core_counters(sim_core(sim, "ar1"))[CORE_PATHS_SENT], messages);
	assert_string_equal(session_rest(session(sim, "ar1", 1))->error.reason,
			    "revision 2: srv2 has another address in revision 1, and keeps it as long as that stands");
	run(sim, CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_int_equal(session(sim, "ar1", 1)->contract->revision, 1);
	end_settled(sim);
}

/* A revision that does not fit leaves the old one as it was; a smaller one does. */
static void revision_refused(void **state)
{
	struct sim *sim = start(49000000, 2);

	run(sim, CLOCK_S);
	sim_quiet(sim);
	revise(sim, 2, 2, 60000000);
	run_between(sim, CLOCK_S, 49000000, 98000000);
	assert_true(sim_complete(sim, "ar1", 1) && sim_complete(sim, "ar1", 2));
	assert_int_equal(session(sim, "ar1", 1)->contract->revision, 1);
	assert_int_equal(reserved(sim, "r1", 1), 98000000);
	assert_int_equal(sim_applied_rate(sim, "r1", 1, "eth1"), 49000000);
	assert_non_null(strstr(session_rest(session(sim, "ar1", 1))->error.reason, "revision 2: no capacity on"));
	sim_settled(sim);
	revise(sim, 3, 2, 51000000);
	run_between(sim, CLOCK_S, 49000000, 100000000);
	assert_int_equal(reserved(sim, "r1", 1), 100000000);
	assert_string_equal(session_rest(session(sim, "ar1", 1))->error.reason, "");
	end_settled(sim);
}

/* One that is not complete in time is given up; a third one tears the second, and replaces the first. */
static void revision_late(void **state)
{
	struct sim *sim = start(10000000, 1);

	run(sim, CLOCK_S);
	revise(sim, 2, 1, 10000000);
	run(sim, 4 * CLOCK_S);
	sim_cut(sim, topo.node[topo_find(&topo, "srv2")].iface[0].link, 50 * CLOCK_S);
	revise(sim, 3, 2, 20000000);
	run(sim, CLOCK_S);
	assert_int_equal(session_newer(session(sim, "s2", 1))->contract->revision, 3);
	revise(sim, 4, 2, 30000000);
	run(sim, CLOCK_S);
	assert_int_equal(session_newer(session(sim, "s2", 1))->contract->revision, 4);
	assert_null(session_newer(session_newer(session(sim, "s2", 1))));
	assert_int_equal(reserved(sim, "r1", 1), 30000000);
	run(sim, 40 * CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_int_equal(session(sim, "ar1", 1)->contract->revision, 2);
	assert_non_null(strstr(session_rest(session(sim, "ar1", 1))->error.reason, "srv2 was not confirmed in time"));
	assert_int_equal(reserved(sim, "r1", 1), 10000000);
	end_settled(sim);
}

/* A controller dies while a revision is being set up: what is in force for the old one stays, and the new one completes. */
static void revision_hop_dies(void **state)
{
	static const struct sim_faults slow = { .delay_min_us = 300, .delay_max_us = 30 * CLOCK_MS, .apply_max_us = 50 * CLOCK_MS,
						.unordered = 1 };

	for (uint64_t after = 10; after < 400; after += 10) {
		struct sim *sim = start(10000000, 1);

		run(sim, CLOCK_S);
		sim_set_faults(sim, &slow);
		revise(sim, 2, 2, 30000000);
		run(sim, after * CLOCK_MS);
		sim_crash(sim, (unsigned)topo_find(&topo, "s2"), 100 * CLOCK_MS);
		for (uint64_t end = sim_now(sim) + 2 * CLOCK_S; sim_now(sim) < end;) {
			run(sim, 100);
			assert_in_range(sim_applied_rate(sim, "s2", 1, "eth0"), 10000000, 30000000);
			assert_in_range(sim_applied_rate(sim, "s2", 1, "eth1"), 10000000, 30000000);
			assert_in_range(sim_applied_rate(sim, "s2", 1, "eth2"), 10000000, 30000000);
		}
		run(sim, 30 * CLOCK_S);
		assert_true(sim_complete(sim, "ar1", 1));
		assert_int_equal(session(sim, "ar1", 1)->contract->revision, 2);
		assert_int_equal(sim_applied_rate(sim, "r2", 1, "eth1"), 30000000);
		end_settled(sim);
	}
}

/* What demands gained above the old contract's rate is kept, as far as the new one's limit allows. */
static void revision_keeps_growth(void **state)
{
	static const struct { uint64_t limit, rate, shares, expect, expect_shares; } cases[] = {
		{ 0, 10000000, 0, 12000000, 1536 }, { 11000000, 10000000, 1200, 11000000, 1200 }, { 0, 15000000, 0, 15000000, 1536 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sim *sim = start(10000000, 1);
		struct contract *c = sim_contract(sim, 1, 2, servers, 2, access_routers, 2, cases[i].rate);
		struct contract_error error = { 0 };

		run(sim, CLOCK_S);
		sim_demand(sim, "srv2", 1, RESOURCE_BANDWIDTH, 1, 1);
		sim_demand(sim, "srv2", 1, RESOURCE_CPU, 1, 2);
		run(sim, CLOCK_S);
		assert_int_equal(sim_applied_rate(sim, "r1", 1, "eth1"), 12000000);
		c->limits.max[RESOURCE_BANDWIDTH] = cases[i].limit;
		c->limits.max[RESOURCE_CPU] = cases[i].shares;
		assert_int_equal(contract_seal(c, &error), 0);
		sim_originate(sim, c);
		contract_unref(c);
		run(sim, CLOCK_S);
		assert_int_equal(session(sim, "srv2", 1)->contract->revision, 2);
		assert_int_equal(sim_applied_rate(sim, "r1", 1, "eth1"), cases[i].expect);
		assert_int_equal(sim_applied_cpu(sim, "srv2", 1), cases[i].expect_shares);
		assert_int_equal(sim_applied_cpu(sim, "srv1", 1), 1024);
		sim_demand(sim, "srv2", 1, RESOURCE_CPU, -1, 1); /* and goes on from there */
		run(sim, CLOCK_S);
		assert_int_equal(sim_applied_cpu(sim, "srv2", 1), cases[i].expect_shares - 256);
		end_settled(sim);
	}
}

/* Its server gives the new one's ISC less than it begins with: that is tried once, not with each refresh of the old one. */
static void revision_given_less(void **state)
{
	struct sim_faults faults = { .delay_min_us = 300, .delay_max_us = 300, .apply_max_us = 3000, .most_shares = 1300 };
	struct sim *sim = start(10000000, 1);
	struct contract *c = sim_contract(sim, 1, 2, servers, 2, access_routers, 2, 10000000);
	struct contract_error error = { 0 };
	uint32_t applied;

	run(sim, CLOCK_S);
	sim_set_faults(sim, &faults);
	for (unsigned i = 0; i < c->n_endpoints; i++)
		if (c->endpoints[i].kind == ENDPOINT_SERVER)
			c->endpoints[i].isc.cpu_shares = 2048;
	assert_int_equal(contract_seal(c, &error), 0);
	sim_crash(sim, (unsigned)topo_find(&topo, "ar2"), 2 * CLOCK_S); /* both stand as long */
	sim_originate(sim, c);
	contract_unref(c);
	run(sim, CLOCK_S);
	assert_non_null(session_newer(session(sim, "srv1", 1)));
	assert_int_equal(sim_applied_cpu(sim, "srv1", 1), 1300);
	applied = sim_core(sim, "srv1")->next_cookie;
	sim_demand(sim, "srv1", 1, RESOURCE_MEMORY, 1, 1); /* the old one hears from it */
	run(sim, 500 * CLOCK_MS);
	assert_int_equal(sim_applied_cpu(sim, "srv1", 1), 1300);
	assert_int_equal(sim_core(sim, "srv1")->next_cookie, applied + 2);
	run(sim, 60 * CLOCK_S);
	assert_int_equal(session(sim, "srv1", 1)->contract->revision, 2);
	assert_int_equal(sim_applied_cpu(sim, "srv1", 1), 1300);
	sim_demand(sim, "srv1", 1, RESOURCE_CPU, -1, 1);
	run(sim, CLOCK_S);
	assert_int_equal(sim_applied_cpu(sim, "srv1", 1), 1300 - 256);
	end_settled(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(revised_rate), cmocka_unit_test(revised_without_one),
		cmocka_unit_test(revised_with_another_address), cmocka_unit_test(revision_moves_nobody),
		cmocka_unit_test(revision_refused), cmocka_unit_test(revision_late), cmocka_unit_test(revision_hop_dies),
		cmocka_unit_test(revision_keeps_growth), cmocka_unit_test(revision_given_less),
	};

	return RUN_ON(SRCDIR "/testbed/demo.topo", tests);
}
