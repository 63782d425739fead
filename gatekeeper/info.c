/*
 * What there is: classes, elements, the L2 map, status, metrics, events.
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "gatekeeper/dns.h"
#include "gatekeeper/elements.h"
#include "gatekeeper/events.h"
#include "gatekeeper/handlers.h"
#include "gatekeeper/icorps.h"
#include "gatekeeper/l2map.h"
#include "gatekeeper/metrics.h"
#include "gatekeeper/server.h"
#include "lib/clock.h"

static json_t *class_json(const struct gk_class *c)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:s, s:{s:I, s:I, s:I, s:I}}", "name", c->title,
			 "help", c->help, "rate_bps", (json_int_t)c->rate, "ceil_bps",
			 (json_int_t)(c->ceil ? c->ceil : c->rate), "priority", (json_int_t)c->priority, "capacity", c->capacity,
			 "cpu_shares", (json_int_t)c->cpu, "memory_kib", (json_int_t)(c->memory / 1024), "disk_mib",
			 (json_int_t)(c->disk / (1024 * 1024)), "image", c->image, "price_micro", "bandwidth",
			 (json_int_t)c->price_bandwidth, "cpu", (json_int_t)c->price_cpu, "memory",
			 (json_int_t)c->price_memory, "disk", (json_int_t)c->price_disk);
}

void info_classes(struct call *call)
{
	const struct gk_config *config = call->gk->config;
	const struct gk_class *classes = config->classes.data;
	json_t *list = json_array();

	for (size_t i = 0; i < config->classes.n; i++)
		json_array_append_new(list, class_json(&classes[i]));
	server_answer_json(call, 200, json_pack("{s:o, s:s, s:I}", "classes", list, "currency", config->currency,
						"interval_s", (json_int_t)(config->price_interval / CLOCK_S)));
}

void info_elements(struct call *call)
{
	json_t *list = json_array();
	struct element *e;

	for (size_t i = 0; (e = elements_nth(call->gk->elements, i)); i++)
		json_array_append_new(list, elements_json(call->gk, e));
	server_answer_json(call, 200, json_pack("{s:o}", "elements", list));
}

void info_l2(struct call *call)
{
	server_answer_json(call, 200, l2map_json(call->gk->l2map));
}

void info_status(struct call *call)
{
	struct gatekeeper *gk = call->gk;
	const char *why;
	int store = store_health(gk->store, &why);
	json_t *dns = dns_json(gk->dns), *json;
	size_t alive = 0;
	struct element *e;

	json_object_del(dns, "names");
	for (size_t i = 0; (e = elements_nth(gk->elements, i)); i++)
		alive += (size_t)e->alive;
	json = json_pack("{s:b, s:s, s:I, s:o, s:{s:b, s:s}, s:{s:I, s:I}, s:I, s:I}", "ok",
			 !store && !dns_health(gk->dns), "version", PACKAGE_VERSION, "uptime_ms",
			 (json_int_t)((clock_now_us() - gk->started_us) / CLOCK_MS), "dns", dns, "store", "ok", !store,
			 "error", why, "elements", "known", (json_int_t)elements_count(gk->elements), "alive",
			 (json_int_t)alive, "icorps", (json_int_t)icorps_count(gk->icorps), "connections",
			 (json_int_t)server_connections(gk->server));
	server_answer_json(call, 200, json);
}

void info_metrics(struct call *call)
{
	char *text = metrics_text(call->gk);

	if (!text) {
		server_refuse(call, 503, "out-of-memory", "out of memory");
		return;
	}
	server_answer_text(call, 200, "text/plain; version=0.0.4; charset=utf-8", text, strlen(text));
	free(text);
}

void info_events(struct call *call)
{
	if (events_open(call->gk->events, call->request, &call->who) < 0)
		server_refuse(call, 503, "busy", "too many are listening");
}
