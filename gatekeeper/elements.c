/*
 * The registrar's table (elements.h): an array sorted by name, bounded by the number of element tokens.
 *
 *     registrar_register -> elements_register -> store (when something but counters changed)
 *                                             -> l2map_dirty (when ports or what a switch has learnt changed)
 *     timer -> elements_expire -> l2map_dirty
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/elements.h"
#include "gatekeeper/events.h"
#include "gatekeeper/l2map.h"
#include "gatekeeper/work.h"
#include "lib/clock.h"
#include "lib/log.h"

struct elements {
	struct gatekeeper *gk;
	struct element **element;
	size_t n;
	struct event *timer;
};

static size_t position(const struct elements *elements, const char *name)
{
	size_t low = 0, high = elements->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(elements->element[middle]->reg.name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct element *elements_find(const struct elements *elements, const char *name)
{
	size_t at = position(elements, name);

	return at < elements->n && !strcmp(elements->element[at]->reg.name, name) ? elements->element[at] : NULL;
}

struct element *elements_nth(const struct elements *elements, size_t n)
{
	return n < elements->n ? elements->element[n] : NULL;
}

size_t elements_count(const struct elements *elements)
{
	return elements->n;
}

static struct element *insert(struct elements *elements, const char *name)
{
	size_t at = position(elements, name);
	struct element **grown = realloc(elements->element, (elements->n + 1) * sizeof(struct element *));
	struct element *e = calloc(1, sizeof(*e));

	if (grown)
		elements->element = grown;
	if (!grown || !e) {
		free(e);
		return NULL;
	}
	memmove(&grown[at + 1], &grown[at], (elements->n - at) * sizeof(struct element *));
	grown[at] = e;
	elements->n++;
	return e;
}

static int load(void *ctx, const char *name, const char *text)
{
	struct elements *elements = ctx;
	struct registration reg;
	struct problem problem;
	struct element *e;

	if (registration_parse(text, strlen(text), &reg, &problem) < 0) {
		log_msg(LOG_LEVEL_WARN, "element %s: stored registration left out: %s", name, problem.message);
		return 0;
	}
	e = insert(elements, reg.name);
	if (!e) {
		registration_clear(&reg);
		return -ENOMEM;
	}
	e->reg = reg;
	e->seen_us = clock_now_us();
	e->alive = 1;
	return 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	elements_expire(arg, clock_now_us());
}

int elements_new(struct gatekeeper *gk, struct elements **out)
{
	struct elements *elements = calloc(1, sizeof(*elements));
	struct timeval second = {1, 0};
	int err;

	if (!elements)
		return -ENOMEM;
	elements->gk = gk;
	elements->timer = event_new(gk->base, -1, EV_PERSIST, on_timer, elements);
	err = elements->timer ? store_element_each(gk->store, load, elements) : -ENOMEM;
	if (err) {
		elements_free(elements);
		return err;
	}
	event_add(elements->timer, &second);
	*out = elements;
	return 0;
}

void elements_free(struct elements *elements)
{
	if (!elements)
		return;
	for (size_t i = 0; i < elements->n; i++) {
		registration_clear(&elements->element[i]->reg);
		fdb_clear(&elements->element[i]->fdb);
		free(elements->element[i]);
	}
	if (elements->timer)
		event_free(elements->timer);
	free(elements->element);
	free(elements);
}

static int keep(struct elements *elements, const struct registration *reg, struct problem *problem)
{
	char *text = registration_text(reg);
	int err = text ? store_element_put(elements->gk->store, reg->name, text) : -ENOMEM;

	free(text);
	if (err < 0)
		return problem_set(problem, 503, "store", "the registration could not be stored");
	return 0;
}

int elements_register(struct elements *elements, struct registration *reg, struct problem *problem)
{
	struct gatekeeper *gk = elements->gk;
	struct element *e = elements_find(elements, reg->name);
	int changed = !e || !registration_same(&e->reg, reg), moved, back = e && !e->alive, first = !e || !e->heard;
	uint64_t now = clock_now_us();

	if (changed && keep(elements, reg, problem) < 0)
		return -EINVAL;
	if (!e)
		e = insert(elements, reg->name);
	if (!e)
		return problem_set(problem, 503, "out-of-memory", "out of memory");
	moved = fdb_learn(&e->fdb, reg->fdb, reg->kind == ELEMENT_SWITCH ? reg->n_fdb : 0, now, gk->config->l2_hold);
	if (first || back)
		log_msg(LOG_LEVEL_INFO, "element %s (%s) %s", reg->name, element_kind_name(reg->kind),
			back ? "is back" : "registered");
	registration_clear(&e->reg);
	e->reg = *reg;
	memset(reg, 0, sizeof(*reg));
	free(e->reg.fdb); /* remembered in e->fdb */
	e->reg.fdb = NULL;
	e->reg.n_fdb = 0;
	e->seen_us = now;
	e->alive = e->heard = 1;
	if (changed || moved || back || first)
		l2map_dirty(gk->l2map);
	events_element(gk->events, e);
	return 0;
}

