/*
 * One poll loop over all daemons' control sockets. A daemon that cannot be reached, or fails, is complained about; the
 * others go on, and the exit status says it.
 */
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "cli/stream.h"
#include "lib/control.h"
#include "lib/text.h"

#define OPEN_MS 5000

struct source { const char *path; struct control_client *client; };

struct stream {
	const struct stream_options *options;
	const struct stream_hooks *hooks;
	struct source source[TRACE_SOURCES];
	FILE *err;
	int failed;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = 1;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void complain(struct stream *s, const char *path, const char *why)
{
	char safe[800];

	text_escape(why, safe, sizeof(safe));
	fprintf(s->err, "icorpctl: %s: %s\n", path, safe);
	s->failed = 1;
}

/* How many listen. */
static unsigned open_all(struct stream *s, int argc, char *const *words)
{
	unsigned open = 0;
	char why[600];

	for (unsigned i = 0; i < s->options->n_sockets; i++) {
		struct source *one = &s->source[i];

		one->path = s->options->sockets[i];
		one->client = control_open(one->path, argc, words, OPEN_MS, why, sizeof(why));
		if (one->client)
			open++;
		else
			complain(s, one->path, why);
	}
	return open;
}

/* Waits for events at most that long, and takes them. How many are still listened to. */
static unsigned listen_once(struct stream *s, int timeout_ms)
{
	unsigned open = 0, n = s->options->n_sockets;
	struct pollfd p[TRACE_SOURCES];
	char why[600];

	for (unsigned i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = s->source[i].client ? control_fd(s->source[i].client) : -1, .events = POLLIN };
	if (poll(p, n, timeout_ms) < 0)
		memset(p, 0, sizeof(p)); /* interrupted: the caller looks */
	for (unsigned i = 0; i < n; i++) {
		struct source *one = &s->source[i];
		int r = 1;

		if (one->client && p[i].revents)
			r = control_read(one->client, s->hooks->event, s->hooks->ctx, why, sizeof(why));
		if (r < 0)
			complain(s, one->path, why);
		if (r <= 0) {
			control_free(one->client);
			one->client = NULL;
		}
		open += one->client != NULL;
	}
	return open;
}

static void follow(struct stream *s, unsigned open)
{
	int64_t end = s->options->for_ms ? now_ms() + s->options->for_ms : INT64_MAX, left;
	int wait = 0;

	while (open && wait >= 0 && !interrupted && (left = end - now_ms()) > 0) {
		open = listen_once(s, left < wait ? (int)left : wait);
		wait = s->hooks->turn(s->hooks->ctx, 0);
	}
	s->hooks->turn(s->hooks->ctx, 1);
}

int stream_follow(const struct stream_options *options, int argc, char *const *words, const struct stream_hooks *hooks,
		  FILE *err)
{
	struct sigaction action = { .sa_handler = on_signal }, was_int, was_term;
	struct stream s = { .options = options, .hooks = hooks, .err = err };
	unsigned open;

	interrupted = 0;
	sigaction(SIGINT, &action, &was_int);
	sigaction(SIGTERM, &action, &was_term);
	open = open_all(&s, argc, words);
	if (open)
		follow(&s, open);
	for (unsigned i = 0; i < options->n_sockets; i++)
		control_free(s.source[i].client);
	sigaction(SIGINT, &was_int, NULL);
	sigaction(SIGTERM, &was_term, NULL);
	return s.failed ? EXIT_ERROR : 0;
}
