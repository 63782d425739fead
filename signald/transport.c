/* Sockets of the signaling protocol. See transport.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/ip.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/rsvp.h"
#include "signald/transport.h"

#define BATCH 64

struct transport {
	struct in_addr address;
	int raw, alert, udp;            /* sockets; -1: not used */
	struct event *raw_event, *udp_event;
	transport_fn *receive;
	void *ctx;
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	uint8_t buffer[65536];
};

static int socket_open(int type, int protocol, char *why, size_t room)
{
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol), on = 1, size = 4 << 20;

	if (fd < 0) {
		snprintf(why, room, "%s socket: %s", type == SOCK_RAW ? "raw" : "UDP", strerror(errno));
		return -errno;
	}
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

static int udp_open(char *why, size_t room)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(RSVP_PORT) };
	int fd = socket_open(SOCK_DGRAM, 0, why, room), r;

	if (fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any))) {
		r = -errno;
		snprintf(why, room, "UDP port %d: %s", RSVP_PORT, strerror(errno));
		close(fd);
		return r;
	}
	return fd;
}

/* A socket whose datagrams carry Router Alert: 148, 4, value 0 "every router examines" (RFC 2113). */
static int alert_open(char *why, size_t room)
{
	static const uint8_t option[4] = { 148, 4, 0, 0 };
	int fd = socket_open(SOCK_RAW, RSVP_PROTOCOL, why, room), zero = 0;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &zero, sizeof(zero)); /* it only sends */
	if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, option, sizeof(option))) {
		snprintf(why, room, "Router Alert: %s", strerror(errno));
		zero = -errno;
		close(fd);
		return zero;
	}
	return fd;
}

/* What went over the wire, always as a protocol 46 packet, so that any tool reads it. */
static void record(struct transport *t, struct in_addr from, struct in_addr to, const uint8_t *data, size_t len)
{
	struct pcap_pkthdr header;
	uint8_t packet[65536];
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 63, .protocol = RSVP_PROTOCOL, .saddr = from.s_addr,
			    .daddr = to.s_addr };
	const uint16_t *word = (const uint16_t *)&ip;
	uint32_t sum = 0;

	if (!t->dumper || len + sizeof(ip) > sizeof(packet))
		return;
	ip.tot_len = htons((uint16_t)(len + sizeof(ip)));
	for (size_t i = 0; i < sizeof(ip) / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip.check = (uint16_t)~(sum + (sum >> 16));
	memcpy(packet, &ip, sizeof(ip));
	memcpy(packet + sizeof(ip), data, len);
	gettimeofday(&header.ts, NULL);
	header.caplen = header.len = (bpf_u_int32)(len + sizeof(ip));
	pcap_dump((u_char *)t->dumper, &header, packet);
	pcap_dump_flush(t->dumper);
}

/* Takes one datagram; 0 when there is none. */
static int receive_one(struct transport *t, int fd, int raw)
{
	char control[CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct sockaddr_in from;
	struct iovec iov = { t->buffer, sizeof(t->buffer) };
	struct msghdr msg = { &from, sizeof(from), &iov, 1, control, sizeof(control), 0 };
	const uint8_t *data = t->buffer;
	unsigned ifindex = 0;
	ssize_t len = recvmsg(fd, &msg, 0);

	if (len < 0)
		return errno == EINTR;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		struct in_pktinfo info;

		if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		ifindex = (unsigned)info.ipi_ifindex;
	}
	if (raw) {
		size_t header = (size_t)(t->buffer[0] & 15) * 4;

		if ((size_t)len < sizeof(struct iphdr) || (size_t)len < header)
			return 1;
		data += header;
		len -= (ssize_t)header;
	}
	record(t, from.sin_addr, t->address, data, (size_t)len);
	t->receive(t->ctx, from.sin_addr, ifindex, data, (size_t)len);
	return 1;
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct transport *t = ctx;

	for (int i = 0; i < BATCH && receive_one(t, (int)fd, (int)fd == t->raw); i++)
		;
}

static int record_open(struct transport *t, const char *file, char *why, size_t room)
{
	if (!file || !*file)
		return 0;
	t->pcap = pcap_open_dead(DLT_RAW, 65535);
	t->dumper = t->pcap ? pcap_dump_open(t->pcap, file) : NULL;
	if (t->dumper)
		return 0;
	snprintf(why, room, "pcap: %s", t->pcap ? pcap_geterr(t->pcap) : "out of memory");
	return -EIO;
}

static int listen_on(struct event_base *base, struct transport *t, int fd, struct event **event)
{
	*event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, t);
	return *event && !event_add(*event, NULL) ? 0 : -ENOMEM;
}

int transport_new(struct event_base *base, const struct transport_options *options, transport_fn *receive, void *ctx,
		  struct transport **out, char *why, size_t room)
{
	struct transport *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->raw = t->alert = t->udp = -1;
	t->address = options->address;
	t->receive = receive;
	t->ctx = ctx;
	r = t->udp = udp_open(why, room);
	if (r >= 0 && options->raw)
		r = t->raw = socket_open(SOCK_RAW, RSVP_PROTOCOL, why, room);
	if (r >= 0 && options->raw)
		r = t->alert = alert_open(why, room);
	if (r >= 0)
		r = record_open(t, options->pcap, why, room);
	if (r >= 0)
		r = listen_on(base, t, t->udp, &t->udp_event);
	if (r >= 0 && t->raw >= 0)
		r = listen_on(base, t, t->raw, &t->raw_event);
	if (r < 0) {
		transport_free(t);
		return r;
	}
	*out = t;
	return 0;
}

void transport_free(struct transport *t)
{
	if (!t)
		return;
	if (t->udp_event)
		event_free(t->udp_event);
	if (t->raw_event)
		event_free(t->raw_event);
	if (t->udp >= 0)
		close(t->udp);
	if (t->raw >= 0)
		close(t->raw);
	if (t->alert >= 0)
		close(t->alert);
	if (t->dumper)
		pcap_dump_close(t->dumper);
	if (t->pcap)
		pcap_close(t->pcap);
	free(t);
}

int transport_send(struct transport *t, struct in_addr to, int isc, int alert, const uint8_t *data, size_t len)
{
	char control[CMSG_SPACE(sizeof(struct in_pktinfo))];
	int raw = t->raw >= 0 && !isc, fd = !raw ? t->udp : alert ? t->alert : t->raw;
	struct sockaddr_in dest = { .sin_family = AF_INET, .sin_addr = to, .sin_port = raw ? 0 : htons(RSVP_PORT) };
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = { &dest, sizeof(dest), &iov, 1, NULL, 0, 0 };
	struct in_pktinfo info = { .ipi_spec_dst = t->address };
	struct cmsghdr *c;

	if (!isc) { /* neighbours know us by our control address */
		memset(control, 0, sizeof(control));
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
	record(t, t->address, to, data, len);
	return sendmsg(fd, &msg, isc ? MSG_DONTROUTE : 0) < 0 ? -errno : 0;
}
