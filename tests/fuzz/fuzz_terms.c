/* What an adaptor process reads: a frame, and in it terms. What decodes must encode to the same bytes again. */
#include <stdlib.h>
#include <string.h>

#include "adaptors/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct adaptor_terms terms;
	struct protocol_buffer b = { 0 };
	struct protocol_frame frame;
	uint8_t *again;
	size_t len;

	if (!terms_decode(data, size, &terms)) {
		if (terms_encode(&terms, &again, &len) || len != size)
			abort();
		free(again);
		terms_clear(&terms);
	}
	if (!protocol_reserve(&b, size ? size : 1)) {
		if (size)
			memcpy(b.data, data, size);
		b.len = size;
		while (protocol_next(&b, &frame) > 0) {
			struct wire w = wire_reader(frame.body, frame.len);
			struct adaptor_result result;

			protocol_result(&w, &result);
		}
	}
	protocol_free(&b);
	return 0;
}
