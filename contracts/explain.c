/*
 * Why a document does not fit the schema, in words. libxml2's own messages ("Did not expect element x there",
 * "Extra element y in interleave") rarely name what is wrong and never what would be right. This walks the
 * document beside the schema's tree, in document order, and stops at the first thing that is off: an unknown
 * or missing attribute or element, a second one, a value outside its list, text where none belongs.
 *
 * It runs only after validation has failed. What it cannot tell (alternatives, order) ends in the schema's
 * own annotation of the element at which the validator gave up.
 *
 *   contract_explain -> explain_element -> collect     what the schema allows in this element
 *                                       -> explain_attributes, explain_children, explain_content
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "contracts/internal.h"

#define MAX_PARTS 24
#define LIST_TEXT 256

struct part {
	const xmlNode *rule; /* <element> or <attribute> of the schema */
	const char *name;
	const xmlNode *group; /* the <optional> that makes it go together with others, or NULL */
	int required, many;
	unsigned seen;
};

/* What one element or attribute of the schema may hold. */
struct content {
	struct part attributes[MAX_PARTS], children[MAX_PARTS];
	unsigned n_attributes, n_children;
	const xmlNode *value; /* <data>, or a <choice> of <value>s */
	const char *words;
};

struct explanation {
	struct contract_error *error;
	const xmlNode *blamed;
};

static int is_rule(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static const char *property(const xmlNode *node, const char *name)
{
	const xmlAttr *a = xmlHasProp(node, (const xmlChar *)name);

	return a != NULL && a->children != NULL ? (const char *)a->children->content : "";
}

static void add_part(struct part *parts, unsigned *n, const xmlNode *rule, int required, int many)
{
	if (*n < MAX_PARTS)
		parts[(*n)++] = (struct part){.rule = rule,
					      .name = property(rule, "name"),
					      .required = required,
					      .many = many,
					      .group = is_rule(rule->parent, "optional") ? rule->parent : NULL};
}

static void collect(const xmlNode *rules, int required, int many, struct content *out);

static void collect_rule(const xmlNode *rule, int required, int many, struct content *out)
{
	const xmlNode *define;

	if (is_rule(rule, "element")) {
		add_part(out->children, &out->n_children, rule, required, many);
	} else if (is_rule(rule, "attribute")) {
		add_part(out->attributes, &out->n_attributes, rule, required, many);
	} else if (is_rule(rule, "ref")) {
		define = contract_schema_define(property(rule, "name"));
		if (define != NULL)
			collect(define->children, required, many, out);
	} else if (is_rule(rule, "optional")) {
		collect(rule->children, 0, many, out);
	} else if (is_rule(rule, "zeroOrMore")) {
		collect(rule->children, 0, 1, out);
	} else if (is_rule(rule, "oneOrMore")) {
		collect(rule->children, required, 1, out);
	} else if (is_rule(rule, "choice") && is_rule(rule->children, "value")) {
		out->value = rule;
	} else if (is_rule(rule, "choice")) {
		collect(rule->children, 0, many, out);
	} else if (is_rule(rule, "group") || is_rule(rule, "interleave")) {
		collect(rule->children, required, many, out);
	} else if (is_rule(rule, "data")) {
		out->value = rule;
	} else if (is_rule(rule, "documentation") && rule->children != NULL) {
		out->words = (const char *)rule->children->content;
	}
}

static void collect(const xmlNode *rules, int required, int many, struct content *out)
{
	for (; rules != NULL; rules = rules->next)
		if (rules->type == XML_ELEMENT_NODE)
			collect_rule(rules, required, many, out);
}

static struct part *find_part(struct part *parts, unsigned n, const xmlChar *name)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (strcmp(parts[i].name, (const char *)name) == 0)
			return &parts[i];
	return NULL;
}

static void list_add(char list[LIST_TEXT], const char *word)
{
	size_t n = strlen(list);

	snprintf(list + n, LIST_TEXT - n, "%s%s", n > 0 ? ", " : "", word);
}

