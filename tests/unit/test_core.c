/*
 * The session core on the demo's network, without faults: who reserves what where, demands, refusals, lapse and deletion.
 *
 *   ar1 --+                                    +-- srv1
 *         s1 -- r1 ======== r2 -- (lsw) -- s2 -+
 *   ar2 --+                                    +-- srv2
 */
#include <errno.h>
#include <string.h>

#include "lib/clock.h"
#include "signald/leader.h"
#include "signald/session.h"
#include "tests/unit/network.h"

static const char *const servers[] = { "srv1", "srv2" }, *const access_routers[] = { "ar1", "ar2" };
static const char *const hops[] = { "ar1", "ar2", "s1", "r1", "r2", "s2", "srv1", "srv2" };

static struct sim *start(uint64_t rate_bps, uint32_t n)
{
	struct sim *sim = calm_sim();

	for (uint32_t id = 1; id <= n; id++) {
		originate(sim, sim_contract(sim, id, 1, servers, 2, access_routers, 2, rate_bps));
	}
	return sim;
}

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
	sim_withdraw(sim, "ar1", 1);
	run(sim, CLOCK_S);
	assert_int_equal(sim_leftovers(sim), 0);
	sim_free(sim);
}

static void put_off(struct sim *sim, const char *element, const char *reason)
{
	const struct session *s = session(sim, element, 1);
	struct adaptor_result result = { .error = -EAGAIN };
	struct core_actions actions = { 0 };

	assert_non_null(s);
	assert_true(s->cookie);
	snprintf(result.reason, sizeof(result.reason), "%s", reason);
	core_applied((struct core *)(uintptr_t)sim_core(sim, element), s->key, s->cookie, &result, sim_now(sim), &actions);
	assert_int_equal(actions.n, 0);
	assert_string_equal(session_rest(s)->waits_for, reason);
	core_actions_free(&actions);
}

static struct sim *start_slow(uint64_t apply_us)
{
	struct sim *sim = start(10000000, 0);
	struct sim_faults slow = { .delay_min_us = 300, .delay_max_us = 300, .apply_min_us = apply_us, .apply_max_us = apply_us };
	struct contract *c = sim_contract(sim, 1, 1, servers, 2, access_routers, 2, 10000000);

	sim_set_faults(sim, &slow);
	sim_originate(sim, c);
	contract_unref(c);
	run(sim, CLOCK_S);
	return sim;
}

/* A daemon that the ISC needs is down for a while: the commit is under way still, and completes. */
static void isc_waits(void **state)
{
	struct sim *sim = start_slow(1500 * CLOCK_MS);

	put_off(sim, "srv1", "vm: libvirt: down");
	assert_int_equal(session(sim, "srv1", 1)->state, SESSION_COMMITTING);
	run(sim, 20 * CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1));
	assert_string_equal(session_rest(session(sim, "srv1", 1))->waits_for, "");
	sim_free(sim);
}

/* For too long: whoever asked hears what was waited for. */
static void isc_waits_too_long(void **state)
{
	struct sim *sim = start_slow(60 * CLOCK_S);
	struct core_actions actions = { 0 };
	struct rsvp_msg m = { 0 };
	unsigned errors = 0;

	put_off(sim, "srv1", "vm: libvirt: down");
	run(sim, 18900 * CLOCK_MS);
	core_tick((struct core *)(uintptr_t)sim_core(sim, "srv1"), sim_now(sim) + 200 * CLOCK_MS, &actions);
	for (unsigned i = 0; i < actions.n; i++) {
		const struct core_action *a = &actions.v[i];

		if (a->type != CORE_SEND || a->message_type != RSVP_PATH_ERR)
			continue;
		errors++;
		assert_int_equal(rsvp_decode(core_action_message(&actions, a), a->len, RSVP_ENTERPRISE, &m, NULL), 0);
		assert_int_equal(m.error.value, RSVP_ADMISSION_ADAPTOR);
		assert_string_equal(m.grants.v[0].element, "srv1");
		assert_string_equal(m.grants.v[0].reason,
				    "the ISC was not started in time: waiting for vm: libvirt: down");
	}
	assert_int_equal(errors, 1);
	rsvp_msg_free(&m);
	core_actions_free(&actions);
	sim_free(sim);
}

/* An ISC dies without a word: its state lapses, its server lets it go, the rest stays. */
static void isc_dies(void **state)
{
	struct sim *sim = start(10000000, 1);

	run(sim, CLOCK_S);
	sim_kill_isc(sim, "srv2", 1);
	run(sim, 4 * CLOCK_S);
	assert_true(sim_complete(sim, "ar1", 1)); /* not yet */
	run(sim, 16 * CLOCK_S);
	assert_false(sim_complete(sim, "ar1", 1));
	assert_int_equal(leader_state(session(sim, "ar1", 1)), LEADER_DEGRADED);
	assert_null(session(sim, "srv2", 1));
	assert_int_equal(sim_applied_rate(sim, "s2", 1, "eth2"), 0);
	assert_int_equal(sim_applied_rate(sim, "s2", 1, "eth1"), 10000000);
	assert_int_equal(session(sim, "ar2", 1)->state, SESSION_UP);
	sim_withdraw(sim, "ar1", 1);
	run(sim, CLOCK_S);
	assert_int_equal(sim_leftovers(sim), 0);
	sim_free(sim);
}

