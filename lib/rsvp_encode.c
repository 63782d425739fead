/*
 * The encoder: struct rsvp_msg -> bytes. Object order follows the message formats of RFC 2205 section 3.1 and
 * RFC 4875 section 5 and 6: INTEGRITY first, our class-252 objects before the sender or flow descriptor, S2L_SUB_LSPs
 * last. tcpdump and tshark must be able to read all of it.
 */
#include <errno.h>
#include <string.h>

#include "lib/rsvp.h"
#include "lib/rsvp_wire.h"
#include "lib/wire.h"

/* Opens an object and returns where its length goes. */
static size_t object_begin(struct wire *w, uint8_t class_, uint8_t ctype)
{
	size_t at = w->pos;

	wire_put_u16(w, 0);
	wire_put_u8(w, class_);
	wire_put_u8(w, ctype);
	return at;
}

static void object_end(struct wire *w, size_t at)
{
	wire_pad(w, 4);
	if (!w->error)
		wire_patch_u16(w, at, (uint16_t)(w->pos - at));
}

static void put_addr(struct wire *w, struct in_addr addr)
{
	wire_put_bytes(w, &addr.s_addr, 4);
}

/* Opens one of our own objects (RFC 3936: the enterprise number comes first). */
static size_t icorp_begin(struct wire *w, uint8_t ctype, uint32_t enterprise)
{
	size_t at = object_begin(w, CLASS_ICORP, ctype);

	wire_put_u32(w, enterprise);
	return at;
}

/* Leaves room for the digest; sign() fills it when the message is whole. Returns where the digest goes. */
static size_t put_integrity(struct wire *w, const struct rsvp_auth *auth)
{
	static const uint8_t zero[MAC_MAX_SIZE];
	size_t at = object_begin(w, CLASS_INTEGRITY, CTYPE_IPV4), digest;

	wire_put_u8(w, auth->flags);
	wire_put_u8(w, 0);
	wire_put_u16(w, (uint16_t)(auth->key_id >> 32));
	wire_put_u32(w, (uint32_t)auth->key_id);
	wire_put_u64(w, auth->sequence);
	digest = w->pos;
	wire_put_bytes(w, zero, mac_size(auth->key));
	object_end(w, at);
	return digest;
}

static void put_id(struct wire *w, const struct rsvp_id *id, uint8_t class_, uint8_t ctype)
{
	size_t at = object_begin(w, class_, ctype);

	wire_put_u32(w, (uint32_t)id->flags << 24 | (id->epoch & 0xffffff));
	wire_put_u32(w, id->id);
	object_end(w, at);
}

/* RFC 2961 section 4: acknowledgements, then the message's own id; Srefresh's list; RFC 3209's HELLO; RFC 2747's CHALLENGE. */
static void put_reliability(struct wire *w, const struct rsvp_msg *msg)
{
	size_t at;

	for (unsigned i = 0; i < msg->acks.n; i++)
		put_id(w, &msg->acks.v[i].id, CLASS_MESSAGE_ID_ACK, msg->acks.v[i].nack ? CTYPE_NACK : CTYPE_ACK);
	if (msg->has & RSVP_HAS_ID)
		put_id(w, &msg->id, CLASS_MESSAGE_ID, CTYPE_IPV4);
	if (msg->ids.n) {
		at = object_begin(w, CLASS_MESSAGE_ID_LIST, CTYPE_IPV4);
		wire_put_u32(w, msg->list_epoch & 0xffffff);
		for (unsigned i = 0; i < msg->ids.n; i++)
			wire_put_u32(w, msg->ids.v[i]);
		object_end(w, at);
	}
	if (msg->has & RSVP_HAS_HELLO) {
		at = object_begin(w, CLASS_HELLO, msg->hello.ack ? CTYPE_HELLO_ACK : CTYPE_HELLO_REQUEST);
		wire_put_u32(w, msg->hello.source);
		wire_put_u32(w, msg->hello.destination);
		object_end(w, at);
	}
	if (msg->has & RSVP_HAS_CHALLENGE) {
		at = object_begin(w, CLASS_CHALLENGE, CTYPE_IPV4);
		wire_put_u16(w, 0);
		wire_put_u16(w, (uint16_t)(msg->challenge.key_id >> 32));
		wire_put_u32(w, (uint32_t)msg->challenge.key_id);
		wire_put_u32(w, msg->challenge.cookie);
		object_end(w, at);
	}
}

static void put_session(struct wire *w, const struct rsvp_msg *msg)
{
	size_t at = object_begin(w, CLASS_SESSION, CTYPE_P2MP_SESSION);

	wire_put_u32(w, msg->session.icorp);
	wire_put_u16(w, 0);
	wire_put_u16(w, msg->session.tunnel);
	put_addr(w, msg->session.leader);
	object_end(w, at);
}

