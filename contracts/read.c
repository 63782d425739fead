/*
 * Tree to struct contract, and contract_parse, which ties the room together: document.c makes a valid tree,
 * this file reads it, check.c judges it, canon.c writes it again, and the digest of that names it. So two
 * spellings of one contract (units, order of elements, white space, prefixes) have one digest.
 *
 * What is in canonical form already needs neither parser nor schema: that canon.c writes it again byte for byte says
 * more than either (canon_read.c). Whatever does not come out the same goes the long way, which finds the words, too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "contracts/internal.h"

static void read_network(struct reader *r, const xmlNode *node, struct contract *c)
{
	const xmlNode *ceil = contract_child(node, "ceil"), *subnet;
	unsigned n = 0;

	c->network.prefix = contract_read_prefix(r, node);
	if (contract_has(node, "priority"))
		c->network.priority =
			(uint8_t)contract_read_number(r, node, "priority", "priority-level", 0, PRIORITY_LOWEST);
	c->network.capacity = contract_read_choice(r, node, "capacity", contract_capacity_names, 3);
	c->network.rate_bps = contract_read_quantity(r, contract_child(node, "rate"), contract_rate_units, UINT64_MAX);
	c->network.ceil_bps = c->network.rate_bps;
	if (ceil != NULL)
		c->network.ceil_bps = contract_read_quantity(r, ceil, contract_rate_units, UINT64_MAX);

	for (subnet = contract_child(node, "subnet"); subnet != NULL; subnet = contract_sibling(subnet, "subnet"))
		n++;
	c->subnets = calloc(n + 1, sizeof(*c->subnets));
	if (c->subnets == NULL) {
		contract_read_fail(r, -ENOMEM);
		return;
	}
	for (subnet = contract_child(node, "subnet"); subnet != NULL && r->status == 0;
	     subnet = contract_sibling(subnet, "subnet")) {
		contract_read_label(r, subnet, "name", c->subnets[c->n_subnets].name);
		c->subnets[c->n_subnets++].prefix = contract_read_prefix(r, subnet);
	}
}

static void read_isc(struct reader *r, const xmlNode *node, struct contract_isc *out)
{
	const xmlNode *vcpu = contract_child(node, "vcpu"), *tune = contract_child(node, "cputune");
	const xmlNode *shares = contract_child(tune, "shares"), *quota = contract_child(tune, "quota");

	contract_read_label(r, node, "image", out->image);
	out->vcpus = 1;
	if (vcpu != NULL)
		out->vcpus = (unsigned)contract_read_number(r, vcpu, NULL, "vcpu-count", 1, VCPUS_MAX);
	out->cpu_shares = SHARES_ORDINARY;
	if (shares != NULL)
		out->cpu_shares = contract_read_number(r, shares, NULL, "shares", SHARES_MIN, SHARES_MAX);
	if (quota != NULL)
		out->cpu_quota_us = contract_read_number(r, quota, NULL, "number", 0, UINT64_MAX);
	out->memory_kib = contract_read_quantity(r, contract_child(node, "memory"), contract_memory_units, UINT64_MAX);
	out->disk_mib = contract_read_quantity(r, contract_child(node, "disk"), contract_disk_units, UINT64_MAX);
}

static void read_endpoint(struct reader *r, const xmlNode *node, const struct contract_isc *common,
			  struct contract_endpoint *out)
{
	const xmlNode *isc = contract_child(node, "isc");

	contract_read_label(r, node, "element", out->element);
	out->control = contract_read_address(r, node, "control");
	out->private_addr = contract_read_address(r, node, "address");
	contract_read_label(r, node, "subnet", out->subnet);
	if (contract_named(node, "access")) {
		out->kind = ENDPOINT_ACCESS;
		out->leader = contract_read_yes(r, node, "leader");
		if (contract_has(node, "public"))
			out->public_addr = contract_read_address(r, node, "public");
		return;
	}
	out->kind = ENDPOINT_SERVER;
	if (isc != NULL) {
		read_isc(r, isc, &out->isc);
	} else if (common != NULL) {
		out->isc = *common;
	} else if (r->status == 0) {
		contract_fault(r->error, node,
			       "the server has no <isc>; right would be one in it, or one in "
			       "<endpoints> for all servers");
		contract_read_fail(r, -EINVAL);
	}
}

static void read_endpoints(struct reader *r, const xmlNode *endpoints, struct contract *c)
{
	const xmlNode *node, *isc = contract_child(endpoints, "isc");
	struct contract_isc common = {.vcpus = 0};
	unsigned n = 0;

	if (isc != NULL)
		read_isc(r, isc, &common);
	for (node = contract_child(endpoints, NULL); node != NULL; node = contract_sibling(node, NULL))
		if (node != isc && ++n > CONTRACT_MAX_ENDPOINTS) {
			contract_fault(r->error, node, "one too many; at most %d endpoints are right",
				       CONTRACT_MAX_ENDPOINTS);
			contract_read_fail(r, -EINVAL);
			return;
		}
	c->endpoints = calloc(n + 1, sizeof(*c->endpoints));
	if (c->endpoints == NULL) {
		contract_read_fail(r, -ENOMEM);
		return;
	}
	for (node = contract_child(endpoints, NULL); node != NULL && r->status == 0;
	     node = contract_sibling(node, NULL))
		if (node != isc)
			read_endpoint(r, node, isc != NULL ? &common : NULL, &c->endpoints[c->n_endpoints++]);
}

static void read_prices(struct reader *r, const xmlNode *prices, struct contract *c)
{
	static const char *const names[RESOURCE_MAX + 1] = {NULL, "bandwidth", "cpu", "memory", "disk"};
	const xmlNode *node;
	const char *currency;
	unsigned resource;

	if (prices == NULL || r->status != 0)
		return;
	currency = contract_text(r, prices, "currency");
	if (!contract_is_currency(currency)) {
		contract_fault(r->error, prices, "the currency is wrong; right would be %s",
			       contract_schema_words("currency"));
		contract_read_fail(r, -EINVAL);
		return;
	}
	memcpy(c->prices.currency, currency, sizeof(c->prices.currency));
	c->prices.interval_s = (uint32_t)contract_read_number(r, prices, "interval", "interval", 1, UINT32_MAX);
	for (node = contract_child(prices, NULL); node != NULL && r->status == 0; node = contract_sibling(node, NULL)) {
		resource = contract_read_choice(r, node, "resource", names, RESOURCE_MAX + 1);
		if (c->prices.per[resource].unit != 0) {
			contract_fault(r->error, node, "a second price for %s; right would be one per resource",
				       names[resource]);
			contract_read_fail(r, -EINVAL);
		}
		c->prices.per[resource].unit = contract_read_number(r, node, "per", "positive", 1, UINT64_MAX);
		c->prices.per[resource].micro = contract_read_money(r, node);
	}
}

static int read_contract(struct reader *r, const xmlNode *root, struct contract *c)
{
	const xmlNode *priority = contract_child(root, "priority"), *dns = contract_child(root, "dns");

	if (contract_has(root, "id"))
		c->id = (uint32_t)contract_read_number(r, root, "id", "id", 1, UINT32_MAX);
	c->revision = (uint16_t)contract_read_number(r, root, "revision", "revision", 1, UINT16_MAX);
	if (contract_has(root, "parent"))
		c->parent = (uint32_t)contract_read_number(r, root, "parent", "id", 1, UINT32_MAX);
	contract_read_label(r, contract_child(root, "client"), NULL, c->client);
	contract_read_label(r, contract_child(root, "name"), NULL, c->name);
	contract_read_label(r, contract_child(root, "class"), NULL, c->class_name);
	if (dns != NULL)
		contract_read_dns(r, dns, c->dns_name);
	c->setup_priority = (uint8_t)contract_read_number(r, priority, "setup", "priority-level", 0, PRIORITY_LOWEST);
	c->holding_priority =
		(uint8_t)contract_read_number(r, priority, "holding", "priority-level", 0, PRIORITY_LOWEST);
	c->lifetime_s =
		(uint32_t)contract_read_quantity(r, contract_child(root, "lifetime"), contract_time_units, UINT32_MAX);
	read_network(r, contract_child(root, "network"), c);
	read_endpoints(r, contract_child(root, "endpoints"), c);
	contract_read_services(r, contract_child(root, "services"), c->services, &c->n_services);
	contract_read_apps(r, contract_child(root, "applications"), c->apps, &c->n_apps);
	contract_read_limits(r, contract_child(root, "limits"), &c->limits);
	read_prices(r, contract_child(root, "prices"), c);
	return r->status;
}

/* Reads, judges, writes and names. */
static int build(const xmlNode *root, struct contract *c, struct contract_error *error)
{
	struct reader r = {.error = error};
	int rc;

	rc = read_contract(&r, root, c);
	if (rc == 0)
		rc = contract_check(c, root, error);
	if (rc == 0)
		rc = contract_canon(c, &c->xml, &c->xml_len);
	if (rc == -E2BIG)
		contract_fault(error, root, "the canonical form is too large; at most %d bytes and %d nodes are right",
			       CONTRACT_MAX_SIZE, DOCUMENT_MAX_NODES);
	if (rc == 0)
		sha256(c->xml, c->xml_len, c->digest);
	return rc;
}

