/*
 * Fan-out of changes (events.h). An object is rendered once and only when somebody listens; each listener has a bounded
 * queue (stream.c), so one that does not read is dropped and comes back for the present state.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/dns.h"
#include "gatekeeper/elements.h"
#include "gatekeeper/events.h"
#include "gatekeeper/icorps.h"
#include "gatekeeper/l2map.h"
#include "gatekeeper/stream.h"
#include "lib/clock.h"
#include "lib/log.h"

#define MAX_QUEUE (4u << 20)

struct listener {
	struct events *events;
	struct stream *stream;
	struct caller who;
	uint64_t since_us;
	struct listener *next;
};

struct events {
	struct gatekeeper *gk;
	struct listener *first;
	unsigned n;
	struct event *keepalive;
};

static void forget(struct listener *listener)
{
	struct listener **at = &listener->events->first;

	while (*at != listener)
		at = &(*at)->next;
	*at = listener->next;
	listener->events->n--;
	free(listener);
}

static void on_ended(void *ctx, struct stream *stream, int dropped)
{
	struct listener *listener = ctx;

	if (dropped) {
		listener->events->gk->counts.streams_dropped++;
		log_msg(LOG_LEVEL_INFO, "events: %s dropped: it does not read", listener->who.name);
	}
	forget(listener);
}

static void on_keepalive(evutil_socket_t fd, short what, void *arg)
{
	struct events *events = arg;

	for (struct listener *l = events->first; l; l = l->next)
		stream_keepalive(l->stream);
}

int events_new(struct gatekeeper *gk, struct events **out)
{
	struct events *events = calloc(1, sizeof(*events));
	struct timeval every = {STREAM_KEEPALIVE_S, 0};

	if (!events)
		return -ENOMEM;
	events->gk = gk;
	events->keepalive = event_new(gk->base, -1, EV_PERSIST, on_keepalive, events);
	if (!events->keepalive || event_add(events->keepalive, &every) < 0) {
		free(events);
		return -ENOMEM;
	}
	*out = events;
	return 0;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	while (events->first) {
		stream_close(events->first->stream);
		forget(events->first);
	}
	event_free(events->keepalive);
	free(events);
}

static int may_see(const struct listener *listener, const char *client)
{
	return listener->who.kind != CALLER_CLIENT || !strcmp(listener->who.name, client);
}

static void send_new(struct listener *listener, const char *event, json_t *data)
{
	stream_send_json(listener->stream, event, data);
	json_decref(data);
}

static void send_present_state(struct listener *listener)
{
	struct gatekeeper *gk = listener->events->gk;
	struct element *e;
	struct icorp *icorp;

	for (size_t i = 0; (e = elements_nth(gk->elements, i)); i++)
		send_new(listener, "element", elements_json(gk, e));
	for (size_t i = 0; (icorp = icorps_nth(gk->icorps, i)); i++)
		if (may_see(listener, icorp->contract->client))
			send_new(listener, "icorp", icorps_json(gk, icorp));
	send_new(listener, "l2", l2map_json(gk->l2map));
	send_new(listener, "dns", dns_json(gk->dns));
}

int events_open(struct events *events, struct evhttp_request *request, const struct caller *who)
{
	struct listener *listener;

	if (events->n >= (unsigned)events->gk->config->max_streams)
		return -EBUSY;
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return -EBUSY;
	listener->events = events;
	listener->who = *who;
	listener->since_us = clock_now_us();
	listener->stream = stream_open(events->gk->base, request, MAX_QUEUE, on_ended, listener);
	if (!listener->stream) {
		free(listener);
		return 0; /* answered */
	}
	listener->next = events->first;
	events->first = listener;
	events->n++;
	events->gk->counts.streams_opened++;
	send_present_state(listener);
	return 0;
}

void events_icorp(struct events *events, const struct icorp *icorp)
{
	json_t *json;

	if (!events || !events->first)
		return;
	json = icorps_json(events->gk, icorp);
	for (struct listener *l = events->first; l; l = l->next)
		if (may_see(l, icorp->contract->client))
			stream_send_json(l->stream, "icorp", json);
	json_decref(json);
}

static void send_all(struct events *events, const char *event, const json_t *data)
{
	for (struct listener *l = events->first; l; l = l->next)
		stream_send_json(l->stream, event, data);
}

void events_element(struct events *events, const struct element *element)
{
	json_t *json;

	if (!events || !events->first)
		return;
	json = elements_json(events->gk, element);
	send_all(events, "element", json);
	json_decref(json);
}

void events_l2(struct events *events, const json_t *map)
{
	if (events)
		send_all(events, "l2", map);
}

void events_dns(struct events *events)
{
	json_t *json;

	if (!events || !events->first)
		return;
	json = dns_json(events->gk->dns);
	send_all(events, "dns", json);
	json_decref(json);
}

json_t *events_json(const struct events *events)
{
	json_t *list = json_array();

	for (struct listener *l = events->first; l; l = l->next)
		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "kind", "events", "who",
						      l->who.name[0] ? l->who.name : "anonymous", "age_ms",
						      (json_int_t)((clock_now_us() - l->since_us) / CLOCK_MS), "queued_bytes",
						      (json_int_t)stream_queued(l->stream)));
	return list;
}
