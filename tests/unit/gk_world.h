/*
 * A gatekeeper in this process, on a port of the loopback interface and files of a temporary directory, and callers that
 * share its event loop: what the API tests stand on.
 */
#ifndef ICORP_TESTS_GK_WORLD_H
#define ICORP_TESTS_GK_WORLD_H

#include <event2/event.h>
#include <stdint.h>

#include "gatekeeper/gatekeeper.h"

struct world {
	char dir[64];
	struct event_base *base;
	struct gk_config config;
	struct gatekeeper *gk;
};

/* extra: further lines of configuration. */
struct world *world_new(const char *extra);
void world_free(struct world *w);
/* Ends the gatekeeper and starts it again on the same files. */
void world_restart(struct world *w);
/* Runs the loop once, at most a few milliseconds. */
void world_turn(struct world *w);

/* Sends a request (headers: lines ending in \r\n; body may be NULL) and returns the whole answer, malloc'd. token may be
 * NULL. */
char *world_ask(struct world *w, const char *method, const char *path, const char *token, const char *headers,
		const char *body);
/* The same with exactly these bytes; the answer is what comes until the gatekeeper closes. */
char *world_raw(struct world *w, const char *text, size_t len);
/* Asks, checks the status, and returns the body alone, malloc'd. */
char *world_expect(struct world *w, int status, const char *method, const char *path, const char *token,
		   const char *body);
/* The demo's access routers, servers, routers and switches register. */
void world_register(struct world *w);

/* A test of its own world: *state is one with these further lines, where the elements are registered. */
int world_begin(void **state, const char *extra);
int world_end(void **state);
/* Is that in the text, or not? Frees the text. */
void check_has(char *text, const char *what);
void check_lacks(char *text, const char *what);

/* A stream held open. */
struct reader;
struct reader *reader_new(struct world *w, const char *path, const char *token);
/* A connection on which just this text is sent. */
struct reader *reader_dial(struct world *w, const char *text);
void reader_free(struct reader *r);
/* Waits until text has come, then forgets all up to its end; fails the test after some seconds. */
void reader_wait(struct reader *r, const char *text);
/* 1 when text is in what has come since. */
int reader_shows(struct reader *r, const char *text);
/* 1 once the gatekeeper has closed the stream. */
int reader_ended(struct reader *r);
/* Stops reading: what is sent piles up. */
void reader_stall(struct reader *r);

#endif