static const char *list_parts(const struct part *parts, unsigned n, char list[LIST_TEXT])
{
	unsigned i;

	list[0] = '\0';
	for (i = 0; i < n; i++)
		list_add(list, parts[i].name);
	return n > 0 ? list : "none";
}

/* The text of a node list, cut to fit. */
static const char *flatten(const xmlNode *nodes, char *out, size_t room)
{
	size_t n = 0;

	out[0] = '\0';
	for (; nodes != NULL && n < room; nodes = nodes->next)
		if (nodes->type == XML_TEXT_NODE && nodes->content != NULL)
			n += (size_t)snprintf(out + n, room - n, "%s", (const char *)nodes->content);
	return out;
}

static const char *trim(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL)
		text[--n] = '\0';
	return text + strspn(text, " \t\r\n");
}

static int number_fits(const char *type, const char *text)
{
	uint64_t max, value;

	if (strcmp(type, "unsignedShort") == 0)
		max = UINT16_MAX;
	else if (strcmp(type, "unsignedInt") == 0)
		max = UINT32_MAX;
	else if (strcmp(type, "unsignedLong") == 0)
		max = UINT64_MAX;
	else
		return 1;
	return contract_number(text, 0, max, &value) == 0;
}

/* 1 when text is a value of the rule; else says in `right` what one is. */
static int value_fits(const struct content *c, const char *text, char right[LIST_TEXT])
{
	const xmlNode *v;

	if (is_rule(c->value, "data")) {
		snprintf(right, LIST_TEXT, "%s", c->words != NULL ? c->words : "another value");
		return number_fits(property(c->value, "type"), text);
	}
	snprintf(right, LIST_TEXT, "one of ");
	for (v = c->value->children; v != NULL; v = v->next) {
		if (!is_rule(v, "value") || v->children == NULL)
			continue;
		if (strcmp((const char *)v->children->content, text) == 0)
			return 1;
		if (strcmp(right, "one of ") == 0)
			snprintf(right + 7, LIST_TEXT - 7, "%s", (const char *)v->children->content);
		else
			list_add(right, (const char *)v->children->content);
	}
	return 0;
}

static int explain_attribute(struct explanation *x, const xmlNode *node, const xmlAttr *a, struct content *c)
{
	char list[LIST_TEXT], quoted[QUOTE_TEXT], flat[256];
	struct part *part = a->ns == NULL ? find_part(c->attributes, c->n_attributes, a->name) : NULL;
	struct content inner = {0};
	const char *text;

	if (part == NULL)
		return contract_fault(x->error, node, "attribute %s is not known here; known are: %s",
				      contract_quote((const char *)a->name, quoted),
				      list_parts(c->attributes, c->n_attributes, list));
	part->seen++;
	collect(part->rule->children, 1, 0, &inner);
	flatten(a->children, flat, sizeof(flat));
	text = trim(flat);
	if (inner.value != NULL && !value_fits(&inner, text, list))
		return contract_fault(x->error, node, "%s=\"%s\" is wrong; right would be %s", part->name,
				      contract_quote(text, quoted), list);
	return 0;
}

/* Attributes under one <optional> come together or not at all. */
static int explain_together(struct explanation *x, const xmlNode *node, const struct content *c)
{
	unsigned i, k;

	for (i = 0; i < c->n_attributes; i++)
		for (k = 0; k < c->n_attributes; k++)
			if (c->attributes[i].group != NULL && c->attributes[i].group == c->attributes[k].group &&
			    c->attributes[i].seen > 0 && c->attributes[k].seen == 0)
				return contract_fault(x->error, node, "attribute %s is missing; it goes with %s",
						      c->attributes[k].name, c->attributes[i].name);
	return 0;
}

