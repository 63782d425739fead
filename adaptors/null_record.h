/* Terms as a document, complete: every field under its name in struct adaptor_terms, addresses and keys as text. */
#ifndef ICORP_ADAPTOR_NULL_RECORD_H
#define ICORP_ADAPTOR_NULL_RECORD_H

#include "adaptors/adaptor.h"

struct writer;

void null_write_terms(struct writer *w, const struct adaptor_terms *t);
void null_write_addr(struct writer *w, const char *name, struct in_addr addr);
/* The records in this directory (NULL: none) as an inventory (adaptor.h). 0 or -errno. */
int null_found(struct writer *w, const char *record);

#endif
