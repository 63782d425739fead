/*
 * From a datagram to the core: is it authentic, can it be read, who sent it? Whatever fails is counted with its sender,
 * logged once per burst, and dropped.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "signald/daemon.h"
#include "signald/outbox.h"
#include "signald/routes.h"
#include "signald/session.h"
#include "signald/trace.h"

/* The contract in a Path's BODY, when we do not have it already. */
static struct contract *body_contract(const struct daemon *d, const struct rsvp_msg *msg)
{
	struct adaptor_key key = { msg->session.icorp, msg->session.leader };
	struct contract_error error;
	struct contract *c = NULL;
	char *xml;
	size_t len;

	if (msg->type != RSVP_PATH || !(msg->has & RSVP_HAS_BODY) ||
	    core_contract_find(d->core, msg->ref.digest) || contract_inflate(msg->body, msg->body_len, &xml, &len))
		return NULL;
	if (contract_parse(xml, len, &c, &error))
		log_icorp(LOG_LEVEL_WARN, key.icorp, "contract refused: line %d: %s", error.line, error.text);
	free(xml);
	return c;
}

/* Each kind has its own bursts, so that a flood of garbage does not hide a forgery. */
static void dropped(struct daemon *d, struct in_addr from, uint64_t now, enum peer_counter kind, const char *what)
{
	static struct log_burst burst[PEER_COUNTERS];
	struct error_entry e = { .event = "datagram dropped", .code = peer_counter_name(kind) };
	unsigned more;
	char text[ADDR_TEXT];

	if (!log_burst_ok(&burst[kind], now, 5 * CLOCK_S, &more))
		return;
	log_msg(LOG_LEVEL_WARN, "datagram from %s dropped: %s%s%s (%u more since the last such line)",
		addr_text(from, text), peer_counter_name(kind), what ? ": " : "", what ? what : "", more);
	e.times = more + 1;
	snprintf(e.element, sizeof(e.element), "%s", text);
	snprintf(e.reason, sizeof(e.reason), "%s", what ? what : "");
	errors_note(&d->errors, &e);
}

/* Without INTEGRITY the address alone tells an ISC from a neighbour. */
static int isc_here(const struct daemon *d, const struct rsvp_msg *msg, struct in_addr from)
{
	const struct session *s = core_session(d->core, msg->session.icorp, msg->session.leader);

	while (s && !branch_of_isc(s, from))
		s = session_newer(s);
	return s != NULL;
}

/* Our part of the integrity handshake (RFC 2747 section 4.3): a Challenge leaves unsigned, a Response is signed. */
static void answer(struct daemon *d, struct in_addr to, const struct peer_verdict *verdict)
{
	struct rsvp_msg msg = { .type = verdict->answer, .flags = RSVP_FLAG_REDUCTION, .ttl = 63,
				.has = RSVP_HAS_CHALLENGE, .challenge = verdict->challenge };
	uint8_t message[64];
	int len = rsvp_encode(&msg, (uint32_t)d->config.enterprise, NULL, message, sizeof(message));

	if (len > 0)
		outbox_add(d->outbox, to, verdict->isc, 0, msg.type, message, (size_t)len);
}

/* What is not to be processed: an answer, a log line. */
static void not_received(struct daemon *d, struct in_addr from, uint64_t now, enum peer_counter kind,
			 const struct peer_verdict *verdict)
{
	char text[ADDR_TEXT];

	if (verdict->answer)
		answer(d, from, verdict);
	if (verdict->went_back)
		log_msg(LOG_LEVEL_WARN, "neighbour %s: its sequence numbers went back: was its clock set back? Change its key: "
			"messages of its former life could be replayed", addr_text(from, text));
	if (verdict->confirmed && !verdict->isc) {
		core_greet(d->core, from, now, &d->actions);
		daemon_run_actions(d);
	}
	if (kind >= PEER_MALFORMED && kind != PEER_UNCONFIRMED)
		dropped(d, from, now, kind, NULL);
}

/* What passes on its way to an endpoint is a Path for whoever is first there; other Router Alerts are not for us. */
static int meant_for_us(const struct transport_received *received, const struct rsvp_msg *msg)
{
	if (!received->passing)
		return 1;
	for (unsigned i = 0; msg->type == RSVP_PATH && i < msg->s2l.n; i++)
		if (msg->s2l.v[i].addr.s_addr == received->to.s_addr)
			return 1;
	return 0;
}

static void receive_message(struct daemon *d, const struct transport_received *received, uint64_t now, const uint8_t *data,
			    size_t len)
{
	struct in_addr from = received->from;
	struct peer_message message = { from, data, len, now, clock_wall_us() };
	struct peer_verdict verdict;
	struct rsvp_decode_error error;
	struct core_from where = { .addr = from, .port = CORE_PORT_NONE };
	struct contract *contract;
	enum peer_counter kind = peer_check(d->peers, &message, &verdict);
	int r;

	if (kind != PEER_RECEIVED) {
		not_received(d, from, now, kind, &verdict);
		return;
	}
	r = rsvp_decode(data, len, (uint32_t)d->config.enterprise, &d->msg, &error);
	if (r) {
		kind = r == -EPROTO ? PEER_UNKNOWN_OBJECT : PEER_MALFORMED;
		verdict.peer->counter[kind]++;
		dropped(d, from, now, kind, error.what);
	}
	if (r == -EPROTO && meant_for_us(received, &d->msg)) {
		where.isc = verdict.peer->isc;
		core_unknown_object(d->core, &d->msg, &error, &where, now, &d->actions);
		daemon_run_actions(d);
	}
	if (r)
		return;
	if (!meant_for_us(received, &d->msg))
		return;
	errors_note_message(&d->errors, &d->msg);
	if (d->traces)
		trace_message(d, &d->msg, from, 0);
	where.port = d->nexthops.is_switch ? nexthop_port_of(&d->nexthops, from) : routes_port(d->routes, received->ifindex);
	where.gap = received->ttl && d->msg.ttl > received->ttl ? d->msg.ttl - received->ttl : 0;
	where.isc = verdict.peer->isc || (!d->config.integrity && isc_here(d, &d->msg, from));
	contract = where.isc ? NULL : body_contract(d, &d->msg);
	core_message(d->core, &d->msg, &where, contract, now, &d->actions);
	contract_unref(contract);
	daemon_run_actions(d);
}

/* A Bundle's messages are each signed (RFC 2961 section 3.3: they are processed as if they had come alone). */
void receive_datagram(void *ctx, const struct transport_received *received)
{
	struct daemon *d = ctx;
	uint64_t now = clock_now_us();
	const uint8_t *message;
	size_t at = 0, message_len;
	int r;

	daemon_settle(d);
	if (received->len < 2 || received->data[1] != RSVP_BUNDLE) {
		receive_message(d, received, now, received->data, received->len);
		return;
	}
	while ((r = rsvp_bundle_next(received->data, received->len, &at, &message, &message_len)) == 1)
		receive_message(d, received, now, message, message_len);
	d->bundles_received += !r;
	if (r < 0) {
		peers_count(d->peers, received->from, PEER_MALFORMED);
		dropped(d, received->from, now, PEER_MALFORMED, "Bundle");
	}
}
