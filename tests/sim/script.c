/* What a test makes happen: contracts, demands, deaths. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/internal.h"

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

void sim_places(struct sim *sim, const uint8_t *place)
{
	sim->place = place;
}

void sim_priorities(struct sim *sim, unsigned setup, unsigned holding)
{
	sim->setup = (uint8_t)setup;
	sim->holding = (uint8_t)holding;
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
	c->setup_priority = sim->setup;
	c->holding_priority = sim->holding;
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
		add_endpoint(sim, c, servers[i], ENDPOINT_SERVER, sim->place ? sim->place[i] : i);
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
	int leader = topo_find(sim->topo, contract_leader(contract)->element);
	struct icorp *icorp = map_get(&sim->icorps, contract->id);

	if (!icorp) {
		icorp = calloc(1, sizeof(*icorp));
		if (!icorp)
			abort();
		map_put(&sim->icorps, contract->id, icorp);
	}
	contract_ref(contract);
	contract_unref(icorp->next);
	icorp->next = NULL;
	if (icorp->wanted) {
		icorp->next = contract;
	} else {
		contract_unref(icorp->contract);
		icorp->contract = contract;
		icorp->reported = LEADER_SIGNALING;
	}
	icorp->leader = (unsigned)leader;
	icorp->wanted = 1;
	sim_trace(sim, "gatekeeper: icorp %u wanted, revision %u, led by %s", contract->id, contract->revision,
		  sim->topo->node[leader].name);
	if (sim->ctl[leader].core && sim->ctl[leader].enrolled && controller_originate(sim, &sim->ctl[leader], contract))
		sim_violate(sim, "%s will not lead", sim->topo->node[leader].name);
}

void sim_withdraw(struct sim *sim, const char *leader, uint32_t id)
{
	struct controller *c = sim_controller(sim, leader);
	struct icorp *icorp = map_get(&sim->icorps, id);

	sim_trace(sim, "gatekeeper: icorp %u withdrawn", id);
	if (icorp)
		icorp->wanted = 0;
	if (c)
		controller_withdraw(sim, c, id);
}

int sim_wanted(const struct sim *sim, uint32_t id)
{
	const struct icorp *icorp = map_get(&sim->icorps, id);

	return icorp && icorp->wanted;
}

uint32_t sim_demand(struct sim *sim, const char *server, uint32_t icorp, enum resource resource, int direction,
		    unsigned steps)
{
	struct isc *isc = sim_isc_of(sim, server, icorp);

	if (!isc || !isc->heard)
		return 0;
	isc->issued[resource] = isc->demand[resource] = (struct rsvp_demand){
		isc->endpoint, (uint8_t)resource, (int8_t)direction, (uint16_t)steps, isc->sequence++, 0 };
	sim_trace(sim, "the ISC of icorp %u on %s asks %s %s by %u (number %u)", icorp, server,
		  direction > 0 ? "more" : "less", resource_name(resource), steps, isc->issued[resource].sequence);
	sim_isc_resv(sim, isc);
	return isc->issued[resource].sequence;
}

void sim_isc_sends(struct sim *sim, const char *server, uint32_t icorp, struct rsvp_msg *msg)
{
	struct isc *isc = sim_isc_of(sim, server, icorp);

	if (msg->type == RSVP_RESV || msg->type == RSVP_RESV_TEAR)
		msg->hop = (struct rsvp_hop){ isc->addr, msg->hop.lih ? msg->hop.lih : isc->lih };
	sim_transmit_message(sim, isc->addr, isc->host, msg);
}

void sim_kill_isc(struct sim *sim, const char *server, uint32_t icorp)
{
	struct isc *isc = sim_isc_of(sim, server, icorp);

	if (!isc)
		return;
	sim_trace(sim, "the ISC of icorp %u on %s dies", icorp, server);
	sim_isc_dies(sim, isc);
}
