/* Another layer-2 map. See l2.h. */
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "signald/daemon.h"
#include "signald/l2.h"
#include "signald/restart.h"

enum l2_source l2_source(const struct signald_config *config)
{
	return !strcmp(config->l2, "config") ? L2_CONFIG : !strcmp(config->l2, "lldpd") ? L2_LLDPD : L2_GATEKEEPER;
}

void l2_told(struct daemon *d)
{
	log_msg(LOG_LEVEL_INFO, "L2 map: %zu controllers, %zu links", d->nexthops.n_nodes, d->nexthops.n_links);
	core_routes(d->core, clock_now_us(), &d->actions);
	daemon_run_actions(d);
}

void l2_take(struct daemon *d, struct nexthops *fresh)
{
	if (nexthops_take_map(&d->nexthops, fresh))
		l2_told(d);
	restart_mapped(d);
}
