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
#define BUFFER 65536

struct transport {
	struct in_addr address;
	int raw, alert, udp;            /* sockets; -1: not used */
	struct event *raw_event, *udp_event;
	struct transport_hooks hooks;
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	void (*tap)(void *ctx, const uint8_t *packet, size_t len);
	void *tap_ctx;
	uint8_t *buffers;
	struct mmsghdr in[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_in from[BATCH];
	char control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

static int socket_open(int type, int protocol, char *why, size_t room)
{
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol), on = 1, size = 4 << 20, ttl = TRANSPORT_TTL;

	if (fd < 0) {
		snprintf(why, room, "%s socket: %s", type == SOCK_RAW ? "raw" : "UDP", strerror(errno));
		return -errno;
	}
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
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

/* Also gets what has Router Alert and passes through (RFC 2113): Paths past routers without a controller. */
static int raw_open(char *why, size_t room)
{
	int fd = socket_open(SOCK_RAW, RSVP_PROTOCOL, why, room), on = 1, r;

	if (fd < 0 || !setsockopt(fd, IPPROTO_IP, IP_ROUTER_ALERT, &on, sizeof(on)))
		return fd;
	r = -errno;
	snprintf(why, room, "Router Alert: %s", strerror(errno));
	close(fd);
	return r;
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

	if ((!t->dumper && !t->tap) || len + sizeof(ip) > sizeof(packet))
		return;
	ip.tot_len = htons((uint16_t)(len + sizeof(ip)));
	for (size_t i = 0; i < sizeof(ip) / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip.check = (uint16_t)~(sum + (sum >> 16));
	memcpy(packet, &ip, sizeof(ip));
	memcpy(packet + sizeof(ip), data, len);
	if (t->tap)
		t->tap(t->tap_ctx, packet, len + sizeof(ip));
	if (!t->dumper)
		return;
	gettimeofday(&header.ts, NULL);
	header.caplen = header.len = (bpf_u_int32)(len + sizeof(ip));
	pcap_dump((u_char *)t->dumper, &header, packet);
	pcap_dump_flush(t->dumper);
}

/* What the kernel says beside a datagram. A local one's "specific destination" is the address it was sent to. */
static void described(struct msghdr *msg, struct transport_received *r)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		struct in_pktinfo info;
		int ttl;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			r->ifindex = (unsigned)info.ipi_ifindex;
			r->to = info.ipi_addr;
			r->passing = info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) {
			memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
			r->ttl = (unsigned)ttl;
		}
	}
}

static void take(struct transport *t, struct transport_received *r, int raw)
{
	if (raw) {
		size_t header = r->len ? (size_t)(r->data[0] & 15) * 4 : 0;

		if (r->len < sizeof(struct iphdr) || r->len < header)
			return;
		r->data += header;
		r->len -= header;
	}
	record(t, r->from, r->passing ? r->to : t->address, r->data, r->len);
	t->hooks.receive(t->hooks.ctx, r);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct transport *t = ctx;
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		t->in[i].msg_hdr.msg_namelen = sizeof(t->from[i]);
		t->in[i].msg_hdr.msg_controllen = sizeof(t->control[i]);
	}
	n = recvmmsg((int)fd, t->in, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		struct transport_received r = { .from = t->from[i].sin_addr, .data = t->iov[i].iov_base, .len = t->in[i].msg_len };

		described(&t->in[i].msg_hdr, &r);
		take(t, &r, (int)fd == t->raw);
	}
}

/* Buffers of the largest datagram there is; memory is used only as far as datagrams fill it. */
static int receive_open(struct transport *t)
{
	t->buffers = malloc((size_t)BATCH * BUFFER);
	if (!t->buffers)
		return -ENOMEM;
	for (unsigned i = 0; i < BATCH; i++) {
		t->iov[i] = (struct iovec){ t->buffers + (size_t)i * BUFFER, BUFFER };
		t->in[i].msg_hdr = (struct msghdr){ .msg_name = &t->from[i], .msg_iov = &t->iov[i], .msg_iovlen = 1,
						    .msg_control = t->control[i] };
	}
	return 0;
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

static int listener(struct event_base *base, struct transport *t, int fd, struct event **event)
{
	*event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, t);
	return *event ? 0 : -ENOMEM;
}

