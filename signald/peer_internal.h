/* What the files about peers share (peer.h has the overview). */
#ifndef ICORP_SIGNALD_PEER_INTERNAL_H
#define ICORP_SIGNALD_PEER_INTERNAL_H

#include "signald/peer.h"

#define CHALLENGE_SLOTS 1024

/* Cookies are made, not kept, so that whoever provokes challenges fills no memory. */
struct handshake {
	struct mac_key *secret;
	uint32_t seed;                            /* of the slots */
	uint64_t next_us[CHALLENGE_SLOTS];        /* when an address may be challenged again, by hash */
};

struct peers {
	int integrity;
	struct keyring keyring;
	struct idmap by_addr;                     /* s_addr -> place in v */
	struct peer **v; uint32_t n, room;
	uint64_t last_sequence;                   /* the highest any neighbour that is gone was sent */
	struct prefix *allow; size_t n_allow;
	struct peer_limits limits;
	struct handshake handshake;
	uint64_t passing_until_us;                /* until then anybody may ask about what was sent past routers */
	uint64_t passing_sequence;                /* the last of the numbers that those share who are `passing` */
	struct peer strangers;
};

struct peer *peer_find(const struct peers *peers, struct in_addr addr);
/* The neighbour, or the strangers. */
struct peer *peer_or_strangers(struct peers *peers, struct peer *known);

/* handshake.c */
/* New cookies: those given so far are worth nothing. 0 or -errno. */
int handshake_renew(struct handshake *h);
/* The sender's numbers are not known, or are old ones: asks it, if it was not asked just now. */
void handshake_challenge(struct peers *peers, const struct peer *known, const struct peer_message *m, uint64_t key_id,
			 struct peer_verdict *verdict);
/* An Integrity Challenge came. */
enum peer_counter handshake_answer(struct peers *peers, struct peer *known, const struct peer_message *m,
				   struct peer_verdict *verdict);
/* An authentic Integrity Response came. */
enum peer_counter handshake_complete(struct peers *peers, struct peer *known, const struct peer_message *m,
				     uint64_t sequence, struct peer_verdict *verdict);

#endif
