/*
 * A cursor over bytes, for reading and for writing, network byte order, with a sticky error: a failed
 * read returns zero and later calls do nothing, so a decoder checks once at the end. Reading never
 * allocates; writing goes to a caller's buffer of fixed size. (After Knot DNS's wire_ctx.)
 *
 * All of it goes through wire_take(), the one place that checks bounds; a cursor for reading is never written through.
 * What messages consist of is here, to be inlined: it is half of what encoding and decoding take.
 */
#ifndef ICORP_LIB_WIRE_H
#define ICORP_LIB_WIRE_H

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wire {
	uint8_t *base;   /* start of the buffer; not owned */
	size_t size;     /* readable bytes, or room for writing */
	size_t pos;      /* next byte */
	int error;       /* 0, or -EBADMSG (read past the end), -ENOBUFS (no room) */
	int writable;
};

static inline struct wire wire_reader(const void *data, size_t size)
{
	return (struct wire){ .base = data ? (uint8_t *)(uintptr_t)data : (uint8_t *)(uintptr_t)"", .size = data ? size : 0 };
}

static inline struct wire wire_writer(void *buffer, size_t room)
{
	return (struct wire){ .base = buffer, .size = room, .writable = 1 };
}

static inline size_t wire_left(const struct wire *w)
{
	return w->error ? 0 : w->size - w->pos;
}

/* The next len bytes, or NULL and the sticky error. Of this module. */
static inline uint8_t *wire_take(struct wire *w, size_t len)
{
	uint8_t *at;

	if (w->error)
		return NULL;
	if (len > w->size - w->pos) {
		w->error = w->writable ? -ENOBUFS : -EBADMSG;
		return NULL;
	}
	at = w->base + w->pos;
	w->pos += len;
	return at;
}

/* Copies the next len bytes out; leaves *out alone on an error. */
static inline void wire_get(struct wire *w, void *out, size_t len)
{
	const uint8_t *p = wire_take(w, len);

	if (p)
		memcpy(out, p, len);
}

static inline uint8_t wire_u8(struct wire *w)
{
	uint8_t v = 0;

	wire_get(w, &v, sizeof(v));
	return v;
}

static inline uint16_t wire_u16(struct wire *w)
{
	uint16_t v = 0;

	wire_get(w, &v, sizeof(v));
	return be16toh(v);
}

static inline uint32_t wire_u32(struct wire *w)
{
	uint32_t v = 0;

	wire_get(w, &v, sizeof(v));
	return be32toh(v);
}

static inline uint64_t wire_u64(struct wire *w)
{
	uint64_t v = 0;

	wire_get(w, &v, sizeof(v));
	return be64toh(v);
}

static inline float wire_f32(struct wire *w)
{
	uint32_t bits = wire_u32(w);
	float v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

/* Points into the buffer (valid as long as it is) and advances; NULL on error. len 0 is fine. */
static inline const uint8_t *wire_bytes(struct wire *w, size_t len)
{
	return wire_take(w, len);
}

static inline void wire_skip(struct wire *w, size_t len)
{
	wire_take(w, len);
}

/* A reader over the next len bytes; advances w past them. On error the sub-reader carries the error. */
static inline struct wire wire_sub(struct wire *w, size_t len)
{
	const uint8_t *p = wire_take(w, len);
	struct wire sub = wire_reader(p, p ? len : 0);

	sub.error = w->error;
	return sub;
}

/* A string written by wire_put_str into out[room], NUL-terminated; an embedded NUL is an error. */
void wire_str(struct wire *w, char *out, size_t room);

static inline void wire_put_bytes(struct wire *w, const void *data, size_t len)
{
	uint8_t *p;

	if (!w->error && !w->writable)
		w->error = -ENOBUFS;
	p = wire_take(w, len);
	if (p && len)
		memcpy(p, data, len);
}

static inline void wire_put_u8(struct wire *w, uint8_t v)
{
	wire_put_bytes(w, &v, sizeof(v));
}

static inline void wire_put_u16(struct wire *w, uint16_t v)
{
	v = htobe16(v);
	wire_put_bytes(w, &v, sizeof(v));
}

static inline void wire_put_u32(struct wire *w, uint32_t v)
{
	v = htobe32(v);
	wire_put_bytes(w, &v, sizeof(v));
}

static inline void wire_put_u64(struct wire *w, uint64_t v)
{
	v = htobe64(v);
	wire_put_bytes(w, &v, sizeof(v));
}

static inline void wire_put_f32(struct wire *w, float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof(bits));
	wire_put_u32(w, bits);
}

/* Overwrites earlier output, for lengths known only afterwards. at must be below pos. */
static inline void wire_patch_u16(struct wire *w, size_t at, uint16_t v)
{
	if (w->error || !w->writable || w->pos < 2 || at > w->pos - 2)
		return;
	v = htobe16(v);
	memcpy(w->base + at, &v, sizeof(v));
}

/* One length byte, then the bytes; strings over 255 bytes are an error. */
void wire_put_str(struct wire *w, const char *s);
/* Pads with zero bytes to a multiple of align (a power of two), counted from the base. */
void wire_pad(struct wire *w, size_t align);

#endif
