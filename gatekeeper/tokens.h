/*
 * Bearer tokens: who a caller is. Files of lines KIND:NAME:TOKEN (KIND client, element or operator); # begins a comment.
 */
#ifndef ICORP_GATEKEEPER_TOKENS_H
#define ICORP_GATEKEEPER_TOKENS_H

#include <stddef.h>

#include "contracts/contract.h"

enum caller_kind { CALLER_NOBODY, CALLER_CLIENT, CALLER_ELEMENT, CALLER_OPERATOR };

struct caller { enum caller_kind kind; char name[CONTRACT_NAME]; };

struct tokens;

/* An empty set. NULL when out of memory. */
struct tokens *tokens_new(void);
void tokens_free(struct tokens *tokens);
/* Adds a file's lines. 0, or -errno with "FILE:LINE: what is wrong". */
int tokens_load(struct tokens *tokens, const char *file, char *why, size_t room);
/* Adds one line. 0, -EINVAL with a reason, -ENOMEM. */
int tokens_add(struct tokens *tokens, const char *line, char *why, size_t room);
/* Whose token is this (the bare token, or the whole KIND:NAME:TOKEN)? The time taken does not depend on how much of a
 * token is right. 1 and *who, or 0. */
int tokens_find(const struct tokens *tokens, const char *token, struct caller *who);

#endif