/* An endpoint that is confirmed and lost before the others are: the ICorp is refused, not signaled for ever. */
static void lost_before_complete(void **state)
{
	struct sim *sim = start(10000000, 0);
	struct contract *c = sim_contract(sim, 1, 1, servers, 2, access_routers, 2, 10000000);
	int srv2 = topo_find(&topo, "srv2");

	sim_cut(sim, topo.node[srv2].iface[0].link, 60 * CLOCK_S);
	sim_originate(sim, c);
	contract_unref(c);
	run(sim, CLOCK_S);
	sim_kill_isc(sim, "srv1", 1);
	run(sim, 30 * CLOCK_S);
	sim_settled(sim);
	assert_int_equal(sim_leftovers(sim), 0);
	sim_free(sim);
}

/* A leader that starts anew learns from the server's own word that an ISC is gone: the ICorp goes on without it. */
static void isc_gone_leader_new(void **state)
{
	struct sim *sim = start(10000000, 1);

	run(sim, CLOCK_S);
	sim_kill_isc(sim, "srv2", 1);
	run(sim, 4200 * CLOCK_MS);
	sim_crash(sim, (unsigned)topo_find(&topo, "ar1"), 1500 * CLOCK_MS);
	run(sim, 1400 * CLOCK_MS);
	assert_int_equal(session(sim, "srv2", 1)->state, SESSION_FAILED); /* it lapsed meanwhile */
	run(sim, 20 * CLOCK_S);
	sim_settled(sim);
	assert_int_equal(leader_state(session(sim, "ar1", 1)), LEADER_DEGRADED);
	assert_int_equal(session(sim, "srv1", 1)->state, SESSION_UP);
	sim_withdraw(sim, "ar1", 1);
	run(sim, 10 * CLOCK_S);
	assert_int_equal(sim_leftovers(sim), 0);
	sim_free(sim);
}

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
	sim_withdraw(sim, "ar1", 1);
	run(sim, CLOCK_S);
	assert_int_equal(sim_leftovers(sim), 0);
	sim_free(sim);
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
	sim_settled(sim);
	assert_int_equal(sim_violations(sim), 0);
	sim_free(sim);
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
	sim_settled(sim);
	assert_int_equal(sim_violations(sim), 0);
	sim_withdraw(sim, "ar1", 1);
	run(sim, CLOCK_S);
	assert_int_equal(sim_leftovers(sim), 0);
	sim_free(sim);
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
	sim_settled(sim);
	assert_int_equal(sim_violations(sim), 0);
	sim_free(sim);
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
	sim_settled(sim);
	assert_int_equal(sim_violations(sim), 0);
	sim_free(sim);
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
	sim_settled(sim);
	assert_int_equal(sim_violations(sim), 0);
	sim_free(sim);
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
		sim_settled(sim);
		assert_int_equal(sim_violations(sim), 0);
		sim_free(sim);
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
		sim_settled(sim);
		assert_int_equal(sim_violations(sim), 0);
		sim_free(sim);
	}
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
	sim_settled(sim);
	assert_int_equal(sim_violations(sim), 0);
	sim_free(sim);
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
	sim_withdraw(sim, "ar1", 1);
	run(sim, CLOCK_S);
	assert_int_equal(sim_leftovers(sim), 0);
	sim_free(sim);
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

/* The leader vanishes: everything lapses by itself. */
static void leader_vanishes(void **state)
{
	struct sim_faults silent = { .loss_permille = 1000 };
	struct sim *sim = start(10000000, 1);

	run(sim, CLOCK_S);
	sim_set_faults(sim, &silent);
	run(sim, 30 * CLOCK_S);
	for (size_t i = 1; i < sizeof(hops) / sizeof(hops[0]); i++)
		assert_null(session(sim, hops[i], 1));
	sim_withdraw(sim, "ar1", 1);
	assert_int_equal(sim_leftovers(sim), 0);
	sim_free(sim);
}

static unsigned sessions_of(struct sim *sim, const char *element, uint32_t n)
{
	unsigned found = 0;

	for (uint32_t id = 1; id <= n; id++)
		found += session(sim, element, id) != NULL;
	return found;
}

/* How many of r2's sessions lapse in the worst second, until so many are left. */
static unsigned worst_second(struct sim *sim, unsigned left, unsigned *seconds)
{
	unsigned before = sessions_of(sim, "r2", 8), most = 0;

	for (*seconds = 0; before > left && *seconds < 60; (*seconds)++) {
		unsigned now;

		run(sim, CLOCK_S);
		now = sessions_of(sim, "r2", 8);
		most = before - now > most ? before - now : most;
		before = now;
	}
	assert_in_range(before, 0, left);
	return most;
}

