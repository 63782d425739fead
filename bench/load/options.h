/*
 * What every benchmark program is told: which measurements, how many rounds, where the figures go; and its own options
 * beside that. A program is a table of measurements; options_run runs those that were asked for.
 */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include <stddef.h>

#define BENCH_ROUNDS_MAX 15

struct options {
	const char *directory;          /* of the programs built */
	const char *only, *json, *svg;
	int quick;                      /* small numbers: whether it works, not how fast */
	unsigned rounds;
};

struct options_measurement { const char *name, *what; void (*run)(void *ctx); };
/* One of the program's own: a flag, or with a value. */
struct options_own { const char *name, *value, *help; int *flag; const char **text; };

struct options_program {
	const struct options_measurement *measurements; size_t n_measurements;
	const struct options_own *own; size_t n_own;
	const char *svg;                /* what --svg draws; NULL: nothing */
	unsigned rounds;                /* when neither --rounds nor --quick is said */
};

/* 0, or -1 after having said how it is used. --help ends the program. */
int options_parse(struct options *o, const struct options_program *program, int argc, char **argv);
/* Runs the measurements that were asked for, in the table's order. */
void options_run(const struct options *o, const struct options_program *program, void *ctx);

#endif
