/*
 * The policies and the health of servers: pure logic, no sockets.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/health.h"
#include "proxy/policy.h"

#define MAX 300

struct set { struct policy_item item[MAX], *ptr[MAX]; size_t n; uint32_t cursor; };

static void fill(struct set *s, const uint32_t *weights, size_t n)
{
	memset(s, 0, sizeof(*s));
	s->n = n;
	for (size_t i = 0; i < n; i++) {
		s->item[i] = (struct policy_item){ .weight = weights[i], .usable = weights[i] > 0 };
		s->ptr[i] = &s->item[i];
	}
}

/* n picks as letters. */
static void picks(struct set *s, const struct policy *policy, char *out, int n)
{
	for (int i = 0; i < n; i++) {
		int at = policy->pick(s->ptr, s->n, &s->cursor);

		*out++ = at < 0 ? '-' : (char)('a' + at);
	}
	*out = '\0';
}

static void round_robin(void **state)
{
	struct set s;
	char out[16];

	fill(&s, (const uint32_t[]){ 1, 9, 1 }, 3);
	picks(&s, &policy_roundrobin, out, 6);
	assert_string_equal(out, "abcabc");
	s.item[1].usable = 0;
	picks(&s, &policy_roundrobin, out, 4);
	assert_string_equal(out, "acac");
	s.item[0].usable = s.item[2].usable = 0;
	picks(&s, &policy_roundrobin, out, 2);
	assert_string_equal(out, "--");
}

static void round_robin_after_shrinking(void **state)
{
	struct set s;
	char out[16];

	fill(&s, (const uint32_t[]){ 1, 1, 1 }, 3);
	picks(&s, &policy_roundrobin, out, 3);
	s.n = 2; /* the cursor now points past the end */
	picks(&s, &policy_roundrobin, out, 2);
	assert_string_equal(out, "ba");
}

static void weighted_is_exact_and_smooth(void **state)
{
	struct set s;
	char out[16];

	fill(&s, (const uint32_t[]){ 5, 1, 1 }, 3);
	picks(&s, &policy_weighted, out, 14);
	assert_string_equal(out, "aabacaaaabacaa");
}

static void weighted_forgets_old_credit(void **state)
{
	struct set s;
	char out[16];

	fill(&s, (const uint32_t[]){ 65535, 1 }, 2);
	picks(&s, &policy_weighted, out, 9);
	s.item[0].weight = 1; /* a is deep in debt, or b rich: neither may starve the other now */
	picks(&s, &policy_weighted, out, 8);
	assert_non_null(strchr(out, 'a'));
	assert_non_null(strchr(out, 'b'));
}

static void least_connections(void **state)
{
	struct set s;
	char out[16];

	fill(&s, (const uint32_t[]){ 1, 1, 2 }, 3);
	s.item[0].active = 1;
	s.item[1].active = 0;
	s.item[2].active = 2;
	picks(&s, &policy_leastconn, out, 1);
	assert_string_equal(out, "b");
	s.item[1].active = 3;
	picks(&s, &policy_leastconn, out, 1); /* 3/2 is less than 2/1 */
	assert_string_equal(out, "c");
	s.item[0].active = s.item[1].active = s.item[2].active = 0;
	s.item[2].weight = 1;
	picks(&s, &policy_leastconn, out, 1);
	assert_string_equal(out, "a"); /* ties go round */
	picks(&s, &policy_leastconn, out, 1);
	assert_string_equal(out, "b");
}

static void all_are_listed(void **state)
{
	assert_ptr_equal(policy_nth(0), &policy_roundrobin);
	for (size_t i = 0; policy_nth(i); i++)
		assert_ptr_equal(policy_find(policy_nth(i)->name), policy_nth(i));
	assert_null(policy_find("nearest"));
}

static void count(const uint16_t *slots, size_t n, unsigned *per)
{
	memset(per, 0, MAX * sizeof(*per));
	for (size_t i = 0; i < n; i++)
		per[slots[i]]++;
}

static void slots_are_the_shortest_cycle(void **state)
{
	struct set s;
	uint16_t slots[POLICY_MAX_SLOTS];
	unsigned per[MAX];
	size_t n;

	fill(&s, (const uint32_t[]){ 300, 0, 100 }, 3);
	n = policy_slots(&policy_weighted, s.ptr, s.n, slots, POLICY_MAX_SLOTS);
	assert_int_equal(n, 4);
	count(slots, n, per);
	assert_int_equal(per[0], 3);
	assert_int_equal(per[1], 0);
	assert_int_equal(per[2], 1);
	n = policy_slots(&policy_roundrobin, s.ptr, s.n, slots, POLICY_MAX_SLOTS);
	assert_int_equal(n, 2);
	assert_int_equal(s.item[0].credit, 0);
}

static void slots_leave_nobody_out(void **state)
{
	struct set s;
	uint16_t slots[POLICY_MAX_SLOTS];
	uint32_t weights[256];
	unsigned per[MAX];
	size_t n;

	for (int i = 0; i < 256; i++)
		weights[i] = i ? 1 + (uint32_t)i % 7 : 65535;
	for (size_t targets = 1; targets <= 256; targets += 51) {
		fill(&s, weights, targets);
		n = policy_slots(&policy_weighted, s.ptr, s.n, slots, POLICY_MAX_SLOTS);
		assert_in_range(n, targets, POLICY_MAX_SLOTS);
		count(slots, n, per);
		for (size_t i = 0; i < targets; i++)
			assert_true(per[i] >= 1);
		for (size_t i = 1; i < targets; i++)
			assert_true(per[0] >= per[i]);
	}
}

static void no_slots(void **state)
{
	struct set s;
	uint16_t slots[4];

	fill(&s, (const uint32_t[]){ 0, 0 }, 2);
	assert_int_equal(policy_slots(&policy_weighted, s.ptr, s.n, slots, 4), 0);
	assert_int_equal(policy_slots(&policy_weighted, s.ptr, 0, slots, 4), 0);
}

static void ejection_doubles_and_ends(void **state)
{
	const struct health_limits limits = { 1000, 5000 };
	struct health h = { 0 };

	assert_int_equal(health_failed(&h, &limits, 111, 0), 1);
	assert_true(h.ejected);
	assert_int_equal(h.until_us, 1000);
	assert_int_equal(health_failed(&h, &limits, 111, 500), 0); /* begun before: no further penalty */
	assert_int_equal(h.until_us, 1000);
	assert_int_equal(health_failed(&h, &limits, 111, 1000), 0);
	assert_int_equal(h.until_us, 3000);
	health_failed(&h, &limits, 111, 3000);
	assert_int_equal(h.until_us, 7000);
	health_failed(&h, &limits, 111, 7000);
	assert_int_equal(h.until_us, 12000); /* the most */
	assert_int_equal(health_good(&h), 1);
	assert_int_equal(health_good(&h), 0);
	assert_false(h.ejected);
	health_failed(&h, &limits, 111, 20000);
	assert_int_equal(h.until_us, 21000); /* begins anew */
	assert_int_equal(h.total, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_robin),
		cmocka_unit_test(round_robin_after_shrinking),
		cmocka_unit_test(weighted_is_exact_and_smooth),
		cmocka_unit_test(weighted_forgets_old_credit),
		cmocka_unit_test(least_connections),
		cmocka_unit_test(all_are_listed),
		cmocka_unit_test(slots_are_the_shortest_cycle),
		cmocka_unit_test(slots_leave_nobody_out),
		cmocka_unit_test(no_slots),
		cmocka_unit_test(ejection_doubles_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
