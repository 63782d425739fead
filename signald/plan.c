/*
 * The plan: session -> adaptor_terms. See plan.h. Ports carry a rate only where a confirmed leaf lies beyond them:
 * Path reserves in the books, Resv commits in the kernel.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signald/plan.h"
#include "signald/session.h"

static int branch_up(const struct session *s, const struct branch *b)
{
	for (unsigned i = 0; i < s->n_leaves; i++)
		if (s->leaf[i].branch == b && s->leaf[i].up)
			return 1;
	return 0;
}

/* Is anything confirmed that needs this port? */
static int port_used(const struct session *s, int port)
{
	if (!s->leading && (port == s->up.port || port == upstream_former_port(s)) && (session_up(s) || s->recovering))
		return 1;
	for (const struct branch *b = s->branch; b; b = b->next)
		if (!b->isc && b->port == port && branch_up(s, b))
			return 1;
	/* a leaf access router commits before it says so */
	for (unsigned i = 0; i < s->n_leaves; i++)
		if (s->leaf[i].where == LEAF_LOCAL && !s->leading && port == s->up.port)
			return 1;
	return 0;
}

static int port_trunk(const struct core_config *config, const struct session *s, int port)
{
	if (config->kind != ELEMENT_SWITCH)
		return 0;
	if (!s->leading && port == s->up.port)
		return s->up_trunk;
	for (const struct branch *b = s->branch; b; b = b->next)
		if (!b->isc && b->port == port && b->trunk && branch_in_force(s, b))
			return 1;
	return 0;
}

static void plan_ports(const struct core_config *config, const struct session *s, struct adaptor_terms *terms)
{
	for (unsigned p = 0; p < config->n_ports; p++) {
		struct terms_port *to = &terms->ports[terms->n_ports];

		if (!port_used(s, (int)p))
			continue;
		memcpy(to->ifname, config->port[p].ifname, sizeof(to->ifname));
		to->rate_bps = session_rate(s, (int)p);
		to->ceil_bps = s->contract->network.ceil_bps > to->rate_bps ? s->contract->network.ceil_bps : to->rate_bps;
		to->trunk = port_trunk(config, s, (int)p);
		terms->n_ports++;
	}
}

static int plan_endpoints(const struct core_config *config, const struct session *s, struct adaptor_terms *terms)
{
	terms->endpoints = calloc(s->n_leaves ? s->n_leaves : 1, sizeof(*terms->endpoints));
	if (!terms->endpoints)
		return -ENOMEM;
	for (unsigned i = 0; i < s->n_leaves; i++) {
		const struct leaf *leaf = &s->leaf[i];
		struct terms_endpoint *to = &terms->endpoints[i];

		memcpy(to->element, leaf->ep->element, sizeof(to->element));
		to->kind = leaf->ep->kind;
		to->control = leaf->ep->control;
		to->private_addr = leaf->ep->private_addr;
		to->public_addr = leaf->ep->public_addr;
		to->local = leaf->ep->control.s_addr == config->address.s_addr;
		to->up = leaf->told_flags & RSVP_LOAD_UP ? 1 : 0;
		to->weight = leaf->weight;
	}
	terms->n_endpoints = s->n_leaves;
	return 0;
}

static void plan_isc_terms(const struct session *s, const struct plan_isc *isc, struct adaptor_terms *terms)
{
	for (unsigned i = 0; i < s->n_leaves; i++) {
		const struct leaf *leaf = &s->leaf[i];

		if (!leaf->branch || !leaf->branch->isc || !isc)
			continue;
		terms->isc.present = 1;
		terms->isc.spec = leaf->ep->isc;
		if (leaf_level(leaf, RESOURCE_CPU))
			terms->isc.spec.cpu_shares = leaf_level(leaf, RESOURCE_CPU);
		if (leaf_level(leaf, RESOURCE_MEMORY))
			terms->isc.spec.memory_kib = leaf_level(leaf, RESOURCE_MEMORY);
		if (leaf_level(leaf, RESOURCE_DISK))
			terms->isc.spec.disk_mib = leaf_level(leaf, RESOURCE_DISK);
		terms->isc.address = leaf->ep->private_addr;
		terms->isc.host = isc->host;
		terms->isc.host_port = isc->port;
		terms->isc.key_id = isc->key_id;
		memcpy(terms->isc.key, isc->key, sizeof(terms->isc.key));
		if (leaf->more)
			memcpy(terms->isc.handled, leaf->more->handled, sizeof(terms->isc.handled));
	}
}

int plan_terms(const struct core_config *config, const struct session *s, const struct plan_isc *isc,
	       uint32_t lifetime_s, struct adaptor_terms *terms)
{
	const struct contract *c = s->contract;

	memset(terms, 0, sizeof(*terms));
	terms->icorp = s->key.icorp;
	terms->leader = s->key.leader;
	terms->revision = c->revision;
	memcpy(terms->name, c->name, sizeof(terms->name));
	terms->prefix = c->network.prefix;
	terms->capacity = c->network.capacity;
	terms->priority = c->network.priority;
	terms->vlan = s->vlan;
	terms->lifetime_s = lifetime_s;
	terms->leading = s->leading;
	terms->services = (struct contract_service *)c->services;
	terms->n_services = c->n_services;
	terms->apps = (struct contract_app *)c->apps;
	terms->n_apps = c->n_apps;
	plan_ports(config, s, terms);
	plan_isc_terms(s, isc, terms);
	return plan_endpoints(config, s, terms);
}

void plan_clear(struct adaptor_terms *terms)
{
	free(terms->endpoints);
	terms->endpoints = NULL;
	terms->n_endpoints = 0;
}

uint32_t plan_uses(const struct adaptor_terms *terms)
{
	uint32_t uses = TERM_ROUTE;

	if (terms->n_ports)
		uses |= TERM_RATE;
	if (terms->vlan)
		uses |= TERM_VLAN;
	if (terms->isc.present)
		uses |= TERM_ISC;
	for (unsigned i = 0; i < terms->n_endpoints; i++)
		if (terms->endpoints[i].local && terms->endpoints[i].kind == ENDPOINT_ACCESS)
			uses |= TERM_PROXY;
	return uses;
}
