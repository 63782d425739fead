/* Which of a trunk's circuits carries an ICorp: the smallest with room, of its class first; it stays, or says that it is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "adaptors/trunk.h"

#define M 1000000ull

static struct trunk_circuit circuits[3];
static char why[ADAPTOR_REASON];
static int over;

static void circuit(unsigned i, const char *name, uint64_t rate, uint64_t promised, int class)
{
	circuits[i] = (struct trunk_circuit){ .rate_bps = rate, .promised_bps = promised, .class = class, .up = 1 };
	strcpy(circuits[i].ifname, name);
}

/* 100, 16 and 50 Mbit/s, nothing promised. */
static int setup(void **state)
{
	circuit(0, "big", 100 * M, 0, TRUNK_ANY_CLASS);
	circuit(1, "small", 16 * M, 0, TRUNK_ANY_CLASS);
	circuit(2, "middle", 50 * M, 0, TRUNK_ANY_CLASS);
	return 0;
}

static const char *choose(const struct trunk_want *held, uint64_t rate, enum capacity_class capacity)
{
	struct trunk_want want = { .rate_bps = rate, .capacity = capacity };
	int rc = trunk_choose(circuits, 3, held, &want, &over, why, sizeof(why));

	return rc ? strerror(-rc) : circuits[want.circuit].ifname;
}

static void test_smallest_with_room(void **state)
{
	assert_string_equal(choose(NULL, 15 * M, CAPACITY_CONTROLLED), "small");
	assert_string_equal(choose(NULL, 16 * M, CAPACITY_CONTROLLED), "small");
	assert_string_equal(choose(NULL, 17 * M, CAPACITY_CONTROLLED), "middle");
	assert_string_equal(choose(NULL, 51 * M, CAPACITY_CONTROLLED), "big");
	assert_string_equal(choose(NULL, 0, CAPACITY_BEST_EFFORT), "small");
	circuits[1].promised_bps = 2 * M;
	assert_string_equal(choose(NULL, 15 * M, CAPACITY_CONTROLLED), "middle");
	circuits[2].up = 0;
	assert_string_equal(choose(NULL, 15 * M, CAPACITY_CONTROLLED), "big");
	assert_false(over);
}

static void test_class_first(void **state)
{
	circuits[1].class = CAPACITY_CONSTANT;
	assert_string_equal(choose(NULL, 10 * M, CAPACITY_CONSTANT), "small");
	assert_string_equal(choose(NULL, 10 * M, CAPACITY_CONTROLLED), "middle");
	circuits[0].class = CAPACITY_CONTROLLED;
	assert_string_equal(choose(NULL, 10 * M, CAPACITY_CONTROLLED), "big");
	circuits[0].promised_bps = 100 * M;
	circuits[2].promised_bps = 50 * M;
	assert_string_equal(choose(NULL, 10 * M, CAPACITY_CONTROLLED), "small"); /* another's before none */
}

static void test_refused_with_what_would_fit(void **state)
{
	circuits[0].promised_bps = 70 * M;
	circuits[2].promised_bps = 10 * M;
	assert_string_equal(choose(NULL, 41 * M, CAPACITY_CONTROLLED), strerror(ENOSPC));
	assert_string_equal(why, "no circuit has room for 41000000 bit/s; at most 40000000 would fit, on middle");
	assert_string_equal(choose(NULL, UINT64_MAX, CAPACITY_CONTROLLED), strerror(ENOSPC));
	/* Its own promise is room for itself. */
	struct trunk_want held = { .rate_bps = 10 * M, .capacity = CAPACITY_CONTROLLED, .circuit = 0 };

	assert_string_equal(choose(&held, 41 * M, CAPACITY_CONTROLLED), strerror(ENOSPC));
	assert_non_null(strstr(why, "at most 40000000 would fit"));
	held.rate_bps = 20 * M;
	assert_string_equal(choose(&held, 50 * M, CAPACITY_CONTROLLED), "big");
	for (unsigned i = 0; i < 3; i++)
		circuits[i].up = 0;
	assert_string_equal(choose(NULL, 1 * M, CAPACITY_CONTROLLED), strerror(ENETDOWN));
}

static void test_stays(void **state)
{
	struct trunk_want held = { .rate_bps = 15 * M, .capacity = CAPACITY_CONTROLLED, .circuit = 2 };

	circuits[2].promised_bps = 15 * M;
	assert_string_equal(choose(&held, 15 * M, CAPACITY_CONTROLLED), "middle"); /* though a smaller one has room */
	assert_string_equal(choose(&held, 14 * M, CAPACITY_CONTROLLED), "small");  /* another level is another choice */
	assert_string_equal(choose(&held, 60 * M, CAPACITY_CONTROLLED), "big");
}

/* A circuit that went down: to another; without room to the one that has most, and it is said; back when there is room. */
static void test_circuit_down(void **state)
{
	struct trunk_want held = { .rate_bps = 30 * M, .capacity = CAPACITY_CONSTANT, .circuit = 2 };

	circuits[2].promised_bps = 30 * M;
	circuits[2].up = 0;
	assert_string_equal(choose(&held, 30 * M, CAPACITY_CONSTANT), "big");
	assert_false(over);
	circuits[0].promised_bps = 95 * M;
	assert_string_equal(choose(&held, 30 * M, CAPACITY_CONSTANT), "small");
	assert_true(over);
	held.circuit = 1;
	circuits[1].promised_bps = 30 * M;
	circuits[2].promised_bps = 0;
	assert_string_equal(choose(&held, 30 * M, CAPACITY_CONSTANT), "small");    /* and there it stays */
	assert_true(over);
	assert_string_equal(choose(&held, 31 * M, CAPACITY_CONSTANT), strerror(ENOSPC));
	circuits[2].up = 1;
	assert_string_equal(choose(&held, 30 * M, CAPACITY_CONSTANT), "middle");
	assert_false(over);
	for (unsigned i = 0; i < 3; i++)
		circuits[i].up = 0;
	assert_string_equal(choose(&held, 30 * M, CAPACITY_CONSTANT), "small");    /* waits where it is */
	assert_true(over);
}

/* The mark is the name's own: not of the others, nor of their order. */
static void test_marks(void **state)
{
	assert_int_not_equal(trunk_mark("eth1"), trunk_mark("eth2"));
	assert_int_equal(trunk_mark("eth1"), trunk_mark("eth1"));
	assert_int_equal(trunk_mark("vxlan0") & TRUNK_MARK_MASK, TRUNK_MARK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_smallest_with_room, setup), cmocka_unit_test_setup(test_class_first, setup),
		cmocka_unit_test_setup(test_refused_with_what_would_fit, setup), cmocka_unit_test_setup(test_stays, setup),
		cmocka_unit_test_setup(test_circuit_down, setup), cmocka_unit_test(test_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
