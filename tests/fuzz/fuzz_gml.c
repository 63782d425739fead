/* A published topology in bytes of any kind: what is read becomes a network, or says why not and leaves nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct network nothing;
	char why[256] = "";
	struct network n;
	struct topo topo;
	int r = network_parse_gml("input", (const char *)data, size, &n, why, sizeof(why));

	if (r) {
		if (!*why || memcmp(&n, &nothing, sizeof(n)))
			abort();
		return 0;
	}
	if (!n.n_nodes)
		abort();
	if (n.n_nodes < 64) { /* attaching is quadratic */
		r = network_attach(&n, size, &topo);
		if (r && r != -E2BIG)
			abort();
		topo_free(&topo);
	}
	network_free(&n);
	return 0;
}
