/*
 * A backbone becomes a topology. See network.h.
 *
 *     access routers .11 .12 --+
 *                              switch .2 -- .1 router ==== /30 ==== router …        site i: 10.a.b.0/24, i = 256 a + b
 *     servers        .21 .22 --+                                                    link l: the l-th /30 of 172.16.0.0/12
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/network.h"

#define SITES 0x0a000000u
#define LINKS 0xac100000u
#define DEFAULT_BPS 1000000000ull

struct site { unsigned router, access, server; int used; uint64_t rate_bps; };

struct attaching { const struct network *network; struct topo *topo; struct site *site; uint64_t random; };

/* splitmix64: few numbers are drawn, from seeds that differ by one */
static unsigned draw(struct attaching *a, unsigned below)
{
	uint64_t z = a->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (unsigned)((z ^ z >> 31) % below);
}

static struct prefix site_addr(unsigned site, unsigned host, uint8_t len)
{
	return (struct prefix){ { htonl(SITES | site << 8 | host) }, len };
}

static uint64_t link_rate(const struct network_link *link)
{
	return link->rate_bps ? link->rate_bps : DEFAULT_BPS;
}

static int add(struct attaching *a, const char *router, const char *what, unsigned number, enum element_kind kind)
{
	char name[TOPO_NAME];

	if (number)
		snprintf(name, sizeof(name), "%s-%s%u", router, what, number);
	else
		snprintf(name, sizeof(name), "%s%s", router, what);
	return topo_add_node(a->topo, name, kind == ELEMENT_LEGACY ? TOPO_LEGACY : TOPO_CONTROLLER, kind);
}

/* ---- sites ---- */

static void give(struct topo_node *node, uint64_t rate_bps)
{
	node->resource[RESOURCE_CPU] = (struct core_resource){ .capacity = 8192, .step = 256, .floor = 128, .ceiling = 4096 };
	node->resource[RESOURCE_MEMORY] = (struct core_resource){ .capacity = 2097152, .step = 65536, .floor = 65536,
									.ceiling = 1048576 };
	node->resource[RESOURCE_BANDWIDTH].step = rate_bps / 50 ? rate_bps / 50 : 1;
}

/* An access router or a server behind the site's switch. The node's index, or -1. */
static int attach_end(struct attaching *a, unsigned i, unsigned sw, const char *what, unsigned number, enum element_kind kind,
		      unsigned host)
{
	int at = add(a, a->network->node[i].name, what, number, kind);

	if (at < 0 || topo_add_link(a->topo, sw, NULL, (unsigned)at, NULL, a->site[i].rate_bps) < 0)
		return -1;
	a->topo->node[at].iface[0].addr = site_addr(i, host, 24);
	if (topo_add_route(&a->topo->node[at], (struct prefix){ { 0 }, 0 }, site_addr(i, 1, 32).addr) < 0)
		return -1;
	if (kind == ELEMENT_SERVER)
		give(&a->topo->node[at], a->topo->rate_bps);
	return at;
}

static int attach_site(struct attaching *a, unsigned i)
{
	enum element_kind kind = draw(a, 8) ? ELEMENT_SWITCH : ELEMENT_LEGACY;
	unsigned n_access = 1 + draw(a, 2), n_servers = 1 + draw(a, 2);
	int sw = add(a, a->network->node[i].name, "-sw", 0, kind), at;

	if (sw < 0 || topo_add_link(a->topo, (unsigned)sw, NULL, a->site[i].router, "lan", a->site[i].rate_bps) < 0)
		return -E2BIG;
	if (kind == ELEMENT_SWITCH)
		a->topo->node[sw].bridge = site_addr(i, 2, 24);
	a->topo->node[a->site[i].router].iface[0].addr = site_addr(i, 1, 24);
	for (unsigned k = 0; k < n_access; k++) {
		at = attach_end(a, i, (unsigned)sw, "ar", k + 1, ELEMENT_ACCESS, 11 + k);
		if (at < 0)
			return -ENOMEM;
		if (!k)
			a->site[i].access = (unsigned)at;
	}
	for (unsigned k = 0; k < n_servers; k++) {
		at = attach_end(a, i, (unsigned)sw, "srv", k + 1, ELEMENT_SERVER, 21 + k);
		if (at < 0)
			return -ENOMEM;
		if (!k || draw(a, 2))
			a->site[i].server = (unsigned)at;
	}
	return 0;
}

