/*
 * A link is full, on the demo's network: who gets what (RFC 2205 section 3.5, RFC 3209 section 4.7, RFC 4495).
 *
 *   ar1 --+                                    +-- srv1
 *         s1 -- r1 ======== r2 -- (lsw) -- s2 -+
 *   ar2 --+                                    +-- srv2
 */
#include <string.h>

#include "lib/clock.h"
#include "signald/session.h"
#include "tests/unit/network.h"

#define M 1000000ull
#define STEP (2 * M)

static const char *const servers[] = { "srv1", "srv2" }, *const access_routers[] = { "ar1" };
static const char *const way[] = { "ar1", "s1", "r1", "r2", "s2", "srv1" }; /* one access router: from end to end */
#define N_WAY (sizeof(way) / sizeof(way[0]))

/* An ICorp of these priorities from ar1 to n servers, srv1 first; it is asked for, and has time to complete. */
static void icorp(struct sim *sim, uint32_t id, uint16_t revision, unsigned setup, unsigned holding, uint64_t rate_bps, unsigned n)
{
	struct contract *c;

	sim_priorities(sim, setup, holding);
	c = sim_contract(sim, id, revision, servers, n, access_routers, 1, rate_bps);
	originate(sim, c);
	run(sim, CLOCK_S);
}

static uint32_t more(struct sim *sim, const char *server, uint32_t id, uint64_t by_bps)
{
	uint32_t n = sim_demand(sim, server, id, RESOURCE_BANDWIDTH, 1, (unsigned)(by_bps / STEP));

	run(sim, CLOCK_S);
	return n;
}

/* Books and technologies of every element on the way to srv1 mean this rate. */
static void has_everywhere(struct sim *sim, uint32_t id, uint64_t bps)
{
	static const char *const port[N_WAY] = { "eth0", "eth1", "eth1", "eth1", "eth1", "eth0" };

	for (size_t i = 0; i < N_WAY; i++) {
		const struct session *s = session(sim, way[i], id);

		if (!s || session_merged(s) != bps || s->applied_bps != bps)
			fail_msg("%s: icorp %u has %llu bit/s, applied %llu", way[i], id,
				 (unsigned long long)(s ? session_merged(s) : 0), (unsigned long long)(s ? s->applied_bps : 0));
		if (sim_applied_rate(sim, way[i], id, port[i]) != bps && strcmp(way[i], "s1"))
			fail_msg("%s %s: icorp %u: technologies have %llu bit/s", way[i], port[i], id,
				 (unsigned long long)sim_applied_rate(sim, way[i], id, port[i]));
	}
}

/* Of every port of the element, from now on. */
static void set_capacity(struct sim *sim, const char *element, uint64_t bps)
{
	struct core *core = (struct core *)(uintptr_t)sim_core(sim, element);

	for (unsigned p = 0; p < core->config.n_ports; p++)
		core->config.port[p].capacity_bps = bps;
}

static uint64_t preempted(const struct sim *sim)
{
	uint64_t n = 0;

	for (size_t i = 0; i < N_WAY; i++)
		n += core_counters(sim_core(sim, way[i]))[CORE_PREEMPTED];
	return n;
}

static void end(struct sim *sim)
{
	run(sim, 30 * CLOCK_S);
	sim_settled(sim);
	if (sim_violations(sim))
		fail_msg("%s", sim_violation(sim));
	for (uint32_t id = 1; id <= 8; id++)
		sim_withdraw(sim, "ar1", id);
	run(sim, CLOCK_S);
	assert_int_equal(sim_leftovers(sim), 0);
	sim_free(sim);
}

static void told(struct sim *sim, const char *by, uint32_t n, enum outcome outcome, uint64_t level, const char *reason)
{
	const struct rsvp_grant *g = sim_told(sim, "srv1", 1, by, n);

	assert_non_null(g);
	assert_int_equal(g->outcome, outcome);
	assert_int_equal(g->level, level);
	assert_string_equal(g->reason, reason);
}

