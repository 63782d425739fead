/*
 * The commands of icorp-proxy's control socket (lib/control.h); their context is the struct proxy.
 */
#ifndef ICORP_PROXY_COMMANDS_H
#define ICORP_PROXY_COMMANDS_H

#include "lib/control.h"

extern const struct control_command proxy_commands[];

#endif
