/*
 * Dynamic updates as bytes: RFC 2136 messages, signed per RFC 8945 (TSIG), by libldns. Pure but for the clock in TSIG.
 */
#ifndef ICORP_GATEKEEPER_DNS_MESSAGE_H
#define ICORP_GATEKEEPER_DNS_MESSAGE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_ADDRESSES 16

struct dns_key { const char *name, *algorithm, *secret; /* base64; name "" or NULL: unsigned */ };

/* What a name is to be: the n addresses and no others; n = 0: none at all. */
struct dns_change { const char *name; unsigned n; struct in_addr address[DNS_ADDRESSES]; };

/* An update on its way; holds what is needed to check the answer. */
struct dns_update;

/* Makes one update of all the changes: for each name the A records are removed and the new ones added, as one
 * transaction. NULL when out of memory or when a name or the key is unusable, with a reason. */
struct dns_update *dns_update_new(const char *zone, uint32_t ttl, const struct dns_change *changes, size_t n,
				  const struct dns_key *key, char *why, size_t room);
void dns_update_free(struct dns_update *update);
/* The message, without TCP's length. */
const uint8_t *dns_update_wire(const struct dns_update *update, size_t *len);
/* Does this answer say that the update was done? 0, or -errno with a reason. */
int dns_update_check(const struct dns_update *update, const uint8_t *answer, size_t len, char *why, size_t room);

#endif
