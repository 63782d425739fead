/*
 * The simulator. See sim.h. Everything that happens is an event in one heap: a datagram arrives, an adaptor is done, an
 * ISC refreshes, a controller's timer is due. Messages travel as encoded bytes, so the codec is part of every run.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "signald/leader.h"
#include "signald/plan.h"
#include "signald/session.h"
#include "tests/sim/sim.h"

enum event_type { EVENT_DATAGRAM, EVENT_APPLIED, EVENT_ISC };

struct applied { struct applied *next; struct adaptor_key key; struct adaptor_terms terms; };

struct isc {
	struct isc *next;
	struct in_addr addr, endpoint, host;    /* ours, our server's control address (our S2L) */
	struct adaptor_key key;
	unsigned node;
	int alive, heard;
	uint32_t lih;
	struct rsvp_template template_;
	struct rsvp_flow flow;
	struct rsvp_demand demand[RESOURCE_MAX + 1];
	uint32_t sequence;
	struct rsvp_msg told;
};

struct controller {
	struct heap_entry timer;                /* first */
	const struct topo_node *node;
	struct core *core;
	struct nexthops nexthops;
	struct core_actions actions;
	struct applied *applied;
};

struct event {
	struct heap_entry at;                   /* first */
	enum event_type type;
	unsigned to;                            /* controller */
	struct in_addr from, dest;
	struct adaptor_key key;
	uint64_t cookie;
	struct isc *isc;
	uint64_t sequence;                      /* of a datagram, as INTEGRITY numbers them: older ones are dropped */
	size_t len;
	uint8_t data[];
};

struct sim {
	const struct topo *topo;
	struct sim_faults faults;
	uint64_t now_us, random, messages, n_events;
	struct { struct in_addr from, dest; uint64_t sequence; } *seen; /* newest taken per sender and receiver */
	size_t n_seen;
	struct heap events, timers;
	struct controller *ctl;                 /* parallel to topo->node */
	struct isc *iscs;
	struct rsvp_msg msg;
	unsigned violations;
	char violation[512], left[128];
};

uint64_t sim_now(const struct sim *sim)
{
	return sim->now_us;
}

uint64_t sim_random(struct sim *sim, uint64_t below)
{
	sim->random ^= sim->random << 13;
	sim->random ^= sim->random >> 7;
	sim->random ^= sim->random << 17;
	return below ? sim->random % below : 0;
}

static uint64_t between(struct sim *sim, uint64_t low, uint64_t high)
{
	return low + sim_random(sim, high - low + 1);
}

void sim_violate(struct sim *sim, const char *fmt, ...)
{
	va_list args;

	if (!sim->violations++) {
		int at = snprintf(sim->violation, sizeof(sim->violation), "at %.6f s: ", (double)sim->now_us / 1e6);

		va_start(args, fmt);
		vsnprintf(sim->violation + at, sizeof(sim->violation) - (size_t)at, fmt, args);
		va_end(args);
	}
}

static void event_add(struct sim *sim, struct event *e, uint64_t in_us)
{
	/* events of the same microsecond happen in the order they were made */
	if (heap_set(&sim->events, &e->at, (sim->now_us + in_us) << 16 | (sim->n_events++ & 0xffff)))
		abort();
}

static struct event *event_new(enum event_type type, unsigned to, size_t len)
{
	struct event *e = calloc(1, sizeof(*e) + len);

	if (!e)
		abort();
	e->type = type;
	e->to = to;
	e->len = len;
	return e;
}

/* ---- invariants: after every input, on the controller it went to ---- */

static void check(struct sim *sim, const struct controller *c)
{
	const struct core_config *config = core_config(c->core);
	uint64_t sum[CORE_MAX_PORTS] = { 0 }, used[RESOURCE_MAX + 1] = { 0 };

	for (const struct session *s = core_session_next(c->core, NULL); s; s = core_session_next(c->core, s)) {
		for (unsigned h = 0; h < s->n_holds; h++)
			sum[s->hold[h].port] += s->hold[h].bps;
		for (unsigned i = 0; i < s->n_leaves; i++)
			for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++)
				used[r] += s->leaf[i].level[r];
	}
	for (unsigned p = 0; p < config->n_ports; p++) {
		if (config->port[p].reserved_bps > config->port[p].capacity_bps)
			sim_violate(sim, "%s: %s is oversubscribed", c->node->name, config->port[p].ifname);
		if (config->port[p].reserved_bps != sum[p])
			sim_violate(sim, "%s: %s: books say %lu, sessions hold %lu", c->node->name,
				    config->port[p].ifname, config->port[p].reserved_bps, sum[p]);
	}
	for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++) {
		if (config->resource[r].capacity && config->resource[r].used > config->resource[r].capacity)
			sim_violate(sim, "%s: %s is oversubscribed", c->node->name, resource_name(r));
		if (config->resource[r].used != used[r])
			sim_violate(sim, "%s: %s: books differ from sessions", c->node->name, resource_name(r));
	}
}

