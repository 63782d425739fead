/*
 * Reading JSON that a stranger wrote: size, depth and types are checked before anything is believed. Every
 * reader returns 0, or -EINVAL with the member at fault in *problem (status 400).
 */
#ifndef ICORP_GATEKEEPER_INPUT_H
#define ICORP_GATEKEEPER_INPUT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "gatekeeper/problem.h"

#define INPUT_MAX_DEPTH 16

/* Parses an object, nested at most INPUT_MAX_DEPTH deep, without duplicate members. NULL with *problem (line set). */
json_t *input_json(const char *text, size_t len, struct problem *problem);

/* A string member into out[room]; a missing one leaves "" and is refused when required. Too long, or with control
 * characters: refused. */
int input_string(json_t *object, const char *key, char *out, size_t room, int required, struct problem *problem);
/* The same for names: [a-z0-9][a-z0-9-]*. */
int input_name(json_t *object, const char *key, char *out, size_t room, int required, struct problem *problem);
/* A non-negative integer up to max; missing leaves *out as it is. */
int input_uint(json_t *object, const char *key, uint64_t max, uint64_t *out, struct problem *problem);
/* A boolean; missing leaves *out as it is. */
int input_bool(json_t *object, const char *key, int *out, struct problem *problem);
/* An array of at most max items, or NULL in *out when missing (or null). */
int input_array(json_t *object, const char *key, size_t max, json_t **out, struct problem *problem);
/* An object, or NULL in *out when missing (or null). */
int input_object(json_t *object, const char *key, json_t **out, struct problem *problem);

/* 1 when text is [a-z0-9][a-z0-9-]* and shorter than room. */
int input_is_name(const char *text, size_t room);
/* Copies a bounded text without control characters. 0 or -EINVAL. */
int input_text(const char *text, char *out, size_t room);
/* A whole decimal number up to max from text. 0 or -EINVAL. */
int input_number(const char *text, uint64_t max, uint64_t *out);

#endif
