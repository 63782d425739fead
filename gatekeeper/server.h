/*
 * HTTP(S): connections, routing, who is calling, and the shape of answers. What the calls mean is in api.c,
 * registrar.c and pages.c; they see a struct call.
 */
#ifndef ICORP_GATEKEEPER_SERVER_H
#define ICORP_GATEKEEPER_SERVER_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "gatekeeper/form.h"
#include "gatekeeper/gatekeeper.h"
#include "gatekeeper/problem.h"
#include "gatekeeper/route.h"
#include "gatekeeper/tokens.h"

struct evhttp_request;
struct server;

/* One request under way. Valid until it is answered; a handler that answers later copies what it needs. */
struct call {
	struct gatekeeper *gk;
	struct evhttp_request *request;
	struct caller who;              /* CALLER_NOBODY: anonymous, let in by configuration */
	char arg[ROUTE_ARGS][ROUTE_ARG];
	struct form query;
	const char *body; size_t len;   /* NUL-terminated */
};

/* 0, or -errno with a reason. */
int server_new(struct gatekeeper *gk, struct server **out, char *why, size_t room);
void server_free(struct server *server);
uint16_t server_port(const struct server *server);
unsigned server_connections(const struct server *server);

/* Each ends the call. json is taken over. */
void server_answer_json(struct call *call, int status, json_t *json);
void server_answer_text(struct call *call, int status, const char *type, const char *text, size_t len);
void server_answer_problem(struct call *call, const struct problem *problem);
/* "404 not-found" and the like in one line. */
void server_refuse(struct call *call, int status, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Request headers; NULL when absent. */
const char *server_header(const struct call *call, const char *name);
/* To be called before answering. */
void server_set_header(struct call *call, const char *name, const char *value);

/* May this caller see (and, as a client, change) what belongs to `client`? */
int server_may_touch(const struct call *call, const char *client);

#endif
