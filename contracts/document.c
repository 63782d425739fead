/*
 * From bytes to a tree. Everything here assumes an attacker wrote the bytes.
 *
 * The parser is libxml2's, driven through its own tree builder (SAX2) with a few callbacks in front of it:
 *
 *   on_start     refuses a declared encoding other than UTF-8
 *   on_doctype   any <!DOCTYPE stops the parser at once, before a subset or an entity is read: there is no
 *                declaration of an entity, so none can expand or be fetched
 *   on_element   counts elements and attributes and looks at the depth before a node is made
 *   on_element_end  keeps the name of the element being read, for errors
 *   on_text      leaves white space between elements out of the tree (arguments keep theirs)
 *   comments and processing instructions never become nodes
 *
 * The network is off (XML_PARSE_NONET) and the parser's own limits stay on (XML_PARSE_HUGE is never given).
 */
#include <errno.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <string.h>
#include <strings.h>

#include "contracts/internal.h"

#define KEPT_NAMES 1024

struct gate {
	struct contract_error *error;
	const char *open; /* the element that is being read, a name of the parser's dictionary */
	unsigned nodes;
	int refused;
	int fatal; /* libxml2's code of the first fatal error, which is in *error; what follows from it is not */
};

static struct gate *gate_of(void *ctx)
{
	return ((xmlParserCtxtPtr)ctx)->_private;
}

static int line_of(xmlParserCtxtPtr parser)
{
	return parser->input != NULL ? parser->input->line : 0;
}

static void refuse(xmlParserCtxtPtr parser)
{
	gate_of(parser)->refused = 1;
	xmlStopParser(parser);
}

/* Called after the XML declaration was read. (The parser keeps a foreign encoding with its input.) */
static void on_start(void *ctx)
{
	xmlParserCtxtPtr parser = ctx;
	const xmlChar *encoding = parser->encoding;
	char quoted[QUOTE_TEXT];

	if (encoding == NULL && parser->input != NULL)
		encoding = parser->input->encoding;
	if (encoding != NULL && strcasecmp((const char *)encoding, "UTF-8") != 0) {
		contract_fault_at(gate_of(ctx)->error, line_of(parser), "",
				  "encoding=\"%s\" is refused; right would be UTF-8",
				  contract_quote((const char *)encoding, quoted));
		refuse(parser);
		return;
	}
	xmlSAX2StartDocument(ctx);
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	xmlParserCtxtPtr parser = ctx;

	contract_fault_at(gate_of(ctx)->error, line_of(parser), "",
			  "a document type declaration (DTD) is refused; right would be a document without <!DOCTYPE");
	refuse(parser);
}

static void on_element(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int n_ns,
		       const xmlChar **ns, int n_attributes, int n_defaulted, const xmlChar **attributes)
{
	xmlParserCtxtPtr parser = ctx;
	struct gate *gate = gate_of(ctx);

	gate->open = (const char *)name;
	gate->nodes += 1 + (unsigned)n_attributes;
	if (gate->refused)
		return;
	if (parser->nodeNr >= DOCUMENT_MAX_DEPTH) {
		contract_fault_at(gate->error, line_of(parser), (const char *)name,
				  "elements are nested too deep; at most %d levels are right", DOCUMENT_MAX_DEPTH);
		refuse(parser);
		return;
	}
	if (gate->nodes > DOCUMENT_MAX_NODES) {
		contract_fault_at(gate->error, line_of(parser), (const char *)name,
				  "too many nodes; at most %d elements and attributes are right", DOCUMENT_MAX_NODES);
		refuse(parser);
		return;
	}
	xmlSAX2StartElementNs(ctx, name, prefix, uri, n_ns, ns, n_attributes, n_defaulted, attributes);
}

static void on_element_end(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	xmlParserCtxtPtr parser = ctx;

	gate_of(ctx)->open = parser->nodeNr > 1 ? (const char *)parser->nodeTab[parser->nodeNr - 2]->name : NULL;
	xmlSAX2EndElementNs(ctx, name, prefix, uri);
}

static int is_blank(const xmlChar *text, int len)
{
	int i;

	for (i = 0; i < len; i++)
		if (text[i] != ' ' && text[i] != '\n' && text[i] != '\t' && text[i] != '\r')
			return 0;
	return 1;
}

static void on_text(void *ctx, const xmlChar *text, int len)
{
	const xmlNode *node = ((xmlParserCtxtPtr)ctx)->node;

	if (is_blank(text, len) && node != NULL && (node->last == NULL || node->last->type != XML_TEXT_NODE) &&
	    strcmp((const char *)node->name, "arg") != 0)
		return;
	xmlSAX2Characters(ctx, text, len);
}

