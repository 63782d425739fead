/*
 * Inside the writer: its renderers, and the growing buffer they write to.
 */
#ifndef ICORP_LIB_WRITER_RENDER_H
#define ICORP_LIB_WRITER_RENDER_H

#include <jansson.h>
#include <stddef.h>

#include "lib/writer.h"

/* Grows by doubling; after a failed allocation everything is ignored and buffer_take returns NULL. */
struct buffer { char *data; size_t len, room; int failed; };
void buffer_add(struct buffer *b, const char *text, size_t len);
void buffer_str(struct buffer *b, const char *text);
void buffer_repeat(struct buffer *b, char c, size_t n);
/* Hands over the NUL-terminated text. */
char *buffer_take(struct buffer *b);

/* Each returns text the caller frees, or NULL when out of memory. */
char *writer_render_text(const json_t *root);
char *writer_render_xml(const json_t *root);

/* A scalar as plain text into out[room] for numbers; strings are returned as they are. Never NULL. */
const char *writer_scalar(const json_t *value, char *out, size_t room);

#endif
