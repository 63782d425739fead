/* Frames and small pieces of the protocol (protocol.h); terms have a file of their own (terms.c). */
#include "adaptors/protocol.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int protocol_reserve(struct protocol_buffer *b, size_t n)
{
	if (b->pos == b->len)
		b->pos = b->len = 0;
	if (b->room - b->len >= n)
		return 0;
	if (b->pos) {
		memmove(b->data, b->data + b->pos, b->len - b->pos);
		b->len -= b->pos;
		b->pos = 0;
		if (b->room - b->len >= n)
			return 0;
	}
	size_t room = b->room ? b->room : 4096;

	while (room - b->len < n)
		room *= 2;
	uint8_t *data = realloc(b->data, room);

	if (!data)
		return -ENOMEM;
	b->data = data;
	b->room = room;
	return 0;
}

int protocol_put(struct protocol_buffer *b, uint8_t type, uint64_t serial, const void *body, size_t len)
{
	if (len > PROTOCOL_MAX_FRAME - PROTOCOL_HEADER)
		return -E2BIG;
	int rc = protocol_reserve(b, PROTOCOL_HEADER + len);

	if (rc)
		return rc;
	struct wire w = wire_writer(b->data + b->len, PROTOCOL_HEADER + len);

	wire_put_u32(&w, (uint32_t)(PROTOCOL_HEADER - 4 + len));
	wire_put_u8(&w, type);
	wire_put_u64(&w, serial);
	if (len)
		wire_put_bytes(&w, body, len);
	b->len += w.pos;
	return w.error;
}

int protocol_next(struct protocol_buffer *b, struct protocol_frame *frame)
{
	struct wire w = wire_reader(b->data + b->pos, b->len - b->pos);

	if (wire_left(&w) < PROTOCOL_HEADER)
		return 0;
	size_t len = wire_u32(&w);

	if (len < PROTOCOL_HEADER - 4 || len > PROTOCOL_MAX_FRAME)
		return -EBADMSG;
	if (wire_left(&w) < len)
		return 0;
	frame->type = wire_u8(&w);
	frame->serial = wire_u64(&w);
	frame->len = len - (PROTOCOL_HEADER - 4);
	frame->body = wire_bytes(&w, frame->len);
	b->pos += w.pos;
	return 1;
}

void protocol_free(struct protocol_buffer *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

void protocol_put_str(struct wire *w, const char *s)
{
	size_t len = strlen(s);

	if (len > UINT16_MAX) {
		if (!w->error)
			w->error = -ENOBUFS;
		return;
	}
	wire_put_u16(w, (uint16_t)len);
	wire_put_bytes(w, s, len);
}

void protocol_str(struct wire *w, char *out, size_t room)
{
	size_t len = wire_u16(w);
	const uint8_t *s = wire_bytes(w, len);

	out[0] = '\0';
	if (!s)
		return;
	if (len >= room || memchr(s, 0, len)) {
		w->error = -EBADMSG;
		return;
	}
	memcpy(out, s, len);
	out[len] = '\0';
}

void protocol_put_key(struct wire *w, struct adaptor_key key)
{
	wire_put_u32(w, key.icorp);
	wire_put_u32(w, ntohl(key.leader.s_addr));
}

struct adaptor_key protocol_key(struct wire *w)
{
	struct adaptor_key key;

	key.icorp = wire_u32(w);
	key.leader.s_addr = htonl(wire_u32(w));
	return key;
}

void protocol_put_keys(struct wire *w, const struct adaptor_key *keys, size_t n)
{
	wire_put_u32(w, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		protocol_put_key(w, keys[i]);
}

int protocol_keys(struct wire *w, struct adaptor_key **keys, size_t *n)
{
	uint32_t count = wire_u32(w);

	if (w->error || count > wire_left(w) / 8)
		return -EBADMSG;
	*keys = calloc(count ? count : 1, sizeof(**keys));
	if (!*keys)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		(*keys)[i] = protocol_key(w);
	*n = count;
	return 0;
}

void protocol_put_result(struct wire *w, const struct adaptor_result *result)
{
	unsigned n = result->n_grants > ADAPTOR_MAX_GRANTS ? ADAPTOR_MAX_GRANTS : result->n_grants;

	wire_put_u32(w, (uint32_t)-result->error);
	protocol_put_str(w, result->reason);
	wire_put_u8(w, (uint8_t)n);
	for (unsigned i = 0; i < n; i++) {
		const struct adaptor_grant *g = &result->grants[i];

		wire_put_u8(w, g->resource);
		wire_put_u8(w, g->outcome);
		wire_put_u8(w, g->enforcement);
		wire_put_u64(w, g->level);
		protocol_put_str(w, g->reason);
	}
}

void protocol_result(struct wire *w, struct adaptor_result *result)
{
	memset(result, 0, sizeof(*result));
	uint32_t error = wire_u32(w);

	protocol_str(w, result->reason, sizeof(result->reason));
	unsigned n = wire_u8(w);

	if (error > 4095 || n > ADAPTOR_MAX_GRANTS) {
		if (!w->error)
			w->error = -EBADMSG;
		return;
	}
	result->error = -(int)error;
	result->n_grants = n;
	for (unsigned i = 0; i < n; i++) {
		struct adaptor_grant *g = &result->grants[i];

		g->resource = wire_u8(w);
		g->outcome = wire_u8(w);
		g->enforcement = wire_u8(w);
		g->level = wire_u64(w);
		protocol_str(w, g->reason, sizeof(g->reason));
	}
}
