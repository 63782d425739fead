/*
 * The canonical form: what the digest is taken of. One element per line, two spaces of indentation, elements
 * and attributes in a fixed order, numbers in base units without signs or leading zeros, defaults written out,
 * zeros that mean "none" left out. Endpoints, subnets, services and applications keep their order.
 *
 * The ISC of the first server stands once, at the head of <endpoints>; only servers that differ repeat it.
 *
 * The writer counts bytes and nodes against the parser's limits, so whatever it writes parses again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contracts/internal.h"

#define MAX_OPEN 8

struct out {
	char *text;
	size_t len, room;
	unsigned nodes;
	int status;
	unsigned depth;
	const char *open[MAX_OPEN];
	int in_tag; /* the start tag of open[depth - 1] is not closed yet */
};

static void put(struct out *o, const char *text, size_t n)
{
	char *more;
	size_t room;

	if (o->status != 0)
		return;
	if (o->len + n > CONTRACT_MAX_SIZE) {
		o->status = -E2BIG;
		return;
	}
	if (o->len + n + 1 > o->room) {
		room = o->room + n + 4096;
		more = realloc(o->text, room);
		if (more == NULL) {
			o->status = -ENOMEM;
			return;
		}
		o->text = more;
		o->room = room;
	}
	memcpy(o->text + o->len, text, n);
	o->len += n;
	o->text[o->len] = '\0';
}

static void puts_(struct out *o, const char *text)
{
	put(o, text, strlen(text));
}

/* Text that reads back the same inside an attribute or an element. */
static void put_escaped(struct out *o, const char *text)
{
	const char *from = text, *escape;

	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&':
			escape = "&amp;";
			break;
		case '<':
			escape = "&lt;";
			break;
		case '>':
			escape = "&gt;";
			break;
		case '"':
			escape = "&quot;";
			break;
		case '\t':
			escape = "&#9;";
			break;
		case '\n':
			escape = "&#10;";
			break;
		case '\r':
			escape = "&#13;";
			break;
		default:
			continue;
		}
		put(o, from, (size_t)(text - from));
		puts_(o, escape);
		from = text + 1;
	}
	put(o, from, (size_t)(text - from));
}

static void count(struct out *o)
{
	if (++o->nodes > DOCUMENT_MAX_NODES && o->status == 0)
		o->status = -E2BIG;
}

static void indent(struct out *o)
{
	static const char spaces[] = "                ";

	put(o, spaces, 2 * (size_t)o->depth);
}

static void start(struct out *o, const char *tag)
{
	if (o->in_tag)
		puts_(o, ">\n");
	indent(o);
	puts_(o, "<");
	puts_(o, tag);
	o->open[o->depth++] = tag;
	o->in_tag = 1;
	count(o);
}

static void attribute(struct out *o, const char *name, const char *value)
{
	puts_(o, " ");
	puts_(o, name);
	puts_(o, "=\"");
	put_escaped(o, value);
	puts_(o, "\"");
	count(o);
}

static const char *number_text(uint64_t value, char out[24])
{
	char *p = out + 23;

	*p = '\0';
	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	return p;
}

static void attribute_number(struct out *o, const char *name, uint64_t value)
{
	char text[24];

	attribute(o, name, number_text(value, text));
}

static void attribute_address(struct out *o, const char *name, struct in_addr addr)
{
	char text[ADDR_TEXT];

	attribute(o, name, addr_text(addr, text));
}

static void attribute_prefix(struct out *o, const char *name, struct prefix prefix)
{
	char text[PREFIX_TEXT];

	attribute(o, name, prefix_text(prefix, text));
}

static void end(struct out *o)
{
	const char *tag = o->open[--o->depth];

	if (o->in_tag) {
		puts_(o, "/>\n");
		o->in_tag = 0;
		return;
	}
	indent(o);
	puts_(o, "</");
	puts_(o, tag);
	puts_(o, ">\n");
}

/* Ends the element that is open with text as its content. */
static void end_text(struct out *o, const char *text)
{
	const char *tag = o->open[--o->depth];

	o->in_tag = 0;
	puts_(o, ">");
	put_escaped(o, text);
	puts_(o, "</");
	puts_(o, tag);
	puts_(o, ">\n");
}

static void leaf(struct out *o, const char *tag, const char *text)
{
	start(o, tag);
	end_text(o, text);
}

static void quantity(struct out *o, const char *tag, const char *unit, uint64_t value)
{
	char text[24];

	start(o, tag);
	if (unit != NULL)
		attribute(o, "unit", unit);
	end_text(o, number_text(value, text));
}

