/* A neighbour that is authentic and means no good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "signald/neighbour_internal.h"
#include "tests/unit/neighbour_world.h"

/* Acknowledgements and NACKs of what was never sent, or only waits, or of another epoch, change nothing. */
static void test_hostile_acks(void **state)
{
	struct world *w = world_new(world_options());
	struct end *e = &w->end[0];
	struct rsvp_msg msg = { 0 };

	w->cut = 1;
	for (uint32_t slot = 1; slot <= 40; slot++)
		end_send(e, slot, NEIGHBOUR_STATE); /* ids 1 to 40; 33 to 40 wait */
	msg = acks_make(msg, e->options.epoch, 33, 16000, 0);
	assert_int_equal(end_hears(e, &msg), NEIGHBOUR_DONE);
	msg = acks_make(msg, e->options.epoch + 1, 1, 100, 0);
	end_hears(e, &msg);
	msg = acks_make(msg, e->options.epoch, 41, 16000, 1);
	end_hears(e, &msg);
	msg = acks_make(msg, e->options.epoch, UINT32_MAX - 100, 200, 1);
	end_hears(e, &msg);
	assert_int_equal(end_count(e, NEIGHBOUR_IN_FLIGHT), 32);
	assert_int_equal(end_count(e, NEIGHBOUR_QUEUE), 8);
	assert_int_equal(end_count(e, NEIGHBOUR_WINDOW), 32);
	assert_int_equal(end_count(e, NEIGHBOUR_SRTT_US), 0);
	assert_int_equal(e->out[RSVP_PATH], 32);
	for (uint32_t slot = 1; slot <= 40; slot++)
		assert_int_equal(e->asked[slot], 0); /* NACKed while on its way */
	/* NACKs of what it has: each costs one message, and that only as the window allows */
	msg = acks_make(msg, e->options.epoch, 1, 32, 0);
	end_hears(e, &msg);
	world_run(w, 20 * S); /* 33 to 40 are given up */
	for (unsigned i = 0; i < 100; i++) {
		msg = acks_make(msg, e->options.epoch, 1, 10000, 1);
		end_hears(e, &msg);
	}
	assert_true(end_count(e, NEIGHBOUR_QUEUE) + end_count(e, NEIGHBOUR_IN_FLIGHT) <= 40);
	rsvp_msg_free(&msg);
	world_end(w);
}

/* Srefreshes of 16,384 unknown ids, again and again: NACKs are limited to their rate. */
static void test_hostile_srefresh(void **state)
{
	struct neighbour_options options = world_options();
	struct rsvp_msg msg = { .type = RSVP_SREFRESH, .flags = RSVP_FLAG_REDUCTION, .list_epoch = 5 };
	struct world *w;

	options.nacks_per_s = 10000;
	w = world_new(options);
	w->cut = 1;
	for (uint32_t id = 0; id < 16384; id++)
		assert_int_equal(rsvp_add_id(&msg, id), 0);
	for (unsigned i = 0; i < 1000; i++) { /* 10 s */
		assert_int_equal(end_hears(&w->end[0], &msg), NEIGHBOUR_DONE);
		world_run(w, 10 * MS);
	}
	assert_in_range(end_count(&w->end[0], NEIGHBOUR_NACKS_SENT), 90000, 111000);
	assert_true(end_count(&w->end[0], NEIGHBOUR_NACKS_SUPPRESSED) > 16000000);
	assert_true(w->end[0].out_bytes < 111000 * 13);
	world_run(w, 10 * S); /* silence does not save up more than a tenth of a second's */
	w->end[0].out_bytes = 0;
	end_hears(&w->end[0], &msg);
	assert_in_range(w->end[0].out_bytes, 1000 * 12, 1000 * 13);
	rsvp_msg_free(&msg);
	world_end(w);
}

/* A flood of messages that ask for acknowledgement, between two flushes: it costs what a message takes, and no more. */
static void test_hostile_ack_desired(void **state)
{
	struct world *w = world_new(world_options());
	struct end *e = &w->end[0];
	struct rsvp_msg msg = { 0 };

	w->cut = 1;
	path_make(&msg, RSVP_PATH, 1);
	msg.flags = RSVP_FLAG_REDUCTION;
	msg.has |= RSVP_HAS_ID;
	for (uint32_t id = 1; id <= 100000; id++) {
		msg.id = (struct rsvp_id){ RSVP_ID_ACK_DESIRED, 9, id };
		assert_int_equal(neighbour_input(e->peer, &msg, w->now_us), NEIGHBOUR_DELIVER);
		neighbour_taken(e->peer, &msg);
	}
	neighbours_flush(e->ns, w->now_us);
	assert_int_equal(end_count(e, NEIGHBOUR_ACKS_SENT), 100000);
	assert_int_equal(e->out[RSVP_ACK], (100000 + 106) / 107); /* 107 in 1,300 bytes */
	rsvp_msg_free(&msg);
	world_end(w);
}

/* Epochs and instances that change all the time make us hurry no more than a real restart does. */
static void test_hostile_restarts(void **state)
{
	struct world *w = world_watching();
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
	world_end(w);
}

/* Everything in full is not given up for a summary because the neighbour hurries us once more. */
static void test_full_stays_full(void **state)
{
	struct world *w = world_watching();
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
	world_end(w);
}

static void random_message(struct world *w, struct rsvp_msg *msg)
{
	static const uint8_t types[] = { RSVP_PATH, RSVP_ACK, RSVP_SREFRESH, RSVP_HELLO, RSVP_BUNDLE, 99 };

	path_make(msg, types[world_random(w, sizeof(types))], 1);
	msg->flags = world_random(w, 50) ? RSVP_FLAG_REDUCTION : 0;
	msg->list_epoch = 0x1001 + (world_random(w, 50) == 0);
	msg->hello = (struct rsvp_hello){ (int)world_random(w, 2), 78 + (uint32_t)world_random(w, 2),
					  76 + (uint32_t)world_random(w, 4) };
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
	struct world *w = world_watching();
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
		assert_true(end_count(e, NEIGHBOUR_STATES_SENT) <= 250);
		assert_true(end_count(e, NEIGHBOUR_IN_FLIGHT) + end_count(e, NEIGHBOUR_QUEUE) < 10000);
		assert_int_equal(e->ns->awaited.n, end_count(e, NEIGHBOUR_IN_FLIGHT) + end_count(e, NEIGHBOUR_QUEUE));
		assert_in_range(end_count(e, NEIGHBOUR_WINDOW), 4, 256);
	}
	world_run(w, 90 * S);
	for (uint32_t slot = 1; slot < SLOTS; slot++)
		if (e->sent_id[slot])
			assert_int_equal(w->end[1].got_id[slot], e->sent_id[slot]);
	rsvp_msg_free(&msg);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile_acks),
		cmocka_unit_test(test_hostile_srefresh),
		cmocka_unit_test(test_hostile_ack_desired),
		cmocka_unit_test(test_hostile_restarts),
		cmocka_unit_test(test_full_stays_full),
		cmocka_unit_test(test_hostile_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
