/* See socket.h. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load/socket.h"
#include "lib/rsvp.h"

#define BUFFER (64 << 20)

int socket_open(struct in_addr self, const char *device, int raw)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr = self, .sin_port = htons(raw ? 0 : RSVP_PORT) };
	int fd = socket(AF_INET, (raw ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC, raw ? RSVP_PROTOCOL : 0);
	int size = BUFFER;

	if (fd < 0)
		return -errno;
	/* what is not received in time must not be the measurement's fault */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if ((device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device))) ||
	    bind(fd, (struct sockaddr *)&name, sizeof(name))) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}
