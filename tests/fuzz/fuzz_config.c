/* A configuration file, in bytes of any kind. What loads must be freed whole; what does not must say why and leave nothing. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/config_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sample nothing;
	struct sample s = { 0 };
	struct config_error error;
	char path[64];
	int fd = memfd_create("config", MFD_CLOEXEC), r;

	if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = config_load(path, sample_rows, &s, &error);
	if (!r && (!s.name || s.count < 1 || s.count > 100 || s.ports.n > 3))
		abort();
	if (r && (!*error.text || memcmp(&s, &nothing, sizeof(s))))
		abort();
	config_free(sample_rows, &s);
	if (memcmp(&s, &nothing, sizeof(s)))
		abort();
	close(fd);
	return 0;
}
