/* Reliable sending between two neighbours (RFC 2961 sections 4 and 6), on a virtual clock; and their table. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "signald/neighbour_internal.h"
#include "tests/unit/neighbour_world.h"

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
		struct world *w = world_new(world_options());

		w->lose = lose_one;
		end_send(&w->end[0], 1, NEIGHBOUR_STATE);
		world_run(w, 1 * S);
		assert_int_equal(w->end[1].got[1], 1);
		world_agree(w);
		end_tear(&w->end[0], 1);
		world_run(w, 1 * S);
		world_agree(w);
		if (!lost_number)
			assert_int_equal(w->number, messages); /* message, ack, tear, ack */
		else
			assert_int_equal(end_count(&w->end[0], NEIGHBOUR_RETRANSMITS), 1);
		world_end(w);
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
		struct world *w = world_new(world_options());

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
		assert_int_equal(end_count(&w->end[0], NEIGHBOUR_IN_FLIGHT), 0);
		world_end(w);
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

/* The timeout stays once, then doubles from the floor to the ceiling; then the message is given up. The id is the same each time. */
static void test_timeout_grows(void **state)
{
	static const uint64_t wait[] = { 20, 20, 40, 80, 160, 320 };
	struct world *w = world_new(world_options());

	for (uint32_t slot = 1; slot <= 50; slot++) {
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
		world_run(w, 10 * MS);
	}
	assert_in_range(end_count(&w->end[0], NEIGHBOUR_SRTT_US), 1900, 2100);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_RTO_US), 20 * MS);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_WINDOW), 32); /* one message at a time does not need more */
	n_sent = 0;
	w->lose = lose_and_note;
	end_send(&w->end[0], 51, NEIGHBOUR_STATE);
	world_run(w, 5 * S);
	assert_int_equal(n_sent, 7);
	for (unsigned i = 0; i + 1 < n_sent; i++)
		assert_int_equal(sent_at[i + 1] - sent_at[i], wait[i] * MS);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_GIVEN_UP), 1);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_IN_FLIGHT), 0);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_RTO_US), 500 * MS); /* until a round trip is measured */
	/* The state is still ours; a Srefresh shows that the neighbour does not have it. */
	w->lose = NULL;
	world_run(w, 60 * S);
	assert_int_equal(w->end[0].asked[51], 1);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_RTO_US), 20 * MS);
	world_agree(w);
	world_end(w);
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
	struct world *w = world_new(world_options());

	n_sent = 0;
	w->lose = lose_2;
	end_send(&w->end[0], 1, NEIGHBOUR_STATE);
	end_send(&w->end[0], 2, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	assert_int_equal(n_sent, 2);
	assert_int_equal(sent_at[1] - sent_at[0], 20 * MS);
	world_agree(w);
	world_end(w);
}

static int lose_first(struct world *w, int to, const uint8_t *bytes, size_t len)
{
	static uint32_t seen;
	struct rsvp_msg msg = { 0 };
	int first = 0;

	if (to == 1 && bytes[1] == RSVP_PATH && !rsvp_decode(bytes, len, RSVP_ENTERPRISE, &msg, NULL)) {
		first = msg.id.id != seen;
		seen = msg.id.id;
		sent_at[n_sent++] = w->now_us;
	}
	rsvp_msg_free(&msg);
	return first;
}

/* A few losses are chance: what is sent next waits no longer than what was lost. */
static void test_chance(void **state)
{
	struct world *w = world_new(world_options());

	end_send(&w->end[0], 1, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	n_sent = 0;
	w->lose = lose_first;
	for (uint32_t slot = 2; slot <= 4; slot++) {
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
		world_run(w, 1 * S);
	}
	assert_int_equal(n_sent, 6);
	for (unsigned i = 0; i < n_sent; i += 2)
		assert_int_equal(sent_at[i + 1] - sent_at[i], 20 * MS);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_RTO_US), 20 * MS);
	world_agree(w);
	world_end(w);
}

/* A round trip longer than the timeout: Karn's backoff lets it be measured all the same. */
static void test_long_round_trip(void **state)
{
	struct world *w = world_new(world_options());
	uint64_t before;

	w->delay_us = 1 * MS;
	end_send(&w->end[0], 1, NEIGHBOUR_STATE);
	world_run(w, 1 * S);
	w->delay_us = 60 * MS;
	for (uint32_t slot = 2; slot <= 30; slot++) {
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
		world_run(w, 300 * MS);
	}
	assert_true(end_count(&w->end[0], NEIGHBOUR_SRTT_US) > 100 * MS);
	before = end_count(&w->end[0], NEIGHBOUR_RETRANSMITS);
	for (uint32_t slot = 31; slot <= 50; slot++) {
		end_send(&w->end[0], slot, NEIGHBOUR_STATE);
		world_run(w, 300 * MS);
	}
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_RETRANSMITS), before);
	world_agree(w);
	world_end(w);
}

/* What waits for the window goes in order, tears first. */
static void test_window(void **state)
{
	struct world *w = world_new(world_options());
	struct end *e = &w->end[0];

	for (uint32_t slot = 1; slot <= 100; slot++)
		end_send(e, slot, NEIGHBOUR_STATE);
	assert_int_equal(e->out[RSVP_PATH], 32);
	assert_int_equal(end_count(e, NEIGHBOUR_QUEUE), 68);
	end_tear(e, 1);                       /* was sent: room for one */
	assert_int_equal(e->out[RSVP_PATH_TEAR], 1);
	path_make(&e->msg, RSVP_PATH_TEAR, 2);
	neighbour_send(e->peer, &e->msg, NEIGHBOUR_URGENT, 0, 0, w->now_us);
	assert_int_equal(e->out[RSVP_PATH_TEAR], 1);
	end_tear(e, 100);                     /* never sent, and never will be */
	assert_int_equal(end_count(e, NEIGHBOUR_QUEUE), 69);
	world_run(w, 2 * MS);                 /* one round trip: acknowledgements, and the next window */
	assert_int_equal(e->out[RSVP_PATH_TEAR], 3);
	assert_true(end_count(e, NEIGHBOUR_WINDOW) > 32);
	world_run(w, 1 * S);
	assert_int_equal(w->end[1].got[100], 0);
	assert_int_equal(e->out[RSVP_PATH], 99);
	for (uint32_t slot = 3; slot < 100; slot++)
		assert_int_equal(w->end[1].got_id[slot], e->sent_id[slot]);
	world_end(w);
}

