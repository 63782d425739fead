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
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/load/bench.h"
#include "contracts/contract.h"

static const struct measurement { const char *name, *what; void (*run)(struct bench *b); } measurements[] = {
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
#define N_MEASUREMENTS (sizeof(measurements) / sizeof(measurements[0]))

static void usage(FILE *f)
{
	fprintf(f, "usage: bench/signaling [options]\n"
		"  --only NAME[,NAME]  of these measurements:\n");
	for (size_t i = 0; i < N_MEASUREMENTS; i++)
		fprintf(f, "      %-10s %s\n", measurements[i].name, measurements[i].what);
	fprintf(f, "  --quick         small numbers: whether it works, not how fast\n"
		"  --raw           IP protocol 46 instead of UDP\n"
		"  --plain         the neighbours speak RFC 2205 only, not RFC 2961\n"
		"  --own           a contract for each ICorp, even where one may be shared\n"
		"  --rounds N      each counts as the median of N (default 5)\n"
		"  --json FILE     what was measured, as JSON\n"
		"  --svg DIR       growth curves\n");
}

static int parse(int argc, char **argv, struct bench_options *o)
{
	static const struct option options[] = {
		{ "only", 1, NULL, 'o' }, { "quick", 0, NULL, 'q' }, { "raw", 0, NULL, 'r' }, { "plain", 0, NULL, 'p' },
		{ "own", 0, NULL, 'w' }, { "rounds", 1, NULL, 'n' }, { "json", 1, NULL, 'j' }, { "svg", 1, NULL, 's' },
		{ "help", 0, NULL, 'h' }, { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'o': o->only = optarg; break;
		case 'q': o->quick = 1; break;
		case 'r': o->raw = 1; break;
		case 'p': o->plain = 1; break;
		case 'w': o->own = 1; break;
		case 'n': o->rounds = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'j': o->json = optarg; break;
		case 's': o->svg = optarg; break;
		case 'h': usage(stdout); exit(0);
		default: usage(stderr); return -1;
		}
	}
	if (!o->rounds)
		o->rounds = o->quick ? 1 : 5;
	if (o->rounds > BENCH_ROUNDS_MAX)
		o->rounds = BENCH_ROUNDS_MAX;
	return optind == argc ? 0 : (usage(stderr), -1);
}

/* Is name in the list? An unknown one in it is found by nobody, so main asks for every name, too. */
static int listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (!strncmp(at, name, len) && (!at[len] || at[len] == ','))
			return 1;
	return 0;
}

static int known(const char *list)
{
	size_t n = 1, found = 0;

	for (const char *at = strchr(list, ','); at; at = strchr(at + 1, ','))
		n++;
	for (size_t i = 0; i < N_MEASUREMENTS; i++)
		found += (size_t)listed(list, measurements[i].name);
	return n == found;
}

static int prepare(struct bench *b)
{
	if (contract_init() || neighbour_write_keyring(WORLD_DIR "/keyring"))
		return -1;
	b->sharing = !b->options.own && docs_can_share();
	if (docs_new(&b->own, 0, 0) || docs_new(&b->fresh, 4096, 0))
		return -1;
	return b->sharing ? docs_new(&b->shared, 0, 1) : 0;
}

static int write_plots(const struct bench *b)
{
	const struct report_plot plots[] = {
		{ "cpu-per-setup.svg", "CPU time of a setup, transit hop", "sessions", "us",
		  { &b->curve[CURVE_SETUP], &b->curve[CURVE_ADAPTOR], &b->curve[CURVE_SETUP_FLOOR] } },
		{ "bytes-per-session.svg", "Memory of a session, without its contract", "sessions", "bytes",
		  { &b->curve[CURVE_BYTES] } },
		{ "cpu-per-refresh.svg", "CPU time of a session's refreshes in one R", "sessions", "us",
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
	const char *about[] = { "transport", b->options.raw ? "IP protocol 46" : "UDP", "integrity", "hmac-sha256",
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

	process_pin(b->options.cpu_generator);
	if (prepare(b)) {
		fprintf(stderr, "signaling: cannot prepare\n");
		return 1;
	}
	printf("one icorp-signald, transit hop, null adaptor, hmac-sha256, %s, log level warn; contract of %zu bytes%s\n",
	       b->options.raw ? "IP protocol 46" : "UDP", bench_docs(b)->xml_len, b->sharing ? ", shared" : "");
	fflush(stdout);
	for (size_t i = 0; i < N_MEASUREMENTS; i++)
		if (!b->options.only || listed(b->options.only, measurements[i].name))
			measurements[i].run(b);
	if (b->options.json)
		r |= write_json(b);
	if (b->options.svg)
		r |= write_plots(b);
	docs_free(&b->own);
	docs_free(&b->shared);
	docs_free(&b->fresh);
	contract_cleanup();
	return r;
}

int main(int argc, char **argv)
{
	static struct bench b = { .curve = {
		[CURVE_SETUP] = { .name = "daemon", .unit = "us" },
		[CURVE_SETUP_FLOOR] = { .name = "floor", .unit = "us" },
		[CURVE_ADAPTOR] = { .name = "null adaptor", .unit = "us" },
		[CURVE_BYTES] = { .name = "daemon", .unit = "bytes" },
		[CURVE_REFRESH] = { .name = "daemon and adaptor", .unit = "us" },
	} };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (parse(argc, argv, &b.options))
		return 2;
	if (b.options.only && !known(b.options.only)) {
		usage(stderr);
		return 2;
	}
	if (n < 0)
		return 1;
	self[n] = 0;
	b.options.directory = dirname(dirname(self));
	b.options.cpu_daemon = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 0 : -1;
	b.options.cpu_generator = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1 : -1;
	return world_run(measure_all, &b);
}
