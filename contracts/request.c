/*
 * What a client asks for. A request is read like a contract; its canonical form exists so that a request that
 * came in another way (a web form, JSON) is held to the same rules: it is written, and parsed again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "contracts/internal.h"

#define MAX_NAMED 16

/* Reads the element names into names. The one with leader="yes" becomes the first. */
static void read_elements(struct reader *r, const xmlNode *endpoints, const char *tag,
			  char names[MAX_NAMED][CONTRACT_NAME], unsigned *n)
{
	const xmlNode *node = contract_child(endpoints, tag), *leader = NULL;
	char first[CONTRACT_NAME];
	unsigned i;

	for (; node != NULL && r->status == 0; node = contract_sibling(node, tag)) {
		if (*n == MAX_NAMED) {
			contract_fault(r->error, node, "one too many; at most %d are right", MAX_NAMED);
			contract_read_fail(r, -EINVAL);
			return;
		}
		contract_read_label(r, node, "element", names[*n]);
		for (i = 0; i < *n && r->status == 0; i++)
			if (strcmp(names[i], names[*n]) == 0) {
				contract_fault(r->error, node, "%s is named a second time; once is right", names[i]);
				contract_read_fail(r, -EINVAL);
			}
		if (contract_read_yes(r, node, "leader")) {
			if (leader != NULL) {
				contract_fault(r->error, node,
					       "a second leader; right would be one access router with "
					       "leader=\"yes\" (or none: the first leads)");
				contract_read_fail(r, -EINVAL);
				return;
			}
			leader = node;
			memcpy(first, names[*n], sizeof(first));
			memmove(names[1], names[0], *n * sizeof(names[0]));
			memcpy(names[0], first, sizeof(first));
		}
		(*n)++;
	}
}

static int read_request(struct reader *r, const xmlNode *root, struct contract_request *out)
{
	const xmlNode *endpoints = contract_child(root, "endpoints"), *servers = contract_child(endpoints, "servers");
	const xmlNode *client = contract_child(root, "client"), *dns = contract_child(root, "dns");
	const xmlNode *image = contract_child(root, "image");

	if (client != NULL)
		contract_read_label(r, client, NULL, out->client);
	contract_read_label(r, contract_child(root, "name"), NULL, out->name);
	contract_read_label(r, contract_child(root, "class"), NULL, out->class_name);
	if (dns != NULL)
		contract_read_dns(r, dns, out->dns_name);
	if (image != NULL)
		contract_read_label(r, image, NULL, out->image);
	read_elements(r, endpoints, "access", out->access, &out->n_access);
	read_elements(r, endpoints, "server", out->named_server, &out->n_named_servers);
	out->servers = out->n_named_servers;
	if (servers != NULL)
		out->servers = (unsigned)contract_read_number(r, servers, "count", "server-count", 1, 255);
	contract_read_services(r, contract_child(root, "services"), out->services, &out->n_services);
	contract_read_apps(r, contract_child(root, "applications"), out->apps, &out->n_apps);
	contract_read_limits(r, contract_child(root, "limits"), &out->limits);
	out->lifetime_s =
		(uint32_t)contract_read_quantity(r, contract_child(root, "lifetime"), contract_time_units, UINT32_MAX);
	return r->status;
}

int contract_request_parse(const char *xml, size_t len, struct contract_request *out, struct contract_error *error)
{
	struct reader r = {.error = error};
	const xmlNode *root;
	xmlDocPtr doc;
	int rc;

	memset(out, 0, sizeof(*out));
	if (error != NULL)
		memset(error, 0, sizeof(*error));
	rc = contract_document(xml, len, "request", &doc, error);
	if (rc != 0)
		return rc;
	root = xmlDocGetRootElement(doc);
	rc = read_request(&r, root, out);
	if (rc == 0)
		rc = contract_check_parts(out->services, out->n_services, out->apps, out->n_apps, root, error);
	xmlFreeDoc(doc);
	if (rc != 0)
		contract_request_clear(out);
	return rc;
}

void contract_request_clear(struct contract_request *request)
{
	contract_clear_apps(request->apps, &request->n_apps);
}

int contract_request_seal(const struct contract_request *request, char **xml, size_t *len, struct contract_error *error)
{
	struct contract_request again;
	int rc;

	if (error != NULL)
		memset(error, 0, sizeof(*error));
	rc = contract_request_canon(request, xml, len);
	if (rc == -E2BIG)
		contract_fault(error, NULL, "the request is too large; at most %d bytes are right", CONTRACT_MAX_SIZE);
	if (rc != 0)
		return rc;
	rc = contract_request_parse(*xml, *len, &again, error);
	if (rc == 0) {
		contract_request_clear(&again);
		return 0;
	}
	free(*xml);
	*xml = NULL;
	*len = 0;
	return rc;
}
