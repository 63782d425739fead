/*
 * The values of settings: numbers with units, booleans, choices, and their bounds. No floating point between text and value,
 * so that 1.5G is exactly 1,500,000,000; a value that is no whole number of its unit (bits, bytes, microseconds) is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/config_value.h"

struct unit { const char *name; uint64_t factor; };

static const struct unit rates[] = {
	{ "", 1 }, { "k", 1000 }, { "K", 1000 }, { "M", 1000000 }, { "G", 1000000000 }, { "T", 1000000000000 }, { 0 },
};
static const struct unit sizes[] = {
	{ "", 1 }, { "B", 1 }, { "K", 1ull << 10 }, { "M", 1ull << 20 }, { "G", 1ull << 30 }, { "T", 1ull << 40 },
	{ "KiB", 1ull << 10 }, { "MiB", 1ull << 20 }, { "GiB", 1ull << 30 }, { "TiB", 1ull << 40 }, { 0 },
};
static const struct unit times[] = {
	{ "us", 1 }, { "ms", CLOCK_MS }, { "s", CLOCK_S }, { "m", 60 * CLOCK_S }, { "min", 60 * CLOCK_S },
	{ "h", 3600 * CLOCK_S }, { "d", 86400 * CLOCK_S }, { 0 },
};

/* "1.5" into digits 15 and scale 10, *text past it. */
static int decimal(const char **text, uint64_t *digits, uint64_t *scale)
{
	const char *p = *text;
	int seen = 0, point = 0;

	*digits = 0;
	*scale = 1;
	for (;; p++) {
		if (*p == '.' && !point && seen) {
			point = 1;
			continue;
		}
		if (*p < '0' || *p > '9')
			break;
		seen = 1;
		if (__builtin_mul_overflow(*digits, 10, digits) ||
		    __builtin_add_overflow(*digits, (uint64_t)(*p - '0'), digits) ||
		    (point && __builtin_mul_overflow(*scale, 10, scale)))
			return -EINVAL;
	}
	if (!seen || p[-1] == '.')
		return -EINVAL;
	*text = p;
	return 0;
}

static int scaled(const char *text, const struct unit *unit, uint64_t *out)
{
	uint64_t digits, scale, product;

	if (!text || decimal(&text, &digits, &scale))
		return -EINVAL;
	for (; unit->name; unit++)
		if (!strcmp(text, unit->name))
			break;
	if (!unit->name)
		return -EINVAL;
	while (scale > 1 && digits % 10 == 0) { /* 1.500 is 1.5 */
		digits /= 10;
		scale /= 10;
	}
	if (__builtin_mul_overflow(digits, unit->factor, &product) || product % scale)
		return -EINVAL;
	*out = product / scale;
	return 0;
}

int parse_rate(const char *text, uint64_t *bps)
{
	static const char *const tail[] = { "bit/s", "bps", "bit" };
	char head[32];
	size_t len = text ? strlen(text) : 0;

	if (!len || len >= sizeof(head))
		return -EINVAL;
	memcpy(head, text, len + 1);
	for (size_t i = 0; i < sizeof(tail) / sizeof(tail[0]); i++) {
		size_t n = strlen(tail[i]);

		if (len > n && !strcmp(head + len - n, tail[i])) {
			head[len - n] = 0;
			break;
		}
	}
	return scaled(head, rates, bps);
}

int parse_size(const char *text, uint64_t *bytes)
{
	return scaled(text, sizes, bytes);
}

int parse_time(const char *text, uint64_t *us)
{
	if (text && !strcmp(text, "0"))
		return *us = 0, 0;
	return scaled(text, times, us);
}

static int parse_int(const char *text, int64_t *out)
{
	char *end;

	if (strspn(text, "+-0123456789") != strlen(text))
		return -EINVAL;
	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno || end == text || *end ? -EINVAL : 0;
}

static int parse_bool(const char *text, int *out)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };

	for (int i = 0; i < 6; i++)
		if (!strcmp(text, words[i]))
			return *out = i % 2, 0;
	return -EINVAL;
}

