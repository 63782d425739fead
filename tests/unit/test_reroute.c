/*
 * Routes change while an ICorp stands: the way moves, make before break, and what cannot move stays.
 *
 *                +-- ra --+      +-- srv1
 *     ar1 -- r1 -+        +- r2 -+
 *                +-- rb --+      +-- srv2        rb's links carry 20 Mbit/s, all others 100
 */
#include <string.h>

#include "lib/clock.h"
#include "signald/session.h"
#include "tests/unit/network.h"

#define RATE 10000000

static const char *const servers[] = { "srv1", "srv2" }, *const access_routers[] = { "ar1" };

static struct sim *standing(uint32_t n, uint64_t rate_bps)
{
	struct sim *sim = calm_sim();

	for (uint32_t id = 1; id <= n; id++) {
		originate(sim, sim_contract(sim, id, 1, servers, 2, access_routers, 1, rate_bps));
	}
	run(sim, CLOCK_S);
	for (uint32_t id = 1; id <= n; id++) {
		assert_true(sim_complete(sim, "ar1", id));
		assert_non_null(session(sim, "ra", id));
		assert_null(session(sim, "rb", id));
	}
	return sim;
}

/* Both servers' networks. */
static void to_servers(struct sim *sim, const char *via)
{
	sim_route(sim, "r1", "10.210.21.0/24", via);
	sim_route(sim, "r1", "10.210.22.0/24", via);
}

static void by(struct sim *sim, const char *used, const char *other, uint32_t id)
{
	assert_true(sim_complete(sim, "ar1", id));
	assert_non_null(session(sim, used, id));
	assert_int_equal(session(sim, used, id)->state, SESSION_UP);
	assert_null(session(sim, other, id));
	assert_int_equal(session(sim, "r2", id)->up.addr.s_addr, address(used).s_addr);
	assert_null(session(sim, "r2", id)->former);
	assert_int_equal(sim_applied_rate(sim, "r1", id, *used && used[1] == 'a' ? "eth1" : "eth2"), RATE);
	assert_int_equal(sim_applied_rate(sim, "r1", id, *used && used[1] == 'a' ? "eth2" : "eth1"), 0);
}

/* At no moment is it in force on neither way, is anything below the meeting point touched, or the leader told. */
static void moves(void **state)
{
	struct sim *sim = standing(2, RATE);
	uint64_t below = sim_core(sim, "srv1")->next_cookie, began;

	began = sim_now(sim);
	to_servers(sim, "10.210.4.2");
	while (session(sim, "ra", 1) || session(sim, "ra", 2)) {
		for (uint32_t id = 1; id <= 2; id++) {
			const struct session *a = session(sim, "ra", id), *b = session(sim, "rb", id);

			assert_true((a && a->state == SESSION_UP) || (b && b->state == SESSION_UP));
			assert_true(sim_complete(sim, "ar1", id));
			if (!sim_applied_rate(sim, "r1", id, "eth1"))
				assert_int_equal(b->state, SESSION_UP); /* it was switched to what was made */
		}
		assert_in_range(sim_now(sim) - began, 0, 100 * CLOCK_MS);
		run(sim, 100);
	}
	run(sim, 100 * CLOCK_MS);
	for (uint32_t id = 1; id <= 2; id++)
		by(sim, "rb", "ra", id);
	assert_int_equal(sim_core(sim, "srv1")->next_cookie, below);
	run(sim, 60 * CLOCK_S);
	assert_settled(sim);
	to_servers(sim, "10.210.3.2");
	run(sim, CLOCK_S);
	for (uint32_t id = 1; id <= 2; id++)
		by(sim, "ra", "rb", id);
	sim_free(sim);
}

/* Of three of 10 Mbit/s only two fit on rb's 20: the third stays where it is, whole. */
static void full_stays(void **state)
{
	struct sim *sim = standing(3, RATE);
	unsigned moved = 0;

	to_servers(sim, "10.210.4.2");
	run(sim, CLOCK_S);
	for (uint32_t id = 1; id <= 3; id++) {
		assert_true(sim_complete(sim, "ar1", id));
		moved += session(sim, "rb", id) != NULL;
		assert_int_equal(!session(sim, "ra", id), !!session(sim, "rb", id));
	}
	assert_int_equal(moved, 2);
	run(sim, 60 * CLOCK_S);
	assert_settled(sim);
	for (uint32_t id = 1; id <= 3; id++) { /* when one goes that has moved, the one that stayed follows */
		if (!session(sim, "rb", id))
			continue;
		sim_withdraw(sim, "ar1", id);
		break;
	}
	run(sim, 3 * CLOCK_S);
	for (uint32_t id = 1; id <= 3; id++)
		assert_null(session(sim, "ra", id));
	sim_free(sim);
}

