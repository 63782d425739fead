/*
 * How fast the tc adaptor is, and what its classes cost the packets: a real icorp-adaptor process, driven over its own
 * protocol, in a namespace that is a router. Beside it, in turns, `tc -batch` with the same changes to the same classes.
 *
 *     sender eth0 -- in  router  out -- eth0 receiver
 *
 *     load/adaptor.c  the adaptor, driven    load/flow.c    what is forwarded
 *     load/demand.c   with a controller before it   load/lapse.c  which dies
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/load/adaptor.h"
#include "bench/load/bench.h"
#include "bench/load/flow.h"
#include "bench/load/namespace.h"
#include "bench/load/options.h"
#include "bench/load/report.h"
#include "lib/clock.h"

#define MBIT 1000000ull
#define BATCH_FILE NAMESPACES_DIR "/changes"
#define FIRST_MINOR 0x10u       /* of the adaptor's pool, which it gives out in order */

struct adaptors {
	struct bench bench;
	struct bench_adaptor tc;
	unsigned installed;
};

static double cpu_of(pid_t pid)
{
	struct timespec t = { 0 };
	clockid_t clock;

	if (!clock_getcpuclockid(pid, &clock))
		clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_of_children(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- the router ---- */

/* pool: classes the adaptor is to make before they are asked for. */
static int router_open(struct adaptors *b, unsigned pool)
{
	char classes[16];
	const struct adaptor_option options[] = { { "link.out", "100G" }, { "pool", classes } };

	if (namespace_ip(NULL, "netns add router\nnetns add sender\nnetns add receiver\n") ||
	    namespace_ip("router", "link set lo up\nlink add in type veth peer name eth0 netns sender\n"
			 "link add out type veth peer name eth0 netns receiver\n"
			 "addr add 10.200.1.1/24 dev in\naddr add 10.64.0.1/10 dev out\n"
			 "link set in up\nlink set out up\n") ||
	    namespace_ip("sender", "addr add 10.200.1.2/24 dev eth0\nlink set eth0 up\n"
			 "route add default via 10.200.1.1\n") ||
	    namespace_ip("receiver", "addr add 10.64.0.2/10 dev eth0\nlink set eth0 up\nroute add default via 10.64.0.1\n"))
		return -1;
	const char *const forward[] = { "sysctl", "-qw", "net.ipv4.ip_forward=1", NULL };

	b->installed = 0;
	snprintf(classes, sizeof(classes), "%u", pool);
	return namespace_command("router", NULL, forward) ||
	       bench_adaptor_open(&b->tc, b->bench.options.directory, "router", "tc", options, 2) ? -1 : 0;
}

static void router_close(struct adaptors *b)
{
	bench_adaptor_close(&b->tc);
	namespace_ip("router", "link del dev in\nlink del dev out\n");
	namespace_ip(NULL, "netns del router\nnetns del sender\nnetns del receiver\n");
}

/* ICorps first … n - 1 of 16 addresses each, at that rate, all at once. ICorp 0 has the receiver's address. */
static int icorps(struct adaptors *b, unsigned first, unsigned n, uint64_t rate_bps)
{
	for (unsigned i = first; i < n; i++) {
		struct prefix prefix = { .addr.s_addr = htonl(0x0a400000u + i * 16), .len = 28 };
		struct adaptor_terms t = bench_adaptor_terms(i + 1, prefix, "out", rate_bps);

		if (bench_adaptor_apply(&b->tc, &t))
			return -1;
	}
	if (n > b->installed)
		b->installed = n;
	return bench_adaptor_wait(&b->tc);
}

/* ---- changes ---- */

struct cost { double wall_s[BENCH_ROUNDS_MAX], cpu_s[BENCH_ROUNDS_MAX]; };

static int change_ours(struct adaptors *b, struct cost *c, unsigned round, unsigned n, uint64_t rate_bps)
{
	pid_t pid = adaptor_client_pid(b->tc.client);
	uint64_t start = clock_now_us();
	double cpu = cpu_of(pid);

	if (icorps(b, 0, n, rate_bps))
		return -1;
	c->wall_s[round] = (double)(clock_now_us() - start) / 1e6;
	c->cpu_s[round] = cpu_of(pid) - cpu;
	return 0;
}

static int write_batch(const char *verb, unsigned n, uint64_t rate_bps)
{
	FILE *f = fopen(BATCH_FILE, "we");

	for (unsigned i = 0; f && i < n; i++)
		fprintf(f, "class %s dev out parent 1c0b:1 classid 1c0b:%x htb rate %" PRIu64 "bit ceil %" PRIu64
			"bit prio 0\n", verb, FIRST_MINOR + i, rate_bps, rate_bps);
	return f ? fclose(f) : -1;
}

/* verb: "add" or "change". */
static int classes_by_tc(const char *verb, struct cost *c, unsigned round, unsigned n, uint64_t rate_bps)
{
	const char *const tc[] = { "tc", "-batch", BATCH_FILE, NULL };
	uint64_t start;
	double cpu;

	if (write_batch(verb, n, rate_bps))
		return -1;
	cpu = cpu_of_children();
	start = clock_now_us();
	if (namespace_command("router", NULL, tc))
		return -1;
	c->wall_s[round] = (double)(clock_now_us() - start) / 1e6;
	c->cpu_s[round] = cpu_of_children() - cpu;
	return 0;
}

static void report_changes(struct adaptors *b, unsigned n, struct cost *ours, struct cost *tc)
{
	unsigned rounds = b->bench.options.rounds;
	double cpu = report_quantile(ours->cpu_s, rounds, 0.5), tc_cpu = report_quantile(tc->cpu_s, rounds, 0.5);
	struct report_row row = { .name = "tc_changes_per_s", .unit = "/s", .goal = 80000, .least = 1 };

	row.value = n / report_quantile(ours->wall_s, rounds, 0.5);
	row.floor = n / report_quantile(tc->wall_s, rounds, 0.5);
	snprintf(row.note, sizeof(row.note), "floor: tc -batch; CPU time of a change %.1f us, tc's %.1f us", cpu / n * 1e6,
		 tc_cpu / n * 1e6);
	report_add(&b->bench.report, &row);
	row = (struct report_row){ .name = "tc_change_cpu_ratio", .unit = "of tc -batch", .goal = 1 / 0.9 };
	row.value = cpu / tc_cpu;
	report_add(&b->bench.report, &row);
}

static void measure_changes(void *ctx)
{
	struct adaptors *b = ctx;
	unsigned n = b->bench.options.quick ? 500 : 10000;
	struct cost ours, tc;
	int rc = router_open(b, 0);

	rc = rc ? rc : icorps(b, 0, n, MBIT);
	for (unsigned i = 0; !rc && i < b->bench.options.rounds; i++) {
		rc = change_ours(b, &ours, i, n, (4 + i) * MBIT / 2);
		rc = rc ? rc : classes_by_tc("change", &tc, i, n, 3 * MBIT + i);
	}
	router_close(b);
	if (rc)
		report_missing(&b->bench.report, "tc_changes_per_s", "see above");
	else
		report_changes(b, n, &ours, &tc);
}

/* ---- one change ---- */

#define SINGLES 2000

/* One ICorp's rate among n, from the request to the answer: by then the kernel has it. */
static int change_one(struct adaptors *b, unsigned i, double *ms)
{
	struct prefix prefix = { .addr.s_addr = htonl(0x0a400000u + i * 16), .len = 28 };
	struct adaptor_terms t = bench_adaptor_terms(i + 1, prefix, "out", 2 * MBIT);
	uint64_t start = clock_now_us();

	if (bench_adaptor_apply(&b->tc, &t) || bench_adaptor_wait(&b->tc))
		return -1;
	*ms = (double)(clock_now_us() - start) / 1e3;
	return 0;
}

static void measure_one(void *ctx)
{
	static double ms[SINGLES];
	struct adaptors *b = ctx;
	unsigned n = b->bench.options.quick ? 100 : SINGLES;
	int rc = router_open(b, 0);

	rc = rc ? rc : icorps(b, 0, n, MBIT);
	for (unsigned i = 0; !rc && i < n; i++)
		rc = change_one(b, i, &ms[i]);
	router_close(b);
	if (rc) {
		report_missing(&b->bench.report, "change_to_kernel_p99_ms", "see above");
		return;
	}
	struct report_row row = { .name = "change_to_kernel_p50_ms", .unit = "ms", .value = report_quantile(ms, n, 0.5) };

	report_add(&b->bench.report, &row);
	row = (struct report_row){ .name = "change_to_kernel_p99_ms", .unit = "ms", .goal = 2 };
	row.value = report_quantile(ms, n, 0.99);
	snprintf(row.note, sizeof(row.note), "%u installed; from the controller's request on", n);
	report_add(&b->bench.report, &row);
	report_missing(&b->bench.report, "lxd_limits_ms", system("command -v lxd > /dev/null") ?
		       "LXD, whose limits could be compared, is not installed" : "this program does not speak to LXD");
}

/* ---- many ICorps ---- */

/* A link with the adaptor's root and no class of its pool, made by tc. */
static int bare_link(void)
{
	const char *const sh[] = { "sh", "-e", NULL };

	return namespace_ip(NULL, "netns add router\n") ||
	       namespace_ip("router", "link add out type veth peer name far\nlink set out up\nlink set far up\n") ||
	       namespace_command("router", "tc qdisc add dev out root handle 1c0b: htb default 2\n"
				 "tc class add dev out parent 1c0b: classid 1c0b:1 htb rate 100gbit\n", sh) ? -1 : 0;
}

static void bare_link_close(void)
{
	namespace_ip("router", "link del dev out\n");
	namespace_ip(NULL, "netns del router\n");
}

#define POOL_PATIENCE_S 200

/* With a pool as large as needed, and a few more, so that none is made while we measure. */
static int router_open_pool(struct adaptors *b, unsigned n, double *seconds)
{
	uint64_t start = clock_now_us();
	unsigned pool = n + n / 8 + 16;
	unsigned long made = 0;
	int rc = router_open(b, pool);

	while (!rc && made < pool && clock_now_us() < start + POOL_PATIENCE_S * CLOCK_S) {
		usleep(1000000); /* looking costs a dump of the classes */
		rc = bench_adaptor_number(&b->tc, "pool", &made);
	}
	*seconds = (double)(clock_now_us() - start) / 1e6;
	if (!rc && made < pool)
		fprintf(stderr, "adaptors: after %d s the pool has %lu classes of %u\n", POOL_PATIENCE_S, made, pool);
	return made < pool ? -1 : rc;
}

struct many { struct cost pooled, empty, tc; double pool_s[BENCH_ROUNDS_MAX]; };

static int many_round(struct adaptors *b, struct many *m, unsigned round, unsigned n)
{
	int rc = router_open_pool(b, n, &m->pool_s[round]);

	rc = rc ? rc : change_ours(b, &m->pooled, round, n, MBIT);
	router_close(b);
	rc = rc ? rc : router_open(b, 0);
	rc = rc ? rc : change_ours(b, &m->empty, round, n, MBIT);
	router_close(b);
	rc = rc ? rc : bare_link();
	rc = rc ? rc : classes_by_tc("add", &m->tc, round, n, MBIT);
	bare_link_close();
	return rc;
}

static void measure_many(void *ctx)
{
	struct adaptors *b = ctx;
	unsigned n = b->bench.options.quick ? 500 : 10000, rounds = b->bench.options.rounds;
	int quick = b->bench.options.quick;
	struct report_row row = { .name = quick ? "icorps_on_one_router_500_s" : "icorps_on_one_router_10k_s", .unit = "s",
				  .goal = 5 };
	struct many m;
	int rc = 0;

	for (unsigned i = 0; !rc && i < rounds; i++)
		rc = many_round(b, &m, i, n);
	if (rc) {
		report_missing(&b->bench.report, row.name, "see above");
		return;
	}
	row.value = report_quantile(m.pooled.wall_s, rounds, 0.5);
	row.floor = report_quantile(m.tc.wall_s, rounds, 0.5);
	snprintf(row.note, sizeof(row.note), "%u; their classes were made before, in idle time, in %.1f s; CPU time %.2f s; "
		 "floor: tc -batch adds bare classes, %.2f s", n, report_quantile(m.pool_s, rounds, 0.5),
		 report_quantile(m.pooled.cpu_s, rounds, 0.5), report_quantile(m.tc.cpu_s, rounds, 0.5));
	report_add(&b->bench.report, &row);
	row = (struct report_row){ .unit = "s", .floor = row.floor };
	row.name = quick ? "icorps_on_an_empty_link_500_s" : "icorps_on_an_empty_link_10k_s";
	row.value = report_quantile(m.empty.wall_s, rounds, 0.5);
	snprintf(row.note, sizeof(row.note), "%u at once, no pool; CPU time %.2f s", n,
		 report_quantile(m.empty.cpu_s, rounds, 0.5));
	report_add(&b->bench.report, &row);
}

/* ---- what they cost the packets ---- */

#define STEPS 3

struct forwarding { double gbit[BENCH_ROUNDS_MAX], ns[BENCH_ROUNDS_MAX]; };

static int forward(struct forwarding *f, unsigned round, unsigned seconds)
{
	struct flow flow = { .from = "sender", .ends_s = seconds };
	struct flow_result r;
	uint64_t bytes = 0;

	inet_pton(AF_INET, "10.200.1.2", &flow.source);
	inet_pton(AF_INET, "10.64.0.2", &flow.destination);
	if (flow_run(&flow, 1, "receiver", seconds, &r) || !r.packets[0])
		return -1;
	for (unsigned s = 0; s < seconds; s++)
		bytes += r.bytes[0][s];
	f->gbit[round] = (double)bytes * 8 / 1e9 / seconds;
	f->ns[round] = r.sender_cpu_s[0] * 1e9 / (double)r.packets[0];
	return 0;
}

static void report_forwarding(struct adaptors *b, const unsigned *n, struct forwarding *f)
{
	static char names[STEPS][48], cpu[48];
	double few = 0;

	for (unsigned i = 0; i < STEPS; i++) {
		struct report_row row = { .name = names[i], .unit = "Gbit/s", .floor = few, .least = 1, .goal = 0.95 * few };

		snprintf(names[i], sizeof(names[i]), "forwarding_gbit_%u", n[i]);
		row.value = report_quantile(f[i].gbit, b->bench.options.rounds, 0.5);
		few = few > 0 ? few : row.value;
		snprintf(row.note, sizeof(row.note), "sending and forwarding a packet: %.0f ns of CPU time",
			 report_quantile(f[i].ns, b->bench.options.rounds, 0.5));
		report_add(&b->bench.report, &row);
	}
	double ratio = report_quantile(f[STEPS - 1].ns, b->bench.options.rounds, 0.5) /
		       report_quantile(f[0].ns, b->bench.options.rounds, 0.5);
	struct report_row row = { .name = cpu, .unit = "of the CPU time", .value = ratio, .goal = 1.05 };

	snprintf(cpu, sizeof(cpu), "forwarding_cpu_%u_of_%u", n[STEPS - 1], n[0]);
	report_add(&b->bench.report, &row);
}

/* A flow in ICorp 0, as fast as it goes, with n installed: in turns, so a router for each. */
static void measure_forwarding(void *ctx)
{
	struct adaptors *b = ctx;
	const unsigned n[STEPS] = { 10, b->bench.options.quick ? 100 : 1000, b->bench.options.quick ? 500 : 10000 };
	unsigned seconds = b->bench.options.quick ? 1 : 3;
	struct forwarding f[STEPS];
	int rc = 0;

	for (unsigned i = 0; !rc && i < b->bench.options.rounds; i++) {
		for (unsigned k = 0; !rc && k < STEPS; k++) {
			rc = router_open(b, 0);
			rc = rc ? rc : icorps(b, 0, 1, 50000 * MBIT);
			rc = rc ? rc : icorps(b, 1, n[k], MBIT);
			rc = rc ? rc : forward(&f[k], i, seconds);
			router_close(b);
		}
	}
	if (rc)
		report_missing(&b->bench.report, "forwarding_gbit", "see above");
	else
		report_forwarding(b, n, f);
}

/* ---- with a controller ---- */

static void with_controller(struct adaptors *b, const char *name, void (*measure)(void *bench))
{
	b->bench.cpu_daemon = b->bench.cpu_generator = -1;
	if (bench_prepare(&b->bench))
		report_missing(&b->bench.report, name, "no contract could be made");
	else
		measure(&b->bench);
	bench_clear(&b->bench);
}

static void measure_demands(void *ctx)
{
	with_controller(ctx, "demand_to_kernel_p99_ms", measure_demand);
}

static void measure_lapses(void *ctx)
{
	with_controller(ctx, "lapses_after_s", measure_lapse);
}

/* ---- the program ---- */

static const struct options_measurement measurements[] = {
	{ "changes", "tc_changes_per_s, beside tc -batch", measure_changes },
	{ "one", "change_to_kernel_p50_ms, _p99_ms", measure_one },
	{ "demand", "demand_to_kernel_p50_ms, _p99_ms: from the datagram on, through a controller", measure_demands },
	{ "lapse", "lapses_after_s: the controller is killed for good", measure_lapses },
	{ "many", "icorps_on_one_router_10k_s, icorps_on_an_empty_link_10k_s", measure_many },
	{ "forwarding", "forwarding_gbit_* with 10, 1,000 and 10,000 ICorps installed, forwarding_cpu_10000_of_10", measure_forwarding },
};

static const struct options_program program = {
	.measurements = measurements, .n_measurements = sizeof(measurements) / sizeof(measurements[0]), .rounds = 5,
};

static int measure_all(void *ctx)
{
	struct adaptors *b = ctx;
	struct utsname system;
	const char *about[] = { "adaptor", "tc", "kernel", system.release, "machine", system.machine, NULL };
	int rc = 0;

	uname(&system);
	options_run(&b->bench.options, &program, b);
	if (b->bench.options.json)
		rc = report_json(&b->bench.report, b->bench.options.json, about, NULL, 0);
	if (rc)
		fprintf(stderr, "adaptors: %s: %s\n", b->bench.options.json, strerror(-rc));
	return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
	static struct adaptors adaptors;

	if (options_parse(&adaptors.bench.options, &program, argc, argv))
		return 2;
	return namespaces_run(measure_all, &adaptors);
}
