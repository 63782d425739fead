/*
 * Server-sent events (the HTML standard, section 9.2) over evhttp's chunked replies.
 *
 * The connection can go at any moment, also while a caller of ours walks a list of streams. So libevent's close callback
 * only notes it and wakes `end`, an event of our own; that one, from the loop, tells the owner and frees. A reader that is
 * too slow goes the same way.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "gatekeeper/stream.h"

#define MAX_UNREAD_INPUT 4096

struct stream {
	struct evhttp_connection *connection; /* NULL: gone */
	struct evhttp_request *request;
	struct event *end;
	size_t max_queue;
	int dropped, ending;
	stream_ended_fn *ended;
	void *ctx;
};

static void wake_end(struct stream *stream)
{
	stream->ending = 1;
	event_active(stream->end, EV_TIMEOUT, 0);
}

static void on_close(struct evhttp_connection *connection, void *arg)
{
	struct stream *stream = arg;

	/* A connection that failed leaves us a request under way without one, to be ended; else it takes it along. */
	if (!evhttp_request_get_connection(stream->request))
		evhttp_send_reply_end(stream->request);
	stream->connection = NULL;
	stream->request = NULL;
	wake_end(stream);
}

static void drop_connection(struct stream *stream)
{
	struct evhttp_connection *connection = stream->connection;

	if (!connection)
		return;
	stream->connection = NULL;
	stream->request = NULL;
	evhttp_connection_set_closecb(connection, NULL, NULL);
	evhttp_connection_free(connection);
}

static void destroy(struct stream *stream)
{
	drop_connection(stream);
	event_free(stream->end);
	free(stream);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct stream *stream = arg;

	drop_connection(stream);
	stream->ended(stream->ctx, stream, stream->dropped);
	destroy(stream);
}

static void set_limits(struct evhttp_connection *connection)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(connection);
	struct timeval write = {3 * STREAM_KEEPALIVE_S, 0};

	evhttp_connection_set_timeout(connection, 0);
	bufferevent_set_timeouts(bev, NULL, &write);
	bufferevent_setwatermark(bev, EV_READ, 0, MAX_UNREAD_INPUT);
}

struct stream *stream_open(struct event_base *base, struct evhttp_request *request, size_t max_queue,
			   stream_ended_fn *ended, void *ctx)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	if (stream)
		stream->end = event_new(base, -1, 0, on_end, stream);
	if (!stream || !stream->end) {
		free(stream);
		evhttp_send_error(request, 503, NULL);
		return NULL;
	}
	stream->request = request;
	stream->connection = evhttp_request_get_connection(request);
	stream->max_queue = max_queue;
	stream->ended = ended;
	stream->ctx = ctx;
	evhttp_connection_set_closecb(stream->connection, on_close, stream);
	evhttp_add_header(headers, "Content-Type", "text/event-stream");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Accel-Buffering", "no");
	evhttp_send_reply_start(request, 200, "OK");
	set_limits(stream->connection);
	stream_keepalive(stream);
	return stream;
}

size_t stream_queued(const struct stream *stream)
{
	struct bufferevent *bev;

	if (!stream->connection)
		return 0;
	bev = evhttp_connection_get_bufferevent(stream->connection);
	return evbuffer_get_length(bufferevent_get_output(bev));
}

static void push(struct stream *stream, struct evbuffer *text)
{
	if (stream->ending || !stream->connection)
		return;
	if (stream_queued(stream) + evbuffer_get_length(text) > stream->max_queue) {
		stream->dropped = 1;
		wake_end(stream);
		return;
	}
	evhttp_send_reply_chunk(stream->request, text);
}

void stream_send(struct stream *stream, const char *event, const char *data)
{
	struct evbuffer *text;

	if (stream->ending || !(text = evbuffer_new()))
		return;
	evbuffer_add_printf(text, "event: %s\n", event);
	for (;;) { /* a line feed in the data would end the field */
		size_t line = strcspn(data, "\r\n");

		evbuffer_add_printf(text, "data: ");
		evbuffer_add(text, data, line);
		evbuffer_add(text, "\n", 1);
		data += line;
		if (!*data)
			break;
		data++;
	}
	evbuffer_add(text, "\n", 1);
	push(stream, text);
	evbuffer_free(text);
}

void stream_send_json(struct stream *stream, const char *event, const json_t *data)
{
	char *text = stream->ending ? NULL : json_dumps(data, JSON_COMPACT);

	if (text)
		stream_send(stream, event, text);
	free(text);
}

void stream_keepalive(struct stream *stream)
{
	struct evbuffer *text = evbuffer_new();

	if (!text)
		return;
	evbuffer_add_printf(text, ": still here\n\n");
	push(stream, text);
	evbuffer_free(text);
}

void stream_close(struct stream *stream)
{
	if (stream)
		destroy(stream);
}