static void quantity_unless_zero(struct out *o, const char *tag, const char *unit, uint64_t value)
{
	if (value != 0)
		quantity(o, tag, unit, value);
}

static void put_network(struct out *o, const struct contract *c)
{
	unsigned i;

	start(o, "network");
	attribute_prefix(o, "prefix", c->network.prefix);
	attribute_number(o, "priority", c->network.priority);
	attribute(o, "capacity",
		  c->network.capacity <= CAPACITY_CONSTANT ? contract_capacity_names[c->network.capacity] : "?");
	quantity(o, "rate", "bit/s", c->network.rate_bps);
	quantity(o, "ceil", "bit/s", c->network.ceil_bps);
	for (i = 0; i < c->n_subnets; i++) {
		start(o, "subnet");
		attribute(o, "name", c->subnets[i].name);
		attribute_prefix(o, "prefix", c->subnets[i].prefix);
		end(o);
	}
	end(o);
}

static void put_isc(struct out *o, const struct contract_isc *isc)
{
	start(o, "isc");
	attribute(o, "image", isc->image);
	quantity(o, "vcpu", NULL, isc->vcpus);
	start(o, "cputune");
	quantity(o, "shares", NULL, isc->cpu_shares);
	quantity_unless_zero(o, "quota", NULL, isc->cpu_quota_us);
	end(o);
	quantity(o, "memory", "KiB", isc->memory_kib);
	quantity_unless_zero(o, "disk", "MiB", isc->disk_mib);
	end(o);
}

static int same_isc(const struct contract_isc *a, const struct contract_isc *b)
{
	return strcmp(a->image, b->image) == 0 && a->cpu_shares == b->cpu_shares &&
	       a->cpu_quota_us == b->cpu_quota_us && a->memory_kib == b->memory_kib && a->disk_mib == b->disk_mib &&
	       a->vcpus == b->vcpus;
}

static void put_endpoint(struct out *o, const struct contract_endpoint *e, const struct contract_isc *common)
{
	start(o, e->kind == ENDPOINT_ACCESS ? "access" : "server");
	attribute(o, "element", e->element);
	if (e->kind == ENDPOINT_ACCESS && e->leader)
		attribute(o, "leader", "yes");
	attribute_address(o, "control", e->control);
	attribute_address(o, "address", e->private_addr);
	attribute(o, "subnet", e->subnet);
	if (e->kind == ENDPOINT_ACCESS && e->public_addr.s_addr != 0)
		attribute_address(o, "public", e->public_addr);
	if (e->kind == ENDPOINT_SERVER && !same_isc(&e->isc, common))
		put_isc(o, &e->isc);
	end(o);
}

static void put_endpoints(struct out *o, const struct contract *c)
{
	const struct contract_isc *common = NULL;
	unsigned i;

	for (i = 0; i < c->n_endpoints && common == NULL; i++)
		if (c->endpoints[i].kind == ENDPOINT_SERVER)
			common = &c->endpoints[i].isc;
	start(o, "endpoints");
	if (common != NULL)
		put_isc(o, common);
	for (i = 0; i < c->n_endpoints; i++)
		put_endpoint(o, &c->endpoints[i], common);
	end(o);
}

static void put_services(struct out *o, const struct contract_service *services, unsigned n)
{
	unsigned i;

	if (n == 0)
		return;
	start(o, "services");
	for (i = 0; i < n; i++) {
		start(o, "service");
		attribute(o, "name", services[i].name);
		attribute(o, "protocol",
			  services[i].protocol <= SERVICE_UDP ? contract_protocol_names[services[i].protocol] : "?");
		attribute_number(o, "port", services[i].port);
		attribute_number(o, "target", services[i].target_port);
		end(o);
	}
	end(o);
}

static void put_apps(struct out *o, const struct contract_app *apps, unsigned n)
{
	char hex[2 * SHA256_SIZE + 1];
	unsigned i, k;

	if (n == 0)
		return;
	start(o, "applications");
	for (i = 0; i < n; i++) {
		start(o, "application");
		attribute(o, "name", apps[i].name);
		if (apps[i].url[0] != '\0') {
			hex_encode(apps[i].sha256, SHA256_SIZE, hex);
			attribute(o, "url", apps[i].url);
			attribute(o, "sha256", hex);
		}
		for (k = 0; k < apps[i].n_args; k++)
			leaf(o, "arg", apps[i].arg[k]);
		end(o);
	}
	end(o);
}

