/*
 * Admission: from a client's request to a contract, or the reason why not. Nothing is stored or changed here.
 */
#ifndef ICORP_GATEKEEPER_ADMIT_H
#define ICORP_GATEKEEPER_ADMIT_H

#include "contracts/contract.h"
#include "gatekeeper/gatekeeper.h"
#include "gatekeeper/problem.h"

/* Checks class, names and limits, places, addresses and composes. *out has one reference. 0, or -EINVAL with *problem. */
int admit_request(struct gatekeeper *gk, uint32_t id, const struct contract_request *request, struct contract **out,
		  struct problem *problem);

#endif
