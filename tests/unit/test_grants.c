/* Packed grants: what goes in comes out, whatever the numbers and however long the texts; replacing one moves no other. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signald/grants.h"
#include "tests/unit/memory.h"

static void assert_same(const struct rsvp_grant *a, const struct rsvp_grant *b)
{
	assert_int_equal(a->node.s_addr, b->node.s_addr);
	assert_int_equal(a->endpoint.s_addr, b->endpoint.s_addr);
	assert_int_equal(a->resource, b->resource);
	assert_int_equal(a->outcome, b->outcome);
	assert_int_equal(a->enforcement, b->enforcement);
	assert_true(a->sequence == b->sequence && a->level == b->level);
	assert_int_equal(a->flags, b->flags);
	assert_true(a->used == b->used);
	assert_string_equal(a->element, b->element);
	assert_string_equal(a->reason, b->reason);
}

static struct rsvp_grant sample(uint64_t level, uint32_t sequence, uint8_t byte, size_t text)
{
	struct rsvp_grant g = { .node = { sequence }, .endpoint = { ~sequence }, .resource = byte, .outcome = byte,
				.enforcement = byte, .sequence = sequence, .level = level };

	memset(g.element, 'e', text < sizeof(g.element) ? text : sizeof(g.element) - 1);
	memset(g.reason, 'r', text < sizeof(g.reason) ? text : sizeof(g.reason) - 1);
	return g;
}

static void what_goes_in_comes_out(void **state)
{
	static const uint64_t level[] = { 0, 1, 127, 128, 16383, 16384, 1000000000, UINT64_MAX >> 1, UINT64_MAX };
	enum { N = sizeof(level) / sizeof(level[0]) };
	struct rsvp_grant in[N], out;
	struct grants grants = { 0 };
	struct pool pool = { 0 };
	uint32_t at = 0;

	for (unsigned i = 0; i < N; i++)
		in[i] = sample(level[i], (uint32_t)(level[i] >> i), (uint8_t)(i * 31), i * 20);
	for (unsigned i = 0; i < N; i += 2) {
		in[i].flags = RSVP_GRANT_USED;
		in[i].used = level[N - 1 - i];
	}
	assert_int_equal(grants_set(&pool, &grants, 0, 1, in, N), 1);
	assert_int_equal(grants_set(&pool, &grants, 0, 1, in, N), 0);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(grants_next(&grants, &at, &out), 1);
		assert_same(&in[i], &out);
	}
	assert_int_equal(grants_next(&grants, &at, &out), 0);
	grants_free(&pool, &grants);
	assert_int_equal(pool.used, 0);
	pool_free(&pool);
}

static void one_is_replaced(void **state)
{
	struct rsvp_grant first = sample(1, 1, 1, 3), second = sample(2, 2, 2, 60), longer = first, out;
	struct grants grants = { 0 };
	struct pool pool = { 0 };
	uint32_t at = 0;

	longer.level = UINT64_MAX;
	assert_int_equal(grants_add(&pool, &grants, &first), 0);
	assert_int_equal(grants_add(&pool, &grants, &second), 0);
	assert_int_equal(grants_put(&pool, &grants, &longer), 0);
	assert_int_equal(grants_next(&grants, &at, &out), 1);
	assert_same(&second, &out);
	assert_int_equal(grants_next(&grants, &at, &out), 1);
	assert_same(&longer, &out);
	assert_int_equal(grants_next(&grants, &at, &out), 0);
	grants_free(&pool, &grants);
	assert_int_equal(pool.used, 0);
	pool_free(&pool);
}

/* Without memory the list is what it was, whether what replaces one is shorter or longer. */
static void without_memory(void **state)
{
	struct rsvp_grant in[8], out, shorter = sample(1, 1, 1, 3), longer;
	struct grants grants = { 0 };
	struct pool pool = { 0 };
	uint32_t at = 0;

	for (unsigned i = 0; i < 8; i++) {
		in[i] = sample(i, i, (uint8_t)i, 60);
		assert_int_equal(grants_add(&pool, &grants, &in[i]), 0);
	}
	longer = in[1];
	longer.level = UINT64_MAX;
	memory_for(0, 1);
	shorter.endpoint = in[1].endpoint;
	assert_int_equal(grants_put(&pool, &grants, &shorter), -ENOMEM);
	assert_int_equal(grants_put(&pool, &grants, &longer), -ENOMEM);
	assert_int_equal(memory_again(), 1);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(grants_next(&grants, &at, &out), 1);
		assert_same(&in[i], &out);
	}
	assert_int_equal(grants_next(&grants, &at, &out), 0);
	grants_free(&pool, &grants);
	assert_int_equal(pool.used, 0);
	pool_free(&pool);
}

static void has(const struct grants *grants, const char *levels)
{
	struct rsvp_grant out;
	uint32_t at = 0;

	while (grants_next(grants, &at, &out)) {
		assert_int_equal(out.level, *levels++);
		assert_int_equal(out.enforcement, 2);
	}
	assert_int_equal(*levels, 0);
}

/* Parts come in any order, each takes the place of what it said before, and the last says that there are no more. */
static void in_parts(void **state)
{
	const struct rsvp_grant a = sample('a', 1, 2, 3), b = sample('b', 2, 2, 3), c[] = { sample('c', 3, 2, 3), sample('d', 4, 2, 3) };
	struct grants grants = { 0 };
	struct pool pool = { 0 };

	assert_int_equal(grants_set(&pool, &grants, 2, 1, c, 2), 1);
	assert_int_equal(grants_set(&pool, &grants, 0, 0, &a, 1), 1);
	has(&grants, "acd");
	assert_int_equal(grants_set(&pool, &grants, 1, 0, &b, 1), 1);
	has(&grants, "abcd");
	assert_int_equal(grants_set(&pool, &grants, 1, 0, &b, 1), 0);
	assert_int_equal(grants_set(&pool, &grants, 1, 0, c, 2), 1);
	has(&grants, "acdcd");
	assert_int_equal(grants_set(&pool, &grants, 1, 1, &b, 1), 1);
	has(&grants, "ab");
	assert_int_equal(grants_set(&pool, &grants, 0, 1, NULL, 0), 1);
	has(&grants, "");
	assert_int_equal(pool.used, 0);
	pool_free(&pool);
}

/* What comes twice in one part is kept once, the first. */
static void said_twice(void **state)
{
	struct rsvp_grant v[] = { sample('a', 1, 2, 3), sample('b', 2, 2, 3), sample('a', 1, 2, 3) };
	struct grants grants = { 0 };
	struct pool pool = { 0 };

	v[2].level = 'c';
	assert_int_equal(grants_set(&pool, &grants, 0, 1, v, 3), 1);
	has(&grants, "ab");
	grants_free(&pool, &grants);
	pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_goes_in_comes_out), cmocka_unit_test(one_is_replaced), cmocka_unit_test(without_memory),
					    cmocka_unit_test(in_parts), cmocka_unit_test(said_twice) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
