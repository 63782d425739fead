/*
 * The rules that no schema says. Each has its own small function; the order is that of the document, so the
 * first fault reported is the first a reader meets. `root` is only for the line numbers: the n-th endpoint of
 * the struct is the n-th endpoint element.
 */
#include <errno.h>
#include <string.h>

#include "contracts/internal.h"

/* libvirt refuses a smaller quota than this many microseconds. */
#define QUOTA_MIN_US 1000

/* The next element that is not called skip. */
static const xmlNode *next_but(const xmlNode *node, const char *skip)
{
	do
		node = contract_sibling(node, NULL);
	while (node != NULL && strcmp((const char *)node->name, skip) == 0);
	return node;
}

/* The n-th child element, leaving out those called skip. */
static const xmlNode *nth(const xmlNode *parent, const char *skip, unsigned n)
{
	const xmlNode *node;

	for (node = contract_child(parent, NULL); node != NULL; node = contract_sibling(node, NULL))
		if ((skip == NULL || strcmp((const char *)node->name, skip) != 0) && n-- == 0)
			return node;
	return parent;
}

static int check_head(const struct contract *c, const xmlNode *root, struct contract_error *error)
{
	if (c->parent != 0 && c->parent == c->id)
		return contract_fault(
			error, root, "parent=\"%u\" is the ICorp itself; right would be another ICorp's id", c->parent);
	if (c->holding_priority > c->setup_priority)
		return contract_fault(error, contract_child(root, "priority"),
				      "holding=\"%u\" is weaker than setup=\"%u\"; right would be a number not above "
				      "it (0 is the strongest)",
				      c->holding_priority, c->setup_priority);
	return 0;
}

static int check_rates(const struct contract *c, const xmlNode *network, struct contract_error *error)
{
	if (c->network.rate_bps == 0 && c->network.capacity != CAPACITY_BEST_EFFORT)
		return contract_fault(
			error, contract_child(network, "rate"),
			"a rate of 0 guarantees nothing; right would be more, or capacity=\"best-effort\"");
	if (c->network.ceil_bps < c->network.rate_bps)
		return contract_fault(error, contract_child(network, "ceil"),
				      "%llu bit/s is below the rate of %llu bit/s; right would be at least the rate",
				      (unsigned long long)c->network.ceil_bps, (unsigned long long)c->network.rate_bps);
	if (c->network.ceil_bps == 0)
		return contract_fault(error, network, "neither rate nor ceil; right would be a ceil above 0");
	return 0;
}

static int check_subnet(const struct contract *c, unsigned i, const xmlNode *node, struct contract_error *error)
{
	const struct contract_subnet *s = &c->subnets[i];
	char mine[PREFIX_TEXT], other[PREFIX_TEXT];
	unsigned k;

	if (s->prefix.len < c->network.prefix.len || !prefix_contains(c->network.prefix, s->prefix.addr))
		return contract_fault(error, node,
				      "subnet %s (%s) is outside the network's prefix; right would be one "
				      "inside %s",
				      s->name, prefix_text(s->prefix, mine), prefix_text(c->network.prefix, other));
	for (k = 0; k < i; k++) {
		if (strcmp(c->subnets[k].name, s->name) == 0)
			return contract_fault(error, node, "a second subnet %s; right would be a name of its own",
					      s->name);
		if (prefix_overlaps(c->subnets[k].prefix, s->prefix))
			return contract_fault(error, node,
					      "subnet %s (%s) overlaps subnet %s (%s); right would be "
					      "subnets apart from each other",
					      s->name, prefix_text(s->prefix, mine), c->subnets[k].name,
					      prefix_text(c->subnets[k].prefix, other));
	}
	return 0;
}

static int check_network(const struct contract *c, const xmlNode *root, struct contract_error *error)
{
	const xmlNode *network = contract_child(root, "network"), *node = contract_child(network, "subnet");
	unsigned i;
	int rc;

	rc = check_rates(c, network, error);
	for (i = 0; i < c->n_subnets && rc == 0; i++, node = contract_sibling(node, "subnet"))
		rc = check_subnet(c, i, node, error);
	return rc;
}

/* An address that one host can have. */
static int is_unicast(struct in_addr a)
{
	uint32_t host = ntohl(a.s_addr);

	return host >> 24 != 0 && host >> 28 < 14;
}

static const struct contract_subnet *subnet_by_name(const struct contract *c, const char *name)
{
	unsigned i;

	for (i = 0; i < c->n_subnets; i++)
		if (strcmp(c->subnets[i].name, name) == 0)
			return &c->subnets[i];
	return NULL;
}

