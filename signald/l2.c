/* Another layer-2 map. See l2.h. */
#include "lib/clock.h"
#include "lib/log.h"
#include "signald/daemon.h"
#include "signald/l2.h"
#include "signald/restart.h"

void l2_told(struct daemon *d)
{
	log_msg(LOG_LEVEL_INFO, "L2 map: %zu controllers, %zu links", d->nexthops.n_nodes, d->nexthops.n_links);
	core_routes(d->core, clock_now_us(), &d->actions);
	daemon_run_actions(d);
	restart_mapped(d);
}
