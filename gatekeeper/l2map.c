/*
 * Runs the correlation (l2.c) over the registrar's table. Only living elements take part. The map is kept as plain
 * names, so that it outlives the elements it was made from:
 *
 *     elements -> l2map_dirty -> (pause) -> correlate -> events; work_push_l2map (streams whose view changed, or that waited)
 *
 * After our own start there is no map until every element of the store has been heard again or has missed its heartbeats:
 * half a map would send Paths other ways, and the ICorps that run are to notice nothing of a gatekeeper's restart. For the
 * same reason nobody is told the former map while a new one is to be made: it may be that of one element alone.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/elements.h"
#include "gatekeeper/events.h"
#include "gatekeeper/l2.h"
#include "gatekeeper/l2map.h"
#include "gatekeeper/work.h"
#include "lib/log.h"

struct l2map {
	struct gatekeeper *gk;
	struct event *pause;
	struct l2_map map;
	size_t n_names;
	char (*name)[CONTRACT_NAME];  /* by the map's element index */
};

static int takes_part(const struct element *e)
{
	return e->alive && e->heard;
}

/* The input points into the registrar's table: only for the duration of the correlation. */
static struct l2_element *collect(struct l2map *map, size_t *n)
{
	const struct elements *elements = map->gk->elements;
	struct l2_element *list = calloc(elements_count(elements) + 1, sizeof(*list));
	struct element *e;

	*n = 0;
	for (size_t i = 0; list && (e = elements_nth(elements, i)); i++) {
		if (!takes_part(e))
			continue;
		list[*n].name = e->reg.name;
		list[*n].is_switch = e->reg.kind == ELEMENT_SWITCH;
		list[*n].n_ports = e->reg.n_ports;
		list[*n].ports = e->reg.ports;
		list[*n].n_fdb = e->fdb.n;
		list[*n].fdb = e->fdb.entry;
		++*n;
	}
	return list;
}

static int take_names(struct l2map *map, const struct l2_element *list, size_t n)
{
	char (*name)[CONTRACT_NAME] = calloc(n + 1, sizeof(*name));

	if (!name)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		strcpy(name[i], list[i].name);
	free(map->name);
	map->name = name;
	map->n_names = n;
	return 0;
}

static int all_heard(const struct l2map *map)
{
	const struct element *e;

	for (size_t i = 0; (e = elements_nth(map->gk->elements, i)); i++)
		if (e->alive && !e->heard)
			return 0;
	return 1;
}

int l2map_pending(const struct l2map *map)
{
	return event_pending(map->pause, EV_TIMEOUT, NULL);
}

int l2map_ready(const struct l2map *map)
{
	return !l2map_pending(map) && all_heard(map);
}

static void correlate(struct l2map *map)
{
	size_t n;
	struct l2_element *list;
	struct l2_map fresh;
	json_t *before, *after;

	if (!all_heard(map))
		return; /* made dirty again by who is awaited */
	list = collect(map, &n);
	map->gk->counts.l2_runs++;
	if (!list || l2_correlate(list, n, &fresh) < 0) {
		log_msg(LOG_LEVEL_ERROR, "l2 map: out of memory; the old one stands");
		free(list);
		return;
	}
	before = l2map_json(map);
	if (take_names(map, list, n) < 0) {
		l2_map_clear(&fresh);
	} else {
		l2_map_clear(&map->map);
		map->map = fresh;
	}
	free(list);
	after = l2map_json(map);
	if (!json_equal(before, after)) {
		map->gk->counts.l2_changes++;
		log_msg(LOG_LEVEL_INFO, "l2 map: %zu elements, %zu links", n, map->map.n_links);
		events_l2(map->gk->events, after);
	}
	json_decref(before);
	json_decref(after);
}

static void on_pause(evutil_socket_t fd, short what, void *arg)
{
	struct l2map *map = arg;

	correlate(map);
	work_push_l2map(map->gk->work); /* who has been told it already is not told again */
}

int l2map_new(struct gatekeeper *gk, struct l2map **out)
{
	struct l2map *map = calloc(1, sizeof(*map));

	if (!map)
		return -ENOMEM;
	map->gk = gk;
	map->pause = event_new(gk->base, -1, 0, on_pause, map);
	if (!map->pause) {
		free(map);
		return -ENOMEM;
	}
	*out = map;
	return 0;
}

