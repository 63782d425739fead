/*
 * Resources: their names, levels and prices in words, and the arithmetic of prices. Money is counted in
 * millionths of the currency; a price that does not fit 64 bits saturates, so it can only ever be too high to
 * accept and never wraps into a bargain.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "contracts/internal.h"

static const char *const names[RESOURCE_MAX + 1] = {"?", "bandwidth", "cpu", "memory", "disk"};

const char *resource_name(enum resource resource)
{
	return (unsigned)resource <= RESOURCE_MAX ? names[resource] : "?";
}

int resource_parse(const char *text, enum resource *out)
{
	unsigned i;

	for (i = 1; i <= RESOURCE_MAX; i++)
		if (strcmp(text, names[i]) == 0) {
			*out = i;
			return 0;
		}
	return -EINVAL;
}

uint64_t contract_price(const struct contract *c, enum resource resource, uint64_t level)
{
	unsigned __int128 total;

	if ((unsigned)resource > RESOURCE_MAX || c->prices.per[resource].unit == 0)
		return 0;
	total = (unsigned __int128)level * c->prices.per[resource].micro;
	total = total / c->prices.per[resource].unit + (total % c->prices.per[resource].unit != 0);
	return total > UINT64_MAX ? UINT64_MAX : (uint64_t)total;
}

uint64_t contract_level(const struct contract *c, const struct contract_endpoint *ep, enum resource resource)
{
	switch (resource) {
	case RESOURCE_BANDWIDTH: return c->network.rate_bps;
	case RESOURCE_CPU: return ep->isc.cpu_shares;
	case RESOURCE_MEMORY: return ep->isc.memory_kib;
	case RESOURCE_DISK: return ep->isc.disk_mib;
	}
	return 0;
}

uint64_t contract_limit(const struct contract *c, enum resource resource)
{
	if ((unsigned)resource > RESOURCE_MAX || c->limits.max[resource] == 0)
		return UINT64_MAX;
	return c->limits.max[resource];
}

/* In the largest unit that leaves no fraction. */
static const char *whole_units(uint64_t level, const struct unit *units, char *out, size_t room)
{
	const struct unit *u, *best = units;

	for (u = units; u->name != NULL && level != 0; u++)
		if (level % u->factor == 0)
			best = u;
	snprintf(out, room, "%" PRIu64 " %s", level / best->factor, best->name);
	return out;
}

static const char *rate_text(uint64_t bps, char *out, size_t room)
{
	const struct unit *u, *best = contract_rate_units;

	for (u = contract_rate_units; u->name != NULL; u++)
		if (bps >= u->factor)
			best = u;
	if (best->factor == 1)
		snprintf(out, room, "%" PRIu64 " bit/s", bps);
	else
		snprintf(out, room, "%" PRIu64 ".%u %s", bps / best->factor,
			 (unsigned)(bps % best->factor / (best->factor / 10)), best->name);
	return out;
}

const char *resource_level_text(enum resource resource, uint64_t level, char *out, size_t room)
{
	switch (resource) {
	case RESOURCE_BANDWIDTH:
		return rate_text(level, out, room);
	case RESOURCE_MEMORY:
		return whole_units(level, contract_memory_units, out, room);
	case RESOURCE_DISK:
		return whole_units(level, contract_disk_units, out, room);
	case RESOURCE_CPU:
		snprintf(out, room, "%" PRIu64 " shares", level);
		return out;
	}
	snprintf(out, room, "%" PRIu64, level);
	return out;
}

const char *price_text(uint64_t micro, const char *currency, uint32_t interval_s, char *out, size_t room)
{
	const struct unit *u;
	char per[24];

	snprintf(per, sizeof(per), "%" PRIu32 " s", interval_s);
	for (u = contract_time_units; u->name != NULL; u++)
		if (u->factor == interval_s)
			snprintf(per, sizeof(per), "%s", u->name);
	snprintf(out, room, "%" PRIu64 ".%06u %s/%s", micro / 1000000, (unsigned)(micro % 1000000), currency, per);
	return out;
}
