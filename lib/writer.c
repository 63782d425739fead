/*
 * The writer builds its document as a jansson tree and keeps the open containers on a small stack; the formats are
 * renderers over the finished tree (writer_text.c, writer_xml.c, and jansson itself for JSON). A misuse or a lack of
 * memory sets `failed`, after which calls do nothing and writer_render returns NULL: a `show` command
 * is written without a check per line.
 *
 * What the tree holds is always valid UTF-8 (RFC 8259 8.1): other bytes become U+FFFD. JSON integers are signed
 * 64 bit; larger unsigned values (our "unlimited") are written as the largest signed one.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "lib/writer_render.h"

#define DEPTH 32

struct writer {
	json_t *open[DEPTH]; /* borrowed: open[0] is the root, owned */
	unsigned depth;      /* of the innermost open container */
	int failed;
};

struct writer *writer_new(void)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->open[0] = json_object();
	if (!w->open[0]) {
		free(w);
		return NULL;
	}
	return w;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	json_decref(w->open[0]);
	free(w);
}

/* Puts value (its reference is consumed) into the innermost container. */
static void add(struct writer *w, const char *name, json_t *value)
{
	json_t *in = w->open[w->depth];

	if (w->failed || !value || !name != !json_is_object(in)) {
		json_decref(value);
		w->failed = 1;
	} else if (name) {
		w->failed = json_object_set_new(in, name, value) != 0;
	} else {
		w->failed = json_array_append_new(in, value) != 0;
	}
}

static void descend(struct writer *w, const char *name, json_t *value)
{
	if (w->depth + 1 == DEPTH)
		w->failed = 1;
	add(w, name, value);
	if (!w->failed)
		w->open[++w->depth] = value;
}

void writer_object(struct writer *w, const char *name)
{
	descend(w, name, json_object());
}

void writer_array(struct writer *w, const char *name)
{
	descend(w, name, json_array());
}

void writer_end(struct writer *w)
{
	if (!w->depth)
		w->failed = 1;
	else if (!w->failed)
		w->depth--;
}

void writer_str(struct writer *w, const char *name, const char *value)
{
	json_t *v = value ? json_string(value) : json_null();
	char *clean;

	if (!v) { /* not UTF-8, most likely */
		clean = text_utf8(value);
		v = clean ? json_string(clean) : NULL;
		free(clean);
	}
	add(w, name, v);
}

void writer_int(struct writer *w, const char *name, int64_t value)
{
	add(w, name, json_integer(value));
}

void writer_uint(struct writer *w, const char *name, uint64_t value)
{
	writer_int(w, name, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void writer_real(struct writer *w, const char *name, double value)
{
	add(w, name, isfinite(value) ? json_real(value) : json_null());
}

void writer_bool(struct writer *w, const char *name, int value)
{
	add(w, name, json_boolean(value));
}

void writer_fmt(struct writer *w, const char *name, const char *fmt, ...)
{
	char *text;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0) {
		w->failed = 1;
		return;
	}
	writer_str(w, name, text);
	free(text);
}

static char *render(const json_t *root, enum writer_format format)
{
	switch (format) {
	case WRITER_TEXT:
		return writer_render_text(root);
	case WRITER_XML:
		return writer_render_xml(root);
	case WRITER_JSON:
		break;
	}
	return json_dumps(root, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

char *writer_render(struct writer *w, enum writer_format format)
{
	return w->failed || w->depth ? NULL : render(w->open[0], format);
}

char *writer_reformat(const char *json, enum writer_format format)
{
	json_t *root = json_loads(json, JSON_DECODE_ANY, NULL);
	char *text = root ? render(root, format) : NULL;

	json_decref(root);
	return text;
}

void writer_json(struct writer *w, const char *name, const char *json)
{
	json_t *value = json_loads(json, 0, NULL);

	add(w, name, value ? value : json_null());
}
