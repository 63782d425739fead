/* A network's nodes and links, and finding one's way in it. See topo.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/topo.h"

void topo_init(struct topo *topo)
{
	memset(topo, 0, sizeof(*topo));
	topo->refresh_us = 1000000;
	topo->rate_bps = 100000000;
	snprintf(topo->image, sizeof(topo->image), "web");
}

void topo_free(struct topo *topo)
{
	for (unsigned i = 0; i < topo->n_nodes; i++) {
		free(topo->node[i].iface);
		free(topo->node[i].route);
	}
	free(topo->node);
	free(topo->link);
	free(topo->site);
	free(topo->request);
	map_free(&topo->by_addr);
	memset(topo, 0, sizeof(*topo));
}

/* Room for one more of `size` bytes, zeroed; doubling. */
static void *grow(void **v, unsigned n, size_t size)
{
	if (!(n & (n - 1))) {
		void *more = realloc(*v, (n ? 2 * (size_t)n : 1) * size);

		if (!more)
			return NULL;
		*v = more;
	}
	return memset((char *)*v + size * n, 0, size);
}

int topo_add_node(struct topo *topo, const char *name, enum topo_kind what, enum element_kind kind)
{
	struct topo_node *node = grow((void **)&topo->node, topo->n_nodes, sizeof(*node));

	if (!node)
		return -1;
	snprintf(node->name, sizeof(node->name), "%s", name);
	node->what = what;
	node->kind = kind;
	return (int)topo->n_nodes++;
}

static int add_end(struct topo *topo, unsigned at, const char *name, uint64_t rate_bps, struct topo_end *end)
{
	struct topo_node *node = &topo->node[at];
	struct topo_iface *iface;

	if (node->n_ifaces == CORE_MAX_PORTS)
		return -1;
	iface = grow((void **)&node->iface, node->n_ifaces, sizeof(*iface));
	if (!iface)
		return -1;
	if (name)
		snprintf(iface->name, sizeof(iface->name), "%s", name);
	else
		snprintf(iface->name, sizeof(iface->name), "eth%u", node->n_ifaces);
	iface->link = topo->n_links;
	iface->rate_bps = rate_bps;
	*end = (struct topo_end){ at, node->n_ifaces++ };
	return 0;
}

int topo_add_link(struct topo *topo, unsigned a, const char *a_iface, unsigned b, const char *b_iface, uint64_t rate_bps)
{
	struct topo_link *link = grow((void **)&topo->link, topo->n_links, sizeof(*link));

	if (!link || add_end(topo, a, a_iface, rate_bps, &link->a))
		return -1;
	if (add_end(topo, b, b_iface, rate_bps, &link->b)) {
		topo->node[a].n_ifaces--;
		return -1;
	}
	return (int)topo->n_links++;
}

int topo_add_route(struct topo_node *node, struct prefix dest, struct in_addr via)
{
	struct topo_route *route = grow((void **)&node->route, node->n_routes, sizeof(*route));

	if (!route)
		return -1;
	*route = (struct topo_route){ dest, via };
	return (int)node->n_routes++;
}

int topo_add_site(struct topo *topo, unsigned router, struct prefix prefix)
{
	struct topo_site *site = grow((void **)&topo->site, topo->n_sites, sizeof(*site));

	if (!site)
		return -1;
	*site = (struct topo_site){ router, prefix };
	return (int)topo->n_sites++;
}

void topo_index(struct topo *topo)
{
	for (unsigned i = 0; i < topo->n_nodes; i++) {
		struct topo_node *node = &topo->node[i];

		if (node->bridge.addr.s_addr)
			map_put(&topo->by_addr, node->bridge.addr.s_addr, node);
		for (unsigned k = 0; k < node->n_ifaces; k++)
			if (node->iface[k].addr.addr.s_addr)
				map_put(&topo->by_addr, node->iface[k].addr.addr.s_addr, node);
	}
}

