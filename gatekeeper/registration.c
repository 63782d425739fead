/*
 * Parsing and writing registrations (registration.h). Pure: text in, struct out. The registrar (elements.c) keeps
 * the structs; the fuzz target feeds this file directly.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/input.h"
#include "gatekeeper/registration.h"

static const char *const kind_names[] = {"access", "router", "switch", "server"};

const char *element_kind_name(enum element_kind kind)
{
	return (unsigned)kind < 4 ? kind_names[kind] : "?";
}

int element_kind_parse(const char *text, enum element_kind *out)
{
	for (unsigned i = 0; i < 4; i++) {
		if (!strcmp(text, kind_names[i])) {
			*out = (enum element_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* IPv6 is passed over in silence: elements list what their interfaces have. */
static int parse_addresses(json_t *item, struct reg_port *port, struct problem *problem)
{
	json_t *list, *value;
	size_t i;

	if (input_array(item, "addresses", 64, &list, problem) < 0)
		return -EINVAL;
	json_array_foreach(list, i, value) {
		const char *text = json_string_value(value);

		if (!text)
			return problem_where(problem, 400, "invalid", "addresses", "addresses must be strings");
		if (strchr(text, ':') || port->n_addresses == REGISTRATION_MAX_ADDRESSES)
			continue;
		if (prefix_parse(text, &port->address[port->n_addresses], 1) < 0)
			return problem_where(problem, 400, "invalid", "addresses",
					     "\"%.40s\" is not ADDRESS/LENGTH", text);
		port->n_addresses++;
	}
	return 0;
}

static int parse_mac(json_t *item, uint8_t mac[ETHER_SIZE], int required, struct problem *problem)
{
	char text[ETHER_TEXT + 6];

	if (input_string(item, "mac", text, sizeof(text), required, problem) < 0)
		return -EINVAL;
	if (text[0] && ether_parse(text, mac) < 0)
		return problem_where(problem, 400, "invalid", "mac", "\"%s\" is not a MAC address", text);
	return 0;
}

static int parse_ports(json_t *root, struct registration *out, struct problem *problem)
{
	json_t *list, *item;
	size_t i;

	if (input_array(root, "ports", REGISTRATION_MAX_PORTS, &list, problem) < 0)
		return -EINVAL;
	if (!list || !json_array_size(list))
		return 0;
	out->ports = calloc(json_array_size(list), sizeof(*out->ports));
	if (!out->ports)
		return problem_set(problem, 503, "out-of-memory", "out of memory");
	json_array_foreach(list, i, item) {
		struct reg_port *port = &out->ports[i];

		if (input_string(item, "name", port->name, sizeof(port->name), 1, problem) < 0 ||
		    parse_mac(item, port->mac, 0, problem) < 0 || parse_addresses(item, port, problem) < 0 ||
		    input_uint(item, "speed_bps", INT64_MAX, &port->speed_bps, problem) < 0)
			return -EINVAL;
		out->n_ports++;
	}
	return 0;
}

static int parse_fdb(json_t *root, struct registration *out, struct problem *problem)
{
	json_t *list, *item;
	size_t i;

	if (input_array(root, "fdb", REGISTRATION_MAX_FDB, &list, problem) < 0)
		return -EINVAL;
	if (!list || !json_array_size(list))
		return 0;
	out->fdb = calloc(json_array_size(list), sizeof(*out->fdb));
	if (!out->fdb)
		return problem_set(problem, 503, "out-of-memory", "out of memory");
	json_array_foreach(list, i, item) {
		struct reg_fdb *entry = &out->fdb[i];

		if (parse_mac(item, entry->mac, 1, problem) < 0 ||
		    input_string(item, "port", entry->port, sizeof(entry->port), 1, problem) < 0)
			return -EINVAL;
		out->n_fdb++;
	}
	return 0;
}

