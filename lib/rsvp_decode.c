/*
 * The decoder: bytes -> struct rsvp_msg. A table of object classes says which function reads a body and what it must
 * not be shorter than; unknown classes follow RFC 2205 section 3.10 (0bbbbbbb: reject the message; 10bbbbbb and
 * 11bbbbbb: ignore; this daemon rebuilds messages, so "forward unread" is done by those that forward bytes).
 * Never reads outside the datagram, never loops more than once per 4 bytes of it.
 */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "lib/rsvp.h"
#include "lib/rsvp_wire.h"
#include "lib/wire.h"

struct decoder {
	struct rsvp_msg *msg;
	uint32_t enterprise;
	struct in_addr via;              /* of the SUBTARGET in force */
	struct rsvp_decode_error refused; /* the first object that must be understood and is not; `what` NULL: none */
};

static struct in_addr get_addr(struct wire *w)
{
	struct in_addr a = { 0 };
	const uint8_t *p = wire_bytes(w, 4);

	if (p)
		memcpy(&a.s_addr, p, 4);
	return a;
}

static int get_session(struct decoder *d, struct wire *w)
{
	d->msg->session.icorp = wire_u32(w);
	wire_skip(w, 2);
	d->msg->session.tunnel = wire_u16(w);
	d->msg->session.leader = get_addr(w);
	return 0;
}

static int get_hop(struct decoder *d, struct wire *w)
{
	d->msg->hop.addr = get_addr(w);
	d->msg->hop.lih = wire_u32(w);
	d->msg->has |= RSVP_HAS_HOP;
	return 0;
}

static int get_integrity(struct decoder *d, struct wire *w)
{
	return 0; /* rsvp_auth_verify's business */
}

static int get_time(struct decoder *d, struct wire *w)
{
	d->msg->refresh_ms = wire_u32(w);
	d->msg->has |= RSVP_HAS_TIME;
	return 0;
}

static struct rsvp_id get_id(struct wire *w)
{
	uint32_t first = wire_u32(w);

	return (struct rsvp_id){ (uint8_t)(first >> 24), first & 0xffffff, wire_u32(w) };
}

static int get_message_id(struct decoder *d, struct wire *w)
{
	d->msg->id = get_id(w);
	d->msg->has |= RSVP_HAS_ID;
	return 0;
}

static int get_any_ack(struct decoder *d, struct wire *w, int nack)
{
	struct rsvp_id_ack ack = { get_id(w), nack };

	return d->msg->acks.n == RSVP_MAX_IDS ? -E2BIG : rsvp_add_ack(d->msg, &ack);
}

static int get_ack(struct decoder *d, struct wire *w)
{
	return get_any_ack(d, w, 0);
}

static int get_nack(struct decoder *d, struct wire *w)
{
	return get_any_ack(d, w, 1);
}

static int get_id_list(struct decoder *d, struct wire *w)
{
	d->msg->list_epoch = wire_u32(w) & 0xffffff;
	while (wire_left(w)) {
		uint32_t id = wire_u32(w);

		if (w->error || d->msg->ids.n == RSVP_MAX_IDS)
			return w->error ? -EBADMSG : -E2BIG;
		if (rsvp_add_id(d->msg, id))
			return -ENOMEM;
	}
	return 0;
}

static int get_any_hello(struct decoder *d, struct wire *w, int ack)
{
	d->msg->hello.ack = ack;
	d->msg->hello.source = wire_u32(w);
	d->msg->hello.destination = wire_u32(w);
	d->msg->has |= RSVP_HAS_HELLO;
	return 0;
}

static int get_hello_request(struct decoder *d, struct wire *w)
{
	return get_any_hello(d, w, 0);
}

static int get_hello_ack(struct decoder *d, struct wire *w)
{
	return get_any_hello(d, w, 1);
}

static int get_challenge(struct decoder *d, struct wire *w)
{
	wire_skip(w, 2);
	d->msg->challenge.key_id = (uint64_t)wire_u16(w) << 32;
	d->msg->challenge.key_id |= wire_u32(w);
	d->msg->challenge.cookie = wire_u32(w);
	d->msg->has |= RSVP_HAS_CHALLENGE;
	return 0;
}

static int get_error(struct decoder *d, struct wire *w)
{
	d->msg->error.node = get_addr(w);
	d->msg->error.flags = wire_u8(w);
	d->msg->error.code = wire_u8(w);
	d->msg->error.value = wire_u16(w);
	d->msg->has |= RSVP_HAS_ERROR;
	return 0;
}

