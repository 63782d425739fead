/*
 * See timer.h. Firing takes an entry out of the heap before its function runs, so the function may set it again,
 * cancel others, or free its owner. One turn fires at most TIMER_BURST entries, so that a mass of deadlines does
 * not hold up the traffic.
 */
#include "config.h"

#include "proxy/timer.h"

#include <event2/event.h>
#include <stdlib.h>

#include "lib/clock.h"

#define TIMER_BURST 256

struct timers {
	struct heap heap;
	struct event *event;
	uint64_t max_wait_us;
	uint64_t armed_us;   /* when the event will come; 0: not armed */
};

static struct timer *of_entry(struct heap_entry *entry)
{
	return (struct timer *)((char *)entry - offsetof(struct timer, entry));
}

/* Arms the event for the top of the heap. */
static void arm(struct timers *timers)
{
	struct heap_entry *top = heap_top(&timers->heap);
	uint64_t now, wait;

	if (!top) {
		timers->armed_us = 0;
		event_del(timers->event);
		return;
	}
	if (timers->armed_us && timers->armed_us <= top->key)
		return; /* it comes early enough: the run then arms anew */
	now = clock_now_us();
	wait = top->key > now ? top->key - now : 0;
	if (timers->max_wait_us && wait > timers->max_wait_us)
		wait = timers->max_wait_us;
	struct timeval tv = { (time_t)(wait / CLOCK_S), (suseconds_t)(wait % CLOCK_S) };

	timers->armed_us = now + wait ? now + wait : 1;
	event_add(timers->event, &tv);
}

void timers_run(struct timers *timers, uint64_t now_us)
{
	struct heap_entry *top;

	for (int i = 0; i < TIMER_BURST && (top = heap_top(&timers->heap)) && top->key <= now_us; i++) {
		struct timer *timer = of_entry(top);

		heap_remove(&timers->heap, top);
		timer->fire(timer, now_us);
	}
	timers->armed_us = 0;
	arm(timers);
}

static void on_event(evutil_socket_t fd, short what, void *ctx)
{
	timers_run(ctx, clock_now_us());
}

struct timers *timers_new(struct event_base *base, uint64_t max_wait_us)
{
	struct timers *timers = calloc(1, sizeof(*timers));

	if (!timers)
		return NULL;
	timers->max_wait_us = max_wait_us;
	timers->event = evtimer_new(base, on_event, timers);
	if (!timers->event) {
		free(timers);
		return NULL;
	}
	return timers;
}

void timers_free(struct timers *timers)
{
	if (!timers)
		return;
	event_free(timers->event);
	heap_free(&timers->heap);
	free(timers);
}

int timer_set(struct timers *timers, struct timer *timer, uint64_t deadline_us)
{
	int err = heap_set(&timers->heap, &timer->entry, deadline_us);

	if (!err)
		arm(timers);
	return err;
}

void timer_cancel(struct timers *timers, struct timer *timer)
{
	heap_remove(&timers->heap, &timer->entry);
}
