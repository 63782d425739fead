/*
 * What travels between a controller and its adaptor processes, over a SOCK_STREAM socketpair that the process finds
 * as descriptor ADAPTOR_FD. Both ends are of one build, so there is no version; but each end checks all it reads:
 * the one because the other parses the network's bytes, the other because this one holds privileges.
 *
 * A frame is  u32 length of what follows | u8 type | u64 serial | body,  in network byte order. Strings are a u16
 * length and the bytes. The controller's frames are requests (type: enum adaptor_request) and, first of all, OPEN;
 * the process answers each with one frame that carries the request's serial: READY for OPEN, ANSWER for the others.
 * DEFERRED comes before the ANSWER when a daemon is down: the process goes on trying, and newer terms or a revoke of
 * the same session replace the attempt (which then is never answered).
 *
 *     OPEN      instance, type, u16 n, n * (key, value)
 *     CHECK     terms            APPLY  terms              REVOKE  u32 icorp, u32 leader
 *     AUDIT, RENEW  u32 n, n * (u32 icorp, u32 leader)     MEASURE, PORTS, SHOW, INVENTORY  (empty)
 *     READY     u32 -error, reason, u32 TERM_*, u8 does anything of it time out
 *     DEFERRED  u8 request, u32 icorp, u32 leader, reason
 *     ANSWER    u8 request, u32 icorp, u32 leader, result, u32 orphans, u32 repaired, json (the rest)
 *               to RENEW, instead of json: u32 n, n * (u32 icorp, u32 leader), those not renewed
 */
#ifndef ICORP_ADAPTOR_PROTOCOL_H
#define ICORP_ADAPTOR_PROTOCOL_H

#include "adaptors/adaptor.h"
#include "adaptors/client.h"
#include "lib/wire.h"

#define ADAPTOR_FD 3
#define PROTOCOL_HEADER 13              /* length, type, serial */
#define PROTOCOL_MAX_FRAME (16u << 20)  /* more is a broken peer */
#define PROTOCOL_MAX_STRING 4096
#define PROTOCOL_MAX_OPTIONS 256
#define PROTOCOL_MAX_KEYS 4096          /* of a RENEW: what it can lead to is done in one batch */

enum protocol_type { PROTOCOL_OPEN = 64, PROTOCOL_READY, PROTOCOL_DEFERRED, PROTOCOL_ANSWER };

/* Bytes on their way in or out: data[pos..len) is what is still to be read. Zero it to begin. */
struct protocol_buffer { uint8_t *data; size_t pos, len, room; };

struct protocol_frame { uint8_t type; uint64_t serial; const uint8_t *body; size_t len; };

/* Makes room for n more bytes after len, moving what was read away. 0 or -ENOMEM. */
int protocol_reserve(struct protocol_buffer *b, size_t n);
/* Appends one frame. 0, -ENOMEM, -E2BIG. */
int protocol_put(struct protocol_buffer *b, uint8_t type, uint64_t serial, const void *body, size_t len);
/* Takes the next whole frame; its body points into the buffer until the next call on it. 1, 0: not yet all
 * there, -EBADMSG: the peer is broken. */
int protocol_next(struct protocol_buffer *b, struct protocol_frame *frame);
void protocol_free(struct protocol_buffer *b);

/* A u16-counted string into out[room]; too long or an embedded NUL is an error. */
void protocol_str(struct wire *w, char *out, size_t room);
void protocol_put_str(struct wire *w, const char *s);
void protocol_put_key(struct wire *w, struct adaptor_key key);
struct adaptor_key protocol_key(struct wire *w);
/* A list of keys. Read, it is malloc'd: 0, -EBADMSG or -ENOMEM. */
#define PROTOCOL_KEYS_SIZE(n) (4 + 8 * (n))
void protocol_put_keys(struct wire *w, const struct adaptor_key *keys, size_t n);
int protocol_keys(struct wire *w, struct adaptor_key **keys, size_t *n);
static inline int adaptor_key_equal(struct adaptor_key a, struct adaptor_key b)
{
	return a.icorp == b.icorp && a.leader.s_addr == b.leader.s_addr;
}

void protocol_put_result(struct wire *w, const struct adaptor_result *result);
void protocol_result(struct wire *w, struct adaptor_result *result);
/* The most that protocol_put_result writes. */
#define PROTOCOL_RESULT_MAX (4 + 2 + ADAPTOR_REASON + 1 + ADAPTOR_MAX_GRANTS * (3 + 8 + 2 + ADAPTOR_REASON))

/* Terms as bytes in *out (malloc'd; equal terms give equal bytes). 0, -EINVAL (counts out of bounds), -ENOMEM. */
int terms_encode(const struct adaptor_terms *terms, uint8_t **out, size_t *len);
/* The reverse; *terms owns its arrays until terms_clear. 0, -EBADMSG, -ENOMEM; on failure *terms is zeroed. */
int terms_decode(const uint8_t *data, size_t len, struct adaptor_terms *terms);
void terms_clear(struct adaptor_terms *terms);
struct adaptor_key terms_key(const struct adaptor_terms *terms);

const char *adaptor_request_name(enum adaptor_request request);
/* The program that has this type ("icorp-adaptor"), NULL when no such type is registered. */
const char *adaptor_program(const char *type);

#endif
