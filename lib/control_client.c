/*
 * The client's end of the control socket: blocking, with one deadline over connecting, sending and receiving. Its clock
 * is the kernel's, not clock_now_us(): a test that stopped the clock must not hang here.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/control_request.h"

struct call { int fd; int64_t deadline_ms; char *answer; size_t len, room; };

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Waits for events on the socket. 0, -ETIMEDOUT or -errno. */
static int await(const struct call *call, short events)
{
	struct pollfd p = { .fd = call->fd, .events = events };
	int64_t left = call->deadline_ms - now_ms();
	int n = left > 0 ? poll(&p, 1, (int)left) : 0;

	if (n > 0 || (n < 0 && errno == EINTR))
		return 0;
	return n ? -errno : -ETIMEDOUT;
}

static int open_call(struct call *call, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int r;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path));
	call->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (call->fd < 0)
		return -errno;
	/* EAGAIN: its queue is full, and no poll event tells when it is not */
	while (connect(call->fd, (struct sockaddr *)&to, sizeof(to))) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = now_ms() < call->deadline_ms ? 0 : -ETIMEDOUT;
		if (r)
			return r;
		poll(NULL, 0, 10);
	}
	return 0;
}

static int send_all(struct call *call, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = send(call->fd, text, len, MSG_NOSIGNAL);
		int r;

		if (n > 0) {
			text += n;
			len -= (size_t)n;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			return 0; /* it may have said why */
		} else if (errno != EAGAIN && errno != EINTR) {
			return -errno;
		} else if ((r = await(call, POLLOUT))) {
			return r;
		}
	}
	return 0;
}

/* Reads up to the newline, which is cut off. */
static int receive_line(struct call *call)
{
	for (;;) {
		char *end;
		ssize_t n;

		if (call->room - call->len < 4096) {
			char *bigger = call->room < CONTROL_MAX_ANSWER ? realloc(call->answer, call->room * 2 + 8192) : NULL;

			if (!bigger)
				return call->room < CONTROL_MAX_ANSWER ? -ENOMEM : -EMSGSIZE;
			call->answer = bigger;
			call->room = call->room * 2 + 8192;
		}
		n = recv(call->fd, call->answer + call->len, call->room - call->len, 0);
		if (n > 0) {
			end = memchr(call->answer + call->len, '\n', (size_t)n);
			call->len = end ? (size_t)(end - call->answer) : call->len + (size_t)n;
			if (end)
				return 0;
		} else if (!n) {
			return -ECONNRESET;
		} else if (errno != EAGAIN && errno != EINTR) {
			return -errno;
		} else {
			int r = await(call, POLLIN);

			if (r)
				return r;
		}
	}
}

char *control_call(const char *path, int argc, char *const *argv, int timeout_ms, char *why, size_t room)
{
	struct call call = { .fd = -1, .deadline_ms = now_ms() + timeout_ms };
	char *request = control_request_text(argc, argv), *result = NULL;
	const char *what = "cannot connect";
	int r = request ? 0 : -ENOMEM;

	if (!r)
		r = open_call(&call, path);
	if (!r) {
		what = "no answer";
		r = send_all(&call, request);
	}
	if (!r)
		r = receive_line(&call);
	if (r)
		snprintf(why, room, "%s: %s: %s", path, what, strerror(-r));
	else
		result = control_answer_parse(call.answer, call.len, why, room);
	if (call.fd >= 0)
		close(call.fd);
	free(call.answer);
	free(request);
	return result;
}
