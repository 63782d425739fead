/* Printable names of the core's enumerations. */
#include <errno.h>
#include <string.h>

#include "signald/session.h"

const char *session_state_name(enum session_state state)
{
	static const char *const names[SESSION_STATES] = { "new", "reserved", "committing", "up", "failed" };

	return state < SESSION_STATES ? names[state] : "?";
}

const char *core_counter_name(enum core_counter counter)
{
	static const char *const names[CORE_COUNTERS] = {
		"paths received", "resvs received", "path errors received", "resv errors received",
		"path tears received", "resv tears received", "resv confirmations received", "paths sent", "resvs sent",
		"path errors sent", "resv errors sent", "path tears sent", "resv tears sent", "resv confirmations sent",
		"no path state", "ISCs beyond their own",
		"waited for a contract", "lapsed", "refused here", "preempted here", "loops", "stale revisions",
	};

	return counter < CORE_COUNTERS ? names[counter] : "?";
}

static const struct { enum element_kind kind; const char *name; } kinds[] = {
	{ ELEMENT_ACCESS, "access" }, { ELEMENT_ROUTER, "router" }, { ELEMENT_SWITCH, "switch" },
	{ ELEMENT_SERVER, "server" }, { ELEMENT_LEGACY, "legacy" },
};

const char *element_kind_name(enum element_kind kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "?";
}

int element_kind_parse(const char *text, enum element_kind *kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, text))
			return *kind = kinds[i].kind, 0;
	return -EINVAL;
}
