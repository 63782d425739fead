/*
 * The session core on the demo's network, without faults: who reserves what where, demands, refusals, deletion; an adaptor that
 * forgets, a map that comes late, an ISC that lies.
 */
#include <string.h>

#include "lib/clock.h"
#include "signald/session.h"
#include "tests/unit/demo_network.h"

static void completes(void **state)
{
	struct sim *sim = start(10000000, 1);

	run(sim, CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++) {
		assert_non_null(session(sim, hops[i], 1));
		assert_int_equal(session(sim, hops[i], 1)->state, SESSION_UP);
	}
	assert_int_equal(sim_applied_rate(sim, "r1", 1, "eth1"), 10000000);
	assert_int_equal(sim_applied_rate(sim, "r2", 1, "eth1"), 10000000);
	assert_int_equal(sim_applied_rate(sim, "s2", 1, "eth1"), 10000000);
	assert_int_equal(sim_applied_rate(sim, "s2", 1, "eth2"), 10000000);
	assert_int_equal(sim_applied_rate(sim, "ar2", 1, "eth0"), 10000000);
	assert_int_equal(sim_applied_rate(sim, "ar1", 1, "eth1"), 0); /* towards its users nothing is promised */
	assert_int_equal(session(sim, "s1", 1)->vlan, 100);
	assert_int_equal(session(sim, "r1", 1)->vlan, 0);
	sim_free(sim);
}

