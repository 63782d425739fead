/* What each controller knows of the network: its ports, its routes, the islands of the layer-2 map it is in. See topo.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/topo.h"

void topo_ports(const struct topo *topo, const struct topo_node *node, struct core_config *config)
{
	for (unsigned i = 0; i < node->n_ifaces; i++) {
		struct core_port *port = &config->port[config->n_ports++];

		snprintf(port->ifname, sizeof(port->ifname), "%s", node->iface[i].name);
		port->capacity_bps = node->iface[i].rate_bps;
	}
}

const char *topo_port_name(const void *ctx, int port)
{
	return ((const struct core_config *)ctx)->port[port].ifname;
}

static int add_connected(const struct topo_node *node, struct nexthops *nh)
{
	for (unsigned i = 0; i < node->n_ifaces; i++) {
		struct nexthop_route route = { .dest = node->iface[i].addr, .port = (int)i };
		uint32_t mask = route.dest.len ? UINT32_MAX << (32 - route.dest.len) : 0;

		if (!route.dest.addr.s_addr)
			continue;
		route.dest.addr.s_addr &= htonl(mask);
		if (nexthops_add_route(nh, &route))
			return -ENOMEM;
	}
	return 0;
}

static int add_static(const struct topo_node *node, struct nexthops *nh)
{
	for (unsigned i = 0; i < node->n_routes; i++) {
		struct nexthop_route route = { .dest = node->route[i].dest, .gateway = node->route[i].via, .port = -1 };

		for (unsigned k = 0; k < node->n_ifaces; k++)
			if (node->iface[k].addr.addr.s_addr && prefix_contains(node->iface[k].addr, route.gateway))
				route.port = (int)k;
		if (nexthops_add_route(nh, &route))
			return -ENOMEM;
	}
	return 0;
}

int topo_nexthops(const struct topo *topo, const struct topo_node *node, struct nexthops *nh)
{
	snprintf(nh->self, sizeof(nh->self), "%s", node->name);
	nh->is_switch = node->kind == ELEMENT_SWITCH;
	nh->alert = 1;
	nh->n_ports = (int)node->n_ifaces;
	return add_connected(node, nh) || add_static(node, nh) ? -ENOMEM : topo_map(topo, node, nh);
}

static int add_way(void *ctx, struct prefix dest, struct in_addr via, unsigned iface)
{
	struct nexthop_route route = { .dest = dest, .gateway = via, .port = (int)iface };

	return nexthops_add_route(ctx, &route);
}

int topo_reroute(const struct topo *topo, const struct topo_node *node, const unsigned *cut, struct nexthops *nh)
{
	nexthops_clear_routes(nh);
	return add_connected(node, nh) || topo_routes(topo, (unsigned)(node - topo->node), cut, add_way, nh) ? -ENOMEM : 0;
}

/* ---- the layer-2 map ---- */

/* A walk through islands: the nodes met, in order; switches and legacy ones are passed through. */
struct island { const struct topo *topo; unsigned *met, n; char *seen; };

static int passes(const struct topo_node *node)
{
	return node->what == TOPO_LEGACY || (node->what == TOPO_CONTROLLER && node->kind == ELEMENT_SWITCH);
}

static void meet(struct island *island, unsigned node)
{
	if (island->seen[node])
		return;
	island->seen[node] = 1;
	island->met[island->n++] = node;
}

static int island_new(struct island *island, const struct topo *topo, unsigned start)
{
	island->topo = topo;
	island->n = 0;
	island->met = calloc(topo->n_nodes, sizeof(*island->met));
	island->seen = calloc(topo->n_nodes, 1);
	if (!island->met || !island->seen)
		return -ENOMEM;
	meet(island, start);
	return 0;
}

static void island_free(struct island *island)
{
	free(island->met);
	free(island->seen);
}

/* Everything that shares a link, or switches, with the start. legacy: passing through nodes without a controller only. */
static void island_walk(struct island *island, int legacy)
{
	for (unsigned at = 0; at < island->n; at++) {
		const struct topo_node *node = &island->topo->node[island->met[at]];

		if (at && (legacy ? node->what != TOPO_LEGACY : !passes(node)))
			continue;
		for (unsigned i = 0; i < node->n_ifaces; i++)
			meet(island, topo_peer(island->topo, island->met[at], i).node);
	}
}

static int map_node(const struct topo_node *node, struct nexthops *nh)
{
	struct l2_node to = { .is_switch = node->kind == ELEMENT_SWITCH };

	snprintf(to.name, sizeof(to.name), "%s", node->name);
	if (node->bridge.addr.s_addr)
		to.addr[to.n_addr++] = node->bridge.addr;
	for (unsigned k = 0; k < node->n_ifaces && to.n_addr < NEXTHOP_ADDRESSES; k++)
		if (node->iface[k].addr.addr.s_addr)
			to.addr[to.n_addr++] = node->iface[k].addr.addr;
	return nexthops_add_node(nh, &to);
}

/* Every controller behind this port of a switch: the one at the link's end, or those behind a legacy switch there. */
static int map_port(const struct topo *topo, unsigned a, unsigned iface, struct nexthops *nh)
{
	struct topo_end to = topo_peer(topo, a, iface);
	const struct topo_node *node = &topo->node[to.node], *self = &topo->node[a];
	struct island island;
	int r = 0;

	if (node->what == TOPO_CONTROLLER)
		return nexthops_add_link(nh, self->name, self->iface[iface].name, node->name, node->iface[to.iface].name);
	if (node->what != TOPO_LEGACY)
		return 0;
	if (island_new(&island, topo, to.node))
		return island_free(&island), -ENOMEM;
	island.seen[a] = 1; /* not back to where it came from */
	island_walk(&island, 1);
	for (unsigned i = 0; i < island.n && r != -ENOMEM; i++) {
		unsigned other = island.met[i];

		for (unsigned k = 0; topo->node[other].what == TOPO_CONTROLLER && k < topo->node[other].n_ifaces; k++) {
			struct topo_end legacy = topo_peer(topo, other, k);

			if (topo->node[legacy.node].what == TOPO_LEGACY && island.seen[legacy.node])
				r = nexthops_add_link(nh, self->name, self->iface[iface].name, topo->node[other].name,
						      topo->node[other].iface[k].name);
		}
	}
	island_free(&island);
	return r;
}

static int on_legacy(const struct topo *topo, unsigned node, unsigned iface)
{
	return topo->node[topo_peer(topo, node, iface).node].what == TOPO_LEGACY;
}

int topo_map(const struct topo *topo, const struct topo_node *node, struct nexthops *nh)
{
	struct island island;
	int r = island_new(&island, topo, (unsigned)(node - topo->node));

	if (!r)
		island_walk(&island, 0);
	for (unsigned i = 0; !r && i < island.n; i++)
		if (topo->node[island.met[i]].what == TOPO_CONTROLLER)
			r = map_node(&topo->node[island.met[i]], nh);
	for (unsigned i = 0; !r && i < island.n; i++) {
		const struct topo_node *n = &topo->node[island.met[i]];

		for (unsigned k = 0; n->what == TOPO_CONTROLLER && k < n->n_ifaces; k++)
			if ((n->kind == ELEMENT_SWITCH || on_legacy(topo, island.met[i], k)) && map_port(topo, island.met[i], k, nh) == -ENOMEM)
				r = -ENOMEM;
	}
	island_free(&island);
	return r;
}
