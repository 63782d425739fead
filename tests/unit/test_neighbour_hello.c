/* Hello between two neighbours (RFC 3209 section 5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/neighbour_world.h"

static void test_hello(void **state)
{
	for (unsigned after = 0; after < 100; after += 7) {
		struct world *w = world_watching();
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
		world_end(w);
	}
}

static int lose_to_1(struct world *w, int to, const uint8_t *bytes, size_t len)
{
	return to == 1;
}

/* Only one direction fails, and comes back: 1 loses 0; 0 sees another instance and has its states refreshed at once. */
static void test_hello_one_way(void **state)
{
	struct world *w = world_watching();

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
	world_agree(w);
	end_send(&w->end[1], 1, NEIGHBOUR_STATE); /* of the same epoch, so that was no restart; this is one, told once: */
	world_run(w, 1 * S);
	world_restart(w, 1, 1);
	world_run(w, 1 * MS);
	assert_int_equal(w->end[0].events[NEIGHBOUR_RESTARTED], 2);
	world_run(w, 1 * S);
	assert_int_equal(w->end[0].events[NEIGHBOUR_RESTARTED], 2);
	world_end(w);
}

/* A restart that is faster than the loss is seen: by Hello alone, as nobody has anything to say. */
static void test_hello_restart(void **state)
{
	struct world *w = world_watching();

	for (uint32_t slot = 1; slot <= 1000; slot++)
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
	end_send(&w->end[1], 4, NEIGHBOUR_STATE);
	world_run(w, 2 * S);
	world_restart(w, 1, 0);
	world_run(w, 500 * MS);
	assert_int_equal(w->end[0].events[NEIGHBOUR_RESTARTED], 1);
	assert_int_equal(w->end[0].events[NEIGHBOUR_LOST], 0);
	world_agree(w); /* by Srefresh and NACK */
	end_send(&w->end[1], 3, NEIGHBOUR_STATE); /* the epoch shows it, too, but it was told */
	world_run(w, 500 * MS);
	assert_int_equal(w->end[0].events[NEIGHBOUR_RESTARTED], 1);
	world_agree(w);
	world_end(w);
}

/* RFC 3209 section 5.3's checks of the instances. */
static void test_hello_instances(void **state)
{
	struct world *w = world_watching();
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
	world_end(w);
}

static int lose_paths(struct world *w, int to, const uint8_t *bytes, size_t len)
{
	return to == 1 && bytes[1] == RSVP_PATH;
}

/* Messages that came before the integrity handshake were dropped: the greeting after it says that it is over. Once. */
static void test_greeting(void **state)
{
	struct world *w = world_watching();

	w->lose = lose_paths;
	for (uint32_t slot = 1; slot <= 5; slot++)
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
	world_run(w, 1 * MS);
	w->lose = NULL;
	neighbour_greet(w->end[1].peer, w->now_us);
	world_run(w, 4 * w->delay_us);
	world_agree(w);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_RETRANSMITS), 5);
	world_run(w, 1 * S);
	w->lose = lose_paths;
	end_send(&w->end[0], 6, NEIGHBOUR_STATE);
	neighbour_greet(w->end[1].peer, w->now_us);
	world_run(w, 4 * w->delay_us);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_RETRANSMITS), 5); /* it is no stranger any more */
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_hello_one_way),
		cmocka_unit_test(test_hello_restart),
		cmocka_unit_test(test_hello_instances),
		cmocka_unit_test(test_greeting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
