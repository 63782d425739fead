/*
 * Between the controller's JSON (agent/show.c) and libicorp's structs. Inside libicorp only.
 */
#ifndef ICORP_AGENT_CLIENT_PARSE_H
#define ICORP_AGENT_CLIENT_PARSE_H

#include <jansson.h>

#include "agent/icorp.h"

/* {"ok":true,"result":…} or {"ok":false,"error":…}. 0 and *result, a reference of the caller's; or -errno and why. */
int parse_reply(const char *text, json_t **result, char *why, size_t room);
/* Into zeroed structs. 0, -EBADMSG, -ENOMEM; then nothing is owned. */
int parse_answer(const json_t *o, struct icorp_answer *answer);
int parse_status(const json_t *o, struct icorp_status *status);

#endif
