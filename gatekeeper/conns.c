/*
 * evhttp owns its connections and tells nobody when an idle one goes, so a reference is kept to each bufferevent handed
 * to it; one whose callbacks have been taken off is no longer evhttp's. Looked at once a second.
 */
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>

#include "gatekeeper/conns.h"
#include "lib/clock.h"

struct conn { struct bufferevent *bev; uint64_t since_us; int asked; };

struct conns {
	struct conn *conn;
	size_t n, max;
	int paused;
	uint64_t patience_us, *accepted, *dropped;
	struct evconnlistener *listener;
	struct event *sweep;
};

/* evhttp sets callbacks as long as the connection is its own. */
static int let_go(struct bufferevent *bev)
{
	bufferevent_event_cb event;

	bufferevent_getcb(bev, NULL, NULL, &event, NULL);
	return !event;
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct conns *conns = arg;
	uint64_t now = clock_now_us();

	for (size_t i = conns->n; i-- > 0;) {
		struct conn *c = &conns->conn[i];

		if (!let_go(c->bev) && !c->asked && c->since_us + conns->patience_us < now) {
			++*conns->dropped;
			c->asked = 1; /* only once */
			bufferevent_trigger_event(c->bev, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
		}
		if (let_go(c->bev)) {
			bufferevent_decref(c->bev);
			*c = conns->conn[--conns->n];
		}
	}
	if (conns->paused && conns->n < conns->max) {
		conns->paused = 0;
		evconnlistener_enable(conns->listener);
	}
}

struct conns *conns_new(struct event_base *base, struct evconnlistener *listener, size_t max, unsigned patience_s,
			uint64_t *accepted, uint64_t *dropped)
{
	struct conns *conns = calloc(1, sizeof(*conns));
	struct timeval second = {1, 0};

	if (!conns)
		return NULL;
	conns->conn = calloc(max, sizeof(*conns->conn));
	conns->sweep = event_new(base, -1, EV_PERSIST, on_sweep, conns);
	if (!conns->conn || !conns->sweep || event_add(conns->sweep, &second) < 0) {
		conns_free(conns);
		return NULL;
	}
	conns->max = max;
	conns->patience_us = patience_s * CLOCK_S;
	conns->listener = listener;
	conns->accepted = accepted;
	conns->dropped = dropped;
	return conns;
}

void conns_free(struct conns *conns)
{
	if (!conns)
		return;
	for (size_t i = 0; i < conns->n; i++)
		bufferevent_decref(conns->conn[i].bev);
	if (conns->sweep)
		event_free(conns->sweep);
	free(conns->conn);
	free(conns);
}

void conns_add(struct conns *conns, struct bufferevent *bev)
{
	++*conns->accepted;
	if (conns->n < conns->max) {
		bufferevent_incref(bev);
		conns->conn[conns->n++] = (struct conn){bev, clock_now_us(), 0};
	}
	if (conns->n == conns->max && !conns->paused) {
		conns->paused = 1;
		evconnlistener_disable(conns->listener);
	}
}

void conns_asked(struct conns *conns, struct bufferevent *bev)
{
	for (size_t i = 0; i < conns->n; i++)
		if (conns->conn[i].bev == bev)
			conns->conn[i].asked = 1;
}

size_t conns_count(const struct conns *conns)
{
	return conns->n;
}
