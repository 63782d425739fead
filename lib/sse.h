/*
 * Server-sent events (WHATWG HTML 9.2.6): a parser fed with bytes as they come. No I/O, so it can be fuzzed alone.
 */
#ifndef ICORP_LIB_SSE_H
#define ICORP_LIB_SSE_H

#include <stddef.h>

#define SSE_MAX (1u << 20) /* of one event's data, and of one line */

typedef void sse_fn(void *ctx, const char *event, const char *data, size_t len);

struct sse_text { char *at; size_t len, room; };
struct sse {
	struct sse_text line, name, data;
	int after_cr;  /* a newline now belongs to the carriage return before */
	int begun;     /* the first line, which may bring a byte order mark, is over */
	int has_data;
};

/* A zeroed struct is ready. Calls event for each one completed; name is "message" when the stream gave none. 0, -EMSGSIZE or
 * -ENOMEM (the stream must then be given up). */
int sse_feed(struct sse *sse, const char *bytes, size_t len, sse_fn *event, void *ctx);
/* Forgets what is half read, for a new connection; frees everything. */
void sse_clear(struct sse *sse);

#endif
