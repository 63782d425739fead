/* What a controller that has just started does about what its adaptors find, one rule at a time; the simulator has the rest. */
#include "tests/unit/element.h"

#include <errno.h>

static unsigned no_room; /* so often holding fails */

int __real_session_hold(struct turn *t, struct session *s, int *port, uint64_t *fits);
int __wrap_session_hold(struct turn *t, struct session *s, int *port, uint64_t *fits);
int __wrap_session_hold(struct turn *t, struct session *s, int *port, uint64_t *fits)
{
	if (!no_room)
		return __real_session_hold(t, s, port, fits);
	no_room--;
	*port = 0;
	*fits = 0;
	return -ENOSPC;
}

static void found(struct world *w, uint32_t icorp, uint16_t vlan, uint64_t eth1_bps)
{
	struct core_found f = { .key = key_of(w, icorp), .vlan = vlan, .n_ports = eth1_bps ? 1 : 0,
				.port = { { 1, eth1_bps } } };

	assert_int_equal(core_found(w->core, &f), 0);
}

/* Two adaptors' words of one session add up and count; nobody claims it: it goes, and what it held is to be had again. */
static void unclaimed_goes(void **state)
{
	struct world *w = start(ELEMENT_SWITCH, "10.200.1.2");

	found(w, 9, 0, 30000000);
	found(w, 9, 100, 0);
	assert_int_equal(core_unclaimed(w->core), 1);
	assert_int_equal(reserved(w, 1), 30000000);
	core_recover(w->core, w->now_us);
	assert_int_equal(core_next(w->core), w->now_us + 5250 * CLOCK_MS);
	core_tick(w->core, w->now_us + 5249 * CLOCK_MS, &w->actions);
	assert_int_equal(acted(w, CORE_REVOKE, 9), 0);
	core_tick(w->core, w->now_us + 5250 * CLOCK_MS, &w->actions);
	assert_int_equal(acted(w, CORE_REVOKE, 9), 1);
	assert_int_equal(acted(w, CORE_REFUSAL, 9), 1); /* the operator hears of it */
	assert_int_equal(acted(w, CORE_RECOVERED, 0), 1);
	assert_int_equal(core_unclaimed(w->core), 0);
	assert_int_equal(reserved(w, 1), 0);
	found(w, 9, 100, 30000000); /* said too late: nobody would ever take it away again */
	assert_int_equal(core_unclaimed(w->core), 0);
	assert_int_equal(reserved(w, 1), 0);
	stop(w);
}

/* As many as may lapse in a second go in one; until it goes, a late one may still claim its own. */
static void unclaimed_goes_by_and_by(void **state)
{
	struct world *w = start(ELEMENT_SWITCH, "10.200.1.2");
	unsigned steps = 0, over_told = 0;
	size_t left = 300;

	w->core->config.expiry_rate = 1000;
	found(w, w->contract->id, 150, 100000); /* the last to go */
	for (uint32_t i = 1; i < left; i++)
		found(w, 1000000 + i, 0, 100000);
	core_recover(w->core, w->now_us);
	for (w->now_us += 5250 * CLOCK_MS; core_recovers_until(w->core); w->now_us += 10 * CLOCK_MS, steps++) {
		assert_int_equal(core_recovers_until(w->core), w->now_us);
		assert_true(core_next(w->core) <= w->now_us);
		core_tick(w->core, w->now_us, &w->actions);
		assert_true(left - core_unclaimed(w->core) <= 10);
		left = core_unclaimed(w->core);
		over_told += acted(w, CORE_RECOVERED, 0);
		if (steps != 10)
			continue;
		path(w, "10.200.1.12", 0);
		assert_int_equal(core_unclaimed(w->core), --left);
		assert_int_equal(core_session(w->core, w->contract->id, ip("10.200.1.11"))->vlan, 150);
	}
	assert_int_equal(steps, 30);
	assert_int_equal(over_told, 1);
	assert_int_equal(acted(w, CORE_RECOVERED, 0), 1); /* the last thing */
	assert_int_equal(left, 0);
	stop(w);
}

/* What a former process had in force is asked for again. */
static const struct session *claimed(struct world *w)
{
	const struct session *s;

	found(w, w->contract->id, 150, 17000000);
	core_recover(w->core, w->now_us);
	path(w, "10.200.1.12", 0);
	s = core_session(w->core, w->contract->id, ip("10.200.1.11"));
	assert_non_null(s);
	return s;
}

/* It keeps its VLAN, though others are free, and its rate; nothing is changed before its endpoint is confirmed again. */
static void claimed_stays(void **state)
{
	struct world *w = start(ELEMENT_SWITCH, "10.200.1.2");
	const struct session *s = claimed(w);

	assert_int_equal(s->vlan, 150);
	assert_int_equal(reserved(w, 1), 17000000);
	assert_int_equal(core_unclaimed(w->core), 0);
	core_tick(w->core, w->now_us + 2600 * CLOCK_MS, &w->actions);
	assert_int_equal(acted(w, CORE_APPLY, 0) + acted(w, CORE_REVOKE, 0), 0);
	assert_true(s->recovering);
	core_tick(w->core, w->now_us + 2700 * CLOCK_MS, &w->actions); /* half of the time: what is there is not confirmed */
	assert_false(s->recovering);
	stop(w);
}

