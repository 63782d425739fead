/*
 * One relayed connection: a user's socket, a server's socket, and a pump each way.
 *
 *     CONNECTING --connected--> RELAYING --both directions done--> gone
 *         |  ^ connect failed or timed out: the next server, at most connect_attempts
 *         |  |
 *         +--+ none left: the user is reset
 */
#ifndef ICORP_PROXY_CONN_H
#define ICORP_PROXY_CONN_H

#include "proxy/pump.h"
#include "proxy/table.h"

#define CONN_MAX_ATTEMPTS 8

enum conn_state { CONN_CONNECTING, CONN_RELAYING };

struct conn {
	LIST_ENTRY(conn) link;
	enum conn_state state;
	struct service *service;
	struct target *target;        /* referenced; NULL between attempts */
	struct target *tried[CONN_MAX_ATTEMPTS]; unsigned n_tried; /* referenced */
	struct sockaddr_in peer;
	int user, server;             /* -1: none */
	struct event user_read, user_write, server_read, server_write;
	struct pump up, down;         /* from the user, to the user */
	struct timer timer;           /* of the attempt, or for idleness */
	uint64_t since_us, last_us;
};

/* Takes over the user's socket and begins. */
void conn_new(struct service *service, int user, const struct sockaddr_in *peer);
/* Ends at once; both ends are reset. */
void conn_abort(struct conn *conn);
const char *conn_state_name(enum conn_state state);

#endif
