/*
 * Two controllers' neighbour modules and the wire between them, on a virtual clock. Each end's owner is the simplest
 * there can be: states are Paths numbered from 1 (the slot is the ICorp in the Path's SESSION), and it sends one again
 * when asked.
 */
#ifndef ICORP_TESTS_NEIGHBOUR_WORLD_H
#define ICORP_TESTS_NEIGHBOUR_WORLD_H

#include "signald/neighbour.h"

#define MS 1000ull
#define S 1000000ull
#define SLOTS 4096

struct world;

struct end {
	struct world *world;
	int which;
	struct neighbour_options options;
	struct neighbours *ns;
	struct neighbour *peer;
	/* as sender: what each state was last sent as (0: it is not there), and how often that was asked for */
	uint32_t sent_id[SLOTS];
	unsigned asked[SLOTS];
	/* as receiver */
	uint32_t got_id[SLOTS];
	unsigned got[SLOTS];            /* Paths delivered */
	unsigned refreshed[SLOTS];
	uint64_t refreshed_us[SLOTS];
	unsigned events[3];
	uint64_t event_us[3];
	unsigned out[21], out_bytes;    /* messages given to output, by type */
	struct rsvp_msg msg;            /* being sent or received */
};

struct packet { uint64_t at_us; int to; size_t len; uint8_t *bytes; };

struct world {
	uint64_t now_us, delay_us;
	struct end end[2];
	struct packet *wire; size_t first, n, room;
	/* 1: this message is lost. number counts all messages. NULL: none is. */
	int (*lose)(struct world *w, int to, const uint8_t *bytes, size_t len);
	uint64_t number, random;
	int cut;                        /* nothing arrives */
};

struct neighbour_options world_options(void);
struct world *world_new(struct neighbour_options options);
/* The same with Hello every 100 ms. */
struct world *world_watching(void);
void world_end(struct world *w);
/* Checks that every state of 0 is at 1, as last sent, and nothing is under way. */
void world_agree(struct world *w);
/* Lets time pass; whatever is due or arrives until then happens. */
void world_run(struct world *w, uint64_t for_us);
/* The end forgets all it knew and begins anew, with its sender's states (keep_states) or without. */
void world_restart(struct world *w, int which, int keep_states);
uint64_t world_random(struct world *w, uint64_t below);

/* Sends state slot's Path for the first time or again. The id. */
uint32_t end_send(struct end *e, uint32_t slot, unsigned flags);
void end_tear(struct end *e, uint32_t slot);
uint64_t end_count(const struct end *e, enum neighbour_counter counter);
void path_make(struct rsvp_msg *msg, uint8_t type, uint32_t slot);
void hello_make(struct rsvp_msg *msg, int ack, uint32_t source, uint32_t destination);
/* An Ack with n ids from `from` on; msg's vectors are used again. */
struct rsvp_msg acks_make(struct rsvp_msg msg, uint32_t epoch, uint32_t from, unsigned n, int nack);
/* Gives the end a message as if the other had sent it, and flushes. */
enum neighbour_verdict end_hears(struct end *e, const struct rsvp_msg *msg);

#endif
