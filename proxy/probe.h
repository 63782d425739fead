/*
 * Active health: connecting to a target without a user waiting. Ejected targets are probed when their time is over,
 * the others every check_interval: the only way in which the kernel path learns that a server is gone.
 */
#ifndef ICORP_PROXY_PROBE_H
#define ICORP_PROXY_PROBE_H

#include "proxy/table.h"

/* Prepares a new target. */
void probe_init(struct target *target);
/* Plans the next probe by the target's health. */
void probe_plan(struct target *target, struct proxy *proxy, uint64_t now_us);
/* No more probes. Twice is fine. */
void probe_stop(struct target *target, struct proxy *proxy);

#endif