/* The hop after next refuses: the old way stands, and of the new one nothing is left. */
static void refused_further_on(void **state)
{
	struct sim *sim = standing(1, RATE);
	struct core *rb = (struct core *)sim_core(sim, "rb");

	rb->config.port[1].capacity_bps = 1000;
	to_servers(sim, "10.210.4.2");
	run(sim, 300 * CLOCK_MS);
	by(sim, "ra", "rb", 1);
	assert_true(core_counters(rb)[CORE_REFUSED] > 0);
	rb->config.port[1].capacity_bps = 20000000;
	run(sim, 3 * CLOCK_S); /* it is tried again */
	by(sim, "rb", "ra", 1);
	sim_free(sim);
}

/* The new router has no way there. */
static void no_way_there(void **state)
{
	struct sim *sim = standing(1, RATE);

	sim_route(sim, "rb", "10.210.21.0/24", "10.210.4.1"); /* back to r1 */
	sim_route(sim, "rb", "10.210.22.0/24", "10.210.4.1");
	to_servers(sim, "10.210.4.2");
	run(sim, 300 * CLOCK_MS);
	by(sim, "ra", "rb", 1);
	sim_route(sim, "rb", "10.210.21.0/24", "10.210.6.1"); /* it learns better */
	sim_route(sim, "rb", "10.210.22.0/24", "10.210.6.1");
	run(sim, 3 * CLOCK_S);
	by(sim, "rb", "ra", 1);
	sim_free(sim);
}

/* There and back before anybody could answer, at any moment of it. */
static void changes_back(void **state)
{
	for (uint64_t after = 0; after < 12000; after += 250) {
		struct sim *sim = standing(1, RATE);
		uint64_t below = sim_core(sim, "srv1")->next_cookie;

		
		to_servers(sim, "10.210.4.2");
		run(sim, after);
		to_servers(sim, "10.210.3.2");
		run(sim, CLOCK_S);
		by(sim, "ra", "rb", 1);
		assert_int_equal(sim_core(sim, "srv1")->next_cookie, below);
		run(sim, 60 * CLOCK_S);
		end_settled(sim);
	}
}

