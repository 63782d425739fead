/*
 * UTF-8, escaping and edit distance. The decoder is strict (RFC 3629): no overlong forms, no surrogates, nothing
 * over U+10FFFF. log.c and writer.c use text_escape for what people read, writer.c uses text_utf8 for what JSON and
 * XML parsers read, config.c and control.c use text_distance to suggest the word that was meant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

#define WORD 64

int32_t text_next(const char **text)
{
	const unsigned char *p = (const unsigned char *)*text;
	static const int32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	int more = p[0] < 0x80 ? 0 : p[0] >> 5 == 6 ? 1 : p[0] >> 4 == 14 ? 2 : p[0] >> 3 == 30 ? 3 : -1;
	int32_t code;

	*text += 1;
	if (more <= 0)
		return more ? -1 : p[0];
	code = p[0] & (0x3f >> more);
	for (int i = 1; i <= more; i++) {
		if (p[i] >> 6 != 2)
			return -1;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return -1;
	*text += more;
	return code;
}

int text_is_control(int32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

size_t text_escape(const char *from, char *out, size_t room)
{
	size_t at = 0;

	while (*from) {
		const char *start = from;
		int32_t code = text_next(&from);
		char piece[16];
		size_t len = (size_t)(from - start);

		if (code < 0 || (text_is_control(code) && code < 0x80))
			len = (size_t)snprintf(piece, sizeof(piece), "\\x%02x", (unsigned char)*start);
		else if (text_is_control(code))
			len = (size_t)snprintf(piece, sizeof(piece), "\\u{%x}", (unsigned)code);
		else
			memcpy(piece, start, len);
		if (at + len >= room)
			break;
		memcpy(out + at, piece, len);
		at += len;
	}
	out[at] = 0;
	return at;
}

char *text_utf8(const char *from)
{
	char *out = malloc(3 * strlen(from) + 1), *at = out;

	while (out && *from) {
		const char *start = from;

		if (text_next(&from) < 0) {
			memcpy(at, "\xef\xbf\xbd", 3);
			at += 3;
			continue;
		}
		memcpy(at, start, (size_t)(from - start));
		at += from - start;
	}
	if (out)
		*at = 0;
	return out;
}

size_t text_width(const char *text)
{
	size_t n = 0;

	for (; *text; n++)
		text_next(&text);
	return n;
}

static unsigned least_of(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned text_distance(const char *a, const char *b)
{
	unsigned row[3][WORD + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > WORD || lb > WORD)
		return (unsigned)(la > lb ? la : lb);
	for (unsigned j = 0; j <= lb; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			now[j] = least_of(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
	}
	return row[la % 3][lb];
}
