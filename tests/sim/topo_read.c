/* Reading the testbed's topology format (doc/testbed.md). See topo.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "tests/sim/topo.h"

struct reading { struct topo *topo; const char *wrong; };

static int fail(struct reading *r, const char *wrong)
{
	r->wrong = wrong;
	return -EINVAL;
}

static int read_node(struct reading *r, char **word, int n)
{
	enum topo_kind what = TOPO_CONTROLLER;
	enum element_kind kind = ELEMENT_LEGACY;

	if (n != 3 && (n != 4 || (strcmp(word[3], "ovs") && strcmp(word[3], "qemu"))))   /* what a switch is made of matters in the testbed only */
		return fail(r, "node NAME KIND");
	if (topo_find(r->topo, word[1]) >= 0)
		return fail(r, "a node of that name is there already");
	if (!strcmp(word[2], "host") || !strcmp(word[2], "gatekeeper"))
		what = TOPO_HOST;
	else if (!strcmp(word[2], "plain"))
		what = TOPO_PLAIN;
	else if (element_kind_parse(word[2], &kind))
		return fail(r, "unknown kind of node");
	if (what == TOPO_CONTROLLER && kind == ELEMENT_LEGACY)
		what = TOPO_LEGACY;
	return topo_add_node(r->topo, word[1], what, kind) < 0 ? -ENOMEM : 0;
}

/* One end of a link: NODE, or NODE:IFACE. The node's index, or -1. */
static int read_end(struct reading *r, char *text, char **iface)
{
	*iface = strchr(text, ':');
	if (*iface)
		*(*iface)++ = 0;
	return topo_find(r->topo, text);
}

static int read_link(struct reading *r, char **word, int n)
{
	uint64_t rate = r->topo->rate_bps;
	char *a_iface, *b_iface;
	int a, b;

	if (n < 3)
		return fail(r, "link A B [rate=R]");
	for (int i = 3; i < n; i++) {
		if (!strncmp(word[i], "rate=", 5) && parse_rate(word[i] + 5, &rate))
			return fail(r, "bad rate");
		if (!strncmp(word[i], "trunk=", 6))
			return 0;                /* one more circuit of a port that is there: controllers see the port */
	}
	a = read_end(r, word[1], &a_iface);
	b = read_end(r, word[2], &b_iface);
	if (a < 0 || b < 0)
		return fail(r, "no such node");
	if (topo_add_link(r->topo, (unsigned)a, a_iface, (unsigned)b, b_iface, rate) < 0)
		return fail(r, "too many interfaces on a node");
	return 0;
}

static int read_address(struct reading *r, char **word, int n)
{
	struct topo_node *node;
	struct prefix p;
	char *iface;
	int at;

	if (n != 3 || !strchr(word[1], ':') || prefix_parse(word[2], &p, 1))
		return fail(r, "address NODE:IFACE PREFIX");
	at = read_end(r, word[1], &iface);
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
	int at;

	if (n != 5 || strcmp(word[3], "via") || addr_parse(word[4], &route.via) ||
	    prefix_parse(strcmp(word[2], "default") ? word[2] : "0.0.0.0/0", &route.dest, 0))
		return fail(r, "route NODE PREFIX via ADDRESS");
	at = topo_find(r->topo, word[1]);
	if (at < 0)
		return fail(r, "no such node");
	return topo_add_route(&r->topo->node[at], route.dest, route.via) < 0 ? -ENOMEM : 0;
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
	if (!strcmp(word[1], "refresh") && (parse_time(word[2], &r->topo->refresh_us) || !r->topo->refresh_us))
		return fail(r, "bad time");
	if (!strcmp(word[1], "rate") && parse_rate(word[2], &r->topo->rate_bps))
		return fail(r, "bad rate");
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

	topo_init(topo);
	if (!f) {
		e = -errno;
		snprintf(why, room, "%s: %s", file, strerror(errno));
		return e;
	}
	while (!e && fgets(line, sizeof(line), f)) {
		number++;
		e = read_line(&r, line);
	}
	fclose(f);
	if (e) {
		snprintf(why, room, "%s:%d: %s", file, number, r.wrong);
		topo_free(topo);
		return e;
	}
	topo_index(topo);
	return 0;
}
