/*
 * curl's multi handle in libevent's loop (curl_multi_socket_action(3)): curl asks for sockets to be watched (on_curl_socket)
 * and for one timer (on_curl_timer); their events go back in through turn().
 *
 * Nothing is told from inside curl: its callbacks only collect (http_on_data) or note (collect), and the event
 * `deliver` tells from the loop afterwards. So a callback of the user may send, cancel and even free the client.
 *
 *   plain:   RUNNING -> FINISHED -> done() once -> gone
 *   stream:  WAITING -(timer)-> RUNNING -> FINISHED -(loss told)-> WAITING …, until cancelled
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/http_request.h"

#define TIMEOUT_MS 10000
#define MAX_BODY (1u << 20)
#define SILENCE_S 45
#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 15000

static void tell_soon(struct http_client *client)
{
	event_active(client->deliver, EV_TIMEOUT, 0);
}

static void unlink_request(struct http_request *r)
{
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	r->at = NULL;
}

static void link_request(struct http_client *client, struct http_request *r)
{
	struct http_request **at = &client->requests;

	while (*at) /* at the end: who asked first is told first */
		at = &(*at)->next;
	r->next = NULL;
	r->at = at;
	*at = r;
}

static long status_of(const struct http_request *r)
{
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static void silence(struct http_request *r)
{
	event_add(r->timer, &(struct timeval){ .tv_sec = SILENCE_S });
}

size_t http_on_data(char *data, size_t size, size_t n, void *arg)
{
	struct http_request *r = arg;
	size_t len = size * n, max = r->event ? SSE_MAX : r->client->options.max_body;

	if (r->len + len > max) {
		r->too_long = 1;
		return 0;
	}
	if (r->len + len >= r->room) {
		size_t room = 2 * (r->len + len) + 256;
		char *body = realloc(r->body, room);

		if (!body)
			return 0;
		r->body = body;
		r->room = room;
	}
	memcpy(r->body + r->len, data, len);
	r->len += len;
	r->body[r->len] = 0;
	if (r->event) {
		silence(r);
		tell_soon(r->client);
	}
	return len;
}

size_t http_on_header(char *data, size_t size, size_t n, void *arg)
{
	struct http_request *r = arg;

	if (size * n == 2 && data[0] == '\r' && status_of(r) / 100 == 2) { /* the end of the headers */
		r->open = 1;
		silence(r);
		tell_soon(r->client);
	}
	return size * n;
}

static void finish(struct http_request *r, CURLcode result)
{
	curl_multi_remove_handle(r->client->multi, r->easy);
	if (r->timer)
		event_del(r->timer);
	r->state = HTTP_FINISHED;
	r->result = result;
	tell_soon(r->client);
}

/* Notes the transfers curl is done with. */
static void collect(struct http_client *client)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(client->multi, &left))) {
		CURLcode result = msg->data.result; /* msg dies with the removal */
		struct http_request *r = NULL;

		if (msg->msg == CURLMSG_DONE && !curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&r) && r)
			finish(r, result);
	}
}

static void turn(struct http_client *client, curl_socket_t fd, int what)
{
	int running;

	curl_multi_socket_action(client->multi, fd, what, &running);
	collect(client);
}

