/*
 * Reading typed fields out of a tree that the schema let through. The reader has a sticky status: after a
 * failed read all others give zero, the first failure stays in the error, and the caller looks once at the
 * end. The words for what would be right come from the schema's define of the value.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "contracts/internal.h"

int contract_named(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0 && node->ns != NULL &&
	       strcmp((const char *)node->ns->href, CONTRACT_XMLNS) == 0;
}

static const xmlNode *find(const xmlNode *node, const char *name)
{
	for (; node != NULL; node = node->next)
		if (node->type == XML_ELEMENT_NODE && (name == NULL || strcmp((const char *)node->name, name) == 0))
			return node;
	return NULL;
}

const xmlNode *contract_child(const xmlNode *node, const char *name)
{
	return node != NULL ? find(node->children, name) : NULL;
}

const xmlNode *contract_sibling(const xmlNode *node, const char *name)
{
	return node != NULL ? find(node->next, name) : NULL;
}

static const xmlAttr *attribute_of(const xmlNode *node, const char *name)
{
	const xmlAttr *a;

	for (a = node != NULL ? node->properties : NULL; a != NULL; a = a->next)
		if (strcmp((const char *)a->name, name) == 0)
			return a;
	return NULL;
}

int contract_has(const xmlNode *node, const char *attribute)
{
	return attribute_of(node, attribute) != NULL;
}

/* Several text nodes (an attribute with character references): joined, cut at what no value exceeds. */
static const char *joined(struct reader *r, const xmlNode *nodes)
{
	size_t n = 0;

	r->scratch[0] = '\0';
	for (; nodes != NULL && n < sizeof(r->scratch); nodes = nodes->next)
		if (nodes->type == XML_TEXT_NODE && nodes->content != NULL)
			n += (size_t)snprintf(r->scratch + n, sizeof(r->scratch) - n, "%s",
					      (const char *)nodes->content);
	return r->scratch;
}

const char *contract_text(struct reader *r, const xmlNode *node, const char *attribute)
{
	const xmlNode *text = NULL;
	const xmlAttr *a;

	if (node == NULL)
		return "";
	if (attribute == NULL) {
		text = node->children;
	} else {
		a = attribute_of(node, attribute);
		text = a != NULL ? a->children : NULL;
	}
	if (text == NULL)
		return "";
	if (text->next == NULL && text->type == XML_TEXT_NODE && text->content != NULL)
		return (const char *)text->content;
	return joined(r, text);
}

void contract_read_fail(struct reader *r, int status)
{
	if (r->status == 0)
		r->status = status;
}

static void wrong(struct reader *r, const xmlNode *node, const char *attribute, const char *value, const char *right)
{
	char quoted[QUOTE_TEXT];

	if (r->status != 0)
		return;
	contract_read_fail(r, -EINVAL);
	contract_fault(r->error, node, "%s%s\"%s\" is wrong; right would be %s", attribute != NULL ? attribute : "",
		       attribute != NULL ? "=" : "", contract_quote(value, quoted), right);
}

void contract_read_label(struct reader *r, const xmlNode *node, const char *attribute, char out[CONTRACT_NAME])
{
	const char *text = contract_text(r, node, attribute);

	if (contract_is_label(text))
		memcpy(out, text, strlen(text) + 1);
	else
		wrong(r, node, attribute, text, contract_schema_words("label"));
}

void contract_read_dns(struct reader *r, const xmlNode *node, char out[CONTRACT_DNS])
{
	const char *text = contract_text(r, node, NULL);

	if (contract_is_dns_name(text))
		memcpy(out, text, strlen(text) + 1);
	else
		wrong(r, node, NULL, text, contract_schema_words("dns-name"));
}

uint64_t contract_read_number(struct reader *r, const xmlNode *node, const char *attribute, const char *define,
			      uint64_t min, uint64_t max)
{
	const char *text = contract_text(r, node, attribute);
	uint64_t value;

	if (contract_number(text, min, max, &value) == 0)
		return value;
	wrong(r, node, attribute, text, contract_schema_words(define));
	return 0;
}

/* Enumerated values: the schema compares them as tokens, that is without surrounding white space. */
static int is_token(const char *text, const char *token)
{
	size_t n = strlen(token);

	text += strspn(text, " \t\r\n");
	return strncmp(text, token, n) == 0 && text[n + strspn(text + n, " \t\r\n")] == '\0';
}

uint64_t contract_read_quantity(struct reader *r, const xmlNode *node, const struct unit *units, uint64_t max)
{
	const struct unit *u = units;
	uint64_t value;
	char right[96];

	if (node == NULL)
		return 0;
	if (contract_has(node, "unit"))
		for (u = units; u->name != NULL && !is_token(contract_text(r, node, "unit"), u->name); u++)
			;
	if (u->name == NULL) {
		wrong(r, node, "unit", contract_text(r, node, "unit"), "a unit that the schema lists");
		return 0;
	}
	value = contract_read_number(r, node, NULL, "number", 0, UINT64_MAX);
	if (value <= max / u->factor)
		return value * u->factor;
	snprintf(right, sizeof(right), "at most %llu %s", (unsigned long long)(max / u->factor), u->name);
	wrong(r, node, NULL, contract_text(r, node, NULL), right);
	return 0;
}

uint64_t contract_read_money(struct reader *r, const xmlNode *node)
{
	const char *text = contract_text(r, node, NULL);
	uint64_t micro = 0;

	if (node != NULL && contract_money(text, &micro) != 0)
		wrong(r, node, NULL, text, contract_schema_words("money"));
	return micro;
}

struct in_addr contract_read_address(struct reader *r, const xmlNode *node, const char *attribute)
{
	const char *text = contract_text(r, node, attribute);
	struct in_addr addr = {0};

	if (addr_parse(text, &addr) == 0)
		return addr;
	wrong(r, node, attribute, text, contract_schema_words("address"));
	return (struct in_addr){0};
}

struct prefix contract_read_prefix(struct reader *r, const xmlNode *node)
{
	const char *text = contract_text(r, node, "prefix");
	struct prefix prefix = {.len = 0};

	if (strchr(text, '/') != NULL && prefix_parse(text, &prefix, 0) == 0)
		return prefix;
	wrong(r, node, "prefix", text, contract_schema_words("prefix"));
	return (struct prefix){.len = 0};
}

int contract_read_yes(struct reader *r, const xmlNode *node, const char *attribute)
{
	return is_token(contract_text(r, node, attribute), "yes");
}

unsigned contract_read_choice(struct reader *r, const xmlNode *node, const char *attribute, const char *const *names,
			      unsigned n)
{
	const char *text = contract_text(r, node, attribute);
	unsigned i;

	for (i = 0; i < n; i++)
		if (names[i] != NULL && is_token(text, names[i]))
			return i;
	wrong(r, node, attribute, text, "a value that the schema lists");
	return 0;
}
