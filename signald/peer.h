/*
 * Neighbours as senders of datagrams: whom we speak to, what is believed of what comes in (RFC 2747), and what came and
 * went. A message is believed when its address is allowed, within its rate, its INTEGRITY is right by a key of the sender,
 * and its sequence number was not seen before. Everything else is counted, and dropped.
 *
 *     peer.c        the table, counters, and what a message to send is signed with
 *     peer_check.c  is this message to be believed?
 *     handshake.c   the integrity handshake (RFC 2747 section 4.3): after our restart, which numbers are new?
 *     replay.h      the window of sequence numbers     keyring.h   the keys
 */
#ifndef ICORP_SIGNALD_PEER_H
#define ICORP_SIGNALD_PEER_H

#include "lib/addr.h"
#include "lib/bucket.h"
#include "lib/rsvp.h"
#include "signald/keyring.h"
#include "signald/replay.h"

/* Why a datagram was dropped is counted from MALFORMED on. */
enum peer_counter {
	PEER_RECEIVED, PEER_SENT, PEER_SEND_FAILED, PEER_CHALLENGES_SENT, PEER_CHALLENGES_ANSWERED, PEER_CONFIRMED,
	PEER_MALFORMED, PEER_UNKNOWN_OBJECT, PEER_UNSIGNED, PEER_NO_KEY, PEER_FORGED, PEER_REPLAYED, PEER_NO_ROOM,
	PEER_NOT_ALLOWED, PEER_LIMITED, PEER_UNCONFIRMED, PEER_COUNTERS
};
const char *peer_counter_name(enum peer_counter counter);

struct peer {
	struct in_addr addr;
	uint32_t index;
	uint8_t isc;                    /* the key that authenticated it last is an ISC's, not the keyring's */
	uint8_t confirmed;              /* replay says which numbers are new */
	uint8_t passing;                /* what is sent to it others may take, or it takes what is sent to others */
	uint32_t handshakes;            /* completed */
	uint64_t sequence;              /* the last we sent to it */
	uint64_t key_id;                /* of the key that authenticated it last */
	uint64_t heard_us;
	struct bucket messages, bytes;  /* what it sends */
	struct bucket answers;          /* to its challenges */
	uint64_t counter[PEER_COUNTERS];
	struct replay replay;
};

/* What may come in. Messages in Bundles count one by one; strangers are all who are not neighbours, together. */
struct peer_limits { uint64_t messages_per_s, bytes_per_s, strangers_per_s; };

struct peers;

/* integrity 0: nothing is signed or checked. NULL when out of memory. */
struct peers *peers_new(int integrity);
void peers_free(struct peers *peers);

/* Reads a keyring; see keyring_read. */
int peers_read_keys(struct peers *peers, int fd, const char *file, char *why, size_t room);
/*
 * Who is believed at all (n 0: everybody with a key; ISCs always are), and how much of it. allow was malloc'd (NULL for n 0)
 * and is peers' from now on. Without a call there is no limit.
 */
void peers_restrict(struct peers *peers, struct prefix *allow, size_t n, const struct peer_limits *limits);
/* Is who has this address believed at all? */
int peers_allowed(const struct peers *peers, struct in_addr addr);

/*
 * From now on the ISC at addr is believed by keys of its own; the newest is what its controller is to be started with.
 * Another ICorp's ISC that had the address is forgotten. 0, -ENOKEY (no default key to derive it from) or -ENOMEM.
 */
int peers_add_isc(struct peers *peers, struct in_addr addr, uint32_t icorp, struct in_addr leader, uint64_t wall_us,
		  uint32_t *key_id, uint8_t key[32]);
/* It is gone: its keys and what is known of it. */
void peers_forget(struct peers *peers, struct in_addr addr);

/* The neighbour of that address, made if need be; NULL: no memory or too many. For whom we speak to. */
struct peer *peer_get(struct peers *peers, struct in_addr addr, uint64_t wall_us);
/* Walks all neighbours. */
const struct peer *peers_first(const struct peers *peers);
const struct peer *peers_next(const struct peers *peers, const struct peer *after);

/* What to sign the next message to addr with: 1 and *auth, 0 when unsigned, -ENOKEY, -ENOMEM. */
int peer_auth(struct peers *peers, struct in_addr addr, uint64_t wall_us, struct rsvp_auth *auth);

/*
 * Something goes to addr with Router Alert, and somebody on the way may take it, who does not know our numbers and asks for
 * them, although we have sent nothing to its address: for some seconds, a few in a second, they are answered. From then on
 * the two share their numbers: whoever takes messages to both sees each number once, and later ones later.
 */
void peers_passing(struct peers *peers, struct in_addr addr, uint64_t now_us, uint64_t wall_us);

/* A message as it came in, and when. */
struct peer_message { struct in_addr from; const uint8_t *data; size_t len; uint64_t now_us, wall_us; };
struct peer_verdict {
	struct peer *peer;              /* who sent it; NULL when it is not to be processed */
	int isc;                        /* it is, or says it is, an ISC */
	int confirmed;                  /* a handshake ended: what the sender sent before was dropped, and comes again */
	int went_back;                  /* by that handshake it uses numbers below those it used before */
	uint8_t answer;                 /* send it RSVP_CHALLENGE unsigned, or RSVP_CHALLENGE_RESPONSE signed; 0: nothing */
	struct rsvp_challenge challenge;
};
/*
 * Who sent this? A neighbour is made only once it is authentic and fresh: anybody can send, and must not fill our memory.
 * PEER_RECEIVED when it is to be processed. Otherwise what was counted (with strangers, when no neighbour has that
 * address): PEER_CHALLENGES_ANSWERED and PEER_CONFIRMED are the handshake's and no fault; MALFORMED (not RSVP, truncated,
 * damaged), UNSIGNED, NO_KEY (none with that id), FORGED (another digest), REPLAYED (its number was seen, or is too old),
 * UNCONFIRMED (it is not known which of its numbers are new; it was challenged), NO_ROOM (too many neighbours),
 * NOT_ALLOWED, LIMITED (it sends too much).
 */
enum peer_counter peer_check(struct peers *peers, const struct peer_message *message, struct peer_verdict *verdict);
/* Counts something else about a datagram from there. */
void peers_count(struct peers *peers, struct in_addr from, enum peer_counter counter);
/* Counts for those who never were authentic. */
const struct peer *peers_strangers(const struct peers *peers);

#endif
