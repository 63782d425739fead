/*
 * A directory of cases of a technology: NAME.in is terms (terms_text.h), and NAME.from what was in force before, if anything was. What
 * the one leads to from the other is in NAME.ENDING, in words; NAME-invalid.in is refused with what is in NAME-invalid.err.
 */
#ifndef ICORP_TEST_GOLDEN_TERMS_H
#define ICORP_TEST_GOLDEN_TERMS_H

#include <stdio.h>

#include "adaptors/adaptor.h"

struct golden {
	const char *dir;                     /* ends in a slash */
	const char *ending;
	/* Makes a session of the technology of terms: 0, or negative with why and none. */
	int (*want)(const struct adaptor_terms *t, void **session, char *why, size_t room);
	/* Writes what leads from one (NULL: nothing) to the other. */
	void (*print)(FILE *out, const char *stem, void *from, void *to);
	void (*drop)(void *session);         /* takes NULL */
};

/* Compares all cases, or writes them with GOLDEN_UPDATE=1. How many there were. */
unsigned golden_run(const struct golden *g);
/* What is wanted by STEM.ENDING; NULL: there is no such file. */
void *golden_want(const struct golden *g, const char *stem, const char *ending);

#endif
