/*
 * Our registration and our reports as JSON, apart from the sending of them (registrar.c).
 */
#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>

#include "signald/audit.h"
#include "signald/daemon.h"
#include "signald/leader.h"
#include "signald/registration.h"
#include "signald/session.h"

/* Is the address one of an ICorp's own (put there by an adaptor), not the element's? */
static int belongs_to_icorp(const struct core *core, struct in_addr addr)
{
	for (const struct session *s = core_session_next(core, NULL); s; s = core_session_next(core, s))
		if (prefix_contains(s->contract->network.prefix, addr))
			return 1;
	return 0;
}

static uint8_t mask_len(const struct sockaddr *mask)
{
	struct in_addr m = mask ? ((const struct sockaddr_in *)mask)->sin_addr : (struct in_addr){ UINT32_MAX };

	return (uint8_t)__builtin_popcount(m.s_addr);
}

/* MAC and addresses of one interface from what getifaddrs lists. */
static json_t *port_json(const struct daemon *d, const struct core_port *port, const struct ifaddrs *list,
			 uint64_t speed_bps)
{
	json_t *o = json_object(), *addresses = json_array();
	char text[ETHER_TEXT], prefix[PREFIX_TEXT];

	json_object_set_new(o, "name", json_string(port->ifname));
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		if (!i->ifa_addr || strcmp(i->ifa_name, port->ifname))
			continue;
		if (i->ifa_addr->sa_family == AF_PACKET) {
			const struct sockaddr_ll *ll = (const void *)i->ifa_addr;

			json_object_set_new(o, "mac", json_string(ether_text(ll->sll_addr, text)));
		} else if (i->ifa_addr->sa_family == AF_INET) {
			struct prefix p = { ((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr,
					    mask_len(i->ifa_netmask) };

			if (!belongs_to_icorp(d->core, p.addr))
				json_array_append_new(addresses, json_string(prefix_text(p, prefix)));
		}
	}
	json_object_set_new(o, "addresses", addresses);
	json_object_set_new(o, "speed_bps", json_integer((json_int_t)speed_bps));
	return o;
}

/* A switch's MACs come from its adaptor, whose ports may not be interfaces of this host. */
static void add_ports(const struct daemon *d, json_t *o, const json_t *l2)
{
	const struct config_port *port = d->config.ports.data;
	json_t *ports = json_array(), *known = json_object_get(l2, "ports");
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list))
		list = NULL;
	for (unsigned i = 0; i < d->core_config.n_ports; i++) {
		json_t *one = port_json(d, &d->core_config.port[i], list, port[i].speed_bps), *k;
		size_t n;

		json_array_foreach(known, n, k) {
			const char *name = json_string_value(json_object_get(k, "name"));

			if (name && !strcmp(name, d->core_config.port[i].ifname) && json_object_get(k, "mac"))
				json_object_set(one, "mac", json_object_get(k, "mac"));
		}
		json_array_append_new(ports, one);
	}
	if (list)
		freeifaddrs(list);
	json_object_set_new(o, "ports", ports);
	if (json_is_array(json_object_get(l2, "fdb")))
		json_object_set(o, "fdb", json_object_get(l2, "fdb"));
}

static void add_adaptors(const struct daemon *d, json_t *o)
{
	json_t *adaptors = json_array();

	for (size_t i = 0; d->dispatch && i < dispatch_count(d->dispatch); i++) {
		const char *instance, *type, *reason;
		const struct audit_counts *found = audit_counts(d->audit, i);
		int up;

		dispatch_nth(d->dispatch, i, &instance, &type, &up, &reason);
		json_array_append_new(adaptors, json_pack("{s:s, s:s, s:b, s:s, s:I, s:I}", "name", instance, "type", type,
							  "up", up, "reason", reason, "orphans_removed",
							  (json_int_t)found->orphans, "drift_repaired",
							  (json_int_t)found->repaired));
	}
	json_object_set_new(o, "adaptors", adaptors);
}

