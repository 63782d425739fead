/*
 * One stream of server-sent events to one caller. What the caller does not read is queued up to a bound; beyond it the
 * stream is dropped, so a slow reader costs a fixed amount and delays nobody.
 */
#ifndef ICORP_GATEKEEPER_STREAM_H
#define ICORP_GATEKEEPER_STREAM_H

#include <jansson.h>
#include <stddef.h>

struct event_base;
struct evhttp_request;
struct stream;

#define STREAM_KEEPALIVE_S 15

/* Called once, from the loop and never from within another stream call, when the stream has ended by itself (the
 * caller went, or was dropped as too slow). The stream is freed after it returns. */
typedef void stream_ended_fn(void *ctx, struct stream *stream, int dropped);

/* Answers the request with 200 text/event-stream and keeps it open. The request is the stream's from now on, also on
 * failure (then it is answered 503). NULL when out of memory. */
struct stream *stream_open(struct event_base *base, struct evhttp_request *request, size_t max_queue,
			   stream_ended_fn *ended, void *ctx);
/* Sends one event. Nothing happens on a stream that is about to end. */
void stream_send(struct stream *stream, const char *event, const char *data);
void stream_send_json(struct stream *stream, const char *event, const json_t *data);
/* A comment line: keeps what is between us from closing an idle connection. */
void stream_keepalive(struct stream *stream);
size_t stream_queued(const struct stream *stream);
/* Ends it now; `ended` is not called. NULL is fine. */
void stream_close(struct stream *stream);

#endif
