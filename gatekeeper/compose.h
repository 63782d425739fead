/*
 * From a request and the choices made for it to the contract. Pure.
 */
#ifndef ICORP_GATEKEEPER_COMPOSE_H
#define ICORP_GATEKEEPER_COMPOSE_H

#include "contracts/contract.h"
#include "gatekeeper/config.h"
#include "gatekeeper/problem.h"

struct compose_access { const char *name; struct in_addr control, public_addr; };
struct compose_server { const char *name; struct in_addr control; };

struct compose_input {
	uint32_t id;
	uint16_t revision;
	const struct gk_config *config;
	const struct gk_class *class_;
	const struct contract_request *request;
	const char *dns_name;
	struct prefix prefix;
	unsigned n_access;  const struct compose_access *access;  /* the first leads */
	unsigned n_servers; const struct compose_server *servers;
};

/* The terms that a class gives; limits are those c has, or the class's where those are smaller. */
void compose_class(const struct gk_config *config, const struct gk_class *class_, struct contract *c);
/* The levels that a class gives an ISC. */
void compose_levels(const struct gk_class *class_, struct contract_isc *isc);

/* *out has one reference and is sealed. 0, or -EINVAL with *problem. */
int compose_contract(const struct compose_input *in, struct contract **out, struct problem *problem);

#endif