/* A neighbour of many is lost: their states lapse one after the other, as many in a second as is set, and all in the end. */
static void expiry_storm(void **state)
{
	struct sim_faults silent = { .loss_permille = 1000 };
	struct sim *sim;
	unsigned seconds;

	topo.expiry_rate = 1;
	sim = start(1000000, 8);
	run(sim, 2 * CLOCK_S);
	assert_int_equal(sessions_of(sim, "r2", 8), 8);
	sim_set_faults(sim, &silent);
	assert_in_range(worst_second(sim, 0, &seconds), 1, 2); /* the first second has two seconds' */
	assert_in_range(seconds, 10, 30);                      /* path states and reservations share the rate */
	topo.expiry_rate = 0;
	for (uint32_t id = 1; id <= 8; id++)
		sim_withdraw(sim, "ar1", id);
	sim_free(sim);
}

/* How many of r2's sessions have a place in the row of those that lapse. */
static unsigned in_the_row(struct sim *sim)
{
	unsigned n = 0;

	for (uint32_t id = 1; id <= 8; id++) {
		const struct session *s = session(sim, "r2", id);

		n += s && (s->up.had_to_wait || (s->branch && s->branch->had_to_wait));
	}
	return n;
}

/* Those that are refreshed before their place comes do not keep it: the next time they stand in the row anew. */
static void refreshed_in_the_row(void **state)
{
	struct sim_faults silent = { .loss_permille = 1000 }, calm = { .delay_min_us = 300, .delay_max_us = 300 };
	struct sim *sim;
	unsigned seconds;

	topo.expiry_rate = 1;
	sim = start(1000000, 8);
	run(sim, 2 * CLOCK_S);
	sim_set_faults(sim, &silent);
	worst_second(sim, 7, &seconds);
	assert_true(in_the_row(sim) > 2);
	sim_set_faults(sim, &calm);
	run(sim, 2 * CLOCK_S);
	assert_in_range(sessions_of(sim, "r2", 8), 3, 8);
	assert_int_equal(in_the_row(sim), 0);
	topo.expiry_rate = 0;
	for (uint32_t id = 1; id <= 8; id++)
		sim_withdraw(sim, "ar1", id);
	sim_free(sim);
}

static unsigned formers_of(struct sim *sim, const char *element, uint32_t n)
{
	unsigned found = 0;

	for (uint32_t id = 1; id <= n; id++)
		found += session(sim, element, id)->former != NULL;
	return found;
}

/* What former previous hops no longer refresh stands in the same row. */
static void former_hops_lapse_in_a_row(void **state)
{
	struct core *core;
	struct sim *sim;

	topo.expiry_rate = 1;
	sim = start(1000000, 4);
	run(sim, CLOCK_S);
	core = (struct core *)(uintptr_t)sim_core(sim, "r2");
	for (uint32_t id = 1; id <= 4; id++) {
		struct session *s = session_find(core, session(sim, "r2", id)->key);

		s->former = pool_get(&core->pool, sizeof(*s->former));
		assert_non_null(s->former);
		*s->former = (struct upstream){ .addr = address("ar2"), .port = s->up.port, .expires_us = 1 };
		wheel_set(&core->timers, &s->timer, 1);
	}
	for (unsigned left = 2; left < 4; left--) { /* the first second has two seconds' */
		run(sim, CLOCK_S);
		assert_int_equal(formers_of(sim, "r2", 4), left);
	}
	topo.expiry_rate = 0;
	for (uint32_t id = 1; id <= 4; id++)
		sim_withdraw(sim, "ar1", id);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completes), cmocka_unit_test(stays), cmocka_unit_test(deletes), cmocka_unit_test(more_cpu),
		cmocka_unit_test(steps_of_a_class),
		cmocka_unit_test(more_bandwidth), cmocka_unit_test(bandwidth_refused), cmocka_unit_test(no_capacity),
		cmocka_unit_test(isc_waits), cmocka_unit_test(isc_waits_too_long),
		cmocka_unit_test(isc_dies), cmocka_unit_test(lost_before_complete), cmocka_unit_test(isc_gone_leader_new),
		cmocka_unit_test(revised_rate), cmocka_unit_test(revised_without_one), cmocka_unit_test(revised_with_another_address),
		cmocka_unit_test(revision_moves_nobody), cmocka_unit_test(revision_refused),
		cmocka_unit_test(revision_late), cmocka_unit_test(revision_hop_dies), cmocka_unit_test(revision_keeps_growth),
		cmocka_unit_test(hostile_isc),
		cmocka_unit_test(adaptor_dies), cmocka_unit_test(not_renewed), cmocka_unit_test(map_comes_late),
		cmocka_unit_test(leader_vanishes), cmocka_unit_test(expiry_storm), cmocka_unit_test(refreshed_in_the_row),
		cmocka_unit_test(former_hops_lapse_in_a_row),
	};

	return RUN_ON(SRCDIR "/testbed/demo.topo", tests);
}
