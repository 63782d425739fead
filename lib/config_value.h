/*
 * Inside the configuration reader: one setting's text to its value and back.
 */
#ifndef ICORP_LIB_CONFIG_VALUE_H
#define ICORP_LIB_CONFIG_VALUE_H

#include "lib/config.h"

/* What a scalar row's text means, stored at `to` (as enum config_type says; strings are malloc'd). 0, or -EINVAL with
 * the reason in why, or -ENOMEM. */
int config_value(const struct config_row *row, const char *text, void *to, char *why, size_t room);
/* As config_value, but bounds, choices and the row's check are not applied: for defaults, which may mean "none". */
int config_value_unchecked(const struct config_row *row, const char *text, void *to, char *why, size_t room);
/* "a rate like 100M", … */
const char *config_type_text(enum config_type type);
/* A bound as it would be written in a file. */
void config_bound_text(enum config_type type, double bound, char *out, size_t room);

#endif
