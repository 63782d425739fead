/* Cut-through on the seed's figure 6 (testbed/fig6.topo): h3 and h4 are joined by r4 as well as by the leader's tree. */
#include <string.h>

#include "lib/clock.h"
#include "signald/session.h"
#include "tests/unit/network.h"

#define RATE 10000000
#define LINK_R1_R3 2 /* in the topology's order */
#define LINK_H3_R4 6

static const char *const access_routers[] = { "ar1" };

/* The shortcut that this server began, as that element has it; NULL: it has none. */
static const struct session *shortcut_of(struct sim *sim, const char *server, const char *element)
{
	const struct session *s = core_session(sim_core(sim, element), 1, address("ar1"));

	while (s && session_sender(s).s_addr != address(server).s_addr)
		s = session_newer(s);
	return s;
}

static const struct session *shortcut(struct sim *sim, const char *element)
{
	return shortcut_of(sim, "h3", element);
}

static struct sim *started(const char *const *servers, unsigned n)
{
	struct sim *sim = calm_sim();
	struct contract *c = sim_contract(sim, 1, 1, servers, n, access_routers, 1, RATE);

	originate(sim, c);
	run(sim, CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	return sim;
}

static struct sim *standing(void)
{
	static const char *const servers[] = { "h2", "h3", "h4" };
	struct sim *sim = started(servers, 3);

