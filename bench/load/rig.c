/* See bench.h. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench/load/bench.h"
#include "contracts/contract.h"
#include "lib/clock.h"

#define ANSWER_S 20

struct docs *bench_docs(struct bench *bench)
{
	return bench->sharing ? &bench->shared : &bench->own;
}

int bench_prepare(struct bench *b)
{
	if (contract_init() || neighbour_write_keyring(WORLD_DIR "/keyring"))
		return -1;
	b->sharing = !b->own_contracts && docs_can_share();
	if (docs_new(&b->own, 0, 0) || docs_new(&b->fresh, 4096, 0))
		return -1;
	return b->sharing ? docs_new(&b->shared, 0, 1) : 0;
}

void bench_clear(struct bench *b)
{
	docs_free(&b->own);
	docs_free(&b->shared);
	docs_free(&b->fresh);
	contract_cleanup();
}

int rig_answers(struct rig *rig)
{
	int announce = rig->g.announce;
	uint32_t up = 0;

	rig->g.announce = 1;
	for (unsigned s = 0; !up && s < ANSWER_S && process_alive(&rig->daemon[0]); s++)
		up = generator_setup(&rig->g, 1, 1, clock_now_us() + CLOCK_S);
	rig->g.announce = announce;
	if (up)
		return 0;
	fprintf(stderr, "signaling: no setup succeeds%s\n", rig->daemon[0].pid ? "" : ": the daemon has ended");
	return -1;
}

static int start_processes(struct rig *rig)
{
	const struct bench *b = rig->bench;

	for (unsigned i = 1; i <= rig->routers; i++) {
		struct in_addr before = i == 1 ? world_up() : world_router(i - 1);
		struct in_addr after = i == rig->routers ? world_down() : world_router(i + 1);

		if (process_daemon(&rig->daemon[i - 1], i, &rig->daemon_options) ||
		    process_relay(&rig->relay[i - 1], i, before, after, b->raw, b->cpu_daemon))
			return -1;
	}
	return 0;
}

int rig_start(struct rig *rig, struct bench *bench, unsigned routers, unsigned refresh_ms, struct docs *docs)
{
	memset(rig, 0, sizeof(*rig));
	rig->bench = bench;
	rig->routers = routers;
	rig->docs = docs;
	rig->daemon_options = (struct daemon_options){ bench->options.directory, bench->raw, refresh_ms,
						       bench->hello_ms, bench->cpu_daemon, bench->adaptor, bench->log };
	if (world_build(routers) || start_processes(rig) ||
	    generator_open(&rig->g, docs, WORLD_DAEMONS, routers, bench->raw, bench->plain))
		return -1;
	rig->g.refresh_ms = refresh_ms;
	if (rig_answers(rig))
		return -1;
	rig->g.announce = !docs->shared;
	/* the floor carries what the daemon's neighbours would: as soon as these speak RFC 2961, it does */
	if (generator_open(&rig->floor, docs, WORLD_FLOOR, routers, bench->raw, !rig->g.up.reduction))
		return -1;
	rig->floor.refresh_ms = refresh_ms;
	rig->floor.announce = rig->g.announce;
	return generator_setup(&rig->floor, 1, 1, clock_now_us() + ANSWER_S * CLOCK_S) == 1 ? 0 : -1;
}

void rig_stop(struct rig *rig)
{
	generator_close(&rig->g);
	generator_close(&rig->floor);
	for (unsigned i = 0; i < rig->routers; i++) {
		process_kill(&rig->daemon[i]);
		process_kill(&rig->relay[i]);
	}
}

static uint64_t own_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct burst rig_burst(struct generator *g, const struct process *process, uint32_t count, unsigned window)
{
	struct usage before = process_usage(process), after;
	uint64_t start = clock_now_us(), own = own_cpu_ns();
	struct burst b = { .asked = count };
	double done;

	b.up = generator_setup(g, count, window, start + 600 * CLOCK_S);
	b.seconds = (double)(clock_now_us() - start) / 1e6;
	after = process_usage(process);
	done = b.up ? b.up : 1;
	b.cpu_us = (double)(after.cpu_ns - before.cpu_ns) / 1e3 / done;
	b.adaptor_us = (double)(after.children_ns - before.children_ns) / 1e3 / done;
	b.generator_us = (double)(own_cpu_ns() - own) / 1e3 / done;
	b.waited_share = (double)(after.waited_ns - before.waited_ns) / 1e9 / b.seconds;
	return b;
}
