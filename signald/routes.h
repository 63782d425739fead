/*
 * Keeps a nexthops' routes as the kernel's main table has them (rtnetlink): read once, again after each change. Routes of
 * ICorps themselves (our protocol number) are left out: control messages follow the public network.
 */
#ifndef ICORP_SIGNALD_ROUTES_H
#define ICORP_SIGNALD_ROUTES_H

#include "signald/core.h"

struct event_base;
struct routes;

#define ROUTES_PROTOCOL_ICORP 73

/* ports: the controller's, by name. changed is called from the loop when the routes are different. 0 or -errno. */
int routes_new(struct event_base *base, const struct core_config *config, struct nexthops *nexthops,
	       void (*changed)(void *ctx), void *ctx, struct routes **out);
void routes_free(struct routes *routes);
/* The port with this interface index; -1. */
int routes_port(const struct routes *routes, unsigned ifindex);

#endif
