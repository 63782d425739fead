/*
 * What a request and a contract have in common: services, applications, limits.
 */
#include <errno.h>
#include <libxml/xmlstring.h>
#include <stdlib.h>
#include <string.h>

#include "contracts/internal.h"

#define ARG_MAX_CHARS 255

static void too_many(struct reader *r, const xmlNode *node, unsigned max)
{
	if (r->status == 0)
		contract_fault(r->error, node, "one too many; at most %u are right", max);
	contract_read_fail(r, -EINVAL);
}

static void read_service(struct reader *r, const xmlNode *node, struct contract_service *out)
{
	contract_read_label(r, node, "name", out->name);
	if (contract_has(node, "protocol"))
		out->protocol = contract_read_choice(r, node, "protocol", contract_protocol_names, 2);
	out->port = (uint16_t)contract_read_number(r, node, "port", "port", 1, UINT16_MAX);
	out->target_port = out->port;
	if (contract_has(node, "target"))
		out->target_port = (uint16_t)contract_read_number(r, node, "target", "port", 1, UINT16_MAX);
}

void contract_read_services(struct reader *r, const xmlNode *services, struct contract_service *out, unsigned *n)
{
	const xmlNode *node = contract_child(services, "service");

	for (; node != NULL && r->status == 0; node = contract_sibling(node, "service")) {
		if (*n == CONTRACT_MAX_SERVICES)
			too_many(r, node, CONTRACT_MAX_SERVICES);
		else
			read_service(r, node, &out[(*n)++]);
	}
}

static void read_arg(struct reader *r, const xmlNode *node, struct contract_app *out)
{
	const char *text = contract_text(r, node, NULL);

	if (out->n_args == CONTRACT_MAX_ARGS) {
		too_many(r, node, CONTRACT_MAX_ARGS);
		return;
	}
	if (xmlUTF8Strlen((const xmlChar *)text) > ARG_MAX_CHARS) {
		contract_fault(r->error, node, "the argument is too long; right would be %s",
			       contract_schema_words("argument"));
		contract_read_fail(r, -EINVAL);
		return;
	}
	out->arg[out->n_args] = strdup(text);
	if (out->arg[out->n_args] == NULL)
		contract_read_fail(r, -ENOMEM);
	else
		out->n_args++;
}

static void read_source(struct reader *r, const xmlNode *node, struct contract_app *out)
{
	const char *text = contract_text(r, node, "url");
	char quoted[QUOTE_TEXT];

	if (!contract_is_url(text)) {
		contract_fault(r->error, node, "url=\"%s\" is wrong; right would be %s", contract_quote(text, quoted),
			       contract_schema_words("url"));
		contract_read_fail(r, -EINVAL);
		return;
	}
	memcpy(out->url, text, strlen(text) + 1);
	text = contract_text(r, node, "sha256");
	if (hex_decode(text, out->sha256, SHA256_SIZE) == 0)
		return;
	contract_fault(r->error, node, "sha256=\"%s\" is wrong; right would be %s", contract_quote(text, quoted),
		       contract_schema_words("digest"));
	contract_read_fail(r, -EINVAL);
}

static void read_app(struct reader *r, const xmlNode *node, struct contract_app *out)
{
	const xmlNode *arg;

	contract_read_label(r, node, "name", out->name);
	if (r->status == 0 && contract_has(node, "url"))
		read_source(r, node, out);
	for (arg = contract_child(node, "arg"); arg != NULL && r->status == 0; arg = contract_sibling(arg, "arg"))
		read_arg(r, arg, out);
}

void contract_read_apps(struct reader *r, const xmlNode *apps, struct contract_app *out, unsigned *n)
{
	const xmlNode *node = contract_child(apps, "application");

	for (; node != NULL && r->status == 0; node = contract_sibling(node, "application")) {
		if (*n == CONTRACT_MAX_APPS)
			too_many(r, node, CONTRACT_MAX_APPS);
		else
			read_app(r, node, &out[(*n)++]);
	}
}

void contract_clear_apps(struct contract_app *apps, unsigned *n)
{
	unsigned i, k;

	for (i = 0; i < *n; i++) {
		for (k = 0; k < apps[i].n_args; k++)
			free(apps[i].arg[k]);
		apps[i].n_args = 0;
	}
	*n = 0;
}

void contract_read_limits(struct reader *r, const xmlNode *limits, struct contract_limits *out)
{
	const xmlNode *cpu = contract_child(limits, "cpu");

	out->max[RESOURCE_BANDWIDTH] =
		contract_read_quantity(r, contract_child(limits, "bandwidth"), contract_rate_units, UINT64_MAX);
	if (cpu != NULL)
		out->max[RESOURCE_CPU] = contract_read_number(r, cpu, NULL, "number", 0, UINT64_MAX);
	out->max[RESOURCE_MEMORY] =
		contract_read_quantity(r, contract_child(limits, "memory"), contract_memory_units, UINT64_MAX);
	out->max[RESOURCE_DISK] =
		contract_read_quantity(r, contract_child(limits, "disk"), contract_disk_units, UINT64_MAX);
	out->budget_micro = contract_read_money(r, contract_child(limits, "budget"));
}
