/* The table of jobs: found again while it grows, chains stay short, what is forgotten is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "signald/jobs.h"

#define N 20000

static struct adaptor_key key_of(uint32_t i)
{
	return (struct adaptor_key){ i / 2, { 0x0a000001u + i % 2 } }; /* two leaders, numbers in a row */
}

static unsigned chain_length(const struct jobs *jobs, size_t chain)
{
	unsigned length = 0;

	for (const struct job *job = jobs->chain[chain]; job; job = job->next)
		length++;
	return length;
}

static void test_grows(void **state)
{
	struct jobs jobs = { 0 };

	assert_null(jobs_find(&jobs, key_of(0)));
	for (uint32_t i = 0; i < N; i++) {
		struct job *job = jobs_obtain(&jobs, key_of(i));

		assert_non_null(job);
		assert_int_equal(job->cookie, 0);
		job->cookie = i + 1;
		assert_ptr_equal(jobs_obtain(&jobs, key_of(i)), job);
		for (uint32_t k = i; k > 0; k /= 2)
			assert_int_equal(jobs_find(&jobs, key_of(k))->cookie, k + 1);
	}
	assert_int_equal(jobs.count, N);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(jobs_find(&jobs, key_of(i))->cookie, i + 1);
	jobs_clear(&jobs);
	assert_null(jobs_find(&jobs, key_of(1)));
}

/* Looking for a job passes less than two others on average, however many there are and in whatever row they are numbered. */
static void test_chains_are_short(void **state)
{
	for (uint32_t first = 1; first < 2000000000u; first += 999999999u) {
		struct jobs jobs = { 0 };

		for (uint32_t i = 0, due = 1000; i < 300000; i++) {
			uint64_t passed = 0;

			jobs_obtain(&jobs, (struct adaptor_key){ first + i, { 0x010a090au } });
			if (i < due)
				continue;
			due += due / 3;
			for (size_t c = 0; c < jobs.n; c++)
				for (unsigned length = 0, n = chain_length(&jobs, c); length < n; length++)
					passed += length;
			assert_in_range(passed, 0, jobs.count * 2);
		}
		jobs_clear(&jobs);
	}
}

static void test_forgets(void **state)
{
	struct jobs jobs = { 0 };

	for (uint32_t i = 0; i < N; i++)
		jobs_obtain(&jobs, key_of(i))->cookie = i + 1;
	for (uint32_t i = 0; i < N; i += 3)
		jobs_forget(&jobs, key_of(i));
	jobs_forget(&jobs, key_of(0));
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(jobs_find(&jobs, key_of(i)) != NULL, i % 3 != 0);
	assert_int_equal(jobs.count, N - (N + 2) / 3);
	jobs_clear(&jobs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_chains_are_short),
		cmocka_unit_test(test_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
