/*
 * One transfer: the curl easy handle as we want it (http and https only, no signals, a bearer token, capped times), and the
 * blocking download, which needs no loop.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/http_request.h"

#define CONNECT_MS 5000L

#if LIBCURL_VERSION_NUM >= 0x075500
#define SET_PROTOCOLS(easy) (curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") || \
			     curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https"))
#else
#define SET_PROTOCOLS(easy) (curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS) || \
			     curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS))
#endif

int http_easy_common(CURL *easy, const char *url, const char *ca_file, int redirects)
{
	return SET_PROTOCOLS(easy) || curl_easy_setopt(easy, CURLOPT_URL, url) ||
	       curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) || curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) ||
	       curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, redirects ? 1L : 0L) ||
	       curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)redirects) ||
	       curl_easy_setopt(easy, CURLOPT_USERAGENT, "icorp") ||
	       (ca_file && curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file)) ? -1 : 0;
}

/* Appends "name: value" to the request's headers. */
static int header(struct http_request *r, const char *name, const char *value)
{
	struct curl_slist *more;
	char *line;

	if (strpbrk(value, "\r\n"))
		return -EINVAL;
	if (asprintf(&line, "%s: %s", name, value) < 0)
		return -ENOMEM;
	more = curl_slist_append(r->headers, line);
	free(line);
	if (!more)
		return -ENOMEM;
	r->headers = more;
	return 0;
}

static int set_headers(struct http_request *r, const char *content_type)
{
	const char *token = r->client->options.token;
	char *bearer = NULL;
	int e = r->event ? header(r, "Accept", "text/event-stream") : 0;

	if (!e && content_type)
		e = header(r, "Content-Type", content_type);
	if (!e && token) {
		e = asprintf(&bearer, "Bearer %s", token) < 0 ? -ENOMEM : header(r, "Authorization", bearer);
		free(bearer);
	}
	/* curl would wait a second for a 100 before a larger body, and guess a type */
	if (!e)
		e = header(r, "Expect", "");
	return e;
}

static int set_body(struct http_request *r, const char *method, const void *body, size_t len)
{
	CURL *easy = r->easy;

	if (!strcmp(method, "HEAD"))
		return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	/* the size first: COPYPOSTFIELDS copies that much */
	if ((body || !strcmp(method, "POST") || !strcmp(method, "PUT")) &&
	    (curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(body ? len : 0)) ||
	     curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body ? body : "")))
		return -1;
	return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

int http_easy_new(struct http_request *r, const char *method, const char *url, const char *content_type, const void *body,
		  size_t len)
{
	const struct http_options *o = &r->client->options;
	int e;

	r->easy = curl_easy_init();
	if (!r->easy)
		return -ENOMEM;
	e = set_headers(r, content_type);
	if (e)
		return e;
	if (http_easy_common(r->easy, url, o->ca_file, 0) || set_body(r, method, body, len) ||
	    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers) || curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r) ||
	    curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->error) ||
	    curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, http_on_data) ||
	    curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r) ||
	    (r->event && (curl_easy_setopt(r->easy, CURLOPT_HEADERFUNCTION, http_on_header) ||
			  curl_easy_setopt(r->easy, CURLOPT_HEADERDATA, r))) ||
	    (!r->event && curl_easy_setopt(r->easy, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms)))
		return -EINVAL;
	return 0;
}

void http_request_destroy(struct http_request *r)
{
	if (r->timer)
		event_free(r->timer);
	curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->headers);
	sse_clear(&r->sse);
	free(r->body);
	free(r);
}

const char *http_failure(const struct http_request *r)
{
	if (r->result == CURLE_OK)
		return NULL;
	if (r->too_long)
		return "the answer is too long";
	return *r->error ? r->error : curl_easy_strerror(r->result);
}

struct download { int fd; size_t left; int error; };

static size_t write_out(char *data, size_t size, size_t n, void *arg)
{
	struct download *d = arg;
	size_t len = size * n;

	if (len > d->left) {
		d->error = -EFBIG;
		return 0;
	}
	d->left -= len;
	while (len) {
		ssize_t w = write(d->fd, data, len);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			d->error = w ? -errno : -EIO;
			return 0;
		}
		data += w;
		len -= (size_t)w;
	}
	return size * n;
}

static int download_error(CURLcode code, const struct download *d)
{
	if (d->error)
		return d->error;
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_FILESIZE_EXCEEDED:
		return -EFBIG;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
		return -EINVAL;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return -EHOSTUNREACH;
	case CURLE_HTTP_RETURNED_ERROR:
		return -ENOENT;
	default:
		return -EIO;
	}
}

int http_download(const char *url, int fd, size_t max, int timeout_ms, char *why, size_t room)
{
	struct download d = { .fd = fd, .left = max };
	char text[CURL_ERROR_SIZE] = "";
	CURL *easy = curl_easy_init();
	CURLcode code = CURLE_OUT_OF_MEMORY;
	int r;

	if (easy && !http_easy_common(easy, url, NULL, 5) && !curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, text) &&
	    !curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L) && !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_out) &&
	    !curl_easy_setopt(easy, CURLOPT_WRITEDATA, &d) && !curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms) &&
	    !curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)max))
		code = curl_easy_perform(easy);
	curl_easy_cleanup(easy);
	r = download_error(code, &d);
	if (r == -EFBIG)
		snprintf(why, room, "%s: longer than %zu bytes", url, max);
	else if (d.error)
		snprintf(why, room, "%s: writing: %s", url, strerror(-r));
	else if (r)
		snprintf(why, room, "%s: %s", url, *text ? text : curl_easy_strerror(code));
	return r;
}
