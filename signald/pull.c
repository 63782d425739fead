/* Serving and fetching contracts by digest. See pull.h. HTTP is libevent's. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "signald/pull.h"

#define PULL_TIMEOUT_S 5

struct fetch {
	struct fetch *next;
	struct pull *pull;
	struct evhttp_connection *connection;
	struct event *end;              /* frees it outside evhttp's own callback */
	struct in_addr from;
	uint8_t digest[SHA256_SIZE];
	struct contract *contract;
	char why[256];
};

struct pull {
	struct event_base *base;
	struct evhttp *server;
	const struct core *core;
	pull_fn *done;
	void *ctx;
	struct fetch *fetches;
};

static void serve(struct evhttp_request *req, void *ctx)
{
	const struct pull *pull = ctx;
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
	char hex[2 * SHA256_SIZE + 1], end;
	uint8_t digest[SHA256_SIZE];
	const struct contract *c = NULL;
	struct evbuffer *body;

	if (evhttp_request_get_command(req) != EVHTTP_REQ_GET) {
		evhttp_send_error(req, HTTP_BADMETHOD, "only GET");
		return;
	}
	if (path && sscanf(path, "/contract/%64[0-9a-f]%c", hex, &end) == 1 && strlen(hex) == 2 * SHA256_SIZE &&
	    !hex_decode(hex, digest, sizeof(digest)))
		c = core_contract_find(pull->core, digest);
	body = c ? evbuffer_new() : NULL;
	if (!body) {
		evhttp_send_error(req, HTTP_NOTFOUND, "no such contract here");
		return;
	}
	evbuffer_add(body, c->xml, c->xml_len);
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "application/xml");
	evhttp_send_reply(req, HTTP_OK, "OK", body);
	evbuffer_free(body);
}

int pull_new(struct event_base *base, const struct core *core, struct in_addr address, pull_fn *done, void *ctx,
	     struct pull **out, char *why, size_t room)
{
	struct pull *pull = calloc(1, sizeof(*pull));
	char text[ADDR_TEXT];

	if (!pull)
		return -ENOMEM;
	pull->base = base;
	pull->core = core;
	pull->done = done;
	pull->ctx = ctx;
	pull->server = evhttp_new(base);
	if (!pull->server || evhttp_bind_socket(pull->server, addr_text(address, text), RSVP_PORT)) {
		int r = errno ? -errno : -EADDRINUSE;

		snprintf(why, room, "TCP %s port %d: %s", text, RSVP_PORT, strerror(-r));
		pull_free(pull);
		return r;
	}
	evhttp_set_timeout(pull->server, PULL_TIMEOUT_S);
	evhttp_set_max_headers_size(pull->server, 4096);
	evhttp_set_max_body_size(pull->server, 0);
	evhttp_set_gencb(pull->server, serve, pull);
	*out = pull;
	return 0;
}

static void fetch_free(struct fetch *f)
{
	struct fetch **at = &f->pull->fetches;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	if (f->end)
		event_free(f->end);
	if (f->connection)
		evhttp_connection_free(f->connection);
	contract_unref(f->contract);
	free(f);
}

static void on_end(evutil_socket_t fd, short what, void *ctx)
{
	struct fetch *f = ctx;

	f->pull->done(f->pull->ctx, f->from, f->digest, f->contract, f->why);
	fetch_free(f);
}

/* The digest is of the canonical form, so what parses to it is what was meant, however it was spelt. */
static void take_answer(struct fetch *f, struct evhttp_request *req)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(body);
	struct contract_error error;

	if (evhttp_request_get_response_code(req) != HTTP_OK) {
		snprintf(f->why, sizeof(f->why), "the previous hop answers %d", evhttp_request_get_response_code(req));
		return;
	}
	if (contract_parse((const char *)evbuffer_pullup(body, -1), len, &f->contract, &error)) {
		snprintf(f->why, sizeof(f->why), "%.200s", error.text);
		return;
	}
	if (memcmp(f->contract->digest, f->digest, SHA256_SIZE)) {
		snprintf(f->why, sizeof(f->why), "its digest is another");
		contract_unref(f->contract);
		f->contract = NULL;
	}
}

static void on_answer(struct evhttp_request *req, void *ctx)
{
	struct fetch *f = ctx;

	if (req && evhttp_request_get_response_code(req))
		take_answer(f, req);
	else
		snprintf(f->why, sizeof(f->why), "no answer from the previous hop");
	event_active(f->end, EV_TIMEOUT, 1);
}

int pull_fetch(struct pull *pull, struct in_addr from, const uint8_t digest[SHA256_SIZE])
{
	struct fetch *f = calloc(1, sizeof(*f));
	char host[ADDR_TEXT], hex[2 * SHA256_SIZE + 1], path[128];
	struct evhttp_request *req = NULL;

	if (!f)
		return -ENOMEM;
	f->pull = pull;
	f->next = pull->fetches;
	pull->fetches = f;
	f->from = from;
	memcpy(f->digest, digest, SHA256_SIZE);
	hex_encode(digest, SHA256_SIZE, hex);
	snprintf(path, sizeof(path), "/contract/%s", hex);
	f->end = event_new(pull->base, -1, 0, on_end, f);
	f->connection = evhttp_connection_base_new(pull->base, NULL, addr_text(from, host), RSVP_PORT);
	if (f->connection)
		req = evhttp_request_new(on_answer, f);
	if (!f->end || !req) {
		fetch_free(f);
		return -ENOMEM;
	}
	evhttp_connection_set_timeout(f->connection, PULL_TIMEOUT_S);
	evhttp_connection_set_max_body_size(f->connection, CONTRACT_MAX_SIZE);
	evhttp_add_header(evhttp_request_get_output_headers(req), "Host", host);
	if (evhttp_make_request(f->connection, req, EVHTTP_REQ_GET, path)) {
		fetch_free(f);
		return -EIO;
	}
	return 0;
}

void pull_free(struct pull *pull)
{
	if (!pull)
		return;
	while (pull->fetches) {
		struct fetch *f = pull->fetches;

		/* the connection's own callback must not run on a freed fetch */
		evhttp_connection_free(f->connection);
		f->connection = NULL;
		fetch_free(f);
	}
	if (pull->server)
		evhttp_free(pull->server);
	free(pull);
}