static void put_header_objects(struct wire *w, const struct rsvp_msg *msg)
{
	size_t at;

	if (rsvp_has_session(msg->type))
		put_session(w, msg);
	if (msg->has & RSVP_HAS_HOP) {
		at = object_begin(w, CLASS_HOP, CTYPE_IPV4);
		put_addr(w, msg->hop.addr);
		wire_put_u32(w, msg->hop.lih);
		object_end(w, at);
	}
	if (msg->has & RSVP_HAS_TIME) {
		at = object_begin(w, CLASS_TIME_VALUES, CTYPE_IPV4);
		wire_put_u32(w, msg->refresh_ms);
		object_end(w, at);
	}
	if (msg->has & RSVP_HAS_ERROR) {
		at = object_begin(w, CLASS_ERROR_SPEC, CTYPE_IPV4);
		put_addr(w, msg->error.node);
		wire_put_u8(w, msg->error.flags);
		wire_put_u8(w, msg->error.code);
		wire_put_u16(w, msg->error.value);
		object_end(w, at);
	}
	if (msg->has & RSVP_HAS_CONFIRM) {
		at = object_begin(w, CLASS_RESV_CONFIRM, CTYPE_IPV4);
		put_addr(w, msg->confirm);
		object_end(w, at);
	}
	if (msg->has & RSVP_HAS_ATTRIBUTE) {
		size_t len = strnlen(msg->attribute.name, sizeof(msg->attribute.name));

		at = object_begin(w, CLASS_SESSION_ATTRIBUTE, CTYPE_ATTRIBUTE);
		wire_put_u8(w, msg->attribute.setup);
		wire_put_u8(w, msg->attribute.holding);
		wire_put_u8(w, msg->attribute.flags);
		wire_put_u8(w, (uint8_t)len);
		wire_put_bytes(w, msg->attribute.name, len);
		object_end(w, at);
	}
}

static void put_contract_objects(struct wire *w, const struct rsvp_msg *msg, uint32_t enterprise)
{
	size_t at;

	if (msg->has & RSVP_HAS_REF) {
		at = icorp_begin(w, ICORP_REF, enterprise);
		wire_put_u16(w, msg->ref.revision);
		wire_put_u16(w, 0);
		wire_put_u32(w, msg->ref.length);
		wire_put_bytes(w, msg->ref.digest, SHA256_SIZE);
		object_end(w, at);
	}
	if (msg->has & RSVP_HAS_BODY) {
		at = icorp_begin(w, ICORP_BODY, enterprise);
		wire_put_u32(w, (uint32_t)msg->body_len);
		wire_put_bytes(w, msg->body, msg->body_len);
		object_end(w, at);
	}
	if (msg->has & RSVP_HAS_HOPSTATE) {
		at = icorp_begin(w, ICORP_HOPSTATE, enterprise);
		wire_put_u16(w, msg->hopstate.vlan);
		wire_put_u8(w, msg->hopstate.priority);
		object_end(w, at);
	}
	if (msg->has & RSVP_HAS_PRICE) {
		at = icorp_begin(w, ICORP_PRICE, enterprise);
		wire_put_u64(w, msg->price.micro);
		wire_put_u32(w, msg->price.interval_s);
		wire_put_bytes(w, msg->price.currency, 4);
		object_end(w, at);
	}
}

static void put_demand(struct wire *w, const struct rsvp_demand *d, uint32_t enterprise)
{
	size_t at = icorp_begin(w, ICORP_DEMAND, enterprise);

	put_addr(w, d->endpoint);
	wire_put_u8(w, d->resource);
	wire_put_u8(w, (uint8_t)d->direction);
	wire_put_u16(w, d->steps);
	wire_put_u32(w, d->sequence);
	wire_put_u64(w, d->want);
	object_end(w, at);
}

static void put_load(struct wire *w, const struct rsvp_load *l, uint32_t enterprise)
{
	size_t at = icorp_begin(w, ICORP_LOAD, enterprise);

	put_addr(w, l->endpoint);
	wire_put_u8(w, l->flags);
	wire_put_u8(w, 0);
	wire_put_u16(w, l->cpu_permille);
	wire_put_u16(w, l->memory_permille);
	wire_put_u16(w, l->weight);
	wire_put_u32(w, l->connections);
	object_end(w, at);
}

