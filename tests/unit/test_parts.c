/* A Resv in parts: it is whole when all of them are here, each is of the Resv that it came with, and none is lost for good. */
#include "tests/unit/element.h"
#include "tests/unit/memory.h"

#define EPOCH 77

static const struct session *only(const struct world *w)
{
	return core_session(w->core, w->contract->id, ip("10.200.1.11"));
}

static void set_id(struct world *w, uint32_t id)
{
	w->msg.flags = RSVP_FLAG_REDUCTION;
	w->msg.id = (struct rsvp_id){ RSVP_ID_ACK_DESIRED, EPOCH, id };
	w->msg.has |= RSVP_HAS_ID;
}

/* What we acknowledged since the last look: how often that id, or refused its refresh. */
static unsigned answers(struct world *w, uint32_t id, int nack)
{
	struct rsvp_msg m = { 0 };
	unsigned n = 0;

	core_flush(w->core, w->now_us, &w->actions);
	if (acted(w, CORE_SEND, 0))
		sent(w, RSVP_ACK, &m);
	for (unsigned i = 0; i < m.acks.n; i++)
		n += m.acks.v[i].id.id == id && m.acks.v[i].nack == nack;
	rsvp_msg_free(&m);
	core_actions_clear(&w->actions);
	return n;
}

/* Part of the Resv that began with this id, with one grant of that level. Returns whether it was taken. */
static unsigned part(struct world *w, uint32_t id, unsigned number, int more, uint64_t level)
{
	core_actions_clear(&w->actions);
	begin_resv(w, (uint16_t)(number | (more ? RSVP_PART_MORE : 0)), 1, level);
	set_id(w, id + number);
	from_ar2(w);
	return answers(w, id + number, 0);
}

/* A Srefresh names the Resv. Returns whether it is to be sent in full. */
static unsigned is_asked_for(struct world *w, uint32_t id)
{
	core_actions_clear(&w->actions);
	rsvp_msg_clear(&w->msg);
	w->msg.type = RSVP_SREFRESH;
	w->msg.list_epoch = EPOCH;
	set_id(w, 1000 + id);
	rsvp_add_id(&w->msg, id);
	from_ar2(w);
	return answers(w, id, 1);
}

/* The levels that ar2 granted, in their order. */
static void granted(const struct world *w, const char *levels)
{
	struct grant_cursor at = { 0 };
	struct rsvp_grant said;

	while (session_grant_next(w->core, only(w), &at, &said))
		if (!strcmp(said.element, "ar2"))
			assert_int_equal(said.level, *levels++);
	assert_int_equal(*levels, 0);
}

static struct world *start_parts(void)
{
	struct world *w = with_enterprise(ELEMENT_SWITCH, "10.200.1.2");

	path(w, "10.200.1.12", 0);
	return w;
}

static void one_is_lost(void **state)
{
	struct world *w = start_parts();

	assert_int_equal(part(w, 10, 0, 1, 'a'), 1);
	assert_int_equal(part(w, 10, 2, 0, 'c'), 1);
	assert_int_equal(is_asked_for(w, 10), 1);
	assert_int_equal(part(w, 20, 0, 1, 'a'), 1);
	assert_int_equal(part(w, 20, 1, 1, 'b'), 1);
	assert_int_equal(is_asked_for(w, 20), 1);
	assert_int_equal(part(w, 30, 0, 1, 'a'), 1);
	assert_int_equal(part(w, 30, 2, 0, 'c'), 1);
	assert_int_equal(part(w, 30, 1, 1, 'b'), 1);
	assert_int_equal(part(w, 30, 0, 1, 'a'), 1); /* its Ack was lost */
	assert_int_equal(is_asked_for(w, 30), 0);
	granted(w, "abc");
	stop(w);
}

/* Before the first part comes nobody knows what the others are of: they come again. */
static void in_any_order(void **state)
{
	struct world *w = start_parts();

	assert_int_equal(part(w, 10, 1, 0, 'b'), 0);
	assert_int_equal(part(w, 10, 0, 1, 'a'), 1);
	assert_int_equal(part(w, 20, 1, 0, 'd'), 0);
	assert_int_equal(part(w, 10, 1, 0, 'b'), 1);
	granted(w, "ab");
	assert_int_equal(part(w, 20, 0, 1, 'c'), 1);
	assert_int_equal(part(w, 20, 1, 0, 'd'), 1);
	assert_int_equal(part(w, 10, 1, 0, 'b'), 1); /* heard, and too late */
	granted(w, "cd");
	assert_int_equal(is_asked_for(w, 20), 0);
	stop(w);
}

/* The n-th allocation fails while that part comes; then it comes again. Returns whether one failed. */
static int without_memory_for(unsigned number, unsigned n)
{
	struct world *w = start_parts();
	int gone;

	if (number)
		part(w, 10, 0, 1, 'a');
	begin_resv(w, (uint16_t)(number ? number : RSVP_PART_MORE), 1, number ? 'b' : 'a');
	set_id(w, 10 + number);
	memory_for(n, 0);
	from_ar2(w);
	gone = memory_again();
	from_ar2(w);
	if (!number)
		part(w, 10, 1, 0, 'b');
	granted(w, "ab");
	assert_int_equal(is_asked_for(w, 10), 0);
	stop(w);
	return gone;
}

/* What there was no memory for is taken when it comes again. */
static void without_memory(void **state)
{
	for (unsigned number = 0; number < 2; number++)
		for (unsigned n = 0; without_memory_for(number, n); n++)
			assert_in_range(n, 0, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(one_is_lost), cmocka_unit_test(in_any_order),
					    cmocka_unit_test(without_memory) };
	int r;

	log_open("test_parts", NULL, LOG_SINK_STDERR, LOG_LEVEL_ERROR);
	r = contract_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
	contract_cleanup();
	return r;
}
