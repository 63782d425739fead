/*
 * Contracts by reference: the previous hop serves them over HTTP on TCP port 3455 at its control address, named by
 * session and digest, and the next hop pulls them and checks the digest.
 *
 *     GET /contract/ICORP/LEADER/DIGEST
 */
#ifndef ICORP_SIGNALD_PULL_H
#define ICORP_SIGNALD_PULL_H

#include "signald/core.h"

struct event_base;
struct pull;

/* contract NULL: why says why not. from and digest are those asked for; contract has one reference for the receiver. */
typedef void pull_fn(void *ctx, struct in_addr from, const uint8_t digest[SHA256_SIZE], struct contract *contract,
		     const char *why);

/* Serves core's contracts at address. 0 or -errno with the reason. */
int pull_new(struct event_base *base, const struct core *core, struct in_addr address, pull_fn *done, void *ctx,
	     struct pull **out, char *why, size_t room);
void pull_free(struct pull *pull);
/* Fetches; done is called later, once. 0 or -errno. */
int pull_fetch(struct pull *pull, struct in_addr from, const uint8_t digest[SHA256_SIZE]);

#endif
