/*
 * A new revision of a contract: another class, other servers. Pure but for reading what is registered.
 */
#ifndef ICORP_GATEKEEPER_REVISE_H
#define ICORP_GATEKEEPER_REVISE_H

#include <jansson.h>
#include <stdint.h>

#include "contracts/contract.h"
#include "gatekeeper/gatekeeper.h"
#include "gatekeeper/problem.h"

/* What is remembered of an ICorp for its revisions. */
struct revise_memory {
	uint64_t asked[RESOURCE_MAX + 1]; /* the client's own ceilings, before a class's were laid over them; 0: none */
	unsigned last_server;             /* of the addresses in the subnet of its servers the one given out last, from 1 */
};

struct revise_input {
	const struct contract *was, *next; /* what stands, and what is being set up (may be NULL) */
	struct revise_memory *memory;
	uint16_t revision;                 /* of the new one */
};

/* Of a contract just composed from a request with these limits. */
void revise_remember(struct revise_memory *memory, const struct contract *c, const struct contract_limits *asked);
/* For the store: NULL when out of memory; read again, with what c says for what is missing (json may be NULL). */
json_t *revise_memory_json(const struct revise_memory *memory);
void revise_memory_load(struct revise_memory *memory, const struct contract *c, json_t *json);

/*
 * What the contract becomes by change, a JSON object: "class" (name) and "servers" (names); what is missing stays. Servers
 * that stay keep their addresses, the client's own ceilings go on, and all else of the contract is as it was. A new server
 * has an address that no one of what stands or is being set up has, and one given up rests as long as there are others.
 * A change that changes nothing is refused, unless it gives up what is being set up. *out has one reference. 0, or -EINVAL
 * with *problem.
 */
int revise_contract(const struct gatekeeper *gk, const struct revise_input *in, json_t *change, struct contract **out,
		    struct problem *problem);

#endif