const char *config_type_text(enum config_type type)
{
	static const char *const text[] = {
		[CONFIG_STRING] = "text", [CONFIG_INT] = "a whole number", [CONFIG_BOOL] = "true or false",
		[CONFIG_RATE] = "a rate like 100M (bit/s)", [CONFIG_SIZE] = "a size like 64MiB",
		[CONFIG_TIME] = "a time like 30s, 100ms or 5m", [CONFIG_LIST] = "a list like {\"a\", \"b\"}",
		[CONFIG_SECTION] = "a section",
	};

	return text[type];
}

static const struct unit *units_of(enum config_type type)
{
	switch (type) {
	case CONFIG_RATE:
		return rates;
	case CONFIG_SIZE:
		return sizes;
	case CONFIG_TIME:
		return times;
	default:
		return NULL;
	}
}

void config_bound_text(enum config_type type, double bound, char *out, size_t room)
{
	const struct unit *unit = units_of(type), *best = NULL;

	for (; unit && unit->name; unit++)
		if (bound >= (double)unit->factor && (uint64_t)bound % unit->factor == 0 &&
		    (!best || unit->factor > best->factor))
			best = unit;
	if (best)
		snprintf(out, room, "%.15g%s", bound / (double)best->factor, best->name);
	else
		snprintf(out, room, "%.15g", bound);
}

static int check_bounds(const struct config_row *row, double value, char *why, size_t room)
{
	char low[32], high[32];

	if ((!row->min && !row->max) || (value >= row->min && value <= row->max))
		return 0;
	config_bound_text(row->type, row->min, low, sizeof(low));
	config_bound_text(row->type, row->max, high, sizeof(high));
	snprintf(why, room, "must be from %s to %s", low, high);
	return -EINVAL;
}

static int check_choice(const struct config_row *row, const char *text, char *why, size_t room)
{
	size_t len = strlen(text), n;

	for (const char *p = row->choices; p && *p; p += n + (p[n] == '|')) {
		n = strcspn(p, "|");
		if (n == len && !strncmp(p, text, n))
			return 0;
	}
	if (!row->choices || (row->deflt && !strcmp(text, row->deflt)))
		return 0;
	snprintf(why, room, "must be one of %s", row->choices);
	return -EINVAL;
}

static int parse(const struct config_row *row, const char *text, void *to, double *number)
{
	int r;

	switch (row->type) {
	case CONFIG_STRING:
		*(char **)to = strdup(text);
		return *(char **)to ? 0 : -ENOMEM;
	case CONFIG_INT:
		r = parse_int(text, to);
		*number = r ? 0 : (double)*(int64_t *)to;
		return r;
	case CONFIG_BOOL:
		return parse_bool(text, to);
	case CONFIG_RATE:
		r = parse_rate(text, to);
		break;
	case CONFIG_SIZE:
		r = parse_size(text, to);
		break;
	case CONFIG_TIME:
		r = parse_time(text, to);
		break;
	default:
		return -EINVAL;
	}
	*number = r ? 0 : (double)*(uint64_t *)to;
	return r;
}

int config_value_unchecked(const struct config_row *row, const char *text, void *to, char *why, size_t room)
{
	double number;
	int r = parse(row, text, to, &number);

	if (r == -EINVAL)
		snprintf(why, room, "must be %s", config_type_text(row->type));
	return r;
}

int config_value(const struct config_row *row, const char *text, void *to, char *why, size_t room)
{
	double number = 0;
	int r = parse(row, text, to, &number);

	if (r == -EINVAL)
		snprintf(why, room, "must be %s", config_type_text(row->type));
	if (r)
		return r;
	if (row->type == CONFIG_STRING)
		r = check_choice(row, text, why, room);
	else if (row->type != CONFIG_BOOL)
		r = check_bounds(row, number, why, room);
	if (!r && row->check && row->check(to, why, room))
		r = -EINVAL;
	if (r && row->type == CONFIG_STRING) {
		free(*(char **)to);
		*(char **)to = NULL;
	}
	return r;
}
