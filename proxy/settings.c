/*
 * The settings as data (lib/config.h). What man/icorp-proxy.8 lists; `icorp-proxy -t` checks a file against it.
 */
#include "config.h"

#include "proxy/settings.h"

#include <stddef.h>

#define ROW(n, t, member, d, lo, hi, text) \
	{ .name = n, .type = t, .offset = offsetof(struct proxy_config, member), .deflt = d, .min = lo, .max = hi, \
	  .help = text }

const struct config_row proxy_config_rows[] = {
	ROW("name", CONFIG_STRING, name, "proxy", 0, 0, "the element's name, in log lines"),
	ROW("control", CONFIG_STRING, control, NULL, 0, 0, "path of the control socket"),
	{ .name = "log", .type = CONFIG_STRING, .offset = offsetof(struct proxy_config, log_level), .deflt = "info",
	  .choices = "error|warn|info|debug", .help = "what is logged" },
	ROW("addresses", CONFIG_BOOL, addresses, "true", 0, 0,
	    "put public and source addresses on the loopback interface"),
	ROW("kernel", CONFIG_BOOL, kernel, "true", 0, 0, "offer the kernel path (nftables)"),
	ROW("max_icorps", CONFIG_INT, max_icorps, "1024", 1, 65535, "ICorps served at a time"),
	ROW("max_connections", CONFIG_INT, max_connections, "8192", 1, 1000000,
	    "relayed connections open at a time; more wait in the backlog"),
	ROW("max_connections_per_icorp", CONFIG_INT, max_connections_per_icorp, "4096", 1, 1000000,
	    "of those, one ICorp's share at most"),
	ROW("max_pipes", CONFIG_INT, max_pipes, "256", 0, 100000, "pipes for bulk transfers (two open files each)"),
	ROW("backlog", CONFIG_INT, backlog, "1024", 1, 65535, "connections waiting to be accepted per service"),
	ROW("connect_attempts", CONFIG_INT, connect_attempts, "3", 1, 8, "servers tried per connection"),
	ROW("connect_timeout", CONFIG_TIME, connect_timeout_us, "1s", 10e3, 60e6, "per attempt"),
	ROW("idle_timeout", CONFIG_TIME, idle_timeout_us, "10m", 1e6, 86400e6, "connections without traffic end"),
	ROW("dead_peer", CONFIG_TIME, dead_peer_us, "30s", 1e6, 3600e6,
	    "peers that acknowledge nothing for that long are given up"),
	ROW("check_interval", CONFIG_TIME, check_interval_us, "5s", 0, 3600e6,
	    "servers are probed that often by connecting; 0s: only when they have failed"),
	ROW("eject_min", CONFIG_TIME, eject_min_us, "1s", 1e3, 3600e6, "a server that failed is left out for that long"),
	ROW("eject_max", CONFIG_TIME, eject_max_us, "60s", 1e3, 3600e6, "… doubling with each failure up to this"),
	ROW("audit", CONFIG_TIME, audit_us, "30s", 0, 3600e6,
	    "compare the kernel's state with what it should be that often; 0s: never"),
	ROW("test_clock", CONFIG_BOOL, test_clock, "false", 0, 0, "allow time/stop and time/warp on the control socket"),
	{ .name = NULL },
};
#undef ROW
