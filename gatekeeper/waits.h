/*
 * GET /v1/icorps/ID?wait=SECONDS: callers kept waiting until the ICorp's state settles.
 */
#ifndef ICORP_GATEKEEPER_WAITS_H
#define ICORP_GATEKEEPER_WAITS_H

#include <stdint.h>

#include "gatekeeper/gatekeeper.h"

struct evhttp_request;
struct waits;

#define WAITS_MAX_S 60

/* Answers a request that has waited long enough (or whose ICorp has settled). */
typedef void waits_answer_fn(struct gatekeeper *gk, struct evhttp_request *request, uint32_t icorp);

int waits_new(struct gatekeeper *gk, waits_answer_fn *answer, struct waits **out);
/* Forgets those waiting without answering: their connections are about to go. */
void waits_free(struct waits *waits);
/* 0, or -EBUSY: too many, answer at once. */
int waits_add(struct waits *waits, struct evhttp_request *request, uint32_t icorp, unsigned seconds);
/* Answers all that wait for the ICorp, from the loop, soon. NULL is fine. */
void waits_wake(struct waits *waits, uint32_t icorp);

#endif
