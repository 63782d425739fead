/*
 * Putting the gatekeeper together and taking it apart (gatekeeper.h). The order matters once: what the store holds is
 * loaded before anybody can connect, and connections go before what they use.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/control.h"
#include "gatekeeper/dns.h"
#include "gatekeeper/elements.h"
#include "gatekeeper/events.h"
#include "gatekeeper/gatekeeper.h"
#include "gatekeeper/handlers.h"
#include "gatekeeper/icorps.h"
#include "gatekeeper/l2map.h"
#include "gatekeeper/server.h"
#include "gatekeeper/tokens.h"
#include "gatekeeper/waits.h"
#include "gatekeeper/work.h"
#include "lib/clock.h"
#include "lib/control.h"
#include "lib/log.h"

static int load_tokens(struct gatekeeper *gk, char *why, size_t room)
{
	gk->tokens = tokens_new();
	if (!gk->tokens)
		return -ENOMEM;
	for (size_t i = 0; i < gk->config->tokens.n; i++) {
		int err = tokens_load(gk->tokens, gk->config->tokens.item[i], why, room);

		if (err < 0)
			return err;
	}
	return 0;
}

static int start(struct gatekeeper *gk, char *why, size_t room)
{
	const struct gk_config *config = gk->config;
	int err = load_tokens(gk, why, room);

	if (!err)
		err = store_open(config->store, &gk->store, why, room);
	if (!err)
		err = l2map_new(gk, &gk->l2map);
	if (!err)
		err = elements_new(gk, &gk->elements);
	if (!err)
		err = work_new(gk, &gk->work);
	if (!err)
		err = waits_new(gk, api_waited, &gk->waits);
	if (!err)
		err = dns_new(gk, &gk->dns, why, room);
	if (!err)
		err = icorps_new(gk, &gk->icorps);
	if (!err)
		err = events_new(gk, &gk->events);
	if (!err)
		err = server_new(gk, &gk->server, why, room);
	if (!err && config->control[0]) {
		err = control_listen(gk->base, config->control, control_commands, gk, 0, &gk->control);
		if (err < 0)
			snprintf(why, room, "control socket %s: %s", config->control, strerror(-err));
	}
	return err;
}

int gatekeeper_new(struct event_base *base, const struct gk_config *config, struct gatekeeper **out, char *why,
		   size_t room)
{
	struct gatekeeper *gk = calloc(1, sizeof(*gk));
	int err;

	if (!gk)
		return -ENOMEM;
	gk->base = base;
	gk->config = config;
	gk->started_us = clock_now_us();
	snprintf(why, room, "out of memory");
	err = start(gk, why, room);
	if (err) {
		gatekeeper_free(gk);
		return err;
	}
	log_msg(LOG_LEVEL_INFO, "%zu ICorps and %zu elements known; listening at %s, port %u%s", icorps_count(gk->icorps),
		elements_count(gk->elements), config->listen, gatekeeper_port(gk), config->tls_cert[0] ? " (TLS)" : "");
	*out = gk;
	return 0;
}

void gatekeeper_free(struct gatekeeper *gk)
{
	if (!gk)
		return;
	control_close(gk->control);
	waits_free(gk->waits);
	work_free(gk->work);
	gk->work = NULL;
	events_free(gk->events);
	gk->events = NULL;
	server_free(gk->server);
	icorps_free(gk->icorps);
	dns_free(gk->dns);
	l2map_free(gk->l2map);
	elements_free(gk->elements);
	store_close(gk->store);
	tokens_free(gk->tokens);
	free(gk);
}

uint16_t gatekeeper_port(const struct gatekeeper *gk)
{
	return server_port(gk->server);
}
