/* See neighbour.h. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/load/neighbour.h"
#include "bench/load/socket.h"
#include "lib/clock.h"

#define BUNDLE_ROOM 1472     /* under the MTU of Ethernet */
#define ACKS_MAX 100         /* in one Ack */
#define VERIFY_FIRST 1000    /* datagrams whose INTEGRITY we check: a generator that checks all is in the way */

static const uint8_t secret[32] = "icorp signaling benchmark's key";

int neighbour_write_keyring(const char *file)
{
	char hex[2 * sizeof(secret) + 1];
	FILE *f = fopen(file, "we");

	if (!f)
		return -1;
	hex_encode(secret, sizeof(secret), hex);
	fprintf(f, "default %d hmac-sha256 %s\n", NEIGHBOUR_KEY_ID, hex);
	fchmod(fileno(f), 0600);
	return fclose(f);
}

static int slots_new(struct neighbour_slots *s)
{
	s->buffer = calloc(NEIGHBOUR_BATCH, sizeof(*s->buffer));
	return s->buffer ? 0 : -1;
}

int neighbour_open(struct neighbour *n, const struct neighbour_hooks *hooks, const char *device, struct in_addr addr,
		   struct in_addr router, int raw)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = router, .sin_port = htons(raw ? 0 : RSVP_PORT) };

	memset(n, 0, sizeof(*n));
	n->hooks = *hooks;
	n->addr = addr;
	n->router = router;
	n->raw = raw;
	n->sequence = clock_wall_us() * 1000;
	n->epoch = (uint32_t)(n->sequence >> 10) & 0xffffff;
	n->hello = (uint32_t)n->sequence | 1;
	n->key = mac_key_new(MAC_HMAC_SHA256, secret, sizeof(secret));
	n->fd = socket_open(addr, device, raw);
	if (n->fd < 0 || connect(n->fd, (struct sockaddr *)&to, sizeof(to)) || !n->key || slots_new(&n->in) ||
	    slots_new(&n->out)) {
		fprintf(stderr, "signaling: neighbour at %s: %s\n", device, strerror(n->fd < 0 ? -n->fd : errno));
		return -1;
	}
	return 0;
}

void neighbour_close(struct neighbour *n)
{
	if (n->fd > 0)
		close(n->fd);
	mac_key_free(n->key);
	rsvp_msg_free(&n->msg);
	rsvp_msg_free(&n->acks);
	rsvp_msg_free(&n->list);
	free(n->owner.v);
	free(n->in.buffer);
	free(n->out.buffer);
	memset(n, 0, sizeof(*n));
}

/* ---- sending ---- */

static void transmit(struct neighbour *n)
{
	struct pollfd wait = { n->fd, POLLOUT, 0 };

	for (unsigned done = 0; done < n->n_out;) {
		int sent = sendmmsg(n->fd, n->out.hdr + done, n->n_out - done, MSG_DONTWAIT);

		if (sent > 0)
			done += (unsigned)sent;
		else if (errno == EAGAIN || errno == ENOBUFS)
			poll(&wait, 1, 1);
		else if (errno != EINTR && errno != ECONNREFUSED)
			done++; /* lost, as any datagram may be */
	}
	n->sent += n->n_out;
	n->said_us = clock_now_us();
	n->n_out = 0;
}

/* The slot of the next datagram is filled with len bytes. */
static void datagram_done(struct neighbour *n, int len)
{
	unsigned i = n->n_out;

	if (len <= 0)
		return;
	n->out.iov[i] = (struct iovec){ n->out.buffer[i], (size_t)len };
	n->out.hdr[i].msg_hdr = (struct msghdr){ .msg_iov = &n->out.iov[i], .msg_iovlen = 1 };
	if (++n->n_out == NEIGHBOUR_BATCH)
		transmit(n);
}

static void bundle_close(struct neighbour *n)
{
	if (n->bundling && n->bundle.n)
		datagram_done(n, rsvp_bundle_end(&n->bundle, NULL));
	n->bundling = 0;
}

/* Into the open bundle or a new one; 0 when it fits into none. */
static int put_bundled(struct neighbour *n, const uint8_t *message, size_t len)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		if (!n->bundling)
			rsvp_bundle_begin(&n->bundle, NULL, n->out.buffer[n->n_out], BUNDLE_ROOM);
		n->bundling = 1;
		if (!rsvp_bundle_add(&n->bundle, message, len))
			return 1;
		bundle_close(n);
	}
	return 0;
}

/* Each message is signed, also in a Bundle (doc/protocol.md). */
static void put(struct neighbour *n, const struct rsvp_msg *msg)
{
	struct rsvp_auth auth = { n->key, NEIGHBOUR_KEY_ID, ++n->sequence, 0 };
	uint8_t message[NEIGHBOUR_ROOM];
	int len = rsvp_encode(msg, RSVP_ENTERPRISE, &auth, message, sizeof(message));

	if (len <= 0 || (n->reduction && put_bundled(n, message, (size_t)len)))
		return;
	memcpy(n->out.buffer[n->n_out], message, (size_t)len);
	datagram_done(n, len);
}

static uint32_t own_id(struct neighbour *n, uint32_t owner)
{
	if (n->owner.n == n->owner.room) {
		size_t more = n->owner.room ? n->owner.room * 2 : 4096;
		uint32_t *grown = realloc(n->owner.v, more * sizeof(*grown));

		if (!grown)
			abort();
		n->owner.v = grown;
		n->owner.room = more;
	}
	n->owner.v[n->owner.n++] = owner;
	return ++n->next_id;
}

