/*
 * Inside the HTTP client: what http.c (the loop around curl's multi handle) and http_request.c (one transfer) share.
 */
#ifndef ICORP_LIB_HTTP_REQUEST_H
#define ICORP_LIB_HTTP_REQUEST_H

#include <curl/curl.h>
#include <event2/event.h>

#include "lib/http.h"
#include "lib/sse.h"

/* WAITING between attempts (streams only), RUNNING in the multi handle, FINISHED with the answer not yet told. */
enum http_state { HTTP_WAITING, HTTP_RUNNING, HTTP_FINISHED };

struct http_request {
	struct http_request *next, **at;
	struct http_client *client;
	enum http_state state;
	CURL *easy;
	CURLcode result;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	char *body; size_t len, room;    /* received and not yet told */
	int too_long;

	http_done_fn *done;              /* a plain request */

	http_event_fn *event;            /* a stream */
	http_state_fn *told;
	struct event *timer;             /* WAITING: the next attempt; RUNNING: silence */
	struct sse sse;
	int open, connected, lost;       /* headers are in; that was told; a loss was told */
	unsigned backoff_ms;
	void *ctx;
};

struct http_client {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;             /* curl's own */
	struct event *deliver;           /* something to tell */
	struct http_request *requests;
	struct http_options options;     /* strings owned */
	int telling, dead;               /* freed from a callback: goes when the callback is over */
	struct http_request *current;    /* being told about; NULL once it was cancelled */
};

/* Sets what every transfer has in common. 0 or -1. */
int http_easy_common(CURL *easy, const char *url, const char *ca_file, int redirects);
/* Makes the easy handle of a request. 0 or -errno. */
int http_easy_new(struct http_request *request, const char *method, const char *url, const char *content_type,
		  const void *body, size_t len);
/* Frees a request that is in no list and no multi handle. */
void http_request_destroy(struct http_request *request);
/* Why the finished transfer failed, or NULL. */
const char *http_failure(const struct http_request *request);
/* In http.c: curl's callbacks. */
size_t http_on_data(char *data, size_t size, size_t n, void *arg);
size_t http_on_header(char *data, size_t size, size_t n, void *arg);

#endif
