/*
 * Following one ICorp through this controller, live: `icorpctl trace ID`. What crosses the borders of the core is told,
 * to whoever asks, over the control socket's streams: messages in and out, changes of state, what the adaptors are asked
 * and answer, and how long that took; demands and grants when they are seen for the first time.
 *
 * Nothing is kept. While nobody asks, d->traces is NULL, and looking at that is all it costs.
 */
#ifndef ICORP_SIGNALD_TRACE_H
#define ICORP_SIGNALD_TRACE_H

#include "signald/daemon.h"

/* A message came from a neighbour, or goes to it. */
void trace_message(struct daemon *d, const struct rsvp_msg *msg, struct in_addr neighbour, int sent);
/* An action of the core's is about to be carried out. */
void trace_action(struct daemon *d, const struct core_action *a);
/* The adaptors answered. */
void trace_applied(struct daemon *d, struct adaptor_key key, uint64_t cookie, const struct adaptor_result *result);
/* Ends all. */
void traces_close(struct daemon *d);

#endif