/* ---- sending ---- */

static int owner_of(const struct sim *sim, struct in_addr addr)
{
	for (unsigned i = 0; i < sim->topo->n_nodes; i++) {
		const struct topo_node *n = &sim->topo->node[i];

		if (n->bridge.addr.s_addr == addr.s_addr)
			return (int)i;
		for (unsigned k = 0; k < n->n_ifaces; k++)
			if (n->iface[k].addr.addr.s_addr == addr.s_addr)
				return (int)i;
	}
	return -1;
}

static struct isc *isc_at(const struct sim *sim, struct in_addr addr)
{
	struct isc *isc = sim->iscs;

	while (isc && !(isc->alive && isc->addr.s_addr == addr.s_addr))
		isc = isc->next;
	return isc;
}

static void transmit(struct sim *sim, struct in_addr from, struct in_addr dest, const struct rsvp_msg *msg)
{
	uint8_t buffer[RSVP_MAX_SIZE];
	int len = rsvp_encode(msg, RSVP_ENTERPRISE, NULL, buffer, sizeof(buffer)), to = owner_of(sim, dest);
	struct isc *isc = to < 0 ? isc_at(sim, dest) : NULL;
	int copies = sim_random(sim, 1000) < sim->faults.duplicate_permille ? 2 : 1;

	sim->messages++;
	if (len < 0) {
		sim_violate(sim, "a %s cannot be encoded", rsvp_type_name(msg->type));
		return;
	}
	if ((to < 0 && !isc) || sim_random(sim, 1000) < sim->faults.loss_permille)
		return;
	while (copies--) {
		struct event *e = event_new(EVENT_DATAGRAM, to < 0 ? 0 : (unsigned)to, (size_t)len);

		e->sequence = sim->messages;
		e->from = from;
		e->dest = dest;
		e->isc = isc;
		memcpy(e->data, buffer, (size_t)len);
		event_add(sim, e, between(sim, sim->faults.delay_min_us, sim->faults.delay_max_us));
	}
}

/* ---- the technology: remembers what it was told ---- */

static struct applied **applied_at(struct controller *c, struct adaptor_key key)
{
	struct applied **at = &c->applied;

	while (*at && ((*at)->key.icorp != key.icorp || (*at)->key.leader.s_addr != key.leader.s_addr))
		at = &(*at)->next;
	return at;
}

static void revoke(struct sim *sim, struct controller *c, struct adaptor_key key)
{
	struct applied **at = applied_at(c, key), *a = *at;

	for (struct isc *isc = sim->iscs; isc; isc = isc->next)
		if (isc->key.icorp == key.icorp && &sim->ctl[isc->node] == c)
			isc->alive = 0;
	if (!a)
		return;
	*at = a->next;
	plan_clear(&a->terms);
	free(a);
}

static void start_isc(struct sim *sim, struct controller *c, const struct adaptor_terms *terms)
{
	struct isc *isc;

	for (isc = sim->iscs; isc; isc = isc->next)
		if (isc->addr.s_addr == terms->isc.address.s_addr && isc->alive)
			return;
	isc = calloc(1, sizeof(*isc));
	if (!isc)
		abort();
	isc->addr = terms->isc.address;
	isc->endpoint = core_config(c->core)->address;
	isc->key = (struct adaptor_key){ terms->icorp, terms->leader };
	isc->node = (unsigned)(c - sim->ctl);
	isc->alive = 1;
	isc->sequence = (uint32_t)(sim->now_us / CLOCK_S) * 100 + 1;
	isc->next = sim->iscs;
	sim->iscs = isc;
}