static int parse_adaptors(json_t *root, struct registration *out, struct problem *problem)
{
	json_t *list, *item;
	size_t i;

	if (input_array(root, "adaptors", REGISTRATION_MAX_ADAPTORS, &list, problem) < 0)
		return -EINVAL;
	json_array_foreach(list, i, item) {
		struct reg_adaptor *adaptor = &out->adaptors[i];

		if (input_string(item, "name", adaptor->name, sizeof(adaptor->name), 1, problem) < 0 ||
		    input_string(item, "type", adaptor->type, sizeof(adaptor->type), 0, problem) < 0 ||
		    input_string(item, "reason", adaptor->reason, sizeof(adaptor->reason), 0, problem) < 0 ||
		    input_bool(item, "up", &adaptor->up, problem) < 0 ||
		    input_uint(item, "orphans_removed", INT64_MAX, &adaptor->orphans, problem) < 0 ||
		    input_uint(item, "drift_repaired", INT64_MAX, &adaptor->repaired, problem) < 0)
			return -EINVAL;
		out->n_adaptors++;
	}
	return 0;
}

static int parse_resources(json_t *root, struct registration *out, struct problem *problem)
{
	json_t *list, *item;
	size_t i;

	if (input_array(root, "resources", 16, &list, problem) < 0)
		return -EINVAL;
	json_array_foreach(list, i, item) {
		enum resource resource;
		char name[CONTRACT_NAME];

		if (input_name(item, "resource", name, sizeof(name), 1, problem) < 0)
			return -EINVAL;
		if (resource_parse(name, &resource) < 0)
			continue;
		if (input_uint(item, "capacity", INT64_MAX, &out->resource[resource].capacity, problem) < 0 ||
		    input_uint(item, "used", INT64_MAX, &out->resource[resource].used, problem) < 0)
			return -EINVAL;
		out->resource[resource].known = json_object_get(item, "capacity") != NULL;
	}
	return 0;
}

static int parse_images(json_t *root, struct registration *out, struct problem *problem)
{
	json_t *list, *item;
	size_t i;

	if (input_array(root, "images", REGISTRATION_MAX_IMAGES, &list, problem) < 0)
		return -EINVAL;
	json_array_foreach(list, i, item) {
		const char *text = json_string_value(item);

		if (!text || !input_is_name(text, CONTRACT_NAME))
			return problem_where(problem, 400, "invalid", "images", "images must be names");
		strcpy(out->image[out->n_images++], text);
	}
	return 0;
}

static int parse_root(json_t *root, struct registration *out, struct problem *problem)
{
	char text[64];

	if (input_name(root, "name", out->name, sizeof(out->name), 1, problem) < 0 ||
	    input_string(root, "kind", text, sizeof(text), 1, problem) < 0)
		return -EINVAL;
	if (element_kind_parse(text, &out->kind) < 0)
		return problem_where(problem, 400, "invalid", "kind",
				     "kind is access, router, switch or server, not \"%s\"", text);
	if (input_string(root, "address", text, sizeof(text), 1, problem) < 0)
		return -EINVAL;
	if (addr_parse(text, &out->address) < 0)
		return problem_where(problem, 400, "invalid", "address", "\"%s\" is not an IPv4 address", text);
	if (input_string(root, "public_pool", text, sizeof(text), 0, problem) < 0)
		return -EINVAL;
	if (text[0] && prefix_parse(text, &out->public_pool, 0) < 0)
		return problem_where(problem, 400, "invalid", "public_pool", "\"%s\" is not a prefix", text);
	out->has_pool = text[0] != '\0';
	if (parse_ports(root, out, problem) < 0 || parse_fdb(root, out, problem) < 0 ||
	    parse_adaptors(root, out, problem) < 0 || parse_resources(root, out, problem) < 0 ||
	    parse_images(root, out, problem) < 0)
		return -EINVAL;
	return 0;
}

int registration_parse(const char *text, size_t len, struct registration *out, struct problem *problem)
{
	json_t *root;
	int err;

	memset(out, 0, sizeof(*out));
	root = input_json(text, len, problem);
	if (!root)
		return -EINVAL;
	err = parse_root(root, out, problem);
	json_decref(root);
	if (err < 0)
		registration_clear(out);
	return err;
}

void registration_clear(struct registration *reg)
{
	free(reg->ports);
	free(reg->fdb);
	memset(reg, 0, sizeof(*reg));
}

