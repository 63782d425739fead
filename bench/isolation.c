/*
 * Is what an ICorp was promised what it gets? Figures 3a and 3b of the paper on diversified Internet access, with
 * ICorps in place of its metanets: provisioned flows of 15 and 30 Mbit/s and a legacy flood on a link of 100 Mbit/s, begun one
 * after the other, each for three phases of ten seconds; then the same through a switch to which a second host sends
 * 100 Mbit/s of its own. The senders limit themselves to nothing else. And its section 5.2: what a provisioned ICorp
 * carries beside plain UDP on the same path, and the processor time of both.
 *
 *     isolation.c      the figures, judged second by second    load/path.c     hosts, switch, adaptors
 *     load/flow.c      senders and the receiver                load/adaptor.c  a real icorp-adaptor, driven
 *
 * Each figure is run once more without reservations, on the same links: that it then fails shows that it can.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench/load/flow.h"
#include "bench/load/namespace.h"
#include "bench/load/options.h"
#include "bench/load/path.h"
#include "bench/load/report.h"

#define LINK_BPS 100e6
#define SNDBUF 65536            /* a sender waits when its own packets fill it, so it never needs to drop */
#define MBIT 1000000ull
#define GOAL_PERCENT 1          /* off its rate, at most */
#define MAX_FIGURES 8

enum { FLOW_15, FLOW_30, FLOW_LEGACY, FLOW_REMOTE };

static const uint64_t reserved[PATH_ICORPS] = { 15 * MBIT, 30 * MBIT };
static const char *const names[FLOWS_MAX] = { "ICorp 15 Mbit/s", "ICorp 30 Mbit/s", "legacy here", "legacy remote" };

struct figure { char name[32], file[48], title[96]; unsigned n; struct report_curve curve[FLOWS_MAX]; };

struct isolation {
	struct options options;
	const char *csv;
	struct report report;
	struct figure figure[MAX_FIGURES];
	unsigned n_figures;
};

/* ---- the figures ---- */

static void plan(struct flow flows[FLOWS_MAX], unsigned phase)
{
	for (unsigned i = 0; i < FLOWS_MAX; i++) {
		unsigned net = i < PATH_ICORPS ? i : PATH_ICORPS, starts = i == FLOW_REMOTE ? 2 * phase : i * phase;

		flows[i] = (struct flow){ .from = i == FLOW_REMOTE ? "remote" : "sender",
					  .source = path_address(net, i == FLOW_REMOTE ? 3 : 1),
					  .destination = path_address(net, 2),
					  .starts_s = starts, .ends_s = starts + 3 * phase,
					  .pace_bps = i == FLOW_REMOTE ? (uint64_t)LINK_BPS : 0, .sndbuf = SNDBUF };
	}
}

/* Deviation of the provisioned flows from their rates, in any second, in percent; and how many seconds miss the goal. */
struct deviation { double worst; unsigned when, missed, seconds; };

static struct deviation deviation(const struct flow *flows, const struct flow_result *r)
{
	struct deviation d = { 0 };

	for (unsigned i = 0; i < PATH_ICORPS; i++) {
		for (unsigned s = flows[i].starts_s; s < flows[i].ends_s; s++) {
			double off = 100 * fabs((double)r->bytes[i][s] * 8 / (double)reserved[i] - 1);

			d.seconds++;
			d.missed += off > GOAL_PERCENT;
			if (off > d.worst) {
				d.worst = off;
				d.when = s;
			}
		}
	}
	return d;
}

/* The least that legacy traffic got of what the provisioned flows left in a second, in percent. */
static double least(const struct flow *flows, const struct flow_result *r, unsigned n, unsigned *when)
{
	double share = 1e9;

	for (unsigned s = flows[FLOW_LEGACY].starts_s; s < flows[FLOW_LEGACY].ends_s; s++) {
		double left = LINK_BPS - (double)(r->bytes[FLOW_15][s] + r->bytes[FLOW_30][s]) * 8, got = 0;

		for (unsigned i = FLOW_LEGACY; i < n; i++)
			got += (double)r->bytes[i][s] * 8;
		if (100 * got / left < share) {
			share = 100 * got / left;
			*when = s;
		}
	}
	return share;
}

static void keep(struct isolation *b, const char *name, const char *title, unsigned n, unsigned seconds,
		 const struct flow_result *r)
{
	struct figure *f = &b->figure[b->n_figures++];

	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->file, sizeof(f->file), "isolation-%s.svg", name);
	snprintf(f->title, sizeof(f->title), "%s", title);
	f->n = n;
	for (unsigned i = 0; i < n; i++) {
		f->curve[i] = (struct report_curve){ .name = names[i], .unit = "Mbit/s", .along = "second", .n = seconds };
		for (unsigned s = 0; s < seconds; s++) {
			f->curve[i].x[s] = s + 1;
			f->curve[i].y[s] = (double)r->bytes[i][s] * 8 / 1e6;
		}
	}
}

