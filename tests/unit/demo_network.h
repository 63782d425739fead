/*
 * The demo's network, for units that run ICorps on it: each from ar1, its leader, to all its endpoints.
 *
 *   ar1 --+                                    +-- srv1
 *         s1 -- r1 ======== r2 -- (lsw) -- s2 -+
 *   ar2 --+                                    +-- srv2
 */
#ifndef ICORP_TESTS_UNIT_DEMO_NETWORK_H
#define ICORP_TESTS_UNIT_DEMO_NETWORK_H

#include "tests/unit/network.h"

static const char *const servers[] = { "srv1", "srv2" }, *const access_routers[] = { "ar1", "ar2" };
static const char *const hops[] = { "ar1", "ar2", "s1", "r1", "r2", "s2", "srv1", "srv2" };

/* ICorps 1 to n have just been asked for. */
static inline struct sim *start(uint64_t rate_bps, uint32_t n)
{
	struct sim *sim = calm_sim();

	for (uint32_t id = 1; id <= n; id++) {
		originate(sim, sim_contract(sim, id, 1, servers, 2, access_routers, 2, rate_bps));
	}
	return sim;
}

#endif
