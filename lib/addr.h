/*
 * IPv4 addresses and prefixes (in network byte order inside struct in_addr) and MAC addresses as text.
 */
#ifndef ICORP_LIB_ADDR_H
#define ICORP_LIB_ADDR_H

#include <netinet/in.h>
#include <stdint.h>

#define ADDR_TEXT 16   /* room for "255.255.255.255" */
#define PREFIX_TEXT 19
#define ETHER_SIZE 6
#define ETHER_TEXT 18

struct prefix { struct in_addr addr; uint8_t len; };

/* Strict dotted quads. 0 or -EINVAL. */
int addr_parse(const char *text, struct in_addr *out);
/* "10.0.0.0/8"; a missing length is 32; host bits must be zero unless host_bits_ok. 0 or -EINVAL. */
int prefix_parse(const char *text, struct prefix *out, int host_bits_ok);
/* Writes into out and returns it. */
const char *addr_text(struct in_addr addr, char out[ADDR_TEXT]);
const char *prefix_text(struct prefix prefix, char out[PREFIX_TEXT]);
int prefix_contains(struct prefix prefix, struct in_addr addr);
int prefix_overlaps(struct prefix a, struct prefix b);
/* The n-th address of the prefix (0 is the network address). */
struct in_addr prefix_nth(struct prefix prefix, uint32_t n);
int ether_parse(const char *text, uint8_t out[ETHER_SIZE]);
const char *ether_text(const uint8_t mac[ETHER_SIZE], char out[ETHER_TEXT]);

#endif
