/*
 * Faults of documents. The first one is kept, because later ones are mostly its consequences. What came from
 * the document is quoted so that it can stand in a log or on a terminal.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "contracts/internal.h"

const char *contract_quote(const char *text, char out[QUOTE_TEXT])
{
	size_t i, n = 0;

	for (i = 0; text[i] != '\0' && n < QUOTE_TEXT - 4; i++) {
		unsigned char ch = (unsigned char)text[i];

		out[n++] = ch >= 0x20 && ch < 0x7f ? text[i] : '?';
	}
	if (text[i] != '\0') {
		memcpy(out + n, "...", 3);
		n += 3;
	}
	out[n] = '\0';
	return out;
}

static int fault(struct contract_error *error, int line, const char *element, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

static int fault(struct contract_error *error, int line, const char *element, const char *fmt, va_list ap)
{
	char quoted[QUOTE_TEXT];

	if (error == NULL || error->text[0] != '\0')
		return -EINVAL;
	error->line = line;
	snprintf(error->element, sizeof(error->element), "%s", contract_quote(element, quoted));
	vsnprintf(error->text, sizeof(error->text), fmt, ap);
	return -EINVAL;
}

int contract_fault(struct contract_error *error, const xmlNode *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fault(error, node != NULL ? (int)xmlGetLineNo(node) : 0, node != NULL ? (const char *)node->name : "", fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int contract_fault_at(struct contract_error *error, int line, const char *element, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fault(error, line, element, fmt, ap);
	va_end(ap);
	return -EINVAL;
}
