/*
 * icorp: the client's hand on its Instant Server Chunk. Everything it knows comes from libicorp; each command describes
 * its answer to a writer, which prints it as text or JSON.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <icorp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "lib/writer.h"

static const char usage[] =
	"usage: icorp [--json] [-s SOCKET] COMMAND\n"
	"Asks the controller of this Instant Server Chunk.\n"
	"\n"
	"  status                  levels, limits, use, price and what the last demands brought\n"
	"  more RESOURCE [STEPS]   ask for more cpu, memory, bandwidth or disk\n"
	"  less RESOURCE [STEPS]   ask for less\n"
	"  price                   what the ICorp costs now\n"
	"  watch                   the status, again after each change\n"
	"\n"
	"  -j, --json              answer in JSON\n"
	"  -s, --socket PATH       the controller's socket ($ICORP_SOCKET, or " ICORP_SOCKET_PATH ")\n"
	"  -h, --help              this text\n"
	"  -V, --version           the version\n"
	"\n"
	"Exit status of more and less: 0 applied, 3 partly or refused, 1 no answer or an error.\n";

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' }, { "socket", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 },
};

struct tool { struct icorp *ic; int json; FILE *out, *err; };

/* ---- answers as documents ---- */

static void put_price(struct writer *w, const struct icorp_price *p, int json)
{
	char text[64];

	icorp_price_text(p, text, sizeof(text));
	if (!json) {
		writer_str(w, "price", text);
		return;
	}
	writer_object(w, "price");
	writer_uint(w, "micro", p->micro);
	writer_uint(w, "interval_s", p->interval_s);
	writer_str(w, "currency", p->currency);
	writer_str(w, "text", text);
	writer_end(w);
}

static void put_grant(struct writer *w, const struct icorp_grant *g, enum icorp_resource resource, int json)
{
	char text[64] = "-";

	if (g->level)
		icorp_level_text(resource, g->level, text, sizeof(text));
	writer_object(w, NULL);
	writer_str(w, "element", g->element);
	writer_str(w, "outcome", icorp_outcome_name(g->outcome));
	writer_str(w, "enforcement", icorp_enforcement_name(g->enforcement));
	if (json)
		writer_uint(w, "level", g->level);
	writer_str(w, json ? "level_text" : "level", text);
	writer_str(w, "reason", g->reason);
	writer_end(w);
}

static const char *outcome_text(const struct icorp_answer *a)
{
	return a->answered ? icorp_outcome_name(a->outcome) : "no answer from the leader in time";
}

/* Why it is what it is: the reason of the first element that says so. */
static const char *reason_of(const struct icorp_answer *a)
{
	for (unsigned i = 0; i < a->n_grants; i++)
		if (a->grant[i].outcome == a->outcome && *a->grant[i].reason)
			return a->grant[i].reason;
	return "";
}

static void put_last(struct writer *w, const struct icorp_answer *last)
{
	const char *why = reason_of(last);

	if (last->sequence)
		writer_fmt(w, "last", "%s: %s%s%s", last->direction > 0 ? "more" : "less", outcome_text(last),
			   *why ? ": " : "", why);
	else
		writer_str(w, "last", "-");
}

static void put_answer(struct writer *w, const struct icorp_answer *a, int json)
{
	if (json) {
		writer_uint(w, "sequence", a->sequence);
		writer_str(w, "resource", icorp_resource_name(a->resource));
		writer_str(w, "direction", a->direction > 0 ? "more" : "less");
		writer_uint(w, "steps", a->steps);
		writer_bool(w, "answered", a->answered);
		writer_str(w, "outcome", icorp_outcome_name(a->outcome));
	}
	writer_array(w, "grants");
	for (unsigned i = 0; i < a->n_grants; i++)
		put_grant(w, &a->grant[i], a->resource, json);
	writer_end(w);
}

