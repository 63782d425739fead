/*
 * An ICorp as the API shows it (icorps_json): what the contract says, with what the leader reported laid over it.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gatekeeper/dns.h"
#include "gatekeeper/icorps.h"
#include "gatekeeper/price.h"
#include "gatekeeper/work.h"
#include "lib/clock.h"
#include "lib/mac.h"

static json_t *address_json(struct in_addr addr)
{
	char text[ADDR_TEXT];

	return addr.s_addr ? json_string(addr_text(addr, text)) : json_null();
}

static json_t *reported(const struct icorp *icorp, const char *element)
{
	json_t *item;
	size_t i;

	json_array_foreach(icorp->endpoints, i, item) {
		const char *name = json_string_value(json_object_get(item, "element"));

		if (name && !strcmp(name, element))
			return item;
	}
	return NULL;
}

static json_t *endpoint_json(const struct icorp *icorp, const struct contract_endpoint *e)
{
	json_t *said = reported(icorp, e->element), *cpu = json_object_get(said, "cpu_permille"), *json;

	json = json_pack("{s:s, s:s, s:b, s:o, s:o, s:b}", "element", e->element, "kind",
			 e->kind == ENDPOINT_ACCESS ? "access" : "server", "leader", e->leader, "control",
			 address_json(e->control), "private", address_json(e->private_addr), "up",
			 json_is_true(json_object_get(said, "up")));
	if (e->kind == ENDPOINT_ACCESS) {
		json_object_set_new(json, "public", address_json(e->public_addr));
		return json;
	}
	json_object_set_new(json, "image", json_string(e->isc.image));
	json_object_set_new(json, "cpu_shares", json_integer((json_int_t)e->isc.cpu_shares));
	json_object_set_new(json, "memory_kib", json_integer((json_int_t)e->isc.memory_kib));
	if (cpu)
		json_object_set(json, "cpu_permille", cpu);
	return json;
}

static json_t *endpoints_json(const struct icorp *icorp)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < icorp->contract->n_endpoints; i++)
		json_array_append_new(list, endpoint_json(icorp, &icorp->contract->endpoints[i]));
	return list;
}

static json_t *services_json(const struct contract *c)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < c->n_services; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:i}", "name", c->services[i].name, "protocol",
						      c->services[i].protocol == SERVICE_UDP ? "udp" : "tcp", "port",
						      c->services[i].port, "target_port", c->services[i].target_port));
	return list;
}

static json_t *dns_part(const struct gatekeeper *gk, const struct icorp *icorp)
{
	json_t *addresses = json_array();

	for (unsigned i = 0; i < icorp->contract->n_endpoints; i++)
		if (icorp->contract->endpoints[i].kind == ENDPOINT_ACCESS)
			json_array_append_new(addresses, address_json(icorp->contract->endpoints[i].public_addr));
	return json_pack("{s:s, s:o, s:s}", "name", icorp->contract->dns_name, "addresses", addresses, "state",
			 dns_state(gk->dns, icorp->named, icorp->contract->dns_name));
}

static json_t *time_json(uint64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / CLOCK_S);
	struct tm tm;
	char text[40], all[56];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(all, sizeof(all), "%s.%03uZ", text, (unsigned)(wall_us / CLOCK_MS % 1000));
	return json_string(all);
}

static json_t *or_empty(json_t *value)
{
	return value ? json_incref(value) : json_array();
}

json_t *icorps_json(const struct gatekeeper *gk, const struct icorp *icorp)
{
	const struct contract *c = icorp->contract;
	char digest[2 * SHA256_SIZE + 1], prefix[PREFIX_TEXT];
	const char *leader = contract_leader(c)->element;
	json_t *json;

	hex_encode(c->digest, SHA256_SIZE, digest);
	json = json_pack("{s:I, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s}", "id", (json_int_t)icorp->id, "name", c->name, "client",
			 c->client, "class", c->class_name, "state", life_name(icorp->state), "revision", c->revision,
			 "digest", digest, "prefix", prefix_text(c->network.prefix, prefix), "leader", leader);
	json_object_set_new(json, "next_revision", icorp->next ? json_integer(icorp->next->revision) : json_null());
	json_object_set_new(json, "dns_name", json_string(c->dns_name));
	json_object_set_new(json, "dns", dns_part(gk, icorp));
	json_object_set_new(json, "endpoints", endpoints_json(icorp));
	json_object_set_new(json, "services", services_json(c));
	json_object_set_new(json, "price", icorp->price ? json_incref(icorp->price) : price_json(c));
	json_object_set_new(json, "grants", or_empty(icorp->grants));
	json_object_set_new(json, "error", icorp->error ? json_incref(icorp->error) : json_null());
	json_object_set_new(json, "posted_at", time_json(icorp->posted_wall_us));
	json_object_set_new(json, "age_ms", json_integer((json_int_t)((clock_now_us() - icorp->posted_us) / CLOCK_MS)));
	json_object_set_new(json, "complete_ms",
			    icorp->complete_us ? json_integer((json_int_t)(icorp->complete_us / CLOCK_MS)) : json_null());
	return json;
}
