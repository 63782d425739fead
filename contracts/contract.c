/*
 * The contract as an object: references, looking up endpoints, and sealing: fields -> canonical XML -> parsed
 * again by the rules that every received contract has to pass -> compared with the fields it came from.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "contracts/internal.h"

struct contract *contract_new(void)
{
	struct contract *c = calloc(1, sizeof(*c));

	if (c != NULL)
		c->refs = 1;
	return c;
}

struct contract *contract_ref(struct contract *c)
{
	c->refs++;
	return c;
}

void contract_unref(struct contract *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	contract_clear_apps(c->apps, &c->n_apps);
	free(c->endpoints);
	free(c->subnets);
	free(c->xml);
	free(c);
}

/* Keeps the first difference found, for the error. */
static void keep_first(void *ctx, const char *text)
{
	char *kept = ctx;

	if (kept[0] == '\0')
		strncat(kept, text, 127);
}

/* Fields that the document cannot carry (a leading server, a price without a currency) must not get lost. */
static int check_nothing_lost(const struct contract *c, const struct contract *again, struct contract_error *error)
{
	char lost[128] = "";

	if (contract_diff(c, again, keep_first, lost) == 0)
		return 0;
	return contract_fault(error, NULL, "a field does not belong there and would be lost: %s", lost);
}

int contract_seal(struct contract *c, struct contract_error *error)
{
	struct contract *again = NULL;
	size_t len = 0;
	char *xml = NULL;
	int rc;

	if (error != NULL)
		memset(error, 0, sizeof(*error));
	rc = contract_canon(c, &xml, &len);
	if (rc == -E2BIG)
		contract_fault(error, NULL, "the contract is too large; at most %d bytes and %d nodes are right",
			       CONTRACT_MAX_SIZE, DOCUMENT_MAX_NODES);
	if (rc == 0)
		rc = contract_parse(xml, len, &again, error);
	if (rc == 0)
		rc = check_nothing_lost(c, again, error);
	if (rc == 0) {
		free(c->xml);
		c->xml = xml;
		c->xml_len = len;
		memcpy(c->digest, again->digest, sizeof(c->digest));
		xml = NULL;
	}
	contract_unref(again);
	free(xml);
	return rc;
}

const struct contract_endpoint *contract_leader(const struct contract *c)
{
	unsigned i;

	for (i = 0; i < c->n_endpoints; i++)
		if (c->endpoints[i].leader)
			return &c->endpoints[i];
	return NULL;
}

const struct contract_endpoint *contract_endpoint_by_element(const struct contract *c, const char *element)
{
	unsigned i;

	for (i = 0; i < c->n_endpoints; i++)
		if (strcmp(c->endpoints[i].element, element) == 0)
			return &c->endpoints[i];
	return NULL;
}

const struct contract_endpoint *contract_endpoint_by_control(const struct contract *c, struct in_addr a)
{
	unsigned i;

	for (i = 0; i < c->n_endpoints; i++)
		if (c->endpoints[i].control.s_addr == a.s_addr)
			return &c->endpoints[i];
	return NULL;
}
