/*
 * The writer's text for people. An array whose elements are all flat objects becomes a table: a column per name in order of first
 * appearance, numbers to the right, headings in capitals. An array of scalars is one line. Everything else is
 * "name: value" lines, nesting by two spaces. Strings pass through text_escape: what a client or a packet named
 * must not drive the operator's terminal.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "lib/writer_render.h"

struct column { const char *name; size_t width; int number; };
struct table { struct column *column; size_t n, room; };

void buffer_add(struct buffer *b, const char *text, size_t len)
{
	if (b->failed)
		return;
	if (len >= b->room - b->len) {
		size_t room = 2 * (b->len + len) + 64;
		char *data = realloc(b->data, room);

		if (!data) {
			b->failed = 1;
			return;
		}
		b->data = data;
		b->room = room;
	}
	memcpy(b->data + b->len, text, len);
	b->len += len;
	b->data[b->len] = 0;
}

void buffer_str(struct buffer *b, const char *text)
{
	buffer_add(b, text, strlen(text));
}

void buffer_repeat(struct buffer *b, char c, size_t n)
{
	while (n--)
		buffer_add(b, &c, 1);
}

char *buffer_take(struct buffer *b)
{
	char *data;

	buffer_add(b, "", 0);
	data = b->failed ? NULL : b->data;
	if (!data)
		free(b->data);
	memset(b, 0, sizeof(*b));
	return data;
}

const char *writer_scalar(const json_t *value, char *out, size_t room)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		return json_string_value(value);
	case JSON_INTEGER:
		snprintf(out, room, "%lld", (long long)json_integer_value(value));
		return out;
	case JSON_REAL:
		snprintf(out, room, "%.15g", json_real_value(value));
		return out;
	case JSON_TRUE:
		return "yes";
	case JSON_FALSE:
		return "no";
	default:
		return "-";
	}
}

static int is_container(const json_t *value)
{
	return json_is_object(value) || json_is_array(value);
}

static int all_scalars(const json_t *array)
{
	size_t i;
	json_t *v;

	json_array_foreach(array, i, v)
		if (is_container(v))
			return 0;
	return 1;
}

static void put_escaped(struct buffer *b, const char *text)
{
	size_t room = 10 * strlen(text) + 1; /* the longest escape of one byte is \u{10ffff} */
	char *clean = malloc(room);

	if (clean)
		buffer_add(b, clean, text_escape(text, clean, room));
	else
		b->failed = 1;
	free(clean);
}

/* A scalar, or an array of scalars separated by commas. */
static void cell(struct buffer *b, const json_t *value)
{
	char number[64];
	const char *text;
	size_t i;
	json_t *v;

	if (!json_is_array(value)) {
		text = value ? writer_scalar(value, number, sizeof(number)) : "-";
		put_escaped(b, *text ? text : "\"\"");
		return;
	}
	json_array_foreach(value, i, v) {
		buffer_str(b, i ? ", " : "");
		cell(b, v);
	}
	if (!json_array_size(value))
		buffer_str(b, "-");
}

static char *cell_text(const json_t *value)
{
	struct buffer b = { 0 };

	cell(&b, value);
	return buffer_take(&b);
}

static int flat(const json_t *object)
{
	void *it;

	if (!json_is_object(object))
		return 0;
	for (it = json_object_iter((json_t *)object); it; it = json_object_iter_next((json_t *)object, it)) {
		json_t *v = json_object_iter_value(it);

		if (json_is_object(v) || (json_is_array(v) && !all_scalars(v)))
			return 0;
	}
	return 1;
}

static int is_table(const json_t *array)
{
	size_t i;
	json_t *v;

	json_array_foreach(array, i, v)
		if (!flat(v))
			return 0;
	return json_array_size(array) > 0;
}

static struct column *column_for(struct table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->column[i].name, name))
			return &t->column[i];
	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 16;
		struct column *c = realloc(t->column, room * sizeof(*c));

		if (!c)
			return NULL;
		t->column = c;
		t->room = room;
	}
	t->column[t->n] = (struct column){ .name = name, .width = text_width(name), .number = 1 };
	return &t->column[t->n++];
}

static int measure_row(struct table *t, json_t *row)
{
	for (void *it = json_object_iter(row); it; it = json_object_iter_next(row, it)) {
		json_t *v = json_object_iter_value(it);
		struct column *c = column_for(t, json_object_iter_key(it));
		char *text = c ? cell_text(v) : NULL;

		if (!text)
			return -1;
		if (text_width(text) > c->width)
			c->width = text_width(text);
		c->number = c->number && (json_is_number(v) || json_is_null(v));
		free(text);
	}
	return 0;
}

static void put_cell(struct buffer *b, const struct column *c, const char *text, int last)
{
	size_t width = text_width(text), gap = c->width > width ? c->width - width : 0;

	if (c->number)
		buffer_repeat(b, ' ', gap);
	buffer_str(b, text);
	if (!last)
		buffer_repeat(b, ' ', c->number ? 2 : gap + 2);
}

static void put_row(struct buffer *b, const struct table *t, const json_t *row)
{
	for (size_t i = 0; i < t->n; i++) {
		char *text = cell_text(json_object_get(row, t->column[i].name));

		if (!text)
			b->failed = 1;
		else
			put_cell(b, &t->column[i], text, i + 1 == t->n);
		free(text);
	}
}

static void put_heading(struct buffer *b, const struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		char *name = strdup(t->column[i].name);

		for (char *p = name; p && *p; p++)
			*p = *p == '_' ? ' ' : (char)toupper((unsigned char)*p);
		if (!name)
			b->failed = 1;
		else
			put_cell(b, &t->column[i], name, i + 1 == t->n);
		free(name);
	}
}

static void put_table(struct buffer *b, const json_t *array, size_t indent)
{
	struct table t = { 0 };
	json_t *row;
	size_t i;

	json_array_foreach(array, i, row)
		if (measure_row(&t, row))
			b->failed = 1;
	buffer_repeat(b, ' ', indent);
	put_heading(b, &t);
	buffer_str(b, "\n");
	json_array_foreach(array, i, row) {
		buffer_repeat(b, ' ', indent);
		put_row(b, &t, row);
		buffer_str(b, "\n");
	}
	free(t.column);
}

static void put(struct buffer *b, const json_t *value, size_t indent);

static void put_members(struct buffer *b, json_t *object, size_t indent)
{
	for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
		json_t *v = json_object_iter_value(it);
		int block = json_is_object(v) || (json_is_array(v) && !all_scalars(v));

		buffer_repeat(b, ' ', indent);
		put_escaped(b, json_object_iter_key(it));
		buffer_str(b, block ? ":\n" : ": ");
		if (block) {
			put(b, v, indent + 2);
		} else {
			cell(b, v);
			buffer_str(b, "\n");
		}
	}
}

static void put(struct buffer *b, const json_t *value, size_t indent)
{
	size_t i;
	json_t *v;

	if (json_is_object(value)) {
		put_members(b, (json_t *)value, indent);
	} else if (is_table(value)) {
		put_table(b, value, indent);
	} else if (json_is_array(value) && !all_scalars(value)) {
		json_array_foreach(value, i, v) {
			if (i)
				buffer_str(b, "\n");
			put(b, v, indent);
		}
	} else {
		buffer_repeat(b, ' ', indent);
		cell(b, value);
		buffer_str(b, "\n");
	}
}

char *writer_render_text(const json_t *root)
{
	struct buffer b = { 0 };

	put(&b, root, 0);
	return buffer_take(&b);
}