static int check_private(const struct contract *c, const struct contract_endpoint *e, const xmlNode *node,
			 struct contract_error *error)
{
	const struct contract_subnet *s = subnet_by_name(c, e->subnet);
	char addr[ADDR_TEXT], prefix[PREFIX_TEXT];
	uint32_t host, mask;

	if (s == NULL)
		return contract_fault(error, node,
				      "subnet=\"%s\" does not exist; right would be the name of a "
				      "<subnet> of the <network>",
				      e->subnet);
	if (!prefix_contains(s->prefix, e->private_addr))
		return contract_fault(error, node, "address=\"%s\" is outside subnet %s; right would be one inside %s",
				      addr_text(e->private_addr, addr), s->name, prefix_text(s->prefix, prefix));
	mask = s->prefix.len >= 31 ? 0 : UINT32_MAX >> s->prefix.len;
	host = ntohl(e->private_addr.s_addr) & mask;
	if (mask != 0 && (host == 0 || host == mask))
		return contract_fault(error, node,
				      "address=\"%s\" is the first or last of subnet %s; right would be "
				      "one between them in %s",
				      addr_text(e->private_addr, addr), s->name, prefix_text(s->prefix, prefix));
	return 0;
}

static int check_outer(const struct contract *c, const struct contract_endpoint *e, const xmlNode *node,
		       struct contract_error *error)
{
	char addr[ADDR_TEXT], prefix[PREFIX_TEXT];

	if (!is_unicast(e->control) || prefix_contains(c->network.prefix, e->control))
		return contract_fault(error, node,
				      "control=\"%s\" is no address of an element; right would be a "
				      "unicast address outside %s",
				      addr_text(e->control, addr), prefix_text(c->network.prefix, prefix));
	if (e->public_addr.s_addr != 0 &&
	    (!is_unicast(e->public_addr) || prefix_contains(c->network.prefix, e->public_addr)))
		return contract_fault(error, node,
				      "public=\"%s\" is no public address; right would be a unicast "
				      "address outside %s",
				      addr_text(e->public_addr, addr), prefix_text(c->network.prefix, prefix));
	return 0;
}

static int check_unique(const struct contract *c, unsigned i, const xmlNode *node, struct contract_error *error)
{
	const struct contract_endpoint *e = &c->endpoints[i], *o;
	char addr[ADDR_TEXT];
	unsigned k;

	for (k = 0; k < i; k++) {
		o = &c->endpoints[k];
		if (strcmp(o->element, e->element) == 0)
			return contract_fault(error, node, "element %s is an endpoint a second time; once is right",
					      e->element);
		if (o->control.s_addr == e->control.s_addr)
			return contract_fault(error, node,
					      "control=\"%s\" is that of %s too; right would be an "
					      "address of its own",
					      addr_text(e->control, addr), o->element);
		if (o->private_addr.s_addr == e->private_addr.s_addr)
			return contract_fault(error, node,
					      "address=\"%s\" is that of %s too; right would be an "
					      "address of its own",
					      addr_text(e->private_addr, addr), o->element);
		if (e->public_addr.s_addr != 0 && o->public_addr.s_addr == e->public_addr.s_addr)
			return contract_fault(error, node,
					      "public=\"%s\" is that of %s too; right would be an address "
					      "of its own",
					      addr_text(e->public_addr, addr), o->element);
	}
	return 0;
}

static int check_isc(const struct contract_endpoint *e, const xmlNode *node, struct contract_error *error)
{
	if (e->isc.memory_kib == 0)
		return contract_fault(error, node, "the ISC of %s has no memory; right would be <memory> above 0",
				      e->element);
	if (e->isc.cpu_quota_us != 0 && e->isc.cpu_quota_us < QUOTA_MIN_US)
		return contract_fault(error, node,
				      "the ISC of %s has a <quota> of %llu; right would be 0 (no cap) or "
				      "at least %d us per 100 ms",
				      e->element, (unsigned long long)e->isc.cpu_quota_us, QUOTA_MIN_US);
	return 0;
}

static int check_leader(const struct contract *c, const xmlNode *endpoints, struct contract_error *error)
{
	unsigned i, leaders = 0;

	for (i = 0; i < c->n_endpoints; i++) {
		if (!c->endpoints[i].leader || ++leaders < 2)
			continue;
		return contract_fault(error, nth(endpoints, "isc", i),
				      "a second leader; right would be exactly one "
				      "access router with leader=\"yes\"");
	}
	if (leaders == 0)
		return contract_fault(error, endpoints,
				      "nobody leads; right would be exactly one access router with "
				      "leader=\"yes\"");
	return 0;
}