static void apply(struct sim *sim, struct controller *c, const struct core_action *action)
{
	struct plan_isc isc = { .port = RSVP_PORT };
	struct event *e = event_new(EVENT_APPLIED, (unsigned)(c - sim->ctl), 0);
	struct applied **at = applied_at(c, action->key);
	int fresh = !*at;

	if (fresh) {
		*at = calloc(1, sizeof(**at));
		if (!*at)
			abort();
		(*at)->key = action->key;
	}
	plan_clear(&(*at)->terms);
	if (plan_terms(core_config(c->core), action->session, &isc, 10, &(*at)->terms))
		abort();
	if ((*at)->terms.isc.present && fresh) /* a dead one is not started again by a renewal */
		start_isc(sim, c, &(*at)->terms);
	e->key = action->key;
	e->cookie = action->cookie;
	event_add(sim, e, between(sim, sim->faults.apply_min_us, sim->faults.apply_max_us));
}

static void run_actions(struct sim *sim, struct controller *c)
{
	for (unsigned i = 0; i < c->actions.n; i++) {
		const struct core_action *a = &c->actions.v[i];

		switch (a->type) {
		case CORE_SEND:
			transmit(sim, core_config(c->core)->address, a->to, a->msg);
			break;
		case CORE_APPLY:
			if (!a->session->closing)
				apply(sim, c, a);
			break;
		case CORE_REVOKE:
			revoke(sim, c, a->key);
			break;
		default:
			break;
		}
	}
	core_actions_clear(&c->actions);
	check(sim, c);
	if (core_next(c->core) == UINT64_MAX)
		heap_remove(&sim->timers, &c->timer);
	else if (heap_set(&sim->timers, &c->timer, core_next(c->core)))
		abort();
}

/* ---- the ISC's controller ---- */

static void isc_resv(struct sim *sim, struct isc *isc)
{
	struct rsvp_load load = { .endpoint = isc->endpoint, .flags = RSVP_LOAD_UP, .cpu_permille = 100 };
	struct rsvp_msg *m = &sim->msg;
	struct event *again = event_new(EVENT_ISC, isc->node, 0);
	uint64_t r = sim->topo->refresh_us;

	rsvp_msg_clear(m);
	m->type = RSVP_RESV;
	m->ttl = 63;
	m->session = (struct rsvp_session){ isc->key.icorp, 0, isc->key.leader };
	m->hop = (struct rsvp_hop){ isc->addr, isc->lih };
	m->refresh_ms = (uint32_t)(r / 1000);
	m->style = RSVP_STYLE_SE;
	m->flow = isc->flow;
	m->template_ = isc->template_;
	m->has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_STYLE | RSVP_HAS_FLOWSPEC | RSVP_HAS_FILTER;
	rsvp_add_s2l(m, isc->endpoint);
	rsvp_add_load(m, &load);
	for (unsigned i = 1; i <= RESOURCE_MAX; i++)
		if (isc->demand[i].sequence)
			rsvp_add_demand(m, &isc->demand[i]);
	transmit(sim, isc->addr, isc->host, m);
	again->isc = isc;
	event_add(sim, again, r / 2 + sim_random(sim, r));
}

static void isc_input(struct sim *sim, struct isc *isc, const struct event *e)
{
	int first = !isc->heard;

	if (rsvp_decode(e->data, e->len, RSVP_ENTERPRISE, &isc->told, NULL)) {
		sim_violate(sim, "an ISC cannot decode what it got");
		return;
	}
	if (isc->told.type != RSVP_PATH)
		return;
	isc->heard = 1;
	isc->host = isc->told.hop.addr;
	isc->lih = isc->told.hop.lih;
	isc->template_ = isc->told.template_;
	isc->flow = isc->told.flow;
	for (unsigned g = 0; g < isc->told.grants.n; g++) {
		const struct rsvp_grant *grant = &isc->told.grants.v[g];

		if (grant->node.s_addr == isc->key.leader.s_addr && grant->resource <= RESOURCE_MAX &&
		    isc->demand[grant->resource].sequence == grant->sequence)
			isc->demand[grant->resource].sequence = 0; /* answered */
	}
	if (first)
		isc_resv(sim, isc);
}

/* ---- running ---- */

