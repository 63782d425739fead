/*
 * libicorp's end of the controller's socket: one request per connection, a JSON line each way.
 *
 *     icorp_more/less/status/connect -> call(): connect, send, wait with a deadline, parse
 *     icorp_watch -> watch_ask() -> … icorp_dispatch(): read; when the line is whole: tell, ask again
 *
 * The watch's connection changes with every question, so callers get the descriptor of an epoll set that holds it.
 * Non-blocking throughout; only call() polls.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "agent/client_parse.h"

#define DEFAULT_TIMEOUT_MS 15000
#define MAX_ANSWER (1u << 20)

/* One question under way. */
struct exchange { int fd; char *text; size_t len, room; };

struct icorp {
	struct sockaddr_un at;
	int timeout_ms, epoll;
	struct exchange watch;       /* fd -1: not watching */
	icorp_changed_fn *changed;
	void *ctx;
	uint64_t told;               /* the serial the callback saw last */
	char error[256];
};

static int fail(struct icorp *ic, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int fail(struct icorp *ic, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ic->error, sizeof(ic->error), fmt, ap);
	va_end(ap);
	return r;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void exchange_end(struct exchange *x)
{
	if (x->fd >= 0)
		close(x->fd);
	free(x->text);
	*x = (struct exchange){ .fd = -1 };
}

/* Connects and sends the line. A Unix socket connects at once or not at all, and a request fits its buffer. */
static int exchange_begin(struct icorp *ic, struct exchange *x, const char *line)
{
	size_t len = strlen(line);
	int r;

	*x = (struct exchange){ .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
	if (x->fd < 0)
		return fail(ic, -errno, "socket: %s", strerror(errno));
	if (connect(x->fd, (struct sockaddr *)&ic->at, sizeof(ic->at))) {
		r = -errno;
		exchange_end(x);
		return fail(ic, r, "%s: %s; does icorp-agent run here?", ic->at.sun_path, strerror(-r));
	}
	if (send(x->fd, line, len, MSG_NOSIGNAL) != (ssize_t)len) {
		exchange_end(x);
		return fail(ic, -EPIPE, "%s: the controller does not listen", ic->at.sun_path);
	}
	return 0;
}

/* Reads what is there. 1: the line is whole; 0: more to come; -errno. */
static int exchange_read(struct icorp *ic, struct exchange *x)
{
	for (;;) {
		ssize_t n;

		if (x->len + 1 >= x->room) {
			size_t room = x->room ? 2 * x->room : 4096;
			char *text = room <= MAX_ANSWER ? realloc(x->text, room) : NULL;

			if (!text)
				return fail(ic, room <= MAX_ANSWER ? -ENOMEM : -EMSGSIZE, "the answer is too long");
			x->text = text;
			x->room = room;
		}
		n = read(x->fd, x->text + x->len, x->room - x->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : fail(ic, -errno, "%s: %s", ic->at.sun_path, strerror(errno));
		if (!n)
			return fail(ic, -ECONNRESET, "%s: the controller hung up", ic->at.sun_path);
		x->len += (size_t)n;
		x->text[x->len] = '\0';
		if (memchr(x->text + x->len - n, '\n', (size_t)n))
			return 1;
	}
}

static int wait_readable(struct icorp *ic, int fd, int64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left = deadline_ms - now_ms();

	if (left <= 0 || !poll(&p, 1, (int)left))
		return fail(ic, -ETIMEDOUT, "no answer from the controller within %d ms", ic->timeout_ms);
	return 0;
}

/* One blocking question. 0 and *result (the caller's reference), or -errno. */
static int call(struct icorp *ic, const char *line, json_t **result)
{
	int64_t deadline = now_ms() + ic->timeout_ms;
	struct exchange x;
	int r = exchange_begin(ic, &x, line);

	ic->error[0] = r ? ic->error[0] : '\0';
	while (!r) {
		r = exchange_read(ic, &x);
		if (!r)
			r = wait_readable(ic, x.fd, deadline);
	}
	if (r > 0)
		r = parse_reply(x.text, result, ic->error, sizeof(ic->error));
	exchange_end(&x);
	return r;
}

int icorp_connect(const char *path, struct icorp **out)
{
	struct icorp *ic = calloc(1, sizeof(*ic));
	json_t *result;
	int r;

	if (!ic)
		return -ENOMEM;
	if (!path && !(path = getenv("ICORP_SOCKET")))
		path = access(ICORP_SOCKET_PATH, F_OK) && !access(ICORP_SOCKET_PATH_2, F_OK) ? ICORP_SOCKET_PATH_2 :
											      ICORP_SOCKET_PATH;
	ic->at.sun_family = AF_UNIX;
	ic->timeout_ms = DEFAULT_TIMEOUT_MS;
	ic->watch.fd = -1;
	ic->epoll = epoll_create1(EPOLL_CLOEXEC);
	r = ic->epoll < 0 ? -errno : strlen(path) >= sizeof(ic->at.sun_path) ? -ENAMETOOLONG : 0;
	if (!r) {
		memcpy(ic->at.sun_path, path, strlen(path) + 1);
		r = call(ic, "{\"argv\":[\"price\"]}\n", &result);
	}
	if (r) {
		icorp_close(ic);
		return r;
	}
	json_decref(result);
	*out = ic;
	return 0;
}

void icorp_close(struct icorp *ic)
{
	if (!ic)
		return;
	exchange_end(&ic->watch);
	if (ic->epoll >= 0)
		close(ic->epoll);
	free(ic);
}

const char *icorp_error(const struct icorp *ic)
{
	return ic->error;
}

void icorp_timeout(struct icorp *ic, int timeout_ms)
{
	ic->timeout_ms = timeout_ms;
}

static int ask(struct icorp *ic, const char *word, enum icorp_resource resource, unsigned steps,
	       struct icorp_answer *answer)
{
	char line[128];
	json_t *result;
	int r;

	memset(answer, 0, sizeof(*answer));
	snprintf(line, sizeof(line), "{\"argv\":[\"%s\",\"%s\",\"%u\"]}\n", word, icorp_resource_name(resource), steps);
	r = call(ic, line, &result);
	if (r)
		return r;
	r = parse_answer(result, answer);
	json_decref(result);
	return r ? fail(ic, r, "the controller's answer is not understood") : 0;
}

int icorp_more(struct icorp *ic, enum icorp_resource resource, unsigned steps, struct icorp_answer *answer)
{
	return ask(ic, "more", resource, steps, answer);
}

int icorp_less(struct icorp *ic, enum icorp_resource resource, unsigned steps, struct icorp_answer *answer)
{
	return ask(ic, "less", resource, steps, answer);
}

int icorp_status(struct icorp *ic, struct icorp_status *status)
{
	json_t *result;
	int r;

	memset(status, 0, sizeof(*status));
	r = call(ic, "{\"argv\":[\"status\"]}\n", &result);
	if (r)
		return r;
	r = parse_status(result, status);
	json_decref(result);
	return r ? fail(ic, r, "the controller's answer is not understood") : 0;
}

/* ---- watching ---- */

/* serial NULL: whatever it is now. */
static int watch_ask(struct icorp *ic, const uint64_t *serial)
{
	struct epoll_event event = { .events = EPOLLIN };
	char line[64] = "{\"argv\":[\"watch\"]}\n";
	int r;

	if (serial)
		snprintf(line, sizeof(line), "{\"argv\":[\"watch\",\"%llu\"]}\n", (unsigned long long)*serial);
	r = exchange_begin(ic, &ic->watch, line);
	if (!r && epoll_ctl(ic->epoll, EPOLL_CTL_ADD, ic->watch.fd, &event)) {
		r = fail(ic, -errno, "epoll: %s", strerror(errno));
		exchange_end(&ic->watch);
	}
	return r;
}

int icorp_watch(struct icorp *ic, icorp_changed_fn *changed, void *ctx)
{
	if (ic->watch.fd >= 0)
		return fail(ic, -EALREADY, "already watching");
	ic->changed = changed;
	ic->ctx = ctx;
	ic->told = 0;
	return watch_ask(ic, NULL);
}

void icorp_unwatch(struct icorp *ic)
{
	exchange_end(&ic->watch); /* closing also takes it out of the epoll set */
}

int icorp_fd(const struct icorp *ic)
{
	return ic->epoll;
}

/* A whole answer: asks again, then tells (the callback may call icorp_unwatch). */
static int watch_answered(struct icorp *ic)
{
	struct icorp_status status = { 0 };
	json_t *result;
	int r = parse_reply(ic->watch.text, &result, ic->error, sizeof(ic->error));

	exchange_end(&ic->watch);
	if (r)
		return r;
	r = parse_status(result, &status);
	json_decref(result);
	if (r)
		return fail(ic, r, "the controller's answer is not understood");
	r = watch_ask(ic, &status.serial);
	if (!r && status.serial != ic->told) { /* the same: only a sign of life */
		ic->told = status.serial;
		ic->changed(ic->ctx, &status);
	}
	icorp_status_clear(&status);
	return r;
}

int icorp_dispatch(struct icorp *ic)
{
	int r;

	if (ic->watch.fd < 0)
		return 0;
	r = exchange_read(ic, &ic->watch);
	if (r < 0)
		exchange_end(&ic->watch);
	return r > 0 ? watch_answered(ic) : r;
}
