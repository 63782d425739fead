/*
 * Next hops from a snapshot of routes and of the layer-2 map. See nexthop.h. Elements have tens of routes and islands
 * tens of nodes, and lookups happen once per Path that changes something: linear search and a breadth-first walk.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signald/nexthop.h"

static const struct nexthop_route *route_find(const struct nexthops *nh, struct in_addr dest)
{
	const struct nexthop_route *best = NULL;

	for (size_t i = 0; i < nh->n_routes; i++) {
		const struct nexthop_route *r = &nh->route[i];

		if (!prefix_contains(r->dest, dest))
			continue;
		if (!best || r->dest.len > best->dest.len ||
		    (r->dest.len == best->dest.len && r->metric < best->metric))
			best = r;
	}
	return best;
}

static int node_by_name(const struct nexthops *nh, const char *name)
{
	for (size_t i = 0; i < nh->n_nodes; i++)
		if (!strcmp(nh->node[i].name, name))
			return (int)i;
	return -1;
}

static int node_by_addr(const struct nexthops *nh, struct in_addr addr)
{
	for (size_t i = 0; i < nh->n_nodes; i++)
		for (unsigned a = 0; a < nh->node[i].n_addr; a++)
			if (nh->node[i].addr[a].s_addr == addr.s_addr)
				return (int)i;
	return -1;
}

static int port_by_name(const struct nexthops *nh, const char *name)
{
	for (int i = 0; i < nh->n_ports; i++)
		if (!strcmp(nh->port_name(nh->port_ctx, i), name))
			return i;
	return -1;
}

/*
 * Breadth-first from `target` back to `self`: the link by which self is left. Walking backwards, the first time self
 * is reached names the neighbour. A router is never passed through: its ports are different islands.
 */
static const struct l2_link *walk(const struct nexthops *nh, int self, int target, int port, int *neighbour)
{
	unsigned *queue = calloc(nh->n_nodes, sizeof(*queue));
	char *seen = calloc(nh->n_nodes, 1);
	const struct l2_link *found = NULL;
	size_t head = 0, tail = 0;

	if (queue && seen) {
		queue[tail++] = (unsigned)target;
		seen[target] = 1;
	}
	while (head < tail && !found) {
		unsigned at = queue[head++];

		for (size_t i = 0; i < nh->n_links && !found; i++) {
			const struct l2_link *l = &nh->link[i];
			unsigned other;

			if (l->a != at && l->b != at)
				continue;
			other = l->a == at ? l->b : l->a;
			if ((int)other == self &&
			    (port < 0 || port_by_name(nh, l->a == at ? l->b_port : l->a_port) == port)) {
				found = l;
				*neighbour = (int)at;
			} else if (!seen[other] && nh->node[other].is_switch) {
				seen[other] = 1;
				queue[tail++] = other;
			}
		}
	}
	free(queue);
	free(seen);
	return found;
}

/*
 * Towards what the map does not show: through the switch behind the port that leads further than the map. NULL when there
 * is none, or several (at a switch, which knows no port: behind all of its ports), and nobody can tell which.
 */
static const struct l2_link *further(const struct nexthops *nh, int self, int port, int *neighbour)
{
	const struct l2_link *found = NULL;

	for (size_t i = 0; i < nh->n_links; i++) {
		const struct l2_link *l = &nh->link[i];
		int other = (int)l->a == self ? (int)l->b : (int)l->b == self ? (int)l->a : -1;

		if (other < 0 || !nh->node[other].further ||
		    (port >= 0 && port_by_name(nh, (int)l->a == self ? l->a_port : l->b_port) != port))
			continue;
		if (found && *neighbour != other)
			return NULL;
		found = l;
		*neighbour = other;
	}
	return found;
}

/* Does the map know another neighbour behind this port of self? */
static int others_behind(const struct nexthops *nh, int self, int port, int neighbour)
{
	for (size_t i = 0; i < nh->n_links; i++) {
		const struct l2_link *l = &nh->link[i];

		if (((int)l->a == self && (int)l->b != neighbour && port_by_name(nh, l->a_port) == port) ||
		    ((int)l->b == self && (int)l->a != neighbour && port_by_name(nh, l->b_port) == port))
			return 1;
	}
	return 0;
}