/* What the peer layer does with INTEGRITY's sequence numbers: a datagram older than one already taken is dropped. */
static int replayed(struct sim *sim, const struct event *e)
{
	size_t i = 0;

	while (i < sim->n_seen && (sim->seen[i].from.s_addr != e->from.s_addr || sim->seen[i].dest.s_addr != e->dest.s_addr))
		i++;
	if (i == sim->n_seen) {
		sim->seen = realloc(sim->seen, (i + 1) * sizeof(*sim->seen));
		if (!sim->seen)
			abort();
		sim->n_seen++;
		sim->seen[i].from = e->from;
		sim->seen[i].dest = e->dest;
		sim->seen[i].sequence = 0;
	}
	if (e->sequence <= sim->seen[i].sequence)
		return 1;
	sim->seen[i].sequence = e->sequence;
	return 0;
}

static void deliver(struct sim *sim, struct event *e)
{
	struct controller *c = &sim->ctl[e->to];
	struct core_from from = { e->from, CORE_PORT_NONE, isc_at(sim, e->from) != NULL };
	struct contract *contract = NULL;

	if (replayed(sim, e))
		return;
	if (e->isc) {
		if (e->isc->alive)
			isc_input(sim, e->isc, e);
		return;
	}
	if (!c->core)
		return;
	if (rsvp_decode(e->data, e->len, RSVP_ENTERPRISE, &sim->msg, NULL)) {
		sim_violate(sim, "%s cannot decode what it got", c->node->name);
		return;
	}
	from.port = nexthop_port_of(&c->nexthops, e->from);
	core_message(c->core, &sim->msg, &from, contract, sim->now_us, &c->actions);
	/* pulls are instant here: the contract is in the leader's hands */
	for (unsigned i = 0; i < c->actions.n; i++) {
		struct contract *have = NULL;

		if (c->actions.v[i].type != CORE_FETCH)
			continue;
		for (unsigned k = 0; k < sim->topo->n_nodes && !have; k++)
			if (sim->ctl[k].core)
				have = core_contract_find(sim->ctl[k].core, c->actions.v[i].key,
							  c->actions.v[i].digest);
		uint8_t digest[SHA256_SIZE];

		memcpy(digest, c->actions.v[i].digest, sizeof(digest));
		contract_ref(have);
		core_contract(c->core, digest, have, "gone", sim->now_us, &c->actions);
		contract_unref(have);
	}
	run_actions(sim, c);
}

static void applied(struct sim *sim, const struct event *e)
{
	struct controller *c = &sim->ctl[e->to];
	struct adaptor_result result = { 0 };

	if (sim_random(sim, 1000) < sim->faults.apply_fail_permille) {
		result.error = -EIO;
		snprintf(result.reason, sizeof(result.reason), "simulated failure");
	} else {
		for (unsigned r = 1; r <= RESOURCE_MEMORY; r++)
			result.grants[result.n_grants++] = (struct adaptor_grant){
				.resource = (uint8_t)r, .outcome = OUTCOME_APPLIED, .enforcement = ENFORCEMENT_ENFORCED };
	}
	core_applied(c->core, e->key, e->cookie, &result, sim->now_us, &c->actions);
	run_actions(sim, c);
}

static void happen(struct sim *sim, struct event *e)
{
	switch (e->type) {
	case EVENT_DATAGRAM:
		deliver(sim, e);
		break;
	case EVENT_APPLIED:
		applied(sim, e);
		break;
	case EVENT_ISC:
		if (e->isc->alive)
			isc_resv(sim, e->isc);
		break;
	}
}

unsigned sim_run(struct sim *sim, uint64_t until_us)
{
	for (;;) {
		struct heap_entry *e = heap_top(&sim->events), *t = heap_top(&sim->timers);
		uint64_t event_us = e ? e->key >> 16 : UINT64_MAX, timer_us = t ? t->key : UINT64_MAX;
		uint64_t at = event_us < timer_us ? event_us : timer_us;

		if (at > until_us)
			break;
		if (at > sim->now_us)
			sim->now_us = at;
		if (event_us <= timer_us) {
			heap_remove(&sim->events, e);
			happen(sim, (struct event *)e);
			free(e);
		} else {
			struct controller *c = (struct controller *)t;

			core_tick(c->core, sim->now_us, &c->actions);
			run_actions(sim, c);
		}
	}
	sim->now_us = until_us;
	return sim->violations;
}

/* ---- life ---- */

