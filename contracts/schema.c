/*
 * The RELAX NG schema: compiled once from the text built into the library.
 *
 * Two forms of it live in the process. `schema_tree` is the file as it is installed: explain.c and the readers
 * take their words from it. `schema` is compiled from a copy in which every value is any text, without type and
 * facets (<data>, <param>: patterns, ranges, lengths), because libxml2 spends four fifths of a validation on the
 * facets and a third of the rest on the types, and the readers check every value anyway (values.c, with units,
 * overflow and address arithmetic that facets cannot say). That the readers refuse whatever a type or facet would
 * refuse is held up by tests/unit/test_contract_property.c, which validates everything that parses against the
 * installed file.
 */
#include <errno.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <string.h>

#include "contracts/internal.h"

static xmlDocPtr schema_tree;
static xmlRelaxNGPtr schema;
static xmlRelaxNGValidCtxtPtr validator; /* kept for the next document, unless it refused the last one */

static void silent(void *ctx, xmlErrorPtr error)
{
}

/* Puts <text/> in the place of every <data> below node. */
static void strip_types(xmlNode *node)
{
	xmlNode *child;

	for (child = node->children; child != NULL; child = child->next) {
		if (child->type != XML_ELEMENT_NODE || strcmp((const char *)child->name, "data") != 0) {
			strip_types(child);
			continue;
		}
		xmlNodeSetName(child, (const xmlChar *)"text");
		xmlUnsetProp(child, (const xmlChar *)"type");
		xmlNodeSetContent(child, NULL);
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
	strip_types(xmlDocGetRootElement(copy));
	parser = xmlRelaxNGNewDocParserCtxt(copy);
	if (parser != NULL) {
		xmlRelaxNGSetParserStructuredErrors(parser, silent, NULL);
		compiled = xmlRelaxNGParse(parser);
		xmlRelaxNGFreeParserCtxt(parser);
	}
	xmlFreeDoc(copy);
	return compiled;
}

static void forget_validator(void)
{
	xmlRelaxNGFreeValidCtxt(validator);
	validator = NULL;
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
	contract_document_cleanup();
	forget_validator();
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
	const xmlNode *blamed = NULL;
	int rc;

	rc = contract_init();
	if (rc != 0)
		return rc;
	if (validator == NULL)
		validator = xmlRelaxNGNewValidCtxt(schema);
	if (validator == NULL)
		return -ENOMEM;
	xmlRelaxNGSetValidStructuredErrors(validator, note_blamed, &blamed);
	rc = xmlRelaxNGValidateDoc(validator, doc);
	if (rc == 0)
		return 0;
	forget_validator();
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
