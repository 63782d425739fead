/*
 * The HTTP server. evhttp parses; this file bounds it, finds out who calls, finds the route, and writes answers:
 *
 *     listener -> new_connection (bufferevent, TLS) -> evhttp -> on_request -> identify -> route_find -> handler
 *
 * Routes are the table at the end. Every answer is JSON with the same headers unless a handler says otherwise; nothing
 * a caller sent is ever put into a header or a page unescaped.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/conns.h"
#include "gatekeeper/handlers.h"
#include "gatekeeper/registration.h"
#include "gatekeeper/report.h"
#include "gatekeeper/server.h"
#include "lib/addr.h"
#include "lib/log.h"

#define MAX_HEADERS 16384
#define MAX_BODY (1024 * 1024)
#define MAX_UNREAD (MAX_BODY + MAX_HEADERS + 65536)
#define IDLE_S 60
#define PATIENCE_S 30

struct server {
	struct gatekeeper *gk;
	struct evhttp *http;
	struct evconnlistener *listener; /* evhttp's */
	struct conns *conns;
	SSL_CTX *tls;
	uint16_t port;
};

static const struct route routes[];

/* ---- answers ---- */

const char *server_header(const struct call *call, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(call->request), name);
}

void server_set_header(struct call *call, const char *name, const char *value)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(call->request);

	evhttp_remove_header(headers, name);
	evhttp_add_header(headers, name, value);
}