/* What was told cannot be held: nothing changes, and it is tried again. */
static void waits_for_room(void **state)
{
	struct world *w = start(ELEMENT_SWITCH, "10.200.1.2");
	const struct session *s = claimed(w);

	no_room = 2;
	core_tick(w->core, w->now_us + 2700 * CLOCK_MS, &w->actions);
	assert_int_equal(no_room, 0);
	assert_true(s->recovering);
	assert_int_equal(acted(w, CORE_APPLY, 0) + acted(w, CORE_REVOKE, 0) + acted(w, CORE_CLOSED, 0), 0);
	assert_int_equal(reserved(w, 1), 17000000);
	assert_true(core_next(w->core) <= w->now_us + 4500 * CLOCK_MS);
	core_tick(w->core, w->now_us + 4500 * CLOCK_MS, &w->actions);
	assert_false(s->recovering);
	stop(w);
}

/* While it is unclaimed, what it holds is not given to another. */
static void counts_for_others(void **state)
{
	struct world *w = start(ELEMENT_SWITCH, "10.200.1.2");

	found(w, 9, 100, 95000000);
	core_recover(w->core, w->now_us);
	path(w, "10.200.1.12", 0);
	assert_int_equal(acted(w, CORE_REFUSAL, w->contract->id), 1);
	assert_null(core_session(w->core, w->contract->id, ip("10.200.1.11")));
	stop(w);
}

/* The neighbour says that the VLAN is this ICorp's: the former one cannot be any more. */
static void vlan_of_another(void **state)
{
	struct world *w = start(ELEMENT_SWITCH, "10.200.1.2");
	const struct session *s;

	found(w, 9, 100, 30000000);
	core_recover(w->core, w->now_us);
	path(w, "10.200.1.12", 100);
	s = core_session(w->core, w->contract->id, ip("10.200.1.11"));
	assert_non_null(s);
	assert_int_equal(s->vlan, 100);
	assert_int_equal(acted(w, CORE_REVOKE, 9), 1);
	assert_int_equal(core_unclaimed(w->core), 0);
	assert_int_equal(reserved(w, 1), s->contract->network.rate_bps);
	stop(w);
}

/* But whoever is refused takes nothing away: neither for lack of room, nor for a VLAN that is in use. */
static void vlan_of_the_refused(void **state)
{
	struct world *w = start(ELEMENT_SWITCH, "10.200.1.2");

	found(w, 9, 100, 95000000);
	core_recover(w->core, w->now_us);
	path(w, "10.200.1.12", 100);
	assert_int_equal(acted(w, CORE_REFUSAL, w->contract->id), 1);
	assert_int_equal(acted(w, CORE_REVOKE, 9), 0);
	assert_int_equal(core_unclaimed(w->core), 1);
	assert_int_equal(reserved(w, 1), 95000000);
	stop(w);
}

/* A server's ISC keeps its levels; the demand acted on last is answered and not acted on, the next one is. */
static void server_keeps_levels(void **state)
{
	struct world *w = start(ELEMENT_SERVER, "10.200.2.21");
	struct core_found f = { .key = key_of(w, w->contract->id), .level = { [RESOURCE_CPU] = 1280 },
				.handled = { [RESOURCE_CPU] = 7 } };
	const struct core_resource *cpu = &core_config(w->core)->resource[RESOURCE_CPU];

	assert_int_equal(core_found(w->core, &f), 0);
	assert_int_equal(cpu->used, 1280);
	core_recover(w->core, w->now_us);
	path(w, "10.200.2.21", 0);
	assert_int_equal(acted(w, CORE_APPLY, w->contract->id), 1);
	assert_int_equal(cpu->used, 1280);
	demand(w, 7);
	assert_int_equal(cpu->used, 1280);
	demand(w, 8);
	assert_int_equal(cpu->used, 1536);
	stop(w);
}

/* A server on the way to another endpoint renews what it has committed, and gives up waiting for that one all the same. */
static void server_stops_waiting(void **state)
{
	struct world *w = start(ELEMENT_SERVER, "10.200.2.21");
	struct core_found f = { .key = key_of(w, w->contract->id), .level = { [RESOURCE_CPU] = 1280 },
				.n_ports = 2, .port = { { 0, 10000000 }, { 1, 10000000 } } };
	struct adaptor_result done = { 0 };
	const struct session *s;

	assert_int_equal(core_found(w->core, &f), 0);
	core_recover(w->core, w->now_us);
	path_to(w, "10.200.2.21", "10.200.1.12", 0);
	s = core_session(w->core, w->contract->id, ip("10.200.1.11"));
	core_applied(w->core, s->key, s->cookie, &done, w->now_us, &w->actions);
	core_tick(w->core, w->now_us + 1800 * CLOCK_MS, &w->actions);
	assert_int_equal(acted(w, CORE_RENEW, w->contract->id), 1);
	assert_true(s->recovering);
	core_tick(w->core, w->now_us + 2700 * CLOCK_MS, &w->actions);
	assert_false(s->recovering);
	stop(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unclaimed_goes), cmocka_unit_test(unclaimed_goes_by_and_by), cmocka_unit_test(claimed_stays),
		cmocka_unit_test(waits_for_room), cmocka_unit_test(counts_for_others), cmocka_unit_test(vlan_of_another),
		cmocka_unit_test(vlan_of_the_refused), cmocka_unit_test(server_keeps_levels),
		cmocka_unit_test(server_stops_waiting),
	};
	int r = contract_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);

	contract_cleanup();
	return r;
}
