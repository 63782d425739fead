/*
 * What two contracts differ in, for people (a line each) and for the session core (bits). The revision itself
 * is no difference. Named things (subnets, endpoints, services, applications) are matched by name, so moving
 * one within its list is none either.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "contracts/internal.h"

struct diff {
	unsigned bits;
	void (*line)(void *ctx, const char *text);
	void *ctx;
};

static void say(struct diff *d, unsigned bit, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void say(struct diff *d, unsigned bit, const char *fmt, ...)
{
	char text[1280];
	va_list ap;

	d->bits |= bit;
	if (d->line == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->line(d->ctx, text);
}

static void numbers(struct diff *d, unsigned bit, const char *what, uint64_t a, uint64_t b, const char *unit)
{
	if (a != b)
		say(d, bit, "%s: %" PRIu64 " -> %" PRIu64 "%s", what, a, b, unit);
}

static const char *or_none(const char *text)
{
	return text[0] != '\0' ? text : "none";
}

static void texts(struct diff *d, unsigned bit, const char *what, const char *a, const char *b)
{
	if (strcmp(a, b) != 0)
		say(d, bit, "%s: %s -> %s", what, or_none(a), or_none(b));
}

static void addresses(struct diff *d, const char *element, const char *what, struct in_addr a, struct in_addr b)
{
	char from[ADDR_TEXT], to[ADDR_TEXT];

	if (a.s_addr != b.s_addr)
		say(d, CONTRACT_DIFF_ENDPOINTS, "endpoint %s: %s: %s -> %s", element, what, addr_text(a, from),
		    addr_text(b, to));
}

static void prefixes(struct diff *d, const char *what, struct prefix a, struct prefix b)
{
	char from[PREFIX_TEXT], to[PREFIX_TEXT];

	if (a.addr.s_addr != b.addr.s_addr || a.len != b.len)
		say(d, CONTRACT_DIFF_OTHER, "%s: %s -> %s", what, prefix_text(a, from), prefix_text(b, to));
}

static void diff_head(struct diff *d, const struct contract *a, const struct contract *b)
{
	numbers(d, CONTRACT_DIFF_OTHER, "id", a->id, b->id, "");
	numbers(d, CONTRACT_DIFF_OTHER, "parent", a->parent, b->parent, "");
	texts(d, CONTRACT_DIFF_OTHER, "client", a->client, b->client);
	texts(d, CONTRACT_DIFF_OTHER, "name", a->name, b->name);
	texts(d, CONTRACT_DIFF_OTHER, "class", a->class_name, b->class_name);
	texts(d, CONTRACT_DIFF_OTHER, "dns", a->dns_name, b->dns_name);
	numbers(d, CONTRACT_DIFF_OTHER, "setup priority", a->setup_priority, b->setup_priority, "");
	numbers(d, CONTRACT_DIFF_OTHER, "holding priority", a->holding_priority, b->holding_priority, "");
	numbers(d, CONTRACT_DIFF_OTHER, "lifetime", a->lifetime_s, b->lifetime_s, " s");
}

static const char *capacity_text(enum capacity_class capacity)
{
	return (unsigned)capacity <= CAPACITY_CONSTANT ? contract_capacity_names[capacity] : "?";
}

static const struct contract_subnet *subnet(const struct contract *c, const char *name)
{
	unsigned i;

	for (i = 0; i < c->n_subnets; i++)
		if (strcmp(c->subnets[i].name, name) == 0)
			return &c->subnets[i];
	return NULL;
}

static void diff_network(struct diff *d, const struct contract *a, const struct contract *b)
{
	const struct contract_subnet *other;
	char what[CONTRACT_NAME + 8];
	unsigned i;

	numbers(d, CONTRACT_DIFF_RATE, "rate", a->network.rate_bps, b->network.rate_bps, " bit/s");
	numbers(d, CONTRACT_DIFF_RATE, "ceil", a->network.ceil_bps, b->network.ceil_bps, " bit/s");
	prefixes(d, "prefix", a->network.prefix, b->network.prefix);
	numbers(d, CONTRACT_DIFF_OTHER, "network priority", a->network.priority, b->network.priority, "");
	texts(d, CONTRACT_DIFF_OTHER, "capacity", capacity_text(a->network.capacity),
	      capacity_text(b->network.capacity));
	for (i = 0; i < a->n_subnets; i++) {
		other = subnet(b, a->subnets[i].name);
		snprintf(what, sizeof(what), "subnet %s", a->subnets[i].name);
		if (other == NULL)
			say(d, CONTRACT_DIFF_OTHER, "%s: removed", what);
		else
			prefixes(d, what, a->subnets[i].prefix, other->prefix);
	}
	for (i = 0; i < b->n_subnets; i++)
		if (subnet(a, b->subnets[i].name) == NULL)
			say(d, CONTRACT_DIFF_OTHER, "subnet %s: added", b->subnets[i].name);
}

static void diff_isc(struct diff *d, const struct contract_endpoint *a, const struct contract_endpoint *b)
{
	const struct {
		const char *what, *unit;
		uint64_t from, to;
	} field[] = {
		{"cpu", " shares", a->isc.cpu_shares, b->isc.cpu_shares},
		{"cpu quota", " us", a->isc.cpu_quota_us, b->isc.cpu_quota_us},
		{"vcpus", "", a->isc.vcpus, b->isc.vcpus},
		{"memory", " KiB", a->isc.memory_kib, b->isc.memory_kib},
		{"disk", " MiB", a->isc.disk_mib, b->isc.disk_mib},
	};
	unsigned i;

	if (strcmp(a->isc.image, b->isc.image) != 0)
		say(d, CONTRACT_DIFF_ISC, "endpoint %s: image: %s -> %s", a->element, or_none(a->isc.image),
		    or_none(b->isc.image));
	for (i = 0; i < sizeof(field) / sizeof(field[0]); i++)
		if (field[i].from != field[i].to)
			say(d, CONTRACT_DIFF_ISC, "endpoint %s: %s: %" PRIu64 " -> %" PRIu64 "%s", a->element,
			    field[i].what, field[i].from, field[i].to, field[i].unit);
}

static const char *kind_text(enum endpoint_kind kind)
{
	return kind == ENDPOINT_SERVER ? "server" : "access";
}

static void diff_endpoint(struct diff *d, const struct contract_endpoint *a, const struct contract_endpoint *b)
{
	if (a->kind != b->kind)
		say(d, CONTRACT_DIFF_ENDPOINTS, "endpoint %s: %s -> %s", a->element, kind_text(a->kind),
		    kind_text(b->kind));
	if (!a->leader != !b->leader)
		say(d, CONTRACT_DIFF_ENDPOINTS, "endpoint %s: %s", a->element,
		    b->leader ? "now leads" : "no longer leads");
	addresses(d, a->element, "control", a->control, b->control);
	addresses(d, a->element, "address", a->private_addr, b->private_addr);
	addresses(d, a->element, "public", a->public_addr, b->public_addr);
	if (strcmp(a->subnet, b->subnet) != 0)
		say(d, CONTRACT_DIFF_ENDPOINTS, "endpoint %s: subnet: %s -> %s", a->element, or_none(a->subnet),
		    or_none(b->subnet));
	diff_isc(d, a, b);
}

static void diff_endpoints(struct diff *d, const struct contract *a, const struct contract *b)
{
	const struct contract_endpoint *other;
	unsigned i;

	for (i = 0; i < a->n_endpoints; i++) {
		other = contract_endpoint_by_element(b, a->endpoints[i].element);
		if (other == NULL)
			say(d, CONTRACT_DIFF_ENDPOINTS, "endpoint %s: removed", a->endpoints[i].element);
		else
			diff_endpoint(d, &a->endpoints[i], other);
	}
	for (i = 0; i < b->n_endpoints; i++)
		if (contract_endpoint_by_element(a, b->endpoints[i].element) == NULL)
			say(d, CONTRACT_DIFF_ENDPOINTS, "endpoint %s: added (%s)", b->endpoints[i].element,
			    kind_text(b->endpoints[i].kind));
}

static const struct contract_service *service(const struct contract *c, const char *name)
{
	unsigned i;

	for (i = 0; i < c->n_services; i++)
		if (strcmp(c->services[i].name, name) == 0)
			return &c->services[i];
	return NULL;
}

static const char *service_text(const struct contract_service *s, char out[32])
{
	snprintf(out, 32, "%s %u to %u", s->protocol == SERVICE_UDP ? "udp" : "tcp", s->port, s->target_port);
	return out;
}

static void diff_services(struct diff *d, const struct contract *a, const struct contract *b)
{
	const struct contract_service *other;
	char from[32], to[32];
	unsigned i;

	for (i = 0; i < a->n_services; i++) {
		other = service(b, a->services[i].name);
		service_text(&a->services[i], from);
		if (other == NULL)
			say(d, CONTRACT_DIFF_SERVICES, "service %s: removed", a->services[i].name);
		else if (strcmp(from, service_text(other, to)) != 0)
			say(d, CONTRACT_DIFF_SERVICES, "service %s: %s -> %s", other->name, from, to);
	}
	for (i = 0; i < b->n_services; i++)
		if (service(a, b->services[i].name) == NULL)
			say(d, CONTRACT_DIFF_SERVICES, "service %s: added (%s)", b->services[i].name,
			    service_text(&b->services[i], to));
}

static const struct contract_app *app(const struct contract *c, const char *name)
{
	unsigned i;

	for (i = 0; i < c->n_apps; i++)
		if (strcmp(c->apps[i].name, name) == 0)
			return &c->apps[i];
	return NULL;
}

static int same_args(const struct contract_app *a, const struct contract_app *b)
{
	unsigned i;

	if (a->n_args != b->n_args)
		return 0;
	for (i = 0; i < a->n_args; i++)
		if (strcmp(a->arg[i], b->arg[i]) != 0)
			return 0;
	return 1;
}

static void diff_app(struct diff *d, const struct contract_app *a, const struct contract_app *b)
{
	if (strcmp(a->url, b->url) != 0)
		say(d, CONTRACT_DIFF_APPS, "application %s: url: %s -> %s", a->name, or_none(a->url), or_none(b->url));
	if (memcmp(a->sha256, b->sha256, SHA256_SIZE) != 0)
		say(d, CONTRACT_DIFF_APPS, "application %s: other content (sha256)", a->name);
	if (!same_args(a, b))
		say(d, CONTRACT_DIFF_APPS, "application %s: other arguments", a->name);
}

static void diff_apps(struct diff *d, const struct contract *a, const struct contract *b)
{
	const struct contract_app *other;
	unsigned i;

	for (i = 0; i < a->n_apps; i++) {
		other = app(b, a->apps[i].name);
		if (other == NULL)
			say(d, CONTRACT_DIFF_APPS, "application %s: removed", a->apps[i].name);
		else
			diff_app(d, &a->apps[i], other);
	}
	for (i = 0; i < b->n_apps; i++)
		if (app(a, b->apps[i].name) == NULL)
			say(d, CONTRACT_DIFF_APPS, "application %s: added", b->apps[i].name);
}

static const char *limit_text(enum resource resource, uint64_t level, char *out, size_t room)
{
	static const char *const unit[RESOURCE_MAX + 1] = {"", "bit/s", "shares", "KiB", "MiB"};

	if (level == 0)
		return "none";
	snprintf(out, room, "%" PRIu64 " %s", level, unit[resource]);
	return out;
}

static void diff_limits(struct diff *d, const struct contract *a, const struct contract *b)
{
	char from[40], to[40];
	unsigned i;

	for (i = 1; i <= RESOURCE_MAX; i++)
		if (a->limits.max[i] != b->limits.max[i])
			say(d, CONTRACT_DIFF_LIMITS, "limit %s: %s -> %s", resource_name(i),
			    limit_text(i, a->limits.max[i], from, sizeof(from)),
			    limit_text(i, b->limits.max[i], to, sizeof(to)));
	if (a->limits.budget_micro != b->limits.budget_micro)
		say(d, CONTRACT_DIFF_LIMITS, "budget: %s -> %s", contract_money_text(a->limits.budget_micro, from),
		    contract_money_text(b->limits.budget_micro, to));
}

static void diff_prices(struct diff *d, const struct contract *a, const struct contract *b)
{
	char from[MONEY_TEXT], to[MONEY_TEXT];
	unsigned i;

	texts(d, CONTRACT_DIFF_PRICES, "currency", a->prices.currency, b->prices.currency);
	numbers(d, CONTRACT_DIFF_PRICES, "price interval", a->prices.interval_s, b->prices.interval_s, " s");
	for (i = 1; i <= RESOURCE_MAX; i++)
		if (a->prices.per[i].unit != b->prices.per[i].unit || a->prices.per[i].micro != b->prices.per[i].micro)
			say(d, CONTRACT_DIFF_PRICES, "price of %s: %s per %" PRIu64 " -> %s per %" PRIu64,
			    resource_name(i), contract_money_text(a->prices.per[i].micro, from), a->prices.per[i].unit,
			    contract_money_text(b->prices.per[i].micro, to), b->prices.per[i].unit);
}

unsigned contract_diff(const struct contract *old, const struct contract *new_,
		       void (*line)(void *ctx, const char *text), void *ctx)
{
	struct diff d = {.line = line, .ctx = ctx};

	diff_head(&d, old, new_);
	diff_network(&d, old, new_);
	diff_endpoints(&d, old, new_);
	diff_services(&d, old, new_);
	diff_apps(&d, old, new_);
	diff_limits(&d, old, new_);
	diff_prices(&d, old, new_);
	return d.bits;
}
