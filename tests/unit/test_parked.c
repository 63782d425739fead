/* Paths whose contract is not here yet: they wait, in so many places, and those beyond come again. */
#include "tests/unit/element.h"

/* A Path with this id for this ICorp, whose contract is the n-th that nobody has. Is it acknowledged? */
static int unknown_path(struct world *w, uint32_t icorp, uint32_t n, uint32_t id)
{
	struct core_from from = { ip("10.200.1.3"), 0, 0, 0 };
	unsigned acks = 0;

	begin(w, RSVP_PATH, "10.200.1.3");
	w->msg.session.icorp = icorp;
	w->msg.flags = RSVP_FLAG_REDUCTION;
	w->msg.id = (struct rsvp_id){ RSVP_ID_ACK_DESIRED, 7, id };
	memcpy(w->msg.ref.digest, &n, sizeof(n));
	w->msg.has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_REF | RSVP_HAS_ID;
	rsvp_add_s2l(&w->msg, ip("10.200.1.12"), (struct in_addr){ 0 });
	core_actions_clear(&w->actions);
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	core_flush(w->core, w->now_us, &w->actions);
	for (unsigned i = 0; i < w->actions.n; i++)
		acks += w->actions.v[i].type == CORE_SEND && w->actions.v[i].message_type == RSVP_ACK;
	return acks == 1;
}

static void not_to_be_had(struct world *w, uint32_t n)
{
	uint8_t digest[SHA256_SIZE] = { 0 };

	memcpy(digest, &n, sizeof(n));
	core_actions_clear(&w->actions);
	core_contract(w->core, ip("10.200.1.3"), digest, NULL, "not here", w->now_us, &w->actions);
}

static void tick(struct world *w, uint64_t at_us)
{
	core_actions_clear(&w->actions);
	core_tick(w->core, at_us, &w->actions);
}

static struct world *full(void)
{
	struct world *w = start(ELEMENT_SWITCH, "10.200.1.2");

	w->core->config.contract_wait_us = 5 * CLOCK_S;
	for (uint32_t i = 1; i <= CORE_MAX_PARKED; i++) {
		w->now_us++;
		assert_true(unknown_path(w, i, i, i));
		assert_int_equal(acted(w, CORE_FETCH, i), 1);
	}
	return w;
}

/* It is not acknowledged, so it comes again, and then there is room. */
static void one_too_many(void **state)
{
	struct world *w = full();

	assert_false(unknown_path(w, 2000, 2000, 2000));
	assert_int_equal(acted(w, CORE_FETCH, 2000), 0);
	assert_true(unknown_path(w, 5, 5, 2001)); /* one that waits already needs no other place */
	not_to_be_had(w, 17);
	assert_int_equal(acted(w, CORE_REFUSAL, 17), 1);
	assert_int_equal(w->actions.n, 1);
	assert_true(unknown_path(w, 2000, 2000, 2000));
	assert_int_equal(acted(w, CORE_FETCH, 2000), 1);
	stop(w);
}

/* All that wait for one contract hear of it, and nobody else. */
static void one_contract_for_many(void **state)
{
	struct world *w = start(ELEMENT_SWITCH, "10.200.1.2");

	w->core->config.contract_wait_us = 5 * CLOCK_S;
	for (uint32_t i = 1; i <= 1000; i++) {
		assert_true(unknown_path(w, i, i % 10, i));
		assert_int_equal(acted(w, CORE_FETCH, 0), i <= 10); /* it is asked for once */
	}
	not_to_be_had(w, 3);
	assert_int_equal(acted(w, CORE_REFUSAL, 0), 100);
	assert_int_equal(acted(w, CORE_REFUSAL, 13), 1);
	assert_int_equal(w->actions.v[0].key.icorp, 3); /* the first that came is the first that goes on */
	assert_int_equal(w->core->parking.n, 900);
	stop(w);
}

/* A Path with the contract's digest, from that neighbour, which that endpoint sent at first. How many fetches it leads to. */
static unsigned path_of(struct world *w, const char *neighbour, const char *sender, uint32_t id)
{
	struct core_from from = { ip(neighbour), strcmp(neighbour, "10.200.1.3") != 0, 0, 0 };

	begin(w, RSVP_PATH, neighbour);
	w->msg.flags = RSVP_FLAG_REDUCTION;
	w->msg.id = (struct rsvp_id){ RSVP_ID_ACK_DESIRED, 7, id };
	w->msg.template_.sender = ip(sender);
	w->msg.ref.revision = w->msg.template_.lsp_id = w->contract->revision;
	memcpy(w->msg.ref.digest, w->contract->digest, SHA256_SIZE);
	w->msg.has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_REF | RSVP_HAS_ID;
	rsvp_add_s2l(&w->msg, ip("10.200.1.12"), (struct in_addr){ 0 });
	core_actions_clear(&w->actions);
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	return acted(w, CORE_FETCH, 0);
}

