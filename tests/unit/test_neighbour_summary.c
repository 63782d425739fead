/* Summary refresh between two neighbours (RFC 2961 section 5), and what ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "signald/neighbour_internal.h"
#include "tests/unit/neighbour_world.h"

/* 1,000 states over 10 rounds: each is named once per round, at most R apart; nothing is sent in full. */
static void test_rounds(void **state)
{
	struct world *w = world_new(world_options());
	uint64_t began;

	for (uint32_t slot = 1; slot <= 1000; slot++)
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
	world_run(w, 60 * S);
	for (uint32_t slot = 1; slot <= 1000; slot++)
		assert_true(w->end[1].refreshed[slot] >= 1); /* within 2 R of being sent */
	began = w->now_us;
	for (unsigned second = 0; second < 300; second++) {
		world_run(w, 1 * S);
		for (uint32_t slot = 1; slot <= 1000; slot++)
			assert_true(w->end[1].refreshed_us[slot] + 30 * S >= began || second < 30);
		began = w->now_us;
	}
	for (uint32_t slot = 1; slot <= 1000; slot++) {
		assert_in_range(w->end[1].refreshed[slot], 10, 24); /* 360 s, rounds of 15 to 30 s */
		assert_true(abs((int)w->end[1].refreshed[slot] - (int)w->end[1].refreshed[1]) <= 1);
	}
	assert_int_equal(w->end[0].out[RSVP_PATH], 1000);
	/* 321 ids fit into 1,300 bytes */
	assert_in_range(w->end[0].out[RSVP_SREFRESH], 10 * 4, 24 * 4);
	world_agree(w);
	world_end(w);
}

/* Withdrawn states are not named any more, and the others still are, whatever the order they go in. */
static void test_rounds_with_churn(void **state)
{
	struct world *w = world_new(world_options());

	w->random = 3;
	for (uint32_t slot = 1; slot <= 2000; slot++)
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t slot = 1 + (uint32_t)world_random(w, 2000);

		if (slot > 500 && w->end[0].sent_id[slot] && i % 2)
			end_tear(&w->end[0], slot);
		else if (slot > 500)
			end_send(&w->end[0], slot, NEIGHBOUR_STATE);
		world_run(w, 5 * MS);
	}
	world_run(w, 1 * S);
	world_agree(w);
	for (uint32_t slot = 1; slot <= 500; slot++) /* 100 s: three to six rounds */
		assert_in_range(w->end[1].refreshed[slot], 2, 6);
	memset(w->end[1].refreshed, 0, sizeof(w->end[1].refreshed));
	world_run(w, 60 * S);
	for (uint32_t slot = 1; slot <= 2000; slot++)
		assert_int_equal(!!w->end[1].refreshed[slot], !!w->end[0].sent_id[slot]);
	assert_int_equal(end_count(&w->end[1], NEIGHBOUR_NACKS_SENT), 0);
	world_end(w);
}

/* Many withdrawn in the middle of a round: the rest of it is still named, once, and nothing else. */
static void test_rounds_with_holes(void **state)
{
	struct neighbour_options options = world_options();
	struct world *w;
	struct end *e;

	options.message_max = 100; /* 21 ids each */
	w = world_new(options);
	e = &w->end[0];
	for (uint32_t slot = 1; slot <= 1000; slot++)
		end_send(e, slot, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	world_agree(w);
	while (!w->end[1].refreshed[300])
		world_run(w, 10 * MS);
	for (uint32_t slot = 1; slot <= 1000; slot++) {
		if (slot % 10) {
			neighbour_withdraw(e->peer, e->sent_id[slot]);
			e->sent_id[slot] = 0;
		}
		assert_true(e->peer->summary.n <= 2 * end_count(e, NEIGHBOUR_STATES_SENT) + 65);
	}
	assert_int_equal(w->end[1].refreshed[1000], 0);
	while (!w->end[1].refreshed[1000])
		world_run(w, 10 * MS);
	for (uint32_t slot = 10; slot <= 1000; slot += 10)
		assert_int_equal(w->end[1].refreshed[slot], 1);
	while (w->end[1].refreshed[1000] < 3)
		world_run(w, 10 * MS);
	for (uint32_t slot = 1; slot <= 1000; slot++)
		assert_true(w->end[1].refreshed[slot] == 3 || (slot % 10 && w->end[1].refreshed[slot] <= 1));
	world_end(w);
}

/* What awaits its acknowledgement is not named: it would only be NACKed. */
static void test_rounds_leave_out(void **state)
{
	struct neighbour_options options = world_options();
	struct world *w;

	options.refresh_us = 200 * MS;
	w = world_new(options);
	w->cut = 1;
	end_send(&w->end[0], 1, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_IN_FLIGHT), 1);
	assert_int_equal(w->end[0].out[RSVP_SREFRESH], 0);
	world_end(w);
}

