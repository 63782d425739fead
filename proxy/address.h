/*
 * The ICorps' public and source addresses on the loopback interface, as /32, by rtnetlink. Ours carry the label
 * "lo:icorp" (and address protocol 73 where the kernel knows those), so that what a crash left is found; addresses
 * that are there already, or lie in 127.0.0.0/8, are used and left alone.
 */
#ifndef ICORP_PROXY_ADDRESS_H
#define ICORP_PROXY_ADDRESS_H

#include <netinet/in.h>
#include <stddef.h>

#define ADDRESS_LABEL "lo:icorp"
#define ADDRESS_PROTO 73

struct addresses;

/* Removes what a predecessor left. NULL with the reason in why. */
struct addresses *addresses_new(char *why, size_t room);
/* Removes all of ours. NULL is fine. */
void addresses_free(struct addresses *addresses);
/* One more user of the address; the first puts it there. 0, or -errno with the reason in why. */
int addresses_hold(struct addresses *addresses, struct in_addr addr, char *why, size_t room);
/* One user less; the last takes it away. */
void addresses_release(struct addresses *addresses, struct in_addr addr);
/* Puts back what is missing, removes ours that nobody holds. How many of both, or -errno. */
int addresses_audit(struct addresses *addresses);

#endif
