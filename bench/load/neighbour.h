/*
 * One neighbour of the router under test, as far as messages go: a socket, a key, batches in both directions, and RFC
 * 2961 once the router says (header flag) that it understands it: MESSAGE_ID with ACK_Desired on what we send, Bundles,
 * acknowledgement of what it sends, an answer to its Hello. What the messages are about is the generator's business.
 */
#ifndef BENCH_LOAD_NEIGHBOUR_H
#define BENCH_LOAD_NEIGHBOUR_H

#include <sys/socket.h>

#include "lib/rsvp.h"

#define NEIGHBOUR_BATCH 32
#define NEIGHBOUR_ROOM 9216
#define NEIGHBOUR_KEY_ID 1
#define NEIGHBOUR_NOBODY UINT32_MAX

struct neighbour;

struct neighbour_hooks {
	void (*message)(void *ctx, struct neighbour *from, const struct rsvp_msg *msg);
	/* The router acknowledges (or does not know: nack) what we sent in the name of owner. */
	void (*acked)(void *ctx, struct neighbour *from, uint32_t owner, int nack);
	void *ctx;
};

struct neighbour_slots {
	uint8_t (*buffer)[NEIGHBOUR_ROOM];
	struct iovec iov[NEIGHBOUR_BATCH];
	struct mmsghdr hdr[NEIGHBOUR_BATCH];
};

struct neighbour {
	struct neighbour_hooks hooks;
	int fd, raw;
	struct in_addr addr, router;
	struct mac_key *key;
	uint64_t sequence;
	int plain;                   /* never speak RFC 2961 */
	int reduction;               /* the router understands it */
	int mute;                    /* do not answer Hello any more */
	uint32_t epoch, next_id;
	uint64_t said_us;            /* when something was last sent */
	uint32_t hello, router_hello; /* instances: ours, and the router's as it last said; 0: it said none */
	struct { uint32_t *v; size_t n, room; } owner; /* by message id */
	struct rsvp_msg msg, acks, list; /* received; acknowledgements owed; the last Srefresh */
	struct neighbour_slots in, out;
	unsigned n_out;
	struct rsvp_bundle bundle; int bundling;
	uint64_t sent, received, hellos, srefreshes, bundles, unread; /* datagrams, but hellos and srefreshes: messages */
};

/* Opens the socket on a device of this namespace. 0, or -1 after having said why. */
int neighbour_open(struct neighbour *n, const struct neighbour_hooks *hooks, const char *device, struct in_addr addr,
		   struct in_addr router, int raw);
void neighbour_close(struct neighbour *n);
/* Writes the keyring that the routers share with the neighbours. 0 or -1. */
int neighbour_write_keyring(const char *file);
/* Queues a message; owner is told of its acknowledgement. Returns its message id (0: plain). */
uint32_t neighbour_send(struct neighbour *n, struct rsvp_msg *msg, uint32_t owner);
/* The same again: a retransmission, or a refresh by id (RFC 2961). */
void neighbour_resend(struct neighbour *n, struct rsvp_msg *msg, uint32_t id);
/* One Srefresh for these ids. */
void neighbour_srefresh(struct neighbour *n, const uint32_t *ids, unsigned count);
/* Asks whether the router is there and still the same: a HELLO REQUEST (RFC 3209 section 5). */
void neighbour_hello(struct neighbour *n);
/* Sends what is queued, and acknowledges what was received. */
void neighbour_flush(struct neighbour *n);
/* Takes what is there; hooks are called. How many datagrams. */
unsigned neighbour_receive(struct neighbour *n);

#endif
