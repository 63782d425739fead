/* Reading a topology and what each controller would know of it. See topo.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "tests/sim/topo.h"

struct reading { struct topo *topo; const char *wrong; };

int topo_find(const struct topo *topo, const char *name)
{
	for (unsigned i = 0; i < topo->n_nodes; i++)
		if (!strcmp(topo->node[i].name, name))
			return (int)i;
	return -1;
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

static int fail(struct reading *r, const char *wrong)
{
	r->wrong = wrong;
	return -EINVAL;
}

static int read_node(struct reading *r, char **word, int n)
{
	struct topo_node *grown, *node;

	if (n != 3)
		return fail(r, "node NAME KIND");
	grown = realloc(r->topo->node, (r->topo->n_nodes + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	r->topo->node = grown;
	node = memset(&grown[r->topo->n_nodes], 0, sizeof(*node));
	snprintf(node->name, sizeof(node->name), "%s", word[1]);
	node->what = TOPO_CONTROLLER;
	if (!strcmp(word[2], "host") || !strcmp(word[2], "gatekeeper"))
		node->what = TOPO_HOST;
	else if (element_kind_parse(word[2], &node->kind))
		return fail(r, "unknown kind of node");
	if (node->what == TOPO_CONTROLLER && node->kind == ELEMENT_LEGACY)
		node->what = TOPO_LEGACY;
	r->topo->n_nodes++;
	return 0;
}

/* One end of a link: NODE, or NODE:IFACE. */
static int read_end(struct reading *r, char *text, uint64_t rate, struct topo_end *end)
{
	char *iface = strchr(text, ':');
	struct topo_node *node;
	int at;

	if (iface)
		*iface++ = 0;
	at = topo_find(r->topo, text);
	if (at < 0)
		return fail(r, "no such node");
	node = &r->topo->node[at];
	if (node->n_ifaces == TOPO_MAX_IFACES)
		return fail(r, "too many interfaces on a node");
	end->node = (unsigned)at;
	end->iface = node->n_ifaces;
	if (iface)
		snprintf(node->iface[end->iface].name, 16, "%s", iface);
	else
		snprintf(node->iface[end->iface].name, 16, "eth%u", end->iface);
	node->iface[end->iface].link = (int)r->topo->n_links;
	node->iface[end->iface].rate_bps = rate;
	node->n_ifaces++;
	return 0;
}