static const char *reason_of(int status)
{
	static const struct { int status; const char *reason; } reasons[] = {
		{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {303, "See Other"}, {400, "Bad Request"},
		{401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"},
		{409, "Conflict"}, {413, "Payload Too Large"}, {415, "Unsupported Media Type"},
		{422, "Unprocessable Content"}, {500, "Internal Server Error"}, {503, "Service Unavailable"}};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Answer";
}

void server_answer_text(struct call *call, int status, const char *type, const char *text, size_t len)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(call->request);
	struct evbuffer *body = evbuffer_new();
	char length[24];

	if (status >= 500)
		call->gk->counts.server_errors++;
	else if (status >= 400)
		call->gk->counts.bad_requests++;
	server_set_header(call, "Content-Type", type);
	server_set_header(call, "X-Content-Type-Options", "nosniff");
	server_set_header(call, "Referrer-Policy", "same-origin");
	if (!evhttp_find_header(headers, "Cache-Control"))
		server_set_header(call, "Cache-Control", "no-store");
	if (evhttp_request_get_command(call->request) == EVHTTP_REQ_HEAD) {
		snprintf(length, sizeof(length), "%zu", len);
		server_set_header(call, "Content-Length", length);
	} else if (body) {
		evbuffer_add(body, text, len);
	}
	evhttp_send_reply(call->request, status, reason_of(status), body);
	if (body)
		evbuffer_free(body);
}

void server_answer_json(struct call *call, int status, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (!text) {
		server_answer_text(call, 503, "application/json", "{}", 2);
		return;
	}
	server_answer_text(call, status, "application/json", text, strlen(text));
	free(text);
}

void server_answer_problem(struct call *call, const struct problem *problem)
{
	json_t *error = json_pack("{s:s}", "code", problem->code);
	json_t *message = json_string(problem->message);

	json_object_set_new(error, "message", message ? message : json_string("(not readable)"));
	if (problem->element[0])
		json_object_set_new(error, "element", json_string(problem->element));
	if (problem->line)
		json_object_set_new(error, "line", json_integer(problem->line));
	if (problem->where[0])
		json_object_set_new(error, "where", json_string(problem->where));
	server_answer_json(call, problem->status, json_pack("{s:o}", "error", error));
}

void server_refuse(struct call *call, int status, const char *code, const char *fmt, ...)
{
	struct problem problem;
	char text[sizeof(problem.message)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	problem_set(&problem, status, code, "%s", text);
	server_answer_problem(call, &problem);
}

int server_may_touch(const struct call *call, const char *client)
{
	return call->who.kind != CALLER_CLIENT || !strcmp(call->who.name, client);
}

/* ---- who is calling ---- */

/* The password of HTTP Basic credentials is the token: that is what a browser can send without scripts. */
static int basic_token(const char *credentials, char *out, size_t room)
{
	unsigned char decoded[512];
	size_t len = strlen(credentials);
	const char *colon;
	int n;

	if (!len || len % 4 || len / 4 * 3 >= sizeof(decoded))
		return 0;
	n = EVP_DecodeBlock(decoded, (const unsigned char *)credentials, (int)len);
	if (n < 0)
		return 0;
	decoded[n] = '\0';
	colon = strchr((char *)decoded, ':');
	if (!colon || strlen(colon + 1) >= room)
		return 0;
	strcpy(out, colon + 1);
	return 1;
}

/* 1 known, 0 no credentials, -1 wrong ones. */
static int identify(struct call *call)
{
	const char *header = server_header(call, "Authorization");
	char token[512] = "";
	int found;

	if (!header)
		return 0;
	if (!strncasecmp(header, "Bearer ", 7) && strlen(header + 7) < sizeof(token))
		strcpy(token, header + 7);
	else if (strncasecmp(header, "Basic ", 6) || !basic_token(header + 6, token, sizeof(token)))
		return -1;
	found = tokens_find(call->gk->tokens, token, &call->who);
	explicit_bzero(token, sizeof(token));
	return found ? 1 : -1;
}

static int allowed(const struct call *call, const struct route *route)
{
	const char *anonymous = call->gk->config->anonymous;

	if (route->who & ROUTE_ANYONE)
		return 1;
	switch (call->who.kind) {
	case CALLER_CLIENT:
		return !!(route->who & ROUTE_CLIENT);
	case CALLER_ELEMENT:
		return !!(route->who & ROUTE_ELEMENT);
	case CALLER_OPERATOR:
		return !!(route->who & ROUTE_OPERATOR);
	default:
		if (!strcmp(anonymous, "client"))
			return !!(route->who & (ROUTE_READ | ROUTE_WRITE));
		return !strcmp(anonymous, "read") && (route->who & ROUTE_READ);
	}
}

/* A page of another site must not post with the credentials a browser keeps for us. */
static int from_elsewhere(const struct call *call, const char *method)
{
	const char *origin = server_header(call, "Origin"), *host = server_header(call, "Host");
	const char *slashes;

	if (!strcmp(method, "GET") || !strcmp(method, "HEAD") || !origin)
		return 0;
	slashes = strstr(origin, "://");
	return !slashes || !host || strcasecmp(slashes + 3, host);
}

/* ---- requests ---- */

static const char *method_of(struct evhttp_request *request)
{
	switch (evhttp_request_get_command(request)) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_HEAD:
		return "HEAD";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	default:
		return "other";
	}
}

static void answer_unknown(struct call *call, enum route_result result, const char *path, const char *allow)
{
	if (result == ROUTE_NO_PATH) {
		server_refuse(call, 404, "not-found", "there is nothing at %.200s", path);
		return;
	}
	server_set_header(call, "Allow", allow);
	server_refuse(call, 405, "method", "this takes %s", allow);
}

static void answer_unauthorized(struct call *call, int identified)
{
	call->gk->counts.refused_auth++;
	if (identified > 0) {
		server_refuse(call, 403, "forbidden", "this is not for %s's token", call->who.name);
		return;
	}
	server_set_header(call, "WWW-Authenticate", "Basic realm=\"icorp\", charset=\"UTF-8\"");
	server_refuse(call, 401, "unauthorized", identified < 0 ? "this token is not known" : "a token is needed");
}

static int take_body(struct call *call, const struct route *route)
{
	struct evbuffer *input = evhttp_request_get_input_buffer(call->request);

	if (evbuffer_get_length(input) > route->max_body) {
		server_refuse(call, 413, "too-large", "a body of at most %zu bytes is taken here", route->max_body);
		return -E2BIG;
	}
	if (evbuffer_add(input, "", 1) < 0) {
		server_refuse(call, 503, "out-of-memory", "out of memory");
		return -ENOMEM;
	}
	call->len = evbuffer_get_length(input) - 1;
	call->body = (const char *)evbuffer_pullup(input, -1);
	return 0;
}

static void dispatch(struct call *call, const char *method, const char *path)
{
	const struct route *route = NULL;
	char allow[64];
	enum route_result result = route_find(routes, method, path, &route, call->arg, allow, sizeof(allow));
	int identified;

	if (result != ROUTE_FOUND) {
		answer_unknown(call, result, path, allow);
		return;
	}
	identified = identify(call);
	if (identified < 0 || !allowed(call, route)) {
		answer_unauthorized(call, identified);
		return;
	}
	if (from_elsewhere(call, method)) {
		server_refuse(call, 403, "forbidden", "a page of another site sent this");
		return;
	}
	if (take_body(call, route) == 0)
		route->handler(call);
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct server *server = arg;
	struct call call = {.gk = server->gk, .request = request};
	struct bufferevent *bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL, *query = uri ? evhttp_uri_get_query(uri) : NULL;

	server->gk->counts.requests++;
	conns_asked(server->conns, bev);
	if (server->tls && !bufferevent_openssl_get_ssl(bev)) {
		evhttp_send_error(request, 503, NULL);
		return;
	}
	if (!path || !*path)
		path = "/";
	if (query && form_parse(query, strlen(query), &call.query) < 0) {
		server_refuse(&call, 400, "malformed", "the query does not decode");
		return;
	}
	dispatch(&call, method_of(request), path);
}

/* ---- connections ---- */

static struct bufferevent *new_connection(struct event_base *base, void *arg)
{
	struct server *server = arg;
	struct bufferevent *bev = NULL;
	SSL *ssl = server->tls ? SSL_new(server->tls) : NULL;

	if (ssl) {
		bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
						     BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
		if (!bev)
			SSL_free(ssl);
		else
			bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	} else {
		bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	}
	if (bev) {
		bufferevent_setwatermark(bev, EV_READ, 0, MAX_UNREAD);
		conns_add(server->conns, bev);
	}
	return bev;
}

static int tls_new(const struct gk_config *config, SSL_CTX **out, char *why, size_t room)
{
	SSL_CTX *tls;

	if (!config->tls_cert[0])
		return 0;
	tls = SSL_CTX_new(TLS_server_method());
	if (!tls)
		return -ENOMEM;
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	if (SSL_CTX_use_certificate_chain_file(tls, config->tls_cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls, config->tls_key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(tls) != 1) {
		snprintf(why, room, "%s, %s: %s", config->tls_cert, config->tls_key,
			 ERR_reason_error_string(ERR_peek_last_error()));
		ERR_clear_error();
		SSL_CTX_free(tls);
		return -EINVAL;
	}
	*out = tls;
	return 0;
}

static int parse_listen(const char *text, struct sockaddr_in *out)
{
	char addr[ADDR_TEXT + 1] = "";
	const char *colon = strrchr(text, ':');
	char *end;
	long port;

	memset(out, 0, sizeof(*out));
	if (!colon || (size_t)(colon - text) >= sizeof(addr) || !colon[1])
		return -EINVAL;
	memcpy(addr, text, (size_t)(colon - text));
	port = strtol(colon + 1, &end, 10);
	if (*end || port < 0 || port > 65535 || addr_parse(addr, &out->sin_addr) < 0)
		return -EINVAL;
	out->sin_family = AF_INET;
	out->sin_port = htons((uint16_t)port);
	return 0;
}

static int listen_at(struct server *server, const char *where, char *why, size_t room)
{
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);

	if (parse_listen(where, &sa) < 0) {
		snprintf(why, room, "listen: \"%s\" is not ADDRESS:PORT", where);
		return -EINVAL;
	}
	server->listener = evconnlistener_new_bind(server->gk->base, NULL, NULL,
						   LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 128,
						   (struct sockaddr *)&sa, sizeof(sa));
	if (!server->listener) {
		int err = errno;

		snprintf(why, room, "cannot listen at %s: %s", where, strerror(err));
		return -err;
	}
	if (getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&sa, &len) == 0)
		server->port = ntohs(sa.sin_port);
	if (!evhttp_bind_listener(server->http, server->listener)) {
		evconnlistener_free(server->listener);
		return -ENOMEM;
	}
	return 0;
}

