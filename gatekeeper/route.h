/*
 * Which handler answers METHOD PATH. Pure, table driven: a new call is a new row.
 */
#ifndef ICORP_GATEKEEPER_ROUTE_H
#define ICORP_GATEKEEPER_ROUTE_H

#include <stddef.h>

#define ROUTE_ARGS 2
#define ROUTE_ARG 128

/* Who may call: a bit per kind of token; ROUTE_READ also lets in anonymous readers, ROUTE_WRITE anonymous clients
 * (as configured), ROUTE_ANYONE everybody. */
enum { ROUTE_ANYONE = 1, ROUTE_READ = 2, ROUTE_WRITE = 4, ROUTE_CLIENT = 8, ROUTE_ELEMENT = 16, ROUTE_OPERATOR = 32 };

struct call;
typedef void route_handler(struct call *call);

struct route {
	const char *method;    /* "GET" also answers HEAD */
	const char *pattern;   /* "/v1/icorps/:": each : is one segment, kept as an argument */
	unsigned who;
	size_t max_body;
	route_handler *handler;
};

enum route_result { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

/* Finds among routes (ended by a NULL method). On ROUTE_FOUND *out and args are set; on ROUTE_NO_METHOD allow holds the
 * methods there are, for the Allow header. path is not decoded; arguments are, and an argument that decodes to
 * something with a slash, a NUL or a control character does not match. */
enum route_result route_find(const struct route *routes, const char *method, const char *path,
			     const struct route **out, char args[ROUTE_ARGS][ROUTE_ARG], char *allow, size_t room);

#endif
