/* The command line of icorp-sim. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <config.h>
#include "tests/sim/icorp_sim.h"

static void usage(FILE *to)
{
	fputs("usage: icorp-sim [-t TOPOLOGY] [--seeds N | --seed S] [options]\n"
	      "Runs the controllers of a whole network in one process, with a virtual clock and faults from a seed, and\n"
	      "checks after every step that what must hold does.\n\n"
	      "  -t, --topology FILE  the testbed's format, SNDlib's (.xml) or the Topology Zoo's (.gml); default the demo's\n"
	      "  -n, --seeds N        how many seeds (default 100)\n"
	      "  -f, --first S        the first of them (default 1)\n"
	      "  -s, --seed S         only this one\n"
	      "  -j, --jobs N         processes (default 1)\n"
	      "      --json           the result as JSON\n"
	      "  -v, --verbose        every event with its virtual time; twice: what the controllers log, too\n"
	      "  -h, --help           this text\n"
	      "  -V, --version        the version\n\n"
	      "What the seed decides, unless it is said:\n"
	      "      --icorps N       ICorps asked for\n"
	      "      --loss N         of 1000 messages that many are lost\n"
	      "      --duplicate N    of 1000 messages that many come twice\n"
	      "      --delay MS       the longest delay of a message\n"
	      "      --unordered 0|1  1: old messages are taken, as without INTEGRITY\n"
	      "      --quiet 0|1      1: nothing goes wrong, and nobody asks for less\n"
	      "      --refuse N       of 1000 answers of adaptors that many are refusals\n"
	      "      --stall N        of 1000 answers of adaptors that many take up to 20 s more\n"
	      "      --crash N        controllers that crash and come back\n"
	      "      --cut N          links that pass nothing for a while\n"
	      "      --routing 0|1    1: routers find other ways when links are cut\n"
	      "      --map N          how often all controllers forget the layer-2 map for a while\n"
	      "      --press 0|1      1: contracts are small and everybody wants to grow: growth is preempted\n"
	      "      --skew PPM       how far clocks' rates are off, in millionths\n", to);
}

/* The options that are numbers of the scenario: where they go and how large they may be. */
static const struct { const char *name; size_t offset; long most; } numbers[] = {
	{ "icorps", offsetof(struct scenario, icorps), SCENARIO_MAX_ICORPS },
	{ "loss", offsetof(struct scenario, loss), 1000 },
	{ "duplicate", offsetof(struct scenario, duplicates), 1000 },
	{ "delay", offsetof(struct scenario, delay_ms), 60000 },
	{ "unordered", offsetof(struct scenario, unordered), 1 },
	{ "quiet", offsetof(struct scenario, quiet), 1 },
	{ "refuse", offsetof(struct scenario, refuse), 1000 },
	{ "stall", offsetof(struct scenario, stall), 1000 },
	{ "crash", offsetof(struct scenario, crashes), 1000 },
	{ "cut", offsetof(struct scenario, cuts), 1000 },
	{ "routing", offsetof(struct scenario, routing), 1 },
	{ "map", offsetof(struct scenario, maps), 1000 },
	{ "press", offsetof(struct scenario, pressing), 1 },
	{ "skew", offsetof(struct scenario, skew_ppm), 100000 },
};
#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))
#define FIRST_NUMBER 1000

static int number(const char *name, const char *text, unsigned long long most, unsigned long long *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno && *out <= most)
		return 0;
	fprintf(stderr, "icorp-sim: --%s %s: a number from 0 to %llu should be here\n", name, text, most);
	return -1;
}

static int scenario_number(struct icorp_sim_options *out, unsigned which, const char *text)
{
	unsigned long long value;
	size_t used = strlen(out->again);

	if (number(numbers[which].name, text, (unsigned long long)numbers[which].most, &value))
		return -1;
	*(int *)((char *)&out->scenario + numbers[which].offset) = (int)value;
	snprintf(out->again + used, sizeof(out->again) - used, " --%s %llu", numbers[which].name, value);
	return 0;
}

/* One option. 0, 1: it was --help or --version, -1: wrong. */
static int take(struct icorp_sim_options *out, int c, const char *arg)
{
	unsigned long long value = 0;

	switch (c) {
	case 't':
		out->file = arg;
		return 0;
	case 'n':
		if (number("seeds", arg, UINT_MAX, &value))
			return -1;
		out->seeds = value;
		return 0;
	case 'f':
	case 's':
		if (number(c == 'f' ? "first" : "seed", arg, UINT64_MAX / 2, &value))
			return -1;
		out->first = value;
		out->seeds = c == 's' ? 1 : out->seeds;
		return 0;
	case 'j':
		if (number("jobs", arg, 256, &value))
			return -1;
		out->jobs = (unsigned)value;
		return 0;
	case 'J':
		out->json = 1;
		return 0;
	case 'v':
		out->verbose++;
		return 0;
	case 'h':
		usage(stdout);
		return 1;
	case 'V':
		puts("icorp-sim " PACKAGE_VERSION);
		return 1;
	default:
		if (c >= FIRST_NUMBER)
			return scenario_number(out, (unsigned)(c - FIRST_NUMBER), arg);
		usage(stderr);
		return -1;
	}
}

int icorp_sim_options(int argc, char **argv, struct icorp_sim_options *out)
{
	static const struct option fixed[] = {
		{ "topology", 1, NULL, 't' }, { "seeds", 1, NULL, 'n' }, { "first", 1, NULL, 'f' }, { "seed", 1, NULL, 's' },
		{ "jobs", 1, NULL, 'j' }, { "json", 0, NULL, 'J' }, { "verbose", 0, NULL, 'v' }, { "help", 0, NULL, 'h' },
		{ "version", 0, NULL, 'V' },
	};
	struct option options[sizeof(fixed) / sizeof(fixed[0]) + N_NUMBERS + 1] = { 0 };
	int c, r = 0;

	memset(out, 0, sizeof(*out));
	out->file = DATADIR "/demo.topo";
	out->first = 1;
	out->seeds = 100;
	out->jobs = 1;
	memcpy(options, fixed, sizeof(fixed));
	for (unsigned i = 0; i < N_NUMBERS; i++) {
		options[sizeof(fixed) / sizeof(fixed[0]) + i] = (struct option){ numbers[i].name, 1, NULL, FIRST_NUMBER + (int)i };
		*(int *)((char *)&out->scenario + numbers[i].offset) = SCENARIO_AS_SEEDED;
	}
	while (!r && (c = getopt_long(argc, argv, "t:n:f:s:j:vhV", options, NULL)) != -1)
		r = take(out, c, optarg);
	if (!r && optind < argc) {
		fprintf(stderr, "icorp-sim: %s: unexpected argument; see icorp-sim --help\n", argv[optind]);
		r = -1;
	}
	return r;
}
