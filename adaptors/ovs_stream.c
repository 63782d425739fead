/* Connections to Open vSwitch's unix sockets: what is sent is answered within ten seconds, or given up. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "adaptors/ovs.h"
#include "lib/clock.h"

#define PATIENCE_US 10000000u
#define CHUNK 65536

int ovs_stream_open(struct ovs_stream *s, const char *path, char *why, size_t room)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	memset(s, 0, sizeof(*s));
	s->fd = -1;
	if (strlen(path) >= sizeof(to.sun_path)) {
		snprintf(why, room, "%.60s…: too long for a socket's name", path);
		return -ENAMETOOLONG;
	}
	strcpy(to.sun_path, path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	if (!connect(s->fd, (const struct sockaddr *)&to, sizeof(to)))
		return 0;
	snprintf(why, room, "Open vSwitch is down: %.70s: %s", path, strerror(errno));
	ovs_stream_close(s);
	return -EAGAIN;
}

static int wait_for(struct ovs_stream *s, short events)
{
	struct pollfd pfd = { .fd = s->fd, .events = events };
	uint64_t now = clock_now_us();

	if (now >= s->deadline_us)
		return -EAGAIN;
	int rc = poll(&pfd, 1, (int)((s->deadline_us - now + 999) / 1000));

	return rc > 0 || (rc < 0 && errno == EINTR) ? 0 : -EAGAIN;
}

int ovs_stream_send(struct ovs_stream *s, const void *data, size_t len)
{
	const uint8_t *p = data;

	s->deadline_us = clock_now_us() + PATIENCE_US;
	while (len) {
		ssize_t n = send(s->fd, p, len, MSG_NOSIGNAL);

		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if ((errno != EAGAIN && errno != EINTR) || wait_for(s, POLLOUT)) {
			return -EAGAIN;
		}
	}
	return 0;
}

int ovs_stream_receive(struct ovs_stream *s)
{
	int rc = protocol_reserve(&s->in, CHUNK);

	while (!rc) {
		ssize_t n = recv(s->fd, s->in.data + s->in.len, CHUNK, 0);

		if (n > 0) {
			s->in.len += (size_t)n;
			return 0;
		}
		if (!n || (errno != EAGAIN && errno != EINTR))
			return -EAGAIN;
		rc = wait_for(s, POLLIN);
	}
	return rc;
}

void ovs_stream_close(struct ovs_stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	protocol_free(&s->in);
}
