/*
 * What the files of this room share. From bytes to contract, in this order:
 *
 *   document.c  bytes -> tree, refusing what hostile input needs (DTD, depth, nodes, size)
 *   schema.c    tree against contract.rng; explain.c says in words why a tree does not fit
 *   read.c      tree -> struct contract; request.c tree -> struct contract_request; both over tree.c (nodes),
 *               values.c (scalars) and parts.c (what the two documents share)
 *   check.c     the rules that no schema says
 *   canon.c     struct -> canonical XML; canon_read.c canonical XML -> tree, without parser and schema
 *
 * Every function that can refuse a document fills a struct contract_error and returns -EINVAL.
 */
#ifndef ICORP_CONTRACTS_INTERNAL_H
#define ICORP_CONTRACTS_INTERNAL_H

#include <libxml/tree.h>
#include <stddef.h>
#include <stdint.h>

#include "contracts/contract.h"

#define DOCUMENT_MAX_DEPTH 16
#define DOCUMENT_MAX_NODES 2000 /* elements and attributes */
#define PRIORITY_LOWEST 7
#define SHARES_ORDINARY 1024
#define SHARES_MIN 2
#define SHARES_MAX 262144
#define VCPUS_MAX 1024

/* The schema's text, generated from contract.rng. */
extern const char contract_rng[];
extern const unsigned long contract_rng_len;

/* errors.c: the first fault is kept. Both return -EINVAL. node may be NULL; so may error. */
int contract_fault(struct contract_error *error, const xmlNode *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int contract_fault_at(struct contract_error *error, int line, const char *element, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Text from a document made fit for a message: printable, at most QUOTE_TEXT - 1 bytes. Returns out. */
#define QUOTE_TEXT 48
const char *contract_quote(const char *text, char out[QUOTE_TEXT]);

/* document.c: a tree whose root is <root_name> in our namespace, valid by the schema. The caller frees *out. */
int contract_document(const char *xml, size_t len, const char *root_name, xmlDocPtr *out, struct contract_error *error);
/* Frees what is kept from one document to the next. */
void contract_document_cleanup(void);

/* schema.c */
int contract_schema_check(xmlDocPtr doc, struct contract_error *error);
/* The words of a define of the schema: what a value of it looks like. Never NULL. */
const char *contract_schema_words(const char *define);
/* A define of the schema, or NULL. */
const xmlNode *contract_schema_define(const char *name);
/* The element that the schema's start allows as a root by that name, or NULL. */
const xmlNode *contract_schema_root(const char *name);

/* explain.c: fills error with why the tree does not fit; blamed is where the validator gave up (or NULL). */
int contract_explain(const xmlNode *root, const xmlNode *blamed, struct contract_error *error);

/* canon_read.c: a tree that is good until the next call, with a copy of the text. NULL when the text is not in canonical
 * form. What is not NULL may still be another text: see there. */
const xmlNode *contract_canon_tree(const char *xml, size_t len);

/* read.c: contract_parse tries them one after the other. Both give the same contract of the same text.
 * The first takes only the canonical form, 0 or -EINVAL without words; the second as contract_parse. */
int contract_read_canonical(const char *xml, size_t len, struct contract **out);
int contract_read_document(const char *xml, size_t len, struct contract **out, struct contract_error *error);

/* values.c: 0 or -EINVAL. White space around a number is skipped, as XSD does. */
struct unit {
	const char *name;
	uint64_t factor;
};
extern const struct unit contract_rate_units[], contract_memory_units[], contract_disk_units[], contract_time_units[];
int contract_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);
int contract_money(const char *text, uint64_t *micro);
#define MONEY_TEXT 24
const char *contract_money_text(uint64_t micro, char out[MONEY_TEXT]);
int contract_is_label(const char *text);
int contract_is_dns_name(const char *text);
int contract_is_url(const char *text);
int contract_is_currency(const char *text);
extern const char *const contract_capacity_names[3];
extern const char *const contract_protocol_names[2];

/* tree.c: fields of a tree that the schema let through. A sticky status: after a failure all reads give
 * zero, and the first failure is in error. */
struct reader {
	struct contract_error *error;
	int status;
	char scratch[CONTRACT_URL + 256];
};
/* First child element by that name (NULL: any), and the next sibling by that name. node may be NULL. */
const xmlNode *contract_child(const xmlNode *node, const char *name);
const xmlNode *contract_sibling(const xmlNode *node, const char *name);
int contract_named(const xmlNode *node, const char *name);
/* With attribute NULL the element's content; "" when absent. Valid until the next call. */
const char *contract_text(struct reader *r, const xmlNode *node, const char *attribute);
int contract_has(const xmlNode *node, const char *attribute);
void contract_read_label(struct reader *r, const xmlNode *node, const char *attribute, char out[CONTRACT_NAME]);
void contract_read_dns(struct reader *r, const xmlNode *node, char out[CONTRACT_DNS]);
uint64_t contract_read_number(struct reader *r, const xmlNode *node, const char *attribute, const char *define,
			      uint64_t min, uint64_t max);
uint64_t contract_read_quantity(struct reader *r, const xmlNode *node, const struct unit *units, uint64_t max);
uint64_t contract_read_money(struct reader *r, const xmlNode *node);
struct in_addr contract_read_address(struct reader *r, const xmlNode *node, const char *attribute);
struct prefix contract_read_prefix(struct reader *r, const xmlNode *node);
int contract_read_yes(struct reader *r, const xmlNode *node, const char *attribute);
/* The index of the value among names (NULL entries never match). */
unsigned contract_read_choice(struct reader *r, const xmlNode *node, const char *attribute, const char *const *names,
			      unsigned n);
void contract_read_fail(struct reader *r, int status);

/* parts.c: what the two documents have in common */
void contract_read_services(struct reader *r, const xmlNode *services, struct contract_service *out, unsigned *n);
void contract_read_apps(struct reader *r, const xmlNode *apps, struct contract_app *out, unsigned *n);
void contract_read_limits(struct reader *r, const xmlNode *limits, struct contract_limits *out);
/* Frees the arguments. */
void contract_clear_apps(struct contract_app *apps, unsigned *n);

/* check.c: the rules over the fields; root gives the lines. */
int contract_check(const struct contract *c, const xmlNode *root, struct contract_error *error);
int contract_check_parts(const struct contract_service *services, unsigned n_services, const struct contract_app *apps,
			 unsigned n_apps, const xmlNode *root, struct contract_error *error);

/* canon.c: the canonical form, malloc'd. -E2BIG when it would not parse again for its size, -ENOMEM. */
int contract_canon(const struct contract *c, char **xml, size_t *len);
int contract_request_canon(const struct contract_request *request, char **xml, size_t *len);

#endif