struct sim *sim_new(const struct topo *topo, uint64_t seed, const struct sim_faults *faults)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	if (!sim || !(sim->ctl = calloc(topo->n_nodes, sizeof(*sim->ctl))))
		abort();
	sim->topo = topo;
	sim->faults = *faults;
	sim->now_us = CLOCK_S;
	sim->random = (seed + 1) * 0x9e3779b97f4a7c15ull;
	for (int i = 0; i < 8; i++)
		sim_random(sim, 0);
	for (unsigned i = 0; i < topo->n_nodes; i++) {
		const struct topo_node *node = &topo->node[i];
		struct controller *c = &sim->ctl[i];
		struct core_config config = { .kind = node->kind, .address = topo_control(node),
					      .refresh_us = topo->refresh_us, .multiplier = 3, .isc_start_us = 20 * CLOCK_S,
					      .contract_wait_us = CLOCK_S, .seed = sim_random(sim, UINT64_MAX) };

		c->node = node;
		if (node->what != TOPO_CONTROLLER)
			continue;
		snprintf(config.element, sizeof(config.element), "%s", node->name);
		snprintf(config.image[0], sizeof(config.image[0]), "%s", topo->image);
		config.n_images = 1;
		if (node->kind == ELEMENT_SWITCH) {
			config.vlan_first = 100;
			config.vlan_last = 199;
		}
		memcpy(config.resource, node->resource, sizeof(config.resource));
		topo_ports(topo, node, &config);
		if (topo_nexthops(topo, node, &c->nexthops) || !(c->core = core_new(&config, &c->nexthops)))
			abort();
	}
	for (unsigned i = 0; i < topo->n_nodes; i++) {
		struct controller *c = &sim->ctl[i];

		if (c->core) {
			c->nexthops.port_ctx = core_config(c->core);
			c->nexthops.port_name = topo_port_name;
		}
	}
	return sim;
}

void sim_free(struct sim *sim)
{
	struct heap_entry *e;

	if (!sim)
		return;
	while ((e = heap_top(&sim->events))) {
		heap_remove(&sim->events, e);
		free(e);
	}
	for (unsigned i = 0; i < sim->topo->n_nodes; i++) {
		struct controller *c = &sim->ctl[i];

		while (c->applied)
			revoke(sim, c, c->applied->key);
		core_actions_free(&c->actions);
		core_free(c->core);
		nexthops_clear_routes(&c->nexthops);
		nexthops_clear_map(&c->nexthops);
	}
	while (sim->iscs) {
		struct isc *isc = sim->iscs;

		sim->iscs = isc->next;
		rsvp_msg_free(&isc->told);
		free(isc);
	}
	heap_free(&sim->events);
	heap_free(&sim->timers);
	rsvp_msg_free(&sim->msg);
	free(sim->seen);
	free(sim->ctl);
	free(sim);
}

void sim_set_faults(struct sim *sim, const struct sim_faults *faults)
{
	sim->faults = *faults;
}

/* ---- scripts ---- */

static struct controller *ctl(const struct sim *sim, const char *element)
{
	int at = topo_find(sim->topo, element);

	return at < 0 || !sim->ctl[at].core ? NULL : &sim->ctl[at];
}

static void add_endpoint(struct sim *sim, struct contract *c, const char *element, enum endpoint_kind kind, unsigned n)
{
	struct contract_endpoint *ep = &c->endpoints[c->n_endpoints++];
	const struct topo_node *node = &sim->topo->node[topo_find(sim->topo, element)];
	int server = kind == ENDPOINT_SERVER;

	ep->kind = kind;
	snprintf(ep->element, sizeof(ep->element), "%s", element);
	ep->control = topo_control(node);
	ep->leader = !server && n == 0;
	ep->private_addr = prefix_nth(c->subnets[server].prefix, n + 2);
	snprintf(ep->subnet, sizeof(ep->subnet), "%s", c->subnets[server].name);
	if (server) {
		snprintf(ep->isc.image, sizeof(ep->isc.image), "%s", sim->topo->image);
		ep->isc.cpu_shares = 1024;
		ep->isc.memory_kib = 65536;
		ep->isc.vcpus = 1;
	} else {
		ep->public_addr.s_addr = htonl(0x0aca0000u | (n << 8) | (c->id & 0xff));
	}
}

