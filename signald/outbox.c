/*
 * The outbox. An open datagram per neighbour fills until the next message would make it longer than an Ethernet frame
 * carries; its first message stands behind the Bundle's header, so that a lone one is sent without that header.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "signald/outbox.h"

#define SLOTS 64                     /* datagrams per turn to the kernel */
#define DATAGRAM_MAX 1400            /* of a Bundle */
#define HEADER 8                     /* a Bundle's */

struct slot {
	struct in_addr to;
	int isc, closed;
	uint8_t type;                /* of its first message */
	unsigned n;                  /* messages */
	size_t len;                  /* with the header */
	uint8_t *data; size_t room;
};

struct outbox {
	struct transport *transport;
	struct peers *peers;
	struct errors *errors;
	uint64_t bundles;
	unsigned n;
	struct slot slot[SLOTS];
	struct log_burst no_key, failed;
};

struct outbox *outbox_new(struct transport *transport, struct peers *peers, struct errors *errors)
{
	struct outbox *o = calloc(1, sizeof(*o));

	if (o) {
		o->transport = transport;
		o->peers = peers;
		o->errors = errors;
	}
	return o;
}

void outbox_free(struct outbox *o)
{
	for (unsigned i = 0; o && i < SLOTS; i++)
		free(o->slot[i].data);
	free(o);
}

static void said(struct outbox *o, struct log_burst *burst, struct in_addr to, uint8_t type, const char *why)
{
	struct error_entry e = { .event = "not sent", .code = rsvp_type_name(type) };
	char text[ADDR_TEXT];
	unsigned more;

	if (!log_burst_ok(burst, clock_now_us(), 5 * CLOCK_S, &more))
		return;
	log_msg(LOG_LEVEL_WARN, "%s to %s not sent: %s (%u more since the last such line)", rsvp_type_name(type),
		addr_text(to, text), why, more);
	e.times = more + 1;
	snprintf(e.element, sizeof(e.element), "%s", text);
	snprintf(e.reason, sizeof(e.reason), "%s", why);
	errors_note(o->errors, &e);
}

/* A lone message goes as it is, several with the Bundle's header before them. */
static void finish(struct slot *s, struct transport_datagram *out)
{
	struct rsvp_bundle bundle;

	*out = (struct transport_datagram){ .to = s->to, .isc = s->isc, .data = s->data, .len = s->len };
	if (s->n == 1) {
		out->alert = s->type == RSVP_PATH;
		out->data += HEADER;
		out->len -= HEADER;
		return;
	}
	rsvp_bundle_begin(&bundle, NULL, s->data, HEADER);
	bundle.len = bundle.room = s->len;
	rsvp_bundle_end(&bundle, NULL);
}

void outbox_flush(struct outbox *o)
{
	struct transport_datagram out[SLOTS];
	unsigned n = o->n;

	for (unsigned i = 0; i < n; i++) {
		finish(&o->slot[i], &out[i]);
		o->bundles += o->slot[i].n > 1;
	}
	o->n = 0;
	transport_send(o->transport, out, n);
	for (unsigned i = 0; i < n; i++) {
		struct peer *peer = peer_get(o->peers, out[i].to, clock_wall_us());

		if (peer)
			peer->counter[out[i].error ? PEER_SEND_FAILED : PEER_SENT]++;
		if (out[i].error)
			said(o, &o->failed, out[i].to, o->slot[i].type, strerror(-out[i].error));
	}
}

/* The open datagram to this address with room for len more, or a new one; NULL: no memory. */
static struct slot *slot_for(struct outbox *o, struct in_addr to, int isc, int alone, size_t len)
{
	struct slot *s;

	for (unsigned i = 0; i < o->n; i++) {
		s = &o->slot[i];
		if (s->closed || s->isc != isc || s->to.s_addr != to.s_addr)
			continue;
		if (!alone && s->len + len <= DATAGRAM_MAX)
			return s;
		s->closed = 1; /* what comes later must not overtake it */
	}
	if (o->n == SLOTS)
		outbox_flush(o);
	s = &o->slot[o->n];
	if (s->room < HEADER + len || s->room < DATAGRAM_MAX) {
		size_t room = HEADER + len > DATAGRAM_MAX ? HEADER + len : DATAGRAM_MAX;
		uint8_t *data = realloc(s->data, room);

		if (!data)
			return NULL;
		s->data = data;
		s->room = room;
	}
	s->to = to;
	s->isc = isc;
	s->closed = isc || alone;
	s->n = 0;
	s->len = HEADER;
	o->n++;
	return s;
}

void outbox_add(struct outbox *o, struct in_addr to, int isc, int alone, uint8_t type, const uint8_t *message, size_t len)
{
	struct rsvp_auth auth;
	int signed_ = type == RSVP_CHALLENGE ? 0 : peer_auth(o->peers, to, clock_wall_us(), &auth), r;
	struct slot *s;

	if (signed_ < 0) {
		said(o, &o->no_key, to, type, signed_ == -ENOKEY ? "no key for the neighbour" : "too many neighbours");
		return;
	}
	if (alone)
		peers_passing(o->peers, to, clock_now_us(), clock_wall_us());
	s = slot_for(o, to, isc, alone, len + (signed_ ? RSVP_INTEGRITY_MAX : 0));
	if (!s) {
		said(o, &o->failed, to, type, strerror(ENOMEM));
		return;
	}
	if (signed_) {
		r = rsvp_sign(message, len, &auth, s->data + s->len, s->room - s->len);
	} else {
		memcpy(s->data + s->len, message, len);
		r = (int)len;
	}
	if (r < 0) {
		said(o, &o->failed, to, type, strerror(-r));
		if (!s->n)
			o->n--; /* it was made for this message */
		return;
	}
	if (!s->n++)
		s->type = type;
	s->len += (size_t)r;
}

uint64_t outbox_bundles(const struct outbox *o)
{
	return o->bundles;
}
