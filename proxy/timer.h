/*
 * Deadlines of everything in the proxy (connections, sessions, ejections, probes): entries hold absolute
 * deadlines in one heap (lib/heap), one libevent timer waits for the next, on lib/clock's time.
 */
#ifndef ICORP_PROXY_TIMER_H
#define ICORP_PROXY_TIMER_H

#include "lib/heap.h"

struct event_base;
struct timers;

/* Embedded in its owner, zeroed; fire is set once. */
struct timer {
	struct heap_entry entry;
	void (*fire)(struct timer *timer, uint64_t now_us);
};

/* max_wait_us: look at the clock at least that often (0: only when due), for clocks that are warped. NULL and
 * errno on failure. */
struct timers *timers_new(struct event_base *base, uint64_t max_wait_us);
/* Entries still set are forgotten. NULL is fine. */
void timers_free(struct timers *timers);
/* Sets or moves the deadline. fire runs from the loop, never from here; the timer is not set while it runs.
 * 0 or -ENOMEM. */
int timer_set(struct timers *timers, struct timer *timer, uint64_t deadline_us);
void timer_cancel(struct timers *timers, struct timer *timer);
/* Fires what is due at now (the loop does it; tests may). */
void timers_run(struct timers *timers, uint64_t now_us);

#endif