static void put_resource(struct writer *w, enum icorp_resource resource, const struct icorp_level *l, int json)
{
	char level[64] = "-", limit[64] = "-";

	if (l->level)
		icorp_level_text(resource, l->level, level, sizeof(level));
	if (l->limit)
		icorp_level_text(resource, l->limit, limit, sizeof(limit));
	writer_object(w, NULL);
	writer_str(w, "resource", icorp_resource_name(resource));
	if (json) {
		writer_uint(w, "level", l->level);
		writer_uint(w, "limit", l->limit);
		if (l->last.sequence) {
			writer_object(w, "last");
			put_answer(w, &l->last, json);
			writer_end(w);
		}
	} else {
		writer_str(w, "level", level);
		writer_str(w, "limit", limit);
		put_last(w, &l->last);
	}
	writer_end(w);
}

static void put_status(struct writer *w, const struct icorp_status *s, int json)
{
	writer_str(w, "name", s->name);
	writer_uint(w, "id", s->id);
	writer_uint(w, "revision", s->revision);
	writer_bool(w, "reserved", s->reserved);
	writer_bool(w, "up", s->up);
	if (json) {
		writer_uint(w, "cpu_permille", s->cpu_permille);
		writer_uint(w, "memory_permille", s->memory_permille);
		writer_uint(w, "serial", s->serial);
	} else {
		writer_fmt(w, "cpu", "%u.%u %%", s->cpu_permille / 10, s->cpu_permille % 10);
		writer_fmt(w, "memory", "%u.%u %%", s->memory_permille / 10, s->memory_permille % 10);
	}
	writer_uint(w, "connections", s->connections);
	put_price(w, &s->price, json);
	writer_array(w, "resources");
	for (unsigned r = 1; r <= ICORP_RESOURCES; r++)
		put_resource(w, r, &s->resource[r], json);
	writer_end(w);
}

static int print(const struct tool *t, struct writer *w)
{
	char *text = writer_render(w, t->json ? WRITER_JSON : WRITER_TEXT);

	writer_free(w);
	if (!text) {
		fputs("icorp: out of memory\n", t->err);
		return EXIT_ERROR;
	}
	fputs(text, t->out);
	if (*text && text[strlen(text) - 1] != '\n')
		fputc('\n', t->out);
	free(text);
	return ferror(t->out) || fflush(t->out) ? EXIT_ERROR : 0;
}

static int failed(const struct tool *t)
{
	fprintf(t->err, "icorp: %s\n", icorp_error(t->ic));
	return EXIT_ERROR;
}

/* ---- commands ---- */

static int parse_steps(const char *text, unsigned *steps)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !n || n > 1000)
		return -EINVAL;
	*steps = (unsigned)n;
	return 0;
}

static int print_answer(const struct tool *t, const struct icorp_answer *a)
{
	struct writer *w = writer_new();
	int r;

	if (w) {
		if (!t->json)
			writer_fmt(w, "outcome", "%s %s by %u: %s", a->direction > 0 ? "more" : "less",
				   icorp_resource_name(a->resource), a->steps, outcome_text(a));
		put_answer(w, a, t->json);
		put_price(w, &a->price, t->json);
	}
	r = print(t, w);
	if (r)
		return r;
	if (!a->answered) {
		fprintf(t->err, "icorp: the leader did not answer in time; %u elements did%s\n", a->n_grants,
			a->n_grants ? ", see above" : "");
		return EXIT_ERROR;
	}
	return a->outcome == ICORP_APPLIED ? EXIT_APPLIED : EXIT_NOT_APPLIED;
}

