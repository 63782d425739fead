/*
 * Which sequence numbers of a sender were seen (RFC 2747 section 4.2): everything up to some point, and of the last
 * REPLAY_WINDOW before the newest each by itself, so that what was reordered on the way is taken, once.
 */
#ifndef ICORP_SIGNALD_REPLAY_H
#define ICORP_SIGNALD_REPLAY_H

#include <stdint.h>

/* Two batches of datagrams, sent over two sockets, may change places. */
#define REPLAY_WINDOW 1024

struct replay {
	uint64_t newest;
	uint64_t seen[REPLAY_WINDOW / 64]; /* a ring: number n is bit n % REPLAY_WINDOW */
};

enum replay_verdict {
	REPLAY_FRESH,      /* not seen before; it is now */
	REPLAY_SEEN,
	REPLAY_OLD,        /* before the window: perhaps seen */
};

/* All up to and with `newest` counts as seen. */
void replay_open(struct replay *replay, uint64_t newest);
enum replay_verdict replay_take(struct replay *replay, uint64_t sequence);

#endif
