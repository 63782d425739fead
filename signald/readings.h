/*
 * From what an adaptor's `measure` answers (adaptor.h), counters that only grow, to what was used of each resource since it answered
 * before. Pure.
 */
#ifndef ICORP_SIGNALD_READINGS_H
#define ICORP_SIGNALD_READINGS_H

#include <stddef.h>
#include <stdint.h>

#include "adaptors/adaptor.h"

/* What one adaptor answered last. Zero it to begin. */
struct reading;
struct readings { uint64_t at_us; size_t n; struct reading *v; };
/* On average since then: bit/s, permille of a CPU; KiB as of now. */
struct use { struct adaptor_key key; enum resource resource; uint64_t used; };

/*
 * Takes an answer. *out, to be freed by the caller, has a row for each session and resource that was counted before and now: of several
 * ports the busiest. What was never used is not in it. 0; -EINVAL (no such answer), -ENOMEM: then nothing is taken.
 */
int readings_take(struct readings *r, const char *json, uint64_t now_us, struct use **out, size_t *n);
void readings_clear(struct readings *r);

#endif
