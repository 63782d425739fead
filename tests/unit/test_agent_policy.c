/*
 * The thermostat under a virtual clock: its rules one by one, then a day of real CPU use (PlanetLab traces, one value
 * per five minutes, from $ICORP_DATA/cpu or ../shared/data/cpu; skipped where they are not).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/policy.h"
#include "lib/clock.h"

#define SECOND CLOCK_S

struct bench { struct policy p; uint64_t now; struct policy_view view; };

static void begin(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	policy_init(&b->p, &policy_default);
	b->now = 1000 * SECOND;
	b->view.level = 1024;
	b->view.price_micro = 1000000;
	b->view.use_permille = 500;
}

/* Runs at `use` for n seconds, one look a second; returns the first demand and the second at which it came. */
static int run(struct bench *b, unsigned use, unsigned n, unsigned *at)
{
	b->view.use_permille = use;
	for (unsigned i = 1; i <= n; i++) {
		int want = policy_input(&b->p, &b->view, b->now);

		b->now += SECOND;
		if (want) {
			if (at)
				*at = i;
			return want;
		}
	}
	return 0;
}

static void grant_more(struct bench *b)
{
	policy_answer(&b->p, 1, &b->view, b->now);
	b->view.level += 256;
	b->view.price_micro += 250000;
}

static void asks_for_more_after_high_time(void **state)
{
	struct bench b;
	unsigned at = 0;

	begin(&b);
	assert_int_equal(run(&b, 500, 100, NULL), 0);
	assert_int_equal(run(&b, 950, 100, &at), 1);
	assert_int_equal(at, 4); /* seen at 0, 1, 2, 3 s */
	assert_int_equal(run(&b, 950, 100, NULL), 0); /* one is under way */
}

static void a_dip_within_the_band_does_not_reset(void **state)
{
	struct bench b;

	begin(&b);
	assert_int_equal(run(&b, 820, 2, NULL), 0);
	assert_int_equal(run(&b, 760, 1, NULL), 0);
	assert_int_equal(run(&b, 820, 1, NULL), 1);
}

static void a_real_dip_resets(void **state)
{
	struct bench b;

	begin(&b);
	assert_int_equal(run(&b, 820, 3, NULL), 0);
	assert_int_equal(run(&b, 740, 1, NULL), 0);
	assert_int_equal(run(&b, 820, 3, NULL), 0);
	assert_int_equal(run(&b, 820, 1, NULL), 1);
}

static void cooldown_and_backoff(void **state)
{
	struct bench b;
	unsigned at = 0;

	begin(&b);
	assert_int_equal(run(&b, 900, 10, NULL), 1);
	grant_more(&b);
	assert_int_equal(run(&b, 900, 100, &at), 1);
	assert_int_equal(at, 11); /* cool-down of 10 s */
	policy_answer(&b.p, 0, &b.view, b.now);
	assert_int_equal(run(&b, 900, 100, &at), 1);
	assert_int_equal(at, 21); /* refused once: twice as long */
	for (int i = 0; i < 6; i++) {
		policy_answer(&b.p, 0, &b.view, b.now);
		assert_int_equal(run(&b, 900, 1000, &at), 1);
	}
	assert_int_equal(at, 161); /* sixteen times at most */
	grant_more(&b);
	assert_int_equal(run(&b, 900, 100, &at), 1);
	assert_int_equal(at, 11);
}

static void gives_back_but_not_below_the_floor(void **state)
{
	struct bench b;
	unsigned at = 0;

	begin(&b);
	assert_int_equal(run(&b, 100, 1000, NULL), 0); /* at the floor from the start */
	assert_int_equal(run(&b, 900, 10, NULL), 1);
	grant_more(&b);
	assert_int_equal(run(&b, 100, 1000, &at), -1);
	assert_in_range(at, 60, 72);
	b.view.level -= 256;
	policy_answer(&b.p, 1, &b.view, b.now);
	assert_int_equal(run(&b, 0, 1000, NULL), 0);
}

static void what_a_client_got_is_not_undone_at_once(void **state)
{
	struct bench b;
	unsigned at = 0;

	begin(&b);
	assert_int_equal(run(&b, 100, 300, NULL), 0); /* cold for long, at its floor */
	b.view.level += 256;
	policy_moved(&b.p, b.now);
	assert_int_equal(run(&b, 100, 300, &at), -1);
	assert_int_equal(at, 61);
}

static void without_levels_it_counts_its_steps(void **state)
{
	struct bench b;

	begin(&b);
	b.view.level = 0;
	assert_int_equal(run(&b, 100, 1000, NULL), 0);
	assert_int_equal(run(&b, 900, 10, NULL), 1);
	policy_answer(&b.p, 1, &b.view, b.now);
	assert_int_equal(run(&b, 100, 1000, NULL), -1);
	policy_answer(&b.p, 1, &b.view, b.now);
	assert_int_equal(run(&b, 100, 1000, NULL), 0);
}

