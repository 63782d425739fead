/* Token buckets. See bucket.h. */
#include "lib/bucket.h"

#define SECOND 1000000000ull
#define LONG (1000000 * SECOND)

/* Nanoseconds, so that a rate that does not divide a second is met too; what is left of one stays for the next call. */
static void refill(struct bucket *b, uint64_t per_s, uint64_t now_ns)
{
	uint64_t passed = now_ns > b->at_ns ? now_ns - b->at_ns : 0, back;

	passed = passed < LONG ? passed : LONG;
	back = passed / SECOND * per_s + passed % SECOND * per_s / SECOND;
	if (back >= b->used) {
		b->used = 0;
		b->at_ns = now_ns;
	} else if (back) {
		b->used -= back;
		b->at_ns += back / per_s * SECOND + (back % per_s * SECOND + per_s - 1) / per_s;
	}
}

int bucket_take(struct bucket *bucket, uint64_t n, uint64_t per_s, uint64_t most, uint64_t now_us)
{
	refill(bucket, per_s, now_us * 1000);
	if (n > most || bucket->used > most - n)
		return 0;
	bucket->used += n;
	return 1;
}
