/*
 * What two neighbouring controllers do for each other, apart from what they say about sessions: messages arrive
 * although datagrams are lost, state stays although nobody repeats it (RFC 2961, refresh overhead reduction), and each
 * knows soon that the other is gone or was restarted (RFC 3209 section 5, Hello).
 *
 *     neighbour_send     numbers, encodes and sends a message; keeps it until it is acknowledged (neighbour_send.c)
 *     neighbour_input    acknowledgements, Srefresh and Hello end here; the rest is the core's (neighbour_input.c)
 *     neighbours_tick    retransmissions, the summary of all states, Hello (neighbour_summary.c, neighbour_hello.c)
 *     neighbours_flush   the acknowledgements collected since
 *
 * The owner numbers its states (a slot each, any number but NEIGHBOUR_NO_SLOT) and says which message established which
 * one. It keeps no refresh timers: each state sent with NEIGHBOUR_STATE is named in a Srefresh once per round of [0.5,
 * 1.0] R, or, where naming it would not do, its owner is asked to send it in full (hooks.resend): the neighbour does
 * not know it, was restarted, or does not understand RFC 2961.
 *
 * It owns no socket and reads no clock (now_us is monotonic microseconds), signs nothing, and is deterministic: the
 * simulator runs it. Memory: 8 bytes per state sent, 13 to 26 per state received, and the messages not yet
 * acknowledged.
 *
 * Message ids are numbered over all neighbours (RFC 2961 section 4.1: unique per generator); 0 is never used.
 */
#ifndef ICORP_SIGNALD_NEIGHBOUR_H
#define ICORP_SIGNALD_NEIGHBOUR_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rsvp.h"

#define NEIGHBOURS_MAX 65536
#define NEIGHBOUR_NO_SLOT UINT32_MAX

struct neighbour;
struct neighbours;

struct neighbour_options {
	uint32_t enterprise;      /* of our own objects */
	uint32_t epoch;           /* 24 bits, another one at each start (RFC 2961 section 4.1) */
	uint32_t instance;        /* Hello's Src_Instance; not 0, another one at each start (RFC 3209 section 5.3) */
	uint32_t first_id;        /* the first message id; 0: 1 */
	uint64_t refresh_us;      /* R */
	uint64_t hello_us;        /* hello_interval; 0: no Hello is sent (requests are answered all the same) */
	unsigned hello_tenths;    /* the neighbour is lost after that many tenths of hello_us without a word; 0: 35 (RFC 3209) */
	uint64_t rto_first_us;    /* before the round trip was measured; 0: as rto_max_us */
	uint64_t rto_min_us, rto_max_us;
	unsigned tries;           /* transmissions of a message before it is given up; at least 1 */
	unsigned window_min, window_first, window_max; /* unacknowledged messages per neighbour; 1 <= min <= first <= max */
	unsigned queue_max;       /* messages per neighbour that wait for the window, urgent ones twice that; 0: 65536 */
	size_t message_max;       /* bytes of an Ack or Srefresh before INTEGRITY is added; 64 to 65000 */
	unsigned nacks_per_s;     /* per neighbour; what is beyond waits for the next round; 0: 200000 */
	uint64_t seed;            /* of the jitter and the tables */
};

enum neighbour_event {
	NEIGHBOUR_UP,         /* heard for the first time, or again after it was lost */
	NEIGHBOUR_LOST,       /* not heard for 3.5 hello intervals, or it does not hear us */
	/*
	 * It began anew: it may have lost all it knew from us, and what it told us. All our states are sent to it again
	 * without the owner's doing. May be told twice for one restart, and for a neighbour that only had lost us (it
	 * then still knows all, and nothing is sent again).
	 */
	NEIGHBOUR_RESTARTED,
};
enum neighbour_state { NEIGHBOUR_NEW, NEIGHBOUR_IS_UP, NEIGHBOUR_IS_LOST };
const char *neighbour_event_name(enum neighbour_event event);
const char *neighbour_state_name(enum neighbour_state state);

