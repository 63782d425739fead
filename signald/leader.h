/*
 * The leader's view of an ICorp, for reports and show.
 */
#ifndef ICORP_SIGNALD_LEADER_H
#define ICORP_SIGNALD_LEADER_H

#include <stdint.h>

struct session;

enum leader_state { LEADER_SIGNALING, LEADER_COMPLETE, LEADER_DEGRADED, LEADER_FAILED, LEADER_GONE };

enum leader_state leader_state(const struct session *s);
const char *leader_state_name(enum leader_state state);
/* The price of what is reserved now, in millionths of the currency per interval. */
uint64_t leader_price(const struct session *s);

#endif
