/*
 * Contracts by the hundred thousand: one document, made and checked by the contracts library, in which only the ICorp's
 * number changes. So a fresh one costs a digest and a checksum, and the generator keeps up with what it measures.
 */
#ifndef BENCH_LOAD_DOCS_H
#define BENCH_LOAD_DOCS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/mac.h"

#define DOCS_FIRST 1000000000u     /* numbers of ten digits, so that all documents are equally long */

struct docs {
	int shared;                /* no number in it: one document for all ICorps */
	char *xml; size_t xml_len; /* canonical */
	size_t number_at;          /* in xml */
	uint8_t *body; size_t body_len, body_number_at; /* deflated; the number's block is stored */
	uint8_t digest[SHA256_SIZE];
	size_t parsed;             /* bytes of heap the library takes for one */
};

/* A document of about `size` bytes (0: a small one). shared: without a number. 0, or -1 having said why. */
int docs_new(struct docs *docs, size_t size, int shared);
/* Does the contracts library take a document without a number? */
int docs_can_share(void);
/* Makes it the document of that ICorp: xml, body and digest. Nothing to do when shared. */
void docs_number(struct docs *docs, uint32_t icorp);
void docs_free(struct docs *docs);

#endif
