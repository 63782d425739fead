/* What is read again on SIGHUP. See reload.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "signald/audit.h"
#include "signald/meter.h"
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

/* What was read, until the keyring is there, too. One at a time: what is asked for meanwhile begins when it is done. */
struct reload { struct signald_config config; struct core_config core; int again; };

static void take(struct daemon *d, const struct signald_config *config, struct core_config *core)
{
	core->seed = d->core_config.seed;
	core->epoch = d->core_config.epoch;
	core->instance = d->core_config.instance;
	d->core_config = *core;
	core_reconfigure(d->core, core);
	d->config.audit_us = config->audit_us;
	audit_reconfigured(d->audit);
	d->config.measure_us = config->measure_us;
	meter_reconfigured(d->meter);
	if (l2_source(config) == L2_CONFIG)
		l2_told(d);
	l2_lldpd_reload(d->lldpd);
	core_reapply(d->core, DISPATCH_ALL, clock_now_us()); /* lifetimes and keys are in the terms */
	daemon_settle(d);
}

static void end(struct daemon *d, const char *wrong)
{
	int again = d->reload->again;

	if (wrong)
		log_msg(LOG_LEVEL_ERROR, "not reloaded: %s", wrong);
	else
		log_msg(LOG_LEVEL_INFO, "reloaded: sizes, ports' speeds, timers, the intervals of audits and measurements, limits, neighbours and keys; the rest needs a restart");
	signald_config_free(&d->reload->config);
	free(d->reload);
	d->reload = NULL;
	registrar_changed(d->registrar);
	if (again)
		reload_all(d);
}

/* All is read. What can be found wrong comes first: then nothing has been changed yet. */
static void on_keys(void *ctx, int keys, pid_t none)
{
	struct daemon *d = ctx;
	char why[256];
	int r = reload_trust(d, &d->reload->config, keys, why, sizeof(why));

	if (!r)
		take(d, &d->reload->config, &d->reload->core);
	end(d, r ? why : NULL);
}

static void on_config(void *ctx, int fd, pid_t none)
{
	struct daemon *d = ctx;
	struct config_error error;
	const char *changed;
	char why[256];
	int r = signald_config_read(fd, d->config_file, &d->reload->config, &d->reload->core, &error);

	if (r) {
		memset(&d->reload->config, 0, sizeof(d->reload->config)); /* freed already */
		end(d, error.text);
		return;
	}
	changed = fixed(d, &d->reload->config, &d->reload->core);
	if (changed) {
		snprintf(why, sizeof(why), "%s is another, and that needs a restart", changed);
		end(d, why);
		return;
	}
	if (!*d->reload->config.keyring) {
		on_keys(d, -1, 0);
		return;
	}
	r = launcher_ask_file(d->launcher, LAUNCHER_KEYRING, on_keys, d);
	if (r)
		end(d, strerror(-r));
}

void reload_all(void *ctx)
{
	struct daemon *d = ctx;
	int r;

	if (d->reload) {
		d->reload->again = 1;
		return;
	}
	d->reload = calloc(1, sizeof(*d->reload));
	r = d->reload ? launcher_ask_file(d->launcher, LAUNCHER_CONFIG, on_config, d) : -ENOMEM;
	if (!r)
		return;
	log_msg(LOG_LEVEL_ERROR, "not reloaded: %s", strerror(-r));
	reload_free(d);
}

void reload_free(struct daemon *d)
{
	if (d->reload)
		signald_config_free(&d->reload->config);
	free(d->reload);
	d->reload = NULL;
}