/* The new router is dead: the old way is used for as long as it is, and left when the new one is there. */
static void new_one_is_dead(void **state)
{
	struct sim *sim = standing(1, RATE);

	sim_crash(sim, (unsigned)topo_find(&topo, "rb"), 20 * CLOCK_S);
	to_servers(sim, "10.210.4.2");
	run(sim, 15 * CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_int_equal(session(sim, "ra", 1)->state, SESSION_UP);
	run(sim, 20 * CLOCK_S);
	by(sim, "rb", "ra", 1);
	sim_free(sim);
}

/* Only one endpoint moves: the two ways meet again in r2, and both stay, each with what it leads to. */
static void one_of_two(void **state)
{
	struct sim *sim = standing(1, RATE);
	const struct session *r2;

	sim_route(sim, "r1", "10.210.21.0/24", "10.210.4.2");
	run(sim, CLOCK_S);
	r2 = session(sim, "r2", 1);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_int_equal(session(sim, "ra", 1)->state, SESSION_UP);
	assert_int_equal(session(sim, "rb", 1)->state, SESSION_UP);
	assert_non_null(r2->former);
	assert_int_equal(sim_applied_rate(sim, "r1", 1, "eth1"), RATE);
	assert_int_equal(sim_applied_rate(sim, "r1", 1, "eth2"), RATE);
	assert_int_equal(sim_applied_rate(sim, "r2", 1, "eth0"), RATE);
	assert_int_equal(sim_applied_rate(sim, "r2", 1, "eth1"), RATE);
	run(sim, 60 * CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	sim_demand(sim, "srv1", 1, RESOURCE_BANDWIDTH, 1, 1);
	run(sim, CLOCK_S);
	assert_int_equal(sim_applied_rate(sim, "r1", 1, "eth2"), RATE + 2000000);
	assert_true(sim_complete(sim, "ar1", 1));
	sim_route(sim, "r1", "10.210.22.0/24", "10.210.4.2"); /* the other one follows */
	run(sim, CLOCK_S);
	assert_null(session(sim, "ra", 1));
	assert_null(session(sim, "r2", 1)->former);
	assert_true(sim_complete(sim, "ar1", 1));
	run(sim, 60 * CLOCK_S);
	assert_settled(sim);
	end_withdrawn(sim);
}

/* The old way is gone in the same moment: it moves all the same, and lapses there. */
static void old_link_gone(void **state)
{
	struct sim *sim = standing(1, RATE);
	unsigned link = topo.node[topo_find(&topo, "ra")].iface[0].link;

	sim_cut(sim, link, 30 * CLOCK_S);
	to_servers(sim, "10.210.4.2");
	run(sim, 500 * CLOCK_MS);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_int_equal(session(sim, "rb", 1)->state, SESSION_UP);
	assert_int_equal(sim_applied_rate(sim, "r1", 1, "eth2"), RATE);
	run(sim, 10 * CLOCK_S);
	by(sim, "rb", "ra", 1);
	sim_free(sim);
}

/* A message of ICorp 1 from one element to another's port, about one server; what comes of it goes nowhere. */
static void say(struct sim *sim, const char *from, const char *to, int port, uint8_t type, const char *server)
{
	struct contract *contract = session(sim, "ar1", 1)->contract;
	struct core_from where = { .addr = address(from), .port = port };
	struct core_actions actions = { 0 };
	struct rsvp_msg m = { .type = type, .flags = RSVP_FLAG_REDUCTION, .session = { 1, 0, address("ar1") } };

	m.hop.addr = address(from);
	m.refresh_ms = 1000;
	m.template_ = (struct rsvp_template){ address("ar1"), 1, address(from), 0 };
	m.ref.revision = 1;
	memcpy(m.ref.digest, contract->digest, SHA256_SIZE);
	m.error = (struct rsvp_error){ address(from), 0, RSVP_ERR_ADMISSION, RSVP_ADMISSION_BANDWIDTH };
	m.has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_TEMPLATE | RSVP_HAS_REF;
	if (type == RSVP_PATH_ERR)
		m.has = RSVP_HAS_ERROR | RSVP_HAS_TEMPLATE;
	assert_int_equal(rsvp_add_s2l(&m, address(server), (struct in_addr){ 0 }), 0);
	core_message((struct core *)sim_core(sim, to), &m, &where, NULL, sim_now(sim), &actions);
	core_actions_free(&actions);
	rsvp_msg_free(&m);
}

static const struct leaf *leaf_of(struct sim *sim, const char *element, const char *server)
{
	return leaf_by_addr(session(sim, element, 1), address(server));
}

/* Until the Paths of both ways have come to r2. */
static struct sim *two_ways(void)
{
	struct sim *sim = standing(1, RATE);

	to_servers(sim, "10.210.4.2");
	while (!session(sim, "r2", 1)->former)
		run(sim, 100);
	assert_true(leaf_of(sim, "r2", "srv1")->also && leaf_of(sim, "r2", "srv1")->claimed);
	return sim;
}

/* A tear of one endpoint takes nothing away that the other previous hop wants, and no other endpoint. */
static void torn_by_one(void **state)
{
	struct sim *sim = two_ways();

	say(sim, "rb", "r2", 1, RSVP_PATH_TEAR, "srv1");
	assert_int_equal(leaf_of(sim, "r2", "srv1")->where, LEAF_BRANCH);
	assert_int_equal(leaf_of(sim, "r2", "srv1")->claimed, 0);
	assert_int_equal(leaf_of(sim, "r2", "srv2")->claimed, 1);
	say(sim, "ra", "r2", 0, RSVP_PATH_TEAR, "srv2");
	assert_non_null(session(sim, "r2", 1)->former);
	assert_int_equal(leaf_of(sim, "r2", "srv2")->where, LEAF_BRANCH);
	assert_int_equal(leaf_of(sim, "r2", "srv2")->also, 0);
	say(sim, "rb", "r2", 1, RSVP_PATH_TEAR, "srv2"); /* its last: back to the former one, which wants srv1 */
	assert_int_equal(session(sim, "r2", 1)->up.addr.s_addr, address("ra").s_addr);
	assert_null(session(sim, "r2", 1)->former);
	assert_int_equal(leaf_of(sim, "r2", "srv1")->where, LEAF_BRANCH);
	assert_int_equal(leaf_of(sim, "r2", "srv2")->where, LEAF_ELSEWHERE);
	assert_int_equal(session_held(session(sim, "r2", 1), 1), 0);
	say(sim, "ra", "r2", 0, RSVP_PATH_TEAR, "srv1");
	assert_null(session(sim, "r2", 1));
	sim_free(sim);
}

/* Only whom the new way leads to may refuse it. */
static void refused_by_another(void **state)
{
	struct sim *sim = standing(1, RATE);

	to_servers(sim, "10.210.4.2");
	run(sim, CLOCK_MS); /* rb has acknowledged its Path */
	assert_non_null(leaf_of(sim, "r1", "srv1")->more);
	say(sim, "ar1", "r1", 0, RSVP_PATH_ERR, "srv1");
	say(sim, "r2", "r1", 2, RSVP_PATH_ERR, "srv1"); /* rb is known by its own address */
	assert_non_null(leaf_of(sim, "r1", "srv1")->more);
	assert_non_null(leaf_of(sim, "r1", "srv1")->more->next);
	say(sim, "rb", "r1", 2, RSVP_PATH_ERR, "srv1");
	assert_null(leaf_of(sim, "r1", "srv1")->more->next);
	sim_free(sim);
}

/* While the Path comes another way the present one stays held, also on a port that could not be had again. */
static void held_all_the_time(void **state)
{
	struct sim *sim = standing(1, RATE);
	struct core *r2 = (struct core *)sim_core(sim, "r2");

	r2->config.port[0].capacity_bps = 1000; /* as after a reload */
	say(sim, "rb", "r2", 1, RSVP_PATH, "srv1");
	assert_non_null(session(sim, "r2", 1));
	assert_int_equal(session(sim, "r2", 1)->up.addr.s_addr, address("rb").s_addr);
	assert_int_equal(session_held(session(sim, "r2", 1), 0), RATE);
	assert_int_equal(session_held(session(sim, "r2", 1), 1), RATE);
	sim_free(sim);
	sim = standing(1, RATE);
	r2 = (struct core *)sim_core(sim, "r2");
	r2->config.port[1].capacity_bps = 1000;
	say(sim, "rb", "r2", 1, RSVP_PATH, "srv1");
	assert_int_equal(session(sim, "r2", 1)->up.addr.s_addr, address("ra").s_addr);
	assert_int_equal(session_held(session(sim, "r2", 1), 0), RATE);
	assert_int_equal(session_held(session(sim, "r2", 1), 1), 0);
	sim_free(sim);
}

/* r2 has two previous hops, and its route to srv2 leads to the one that wants it from r2: it is not sent back. */
static void not_back_to_either(void **state)
{
	struct sim *sim = standing(1, RATE);

	sim_route(sim, "r1", "10.210.21.0/24", "10.210.4.2");
	run(sim, CLOCK_S);
	assert_int_equal(session(sim, "r2", 1)->former->addr.s_addr, address("ra").s_addr);
	sim_route(sim, "r2", "10.210.22.0/24", "10.210.5.2");
	run(sim, 20 * CLOCK_S);
	assert_int_equal(session(sim, "r2", 1)->state, SESSION_UP);
	assert_int_equal(leaf_of(sim, "r2", "srv2")->branch->port, 3);
	assert_true(sim_complete(sim, "ar1", 1));
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves), cmocka_unit_test(full_stays), cmocka_unit_test(refused_further_on),
		cmocka_unit_test(no_way_there), cmocka_unit_test(changes_back), cmocka_unit_test(new_one_is_dead),
		cmocka_unit_test(one_of_two), cmocka_unit_test(old_link_gone), cmocka_unit_test(torn_by_one),
		cmocka_unit_test(refused_by_another), cmocka_unit_test(held_all_the_time), cmocka_unit_test(not_back_to_either),
	};

	return RUN_ON(SRCDIR "/testbed/ring.topo", tests);
}
