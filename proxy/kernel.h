/*
 * The kernel path as text: what nftables shall do for an ICorp, and the commands that lead from what it does now to
 * that. Pure; nft.h carries it out.
 *
 *     table ip icorp_proxy
 *       map services   { public address . protocol . port : goto the service's chain }
 *       map sources    { public address : source address }
 *       chain prerouting, output    look a new connection up in `services`
 *       chain icorpID-LEADER-tcp-80 counts it and picks a server: dnat to numgen inc mod N map { … }
 *       chain postrouting           what was dnat'ed gets its ICorp's source address (by its original destination)
 *
 * numgen walks a cycle of slots made by the policy (policy_slots). Connections stay with their server when the cycle
 * changes: conntrack remembers.
 */
#ifndef ICORP_PROXY_KERNEL_H
#define ICORP_PROXY_KERNEL_H

#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>

#include "proxy/policy.h"
#include "proxy/spec.h"

#define KERNEL_TABLE "icorp_proxy"
#define KERNEL_CHAIN 64

struct kernel_service {
	char chain[KERNEL_CHAIN];
	enum spec_protocol protocol;
	uint16_t port, target_port;
	unsigned n_slots; struct in_addr slot[POLICY_MAX_SLOTS]; /* none: nobody answers */
};

struct kernel_icorp {
	struct in_addr public_addr, source;
	unsigned n; struct kernel_service service[SPEC_MAX_SERVICES];
};

/* The table and its fixed chains; replaces one that is there, in one transaction with what follows. */
void kernel_render_base(FILE *out);
/* The way from old to now; NULL: nothing. Returns the number of commands: 0 when there is no difference. */
unsigned kernel_render_change(FILE *out, const struct kernel_icorp *old, const struct kernel_icorp *now);
/* A service's chain name into out. */
void kernel_chain(char out[KERNEL_CHAIN], struct spec_key key, enum spec_protocol protocol, uint16_t port);

#endif
