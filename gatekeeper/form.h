/*
 * application/x-www-form-urlencoded: what a browser without scripts posts, and query strings. Pure.
 */
#ifndef ICORP_GATEKEEPER_FORM_H
#define ICORP_GATEKEEPER_FORM_H

#include <stddef.h>

#define FORM_MAX_FIELDS 64
#define FORM_NAME 32
#define FORM_VALUE 512

struct form { unsigned n; struct { char name[FORM_NAME], value[FORM_VALUE]; } field[FORM_MAX_FIELDS]; };

/* Decodes %XX (and + when plus) into out[room], NUL-terminated. -EINVAL for a bad escape, a NUL or a control
 * character, or when it does not fit. */
int form_decode(const char *text, size_t len, char *out, size_t room, int plus);
/* Parses a whole body or query. 0, -E2BIG (too many fields), -EINVAL (a field that does not decode). */
int form_parse(const char *text, size_t len, struct form *out);
/* The n-th value (from 0) of a field, or NULL. */
const char *form_value(const struct form *form, const char *name, unsigned n);

#endif