static int check_endpoints(const struct contract *c, const xmlNode *root, struct contract_error *error)
{
	const xmlNode *endpoints = contract_child(root, "endpoints"), *node = nth(endpoints, "isc", 0);
	unsigned i;
	int rc = 0;

	for (i = 0; i < c->n_endpoints && rc == 0; i++, node = next_but(node, "isc")) {
		rc = check_private(c, &c->endpoints[i], node, error);
		if (rc == 0)
			rc = check_outer(c, &c->endpoints[i], node, error);
		if (rc == 0)
			rc = check_unique(c, i, node, error);
		if (rc == 0 && c->endpoints[i].kind == ENDPOINT_SERVER)
			rc = check_isc(&c->endpoints[i], node, error);
	}
	return rc != 0 ? rc : check_leader(c, endpoints, error);
}

/* A limit below what the contract begins with could not be kept for a moment. */
static int check_limit(const struct contract *c, enum resource resource, uint64_t level, const xmlNode *limits,
		       struct contract_error *error)
{
	char limit[40], begin[40];

	if (c->limits.max[resource] == 0 || c->limits.max[resource] >= level)
		return 0;
	return contract_fault(
		error, contract_child(limits, resource_name(resource)),
		"the limit of %s is below the %s that the contract begins with; right would be at least that",
		resource_level_text(resource, c->limits.max[resource], limit, sizeof(limit)),
		resource_level_text(resource, level, begin, sizeof(begin)));
}

static int check_limits(const struct contract *c, const xmlNode *root, struct contract_error *error)
{
	const xmlNode *limits = contract_child(root, "limits");
	const struct contract_isc *isc;
	unsigned i;
	int rc;

	rc = check_limit(c, RESOURCE_BANDWIDTH, c->network.rate_bps, limits, error);
	for (i = 0; i < c->n_endpoints && rc == 0; i++) {
		isc = &c->endpoints[i].isc;
		rc = check_limit(c, RESOURCE_CPU, isc->cpu_shares, limits, error);
		if (rc == 0)
			rc = check_limit(c, RESOURCE_MEMORY, isc->memory_kib, limits, error);
		if (rc == 0)
			rc = check_limit(c, RESOURCE_DISK, isc->disk_mib, limits, error);
	}
	return rc;
}

static int check_services(const struct contract_service *services, unsigned n, const xmlNode *root,
			  struct contract_error *error)
{
	const xmlNode *parent = contract_child(root, "services");
	unsigned i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++) {
			if (strcmp(services[i].name, services[k].name) == 0)
				return contract_fault(error, nth(parent, NULL, i),
						      "a second service %s; right would "
						      "be a name of its own",
						      services[i].name);
			if (services[i].protocol == services[k].protocol && services[i].port == services[k].port)
				return contract_fault(error, nth(parent, NULL, i),
						      "service %s has the %s port %u of "
						      "service %s; right would be another port",
						      services[i].name, contract_protocol_names[services[i].protocol],
						      services[i].port, services[k].name);
		}
	return 0;
}

int contract_check_parts(const struct contract_service *services, unsigned n_services, const struct contract_app *apps,
			 unsigned n_apps, const xmlNode *root, struct contract_error *error)
{
	const xmlNode *parent = contract_child(root, "applications");
	unsigned i, k;
	int rc;

	rc = check_services(services, n_services, root, error);
	if (rc != 0)
		return rc;
	for (i = 0; i < n_apps; i++)
		for (k = 0; k < i; k++)
			if (strcmp(apps[i].name, apps[k].name) == 0)
				return contract_fault(error, nth(parent, NULL, i),
						      "a second application %s; right "
						      "would be a name of its own",
						      apps[i].name);
	return 0;
}

int contract_check(const struct contract *c, const xmlNode *root, struct contract_error *error)
{
	int rc;

	rc = check_head(c, root, error);
	if (rc == 0)
		rc = check_network(c, root, error);
	if (rc == 0)
		rc = check_endpoints(c, root, error);
	if (rc == 0)
		rc = contract_check_parts(c->services, c->n_services, c->apps, c->n_apps, root, error);
	if (rc == 0)
		rc = check_limits(c, root, error);
	return rc;
}
