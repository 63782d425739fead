/*
 * icorpctl: asks any daemon of ours over its control socket, or the gatekeeper over its API (gk.c). It knows no command
 * of any daemon: it sends the words and prints the answer, so a daemon's new command needs no change here. Only
 * `trace` and `pcap` are more than that (trace.c, pcap.c), and `icorpctl complete WORDS…` prints what may come next, for the shells.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/sockets.h"
#include "lib/config.h"
#include "lib/control.h"
#include "lib/text.h"
#include "lib/writer.h"

#define TIMEOUT_MS 30000

static const char usage[] =
	"usage: icorpctl [-s SOCKET | -e ELEMENT] [--json | --xml] [--watch[=S]] WORDS...\n"
	"       icorpctl [-s SOCKET]... [--all[=DIR]] [--json] trace ID [--leader ADDRESS]\n"
	"       icorpctl [-s SOCKET]... [--all[=DIR]] pcap FILE\n"
	"       icorpctl [-g URL] [-t FILE] gk list | get ID | contract ID | submit FILE | delete ID | status\n"
	"Asks a daemon over its control socket, or the gatekeeper over its API.\n"
	"\n"
	"  help                    what the daemon can be asked\n"
	"  trace ID                follow one ICorp, live; --leader ADDRESS: of those with that ID this router's\n"
	"  pcap FILE               write the controllers' messages, live; - is the standard output\n"
	"  gk ...                  ask the gatekeeper; icorpctl gk help\n"
	"\n"
	"  -s, --socket PATH       the daemon's socket (" RUNDIR "/signald.sock); trace, pcap: several\n"
	"  -e, --element NAME      the socket RUNDIR/NAME/signald.sock; trace, pcap: several\n"
	"  -a, --all[=DIR]         trace, pcap: every signald.sock in DIR (RUNDIR), DIR/* and DIR/*/run\n"
	"  -j, --json, -x, --xml   print the answer so\n"
	"  -w, --watch[=S]         again every S seconds (2)\n"
	"  -T, --timeout S         wait so long for an answer (30); trace, pcap: follow so long (until interrupted)\n"
	"  -g, --gatekeeper URL    the gatekeeper ($ICORP_GATEKEEPER, or http://127.0.0.1:8080)\n"
	"  -t, --token FILE        a file with the bearer token (or $ICORP_TOKEN, $ICORP_TOKEN_FILE)\n"
	"  -h, --help              this text\n"
	"  -V, --version           the version\n"
	"\n"
	"RUNDIR is $ICORP_RUNDIR, or " RUNDIR ".\n";

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, 's' }, { "element", required_argument, NULL, 'e' },
	{ "all", optional_argument, NULL, 'a' }, { "json", no_argument, NULL, 'j' }, { "xml", no_argument, NULL, 'x' },
	{ "watch", optional_argument, NULL, 'w' }, { "timeout", required_argument, NULL, 'T' },
	{ "gatekeeper", required_argument, NULL, 'g' }, { "token", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 },
};

struct ctl {
	struct sockets sockets;
	const char *gatekeeper, *token_file;
	enum writer_format format;
	double watch_s;          /* 0: once */
	int timeout_ms;          /* 0: the usual */
	FILE *out, *err;
};

static int seconds(const char *text, double *out)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !(v >= 0.1 && v <= 86400))
		return -EINVAL;
	*out = v;
	return 0;
}

/* What became of adding a socket. -1: go on; else the exit status. */
static int added(const struct ctl *ctl, const char *what, int r)
{
	if (!r)
		return -1;
	fprintf(ctl->err, "icorpctl: %s: %s\n", what, r == -ENOENT ? "no control socket is there" : strerror(-r));
	return EXIT_ERROR;
}

/* The same. */
static int option(struct ctl *ctl, int c)
{
	const char *dir;
	double s;

	switch (c) {
	case 's': return added(ctl, optarg, sockets_add(&ctl->sockets, optarg));
	case 'e': return added(ctl, optarg, sockets_add_element(&ctl->sockets, optarg));
	case 'a':
		dir = optarg ? optarg : sockets_rundir();
		return added(ctl, dir, sockets_add_all(&ctl->sockets, dir));
	case 'j': ctl->format = WRITER_JSON; return -1;
	case 'x': ctl->format = WRITER_XML; return -1;
	case 'g': ctl->gatekeeper = optarg; return -1;
	case 't': ctl->token_file = optarg; return -1;
	case 'h': fputs(usage, ctl->out); return 0;
	case 'V': fputs("icorpctl " PACKAGE_VERSION "\n", ctl->out); return 0;
	case 'w':
	case 'T':
		if (!optarg) {
			ctl->watch_s = 2;
			return -1;
		}
		if (seconds(optarg, &s)) {
			fprintf(ctl->err, "icorpctl: %s: must be seconds from 0.1 to 86400\n", optarg);
			return EXIT_USAGE;
		}
		*(c == 'w' ? &ctl->watch_s : &s) = s;
		if (c == 'T')
			ctl->timeout_ms = (int)(s * 1000);
		return -1;
	default:
		fputs("icorpctl: see icorpctl --help\n", ctl->err);
		return EXIT_USAGE;
	}
}

