/*
 * Commands for the operator at the machine (control.h). They show what the API shows, as tables.
 */
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "gatekeeper/control.h"
#include "gatekeeper/dns.h"
#include "gatekeeper/elements.h"
#include "gatekeeper/events.h"
#include "gatekeeper/gatekeeper.h"
#include "gatekeeper/icorps.h"
#include "gatekeeper/input.h"
#include "gatekeeper/l2map.h"
#include "gatekeeper/work.h"
#include "lib/clock.h"
#include "lib/control.h"
#include "lib/writer.h"

static void write_json(struct writer *w, const char *name, json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		writer_object(w, name);
		for (void *at = json_object_iter(json); at; at = json_object_iter_next(json, at))
			write_json(w, json_object_iter_key(at), json_object_iter_value(at));
		writer_end(w);
		break;
	case JSON_ARRAY:
		writer_array(w, name);
		for (size_t i = 0; i < json_array_size(json); i++)
			write_json(w, NULL, json_array_get(json, i));
		writer_end(w);
		break;
	case JSON_INTEGER:
		writer_int(w, name, json_integer_value(json));
		break;
	case JSON_REAL:
		writer_real(w, name, json_real_value(json));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		writer_bool(w, name, json_is_true(json));
		break;
	default:
		writer_str(w, name, json_string_value(json));
	}
}

static int show_elements(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct gatekeeper *gk = ctx;
	struct element *e;

	writer_array(w, "elements");
	for (size_t i = 0; (e = elements_nth(gk->elements, i)); i++) {
		char text[ADDR_TEXT];

		writer_object(w, NULL);
		writer_str(w, "name", e->reg.name);
		writer_str(w, "kind", element_kind_name(e->reg.kind));
		writer_str(w, "address", addr_text(e->reg.address, text));
		writer_bool(w, "alive", e->alive);
		writer_bool(w, "stream", work_connected(gk->work, e->reg.name));
		writer_uint(w, "age_ms", (clock_now_us() - e->seen_us) / CLOCK_MS);
		writer_uint(w, "ports", e->reg.n_ports);
		writer_uint(w, "fdb", e->fdb.n);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

static int show_icorps(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct gatekeeper *gk = ctx;
	struct icorp *icorp;
	uint64_t id;

	if (argc) {
		icorp = input_number(argv[0], UINT32_MAX, &id) == 0 ? icorps_find(gk->icorps, (uint32_t)id) : NULL;
		if (icorp) {
			json_t *json = icorps_json(gk, icorp);

			write_json(w, "icorp", json);
			json_decref(json);
			return 0;
		}
		control_fail(reply, "no such ICorp %.40s", argv[0]);
		return -1;
	}
	writer_array(w, "icorps");
	for (size_t i = 0; (icorp = icorps_nth(gk->icorps, i)); i++) {
		writer_object(w, NULL);
		writer_uint(w, "id", icorp->id);
		writer_str(w, "state", life_name(icorp->state));
		writer_str(w, "name", icorp->contract->dns_name);
		writer_str(w, "client", icorp->contract->client);
		writer_str(w, "class", icorp->contract->class_name);
		writer_str(w, "leader", contract_leader(icorp->contract)->element);
		writer_uint(w, "age_s", (clock_now_us() - icorp->posted_us) / CLOCK_S);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

static int show_l2(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct gatekeeper *gk = ctx;
	json_t *json = argc ? l2map_view(gk->l2map, argv[0]) : l2map_json(gk->l2map);

	write_json(w, "links", json_object_get(json, "links"));
	json_decref(json);
	return 0;
}

static int show_dns(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct gatekeeper *gk = ctx;
	json_t *json = dns_json(gk->dns);

	write_json(w, "dns", json);
	json_decref(json);
	return 0;
}

static int show_streams(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct gatekeeper *gk = ctx;
	json_t *list = work_json(gk->work), *listeners = events_json(gk->events);

	json_array_extend(list, listeners);
	json_decref(listeners);
	write_json(w, "streams", list);
	json_decref(list);
	return 0;
}

static int delete_icorp(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct gatekeeper *gk = ctx;
	struct icorp *icorp;
	uint64_t id;

	icorp = input_number(argv[0], UINT32_MAX, &id) == 0 ? icorps_find(gk->icorps, (uint32_t)id) : NULL;
	if (!icorp) {
		control_fail(reply, "no such ICorp %.40s", argv[0]);
		return -1;
	}
	icorps_delete(gk->icorps, icorp);
	writer_str(w, "deleting", argv[0]);
	return 0;
}

const struct control_command control_commands[] = {
	{"show elements", "", "the elements that ever registered", 0, 0, show_elements},
	{"show icorps", "[ID]", "the ICorps, or all about one", 0, 1, show_icorps},
	{"show l2", "[ELEMENT]", "layer-2 adjacencies: all, or as the element is told", 0, 1, show_l2},
	{"show dns", "", "the names, and how the DNS server is doing", 0, 0, show_dns},
	{"show streams", "", "who holds a stream open", 0, 0, show_streams},
	{"delete", "ID", "delete an ICorp, as its client could", 1, 1, delete_icorp},
	{0},
};
