/* The pool of small objects, against what each object was filled with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/pool.h"

#define N 2000

static void holds(const uint8_t *object, size_t size, uint8_t value)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(object[i], value);
}

/* Objects of every size come zeroed, keep what they hold, move with it, and never overlap. */
static void test_random(void **state)
{
	static struct { uint8_t *object; size_t size; } v[N];
	struct pool pool = { 0 };

	srandom(1);
	for (int step = 0; step < 60000; step++) {
		unsigned i = (unsigned)random() % N;
		size_t size = 1 + (size_t)random() % (POOL_MAX + 100);

		if (v[i].object && random() % 2) {
			v[i].object = pool_resize(&pool, v[i].object, v[i].size, size);
			assert_non_null(v[i].object);
			holds(v[i].object, size < v[i].size ? size : v[i].size, (uint8_t)i);
			if (size > v[i].size)
				holds(v[i].object + v[i].size, size - v[i].size, 0);
		} else {
			if (v[i].object)
				holds(v[i].object, v[i].size, (uint8_t)i);
			pool_put(&pool, v[i].object, v[i].size);
			v[i].object = pool_get(&pool, size);
			assert_non_null(v[i].object);
			assert_int_equal((uintptr_t)v[i].object % POOL_STEP, 0);
			holds(v[i].object, size, 0);
		}
		v[i].size = size;
		memset(v[i].object, (uint8_t)i, size);
	}
	for (unsigned i = 0; i < N; i++) {
		if (v[i].object)
			holds(v[i].object, v[i].size, (uint8_t)i);
		pool_put(&pool, v[i].object, v[i].size);
	}
	assert_int_equal(pool.used, 0);
	pool_free(&pool);
}

static void test_nothing(void **state)
{
	struct pool pool = { 0 };

	assert_null(pool_get(&pool, 0));
	pool_put(&pool, NULL, 5);
	assert_int_equal(pool.used, 0);
	pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random), cmocka_unit_test(test_nothing) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