static int print(const struct ctl *ctl, const char *json)
{
	char *text = writer_reformat(json, ctl->format);

	if (!text) {
		fputs("icorpctl: the daemon's answer is no JSON\n", ctl->err);
		return EXIT_ERROR;
	}
	fputs(text, ctl->out);
	if (*text && text[strlen(text) - 1] != '\n')
		fputc('\n', ctl->out);
	free(text);
	return fflush(ctl->out) ? EXIT_ERROR : 0;
}

static int once(const struct ctl *ctl, int argc, char **argv)
{
	char why[600], safe[800];
	char *json = control_call(ctl->sockets.v[0], argc, argv, ctl->timeout_ms ? ctl->timeout_ms : TIMEOUT_MS, why, sizeof(why));
	int r;

	if (!json) {
		text_escape(why, safe, sizeof(safe));
		fprintf(ctl->err, "icorpctl: %s: %s\n", ctl->sockets.v[0], safe);
		return EXIT_ERROR;
	}
	r = print(ctl, json);
	free(json);
	return r;
}

static int watch(const struct ctl *ctl, int argc, char **argv)
{
	struct timespec pause = { (time_t)ctl->watch_s, (long)((ctl->watch_s - (double)(time_t)ctl->watch_s) * 1e9) };
	int r;

	do {
		if (ctl->format == WRITER_TEXT)
			fputs("\033[H\033[2J", ctl->out); /* the top of an empty screen */
		r = once(ctl, argc, argv);
		fflush(ctl->out);
	} while (!r && !nanosleep(&pause, NULL));
	return r;
}

/* ---- completion ---- */

/* Prints word number n of a command that begins with the n words given; the shell picks among them. */
static void offer(FILE *out, const char *command, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		size_t len = strcspn(command, " ");

		if (strlen(argv[i]) != len || strncmp(argv[i], command, len))
			return;
		command += len + strspn(command + len, " ");
	}
	if (*command && *command != '[' && *command != '<')
		fprintf(out, "%.*s\n", (int)strcspn(command, " "), command);
}

/* From the daemon's `help`: an array of objects somewhere in the answer, each with the words of a command. */
static void offer_all(FILE *out, const json_t *node, int argc, char **argv)
{
	const char *words = json_string_value(json_object_get(node, "command"));
	const char *key;
	json_t *value;
	size_t i;

	if (!words)
		words = json_string_value(json_object_get(node, "words"));
	if (words)
		offer(out, words, argc, argv);
	json_array_foreach(node, i, value)
		offer_all(out, value, argc, argv);
	json_object_foreach((json_t *)node, key, value)
		offer_all(out, value, argc, argv);
}

static int complete(const struct ctl *ctl, int argc, char **argv)
{
	char *help[] = { "help", NULL }, why[600];
	char *json;
	json_t *o;

	offer(ctl->out, "help", argc, argv);
	if (!argc)
		fputs("gk\n", ctl->out);
	if (argc && !strcmp(argv[0], "gk")) {
		for (unsigned i = 0; gk_usage[i]; i++)
			offer(ctl->out, gk_usage[i], argc - 1, argv + 1);
		return 0;
	}
	json = control_call(ctl->sockets.v[0], 1, help, 1000, why, sizeof(why));
	o = json ? json_loads(json, 0, NULL) : NULL;
	if (o)
		offer_all(ctl->out, o, argc, argv);
	json_decref(o);
	free(json);
	return 0; /* without a daemon there is nothing to offer */
}

static int ask(struct ctl *ctl, int argc, char **argv)
{
	struct gk_options gk = { ctl->gatekeeper, ctl->token_file, ctl->format, ctl->timeout_ms ? ctl->timeout_ms : TIMEOUT_MS };
	struct stream_options stream = { (const char *const *)ctl->sockets.v, ctl->sockets.n, ctl->format == WRITER_JSON,
				       ctl->timeout_ms };

	if (!strcmp(argv[0], "gk"))
		return gk_tool(&gk, argc, argv, ctl->out, ctl->err);
	if (!strcmp(argv[0], "trace"))
		return trace_tool(&stream, argc, argv, ctl->out, ctl->err);
	if (!strcmp(argv[0], "pcap"))
		return pcap_tool(&stream, argc, argv, ctl->out, ctl->err);
	if (ctl->sockets.n > 1) {
		fprintf(ctl->err, "icorpctl: %s: one daemon at a time; only trace and pcap ask several\n", argv[0]);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[0], "complete"))
		return complete(ctl, argc - 1, argv + 1);
	return ctl->watch_s > 0 ? watch(ctl, argc, argv) : once(ctl, argc, argv);
}

int icorpctl_tool(int argc, char **argv, FILE *out, FILE *err)
{
	struct ctl ctl = { .format = WRITER_TEXT, .out = out, .err = err };
	int c, r = -1;

	optind = 0; /* tests call this more than once */
	while (r < 0 && (c = getopt_long(argc, argv, "+s:e:a::jxw::T:g:t:hV", long_options, NULL)) != -1)
		r = option(&ctl, c);
	if (r < 0 && optind >= argc) {
		fputs(usage, err);
		r = EXIT_USAGE;
	}
	if (r < 0 && !ctl.sockets.n)
		r = added(&ctl, "socket", sockets_add_element(&ctl.sockets, NULL));
	if (r < 0)
		r = ask(&ctl, argc - optind, argv + optind);
	sockets_clear(&ctl.sockets);
	return r;
}