/* What the leader knows of the ICorp's bandwidth at an element. */
static struct rsvp_grant leader_knows(struct sim *sim, uint32_t id, const char *element)
{
	const struct session *s = session(sim, "ar1", id);
	struct rsvp_grant g = { 0 };

	for (struct grant_cursor at = { 0 }; session_grant_next(sim_core(sim, "ar1"), s, &at, &g);)
		if (!g.endpoint.s_addr && g.resource == RESOURCE_BANDWIDTH && !strcmp(g.element, element))
			return g;
	fail_msg("ar1 knows nothing of %s", element);
	return g;
}

/* Only what is missing is taken, every hop comes to the smaller rate, the ISC and the leader hear why. */
static void base_takes_growth(void **state)
{
	struct sim *sim = calm_sim();
	struct rsvp_grant g;
	uint32_t n;

	icorp(sim, 1, 1, 7, 7, 10 * M, 1);
	n = more(sim, "srv1", 1, 80 * M);
	has_everywhere(sim, 1, 90 * M);
	told(sim, "srv1", n, OUTCOME_APPLIED, 90 * M, "");
	icorp(sim, 2, 1, 2, 2, 50 * M, 1);
	assert_true(sim_complete(sim, "ar1", 2));
	has_everywhere(sim, 2, 50 * M);
	has_everywhere(sim, 1, 50 * M);
	told(sim, "srv1", n, OUTCOME_PARTLY, 50 * M, "preempted by a contract of higher priority on ar1");
	told(sim, "r1", n, OUTCOME_APPLIED, 50 * M, ""); /* what it granted once, as far as it is still there */
	g = leader_knows(sim, 1, "ar1");
	assert_int_equal(g.outcome, OUTCOME_PARTLY);
	assert_string_equal(g.reason, "preempted by a contract of higher priority on eth0");
	assert_int_equal(leader_knows(sim, 1, "r2").level, 50 * M);
	run(sim, 200 * CLOCK_S); /* for many lifetimes */
	has_everywhere(sim, 1, 50 * M);
	assert_int_equal(sim_price(sim, "srv1", 1), 50000 + 50 * 1000);
	end(sim);
}

/* There is no more room than before, and whoever comes is not better: a refusal, as ever. */
static void equals_are_safe(void **state)
{
	struct sim *sim = calm_sim();

	icorp(sim, 1, 1, 5, 4, 10 * M, 1);
	more(sim, "srv1", 1, 80 * M);
	icorp(sim, 2, 1, 4, 0, 50 * M, 1); /* setup priority counts, holding that of the other */
	assert_null(session(sim, "ar1", 2));
	icorp(sim, 3, 1, 3, 3, 20 * M, 1);
	assert_true(sim_complete(sim, "ar1", 3));
	has_everywhere(sim, 1, 80 * M);
	end(sim);
}

/* All or nothing: 80 of growth and 10 free do not make 95; what would fit is said. */
static void base_is_safe(void **state)
{
	struct sim *sim = calm_sim();
	const struct rsvp_grant *g;
	uint32_t n;

	icorp(sim, 1, 1, 7, 7, 10 * M, 1);
	more(sim, "srv1", 1, 80 * M);
	icorp(sim, 2, 1, 0, 0, 95 * M, 1);
	assert_null(session(sim, "ar1", 2));
	has_everywhere(sim, 1, 90 * M);
	assert_int_equal(preempted(sim), 0);
	icorp(sim, 3, 1, 1, 1, 10 * M, 1);
	assert_true(sim_complete(sim, "ar1", 3));
	n = sim_demand(sim, "srv1", 3, RESOURCE_BANDWIDTH, 1, 41); /* to 92 */
	run(sim, CLOCK_S);
	has_everywhere(sim, 1, 90 * M);
	g = sim_told(sim, "srv1", 3, "srv1", n);
	assert_non_null(g);
	assert_string_equal(g->reason, "no capacity on eth0: 90000000 bit/s would fit");
	more(sim, "srv1", 3, 80 * M);
	has_everywhere(sim, 3, 90 * M);
	has_everywhere(sim, 1, 10 * M);
	end(sim);
}