int server_new(struct gatekeeper *gk, struct server **out, char *why, size_t room)
{
	struct server *server = calloc(1, sizeof(*server));
	int err;

	if (!server)
		return -ENOMEM;
	server->gk = gk;
	server->http = evhttp_new(gk->base);
	err = server->http ? tls_new(gk->config, &server->tls, why, room) : -ENOMEM;
	if (!err)
		err = listen_at(server, gk->config->listen, why, room);
	if (!err) {
		server->conns = conns_new(gk->base, server->listener, (size_t)gk->config->max_connections, PATIENCE_S,
					  &gk->counts.connections, &gk->counts.connections_dropped);
		err = server->conns ? 0 : -ENOMEM;
	}
	if (err) {
		server_free(server);
		return err;
	}
	evhttp_set_bevcb(server->http, new_connection, server);
	evhttp_set_gencb(server->http, on_request, server);
	evhttp_set_max_headers_size(server->http, MAX_HEADERS);
	evhttp_set_max_body_size(server->http, MAX_BODY);
	evhttp_set_timeout(server->http, IDLE_S);
	evhttp_set_default_content_type(server->http, NULL);
	evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
						 EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
						 EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	*out = server;
	return 0;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	if (server->http)
		evhttp_free(server->http);
	conns_free(server->conns);
	SSL_CTX_free(server->tls);
	free(server);
}