static void on_socket_event(evutil_socket_t fd, short what, void *arg)
{
	turn(arg, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	turn(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long ms, void *arg)
{
	struct http_client *client = arg;

	if (ms < 0)
		event_del(client->timer);
	else
		event_add(client->timer, &(struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 });
	return 0;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
	struct http_client *client = arg;
	struct event *event = socket;
	short kind = EV_PERSIST;

	if (event) {
		curl_multi_assign(client->multi, fd, NULL);
		event_free(event);
	}
	if (what == CURL_POLL_REMOVE)
		return 0;
	kind |= (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
	event = event_new(client->base, fd, kind, on_socket_event, client);
	if (!event || event_add(event, NULL)) {
		if (event)
			event_free(event);
		return -1;
	}
	curl_multi_assign(client->multi, fd, event);
	return 0;
}

static void on_event(void *arg, const char *event, const char *data, size_t len)
{
	struct http_client *client = arg;
	struct http_request *r = client->current;

	if (!r)
		return; /* cancelled by the event before */
	r->backoff_ms = BACKOFF_MIN_MS;
	r->event(r->ctx, event, data, len);
}

/* Tells the events received so far. What a stream's parser holds is moved out of the request for the time, because a callback
 * may cancel it. */
static void tell_events(struct http_client *client, struct http_request *r)
{
	struct sse sse = r->sse;
	char *body = r->body;
	size_t len = r->len;
	int error;

	memset(&r->sse, 0, sizeof(r->sse));
	r->body = NULL;
	r->len = r->room = 0;
	error = sse_feed(&sse, body, len, on_event, client);
	free(body);
	if (!client->current) {
		sse_clear(&sse);
		return;
	}
	r->sse = sse;
	if (error && r->state == HTTP_RUNNING) {
		r->too_long = 1;
		finish(r, CURLE_WRITE_ERROR);
	}
}

/* Waits [0.5, 1] of the backoff, which then doubles. */
static void retry_later(struct http_request *r)
{
	unsigned jitter = 0;
	unsigned long ms;

	if (getrandom(&jitter, sizeof(jitter), GRND_NONBLOCK) < 0)
		jitter = 0; /* then they all come at once: no harm to us */
	ms = r->backoff_ms / 2 + jitter % (r->backoff_ms / 2 + 1);
	r->backoff_ms = r->backoff_ms * 2 < BACKOFF_MAX_MS ? r->backoff_ms * 2 : BACKOFF_MAX_MS;
	r->state = HTTP_WAITING;
	r->open = r->connected = r->too_long = 0;
	r->error[0] = 0;
	r->len = 0;
	sse_clear(&r->sse);
	event_add(r->timer, &(struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 });
}

static void tell_loss(struct http_request *r)
{
	long status = status_of(r);
	const char *failure = http_failure(r);
	int first = !r->lost;
	char why[CURL_ERROR_SIZE];

	if (status && status / 100 != 2)
		snprintf(why, sizeof(why), "the server answered with status %ld", status);
	else
		snprintf(why, sizeof(why), "%s", failure ? failure : "the server closed the stream");
	r->lost = 1;
	retry_later(r);
	if (first && r->told)
		r->told(r->ctx, 0, why);
}

static void tell_stream(struct http_client *client, struct http_request *r)
{
	if (r->open && !r->connected) {
		r->connected = 1;
		r->lost = 0;
		if (r->told)
			r->told(r->ctx, 1, NULL);
	}
	if (client->current && r->connected && r->len)
		tell_events(client, r);
	if (!client->current)
		return;
	r->len = 0; /* what is left is no stream's */
	if (r->state == HTTP_FINISHED)
		tell_loss(r);
}

static void tell_done(struct http_request *r)
{
	const char *why = http_failure(r);
	long status = why ? 0 : status_of(r);

	unlink_request(r);
	if (!why && !status)
		why = "no status";
	r->done(r->ctx, (int)status, why ? NULL : r->body ? r->body : "", why ? 0 : r->len, why);
	http_request_destroy(r);
}

static struct http_request *to_tell(struct http_client *client)
{
	struct http_request *r = client->requests;

	while (r && r->state != HTTP_FINISHED && !(r->event && (r->len || r->open > r->connected)))
		r = r->next;
	return r;
}

static void client_destroy(struct http_client *client)
{
	while (client->requests)
		http_cancel(client->requests);
	if (client->multi)
		curl_multi_cleanup(client->multi);
	if (client->timer)
		event_free(client->timer);
	if (client->deliver)
		event_free(client->deliver);
	free((char *)client->options.token);
	free((char *)client->options.ca_file);
	free(client);
}

static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *client = arg;
	struct http_request *r;

	client->telling = 1;
	while (!client->dead && (r = to_tell(client))) {
		if (r->event) {
			client->current = r;
			tell_stream(client, r);
			client->current = NULL;
		} else {
			tell_done(r);
		}
	}
	client->telling = 0;
	if (client->dead)
		client_destroy(client);
}

static void on_stream_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http_request *r = arg;

	if (r->state == HTTP_RUNNING) {
		snprintf(r->error, sizeof(r->error), "nothing heard for %d s", SILENCE_S);
		finish(r, CURLE_OPERATION_TIMEDOUT);
		return;
	}
	r->state = HTTP_RUNNING;
	silence(r);
	if (curl_multi_add_handle(r->client->multi, r->easy)) {
		r->state = HTTP_FINISHED;
		r->result = CURLE_FAILED_INIT;
		tell_soon(r->client);
	}
}

static int copy_options(struct http_client *client, const struct http_options *from)
{
	struct http_options *o = &client->options;

	if (from)
		*o = *from;
	o->token = from && from->token ? strdup(from->token) : NULL;
	o->ca_file = from && from->ca_file ? strdup(from->ca_file) : NULL;
	o->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS;
	o->max_body = o->max_body ? o->max_body : MAX_BODY;
	return from && ((from->token && !o->token) || (from->ca_file && !o->ca_file)) ? -ENOMEM : 0;
}

struct http_client *http_client_new(struct event_base *base, const struct http_options *options)
{
	struct http_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->base = base;
	client->multi = curl_multi_init();
	client->timer = evtimer_new(base, on_timer, client);
	client->deliver = event_new(base, -1, 0, on_deliver, client);
	if (copy_options(client, options) || !client->multi || !client->timer || !client->deliver ||
	    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket) ||
	    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client) ||
	    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer) ||
	    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client)) {
		client_destroy(client);
		errno = ENOMEM;
		return NULL;
	}
	return client;
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	if (!client->telling) {
		client_destroy(client);
		return;
	}
	while (client->requests)
		http_cancel(client->requests);
	client->dead = 1;
}