/* Of the worst holding priority first, then of the largest growth. */
static void who_is_first(void **state)
{
	struct sim *sim = calm_sim();

	icorp(sim, 1, 1, 7, 5, 2 * M, 1);
	icorp(sim, 2, 1, 7, 6, 2 * M, 1);
	icorp(sim, 3, 1, 7, 6, 2 * M, 1);
	more(sim, "srv1", 1, 40 * M);
	more(sim, "srv1", 2, 18 * M);
	more(sim, "srv1", 3, 30 * M);
	icorp(sim, 4, 1, 4, 4, 30 * M, 1); /* 6 are free, 24 are missing */
	assert_true(sim_complete(sim, "ar1", 4));
	has_everywhere(sim, 1, 42 * M);
	has_everywhere(sim, 2, 20 * M);
	has_everywhere(sim, 3, 8 * M);
	icorp(sim, 5, 1, 4, 4, 30 * M, 1); /* 18 of 2, 6 of 3, 6 of 1 */
	assert_true(sim_complete(sim, "ar1", 5));
	has_everywhere(sim, 3, 2 * M);
	has_everywhere(sim, 2, 2 * M);
	has_everywhere(sim, 1, 36 * M);
	end(sim);
}

/* Whoever lost growth may ask again: for nothing while there is no room, and gets it when there is. */
static void asks_again(void **state)
{
	struct sim *sim = calm_sim();
	uint64_t were;
	uint32_t n;

	icorp(sim, 1, 1, 7, 7, 10 * M, 1);
	more(sim, "srv1", 1, 80 * M);
	icorp(sim, 2, 1, 2, 2, 50 * M, 1);
	were = preempted(sim);
	for (unsigned i = 0; i < 5; i++)
		n = more(sim, "srv1", 1, 40 * M);
	has_everywhere(sim, 1, 50 * M);
	has_everywhere(sim, 2, 50 * M);
	assert_int_equal(preempted(sim), were);
	told(sim, "srv1", n, OUTCOME_REFUSED, 50 * M, "no capacity on eth0: 50000000 bit/s would fit");
	assert_int_equal(leader_knows(sim, 1, "ar1").outcome, OUTCOME_PARTLY);
	sim_withdraw(sim, "ar1", 2);
	run(sim, CLOCK_S);
	has_everywhere(sim, 1, 50 * M); /* not by itself */
	n = more(sim, "srv1", 1, 40 * M);
	has_everywhere(sim, 1, 90 * M);
	told(sim, "srv1", n, OUTCOME_APPLIED, 90 * M, "");
	assert_int_equal(leader_knows(sim, 1, "ar1").outcome, OUTCOME_APPLIED);
	assert_string_equal(leader_knows(sim, 1, "ar1").reason, "");
	end(sim);
}

/* Two endpoints asked for different rates: only what is beyond the smaller rate is cut. */
static void cuts_who_has_more(void **state)
{
	struct sim *sim = calm_sim();

	icorp(sim, 1, 1, 7, 7, 10 * M, 2);
	more(sim, "srv1", 1, 80 * M);
	more(sim, "srv2", 1, 20 * M);
	icorp(sim, 2, 1, 2, 2, 50 * M, 1);
	has_everywhere(sim, 1, 50 * M);
	assert_int_equal(sim_applied_rate(sim, "srv2", 1, "eth0"), 30 * M);
	icorp(sim, 3, 1, 2, 2, 30 * M, 1);
	has_everywhere(sim, 1, 20 * M);
	assert_int_equal(sim_applied_rate(sim, "srv2", 1, "eth0"), 20 * M);
	end(sim);
}

