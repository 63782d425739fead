/* See options.h. */
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/load/options.h"

#define MAX_OWN 8
#define FIRST_OWN 256

static void usage(const struct options_program *p, FILE *f)
{
	fprintf(f, "usage: bench/%s [options]\n"
		"  --only NAME[,NAME]  of these measurements:\n", program_invocation_short_name);
	for (size_t i = 0; i < p->n_measurements; i++)
		fprintf(f, "      %-10s %s\n", p->measurements[i].name, p->measurements[i].what);
	fprintf(f, "  --quick             small numbers: whether it works, not how fast\n");
	for (size_t i = 0; i < p->n_own; i++)
		fprintf(f, "  --%s %-*s %s\n", p->own[i].name, 16 - (int)strlen(p->own[i].name),
			p->own[i].value ? p->own[i].value : "", p->own[i].help);
	fprintf(f, "  --rounds N          each counts as the median of N (default %u)\n"
		"  --json FILE         what was measured, as JSON\n", p->rounds);
	if (p->svg)
		fprintf(f, "  --svg DIR           %s\n", p->svg);
}

/* Is name in the list? An unknown one in it is found by nobody, so every name is asked for, too. */
static int listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (!strncmp(at, name, len) && (!at[len] || at[len] == ','))
			return 1;
	return 0;
}

static int known(const struct options_program *p, const char *list)
{
	size_t n = 1, found = 0;

	for (const char *at = strchr(list, ','); at; at = strchr(at + 1, ','))
		n++;
	for (size_t i = 0; i < p->n_measurements; i++)
		found += (size_t)listed(list, p->measurements[i].name);
	return n == found;
}

static int take(struct options *o, const struct options_program *p, int c)
{
	const struct options_own *own;

	switch (c) {
	case 'o': o->only = optarg; return 0;
	case 'q': o->quick = 1; return 0;
	case 'n': o->rounds = (unsigned)strtoul(optarg, NULL, 10); return 0;
	case 'j': o->json = optarg; return 0;
	case 's': o->svg = optarg; return 0;
	case 'h': usage(p, stdout); exit(0);
	default: break;
	}
	if (c < FIRST_OWN)
		return -1;
	own = &p->own[c - FIRST_OWN];
	if (own->flag)
		*own->flag = 1;
	else
		*own->text = optarg;
	return 0;
}

/* The directory above the one our program is in. 0 or -1. */
static int find_directory(struct options *o)
{
	static char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return -1;
	self[n] = '\0';
	o->directory = dirname(dirname(self));
	return 0;
}

int options_parse(struct options *o, const struct options_program *p, int argc, char **argv)
{
	struct option all[7 + MAX_OWN] = {
		{ "only", 1, NULL, 'o' }, { "quick", 0, NULL, 'q' }, { "rounds", 1, NULL, 'n' }, { "json", 1, NULL, 'j' },
		{ "help", 0, NULL, 'h' }, { .name = NULL },
	};
	size_t n = 5;
	int c;

	if (p->svg)
		all[n++] = (struct option){ "svg", 1, NULL, 's' };
	for (size_t i = 0; i < p->n_own && i < MAX_OWN; i++)
		all[n++] = (struct option){ p->own[i].name, p->own[i].value ? 1 : 0, NULL, FIRST_OWN + (int)i };
	while ((c = getopt_long(argc, argv, "h", all, NULL)) != -1)
		if (take(o, p, c))
			return usage(p, stderr), -1;
	if (!o->rounds)
		o->rounds = o->quick ? 1 : p->rounds;
	if (o->rounds > BENCH_ROUNDS_MAX)
		o->rounds = BENCH_ROUNDS_MAX;
	if (optind != argc || (o->only && !known(p, o->only)))
		return usage(p, stderr), -1;
	return find_directory(o);
}

void options_run(const struct options *o, const struct options_program *p, void *ctx)
{
	for (size_t i = 0; i < p->n_measurements; i++)
		if (!o->only || listed(o->only, p->measurements[i].name))
			p->measurements[i].run(ctx);
}