static void put_limits(struct out *o, const struct contract_limits *limits)
{
	static const struct contract_limits none;
	char money[MONEY_TEXT];

	if (memcmp(limits->max + 1, none.max + 1, RESOURCE_MAX * sizeof(none.max[0])) == 0 && limits->budget_micro == 0)
		return;
	start(o, "limits");
	quantity_unless_zero(o, "bandwidth", "bit/s", limits->max[RESOURCE_BANDWIDTH]);
	quantity_unless_zero(o, "cpu", NULL, limits->max[RESOURCE_CPU]);
	quantity_unless_zero(o, "memory", "KiB", limits->max[RESOURCE_MEMORY]);
	quantity_unless_zero(o, "disk", "MiB", limits->max[RESOURCE_DISK]);
	if (limits->budget_micro != 0)
		leaf(o, "budget", contract_money_text(limits->budget_micro, money));
	end(o);
}

static void put_prices(struct out *o, const struct contract_prices *prices)
{
	char money[MONEY_TEXT];
	unsigned i;

	if (prices->currency[0] == '\0')
		return;
	start(o, "prices");
	attribute(o, "currency", prices->currency);
	attribute_number(o, "interval", prices->interval_s);
	for (i = 1; i <= RESOURCE_MAX; i++) {
		if (prices->per[i].unit == 0)
			continue;
		start(o, "price");
		attribute(o, "resource", resource_name(i));
		attribute_number(o, "per", prices->per[i].unit);
		end_text(o, contract_money_text(prices->per[i].micro, money));
	}
	end(o);
}

static int finish(struct out *o, char **xml, size_t *len)
{
	if (o->status != 0) {
		free(o->text);
		return o->status;
	}
	*xml = realloc(o->text, o->len + 1); /* it is kept as long as the contract */
	if (*xml == NULL)
		*xml = o->text;
	*len = o->len;
	return 0;
}

int contract_canon(const struct contract *c, char **xml, size_t *len)
{
	struct out o = {.status = 0};

	start(&o, "contract");
	attribute(&o, "xmlns", CONTRACT_XMLNS);
	o.nodes--; /* a namespace declaration is no attribute */
	if (c->id != 0)
		attribute_number(&o, "id", c->id);
	attribute_number(&o, "revision", c->revision);
	if (c->parent != 0)
		attribute_number(&o, "parent", c->parent);
	leaf(&o, "client", c->client);
	leaf(&o, "name", c->name);
	leaf(&o, "class", c->class_name);
	if (c->dns_name[0] != '\0')
		leaf(&o, "dns", c->dns_name);
	start(&o, "priority");
	attribute_number(&o, "setup", c->setup_priority);
	attribute_number(&o, "holding", c->holding_priority);
	end(&o);
	quantity_unless_zero(&o, "lifetime", "s", c->lifetime_s);
	put_network(&o, c);
	put_endpoints(&o, c);
	put_services(&o, c->services, c->n_services);
	put_apps(&o, c->apps, c->n_apps);
	put_limits(&o, &c->limits);
	put_prices(&o, &c->prices);
	end(&o);
	return finish(&o, xml, len);
}

static void put_wishes(struct out *o, const struct contract_request *request)
{
	unsigned i;

	start(o, "endpoints");
	for (i = 0; i < request->n_access; i++) {
		start(o, "access");
		attribute(o, "element", request->access[i]);
		if (i == 0)
			attribute(o, "leader", "yes");
		end(o);
	}
	if (request->n_named_servers == 0) {
		start(o, "servers");
		attribute_number(o, "count", request->servers);
		end(o);
	}
	for (i = 0; i < request->n_named_servers; i++) {
		start(o, "server");
		attribute(o, "element", request->named_server[i]);
		end(o);
	}
	end(o);
}

int contract_request_canon(const struct contract_request *request, char **xml, size_t *len)
{
	struct out o = {.status = 0};

	start(&o, "request");
	attribute(&o, "xmlns", CONTRACT_XMLNS);
	o.nodes--;
	if (request->client[0] != '\0')
		leaf(&o, "client", request->client);
	leaf(&o, "name", request->name);
	leaf(&o, "class", request->class_name);
	if (request->dns_name[0] != '\0')
		leaf(&o, "dns", request->dns_name);
	if (request->image[0] != '\0')
		leaf(&o, "image", request->image);
	put_wishes(&o, request);
	put_services(&o, request->services, request->n_services);
	put_apps(&o, request->apps, request->n_apps);
	put_limits(&o, &request->limits);
	quantity_unless_zero(&o, "lifetime", "s", request->lifetime_s);
	end(&o);
	return finish(&o, xml, len);
}