void neighbour_resend(struct neighbour *n, struct rsvp_msg *msg, uint32_t id)
{
	msg->flags = n->plain ? 0 : RSVP_FLAG_REDUCTION;
	msg->has &= ~(uint32_t)RSVP_HAS_ID;
	if (n->reduction && id) {
		msg->id = (struct rsvp_id){ RSVP_ID_ACK_DESIRED, n->epoch, id };
		msg->has |= RSVP_HAS_ID;
	}
	put(n, msg);
}

uint32_t neighbour_send(struct neighbour *n, struct rsvp_msg *msg, uint32_t owner)
{
	uint32_t id = n->reduction ? own_id(n, owner) : 0;

	neighbour_resend(n, msg, id);
	return id;
}

void neighbour_srefresh(struct neighbour *n, const uint32_t *ids, unsigned count)
{
	struct rsvp_msg *msg = &n->list;

	rsvp_msg_clear(msg);
	msg->type = RSVP_SREFRESH;
	msg->ttl = 1;
	msg->list_epoch = n->epoch;
	for (unsigned i = 0; i < count; i++)
		rsvp_add_id(msg, ids[i]);
	neighbour_send(n, msg, NEIGHBOUR_NOBODY);
}

static void send_acks(struct neighbour *n)
{
	struct rsvp_msg *msg = &n->acks;

	if (!msg->acks.n)
		return;
	msg->type = RSVP_ACK;
	msg->ttl = 1;
	neighbour_resend(n, msg, 0);
	rsvp_msg_clear(msg);
}

void neighbour_flush(struct neighbour *n)
{
	send_acks(n);
	bundle_close(n);
	if (n->n_out)
		transmit(n);
}

/* ---- receiving ---- */

static void say_hello(struct neighbour *n, int ack)
{
	struct rsvp_msg msg = { .type = RSVP_HELLO, .ttl = 1, .has = RSVP_HAS_HELLO,
				.hello = { ack, n->hello, n->router_hello } };

	if (!n->mute)
		neighbour_resend(n, &msg, 0);
}

void neighbour_hello(struct neighbour *n)
{
	say_hello(n, 0);
}

static void take_hello(struct neighbour *n, const struct rsvp_msg *msg)
{
	n->hellos++;
	n->router_hello = msg->hello.source;
	if (!msg->hello.ack)
		say_hello(n, 1);
}

static void take_acks(struct neighbour *n, const struct rsvp_msg *msg)
{
	for (unsigned i = 0; i < msg->acks.n; i++) {
		const struct rsvp_id_ack *a = &msg->acks.v[i];

		if (a->id.epoch == n->epoch && a->id.id && a->id.id <= n->owner.n &&
		    n->owner.v[a->id.id - 1] != NEIGHBOUR_NOBODY)
			n->hooks.acked(n->hooks.ctx, n, n->owner.v[a->id.id - 1], a->nack);
	}
}

/* RFC 2747 section 4.3: the controller was started, and asks which numbers of ours are new. */
static int take_challenge(struct neighbour *n, const uint8_t *data, size_t len)
{
	if (data[1] != RSVP_CHALLENGE || rsvp_decode(data, len, RSVP_ENTERPRISE, &n->msg, NULL))
		return 0;
	n->msg.type = RSVP_CHALLENGE_RESPONSE;
	put(n, &n->msg);
	return 1;
}

static void take_message(struct neighbour *n, const uint8_t *data, size_t len)
{
	struct rsvp_msg *msg = &n->msg;

	if (len >= 8 && take_challenge(n, data, len))
		return;
	if ((n->received <= VERIFY_FIRST && rsvp_auth_verify(data, len, n->key)) ||
	    rsvp_decode(data, len, RSVP_ENTERPRISE, msg, NULL)) {
		n->unread++;
		return;
	}
	if (msg->flags & RSVP_FLAG_REDUCTION)
		n->reduction = !n->plain;
	if (msg->has & RSVP_HAS_ID && msg->id.flags & RSVP_ID_ACK_DESIRED) {
		struct rsvp_id_ack ack = { msg->id, 0 };

		ack.id.flags = 0;
		rsvp_add_ack(&n->acks, &ack);
		if (n->acks.acks.n >= ACKS_MAX)
			send_acks(n);
	}
	take_acks(n, msg);
	if (msg->type == RSVP_HELLO)
		take_hello(n, msg);
	else if (msg->type == RSVP_SREFRESH)
		n->srefreshes++;
	else if (msg->type != RSVP_ACK)
		n->hooks.message(n->hooks.ctx, n, msg);
}

static void take_datagram(struct neighbour *n, const uint8_t *data, size_t len)
{
	const uint8_t *message;
	size_t at = 0, message_len;

	n->received++;
	if (n->raw && len > (size_t)(data[0] & 15) * 4) {
		len -= (size_t)(data[0] & 15) * 4;
		data += (size_t)(data[0] & 15) * 4;
	}
	if (len < 8 || data[1] != RSVP_BUNDLE) {
		take_message(n, data, len);
		return;
	}
	n->bundles++;
	while (rsvp_bundle_next(data, len, &at, &message, &message_len) == 1)
		take_message(n, message, message_len);
}

unsigned neighbour_receive(struct neighbour *n)
{
	unsigned all = 0;
	int got;

	do {
		for (int i = 0; i < NEIGHBOUR_BATCH; i++) {
			n->in.iov[i] = (struct iovec){ n->in.buffer[i], NEIGHBOUR_ROOM };
			n->in.hdr[i].msg_hdr = (struct msghdr){ .msg_iov = &n->in.iov[i], .msg_iovlen = 1 };
		}
		got = recvmmsg(n->fd, n->in.hdr, NEIGHBOUR_BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < got; i++)
			take_datagram(n, n->in.buffer[i], n->in.hdr[i].msg_len);
		all += got > 0 ? (unsigned)got : 0;
	} while (got == NEIGHBOUR_BATCH);
	return all;
}
