/* What a backbone consists of. See network.h. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/network.h"

#define MAX_BPS 1e15

static uint64_t hash(const char *text)
{
	uint64_t h = 14695981039346656037ull;

	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 1099511628211ull;
	return h;
}

void network_free(struct network *network)
{
	for (unsigned i = 0; i < network->n_nodes; i++)
		free(network->node[i].id);
	free(network->node);
	free(network->link);
	free(network->demand);
	map_free(&network->by_id);
	map_free(&network->by_name);
	memset(network, 0, sizeof(*network));
}

/* Room for one more of `size` bytes, doubling; NULL: no memory. */
static void *grow(void **v, unsigned n, size_t size)
{
	if (!(n & (n - 1))) {
		void *more = realloc(*v, (n ? 2 * (size_t)n : 1) * size);

		if (!more)
			return NULL;
		*v = more;
	}
	return (char *)*v + size * n;
}

/* Lower case letters, digits and single hyphens, beginning with a letter, as elements are named; a second one of a name gets its number. */
static void name_it(struct network *network, struct network_node *node, const char *text)
{
	size_t n = 0, most = sizeof(node->name) - 8;

	for (; *text && n < most; text++) {
		char c = (char)tolower((unsigned char)*text);

		if ((c >= 'a' && c <= 'z') || (n && c >= '0' && c <= '9'))
			node->name[n++] = c;
		else if (n && node->name[n - 1] != '-')
			node->name[n++] = '-';
	}
	while (n && node->name[n - 1] == '-')
		n--;
	node->name[n] = 0;
	if (!n || map_get(&network->by_name, hash(node->name)))
		snprintf(node->name + n, sizeof(node->name) - n, "%sn%u", n ? "-" : "", network->n_nodes);
	map_put(&network->by_name, hash(node->name), network);
}

int network_add_node(struct network *network, const char *id, const char *name)
{
	struct network_node *node;

	if (map_get(&network->by_id, hash(id)))
		return -EEXIST;
	if (network->n_nodes == NETWORK_MAX_NODES)
		return -E2BIG;
	node = grow((void **)&network->node, network->n_nodes, sizeof(*node));
	if (!node || !(node->id = strdup(id)))
		return -ENOMEM;
	name_it(network, node, name);
	network->n_nodes++;
	map_put(&network->by_id, hash(id), (void *)(uintptr_t)network->n_nodes);
	return 0;
}

static int find(const struct network *network, const char *id, unsigned *index)
{
	uintptr_t at = (uintptr_t)map_get(&network->by_id, hash(id));

	if (!at || strcmp(network->node[at - 1].id, id))
		return -ENOENT;
	*index = (unsigned)at - 1;
	return 0;
}

/* 0 stays 0: unknown. -ERANGE for what no link carries. */
static int rate_of(double bps, uint64_t *out)
{
	if (!(bps >= 0 && bps <= MAX_BPS))
		return -ERANGE;
	*out = (uint64_t)bps;
	return 0;
}

int network_add_link(struct network *network, const char *a, const char *b, double rate_bps)
{
	struct network_link link, *to;

	if (find(network, a, &link.a) || find(network, b, &link.b))
		return -ENOENT;
	if (rate_of(rate_bps, &link.rate_bps))
		return -ERANGE;
	if (link.a == link.b)
		return 0; /* nothing is carried by it */
	if (network->n_links == NETWORK_MAX_LINKS)
		return -E2BIG;
	to = grow((void **)&network->link, network->n_links, sizeof(*to));
	if (!to)
		return -ENOMEM;
	*to = link;
	network->n_links++;
	return 0;
}

int network_add_demand(struct network *network, const char *from, const char *to, double rate_bps)
{
	struct network_demand demand, *at;

	if (find(network, from, &demand.from) || find(network, to, &demand.to))
		return -ENOENT;
	if (rate_of(rate_bps, &demand.rate_bps))
		return -ERANGE;
	if (demand.from == demand.to || !demand.rate_bps)
		return 0;
	if (network->n_demands == NETWORK_MAX_DEMANDS)
		return -E2BIG;
	at = grow((void **)&network->demand, network->n_demands, sizeof(*at));
	if (!at)
		return -ENOMEM;
	*at = demand;
	network->n_demands++;
	return 0;
}

const char *network_error(int e)
{
	switch (e) {
	case -EEXIST:
		return "a node of that id is there already";
	case -ENOENT:
		return "no node of that id";
	case -ERANGE:
		return "not a rate";
	case -E2BIG:
		return "too many of these";
	default:
		return "out of memory";
	}
}
