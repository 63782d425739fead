/*
 * Reading the canonical form, which is how contracts travel. What canon.c writes is plain enough for a scanner: one
 * element per line, no reference, comment or prefix, all of it printable ASCII (a document with other characters goes
 * through the parser). The tree is made of libxml2's nodes, so that read.c and check.c read it like any other.
 *
 * Nothing here judges the document, and neither does the schema: read.c has what it read written again by canon.c,
 * and only a text that comes out byte for byte is taken. So there is nothing in it that the readers
 * did not see, nothing is missing that the writer would have put, and all stands in its order; and what the writer
 * writes of values that the readers and check.c let through is valid by the schema (tests/unit/test_contract_property).
 * All other documents, and every fault, are for document.c.
 *
 *   scan()  counts, and refuses what is no printable ASCII      line()  one element, or the end of one
 */
#include <stdlib.h>
#include <string.h>

#include "contracts/internal.h"

static const xmlNs our_namespace = {.type = XML_NAMESPACE_DECL, .href = (const xmlChar *)CONTRACT_XMLNS};

/* One allocation: the nodes, the attributes, the text, which is cut into names and values. */
struct canon_tree {
	xmlNode *root, *open; /* open: where the next element goes; NULL before and after the root */
	xmlNode *node;	      /* the next that is free, as also below */
	xmlAttr *attribute;
	char *at;
};

/* Bounds of what the tree can need. Returns 0 when the text is none that canon.c wrote. */
static int scan(const char *xml, size_t len, size_t *elements, size_t *attributes)
{
	size_t quotes = 0, i;
	int other = 0;

	*elements = 0;
	for (i = 0; i < len; i++) {
		other |= (xml[i] < ' ' && xml[i] != '\n') || xml[i] > '~';
		*elements += xml[i] == '<';
		quotes += xml[i] == '"';
	}
	*attributes = quotes / 2;
	return !other && *elements + *attributes <= 2 * DOCUMENT_MAX_NODES;
}

static struct canon_tree *tree_new(const char *xml, size_t len)
{
	size_t elements, attributes, nodes;
	struct canon_tree *tree;

	if (len > CONTRACT_MAX_SIZE || !scan(xml, len, &elements, &attributes))
		return NULL;
	nodes = 2 * elements + attributes; /* each with its text */
	tree = calloc(1, sizeof(*tree) + nodes * sizeof(xmlNode) + attributes * sizeof(xmlAttr) + len + 1);
	if (tree == NULL)
		return NULL;
	tree->node = (xmlNode *)(tree + 1);
	tree->attribute = (xmlAttr *)(tree->node + nodes);
	tree->at = memcpy(tree->attribute + attributes, xml, len);
	return tree;
}

/* Cuts off what comes before the mark. NULL when it does not come. */
static const xmlChar *cut(struct canon_tree *tree, char mark)
{
	char *from = tree->at, *end = strchr(from, mark);

	if (end == NULL)
		return NULL;
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
	xmlNode *node = tree->node++;

	node->type = XML_TEXT_NODE;
	node->content = (xmlChar *)(uintptr_t)content;
	return node;
}

static xmlNode *element(struct canon_tree *tree, const xmlChar *name)
{
	xmlNode *node = tree->node++, *parent = tree->open;

	node->type = XML_ELEMENT_NODE;
	node->name = name;
	node->ns = (xmlNs *)(uintptr_t)&our_namespace;
	node->parent = parent;
	if (parent == NULL) {
		tree->root = node;
		return node;
	}
	if (parent->last != NULL)
		parent->last->next = node;
	else
		parent->children = node;
	parent->last = node;
	return node;
}

/* name="value", behind the space. */
static xmlAttr *attribute(struct canon_tree *tree)
{
	const xmlChar *name = cut(tree, '='), *value;
	xmlAttr *a;

	if (name == NULL || !skip(tree, "\""))
		return NULL;
	value = cut(tree, '"');
	if (value == NULL)
		return NULL;
	a = tree->attribute++;
	a->type = XML_ATTRIBUTE_NODE;
	a->name = name;
	a->children = text_node(tree, value);
	return a;
}

/* All that stands between an element's name and the end of its line. */
static int rest_of_line(struct canon_tree *tree, xmlNode *node, char mark)
{
	xmlAttr **last = &node->properties;
	const xmlChar *text;

	for (; mark == ' '; mark = *tree->at++) {
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
	text = cut(tree, '<');
	if (text == NULL || !skip(tree, "/") || cut(tree, '\n') == NULL)
		return 0;
	node->children = text_node(tree, text);
	return 1;
}

static int line(struct canon_tree *tree)
{
	char *name, mark;

	tree->at += strspn(tree->at, " ");
	if (!skip(tree, "<"))
		return 0;
	if (*tree->at == '/') {
		if (tree->open == NULL || cut(tree, '\n') == NULL)
			return 0;
		tree->open = tree->open->parent;
		return 1;
	}
	if (tree->root != NULL && tree->open == NULL)
		return 0;
	name = tree->at;
	tree->at += strcspn(name, " />\n");
	mark = *tree->at;
	if (mark == '\0')
		return 0;
	*tree->at++ = '\0';
	return rest_of_line(tree, element(tree, (const xmlChar *)name), mark);
}

struct canon_tree *contract_canon_tree(const char *xml, size_t len, const xmlNode **root)
{
	struct canon_tree *tree = tree_new(xml, len);

	if (tree == NULL)
		return NULL;
	while (*tree->at != '\0' && line(tree))
		;
	if (*tree->at != '\0' || tree->root == NULL) {
		free(tree);
		return NULL;
	}
	*root = tree->root;
	return tree;
}
