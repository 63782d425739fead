/*
 * Small objects by the million: no header per object, a free list per size. The owner remembers sizes. Memory goes back to
 * the system only when the pool is freed. Under AddressSanitizer every object is malloc's own, so that misuse is found.
 */
#ifndef ICORP_LIB_POOL_H
#define ICORP_LIB_POOL_H

#include <stddef.h>

#define POOL_STEP 8                  /* sizes are rounded up to it */
#define POOL_MAX 512                 /* larger objects are malloc's */

struct pool_chunk;
/* Zero it to begin. */
struct pool {
	void *free[POOL_MAX / POOL_STEP];
	struct pool_chunk *chunks;
	size_t used;                 /* bytes handed out, rounded up */
};

/* Zeroed memory of that size, aligned for any object; NULL: no memory. Size 0 is NULL, too. */
void *pool_get(struct pool *pool, size_t size);
/* Gives it back; size as it was got. NULL is fine. */
void pool_put(struct pool *pool, void *object, size_t size);
/* Moves it to a new size, zeroing what is new. NULL: no memory, and the old object stays. */
void *pool_resize(struct pool *pool, void *object, size_t size, size_t new_size);
/* Frees all memory at once, whatever is still out. */
void pool_free(struct pool *pool);

#endif
