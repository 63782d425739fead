/*
 * The gatekeeper as one object: what main.c, the tests and the fuzz targets start, and what its modules share. Each
 * module keeps its own state behind its own pointer; they meet here and nowhere else.
 *
 *     server (HTTP) -> api, registrar, static pages -> icorps, elements -> store
 *     elements -> l2map -> work (streams to elements)      icorps -> work, dns, events
 */
#ifndef ICORP_GATEKEEPER_GATEKEEPER_H
#define ICORP_GATEKEEPER_GATEKEEPER_H

#include <stddef.h>
#include <stdint.h>

#include "gatekeeper/config.h"
#include "gatekeeper/store.h"

struct event_base;

/* Counted for /metrics; all since the start. */
struct gk_counts {
	uint64_t requests, refused_auth, bad_requests, server_errors, posts, deletes, registrations, reports;
	uint64_t streams_opened, streams_dropped, l2_runs, l2_changes, dns_updates, dns_failures, connections;
	uint64_t connections_dropped;
	uint64_t complete_n, complete_us;      /* how many ICorps completed, and the time that took, summed */
};

struct gatekeeper {
	struct event_base *base;
	const struct gk_config *config;
	struct gk_counts counts;
	uint64_t started_us;
	struct store *store;
	struct tokens *tokens;
	struct elements *elements;
	struct l2map *l2map;
	struct work *work;
	struct icorps *icorps;
	struct waits *waits;
	struct events *events;
	struct dns *dns;
	struct server *server;
	struct control_server *control;
};

/* Opens the store, learns what it holds, and listens. config must outlive it. 0, or -errno with a reason. */
int gatekeeper_new(struct event_base *base, const struct gk_config *config, struct gatekeeper **out, char *why,
		   size_t room);
void gatekeeper_free(struct gatekeeper *gk);
/* The port it listens on (for a configured port 0). */
uint16_t gatekeeper_port(const struct gatekeeper *gk);

/* The program: parses arguments, runs until stopped. Returns the exit status. */
int gatekeeper_main(int argc, char **argv);

#endif
