/*
 * The controller's end: the process's life and death (see client.c). Death is seen as end of file, whatever its cause.
 */
#include "config.h"

#include "adaptors/client_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_DEATHS 3

/* Sends from the output: 0, -EAGAIN when not all went, -errno. */
int client_send_some(struct adaptor_client *c)
{
	while (c->out.pos < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->out.pos, c->out.len - c->out.pos, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		c->out.pos += (size_t)n;
	}
	return 0;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct adaptor_client *c = arg;
	int rc = client_send_some(c);

	if (rc == -EAGAIN)
		event_add(c->writable, NULL);
	/* Anything else: the reading side sees the end of file, after what the process still said. */
}

static int serve(struct adaptor_client *c, int fd, pid_t pid)
{
	c->fd = fd;
	c->pid = pid;
	c->readable = event_new(c->base, c->fd, EV_READ | EV_PERSIST, client_on_readable, c);
	c->writable = event_new(c->base, c->fd, EV_WRITE, on_writable, c);
	if (!c->readable || !c->writable)
		return -ENOMEM;
	event_add(c->readable, NULL);
	event_add(c->writable, NULL);
	return 0;
}

int client_start(struct adaptor_client *c)
{
	pid_t pid = 0;
	int fd = c->start(c->start_ctx, &pid);

	return fd >= 0 ? serve(c, fd, pid) : fd == -EINPROGRESS ? 0 : fd;
}

void adaptor_client_started(struct adaptor_client *c, int fd, pid_t pid)
{
	int rc = fd < 0 ? fd : serve(c, fd, pid);

	if (rc)
		client_died(c, strerror(-rc));
}

/* Lets go of the process, dead or not: it ends with the socketpair. One that does not is killed by the next start. */
void client_stop(struct adaptor_client *c)
{
	if (c->readable)
		event_free(c->readable);
	if (c->writable)
		event_free(c->writable);
	c->readable = c->writable = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->pid = 0;
	c->in.pos = c->in.len = c->out.pos = c->out.len = 0;
	c->up = 0;
}

/* The process is gone and its session's apply with it. */
static void apply_lost(struct adaptor_client *c, struct client_session *s, uint64_t cookie)
{
	client_landed(c, s);
	if (++s->deaths < MAX_DEATHS)
		return;
	client_answer_later(c, ADAPTOR_APPLY, s->entry.key, cookie, -EIO,
			    "the adaptor process died of these terms, repeatedly");
	if (!s->queued)                  /* nothing newer waits */
		client_forget(c, s);
	else
		s->deaths = 0;
}

/* What flew will not be answered by the process: applies go out again, the others have failed. */
static void drop_flights(struct adaptor_client *c)
{
	struct client_flight *f;

	while ((f = TAILQ_FIRST(&c->flying))) {
		struct client_session *s = client_session_find(c, f->key);

		TAILQ_REMOVE(&c->flying, f, link);
		client_waits_no_more(c, &f->waits);
		if (f->request != ADAPTOR_APPLY && !f->silent)
			client_answer_down(c, f->request, f->key, f->cookie);
		else if (f->request == ADAPTOR_APPLY && s && s->flying == f->serial)
			apply_lost(c, s, f->cookie);
		free(f);
	}
}

/* What the next process is to be sent: terms that were not answered, and the revokes it must have missed. */
static void requeue(struct adaptor_client *c)
{
	for (struct client_session *s = NULL; (s = client_session_next(c, s));) {
		s->silent = s->gone;
		s->deferred = 0;
		client_waits_no_more(c, &s->waits);
		client_unqueue(c, s);
		client_enqueue(c, s);
	}
}

void client_died(struct adaptor_client *c, const char *reason)
{
	struct timeval in;

	if (c->up && clock_now_us() - c->up_since_us > CLIENT_RESTART_CAP_US)
		c->restart_us = CLIENT_RESTART_FIRST_US;
	client_stop(c);
	drop_flights(c);
	requeue(c);
	c->told_waiting = 0;
	in = (struct timeval){ .tv_sec = (time_t)(c->restart_us / CLOCK_S),
			       .tv_usec = (suseconds_t)(c->restart_us % CLOCK_S) };
	event_add(c->restart, &in);
	c->restart_us = c->restart_us * 2 > CLIENT_RESTART_CAP_US ? CLIENT_RESTART_CAP_US : c->restart_us * 2;
	if (c->state)
		c->state(c->ctx, c, ADAPTOR_DOWN, reason);
}

void client_on_restart(evutil_socket_t fd, short what, void *arg)
{
	struct adaptor_client *c = arg;

	int rc = client_start(c);

	if (rc)
		client_died(c, strerror(-rc));
}
