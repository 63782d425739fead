/*
 * A token bucket: so many a second, and so many at once. Zeroed, it is full. Which rate and size it has is said with every
 * call, so that a reload needs no walk over the buckets.
 */
#ifndef ICORP_LIB_BUCKET_H
#define ICORP_LIB_BUCKET_H

#include <stdint.h>

struct bucket { uint64_t used, at_ns; }; /* tokens taken and not yet back, as of then */

/*
 * Takes n tokens of a bucket of `most`, refilled with per_s a second (at most 10^10 each), at now_us (which only grows).
 * 1, or 0 when there are not that many: then none is taken. n above most is never had.
 */
int bucket_take(struct bucket *bucket, uint64_t n, uint64_t per_s, uint64_t most, uint64_t now_us);

#endif
