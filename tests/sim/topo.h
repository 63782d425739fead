/*
 * A network for the simulator: nodes, links, addresses, routes, sizes. Only what the control plane sees; no packet is
 * forwarded here. It is read from the testbed's topology format (topo_read.c, doc/testbed.md) or built around a backbone
 * (network.h).
 */
#ifndef ICORP_SIM_TOPO_H
#define ICORP_SIM_TOPO_H

#include "signald/core.h"
#include "tests/sim/map.h"

#define TOPO_NAME CONTRACT_NAME

struct topo_iface { char name[16]; unsigned link; uint64_t rate_bps; struct prefix addr; };
struct topo_route { struct prefix dest; struct in_addr via; };

enum topo_kind { TOPO_CONTROLLER, TOPO_LEGACY, TOPO_PLAIN /* a router without a controller */, TOPO_HOST };

struct topo_node {
	char name[TOPO_NAME];
	enum topo_kind what;
	enum element_kind kind;         /* controllers */
	unsigned n_ifaces; struct topo_iface *iface;
	struct prefix bridge;           /* a switch's own address */
	unsigned n_routes, room_routes; struct topo_route *route;
	struct core_resource resource[RESOURCE_MAX + 1];
};

struct topo_end { unsigned node, iface; };
struct topo_link { struct topo_end a, b; };

/* What a router announces: where its access routers and servers are. Such routers find new ways when links fail. */
struct topo_site { unsigned router; struct prefix prefix; };

/* What somebody is known to want carried: between two access routers' sites, by node. */
struct topo_request { unsigned access, server; uint64_t rate_bps; };

struct topo {
	struct topo_node *node; unsigned n_nodes;
	struct topo_link *link; unsigned n_links;
	unsigned n_sites; struct topo_site *site; /* none: routes are as they are given */
	unsigned n_requests; struct topo_request *request; /* none: any pair may be asked for */
	uint64_t refresh_us, rate_bps, expiry_rate; /* expiry_rate as core_config's */
	char image[CONTRACT_NAME];
	struct map by_addr;             /* struct topo_node, by address */
};

/* Empty, with the defaults. */
void topo_init(struct topo *topo);
void topo_free(struct topo *topo);
/* Appends; the index, or -1: no memory, or (link) too many ports on a node. iface NULL: ethN. */
int topo_add_node(struct topo *topo, const char *name, enum topo_kind what, enum element_kind kind);
int topo_add_link(struct topo *topo, unsigned a, const char *a_iface, unsigned b, const char *b_iface, uint64_t rate_bps);
int topo_add_route(struct topo_node *node, struct prefix dest, struct in_addr via);
int topo_add_site(struct topo *topo, unsigned router, struct prefix prefix);
/* Once it is complete: what is looked up by address. */
void topo_index(struct topo *topo);

/* Reads the testbed's format. 0, or -errno with "FILE:LINE: what". topo_free frees what was read. */
int topo_load(const char *file, struct topo *topo, char *why, size_t room);

int topo_find(const struct topo *topo, const char *name); /* index or -1 */
int topo_owner(const struct topo *topo, struct in_addr addr); /* index or -1 */
struct in_addr topo_control(const struct topo_node *node); /* its first address */
/* The other end of the link that leaves this interface. */
struct topo_end topo_peer(const struct topo *topo, unsigned node, unsigned iface);
/* The links of a shortest way between two nodes, at most `room`; returns how many, 0: none. */
unsigned topo_way(const struct topo *topo, unsigned from, unsigned to, unsigned *link, unsigned room);

/*
 * A router's routes to all sites, along ways with the fewest hops; cut says by link what passes nothing (NULL: nothing is
 * cut). Sites without a way get none. 0, or what add returned when that was not 0.
 */
int topo_routes(const struct topo *topo, unsigned router, const unsigned *cut,
		int (*add)(void *ctx, struct prefix dest, struct in_addr via, unsigned iface), void *ctx);

/* A node's ports, in the controller's order, and its view of the network. nh->self etc. are set. 0 or -ENOMEM. */
void topo_ports(const struct topo *topo, const struct topo_node *node, struct core_config *config);
int topo_nexthops(const struct topo *topo, const struct topo_node *node, struct nexthops *nh);
/* A router's routes anew, as links are cut now. 0 or -ENOMEM. */
int topo_reroute(const struct topo *topo, const struct topo_node *node, const unsigned *cut, struct nexthops *nh);
/* Only the layer-2 map: the islands this node is in. 0 or -ENOMEM. */
int topo_map(const struct topo *topo, const struct topo_node *node, struct nexthops *nh);
/* For nexthops: ctx is the struct core_config. */
const char *topo_port_name(const void *ctx, int port);

#endif
