/* How cost and memory grow with the number of sessions: setups at 1,000 … 1,000,000 of them, and their refreshes. */
#include <stdio.h>
#include <string.h>

#include "bench/load/bench.h"
#include "lib/clock.h"

#define WINDOW 64
#define LOAD_S 1200

static const uint32_t steps[] = { 1000, 10000, 100000, 1000000 };
enum { STEPS = 4 };

static unsigned steps_of(const struct bench *b)
{
	return b->options.quick ? 1 : STEPS;
}

static void point(struct bench *b, enum bench_curve which, double x, double y)
{
	struct report_curve *c = &b->curve[which];

	c->x[c->n] = x;
	c->y[c->n++] = y;
}

/* Bytes the system can still give. */
static double memory_left(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return (double)kib * 1024;
}

/* Until that many sessions are up. 0, or -1 with the reason. */
static int load(struct generator *g, uint32_t sessions, double bytes_each, char *why, size_t room)
{
	uint64_t deadline = clock_now_us() + LOAD_S * CLOCK_S;
	uint32_t more = sessions - (uint32_t)g->up_count;

	if (more * bytes_each > memory_left() * 0.8) {
		snprintf(why, room, "%u sessions would take %.1f GiB of memory", sessions, sessions * bytes_each / (1 << 30));
		return -1;
	}
	if (generator_setup(g, more, WINDOW, deadline) == more)
		return 0;
	snprintf(why, room, "only %llu of %u sessions came up", (unsigned long long)g->up_count, sessions);
	return -1;
}

struct weight { double daemon, adaptor; };

static struct weight weigh(const struct rig *rig)
{
	return (struct weight){ (double)process_memory(&rig->daemon[0]),
				(double)process_children_memory(&rig->daemon[0]) };
}

/* The cost of a setup while `sessions` others stand; they are torn again. */
static double cost(struct rig *rig, uint32_t sessions, double *floor)
{
	uint32_t count = rig->bench->options.quick ? 100 : 4000;
	double cpu[BENCH_ROUNDS_MAX], adaptor[BENCH_ROUNDS_MAX], bare[BENCH_ROUNDS_MAX];
	unsigned rounds = rig->bench->options.rounds;
	double each;

	for (unsigned i = 0; i < rounds; i++) {
		struct burst d = rig_burst(&rig->g, &rig->daemon[0], count, WINDOW);
		struct burst f = rig_burst(&rig->floor, &rig->relay[0], count, WINDOW);

		rig->g.up_count -= generator_tear(&rig->g, count, WINDOW, clock_now_us() + 60 * CLOCK_S);
		cpu[i] = d.cpu_us;
		adaptor[i] = d.adaptor_us;
		bare[i] = f.cpu_us;
	}
	each = report_quantile(cpu, rounds, 0.5);
	*floor = report_quantile(bare, rounds, 0.5);
	point(rig->bench, CURVE_SETUP, sessions, each);
	point(rig->bench, CURVE_SETUP_FLOOR, sessions, *floor);
	point(rig->bench, CURVE_ADAPTOR, sessions, report_quantile(adaptor, rounds, 0.5));
	return each;
}

static void print_cost(struct bench *b, uint32_t sessions, double value, double floor)
{
	double adaptor = b->curve[CURVE_ADAPTOR].y[b->curve[CURVE_ADAPTOR].n - 1];
	struct report_row row = { .name = "cpu_us_per_setup_1k", .unit = "us", .value = value, .floor = floor };

	if (sessions == 10000) {
		row.name = "cpu_us_per_setup_10k";
		row.goal = 12;
	} else if (sessions == 100000) {
		row.name = "cpu_us_per_setup_100k";
	} else if (sessions == 1000000) {
		row.name = "cpu_us_per_setup_1m";
		row.goal = 15;
	}
	snprintf(row.note, sizeof(row.note), "the adaptor's process %.1f us more", adaptor);
	report_add(&b->report, &row);
}

/* The contract is counted apart: by what the same library takes for one in this process. */
static void print_bytes(struct bench *b, const struct docs *docs, uint32_t sessions, double bytes, double adaptor)
{
	double contract = docs->shared ? 0 : (double)docs->parsed;
	struct report_row row = { .name = sessions == 100000 ? "bytes_per_session_100k" : "bytes_per_session_1m",
				  .unit = "bytes", .value = bytes - contract, .goal = 512 };

	point(b, CURVE_BYTES, sessions, bytes - contract);
	if (sessions < 100000)
		return;
	snprintf(row.note, sizeof(row.note), "%s contract %zu bytes, adaptor's process %.0f",
		 docs->shared ? "the shared" : "without its own", docs->parsed, adaptor);
	report_add(&b->report, &row);
}

