/*
 * For units that speak to one controller's core alone, by hand: what all of them begin with.
 *
 *     10.200.1.3 (switch) --eth0-- us, a switch or srv1 --eth1-- ar2
 *
 * The ICorp is contract-web.xml's: ar1 (10.200.1.11) leads it.
 */
#ifndef ICORP_TESTS_UNIT_ELEMENT_H
#define ICORP_TESTS_UNIT_ELEMENT_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "signald/session.h"

struct world {
	struct core *core;
	struct core_config config;
	struct nexthops nh;
	struct core_actions actions;
	struct contract *contract;
	struct rsvp_msg msg;
	uint64_t now_us;
};

static inline struct in_addr ip(const char *text)
{
	struct in_addr a;

	inet_pton(AF_INET, text, &a);
	return a;
}

static inline const char *port_name(const void *ctx, int port)
{
	return port ? "eth1" : "eth0";
}

static inline void add_node(struct world *w, const char *name, const char *addr, int is_switch)
{
	struct l2_node node = { .is_switch = is_switch, .n_addr = 1 };

	snprintf(node.name, sizeof(node.name), "%s", name);
	node.addr[0] = ip(addr);
	assert_int_equal(nexthops_add_node(&w->nh, &node), 0);
}

static inline struct contract *read_contract(void)
{
	FILE *f = fopen(SRCDIR "/tests/golden/contract/contract-web.xml", "re");
	char *xml = calloc(1, CONTRACT_MAX_SIZE + 1);
	struct contract_error error;
	struct contract *c = NULL;

	assert_non_null(f);
	assert_int_equal(contract_parse(xml, fread(xml, 1, CONTRACT_MAX_SIZE, f), &c, &error), 0);
	fclose(f);
	free(xml);
	return c;
}

/* R is 1 s: a lifetime, and so the recovery time, is 5.25 s. */
static inline struct world *start(enum element_kind kind, const char *address)
{
	struct core_config config = { .kind = kind, .refresh_us = CLOCK_S, .multiplier = 3, .isc_start_us = 60 * CLOCK_S,
				      .n_ports = 2, .vlan_first = 100, .vlan_last = 199, .n_images = 1, .image = { "web" } };
	struct world *w = calloc(1, sizeof(*w));

	config.address = ip(address);
	snprintf(config.element, sizeof(config.element), "us");
	for (int p = 0; p < 2; p++) {
		snprintf(config.port[p].ifname, sizeof(config.port[p].ifname), "%s", port_name(NULL, p));
		config.port[p].capacity_bps = 100000000;
	}
	config.resource[RESOURCE_CPU] = (struct core_resource){ .capacity = 4096, .step = 256 };
	config.resource[RESOURCE_MEMORY] = (struct core_resource){ .capacity = 1 << 20, .step = 4096 };
	w->nh.is_switch = kind == ELEMENT_SWITCH;
	w->nh.port_name = port_name;
	w->nh.n_ports = 2;
	snprintf(w->nh.self, sizeof(w->nh.self), "us");
	add_node(w, "us", address, w->nh.is_switch);
	add_node(w, "sw", "10.200.1.3", 1);
	add_node(w, "ar2", "10.200.1.12", 0);
	assert_int_equal(nexthops_add_link(&w->nh, "us", "eth0", "sw", "eth0"), 0);
	assert_int_equal(nexthops_add_link(&w->nh, "us", "eth1", "ar2", "eth0"), 0);
	w->config = config;
	w->core = core_new(&config, &w->nh);
	w->contract = read_contract();
	w->now_us = CLOCK_S;
	assert_non_null(w->core);
	return w;
}

static inline void stop(struct world *w)
{
	core_free(w->core);
	core_actions_free(&w->actions);
	rsvp_msg_free(&w->msg);
	nexthops_clear_map(&w->nh);
	nexthops_clear_routes(&w->nh);
	contract_unref(w->contract);
	free(w);
}

/* For those that are no switch: everything there leaves by that port. */
static inline void route(struct world *w, const char *prefix, int port)
{
	struct nexthop_route to = { .port = port };

	assert_int_equal(prefix_parse(prefix, &to.dest, 0), 0);
	assert_int_equal(nexthops_add_route(&w->nh, &to), 0);
}

/* The same contract as its next revision. */
static inline struct contract *next_revision(const struct contract *c)
{
	struct contract *next = read_contract();
	struct contract_error error;

	next->revision = (uint16_t)(c->revision + 1);
	assert_int_equal(contract_seal(next, &error), 0);
	return next;
}

static inline struct adaptor_key key_of(const struct world *w, uint32_t icorp)
{
	return (struct adaptor_key){ icorp, ip("10.200.1.11") };
}

static inline void begin(struct world *w, uint8_t type, const char *from)
{
	rsvp_msg_clear(&w->msg);
	w->msg.type = type;
	w->msg.session = (struct rsvp_session){ w->contract->id, 0, ip("10.200.1.11") };
	w->msg.hop = (struct rsvp_hop){ ip(from), 5 };
	w->msg.refresh_ms = 1000;
	w->msg.style = RSVP_STYLE_SE;
	w->msg.template_.lsp_id = w->contract->revision;
}

