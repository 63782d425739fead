/*
 * icorp-proxy's configuration file.
 */
#ifndef ICORP_PROXY_SETTINGS_H
#define ICORP_PROXY_SETTINGS_H

#include "lib/config.h"

struct proxy_config {
	char *name;                   /* the element, for logs */
	char *control;
	char *log_level;
	int addresses, kernel, test_clock;
	int64_t max_icorps, max_connections, max_connections_per_icorp, max_pipes, backlog, connect_attempts;
	uint64_t connect_timeout_us, idle_timeout_us, dead_peer_us, check_interval_us, eject_min_us, eject_max_us,
		 audit_us;
};

extern const struct config_row proxy_config_rows[];

#endif
