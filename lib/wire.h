/*
 * A cursor over bytes, for reading and for writing, network byte order, with a sticky error: a failed
 * read returns zero and later calls do nothing, so a decoder checks once at the end. Reading never
 * allocates; writing goes to a caller's buffer of fixed size. (After Knot DNS's wire_ctx.)
 */
#ifndef ICORP_LIB_WIRE_H
#define ICORP_LIB_WIRE_H

#include <stddef.h>
#include <stdint.h>

struct wire {
	uint8_t *base;   /* start of the buffer; not owned */
	size_t size;     /* readable bytes, or room for writing */
	size_t pos;      /* next byte */
	int error;       /* 0, or -EBADMSG (read past the end), -ENOBUFS (no room) */
	int writable;
};

struct wire wire_reader(const void *data, size_t size);
struct wire wire_writer(void *buffer, size_t room);

size_t wire_left(const struct wire *w);
uint8_t wire_u8(struct wire *w);
uint16_t wire_u16(struct wire *w);
uint32_t wire_u32(struct wire *w);
uint64_t wire_u64(struct wire *w);
float wire_f32(struct wire *w);
/* Points into the buffer (valid as long as it is) and advances; NULL on error. len 0 is fine. */
const uint8_t *wire_bytes(struct wire *w, size_t len);
/* A string written by wire_put_str into out[room], NUL-terminated; an embedded NUL is an error. */
void wire_str(struct wire *w, char *out, size_t room);
void wire_skip(struct wire *w, size_t len);
/* A reader over the next len bytes; advances w past them. On error the sub-reader carries the error. */
struct wire wire_sub(struct wire *w, size_t len);

void wire_put_u8(struct wire *w, uint8_t v);
void wire_put_u16(struct wire *w, uint16_t v);
void wire_put_u32(struct wire *w, uint32_t v);
void wire_put_u64(struct wire *w, uint64_t v);
void wire_put_f32(struct wire *w, float v);
void wire_put_bytes(struct wire *w, const void *data, size_t len);
/* One length byte, then the bytes; strings over 255 bytes are an error. */
void wire_put_str(struct wire *w, const char *s);
/* Overwrites earlier output, for lengths known only afterwards. at must be below pos. */
void wire_patch_u16(struct wire *w, size_t at, uint16_t v);
/* Pads with zero bytes to a multiple of align (a power of two), counted from the base. */
void wire_pad(struct wire *w, size_t align);

#endif