/* An id to which the numbers might come round is not named, but its state sent with a new one. */
static void test_old_ids(void **state)
{
	struct world *w = world_new(world_options());
	uint32_t old;

	old = end_send(&w->end[0], 1, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	w->end[0].ns->next_id += 1u << 30;
	end_send(&w->end[0], 2, NEIGHBOUR_STATE);
	world_run(w, 60 * S);
	assert_int_equal(w->end[0].asked[1], 1);
	assert_true(rsvp_id_later(w->end[0].sent_id[1], old));
	assert_int_equal(w->end[0].asked[2], 0);
	world_agree(w);
	world_end(w);
}

/* The receiver lost one state: NACK, and the sender's owner sends it in full. */
static void test_nack(void **state)
{
	struct world *w = world_new(world_options());

	for (uint32_t slot = 1; slot <= 10; slot++)
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	w->end[1].got_id[4] = 0;              /* it is not known any more: refreshed says so */
	neighbour_unlearn(w->end[1].peer, w->end[1].got_id[5]);
	w->end[1].got_id[5] = 0;              /* nor is its id */
	world_run(w, 60 * S);
	assert_int_equal(end_count(&w->end[1], NEIGHBOUR_NACKS_SENT), 2);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_NACKS_RECEIVED), 2);
	assert_int_equal(w->end[0].asked[4], 1);
	assert_int_equal(w->end[0].asked[5], 1);
	assert_int_equal(w->end[0].out[RSVP_PATH], 12);
	assert_int_equal(end_count(&w->end[1], NEIGHBOUR_STATES_LEARNT), 10);
	world_agree(w);
	world_end(w);
}

/* A neighbour that began anew is given everything again, at once but no faster than the window allows. */
static void test_restart(void **state)
{
	struct world *w = world_new(world_options());
	uint64_t began;

	for (uint32_t slot = 1; slot <= 2000; slot++)
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
	end_send(&w->end[1], 7, NEIGHBOUR_STATE);
	end_send(&w->end[1], 8, NEIGHBOUR_STATE);
	world_run(w, 5 * S);
	world_agree(w);
	assert_int_equal(w->end[0].got_id[7], w->end[1].sent_id[7]);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_STATES_LEARNT), 2);
	w->end[1].sent_id[8] = 0;             /* this one it will not have */
	world_restart(w, 1, 1);               /* its Path shows the new epoch */
	w->end[0].got_id[7] = 0;              /* as a core would: ids of another epoch cannot be compared */
	began = w->now_us;
	while (w->now_us < began + 1 * S) {
		world_run(w, 1 * MS);
		assert_true(end_count(&w->end[0], NEIGHBOUR_QUEUE) + end_count(&w->end[0], NEIGHBOUR_IN_FLIGHT) <= 256);
	}
	assert_int_equal(w->end[0].events[NEIGHBOUR_RESTARTED], 1);
	assert_true(w->end[0].event_us[NEIGHBOUR_RESTARTED] - began <= 1 * MS);
	world_agree(w);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_STATES_LEARNT), 1);
	for (uint32_t slot = 1; slot <= 2000; slot++)
		assert_int_equal(w->end[1].got[slot], 1);
	world_end(w);
}