/* A revision changes priorities: they hold from then on for what was grown before. */
static void revised(void **state)
{
	struct sim *sim = calm_sim();

	icorp(sim, 1, 1, 3, 3, 10 * M, 1);
	more(sim, "srv1", 1, 80 * M);
	icorp(sim, 2, 1, 3, 3, 50 * M, 1);
	assert_null(session(sim, "ar1", 2));
	icorp(sim, 1, 2, 4, 4, 10 * M, 1);
	icorp(sim, 3, 1, 3, 3, 50 * M, 1);
	assert_true(sim_complete(sim, "ar1", 3));
	has_everywhere(sim, 1, 50 * M);
	end(sim);
}

/* A server that refuses for another reason takes nothing from anybody. */
static void refused_for_cpu(void **state)
{
	struct sim *sim = calm_sim();
	struct core *srv1 = (struct core *)(uintptr_t)sim_core(sim, "srv1");
	uint64_t capacity = srv1->config.resource[RESOURCE_CPU].capacity;

	icorp(sim, 1, 1, 7, 7, 10 * M, 1);
	more(sim, "srv1", 1, 80 * M);
	srv1->config.resource[RESOURCE_CPU].capacity = 1024;
	set_capacity(sim, "srv1", 95 * M); /* only there something would have to be taken */
	icorp(sim, 2, 1, 2, 2, 10 * M, 1);
	assert_null(session(sim, "ar1", 2));
	has_everywhere(sim, 1, 90 * M);
	srv1->config.resource[RESOURCE_CPU].capacity = capacity;
	end(sim);
}

/* After a port lost capacity its debt is filled first. */
static void less_capacity(void **state)
{
	struct sim *sim = calm_sim();
	struct contract *c;

	icorp(sim, 1, 1, 7, 7, 10 * M, 1);
	more(sim, "srv1", 1, 60 * M);
	sim_priorities(sim, 2, 2);
	c = sim_contract(sim, 2, 1, servers, 1, access_routers, 1, 20 * M);
	((struct core *)(uintptr_t)sim_core(sim, "r1"))->config.port[0].capacity_bps = 64 * M;
	sim_originate(sim, c);
	contract_unref(c);
	sim_run(sim, sim_now(sim) + CLOCK_S); /* the checks of the simulator see that r1 has too much */
	assert_true(sim_complete(sim, "ar1", 2));
	has_everywhere(sim, 1, 44 * M);
	sim_free(sim);
}

/* A session without growth is in no list, and has nothing kept for it. */
static void costs_nothing(void **state)
{
	struct sim *sim = calm_sim();
	const struct core *r1;

	icorp(sim, 1, 1, 7, 7, 10 * M, 1);
	icorp(sim, 2, 1, 7, 7, 10 * M, 1);
	r1 = sim_core(sim, "r1");
	assert_null(session(sim, "r1", 1)->more);
	more(sim, "srv1", 1, 2 * M);
	assert_non_null(session(sim, "r1", 1)->more->grown);
	assert_null(session(sim, "r1", 2)->more);
	assert_int_equal(r1->growth[0].heap.n + r1->growth[1].heap.n, 2);
	assert_int_equal(preempt_spare(r1, 1, 6), 2 * M);
	assert_int_equal(preempt_spare(r1, 1, 7), 0);
	sim_demand(sim, "srv1", 1, RESOURCE_BANDWIDTH, -1, 2); /* below the contract's */
	run(sim, CLOCK_S);
	has_everywhere(sim, 1, 8 * M);
	assert_null(session(sim, "r1", 1)->more->grown);
	assert_int_equal(r1->growth[0].heap.n + r1->growth[1].heap.n, 0);
	end(sim);
}

/* ---- killer reservations ---- */

/*
 * r1 refuses what srv1 asks, and srv1 does not hear of it: its link is cut. srv2's small request gets through, and when the
 * link is back all are of one mind.
 */
