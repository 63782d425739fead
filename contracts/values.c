/*
 * The scalars of a document: numbers with units, money, names. The accepted spellings are those of the schema
 * (XML Schema datatypes: white space around a number and leading zeros are fine), and the
 * canonical form has one spelling for each value.
 *
 * The schema's patterns and ranges are checked here and not by libxml2, whose regular expressions cost four
 * times as much as all the rest of a validation; schema.c says how the two are kept the same.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "contracts/internal.h"

#define MICRO 1000000u

const struct unit contract_rate_units[] = {
	{"bit/s", 1}, {"kbit/s", 1000}, {"Mbit/s", 1000000}, {"Gbit/s", 1000000000}, {NULL, 0}};
const struct unit contract_memory_units[] = {
	{"KiB", 1}, {"MiB", 1 << 10}, {"GiB", 1 << 20}, {"TiB", 1 << 30}, {NULL, 0}};
const struct unit contract_disk_units[] = {{"MiB", 1}, {"GiB", 1 << 10}, {"TiB", 1 << 20}, {NULL, 0}};
const struct unit contract_time_units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {NULL, 0}};

const char *const contract_capacity_names[3] = {
	[CAPACITY_BEST_EFFORT] = "best-effort", [CAPACITY_CONTROLLED] = "controlled", [CAPACITY_CONSTANT] = "constant"};
const char *const contract_protocol_names[2] = {[SERVICE_TCP] = "tcp", [SERVICE_UDP] = "udp"};

static int is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static int is_space(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}

/* Reads digits into *out, at most max. Returns what follows them, or NULL. */
static const char *digits(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (!is_digit(*text))
		return NULL;
	for (; is_digit(*text); text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (value > (max - digit) / 10 || digit > max)
			return NULL;
		value = value * 10 + digit;
	}
	*out = value;
	return text;
}

int contract_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	*out = 0;
	while (is_space(*text))
		text++;
	text = digits(text, max, &value);
	if (text == NULL || value < min)
		return -EINVAL;
	while (is_space(*text))
		text++;
	if (*text != '\0')
		return -EINVAL;
	*out = value;
	return 0;
}

int contract_money(const char *text, uint64_t *micro)
{
	uint64_t whole = 0, scale = MICRO, part = 0;

	*micro = 0;
	if (strlen(text) > 21)
		return -EINVAL;
	text = digits(text, UINT64_MAX / MICRO, &whole);
	if (text == NULL)
		return -EINVAL;
	if (*text == '.') {
		for (text++; is_digit(*text) && scale > 1; text++) {
			scale /= 10;
			part += scale * (uint64_t)(*text - '0');
		}
		if (scale == MICRO)
			return -EINVAL;
	}
	if (*text != '\0' || whole * MICRO > UINT64_MAX - part)
		return -EINVAL;
	*micro = whole * MICRO + part;
	return 0;
}

const char *contract_money_text(uint64_t micro, char out[MONEY_TEXT])
{
	int n = snprintf(out, MONEY_TEXT, "%llu.%06u", (unsigned long long)(micro / MICRO), (unsigned)(micro % MICRO));

	while (out[n - 1] == '0')
		out[--n] = '\0';
	if (out[n - 1] == '.')
		out[--n] = '\0';
	return out;
}

static int is_label_char(char ch)
{
	return (ch >= 'a' && ch <= 'z') || is_digit(ch) || ch == '-';
}

int contract_is_label(const char *text)
{
	size_t n;

	if (text[0] == '-')
		return 0;
	for (n = 0; text[n] != '\0'; n++)
		if (!is_label_char(text[n]))
			return 0;
	return n > 0 && n < CONTRACT_NAME;
}

/* RFC 1123 section 2.1: letters, digits and hyphens, no label begins or ends with a hyphen or is over 63. */
int contract_is_dns_name(const char *text)
{
	size_t n, label = 0;

	for (n = 0; text[n] != '\0'; n++) {
		if (text[n] == '.') {
			if (label == 0 || text[n - 1] == '-')
				return 0;
			label = 0;
			continue;
		}
		if (!is_label_char(text[n]) || (label == 0 && text[n] == '-') || ++label > 63)
			return 0;
	}
	return label > 0 && text[n - 1] != '-' && n <= 253;
}

int contract_is_url(const char *text)
{
	const char *rest;
	size_t n;

	if (strncmp(text, "http://", 7) == 0)
		rest = text + 7;
	else if (strncmp(text, "https://", 8) == 0)
		rest = text + 8;
	else
		return 0;
	for (n = 0; rest[n] != '\0'; n++)
		if (rest[n] < '!' || rest[n] > '~')
			return 0;
	return isalnum((unsigned char)rest[0]) && strlen(text) < CONTRACT_URL;
}

int contract_is_currency(const char *text)
{
	size_t n;

	for (n = 0; text[n] != '\0'; n++)
		if (text[n] < 'A' || text[n] > 'Z')
			return 0;
	return n == 3;
}
