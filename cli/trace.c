/*
 * icorpctl trace ID: one ICorp through every element asked. Each daemon streams its events (lib/control.h); here they
 * are put in the order of their wall-clock times and printed, a row or a JSON line each, with the ms since the first.
 * Of a single daemon the times are its monotonic clock's. What several say is held back a moment, so that a slow one is
 * not printed too late.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/stream.h"
#include "lib/text.h"

#define HOLD_US 200000

struct event { int64_t at_us, came_us; json_t *o; };

struct trace {
	const struct stream_options *options;
	FILE *out, *err;
	struct event *event; size_t n, room;    /* held back, in order */
	int64_t first_us;                       /* 0: nothing happened yet */
	json_t *names;                          /* element by address, of those that are asked */
};

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static const char *string(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "";
}

static void print(struct trace *t, const struct event *e)
{
	const char *address = string(e->o, "neighbour"), *name = json_string_value(json_object_get(t->names, address));
	int start = !strcmp(string(e->o, "event"), "start");
	char cell[5][600], *line, ms[32] = "-";

	if (!start && !t->first_us)
		t->first_us = e->at_us;
	if (!start)
		snprintf(ms, sizeof(ms), "%.3f", (double)(e->at_us - t->first_us) / 1000);
	if (t->options->json) {
		if (!start)
			json_object_set_new(e->o, "ms", json_real((double)(e->at_us - t->first_us) / 1000));
		line = json_dumps(e->o, JSON_COMPACT | JSON_REAL_PRECISION(15));
		fprintf(t->out, "%s\n", line ? line : "");
		free(line);
	} else {
		text_escape(string(e->o, "element"), cell[0], sizeof(cell[0]));
		text_escape(string(e->o, "event"), cell[1], sizeof(cell[1]));
		text_escape(string(e->o, "message"), cell[2], sizeof(cell[2]));
		text_escape(name ? name : address, cell[3], sizeof(cell[3]));
		text_escape(string(e->o, "text"), cell[4], sizeof(cell[4]));
		fprintf(t->out, "%10s  %-8s  %-8s  %-8s  %-15s  %s\n", ms, cell[0], cell[1], cell[2], cell[3], cell[4]);
		if (json_object_get(e->o, "lost"))
			fprintf(t->err, "icorpctl: %s: %" JSON_INTEGER_FORMAT " events were lost before this one\n", cell[0],
				json_integer_value(json_object_get(e->o, "lost")));
	}
}

/* Prints what came until then, and what is to be before it. */
static void print_until(struct trace *t, int64_t until_us)
{
	size_t i;

	for (i = 0; i < t->n && t->event[i].came_us <= until_us; i++) {
		print(t, &t->event[i]);
		json_decref(t->event[i].o);
	}
	if (!i)
		return;
	t->n -= i;
	memmove(t->event, t->event + i, t->n * sizeof(*t->event));
	fflush(t->out);
}

static void on_event(void *ctx, const char *json)
{
	struct trace *t = ctx;
	json_t *o = json_loads(json, 0, NULL);
	struct event e = { json_integer_value(json_object_get(o, t->options->n_sockets > 1 ? "wall_us" : "at_us")),
			   now_us(), o };
	size_t i = t->n;

	if (t->n == t->room) {
		size_t room = t->room ? t->room * 2 : 64;
		struct event *bigger = realloc(t->event, room * sizeof(*bigger));

		if (!bigger) {
			json_decref(o);
			return;
		}
		t->event = bigger;
		t->room = room;
	}
	if (!strcmp(string(o, "event"), "start")) {
		json_object_set_new(t->names, string(o, "address"), json_string(string(o, "element")));
		print(t, &e);
		fflush(t->out); /* who reads this knows from then on that nothing is missed */
		json_decref(o);
		return;
	}
	for (; i && t->event[i - 1].at_us > e.at_us; i--)
		t->event[i] = t->event[i - 1];
	t->event[i] = e;
	t->n++;
}

/* trace ID [--leader ADDRESS] -> the daemons' words; NULL ends them. -1: a wrong command line. */
static int words_of(int argc, char **argv, char **words, FILE *err)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--leader") && i + 1 < argc && n == 2)
			words[n++] = argv[++i];
		else if (*argv[i] != '-' && n < 2)
			words[n++] = argv[i];
		else
			n = 99;
		if (n > 3)
			break;
	}
	if (n == 2 || n == 3)
		return n;
	fputs("icorpctl: usage: icorpctl [-s SOCKET]... [--all[=DIR]] trace ID [--leader ADDRESS]\n", err);
	return -1;
}

static int on_turn(void *ctx, int end)
{
	struct trace *t = ctx;

	print_until(t, t->options->n_sockets > 1 && !end ? now_us() - HOLD_US : INT64_MAX);
	return ferror(t->out) ? -1 : t->n ? 20 : 1000;
}

int trace_tool(const struct stream_options *options, int argc, char **argv, FILE *out, FILE *err)
{
	struct trace t = { .options = options, .out = out, .err = err, .names = json_object() };
	struct stream_hooks hooks = { on_event, on_turn, &t };
	char *words[3];
	int n = words_of(argc, argv, words, err), r;

	if (n < 0 || !t.names) {
		json_decref(t.names);
		return EXIT_USAGE;
	}
	if (!options->json)
		fprintf(out, "%10s  %-8s  %-8s  %-8s  %-15s  %s\n", "MS", "ELEMENT", "EVENT", "MESSAGE", "NEIGHBOUR", "WHAT");
	r = stream_follow(options, n, words, &hooks, err);
	free(t.event);
	json_decref(t.names);
	return r || ferror(out) ? EXIT_ERROR : 0;
}