static void keeps_what_the_work_needs(void **state)
{
	struct policy_config config = policy_default;
	struct bench b;

	begin(&b);
	config.low_permille = 450; /* so that giving back one big step would lead above high */
	policy_init(&b.p, &config);
	assert_int_equal(run(&b, 900, 10, NULL), 1);
	policy_answer(&b.p, 1, &b.view, b.now);
	b.view.level = 2048;
	assert_int_equal(run(&b, 440, 1000, NULL), 0);
	assert_int_equal(run(&b, 300, 1000, NULL), -1);
}

static void stays_within_the_budget(void **state)
{
	struct policy_config config = policy_default;
	struct bench b;

	begin(&b);
	config.budget_micro = 1600000;
	policy_init(&b.p, &config);
	assert_int_equal(run(&b, 900, 10, NULL), 1);
	b.view.price_micro = 1250000; /* comes with the grant */
	policy_answer(&b.p, 1, &b.view, b.now);
	assert_int_equal(run(&b, 900, 100, NULL), 1);
	b.view.price_micro = 1500000;
	policy_answer(&b.p, 1, &b.view, b.now);
	assert_int_equal(run(&b, 900, 1000, NULL), 0); /* 1.75 would be too much */
	b.view.price_micro = 1300000;                  /* the provider lowers its price */
	assert_int_equal(run(&b, 900, 10, NULL), 1);
}

static void off_is_off(void **state)
{
	struct policy_config config = policy_default;
	struct bench b;

	begin(&b);
	config.enabled = 0;
	policy_init(&b.p, &config);
	assert_int_equal(run(&b, 1000, 1000, NULL), 0);
}

static void unasked_asks_again(void **state)
{
	struct bench b;
	unsigned at = 0;

	begin(&b);
	assert_int_equal(run(&b, 900, 10, NULL), 1);
	policy_unasked(&b.p, b.now);
	assert_int_equal(run(&b, 900, 100, &at), 1);
	assert_int_equal(at, 11);
}

/* ---- real traces ---- */

struct outcome { unsigned more, less, looks; uint64_t level, highest; };

/* Each value holds for 5 minutes, looked at every second; the trace's percents are of what level 1024 gives. */
static void replay(FILE *f, struct outcome *o)
{
	struct bench b;
	unsigned percent;

	begin(&b);
	*o = (struct outcome){ .highest = 1024 };
	while (fscanf(f, "%u", &percent) == 1) {
		for (int s = 0; s < 300; s++, o->looks++) {
			int want;

			b.view.use_permille = (unsigned)((uint64_t)percent * 2 * 10 * 1024 / b.view.level);
			if (b.view.use_permille > 1000)
				b.view.use_permille = 1000;
			want = policy_input(&b.p, &b.view, b.now);
			b.now += SECOND;
			if (!want)
				continue;
			b.view.level += want > 0 ? 256 : (uint64_t)-256;
			policy_answer(&b.p, 1, &b.view, b.now);
			o->more += want > 0;
			o->less += want < 0;
			assert_true(b.view.level >= 1024);
		}
		if (b.view.level > o->highest)
			o->highest = b.view.level;
	}
	o->level = b.view.level;
}

static DIR *open_traces(char *path, size_t room)
{
	const char *data = getenv("ICORP_DATA");

	snprintf(path, room, "%s/cpu", data ? data : SRCDIR "/../shared/data");
	return opendir(path);
}

static void real_days(void **state)
{
	char path[600], file[1200];
	DIR *dir = open_traces(path, sizeof(path));
	struct dirent *e;
	unsigned days = 0, active = 0;

	if (!dir) {
		print_message("no CPU traces at %s (set ICORP_DATA): skipped\n", path);
		skip();
	}
	while ((e = readdir(dir))) {
		struct outcome o;
		FILE *f;

		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		if (*e->d_name == '.' || !(f = fopen(file, "r")))
			continue;
		replay(f, &o);
		fclose(f);
		days++;
		active += o.more > 0;
		/* it balances: what it took it gives back, except what is still in use at midnight */
		assert_int_equal(o.level, 1024 + 256 * (o.more - o.less));
		/* it does not flap: an hour has 12 values, and it acts on few of them */
		assert_true(o.more + o.less <= o.looks / 300);
		print_message("%-56.56s %3u more %3u less, highest %llu\n", e->d_name, o.more, o.less,
			      (unsigned long long)o.highest);
	}
	closedir(dir);
	assert_true(days >= 5);
	assert_true(active >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_for_more_after_high_time), cmocka_unit_test(a_dip_within_the_band_does_not_reset),
		cmocka_unit_test(a_real_dip_resets), cmocka_unit_test(cooldown_and_backoff),
		cmocka_unit_test(gives_back_but_not_below_the_floor),
		cmocka_unit_test(what_a_client_got_is_not_undone_at_once), cmocka_unit_test(without_levels_it_counts_its_steps),
		cmocka_unit_test(keeps_what_the_work_needs), cmocka_unit_test(stays_within_the_budget),
		cmocka_unit_test(off_is_off), cmocka_unit_test(unasked_asks_again), cmocka_unit_test(real_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
