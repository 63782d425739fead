/*
 * What a leader says about its ICorp: the body of POST /v1/elements/NAME/report, parsed and bounded.
 */
#ifndef ICORP_GATEKEEPER_REPORT_H
#define ICORP_GATEKEEPER_REPORT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "contracts/contract.h"
#include "gatekeeper/problem.h"

#define REPORT_MAX_SIZE (256 * 1024)
#define REPORT_MAX_GRANTS 512

enum report_state { REPORT_SIGNALING, REPORT_COMPLETE, REPORT_DEGRADED, REPORT_FAILED, REPORT_GONE };

struct report_error { char element[CONTRACT_NAME], code[CONTRACT_NAME], reason[256]; };

struct report {
	uint32_t icorp;
	uint16_t revision;
	enum report_state state;
	int has_error; struct report_error error;
	json_t *endpoints, *price, *grants; /* owned; only known members, bounded; NULL: not said */
};

/* Parses text into *out (zeroed first). 0, or -EINVAL with *problem and *out zeroed. */
int report_parse(const char *text, size_t len, struct report *out, struct problem *problem);
void report_clear(struct report *report);

#endif