int contract_read_canonical(const char *xml, size_t len, struct contract **out)
{
	const xmlNode *root = contract_canon_tree(xml, len);
	struct contract *c = root != NULL ? contract_new() : NULL;

	*out = NULL;
	if (c != NULL && build(root, c, NULL) == 0 && c->xml_len == len && memcmp(c->xml, xml, len) == 0)
		*out = c;
	else
		contract_unref(c);
	return *out != NULL ? 0 : -EINVAL;
}

int contract_read_document(const char *xml, size_t len, struct contract **out, struct contract_error *error)
{
	struct contract *c;
	xmlDocPtr doc;
	int rc;

	*out = NULL;
	rc = contract_document(xml, len, "contract", &doc, error);
	if (rc != 0)
		return rc;
	c = contract_new();
	rc = c != NULL ? build(xmlDocGetRootElement(doc), c, error) : -ENOMEM;
	xmlFreeDoc(doc);
	if (rc == 0)
		*out = c;
	else
		contract_unref(c);
	return rc;
}

int contract_parse(const char *xml, size_t len, struct contract **out, struct contract_error *error)
{
	if (error != NULL)
		memset(error, 0, sizeof(*error));
	return contract_read_canonical(xml, len, out) == 0 ? 0 : contract_read_document(xml, len, out, error);
}
