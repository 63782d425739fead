/* See meter.h. */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "signald/daemon.h"
#include "signald/dispatch.h"
#include "signald/meter.h"
#include "signald/readings.h"

struct meter {
	struct daemon *d;
	struct event *timer;
	size_t bandwidth_by;                  /* the first adaptor that counts an ICorp's bytes: others count the same ones */
	struct readings readings[DISPATCH_MAX_ADAPTORS];
};

void meter_reconfigured(struct meter *m)
{
	uint64_t us = m->d->config.measure_us;
	struct timeval tv = { (time_t)(us / CLOCK_S), (suseconds_t)(us % CLOCK_S) };

	event_add(m->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct meter *m = ctx;

	dispatch_query(m->d->dispatch, ADAPTOR_MEASURE, METER_COOKIE);
	meter_reconfigured(m);
}

int meter_new(struct daemon *d, struct meter **out)
{
	struct meter *m = calloc(1, sizeof(*m));

	*out = m;
	if (!m)
		return -ENOMEM;
	m->d = d;
	m->bandwidth_by = DISPATCH_MAX_ADAPTORS;
	m->timer = event_new(loop_base(d->loop), -1, 0, on_timer, m);
	return m->timer ? 0 : -ENOMEM;
}

void meter_free(struct meter *m)
{
	if (!m)
		return;
	if (m->timer)
		event_free(m->timer);
	for (size_t i = 0; i < DISPATCH_MAX_ADAPTORS; i++)
		readings_clear(&m->readings[i]);
	free(m);
}

static size_t number_of(const struct dispatch *d, const char *instance)
{
	const char *name, *type, *reason;
	size_t n = 0;
	int up;

	for (; n < dispatch_count(d); n++) {
		dispatch_nth(d, n, &name, &type, &up, &reason);
		if (!strcmp(name, instance))
			break;
	}
	return n;
}

void meter_answered(struct meter *m, const char *instance, const char *json)
{
	struct daemon *d = m->d;
	uint64_t now_us = clock_now_us();
	size_t by = number_of(d->dispatch, instance), n;
	struct use *use;

	if (!json || by == dispatch_count(d->dispatch))
		return;
	if (readings_take(&m->readings[by], json, now_us, &use, &n)) {
		log_msg(LOG_LEVEL_WARN, "adaptor %s: what it measured cannot be read", instance);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (use[i].resource == RESOURCE_BANDWIDTH && by < m->bandwidth_by)
			m->bandwidth_by = by;
		if (use[i].resource != RESOURCE_BANDWIDTH || by == m->bandwidth_by)
			core_used(d->core, use[i].key, use[i].resource, use[i].used, now_us, &d->actions);
	}
	free(use);
	daemon_run_actions(d);
}