static void put_grant(struct wire *w, const struct rsvp_grant *g, uint32_t enterprise)
{
	size_t at = icorp_begin(w, ICORP_GRANT, enterprise);

	put_addr(w, g->node);
	put_addr(w, g->endpoint);
	wire_put_u8(w, g->resource);
	wire_put_u8(w, g->outcome);
	wire_put_u8(w, g->enforcement);
	wire_put_u8(w, g->flags & RSVP_GRANT_USED);
	wire_put_u32(w, g->sequence);
	wire_put_u64(w, g->level);
	wire_put_str(w, g->element);
	wire_put_str(w, g->reason);
	if (g->flags & RSVP_GRANT_USED)
		wire_put_u64(w, g->used);
	object_end(w, at);
}

static void put_lists(struct wire *w, const struct rsvp_msg *msg, uint32_t enterprise)
{
	for (unsigned i = 0; i < msg->demands.n; i++)
		put_demand(w, &msg->demands.v[i], enterprise);
	for (unsigned i = 0; i < msg->loads.n; i++)
		put_load(w, &msg->loads.v[i], enterprise);
	for (unsigned i = 0; i < msg->grants.n; i++)
		put_grant(w, &msg->grants.v[i], enterprise);
}

/* RFC 2210 section 3.1 and 3.2: a controlled-load token bucket. service is 1 in a TSPEC, 5 in a FLOWSPEC. */
static void put_flow(struct wire *w, const struct rsvp_flow *f, uint8_t class_, uint8_t service)
{
	size_t at = object_begin(w, class_, CTYPE_INTSERV);

	wire_put_u16(w, 0);             /* version 0 */
	wire_put_u16(w, 7);             /* words that follow */
	wire_put_u8(w, service);
	wire_put_u8(w, 0);
	wire_put_u16(w, 6);             /* words of the service */
	wire_put_u8(w, 127);            /* parameter TOKEN_BUCKET_TSPEC */
	wire_put_u8(w, 0);
	wire_put_u16(w, 5);
	wire_put_f32(w, (float)((double)f->rate_bps / 8));
	wire_put_f32(w, (float)f->bucket_bytes);
	wire_put_f32(w, (float)((double)f->peak_bps / 8));
	wire_put_u32(w, 64);            /* minimum policed unit: the smallest Ethernet frame */
	wire_put_u32(w, f->mtu);
	object_end(w, at);
}

static void put_template(struct wire *w, const struct rsvp_template *t, uint8_t class_)
{
	size_t at = object_begin(w, class_, CTYPE_P2MP_TEMPLATE);

	put_addr(w, t->sender);
	wire_put_u16(w, 0);
	wire_put_u16(w, t->lsp_id);
	put_addr(w, t->origin);
	wire_put_u16(w, 0);
	wire_put_u16(w, t->group);
	object_end(w, at);
}

static void put_rro(struct wire *w, const struct rsvp_msg *msg)
{
	size_t at = object_begin(w, CLASS_RECORD_ROUTE, CTYPE_IPV4);

	for (unsigned i = 0; i < msg->rro.n; i++) {
		wire_put_u8(w, 1);      /* IPv4 address */
		wire_put_u8(w, 8);
		put_addr(w, msg->rro.v[i]);
		wire_put_u8(w, 32);
		wire_put_u8(w, 0);
	}
	object_end(w, at);
}

/* A SUBTARGET is said of all sub-LSPs that follow, until the next. */
static void put_s2ls(struct wire *w, const struct rsvp_msg *msg, uint32_t enterprise)
{
	struct in_addr via = { 0 };
	size_t at;

	for (unsigned i = 0; i < msg->s2l.n; i++) {
		if (msg->s2l.v[i].via.s_addr != via.s_addr) {
			via = msg->s2l.v[i].via;
			at = icorp_begin(w, ICORP_SUBTARGET, enterprise);
			put_addr(w, via);
			object_end(w, at);
		}
		at = object_begin(w, CLASS_S2L_SUB_LSP, CTYPE_IPV4);
		put_addr(w, msg->s2l.v[i].addr);
		object_end(w, at);
	}
}

/* The sender descriptor of a Path, or the style and flow descriptor of a Resv. */
static void put_descriptor(struct wire *w, const struct rsvp_msg *msg)
{
	size_t at;

	if (msg->has & RSVP_HAS_STYLE) {
		at = object_begin(w, CLASS_STYLE, CTYPE_IPV4);
		wire_put_u32(w, msg->style);
		object_end(w, at);
	}
	if (msg->has & RSVP_HAS_TEMPLATE)
		put_template(w, &msg->template_, CLASS_SENDER_TEMPLATE);
	if (msg->has & RSVP_HAS_TSPEC)
		put_flow(w, &msg->flow, CLASS_SENDER_TSPEC, 1);
	if (msg->has & RSVP_HAS_FLOWSPEC)
		put_flow(w, &msg->flow, CLASS_FLOWSPEC, 5);
	if (msg->has & RSVP_HAS_FILTER)
		put_template(w, &msg->template_, CLASS_FILTER_SPEC);
	if ((msg->has & RSVP_HAS_RRO) && msg->rro.n)
		put_rro(w, msg);
}

