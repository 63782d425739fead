/*
 * RSVP-ICorp messages: the codec. RFC 2205 header and objects, RFC 4875 point-to-multipoint objects, RFC 2747
 * INTEGRITY, and our own objects of class 252 (RFC 3936, vendor private). The same bytes travel as IP protocol
 * 46 and as UDP 3455. No state, no sockets: it can be fuzzed alone. It is in lib/ because the ISC's controller
 * speaks it to its host's controller.
 *
 * A struct rsvp_msg is a plain picture of one message. Its vectors keep their room when it is cleared, so a
 * daemon reuses one message for ever.
 */
#ifndef ICORP_LIB_RSVP_H
#define ICORP_LIB_RSVP_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/mac.h"

#define RSVP_PORT 3455
#define RSVP_PROTOCOL 46
#define RSVP_MAX_SIZE 65000
#define RSVP_ENTERPRISE 32473u   /* RFC 5612, for documentation: operators set their own */
#define RSVP_NAME 64

/* RFC 2205 A.; 12, 13, 15 RFC 2961; 20 RFC 3209; 25, 26 RFC 2747 section 4.3 with the numbers of RFC 3097 */
enum rsvp_type {
	RSVP_PATH = 1, RSVP_RESV = 2, RSVP_PATH_ERR = 3, RSVP_RESV_ERR = 4, RSVP_PATH_TEAR = 5,
	RSVP_RESV_TEAR = 6, RSVP_RESV_CONF = 7, RSVP_BUNDLE = 12, RSVP_ACK = 13, RSVP_SREFRESH = 15,
	RSVP_HELLO = 20, RSVP_CHALLENGE = 25, RSVP_CHALLENGE_RESPONSE = 26,
};
const char *rsvp_type_name(uint8_t type); /* "Path", …; "type?" */
/* Is a message of this type about a session? Acks, Srefreshes, Hellos and the integrity handshake are not. */
int rsvp_has_session(uint8_t type);

/* Which optional objects a message carries. */
enum {
	RSVP_HAS_HOP = 1u << 0, RSVP_HAS_TIME = 1u << 1, RSVP_HAS_STYLE = 1u << 2, RSVP_HAS_TSPEC = 1u << 3,
	RSVP_HAS_FLOWSPEC = 1u << 4, RSVP_HAS_TEMPLATE = 1u << 5, RSVP_HAS_FILTER = 1u << 6,
	RSVP_HAS_ERROR = 1u << 7, RSVP_HAS_CONFIRM = 1u << 8, RSVP_HAS_ATTRIBUTE = 1u << 9, RSVP_HAS_RRO = 1u << 10,
	RSVP_HAS_REF = 1u << 11, RSVP_HAS_BODY = 1u << 12, RSVP_HAS_HOPSTATE = 1u << 13, RSVP_HAS_PRICE = 1u << 14,
	RSVP_HAS_ID = 1u << 15, RSVP_HAS_HELLO = 1u << 16, RSVP_HAS_CHALLENGE = 1u << 17,
};

#define RSVP_STYLE_SE 0x12u /* Shared-Explicit */

/* RFC 2205 B, RFC 3209 7.3; the values with the top bit pattern 10 are ours (organisation specific). */
enum {
	RSVP_ERR_CONFIRM = 0, RSVP_ERR_ADMISSION = 1, RSVP_ERR_POLICY = 2, RSVP_ERR_NO_PATH = 3, RSVP_ERR_NO_SENDER = 4,
	RSVP_ERR_STYLE_CONFLICT = 5, RSVP_ERR_STYLE = 6, RSVP_ERR_UNKNOWN_CLASS = 13, RSVP_ERR_UNKNOWN_CTYPE = 14, RSVP_ERR_TRAFFIC = 21,
	RSVP_ERR_TRAFFIC_SYSTEM = 22, RSVP_ERR_SYSTEM = 23, RSVP_ERR_ROUTING = 24, RSVP_ERR_NOTIFY = 25,
};
enum {
	RSVP_ADMISSION_DELAY = 1, RSVP_ADMISSION_BANDWIDTH = 2, RSVP_ADMISSION_MTU = 3,
	RSVP_ADMISSION_CPU = 0x8001, RSVP_ADMISSION_MEMORY = 0x8002, RSVP_ADMISSION_LABEL = 0x8003,
	RSVP_ADMISSION_IMAGE = 0x8004, RSVP_ADMISSION_ADAPTOR = 0x8005,
	RSVP_POLICY_PARTIAL_PREEMPT = 102, /* RFC 4495 section 5.1 */
	RSVP_POLICY_LIMIT = 0x8001, RSVP_POLICY_CONTRACT = 0x8002,
	RSVP_ROUTING_NO_ROUTE = 5,
	RSVP_SYSTEM_CONTRACT_TIMEOUT = 0x8001, RSVP_SYSTEM_MEMORY = 0x8002,
};
#define RSVP_ERROR_IN_PLACE 0x01 /* ERROR_SPEC flag: the old reservation stands */
#define RSVP_ERROR_NOT_GUILTY 0x02

