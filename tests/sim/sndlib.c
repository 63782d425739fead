/*
 * SNDlib's XML (sndlib.zib.de): nodes, links with what is installed on them and what may be, and a matrix of demands.
 * All its numbers are Mbit/s here. A link has what is installed on it, or, where nothing is, the largest module that may be.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "tests/sim/network.h"

struct reading { struct network *network; long line; const char *wrong; };

static int fail(struct reading *r, const xmlNode *at, const char *wrong)
{
	r->line = xmlGetLineNo((xmlNode *)at);
	r->wrong = wrong;
	return -EINVAL;
}

/* The next element of that name from `node` on, among its siblings. */
static xmlNode *named(xmlNode *node, const char *name)
{
	while (node && (node->type != XML_ELEMENT_NODE || strcmp((const char *)node->name, name)))
		node = node->next;
	return node;
}

static xmlNode *child(const xmlNode *node, const char *name)
{
	return node ? named(node->children, name) : NULL;
}

/* The child's text, for the caller to xmlFree; NULL: there is none. */
static char *text_of(const xmlNode *node, const char *name)
{
	xmlNode *at = child(node, name);

	return at ? (char *)xmlNodeGetContent(at) : NULL;
}

/* Bit/s; -1: it is no number, or nothing but one. NAN passes no comparison. */
static double rate_of(const xmlNode *node, const char *name)
{
	char *text = text_of(node, name), *end = text;
	double mbps = text ? strtod(text, &end) : 0;
	int good = !text || (end != text && !end[strspn(end, " \t\r\n")] && mbps >= 0);

	xmlFree(text);
	return good ? mbps * 1e6 : -1;
}

static double capacity_of(const xmlNode *link)
{
	double most = rate_of(child(link, "preInstalledModule"), "capacity"), one;

	if (most)
		return most;
	for (xmlNode *m = child(child(link, "additionalModules"), "addModule"); m; m = named(m->next, "addModule")) {
		one = rate_of(m, "capacity");
		if (one < 0)
			return one;
		if (one > most)
			most = one;
	}
	return most;
}

static int read_nodes(struct reading *r, const xmlNode *structure)
{
	for (xmlNode *node = child(child(structure, "nodes"), "node"); node; node = named(node->next, "node")) {
		char *id = (char *)xmlGetProp(node, (const xmlChar *)"id");
		int e = id ? network_add_node(r->network, id, id) : -EINVAL;

		if (e)
			fail(r, node, id ? network_error(e) : "a node has no id");
		xmlFree(id);
		if (e)
			return e;
	}
	return 0;
}

/* A link or a demand: its two ends, and what it carries. */
static int read_pair(struct reading *r, const xmlNode *node, double bps,
		     int (*add)(struct network *, const char *, const char *, double))
{
	char *source = text_of(node, "source"), *target = text_of(node, "target");
	int e = source && target ? add(r->network, source, target, bps) : -EINVAL;

	if (e)
		fail(r, node, source && target ? network_error(e) : "a source or a target is missing");
	xmlFree(source);
	xmlFree(target);
	return e;
}

static int read_network(struct reading *r, const xmlNode *root)
{
	const xmlNode *structure = child(root, "networkStructure");
	int e = read_nodes(r, structure);

	if (!e && !r->network->n_nodes)
		return fail(r, root, "there is no node");
	for (xmlNode *l = child(child(structure, "links"), "link"); !e && l; l = named(l->next, "link"))
		e = read_pair(r, l, capacity_of(l), network_add_link);
	for (xmlNode *d = child(child(root, "demands"), "demand"); !e && d; d = named(d->next, "demand"))
		e = read_pair(r, d, rate_of(d, "demandValue"), network_add_demand);
	return e;
}

static void silent(void *ctx, const char *fmt, ...)
{
}

int network_parse_sndlib(const char *file, const char *text, size_t len, struct network *network, char *why, size_t room)
{
	struct reading r = { network, 0, "not XML" };
	xmlNode *root;
	xmlDoc *doc;
	int e;

	memset(network, 0, sizeof(*network));
	xmlResetLastError();
	xmlSetGenericErrorFunc(NULL, silent);
	doc = xmlReadMemory(text, (int)len, file, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	root = doc ? xmlDocGetRootElement(doc) : NULL;
	if (!root) {
		const xmlError *error = xmlGetLastError();

		r.line = error && error->line ? error->line : 1;
		e = -EINVAL;
	} else if (doc->intSubset) {
		e = fail(&r, root, "a document type is not taken");
	} else {
		e = read_network(&r, root);
	}
	xmlFreeDoc(doc);
	xmlSetGenericErrorFunc(NULL, NULL);
	if (e) {
		snprintf(why, room, "%s:%ld: %s", file, r.line, r.wrong);
		network_free(network);
	}
	return e;
}
