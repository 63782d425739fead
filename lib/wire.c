/*
 * The byte cursor with a sticky error. All reading and writing goes through take(), the one place that checks bounds;
 * a cursor for reading is never written through.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "lib/wire.h"

struct wire wire_reader(const void *data, size_t size)
{
	static uint8_t nothing;

	return (struct wire){ .base = data ? (uint8_t *)data : &nothing, .size = data ? size : 0 };
}

struct wire wire_writer(void *buffer, size_t room)
{
	return (struct wire){ .base = buffer, .size = room, .writable = 1 };
}

size_t wire_left(const struct wire *w)
{
	return w->error ? 0 : w->size - w->pos;
}

/* The next len bytes, or NULL and the sticky error. */
static uint8_t *take(struct wire *w, size_t len)
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
static void get(struct wire *w, void *out, size_t len)
{
	const uint8_t *p = take(w, len);

	if (p)
		memcpy(out, p, len);
}

uint8_t wire_u8(struct wire *w)
{
	uint8_t v = 0;

	get(w, &v, sizeof(v));
	return v;
}

uint16_t wire_u16(struct wire *w)
{
	uint16_t v = 0;

	get(w, &v, sizeof(v));
	return be16toh(v);
}

uint32_t wire_u32(struct wire *w)
{
	uint32_t v = 0;

	get(w, &v, sizeof(v));
	return be32toh(v);
}

uint64_t wire_u64(struct wire *w)
{
	uint64_t v = 0;

	get(w, &v, sizeof(v));
	return be64toh(v);
}

float wire_f32(struct wire *w)
{
	uint32_t bits = wire_u32(w);
	float v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

const uint8_t *wire_bytes(struct wire *w, size_t len)
{
	return take(w, len);
}

void wire_str(struct wire *w, char *out, size_t room)
{
	size_t len = wire_u8(w);
	const uint8_t *p = take(w, len);

	*out = 0;
	if (!p)
		return;
	if (len >= room || memchr(p, 0, len)) {
		w->error = -EBADMSG;
		return;
	}
	memcpy(out, p, len);
	out[len] = 0;
}

void wire_skip(struct wire *w, size_t len)
{
	take(w, len);
}

struct wire wire_sub(struct wire *w, size_t len)
{
	const uint8_t *p = take(w, len);
	struct wire sub = wire_reader(p, p ? len : 0);

	sub.error = w->error;
	return sub;
}

/* As take(), for writing. */
static uint8_t *make(struct wire *w, size_t len)
{
	if (!w->error && !w->writable)
		w->error = -ENOBUFS;
	return take(w, len);
}

static void put(struct wire *w, const void *data, size_t len)
{
	uint8_t *p = make(w, len);

	if (p)
		memcpy(p, data, len);
}

void wire_put_u8(struct wire *w, uint8_t v)
{
	put(w, &v, sizeof(v));
}

void wire_put_u16(struct wire *w, uint16_t v)
{
	v = htobe16(v);
	put(w, &v, sizeof(v));
}

void wire_put_u32(struct wire *w, uint32_t v)
{
	v = htobe32(v);
	put(w, &v, sizeof(v));
}

void wire_put_u64(struct wire *w, uint64_t v)
{
	v = htobe64(v);
	put(w, &v, sizeof(v));
}

void wire_put_f32(struct wire *w, float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof(bits));
	wire_put_u32(w, bits);
}

void wire_put_bytes(struct wire *w, const void *data, size_t len)
{
	put(w, len ? data : "", len);
}

void wire_put_str(struct wire *w, const char *s)
{
	size_t len = strlen(s);

	if (len > 255) {
		w->error = w->error ? w->error : -ENOBUFS;
		return;
	}
	wire_put_u8(w, (uint8_t)len);
	wire_put_bytes(w, s, len);
}

void wire_patch_u16(struct wire *w, size_t at, uint16_t v)
{
	if (w->error || !w->writable || w->pos < 2 || at > w->pos - 2)
		return;
	w->base[at] = (uint8_t)(v >> 8);
	w->base[at + 1] = (uint8_t)v;
}

void wire_pad(struct wire *w, size_t align)
{
	while (!w->error && w->pos & (align - 1))
		wire_put_u8(w, 0);
}
