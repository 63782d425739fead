/*
 * The event stream parser: bytes to lines (ended by CR, LF or CRLF), lines to fields, an empty line ends an event. The fields
 * "id" and "retry" and comments are of no use here and are skipped. An event without data is dropped, as the standard says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sse.h"

static int append(struct sse_text *t, const char *bytes, size_t len)
{
	if (t->len + len > SSE_MAX)
		return -EMSGSIZE;
	if (t->len + len >= t->room) {
		size_t room = 2 * (t->len + len) + 64;
		char *at = realloc(t->at, room);

		if (!at)
			return -ENOMEM;
		t->at = at;
		t->room = room;
	}
	if (len)
		memcpy(t->at + t->len, bytes, len);
	t->len += len;
	t->at[t->len] = 0;
	return 0;
}

static void empty(struct sse_text *t)
{
	t->len = 0;
	if (t->at)
		*t->at = 0;
}

static int is_field(const char *line, size_t n, const char *name)
{
	return strlen(name) == n && !memcmp(line, name, n);
}

static int field(struct sse *sse, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	size_t n = colon ? (size_t)(colon - line) : len;
	const char *value = colon ? colon + 1 : line + len;
	int r;

	if (value < line + len && *value == ' ')
		value++;
	len -= (size_t)(value - line);
	if (is_field(line, n, "event")) {
		empty(&sse->name);
		return append(&sse->name, value, len);
	}
	if (!is_field(line, n, "data"))
		return 0;
	r = sse->has_data ? append(&sse->data, "\n", 1) : 0;
	sse->has_data = 1;
	return r ? r : append(&sse->data, value, len);
}

static int end_of_line(struct sse *sse, sse_fn *event, void *ctx)
{
	static const char mark[] = "\xef\xbb\xbf";
	const char *line = sse->line.at ? sse->line.at : "";
	size_t len = sse->line.len;
	int r = 0;

	if (!sse->begun && len >= 3 && !memcmp(line, mark, 3)) {
		line += 3;
		len -= 3;
	}
	sse->begun = 1;
	if (len) {
		r = field(sse, line, len);
	} else {
		if (sse->has_data)
			event(ctx, sse->name.len ? sse->name.at : "message", sse->data.at ? sse->data.at : "", sse->data.len);
		sse->has_data = 0;
		empty(&sse->name);
		empty(&sse->data);
	}
	empty(&sse->line);
	return r;
}

int sse_feed(struct sse *sse, const char *bytes, size_t len, sse_fn *event, void *ctx)
{
	const char *end = bytes + len;

	while (bytes < end) {
		const char *p = bytes;
		int r;

		if (sse->after_cr && *p == '\n') {
			sse->after_cr = 0;
			bytes++;
			continue;
		}
		sse->after_cr = 0;
		while (p < end && *p != '\r' && *p != '\n')
			p++;
		r = append(&sse->line, bytes, (size_t)(p - bytes));
		if (!r && p < end) {
			sse->after_cr = *p++ == '\r';
			r = end_of_line(sse, event, ctx);
		}
		if (r)
			return r;
		bytes = p;
	}
	return 0;
}

void sse_clear(struct sse *sse)
{
	free(sse->line.at);
	free(sse->name.at);
	free(sse->data.at);
	memset(sse, 0, sizeof(*sse));
}
