/* The timing wheel, against a plain scan of all deadlines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/wheel.h"

#define N 500
#define TICK 1024

/* Deadlines from a tick to months away. */
static uint64_t some_time(uint64_t now)
{
	return now + (uint64_t)random() % (1ull << (random() % 43));
}

/* All that is due comes out, nothing early, nothing twice, nothing is forgotten; wheel_next never promises too late. */
static void test_random(void **state)
{
	static struct wheel_entry entry[N];
	static struct wheel wheel;
	uint64_t now = 5000000, until[N] = { 0 };
	struct wheel_entry *e;

	srandom(1);
	for (int step = 0; step < 20000; step++) {
		unsigned i = (unsigned)random() % N;
		uint64_t least = UINT64_MAX, next;

		if (random() % 4) {
			until[i] = some_time(now);
			wheel_set(&wheel, &entry[i], until[i]);
		} else {
			until[i] = 0;
			wheel_remove(&wheel, &entry[i]);
		}
		for (unsigned k = 0; k < N; k++) {
			assert_int_equal(wheel_has(&entry[k]), until[k] != 0);
			if (until[k] && until[k] < least)
				least = until[k];
		}
		next = wheel_next(&wheel);
		assert_true(next <= (least == UINT64_MAX ? least : (least > now ? least : now) + 2 * TICK));
		if (random() % 20)
			continue;
		now = random() % 2 && least != UINT64_MAX && least > now ? least + TICK : some_time(now);
		while ((e = wheel_take(&wheel, now))) {
			i = (unsigned)(e - entry);
			assert_true(until[i] && until[i] <= now);
			until[i] = 0;
		}
		for (unsigned k = 0; k < N; k++)
			assert_true(!until[k] || until[k] > now - TICK);
	}
}

/* Waking only when wheel_next says so meets every deadline within a tick or two, in order of ticks. */
static void test_wakes(void **state)
{
	static struct wheel_entry entry[N];
	static struct wheel wheel;
	uint64_t now = 1, until[N];
	unsigned met = 0, wakes = 0;
	struct wheel_entry *e;

	srandom(2);
	for (unsigned i = 0; i < N; i++) {
		until[i] = now + (uint64_t)random() % (200ull * 1000000);
		wheel_set(&wheel, &entry[i], until[i]);
	}
	while (wheel_next(&wheel) != UINT64_MAX) {
		now = wheel_next(&wheel) > now ? wheel_next(&wheel) : now + TICK;
		wakes++;
		while ((e = wheel_take(&wheel, now))) {
			assert_in_range(now, until[e - entry], until[e - entry] + 2 * TICK);
			met++;
		}
	}
	assert_int_equal(met, N);
	assert_true(wakes < 3 * N);
}

/* A deadline that has passed is met, but not by the same round: a handler that sets one can't spin. */
static void test_past(void **state)
{
	static struct wheel wheel;
	struct wheel_entry e = { 0 };

	assert_null(wheel_take(&wheel, 1000000));
	wheel_set(&wheel, &e, 5);
	assert_null(wheel_take(&wheel, 1000000));
	assert_ptr_equal(wheel_take(&wheel, 1000000 + 2 * TICK), &e);
	assert_false(wheel_has(&e));
	wheel_remove(&wheel, &e);
	assert_true(wheel_next(&wheel) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random), cmocka_unit_test(test_wakes), cmocka_unit_test(test_past),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