void l2map_free(struct l2map *map)
{
	if (!map)
		return;
	event_free(map->pause);
	l2_map_clear(&map->map);
	free(map->name);
	free(map);
}

void l2map_dirty(struct l2map *map)
{
	struct timeval pause;

	if (!map || event_pending(map->pause, EV_TIMEOUT, NULL))
		return;
	pause.tv_sec = (time_t)(map->gk->config->l2_debounce / 1000000);
	pause.tv_usec = (suseconds_t)(map->gk->config->l2_debounce % 1000000);
	event_add(map->pause, &pause);
}

/* The control address first: it is how the others know the element. */
static json_t *addresses_of(const struct gatekeeper *gk, const char *name)
{
	const struct element *e = elements_find(gk->elements, name);
	json_t *list = json_array();
	char text[ADDR_TEXT];

	if (!e)
		return list;
	json_array_append_new(list, json_string(addr_text(e->reg.address, text)));
	for (unsigned i = 0; i < e->reg.n_ports; i++) {
		for (unsigned j = 0; j < e->reg.ports[i].n_addresses; j++) {
			struct in_addr a = e->reg.ports[i].address[j].addr;

			if (a.s_addr != e->reg.address.s_addr && a.s_addr != htonl(INADDR_LOOPBACK))
				json_array_append_new(list, json_string(addr_text(a, text)));
		}
	}
	return list;
}

static json_t *node_json(const struct gatekeeper *gk, const char *name)
{
	const struct element *e = elements_find(gk->elements, name);

	return json_pack("{s:s, s:s, s:o}", "name", name, "kind", e ? element_kind_name(e->reg.kind) : "?", "addresses",
			 addresses_of(gk, name));
}

static json_t *link_json(const struct l2map *map, const struct l2_link *link)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "a", map->name[map->map.members[link->a].element], "a_port", link->a_port,
			 "b", map->name[map->map.members[link->b].element], "b_port", link->b_port);
}

/* Is the island one of the element's? */
static int in_island(const struct l2map *map, unsigned element, unsigned island)
{
	for (unsigned i = 0; i < map->map.n_members; i++)
		if (map->map.members[i].element == element && map->map.members[i].island == island)
			return 1;
	return 0;
}

static json_t *view_nodes(const struct l2map *map, unsigned element)
{
	json_t *nodes = json_array();
	unsigned last = (unsigned)-1;

	for (unsigned i = 0; i < map->map.n_members; i++) {
		const struct l2_member *m = &map->map.members[i];

		if (m->element == last || !in_island(map, element, m->island))
			continue;
		last = m->element; /* an element's members are neighbours in the list */
		json_array_append_new(nodes, node_json(map->gk, map->name[m->element]));
	}
	if (!json_array_size(nodes)) /* an element without ports is on no island */
		json_array_append_new(nodes, node_json(map->gk, map->name[element]));
	return nodes;
}

json_t *l2map_view(const struct l2map *map, const char *element)
{
	json_t *links = json_array();
	unsigned self;

	for (self = 0; self < map->n_names; self++)
		if (!strcmp(map->name[self], element))
			break;
	if (self == map->n_names)
		return json_pack("{s:[o], s:o}", "nodes", node_json(map->gk, element), "links", links);
	for (size_t i = 0; i < map->map.n_links; i++)
		if (in_island(map, self, map->map.members[map->map.links[i].a].island))
			json_array_append_new(links, link_json(map, &map->map.links[i]));
	return json_pack("{s:o, s:o}", "nodes", view_nodes(map, self), "links", links);
}

json_t *l2map_json(const struct l2map *map)
{
	json_t *nodes = json_array(), *links = json_array();

	for (size_t i = 0; i < map->n_names; i++)
		json_array_append_new(nodes, node_json(map->gk, map->name[i]));
	for (size_t i = 0; i < map->map.n_links; i++) {
		json_t *link = link_json(map, &map->map.links[i]);

		json_object_set_new(link, "island", json_integer(map->map.members[map->map.links[i].a].island));
		json_array_append_new(links, link);
	}
	return json_pack("{s:o, s:o}", "nodes", nodes, "links", links);
}