struct contract *sim_contract(struct sim *sim, uint32_t id, uint16_t revision, const char *const *servers,
			      unsigned n_servers, const char *const *access, unsigned n_access, uint64_t rate_bps)
{
	struct contract *c = contract_new();
	struct contract_error error = { 0 };

	if (!c)
		return NULL;
	c->id = id;
	c->revision = revision;
	snprintf(c->client, sizeof(c->client), "acme");
	snprintf(c->name, sizeof(c->name), "i%u", id);
	snprintf(c->class_name, sizeof(c->class_name), "silver");
	snprintf(c->dns_name, sizeof(c->dns_name), "i%u.asp.test", id);
	c->setup_priority = c->holding_priority = 4;
	c->network.prefix = (struct prefix){ { htonl(0x0a400000u | (id & 0x3fff) << 8) }, 24 };
	c->network.rate_bps = rate_bps;
	c->network.ceil_bps = 2 * rate_bps;
	c->network.priority = 3;
	c->network.capacity = CAPACITY_CONTROLLED;
	c->subnets = calloc(2, sizeof(*c->subnets));
	c->endpoints = calloc(n_servers + n_access, sizeof(*c->endpoints));
	if (!c->subnets || !c->endpoints)
		abort();
	c->n_subnets = 2;
	snprintf(c->subnets[0].name, sizeof(c->subnets[0].name), "access");
	c->subnets[0].prefix = (struct prefix){ c->network.prefix.addr, 26 };
	snprintf(c->subnets[1].name, sizeof(c->subnets[1].name), "servers");
	c->subnets[1].prefix = (struct prefix){ prefix_nth(c->network.prefix, 64), 26 };
	for (unsigned i = 0; i < n_access; i++)
		add_endpoint(sim, c, access[i], ENDPOINT_ACCESS, i);
	for (unsigned i = 0; i < n_servers; i++)
		add_endpoint(sim, c, servers[i], ENDPOINT_SERVER, i);
	c->n_services = 1;
	snprintf(c->services[0].name, sizeof(c->services[0].name), "web");
	c->services[0].port = 80;
	c->services[0].target_port = 8080;
	c->n_apps = 1;
	snprintf(c->apps[0].name, sizeof(c->apps[0].name), "httpd");
	snprintf(c->prices.currency, sizeof(c->prices.currency), "EUR");
	c->prices.interval_s = 3600;
	c->prices.per[RESOURCE_BANDWIDTH].unit = 1000000;
	c->prices.per[RESOURCE_BANDWIDTH].micro = 1000;
	c->prices.per[RESOURCE_CPU].unit = 1024;
	c->prices.per[RESOURCE_CPU].micro = 50000;
	if (contract_seal(c, &error)) {
		sim_violate(sim, "contract: line %d %s: %s", error.line, error.element, error.text);
		contract_unref(c);
		return NULL;
	}
	return c;
}

void sim_originate(struct sim *sim, struct contract *contract)
{
	struct controller *c = ctl(sim, contract_leader(contract)->element);

	if (core_originate(c->core, contract, sim->now_us, &c->actions))
		sim_violate(sim, "%s will not lead", c->node->name);
	run_actions(sim, c);
}

void sim_withdraw(struct sim *sim, const char *leader, uint32_t icorp)
{
	struct controller *c = ctl(sim, leader);

	core_withdraw(c->core, icorp, sim->now_us, &c->actions);
	run_actions(sim, c);
}

static struct isc *isc_of(const struct sim *sim, const char *server, uint32_t icorp)
{
	struct isc *isc = sim->iscs;
	int node = topo_find(sim->topo, server);

	while (isc && !(isc->alive && (int)isc->node == node && isc->key.icorp == icorp))
		isc = isc->next;
	return isc;
}

uint32_t sim_demand(struct sim *sim, const char *server, uint32_t icorp, enum resource resource, int direction,
		    unsigned steps)
{
	struct isc *isc = isc_of(sim, server, icorp);

	if (!isc || !isc->heard)
		return 0;
	isc->demand[resource] = (struct rsvp_demand){ isc->endpoint, (uint8_t)resource, (int8_t)direction, (uint16_t)steps,
						      isc->sequence++, 0 };
	uint32_t sequence = isc->demand[resource].sequence;

	isc_resv(sim, isc);
	return sequence;
}