static int same_prefix(struct prefix a, struct prefix b)
{
	return a.addr.s_addr == b.addr.s_addr && a.len == b.len;
}

static int same_port(const struct reg_port *a, const struct reg_port *b)
{
	if (strcmp(a->name, b->name) || memcmp(a->mac, b->mac, ETHER_SIZE) || a->n_addresses != b->n_addresses ||
	    a->speed_bps != b->speed_bps)
		return 0;
	for (unsigned i = 0; i < a->n_addresses; i++)
		if (!same_prefix(a->address[i], b->address[i]))
			return 0;
	return 1;
}

json_t *registration_adaptors_json(const struct registration *reg)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < reg->n_adaptors; i++) {
		const struct reg_adaptor *a = &reg->adaptors[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s, s:I, s:I}", "name", a->name, "type", a->type,
						      "up", a->up, "reason", a->reason, "orphans_removed",
						      (json_int_t)a->orphans, "drift_repaired", (json_int_t)a->repaired));
	}
	return list;
}

static int same_adaptor(const struct reg_adaptor *a, const struct reg_adaptor *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->type, b->type) && !strcmp(a->reason, b->reason) && a->up == b->up &&
	       a->orphans == b->orphans && a->repaired == b->repaired;
}

int registration_same(const struct registration *a, const struct registration *b)
{
	if (strcmp(a->name, b->name) || a->kind != b->kind || a->address.s_addr != b->address.s_addr ||
	    a->n_ports != b->n_ports || a->n_adaptors != b->n_adaptors || a->n_images != b->n_images ||
	    a->has_pool != b->has_pool || !same_prefix(a->public_pool, b->public_pool))
		return 0;
	for (unsigned i = 0; i < a->n_ports; i++)
		if (!same_port(&a->ports[i], &b->ports[i]))
			return 0;
	for (unsigned i = 0; i < a->n_adaptors; i++)
		if (!same_adaptor(&a->adaptors[i], &b->adaptors[i]))
			return 0;
	for (unsigned i = 0; i < a->n_images; i++)
		if (strcmp(a->image[i], b->image[i]))
			return 0;
	for (unsigned i = 0; i <= RESOURCE_MAX; i++)
		if (a->resource[i].known != b->resource[i].known || a->resource[i].capacity != b->resource[i].capacity)
			return 0;
	return 1;
}

static json_t *ports_json(const struct registration *reg)
{
	json_t *ports = json_array();

	for (unsigned i = 0; i < reg->n_ports; i++) {
		const struct reg_port *port = &reg->ports[i];
		json_t *addresses = json_array();
		char mac[ETHER_TEXT], text[PREFIX_TEXT];

		for (unsigned j = 0; j < port->n_addresses; j++)
			json_array_append_new(addresses, json_string(prefix_text(port->address[j], text)));
		json_array_append_new(ports, json_pack("{s:s, s:s, s:o, s:I}", "name", port->name, "mac",
						       ether_text(port->mac, mac), "addresses", addresses, "speed_bps",
						       (json_int_t)port->speed_bps));
	}
	return ports;
}

char *registration_text(const struct registration *reg)
{
	json_t *root, *list;
	char text[PREFIX_TEXT], *out;

	root = json_pack("{s:s, s:s, s:s, s:o}", "name", reg->name, "kind", element_kind_name(reg->kind), "address",
			 addr_text(reg->address, text), "ports", ports_json(reg));
	if (!root)
		return NULL;
	if (reg->has_pool)
		json_object_set_new(root, "public_pool", json_string(prefix_text(reg->public_pool, text)));
	list = json_array();
	for (unsigned i = 0; i < reg->n_images; i++)
		json_array_append_new(list, json_string(reg->image[i]));
	json_object_set_new(root, "images", list);
	list = json_array();
	for (unsigned i = 1; i <= RESOURCE_MAX; i++)
		if (reg->resource[i].known)
			json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "resource", resource_name((enum resource)i),
							      "capacity", (json_int_t)reg->resource[i].capacity, "used",
							      (json_int_t)reg->resource[i].used));
	json_object_set_new(root, "resources", list);
	json_object_set_new(root, "adaptors", registration_adaptors_json(reg));
	out = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return out;
}
