/*
 * Grants in little room: a session keeps its neighbours' word for every hop below it, and most say very little. Packed one
 * behind the other; read through a cursor. Zero it to begin; always use the same pool for it.
 */
#ifndef ICORP_SIGNALD_GRANTS_H
#define ICORP_SIGNALD_GRANTS_H

#include "lib/pool.h"
#include "lib/rsvp.h"

struct grants { uint8_t *data; uint32_t len; };

/* Appends. 0 or -ENOMEM, then nothing changed. */
int grants_add(struct pool *pool, struct grants *grants, const struct rsvp_grant *grant);
/*
 * What came in parts: replaces this one by these n, and, when it is the last, forgets those after it. Parts come in any order.
 * 1 when anything is another now, 0, or -ENOMEM, then nothing changed.
 */
int grants_set(struct pool *pool, struct grants *grants, unsigned part, int last, const struct rsvp_grant *v, unsigned n);
/*
 * Replaces the one of the same endpoint and resource (all that are not known here count as one), or appends. 0 or -ENOMEM,
 * then nothing changed.
 */
int grants_put(struct pool *pool, struct grants *grants, const struct rsvp_grant *grant);
/* The next one into *out: 1, or 0 at the end. Start with *at = 0. */
int grants_next(const struct grants *grants, uint32_t *at, struct rsvp_grant *out);
void grants_free(struct pool *pool, struct grants *grants);

#endif
