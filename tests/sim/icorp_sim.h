/* The program icorp-sim, but for main(). */
#ifndef ICORP_SIM_ICORP_SIM_H
#define ICORP_SIM_ICORP_SIM_H

#include "tests/sim/scenario.h"

struct icorp_sim_options {
	const char *file;
	uint64_t first, seeds;
	unsigned jobs;
	int json, verbose;
	struct scenario scenario;
	char again[512];        /* the options that a failing seed needs again, each after a blank */
};

/* Reads the command line. 0: go on; 1: it was --help or --version; -1: wrong, and said so. */
int icorp_sim_options(int argc, char **argv, struct icorp_sim_options *out);
/* The whole program; its exit status. */
int icorp_sim(int argc, char **argv);

#endif