/* Called from within the functions below. None may be NULL, free the neighbours, or call input, tick or flush. */
struct neighbour_hooks {
	void *ctx;
	/* Send these bytes now; they are valid during the call only. It must not call any function of this module but readers. */
	void (*output)(void *ctx, struct neighbour *n, const uint8_t *message, size_t len, uint8_t type);
	/* A Srefresh named id, learnt with slot. 0: no such state any more; the id is unlearnt and answered by a NACK. */
	int (*refreshed)(void *ctx, struct neighbour *n, uint32_t slot, uint32_t id, uint64_t now_us);
	/*
	 * State slot, last sent as id, must be sent in full: call neighbour_send with replaces = id, now or later, or
	 * neighbour_withdraw if it is gone. Until then it stays as it is.
	 */
	void (*resend)(void *ctx, struct neighbour *n, uint32_t slot, uint32_t id, uint64_t now_us);
	void (*changed)(void *ctx, struct neighbour *n, enum neighbour_event event, uint64_t now_us);
};

/* Options and hooks are copied. NULL: out of memory, or an option is out of its bounds. */
struct neighbours *neighbours_new(const struct neighbour_options *options, const struct neighbour_hooks *hooks);
/* Takes NULL. Calls no hook. */
void neighbours_free(struct neighbours *ns);

/* The neighbour of that address; made if need be. NULL: no memory, NEIGHBOURS_MAX reached, or addr is 0.0.0.0. */
struct neighbour *neighbour_get(struct neighbours *ns, struct in_addr addr);
/* NULL: there is none. */
struct neighbour *neighbour_find(const struct neighbours *ns, struct in_addr addr);
/* A small number that stands for the neighbour as long as it exists, and back. Walk: every index below neighbours_end. */
uint32_t neighbour_index(const struct neighbour *n);
struct neighbour *neighbour_at(const struct neighbours *ns, uint32_t index); /* NULL: none has it */
uint32_t neighbours_end(const struct neighbours *ns);
struct in_addr neighbour_addr(const struct neighbour *n);
enum neighbour_state neighbour_state(const struct neighbour *n);
uint64_t neighbour_heard_us(const struct neighbour *n); /* 0: never */
int neighbour_beyond(const struct neighbour *n); /* was anything ever sent with NEIGHBOUR_BEYOND? */
/* Does it understand RFC 2961? Assumed until a message of its says otherwise (section 2, the header's flag). */
int neighbour_capable(const struct neighbour *n);

/* Who refers to a neighbour holds it. */
void neighbour_hold(struct neighbour *n);
void neighbour_drop(struct neighbour *n);
/* Frees n and what waits for it. -EBUSY: someone holds it, or it has states, sent or learnt, or is being served. */
int neighbour_forget(struct neighbour *n);
/* From now on Hello watches n, or no longer (RFC 3209 section 5: "whose status is being tracked"). */
void neighbour_watch(struct neighbour *n, int watched, uint64_t now_us);

/* Sends a HELLO REQUEST at once, so that n learns of a restart of ours. Nothing while Hello is off. */
void neighbour_greet(struct neighbour *n, uint64_t now_us);

enum {
	NEIGHBOUR_URGENT = 1,     /* a tear or an error: ahead of all that waits for the window (RFC 8370's idea) */
	NEIGHBOUR_STATE = 2,      /* a Path or Resv: refreshed until withdrawn or replaced */
	NEIGHBOUR_BEYOND = 8,     /* somebody on the way may take it in n's place, and acknowledge it */
	NEIGHBOUR_PLAIN = 4,      /* without MESSAGE_ID and at once: for those who do not understand RFC 2961 */
};
/*
 * Sends msg reliably: sets its flag and MESSAGE_ID, encodes it, and outputs it now or when the window has room, again
 * and again until it is acknowledged, given up or replaced. msg stays the caller's. replaces (0: none) is the id of the
 * former message of the same state; that one is no longer sent, awaited or refreshed, whether the new one has
 * NEIGHBOUR_STATE or not. A neighbour that is not capable gets it as with NEIGHBOUR_PLAIN.
 *
 * Returns the message's id; 0: it was PLAIN and no STATE, or could not be encoded (NEIGHBOUR_FAILED counts that).
 */