	run(sim, 5 * CLOCK_S);
	assert_non_null(shortcut(sim, "h3"));
	return sim;
}

static void gone(struct sim *sim)
{
	static const char *const on[] = { "h3", "r4", "h4" };

	for (unsigned i = 0; i < 3; i++)
		assert_null(shortcut(sim, on[i]));
	assert_int_equal(core_config(sim_core(sim, "h3"))->port[1].reserved_bps, 0);
	assert_int_equal(core_config(sim_core(sim, "r4"))->port[0].reserved_bps, 0);
}

/* In force all along its way, on no port that the tree has, and its ISC's server starts no second one. */
static void is_found(void **state)
{
	struct sim *sim = standing();

	assert_int_equal(shortcut(sim, "h3")->state, SESSION_UP);
	assert_int_equal(shortcut(sim, "r4")->state, SESSION_UP);
	assert_int_equal(shortcut(sim, "h4")->state, SESSION_UP);
	assert_null(leaf_of_isc(shortcut(sim, "h4")));
	assert_int_equal(sim_applied_rate(sim, "h3", 1, "eth0"), RATE);
	assert_int_equal(sim_applied_rate(sim, "h3", 1, "eth1"), RATE);
	assert_int_equal(sim_applied_rate(sim, "r4", 1, "eth0"), RATE);
	assert_int_equal(sim_applied_rate(sim, "r4", 1, "eth1"), RATE);
	assert_int_equal(sim_applied_rate(sim, "h4", 1, "eth1"), RATE);
	assert_null(shortcut(sim, "r1"));
	assert_null(shortcut(sim, "h2"));
	assert_int_equal(core_sessions(sim_core(sim, "h4")), 2); /* h4 does not begin one of its own */
	run(sim, 60 * CLOCK_S);
	sim_settled(sim);
	assert_int_equal(sim_violations(sim), 0);
	sim_free(sim);
}

/* The route is no longer a better one: the tree alone is left. And it comes again with the route. */
static void follows_routes(void **state)
{
	struct sim *sim = standing();

	sim_route(sim, "h3", "10.220.24.24/32", "10.220.23.1");
	run(sim, CLOCK_S);
	gone(sim);
	assert_true(sim_complete(sim, "ar1", 1));
	sim_route(sim, "h3", "10.220.24.24/32", "10.220.5.1");
	run(sim, CLOCK_S);
	assert_int_equal(shortcut(sim, "h3")->state, SESSION_UP);
	run(sim, 60 * CLOCK_S);
	sim_settled(sim);
	assert_int_equal(sim_violations(sim), 0);
	sim_free(sim);
}

/* With the ICorp it goes. */
static void ends_with_the_tree(void **state)
{
	struct sim *sim = standing();

	sim_withdraw(sim, "ar1", 1);
	run(sim, CLOCK_S);
	gone(sim);
	assert_int_equal(sim_leftovers(sim), 0);
	sim_free(sim);
}

/* r3's port to h5 carries the ICorp already: r3 answers for h5, and nothing more is held or sent there. */
static void stops_where_carried(void **state)
{
	static const char *const servers[] = { "h3", "h5" };
	struct sim *sim = started(servers, 2);

	run(sim, 5 * CLOCK_S);
	assert_int_equal(shortcut(sim, "h3")->state, SESSION_UP);
	assert_int_equal(shortcut(sim, "r4")->state, SESSION_UP);
	assert_int_equal(shortcut(sim, "r3")->state, SESSION_UP);
	assert_null(shortcut(sim, "r3")->branch);
	assert_null(shortcut(sim, "h5"));
	assert_int_equal(core_config(sim_core(sim, "r3"))->port[2].reserved_bps, RATE);
	assert_int_equal(sim_applied_rate(sim, "r3", 1, "eth2"), RATE);
	assert_int_equal(sim_applied_rate(sim, "r3", 1, "eth3"), RATE);
	run(sim, 60 * CLOCK_S);
	sim_settled(sim);
	assert_int_equal(sim_violations(sim), 0);
	sim_free(sim);
}

/* r3 is started again and hears of the shortcut first: it goes no further, and what is in force stays as it was. */
static void waits_for_the_tree(void **state)
{
	static const char *const servers[] = { "h3", "h4", "h5" };
	struct sim *sim = started(servers, 3);

	run(sim, 5 * CLOCK_S);
	assert_true(sim_demand(sim, "h4", 1, RESOURCE_BANDWIDTH, -1, 2));
	assert_true(sim_demand(sim, "h5", 1, RESOURCE_BANDWIDTH, -1, 1));
	run(sim, 5 * CLOCK_S);
	assert_in_range(sim_applied_rate(sim, "r3", 1, "eth0"), 1, RATE - 1);
	sim_steady(sim, 1);
	sim_crash(sim, (unsigned)topo_find(&topo, "r3"), 100 * CLOCK_MS);
	sim_cut(sim, LINK_R1_R3, 2 * CLOCK_S);
	run(sim, 1900 * CLOCK_MS);
	assert_non_null(shortcut(sim, "r3"));
	assert_ptr_equal(shortcut(sim, "r3"), session(sim, "r3", 1)); /* the tree is not known yet */
	assert_null(shortcut(sim, "h5"));
	run(sim, 60 * CLOCK_S);
	assert_null(shortcut(sim, "r3")->branch);
	assert_true(sim_complete(sim, "ar1", 1));
	sim_settled(sim);
	assert_int_equal(sim_violations(sim), 0);
	sim_free(sim);
}

/* Two shortcuts pass r4, which is started again: once it has heard of both, both go on, for no tree is to come. */
static void waits_for_the_other(void **state)
{
	static const char *const servers[] = { "h3", "h4", "h5" };
	struct sim *sim = started(servers, 3);
	const struct session *s;

	sim_route(sim, "h4", "10.220.25.25/32", "10.220.6.1");
	run(sim, 5 * CLOCK_S);
	assert_non_null(shortcut_of(sim, "h4", "r4"));
	assert_non_null(shortcut_of(sim, "h3", "r4"));
	sim_steady(sim, 1);
	sim_crash(sim, (unsigned)topo_find(&topo, "r4"), 100 * CLOCK_MS);
	sim_cut(sim, LINK_H3_R4, 1200 * CLOCK_MS);
	run(sim, 1150 * CLOCK_MS);
	s = shortcut_of(sim, "h4", "r4");
	assert_non_null(s);
	assert_null(shortcut_of(sim, "h3", "r4"));
	assert_int_equal(s->branch->path_id, 0);
	run(sim, 1200 * CLOCK_MS);
	assert_non_null(shortcut_of(sim, "h3", "r4"));
	assert_int_not_equal(s->branch->path_id, 0);
	run(sim, 60 * CLOCK_S);
	sim_settled(sim);
	assert_int_equal(sim_violations(sim), 0);
	sim_free(sim);
}

/* The tree comes to use the ports of the shortcut: that ends, and the tree has them once. */
static void gives_way_to_the_tree(void **state)
{
	struct sim *sim = standing();
	const struct core_config *config = core_config(sim_core(sim, "h4"));

	sim_route(sim, "r1", "10.220.24.0/24", "10.220.3.2"); /* the tree reaches h4 by r2, h3's router, too */
	sim_route(sim, "r2", "10.220.24.0/24", "10.220.23.23");
	run(sim, 20 * CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_null(shortcut(sim, "h3"));
	assert_int_equal(sim_applied_rate(sim, "h3", 1, "eth1"), RATE);
	for (unsigned p = 0; p < config->n_ports; p++)
		assert_in_range(config->port[p].reserved_bps, 0, RATE);
	assert_int_equal(sim_violations(sim), 0);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_found), cmocka_unit_test(follows_routes), cmocka_unit_test(ends_with_the_tree),
		cmocka_unit_test(stops_where_carried), cmocka_unit_test(waits_for_the_tree),
		cmocka_unit_test(waits_for_the_other), cmocka_unit_test(gives_way_to_the_tree),
	};

	return RUN_ON(SRCDIR "/testbed/fig6.topo", tests);
}