uint16_t server_port(const struct server *server)
{
	return server->port;
}

unsigned server_connections(const struct server *server)
{
	return (unsigned)conns_count(server->conns);
}

#define WATCH (ROUTE_READ | ROUTE_CLIENT | ROUTE_OPERATOR)
#define CHANGE (ROUTE_WRITE | ROUTE_CLIENT | ROUTE_OPERATOR)

static const struct route routes[] = {
	{"GET", "/", ROUTE_ANYONE, 0, pages_index},
	{"GET", "/icorps/:", WATCH, 0, pages_icorp},
	{"GET", "/www/:", ROUTE_ANYONE, 0, pages_file},
	{"POST", "/v1/icorps", CHANGE, CONTRACT_MAX_SIZE, api_icorps_post},
	{"GET", "/v1/icorps", WATCH, 0, api_icorps_list},
	{"GET", "/v1/icorps/:", WATCH, 0, api_icorp_get},
	{"PATCH", "/v1/icorps/:", CHANGE, CONTRACT_MAX_SIZE, api_icorp_patch},
	{"DELETE", "/v1/icorps/:", CHANGE, 0, api_icorp_delete},
	{"GET", "/v1/icorps/:/contract", WATCH, 0, api_icorp_contract},
	{"GET", "/v1/events", WATCH, 0, info_events},
	{"GET", "/v1/classes", ROUTE_ANYONE, 0, info_classes},
	{"GET", "/v1/elements", WATCH | ROUTE_ELEMENT, 0, info_elements},
	{"POST", "/v1/elements", ROUTE_ELEMENT, REGISTRATION_MAX_SIZE, registrar_register},
	{"GET", "/v1/elements/:/work", ROUTE_ELEMENT, 0, registrar_work},
	{"POST", "/v1/elements/:/report", ROUTE_ELEMENT, REPORT_MAX_SIZE, registrar_report},
	{"GET", "/v1/l2", WATCH | ROUTE_ELEMENT, 0, info_l2},
	{"GET", "/v1/status", ROUTE_ANYONE, 0, info_status},
	{"GET", "/v1/openapi.json", ROUTE_ANYONE, 0, pages_openapi},
	{"GET", "/metrics", WATCH, 0, info_metrics},
	{NULL, NULL, 0, 0, NULL},
};