static int get_style(struct decoder *d, struct wire *w)
{
	d->msg->style = wire_u32(w) & 0xffffff;
	d->msg->has |= RSVP_HAS_STYLE;
	return 0;
}

/* Bytes/s as a float -> bit/s; nonsense (negative, NaN, beyond 64 bits) is malformed. */
static int rate_from_float(float bytes, uint64_t *bps)
{
	if (!(bytes >= 0) || bytes > 1e18f)
		return isinf(bytes) && bytes > 0 ? (*bps = UINT64_MAX, 0) : -EBADMSG;
	*bps = (uint64_t)((double)bytes * 8 + 0.5);
	return 0;
}

uint64_t rsvp_rate(uint64_t bps)
{
	unsigned bits = bps ? 64 - (unsigned)__builtin_clzll(bps) : 0;

	if (bits > FLT_MANT_DIG + 3)
		return bps & UINT64_MAX << (bits - FLT_MANT_DIG);
	return bps < 8 ? bps : bps & ~(uint64_t)7;
}

static int get_flow(struct decoder *d, struct wire *w)
{
	struct rsvp_flow *f = &d->msg->flow;
	float rate, bucket, peak;

	wire_skip(w, 12); /* version, service and parameter headers: one service, one parameter, RFC 2210 */
	rate = wire_f32(w);
	bucket = wire_f32(w);
	peak = wire_f32(w);
	wire_skip(w, 4);
	f->mtu = wire_u32(w);
	if (!(bucket >= 0) || bucket > 4e9f)
		return -EBADMSG;
	f->bucket_bytes = (uint32_t)bucket;
	return rate_from_float(rate, &f->rate_bps) || rate_from_float(peak, &f->peak_bps) ? -EBADMSG : 0;
}

static int get_flowspec(struct decoder *d, struct wire *w)
{
	d->msg->has |= RSVP_HAS_FLOWSPEC;
	return get_flow(d, w);
}

static int get_tspec(struct decoder *d, struct wire *w)
{
	d->msg->has |= RSVP_HAS_TSPEC;
	return get_flow(d, w);
}

static int get_template(struct decoder *d, struct wire *w)
{
	struct rsvp_template *t = &d->msg->template_;

	t->sender = get_addr(w);
	wire_skip(w, 2);
	t->lsp_id = wire_u16(w);
	t->origin = get_addr(w);
	wire_skip(w, 2);
	t->group = wire_u16(w);
	return 0;
}

static int get_sender_template(struct decoder *d, struct wire *w)
{
	d->msg->has |= RSVP_HAS_TEMPLATE;
	return get_template(d, w);
}

static int get_filter(struct decoder *d, struct wire *w)
{
	d->msg->has |= RSVP_HAS_FILTER;
	return get_template(d, w);
}

static int get_confirm(struct decoder *d, struct wire *w)
{
	d->msg->confirm = get_addr(w);
	d->msg->has |= RSVP_HAS_CONFIRM;
	return 0;
}

static int get_rro(struct decoder *d, struct wire *w)
{
	while (wire_left(w) && !w->error) {
		uint8_t type = wire_u8(w), len = wire_u8(w);
		struct wire sub;

		if (len < 2)
			return -EBADMSG;
		sub = wire_sub(w, len - 2u);
		if (type != 1)
			continue; /* labels, IPv6, …: not ours to judge */
		if (d->msg->rro.n == RSVP_MAX_RRO)
			return -E2BIG;
		if (rsvp_add_rro(d->msg, get_addr(&sub)))
			return -ENOMEM;
		if (sub.error)
			return -EBADMSG;
	}
	return 0;
}

static int get_s2l(struct decoder *d, struct wire *w)
{
	if (d->msg->s2l.n == RSVP_MAX_S2L)
		return -E2BIG;
	return rsvp_add_s2l(d->msg, get_addr(w), d->via);
}

static int get_attribute(struct decoder *d, struct wire *w)
{
	struct rsvp_attribute *a = &d->msg->attribute;
	const uint8_t *name;
	uint8_t len;

	a->setup = wire_u8(w);
	a->holding = wire_u8(w);
	a->flags = wire_u8(w);
	len = wire_u8(w);
	if (len >= sizeof(a->name) || a->setup > 7 || a->holding > 7)
		return -EBADMSG;
	name = wire_bytes(w, len);
	if (name && len)
		memcpy(a->name, name, len);
	d->msg->has |= RSVP_HAS_ATTRIBUTE;
	return 0;
}

