/*
 * The proxy as a whole: what it needs from the machine at start, what it takes back at the end, and the audit that
 * puts right in between what others have undone (a flushed ruleset, a removed address).
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/address.h"
#include "proxy/settings.h"
#include "proxy/kernel.h"
#include "proxy/nft.h"
#include "proxy/pump.h"
#include "proxy/relay.h"

#define PROXY_SPARE_FILES 128     /* listening sockets, control, netlink, probes */
#define PROXY_WARP_LOOK (50 * CLOCK_MS)

/* Takes all the open files it may have, and fits the connections into them. */
static void fit_files(struct proxy *proxy)
{
	const struct proxy_config *config = proxy->config;
	uint64_t room, reserved = PROXY_SPARE_FILES + 2 * (uint64_t)config->max_pipes;
	struct rlimit limit;

	proxy->max_conns = (unsigned)config->max_connections;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return;
	room = limit.rlim_cur > reserved + 2 ? (limit.rlim_cur - reserved) / 2 : 1;
	if (room >= proxy->max_conns)
		return;
	log_msg(LOG_LEVEL_WARN, "max_connections: %u do not fit into %llu open files: %llu", proxy->max_conns,
		(unsigned long long)limit.rlim_cur, (unsigned long long)room);
	proxy->max_conns = (unsigned)room;
}

static void on_retry(struct timer *timer, uint64_t now_us)
{
	relay_resume((struct proxy *)((char *)timer - offsetof(struct proxy, retry)));
}

static void on_audit(struct timer *timer, uint64_t now_us)
{
	struct proxy *proxy = (struct proxy *)((char *)timer - offsetof(struct proxy, audit));

	table_audit(proxy);
	timer_set(proxy->timers, timer, now_us + proxy->config->audit_us);
}

/* What the configuration asks of the kernel. */
static int open_kernel(struct proxy *proxy, char *why, size_t room)
{
	if (proxy->config->addresses && !(proxy->addresses = addresses_new(why, room)))
		return -1;
	if (proxy->config->kernel && !(proxy->kernel = kernel_open(why, room)))
		return -1;
	return 0;
}

struct proxy *proxy_new(struct event_base *base, const struct proxy_config *config, char *why, size_t room)
{
	struct proxy *proxy = calloc(1, sizeof(*proxy));

	snprintf(why, room, "out of memory");
	if (!proxy)
		return NULL;
	proxy->base = base;
	proxy->config = config;
	proxy->retry.fire = on_retry;
	proxy->audit.fire = on_audit;
	fit_files(proxy);
	proxy->timers = timers_new(base, config->test_clock ? PROXY_WARP_LOOK : 0);
	proxy->pipes = pipe_pool_new((unsigned)config->max_pipes);
	if (!proxy->timers || !proxy->pipes || open_kernel(proxy, why, room) ||
	    (config->audit_us && timer_set(proxy->timers, &proxy->audit, clock_now_us() + config->audit_us))) {
		proxy_free(proxy);
		return NULL;
	}
	return proxy;
}

void proxy_free(struct proxy *proxy)
{
	if (!proxy)
		return;
	while (!LIST_EMPTY(&proxy->icorps))
		table_unset(proxy, LIST_FIRST(&proxy->icorps)->spec.key);
	kernel_close(proxy->kernel);
	addresses_free(proxy->addresses);
	pipe_pool_free(proxy->pipes);
	timers_free(proxy->timers);
	free(proxy);
}

static int rebuild(struct proxy *proxy, char *why, size_t room)
{
	struct kernel_icorp **all = calloc(proxy->n_icorps + 1, sizeof(struct kernel_icorp *));
	struct icorp *icorp;
	size_t n = 0;
	int err;

	if (!all)
		return -ENOMEM;
	LIST_FOREACH(icorp, &proxy->icorps, link)
		if (icorp->installed)
			all[n++] = icorp->installed;
	err = kernel_rebuild(proxy->kernel, all, n, why, room);
	free(all);
	return err;
}

int table_audit(struct proxy *proxy)
{
	char why[256] = "";
	int n = proxy->addresses ? addresses_audit(proxy->addresses) : 0;

	if (n < 0)
		log_msg(LOG_LEVEL_ERROR, "audit of the addresses: %s", strerror(-n));
	else if (n)
		log_msg(LOG_LEVEL_WARN, "audit: %d addresses on lo put right", n);
	if (!proxy->kernel || kernel_intact(proxy->kernel))
		return n;
	if (rebuild(proxy, why, sizeof(why))) {
		log_msg(LOG_LEVEL_ERROR, "audit: the nftables table is not as it should be: %s", why);
		return -EIO;
	}
	log_msg(LOG_LEVEL_WARN, "audit: someone had changed the nftables table; rebuilt");
	return n < 0 ? n : n + 1;
}
