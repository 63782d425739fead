/* Chains, losses, changes: setups over five routers, a restart, a neighbour that falls silent, a route that moves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/load/bench.h"
#include "lib/clock.h"

#define WINDOW 64
#define HOPS 5
#define HELLO_MS 100

/* ---- five hops ---- */

struct delays { double p50, p99; uint32_t up; };

/* One setup at a time. */
static struct delays delays(struct generator *g, uint32_t count)
{
	struct delays d = { 0 };
	double *ms = calloc(count, sizeof(*ms));

	g->latency_us = calloc(count, sizeof(*g->latency_us));
	if (ms && g->latency_us) {
		d.up = generator_setup(g, count, 1, clock_now_us() + 120 * CLOCK_S);
		for (size_t i = 0; i < g->n_latency; i++)
			ms[i] = g->latency_us[i] / 1e3;
		d.p50 = report_quantile(ms, g->n_latency, 0.5);
		d.p99 = report_quantile(ms, g->n_latency, 0.99);
	}
	free(ms);
	free(g->latency_us);
	g->latency_us = NULL;
	return d;
}

static void print_delay(struct bench *b, const char *name, double value, double floor, double goal, uint32_t missed)
{
	struct report_row row = { .name = name, .unit = "ms", .value = value, .floor = floor, .goal = goal };

	if (missed)
		report_missing(&b->report, name, "%u setups did not succeed", missed);
	else
		report_add(&b->report, &row);
}

void measure_hops(void *ctx)
{
	struct bench *b = ctx;
	uint32_t count = b->options.quick ? 50 : 2000;
	struct delays d, f;
	struct rig rig;

	if (rig_start(&rig, b, HOPS, 3600 * 1000, bench_docs(b))) {
		report_missing(&b->report, "setup_5_hops_p99_ms", "the daemons do not answer");
	} else {
		delays(&rig.g, count / 10); /* warm */
		d = delays(&rig.g, count);
		f = delays(&rig.floor, count);
		print_delay(b, "setup_5_hops_p50_ms", d.p50, f.p50, 0, count - d.up);
		print_delay(b, "setup_5_hops_p99_ms", d.p99, f.p99, 2, count - d.up);
	}
	rig_stop(&rig);
}

/* Ten per cent of what arrives anywhere is lost: each of the twelve datagrams of a setup has that fate. */
void measure_loss(void *ctx)
{
	struct bench *b = ctx;
	const char *name = "setup_5_hops_loss10_p99_ms";
	uint32_t count = b->options.quick ? 20 : 1000;
	struct delays d;
	struct rig rig;

	if (rig_start(&rig, b, HOPS, 3600 * 1000, bench_docs(b))) {
		report_missing(&b->report, name, "the daemons do not answer");
	} else if (!rig.g.up.reduction) {
		report_missing(&b->report, name, "the daemons do not retransmit (RFC 2961): what is lost waits for a refresh");
	} else if (world_lose(10)) {
		report_missing(&b->report, name, "no nftables to lose datagrams with");
	} else {
		rig.g.retry_ms = 20;
		d = delays(&rig.g, count);
		print_delay(b, name, d.p99, 0, 200, count - d.up);
	}
	rig_stop(&rig);
}

/* ---- restart ---- */

static int restarted(const struct generator *g)
{
	return g->up.router_hello != g->instance;
}

/* Its neighbours learn of it by Hello (RFC 3209 section 5), and then ask for all again. */
static void restart(struct rig *rig, uint32_t sessions)
{
	struct bench *b = rig->bench;
	struct report_row row = { .name = "restart_resync_s", .unit = "s", .goal = 5 };
	uint64_t start;
	uint32_t n;

	rig->g.instance = rig->g.up.router_hello;
	process_kill(&rig->daemon[0]);
	start = clock_now_us();
	if (process_daemon(&rig->daemon[0], 1, &rig->daemon_options))
		return;
	if (rig->g.instance) {
		generator_run(&rig->g, start + 60 * CLOCK_S, restarted);
	} else {
		report_missing(&b->report, row.name, "the daemon answers no Hello: only refreshes, which take up to 1.5 R, "
			       "tell it of its sessions");
		row = (struct report_row){ .name = "relearn_s", .unit = "s" };
	}
	rig->g.announce = 1;
	n = generator_again(&rig->g, WINDOW, start + 300 * CLOCK_S);
	row.value = (double)(clock_now_us() - start) / 1e6;
	snprintf(row.note, sizeof(row.note), "%u of %u sessions, since the start of the daemon%s", n, sessions,
		 rig->g.instance ? "" : "; as if all neighbours asked again at once");
	report_add(&b->report, &row);
}

