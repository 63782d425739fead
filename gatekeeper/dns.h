/*
 * The ICorps' names in DNS: what they are to be, and the patient work of making a real server say so.
 */
#ifndef ICORP_GATEKEEPER_DNS_H
#define ICORP_GATEKEEPER_DNS_H

#include <jansson.h>
#include <netinet/in.h>

#include "gatekeeper/gatekeeper.h"

struct dns;

/* Loads what the store holds; all of it is told to the server again. 0, or -errno with a reason. */
int dns_new(struct gatekeeper *gk, struct dns **out, char *why, size_t room);
void dns_free(struct dns *dns);
/* The name is to have these addresses, and no others. Returns at once; done as soon as the server can be reached. */
void dns_set(struct dns *dns, const char *name, const struct in_addr *addresses, unsigned n);
/* The name is to have no address. */
void dns_unset(struct dns *dns, const char *name);
/* "none", "pending" or "published" (of a wanted name); "disabled" without a server. */
const char *dns_state(const struct dns *dns, int wanted, const char *name);
/* 0, or -errno of the last attempt. */
int dns_health(const struct dns *dns);
size_t dns_pending(const struct dns *dns);
/* Server, state, error, and every name. New reference. */
json_t *dns_json(const struct dns *dns);

#endif
