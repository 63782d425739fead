/* See flow.h. All processes share one table; each writes only its own part of it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "bench/load/flow.h"
#include "bench/load/namespace.h"
#include "lib/clock.h"

#define PORT 5001
#define BATCH 64
#define LEAD_US 200000          /* from making the processes to second 0 */
#define LINGER_US 300000        /* for what is still in queues */

struct run { const struct flow *flow; unsigned n, seconds; uint64_t start_us; struct flow_result *result; };

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void sleep_until(uint64_t wall_us)
{
	struct timespec t = { (time_t)(wall_us / CLOCK_S), (long)(wall_us % CLOCK_S * 1000) };

	while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == EINTR) {
	}
}

static int udp(struct in_addr address, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = address, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&sin, sizeof(sin))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- sending ---- */

static int sender_socket(const struct flow *f)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = f->destination, .sin_port = htons(PORT) };
	int fd = udp(f->source, 0);

	if (fd < 0 || (f->sndbuf && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &f->sndbuf, sizeof(f->sndbuf))))
		return -1;
	return connect(fd, (struct sockaddr *)&to, sizeof(to)) ? -1 : fd;
}

static int send_flow(const struct run *run, unsigned i)
{
	static uint8_t payload[FLOW_PAYLOAD];
	const struct flow *f = &run->flow[i];
	uint64_t begin = run->start_us + f->starts_s * CLOCK_S, end = run->start_us + f->ends_s * CLOCK_S, sent = 0;
	double used = 0;
	int fd = namespace_join(f->from) ? -1 : sender_socket(f);

	if (fd < 0) {
		fprintf(stderr, "%s: sender in %s: %s\n", program_invocation_short_name, f->from, strerror(errno));
		return 1;
	}
	sleep_until(begin);
	used = cpu_s();
	while (clock_wall_us() < end) {
		uint64_t due = f->pace_bps ? begin + sent * 8 * CLOCK_S / f->pace_bps : 0;

		if (due > clock_wall_us() + 1000)
			sleep_until(due);
		for (unsigned k = 0; k < (f->pace_bps ? 1 : BATCH / 4); k++)
			if (send(fd, payload, sizeof(payload), 0) < 0 && errno != ENOBUFS && errno != ECONNREFUSED)
				return 1;
		sent += sizeof(payload) + FLOW_OVERHEAD;
	}
	run->result->sender_cpu_s[i] = cpu_s() - used;
	return 0;
}

/* ---- receiving ---- */

static int receiver_socket(const struct flow *f)
{
	int fd = udp(f->destination, PORT), on = 1, room = 16 << 20;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)))
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return fd;
}

static uint64_t arrived_us(struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct timespec t;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
		return 0;
	memcpy(&t, CMSG_DATA(c), sizeof(t));
	return (uint64_t)t.tv_sec * CLOCK_S + (uint64_t)t.tv_nsec / 1000;
}

static void count(const struct run *run, struct msghdr *m, unsigned len)
{
	const struct sockaddr_in *from = m->msg_name;
	uint64_t at = arrived_us(m);

	if (at < run->start_us || at >= run->start_us + run->seconds * CLOCK_S)
		return;
	for (unsigned i = 0; i < run->n; i++) {
		if (run->flow[i].source.s_addr != from->sin_addr.s_addr)
			continue;
		run->result->bytes[i][(at - run->start_us) / CLOCK_S] += len + FLOW_OVERHEAD;
		run->result->packets[i]++;
	}
}

/* Datagrams are not copied: their lengths are enough (MSG_TRUNC). */
static void drain(const struct run *run, int fd)
{
	static struct { struct sockaddr_in from; _Alignas(struct cmsghdr) char control[64]; uint8_t byte; } in[BATCH];
	struct mmsghdr m[BATCH];
	struct iovec v[BATCH];
	int n;

	do {
		for (unsigned i = 0; i < BATCH; i++) {
			v[i] = (struct iovec){ &in[i].byte, 1 };
			m[i].msg_hdr = (struct msghdr){ .msg_name = &in[i].from, .msg_namelen = sizeof(in[i].from),
							.msg_iov = &v[i], .msg_iovlen = 1, .msg_control = in[i].control,
							.msg_controllen = sizeof(in[i].control) };
		}
		n = recvmmsg(fd, m, BATCH, MSG_TRUNC | MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++)
			count(run, &m[i].msg_hdr, m[i].msg_len);
	} while (n == BATCH);
}

/* A socket for each address that flows go to. */
static unsigned open_all(const struct run *run, struct pollfd *fds)
{
	unsigned n = 0;

	for (unsigned i = 0; i < run->n; i++) {
		unsigned k = 0;

		while (k < i && run->flow[k].destination.s_addr != run->flow[i].destination.s_addr)
			k++;
		if (k < i)
			continue;
		fds[n].fd = receiver_socket(&run->flow[i]);
		fds[n].events = POLLIN;
		if (fds[n++].fd < 0)
			return 0;
	}
	return n;
}

static int receive_flows(const struct run *run, const char *to)
{
	uint64_t end = run->start_us + run->seconds * CLOCK_S + LINGER_US;
	struct pollfd fds[FLOWS_MAX];
	unsigned n = namespace_join(to) ? 0 : open_all(run, fds);

	if (!n) {
		fprintf(stderr, "%s: receiver in %s: %s\n", program_invocation_short_name, to, strerror(errno));
		return 1;
	}
	while (clock_wall_us() < end) {
		if (poll(fds, n, 50) <= 0)
			continue;
		for (unsigned i = 0; i < n; i++)
			if (fds[i].revents)
				drain(run, fds[i].fd);
	}
	run->result->receiver_cpu_s = cpu_s();
	return 0;
}

/* ---- all together ---- */

static int wait_all(const pid_t *pid, unsigned n)
{
	int failed = 0, status;

	for (unsigned i = 0; i < n; i++)
		failed |= pid[i] < 0 || waitpid(pid[i], &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status);
	return failed ? -1 : 0;
}

int flow_run(const struct flow *flows, unsigned n, const char *to, unsigned seconds, struct flow_result *result)
{
	struct flow_result *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
					  -1, 0);
	struct run run = { flows, n, seconds, clock_wall_us() + LEAD_US, shared };
	pid_t pid[FLOWS_MAX + 1];
	int rc;

	if (shared == MAP_FAILED || n > FLOWS_MAX || seconds > FLOW_SECONDS_MAX)
		return -1;
	for (unsigned i = 0; i <= n; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(i < n ? send_flow(&run, i) : receive_flows(&run, to));
	}
	rc = wait_all(pid, n + 1);
	*result = *shared;
	munmap(shared, sizeof(*shared));
	return rc;
}
