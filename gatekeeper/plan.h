/*
 * The address plan: a /24 of the private pool per ICorp, halved into `access` (first /26) and `servers` (second /26),
 * and a public address per access router out of the pool it registered. Pure.
 */
#ifndef ICORP_GATEKEEPER_PLAN_H
#define ICORP_GATEKEEPER_PLAN_H

#include <netinet/in.h>
#include <stdint.h>

#include "lib/addr.h"

#define PLAN_ICORP_LEN 24
#define PLAN_SUBNET_LEN 26
#define PLAN_SUBNET_HOSTS 62

typedef int plan_prefix_used_fn(const void *ctx, struct prefix prefix);
typedef int plan_addr_used_fn(const void *ctx, struct in_addr addr);

/* The first /24 not in use, beginning with number `wanted` (modulo the pool's size; number 0 is left out when the pool
 * has more). 0 or -ENOSPC. */
int plan_icorp(struct prefix pool, uint32_t wanted, plan_prefix_used_fn *used, const void *ctx, struct prefix *out);
/* The two subnets of an ICorp's prefix. */
void plan_split(struct prefix icorp, struct prefix *access, struct prefix *servers);
/* The first address of the pool not in use, beginning after `last` (0.0.0.0: at the beginning), so that an address just
 * given up rests longest. Network and broadcast addresses of pools up to /30 are left out. 0 or -ENOSPC. */
int plan_public(struct prefix pool, struct in_addr last, plan_addr_used_fn *used, const void *ctx,
		struct in_addr *out);

#endif