static int command_demand(const struct tool *t, int direction, int argc, char **argv)
{
	struct icorp_answer answer;
	enum icorp_resource resource;
	unsigned steps = 1;
	int r;

	if (argc < 1 || argc > 2) {
		fputs("icorp: which resource, and how many steps? See icorp --help\n", t->err);
		return EXIT_USAGE;
	}
	if (icorp_resource_parse(argv[0], &resource)) {
		fprintf(t->err, "icorp: %s: no such resource; must be cpu, memory, bandwidth or disk\n", argv[0]);
		return EXIT_USAGE;
	}
	if (argc > 1 && parse_steps(argv[1], &steps)) {
		fprintf(t->err, "icorp: %s: must be a number of steps from 1 to 1000\n", argv[1]);
		return EXIT_USAGE;
	}
	r = direction > 0 ? icorp_more(t->ic, resource, steps, &answer) : icorp_less(t->ic, resource, steps, &answer);
	if (r)
		return failed(t);
	r = print_answer(t, &answer);
	icorp_answer_clear(&answer);
	return r;
}

static int print_status(const struct tool *t, const struct icorp_status *status, int only_price)
{
	struct writer *w = writer_new();

	if (w && only_price)
		put_price(w, &status->price, t->json);
	else if (w)
		put_status(w, status, t->json);
	return print(t, w);
}

static int command_status(const struct tool *t, int only_price)
{
	struct icorp_status status;
	int r;

	if (icorp_status(t->ic, &status))
		return failed(t);
	r = print_status(t, &status, only_price);
	icorp_status_clear(&status);
	return r;
}

static void on_change(void *ctx, const struct icorp_status *status)
{
	const struct tool *t = ctx;

	if (print_status(t, status, 0))
		icorp_unwatch(t->ic);
	else if (!t->json)
		fputc('\n', t->out);
}

static int command_watch(struct tool *t)
{
	struct pollfd p = { .fd = icorp_fd(t->ic), .events = POLLIN };
	int r = icorp_watch(t->ic, on_change, t);

	while (!r) {
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return EXIT_ERROR;
		r = icorp_dispatch(t->ic);
		if (ferror(t->out))
			return EXIT_ERROR;
	}
	return failed(t);
}

static int run(struct tool *t, int argc, char **argv)
{
	if (!strcmp(argv[0], "more") || !strcmp(argv[0], "less"))
		return command_demand(t, *argv[0] == 'm' ? +1 : -1, argc - 1, argv + 1);
	if (argc == 1 && !strcmp(argv[0], "status"))
		return command_status(t, 0);
	if (argc == 1 && !strcmp(argv[0], "price"))
		return command_status(t, 1);
	if (argc == 1 && !strcmp(argv[0], "watch"))
		return command_watch(t);
	fprintf(t->err, "icorp: %s: %s; see icorp --help\n", argv[0], argc > 1 ? "takes no arguments, or is unknown" :
		"no such command");
	return EXIT_USAGE;
}

int icorp_tool(int argc, char **argv, FILE *out, FILE *err)
{
	struct tool t = { .out = out, .err = err };
	const char *socket = NULL;
	int c, r;

	optind = 0; /* tests call this more than once */
	while ((c = getopt_long(argc, argv, "+js:hV", long_options, NULL)) != -1) {
		switch (c) {
		case 'j': t.json = 1; break;
		case 's': socket = optarg; break;
		case 'h': fputs(usage, out); return 0;
		case 'V': fputs("icorp " PACKAGE_VERSION "\n", out); return 0;
		default: fputs("icorp: see icorp --help\n", err); return EXIT_USAGE;
		}
	}
	/* options may also follow the command, as people type them */
	for (int i = argc - 1; i > optind && !strcmp(argv[i], "--json"); i--, argc--)
		t.json = 1;
	if (optind >= argc) {
		fputs(usage, err);
		return EXIT_USAGE;
	}
	r = icorp_connect(socket, &t.ic);
	if (r) {
		fprintf(err, "icorp: %s: %s; does icorp-agent run here?\n",
			socket ? socket : getenv("ICORP_SOCKET") ? getenv("ICORP_SOCKET") : ICORP_SOCKET_PATH, strerror(-r));
		return EXIT_ERROR;
	}
	r = run(&t, argc - optind, argv + optind);
	icorp_close(t.ic);
	return r;
}
