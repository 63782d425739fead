/* An event stream: whole and byte by byte it must give the same events. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sum(void *ctx, const char *event, const char *data, size_t len)
{
	uint32_t *total = ctx;

	for (; *event; event++)
		*total = *total * 31 + (uint8_t)*event;
	for (size_t i = 0; i < len; i++)
		*total = *total * 31 + (uint8_t)data[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sse whole = { 0 }, bytes = { 0 };
	uint32_t a = 0, b = 0;

	if (sse_feed(&whole, (const char *)data, size, sum, &a))
		abort();
	for (size_t i = 0; i < size; i++)
		if (sse_feed(&bytes, (const char *)data + i, 1, sum, &b))
			abort();
	if (a != b)
		abort();
	sse_clear(&whole);
	sse_clear(&bytes);
	return 0;
}