/* SESSION C-Type 13: one ICorp. */
struct rsvp_session { uint32_t icorp; uint16_t tunnel; struct in_addr leader; };
struct rsvp_hop { struct in_addr addr; uint32_t lih; };
/*
 * SENDER_TEMPLATE / FILTER_SPEC C-Type 12: lsp_id is the contract's revision; group (RFC 4875: a message may be several) is, in
 * a Resv, the part's number, and whether another one follows.
 */
#define RSVP_PARTS 16
#define RSVP_PART_GRANTS 64
#define RSVP_PART_MORE 0x8000u
struct rsvp_template { struct in_addr sender; uint16_t lsp_id; struct in_addr origin; uint16_t group; };
/* Intserv token bucket; on the wire bytes/s as IEEE floats. */
struct rsvp_flow { uint64_t rate_bps, peak_bps; uint32_t bucket_bytes, mtu; };
/*
 * The largest rate, not above this one, that arrives as it was sent: a float of bytes per second. Whole bytes, from 8 bit/s
 * on: kernels count them, too.
 */
uint64_t rsvp_rate(uint64_t bps);
struct rsvp_error { struct in_addr node; uint8_t flags, code; uint16_t value; };
struct rsvp_attribute { uint8_t setup, holding, flags; char name[RSVP_NAME]; };
struct rsvp_ref { uint16_t revision; uint32_t length; uint8_t digest[SHA256_SIZE]; };
struct rsvp_hopstate { uint16_t vlan; uint8_t priority; }; /* vlan 0: none */
/* A sub-LSP: the endpoint, and the router a layer-2 controller is to look for on the way (SUBTARGET; 0.0.0.0: none). */
struct rsvp_s2l { struct in_addr addr, via; };

/* Class 252. An endpoint is named by its element's control address. */
struct rsvp_demand {
	struct in_addr endpoint; uint8_t resource; int8_t direction; /* +1 more, -1 less */
	uint16_t steps; uint32_t sequence; uint64_t want; /* level asked for; 0 until the host's controller fills it */
};
#define RSVP_LOAD_UP 0x01
#define RSVP_LOAD_FLAGS 0x0f /* room for those to come; others are not read */
struct rsvp_load {
	struct in_addr endpoint; uint8_t flags; uint16_t cpu_permille, memory_permille, weight; uint32_t connections;
};
struct rsvp_price { uint64_t micro; uint32_t interval_s; char currency[4]; };
#define RSVP_GRANT_USED 0x01
struct rsvp_grant {
	struct in_addr node, endpoint;   /* who granted; whose demand (0.0.0.0: the ICorp's as a whole) */
	uint8_t resource, outcome, enforcement; uint32_t sequence; uint64_t level;
	uint8_t flags; uint64_t used;    /* RSVP_GRANT_USED: so much was measured there: bit/s, permille of a CPU, KiB */
	char element[RSVP_NAME], reason[128];
};

/* RFC 2961: what one end numbers its messages with; epoch is 24 bits. */
#define RSVP_ID_ACK_DESIRED 0x01
#define RSVP_ID_RECOVERY_PATH 0x02
struct rsvp_id { uint8_t flags; uint32_t epoch, id; };
/* Is message id a later than b? Serial arithmetic (RFC 1982): right while they are less than 2^31 apart. */
int rsvp_id_later(uint32_t a, uint32_t b);
struct rsvp_id_ack { struct rsvp_id id; int nack; };
/* RFC 3209 section 5.2; ack 0: HELLO REQUEST. */
struct rsvp_hello { int ack; uint32_t source, destination; };
/* RFC 2747 section 4.3: with which key to answer, and what is to come back. */
struct rsvp_challenge { uint64_t key_id; /* 48 bits */ uint32_t cookie; };
#define RSVP_FLAG_REDUCTION 0x01 /* header flag: we understand RFC 2961 */

#define RSVP_VECTOR(type) struct { type *v; unsigned n, room; }

struct rsvp_msg {
	uint8_t type, ttl, flags;         /* flags: RSVP_FLAG_REDUCTION */
	uint32_t has;
	struct rsvp_session session;
	struct rsvp_hop hop;
	uint32_t refresh_ms;
	uint32_t style;
	struct rsvp_flow flow;            /* SENDER_TSPEC or FLOWSPEC */
	struct rsvp_template template_;   /* SENDER_TEMPLATE or FILTER_SPEC */
	struct rsvp_error error;
	struct in_addr confirm;
	struct rsvp_attribute attribute;
	struct rsvp_ref ref;
	struct rsvp_hopstate hopstate;
	struct rsvp_price price;
	const uint8_t *body; size_t body_len;   /* deflated contract; points into the datagram */
	struct rsvp_id id;
	struct rsvp_hello hello;
	struct rsvp_challenge challenge;
	uint32_t list_epoch;              /* Srefresh: of the ids below */
	RSVP_VECTOR(uint32_t) ids;        /* Srefresh: MESSAGE_ID_LIST */
	RSVP_VECTOR(struct rsvp_id_ack) acks;
	RSVP_VECTOR(struct rsvp_s2l) s2l;
	RSVP_VECTOR(struct in_addr) rro;
	RSVP_VECTOR(struct rsvp_demand) demands;
	RSVP_VECTOR(struct rsvp_load) loads;
	RSVP_VECTOR(struct rsvp_grant) grants;
	unsigned unknown;                 /* ignored objects of classes 10bbbbbb and 11bbbbbb */
};

