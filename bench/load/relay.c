/* A loop of recvmmsg and sendmmsg. See relay.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bench/load/relay.h"
#include "bench/load/socket.h"

#define BATCH 64
#define ROOM 9216

static uint8_t buffer[BATCH][ROOM];

int relay_run(struct in_addr self, struct in_addr up, struct in_addr down, int raw)
{
	struct mmsghdr hdr[BATCH];
	struct sockaddr_in peer[BATCH];
	struct iovec iov[BATCH];
	int fd = socket_open(self, NULL, raw), n, sent;

	if (fd < 0) {
		fprintf(stderr, "signaling: relay: %s\n", strerror(-fd));
		return 1;
	}
	for (;;) {
		for (int i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){ buffer[i], ROOM };
			hdr[i].msg_hdr = (struct msghdr){ &peer[i], sizeof(peer[i]), &iov[i], 1, NULL, 0, 0 };
		}
		n = recvmmsg(fd, hdr, BATCH, MSG_WAITFORONE, NULL);
		if (n < 0 && errno != EINTR)
			return 1;
		for (int i = 0; i < n; i++) {
			size_t skip = raw ? (size_t)(buffer[i][0] & 15) * 4 : 0;

			iov[i] = (struct iovec){ buffer[i] + skip, hdr[i].msg_len - skip };
			peer[i].sin_addr = peer[i].sin_addr.s_addr == up.s_addr ? down : up;
		}
		for (int done = 0; done < n; done += sent) {
			sent = sendmmsg(fd, hdr + done, (unsigned)(n - done), 0);
			if (sent < 1)
				sent = 1; /* that one is lost */
		}
	}
}
