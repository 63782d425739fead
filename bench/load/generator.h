/*
 * Plays everything around the router under test: the leader upstream, the endpoint downstream. A setup is a Path from
 * upstream, the router's Path downstream, the endpoint's Resv, and the router's Resv upstream: RFC 4883's QoS session
 * being established, with the router in the middle (transit). A window of them is outstanding at a time, so that
 * nothing queues but what the router has not read yet (RFC 4883's loss-free condition).
 */
#ifndef BENCH_LOAD_GENERATOR_H
#define BENCH_LOAD_GENERATOR_H

#include "bench/load/docs.h"
#include "bench/load/neighbour.h"
#include "bench/load/world.h"

enum slot_state { SLOT_NONE, SLOT_ASKED, SLOT_ANSWERED, SLOT_UP, SLOT_TEARING, SLOT_FAILED };

struct slot {                   /* one session */
	uint64_t start_us, next_us; /* outstanding: asked first, asked again */
	uint32_t path_id, resv_id, lih, at; /* at: where in the window */
	uint8_t state, path_acked, resv_acked, tries, moved;
};

struct generator {
	struct neighbour up, down, spare;
	struct docs *docs;
	int announce;               /* Paths carry the contract */
	unsigned refresh_ms;        /* R, as our messages say it */
	unsigned retry_ms;          /* what is not answered is sent again after that long */
	struct slot *slot; uint32_t n, room; /* session i is ICorp DOCS_FIRST + i; torn ones keep theirs */
	uint32_t *window; unsigned n_window;
	struct rsvp_msg path, resv, tear;
	unsigned hello_ms;          /* between the neighbours' HELLO REQUESTs; 0: none */
	uint64_t hello_us;          /* the last ones */
	uint32_t instance;          /* the router's, before its restart (Hello) */
	struct { uint64_t at_us; uint32_t path, resv; } refresh; /* of what is up: the next one of each */
	int refreshing;
	uint32_t *latency_us; size_t n_latency; /* of the last generator_setup, when given; owned by the caller */
	uint64_t up_count, failed, retries; /* sessions that came up, that were refused; messages sent again */
	uint64_t lapsed, last_lapsed_us;    /* the router tore downstream what nobody tore upstream */
	uint64_t moved, last_moved_us;      /* the router's Path came to the spare neighbour */
};

/* Opens the neighbours of a chain. plain: RFC 2205 only. 0, or -1 after having said why. */
int generator_open(struct generator *g, struct docs *docs, enum world_chain chain, unsigned routers, int raw,
		   int plain);
void generator_close(struct generator *g);

/* `count` new sessions, `window` outstanding. How many are up before the deadline. */
uint32_t generator_setup(struct generator *g, uint32_t count, unsigned window, uint64_t deadline_us);
/* Asks for all once more, as neighbours do when the router lost its memory. How many are up again in time. */
uint32_t generator_again(struct generator *g, unsigned window, uint64_t deadline_us);
/* Tears the last `count` sessions. How many of them the router tore downstream. */
uint32_t generator_tear(struct generator *g, uint32_t count, unsigned window, uint64_t deadline_us);
/* Refreshes what is up, and answers, until then or until done() says so. */
void generator_run(struct generator *g, uint64_t until_us, int (*done)(const struct generator *g));

#endif
