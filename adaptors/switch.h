/*
 * What the technologies of switches (bridge, ovs) have in common: the terms they accept, what they grant and what they
 * tell of their sessions and of learnt addresses.
 */
#ifndef ICORP_ADAPTOR_SWITCH_H
#define ICORP_ADAPTOR_SWITCH_H

#include "adaptors/protocol.h"

#define SWITCH_VLANS 4096

/* Has the session a VLAN and a prefix that can be an ICorp's? 0, or -EINVAL with a reason. */
int switch_check_terms(const struct adaptor_terms *t, char *why, size_t room);
/* The member port of that name, or NULL. */
const struct terms_port *switch_member(const struct adaptor_terms *t, const char *ifname);
/* Says in the result that the session has its precedence and no rate: best-effort. */
void switch_grant(const struct adaptor_terms *t, struct adaptor_result *result);

/* Is the key among the n? */
int switch_wanted(const struct adaptor_key *keys, size_t n, struct adaptor_key key);

/* A session as an object of an array "sessions". */
void switch_write_session(struct writer *w, struct adaptor_key key, uint16_t vlan, struct prefix prefix, uint8_t priority,
			  uint64_t bytes, uint64_t packets);

/* Learnt addresses with the port behind which they are (a number of the technology's own). Zeroed it is empty. */
struct switch_learnt { uint8_t mac[ETHER_SIZE]; uint32_t port; };
struct switch_fdb { struct switch_learnt *entry; size_t n, room; };
/* Group addresses are no one's and left out. 0 or -ENOMEM. */
int switch_fdb_add(struct switch_fdb *f, const uint8_t mac[ETHER_SIZE], uint32_t port);
/* Writes the array "fdb", each pair once; name(ctx, port) is NULL for what is no port. Frees the entries. */
void switch_fdb_write(struct switch_fdb *f, const char *(*name)(void *ctx, uint32_t port), void *ctx, struct writer *w);

#endif
