/*
 * A new revision of a contract: another class, other servers. Pure but for reading what is registered.
 */
#ifndef ICORP_GATEKEEPER_REVISE_H
#define ICORP_GATEKEEPER_REVISE_H

#include <jansson.h>

#include "contracts/contract.h"
#include "gatekeeper/gatekeeper.h"
#include "gatekeeper/problem.h"

/*
 * What the contract becomes by change, a JSON object: "class" (name) and "servers" (names); what is missing stays. Servers
 * that stay keep their addresses, and all else of the contract is as it was. *out has one reference. 0, or -EINVAL with
 * *problem.
 */
int revise_contract(const struct gatekeeper *gk, const struct contract *was, uint16_t revision, json_t *change,
		    struct contract **out, struct problem *problem);

#endif