/* Ids of another epoch are another incarnation's, although the numbers are the same. */
static void test_srefresh_epoch(void **state)
{
	struct world *w = world_new(world_options());
	struct end *e = &w->end[1];
	struct rsvp_msg msg = { .type = RSVP_SREFRESH, .flags = RSVP_FLAG_REDUCTION, .list_epoch = 0x2222 };

	end_send(&w->end[0], 1, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	assert_int_equal(rsvp_add_id(&msg, w->end[0].sent_id[1]), 0);
	end_hears(e, &msg);
	assert_int_equal(e->refreshed[1], 0);
	assert_int_equal(e->events[NEIGHBOUR_RESTARTED], 1);
	assert_int_equal(end_count(e, NEIGHBOUR_NACKS_SENT), 1);
	rsvp_msg_free(&msg);
	world_end(w);
}

/* A neighbour that does not understand RFC 2961 gets every state in full once per round. */
static void test_not_capable(void **state)
{
	struct world *w = world_new(world_options());
	struct end *e = &w->end[0];

	path_make(&w->end[1].msg, RSVP_PATH, 9); /* no flag in its header */
	assert_int_equal(end_hears(e, &w->end[1].msg), NEIGHBOUR_DELIVER);
	assert_false(neighbour_capable(e->peer));
	for (uint32_t slot = 1; slot <= 10; slot++)
		end_send(e, slot, NEIGHBOUR_STATE);
	assert_false(e->msg.has & RSVP_HAS_ID);
	w->cut = 1;
	world_run(w, 330 * S);
	assert_int_equal(e->out[RSVP_SREFRESH], 0);
	assert_int_equal(end_count(e, NEIGHBOUR_RETRANSMITS), 0);
	for (uint32_t slot = 1; slot <= 10; slot++)
		assert_in_range(e->asked[slot], 9, 22);
	world_end(w);
}

/* It says so only later: what it should have acknowledged is sent again, plain. */
static void test_not_capable_later(void **state)
{
	struct world *w = world_new(world_options());
	struct end *e = &w->end[0];

	w->cut = 1;
	for (uint32_t slot = 1; slot <= 100; slot++)
		end_send(e, slot, NEIGHBOUR_STATE);
	path_make(&w->end[1].msg, RSVP_PATH, 9);
	end_hears(e, &w->end[1].msg);
	assert_int_equal(end_count(e, NEIGHBOUR_IN_FLIGHT) + end_count(e, NEIGHBOUR_QUEUE), 0);
	world_run(w, 100 * MS);
	for (uint32_t slot = 1; slot <= 100; slot++)
		assert_int_equal(e->asked[slot], 1);
	assert_int_equal(end_count(e, NEIGHBOUR_IN_FLIGHT), 0);
	world_end(w);
}

/* Ids wrap: order, search, rounds and acknowledgements go on. */
static void test_ids_wrap(void **state)
{
	struct neighbour_options options = world_options();
	struct world *w;

	assert_true(rsvp_id_later(1, UINT32_MAX));
	assert_false(rsvp_id_later(UINT32_MAX, 1));
	assert_true(rsvp_id_later(5, 4));
	assert_false(rsvp_id_later(5, 5));
	options.first_id = UINT32_MAX - 500;
	w = world_new(options);
	for (uint32_t slot = 1; slot <= 1000; slot++)
		assert_true(end_send(&w->end[0], slot, NEIGHBOUR_STATE) != 0);
	assert_true(w->end[0].sent_id[1000] < w->end[0].sent_id[1]);
	world_run(w, 1 * S);
	for (uint32_t slot = 1; slot <= 1000; slot += 7)
		end_tear(&w->end[0], slot);
	for (uint32_t slot = 2; slot <= 1000; slot += 7)
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
	world_run(w, 60 * S);
	world_agree(w);
	for (uint32_t slot = 1; slot <= 1000; slot++)
		assert_int_equal(!!w->end[1].refreshed[slot], slot % 7 != 1);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_NACKS_RECEIVED), 0);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_rounds_with_churn),
		cmocka_unit_test(test_rounds_with_holes),
		cmocka_unit_test(test_rounds_leave_out),
		cmocka_unit_test(test_old_ids),
		cmocka_unit_test(test_nack),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_srefresh_epoch),
		cmocka_unit_test(test_not_capable),
		cmocka_unit_test(test_not_capable_later),
		cmocka_unit_test(test_ids_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