/* From self towards the layer-2 neighbour `target_addr`, leaving by `port` (-1: any). 1 when the map knows the way. */
static int map_find(const struct nexthops *nh, struct in_addr target_addr, int port, struct nexthop *out)
{
	int self = node_by_name(nh, nh->self), target = node_by_addr(nh, target_addr), neighbour = -1;
	const struct l2_link *link;

	if (self < 0 || self == target)
		return 0;
	link = target >= 0 ? walk(nh, self, target, port, &neighbour) : NULL;
	if (!link)
		link = further(nh, self, port, &neighbour);
	if (!link)
		return 0;
	out->port = port_by_name(nh, (int)link->a == self ? link->a_port : link->b_port);
	if (out->port < 0)
		return 0;
	out->neighbour = nh->node[neighbour].n_addr ? nh->node[neighbour].addr[0] : target_addr;
	out->subtarget = target_addr;
	out->trunk = nh->node[neighbour].is_switch;
	out->shared = others_behind(nh, self, out->port, neighbour);
	return 1;
}

int nexthop_find(const struct nexthops *nh, struct in_addr dest, struct in_addr subtarget, struct nexthop *out)
{
	const struct nexthop_route *route;
	struct in_addr router;
	int node;

	memset(out, 0, sizeof(*out));
	if (nh->is_switch)
		return map_find(nh, subtarget.s_addr ? subtarget : dest, -1, out) ? 0 : -EHOSTUNREACH;
	route = route_find(nh, dest);
	if (!route || route->port < 0)
		return -EHOSTUNREACH;
	router = route->gateway.s_addr ? route->gateway : dest;
	if (map_find(nh, router, route->port, out))
		return 0;
	node = node_by_addr(nh, router); /* known, though no link to it is: the next router */
	out->port = route->port;
	out->subtarget = router;
	out->neighbour = node >= 0 ? nh->node[node].addr[0] : router;
	out->unmapped = node_by_name(nh, nh->self) < 0;
	out->beyond = node < 0 && route->gateway.s_addr && nh->alert && !out->unmapped;
	return 0;
}

int nexthop_port_of(const struct nexthops *nh, struct in_addr neighbour)
{
	const struct nexthop_route *route;
	struct nexthop found;

	if (nh->is_switch)
		return map_find(nh, neighbour, -1, &found) ? found.port : -1;
	route = route_find(nh, neighbour);
	return route ? route->port : -1;
}

void nexthops_clear_routes(struct nexthops *nh)
{
	free(nh->route);
	nh->route = NULL;
	nh->n_routes = 0;
}

void nexthops_clear_map(struct nexthops *nh)
{
	free(nh->node);
	free(nh->link);
	nh->node = NULL;
	nh->link = NULL;
	nh->n_nodes = nh->n_links = 0;
}

int nexthops_take_map(struct nexthops *nh, struct nexthops *fresh)
{
	int other = nh->n_nodes != fresh->n_nodes || nh->n_links != fresh->n_links ||
		    (nh->n_nodes && memcmp(nh->node, fresh->node, nh->n_nodes * sizeof(*nh->node))) ||
		    (nh->n_links && memcmp(nh->link, fresh->link, nh->n_links * sizeof(*nh->link)));

	nexthops_clear_map(nh);
	nh->node = fresh->node;
	nh->n_nodes = fresh->n_nodes;
	nh->link = fresh->link;
	nh->n_links = fresh->n_links;
	fresh->node = NULL;
	fresh->link = NULL;
	fresh->n_nodes = fresh->n_links = 0;
	return other;
}

/* Room for one more of `size` bytes; rarely called, so one at a time is fine. */
static void *grow(void **v, size_t *n, size_t size)
{
	void *more = realloc(*v, (*n + 1) * size);

	if (!more)
		return NULL;
	*v = more;
	return (char *)more + size * (*n)++;
}

int nexthops_add_route(struct nexthops *nh, const struct nexthop_route *route)
{
	struct nexthop_route *to = grow((void **)&nh->route, &nh->n_routes, sizeof(*to));

	return to ? (*to = *route, 0) : -ENOMEM;
}

int nexthops_add_node(struct nexthops *nh, const struct l2_node *node)
{
	struct l2_node *to = grow((void **)&nh->node, &nh->n_nodes, sizeof(*to));

	return to ? (*to = *node, 0) : -ENOMEM;
}

int nexthops_add_link(struct nexthops *nh, const char *a, const char *a_port, const char *b, const char *b_port)
{
	int na = node_by_name(nh, a), nb = node_by_name(nh, b);
	struct l2_link *to;

	if (na < 0 || nb < 0)
		return -ENOENT;
	to = grow((void **)&nh->link, &nh->n_links, sizeof(*to));
	if (!to)
		return -ENOMEM;
	memset(to, 0, sizeof(*to));
	to->a = (unsigned)na;
	to->b = (unsigned)nb;
	strncpy(to->a_port, a_port, sizeof(to->a_port) - 1);
	strncpy(to->b_port, b_port, sizeof(to->b_port) - 1);
	return 0;
}
