/*
 * Reading the canonical form, which is how contracts travel. What canon.c writes is plain enough for a scanner: one
 * element per line, no reference, comment or prefix, all of it printable ASCII (a document with other characters goes
 * through the parser). The tree is made of libxml2's nodes, so that read.c and check.c read it like any other.
 *
 * Nothing here judges the document, and neither does the schema: read.c has what it read written again by canon.c,
 * and only a text that comes out byte for byte is taken. So there is nothing in it that the readers did not see,
 * nothing is missing that the writer would have put, and all stands in its order; and what the writer writes of values
 * that the readers and check.c let through is valid by the schema (tests/unit/test_contract_property). All other
 * documents, and every fault, are for document.c.
 *
 *   line()  one element, or the end of one        cut()  a name or a value, checked and made a string of its own
 */
#include <string.h>

#include "contracts/internal.h"

static const xmlNs our_namespace = {.type = XML_NAMESPACE_DECL, .href = (const xmlChar *)CONTRACT_XMLNS};

/* The tree, in place: as large as one can be (elements and attributes, and a text of each), used as far as needed. */
static struct canon_tree {
	xmlNode node[2 * DOCUMENT_MAX_NODES];
	xmlAttr attribute[DOCUMENT_MAX_NODES];
	unsigned nodes, attributes;
	xmlNode *root, *open; /* open: where the next element goes; NULL but in the root */
	char text[CONTRACT_MAX_SIZE + 1], *at;
} kept;

static xmlNode *new_node(struct canon_tree *tree, xmlElementType type)
{
	xmlNode *node;

	if (tree->nodes == 2 * DOCUMENT_MAX_NODES)
		return NULL;
	node = &tree->node[tree->nodes++];
	*node = (xmlNode){.type = type};
	return node;
}

/* Cuts off what comes before the mark, printable ASCII. NULL when there is anything else. */
static const xmlChar *cut(struct canon_tree *tree, char mark)
{
	char *from = tree->at, *end = from;

	while (*end != mark) {
		if (*end < ' ' || *end > '~')
			return NULL;
		end++;
	}
	*end = '\0';
	tree->at = end + 1;
	return (const xmlChar *)from;
}

static int skip(struct canon_tree *tree, const char *what)
{
	size_t n = strlen(what);

	if (strncmp(tree->at, what, n) != 0)
		return 0;
	tree->at += n;
	return 1;
}

static xmlNode *text_node(struct canon_tree *tree, const xmlChar *content)
{
	xmlNode *node = content != NULL ? new_node(tree, XML_TEXT_NODE) : NULL;

	if (node != NULL)
		node->content = (xmlChar *)(uintptr_t)content;
	return node;
}

static xmlNode *element(struct canon_tree *tree, const char *name)
{
	xmlNode *node = new_node(tree, XML_ELEMENT_NODE), *parent = tree->open;

	if (node == NULL)
		return NULL;
	node->name = (const xmlChar *)name;
	node->ns = (xmlNs *)(uintptr_t)&our_namespace;
	node->parent = parent;
	if (parent == NULL)
		tree->root = node;
	else if (parent->last != NULL)
		parent->last->next = node;
	else
		parent->children = node;
	if (parent != NULL)
		parent->last = node;
	return node;
}

/* name="value", behind the space. */
static xmlAttr *attribute(struct canon_tree *tree)
{
	const xmlChar *name = cut(tree, '=');
	xmlNode *value;
	xmlAttr *a;

	if (name == NULL || !skip(tree, "\"") || tree->attributes == DOCUMENT_MAX_NODES)
		return NULL;
	value = text_node(tree, cut(tree, '"'));
	if (value == NULL)
		return NULL;
	a = &tree->attribute[tree->attributes++];
	*a = (xmlAttr){.type = XML_ATTRIBUTE_NODE, .name = name, .children = value};
	return a;
}

/* All that stands between an element's name and the end of its line. */
static int rest_of_line(struct canon_tree *tree, xmlNode *node, char mark)
{
	xmlAttr **last = &node->properties;

	for (; mark == ' '; mark = *tree->at != '\0' ? *tree->at++ : '\0') {
		*last = attribute(tree);
		if (*last == NULL)
			return 0;
		last = &(*last)->next;
	}
	if (mark == '/')
		return skip(tree, ">\n");
	if (mark != '>')
		return 0;
	if (skip(tree, "\n")) {
		tree->open = node;
		return 1;
	}
	node->children = text_node(tree, cut(tree, '<'));
	return node->children != NULL && skip(tree, "/") && cut(tree, '\n') != NULL;
}

static int line(struct canon_tree *tree)
{
	char *name, mark;
	xmlNode *node;

	while (*tree->at == ' ')
		tree->at++;
	if (!skip(tree, "<") || (tree->open == NULL && tree->root != NULL))
		return 0;
	if (skip(tree, "/")) {
		if (tree->open == NULL || cut(tree, '\n') == NULL)
			return 0;
		tree->open = tree->open->parent;
		return 1;
	}
	name = tree->at;
	while (*tree->at >= 'a' && *tree->at <= 'z')
		tree->at++;
	mark = *tree->at;
	node = mark != '\0' ? element(tree, name) : NULL;
	if (node == NULL)
		return 0;
	*tree->at++ = '\0';
	return rest_of_line(tree, node, mark);
}

const xmlNode *contract_canon_tree(const char *xml, size_t len)
{
	struct canon_tree *tree = &kept;

	if (len > CONTRACT_MAX_SIZE)
		return NULL;
	tree->root = tree->open = NULL;
	tree->nodes = tree->attributes = 0;
	tree->at = memcpy(tree->text, xml, len);
	tree->text[len] = '\0';
	while (tree->at != tree->text + len)
		if (!line(tree))
			return NULL;
	return tree->root;
}
