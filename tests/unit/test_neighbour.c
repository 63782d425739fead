/* RFC 2961 and Hello between two neighbours, on a virtual clock. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "signald/neighbour_internal.h"
#include "tests/unit/neighbour_world.h"

static uint64_t count(const struct end *e, enum neighbour_counter counter)
{
	return neighbour_counter(e->peer, counter);
}

static struct world *world(struct neighbour_options options)
{
	struct world *w = malloc(sizeof(*w));

	assert_non_null(w);
	world_init(w, &options);
	return w;
}

static void end_world(struct world *w)
{
	world_free(w);
	free(w);
}

/* Every state of 0 is at 1, as last sent, and nothing is under way. */
static void agree(struct world *w)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		assert_int_equal(w->end[1].got_id[slot], w->end[0].sent_id[slot]);
	assert_int_equal(count(&w->end[0], NEIGHBOUR_IN_FLIGHT), 0);
	assert_int_equal(count(&w->end[0], NEIGHBOUR_QUEUE), 0);
}

/* --- reliable sending --- */

static uint64_t lost_number;

static int lose_one(struct world *w, int to, const uint8_t *bytes, size_t len)
{
	return w->number == lost_number;
}

/* Whichever message or acknowledgement is lost, and be it the tear: all arrives within a second. */
static void test_any_one_lost(void **state)
{
	uint64_t messages = 4;

	for (lost_number = 0; lost_number <= messages; lost_number++) {
		struct world *w = world(world_options());

		w->lose = lose_one;
		end_send(&w->end[0], 1, NEIGHBOUR_STATE);
		world_run(w, 1 * S);
		assert_int_equal(w->end[1].got[1], 1);
		agree(w);
		end_tear(&w->end[0], 1);
		world_run(w, 1 * S);
		agree(w);
		if (!lost_number)
			assert_int_equal(w->number, messages); /* message, ack, tear, ack */
		else
			assert_int_equal(count(&w->end[0], NEIGHBOUR_RETRANSMITS), 1);
		end_world(w);
	}
}

static int lose_some(struct world *w, int to, const uint8_t *bytes, size_t len)
{
	return world_random(w, 100) < 30;
}

/* 30 % loss both ways, and changes all the time: in the end both agree, without anyone having been told to hurry. */
static void test_much_loss(void **state)
{
	for (unsigned seed = 1; seed <= 5; seed++) {
		struct world *w = world(world_options());

		w->random = seed;
		w->lose = lose_some;
		for (unsigned i = 0; i < 3000; i++) {
			uint32_t slot = 1 + (uint32_t)world_random(w, 200);

			if (w->end[0].sent_id[slot] && world_random(w, 3) == 0)
				end_tear(&w->end[0], slot);
			else
				end_send(&w->end[0], slot, NEIGHBOUR_STATE);
			world_run(w, world_random(w, 10 * MS));
		}
		world_run(w, 20 * S);
		w->lose = NULL;
		world_run(w, 90 * S); /* what was given up is named, not known, and sent again */
		for (uint32_t slot = 0; slot < SLOTS; slot++)
			if (w->end[0].sent_id[slot])
				assert_int_equal(w->end[1].got_id[slot], w->end[0].sent_id[slot]);
		assert_int_equal(count(&w->end[0], NEIGHBOUR_IN_FLIGHT), 0);
		end_world(w);
	}
}

static uint64_t sent_at[32];
static unsigned n_sent;

static int lose_and_note(struct world *w, int to, const uint8_t *bytes, size_t len)
{
	if (to == 1 && bytes[1] == RSVP_PATH && n_sent < 32)
		sent_at[n_sent++] = w->now_us;
	return to == 1;
}

/* The timeout doubles from the floor to the ceiling; then the message is given up. The id is the same each time. */
static void test_timeout_grows(void **state)
{
	static const uint64_t wait[] = { 20, 40, 80, 160, 320, 500 };
	struct world *w = world(world_options());

	for (uint32_t slot = 1; slot <= 50; slot++) {
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
		world_run(w, 10 * MS);
	}
	assert_in_range(count(&w->end[0], NEIGHBOUR_SRTT_US), 1900, 2100);
	assert_int_equal(count(&w->end[0], NEIGHBOUR_RTO_US), 20 * MS);
	assert_int_equal(count(&w->end[0], NEIGHBOUR_WINDOW), 32); /* one message at a time does not need more */
	n_sent = 0;
	w->lose = lose_and_note;
	end_send(&w->end[0], 51, NEIGHBOUR_STATE);
	world_run(w, 5 * S);
	assert_int_equal(n_sent, 7);
	for (unsigned i = 0; i + 1 < n_sent; i++)
		assert_int_equal(sent_at[i + 1] - sent_at[i], wait[i] * MS);
	assert_int_equal(count(&w->end[0], NEIGHBOUR_GIVEN_UP), 1);
	assert_int_equal(count(&w->end[0], NEIGHBOUR_IN_FLIGHT), 0);
	assert_int_equal(count(&w->end[0], NEIGHBOUR_RTO_US), 500 * MS); /* until a round trip is measured */
	/* The state is still ours; a Srefresh shows that the neighbour does not have it. */
	w->lose = NULL;
	world_run(w, 60 * S);
	assert_int_equal(w->end[0].asked[51], 1);
	assert_int_equal(count(&w->end[0], NEIGHBOUR_RTO_US), 20 * MS);
	agree(w);
	end_world(w);
}

static int lose_2(struct world *w, int to, const uint8_t *bytes, size_t len)
{
	if (w->number == 2 || w->number == 4)
		sent_at[n_sent++] = w->now_us;
	return w->number == 2;
}