/* Each neighbour is asked for itself: one that has not got it costs its own Paths. The first that has it serves all. */
static void from_two_neighbours(void **state)
{
	struct world *w = start(ELEMENT_SWITCH, "10.200.1.2");
	const struct session *s;

	w->core->config.contract_wait_us = 5 * CLOCK_S;
	assert_int_equal(path_of(w, "10.200.1.12", "10.200.1.12", 1), 1);
	assert_int_equal(path_of(w, "10.200.1.3", "10.200.1.11", 1), 1);
	assert_int_equal(path_of(w, "10.200.1.3", "10.200.2.22", 2), 0); /* a shortcut's, which waits beside the tree's */
	assert_int_equal(w->core->parking.n, 3);
	core_contract(w->core, ip("10.200.1.12"), w->contract->digest, NULL, "not here", w->now_us, &w->actions);
	assert_int_equal(w->core->parking.n, 2);
	core_contract(w->core, ip("10.200.1.3"), w->contract->digest, w->contract, NULL, w->now_us, &w->actions);
	assert_int_equal(w->core->parking.n, 0);
	s = core_session(w->core, w->contract->id, ip("10.200.1.11"));
	assert_non_null(s);
	assert_non_null(core_session_newer(s));
	stop(w);
}

/* Each waits as long as is set, and no longer. */
static void they_go_in_turn(void **state)
{
	struct world *w = full();
	uint64_t first = w->now_us - CORE_MAX_PARKED + 1 + 5 * CLOCK_S;

	not_to_be_had(w, CORE_MAX_PARKED); /* the last one, so that another one is */
	assert_true(unknown_path(w, 3000, 3000, 3000));
	for (uint32_t i = 1; i < CORE_MAX_PARKED; i++) {
		assert_true(core_next(w->core) <= first + i - 1);
		tick(w, first + i - 1);
		assert_int_equal(acted(w, CORE_REFUSAL, 0), 1);
		assert_int_equal(acted(w, CORE_REFUSAL, i), 1);
	}
	tick(w, w->now_us + 5 * CLOCK_S);
	assert_int_equal(acted(w, CORE_REFUSAL, 3000), 1);
	assert_int_equal(w->core->parking.n, 0);
	stop(w);
}

/* The PathTear takes what it names, and only when it is the later one. */
static void torn(void **state)
{
	struct world *w = full();
	struct core_from from = { ip("10.200.1.3"), 0, 0, 0 };

	begin(w, RSVP_PATH_TEAR, "10.200.1.3");
	w->msg.session.icorp = 700;
	w->msg.flags = RSVP_FLAG_REDUCTION;
	w->msg.has = RSVP_HAS_HOP | RSVP_HAS_ID;
	w->msg.id = (struct rsvp_id){ RSVP_ID_ACK_DESIRED, 7, 600 };
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	assert_int_equal(w->core->parking.n, CORE_MAX_PARKED);
	w->msg.id.id = 5000;
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	assert_int_equal(w->core->parking.n, CORE_MAX_PARKED - 1);
	not_to_be_had(w, 700);
	assert_int_equal(w->actions.n, 0);
	stop(w);
}

/*
 * The previous hop is restarted while its Path waits for the contract, and counts from 1 again: what it sends then is news,
 * whether it comes before the contract or after.
 */
static void restarted_meanwhile(void **state)
{
	for (int again = 0; again < 2; again++) {
		struct world *w = start(ELEMENT_SWITCH, "10.200.1.2");
		struct core_from from = { ip("10.200.1.3"), 0, 0, 0 };

		w->core->config.contract_wait_us = 5 * CLOCK_S;
		begin(w, RSVP_PATH, "10.200.1.3");
		w->msg.flags = RSVP_FLAG_REDUCTION;
		w->msg.id = (struct rsvp_id){ RSVP_ID_ACK_DESIRED, 7, 5000 };
		memcpy(w->msg.ref.digest, w->contract->digest, SHA256_SIZE);
		w->msg.ref.revision = w->msg.template_.lsp_id = w->contract->revision;
		w->msg.has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_REF | RSVP_HAS_ID;
		rsvp_add_s2l(&w->msg, ip("10.200.1.12"), (struct in_addr){ 0 });
		core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
		w->msg.id.epoch = 8;
		w->msg.id.id = 1;
		w->msg.session.icorp += !again; /* another ICorp's tells of the new epoch, too */
		core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
		core_contract(w->core, from.addr, w->contract->digest, w->contract, NULL, w->now_us, &w->actions);
		assert_non_null(core_session(w->core, w->contract->id, ip("10.200.1.11")));
		assert_int_equal(core_session(w->core, w->contract->id, ip("10.200.1.11"))->up.path_id, again ? 1 : 0);
		stop(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_too_many), cmocka_unit_test(one_contract_for_many), cmocka_unit_test(from_two_neighbours), cmocka_unit_test(they_go_in_turn),
		cmocka_unit_test(torn), cmocka_unit_test(restarted_meanwhile),
	};
	int r = contract_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);

	contract_cleanup();
	return r;
}
