/*
 * The client's end of the control socket: one call, blocking, with one deadline over connecting, sending and receiving;
 * or a stream, of which the caller reads what is there. Its clock
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

/* What was received and not yet taken: len bytes from at on, in a buffer of room bytes. */
struct control_client { int fd; int64_t deadline_ms; char *buffer; size_t at, len, room; };

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Waits for events on the socket. 0, -ETIMEDOUT or -errno. */
static int await(const struct control_client *call, short events)
{
	struct pollfd p = { .fd = call->fd, .events = events };
	int64_t left = call->deadline_ms - now_ms();
	int n = left > 0 ? poll(&p, 1, (int)left) : 0;

	if (n > 0 || (n < 0 && errno == EINTR))
		return 0;
	return n ? -errno : -ETIMEDOUT;
}

static int open_call(struct control_client *call, const char *path)
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

static int send_all(struct control_client *call, const char *text)
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

/* Makes room for more. 0, -ENOMEM, or -EMSGSIZE: the line does not end. */
static int grow(struct control_client *call)
{
	size_t room = call->room * 2 + 8192;
	char *bigger;

	if (call->at) {
		memmove(call->buffer, call->buffer + call->at, call->len);
		call->at = 0;
	}
	if (call->room - call->len >= 4096)
		return 0;
	if (call->room >= CONTROL_MAX_ANSWER)
		return -EMSGSIZE;
	bigger = realloc(call->buffer, room);
	if (!bigger)
		return -ENOMEM;
	call->buffer = bigger;
	call->room = room;
	return 0;
}

/* Receives what is there, once. 0, -EAGAIN (nothing yet) or -errno. */
static int receive(struct control_client *call)
{
	int r = grow(call);
	ssize_t n;

	if (r)
		return r;
	n = recv(call->fd, call->buffer + call->len, call->room - call->len, 0);
	if (n > 0)
		call->len += (size_t)n;
	return n > 0 ? 0 : !n ? -ECONNRESET : errno == EINTR ? -EAGAIN : -errno;
}

/* The next whole line that was received, without its end; NULL: none. It lasts until more is received. */
static const char *take_line(struct control_client *call, size_t *len)
{
	const char *line = call->buffer + call->at, *end = call->len ? memchr(line, '\n', call->len) : NULL;

	if (!end)
		return NULL;
	*len = (size_t)(end - line);
	call->at += *len + 1;
	call->len -= *len + 1;
	return line;
}

struct control_client *control_open(const char *path, int argc, char *const *argv, int timeout_ms, char *why, size_t room)
{
	struct control_client *call = calloc(1, sizeof(*call));
	char *request = control_request_text(argc, argv);
	const char *what = "cannot connect";
	int r = call && request ? 0 : -ENOMEM;

	if (call) {
		call->fd = -1;
		call->deadline_ms = now_ms() + timeout_ms;
	}
	if (!r)
		r = open_call(call, path);
	if (!r) {
		what = "no answer";
		r = send_all(call, request);
	}
	free(request);
	if (!r)
		return call;
	snprintf(why, room, "%s: %s: %s", path, what, strerror(-r));
	control_free(call);
	return NULL;
}

int control_fd(const struct control_client *client)
{
	return client->fd;
}

void control_free(struct control_client *client)
{
	if (client && client->fd >= 0)
		close(client->fd);
	if (client)
		free(client->buffer);
	free(client);
}

int control_read(struct control_client *client, void (*fn)(void *ctx, const char *json), void *ctx, char *why,
		 size_t room)
{
	int r = receive(client);
	const char *line;
	size_t len;

	while ((line = take_line(client, &len))) {
		char *json = control_event_parse(line, len);

		if (!json) { /* the answer: the end */
			json = control_answer_parse(line, len, why, room);
			free(json);
			return json ? 0 : -1;
		}
		fn(ctx, json);
		free(json);
	}
	if (!r || r == -EAGAIN)
		return 1;
	snprintf(why, room, "%s", strerror(-r));
	return -1;
}

char *control_call(const char *path, int argc, char *const *argv, int timeout_ms, char *why, size_t room)
{
	struct control_client *call = control_open(path, argc, argv, timeout_ms, why, room);
	char *result = NULL, *event;
	const char *line;
	size_t len;
	int r = 0;

	if (!call)
		return NULL;
	while (!r && !result) {
		while (!(line = take_line(call, &len)) && !(r = receive(call)))
			;
		if (r == -EAGAIN)
			r = await(call, POLLIN);
		if (r || !line)
			continue;
		event = control_event_parse(line, len);
		if (!event && !(result = control_answer_parse(line, len, why, room)))
			break;
		free(event);
	}
	if (r)
		snprintf(why, room, "%s: no answer: %s", path, strerror(-r));
	control_free(call);
	return result;
}
