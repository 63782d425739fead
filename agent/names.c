/*
 * The words of libicorp: resources, outcomes, enforcements. Their numbers are those on the wire.
 */
#include <errno.h>
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
