/* The program icorp-sim: seeds on a topology, what failed and how to see it again, and one closing line. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/writer.h"
#include "tests/sim/farm.h"
#include "tests/sim/icorp_sim.h"
#include "tests/sim/source.h"

struct program {
	struct icorp_sim_options options;
	struct source source;
	struct writer *json;
	uint64_t done, violations, messages, standing, refused;
	int tty;
};

static const struct topo *topology(void *ctx, uint64_t seed)
{
	const struct program *p = ctx;

	return source_topology(&p->source, seed);
}

static void topology_done(void *ctx, const struct topo *topo)
{
	const struct program *p = ctx;

	source_done(&p->source, topo);
}

static void progress(const struct program *p)
{
	if (p->tty)
		fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " violations ", p->done, p->options.seeds,
			p->violations);
}

static void clear_progress(const struct program *p)
{
	if (p->tty)
		fprintf(stderr, "\r%60s\r", "");
}

static void failed(struct program *p, const struct seed_result *out)
{
	char again[1024];

	snprintf(again, sizeof(again), "icorp-sim -t %s --seed %" PRIu64 "%s -v", p->options.file, out->seed, p->options.again);
	if (p->json) {
		writer_object(p->json, NULL);
		writer_uint(p->json, "seed", out->seed);
		writer_uint(p->json, "violations", out->violations);
		writer_str(p->json, "first", out->violation);
		writer_str(p->json, "replay", again);
		writer_end(p->json);
		return;
	}
	clear_progress(p);
	printf("seed %" PRIu64 ": %u violations; first %s\n    %s\n", out->seed, out->violations, out->violation, again);
	fflush(stdout);
}

static void on_outcome(void *ctx, const struct seed_result *out)
{
	struct program *p = ctx;

	p->done++;
	p->messages += out->messages;
	p->violations += out->violations;
	p->standing += out->standing;
	p->refused += out->refused;
	if (out->violations)
		failed(p, out);
	else if (p->options.verbose && !p->json)
		printf("seed %" PRIu64 ": ok, %u ICorps stood, %u were refused, %" PRIu64 " messages\n", out->seed, out->standing,
		       out->refused, out->messages);
	progress(p);
}

static void finish(struct program *p, double seconds)
{
	char *text;

	clear_progress(p);
	if (!p->json) {
		printf("%" PRIu64 " seeds, %" PRIu64 " violations, %" PRIu64 " messages, %.1f s\n", p->done, p->violations,
		       p->messages, seconds);
		return;
	}
	writer_end(p->json);
	writer_str(p->json, "topology", p->options.file);
	writer_uint(p->json, "seeds", p->done);
	writer_uint(p->json, "violations", p->violations);
	writer_uint(p->json, "messages", p->messages);
	writer_uint(p->json, "icorps_stood", p->standing);
	writer_uint(p->json, "icorps_refused", p->refused);
	writer_real(p->json, "seconds", seconds);
	text = writer_render(p->json, WRITER_JSON);
	puts(text ? text : "{}");
	free(text);
	writer_free(p->json);
}

static int run(struct program *p)
{
	struct farm farm = { p->options.first, p->options.seeds, p->options.verbose ? 1 : p->options.jobs, topology,
			     topology_done, on_outcome, p };
	uint64_t start = clock_now_us();
	int e;

	p->tty = isatty(STDERR_FILENO) && !p->options.verbose;
	p->options.scenario.trace = p->options.verbose ? stdout : NULL;
	if (p->options.json && (p->json = writer_new()))
		writer_array(p->json, "failed");
	e = farm_run(&farm, &p->options.scenario);
	finish(p, (double)(clock_now_us() - start) / 1e6);
	if (e)
		fprintf(stderr, "icorp-sim: processes: %s\n", strerror(-e));
	return e || p->violations || p->done != p->options.seeds ? 1 : 0;
}

int icorp_sim(int argc, char **argv)
{
	struct program p = { 0 };
	char why[512] = "out of memory";
	int r = icorp_sim_options(argc, argv, &p.options);

	if (r)
		return r < 0 ? 2 : 0;
	log_open("icorp-sim", NULL, LOG_SINK_STDERR, p.options.verbose > 1 ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	if (contract_init() || source_load(p.options.file, &p.source, why, sizeof(why))) {
		fprintf(stderr, "icorp-sim: %s\n", why);
		return 1;
	}
	r = run(&p);
	source_free(&p.source);
	contract_cleanup();
	return r;
}
