/*
 * Placement: which servers hold an ICorp's ISCs and which access routers its proxies. Pure: it sees tables of what
 * there is, made by icorps.c from the registrar and from the contracts already placed.
 */
#ifndef ICORP_GATEKEEPER_PLACEMENT_H
#define ICORP_GATEKEEPER_PLACEMENT_H

#include <stdint.h>

#include "contracts/contract.h"
#include "gatekeeper/problem.h"

struct placement_server {
	const char *name;
	int alive;
	int has_image;                                     /* the wanted one */
	int limited[RESOURCE_MAX + 1];                     /* a capacity is known; if not, it never runs out */
	uint64_t capacity[RESOURCE_MAX + 1], used[RESOURCE_MAX + 1];
};

struct placement_access {
	const char *name;
	int alive;
	int has_address;                                   /* its public pool has one left */
	int connected;                                     /* holds its work stream: can lead at once */
};

struct placement_input {
	const struct contract_request *request;
	const char *image;
	uint64_t need[RESOURCE_MAX + 1];                   /* of each ISC */
	unsigned n_servers; const struct placement_server *servers;
	unsigned n_access;  const struct placement_access *access;
};

struct placement {
	unsigned n_servers, server[CONTRACT_MAX_ENDPOINTS]; /* indices into the input */
	unsigned n_access, access[16];                      /* the first leads */
};

/* Chooses, or refuses with 422 (no such server or access router) or 503 (not enough room). */
int placement_choose(const struct placement_input *in, struct placement *out, struct problem *problem);

#endif