void elements_expire(struct elements *elements, uint64_t now_us)
{
	struct gatekeeper *gk = elements->gk;
	uint64_t patience = gk->config->heartbeat * (uint64_t)gk->config->expiry;

	for (size_t i = 0; i < elements->n; i++) {
		struct element *e = elements->element[i];

		if (!e->alive || e->seen_us + patience > now_us)
			continue;
		e->alive = 0;
		log_msg(LOG_LEVEL_WARN, "element %s (%s) has missed %d heartbeats", e->reg.name,
			element_kind_name(e->reg.kind), (int)gk->config->expiry);
		fdb_clear(&e->fdb);
		l2map_dirty(gk->l2map);
		events_element(gk->events, e);
	}
}

static json_t *ports_json(const struct registration *reg)
{
	json_t *ports = json_array();
	char mac[ETHER_TEXT], text[PREFIX_TEXT];

	for (unsigned i = 0; i < reg->n_ports; i++) {
		json_t *addresses = json_array();

		for (unsigned j = 0; j < reg->ports[i].n_addresses; j++)
			json_array_append_new(addresses, json_string(prefix_text(reg->ports[i].address[j], text)));
		json_array_append_new(ports, json_pack("{s:s, s:s, s:o, s:I}", "name", reg->ports[i].name, "mac",
						       ether_text(reg->ports[i].mac, mac), "addresses", addresses, "speed_bps",
						       (json_int_t)reg->ports[i].speed_bps));
	}
	return ports;
}

json_t *elements_json(const struct gatekeeper *gk, const struct element *element)
{
	const struct registration *reg = &element->reg;
	json_t *resources = json_array(), *images = json_array(), *json;
	char text[PREFIX_TEXT];

	for (unsigned r = 1; r <= RESOURCE_MAX; r++)
		if (reg->resource[r].known)
			json_array_append_new(resources,
					      json_pack("{s:s, s:I, s:I}", "resource", resource_name((enum resource)r), "capacity",
							(json_int_t)reg->resource[r].capacity, "used",
							(json_int_t)reg->resource[r].used));
	for (unsigned i = 0; i < reg->n_images; i++)
		json_array_append_new(images, json_string(reg->image[i]));
	json = json_pack("{s:s, s:s, s:s, s:b, s:b, s:I, s:o, s:o, s:o, s:o, s:I}", "name", reg->name, "kind",
			 element_kind_name(reg->kind), "address", addr_text(reg->address, text), "alive", element->alive,
			 "connected", work_connected(gk->work, reg->name), "heartbeat_age_ms",
			 (json_int_t)((clock_now_us() - element->seen_us) / CLOCK_MS), "ports", ports_json(reg),
			 "adaptors", registration_adaptors_json(reg), "resources", resources, "images", images, "fdb_entries",
			 (json_int_t)element->fdb.n);
	if (reg->has_pool)
		json_object_set_new(json, "public_pool", json_string(prefix_text(reg->public_pool, text)));
	return json;
}