static int get_ref(struct rsvp_msg *msg, struct wire *w)
{
	const uint8_t *digest;

	msg->ref.revision = wire_u16(w);
	wire_skip(w, 2);
	msg->ref.length = wire_u32(w);
	digest = wire_bytes(w, SHA256_SIZE);
	if (digest)
		memcpy(msg->ref.digest, digest, SHA256_SIZE);
	msg->has |= RSVP_HAS_REF;
	return 0;
}

static int get_demand(struct rsvp_msg *msg, struct wire *w)
{
	struct rsvp_demand d = { .endpoint = get_addr(w) };

	d.resource = wire_u8(w);
	d.direction = (int8_t)wire_u8(w);
	d.steps = wire_u16(w);
	d.sequence = wire_u32(w);
	d.want = wire_u64(w);
	if (w->error || (d.direction != 1 && d.direction != -1))
		return -EBADMSG;
	return msg->demands.n == RSVP_MAX_DEMANDS ? -E2BIG : rsvp_add_demand(msg, &d);
}

static int get_load(struct rsvp_msg *msg, struct wire *w)
{
	struct rsvp_load l = { .endpoint = get_addr(w) };

	l.flags = wire_u8(w) & RSVP_LOAD_FLAGS;
	wire_skip(w, 1);
	l.cpu_permille = wire_u16(w);
	l.memory_permille = wire_u16(w);
	l.weight = wire_u16(w);
	l.connections = wire_u32(w);
	if (w->error)
		return -EBADMSG;
	return msg->loads.n == RSVP_MAX_LOADS ? -E2BIG : rsvp_add_load(msg, &l);
}

static int get_grant(struct rsvp_msg *msg, struct wire *w)
{
	struct rsvp_grant g = { .node = get_addr(w), .endpoint = get_addr(w) };

	g.resource = wire_u8(w);
	g.outcome = wire_u8(w);
	g.enforcement = wire_u8(w);
	g.flags = wire_u8(w) & RSVP_GRANT_USED;
	g.sequence = wire_u32(w);
	g.level = wire_u64(w);
	wire_str(w, g.element, sizeof(g.element));
	wire_str(w, g.reason, sizeof(g.reason));
	if (g.flags & RSVP_GRANT_USED)
		g.used = wire_u64(w);
	if (w->error)
		return -EBADMSG;
	return msg->grants.n == RSVP_MAX_GRANTS ? -E2BIG : rsvp_add_grant(msg, &g);
}

static int get_price(struct rsvp_msg *msg, struct wire *w)
{
	const uint8_t *currency;

	msg->price.micro = wire_u64(w);
	msg->price.interval_s = wire_u32(w);
	currency = wire_bytes(w, 4);
	if (!currency || currency[3] != 0)
		return -EBADMSG;
	memcpy(msg->price.currency, currency, 4);
	msg->has |= RSVP_HAS_PRICE;
	return 0;
}

/* Our own objects. Those of another enterprise, and C-Types we don't know, are ignored. */
static int get_icorp(struct decoder *d, struct wire *w, uint8_t ctype)
{
	struct rsvp_msg *msg = d->msg;

	if (wire_u32(w) != d->enterprise) {
		msg->unknown++;
		return w->error ? -EBADMSG : 0;
	}
	switch (ctype) {
	case ICORP_REF:
		return get_ref(msg, w);
	case ICORP_BODY:
		msg->body_len = wire_u32(w);
		msg->body = wire_bytes(w, msg->body_len);
		msg->has |= RSVP_HAS_BODY;
		return 0;
	case ICORP_HOPSTATE:
		msg->hopstate.vlan = wire_u16(w);
		msg->hopstate.priority = wire_u8(w);
		msg->has |= RSVP_HAS_HOPSTATE;
		return msg->hopstate.vlan > 4094 || msg->hopstate.priority > 7 ? -EBADMSG : 0;
	case ICORP_DEMAND:
		return get_demand(msg, w);
	case ICORP_LOAD:
		return get_load(msg, w);
	case ICORP_PRICE:
		return get_price(msg, w);
	case ICORP_SUBTARGET:
		d->via = get_addr(w);
		return 0;
	case ICORP_GRANT:
		return get_grant(msg, w);
	default:
		msg->unknown++;
		return 0;
	}
}

