/*
 * agent.conf: the thermostat's settings, made inside the ISC. Optional; when the file is there it replaces the boot
 * file's "policy" as a whole.
 */
#ifndef ICORP_AGENT_SETTINGS_H
#define ICORP_AGENT_SETTINGS_H

#include "agent/policy.h"
#include "lib/config.h"

/* Loads file into *policy. 0; -ENOENT when there is none; else -errno with *error filled. *policy then is as before. */
int settings_load(const char *file, struct policy_config *policy, struct config_error *error);
/* Prints an example with the defaults. */
void settings_describe(void (*line)(void *ctx, const char *text), void *ctx);

#endif