/* A hundred lifetimes later it is the same, and quiet: refreshes change nothing. */
static void stays(void **state)
{
	struct sim *sim = start(10000000, 1);
	uint64_t applied, messages;

	run(sim, 2 * CLOCK_S);
	applied = sim_core(sim, "r1")->next_cookie;
	messages = sim_messages(sim);
	run(sim, 500 * CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_int_equal(sim_core(sim, "r1")->next_cookie, applied); /* nothing is applied again: it is renewed */
	/* per R: one Path per hop (9 with the ISCs'), one Resv per hop (9); jitter averages out */
	assert_in_range((sim_messages(sim) - messages) / 500, 15, 22);
	sim_free(sim);
}

static void deletes(void **state)
{
	struct sim *sim = start(10000000, 3);

	run(sim, CLOCK_S);
	for (uint32_t id = 1; id <= 3; id++)
		sim_withdraw(sim, "ar1", id);
	run(sim, CLOCK_S);
	assert_int_equal(sim_leftovers(sim), 0);
	sim_free(sim);
}

static void more_cpu(void **state)
{
	struct sim *sim = start(10000000, 1);
	const struct rsvp_grant *g;
	uint64_t price;
	uint32_t n;

	run(sim, CLOCK_S);
	price = sim_price(sim, "srv1", 1);
	assert_true(price > 0);
	n = sim_demand(sim, "srv1", 1, RESOURCE_CPU, 1, 2);
	run(sim, CLOCK_S);
	assert_int_equal(sim_applied_cpu(sim, "srv1", 1), 1024 + 2 * 256);
	assert_int_equal(sim_applied_cpu(sim, "srv2", 1), 1024);
	g = sim_told(sim, "srv1", 1, "srv1", n);
	assert_non_null(g);
	assert_int_equal(g->outcome, OUTCOME_APPLIED);
	assert_int_equal(g->level, 1536);
	assert_int_equal(g->enforcement, ENFORCEMENT_ENFORCED);
	g = sim_told(sim, "srv1", 1, "ar1", n);
	assert_non_null(g);
	assert_int_equal(g->outcome, OUTCOME_IGNORED);
	assert_int_equal(sim_price(sim, "srv1", 1), price + 25000);
	run(sim, 60 * CLOCK_S); /* never again, however often it is refreshed */
	assert_int_equal(sim_applied_cpu(sim, "srv1", 1), 1536);
	sim_demand(sim, "srv1", 1, RESOURCE_CPU, -1, 1);
	run(sim, CLOCK_S);
	assert_int_equal(sim_applied_cpu(sim, "srv1", 1), 1280);
	sim_free(sim);
}

static void is_given(struct sim *sim, uint32_t n, enum outcome outcome, uint64_t shares, const char *reason)
{
	const struct rsvp_grant *g = sim_told(sim, "srv1", 1, "srv1", n);

	assert_non_null(g);
	assert_int_equal(g->outcome, outcome);
	assert_int_equal(g->level, shares);
	assert_string_equal(g->reason, reason);
	assert_int_equal(sim_applied_cpu(sim, "srv1", 1), shares);
	assert_int_equal(core_config(sim_core(sim, "srv1"))->resource[RESOURCE_CPU].used, shares);
}

static uint32_t asks_cpu(struct sim *sim, int direction, unsigned steps)
{
	uint32_t n = sim_demand(sim, "srv1", 1, RESOURCE_CPU, direction, steps);

	run(sim, CLOCK_S);
	return n;
}

/* The technology gives less than was granted: its client is told, pays for that, and goes on from there, also after a restart. */
static void given_less(void **state)
{
	static const char why[] = "this host has no more";
	struct sim_faults faults = { .delay_min_us = 300, .delay_max_us = 300, .apply_max_us = 3000, .most_shares = 1280 };
	struct sim *sim = start(10000000, 1);
	uint64_t price;
	uint32_t n, applied;

	run(sim, CLOCK_S);
	price = sim_price(sim, "srv1", 1);
	sim_set_faults(sim, &faults);
	n = asks_cpu(sim, 1, 2);
	is_given(sim, n, OUTCOME_PARTLY, 1280, why);
	assert_int_equal(sim_price(sim, "srv1", 1), price + 12500);
	applied = sim_core(sim, "srv1")->next_cookie;
	run(sim, 60 * CLOCK_S); /* it stays so */
	assert_int_equal(sim_core(sim, "srv1")->next_cookie, applied);
	is_given(sim, n, OUTCOME_PARTLY, 1280, why);
	n = asks_cpu(sim, 1, 1); /* and it may ask again */
	is_given(sim, n, OUTCOME_PARTLY, 1280, why);
	assert_int_equal(sim_price(sim, "srv1", 1), price + 12500);
	sim_crash(sim, (unsigned)topo_find(&topo, "srv1"), CLOCK_S);
	run(sim, 10 * CLOCK_S);
	assert_int_equal(sim_applied_cpu(sim, "srv1", 1), 1280);
	assert_int_equal(sim_price(sim, "srv1", 1), price + 12500);
	n = asks_cpu(sim, -1, 1);
	is_given(sim, n, OUTCOME_APPLIED, 1024, "");
	assert_int_equal(sim_price(sim, "srv1", 1), price);
	faults.most_shares = 0;
	sim_set_faults(sim, &faults);
	n = asks_cpu(sim, 1, 2);
	is_given(sim, n, OUTCOME_APPLIED, 1536, "");
	assert_int_equal(sim_violations(sim), 0);
	sim_free(sim);
}

/* The adaptors of r1 say this of ICorp 1's bandwidth. What r1 says of it then. */
static struct rsvp_grant says(struct sim *sim, enum outcome outcome, const char *reason)
{
	struct core *core = (struct core *)(uintptr_t)sim_core(sim, "r1");
	const struct session *s = session(sim, "r1", 1);
	struct adaptor_result result = { .n_grants = 1 };
	struct core_actions actions = { 0 };
	struct grant_cursor at = { 0 };
	struct rsvp_grant g;

	result.grants[0] = (struct adaptor_grant){ .resource = RESOURCE_BANDWIDTH, .outcome = (uint8_t)outcome };
	snprintf(result.grants[0].reason, sizeof(result.grants[0].reason), "%s", reason);
	core_lost(core, s->key, sim_now(sim), &actions);
	assert_int_not_equal(s->cookie, 0);
	core_applied(core, s->key, s->cookie, &result, sim_now(sim), &actions);
	assert_true(session_grant_next(core, s, &at, &g));
	assert_int_equal(g.level, 10000000);
	core_actions_free(&actions);
	return g;
}

/* Of the ICorp's bandwidth an element says what its adaptors say, as long as they do; but not in place of what it said itself. */
static void bandwidth_as_they_say(void **state)
{
	struct sim *sim = start(10000000, 1);
	struct core_actions actions = { 0 };
	struct rsvp_grant g;
	struct session *s;
	struct turn t;

	run(sim, CLOCK_S);
	g = says(sim, OUTCOME_PARTLY, "over vx0, which has no room");
	assert_int_equal(g.outcome, OUTCOME_PARTLY);
	assert_string_equal(g.reason, "over vx0, which has no room");
	g = says(sim, OUTCOME_APPLIED, "over eth1");
	assert_int_equal(g.outcome, OUTCOME_APPLIED);
	assert_string_equal(g.reason, "over eth1");
	s = (struct session *)(uintptr_t)session(sim, "r1", 1);
	turn_begin(&t, (struct core *)(uintptr_t)sim_core(sim, "r1"), sim_now(sim), &actions);
	g.outcome = OUTCOME_PARTLY;
	snprintf(g.reason, sizeof(g.reason), "preempted");
	own_grant_put(&t, s, &g);
	g = says(sim, OUTCOME_APPLIED, "over eth1");
	assert_int_equal(g.outcome, OUTCOME_PARTLY);
	assert_string_equal(g.reason, "preempted");
	preempt_forget(&t, s);
	g = says(sim, OUTCOME_APPLIED, "over eth1");
	assert_int_equal(g.outcome, OUTCOME_APPLIED);
	assert_string_equal(g.reason, "over eth1");
	core_actions_free(&actions);
	sim_free(sim);
}

/* Sizes are management's: of the class before those of the resource; down is not as up; they are read again at any time. */
static void steps_of_a_class(void **state)
{
	struct sim *sim = start(10000000, 1);
	struct core *core;
	struct core_config config;
	const struct rsvp_grant *g;
	uint32_t n;

	run(sim, CLOCK_S);
	core = (struct core *)(uintptr_t)sim_core(sim, "srv1");
	config = core->config;
	config.n_steps = 2;
	config.steps[0] = (struct core_class_steps){ "other", RESOURCE_CPU, { .step = 1 } };
	config.steps[1] = (struct core_class_steps){ "", RESOURCE_CPU, { .step = 100, .decrement = 30, .floor = 1000, .ceiling = 1200 } };
	snprintf(config.steps[1].class_name, CONTRACT_NAME, "%s", core_session_next(core, NULL)->contract->class_name);
	core_reconfigure(core, &config);
	sim_demand(sim, "srv1", 1, RESOURCE_CPU, 1, 1);
	run(sim, CLOCK_S);
	assert_int_equal(sim_applied_cpu(sim, "srv1", 1), 1124);
	sim_demand(sim, "srv1", 1, RESOURCE_CPU, 1, 5); /* as far as the ceiling */
	run(sim, CLOCK_S);
	assert_int_equal(sim_applied_cpu(sim, "srv1", 1), 1200);
	n = sim_demand(sim, "srv1", 1, RESOURCE_CPU, 1, 1);
	run(sim, CLOCK_S);
	g = sim_told(sim, "srv1", 1, "srv1", n);
	assert_int_equal(g->outcome, OUTCOME_REFUSED);
	assert_string_equal(g->reason, "at the limit");
	sim_demand(sim, "srv1", 1, RESOURCE_CPU, -1, 2);
	run(sim, CLOCK_S);
	assert_int_equal(sim_applied_cpu(sim, "srv1", 1), 1140);
	config.steps[1].size.decrement = 1000000000000000; /* read again; times 65535 it is more than a number holds */
	core_reconfigure(core, &config);
	sim_demand(sim, "srv1", 1, RESOURCE_CPU, -1, UINT16_MAX);
	run(sim, CLOCK_S);
	assert_int_equal(sim_applied_cpu(sim, "srv1", 1), 1000);
	n = sim_demand(sim, "srv1", 1, RESOURCE_CPU, -1, 1);
	run(sim, CLOCK_S);
	g = sim_told(sim, "srv1", 1, "srv1", n);
	assert_int_equal(g->outcome, OUTCOME_REFUSED);
	assert_string_equal(g->reason, "at the floor");
	sim_free(sim);
}

static void more_bandwidth(void **state)
{
	struct sim *sim = start(10000000, 1);
	uint32_t n;

	run(sim, CLOCK_S);
	n = sim_demand(sim, "srv2", 1, RESOURCE_BANDWIDTH, 1, 1);
	run(sim, CLOCK_S);
	for (size_t i = 2; i < 6; i++) {
		const struct rsvp_grant *g = sim_told(sim, "srv2", 1, hops[i], n);

		assert_non_null(g);
		assert_int_equal(g->outcome, OUTCOME_APPLIED);
		assert_int_equal(g->level, 12000000);
	}
	assert_int_equal(sim_applied_rate(sim, "r1", 1, "eth1"), 12000000);
	assert_int_equal(sim_applied_rate(sim, "r2", 1, "eth0"), 12000000);
	assert_int_equal(sim_applied_rate(sim, "s2", 1, "eth1"), 10000000); /* srv1 did not ask */
	sim_demand(sim, "srv2", 1, RESOURCE_BANDWIDTH, -1, 1);
	run(sim, CLOCK_S);
	assert_int_equal(sim_applied_rate(sim, "r1", 1, "eth1"), 10000000);
	sim_free(sim);
}

/* r1-r2 carries 100 Mbit/s: two ICorps of 49 leave 2, so one step of 2 fits once, and the next is refused in place. */
static void bandwidth_refused(void **state)
{
	struct sim *sim = start(49000000, 2);
	const struct rsvp_grant *g;
	uint32_t n;

	run(sim, CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1) && sim_complete(sim, "ar1", 2));
	sim_demand(sim, "srv1", 1, RESOURCE_BANDWIDTH, 1, 1);
	run(sim, CLOCK_S);
	assert_int_equal(sim_applied_rate(sim, "r1", 1, "eth1"), 51000000);
	n = sim_demand(sim, "srv2", 2, RESOURCE_BANDWIDTH, 1, 1);
	run(sim, 3 * CLOCK_S);
	assert_int_equal(sim_applied_rate(sim, "r1", 2, "eth1"), 49000000);
	assert_int_equal(sim_applied_rate(sim, "srv2", 2, "eth0"), 49000000); /* taken back by ResvErr */
	assert_int_equal(sim_applied_rate(sim, "s2", 2, "eth2"), 49000000);
	g = sim_told(sim, "srv2", 2, "s2", n); /* its port towards r2 is the first that is full */
	assert_non_null(g);
	assert_int_equal(g->outcome, OUTCOME_REFUSED);
	assert_non_null(strstr(g->reason, "would fit"));
	assert_true(sim_complete(sim, "ar1", 2));
	run(sim, 100 * CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1) && sim_complete(sim, "ar1", 2));
	sim_free(sim);
}