void measure_restart(void *ctx)
{
	struct bench *b = ctx;
	uint32_t sessions = b->options.quick ? 500 : 100000;
	struct rig rig;

	if (rig_start(&rig, b, 1, 3600 * 1000, bench_docs(b)) ||
	    generator_setup(&rig.g, sessions - 1, WINDOW, clock_now_us() + 300 * CLOCK_S) != sessions - 1) {
		report_missing(&b->report, "restart_resync_s", "the daemon does not answer");
	} else {
		rig.g.hello_ms = HELLO_MS;
		generator_run(&rig.g, clock_now_us() + 2 * HELLO_MS * CLOCK_MS, NULL);
		restart(&rig, sessions);
	}
	rig_stop(&rig);
}

/* ---- neighbours ---- */

#define LOG WORLD_DIR "/log"
#define SILENCE_S 10

/* Does a line of the log say so? *from is where to begin, and then where it ends now. */
static int log_says(const char *what, long *from)
{
	char line[512];
	FILE *f = fopen(LOG, "re");
	int found = 0;

	if (f)
		fseek(f, *from, SEEK_SET);
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, what) != NULL;
	if (f) {
		*from = ftell(f);
		fclose(f);
	}
	return found;
}

/* From the endpoint's last word to the daemon's log saying that it is lost, to about a millisecond. */
static void fall_silent(struct rig *rig)
{
	struct report_row row = { .name = "neighbour_loss_ms", .unit = "ms", .goal = 350 };
	uint64_t heard = rig->g.down.hellos, start;
	long from = 0;

	generator_run(&rig->g, clock_now_us() + CLOCK_S, NULL);
	if (rig->g.down.hellos < heard + 5) {
		report_missing(&rig->bench->report, row.name, "the daemon sends no Hello (RFC 3209 section 5)");
		return;
	}
	while (log_says("neighbour", &from)) /* what was said before: while the floor was set up nobody answered */
		;
	rig->g.down.mute = 1;
	start = rig->g.down.said_us;
	while (!log_says("neighbour 10.9.2.1: lost", &from) && clock_now_us() < start + SILENCE_S * CLOCK_S)
		generator_run(&rig->g, clock_now_us() + CLOCK_MS, NULL);
	row.value = (double)(clock_now_us() - start) / 1e3;
	if (row.value >= SILENCE_S * 1e3)
		report_missing(&rig->bench->report, row.name, "the daemon does not notice for %d s", SILENCE_S);
	else
		report_add(&rig->bench->report, &row);
}

void measure_neighbour(void *ctx)
{
	struct bench *b = ctx;
	struct rig rig;

	b->hello_ms = HELLO_MS;
	b->log = LOG;
	if (rig_start(&rig, b, 1, 3600 * 1000, bench_docs(b)))
		report_missing(&b->report, "neighbour_loss_ms", "the daemon does not answer");
	else
		fall_silent(&rig);
	rig_stop(&rig);
	b->hello_ms = 0;
	b->log = NULL;
	unlink(LOG);
}

static int all_moved(const struct generator *g)
{
	return g->moved == g->up_count;
}

static int all_torn(const struct generator *g)
{
	return g->lapsed >= g->up_count;
}

void measure_reroute(void *ctx)
{
	struct bench *b = ctx;
	uint32_t sessions = b->options.quick ? 100 : 10000;
	struct report_row row = { .name = "reroute_10k_ms", .unit = "ms", .goal = 500 };
	uint64_t start;
	struct rig rig;

	if (rig_start(&rig, b, 1, 3600 * 1000, bench_docs(b)) ||
	    generator_setup(&rig.g, sessions - 1, WINDOW, clock_now_us() + 120 * CLOCK_S) != sessions - 1) {
		report_missing(&b->report, row.name, "the daemon does not answer");
		rig_stop(&rig);
		return;
	}
	neighbour_hello(&rig.g.spare); /* so that its Resvs are believed at once: the generator sends them but once */
	generator_run(&rig.g, clock_now_us() + 200 * CLOCK_MS, NULL);
	start = clock_now_us();
	if (!world_reroute())
		generator_run(&rig.g, start + 60 * CLOCK_S, all_moved);
	generator_run(&rig.g, clock_now_us() + 5 * CLOCK_S, all_torn);
	if (rig.g.moved < sessions) {
		report_missing(&b->report, row.name, "%llu of %u sessions moved", (unsigned long long)rig.g.moved, sessions);
	} else {
		row.value = (double)(rig.g.last_moved_us - start) / 1e3;
		snprintf(row.note, sizeof(row.note), "%u sessions, from the change of the route to the last Path; the last of "
			 "%llu tears on the old way after %.1f ms", sessions, (unsigned long long)rig.g.lapsed,
			 rig.g.lapsed ? (double)(rig.g.last_lapsed_us - start) / 1e3 : 0);
		report_add(&b->report, &row);
	}
	rig_stop(&rig);
}