/* With legacy traffic there, less than the link's rate says that the machine, not the enforcement, lost that time. */
static double together(const struct flow_result *r, unsigned n, unsigned second)
{
	double bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += (double)r->bytes[i][second];
	return bytes * 8 / 1e6;
}

static void judge(struct isolation *b, const char *name, int enforced, const struct flow *flows, unsigned n,
		  const struct flow_result *r)
{
	static char row_names[2 * MAX_FIGURES][64];
	static unsigned used;
	struct deviation d = deviation(flows, r);
	struct report_row row = { .name = row_names[used], .unit = "%" };
	unsigned when = 0;

	snprintf(row_names[used++], sizeof(row_names[0]), "%s_worst_second_off_by", name);
	row.value = d.worst;
	row.goal = enforced ? GOAL_PERCENT : 0;
	snprintf(row.note, sizeof(row.note), "second %u, all flows %.1f Mbit/s; %u of %u seconds miss the goal%s", d.when,
		 together(r, n, d.when), d.missed, d.seconds, enforced ? "" : ": nothing is enforced");
	report_add(&b->report, &row);
	if (!enforced)
		return;
	row = (struct report_row){ .name = row_names[used], .unit = "%", .goal = 97, .least = 1 };
	snprintf(row_names[used++], sizeof(row_names[0]), "%s_legacy_share_of_rest", name);
	row.value = least(flows, r, n, &when);
	snprintf(row.note, sizeof(row.note), "least, second %u", when);
	report_add(&b->report, &row);
}

/* One run of a figure, with reservations or without. */
static int run_figure(struct isolation *b, enum path_kind kind, const char *name, const char *title, int enforced)
{
	unsigned phase = b->options.quick ? 1 : 10, n = kind == PATH_DIRECT ? 3 : 4;
	struct flow flows[FLOWS_MAX];
	struct flow_result r;
	struct path path;
	int rc = path_open(&path, kind, b->options.directory, "100M");

	for (unsigned k = 0; !rc && enforced && k < PATH_ICORPS; k++)
		rc = path_reserve(&path, k, reserved[k]);
	plan(flows, phase);
	rc = rc ? rc : flow_run(flows, n, "receiver", 5 * phase, &r);
	path_close(&path);
	if (rc)
		return rc;
	judge(b, name, enforced, flows, n, &r);
	keep(b, name, title, n, 5 * phase, &r);
	return 0;
}

static void figure(struct isolation *b, enum path_kind kind, const char *name, const char *title)
{
	char text[96], off[32];

	if (path_possible(kind, text, sizeof(text))) {
		report_missing(&b->report, name, "%s", text);
		return;
	}
	if (run_figure(b, kind, name, title, 1))
		report_missing(&b->report, name, "see above");
	snprintf(off, sizeof(off), "%s_off", name);
	snprintf(text, sizeof(text), "%s, nothing enforced", title);
	if (run_figure(b, kind, off, text, 0))
		report_missing(&b->report, name, "see above");
}

static void measure_host(void *ctx)
{
	figure(ctx, PATH_DIRECT, "3a", "Isolation at the host (Figure 3a)");
}

static void measure_bridge(void *ctx)
{
	figure(ctx, PATH_BRIDGE, "3b_bridge", "Isolation in the network, Linux bridge (Figure 3b)");
}

static void measure_ovs(void *ctx)
{
	figure(ctx, PATH_OVS, "3b_ovs", "Isolation in the network, Open vSwitch (Figure 3b)");
}

/* ---- section 5.2 ---- */

struct carried { double mbit[BENCH_ROUNDS_MAX], cpu_ns[BENCH_ROUNDS_MAX]; };

/* Flow k, alone, for a while; the first and the last second do not count. */
static int carry(struct carried *c, unsigned round, unsigned k, unsigned seconds)
{
	struct flow flow = { .from = "sender", .source = path_address(k, 1), .destination = path_address(k, 2),
			     .ends_s = seconds };
	struct flow_result r;
	double bytes = 0;

	if (flow_run(&flow, 1, "receiver", seconds, &r))
		return -1;
	for (unsigned s = 1; s + 1 < seconds; s++)
		bytes += (double)r.bytes[0][s];
	c->mbit[round] = bytes * 8 / 1e6 / (seconds - 2);
	c->cpu_ns[round] = (r.sender_cpu_s[0] + r.receiver_cpu_s) * 1e9 / (double)(r.packets[0] ? r.packets[0] : 1);
	return 0;
}

