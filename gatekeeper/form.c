/*
 * Decoding of urlencoded bodies and queries (form.h), per the URL Standard's application/x-www-form-urlencoded parser,
 * with bounds and without control characters.
 */
#include <errno.h>
#include <string.h>

#include "gatekeeper/form.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int form_decode(const char *text, size_t len, char *out, size_t room, int plus)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '%') {
			int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
			int low = i + 2 < len ? hex_digit(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -EINVAL;
			c = (unsigned char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (c < 0x20 || c == 0x7f || n + 1 >= room)
			return -EINVAL;
		out[n++] = (char)c;
	}
	if (n >= room)
		return -EINVAL;
	out[n] = '\0';
	return 0;
}

int form_parse(const char *text, size_t len, struct form *out)
{
	const char *end = text + len;

	out->n = 0;
	while (text < end) {
		const char *stop = memchr(text, '&', (size_t)(end - text)), *equals;

		stop = stop ? stop : end;
		equals = memchr(text, '=', (size_t)(stop - text));
		if (stop > text) {
			const char *name_end = equals ? equals : stop, *value = equals ? equals + 1 : stop;

			if (out->n == FORM_MAX_FIELDS)
				return -E2BIG;
			if (form_decode(text, (size_t)(name_end - text), out->field[out->n].name, FORM_NAME, 1) < 0 ||
			    form_decode(value, (size_t)(stop - value), out->field[out->n].value, FORM_VALUE, 1) < 0)
				return -EINVAL;
			out->n++;
		}
		text = stop + 1;
	}
	return 0;
}

const char *form_value(const struct form *form, const char *name, unsigned n)
{
	for (unsigned i = 0; i < form->n; i++)
		if (!strcmp(form->field[i].name, name) && !n--)
			return form->field[i].value;
	return NULL;
}
