/*
 * Terms as bytes. The encoder and the decoder below go through the fields in the same order; a field added to struct
 * adaptor_terms is added to both (the round-trip test compares every field). Nothing read is trusted: counts are
 * capped before anything is allocated, enumerations and names are checked, so that an adaptor never sees, say, an
 * interface name with a newline in it.
 */
#include "adaptors/protocol.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void put_addr(struct wire *w, struct in_addr addr)
{
	wire_put_u32(w, ntohl(addr.s_addr));
}

static struct in_addr get_addr(struct wire *w)
{
	return (struct in_addr){ .s_addr = htonl(wire_u32(w)) };
}

static void bad(struct wire *w)
{
	if (!w->error)
		w->error = -EBADMSG;
}

/* A number that must not exceed max. */
static unsigned get_capped(struct wire *w, unsigned v, unsigned max)
{
	if (v <= max)
		return v;
	bad(w);
	return 0;
}

/* Letters, digits and `extra`: what names of elements, interfaces and images are made of. */
static void get_name(struct wire *w, char *out, size_t room, const char *extra)
{
	protocol_str(w, out, room);
	for (const char *p = out; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(extra, *p)) {
			bad(w);
			out[0] = '\0';
			return;
		}
}

static void put_ports(struct wire *w, const struct adaptor_terms *t)
{
	wire_put_u8(w, (uint8_t)t->n_ports);
	for (unsigned i = 0; i < t->n_ports; i++) {
		protocol_put_str(w, t->ports[i].ifname);
		wire_put_u64(w, t->ports[i].rate_bps);
		wire_put_u64(w, t->ports[i].ceil_bps);
		wire_put_u8(w, t->ports[i].trunk != 0);
	}
}

static void get_ports(struct wire *w, struct adaptor_terms *t)
{
	t->n_ports = get_capped(w, wire_u8(w), ADAPTOR_MAX_PORTS);
	for (unsigned i = 0; i < t->n_ports; i++) {
		get_name(w, t->ports[i].ifname, sizeof(t->ports[i].ifname), "-_.@:");
		t->ports[i].rate_bps = wire_u64(w);
		t->ports[i].ceil_bps = wire_u64(w);
		t->ports[i].trunk = wire_u8(w) != 0;
	}
}

static void put_endpoints(struct wire *w, const struct adaptor_terms *t)
{
	wire_put_u16(w, (uint16_t)t->n_endpoints);
	for (unsigned i = 0; i < t->n_endpoints; i++) {
		const struct terms_endpoint *e = &t->endpoints[i];

		protocol_put_str(w, e->element);
		wire_put_u8(w, (uint8_t)e->kind);
		put_addr(w, e->control);
		put_addr(w, e->private_addr);
		put_addr(w, e->public_addr);
		wire_put_u8(w, e->local != 0);
		wire_put_u8(w, e->up != 0);
		wire_put_u16(w, e->weight);
	}
}

static void get_endpoints(struct wire *w, struct adaptor_terms *t)
{
	unsigned n = get_capped(w, wire_u16(w), CONTRACT_MAX_ENDPOINTS);

	if (!n || w->error)
		return;
	t->endpoints = calloc(n, sizeof(*t->endpoints));
	if (!t->endpoints) {
		w->error = -ENOMEM;
		return;
	}
	t->n_endpoints = n;
	for (unsigned i = 0; i < n; i++) {
		struct terms_endpoint *e = &t->endpoints[i];

		get_name(w, e->element, sizeof(e->element), "-_.");
		e->kind = (enum endpoint_kind)get_capped(w, wire_u8(w), ENDPOINT_ACCESS);
		e->control = get_addr(w);
		e->private_addr = get_addr(w);
		e->public_addr = get_addr(w);
		e->local = wire_u8(w) != 0;
		e->up = wire_u8(w) != 0;
		e->weight = wire_u16(w);
	}
}

static void put_services(struct wire *w, const struct adaptor_terms *t)
{
	wire_put_u8(w, (uint8_t)t->n_services);
	for (unsigned i = 0; i < t->n_services; i++) {
		protocol_put_str(w, t->services[i].name);
		wire_put_u8(w, (uint8_t)t->services[i].protocol);
		wire_put_u16(w, t->services[i].port);
		wire_put_u16(w, t->services[i].target_port);
	}
}