static const struct object_rule {
	uint8_t class_, ctype;
	int many;                        /* may come more than once */
	int (*get)(struct decoder *d, struct wire *w);
} rules[] = {
	{ CLASS_SESSION, CTYPE_P2MP_SESSION, 0, get_session },
	{ CLASS_HOP, CTYPE_IPV4, 0, get_hop },
	{ CLASS_INTEGRITY, CTYPE_IPV4, 0, get_integrity },
	{ CLASS_TIME_VALUES, CTYPE_IPV4, 0, get_time },
	{ CLASS_ERROR_SPEC, CTYPE_IPV4, 0, get_error },
	{ CLASS_STYLE, CTYPE_IPV4, 0, get_style },
	{ CLASS_FLOWSPEC, CTYPE_INTSERV, 0, get_flowspec },
	{ CLASS_FILTER_SPEC, CTYPE_P2MP_TEMPLATE, 0, get_filter },
	{ CLASS_SENDER_TEMPLATE, CTYPE_P2MP_TEMPLATE, 0, get_sender_template },
	{ CLASS_SENDER_TSPEC, CTYPE_INTSERV, 0, get_tspec },
	{ CLASS_RESV_CONFIRM, CTYPE_IPV4, 0, get_confirm },
	{ CLASS_RECORD_ROUTE, CTYPE_IPV4, 0, get_rro },
	{ CLASS_S2L_SUB_LSP, CTYPE_IPV4, 1, get_s2l },
	{ CLASS_SESSION_ATTRIBUTE, CTYPE_ATTRIBUTE, 0, get_attribute },
	{ CLASS_MESSAGE_ID, CTYPE_IPV4, 0, get_message_id },
	{ CLASS_MESSAGE_ID_ACK, CTYPE_ACK, 1, get_ack },
	{ CLASS_MESSAGE_ID_ACK, CTYPE_NACK, 1, get_nack },
	{ CLASS_MESSAGE_ID_LIST, CTYPE_IPV4, 0, get_id_list },
	{ CLASS_HELLO, CTYPE_HELLO_REQUEST, 0, get_hello_request },
	{ CLASS_HELLO, CTYPE_HELLO_ACK, 0, get_hello_ack },
	{ CLASS_CHALLENGE, CTYPE_IPV4, 0, get_challenge },
};
#define N_RULES (sizeof(rules) / sizeof(rules[0]))

static int class_is_known(uint8_t class_)
{
	size_t i = 0;

	while (i < N_RULES && rules[i].class_ != class_)
		i++;
	return i < N_RULES;
}

static int decode_object(struct decoder *d, struct wire *body, uint8_t class_, uint8_t ctype, uint32_t *seen)
{
	if (class_ == CLASS_ICORP)
		return get_icorp(d, body, ctype);
	if (class_ == CLASS_NULL)
		return 0;
	for (size_t i = 0; i < N_RULES; i++) {
		if (rules[i].class_ != class_ || rules[i].ctype != ctype)
			continue;
		if (!rules[i].many && (*seen & 1u << i))
			return -EBADMSG;
		*seen |= 1u << i;
		return rules[i].get(d, body);
	}
	if (class_ & 0x80)
		d->msg->unknown++;
	else if (!d->refused.what)
		d->refused = (struct rsvp_decode_error){ class_, ctype, class_is_known(class_), "object" };
	return 0;
}

/* What a message of each type can't do without (RFC 2205 section 3.1; SESSION always). */
static uint32_t required(uint8_t type)
{
	switch (type) {
	case RSVP_PATH:
		return RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_TEMPLATE | RSVP_HAS_TSPEC | RSVP_HAS_REF;
	case RSVP_RESV:
		return RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_STYLE | RSVP_HAS_FLOWSPEC | RSVP_HAS_FILTER;
	case RSVP_PATH_ERR:
		return RSVP_HAS_ERROR | RSVP_HAS_TEMPLATE;
	case RSVP_RESV_ERR:
		return RSVP_HAS_HOP | RSVP_HAS_ERROR | RSVP_HAS_STYLE;
	case RSVP_PATH_TEAR:
		return RSVP_HAS_HOP | RSVP_HAS_TEMPLATE;
	case RSVP_RESV_TEAR:
		return RSVP_HAS_HOP | RSVP_HAS_STYLE | RSVP_HAS_FILTER;
	case RSVP_HELLO:
		return RSVP_HAS_HELLO;
	case RSVP_CHALLENGE:
	case RSVP_CHALLENGE_RESPONSE:
		return RSVP_HAS_CHALLENGE;
	case RSVP_RESV_CONF:
		return RSVP_HAS_ERROR | RSVP_HAS_CONFIRM | RSVP_HAS_STYLE;
	default:
		return 0;
	}
}