static void no_capacity(void **state)
{
	struct sim *sim = start(60000000, 2);

	run(sim, 5 * CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_null(session(sim, "ar1", 2));
	assert_null(session(sim, "r2", 2));
	assert_null(session(sim, "srv1", 2));
	end_withdrawn(sim);
}

/* An adaptor's process that dies is told all again, a few sessions at a time; nothing else of them changes. */
static void adaptor_dies(void **state)
{
	struct sim *sim = start(100000, 8);
	uint64_t before;

	run(sim, CLOCK_S);
	before = sim_core(sim, "r1")->next_cookie;
	sim_adaptor_dies(sim, (unsigned)topo_find(&topo, "r1"));
	run(sim, 100 * CLOCK_MS);
	assert_int_equal(sim_core(sim, "r1")->next_cookie, before + 8);
	assert_int_equal(session(sim, "r1", 7)->state, SESSION_UP);
	run(sim, 60 * CLOCK_S);
	assert_int_equal(sim_core(sim, "r1")->next_cookie, before + 8);
	end_settled(sim);
}

/* What an adaptor could not renew is applied again, once, and not while a commit is under way. */
static void not_renewed(void **state)
{
	struct sim *sim = start(10000000, 1);
	struct core *core = (struct core *)sim_core(sim, "r1");
	struct core_actions actions = { 0 };
	struct adaptor_key key;

	run(sim, CLOCK_S);
	key = session(sim, "r1", 1)->key;
	core_lost(core, key, sim_now(sim), &actions);
	assert_int_equal(actions.n, 1);
	assert_int_equal(actions.v[0].type, CORE_APPLY);
	core_actions_clear(&actions);
	core_lost(core, key, sim_now(sim), &actions);
	key.icorp = 2;
	core_lost(core, key, sim_now(sim), &actions);
	assert_int_equal(actions.n, 0);
	core_actions_free(&actions);
	sim_free(sim);
}

/* Without a map routers find each other by their routes; when the map comes, the switches are taken in. */
static void map_comes_late(void **state)
{
	struct sim *sim = calm_sim();
	struct contract *c = sim_contract(sim, 1, 1, servers, 2, access_routers, 2, 10000000);

	sim_map(sim, 0);
	sim_originate(sim, c);
	contract_unref(c);
	run(sim, CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_null(session(sim, "s1", 1));
	sim_map(sim, 1);
	run(sim, 5 * CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++)
		assert_int_equal(session(sim, hops[i], 1)->state, SESSION_UP);
	assert_int_equal(sim_applied_rate(sim, "s2", 1, "eth2"), 10000000);
	end_withdrawn(sim);
}

static void isc_msg(struct rsvp_msg *m, uint8_t type, uint32_t icorp)
{
	const struct topo_node *ar1 = &topo.node[topo_find(&topo, "ar1")], *srv2 = &topo.node[topo_find(&topo, "srv2")];

	rsvp_msg_clear(m);
	m->type = type;
	m->session = (struct rsvp_session){ icorp, 0, topo_control(ar1) };
	m->refresh_ms = UINT32_MAX;
	m->style = RSVP_STYLE_SE;
	m->template_.lsp_id = 1;
	m->template_.sender = topo_control(ar1);
	m->flow.rate_bps = 99000000;
	m->has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_STYLE | RSVP_HAS_FLOWSPEC | RSVP_HAS_FILTER;
	rsvp_add_s2l(m, topo_control(srv2), (struct in_addr){ 0 });
}

/* What runs in an ISC is a client's: with its own key it must reach nothing but its own reservation. */
static void hostile_isc(void **state)
{
	static const uint8_t types[] = { RSVP_PATH, RSVP_PATH_TEAR, RSVP_PATH_ERR, RSVP_RESV_ERR, RSVP_RESV_CONF };
	struct sim *sim = start(10000000, 2);
	struct rsvp_msg m = { 0 };
	struct rsvp_grant grant;
	uint64_t price;

	run(sim, CLOCK_S);
	price = sim_price(sim, "srv2", 1);
	for (size_t i = 0; i < sizeof(types); i++) {
		isc_msg(&m, types[i], 1);
		m.has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_TEMPLATE | RSVP_HAS_TSPEC | RSVP_HAS_REF | RSVP_HAS_ERROR;
		if (types[i] == RSVP_RESV_ERR || types[i] == RSVP_RESV_CONF)
			m.has = RSVP_HAS_HOP | RSVP_HAS_ERROR | RSVP_HAS_STYLE | RSVP_HAS_CONFIRM | RSVP_HAS_FLOWSPEC;
		m.hop = (struct rsvp_hop){ address("s2"), 1 };
		sim_isc_sends(sim, "srv2", 1, &m);
	}
	isc_msg(&m, RSVP_RESV_TEAR, 2); /* another ICorp's, on the same server */
	sim_isc_sends(sim, "srv2", 1, &m);
	isc_msg(&m, RSVP_RESV, 1); /* its own, with a rate, a lifetime and grants of its own making */
	rsvp_add_grant(&m, &(struct rsvp_grant){ .node = m.s2l.v[0].addr, .endpoint = m.s2l.v[0].addr, .resource = RESOURCE_CPU,
						 .outcome = OUTCOME_APPLIED, .level = 1, .element = "srv2" });
	sim_isc_sends(sim, "srv2", 1, &m);
	run(sim, 20 * CLOCK_MS);
	for (struct grant_cursor at = { 0 };
	     session_grant_next(sim_core(sim, "ar1"), session(sim, "ar1", 1), &at, &grant);)
		assert_int_not_equal(grant.level, 1);
	run(sim, CLOCK_S);
	assert_true(core_counters(sim_core(sim, "srv2"))[CORE_NOT_ITS_OWN] >= 6);
	assert_int_equal(sim_applied_rate(sim, "srv2", 1, "eth0"), 10000000);
	assert_int_equal(sim_price(sim, "srv2", 1), price);
	assert_true(sim_complete(sim, "ar1", 1) && sim_complete(sim, "ar1", 2));
	sim_kill_isc(sim, "srv2", 1);
	run(sim, 20 * CLOCK_S); /* its own word does not keep it alive for 49 days */
	assert_null(session(sim, "srv2", 1));
	rsvp_msg_free(&m);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completes), cmocka_unit_test(stays), cmocka_unit_test(deletes), cmocka_unit_test(more_cpu),
		cmocka_unit_test(given_less), cmocka_unit_test(bandwidth_as_they_say), cmocka_unit_test(steps_of_a_class),
		cmocka_unit_test(more_bandwidth), cmocka_unit_test(bandwidth_refused),
		cmocka_unit_test(no_capacity), cmocka_unit_test(adaptor_dies), cmocka_unit_test(not_renewed),
		cmocka_unit_test(map_comes_late), cmocka_unit_test(hostile_isc),
	};

	return RUN_ON(SRCDIR "/testbed/demo.topo", tests);
}
