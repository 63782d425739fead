/* The map of numbers, against a plain array. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/idmap.h"

#define KEYS 3000
#define STEPS 32000

/* Keys close together and far apart, and both ends of the range. */
static uint32_t key_of(unsigned i)
{
	return i < KEYS / 2 ? i + 1 : i < KEYS - 10 ? i * 2654435761u : UINT32_MAX - (KEYS - 1 - i);
}

static void everything_is_found(const struct idmap *map, const uint32_t *want, uint32_t n)
{
	assert_int_equal(map->n, n);
	assert_true((uint64_t)n * 8 <= ((uint64_t)map->now.mask + 1) * 5);
	for (unsigned i = 0; i < KEYS; i++) {
		uint32_t value = 0;

		assert_int_equal(idmap_get(map, key_of(i), &value), want[i] != 0);
		assert_int_equal(value, want[i]);
	}
}

static void many_steps(uint32_t seed)
{
	uint32_t want[KEYS] = { 0 }; /* 0: not in */
	struct idmap map = { .seed = seed };
	uint64_t random = seed;
	uint32_t n = 0;
	unsigned moving = 0;

	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i, grow = step / 8000 % 2 ? 10 : 90; /* mostly fills, then mostly empties */

		random = random * 6364136223846793005u + 1442695040888963407u;
		i = (unsigned)(random >> 33) % KEYS;
		if (map.old.place) { /* being moved: the same few again and again */
			i = (step / 300 * 50 + i % 50) % KEYS;
			grow = 50;
			moving++;
		}
		if ((random >> 20) % 100 < grow) {
			n += !want[i];
			want[i] = step + 1;
			assert_int_equal(idmap_set(&map, key_of(i), want[i]), 0);
		} else {
			assert_int_equal(idmap_remove(&map, key_of(i)), want[i] != 0);
			n -= want[i] != 0;
			want[i] = 0;
		}
		if (step % 5000 == 0 || (map.old.place && step % 16 == 0))
			everything_is_found(&map, want, n);
	}
	everything_is_found(&map, want, n);
	assert_true(moving > 1000);
	idmap_clear(&map);
	assert_int_equal(map.n, 0);
	for (uint32_t key = 1; !map.old.place; key++)
		assert_int_equal(idmap_set(&map, key, 1), 0);
	idmap_clear(&map); /* while it moves */
	assert_null(map.old.place);
}

static void test_random(void **state)
{
	for (uint32_t seed = 1; seed <= 30; seed++)
		many_steps(seed);
}

/* A cluster around the table's end, of which one end was moved already when an entry at the other goes. */
static void test_around_the_end(void **state)
{
	unsigned tried = 0;

	for (uint32_t seed = 1; seed <= 1000; seed++) {
		struct idmap map = { .seed = seed };
		uint32_t key = 1, first, last;

		while (map.old.mask != 63)
			assert_int_equal(idmap_set(&map, key++ * 2654435761u, seed), 0);
		first = map.old.place[0].key;
		last = map.old.place[63].key;
		if (first && last) {
			tried++;
			assert_true(idmap_remove(&map, last));
			assert_true(idmap_remove(&map, first));
			while (map.old.place)
				assert_int_equal(idmap_set(&map, key++ * 2654435761u, seed), 0);
			assert_false(idmap_get(&map, first, NULL));
			assert_false(idmap_get(&map, last, NULL));
		}
		idmap_clear(&map);
	}
	assert_true(tried > 100);
}

static void test_a_million(void **state)
{
	struct idmap map = { .seed = 99 };
	uint32_t value;

	for (uint32_t key = 1; key <= 1000000; key++)
		assert_int_equal(idmap_set(&map, key, ~key), 0);
	assert_true(((size_t)map.now.mask + 1) * sizeof(struct idmap_place) <= 26 * 1000000ul);
	for (uint32_t key = 1; key <= 1000000; key++) {
		assert_true(idmap_get(&map, key, &value));
		assert_int_equal(value, ~key);
	}
	for (uint32_t key = 1; key <= 1000000; key++)
		assert_true(idmap_remove(&map, key));
	assert_true(map.now.mask < 32); /* it shrinks */
	idmap_clear(&map);
}

static void test_bad(void **state)
{
	struct idmap map = { 0 };

	assert_int_equal(idmap_set(&map, 0, 1), -EINVAL);
	assert_int_equal(idmap_get(&map, 0, NULL), 0);
	assert_int_equal(idmap_remove(&map, 5), 0);
	assert_int_equal(idmap_set(&map, 5, 1), 0);
	assert_int_equal(idmap_get(&map, 0, NULL), 0);
	assert_int_equal(idmap_remove(&map, 0), 0);
	idmap_clear(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_around_the_end),
		cmocka_unit_test(test_a_million),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