static struct http_request *request_new(struct http_client *client, void *ctx)
{
	struct http_request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->client = client;
	r->ctx = ctx;
	r->backoff_ms = BACKOFF_MIN_MS;
	return r;
}

struct http_request *http_send(struct http_client *client, const char *method, const char *url, const char *content_type,
			       const void *body, size_t len, http_done_fn *done, void *ctx)
{
	struct http_request *r = request_new(client, ctx);
	int e;

	if (!r)
		return NULL;
	r->done = done;
	e = http_easy_new(r, method, url, content_type, body, len);
	if (!e && curl_multi_add_handle(client->multi, r->easy))
		e = -ENOMEM;
	if (e) {
		http_request_destroy(r);
		errno = -e;
		return NULL;
	}
	r->state = HTTP_RUNNING;
	link_request(client, r);
	return r;
}

struct http_request *http_stream(struct http_client *client, const char *url, http_event_fn *event, http_state_fn *state,
				 void *ctx)
{
	struct http_request *r = request_new(client, ctx);
	int e;

	if (!r)
		return NULL;
	r->event = event;
	r->told = state;
	e = http_easy_new(r, "GET", url, NULL, NULL, 0);
	if (!e && !(r->timer = evtimer_new(client->base, on_stream_timer, r)))
		e = -ENOMEM;
	if (e) {
		http_request_destroy(r);
		errno = -e;
		return NULL;
	}
	r->state = HTTP_WAITING;
	event_active(r->timer, EV_TIMEOUT, 0);
	link_request(client, r);
	return r;
}

void http_cancel(struct http_request *request)
{
	struct http_client *client;

	if (!request)
		return;
	client = request->client;
	if (client->current == request)
		client->current = NULL;
	if (request->state == HTTP_RUNNING)
		curl_multi_remove_handle(client->multi, request->easy);
	unlink_request(request);
	http_request_destroy(request);
}