static inline void path_to(struct world *w, const char *to, const char *also, uint16_t vlan)
{
	struct core_from from = { ip("10.200.1.3"), 0, 0, 0 };

	begin(w, RSVP_PATH, "10.200.1.3");
	w->msg.ref.revision = w->msg.template_.lsp_id = w->contract->revision;
	memcpy(w->msg.ref.digest, w->contract->digest, SHA256_SIZE);
	w->msg.has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_REF | (vlan ? RSVP_HAS_HOPSTATE : 0);
	w->msg.hopstate.vlan = vlan;
	rsvp_add_s2l(&w->msg, ip(to), (struct in_addr){ 0 });
	if (also)
		rsvp_add_s2l(&w->msg, ip(also), (struct in_addr){ 0 });
	core_message(w->core, &w->msg, &from, w->contract, w->now_us, &w->actions);
}

static inline void path(struct world *w, const char *to, uint16_t vlan)
{
	path_to(w, to, NULL, vlan);
}

/* The ISC asks for one step more of that resource, under this number. */
static inline void demand_of(struct world *w, uint8_t resource, uint32_t sequence)
{
	const struct session *s = core_session(w->core, w->contract->id, ip("10.200.1.11"));
	struct core_from from = { ip("10.64.7.66"), CORE_PORT_NONE, 1, 0 };
	struct rsvp_demand d = { ip("10.200.2.21"), resource, 1, 1, sequence, 0 };

	begin(w, RSVP_RESV, "10.64.7.66");
	w->msg.hop.lih = s->branch->lih;
	w->msg.has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_STYLE | RSVP_HAS_FLOWSPEC | RSVP_HAS_FILTER;
	rsvp_add_s2l(&w->msg, ip("10.200.2.21"), (struct in_addr){ 0 });
	rsvp_add_demand(&w->msg, &d);
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
}

static inline void demand(struct world *w, uint32_t sequence)
{
	demand_of(w, RESOURCE_CPU, sequence);
}

static inline struct core_from ar2(void)
{
	return (struct core_from){ ip("10.200.1.12"), 1, 0, 0 };
}

/* The same, with the enterprise number by which what is sent can be read. */
static inline struct world *with_enterprise(enum element_kind kind, const char *address)
{
	struct world *w = start(kind, address);

	w->config.enterprise = RSVP_ENTERPRISE;
	core_free(w->core);
	w->core = core_new(&w->config, &w->nh);
	return w;
}

/* Makes a part of ar2's Resv with so many grants, of these levels on. */
static inline void begin_resv(struct world *w, uint16_t group, unsigned n, uint64_t level)
{
	const struct session *s = core_session(w->core, w->contract->id, ip("10.200.1.11"));
	struct core_from from = ar2();

	begin(w, RSVP_RESV, "10.200.1.12");
	w->msg.hop.lih = s->branch->lih;
	w->msg.flow.rate_bps = w->contract->network.rate_bps;
	w->msg.template_.group = group;
	w->msg.has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_STYLE | RSVP_HAS_FLOWSPEC | RSVP_HAS_FILTER;
	if (!(group & ~RSVP_PART_MORE))
		rsvp_add_s2l(&w->msg, ip("10.200.1.12"), (struct in_addr){ 0 });
	for (unsigned i = 0; i < n; i++) {
		struct rsvp_grant g = { .node = from.addr, .endpoint = { htonl((uint32_t)(level + i + 1)) },
					.resource = RESOURCE_BANDWIDTH, .level = level + i, .element = "ar2" };

		memset(g.reason, 'r', sizeof(g.reason) - 1);
		rsvp_add_grant(&w->msg, &g);
	}
}

static inline void from_ar2(struct world *w)
{
	struct core_from from = ar2();

	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
}

static inline void resv(struct world *w, uint16_t group, unsigned n, uint64_t level)
{
	begin_resv(w, group, n, level);
	from_ar2(w);
}

/* The last message of that type that was sent; the caller frees it. */
static inline void sent(const struct world *w, uint8_t type, struct rsvp_msg *m)
{
	const struct core_action *last = NULL;

	for (unsigned i = 0; i < w->actions.n; i++)
		if (w->actions.v[i].type == CORE_SEND && w->actions.v[i].message_type == type)
			last = &w->actions.v[i];
	assert_non_null(last);
	assert_int_equal(rsvp_decode(core_action_message(&w->actions, last), last->len, RSVP_ENTERPRISE, m, NULL), 0);
}

/* How often the actions since the last look had this one, about this ICorp (0: any). */
static inline unsigned acted(const struct world *w, enum core_action_type type, uint32_t icorp)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->actions.n; i++)
		n += w->actions.v[i].type == type && (!icorp || w->actions.v[i].key.icorp == icorp);
	return n;
}

static inline uint64_t reserved(const struct world *w, int port)
{
	return core_config(w->core)->port[port].reserved_bps;
}

#endif
