/*
 * How many connections there are and how long each may take to ask something: evhttp itself would wait for as many slow
 * talkers as there are file descriptors.
 */
#ifndef ICORP_GATEKEEPER_CONNS_H
#define ICORP_GATEKEEPER_CONNS_H

#include <stddef.h>
#include <stdint.h>

struct bufferevent;
struct conns;
struct evconnlistener;
struct event_base;

/* Stops accepting at `max` connections and goes on when there are fewer; one that has not completed a request within
 * `patience_s` of connecting is closed. NULL when out of memory. */
struct conns *conns_new(struct event_base *base, struct evconnlistener *listener, size_t max, unsigned patience_s,
			uint64_t *accepted, uint64_t *dropped);
void conns_free(struct conns *conns);
/* Takes note of a new connection's bufferevent; keeps a reference until evhttp has let it go. */
void conns_add(struct conns *conns, struct bufferevent *bev);
/* It has asked something. */
void conns_asked(struct conns *conns, struct bufferevent *bev);
size_t conns_count(const struct conns *conns);

#endif
