/* One run of the benchmark: options, contracts, what it measured; and what each measurement stands on, the rig. */
#ifndef BENCH_LOAD_BENCH_H
#define BENCH_LOAD_BENCH_H

#include "bench/load/generator.h"
#include "bench/load/options.h"
#include "bench/load/process.h"
#include "bench/load/report.h"

enum bench_curve { CURVE_SETUP, CURVE_SETUP_FLOOR, CURVE_ADAPTOR, CURVE_BYTES, CURVE_REFRESH, CURVES };

struct bench {
	struct options options;
	int raw, plain, own_contracts;       /* IP protocol 46; RFC 2205 only; never share a contract */
	int cpu_daemon, cpu_generator;
	struct report report;
	struct report_curve curve[CURVES];
	struct docs own, shared, fresh; /* small with a number each, small without, 4 KB with a number each */
	int sharing;                 /* a contract may serve many ICorps */
	/* Of the daemons to be started. No Hello by default: while the floor is measured nobody would answer it. */
	unsigned hello_ms;
	const char *log;
	const char *adaptor;         /* a section of their configuration; NULL: the null adaptor */
};

/* A chain of daemons and one of relays, with a generator each. */
struct rig {
	struct bench *bench;
	unsigned routers;
	struct daemon_options daemon_options;
	struct process daemon[WORLD_MAX_ROUTERS], relay[WORLD_MAX_ROUTERS];
	struct generator g, floor;
	struct docs *docs;
};

/* What a measurement starts with. One session is up, so that a shared contract is known. 0, or -1 having said why. */
int rig_start(struct rig *rig, struct bench *bench, unsigned routers, unsigned refresh_ms, struct docs *docs);
void rig_stop(struct rig *rig);
/* Waits until r1 answers: one more session is up. 0 or -1. */
int rig_answers(struct rig *rig);

/* A number of setups at the generator's best, and what they cost. */
struct burst { uint32_t asked, up; double seconds, cpu_us, adaptor_us, generator_us, waited_share; };
struct burst rig_burst(struct generator *g, const struct process *process, uint32_t count, unsigned window);

/* Keyring, contracts. 0 or -1. */
int bench_prepare(struct bench *bench);
void bench_clear(struct bench *bench);
/* The contract that most measurements use: shared if that can be. */
struct docs *bench_docs(struct bench *bench);

/* Each prints what it measured. */
void measure_setups(void *bench);
void measure_new(void *bench);
void measure_scale(void *bench);
void measure_refresh(void *bench);
void measure_hops(void *bench);
void measure_loss(void *bench);
void measure_restart(void *bench);
void measure_neighbour(void *bench);
void measure_reroute(void *bench);
void measure_demand(void *bench);
void measure_lapse(void *bench);

#endif
