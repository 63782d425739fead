/*
 * Long polling (waits.h). One timer event per waiting caller, of which there are few; waking one only makes its timer
 * fire now, so that no answer is written while the table of ICorps is being changed. evhttp does not read from a
 * connection it owes an answer, so a caller that goes away in between is noticed when it is answered.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "gatekeeper/waits.h"

#define MAX_WAITS 256

struct wait {
	struct waits *waits;
	struct evhttp_request *request;
	uint32_t icorp;
	struct event *timer;
	struct wait *next;
};

struct waits {
	struct gatekeeper *gk;
	waits_answer_fn *answer;
	struct wait *first;
	unsigned n;
};

int waits_new(struct gatekeeper *gk, waits_answer_fn *answer, struct waits **out)
{
	struct waits *waits = calloc(1, sizeof(*waits));

	if (!waits)
		return -ENOMEM;
	waits->gk = gk;
	waits->answer = answer;
	*out = waits;
	return 0;
}

static void forget(struct wait *wait)
{
	struct wait **at = &wait->waits->first;

	while (*at != wait)
		at = &(*at)->next;
	*at = wait->next;
	wait->waits->n--;
	event_free(wait->timer);
	free(wait);
}

void waits_free(struct waits *waits)
{
	if (!waits)
		return;
	while (waits->first)
		forget(waits->first);
	free(waits);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct wait *wait = arg;
	struct waits *waits = wait->waits;
	struct evhttp_request *request = wait->request;
	uint32_t icorp = wait->icorp;

	forget(wait);
	waits->answer(waits->gk, request, icorp);
}

int waits_add(struct waits *waits, struct evhttp_request *request, uint32_t icorp, unsigned seconds)
{
	struct timeval patience = {seconds < WAITS_MAX_S ? seconds : WAITS_MAX_S, 0};
	struct wait *wait;

	if (waits->n >= MAX_WAITS)
		return -EBUSY;
	wait = calloc(1, sizeof(*wait));
	if (!wait)
		return -EBUSY;
	wait->waits = waits;
	wait->request = request;
	wait->icorp = icorp;
	wait->timer = event_new(waits->gk->base, -1, 0, on_timer, wait);
	if (!wait->timer || event_add(wait->timer, &patience) < 0) {
		if (wait->timer)
			event_free(wait->timer);
		free(wait);
		return -EBUSY;
	}
	wait->next = waits->first;
	waits->first = wait;
	waits->n++;
	return 0;
}

void waits_wake(struct waits *waits, uint32_t icorp)
{
	for (struct wait *w = waits ? waits->first : NULL; w; w = w->next)
		if (w->icorp == icorp)
			event_active(w->timer, EV_TIMEOUT, 0);
}
