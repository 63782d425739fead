/*
 * The gatekeeper's commands on the control socket (lib/control.h).
 */
#ifndef ICORP_GATEKEEPER_CONTROL_H
#define ICORP_GATEKEEPER_CONTROL_H

#include "lib/control.h"

/* show elements, icorps, l2, dns, streams; delete ID. The context is the struct gatekeeper. */
extern const struct control_command control_commands[];

#endif