/* The window halves once when many are lost together, and never leaves its bounds. */
static void test_window_halves(void **state)
{
	struct world *w = world_new(world_options());
	struct end *e = &w->end[0];
	uint64_t window;

	for (unsigned i = 0; i < 40; i++) {
		for (uint32_t slot = 1; slot <= 300; slot++)
			end_send(e, slot, NEIGHBOUR_STATE);
		world_run(w, 100 * MS);
	}
	window = end_count(e, NEIGHBOUR_WINDOW);
	assert_int_equal(window, 256);
	w->cut = 1;
	for (uint32_t slot = 1; slot <= 300; slot++)
		end_send(e, slot, NEIGHBOUR_STATE);
	world_run(w, 30 * MS);
	assert_int_equal(end_count(e, NEIGHBOUR_WINDOW), window / 2);
	world_run(w, 10 * S);
	assert_int_equal(end_count(e, NEIGHBOUR_WINDOW), 4);
	w->cut = 0;
	world_run(w, 60 * S);
	world_agree(w);
	world_end(w);
}

/* Room made by a withdrawal is used; a full queue refuses, tears later than the rest, and the states come by and by. */
static void test_queue(void **state)
{
	struct neighbour_options options = world_options();
	struct world *w;
	struct end *e;

	options.queue_max = 10;
	w = world_new(options);
	e = &w->end[0];
	for (uint32_t slot = 1; slot <= 100; slot++)
		end_send(e, slot, NEIGHBOUR_STATE);
	assert_int_equal(end_count(e, NEIGHBOUR_QUEUE), 10);
	assert_int_equal(end_count(e, NEIGHBOUR_GIVEN_UP), 58);
	neighbour_withdraw(e->peer, e->sent_id[1]);
	e->sent_id[1] = 0;
	assert_int_equal(e->out[RSVP_PATH], 32);
	world_run(w, 0);
	assert_int_equal(e->out[RSVP_PATH], 33);
	for (unsigned i = 0; i < 100; i++) {
		path_make(&e->msg, RSVP_PATH_TEAR, 1);
		neighbour_send(e->peer, &e->msg, NEIGHBOUR_URGENT, 0, 0, w->now_us);
	}
	assert_int_equal(end_count(e, NEIGHBOUR_QUEUE), 20);
	world_run(w, 90 * S);
	world_agree(w);
	world_end(w);
}

/* A replaced message is neither repeated nor refreshed; a plain one has no id and is never repeated. */
static void test_replaces(void **state)
{
	struct world *w = world_new(world_options());
	struct end *e = &w->end[0];
	uint32_t first = end_send(e, 1, NEIGHBOUR_STATE);

	w->cut = 1;
	assert_true(end_send(e, 1, NEIGHBOUR_STATE) != first);
	assert_int_equal(end_count(e, NEIGHBOUR_IN_FLIGHT), 1);
	assert_int_equal(end_count(e, NEIGHBOUR_STATES_SENT), 1);
	neighbour_withdraw(e->peer, e->sent_id[1]);
	e->sent_id[1] = 0;
	assert_int_equal(end_count(e, NEIGHBOUR_IN_FLIGHT), 0);
	assert_int_equal(end_count(e, NEIGHBOUR_STATES_SENT), 0);
	world_run(w, 100 * S);
	assert_int_equal(e->out[RSVP_PATH], 2);
	assert_int_equal(e->out[RSVP_SREFRESH], 0);
	path_make(&e->msg, RSVP_PATH, 2);
	assert_int_equal(neighbour_send(e->peer, &e->msg, NEIGHBOUR_PLAIN, 2, 0, w->now_us), 0);
	world_run(w, 100 * S);
	assert_int_equal(e->out[RSVP_PATH], 3);
	assert_false(e->msg.has & RSVP_HAS_ID);
	world_end(w);
}

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
	msg = acks_make(msg, options.epoch, 1, 1, 0);
	neighbour_input(b, &msg, 1 * S);
	assert_int_equal(neighbour_counter(a, NEIGHBOUR_IN_FLIGHT), 1);
	neighbour_input(a, &msg, 1 * S);
	assert_int_equal(neighbour_counter(a, NEIGHBOUR_IN_FLIGHT), 0);
	assert_int_equal(ns->kept, 0); /* too large a buffer */
	path_make(&msg, RSVP_PATH, 1);
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(neighbour_send(a, &msg, 0, 0, 0, 1 * S), i + 2);
	msg = acks_make(msg, options.epoch, 2, 10000, 0);
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
		cmocka_unit_test(test_any_one_lost),
		cmocka_unit_test(test_much_loss),
		cmocka_unit_test(test_timeout_grows),
		cmocka_unit_test(test_timeout_shrinks),
		cmocka_unit_test(test_chance),
		cmocka_unit_test(test_long_round_trip),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_window_halves),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_replaces),
		cmocka_unit_test(test_two_neighbours),
		cmocka_unit_test(test_a_million),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
