/* What icorp-proxy is told of an ICorp: the JSON that proxy/spec.h lays down, made of terms (proxy.c). */
#include "config.h"

#include "adaptors/proxy.h"

#include "lib/addr.h"

const struct terms_endpoint *proxy_local_access(const struct adaptor_terms *terms)
{
	for (unsigned i = 0; i < terms->n_endpoints; i++)
		if (terms->endpoints[i].local && terms->endpoints[i].kind == ENDPOINT_ACCESS)
			return &terms->endpoints[i];
	return NULL;
}

static void write_services(struct writer *w, const struct adaptor_terms *terms)
{
	writer_array(w, "services");
	for (unsigned i = 0; i < terms->n_services; i++) {
		const struct contract_service *s = &terms->services[i];

		writer_object(w, NULL);
		writer_str(w, "name", s->name);
		writer_str(w, "protocol", s->protocol == SERVICE_UDP ? "udp" : "tcp");
		writer_uint(w, "port", s->port);
		writer_uint(w, "target_port", s->target_port);
		writer_bool(w, "proxy_protocol", 0);
		writer_end(w);
	}
	writer_end(w);
}

static void write_backends(struct writer *w, const struct adaptor_terms *terms)
{
	char text[ADDR_TEXT];

	writer_array(w, "backends");
	for (unsigned i = 0; i < terms->n_endpoints; i++) {
		const struct terms_endpoint *e = &terms->endpoints[i];

		if (e->kind != ENDPOINT_SERVER || !e->private_addr.s_addr)
			continue;
		writer_object(w, NULL);
		writer_str(w, "element", e->element);
		writer_str(w, "address", addr_text(e->private_addr, text));
		writer_uint(w, "weight", e->weight);
		writer_bool(w, "up", e->up && e->weight);
		writer_end(w);
	}
	writer_end(w);
}

char *proxy_describe(const struct proxy_state *s, const struct adaptor_terms *terms, const struct terms_endpoint *e)
{
	struct writer *w = writer_new();
	char addr[ADDR_TEXT], *text;

	if (!w)
		return NULL;
	writer_uint(w, "id", terms->icorp);
	writer_str(w, "leader", addr_text(terms->leader, addr));
	writer_str(w, "name", terms->name);
	writer_str(w, "public", addr_text(e->public_addr, addr));
	writer_str(w, "source", addr_text(e->private_addr, addr));
	writer_str(w, "mode", s->mode);
	writer_str(w, "policy", s->policy);
	writer_uint(w, "lifetime_s", terms->lifetime_s);
	write_services(w, terms);
	write_backends(w, terms);
	text = writer_render(w, WRITER_JSON);
	writer_free(w);
	return text;
}
