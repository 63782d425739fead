/*
 * From a demand's datagram to the kernel: the endpoint's Resv asks a router for another rate (a demand for bandwidth is an
 * absolute rate on its way to the leader), a real icorp-signald decides, its adaptor tc changes the ICorp's class on both
 * links, and the kernel notifies everybody who listens (RTNLGRP_TC). The time between the send and the second of the two
 * notifications counts, our own wakening included. The floor is the same datagram through a bare relay, until the next
 * neighbour has it: only the kernel's part and one process in between.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load/bench.h"
#include "bench/load/messages.h"
#include "lib/clock.h"

#define DEMANDS_MAX 2000
#define POOL "2000"             /* classes on each link */
#define LINKS 2
#define PATIENCE_MS 2000
#define QUIET_MS 700            /* nothing notified for so long: the pool is there */
#define PAUSE_US 2000           /* between demands */
#define RATE 64000u             /* of the contract; a demand asks for twice that, the next one takes it back */

/* The rate, in bytes a second, of the class that the message is about; 0: it is about none. */
static uint32_t class_rate(const struct nlmsghdr *m)
{
	const struct tcmsg *tcm = NLMSG_DATA(m);
	int len = (int)m->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*tcm));
	const struct rtattr *a = (const struct rtattr *)((const char *)tcm + NLMSG_ALIGN(sizeof(*tcm)));

	if (m->nlmsg_type != RTM_NEWTCLASS)
		return 0;
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		int inner = (int)RTA_PAYLOAD(a);

		if (a->rta_type != TCA_OPTIONS)
			continue;
		for (const struct rtattr *o = RTA_DATA(a); RTA_OK(o, inner); o = RTA_NEXT(o, inner))
			if (o->rta_type == TCA_HTB_PARMS)
				return ((const struct tc_htb_opt *)RTA_DATA(o))->rate.rate;
	}
	return 0;
}

/* How many classes were given that rate, of those that the kernel tells of now. */
static unsigned notified(int fd, uint32_t rate)
{
	_Alignas(struct nlmsghdr) static char buffer[65536];
	unsigned n = 0;
	ssize_t got;

	while ((got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0 || (got < 0 && errno == ENOBUFS)) {
		int len = (int)got;

		for (const struct nlmsghdr *m = (struct nlmsghdr *)buffer; got > 0 && NLMSG_OK(m, len); m = NLMSG_NEXT(m, len))
			n += class_rate(m) == rate;
	}
	return n;
}

static void wait_quiet(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, QUIET_MS) > 0)
		notified(fd, 0);
}

static int watch_open(void)
{
	struct sockaddr_nl us = { .nl_family = AF_NETLINK, .nl_groups = 1u << (RTNLGRP_TC - 1) };
	int fd = namespace_socket("r1", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	if (fd >= 0 && !bind(fd, (struct sockaddr *)&us, sizeof(us)))
		return fd;
	fprintf(stderr, "adaptors: no notifications of r1's classes: %s\n", strerror(errno));
	return -1;
}

static int readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) > 0;
}

static void send_demand(struct generator *g, uint64_t rate_bps)
{
	struct slot *s = &g->slot[g->n - 1];

	messages_resv(g, DOCS_FIRST + g->n - 1, s->lih, g->down.addr);
	g->resv.flow.rate_bps = rate_bps;
	s->resv_id = neighbour_send(&g->down, &g->resv, g->n - 1);
	neighbour_flush(&g->down);
}

/* 0, or -1: the kernel's classes did not change in time. */
static int demand(struct generator *g, int fd, uint64_t rate_bps, double *ms)
{
	uint64_t start = clock_now_us();
	unsigned changed = 0;

	send_demand(g, rate_bps);
	while (changed < LINKS && readable(fd))
		changed += notified(fd, (uint32_t)(rate_bps / 8));
	*ms = (double)(clock_now_us() - start) / 1e3;
	generator_run(g, clock_now_us() + PAUSE_US, NULL);
	return changed < LINKS ? -1 : 0;
}

static int demand_floor(struct generator *g, uint64_t rate_bps, double *ms)
{
	uint64_t start = clock_now_us();
	int rc;

	send_demand(g, rate_bps);
	rc = readable(g->up.fd) ? 0 : -1;
	*ms = (double)(clock_now_us() - start) / 1e3;
	generator_run(g, clock_now_us() + PAUSE_US / 2, NULL);
	return rc;
}

struct delays { unsigned n; double ms[DEMANDS_MAX], floor_ms[DEMANDS_MAX]; };

static int run(struct rig *rig, int fd, struct delays *d, unsigned n)
{
	int rc = 0;

	wait_quiet(fd);
	for (d->n = 0; !rc && d->n < n; d->n++) {
		uint64_t rate_bps = d->n % 2 ? RATE : 2 * RATE;

		rc = demand(&rig->g, fd, rate_bps, &d->ms[d->n]) || demand_floor(&rig->floor, rate_bps, &d->floor_ms[d->n]);
	}
	return rc ? -1 : 0;
}

static void report(struct bench *b, struct delays *d)
{
	struct report_row row = { .name = "demand_to_kernel_p50_ms", .unit = "ms" };

	row.value = report_quantile(d->ms, d->n, 0.5);
	row.floor = report_quantile(d->floor_ms, d->n, 0.5);
	snprintf(row.note, sizeof(row.note), "%u demands, from the send until both links' classes have the rate; floor: the "
		 "datagram through a bare relay", d->n);
	report_add(&b->report, &row);
	row = (struct report_row){ .name = "demand_to_kernel_p99_ms", .unit = "ms", .goal = 2 };
	row.value = report_quantile(d->ms, d->n, 0.99);
	row.floor = report_quantile(d->floor_ms, d->n, 0.99);
	snprintf(row.note, sizeof(row.note), POOL " classes on each link");
	report_add(&b->report, &row);
}

void measure_demand(void *ctx)
{
	static struct delays delays;
	struct bench *b = ctx;
	unsigned n = b->options.quick ? 50 : DEMANDS_MAX;
	struct rig rig;
	int fd = -1;

	b->adaptor = "adaptor tc { type = \"tc\" options = {\"link.in=10G\", \"link.out=10G\", \"pool=" POOL "\"} }";
	if (rig_start(&rig, b, 1, 3600 * 1000, bench_docs(b)) || (fd = watch_open()) < 0 || run(&rig, fd, &delays, n))
		report_missing(&b->report, "demand_to_kernel_p99_ms", "after %u demands the classes did not change", delays.n);
	else
		report(b, &delays);
	rig_stop(&rig);
	if (fd >= 0)
		close(fd);
}