/* Says in one line what libxml2 found; it would keep the last such error. Nothing may go to standard error. */
static void on_error(void *ctx, xmlErrorPtr e)
{
	struct gate *gate = gate_of(ctx);
	char why[160] = "no reason given";
	size_t n;

	if (e->level != XML_ERR_FATAL || gate->fatal || gate->refused)
		return;
	gate->fatal = e->code;
	for (n = 0; e->message != NULL && n < sizeof(why) - 1 && e->message[n] != '\0' && e->message[n] != '\n'; n++)
		why[n] = e->message[n] >= 0x20 && e->message[n] < 0x7f ? e->message[n] : '?';
	if (n)
		why[n] = '\0';
	contract_fault_at(gate->error, e->line, gate->open != NULL ? gate->open : "",
			  "not well-formed XML: %s; right would be a document in UTF-8 with one root element", why);
}

static void set_callbacks(xmlSAXHandlerPtr sax)
{
	sax->startDocument = on_start;
	sax->internalSubset = on_doctype;
	sax->startElementNs = on_element;
	sax->endElementNs = on_element_end;
	sax->characters = on_text;
	sax->ignorableWhitespace = on_text;
	sax->cdataBlock = on_text;
	sax->comment = NULL;
	sax->processingInstruction = NULL;
	sax->serror = on_error;
}

static int check_root(const xmlNode *root, const char *name, struct contract_error *error)
{
	char quoted[QUOTE_TEXT];

	if (!contract_named(root, name)) {
		if (strcmp((const char *)root->name, name) != 0)
			return contract_fault(error, root,
					      "<%s> is not the root expected here; right would be "
					      "<%s xmlns=\"%s\">",
					      contract_quote((const char *)root->name, quoted), name, CONTRACT_XMLNS);
		return contract_fault(error, root, "namespace \"%s\" is wrong; right would be xmlns=\"%s\"",
				      root->ns != NULL ? contract_quote((const char *)root->ns->href, quoted) : "",
				      CONTRACT_XMLNS);
	}
	return 0;
}

static int parse(xmlParserCtxtPtr parser, const char *xml, size_t len, xmlDocPtr *out, struct contract_error *error)
{
	struct gate gate = {.error = error};
	xmlDocPtr doc;

	parser->_private = &gate;
	set_callbacks(parser->sax);
	doc = xmlCtxtReadMemory(parser, xml, (int)len, NULL, NULL,
				XML_PARSE_NONET | XML_PARSE_COMPACT | XML_PARSE_BIG_LINES | XML_PARSE_NOCDATA);
	if (!gate.refused && doc != NULL && xmlDocGetRootElement(doc) != NULL) {
		*out = doc;
		return 0;
	}
	xmlFreeDoc(doc);
	/* Without a word of its own, the parser has run out of memory. */
	return gate.refused || (gate.fatal && gate.fatal != XML_ERR_NO_MEMORY) ? -EINVAL : -ENOMEM;
}

/*
 * The parser, kept for the next document with the names it knows. One that refused something is not used again, nor one
 * that was made to learn many names.
 */
static xmlParserCtxtPtr kept;

void contract_document_cleanup(void)
{
	xmlFreeParserCtxt(kept);
	kept = NULL;
}

/* UTF-8 or plain ASCII, by the first bytes: what the parser would take for another encoding does not pass. */
static int looks_like_utf8(const char *xml, size_t len)
{
	if (len >= 3 && memcmp(xml, "\xef\xbb\xbf", 3) == 0) {
		xml += 3;
		len -= 3;
	}
	return len < 4 || (strchr("< \t\r\n", xml[0]) != NULL && memchr(xml, '\0', 4) == NULL);
}

int contract_document(const char *xml, size_t len, const char *root_name, xmlDocPtr *out, struct contract_error *error)
{
	int rc;

	if (len > CONTRACT_MAX_SIZE) {
		contract_fault_at(error, 0, "", "the document is %zu bytes long; at most %d are right", len,
				  CONTRACT_MAX_SIZE);
		return -E2BIG;
	}
	if (!looks_like_utf8(xml, len))
		return contract_fault_at(error, 1, "",
					 "it does not begin like XML in UTF-8; right would be a document "
					 "that begins with <");
	if (kept == NULL)
		kept = xmlNewParserCtxt();
	if (kept == NULL)
		return -ENOMEM;
	rc = parse(kept, xml, len, out, error);
	if (rc != 0 || xmlDictSize(kept->dict) > KEPT_NAMES)
		contract_document_cleanup();
	if (rc != 0)
		return rc;
	rc = check_root(xmlDocGetRootElement(*out), root_name, error);
	if (rc == 0)
		rc = contract_schema_check(*out, error);
	if (rc != 0) {
		xmlFreeDoc(*out);
		*out = NULL;
	}
	return rc;
}
