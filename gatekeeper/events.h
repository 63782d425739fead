/*
 * GET /v1/events: every change, to whoever listens (and may see it).
 */
#ifndef ICORP_GATEKEEPER_EVENTS_H
#define ICORP_GATEKEEPER_EVENTS_H

#include <jansson.h>

#include "gatekeeper/gatekeeper.h"
#include "gatekeeper/tokens.h"

struct element;
struct events;
struct evhttp_request;
struct icorp;

int events_new(struct gatekeeper *gk, struct events **out);
void events_free(struct events *events);
/* Opens a stream beginning with the present state. 0, or -EBUSY when there are too many (the request is not answered). */
int events_open(struct events *events, struct evhttp_request *request, const struct caller *who);
/* Tell the listeners. events may be NULL (while starting). */
void events_icorp(struct events *events, const struct icorp *icorp);
void events_element(struct events *events, const struct element *element);
void events_l2(struct events *events, const json_t *map);
void events_dns(struct events *events);
/* For show streams. New reference. */
json_t *events_json(const struct events *events);

#endif
