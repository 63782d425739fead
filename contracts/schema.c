/*
 * The RELAX NG schema: compiled once from the text built into the library.
 *
 * Two forms of it live in the process. `schema_tree` is the file as it is installed: explain.c and the readers
 * take their words from it. `schema` is compiled from a copy without the facets (<param>: patterns, ranges,
 * lengths), because libxml2 spends four fifths of a validation on them, and the readers check every value
 * anyway (values.c, with units, overflow and address arithmetic that facets cannot say). That the readers
 * refuse whatever a facet would refuse is held up by tests/unit/test_contract_property.c, which validates
 * everything that parses against the installed file, facets included.
 */
#include <errno.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <string.h>

#include "contracts/internal.h"

static xmlDocPtr schema_tree;
static xmlRelaxNGPtr schema;

static void silent(void *ctx, xmlErrorPtr error)
{
}

/* Removes every <param> below node. */
static void strip_facets(xmlNode *node)
{
	xmlNode *child, *next;

	for (child = node->children; child != NULL; child = next) {
		next = child->next;
		if (child->type == XML_ELEMENT_NODE && strcmp((const char *)child->name, "param") == 0) {
			xmlUnlinkNode(child);
			xmlFreeNode(child);
		} else {
			strip_facets(child);
		}
	}
}

static xmlRelaxNGPtr compile(const xmlDoc *tree)
{
	xmlRelaxNGParserCtxtPtr parser = NULL;
	xmlRelaxNGPtr compiled = NULL;
	xmlDocPtr copy;

	copy = xmlCopyDoc((xmlDocPtr)tree, 1);
	if (copy == NULL)
		return NULL;
	strip_facets(xmlDocGetRootElement(copy));
	parser = xmlRelaxNGNewDocParserCtxt(copy);
	if (parser != NULL) {
		xmlRelaxNGSetParserStructuredErrors(parser, silent, NULL);
		compiled = xmlRelaxNGParse(parser);
		xmlRelaxNGFreeParserCtxt(parser);
	}
	xmlFreeDoc(copy);
	return compiled;
}

int contract_init(void)
{
	if (schema != NULL)
		return 0;
	xmlInitParser();
	schema_tree = xmlReadMemory(contract_rng, (int)contract_rng_len, "contract.rng", NULL,
				    XML_PARSE_NONET | XML_PARSE_NOBLANKS);
	if (schema_tree != NULL)
		schema = compile(schema_tree);
	if (schema == NULL) {
		contract_cleanup();
		return -ENOMEM;
	}
	return 0;
}

void contract_cleanup(void)
{
	xmlRelaxNGFree(schema);
	schema = NULL;
	xmlFreeDoc(schema_tree);
	schema_tree = NULL;
}

/* The first complaint's node is the one deepest in the document: the validator complains on its way up. */
static void note_blamed(void *ctx, xmlErrorPtr error)
{
	const xmlNode **blamed = ctx;

	if (*blamed == NULL)
		*blamed = error->node;
}

int contract_schema_check(xmlDocPtr doc, struct contract_error *error)
{
	xmlRelaxNGValidCtxtPtr valid;
	const xmlNode *blamed = NULL;
	int rc;

	rc = contract_init();
	if (rc != 0)
		return rc;
	valid = xmlRelaxNGNewValidCtxt(schema);
	if (valid == NULL)
		return -ENOMEM;
	xmlRelaxNGSetValidStructuredErrors(valid, note_blamed, &blamed);
	rc = xmlRelaxNGValidateDoc(valid, doc);
	xmlRelaxNGFreeValidCtxt(valid);
	if (rc == 0)
		return 0;
	return contract_explain(xmlDocGetRootElement(doc), blamed, error);
}

const xmlNode *contract_schema_define(const char *name)
{
	const xmlNode *node;
	xmlAttr *a;

	if (schema_tree == NULL)
		return NULL;
	for (node = xmlDocGetRootElement(schema_tree)->children; node != NULL; node = node->next) {
		if (node->type != XML_ELEMENT_NODE || strcmp((const char *)node->name, "define") != 0)
			continue;
		a = xmlHasProp(node, (const xmlChar *)"name");
		if (a != NULL && a->children != NULL && strcmp((const char *)a->children->content, name) == 0)
			return node;
	}
	return NULL;
}

const xmlNode *contract_schema_root(const char *name)
{
	const xmlNode *define = contract_schema_define(name), *node;

	for (node = define != NULL ? define->children : NULL; node != NULL; node = node->next)
		if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, "element") == 0)
			return node;
	return NULL;
}

const char *contract_schema_words(const char *define)
{
	const xmlNode *d = contract_schema_define(define), *node;

	for (node = d != NULL ? d->children : NULL; node != NULL; node = node->next)
		if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, "documentation") == 0 &&
		    node->children != NULL)
			return (const char *)node->children->content;
	return "another value";
}
