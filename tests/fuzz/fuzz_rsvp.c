/*
 * The codec under arbitrary bytes: whatever decodes must encode again, and decode to as many entries. The first byte
 * chooses whether the checksum is made right first, so that the fuzzer need not guess it.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/rsvp.h"
#include "lib/rsvp_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct rsvp_msg *first)
{
	static uint8_t buffer[RSVP_MAX_SIZE];
	struct rsvp_msg second = { 0 };
	int len = rsvp_encode(first, RSVP_ENTERPRISE, NULL, buffer, sizeof(buffer));

	/* a body may say it is larger than a datagram can carry together with its lists: that is refused, not cut */
	if (len > 0 && (rsvp_decode(buffer, (size_t)len, RSVP_ENTERPRISE, &second, NULL) ||
			second.s2l.n != first->s2l.n || second.grants.n != first->grants.n ||
			second.demands.n != first->demands.n || second.loads.n != first->loads.n))
		abort();
	rsvp_msg_free(&second);
}

/* As a Bundle: every message lies inside, and there is an end. */
static void walk(const uint8_t *data, size_t size)
{
	const uint8_t *message;
	size_t at = 0, len;

	while (rsvp_bundle_next(data, size, &at, &message, &len) == 1)
		if (message < data || len > size || message + len > data + size)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rsvp_msg msg;
	struct rsvp_auth auth;
	uint8_t *copy;

	if (size < 1 + RSVP_HEADER_SIZE || size > RSVP_MAX_SIZE)
		return 0;
	copy = malloc(size - 1);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1) {
		copy[2] = copy[3] = 0;
		copy[6] = (uint8_t)((size - 1) >> 8);
		copy[7] = (uint8_t)(size - 1);
	}
	rsvp_auth_peek(copy, size - 1, &auth);
	walk(copy, size - 1);
	if (!rsvp_decode(copy, size - 1, RSVP_ENTERPRISE, &msg, NULL))
		again(&msg);
	free(copy);
	return 0;
}
