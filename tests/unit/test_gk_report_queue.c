/*
 * The reports that wait for the gatekeeper (signald/report_queue.h).
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "signald/registration.h"
#include "signald/report_queue.h"

static void put(struct report_queue *q, int icorp, int revision, const char *state)
{
	assert_int_equal(report_queue_put(q, json_pack("{s:i, s:i, s:s}", "icorp", icorp, "revision", revision, "state", state)),
			 0);
}

static void check(const struct report *one, uint32_t icorp, int revision, const char *state)
{
	json_t *o = json_loads(one->text, 0, NULL);

	assert_int_equal(one->icorp, icorp);
	assert_int_equal(json_integer_value(json_object_get(o, "revision")), revision);
	assert_string_equal(json_string_value(json_object_get(o, "state")), state);
	json_decref(o);
}

/* What is said about one revision leaves what is said about another. */
static void test_revisions(void **state)
{
	struct report_queue q = {0};

	put(&q, 1, 2, "signaling");
	put(&q, 1, 2, "failed");
	put(&q, 1, 1, "complete");
	assert_int_equal(report_queue_count(&q), 2);
	check(q.first, 1, 2, "failed");
	check(q.first->next, 1, 1, "complete");
	report_queue_clear(&q);
}

static void test_gone(void **state)
{
	struct report_queue q = {0};

	put(&q, 1, 1, "complete");
	put(&q, 2, 1, "complete");
	put(&q, 1, 2, "complete");
	put(&q, 1, 3, "signaling");
	put(&q, 1, 3, "gone");
	assert_int_equal(report_queue_count(&q), 2);
	check(q.first, 1, 3, "gone");
	check(q.first->next, 2, 1, "complete");
	report_queue_clear(&q);
}

static void test_taken(void **state)
{
	static const char sent[] = "{\"icorp\":1,\"revision\":1,\"state\":\"signaling\"}";
	struct report_queue q = {0};

	put(&q, 1, 1, "signaling");
	assert_string_equal(q.first->text, sent);
	put(&q, 1, 1, "complete"); /* while that is under way */
	report_queue_taken(&q, sent);
	assert_int_equal(report_queue_count(&q), 1);
	check(q.first, 1, 1, "complete");
	put(&q, 1, 1, "signaling");
	report_queue_taken(&q, sent);
	assert_int_equal(report_queue_count(&q), 0);
	assert_int_not_equal(report_queue_put(&q, NULL), 0);
}

/* A leader that cannot read the contract of a revision says so of that revision: what stands is not what failed. */
static void test_refused(void **state)
{
	json_t *work = json_pack("{s:i, s:s, s:i}", "icorp", 7, "contract", "<contract", "revision", 3), *o;
	const char *reason;

	o = report_refused_json("ar1", work, "cut off");
	assert_int_equal(json_unpack(json_object_get(o, "error"), "{s:s}", "reason", &reason), 0);
	assert_string_equal(reason, "cut off");
	assert_int_equal(json_integer_value(json_object_get(o, "icorp")), 7);
	assert_int_equal(json_integer_value(json_object_get(o, "revision")), 3);
	assert_string_equal(json_string_value(json_object_get(o, "state")), "failed");
	json_decref(o);
	json_decref(work);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_revisions), cmocka_unit_test(test_refused), cmocka_unit_test(test_gone),
					   cmocka_unit_test(test_taken)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