uint32_t neighbour_send(struct neighbour *n, struct rsvp_msg *msg, unsigned flags, uint32_t slot, uint32_t replaces,
			uint64_t now_us);
/* The state that id established is gone: id is no longer sent, awaited or refreshed. Any id will do. */
void neighbour_withdraw(struct neighbour *n, uint32_t id);

/* Is a message of this epoch of n as it is now, and not of a former life? Yes when n's epoch is not known. */
int neighbour_is_of(const struct neighbour *n, uint32_t epoch);
/* n's message id established state slot here; a Srefresh may name it from now on. 0 or -ENOMEM. */
int neighbour_learn(struct neighbour *n, uint32_t id, uint32_t slot);
/* Is id learnt, and with which slot? */
int neighbour_learnt(const struct neighbour *n, uint32_t id, uint32_t *slot);
void neighbour_unlearn(struct neighbour *n, uint32_t id);

enum neighbour_verdict { NEIGHBOUR_DELIVER, NEIGHBOUR_DONE };
/*
 * An authentic, decoded message of n. DELIVER: it is about a session and the core must process it (it may be a
 * duplicate, or older than what the core has of that state: see rsvp_id_later), and then say neighbour_taken. DONE: all
 * is done.
 */
enum neighbour_verdict neighbour_input(struct neighbour *n, const struct rsvp_msg *msg, uint64_t now_us);
/* A delivered message was processed: it is acknowledged, if that is desired. One that is not comes again. */
void neighbour_taken(struct neighbour *n, const struct rsvp_msg *msg);

/* Outputs the collected acknowledgements. Call it when the input at hand is done, before the loop sleeps. */
void neighbours_flush(struct neighbours *ns, uint64_t now_us);
/* Does what is due; neighbours_next says when to call it again (UINT64_MAX: never; at times earlier than need be). */
void neighbours_tick(struct neighbours *ns, uint64_t now_us);
uint64_t neighbours_next(const struct neighbours *ns);

enum neighbour_counter {
	NEIGHBOUR_MESSAGES_SENT, NEIGHBOUR_RETRANSMITS, NEIGHBOUR_GIVEN_UP, NEIGHBOUR_ACKS_SENT, NEIGHBOUR_ACKS_RECEIVED,
	NEIGHBOUR_STRAY_ACKS,     /* for what was not awaited (any more) */
	NEIGHBOUR_NACKS_SENT, NEIGHBOUR_NACKS_RECEIVED, NEIGHBOUR_NACKS_SUPPRESSED,
	NEIGHBOUR_SREFRESHES_SENT, NEIGHBOUR_SREFRESHES_RECEIVED, NEIGHBOUR_HELLOS_SENT, NEIGHBOUR_HELLOS_RECEIVED,
	NEIGHBOUR_LOSSES, NEIGHBOUR_RESTARTS,
	NEIGHBOUR_FAILED,         /* no memory, or a message that cannot be encoded */
	NEIGHBOUR_COUNTED,
	/* what is, not what came to pass */
	NEIGHBOUR_QUEUE = NEIGHBOUR_COUNTED, NEIGHBOUR_IN_FLIGHT, NEIGHBOUR_WINDOW, NEIGHBOUR_SRTT_US, NEIGHBOUR_RTO_US,
	NEIGHBOUR_STATES_SENT, NEIGHBOUR_STATES_LEARNT, NEIGHBOUR_COUNTERS
};
const char *neighbour_counter_name(enum neighbour_counter counter); /* "srefreshes sent", … */
uint64_t neighbour_counter(const struct neighbour *n, enum neighbour_counter counter);

#endif