void transport_listen(struct transport *t)
{
	event_add(t->udp_event, NULL);
	if (t->raw_event)
		event_add(t->raw_event, NULL);
}

int transport_new(struct event_base *base, const struct transport_options *options, const struct transport_hooks *hooks,
		  struct transport **out, char *why, size_t room)
{
	struct transport *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->raw = t->alert = t->udp = -1;
	t->address = options->address;
	t->hooks = *hooks;
	snprintf(why, room, "receive buffers");
	r = receive_open(t);
	if (!r)
		r = t->udp = udp_open(why, room);
	if (r >= 0 && options->raw)
		r = t->raw = raw_open(why, room);
	if (r >= 0 && options->raw)
		r = t->alert = alert_open(why, room);
	if (r >= 0)
		r = record_open(t, options->pcap, why, room);
	if (r >= 0)
		r = listener(base, t, t->udp, &t->udp_event);
	if (r >= 0 && t->raw >= 0)
		r = listener(base, t, t->raw, &t->raw_event);
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
	free(t->buffers);
	free(t);
}

/* The ways out. */
enum way { WAY_ISC, WAY_UDP, WAY_RAW, WAY_ALERT, WAYS };

static enum way way_of(const struct transport *t, const struct transport_datagram *d)
{
	return d->isc ? WAY_ISC : t->raw < 0 ? WAY_UDP : d->alert ? WAY_ALERT : WAY_RAW;
}

/* Neighbours know us by our control address; ISCs by whatever address of ours they see. */
static void source(struct transport *t, struct msghdr *msg, char *control)
{
	struct in_pktinfo info = { .ipi_spec_dst = t->address };
	struct cmsghdr *c;

	memset(control, 0, CMSG_SPACE(sizeof(info)));
	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(sizeof(info));
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
}

/* Sends what goes this way; one that fails does not hold up the others. */
static void send_by(struct transport *t, enum way way, struct transport_datagram **v, unsigned n)
{
	int fd = way == WAY_RAW ? t->raw : way == WAY_ALERT ? t->alert : t->udp;
	char control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct sockaddr_in dest[BATCH];
	struct mmsghdr out[BATCH] = { 0 };
	struct iovec iov[BATCH];

	for (unsigned i = 0; i < n; i++) {
		dest[i] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = v[i]->to,
						.sin_port = fd == t->udp ? htons(RSVP_PORT) : 0 };
		iov[i] = (struct iovec){ v[i]->data, v[i]->len };
		out[i].msg_hdr = (struct msghdr){ .msg_name = &dest[i], .msg_namelen = sizeof(dest[i]), .msg_iov = &iov[i],
						  .msg_iovlen = 1 };
		if (way != WAY_ISC)
			source(t, &out[i].msg_hdr, control[i]);
		record(t, t->address, v[i]->to, v[i]->data, v[i]->len);
	}
	for (unsigned done = 0; done < n;) {
		int r = sendmmsg(fd, out + done, n - done, way == WAY_ISC ? MSG_DONTROUTE : 0);

		if (r > 0)
			done += (unsigned)r;
		else if (errno != EINTR)
			v[done++]->error = -errno;
	}
}

void transport_send(struct transport *t, struct transport_datagram *v, unsigned n)
{
	struct transport_datagram *by[WAYS][BATCH];

	while (n) {
		unsigned batch = n < BATCH ? n : BATCH, count[WAYS] = { 0 };

		for (unsigned i = 0; i < batch; i++) {
			enum way way = way_of(t, &v[i]);

			v[i].error = 0;
			by[way][count[way]++] = &v[i];
		}
		for (unsigned way = 0; way < WAYS; way++)
			if (count[way])
				send_by(t, way, by[way], count[way]);
		v += batch;
		n -= batch;
	}
}

void transport_tap(struct transport *t, void (*fn)(void *ctx, const uint8_t *packet, size_t len), void *ctx)
{
	t->tap = fn;
	t->tap_ctx = ctx;
}
