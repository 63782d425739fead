/*
 * Neighbours: whom we speak to, with which key, and what came and went (RFC 2747). A datagram is believed only after
 * its INTEGRITY was checked with the sender's key and its sequence number is newer than the last; everything else is
 * counted, logged once per burst, and dropped. Reliable delivery (RFC 2961) and Hello will live here too.
 */
#ifndef ICORP_SIGNALD_PEER_H
#define ICORP_SIGNALD_PEER_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rsvp.h"

/* Why a datagram was dropped is counted from MALFORMED on. */
enum peer_counter {
	PEER_RECEIVED, PEER_SENT, PEER_SEND_FAILED, PEER_MALFORMED, PEER_UNKNOWN_OBJECT, PEER_UNSIGNED, PEER_NO_KEY, PEER_FORGED,
	PEER_REPLAYED, PEER_NO_ROOM, PEER_COUNTERS
};
const char *peer_counter_name(enum peer_counter counter);

struct peer {
	struct peer *next;
	struct in_addr addr;
	int isc;                        /* the key that authenticated it last is an ISC's, not the keyring's */
	uint64_t seen_sequence;         /* the newest accepted */
	uint64_t heard_us;
	uint64_t counter[PEER_COUNTERS];
};

struct peers;

/* integrity 0: nothing is signed or checked. NULL when out of memory. */
struct peers *peers_new(int integrity);
void peers_free(struct peers *peers);

/*
 * Reads a keyring: lines `ADDRESS|default KEYID hmac-sha256|hmac-md5 HEXKEY`, # comments. The file must not be readable by
 * others. On error (-errno, *why says file, line and what would be right) the former keys stay.
 */
int peers_load_keys(struct peers *peers, const char *file, char *why, size_t room);

/* The key of one ISC's controller, made from the default key so that it survives a restart. 0 or -errno. */
int peers_isc_key(struct peers *peers, uint32_t icorp, struct in_addr leader, struct in_addr isc, uint8_t key[32]);
/* Adds or replaces the key of one address (an ISC's); peers_forget drops key and state. 0 or -errno. */
int peers_set_key(struct peers *peers, struct in_addr addr, uint64_t key_id, enum mac_algorithm algorithm,
		  const uint8_t *key, size_t len);
void peers_forget(struct peers *peers, struct in_addr addr);

/* The neighbour of that address, made if need be; NULL: no memory or too many. For whom we speak to. */
struct peer *peer_get(struct peers *peers, struct in_addr addr);
/* Walks all neighbours. */
const struct peer *peers_first(const struct peers *peers);
const struct peer *peers_next(const struct peers *peers, const struct peer *after);

/* What to sign the next datagram to addr with: 1 and *auth, 0 when unsigned, -ENOKEY. */
int peer_auth(struct peers *peers, struct in_addr addr, struct rsvp_auth *auth);
/*
 * Who sent this? *peer is the neighbour, made only once it is authentic: anybody can send, and must not fill our memory.
 * PEER_RECEIVED when it is to be believed; otherwise what was counted (with strangers, when no neighbour has that
 * address), and *peer is NULL: MALFORMED (not RSVP, truncated, damaged), UNSIGNED, NO_KEY (no key with that id), FORGED
 * (another digest), REPLAYED (its sequence number is not newer than the last), NO_ROOM (too many neighbours).
 */
enum peer_counter peer_check(struct peers *peers, struct in_addr from, const uint8_t *data, size_t len, uint64_t now_us,
			     struct peer **peer);
/* Counts something else about a datagram from there. */
void peers_count(struct peers *peers, struct in_addr from, enum peer_counter counter);
/* Counts for those who never were authentic. */
const struct peer *peers_strangers(const struct peers *peers);

#endif
