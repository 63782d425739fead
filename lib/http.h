/*
 * An HTTP client in the event loop, over libcurl's multi interface: plain requests, and streams of
 * server-sent events that reconnect by themselves with capped, jittered backoff.
 */
#ifndef ICORP_LIB_HTTP_H
#define ICORP_LIB_HTTP_H

#include <stddef.h>

struct event_base;
struct http_client;
struct http_request;

struct http_options {
	const char *token;    /* bearer token or NULL */
	const char *ca_file;  /* NULL: the system's */
	int timeout_ms;       /* per request; 0: 10 s */
	size_t max_body;      /* larger answers fail; 0: 1 MiB */
};

struct http_client *http_client_new(struct event_base *base, const struct http_options *options);
/* Cancels everything under way; no callback runs afterwards. */
void http_client_free(struct http_client *client);

/* status 0: no answer, error says why. body is NUL-terminated, valid during the call only. */
typedef void http_done_fn(void *ctx, int status, const char *body, size_t len, const char *error);

/* method "GET", "POST", …; body may be NULL. The callback runs exactly once, never before the return,
 * unless cancelled. NULL and errno on failure. */
struct http_request *http_send(struct http_client *client, const char *method, const char *url,
			       const char *content_type, const void *body, size_t len, http_done_fn *done,
			       void *ctx);
void http_cancel(struct http_request *request);

/*
 * Holds a text/event-stream open. event gets each event's name ("message" by default) and data;
 * state gets 1 on connection, 0 with the reason on loss (once per loss). Reconnects until cancelled,
 * backoff 0.5 s doubling to 15 s, reset by the first event. No data for 3 keep-alive periods (45 s) is a loss.
 */
typedef void http_event_fn(void *ctx, const char *event, const char *data, size_t len);
typedef void http_state_fn(void *ctx, int connected, const char *why);
struct http_request *http_stream(struct http_client *client, const char *url, http_event_fn *event,
				 http_state_fn *state, void *ctx);

/* Downloads url into fd, following at most 5 redirects, http and https only, at most max bytes; blocking.
 * 0, or -errno with a reason in why. (For the agent's client applications.) */
int http_download(const char *url, int fd, size_t max, int timeout_ms, char *why, size_t room);

#endif
