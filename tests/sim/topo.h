/*
 * A network for the simulator, read from the testbed's topology format (doc/testbed.md): nodes, links, addresses, routes,
 * sizes. Only what the control plane sees; no packet is forwarded here.
 */
#ifndef ICORP_SIM_TOPO_H
#define ICORP_SIM_TOPO_H

#include "signald/core.h"

#define TOPO_MAX_IFACES 32
#define TOPO_MAX_ROUTES 64

struct topo_iface { char name[16]; int link; uint64_t rate_bps; struct prefix addr; };
struct topo_route { struct prefix dest; struct in_addr via; };

enum topo_kind { TOPO_CONTROLLER, TOPO_LEGACY, TOPO_HOST };

struct topo_node {
	char name[CONTRACT_NAME];
	enum topo_kind what;
	enum element_kind kind;         /* controllers */
	unsigned n_ifaces; struct topo_iface iface[TOPO_MAX_IFACES];
	struct prefix bridge;           /* a switch's own address */
	unsigned n_routes; struct topo_route route[TOPO_MAX_ROUTES];
	struct core_resource resource[RESOURCE_MAX + 1];
	struct prefix pool;
};

struct topo_end { unsigned node, iface; };
struct topo_link { struct topo_end a, b; };

struct topo {
	struct topo_node *node; unsigned n_nodes;
	struct topo_link *link; unsigned n_links;
	uint64_t refresh_us, rate_bps;
	char image[CONTRACT_NAME];
};

/* 0, or -errno with "FILE:LINE: what". topo_free frees what was read. */
int topo_load(const char *file, struct topo *topo, char *why, size_t room);
void topo_free(struct topo *topo);
int topo_find(const struct topo *topo, const char *name); /* index or -1 */
struct in_addr topo_control(const struct topo_node *node); /* its first address */
/* A node's ports, in the controller's order, and its view of the network. nh->self etc. are set. 0 or -ENOMEM. */
void topo_ports(const struct topo *topo, const struct topo_node *node, struct core_config *config);
int topo_nexthops(const struct topo *topo, const struct topo_node *node, struct nexthops *nh);
/* Only the layer-2 map. 0 or -ENOMEM. */
int topo_map(const struct topo *topo, struct nexthops *nh);
/* For nexthops: ctx is the struct core_config. */
const char *topo_port_name(const void *ctx, int port);

#endif