/* Two messages before the round trip is known; the first one's answer shortens the wait for the second one's. */
static void test_timeout_shrinks(void **state)
{
	struct world *w = world(world_options());

	n_sent = 0;
	w->lose = lose_2;
	end_send(&w->end[0], 1, NEIGHBOUR_STATE);
	end_send(&w->end[0], 2, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	assert_int_equal(n_sent, 2);
	assert_int_equal(sent_at[1] - sent_at[0], 20 * MS);
	agree(w);
	end_world(w);
}

/* A round trip longer than the timeout: Karn's backoff lets it be measured all the same. */
static void test_long_round_trip(void **state)
{
	struct world *w = world(world_options());
	uint64_t before;

	w->delay_us = 1 * MS;
	end_send(&w->end[0], 1, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	w->delay_us = 60 * MS;
	for (uint32_t slot = 2; slot <= 30; slot++) {
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
		world_run(w, 300 * MS);
	}
	assert_true(count(&w->end[0], NEIGHBOUR_SRTT_US) > 100 * MS);
	before = count(&w->end[0], NEIGHBOUR_RETRANSMITS);
	for (uint32_t slot = 31; slot <= 50; slot++) {
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
		world_run(w, 300 * MS);
	}
	assert_int_equal(count(&w->end[0], NEIGHBOUR_RETRANSMITS), before);
	agree(w);
	end_world(w);
}

/* What waits for the window goes in order, tears first. */
static void test_window(void **state)
{
	struct world *w = world(world_options());
	struct end *e = &w->end[0];

	for (uint32_t slot = 1; slot <= 100; slot++)
		end_send(e, slot, NEIGHBOUR_STATE);
	assert_int_equal(e->out[RSVP_PATH], 32);
	assert_int_equal(count(e, NEIGHBOUR_QUEUE), 68);
	end_tear(e, 1);                       /* was sent: room for one */
	assert_int_equal(e->out[RSVP_PATH_TEAR], 1);
	path_make(&e->msg, RSVP_PATH_TEAR, 2);
	neighbour_send(e->peer, &e->msg, NEIGHBOUR_URGENT, 0, 0, w->now_us);
	assert_int_equal(e->out[RSVP_PATH_TEAR], 1);
	end_tear(e, 100);                     /* never sent, and never will be */
	assert_int_equal(count(e, NEIGHBOUR_QUEUE), 69);
	world_run(w, 2 * MS);                 /* one round trip: acknowledgements, and the next window */
	assert_int_equal(e->out[RSVP_PATH_TEAR], 3);
	assert_true(count(e, NEIGHBOUR_WINDOW) > 32);
	world_run(w, 1 * S);
	assert_int_equal(w->end[1].got[100], 0);
	assert_int_equal(e->out[RSVP_PATH], 99);
	for (uint32_t slot = 3; slot < 100; slot++)
		assert_int_equal(w->end[1].got_id[slot], e->sent_id[slot]);
	end_world(w);
}

/* The window halves once when many are lost together, and never leaves its bounds. */
static void test_window_halves(void **state)
{
	struct world *w = world(world_options());
	struct end *e = &w->end[0];
	uint64_t window;

	for (unsigned i = 0; i < 40; i++) {
		for (uint32_t slot = 1; slot <= 300; slot++)
			end_send(e, slot, NEIGHBOUR_STATE);
		world_run(w, 100 * MS);
	}
	window = count(e, NEIGHBOUR_WINDOW);
	assert_int_equal(window, 256);
	w->cut = 1;
	for (uint32_t slot = 1; slot <= 300; slot++)
		end_send(e, slot, NEIGHBOUR_STATE);
	world_run(w, 30 * MS);
	assert_int_equal(count(e, NEIGHBOUR_WINDOW), window / 2);
	world_run(w, 10 * S);
	assert_int_equal(count(e, NEIGHBOUR_WINDOW), 4);
	w->cut = 0;
	world_run(w, 60 * S);
	agree(w);
	end_world(w);
}

/* Room made by a withdrawal is used; a full queue refuses, tears later than the rest, and the states come by and by. */
static void test_queue(void **state)
{
	struct neighbour_options options = world_options();
	struct world *w;
	struct end *e;

	options.queue_max = 10;
	w = world(options);
	e = &w->end[0];
	for (uint32_t slot = 1; slot <= 100; slot++)
		end_send(e, slot, NEIGHBOUR_STATE);
	assert_int_equal(count(e, NEIGHBOUR_QUEUE), 10);
	assert_int_equal(count(e, NEIGHBOUR_GIVEN_UP), 58);
	neighbour_withdraw(e->peer, e->sent_id[1]);
	e->sent_id[1] = 0;
	assert_int_equal(e->out[RSVP_PATH], 32);
	world_run(w, 0);
	assert_int_equal(e->out[RSVP_PATH], 33);
	for (unsigned i = 0; i < 100; i++) {
		path_make(&e->msg, RSVP_PATH_TEAR, 1);
		neighbour_send(e->peer, &e->msg, NEIGHBOUR_URGENT, 0, 0, w->now_us);
	}
	assert_int_equal(count(e, NEIGHBOUR_QUEUE), 20);
	world_run(w, 90 * S);
	agree(w);
	end_world(w);
}

/* A replaced message is neither repeated nor refreshed; a plain one has no id and is never repeated. */
static void test_replaces(void **state)
{
	struct world *w = world(world_options());
	struct end *e = &w->end[0];
	uint32_t first = end_send(e, 1, NEIGHBOUR_STATE);

	w->cut = 1;
	assert_true(end_send(e, 1, NEIGHBOUR_STATE) != first);
	assert_int_equal(count(e, NEIGHBOUR_IN_FLIGHT), 1);
	assert_int_equal(count(e, NEIGHBOUR_STATES_SENT), 1);
	neighbour_withdraw(e->peer, e->sent_id[1]);
	e->sent_id[1] = 0;
	assert_int_equal(count(e, NEIGHBOUR_IN_FLIGHT), 0);
	assert_int_equal(count(e, NEIGHBOUR_STATES_SENT), 0);
	world_run(w, 100 * S);
	assert_int_equal(e->out[RSVP_PATH], 2);
	assert_int_equal(e->out[RSVP_SREFRESH], 0);
	path_make(&e->msg, RSVP_PATH, 2);
	assert_int_equal(neighbour_send(e->peer, &e->msg, NEIGHBOUR_PLAIN, 2, 0, w->now_us), 0);
	world_run(w, 100 * S);
	assert_int_equal(e->out[RSVP_PATH], 3);
	assert_false(e->msg.has & RSVP_HAS_ID);
	end_world(w);
}

/* --- summary refresh --- */

/* 1,000 states over 10 rounds: each is named once per round, at most R apart; nothing is sent in full. */
static void test_rounds(void **state)
{
	struct world *w = world(world_options());
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
	agree(w);
	end_world(w);
}

/* Withdrawn states are not named any more, and the others still are, whatever the order they go in. */
static void test_rounds_with_churn(void **state)
{
	struct world *w = world(world_options());

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
	agree(w);
	for (uint32_t slot = 1; slot <= 500; slot++) /* 100 s: three to six rounds */
		assert_in_range(w->end[1].refreshed[slot], 2, 6);
	memset(w->end[1].refreshed, 0, sizeof(w->end[1].refreshed));
	world_run(w, 60 * S);
	for (uint32_t slot = 1; slot <= 2000; slot++)
		assert_int_equal(!!w->end[1].refreshed[slot], !!w->end[0].sent_id[slot]);
	assert_int_equal(count(&w->end[1], NEIGHBOUR_NACKS_SENT), 0);
	end_world(w);
}

/* Many withdrawn in the middle of a round: the rest of it is still named, once, and nothing else. */
static void test_rounds_with_holes(void **state)
{
	struct neighbour_options options = world_options();
	struct world *w;
	struct end *e;

	options.message_max = 100; /* 21 ids each */
	w = world(options);
	e = &w->end[0];
	for (uint32_t slot = 1; slot <= 1000; slot++)
		end_send(e, slot, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	agree(w);
	while (!w->end[1].refreshed[300])
		world_run(w, 10 * MS);
	for (uint32_t slot = 1; slot <= 1000; slot++) {
		if (slot % 10) {
			neighbour_withdraw(e->peer, e->sent_id[slot]);
			e->sent_id[slot] = 0;
		}
		assert_true(e->peer->summary.n <= 2 * count(e, NEIGHBOUR_STATES_SENT) + 65);
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
	end_world(w);
}

/* What awaits its acknowledgement is not named: it would only be NACKed. */
static void test_rounds_leave_out(void **state)
{
	struct neighbour_options options = world_options();
	struct world *w;

	options.refresh_us = 200 * MS;
	w = world(options);
	w->cut = 1;
	end_send(&w->end[0], 1, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	assert_int_equal(count(&w->end[0], NEIGHBOUR_IN_FLIGHT), 1);
	assert_int_equal(w->end[0].out[RSVP_SREFRESH], 0);
	end_world(w);
}

/* An id to which the numbers might come round is not named, but its state sent with a new one. */
static void test_old_ids(void **state)
{
	struct world *w = world(world_options());
	uint32_t old;

	old = end_send(&w->end[0], 1, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	w->end[0].ns->next_id += 1u << 30;
	end_send(&w->end[0], 2, NEIGHBOUR_STATE);
	world_run(w, 60 * S);
	assert_int_equal(w->end[0].asked[1], 1);
	assert_true(rsvp_id_later(w->end[0].sent_id[1], old));
	assert_int_equal(w->end[0].asked[2], 0);
	agree(w);
	end_world(w);
}

/* The receiver lost one state: NACK, and the sender's owner sends it in full. */
static void test_nack(void **state)
{
	struct world *w = world(world_options());

	for (uint32_t slot = 1; slot <= 10; slot++)
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	w->end[1].got_id[4] = 0;              /* it is not known any more: refreshed says so */
	neighbour_unlearn(w->end[1].peer, w->end[1].got_id[5]);
	w->end[1].got_id[5] = 0;              /* nor is its id */
	world_run(w, 60 * S);
	assert_int_equal(count(&w->end[1], NEIGHBOUR_NACKS_SENT), 2);
	assert_int_equal(count(&w->end[0], NEIGHBOUR_NACKS_RECEIVED), 2);
	assert_int_equal(w->end[0].asked[4], 1);
	assert_int_equal(w->end[0].asked[5], 1);
	assert_int_equal(w->end[0].out[RSVP_PATH], 12);
	assert_int_equal(count(&w->end[1], NEIGHBOUR_STATES_LEARNT), 10);
	agree(w);
	end_world(w);
}

/* A neighbour that began anew is given everything again, at once but no faster than the window allows. */
static void test_restart(void **state)
{
	struct world *w = world(world_options());
	uint64_t began;

	for (uint32_t slot = 1; slot <= 2000; slot++)
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
	end_send(&w->end[1], 7, NEIGHBOUR_STATE);
	end_send(&w->end[1], 8, NEIGHBOUR_STATE);
	world_run(w, 5 * S);
	agree(w);
	assert_int_equal(w->end[0].got_id[7], w->end[1].sent_id[7]);
	assert_int_equal(count(&w->end[0], NEIGHBOUR_STATES_LEARNT), 2);
	w->end[1].sent_id[8] = 0;             /* this one it will not have */
	world_restart(w, 1, 1);               /* its Path shows the new epoch */
	w->end[0].got_id[7] = 0;              /* as a core would: ids of another epoch cannot be compared */
	began = w->now_us;
	while (w->now_us < began + 1 * S) {
		world_run(w, 1 * MS);
		assert_true(count(&w->end[0], NEIGHBOUR_QUEUE) + count(&w->end[0], NEIGHBOUR_IN_FLIGHT) <= 256);
	}
	assert_int_equal(w->end[0].events[NEIGHBOUR_RESTARTED], 1);
	assert_true(w->end[0].event_us[NEIGHBOUR_RESTARTED] - began <= 1 * MS);
	agree(w);
	assert_int_equal(count(&w->end[0], NEIGHBOUR_STATES_LEARNT), 1);
	for (uint32_t slot = 1; slot <= 2000; slot++)
		assert_int_equal(w->end[1].got[slot], 1);
	end_world(w);
}

/* Ids of another epoch are another incarnation's, although the numbers are the same. */
static void test_srefresh_epoch(void **state)
{
	struct world *w = world(world_options());
	struct end *e = &w->end[1];
	struct rsvp_msg msg = { .type = RSVP_SREFRESH, .flags = RSVP_FLAG_REDUCTION, .list_epoch = 0x2222 };

	end_send(&w->end[0], 1, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	assert_int_equal(rsvp_add_id(&msg, w->end[0].sent_id[1]), 0);
	end_hears(e, &msg);
	assert_int_equal(e->refreshed[1], 0);
	assert_int_equal(e->events[NEIGHBOUR_RESTARTED], 1);
	assert_int_equal(count(e, NEIGHBOUR_NACKS_SENT), 1);
	rsvp_msg_free(&msg);
	end_world(w);
}

/* A neighbour that does not understand RFC 2961 gets every state in full once per round. */
static void test_not_capable(void **state)
{
	struct world *w = world(world_options());
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
	assert_int_equal(count(e, NEIGHBOUR_RETRANSMITS), 0);
	for (uint32_t slot = 1; slot <= 10; slot++)
		assert_in_range(e->asked[slot], 9, 22);
	end_world(w);
}

/* It says so only later: what it should have acknowledged is sent again, plain. */
static void test_not_capable_later(void **state)
{
	struct world *w = world(world_options());
	struct end *e = &w->end[0];

	w->cut = 1;
	for (uint32_t slot = 1; slot <= 100; slot++)
		end_send(e, slot, NEIGHBOUR_STATE);
	path_make(&w->end[1].msg, RSVP_PATH, 9);
	end_hears(e, &w->end[1].msg);
	assert_int_equal(count(e, NEIGHBOUR_IN_FLIGHT) + count(e, NEIGHBOUR_QUEUE), 0);
	world_run(w, 100 * MS);
	for (uint32_t slot = 1; slot <= 100; slot++)
		assert_int_equal(e->asked[slot], 1);
	assert_int_equal(count(e, NEIGHBOUR_IN_FLIGHT), 0);
	end_world(w);
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
	w = world(options);
	for (uint32_t slot = 1; slot <= 1000; slot++)
		assert_true(end_send(&w->end[0], slot, NEIGHBOUR_STATE) != 0);
	assert_true(w->end[0].sent_id[1000] < w->end[0].sent_id[1]);
	world_run(w, 1 * S);
	for (uint32_t slot = 1; slot <= 1000; slot += 7)
		end_tear(&w->end[0], slot);
	for (uint32_t slot = 2; slot <= 1000; slot += 7)
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
	world_run(w, 60 * S);
	agree(w);
	for (uint32_t slot = 1; slot <= 1000; slot++)
		assert_int_equal(!!w->end[1].refreshed[slot], slot % 7 != 1);
	assert_int_equal(count(&w->end[0], NEIGHBOUR_NACKS_RECEIVED), 0);
	end_world(w);
}

/* --- Hello --- */

static struct world *watching_world(void)
{
	struct neighbour_options options = world_options();

	options.hello_us = 100 * MS;
	return world(options);
}

static void test_hello(void **state)
{
	for (unsigned after = 0; after < 100; after += 7) {
		struct world *w = watching_world();
		uint64_t cut_us;

		end_send(&w->end[0], 1, NEIGHBOUR_STATE);
		world_run(w, 2 * S + after * MS);
		assert_int_equal(neighbour_state(w->end[0].peer), NEIGHBOUR_IS_UP);
		assert_int_equal(neighbour_state(w->end[1].peer), NEIGHBOUR_IS_UP);
		/* one of them asks, the other answers */
		assert_in_range(w->end[0].out[RSVP_HELLO] + w->end[1].out[RSVP_HELLO], 36, 44);
		w->cut = 1;
		cut_us = w->now_us;
		world_run(w, 2 * S);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(w->end[i].events[NEIGHBOUR_LOST], 1);
			assert_in_range(w->end[i].event_us[NEIGHBOUR_LOST] - cut_us, 240 * MS, 351 * MS);
			assert_true(w->end[i].event_us[NEIGHBOUR_LOST] - neighbour_heard_us(w->end[i].peer) == 350 * MS);
		}
		w->cut = 0;
		world_run(w, 1 * S);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(w->end[i].events[NEIGHBOUR_UP], 2);
			assert_int_equal(w->end[i].events[NEIGHBOUR_LOST], 1);
			assert_int_equal(w->end[i].events[NEIGHBOUR_RESTARTED], 0); /* both had lost the other */
		}
		assert_int_equal(w->end[1].refreshed[1], 1); /* named at once: it may have lapsed */
		end_world(w);
	}
}

static int lose_to_1(struct world *w, int to, const uint8_t *bytes, size_t len)
{
	return to == 1;
}

/* Only one direction fails, and comes back: 1 loses 0; 0 sees another instance and has its states refreshed at once. */
static void test_hello_one_way(void **state)
{
	struct world *w = watching_world();

	for (uint32_t slot = 1; slot <= 1000; slot++)
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
	world_run(w, 2 * S);
	w->lose = lose_to_1;
	world_run(w, 2 * S);
	assert_int_equal(w->end[1].events[NEIGHBOUR_LOST], 1);
	assert_int_equal(w->end[0].events[NEIGHBOUR_LOST], 0);
	assert_true(w->end[0].events[NEIGHBOUR_RESTARTED] >= 1);
	w->lose = NULL;
	memset(w->end[1].refreshed, 0, sizeof(w->end[1].refreshed));
	world_run(w, 60 * S);
	assert_int_equal(w->end[0].events[NEIGHBOUR_RESTARTED], 1);
	assert_int_equal(w->end[1].events[NEIGHBOUR_LOST], 1);
	assert_int_equal(w->end[1].events[NEIGHBOUR_RESTARTED], 0);
	assert_int_equal(w->end[0].out[RSVP_PATH], 1000); /* it had kept all of it */
	agree(w);
	end_send(&w->end[1], 1, NEIGHBOUR_STATE); /* of the same epoch, so that was no restart; this is one, told once: */
	world_run(w, 1 * S);
	world_restart(w, 1, 1);
	world_run(w, 1 * MS);
	assert_int_equal(w->end[0].events[NEIGHBOUR_RESTARTED], 2);
	world_run(w, 1 * S);
	assert_int_equal(w->end[0].events[NEIGHBOUR_RESTARTED], 2);
	end_world(w);
}

/* A restart that is faster than the loss is seen: by Hello alone, as nobody has anything to say. */
static void test_hello_restart(void **state)
{
	struct world *w = watching_world();

	for (uint32_t slot = 1; slot <= 1000; slot++)
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
	end_send(&w->end[1], 4, NEIGHBOUR_STATE);
	world_run(w, 2 * S);
	world_restart(w, 1, 0);
	world_run(w, 500 * MS);
	assert_int_equal(w->end[0].events[NEIGHBOUR_RESTARTED], 1);
	assert_int_equal(w->end[0].events[NEIGHBOUR_LOST], 0);
	agree(w); /* by Srefresh and NACK */
	end_send(&w->end[1], 3, NEIGHBOUR_STATE); /* the epoch shows it, too, but it was told */
	world_run(w, 500 * MS);
	assert_int_equal(w->end[0].events[NEIGHBOUR_RESTARTED], 1);
	agree(w);
	end_world(w);
}

static void hello_make(struct rsvp_msg *msg, int ack, uint32_t source, uint32_t destination)
{
	rsvp_msg_clear(msg);
	msg->type = RSVP_HELLO;
	msg->flags = RSVP_FLAG_REDUCTION;
	msg->has = RSVP_HAS_HELLO;
	msg->hello = (struct rsvp_hello){ ack, source, destination };
}

/* RFC 3209 section 5.3's checks of the instances. */
static void test_hello_instances(void **state)
{
	struct world *w = watching_world();
	struct end *e = &w->end[0];
	struct rsvp_msg msg = { 0 };

	world_run(w, 1 * S);
	assert_int_equal(e->events[NEIGHBOUR_UP], 1);
	w->cut = 1;
	hello_make(&msg, 1, 78, 1234);          /* an ACK of what we did not say */
	end_hears(e, &msg);
	assert_int_equal(e->events[NEIGHBOUR_LOST], 1);
	end_hears(e, &msg);
	assert_int_equal(neighbour_state(e->peer), NEIGHBOUR_IS_LOST);
	hello_make(&msg, 0, 79, 0);             /* it begins again; so did we, with another instance */
	end_hears(e, &msg);
	assert_int_equal(neighbour_state(e->peer), NEIGHBOUR_IS_UP);
	hello_make(&msg, 0, 79, 77);            /* it goes on giving back the old one */
	for (unsigned i = 0; i < 3; i++)
		end_hears(e, &msg);
	assert_int_equal(e->events[NEIGHBOUR_LOST], 1);
	end_hears(e, &msg);
	assert_int_equal(e->events[NEIGHBOUR_LOST], 2);
	hello_make(&msg, 0, 0, 0);              /* no instance at all: not a sign of life */
	end_hears(e, &msg);
	assert_int_equal(neighbour_state(e->peer), NEIGHBOUR_IS_LOST);
	rsvp_msg_free(&msg);
	end_world(w);
}

/* --- hostile --- */

static struct rsvp_msg acks_of(struct rsvp_msg msg, uint32_t epoch, uint32_t from, unsigned n, int nack)
{
	rsvp_msg_clear(&msg);
	msg.type = RSVP_ACK;
	msg.flags = RSVP_FLAG_REDUCTION;
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(rsvp_add_ack(&msg, &(struct rsvp_id_ack){ { 0, epoch, from + i }, nack }), 0);
	return msg;
}

/* Acknowledgements and NACKs of what was never sent, or only waits, or of another epoch, change nothing. */
static void test_hostile_acks(void **state)
{
	struct world *w = world(world_options());
	struct end *e = &w->end[0];
	struct rsvp_msg msg = { 0 };

	w->cut = 1;
	for (uint32_t slot = 1; slot <= 40; slot++)
		end_send(e, slot, NEIGHBOUR_STATE); /* ids 1 to 40; 33 to 40 wait */
	msg = acks_of(msg, e->options.epoch, 33, 16000, 0);
	assert_int_equal(end_hears(e, &msg), NEIGHBOUR_DONE);
	msg = acks_of(msg, e->options.epoch + 1, 1, 100, 0);
	end_hears(e, &msg);
	msg = acks_of(msg, e->options.epoch, 41, 16000, 1);
	end_hears(e, &msg);
	msg = acks_of(msg, e->options.epoch, UINT32_MAX - 100, 200, 1);
	end_hears(e, &msg);
	assert_int_equal(count(e, NEIGHBOUR_IN_FLIGHT), 32);
	assert_int_equal(count(e, NEIGHBOUR_QUEUE), 8);
	assert_int_equal(count(e, NEIGHBOUR_WINDOW), 32);
	assert_int_equal(count(e, NEIGHBOUR_SRTT_US), 0);
	assert_int_equal(e->out[RSVP_PATH], 32);
	for (uint32_t slot = 1; slot <= 40; slot++)
		assert_int_equal(e->asked[slot], 0); /* NACKed while on its way */
	/* NACKs of what it has: each costs one message, and that only as the window allows */
	msg = acks_of(msg, e->options.epoch, 1, 32, 0);
	end_hears(e, &msg);
	world_run(w, 20 * S); /* 33 to 40 are given up */
	for (unsigned i = 0; i < 100; i++) {
		msg = acks_of(msg, e->options.epoch, 1, 10000, 1);
		end_hears(e, &msg);
	}
	assert_true(count(e, NEIGHBOUR_QUEUE) + count(e, NEIGHBOUR_IN_FLIGHT) <= 40);
	rsvp_msg_free(&msg);
	end_world(w);
}

/* Srefreshes of 16,384 unknown ids, again and again: NACKs are limited to their rate. */
static void test_hostile_srefresh(void **state)
{
	struct neighbour_options options = world_options();
	struct rsvp_msg msg = { .type = RSVP_SREFRESH, .flags = RSVP_FLAG_REDUCTION, .list_epoch = 5 };
	struct world *w;

	options.nacks_per_s = 10000;
	w = world(options);
	w->cut = 1;
	for (uint32_t id = 0; id < 16384; id++)
		assert_int_equal(rsvp_add_id(&msg, id), 0);
	for (unsigned i = 0; i < 1000; i++) { /* 10 s */
		assert_int_equal(end_hears(&w->end[0], &msg), NEIGHBOUR_DONE);
		world_run(w, 10 * MS);
	}
	assert_in_range(count(&w->end[0], NEIGHBOUR_NACKS_SENT), 90000, 111000);
	assert_true(count(&w->end[0], NEIGHBOUR_NACKS_SUPPRESSED) > 16000000);
	assert_true(w->end[0].out_bytes < 111000 * 13);
	world_run(w, 10 * S); /* silence does not save up more than a tenth of a second's */
	w->end[0].out_bytes = 0;
	end_hears(&w->end[0], &msg);
	assert_in_range(w->end[0].out_bytes, 1000 * 12, 1000 * 13);
	rsvp_msg_free(&msg);
	end_world(w);
}

/* A flood of messages that ask for acknowledgement, between two flushes: it costs what a message takes, and no more. */
static void test_hostile_ack_desired(void **state)
{
	struct world *w = world(world_options());
	struct end *e = &w->end[0];
	struct rsvp_msg msg = { 0 };

	w->cut = 1;
	path_make(&msg, RSVP_PATH, 1);
	msg.flags = RSVP_FLAG_REDUCTION;
	msg.has |= RSVP_HAS_ID;
	for (uint32_t id = 1; id <= 100000; id++) {
		msg.id = (struct rsvp_id){ RSVP_ID_ACK_DESIRED, 9, id };
		assert_int_equal(neighbour_input(e->peer, &msg, w->now_us), NEIGHBOUR_DELIVER);
	}
	neighbours_flush(e->ns, w->now_us);
	assert_int_equal(count(e, NEIGHBOUR_ACKS_SENT), 100000);
	assert_int_equal(e->out[RSVP_ACK], (100000 + 106) / 107); /* 107 in 1,300 bytes */
	rsvp_msg_free(&msg);
	end_world(w);
}

/* Epochs and instances that change all the time make us hurry no more than a real restart does. */
static void test_hostile_restarts(void **state)
{
	struct world *w = watching_world();
	struct end *e = &w->end[0];
	struct rsvp_msg msg = { 0 };
	unsigned before;

	for (uint32_t slot = 1; slot <= 1000; slot++)
		end_send(e, slot, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	w->cut = 1;
	before = e->out_bytes;
	for (uint32_t i = 0; i < 10000; i++) { /* 1 s */
		hello_make(&msg, 0, 1000 + i, 77);
		end_hears(e, &msg);
		world_run(w, 100);
	}
	assert_true(e->out_bytes - before < 10000 * 20 + 600 * 1300);
	path_make(&msg, RSVP_PATH, 1);
	msg.flags = RSVP_FLAG_REDUCTION;
	msg.has |= RSVP_HAS_ID;
	before = e->out[RSVP_PATH];
	for (uint32_t i = 0; i < 10000; i++) {
		msg.id = (struct rsvp_id){ 0, 0x5000 + i, 1 };
		end_hears(e, &msg);
		world_run(w, 100);
	}
	assert_true(e->out[RSVP_PATH] - before < 2000); /* nobody acknowledges, so the window does not move */
	rsvp_msg_free(&msg);
	end_world(w);
}

/* Everything in full is not given up for a summary because the neighbour hurries us once more. */
static void test_full_stays_full(void **state)
{
	struct world *w = watching_world();
	struct end *e = &w->end[0];
	struct rsvp_msg msg = { 0 };

	for (uint32_t slot = 1; slot <= 1000; slot++)
		end_send(e, slot, NEIGHBOUR_STATE);
	end_send(&w->end[1], 1, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	w->cut = 1;
	path_make(&msg, RSVP_PATH, 1);
	msg.flags = RSVP_FLAG_REDUCTION;
	msg.has |= RSVP_HAS_ID;
	msg.id = (struct rsvp_id){ 0, 0x5000, 1 };
	end_hears(e, &msg);
	hello_make(&msg, 0, 1000, 77);
	end_hears(e, &msg);
	hello_make(&msg, 0, 1001, 77);
	end_hears(e, &msg);
	assert_int_equal(e->events[NEIGHBOUR_RESTARTED], 2);
	world_run(w, 200 * MS);
	assert_int_equal(e->out[RSVP_SREFRESH], 0);
	assert_true(e->out[RSVP_PATH] > 1000);
	rsvp_msg_free(&msg);
	end_world(w);
}

static void random_message(struct world *w, struct rsvp_msg *msg)
{
	static const uint8_t types[] = { RSVP_PATH, RSVP_ACK, RSVP_SREFRESH, RSVP_HELLO, RSVP_BUNDLE, 99 };

	path_make(msg, types[world_random(w, sizeof(types))], 1);
	msg->flags = world_random(w, 50) ? RSVP_FLAG_REDUCTION : 0;
	msg->list_epoch = 0x1001 + (world_random(w, 50) == 0);
	msg->hello = (struct rsvp_hello){ (int)world_random(w, 2), 78 + (uint32_t)world_random(w, 2), 76 + (uint32_t)world_random(w, 4) };
	if (world_random(w, 2)) {
		msg->has |= RSVP_HAS_ID;
		msg->id = (struct rsvp_id){ (uint8_t)world_random(w, 256), msg->list_epoch, (uint32_t)world_random(w, 500) };
	}
	for (uint64_t i = world_random(w, 40); i > 0; i--) {
		struct rsvp_id_ack ack = { { 0, 0x1000, (uint32_t)world_random(w, 20000) }, (int)world_random(w, 2) };

		assert_int_equal(rsvp_add_ack(msg, &ack), 0);
		assert_int_equal(rsvp_add_id(msg, (uint32_t)world_random(w, 500)), 0);
	}
}

/* A neighbour that says whatever it likes: what we hold stays bounded, and afterwards an honest one has it all. */
static void test_hostile_anything(void **state)
{
	struct world *w = watching_world();
	struct end *e = &w->end[0];
	struct rsvp_msg msg = { 0 };

	w->random = 5;
	for (unsigned i = 0; i < 30000; i++) {
		uint32_t slot = 1 + (uint32_t)world_random(w, 300);

		w->cut = 1;
		random_message(w, &msg);
		end_hears(e, &msg);
		if (slot < 250)
			end_send(e, slot, NEIGHBOUR_STATE);
		else if (world_random(w, 10) == 0)
			end_tear(e, slot - 200);
		neighbour_learn(e->peer, 1 + (uint32_t)world_random(w, 500), 0);
		world_run(w, world_random(w, 2 * MS));
		w->cut = 0;
		assert_true(count(e, NEIGHBOUR_STATES_SENT) <= 250);
		assert_true(count(e, NEIGHBOUR_IN_FLIGHT) + count(e, NEIGHBOUR_QUEUE) < 10000);
		assert_int_equal(e->ns->awaited.n, count(e, NEIGHBOUR_IN_FLIGHT) + count(e, NEIGHBOUR_QUEUE));
		assert_in_range(count(e, NEIGHBOUR_WINDOW), 4, 256);
	}
	world_run(w, 90 * S);
	for (uint32_t slot = 1; slot < SLOTS; slot++)
		if (e->sent_id[slot])
			assert_int_equal(w->end[1].got_id[slot], e->sent_id[slot]);
	rsvp_msg_free(&msg);
	end_world(w);
}

/* --- the table --- */

static int nothing_refreshed(void *ctx, struct neighbour *n, uint32_t slot, uint32_t id, uint64_t now_us)
{
	++*(unsigned *)ctx;
	return 1;
}

static void no_output(void *ctx, struct neighbour *n, const uint8_t *message, size_t len, uint8_t type)
{
}

static void no_resend(void *ctx, struct neighbour *n, uint32_t slot, uint32_t id, uint64_t now_us)
{
}

/* Served just now, it cannot be forgotten. */
static void no_change(void *ctx, struct neighbour *n, enum neighbour_event event, uint64_t now_us)
{
	assert_int_equal(neighbour_forget(n), -EBUSY);
}

/* A neighbour cannot acknowledge what another one was sent; and a burst does not keep its memory for ever. */
static void test_two_neighbours(void **state)
{
	struct neighbour_options options = world_options();
	struct neighbour_hooks hooks = { NULL, no_output, nothing_refreshed, no_resend, no_change };
	struct neighbours *ns;
	struct neighbour *a, *b;
	struct rsvp_msg msg = { 0 };
	static const uint8_t body[3000];

	options.window_first = options.window_max = 20000;
	ns = neighbours_new(&options, &hooks);
	a = neighbour_get(ns, (struct in_addr){ 1 });
	b = neighbour_get(ns, (struct in_addr){ 2 });
	path_make(&msg, RSVP_PATH, 1);
	msg.body = body;
	msg.body_len = sizeof(body);
	msg.has |= RSVP_HAS_BODY;
	assert_int_equal(neighbour_send(a, &msg, 0, 0, 0, 1 * S), 1);
	msg = acks_of(msg, options.epoch, 1, 1, 0);
	neighbour_input(b, &msg, 1 * S);
	assert_int_equal(neighbour_counter(a, NEIGHBOUR_IN_FLIGHT), 1);
	neighbour_input(a, &msg, 1 * S);
	assert_int_equal(neighbour_counter(a, NEIGHBOUR_IN_FLIGHT), 0);
	assert_int_equal(ns->kept, 0); /* too large a buffer */
	path_make(&msg, RSVP_PATH, 1);
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(neighbour_send(a, &msg, 0, 0, 0, 1 * S), i + 2);
	msg = acks_of(msg, options.epoch, 2, 10000, 0);
	neighbour_input(a, &msg, 2 * S);
	assert_int_equal(neighbour_counter(a, NEIGHBOUR_IN_FLIGHT), 0);
	assert_int_equal(ns->kept, 4096);
	assert_int_equal(ns->pool_n, 10000);
	rsvp_msg_free(&msg);
	neighbours_free(ns);
}

/* A million states in and out: all refreshed in one round, none is unknown. */
static void test_a_million(void **state)
{
	struct neighbour_options options = world_options();
	unsigned refreshed = 0;
	struct neighbour_hooks hooks = { &refreshed, no_output, nothing_refreshed, no_resend, no_change };
	struct neighbours *ns = neighbours_new(&options, &hooks);
	struct neighbour *n = neighbour_get(ns, (struct in_addr){ 1 });
	struct rsvp_msg msg = { 0 };
	uint64_t now = 5 * S;

	n = neighbour_find(ns, (struct in_addr){ 1 });
	for (uint32_t slot = 0; slot < 1000000; slot++) {
		path_make(&msg, RSVP_PATH, slot);
		assert_int_equal(neighbour_send(n, &msg, NEIGHBOUR_STATE | NEIGHBOUR_PLAIN, slot, 0, now), slot + 1);
		assert_int_equal(neighbour_learn(n, slot + 1, slot), 0);
	}
	assert_int_equal(neighbour_counter(n, NEIGHBOUR_STATES_SENT), 1000000);
	assert_int_equal(neighbour_counter(n, NEIGHBOUR_STATES_LEARNT), 1000000);
	for (; now < 66 * S; now = neighbours_next(ns))
		neighbours_tick(ns, now);
	/* two rounds of 15 to 30 s have ended, and less than four; 321 ids each */
	assert_in_range(neighbour_counter(n, NEIGHBOUR_SREFRESHES_SENT), 3116, 4 * 3116);
	rsvp_msg_clear(&msg);
	msg.type = RSVP_SREFRESH;
	msg.flags = RSVP_FLAG_REDUCTION;
	for (uint32_t id = 1; id <= 1000000; id++) {
		assert_int_equal(rsvp_add_id(&msg, id), 0);
		if (id % 320 == 0) {
			neighbour_input(n, &msg, now);
			rsvp_msg_clear(&msg);
			msg.type = RSVP_SREFRESH;
			msg.flags = RSVP_FLAG_REDUCTION;
		}
	}
	assert_int_equal(refreshed, 1000000);
	assert_int_equal(neighbour_counter(n, NEIGHBOUR_NACKS_SENT), 0);
	for (uint32_t id = 1; id <= 1000000; id++) {
		neighbour_withdraw(n, id);
		neighbour_unlearn(n, id);
	}
	assert_int_equal(neighbour_forget(n), 0);
	rsvp_msg_free(&msg);
	neighbours_free(ns);
}

static void test_table(void **state)
{
	struct neighbour_options options = world_options();
	struct neighbour_hooks hooks = { NULL, no_output, nothing_refreshed, no_resend, no_change };
	struct neighbours *ns = neighbours_new(&options, &hooks);
	struct neighbour *n;
	struct rsvp_msg msg = { 0 };

	assert_null(neighbour_get(ns, (struct in_addr){ 0 }));
	for (uint32_t i = 1; i <= NEIGHBOURS_MAX; i++) {
		n = neighbour_get(ns, (struct in_addr){ htonl(i) });
		assert_non_null(n);
		assert_ptr_equal(neighbour_at(ns, neighbour_index(n)), n);
		assert_ptr_equal(neighbour_find(ns, (struct in_addr){ htonl(i) }), n);
	}
	assert_null(neighbour_get(ns, (struct in_addr){ htonl(NEIGHBOURS_MAX + 1) }));
	assert_int_equal(neighbours_end(ns), NEIGHBOURS_MAX);
	n = neighbour_find(ns, (struct in_addr){ htonl(77) });
	assert_int_equal(neighbour_addr(n).s_addr, htonl(77));
	neighbour_hold(n);
	assert_int_equal(neighbour_forget(n), -EBUSY);
	neighbour_drop(n);
	assert_int_equal(neighbour_learn(n, 5, 1), 0);
	assert_int_equal(neighbour_forget(n), -EBUSY);
	neighbour_unlearn(n, 5);
	path_make(&msg, RSVP_PATH, 1);
	neighbour_send(n, &msg, NEIGHBOUR_STATE, 1, 0, 1 * S);
	assert_int_equal(neighbour_forget(n), -EBUSY);
	neighbour_withdraw(n, 1);
	assert_int_equal(neighbour_forget(n), 0);
	assert_null(neighbour_find(ns, (struct in_addr){ htonl(77) }));
	assert_null(neighbour_at(ns, 76));
	assert_int_equal(neighbour_index(neighbour_get(ns, (struct in_addr){ htonl(NEIGHBOURS_MAX + 1) })), 76);
	neighbours_free(ns);
	options.window_first = 1; /* below window_min */
	assert_null(neighbours_new(&options, &hooks));
	for (int i = 0; i < NEIGHBOUR_COUNTERS; i++)
		assert_non_null(neighbour_counter_name((enum neighbour_counter)i));
	assert_string_equal(neighbour_counter_name(NEIGHBOUR_STATES_LEARNT), "states learnt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_one_lost), cmocka_unit_test(test_much_loss), cmocka_unit_test(test_timeout_grows),
		cmocka_unit_test(test_timeout_shrinks), cmocka_unit_test(test_long_round_trip), cmocka_unit_test(test_window), cmocka_unit_test(test_window_halves),
		cmocka_unit_test(test_queue), cmocka_unit_test(test_replaces), cmocka_unit_test(test_rounds), cmocka_unit_test(test_rounds_with_churn),
		cmocka_unit_test(test_rounds_with_holes), cmocka_unit_test(test_rounds_leave_out), cmocka_unit_test(test_old_ids),
		cmocka_unit_test(test_srefresh_epoch), cmocka_unit_test(test_nack), cmocka_unit_test(test_restart), cmocka_unit_test(test_not_capable),
		cmocka_unit_test(test_not_capable_later), cmocka_unit_test(test_ids_wrap), cmocka_unit_test(test_hello),
		cmocka_unit_test(test_hello_one_way), cmocka_unit_test(test_hello_restart),
		cmocka_unit_test(test_hello_instances), cmocka_unit_test(test_hostile_acks),
		cmocka_unit_test(test_hostile_srefresh), cmocka_unit_test(test_hostile_ack_desired),
		cmocka_unit_test(test_hostile_restarts), cmocka_unit_test(test_full_stays_full), cmocka_unit_test(test_hostile_anything),
		cmocka_unit_test(test_two_neighbours), cmocka_unit_test(test_a_million), cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
