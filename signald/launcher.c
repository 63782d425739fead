/*
 * The controller's end of the launcher: see launcher.h. Answers come in the order of the requests, so the first that waits is
 * the first to be overdue.
 */
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "signald/launcher.h"
#include "signald/launcher_protocol.h"

#define ANSWER_MS 5000
#define GRACE_MS 10000

struct wait { struct wait *next; uint32_t serial; uint64_t until_us; launcher_answer_fn *answer; void *ctx; };

struct launcher {
	int fd;
	uint32_t serial;
	struct event *readable, *overdue;
	struct wait *waits, **waits_end;
	struct launcher_hooks hooks;
};

int launcher_new(const struct signald_config *config, const char *config_file, struct launcher **out)
{
	struct launcher *l = calloc(1, sizeof(*l));
	int pair[2];
	pid_t pid;

	if (!l)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		int r = -errno;

		free(l);
		return r;
	}
	pid = fork();
	if (!pid) {
		close(pair[0]);
		launcher_serve(pair[1], config, config_file, GRACE_MS);
		_exit(EXIT_SUCCESS);
	}
	close(pair[1]);
	l->fd = pair[0];
	l->waits_end = &l->waits;
	if (pid < 0) {
		int r = -errno;

		launcher_free(l);
		return r;
	}
	*out = l;
	return 0;
}

void launcher_free(struct launcher *l)
{
	if (!l)
		return;
	launcher_forget(l, NULL);
	if (l->readable)
		event_free(l->readable);
	if (l->overdue)
		event_free(l->overdue);
	close(l->fd);
	free(l);
}

/* One report, and the descriptor that came with it or -1. 1; 0: it is gone; -EAGAIN. */
static int take(struct launcher *l, struct launcher_report *report, int *fd)
{
	union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control;
	struct iovec iov = { report, sizeof(*report) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(l->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*fd = -1;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); n && c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return n == (ssize_t)sizeof(*report);
}

static void on_ended(struct launcher *l, const struct launcher_report *report)
{
	char how[64];

	if (WIFSIGNALED(report->value))
		snprintf(how, sizeof(how), "killed by signal %d, %s", WTERMSIG(report->value),
			 strsignal(WTERMSIG(report->value)));
	else
		snprintf(how, sizeof(how), "exit status %d", WEXITSTATUS(report->value));
	if (l->hooks.ended)
		l->hooks.ended(l->hooks.ctx, report->index, report->pid, how);
}

/* Takes out the one that waits for that answer; NULL: it came too late, or nobody asked. */
static struct wait *wait_take(struct launcher *l, uint32_t serial)
{
	struct wait **at = &l->waits, *w;

	while (*at && (*at)->serial != serial)
		at = &(*at)->next;
	w = *at;
	if (!w)
		return NULL;
	*at = w->next;
	if (!*at)
		l->waits_end = at;
	return w;
}

static void give(struct wait *w, int fd, pid_t pid)
{
	launcher_answer_fn *fn = w->answer;
	void *ctx = w->ctx;

	free(w);
	fn(ctx, fd, pid);
}

static void on_report(struct launcher *l, const struct launcher_report *report, int fd)
{
	struct wait *w = report->type == LAUNCHER_REPLY ? wait_take(l, report->serial) : NULL;

	if (report->type == LAUNCHER_ENDED)
		on_ended(l, report);
	if (w)
		give(w, report->value ? report->value : fd, report->pid);
	else if (fd >= 0)
		close(fd);
}

/* The first one's deadline is the next. */
static void set_overdue(struct launcher *l)
{
	uint64_t now = clock_wall_us(), in = l->waits && l->waits->until_us > now ? l->waits->until_us - now : 0;
	struct timeval tv = { (time_t)(in / CLOCK_S), (suseconds_t)(in % CLOCK_S) };

	if (l->waits)
		event_add(l->overdue, &tv);
	else
		event_del(l->overdue);
}

static void on_overdue(evutil_socket_t fd, short what, void *ctx)
{
	struct launcher *l = ctx;

	while (l->waits && l->waits->until_us <= clock_wall_us())
		give(wait_take(l, l->waits->serial), -ETIMEDOUT, 0);
	set_overdue(l);
}

static void on_readable(evutil_socket_t socket, short what, void *ctx)
{
	struct launcher *l = ctx;
	struct launcher_report report;
	int fd, r;

	while ((r = take(l, &report, &fd)) > 0)
		on_report(l, &report, fd);
	if (r)
		return;
	event_del(l->readable);
	while (l->waits)
		give(wait_take(l, l->waits->serial), -EPIPE, 0);
	l->hooks.gone(l->hooks.ctx);
}

int launcher_watch(struct launcher *l, struct event_base *base, const struct launcher_hooks *hooks)
{
	l->hooks = *hooks;
	l->readable = event_new(base, l->fd, EV_READ | EV_PERSIST, on_readable, l);
	l->overdue = evtimer_new(base, on_overdue, l);
	return l->readable && l->overdue && !event_add(l->readable, NULL) ? 0 : -ENOMEM;
}

/* Until there is something to take; 0, -ETIMEDOUT. The clock is not ours: a test may have stopped it. */
static int wait_for(struct launcher *l, uint64_t until_us)
{
	struct pollfd set = { .fd = l->fd, .events = POLLIN };
	uint64_t now = clock_wall_us();

	return now < until_us && poll(&set, 1, (int)((until_us - now) / CLOCK_MS) + 1) ? 0 : -ETIMEDOUT;
}

static int ask(struct launcher *l, enum launcher_verb verb, unsigned index)
{
	struct launcher_request request = { ++l->serial, verb, index };

	return send(l->fd, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int launcher_adaptor(struct launcher *l, unsigned n, pid_t *pid)
{
	uint64_t until = clock_wall_us() + ANSWER_MS * CLOCK_MS;
	struct launcher_report report;
	int fd, r = ask(l, LAUNCHER_START, n);
	uint32_t serial = l->serial;

	if (r)
		return r;
	while (!(r = wait_for(l, until))) {
		r = take(l, &report, &fd);
		if (!r)
			return -EPIPE;
		if (r < 0)
			continue;
		if (report.type == LAUNCHER_REPLY && report.serial == serial) {
			*pid = report.pid;
			return report.value ? report.value : fd;
		}
		on_report(l, &report, fd);
	}
	return r;
}

static int ask_later(struct launcher *l, enum launcher_verb verb, unsigned index, launcher_answer_fn *answer, void *ctx)
{
	struct wait *w = malloc(sizeof(*w));
	int r = w ? ask(l, verb, index) : -ENOMEM;

	if (r) {
		free(w);
		return r;
	}
	*w = (struct wait){ NULL, l->serial, clock_wall_us() + ANSWER_MS * CLOCK_MS, answer, ctx };
	*l->waits_end = w;
	l->waits_end = &w->next;
	if (l->waits == w)
		set_overdue(l);
	return 0;
}

int launcher_ask_adaptor(struct launcher *l, unsigned n, launcher_answer_fn *answer, void *ctx)
{
	return ask_later(l, LAUNCHER_START, n, answer, ctx);
}

int launcher_ask_file(struct launcher *l, enum launcher_file file, launcher_answer_fn *answer, void *ctx)
{
	return ask_later(l, LAUNCHER_OPEN, file, answer, ctx);
}

/* NULL: nobody's are wanted. */
void launcher_forget(struct launcher *l, const void *ctx)
{
	struct wait *next;

	for (struct wait *w = l->waits; w; w = next) {
		next = w->next;
		if (!ctx || w->ctx == ctx)
			free(wait_take(l, w->serial));
	}
}
