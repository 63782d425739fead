/*
 * GML (Himsolt, 1996), as the Internet Topology Zoo writes it: pairs of a key and a number, a string, or a list of pairs in
 * brackets.
 *
 *     graph [ node [ id 0 label "New York" ] … edge [ source 0 target 1 LinkSpeedRaw 10000000000.0 ] … ]
 *
 * Everything else in it is passed over. The text is read twice, since edges may come before their nodes. It may be
 * hostile: lists nest at most MAX_DEPTH deep, keys and numbers are short, nodes and links are counted.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/network.h"

#define MAX_DEPTH 16
#define MAX_WORD 64

enum value_kind { VALUE_NUMBER, VALUE_STRING, VALUE_LIST };

struct gml {
	const char *at, *end;
	unsigned line;
	struct network *network;
	int edges;                      /* the second reading */
	const char *wrong;
};

/* What a list says of a node or an edge. */
struct item { char id[MAX_WORD], source[MAX_WORD], target[MAX_WORD], label[MAX_WORD], speed[MAX_WORD], unit[MAX_WORD], raw[MAX_WORD]; };

static int fail(struct gml *g, const char *wrong)
{
	g->wrong = wrong;
	return -EINVAL;
}

static void skip_blanks(struct gml *g)
{
	for (; g->at < g->end; g->at++) {
		if (*g->at == '#') /* to the end of the line */
			while (g->at < g->end && *g->at != '\n')
				g->at++;
		if (g->at == g->end || !isspace((unsigned char)*g->at))
			return;
		g->line += *g->at == '\n';
	}
}

/* A run of letters, digits, and what numbers have besides. */
static int read_word(struct gml *g, char out[MAX_WORD])
{
	size_t n = 0;

	while (g->at < g->end && (isalnum((unsigned char)*g->at) || strchr("_+-.", *g->at)) && *g->at) {
		if (n == MAX_WORD - 1)
			return fail(g, "a word is too long");
		out[n++] = *g->at++;
	}
	out[n] = 0;
	return n ? 0 : fail(g, "a key, a number, a string or a bracket should be here");
}

/* Cut to what is kept; a string may go over lines. */
static int read_string(struct gml *g, char out[MAX_WORD])
{
	size_t n = 0;

	for (g->at++; g->at < g->end && *g->at != '"'; g->at++) {
		g->line += *g->at == '\n';
		if (n < MAX_WORD - 1)
			out[n++] = *g->at;
	}
	out[n] = 0;
	if (g->at == g->end)
		return fail(g, "a string does not end");
	g->at++;
	return 0;
}

/* The value of a key; a list's content is still to be read. */
static int read_value(struct gml *g, enum value_kind *kind, char out[MAX_WORD])
{
	skip_blanks(g);
	if (g->at == g->end)
		return fail(g, "a key has no value");
	if (*g->at == '"') {
		*kind = VALUE_STRING;
		return read_string(g, out);
	}
	if (*g->at == '[') {
		*kind = VALUE_LIST;
		g->at++;
		return 0;
	}
	*kind = VALUE_NUMBER;
	if (read_word(g, out))
		return -EINVAL;
	return isdigit((unsigned char)*out) || strchr("+-.", *out) ? 0 : fail(g, "a key's value is a number, a string or a list");
}

static void keep(struct item *item, const char *key, const char *value)
{
	const struct { const char *key; char *to; } kept[] = {
		{ "id", item->id }, { "source", item->source }, { "target", item->target }, { "label", item->label },
		{ "LinkSpeed", item->speed }, { "LinkSpeedUnits", item->unit }, { "LinkSpeedRaw", item->raw },
	};

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (!strcmp(key, kept[i].key))
			snprintf(kept[i].to, MAX_WORD, "%s", value);
}

/* Bit per second; 0: the edge does not say. */
static int speed_of(struct gml *g, const struct item *item, double *bps)
{
	static const struct { char unit; double times; } units[] = { { 'K', 1e3 }, { 'M', 1e6 }, { 'G', 1e9 }, { 'T', 1e12 } };
	const char *text = *item->raw ? item->raw : item->speed;
	char *end;

	*bps = strtod(text, &end);
	if (end == text && *item->raw)
		return fail(g, "not a link speed");
	for (size_t i = 0; !*item->raw && i < sizeof(units) / sizeof(units[0]); i++)
		if (toupper((unsigned char)*item->unit) == units[i].unit)
			*bps *= units[i].times;
	return 0;
}

static int add_item(struct gml *g, const char *key, const struct item *item)
{
	double bps;
	int e = 0;

	if (!strcmp(key, "node") && !g->edges) {
		if (!*item->id)
			return fail(g, "a node has no id");
		e = network_add_node(g->network, item->id, *item->label ? item->label : item->id);
	} else if (!strcmp(key, "edge") && g->edges) {
		if (!*item->source || !*item->target)
			return fail(g, "an edge has no source or no target");
		if (speed_of(g, item, &bps))
			return -EINVAL;
		e = network_add_link(g->network, item->source, item->target, bps);
	}
	if (e)
		g->wrong = network_error(e);
	return e;
}

/* The pairs up to the closing bracket (depth 0: the end of the text). Those of the list itself go to *item. */
static int read_list(struct gml *g, unsigned depth, struct item *item)
{
	char key[MAX_WORD], value[MAX_WORD];
	enum value_kind kind;
	int e = 0;

	for (;;) {
		skip_blanks(g);
		if (g->at == g->end)
			return depth ? fail(g, "a list does not end") : 0;
		if (*g->at == ']')
			return depth ? (g->at++, 0) : fail(g, "a bracket too many");
		e = read_word(g, key);
		if (!e)
			e = read_value(g, &kind, value);
		if (!e && kind == VALUE_LIST) {
			struct item inner = { 0 };

			e = depth == MAX_DEPTH ? fail(g, "lists are nested too deeply") : read_list(g, depth + 1, &inner);
			if (!e && depth == 1)
				e = add_item(g, key, &inner);
		} else if (!e) {
			keep(item, key, value);
		}
		if (e)
			return e;
	}
}

int network_parse_gml(const char *file, const char *text, size_t len, struct network *network, char *why, size_t room)
{
	struct gml g = { .network = network };
	struct item none = { 0 };
	int e = 0;

	memset(network, 0, sizeof(*network));
	for (g.edges = 0; !e && g.edges <= 1; g.edges++) {
		g.at = text;
		g.end = text + len;
		g.line = 1;
		e = read_list(&g, 0, &none);
	}
	if (!e && !network->n_nodes)
		e = fail(&g, "there is no node");
	if (e) {
		snprintf(why, room, "%s:%u: %s", file, g.line, g.wrong);
		network_free(network);
	}
	return e;
}
