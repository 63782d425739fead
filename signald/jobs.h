/*
 * The commits under way: who has not answered yet, and what the others said. When a hundred thousand sessions come at once
 * there may be as many, so the table grows by one chain at a time (linear hashing, Litwin 1980): no call takes long.
 */
#ifndef ICORP_SIGNALD_JOBS_H
#define ICORP_SIGNALD_JOBS_H

#include <stddef.h>

#include "adaptors/adaptor.h"

struct job {
	struct job *next;
	struct adaptor_key key;
	uint64_t cookie;
	uint32_t waiting;               /* adaptors that have not answered it */
	struct adaptor_result result;   /* what was answered so far */
};

/* Zeroed, it is empty. low: the power of two below or at n. */
struct jobs { struct job **chain; size_t n, room, low, count; };

/* NULL: there is none. */
struct job *jobs_find(const struct jobs *jobs, struct adaptor_key key);
/* Makes it if need be. NULL: no memory. */
struct job *jobs_obtain(struct jobs *jobs, struct adaptor_key key);
/* Frees it, if there is one. */
void jobs_forget(struct jobs *jobs, struct adaptor_key key);
/* Frees all. */
void jobs_clear(struct jobs *jobs);

#endif