static void small_one_gets_through(void **state)
{
	struct sim *sim = calm_sim();
	uint64_t asked;

	icorp(sim, 1, 1, 4, 4, 10 * M, 2);
	set_capacity(sim, "r1", 30 * M);
	sim_demand(sim, "srv1", 1, RESOURCE_BANDWIDTH, 1, 30);
	asked = sim_now(sim);
	while (session_merged(session(sim, "s2", 1)) != 70 * M && sim_now(sim) < asked + CLOCK_S)
		run(sim, 50);
	sim_cut(sim, topo.node[topo_find(&topo, "srv1")].iface[0].link, 4 * CLOCK_S);
	run(sim, CLOCK_S);
	assert_int_equal(session_merged(session(sim, "srv1", 1)), 70 * M);
	assert_int_equal(session_merged(session(sim, "s2", 1)), 10 * M);
	more(sim, "srv2", 1, 4 * M);
	assert_int_equal(session_merged(session(sim, "s2", 1)), 14 * M);
	assert_int_equal(session_merged(session(sim, "ar1", 1)), 14 * M);
	run(sim, 2500 * CLOCK_MS);
	assert_int_equal(session_merged(session(sim, "srv1", 1)), 70 * M); /* the link is back; nobody says it again */
	run(sim, 5 * CLOCK_S); /* the blockade ends: tried once more, and refused */
	has_everywhere(sim, 1, 14 * M);
	end(sim);
}

/* What was refused is asked again, by a demand of its own: it is tried at once, whatever is blocked. */
static void demanded_again(void **state)
{
	struct sim *sim = calm_sim();
	uint32_t n;

	icorp(sim, 1, 1, 4, 4, 10 * M, 1);
	set_capacity(sim, "r1", 30 * M);
	more(sim, "srv1", 1, 60 * M);
	n = more(sim, "srv1", 1, 60 * M);
	told(sim, "r1", n, OUTCOME_REFUSED, 10 * M, "no capacity on eth0: 30000000 bit/s would fit");
	has_everywhere(sim, 1, 10 * M);
	set_capacity(sim, "r1", 100 * M);
	n = more(sim, "srv1", 1, 60 * M);
	told(sim, "r1", n, OUTCOME_APPLIED, 70 * M, "");
	has_everywhere(sim, 1, 70 * M);
	end(sim);
}

/* A demand was granted long ago. When less stands now, for whatever reason, what stands is kept, not what was before it. */
static void keeps_what_stands(void **state)
{
	const struct topo_node *s2 = &topo.node[topo_find(&topo, "s2")];
	struct core_from from = { .addr = topo_control(s2), .port = 0, .isc = 0 };
	struct sim *sim = calm_sim();
	struct core_actions actions = { 0 };
	struct rsvp_msg m = { .type = RSVP_RESV_ERR };

	icorp(sim, 1, 1, 4, 4, 10 * M, 1);
	more(sim, "srv1", 1, 60 * M);
	has_everywhere(sim, 1, 70 * M);
	m.session = (struct rsvp_session){ .icorp = 1, .leader = session(sim, "srv1", 1)->key.leader };
	m.hop.addr = from.addr;
	m.template_.lsp_id = 1;
	m.error = (struct rsvp_error){ from.addr, RSVP_ERROR_IN_PLACE, RSVP_ERR_ADMISSION, RSVP_ADMISSION_BANDWIDTH };
	m.flow.rate_bps = 50 * M;
	m.has = RSVP_HAS_HOP | RSVP_HAS_ERROR | RSVP_HAS_FLOWSPEC;
	core_message((struct core *)(uintptr_t)sim_core(sim, "srv1"), &m, &from, NULL, sim_now(sim), &actions);
	assert_int_equal(session_merged(session(sim, "srv1", 1)), 50 * M);
	core_actions_free(&actions);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base_takes_growth), cmocka_unit_test(equals_are_safe), cmocka_unit_test(base_is_safe),
		cmocka_unit_test(who_is_first), cmocka_unit_test(asks_again), cmocka_unit_test(cuts_who_has_more),
		cmocka_unit_test(revised), cmocka_unit_test(refused_for_cpu), cmocka_unit_test(less_capacity),
		cmocka_unit_test(costs_nothing), cmocka_unit_test(small_one_gets_through), cmocka_unit_test(demanded_again),
		cmocka_unit_test(keeps_what_stands),
	};

	return RUN_ON(SRCDIR "/testbed/demo.topo", tests);
}
