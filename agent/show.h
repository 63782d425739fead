/*
 * The agent's answers on its control socket, as documents. libicorp reads them (client.c); `icorp` prints them.
 */
#ifndef ICORP_AGENT_SHOW_H
#define ICORP_AGENT_SHOW_H

#include "agent/apps.h"
#include "agent/core.h"
#include "agent/link.h"
#include "agent/measure.h"

struct writer;

/* name, id, revision, reserved, up, use, price, resources with level, limit and last demand, serial. */
void show_status(struct writer *w, const struct agent *agent);
/* {"price": {…}} */
void show_price(struct writer *w, const struct rsvp_price *price);
/* One demand: sequence, resource, direction, steps, answered, outcome, grants; without a surrounding object. */
void show_demand(struct writer *w, const struct demand *demand);
void show_apps(struct writer *w, const struct apps *apps, uint64_t now_us);
void show_policy(struct writer *w, const struct policy *policy, uint64_t now_us);
void show_counters(struct writer *w, const struct agent *agent, const struct link *link, const struct measure *measure);

#endif