static void add_resources(const struct daemon *d, json_t *o)
{
	const struct core_config *config = core_config(d->core);
	json_t *resources = json_array(), *images = json_array();

	for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++)
		if (config->resource[r].capacity)
			json_array_append_new(resources,
					      json_pack("{s:s, s:I, s:I}", "resource", resource_name(r), "capacity",
							(json_int_t)config->resource[r].capacity, "used",
							(json_int_t)config->resource[r].used));
	for (unsigned i = 0; i < config->n_images; i++)
		json_array_append_new(images, json_string(config->image[i]));
	json_object_set_new(o, "resources", resources);
	json_object_set_new(o, "images", images);
}

json_t *registration_json(const struct daemon *d, const json_t *l2)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "name", d->config.name, "kind", d->config.kind, "address",
			      d->config.address);

	add_ports(d, o, l2);
	add_adaptors(d, o);
	if (d->core_config.kind == ELEMENT_SERVER)
		add_resources(d, o);
	if (d->core_config.kind == ELEMENT_ACCESS && *d->config.public_pool)
		json_object_set_new(o, "public_pool", json_string(d->config.public_pool));
	return o;
}

static const char *element_of(const struct session *s, struct in_addr control)
{
	for (unsigned i = 0; i < s->n_leaves; i++)
		if (s->contract->endpoints[i].control.s_addr == control.s_addr)
			return s->contract->endpoints[i].element;
	return "";
}

/* As JSON can have it. */
static json_int_t number(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (json_int_t)v;
}

static json_t *grant_json(const struct session *s, const struct rsvp_grant *g)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:s}", "element", g->element, "endpoint",
			      element_of(s, g->endpoint), "resource", resource_name(g->resource), "sequence",
			      (json_int_t)g->sequence, "outcome", outcome_name(g->outcome), "enforcement",
			      enforcement_name(g->enforcement), "level", number(g->level), "reason", g->reason);

	if (g->flags & RSVP_GRANT_USED)
		json_object_set_new(o, "used", json_integer(number(g->used)));
	return o;
}

json_t *report_json(const struct core *core, const struct session *s)
{
	json_t *o = json_pack("{s:I, s:i, s:s}", "icorp", (json_int_t)s->key.icorp, "revision", s->contract->revision,
			      "state", leader_state_name(leader_state(s)));
	json_t *endpoints = json_array(), *grants = json_array();
	const struct session_more *more = session_rest(s);
	struct rsvp_grant grant;

	if (*more->error.element)
		json_object_set_new(o, "error", json_pack("{s:s, s:s, s:s}", "element", more->error.element, "code",
							  rsvp_error_name(more->error.code, more->error.value), "reason",
							  more->error.reason));
	for (unsigned i = 0; i < s->n_leaves; i++)
		json_array_append_new(endpoints, json_pack("{s:s, s:b, s:i}", "element", s->contract->endpoints[i].element, "up",
							   s->leaf[i].up, "cpu_permille", s->leaf[i].load.cpu_permille));
	json_object_set_new(o, "endpoints", endpoints);
	json_object_set_new(o, "price", json_pack("{s:I, s:i, s:s}", "micro", (json_int_t)s->price.micro, "interval_s",
						  (int)s->price.interval_s, "currency", s->price.currency));
	for (struct grant_cursor at = { 0 }; session_grant_next(core, s, &at, &grant);)
		json_array_append_new(grants, grant_json(s, &grant));
	json_object_set_new(o, "grants", grants);
	return o;
}

json_t *report_refused_json(const char *element, const json_t *work, const char *reason)
{
	return json_pack("{s:I, s:I, s:s, s:{s:s, s:s, s:s}}", "icorp", json_integer_value(json_object_get(work, "icorp")),
			 "revision", json_integer_value(json_object_get(work, "revision")), "state", "failed", "error",
			 "element", element, "code", "contract", "reason", reason);
}