/* Empties msg, keeping its vectors' room. A zeroed struct is an empty message. */
void rsvp_msg_clear(struct rsvp_msg *msg);
/* What a message says of its session: no body, no acknowledgements or lists of ids. *to is new. 0 or -ENOMEM (then empty). */
int rsvp_msg_copy(struct rsvp_msg *to, const struct rsvp_msg *from);
/* Frees the vectors. */
void rsvp_msg_free(struct rsvp_msg *msg);
/* Appends; 0 or -ENOMEM. */
int rsvp_add_s2l(struct rsvp_msg *msg, struct in_addr addr, struct in_addr via);
int rsvp_add_rro(struct rsvp_msg *msg, struct in_addr addr);
int rsvp_add_demand(struct rsvp_msg *msg, const struct rsvp_demand *demand);
int rsvp_add_load(struct rsvp_msg *msg, const struct rsvp_load *load);
int rsvp_add_grant(struct rsvp_msg *msg, const struct rsvp_grant *grant);
int rsvp_add_ack(struct rsvp_msg *msg, const struct rsvp_id_ack *ack);
int rsvp_add_id(struct rsvp_msg *msg, uint32_t id);

#define RSVP_AUTH_HANDSHAKE 0x01 /* INTEGRITY's flag: the sender answers Integrity Challenges */
/* What authenticates a datagram (RFC 2747). NULL where none is used. */
struct rsvp_auth { struct mac_key *key; uint64_t key_id; /* 48 bits */ uint64_t sequence; uint8_t flags; };

/*
 * Encodes msg into buffer[room]; signs when auth is given. Returns the length, or -ENOBUFS, -EINVAL (a message
 * that lacks what its type needs). The checksum is always right.
 */
int rsvp_encode(const struct rsvp_msg *msg, uint32_t enterprise, const struct rsvp_auth *auth, uint8_t *buffer,
		size_t room);

struct rsvp_decode_error { uint8_t class_, ctype; int class_known; const char *what; };

/*
 * Is this an RSVP datagram as it was sent: version, length, checksum (RFC 2205 section 3.1.1)? 0, or -EBADMSG and *what
 * says which is wrong.
 */
int rsvp_check_header(const uint8_t *data, size_t len, const char **what);
/*
 * Decodes a whole datagram into *msg (cleared first). 0, or -EBADMSG (malformed: header, length, checksum, object
 * out of bounds, required object missing), -EPROTO (unknown object of class 0bbbbbbb: error->class_, ctype say which
 * was the first; *msg has the others), -E2BIG (more list entries than allowed), -ENOMEM. Does not check INTEGRITY.
 */
int rsvp_decode(const uint8_t *data, size_t len, uint32_t enterprise, struct rsvp_msg *msg,
		struct rsvp_decode_error *error);

/*
 * A Bundle (RFC 2961 section 3): starts one in buffer[room], leaving room for INTEGRITY when auth is given; each message
 * encoded without INTEGRITY is appended; rsvp_bundle_end signs it and returns its length. -ENOBUFS: it does not fit any
 * more, and the bundle is as it was.
 */
struct rsvp_bundle { uint8_t *buffer; size_t room, len, digest; unsigned n; };
int rsvp_bundle_begin(struct rsvp_bundle *bundle, const struct rsvp_auth *auth, uint8_t *buffer, size_t room);
int rsvp_bundle_add(struct rsvp_bundle *bundle, const uint8_t *message, size_t len);
int rsvp_bundle_end(struct rsvp_bundle *bundle, const struct rsvp_auth *auth);
/* The next message in a received Bundle: 1 with *message and *len, 0 at the end, -EBADMSG. Start with *at = 0. */
int rsvp_bundle_next(const uint8_t *data, size_t len, size_t *at, const uint8_t **message, size_t *message_len);

/* What INTEGRITY adds at most. */
#define RSVP_INTEGRITY_MAX (4 + 16 + MAC_MAX_SIZE)
/*
 * Copies an encoded message without INTEGRITY to out[room], with INTEGRITY. Returns its length, or -EBADMSG (it is no
 * message, or signed already), -ENOBUFS, or what the MAC says.
 */
int rsvp_sign(const uint8_t *message, size_t len, const struct rsvp_auth *auth, uint8_t *out, size_t room);
/* Finds the INTEGRITY object: 1 and *auth's key_id, sequence and flags when there is one, 0 when not, -EBADMSG. */
int rsvp_auth_peek(const uint8_t *data, size_t len, struct rsvp_auth *auth);
/* Checks the datagram's digest with key. data is not changed. 0, -EKEYREJECTED, -EBADMSG, -ENOENT (no INTEGRITY). */
int rsvp_auth_verify(const uint8_t *data, size_t len, struct mac_key *key);

#endif
