/*
 * A router and a switch without a controller in the middle of a path: they are passed, and said to do nothing.
 *
 *     ar1 -- r1 -- (rp) -- r2 -- (lsw) --+-- srv1
 *                                        +-- srv2
 */
#include <string.h>

#include "lib/clock.h"
#include "signald/session.h"
#include "tests/unit/network.h"

static const char *const servers[] = { "srv1", "srv2" }, *const access_routers[] = { "ar1" };

static struct sim *standing(uint32_t n)
{
	struct sim *sim = calm_sim();

	for (uint32_t id = 1; id <= n; id++) {
		originate(sim, sim_contract(sim, id, 1, servers, 2, access_routers, 1, 10000000));
	}
	run(sim, CLOCK_S);
	return sim;
}

/* A grant that says "none" of what has this address, in the words that begin so; NULL: there is none. */
static const char *nothing_done(struct sim *sim, const char *element, const char *addr, const char *words)
{
	static struct rsvp_grant g;

	for (struct grant_cursor at = { 0 }; session_grant_next(sim_core(sim, element), session(sim, element, 1), &at, &g);)
		if (g.enforcement == ENFORCEMENT_NONE && !strcmp(g.element, addr) && !strncmp(g.reason, words, strlen(words)))
			return g.reason;
	return NULL;
}

static void is_passed(void **state)
{
	struct sim *sim = standing(3);
	const struct branch *b;

	for (uint32_t id = 1; id <= 3; id++) {
		assert_true(sim_complete(sim, "ar1", id));
		assert_int_equal(sim_applied_rate(sim, "r1", id, "eth1"), 10000000);
		assert_int_equal(sim_applied_rate(sim, "r2", id, "eth0"), 10000000);
		assert_int_equal(sim_applied_rate(sim, "r2", id, "eth1"), 10000000);
		b = session(sim, "r1", id)->branch;
		assert_null(b->next); /* both servers by one Path, and who took it is known now */
		assert_int_equal(b->neighbour.s_addr, address("r2").s_addr);
		assert_false(b->beyond);
	}
	run(sim, 60 * CLOCK_S);
	sim_settled(sim);
	assert_int_equal(sim_violations(sim), 0);
	sim_withdraw(sim, "ar1", 1);
	sim_withdraw(sim, "ar1", 2);
	sim_withdraw(sim, "ar1", 3);
	run(sim, CLOCK_S);
	assert_int_equal(sim_leftovers(sim), 0);
	sim_free(sim);
}

/* A server refuses at once: the first that r1 hears of who is behind the router, and to whom the tear goes. */
static void is_torn(void **state)
{
	struct sim *sim = calm_sim();

	((struct core *)(uintptr_t)sim_core(sim, "srv1"))->config.n_images = 0;
	originate(sim, sim_contract(sim, 1, 1, servers, 1, access_routers, 1, 10000000));
	run(sim, CLOCK_S);
	assert_null(session(sim, "ar1", 1));
	assert_null(session(sim, "r1", 1));
	assert_null(session(sim, "r2", 1));
	assert_int_equal(sim_violations(sim), 0);
	sim_free(sim);
}

/* Where it is noticed, and at the leader. */
static void is_reported(void **state)
{
	struct sim *sim = standing(1);

	assert_string_equal(nothing_done(sim, "r1", "10.220.3.2", "routers"), "routers without a controller on the way: 1");
	assert_non_null(nothing_done(sim, "ar1", "10.220.3.2", "routers"));
	assert_non_null(nothing_done(sim, "r2", "10.220.2.21", "a switch"));
	assert_non_null(nothing_done(sim, "ar1", "10.220.2.21", "a switch"));
	assert_null(nothing_done(sim, "ar1", "10.220.1.1", ""));
	sim_free(sim);
}

/* Nothing of it depends on the first try. */
static void after_a_crash(void **state)
{
	struct sim *sim = standing(1);

	sim_crash(sim, (unsigned)topo_find(&topo, "r2"), CLOCK_S);
	run(sim, 30 * CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_non_null(nothing_done(sim, "ar1", "10.220.3.2", "routers"));
	sim_crash(sim, (unsigned)topo_find(&topo, "r1"), CLOCK_S);
	run(sim, 30 * CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_non_null(nothing_done(sim, "ar1", "10.220.3.2", "routers"));
	sim_free(sim);
}

/* While the map is not known to r1 nobody says that rp has no controller: the gateway is asked. */
static void next_hops(void **state)
{
	struct nexthops nh = { 0 };
	struct core_config ports = { 0 };
	struct nexthop hop;
	const struct topo_node *r1 = &topo.node[topo_find(&topo, "r1")];
	struct in_addr srv1 = address("srv1"), none = { 0 };

	topo_ports(&topo, r1, &ports);
	nh.port_name = topo_port_name;
	nh.port_ctx = &ports;
	assert_int_equal(topo_nexthops(&topo, r1, &nh), 0);
	assert_int_equal(nexthop_find(&nh, srv1, none, &hop), 0);
	assert_true(hop.beyond);
	nh.alert = 0;
	assert_int_equal(nexthop_find(&nh, srv1, none, &hop), 0);
	assert_false(hop.beyond);
	nh.alert = 1;
	nexthops_clear_map(&nh);
	assert_int_equal(nexthop_find(&nh, srv1, none, &hop), 0);
	assert_false(hop.beyond);
	nexthops_clear_routes(&nh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_passed), cmocka_unit_test(is_torn), cmocka_unit_test(is_reported), cmocka_unit_test(after_a_crash),
		cmocka_unit_test(next_hops),
	};

	return RUN_ON(SRCDIR "/testbed/plain.topo", tests);
}