static int explain_attributes(struct explanation *x, const xmlNode *node, struct content *c)
{
	const xmlAttr *a;
	unsigned i;

	for (a = node->properties; a != NULL; a = a->next)
		if (explain_attribute(x, node, a, c) != 0)
			return -EINVAL;
	for (i = 0; i < c->n_attributes; i++)
		if (c->attributes[i].required && c->attributes[i].seen == 0)
			return contract_fault(x->error, node, "attribute %s is missing", c->attributes[i].name);
	return explain_together(x, node, c);
}

static int explain_element(struct explanation *x, const xmlNode *node, const xmlNode *rule);

static int explain_child(struct explanation *x, const xmlNode *node, const xmlNode *child, struct content *c)
{
	struct part *part = find_part(c->children, c->n_children, child->name);
	char list[LIST_TEXT], quoted[QUOTE_TEXT];

	if (part != NULL && (child->ns == NULL || strcmp((const char *)child->ns->href, CONTRACT_XMLNS) != 0))
		return contract_fault(x->error, child, "namespace \"%s\" is wrong; right would be \"%s\"",
				      child->ns != NULL ? contract_quote((const char *)child->ns->href, quoted) : "",
				      CONTRACT_XMLNS);
	if (part == NULL)
		return contract_fault(x->error, child, "not known inside <%s>; known are: %s", (const char *)node->name,
				      list_parts(c->children, c->n_children, list));
	if (part->seen++ > 0 && !part->many)
		return contract_fault(x->error, child, "given a second time inside <%s>; once is right",
				      (const char *)node->name);
	return explain_element(x, child, part->rule);
}

static int explain_children(struct explanation *x, const xmlNode *node, struct content *c)
{
	const xmlNode *child;
	unsigned i;

	for (child = contract_child(node, NULL); child != NULL; child = contract_sibling(child, NULL))
		if (explain_child(x, node, child, c) != 0)
			return -EINVAL;
	for (i = 0; i < c->n_children; i++)
		if (c->children[i].required && c->children[i].seen == 0)
			return contract_fault(x->error, node, "<%s> is missing inside <%s>", c->children[i].name,
					      (const char *)node->name);
	return 0;
}

static int explain_content(struct explanation *x, const xmlNode *node, struct content *c)
{
	char right[LIST_TEXT], quoted[QUOTE_TEXT], flat[256];
	const char *text;

	flatten(node->children, flat, sizeof(flat));
	text = trim(flat);
	if (c->value == NULL && *text != '\0')
		return contract_fault(x->error, node, "text \"%s\" does not belong here; right would be %s",
				      contract_quote(text, quoted), c->n_children > 0 ? "elements" : "none");
	if (c->value != NULL && !value_fits(c, text, right))
		return contract_fault(x->error, node, "\"%s\" is wrong; right would be %s",
				      contract_quote(text, quoted), right);
	return 0;
}

static int explain_element(struct explanation *x, const xmlNode *node, const xmlNode *rule)
{
	struct content c = {0};

	collect(rule->children, 1, 0, &c);
	if (explain_attributes(x, node, &c) != 0 || explain_children(x, node, &c) != 0 ||
	    explain_content(x, node, &c) != 0)
		return -EINVAL;
	if (node == x->blamed && c.words != NULL && c.value == NULL)
		return contract_fault(x->error, node, "its content does not fit; right would be: %s", c.words);
	return 0;
}

int contract_explain(const xmlNode *root, const xmlNode *blamed, struct contract_error *error)
{
	struct explanation x = {.error = error, .blamed = blamed};
	const xmlNode *rule = contract_schema_root((const char *)root->name);

	/* The validator may name a child of the element whose alternatives or order are at fault. */
	for (; rule != NULL && x.blamed != NULL; x.blamed = x.blamed->parent)
		if (explain_element(&x, root, rule) != 0)
			return -EINVAL;
	return contract_fault(error, blamed != NULL ? blamed : root, "does not fit the schema contract.rng");
}
