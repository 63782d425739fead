/* The layer-2 map of what neighbours say over LLDP. See l2_lldp.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signald/l2_lldp.h"

/* Whose address it is: the neighbour's number, as in reading.who. */
struct claim { struct in_addr addr; size_t who; };

struct reading {
	const struct l2_lldp_neighbour *v; size_t n;
	l2_lldp_trust_fn *trust;
	const void *ctx;
	size_t who[L2_LLDP_NEIGHBOURS];   /* of each the first with its chassis and addresses */
	int gone[L2_LLDP_NEIGHBOURS];     /* it is behind another port now */
	int node[L2_LLDP_NEIGHBOURS];     /* in the map; -1: not, or not yet */
	struct claim *claim; size_t n_claims;
	struct nexthops *out;
};

struct l2_lldp_neighbour *l2_lldp_add(struct l2_lldp_heard *heard)
{
	struct l2_lldp_neighbour *more =
		heard->n < L2_LLDP_NEIGHBOURS ? realloc(heard->v, (heard->n + 1) * sizeof(*more)) : NULL;

	if (!more)
		return NULL;
	heard->v = more;
	return memset(&more[heard->n++], 0, sizeof(*more));
}

void l2_lldp_hold(struct l2_lldp_heard *heard, const struct l2_lldp_heard *before)
{
	size_t n = heard->n;

	for (size_t i = 0; i < before->n; i++) {
		struct l2_lldp_neighbour *to;
		size_t k = 0;

		while (k < n && strcmp(heard->v[k].port, before->v[i].port))
			k++;
		to = k < n ? NULL : l2_lldp_add(heard);
		if (to)
			*to = before->v[i];
	}
}

void l2_lldp_clear(struct l2_lldp_heard *heard)
{
	free(heard->v);
	*heard = (struct l2_lldp_heard){ 0 };
}

static int same_id(const struct l2_lldp_id *a, const struct l2_lldp_id *b)
{
	return a->len == b->len && !memcmp(a->v, b->v, a->len);
}

/* Who announces another element's chassis beside an address of its own is somebody else: an element announces all of its own. */
static int same_neighbour(const struct l2_lldp_neighbour *a, const struct l2_lldp_neighbour *b)
{
	return same_id(&a->chassis, &b->chassis) && a->n_addr == b->n_addr &&
	       !memcmp(a->addr, b->addr, a->n_addr * sizeof(*a->addr));
}

/* Is it where one of its addresses is reached? */
static int believed(const struct reading *r, const struct l2_lldp_neighbour *v)
{
	for (unsigned i = 0; i < v->n_addr; i++)
		if (r->trust(r->ctx, v->port, v->addr[i]) != L2_LLDP_NOT)
			return 1;
	return 0;
}

/*
 * One port of a neighbour is the other end of one of ours: of two, the one behind which it is reached, or else where it came
 * last; an older entry has not timed out yet.
 */
static void find_moved(struct reading *r)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct l2_lldp_neighbour *a = &r->v[i], *b = &r->v[k];
			int first = a->since_s < b->since_s;

			if (r->who[i] != r->who[k] || !strcmp(a->port, b->port) || !same_id(&a->its_port, &b->its_port))
				continue;
			if (believed(r, a) != believed(r, b))
				first = !believed(r, a);
			r->gone[first ? i : k] = 1;
		}
}

static int by_address(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	return x->addr.s_addr != y->addr.s_addr ? (x->addr.s_addr < y->addr.s_addr ? -1 : 1) :
	       x->who != y->who ? (x->who < y->who ? -1 : 1) : 0;
}

static int find_claims(struct reading *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->v[i].n_addr;
	r->claim = calloc(n + 1, sizeof(*r->claim));
	if (!r->claim)
		return -ENOMEM;
	for (size_t i = 0; i < r->n; i++)
		for (unsigned a = 0; a < r->v[i].n_addr; a++)
			if (r->trust(r->ctx, r->v[i].port, r->v[i].addr[a]) != L2_LLDP_NOT)
				r->claim[r->n_claims++] = (struct claim){ r->v[i].addr[a], r->who[i] };
	qsort(r->claim, r->n_claims, sizeof(*r->claim), by_address);
	return 0;
}

/* Do two say that it is theirs? */
static int disputed(const struct reading *r, struct in_addr addr)
{
	size_t low = 0, high = r->n_claims;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (by_address(&r->claim[middle], &(struct claim){ addr, 0 }) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i + 1 < r->n_claims && r->claim[i + 1].addr.s_addr == addr.s_addr; i++)
		if (r->claim[i].who != r->claim[i + 1].who)
			return 1;
	return 0;
}

static int has(const struct l2_node *node, struct in_addr addr)
{
	for (unsigned i = 0; i < node->n_addr; i++)
		if (node->addr[i].s_addr == addr.s_addr)
			return 1;
	return 0;
}