int rsvp_check_header(const uint8_t *data, size_t len, const char **what)
{
	struct wire w = wire_reader(data, len);
	uint8_t version = wire_u8(&w);
	uint16_t checksum, length;

	wire_skip(&w, 1);
	checksum = wire_u16(&w);
	wire_skip(&w, 2);
	length = wire_u16(&w);
	*what = "header";
	if (w.error || version >> 4 != 1 || len % 4)
		return -EBADMSG;
	*what = "length";
	if (length != len)
		return -EBADMSG;
	*what = "checksum";
	return checksum && rsvp_checksum(data, len) ? -EBADMSG : 0;
}

static int decode_header(struct wire *w, const uint8_t *data, size_t len, struct rsvp_msg *msg, const char **what)
{
	int r = rsvp_check_header(data, len, what);

	if (r)
		return r;
	msg->flags = wire_u8(w) & 15;
	msg->type = wire_u8(w);
	wire_skip(w, 2);
	msg->ttl = wire_u8(w);
	wire_skip(w, 3);
	return 0;
}

int rsvp_decode(const uint8_t *data, size_t len, uint32_t enterprise, struct rsvp_msg *msg,
		struct rsvp_decode_error *error)
{
	struct rsvp_decode_error ignored;
	struct decoder d = { .msg = msg, .enterprise = enterprise };
	struct wire w = wire_reader(data, len);
	uint32_t seen = 0;
	int r;

	if (!error)
		error = &ignored;
	memset(error, 0, sizeof(*error));
	rsvp_msg_clear(msg);
	r = decode_header(&w, data, len, msg, &error->what);
	while (!r && wire_left(&w)) {
		uint16_t object_len = wire_u16(&w);
		struct wire body;

		error->class_ = wire_u8(&w);
		error->ctype = wire_u8(&w);
		error->what = "object";
		if (w.error || object_len < RSVP_OBJECT_SIZE || object_len % 4)
			return -EBADMSG;
		body = wire_sub(&w, object_len - RSVP_OBJECT_SIZE);
		r = decode_object(&d, &body, error->class_, error->ctype, &seen);
		if (!r && (body.error || w.error))
			r = -EBADMSG;
	}
	if (r)
		return r;
	error->what = "required object";
	if ((seen & 1u) != (unsigned)rsvp_has_session(msg->type))
		return -EBADMSG;
	if ((msg->has & required(msg->type)) != required(msg->type))
		return -EBADMSG;
	if (!d.refused.what)
		return 0;
	*error = d.refused;
	return -EPROTO;
}

int rsvp_bundle_next(const uint8_t *data, size_t len, size_t *at, const uint8_t **message, size_t *message_len)
{
	struct wire w = wire_reader(data, len);
	uint16_t length;

	if (!*at) { /* past the header and, where there is one, INTEGRITY: the version of a message is 1, so no length */
		struct rsvp_auth ignored;
		int r = len > RSVP_HEADER_SIZE && data[RSVP_HEADER_SIZE] >> 4 == 1 ? 0 : rsvp_auth_peek(data, len, &ignored);

		if (r < 0 && len > RSVP_HEADER_SIZE)
			return -EBADMSG;
		wire_skip(&w, RSVP_HEADER_SIZE);
		*at = RSVP_HEADER_SIZE + (r == 1 ? wire_u16(&w) : 0);
	}
	w.pos = *at;
	if (*at == len)
		return 0;
	if (*at > len)
		return -EBADMSG;
	wire_skip(&w, 6);
	length = wire_u16(&w);
	if (w.error || length < RSVP_HEADER_SIZE || length % 4 || length > len - *at || data[*at + 1] == RSVP_BUNDLE)
		return -EBADMSG; /* no bundles in bundles (RFC 2961 section 3.3) */
	*message = data + *at;
	*message_len = length;
	*at += length;
	return 1;
}
