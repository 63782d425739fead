/*
 * What ends without a word, on the demo's network: an ISC that does not start or dies, a leader or a neighbour that is gone. State
 * lapses, in its turn where there is much of it.
 */
#include <errno.h>

#include "lib/clock.h"
#include "signald/leader.h"
#include "signald/session.h"
#include "tests/unit/demo_network.h"

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
	end_withdrawn(sim);
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
		cmocka_unit_test(isc_waits), cmocka_unit_test(isc_waits_too_long), cmocka_unit_test(isc_dies),
		cmocka_unit_test(lost_before_complete), cmocka_unit_test(isc_gone_leader_new),
		cmocka_unit_test(leader_vanishes), cmocka_unit_test(expiry_storm), cmocka_unit_test(refreshed_in_the_row),
		cmocka_unit_test(former_hops_lapse_in_a_row),
	};

	return RUN_ON(SRCDIR "/testbed/demo.topo", tests);
}