static void print_growth(struct bench *b)
{
	const struct report_curve *c = &b->curve[CURVE_SETUP];
	struct report_row row = { .name = "cost_growth_1k_to_1m", .unit = "%", .goal = 20 };

	if (c->n < STEPS) {
		report_missing(&b->report, row.name, "1,000,000 sessions were not reached");
		return;
	}
	row.value = 100 * (c->y[STEPS - 1] / c->y[0] - 1);
	report_add(&b->report, &row);
}

static void climb(struct rig *rig)
{
	struct bench *b = rig->bench;
	struct weight start = { 0, 0 };
	double each = 0, adaptor, floor, value; /* each: bytes of a session in both processes */
	char why[128];

	for (unsigned i = 0; i < steps_of(b); i++) {
		struct weight now;

		if (load(&rig->g, steps[i], each, why, sizeof(why))) {
			report_missing(&b->report, "cpu_us_per_setup_1m", "%s", why);
			report_missing(&b->report, "bytes_per_session_1m", "%s", why);
			break;
		}
		now = weigh(rig);
		if (i) {
			each = (now.daemon - start.daemon) / (steps[i] - steps[0]);
			adaptor = (now.adaptor - start.adaptor) / (steps[i] - steps[0]);
			print_bytes(b, rig->docs, steps[i], each, adaptor);
			each += adaptor;
		} else {
			start = now;
		}
		value = cost(rig, steps[i], &floor);
		print_cost(b, steps[i], value, floor);
	}
	if (!b->options.quick)
		print_growth(b);
}

void measure_scale(void *ctx)
{
	struct bench *b = ctx;
	struct rig rig;

	if (rig_start(&rig, b, 1, 3600 * 1000, bench_docs(b)))
		report_missing(&b->report, "cpu_us_per_setup_10k", "the daemon does not answer");
	else
		climb(&rig);
	rig_stop(&rig);
}

/* ---- refreshes ---- */

/* Per cent of a processor over a whole R. */
static double refresh_percent(struct generator *g, const struct process *process, unsigned seconds)
{
	struct usage before, after;
	uint64_t start;

	g->refreshing = 1;
	g->refresh.at_us = 0;
	generator_run(g, clock_now_us() + 2 * CLOCK_S, NULL); /* settled */
	before = process_usage(process);
	start = clock_now_us();
	generator_run(g, start + seconds * CLOCK_S, NULL);
	after = process_usage(process);
	return (double)(after.cpu_ns - before.cpu_ns + after.children_ns - before.children_ns) / 1e3 /
	       (double)(clock_now_us() - start) * 100;
}

static int refresh_at(struct rig *rig, uint32_t sessions, double bytes_each, const char *name, double goal)
{
	struct bench *b = rig->bench;
	unsigned seconds = b->options.quick ? 2 : 30;
	struct report_row row = { .name = name, .unit = "%", .goal = goal };
	uint64_t lapsed;
	char why[128];

	rig->g.refreshing = 1;
	if (load(&rig->g, sessions, bytes_each, why, sizeof(why)) || load(&rig->floor, sessions, 0, why, sizeof(why))) {
		report_missing(&b->report, name, "%s", why);
		return -1;
	}
	lapsed = rig->g.lapsed;
	row.value = refresh_percent(&rig->g, &rig->daemon[0], seconds);
	row.floor = refresh_percent(&rig->floor, &rig->relay[0], seconds);
	snprintf(row.note, sizeof(row.note), "%s, %llu sessions lapsed",
		 rig->g.up.reduction ? "Srefresh" : "whole messages", (unsigned long long)(rig->g.lapsed - lapsed));
	point(b, CURVE_REFRESH, sessions, row.value / 100 * 30 / sessions * 1e6);
	report_add(&b->report, &row);
	return 0;
}

void measure_refresh(void *ctx)
{
	struct bench *b = ctx;
	struct rig rig;

	if (rig_start(&rig, b, 1, 30000, bench_docs(b)))
		report_missing(&b->report, "refresh_cpu_percent_100k", "the daemon does not answer");
	else if (b->options.quick)
		refresh_at(&rig, 1000, 0, "refresh_cpu_percent_1k", 0);
	else if (!refresh_at(&rig, 100000, 0, "refresh_cpu_percent_100k", 1))
		refresh_at(&rig, 1000000, (weigh(&rig).daemon + weigh(&rig).adaptor) / 100000, "refresh_cpu_percent_1m", 5);
	rig_stop(&rig);
}
