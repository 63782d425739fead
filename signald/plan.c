/*
 * The plan: session -> adaptor_terms. See plan.h. Ports carry a rate only where a confirmed leaf lies beyond them:
 * Path reserves in the books, Resv commits in the kernel.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signald/plan.h"
#include "signald/session.h"

/* The next newer revision that is to be in force, too. */
static const struct session *next_asked(const struct session *s)
{
	do
		s = session_newer(s);
	while (s && !s->asked);
	return s;
}

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
	if (s->recovering && session_held(s, port))
		return 1; /* whoever else uses it may not have told yet */
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

/* Of revisions side by side the most that one wants. */
static void plan_port(const struct core_config *config, const struct session *s, int port, struct terms_port *to)
{
	uint64_t rate = session_rate(s, port), ceil = s->contract->network.ceil_bps;

	memcpy(to->ifname, config->port[port].ifname, sizeof(to->ifname));
	to->rate_bps = rate > to->rate_bps ? rate : to->rate_bps;
	to->ceil_bps = ceil > to->ceil_bps ? ceil : to->ceil_bps;
	to->ceil_bps = to->rate_bps > to->ceil_bps ? to->rate_bps : to->ceil_bps;
	to->trunk |= port_trunk(config, s, port);
}

static void plan_ports(const struct core_config *config, const struct session *s, struct adaptor_terms *terms)
{
	for (unsigned p = 0; p < config->n_ports; p++) {
		unsigned used = 0;

		for (const struct session *m = s; m; m = next_asked(m)) {
			if (!port_used(m, (int)p))
				continue;
			plan_port(config, m, (int)p, &terms->ports[terms->n_ports]);
			used = 1;
		}
		terms->n_ports += used;
	}
}

static struct terms_endpoint *planned(const struct adaptor_terms *terms, struct in_addr control)
{
	for (unsigned i = 0; i < terms->n_endpoints; i++)
		if (terms->endpoints[i].control.s_addr == control.s_addr)
			return &terms->endpoints[i];
	return NULL;
}

/* An endpoint of several revisions is used when one of them uses it. */
static void plan_leaf(const struct core_config *config, const struct leaf *leaf, const struct contract_endpoint *ep,
		      struct adaptor_terms *terms)
{
	struct terms_endpoint *to = planned(terms, ep->control);

	if (!to) {
		to = &terms->endpoints[terms->n_endpoints++];
		memcpy(to->element, ep->element, sizeof(to->element));
		to->kind = ep->kind;
		to->control = ep->control;
		to->private_addr = ep->private_addr;
		to->public_addr = ep->public_addr;
		to->local = ep->control.s_addr == config->address.s_addr;
	}
	to->up |= leaf->told_flags & RSVP_LOAD_UP ? 1 : 0;
	to->weight = leaf->weight > to->weight ? leaf->weight : to->weight;
}

static int plan_endpoints(const struct core_config *config, const struct session *s, struct adaptor_terms *terms)
{
	unsigned n = 1;

	for (const struct session *m = s; m; m = next_asked(m))
		n += m->n_leaves;
	terms->endpoints = calloc(n, sizeof(*terms->endpoints));
	if (!terms->endpoints)
		return -ENOMEM;
	for (const struct session *m = s; m; m = next_asked(m))
		for (unsigned i = 0; i < m->n_leaves; i++)
			plan_leaf(config, &m->leaf[i], &m->contract->endpoints[i], terms);
	return 0;
}

struct in_addr plan_isc_address(const struct session *s)
{
	for (; s; s = next_asked(s))
		if (leaf_of_isc(s))
			return leaf_of_isc(s)->branch->neighbour;
	return (struct in_addr){ 0 };
}

static void plan_isc_levels(const struct leaf *leaf, struct contract_isc *spec)
{
	spec->cpu_shares = larger(spec->cpu_shares, leaf_level(leaf, RESOURCE_CPU));
	spec->memory_kib = larger(spec->memory_kib, leaf_level(leaf, RESOURCE_MEMORY));
	spec->disk_mib = larger(spec->disk_mib, leaf_level(leaf, RESOURCE_DISK));
}

static void plan_isc_terms(const struct session *s, const struct plan_isc *isc, struct adaptor_terms *terms)
{
	for (; isc && s; s = next_asked(s)) {
		const struct leaf *leaf = leaf_of_isc(s);

		if (!leaf)
			continue;
		if (!terms->isc.present) {
			terms->isc.spec = leaf_ep(s, leaf)->isc;
			terms->isc.address = leaf_ep(s, leaf)->private_addr;
			if (leaf_level(leaf, RESOURCE_CPU)) /* what it has now, not what it began with */
				terms->isc.spec.cpu_shares = terms->isc.spec.memory_kib = terms->isc.spec.disk_mib = 0;
			if (leaf->more)
				memcpy(terms->isc.handled, leaf->more->handled, sizeof(terms->isc.handled));
		}
		terms->isc.present = 1;
		terms->isc.max_memory_kib = larger(terms->isc.max_memory_kib, s->contract->limits.max[RESOURCE_MEMORY]);
		plan_isc_levels(leaf, &terms->isc.spec);
		terms->isc.host = isc->host;
		terms->isc.host_port = isc->port;
		terms->isc.key_id = isc->key_id;
		memcpy(terms->isc.key, isc->key, sizeof(terms->isc.key));
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