static int read_link(struct reading *r, char **word, int n)
{
	struct topo_link link, *grown;
	uint64_t rate = r->topo->rate_bps;
	int e;

	if (n < 3)
		return fail(r, "link A B [rate=R]");
	for (int i = 3; i < n; i++)
		if (!strncmp(word[i], "rate=", 5) && parse_rate(word[i] + 5, &rate))
			return fail(r, "bad rate");
	grown = realloc(r->topo->link, (r->topo->n_links + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	r->topo->link = grown;
	e = read_end(r, word[1], rate, &link.a);
	if (!e)
		e = read_end(r, word[2], rate, &link.b);
	if (e)
		return e;
	r->topo->link[r->topo->n_links++] = link;
	return 0;
}

static int read_address(struct reading *r, char **word, int n)
{
	char *iface = n == 3 ? strchr(word[1], ':') : NULL;
	struct topo_node *node;
	struct prefix p;
	int at;

	if (!iface || prefix_parse(word[2], &p, 1))
		return fail(r, "address NODE:IFACE PREFIX");
	*iface++ = 0;
	at = topo_find(r->topo, word[1]);
	if (at < 0)
		return fail(r, "no such node");
	node = &r->topo->node[at];
	if (!strcmp(iface, "br0")) {
		node->bridge = p;
		return 0;
	}
	for (unsigned i = 0; i < node->n_ifaces; i++)
		if (!strcmp(node->iface[i].name, iface))
			return node->iface[i].addr = p, 0;
	return fail(r, "no such interface");
}

static int read_route(struct reading *r, char **word, int n)
{
	struct topo_route route;
	struct topo_node *node;
	int at;

	if (n != 5 || strcmp(word[3], "via") || addr_parse(word[4], &route.via) ||
	    prefix_parse(strcmp(word[2], "default") ? word[2] : "0.0.0.0/0", &route.dest, 0))
		return fail(r, "route NODE PREFIX via ADDRESS");
	at = topo_find(r->topo, word[1]);
	if (at < 0)
		return fail(r, "no such node");
	node = &r->topo->node[at];
	if (node->n_routes == TOPO_MAX_ROUTES)
		return fail(r, "too many routes");
	node->route[node->n_routes++] = route;
	return 0;
}

static int read_resource(struct reading *r, char **word, int n)
{
	enum resource resource;

	if (n < 3 || resource_parse(word[2], &resource))
		return fail(r, "resource NODE|* RESOURCE key=value…");
	for (unsigned i = 0; i < r->topo->n_nodes; i++) {
		struct topo_node *node = &r->topo->node[i];
		struct core_resource *to = &node->resource[resource];

		if (strcmp(word[1], "*") ? strcmp(word[1], node->name) : node->kind != ELEMENT_SERVER)
			continue;
		for (int k = 3; k < n; k++) {
			sscanf(word[k], "capacity=%lu", &to->capacity);
			sscanf(word[k], "step=%lu", &to->step);
			sscanf(word[k], "floor=%lu", &to->floor);
			sscanf(word[k], "ceiling=%lu", &to->ceiling);
		}
	}
	return 0;
}

static int read_set(struct reading *r, char **word, int n)
{
	if (n != 3)
		return fail(r, "set NAME VALUE");
	if (!strcmp(word[1], "refresh"))
		return parse_time(word[2], &r->topo->refresh_us);
	if (!strcmp(word[1], "rate"))
		return parse_rate(word[2], &r->topo->rate_bps);
	if (!strcmp(word[1], "image"))
		snprintf(r->topo->image, sizeof(r->topo->image), "%s", word[2]);
	return 0;
}

static int read_line(struct reading *r, char *line)
{
	static const struct { const char *word; int (*read)(struct reading *, char **, int); } verbs[] = {
		{ "node", read_node }, { "link", read_link }, { "address", read_address }, { "route", read_route },
		{ "resource", read_resource }, { "set", read_set },
	};
	char *word[32], *save;
	int n = 0;

	line[strcspn(line, "#\r\n")] = 0;
	for (char *w = strtok_r(line, " \t", &save); w && n < 32; w = strtok_r(NULL, " \t", &save))
		word[n++] = w;
	for (size_t i = 0; n && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(word[0], verbs[i].word))
			return verbs[i].read(r, word, n);
	return 0; /* what only the testbed needs */
}

int topo_load(const char *file, struct topo *topo, char *why, size_t room)
{
	struct reading r = { topo, "out of memory" };
	FILE *f = fopen(file, "re");
	char line[1024];
	int e = 0, number = 0;

	memset(topo, 0, sizeof(*topo));
	topo->refresh_us = 1000000;
	topo->rate_bps = 100000000;
	snprintf(topo->image, sizeof(topo->image), "web");
	if (!f) {
		snprintf(why, room, "%s: %s", file, strerror(errno));
		return -errno;
	}
	while (!e && fgets(line, sizeof(line), f)) {
		number++;
		e = read_line(&r, line);
	}
	fclose(f);
	if (e) {
		snprintf(why, room, "%s:%d: %s", file, number, r.wrong);
		topo_free(topo);
	}
	return e;
}

void topo_free(struct topo *topo)
{
	free(topo->node);
	free(topo->link);
	memset(topo, 0, sizeof(*topo));
}

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

/* Follows a link away from `from`, through legacy switches, adding every controller met as a neighbour of a.a_port. */
static int follow(const struct topo *topo, struct nexthops *nh, const struct topo_node *a, const char *a_port, int link,
		  struct topo_end from)
{
	const struct topo_link *l = &topo->link[link];
	struct topo_end to = l->a.node == from.node && l->a.iface == from.iface ? l->b : l->a;
	const struct topo_node *node = &topo->node[to.node];

	if (node->what == TOPO_CONTROLLER)
		return nexthops_add_link(nh, a->name, a_port, node->name, node->iface[to.iface].name);
	if (node->what == TOPO_LEGACY)
		for (unsigned i = 0; i < node->n_ifaces; i++) {
			struct topo_end next = { to.node, i };

			if (i != to.iface && follow(topo, nh, a, a_port, node->iface[i].link, next))
				return -ENOMEM;
		}
	return 0;
}

int topo_nexthops(const struct topo *topo, const struct topo_node *node, struct nexthops *nh)
{
	snprintf(nh->self, sizeof(nh->self), "%s", node->name);
	nh->is_switch = node->kind == ELEMENT_SWITCH;
	nh->n_ports = (int)node->n_ifaces;
	return add_connected(node, nh) || add_static(node, nh) ? -ENOMEM : topo_map(topo, nh);
}

int topo_map(const struct topo *topo, struct nexthops *nh)
{
	for (unsigned i = 0; i < topo->n_nodes; i++) {
		const struct topo_node *n = &topo->node[i];
		struct l2_node to = { .is_switch = n->kind == ELEMENT_SWITCH };

		if (n->what != TOPO_CONTROLLER)
			continue;
		snprintf(to.name, sizeof(to.name), "%s", n->name);
		if (n->bridge.addr.s_addr)
			to.addr[to.n_addr++] = n->bridge.addr;
		for (unsigned k = 0; k < n->n_ifaces && to.n_addr < 8; k++)
			if (n->iface[k].addr.addr.s_addr)
				to.addr[to.n_addr++] = n->iface[k].addr.addr;
		if (nexthops_add_node(nh, &to))
			return -ENOMEM;
	}
	for (unsigned i = 0; i < topo->n_nodes; i++) {
		const struct topo_node *n = &topo->node[i];

		for (unsigned k = 0; n->what == TOPO_CONTROLLER && n->kind == ELEMENT_SWITCH && k < n->n_ifaces; k++)
			if (follow(topo, nh, n, n->iface[k].name, n->iface[k].link, (struct topo_end){ i, k }) == -ENOMEM)
				return -ENOMEM;
	}
	return 0;
}
