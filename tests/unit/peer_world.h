/* Two or more ends with keys, addresses and a clock of their own, and what travels between them. */
#ifndef ICORP_TESTS_PEER_WORLD_H
#define ICORP_TESTS_PEER_WORLD_H

#include "signald/peer.h"

#define DAY_US 86400000000ull
#define KEY_1 "hmac-sha256 000102030405060708090a0b0c0d0e0f"
#define KEY_2 "hmac-sha256 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
#define KEY_3 "hmac-md5 808182838485868788898a8b8c8d8e8f"
#define OLD "default 1 " KEY_1 "\n"
#define NEW "default 2 " KEY_2 "\n"

struct in_addr ip(const char *text);
/* Seconds since 1970 in microseconds, of a text like 2026-11-21T00:00:00Z. */
uint64_t wall(const char *text);
/* Loads these keys; what the reader says of them, its reason in why. */
int keys_load(struct peers *peers, const char *text, char why[256]);

struct end { struct in_addr addr; struct peers *peers; uint64_t wall_us; };
/* keys NULL: without INTEGRITY. */
struct end end_new(const char *addr, const char *keys);
void end_free(struct end *end);
/* As if the process were started again. */
void end_restart(struct end *end, const char *keys);

struct datagram { struct in_addr from; uint8_t bytes[2048]; size_t len; };
/* A message of that type from one end to another. */
struct datagram datagram(struct end *from, struct in_addr to, uint8_t type, const struct rsvp_challenge *challenge);
/* Hands it over, and says what became of it; nothing else happens. */
enum peer_counter take(struct end *to, const struct datagram *d, uint64_t now_us, struct peer_verdict *verdict);
/* The same for a Hello, and for all that it provokes on both sides until they are quiet. */
enum peer_counter say(struct end *from, struct end *to, uint64_t now_us);

#endif