static int attach_sites(struct attaching *a)
{
	const struct network *network = a->network;
	int at, r = 0;

	for (unsigned i = 0; i < network->n_demands; i++)
		a->site[network->demand[i].from].used = a->site[network->demand[i].to].used = 1;
	for (unsigned i = 0; i < network->n_links; i++) {
		a->site[network->link[i].a].rate_bps += link_rate(&network->link[i]);
		a->site[network->link[i].b].rate_bps += link_rate(&network->link[i]);
	}
	for (unsigned i = 0; !r && i < network->n_nodes; i++) {
		at = add(a, network->node[i].name, "", 0, ELEMENT_ROUTER);
		if (at < 0)
			return -ENOMEM;
		a->site[i].router = (unsigned)at;
		if (!a->site[i].rate_bps)
			a->site[i].rate_bps = DEFAULT_BPS;
		if (a->site[i].used || !network->n_demands)
			r = attach_site(a, i);
		else
			a->topo->node[at].bridge = site_addr(i, 1, 32); /* its own address, of no port */
	}
	return r;
}

/* ---- the backbone ---- */

static int add_links(struct attaching *a)
{
	for (unsigned i = 0; i < a->network->n_links; i++) {
		const struct network_link *from = &a->network->link[i];
		struct topo_link *link;
		int at = topo_add_link(a->topo, a->site[from->a].router, NULL, a->site[from->b].router, NULL, link_rate(from));

		if (at < 0)
			return -E2BIG;
		link = &a->topo->link[at];
		a->topo->node[link->a.node].iface[link->a.iface].addr = (struct prefix){ { htonl(LINKS | i << 2 | 1) }, 30 };
		a->topo->node[link->b.node].iface[link->b.iface].addr = (struct prefix){ { htonl(LINKS | i << 2 | 2) }, 30 };
	}
	return 0;
}

static int add_way(void *ctx, struct prefix dest, struct in_addr via, unsigned iface)
{
	return topo_add_route(ctx, dest, via) < 0 ? -ENOMEM : 0;
}

static int add_routes(struct attaching *a)
{
	int r = 0;

	for (unsigned i = 0; !r && i < a->network->n_nodes; i++)
		if (topo_add_site(a->topo, a->site[i].router, site_addr(i, 0, 24)) < 0)
			r = -ENOMEM;
	for (unsigned i = 0; !r && i < a->network->n_nodes; i++)
		r = topo_routes(a->topo, a->site[i].router, NULL, add_way, &a->topo->node[a->site[i].router]);
	return r;
}

static int add_requests(struct attaching *a)
{
	const struct network *network = a->network;

	if (!network->n_demands)
		return 0;
	a->topo->request = calloc(network->n_demands, sizeof(*a->topo->request));
	if (!a->topo->request)
		return -ENOMEM;
	for (unsigned i = 0; i < network->n_demands; i++)
		a->topo->request[a->topo->n_requests++] = (struct topo_request){
			a->site[network->demand[i].from].access, a->site[network->demand[i].to].server,
			network->demand[i].rate_bps };
	return 0;
}

int network_attach(const struct network *network, uint64_t seed, struct topo *topo)
{
	struct attaching a = { network, topo, calloc(network->n_nodes + 1, sizeof(*a.site)), seed };
	int r = a.site ? 0 : -ENOMEM;

	topo_init(topo);
	topo->rate_bps = DEFAULT_BPS;
	for (unsigned i = 0; i < network->n_links; i++)
		if (!i || link_rate(&network->link[i]) < topo->rate_bps)
			topo->rate_bps = link_rate(&network->link[i]);
	if (!r)
		r = attach_sites(&a);
	if (!r)
		r = add_links(&a);
	if (!r)
		r = add_routes(&a);
	if (!r)
		r = add_requests(&a);
	free(a.site);
	if (r)
		topo_free(topo);
	else
		topo_index(topo);
	return r;
}