static void report_carried(struct isolation *b, struct carried *icorp, struct carried *plain)
{
	unsigned n = b->options.rounds;
	struct report_row row = { .name = "throughput_1g_icorp", .unit = "Mbit/s", .least = 1 };

	row.value = report_quantile(icorp->mbit, n, 0.5);
	row.floor = report_quantile(plain->mbit, n, 0.5);
	row.goal = 0.99 * row.floor;
	snprintf(row.note, sizeof(row.note), "floor: plain UDP on the same path");
	report_add(&b->report, &row);
	row = (struct report_row){ .name = "throughput_1g_cpu_ns_per_packet", .unit = "ns" };
	row.value = report_quantile(icorp->cpu_ns, n, 0.5);
	row.floor = report_quantile(plain->cpu_ns, n, 0.5);
	snprintf(row.note, sizeof(row.note), "sender and receiver; floor: plain UDP");
	report_add(&b->report, &row);
}

static void measure_throughput(void *ctx)
{
	struct isolation *b = ctx;
	unsigned seconds = b->options.quick ? 3 : 7;
	struct carried icorp, plain;
	struct path path;
	int rc = path_open(&path, PATH_DIRECT, b->options.directory, "1G");

	rc = rc ? rc : path_reserve(&path, 0, 1000 * MBIT);
	for (unsigned i = 0; !rc && i < b->options.rounds; i++) {
		rc = carry(&icorp, i, 0, seconds);
		rc = rc ? rc : carry(&plain, i, PATH_ICORPS, seconds);
	}
	path_close(&path);
	if (rc)
		report_missing(&b->report, "throughput_1g_icorp", "see above");
	else
		report_carried(b, &icorp, &plain);
}

/* ---- writing it down ---- */

static int write_csv(const struct isolation *b, const struct figure *f)
{
	char path[4096];
	FILE *out;

	if (snprintf(path, sizeof(path), "%s/isolation-%s.csv", b->csv, f->name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	out = fopen(path, "we");
	if (!out)
		return -errno;
	fprintf(out, "second");
	for (unsigned i = 0; i < f->n; i++)
		fprintf(out, ",%s (Mbit/s)", f->curve[i].name);
	for (unsigned s = 0; s < f->curve[0].n; s++) {
		fprintf(out, "\n%u", s);
		for (unsigned i = 0; i < f->n; i++)
			fprintf(out, ",%.3f", f->curve[i].y[s]);
	}
	fprintf(out, "\n");
	return fclose(out) ? -errno : 0;
}

static int write_svg(const struct isolation *b, const struct figure *f)
{
	struct report_plot plot = { .file = f->file, .title = f->title, .x = "seconds",
				    .y = "Mbit/s on the wire, at the receiver", .linear = 1 };

	for (unsigned i = 0; i < f->n; i++)
		plot.curves[i] = &f->curve[i];
	return report_svg(&plot, b->options.svg);
}

static int write_json(const struct isolation *b)
{
	struct utsname system;
	const char *about[] = { "link", "100 Mbit/s", "kernel", system.release, "machine", system.machine, NULL };

	uname(&system);
	return report_json(&b->report, b->options.json, about, NULL, 0);
}

static int written(const char *what, const char *where, int rc)
{
	if (rc)
		fprintf(stderr, "isolation: %s: %s: %s\n", where, what, strerror(-rc));
	return rc ? 1 : 0;
}

static struct isolation isolation;

static const struct options_measurement measurements[] = {
	{ "host", "Figure 3a: 15, 30 Mbit/s and a flood from one host", measure_host },
	{ "bridge", "Figure 3b: and a second flood, through a Linux bridge", measure_bridge },
	{ "ovs", "Figure 3b through Open vSwitch", measure_ovs },
	{ "throughput", "section 5.2: a provisioned ICorp beside plain UDP", measure_throughput },
};

static const struct options_own own[] = {
	{ "csv", "DIR", "what each flow got in each second", NULL, &isolation.csv },
};

static const struct options_program program = {
	.measurements = measurements, .n_measurements = sizeof(measurements) / sizeof(measurements[0]),
	.own = own, .n_own = 1, .svg = "the figures", .rounds = 5,
};

static int measure_all(void *ctx)
{
	struct isolation *b = ctx;
	int r = 0;

	options_run(&b->options, &program, b);
	for (unsigned i = 0; i < b->n_figures; i++) {
		if (b->csv)
			r |= written(b->figure[i].name, b->csv, write_csv(b, &b->figure[i]));
		if (b->options.svg)
			r |= written(b->figure[i].name, b->options.svg, write_svg(b, &b->figure[i]));
	}
	if (b->options.json)
		r |= written("rows", b->options.json, write_json(b));
	return r;
}

int main(int argc, char **argv)
{
	if (options_parse(&isolation.options, &program, argc, argv))
		return 2;
	return namespaces_run(measure_all, &isolation);
}
