/*
 * How fast, how small and how steady icorp-signald is: one real daemon as a transit hop on one processor, between two
 * neighbours played by a generator on another, over real sockets in network namespaces, authentication on. Beside each
 * figure stands the floor, measured in turns with it: the same datagrams passed on by a bare loop of recvmmsg and
 * sendmmsg. The terms are RFC 4883's. doc/performance.md says what is measured how.
 *
 *     signaling.c  options, the order of measurements      load/rig.c        daemons, relays and generators together
 *     load/world.c namespaces and links                    load/generator.c  sessions, their window and refreshes
 *     load/process.c, relay.c  what is measured            load/neighbour.c  messages on a socket, RFC 2961
 *     load/setups.c, scale.c, change.c  the measurements   load/report.c, plot.c  table, JSON, SVG
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/load/bench.h"
#include "contracts/contract.h"

static struct bench bench = { .curve = {
	[CURVE_SETUP] = { .name = "daemon", .unit = "us", .along = "sessions" },
	[CURVE_SETUP_FLOOR] = { .name = "floor", .unit = "us", .along = "sessions" },
	[CURVE_ADAPTOR] = { .name = "null adaptor", .unit = "us", .along = "sessions" },
	[CURVE_BYTES] = { .name = "daemon", .unit = "bytes", .along = "sessions" },
	[CURVE_REFRESH] = { .name = "daemon and adaptor", .unit = "us", .along = "sessions" },
} };

static const struct options_measurement measurements[] = {
	{ "setups", "setups_per_s_cached", measure_setups },
	{ "new", "setups_per_s_new", measure_new },
	{ "hops", "setup_5_hops_p50_ms, _p99_ms", measure_hops },
	{ "loss", "setup_5_hops_loss10_p99_ms", measure_loss },
	{ "reroute", "reroute_10k_ms", measure_reroute },
	{ "neighbour", "neighbour_loss_ms", measure_neighbour },
	{ "restart", "restart_resync_s", measure_restart },
	{ "scale", "cpu_us_per_setup_*, bytes_per_session_*, cost_growth_1k_to_1m", measure_scale },
	{ "refresh", "refresh_cpu_percent_*", measure_refresh },
};

static const struct options_own own[] = {
	{ "raw", NULL, "IP protocol 46 instead of UDP", &bench.raw, NULL },
	{ "plain", NULL, "the neighbours speak RFC 2205 only, not RFC 2961", &bench.plain, NULL },
	{ "own", NULL, "a contract for each ICorp, even where one may be shared", &bench.own_contracts, NULL },
};

static const struct options_program program = {
	.measurements = measurements, .n_measurements = sizeof(measurements) / sizeof(measurements[0]),
	.own = own, .n_own = sizeof(own) / sizeof(own[0]), .svg = "growth curves", .rounds = 5,
};

static int write_plots(const struct bench *b)
{
	const struct report_plot plots[] = {
		{ "cpu-per-setup.svg", "CPU time of a setup, transit hop", "sessions", "us", 0,
		  { &b->curve[CURVE_SETUP], &b->curve[CURVE_ADAPTOR], &b->curve[CURVE_SETUP_FLOOR] } },
		{ "bytes-per-session.svg", "Memory of a session, without its contract", "sessions", "bytes", 0,
		  { &b->curve[CURVE_BYTES] } },
		{ "cpu-per-refresh.svg", "CPU time of a session's refreshes in one R", "sessions", "us", 0,
		  { &b->curve[CURVE_REFRESH] } },
	};

	for (size_t i = 0; i < sizeof(plots) / sizeof(plots[0]); i++) {
		int r = plots[i].curves[0]->n ? report_svg(&plots[i], b->options.svg) : 0;

		if (r) {
			fprintf(stderr, "signaling: %s/%s: %s\n", b->options.svg, plots[i].file, strerror(-r));
			return 1;
		}
	}
	return 0;
}

static int write_json(const struct bench *b)
{
	struct utsname system;
	char rounds[16];
	const char *about[] = { "transport", b->raw ? "IP protocol 46" : "UDP", "integrity", "hmac-sha256",
				"adaptor", "null", "contracts", b->sharing ? "shared" : "one for each ICorp",
				"rounds", rounds, "kernel", system.release, "machine", system.machine, NULL };
	int r;

	uname(&system);
	snprintf(rounds, sizeof(rounds), "%u", b->options.rounds);
	r = report_json(&b->report, b->options.json, about, b->curve, CURVES);
	if (r)
		fprintf(stderr, "signaling: %s: %s\n", b->options.json, strerror(-r));
	return r ? 1 : 0;
}

static int measure_all(void *ctx)
{
	struct bench *b = ctx;
	int r = 0;

	process_pin(b->cpu_generator);
	if (bench_prepare(b)) {
		fprintf(stderr, "signaling: cannot prepare\n");
		return 1;
	}
	printf("one icorp-signald, transit hop, null adaptor, hmac-sha256, %s, log level warn; contract of %zu bytes%s\n",
	       b->raw ? "IP protocol 46" : "UDP", bench_docs(b)->xml_len, b->sharing ? ", shared" : "");
	fflush(stdout);
	options_run(&b->options, &program, b);
	if (b->options.json)
		r |= write_json(b);
	if (b->options.svg)
		r |= write_plots(b);
	bench_clear(b);
	return r;
}

int main(int argc, char **argv)
{
	if (options_parse(&bench.options, &program, argc, argv))
		return 2;
	bench.cpu_daemon = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 0 : -1;
	bench.cpu_generator = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1 : -1;
	return namespaces_run(measure_all, &bench);
}
