/*
 * The writer's XML: the root is <result>, an object's member an element of its name, an array's element <item>. A
 * name that is no XML name becomes <entry name="…">; null is an empty element with nil="true". Characters
 * XML 1.0 cannot hold (section 2.2) become U+FFFD.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "lib/writer_render.h"

static int is_name(const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '_')
		return 0;
	for (; *name; name++)
		if ((unsigned char)*name >= 0x80 || (!isalnum((unsigned char)*name) && !strchr("_-.", *name)))
			return 0;
	return 1;
}

static void escape(struct buffer *b, const char *text)
{
	while (*text) {
		const char *start = text;
		int32_t code = text_next(&text);

		if (code == '&')
			buffer_str(b, "&amp;");
		else if (code == '<')
			buffer_str(b, "&lt;");
		else if (code == '>')
			buffer_str(b, "&gt;");
		else if (code == '"')
			buffer_str(b, "&quot;");
		else if (code == '\t' || code == '\n' || code == '\r')
			buffer_str(b, code == '\t' ? "&#9;" : code == '\n' ? "&#10;" : "&#13;");
		else if (code < 0x20 || code == 0xfffe || code == 0xffff)
			buffer_str(b, "\xef\xbf\xbd");
		else
			buffer_add(b, start, (size_t)(text - start));
	}
}

static void put(struct buffer *b, const char *name, json_t *value, size_t indent)
{
	const char *tag = is_name(name) ? name : "entry";
	char number[64];
	size_t i;
	json_t *v;

	buffer_repeat(b, ' ', indent);
	buffer_str(b, "<");
	buffer_str(b, tag);
	if (tag != name) {
		buffer_str(b, " name=\"");
		escape(b, name);
		buffer_str(b, "\"");
	}
	if (json_is_null(value)) {
		buffer_str(b, " nil=\"true\"/>\n");
		return;
	}
	buffer_str(b, ">");
	if (json_is_object(value) || json_is_array(value)) {
		buffer_str(b, "\n");
		for (void *it = json_object_iter(value); it; it = json_object_iter_next(value, it))
			put(b, json_object_iter_key(it), json_object_iter_value(it), indent + 2);
		json_array_foreach(value, i, v)
			put(b, "item", v, indent + 2);
		buffer_repeat(b, ' ', indent);
	} else if (json_is_boolean(value)) {
		buffer_str(b, json_is_true(value) ? "true" : "false");
	} else {
		escape(b, writer_scalar(value, number, sizeof(number)));
	}
	buffer_str(b, "</");
	buffer_str(b, tag);
	buffer_str(b, ">\n");
}

char *writer_render_xml(const json_t *root)
{
	struct buffer b = { 0 };

	buffer_str(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	put(&b, "result", (json_t *)root, 0);
	return buffer_take(&b);
}
