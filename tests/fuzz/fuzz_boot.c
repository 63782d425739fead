/*
 * boot.json: whatever comes in, it is parsed or refused, and everything is freed.
 */
#include <stddef.h>
#include <stdint.h>

#include "agent/boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boot boot = { 0 };
	struct boot_error error;

	if (!boot_parse((const char *)data, size, &boot, &error))
		boot_clear(&boot);
	return 0;
}