int topo_find(const struct topo *topo, const char *name)
{
	for (unsigned i = 0; i < topo->n_nodes; i++)
		if (!strcmp(topo->node[i].name, name))
			return (int)i;
	return -1;
}

int topo_owner(const struct topo *topo, struct in_addr addr)
{
	const struct topo_node *node = map_get(&topo->by_addr, addr.s_addr);

	return node ? (int)(node - topo->node) : -1;
}

struct in_addr topo_control(const struct topo_node *node)
{
	if (node->bridge.addr.s_addr)
		return node->bridge.addr;
	for (unsigned i = 0; i < node->n_ifaces; i++)
		if (node->iface[i].addr.addr.s_addr)
			return node->iface[i].addr.addr;
	return (struct in_addr){ 0 };
}

struct topo_end topo_peer(const struct topo *topo, unsigned node, unsigned iface)
{
	const struct topo_link *l = &topo->link[topo->node[node].iface[iface].link];

	return l->a.node == node && l->a.iface == iface ? l->b : l->a;
}

/* Breadth first from `to`, so that from[] leads there. Hosts forward nothing. */
unsigned topo_way(const struct topo *topo, unsigned from, unsigned to, unsigned *link, unsigned room)
{
	unsigned *queue = calloc(topo->n_nodes, sizeof(*queue)), head = 0, tail = 0, n = 0;
	struct topo_end *next = calloc(topo->n_nodes, sizeof(*next)); /* towards `to`: by which interface; node + 1 */

	if (!queue || !next)
		abort();
	queue[tail++] = to;
	next[to].node = to + 1;
	while (head < tail && !next[from].node) {
		unsigned at = queue[head++];

		for (unsigned i = 0; i < topo->node[at].n_ifaces; i++) {
			struct topo_end peer = topo_peer(topo, at, i);

			if (next[peer.node].node || (topo->node[peer.node].what == TOPO_HOST && peer.node != from))
				continue;
			next[peer.node] = (struct topo_end){ at + 1, peer.iface };
			queue[tail++] = peer.node;
		}
	}
	for (unsigned at = from; next[from].node && at != to && n < room; at = next[at].node - 1)
		link[n++] = topo->node[at].iface[next[at].iface].link;
	free(queue);
	free(next);
	return n;
}

/* Breadth first from the router over routers: first[] is by which of its interfaces each is reached, plus one. */
static void first_hops(const struct topo *topo, unsigned router, const unsigned *cut, unsigned *queue, unsigned *first)
{
	unsigned head = 0, tail = 0;

	queue[tail++] = router;
	while (head < tail) {
		unsigned at = queue[head++];

		for (unsigned i = 0; i < topo->node[at].n_ifaces; i++) {
			unsigned peer = topo_peer(topo, at, i).node;

			if (peer == router || first[peer] || topo->node[peer].kind != ELEMENT_ROUTER ||
			    (cut && cut[topo->node[at].iface[i].link]))
				continue;
			first[peer] = at == router ? i + 1 : first[at];
			queue[tail++] = peer;
		}
	}
}

int topo_routes(const struct topo *topo, unsigned router, const unsigned *cut,
		int (*add)(void *ctx, struct prefix dest, struct in_addr via, unsigned iface), void *ctx)
{
	unsigned *queue = calloc(topo->n_nodes, sizeof(*queue)), *first = calloc(topo->n_nodes, sizeof(*first));
	int r = 0;

	if (!queue || !first)
		abort();
	first_hops(topo, router, cut, queue, first);
	for (unsigned i = 0; !r && i < topo->n_sites; i++) {
		unsigned by = first[topo->site[i].router];
		struct topo_end peer;

		if (!by)
			continue;
		peer = topo_peer(topo, router, by - 1);
		r = add(ctx, topo->site[i].prefix, topo->node[peer.node].iface[peer.iface].addr.addr, by - 1);
	}
	free(queue);
	free(first);
	return r;
}
