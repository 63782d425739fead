/*
 * Small things both ends of the waist need: names for the values on the wire, an option by its key, and which
 * program holds a type (list.h), which the controller must know without linking the adaptor.
 */
#include "adaptors/protocol.h"

#include <string.h>

const char *enforcement_name(enum enforcement e)
{
	switch (e) {
	case ENFORCEMENT_NONE: return "none";
	case ENFORCEMENT_BEST_EFFORT: return "best-effort";
	case ENFORCEMENT_ENFORCED: return "enforced";
	}
	return "?";
}

const char *outcome_name(enum outcome o)
{
	switch (o) {
	case OUTCOME_IGNORED: return "ignored";
	case OUTCOME_APPLIED: return "applied";
	case OUTCOME_PARTLY: return "partly";
	case OUTCOME_REFUSED: return "refused";
	}
	return "?";
}

const char *adaptor_request_name(enum adaptor_request request)
{
	switch (request) {
	case ADAPTOR_CHECK: return "check";
	case ADAPTOR_APPLY: return "apply";
	case ADAPTOR_REVOKE: return "revoke";
	case ADAPTOR_AUDIT: return "audit";
	case ADAPTOR_MEASURE: return "measure";
	case ADAPTOR_PORTS: return "ports";
	case ADAPTOR_SHOW: return "show";
	case ADAPTOR_RENEW: return "renew";
	case ADAPTOR_INVENTORY: return "inventory";
	}
	return "?";
}

const char *adaptor_option(const struct adaptor_option *options, size_t n, const char *key, const char *deflt)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(options[i].key, key))
			return options[i].value;
	return deflt;
}

#define PROGRAM_net "icorp-adaptor"
#define PROGRAM_vm "icorp-adaptor-vm"
#define ADAPTOR(type, program) { #type, PROGRAM_##program },
static const struct { const char *type, *program; } programs[] = {
#include "adaptors/list.h"
};

const char *adaptor_program(const char *type)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (!strcmp(programs[i].type, type))
			return programs[i].program;
	return NULL;
}
