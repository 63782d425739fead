/*
 * Where a Path goes next. A router (access router, server) asks its routes for the next router, then the L2 map for
 * the first controller on the way there; a switch asks the L2 map for the neighbour towards the subtarget (DESIGN 5).
 *
 * This is a snapshot: the daemon fills it from rtnetlink and from the registrar's map, the simulator from a topology.
 * The core only reads it.
 */
#ifndef ICORP_SIGNALD_NEXTHOP_H
#define ICORP_SIGNALD_NEXTHOP_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

#define NEXTHOP_NAME 64
#define NEXTHOP_ADDRESSES 64 /* of one controller: one per port, as many as it may have */

struct nexthop_route {
	struct prefix dest;
	struct in_addr gateway;  /* 0.0.0.0: on link */
	int port;                /* index into the controller's ports; -1: not one of them */
	uint32_t metric;
};

/* Its control address comes first: by that it is a neighbour. further: a switch behind which there is more than the map knows. */
struct l2_node { char name[NEXTHOP_NAME]; int is_switch, further; struct in_addr addr[NEXTHOP_ADDRESSES]; unsigned n_addr; };
struct l2_link { unsigned a, b; char a_port[16], b_port[16]; };

struct nexthops {
	struct nexthop_route *route; size_t n_routes;
	struct l2_node *node; size_t n_nodes;
	struct l2_link *link; size_t n_links;
	char self[NEXTHOP_NAME];
	int is_switch;
	int alert;                 /* Router Alert can be sent: routers without a controller can be passed */
	/* the ports' names, by index, so that the map's port names can be turned into indices */
	const char *(*port_name)(const void *ctx, int port);
	const void *port_ctx;
	int n_ports;
};

struct nexthop {
	int port;
	struct in_addr neighbour;  /* the next controller: its control address, or what the route says when no map knows it */
	struct in_addr subtarget;  /* the next router (or the endpoint) */
	int trunk;                 /* the neighbour is a switch */
	int beyond;                /* the neighbour is a router that has no controller, as far as the map knows: a Path is
				      sent to the endpoint with Router Alert, and the first controller on the way takes it */
	int unmapped;              /* nobody told us what is behind the port */
	int shared;                /* others are behind the port, too: a switch without a controller is between */
};

/*
 * The next hop towards dest; at a switch, towards subtarget (as it came in the Path). 0, or -EHOSTUNREACH: no route,
 * no port, or a switch that cannot see the subtarget.
 */
int nexthop_find(const struct nexthops *nh, struct in_addr dest, struct in_addr subtarget, struct nexthop *out);

/* The port behind which a neighbour's address lies, by the L2 map or an on-link route; -1: unknown. */
int nexthop_port_of(const struct nexthops *nh, struct in_addr neighbour);

/* Frees the vectors and zeroes the counts. */
void nexthops_clear_routes(struct nexthops *nh);
void nexthops_clear_map(struct nexthops *nh);
/* nh's map is fresh's from now on, which is emptied. 1 when it is another one, else 0. */
int nexthops_take_map(struct nexthops *nh, struct nexthops *fresh);
/* Append a copy; 0 or -ENOMEM. */
int nexthops_add_route(struct nexthops *nh, const struct nexthop_route *route);
int nexthops_add_node(struct nexthops *nh, const struct l2_node *node);
/* By node names and port names. -ENOENT for an unknown node. */
int nexthops_add_link(struct nexthops *nh, const char *a, const char *a_port, const char *b, const char *b_port);

#endif
