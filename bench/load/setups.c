/* Setups per second: contracts known, and fresh ones. Daemon and floor in turns; the median of the rounds counts. */
#include <stdio.h>
#include <string.h>

#include "bench/load/bench.h"
#include "lib/clock.h"

#define WINDOW 64

struct rounds { unsigned n; double per_s[BENCH_ROUNDS_MAX], cpu_us[BENCH_ROUNDS_MAX], adaptor_us[BENCH_ROUNDS_MAX],
		generator_us[BENCH_ROUNDS_MAX], waited[BENCH_ROUNDS_MAX]; uint32_t asked, up; };

static void round_add(struct rounds *r, const struct burst *b)
{
	r->per_s[r->n] = b->up / b->seconds;
	r->cpu_us[r->n] = b->cpu_us;
	r->adaptor_us[r->n] = b->adaptor_us;
	r->generator_us[r->n] = b->generator_us;
	r->waited[r->n] = b->waited_share;
	r->asked += b->asked;
	r->up += b->up;
	r->n++;
}

static double median(const double *v, unsigned n)
{
	double copy[BENCH_ROUNDS_MAX];

	memcpy(copy, v, n * sizeof(*v));
	return report_quantile(copy, n, 0.5);
}

/* One round unmeasured, so that caches, tables and heaps are as they will be. */
static void run_rounds(struct rig *rig, uint32_t count, struct rounds *daemon, struct rounds *floor)
{
	unsigned rounds = rig->bench->options.rounds;

	for (unsigned i = 0; i <= rounds; i++) {
		struct burst d = rig_burst(&rig->g, &rig->daemon[0], count, WINDOW);
		struct burst f = rig_burst(&rig->floor, &rig->relay[0], count, WINDOW);

		generator_tear(&rig->g, count, WINDOW, clock_now_us() + 60 * CLOCK_S);
		if (i) {
			round_add(daemon, &d);
			round_add(floor, &f);
		}
	}
}

static void print_rounds(struct bench *b, const char *name, double goal, const struct rounds *d, const struct rounds *f)
{
	struct report_row row = { .name = name, .unit = "/s", .goal = goal, .least = 1, .value = median(d->per_s, d->n),
				  .floor = median(f->per_s, f->n) };

	if (d->up < d->asked) {
		report_missing(&b->report, name, "%u of %u setups failed", d->asked - d->up, d->asked);
		return;
	}
	snprintf(row.note, sizeof(row.note), "daemon %.1f us and adaptor %.1f us of CPU each, floor %.1f us; generator "
		 "%.1f us at the floor; %.0f /s by CPU time alone: the daemon waited %.0f %% of the time", median(d->cpu_us, d->n),
		 median(d->adaptor_us, d->n), median(f->cpu_us, f->n), median(f->generator_us, f->n),
		 1e6 / (median(d->cpu_us, d->n) + median(d->adaptor_us, d->n)), 100 * median(d->waited, d->n));
	report_add(&b->report, &row);
}

static void measure(struct bench *b, const char *name, double goal, struct docs *docs, uint32_t count)
{
	struct rounds daemon = { 0 }, floor = { 0 };
	struct rig rig;

	if (rig_start(&rig, b, 1, 3600 * 1000, docs)) {
		report_missing(&b->report, name, "the daemon does not answer");
	} else {
		run_rounds(&rig, count, &daemon, &floor);
		print_rounds(b, name, goal, &daemon, &floor);
	}
	rig_stop(&rig);
}

void measure_setups(void *ctx)
{
	struct bench *b = ctx;
	uint32_t count = b->options.quick ? 100 : 20000;

	if (b->sharing)
		measure(b, "setups_per_s_cached", 50000, &b->shared, count);
	else
		report_missing(&b->report, "setups_per_s_cached", "a contract names its ICorp: none is known before its setup");
	measure(b, "setups_per_s_inlined", 0, &b->own, count);
}

void measure_new(void *ctx)
{
	struct bench *b = ctx;

	measure(b, "setups_per_s_new", 10000, &b->fresh, b->options.quick ? 50 : 10000);
}