static void take_addresses(const struct reading *r, const struct l2_lldp_neighbour *from, enum l2_lldp_trust which,
			   struct l2_node *to)
{
	for (unsigned i = 0; i < from->n_addr && to->n_addr < NEXTHOP_ADDRESSES; i++) {
		struct in_addr addr = from->addr[i];

		if (r->trust(r->ctx, from->port, addr) == which && !has(to, addr) && !has(&r->out->node[0], addr) &&
		    !disputed(r, addr))
			to->addr[to->n_addr++] = addr;
	}
}

static int is_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			return 0;
	return *name != 0;
}

static int taken(const struct nexthops *map, const char *name)
{
	for (size_t i = 0; i < map->n_nodes; i++)
		if (!strcmp(map->node[i].name, name))
			return 1;
	return 0;
}

/* The node of the base that has one of its addresses, or else a new one; -1 with *error, or 0: it is no controller. */
static int node_of(struct reading *r, const struct l2_lldp_neighbour *from, size_t n_base, int *error)
{
	struct l2_node node = { .is_switch = from->is_switch, .further = from->is_switch };

	take_addresses(r, from, L2_LLDP_CONTROL, &node);
	if (!node.n_addr)
		return -1;
	take_addresses(r, from, L2_LLDP_ITS, &node);
	for (size_t i = 1; i < n_base; i++)
		for (unsigned a = 0; a < node.n_addr; a++)
			if (has(&r->out->node[i], node.addr[a])) {
				r->out->node[i].further = r->out->node[i].is_switch;
				return (int)i;
			}
	if (is_name(from->name) && !taken(r->out, from->name))
		memcpy(node.name, from->name, sizeof(node.name));
	else
		addr_text(node.addr[0], node.name);
	*error = taken(r->out, node.name) ? 0 : nexthops_add_node(r->out, &node);
	return *error ? -1 : (int)r->out->n_nodes - 1;
}

static int add_link(struct reading *r, const struct l2_lldp_neighbour *from, int node)
{
	char its[sizeof(from->port_name)];

	for (size_t i = 0; i < sizeof(its); i++)
		its[i] = isgraph((unsigned char)from->port_name[i]) || !from->port_name[i] ? from->port_name[i] : '?';
	its[sizeof(its) - 1] = 0;
	for (size_t i = 0; i < r->out->n_links; i++) {
		const struct l2_link *l = &r->out->link[i];

		if ((!l->a && (int)l->b == node && !strcmp(l->a_port, from->port)) ||
		    (!l->b && (int)l->a == node && !strcmp(l->b_port, from->port)))
			return 0; /* known from the base, or twice behind that port */
	}
	return nexthops_add_link(r->out, r->out->node[0].name, from->port, r->out->node[node].name, its);
}

static int copy(const struct nexthops *base, struct nexthops *out)
{
	int r = 0;

	for (size_t i = 0; !r && i < base->n_nodes; i++)
		r = nexthops_add_node(out, &base->node[i]);
	for (size_t i = 0; !r && i < base->n_links; i++) {
		const struct l2_link *l = &base->link[i];

		r = nexthops_add_link(out, base->node[l->a].name, l->a_port, base->node[l->b].name, l->b_port);
	}
	return r;
}

static int add_neighbours(struct reading *r)
{
	size_t n_base = r->out->n_nodes;
	int error = 0;

	for (size_t i = 0; !error && i < r->n; i++) {
		size_t who = r->who[i];

		if (r->gone[i])
			continue;
		if (r->node[who] < 0)
			r->node[who] = node_of(r, &r->v[i], n_base, &error);
		if (r->node[who] >= 0)
			error = add_link(r, &r->v[i], r->node[who]);
	}
	return error;
}

int l2_lldp_map(const struct nexthops *base, const struct l2_lldp_heard *heard, l2_lldp_trust_fn *trust, const void *ctx,
		struct nexthops *out)
{
	struct reading *r = calloc(1, sizeof(*r));
	int error = r ? 0 : -ENOMEM;

	memset(out, 0, sizeof(*out));
	if (!error) {
		*r = (struct reading){ .v = heard->v, .n = heard->n, .trust = trust, .ctx = ctx, .out = out };
		for (size_t i = 0; i < r->n; i++) {
			r->node[i] = -1;
			while (!same_neighbour(&r->v[r->who[i]], &r->v[i]))
				r->who[i]++;
		}
		find_moved(r);
		error = find_claims(r);
	}
	if (!error)
		error = copy(base, out);
	if (!error)
		error = add_neighbours(r);
	if (error)
		nexthops_clear_map(out);
	if (r)
		free(r->claim);
	free(r);
	return error;
}
