/* The table of sessions: found again while it grows, chains stay short, what is taken out is gone, walks miss nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "adaptors/keymap.h"

#define N 20000

struct item { struct keymap_entry entry; unsigned seen; };

static struct adaptor_key key_of(uint32_t i)
{
	return (struct adaptor_key){ i / 2, { 0x0a000001u + i % 2 } }; /* two leaders, numbers in a row */
}

static struct item *fill(struct keymap *map)
{
	struct item *items = calloc(N, sizeof(*items));

	assert_non_null(items);
	for (uint32_t i = 0; i < N; i++) {
		items[i].entry.key = key_of(i);
		assert_null(keymap_find(map, key_of(i)));
		assert_int_equal(keymap_add(map, &items[i].entry), 0);
		for (uint32_t k = i; k > 0; k /= 2)
			assert_ptr_equal(keymap_find(map, key_of(k)), &items[k].entry);
	}
	return items;
}

static void test_grows(void **state)
{
	struct keymap map = { 0 };
	struct item *items = fill(&map);

	assert_int_equal(map.count, N);
	for (uint32_t i = 0; i < N; i++)
		assert_ptr_equal(keymap_find(&map, key_of(i)), &items[i].entry);
	keymap_free(&map);
	assert_null(keymap_find(&map, key_of(1)));
	free(items);
}

static unsigned chain_length(const struct keymap *map, size_t chain)
{
	unsigned length = 0;

	for (const struct keymap_entry *e = map->chain[chain]; e; e = e->next)
		length++;
	return length;
}

/* Once there is one of a key it is that; a new one is zeroed. */
static void test_obtains(void **state)
{
	struct keymap map = { 0 };
	struct item *one = (struct item *)keymap_obtain(&map, key_of(7), sizeof(*one));

	assert_non_null(one);
	assert_int_equal(one->seen, 0);
	assert_int_equal(one->entry.key.icorp, key_of(7).icorp);
	assert_ptr_equal(keymap_obtain(&map, key_of(7), sizeof(*one)), &one->entry);
	assert_int_equal(map.count, 1);
	keymap_remove(&map, &one->entry);
	free(one);
	keymap_free(&map);
}

/* Looking for an entry passes less than two others on average, however many there are and in whatever row they are numbered. */
static void test_chains_are_short(void **state)
{
	const uint32_t n = 300000;
	struct item *items = calloc(n, sizeof(*items));

	for (uint32_t first = 1; first < 2000000000u; first += 999999999u) {
		struct keymap map = { 0 };

		for (uint32_t i = 0, due = 1000; i < n; i++) {
			uint64_t passed = 0;

			items[i].entry.key = (struct adaptor_key){ first + i, { 0x010a090au } };
			assert_int_equal(keymap_add(&map, &items[i].entry), 0);
			if (i < due)
				continue;
			due += due / 3;
			for (size_t c = 0; c < map.n; c++)
				for (unsigned length = 0, m = chain_length(&map, c); length < m; length++)
					passed += length;
			assert_in_range(passed, 0, map.count * 2);
		}
		keymap_free(&map);
	}
	free(items);
}

static void test_walks(void **state)
{
	struct keymap map = { 0 };
	struct item *items = fill(&map);
	struct keymap_entry *after;

	for (struct keymap_entry *e = NULL; (e = keymap_next(&map, e));)
		((struct item *)e)->seen++;
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(items[i].seen, 1);
	/* taking out the entry at hand */
	for (struct keymap_entry *e = keymap_next(&map, NULL); e; e = after) {
		after = keymap_next(&map, e);
		((struct item *)e)->seen++;
		keymap_remove(&map, e);
	}
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(items[i].seen, 2);
	free(items);
}

static void test_removes(void **state)
{
	struct keymap map = { 0 };
	struct item *items = fill(&map);

	for (uint32_t i = 0; i < N; i += 3)
		keymap_remove(&map, &items[i].entry);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(keymap_find(&map, key_of(i)) != NULL, i % 3 != 0);
	assert_int_equal(map.count, N - (N + 2) / 3);
	for (uint32_t i = 0; i < N; i++)
		if (i % 3)
			keymap_remove(&map, &items[i].entry);
	assert_null(map.chain); /* what a burst took is given back */
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_obtains),
		cmocka_unit_test(test_chains_are_short),
		cmocka_unit_test(test_walks),
		cmocka_unit_test(test_removes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
