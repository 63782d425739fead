/* The heap of deadlines, against a plain scan for the smallest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/heap.h"

#define N 300

static void check(const struct heap *heap, const struct heap_entry *entry, size_t n)
{
	uint64_t least = UINT64_MAX;
	size_t in = 0;

	for (size_t i = 0; i < n; i++) {
		if (!entry[i].slot)
			continue;
		in++;
		assert_ptr_equal(heap->entry[entry[i].slot - 1], &entry[i]);
		least = entry[i].key < least ? entry[i].key : least;
	}
	assert_int_equal(heap->n, in);
	if (in)
		assert_true(heap_top(heap)->key == least);
	else
		assert_null(heap_top(heap));
}

static void test_random(void **state)
{
	static struct heap_entry entry[N];
	struct heap heap = { 0 };

	srandom(1);
	for (int step = 0; step < 20000; step++) {
		struct heap_entry *e = &entry[random() % N];

		if (random() % 3)
			assert_int_equal(heap_set(&heap, e, (uint64_t)random() % 60), 0);
		else
			heap_remove(&heap, e);
		if (step % 10 == 0)
			check(&heap, entry, N);
	}
	for (uint64_t last = 0; heap_top(&heap); ) {
		struct heap_entry *top = heap_top(&heap);

		assert_true(top->key >= last);
		last = top->key;
		heap_remove(&heap, top);
		assert_int_equal(top->slot, 0);
	}
	check(&heap, entry, N);
	heap_free(&heap);
}

static void test_one_and_none(void **state)
{
	struct heap_entry a = { 0 }, b = { 0 };
	struct heap heap = { 0 };

	heap_remove(&heap, &a); /* in no heap: nothing */
	assert_null(heap_top(&heap));
	assert_int_equal(heap_set(&heap, &a, UINT64_MAX), 0);
	assert_int_equal(heap_set(&heap, &b, 0), 0);
	assert_ptr_equal(heap_top(&heap), &b);
	assert_int_equal(heap_set(&heap, &b, UINT64_MAX), 0);
	assert_int_equal(heap_set(&heap, &a, 5), 0);
	assert_ptr_equal(heap_top(&heap), &a);
	assert_int_equal(heap.n, 2);
	heap_remove(&heap, &a);
	heap_remove(&heap, &a);
	assert_ptr_equal(heap_top(&heap), &b);
	heap_free(&heap);
	assert_null(heap_top(&heap));
	heap_free(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random), cmocka_unit_test(test_one_and_none) };

	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
