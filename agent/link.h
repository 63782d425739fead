/*
 * The link to the host's controller: messages to signed datagrams and back. INTEGRITY (RFC 2747) in both directions
 * with one key; what does not verify, repeats or goes back in sequence is counted and dropped. No socket in here.
 */
#ifndef ICORP_AGENT_LINK_H
#define ICORP_AGENT_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "agent/boot.h"
#include "lib/bucket.h"
#include "lib/log.h"
#include "lib/rsvp.h"

enum link_counter {
	LINK_RECEIVED, LINK_SENT,
	LINK_CHALLENGED,  /* Integrity Challenges answered */
	LINK_UNSIGNED,    /* no INTEGRITY */
	LINK_FORGED,      /* another key, or a digest that does not match */
	LINK_REPLAYED,    /* a sequence number not above the last */
	LINK_MALFORMED,   /* authentic, but not a message */
	LINK_COUNTERS
};
const char *link_counter_name(enum link_counter counter);

struct link {
	struct mac_key *key;      /* owned */
	uint32_t key_id, enterprise, icorp;
	uint64_t sent, received;  /* last sequence numbers */
	struct bucket answers;    /* to challenges */
	struct log_burst burst;
	uint64_t counter[LINK_COUNTERS];
};

/* 0 or -errno. link_close() frees the key. */
int link_init(struct link *link, const struct boot *boot);
void link_close(struct link *link);

/* Signs msg into buffer[room]. Sequence numbers begin at the wall clock (nanoseconds) and grow by one. The length, or -errno
 * of the codec. */
int link_seal(struct link *link, const struct rsvp_msg *msg, uint64_t wall_ns, uint8_t *buffer, size_t room);

/*
 * The host's controller was restarted and asks for a sign of life (RFC 2747 section 4.3): 1 and *msg, the Integrity Response
 * to be sealed; what was sent before was dropped there. 0: it is another datagram, -EAGAIN: there were too many.
 */
int link_challenge(struct link *link, const uint8_t *data, size_t len, uint64_t now_us, struct rsvp_msg *msg);

/* Verifies and decodes. 0 and *msg; or -errno, counted, and logged at most once a second. */
int link_unseal(struct link *link, const uint8_t *data, size_t len, uint64_t now_us, struct rsvp_msg *msg);

#endif