/* RFC 2747 section 4.1: the digest covers the message with checksum and digest zero; the checksum covers it all. */
static int sign(struct wire *w, size_t digest, const struct rsvp_auth *auth)
{
	struct mac_segment whole = { w->base, w->pos };
	uint8_t mac[MAC_MAX_SIZE];
	int r = mac_sign(auth->key, &whole, 1, mac);

	if (!r)
		memcpy(w->base + digest, mac, mac_size(auth->key));
	return r;
}

static void put_header(struct wire *w, uint8_t type, uint8_t flags, uint8_t ttl)
{
	wire_put_u8(w, (uint8_t)(1 << 4 | (flags & 15)));
	wire_put_u8(w, type);
	wire_put_u16(w, 0);
	wire_put_u8(w, ttl);
	wire_put_u8(w, 0);
	wire_put_u16(w, 0);
}

int rsvp_encode(const struct rsvp_msg *msg, uint32_t enterprise, const struct rsvp_auth *auth, uint8_t *buffer,
		size_t room)
{
	struct wire w = wire_writer(buffer, room < RSVP_MAX_SIZE ? room : RSVP_MAX_SIZE);
	size_t digest = 0;
	int r;

	put_header(&w, msg->type, msg->flags, msg->ttl);
	if (auth && auth->key)
		digest = put_integrity(&w, auth);
	put_reliability(&w, msg);
	put_header_objects(&w, msg);
	put_contract_objects(&w, msg, enterprise);
	put_lists(&w, msg, enterprise);
	put_descriptor(&w, msg);
	put_s2ls(&w, msg, enterprise);
	if (w.error)
		return w.error;
	wire_patch_u16(&w, 6, (uint16_t)w.pos);
	if (digest && (r = sign(&w, digest, auth)))
		return r;
	wire_patch_u16(&w, RSVP_CHECKSUM_AT, rsvp_checksum(buffer, w.pos));
	return (int)w.pos;
}

int rsvp_sign(const uint8_t *message, size_t len, const struct rsvp_auth *auth, uint8_t *out, size_t room)
{
	struct wire w = wire_writer(out, room < RSVP_MAX_SIZE ? room : RSVP_MAX_SIZE);
	struct rsvp_auth has;
	size_t digest;
	int r;

	if (len < RSVP_HEADER_SIZE || (len > RSVP_HEADER_SIZE && rsvp_auth_peek(message, len, &has)))
		return -EBADMSG;
	wire_put_bytes(&w, message, RSVP_HEADER_SIZE);
	digest = put_integrity(&w, auth);
	wire_put_bytes(&w, message + RSVP_HEADER_SIZE, len - RSVP_HEADER_SIZE);
	if (w.error)
		return w.error;
	wire_patch_u16(&w, RSVP_CHECKSUM_AT, 0);
	wire_patch_u16(&w, 6, (uint16_t)w.pos);
	r = sign(&w, digest, auth);
	if (r)
		return r;
	wire_patch_u16(&w, RSVP_CHECKSUM_AT, rsvp_checksum(out, w.pos));
	return (int)w.pos;
}

int rsvp_bundle_begin(struct rsvp_bundle *bundle, const struct rsvp_auth *auth, uint8_t *buffer, size_t room)
{
	struct wire w = wire_writer(buffer, room < RSVP_MAX_SIZE ? room : RSVP_MAX_SIZE);

	*bundle = (struct rsvp_bundle){ .buffer = buffer, .room = w.size };
	put_header(&w, RSVP_BUNDLE, RSVP_FLAG_REDUCTION, 1);
	if (auth && auth->key)
		bundle->digest = put_integrity(&w, auth);
	bundle->len = w.pos;
	return w.error;
}

int rsvp_bundle_add(struct rsvp_bundle *bundle, const uint8_t *message, size_t len)
{
	if (len > bundle->room - bundle->len)
		return -ENOBUFS;
	memcpy(bundle->buffer + bundle->len, message, len);
	bundle->len += len;
	bundle->n++;
	return 0;
}

int rsvp_bundle_end(struct rsvp_bundle *bundle, const struct rsvp_auth *auth)
{
	struct wire w = wire_writer(bundle->buffer, bundle->len);
	int r;

	w.pos = bundle->len;
	wire_patch_u16(&w, 6, (uint16_t)bundle->len);
	if (bundle->digest && (r = sign(&w, bundle->digest, auth)))
		return r;
	wire_patch_u16(&w, RSVP_CHECKSUM_AT, rsvp_checksum(bundle->buffer, bundle->len));
	return (int)bundle->len;
}
