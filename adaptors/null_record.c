/* Terms as a document: what the null technology records and shows (null_record.h). */
#include "adaptors/null_record.h"

#include <stdio.h>

#include "lib/writer.h"

void null_write_addr(struct writer *w, const char *name, struct in_addr addr)
{
	char text[ADDR_TEXT];

	writer_str(w, name, addr_text(addr, text));
}

static void write_hex(struct writer *w, const char *name, const uint8_t *data, size_t len)
{
	char text[2 * 64 + 1] = "";

	for (size_t i = 0; i < len && i < 64; i++)
		snprintf(text + 2 * i, 3, "%02x", data[i]);
	writer_str(w, name, text);
}

static void write_ports(struct writer *w, const struct adaptor_terms *t)
{
	writer_array(w, "ports");
	for (unsigned i = 0; i < t->n_ports; i++) {
		writer_object(w, NULL);
		writer_str(w, "ifname", t->ports[i].ifname);
		writer_uint(w, "rate_bps", t->ports[i].rate_bps);
		writer_uint(w, "ceil_bps", t->ports[i].ceil_bps);
		writer_bool(w, "trunk", t->ports[i].trunk);
		writer_end(w);
	}
	writer_end(w);
}

static void write_endpoints(struct writer *w, const struct adaptor_terms *t)
{
	writer_array(w, "endpoints");
	for (unsigned i = 0; i < t->n_endpoints; i++) {
		const struct terms_endpoint *e = &t->endpoints[i];

		writer_object(w, NULL);
		writer_str(w, "element", e->element);
		writer_str(w, "kind", e->kind == ENDPOINT_SERVER ? "server" : "access");
		null_write_addr(w, "control", e->control);
		null_write_addr(w, "private_addr", e->private_addr);
		null_write_addr(w, "public_addr", e->public_addr);
		writer_bool(w, "local", e->local);
		writer_bool(w, "up", e->up);
		writer_uint(w, "weight", e->weight);
		writer_end(w);
	}
	writer_end(w);
}

static void write_services(struct writer *w, const struct adaptor_terms *t)
{
	writer_array(w, "services");
	for (unsigned i = 0; i < t->n_services; i++) {
		writer_object(w, NULL);
		writer_str(w, "name", t->services[i].name);
		writer_str(w, "protocol", t->services[i].protocol == SERVICE_TCP ? "tcp" : "udp");
		writer_uint(w, "port", t->services[i].port);
		writer_uint(w, "target_port", t->services[i].target_port);
		writer_end(w);
	}
	writer_end(w);
}

static void write_apps(struct writer *w, const struct adaptor_terms *t)
{
	writer_array(w, "apps");
	for (unsigned i = 0; i < t->n_apps; i++) {
		const struct contract_app *a = &t->apps[i];

		writer_object(w, NULL);
		writer_str(w, "name", a->name);
		writer_str(w, "url", a->url);
		write_hex(w, "sha256", a->sha256, a->url[0] ? sizeof(a->sha256) : 0);
		writer_array(w, "args");
		for (unsigned k = 0; k < a->n_args; k++)
			writer_str(w, NULL, a->arg[k]);
		writer_end(w);
		writer_end(w);
	}
	writer_end(w);
}

static void write_isc(struct writer *w, const struct terms_isc *isc)
{
	if (!isc->present)
		return;
	writer_object(w, "isc");
	writer_str(w, "image", isc->spec.image);
	writer_uint(w, "cpu_shares", isc->spec.cpu_shares);
	writer_uint(w, "cpu_quota_us", isc->spec.cpu_quota_us);
	writer_uint(w, "memory_kib", isc->spec.memory_kib);
	writer_uint(w, "disk_mib", isc->spec.disk_mib);
	writer_uint(w, "vcpus", isc->spec.vcpus);
	null_write_addr(w, "address", isc->address);
	null_write_addr(w, "host", isc->host);
	writer_uint(w, "host_port", isc->host_port);
	writer_uint(w, "key_id", isc->key_id);
	write_hex(w, "key", isc->key, sizeof(isc->key));
	writer_array(w, "handled");
	for (unsigned r = 1; r <= RESOURCE_MAX; r++)
		writer_uint(w, NULL, isc->handled[r]);
	writer_end(w);
	writer_end(w);
}

void null_write_terms(struct writer *w, const struct adaptor_terms *t)
{
	static const char *const capacity[] = { "best-effort", "controlled", "constant" };
	char prefix[PREFIX_TEXT];

	writer_uint(w, "icorp", t->icorp);
	null_write_addr(w, "leader", t->leader);
	writer_uint(w, "revision", t->revision);
	writer_str(w, "name", t->name);
	writer_str(w, "prefix", prefix_text(t->prefix, prefix));
	writer_str(w, "capacity", t->capacity <= CAPACITY_CONSTANT ? capacity[t->capacity] : "unknown");
	writer_uint(w, "priority", t->priority);
	writer_uint(w, "vlan", t->vlan);
	writer_uint(w, "lifetime_s", t->lifetime_s);
	writer_bool(w, "leading", t->leading);
	write_ports(w, t);
	write_endpoints(w, t);
	write_services(w, t);
	write_apps(w, t);
	write_isc(w, &t->isc);
}
