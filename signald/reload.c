/* What is read again on SIGHUP. See reload.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "signald/audit.h"
#include "signald/l2.h"
#include "signald/launcher.h"
#include "signald/registrar.h"
#include "signald/reload.h"
#include "signald/session.h"

static int same_ports(const struct core_config *a, const struct core_config *b)
{
	for (unsigned i = 0; i < a->n_ports && a->n_ports == b->n_ports; i++)
		if (strcmp(a->port[i].ifname, b->port[i].ifname))
			return 0;
	return a->n_ports == b->n_ports;
}

/* The first setting that is another now and cannot be changed while we run; NULL: none. */
static const char *fixed(const struct daemon *d, const struct signald_config *config, const struct core_config *core)
{
	const struct core_config *now = &d->core_config;

	return strcmp(core->element, now->element) ? "name" :
	       core->kind != now->kind ? "kind" :
	       core->address.s_addr != now->address.s_addr ? "address" :
	       !same_ports(core, now) ? "the list of ports" :
	       strcmp(config->keyring, d->config.keyring) ? "keyring" :
	       strcmp(config->l2, d->config.l2) ? "l2" :
	       strcmp(config->lldpd_socket, d->config.lldpd_socket) ? "lldpd_socket" : NULL;
}

/* The keys come last of what can fail: whoever reads them leaves them as they were, or has them all. */
int reload_trust(struct daemon *d, const struct signald_config *config, int keys, char *why, size_t room)
{
	struct peer_limits limits = { (uint64_t)config->limit_messages, config->limit_bytes, (uint64_t)config->limit_strangers };
	struct nexthops map = { 0 };
	size_t n;
	struct prefix *allow = signald_config_allow(config, &n);
	int r = allow ? 0 : -ENOMEM;

	snprintf(why, room, "out of memory");
	if (!r && l2_source(config) != L2_GATEKEEPER)
		r = l2_from_config(config, &map, why, room);
	if (!r && *config->keyring) {
		r = peers_read_keys(d->peers, keys, config->keyring, why, room);
		keys = -1;
	}
	if (keys >= 0)
		close(keys);
	if (r) {
		free(allow);
		nexthops_clear_map(&map);
		return r;
	}
	peers_restrict(d->peers, allow, n, &limits);
	if (l2_source(config) != L2_GATEKEEPER)
		nexthops_take_map(l2_source(config) == L2_CONFIG ? &d->nexthops : &d->sections, &map);
	return 0;
}

/* What can be found wrong comes first: then nothing has been changed yet. */
static int apply(struct daemon *d, const struct signald_config *config, struct core_config *core, char *why, size_t room)
{
	const char *changed = fixed(d, config, core);
	int r;

	if (changed) {
		snprintf(why, room, "%s is another, and that needs a restart", changed);
		return -EINVAL;
	}
	r = reload_trust(d, config, *config->keyring ? launcher_open(d->launcher, LAUNCHER_KEYRING) : -1, why, room);
	if (r)
		return r;
	core->seed = d->core_config.seed;
	core->epoch = d->core_config.epoch;
	core->instance = d->core_config.instance;
	d->core_config = *core;
	core_reconfigure(d->core, core);
	d->config.audit_us = config->audit_us;
	audit_reconfigured(d->audit);
	if (l2_source(config) == L2_CONFIG)
		l2_told(d);
	l2_lldpd_reload(d->lldpd);
	core_reapply(d->core, DISPATCH_ALL, clock_now_us()); /* lifetimes and keys are in the terms */
	daemon_settle(d);
	return 0;
}

void reload_all(void *ctx)
{
	struct daemon *d = ctx;
	struct signald_config config;
	struct core_config core;
	struct config_error error;
	char why[256];

	if (signald_config_read(launcher_open(d->launcher, LAUNCHER_CONFIG), d->config_file, &config, &core, &error)) {
		log_msg(LOG_LEVEL_ERROR, "not reloaded: %s", error.text);
		return;
	}
	if (apply(d, &config, &core, why, sizeof(why)))
		log_msg(LOG_LEVEL_ERROR, "not reloaded: %s", why);
	else
		log_msg(LOG_LEVEL_INFO, "reloaded: sizes, ports' speeds, timers, the audits' interval, limits, neighbours and keys; the rest needs a restart");
	signald_config_free(&config);
	registrar_changed(d->registrar);
}
