/*
 * What the parts of the neighbour module share. Not for others.
 *
 * A message that awaits its acknowledgement is a `struct pending`; all neighbours' are in one pool and named by their
 * place in it (0: none). Each is in one list of its neighbour: a queue, urgent or not, while the window is full;
 * afterwards the list of its level. Messages of one level all wait equally long (send_rto), so the list is in the
 * order of their deadlines, and its head is the only one to look at.
 */
#ifndef ICORP_SIGNALD_NEIGHBOUR_INTERNAL_H
#define ICORP_SIGNALD_NEIGHBOUR_INTERNAL_H

#include "lib/bucket.h"
#include "lib/heap.h"
#include "lib/idmap.h"
#include "signald/neighbour.h"

#define NEIGHBOUR_TTL 63

enum { LIST_URGENT, LIST_NORMAL, LIST_LEVEL, LEVELS = 8, LISTS = LIST_LEVEL + LEVELS };

struct pending {
	struct neighbour *n;
	uint8_t *bytes;                 /* the encoded message; kept with the place for the next one */
	uint64_t sent_us;
	uint32_t id, prev, next;
	uint16_t len, room;
	uint8_t type, list, tries;
};

struct list { uint32_t head, tail; };

/* What a neighbour's states were last sent as, in the order of sending. */
struct summary_entry { uint32_t id, slot; /* NEIGHBOUR_NO_SLOT: withdrawn */ };
struct summary {
	struct summary_entry *v;
	uint32_t n, room, dead;
	uint32_t at, end;               /* the round: the next entry, and where it ends; later ones were just sent */
	uint64_t step_us, due_us;       /* between two messages; of the next one, UINT64_MAX: nothing to refresh */
	enum { ROUND_CALM, ROUND_HURRIED, ROUND_FULL } kind; /* over R; at once; at once and everything in full */
};

/* Acknowledgements to go; lent to those neighbours that have some. */
struct acks { struct acks *next; unsigned n; struct rsvp_id_ack v[]; };

struct neighbour {
	struct heap_entry timer;        /* first: the heap's entries are neighbours */
	struct neighbours *ns;
	struct neighbour *next_acks;    /* in ns->with_acks while acks is not NULL */
	struct acks *acks;
	struct in_addr addr;
	uint32_t index, refs, serving;  /* serving: input or tick works with it */
	enum neighbour_state state;
	uint64_t heard_us;
	uint8_t capable, epoch_known, restart_told, beyond;
	uint32_t epoch;
	struct idmap learnt;
	struct summary summary;
	struct list list[LISTS];
	uint32_t queued, in_flight;
	uint32_t window, threshold, grown; /* RFC 5681's, counted in messages */
	uint64_t halved_us;
	uint32_t srtt_us, rttvar_us;    /* 0: not measured yet (RFC 6298) */
	uint8_t backoff;                /* the level new messages begin at, until a round trip is measured (Karn) */
	uint8_t late;                   /* timeouts since a round trip was measured, as far as it matters */
	struct bucket nacks;
	struct {
		uint8_t watched, wrong;    /* wrong: how often in a row it gave back another instance than ours */
		uint32_t ours, theirs;     /* instances; theirs 0: not known */
		uint64_t due_us, since_us; /* the next REQUEST; when watching began */
	} hello;
	uint64_t counter[NEIGHBOUR_COUNTED];
};

struct neighbours {
	struct neighbour_options options;
	struct neighbour_hooks hooks;
	uint64_t random;
	uint32_t next_id;
	struct idmap by_addr;           /* s_addr -> index */
	struct neighbour **v; uint32_t end, room, n;
	struct heap timers;             /* all neighbours, always: setting one cannot fail */
	struct neighbour *with_acks;
	struct acks *free_acks;
	unsigned acks_per_message, ids_per_message;
	uint32_t nacks_most;            /* what a bucket holds: a tenth of a second's, and at least a large Srefresh's */
	uint32_t *ids;                  /* of the Srefresh being made */
	struct idmap awaited;           /* id -> place in pool */
	struct pending *pool; uint32_t pool_n, pool_room, pool_free, kept; /* pool_free: a list by next; kept: their buffers */
	uint8_t buffer[RSVP_MAX_SIZE];
};

/* neighbour.c */
uint64_t neighbour_random(struct neighbours *ns, uint64_t below_or_equal);
/* n has something to do at that time, if not before. */
void neighbour_wake(struct neighbour *n, uint64_t at_us);
/* Encodes and outputs a message of the neighbours' own (Ack, Srefresh, Hello). */
void neighbour_output(struct neighbour *n, const struct rsvp_msg *msg);
void neighbour_event(struct neighbour *n, enum neighbour_event event, uint64_t now_us);

/* neighbour_pending.c */
uint32_t pending_new(struct neighbour *n, uint32_t id, const uint8_t *bytes, size_t len); /* 0: no memory; in no list */
struct pending *pending_at(struct neighbours *ns, uint32_t place);
uint32_t pending_find(const struct neighbour *n, uint32_t id); /* 0: not awaited from n, and not from one it may answer for */
void pending_append(struct neighbour *n, unsigned list, uint32_t place);
void pending_unlink(struct neighbour *n, uint32_t place);
void pending_free(struct neighbour *n, uint32_t place);        /* unlinks it, too */
void pending_clear(struct neighbour *n);

/* neighbour_send.c */
void send_pump(struct neighbour *n, uint64_t now_us);          /* sends what waits, as the window allows */
void send_acked(struct neighbour *n, uint32_t id, uint64_t now_us);
void send_again(struct neighbour *n, uint64_t now_us);         /* what was sent once and is not acknowledged: now, not later */
void send_tick(struct neighbour *n, uint64_t now_us);
uint64_t send_next(const struct neighbour *n);
uint64_t send_rto(const struct neighbour *n, unsigned level);

/* neighbour_summary.c */
int summary_add(struct neighbour *n, uint32_t id, uint32_t slot, uint64_t now_us); /* 0 or -ENOMEM */
void summary_remove(struct neighbour *n, uint32_t id);
uint32_t summary_slot(const struct neighbour *n, uint32_t id); /* NEIGHBOUR_NO_SLOT: not there */
void summary_hurry(struct neighbour *n, int full, uint64_t now_us); /* a round at once */
void summary_tick(struct neighbour *n, uint64_t now_us);

/* neighbour_input.c */
void input_heard(struct neighbour *n, uint64_t now_us);        /* n lives */

/* neighbour_hello.c */
void hello_input(struct neighbour *n, const struct rsvp_hello *hello, uint64_t now_us);
void hello_tick(struct neighbour *n, uint64_t now_us);
uint64_t hello_next(const struct neighbour *n);

#endif
