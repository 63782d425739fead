/*
 * The words of libicorp: resources, outcomes, enforcements (their numbers are those on the wire), and levels and prices
 * for people.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/icorp.h"

static const char *const resource_names[] = { "?", "bandwidth", "cpu", "memory", "disk" };

const char *icorp_resource_name(enum icorp_resource resource)
{
	return resource >= 1 && resource <= ICORP_RESOURCES ? resource_names[resource] : "?";
}

int icorp_resource_parse(const char *text, enum icorp_resource *out)
{
	for (unsigned r = 1; r <= ICORP_RESOURCES; r++)
		if (!strcmp(text, resource_names[r])) {
			*out = r;
			return 0;
		}
	return -EINVAL;
}

const char *icorp_outcome_name(enum icorp_outcome outcome)
{
	static const char *const names[] = { "ignored", "applied", "partly", "refused" };

	return outcome <= ICORP_REFUSED ? names[outcome] : "?";
}

const char *icorp_enforcement_name(enum icorp_enforcement enforcement)
{
	static const char *const names[] = { "none", "best-effort", "enforced" };

	return enforcement <= ICORP_ENFORCED ? names[enforcement] : "?";
}

const char *icorp_level_text(enum icorp_resource resource, uint64_t level, char *out, size_t room)
{
	static const char *const units[] = { "bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s" };
	double v = (double)level;
	unsigned u = 0;

	switch (resource) {
	case ICORP_BANDWIDTH:
		for (; v >= 1000 && u < 4; u++)
			v /= 1000;
		snprintf(out, room, u ? "%.1f %s" : "%.0f %s", v, units[u]);
		break;
	case ICORP_CPU:
		snprintf(out, room, "%" PRIu64 " shares", level);
		break;
	case ICORP_MEMORY:
		if (level % 1024)
			snprintf(out, room, "%" PRIu64 " KiB", level);
		else
			snprintf(out, room, "%" PRIu64 " MiB", level / 1024);
		break;
	case ICORP_DISK:
		snprintf(out, room, "%" PRIu64 " MiB", level);
		break;
	default:
		snprintf(out, room, "%" PRIu64, level);
	}
	return out;
}

const char *icorp_price_text(const struct icorp_price *price, char *out, size_t room)
{
	uint64_t whole = price->micro / 1000000, part = price->micro % 1000000;

	if (!price->interval_s)
		snprintf(out, room, "not known yet");
	else if (price->interval_s == 3600)
		snprintf(out, room, "%" PRIu64 ".%06" PRIu64 " %.3s/h", whole, part, price->currency);
	else
		snprintf(out, room, "%" PRIu64 ".%06" PRIu64 " %.3s/%" PRIu32 "s", whole, part, price->currency,
			 price->interval_s);
	return out;
}