static void get_services(struct wire *w, struct adaptor_terms *t)
{
	unsigned n = get_capped(w, wire_u8(w), CONTRACT_MAX_SERVICES);

	if (!n || w->error)
		return;
	t->services = calloc(n, sizeof(*t->services));
	if (!t->services) {
		w->error = -ENOMEM;
		return;
	}
	t->n_services = n;
	for (unsigned i = 0; i < n; i++) {
		get_name(w, t->services[i].name, sizeof(t->services[i].name), "-_.");
		t->services[i].protocol = (enum service_protocol)get_capped(w, wire_u8(w), SERVICE_UDP);
		t->services[i].port = wire_u16(w);
		t->services[i].target_port = wire_u16(w);
	}
}

static void put_apps(struct wire *w, const struct adaptor_terms *t)
{
	wire_put_u8(w, (uint8_t)t->n_apps);
	for (unsigned i = 0; i < t->n_apps; i++) {
		const struct contract_app *a = &t->apps[i];

		protocol_put_str(w, a->name);
		protocol_put_str(w, a->url);
		wire_put_bytes(w, a->sha256, sizeof(a->sha256));
		wire_put_u8(w, (uint8_t)a->n_args);
		for (unsigned k = 0; k < a->n_args; k++)
			protocol_put_str(w, a->arg[k]);
	}
}

/* A string of any sensible length, malloc'd. */
static char *get_arg(struct wire *w)
{
	size_t len = wire_u16(w);
	const uint8_t *s = wire_bytes(w, len);

	if (!s || memchr(s, 0, len)) {
		bad(w);
		return NULL;
	}
	char *arg = strndup((const char *)s, len);

	if (!arg)
		w->error = -ENOMEM;
	return arg;
}

static void get_app(struct wire *w, struct contract_app *a)
{
	get_name(w, a->name, sizeof(a->name), "-_.");
	protocol_str(w, a->url, sizeof(a->url));
	const uint8_t *sha = wire_bytes(w, sizeof(a->sha256));

	if (sha)
		memcpy(a->sha256, sha, sizeof(a->sha256));
	unsigned n = get_capped(w, wire_u8(w), CONTRACT_MAX_ARGS);

	for (unsigned k = 0; k < n && !w->error; k++) {
		a->arg[k] = get_arg(w);
		a->n_args += a->arg[k] != NULL;
	}
}

static void get_apps(struct wire *w, struct adaptor_terms *t)
{
	unsigned n = get_capped(w, wire_u8(w), CONTRACT_MAX_APPS);

	if (!n || w->error)
		return;
	t->apps = calloc(n, sizeof(*t->apps));
	if (!t->apps) {
		w->error = -ENOMEM;
		return;
	}
	t->n_apps = n;
	for (unsigned i = 0; i < n; i++)
		get_app(w, &t->apps[i]);
}

static void put_isc(struct wire *w, const struct terms_isc *isc)
{
	wire_put_u8(w, isc->present != 0);
	protocol_put_str(w, isc->spec.image);
	wire_put_u64(w, isc->spec.cpu_shares);
	wire_put_u64(w, isc->spec.cpu_quota_us);
	wire_put_u64(w, isc->spec.memory_kib);
	wire_put_u64(w, isc->max_memory_kib);
	wire_put_u64(w, isc->spec.disk_mib);
	wire_put_u32(w, isc->spec.vcpus);
	put_addr(w, isc->address);
	put_addr(w, isc->host);
	wire_put_u16(w, isc->host_port);
	wire_put_u32(w, isc->key_id);
	wire_put_bytes(w, isc->key, sizeof(isc->key));
	for (unsigned r = 1; r <= RESOURCE_MAX; r++)
		wire_put_u32(w, isc->handled[r]);
}

static void get_isc(struct wire *w, struct terms_isc *isc)
{
	isc->present = wire_u8(w) != 0;
	get_name(w, isc->spec.image, sizeof(isc->spec.image), "-_.");
	isc->spec.cpu_shares = wire_u64(w);
	isc->spec.cpu_quota_us = wire_u64(w);
	isc->spec.memory_kib = wire_u64(w);
	isc->max_memory_kib = wire_u64(w);
	isc->spec.disk_mib = wire_u64(w);
	isc->spec.vcpus = wire_u32(w);
	isc->address = get_addr(w);
	isc->host = get_addr(w);
	isc->host_port = wire_u16(w);
	isc->key_id = wire_u32(w);
	const uint8_t *key = wire_bytes(w, sizeof(isc->key));

	if (key)
		memcpy(isc->key, key, sizeof(isc->key));
	for (unsigned r = 1; r <= RESOURCE_MAX; r++)
		isc->handled[r] = wire_u32(w);
}

