/* Directories of cases of a technology: NAME.in is terms (terms_text.h); NAME-invalid.in must be refused. */
#ifndef ICORP_TEST_GOLDEN_TERMS_H
#define ICORP_TEST_GOLDEN_TERMS_H

#include "adaptors/adaptor.h"

/* The file says exactly that; with GOLDEN_UPDATE=1 it does from then on. */
void golden_expect(const char *path, const char *got);
/* Reads terms. 1, 0: no such file. Whatever is in it and is none fails the test. */
int golden_terms(const char *path, struct adaptor_terms *t);
/* Calls valid or invalid for every NAME.in of the directory (which ends in a slash) with its stem. How many there were. */
unsigned golden_each(const char *dir, void (*valid)(const char *stem), void (*invalid)(const char *stem));
/* What became of terms that must be refused is what NAME.err says. */
void golden_refused(const char *dir, const char *stem, int rc, const char *why);

#endif