void sim_isc_sends(struct sim *sim, const char *server, uint32_t icorp, struct rsvp_msg *msg)
{
	struct isc *isc = isc_of(sim, server, icorp);

	if (msg->type == RSVP_RESV || msg->type == RSVP_RESV_TEAR)
		msg->hop = (struct rsvp_hop){ isc->addr, msg->hop.lih ? msg->hop.lih : isc->lih };
	transmit(sim, isc->addr, isc->host, msg);
}

void sim_kill_isc(struct sim *sim, const char *server, uint32_t icorp)
{
	struct isc *isc = isc_of(sim, server, icorp);

	if (isc)
		isc->alive = 0;
}

/* ---- looking ---- */

unsigned sim_violations(const struct sim *sim)
{
	return sim->violations;
}

const char *sim_violation(const struct sim *sim)
{
	return sim->violation;
}

uint64_t sim_messages(const struct sim *sim)
{
	return sim->messages;
}

const struct core *sim_core(const struct sim *sim, const char *element)
{
	const struct controller *c = ctl(sim, element);

	return c ? c->core : NULL;
}

int sim_complete(const struct sim *sim, const char *leader, uint32_t icorp)
{
	const struct controller *c = ctl(sim, leader);
	const struct session *s = core_session(c->core, icorp, core_config(c->core)->address);

	return s && leader_state(s) == LEADER_COMPLETE;
}

unsigned sim_leftovers(struct sim *sim)
{
	unsigned left = 0;

	for (unsigned i = 0; i < sim->topo->n_nodes; i++) {
		const struct controller *c = &sim->ctl[i];

		if (!c->core)
			continue;
		left += (unsigned)core_sessions(c->core) + (c->applied != NULL);
		for (unsigned p = 0; p < core_config(c->core)->n_ports; p++)
			left += core_config(c->core)->port[p].reserved_bps != 0;
		for (unsigned r = 0; r <= RESOURCE_MAX; r++)
			left += core_config(c->core)->resource[r].used != 0;
		for (unsigned v = 0; v < sizeof(c->core->vlan_used); v++)
			left += c->core->vlan_used[v] != 0;
		if (left && !*sim->left)
			snprintf(sim->left, sizeof(sim->left), "%s: %zu sessions%s", c->node->name, core_sessions(c->core),
				 c->applied ? ", applied terms" : "");
	}
	for (const struct isc *isc = sim->iscs; isc; isc = isc->next) {
		if (isc->alive && !left++)
			snprintf(sim->left, sizeof(sim->left), "the ISC of %u on %s", isc->key.icorp,
				 sim->ctl[isc->node].node->name);
	}
	if (left)
		sim_violate(sim, "%u things are left; first %s", left, sim->left);
	return left;
}

static const struct adaptor_terms *terms_of(const struct sim *sim, const char *element, uint32_t icorp)
{
	const struct controller *c = ctl(sim, element);

	for (const struct applied *a = c ? c->applied : NULL; a; a = a->next)
		if (a->key.icorp == icorp)
			return &a->terms;
	return NULL;
}

uint64_t sim_applied_rate(const struct sim *sim, const char *element, uint32_t icorp, const char *port)
{
	const struct adaptor_terms *terms = terms_of(sim, element, icorp);

	for (unsigned i = 0; terms && i < terms->n_ports; i++)
		if (!strcmp(terms->ports[i].ifname, port))
			return terms->ports[i].rate_bps;
	return 0;
}

uint64_t sim_applied_cpu(const struct sim *sim, const char *element, uint32_t icorp)
{
	const struct adaptor_terms *terms = terms_of(sim, element, icorp);

	return terms && terms->isc.present ? terms->isc.spec.cpu_shares : 0;
}

const struct rsvp_grant *sim_told(const struct sim *sim, const char *server, uint32_t icorp, const char *by,
				  uint32_t sequence)
{
	const struct isc *isc = isc_of(sim, server, icorp);

	for (unsigned g = 0; isc && g < isc->told.grants.n; g++)
		if (isc->told.grants.v[g].sequence == sequence && !strcmp(isc->told.grants.v[g].element, by))
			return &isc->told.grants.v[g];
	return NULL;
}

uint64_t sim_price(const struct sim *sim, const char *server, uint32_t icorp)
{
	const struct isc *isc = isc_of(sim, server, icorp);

	return isc ? isc->told.price.micro : 0;
}