static void put_terms(struct wire *w, const struct adaptor_terms *t)
{
	wire_put_u32(w, t->icorp);
	put_addr(w, t->leader);
	wire_put_u16(w, t->revision);
	protocol_put_str(w, t->name);
	put_addr(w, t->prefix.addr);
	wire_put_u8(w, t->prefix.len);
	wire_put_u8(w, (uint8_t)t->capacity);
	wire_put_u8(w, t->priority);
	wire_put_u16(w, t->vlan);
	wire_put_u32(w, t->lifetime_s);
	wire_put_u8(w, t->leading != 0);
	put_ports(w, t);
	put_endpoints(w, t);
	put_services(w, t);
	put_apps(w, t);
	put_isc(w, &t->isc);
}

static void get_terms(struct wire *w, struct adaptor_terms *t)
{
	t->icorp = wire_u32(w);
	t->leader = get_addr(w);
	t->revision = wire_u16(w);
	get_name(w, t->name, sizeof(t->name), "-_.");
	t->prefix.addr = get_addr(w);
	t->prefix.len = (uint8_t)get_capped(w, wire_u8(w), 32);
	t->capacity = (enum capacity_class)get_capped(w, wire_u8(w), CAPACITY_CONSTANT);
	t->priority = (uint8_t)get_capped(w, wire_u8(w), 7);
	t->vlan = (uint16_t)get_capped(w, wire_u16(w), 4094);
	t->lifetime_s = wire_u32(w);
	t->leading = wire_u8(w) != 0;
	get_ports(w, t);
	get_endpoints(w, t);
	get_services(w, t);
	get_apps(w, t);
	get_isc(w, &t->isc);
}

/* At least what put_terms writes. 0 when a count is out of bounds. */
static size_t size_bound(const struct adaptor_terms *t)
{
	if (t->n_ports > ADAPTOR_MAX_PORTS || t->n_endpoints > CONTRACT_MAX_ENDPOINTS ||
	    t->n_services > CONTRACT_MAX_SERVICES || t->n_apps > CONTRACT_MAX_APPS)
		return 0;
	size_t size = 512 + t->n_ports * (sizeof(struct terms_port) + 8) +
		      t->n_endpoints * (sizeof(struct terms_endpoint) + 8) +
		      t->n_services * (sizeof(struct contract_service) + 8);

	for (unsigned i = 0; i < t->n_apps; i++) {
		if (t->apps[i].n_args > CONTRACT_MAX_ARGS)
			return 0;
		size += sizeof(struct contract_app);
		for (unsigned k = 0; k < t->apps[i].n_args; k++)
			size += 2 + strlen(t->apps[i].arg[k]);
	}
	return size;
}

int terms_encode(const struct adaptor_terms *terms, uint8_t **out, size_t *len)
{
	size_t room = size_bound(terms);

	if (!room)
		return -EINVAL;
	uint8_t *data = malloc(room);

	if (!data)
		return -ENOMEM;
	struct wire w = wire_writer(data, room);

	put_terms(&w, terms);
	if (w.error) {
		free(data);
		return -EINVAL;
	}
	*len = w.pos;
	*out = realloc(data, w.pos); /* who keeps it keeps no more than it is */
	if (!*out)
		*out = data;
	return 0;
}

int terms_decode(const uint8_t *data, size_t len, struct adaptor_terms *terms)
{
	struct wire w = wire_reader(data, len);

	memset(terms, 0, sizeof(*terms));
	get_terms(&w, terms);
	if (!w.error && wire_left(&w))
		w.error = -EBADMSG;
	if (w.error)
		terms_clear(terms);
	return w.error;
}

void terms_clear(struct adaptor_terms *terms)
{
	for (unsigned i = 0; i < terms->n_apps; i++)
		for (unsigned k = 0; k < terms->apps[i].n_args; k++)
			free(terms->apps[i].arg[k]);
	free(terms->apps);
	free(terms->services);
	free(terms->endpoints);
	memset(terms, 0, sizeof(*terms));
}

struct adaptor_key terms_key(const struct adaptor_terms *terms)
{
	return (struct adaptor_key){ .icorp = terms->icorp, .leader = terms->leader };
}
