/* Audits (audit.h). An answer that does not come is the next audit's: nothing is kept of one under way. */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/writer.h"
#include "signald/audit.h"
#include "signald/daemon.h"
#include "signald/registrar.h"
#include "signald/session.h"

struct audit {
	struct daemon *d;
	struct event *timer;
	int begun;
	struct audit_counts counts[DISPATCH_MAX_ADAPTORS];
};

static void ask(struct audit *a, uint16_t adaptors)
{
	struct core *core = a->d->core;
	size_t n = 0;
	struct adaptor_key *keys = calloc(core_sessions(core) + 1, sizeof(*keys));

	for (const struct session *s = core_session_next(core, NULL); keys && s; s = core_session_next(core, s))
		if (core_in_force(s))
			keys[n++] = s->key;
	if (keys)
		dispatch_audit(a->d->dispatch, adaptors, keys, n);
	free(keys);
}

static void set_timer(struct audit *a)
{
	uint64_t us = a->d->config.audit_us;
	struct timeval tv = { (time_t)(us / CLOCK_S), (suseconds_t)(us % CLOCK_S) };

	event_add(a->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	audit_begin(ctx);
}

int audit_new(struct daemon *d, struct audit **out)
{
	struct audit *a = calloc(1, sizeof(*a));

	*out = a;
	if (!a)
		return -ENOMEM;
	a->d = d;
	a->timer = event_new(loop_base(d->loop), -1, 0, on_timer, a);
	return a->timer ? 0 : -ENOMEM;
}

void audit_free(struct audit *a)
{
	if (a && a->timer)
		event_free(a->timer);
	free(a);
}

void audit_begin(struct audit *a)
{
	a->begun = 1;
	ask(a, DISPATCH_ALL);
	set_timer(a);
}

void audit_restarted(struct audit *a, uint16_t adaptors)
{
	if (a->begun)
		ask(a, adaptors);
}

void audit_reconfigured(struct audit *a)
{
	if (a->begun)
		set_timer(a);
}

void audit_answered(struct audit *a, size_t n, const char *instance, const struct adaptor_answer *answer)
{
	struct audit_counts *c = &a->counts[n];

	snprintf(c->reason, sizeof(c->reason), "%s", answer->result.error ? answer->result.reason : "");
	c->orphans += answer->orphans;
	c->repaired += answer->repaired;
	if (answer->result.error) {
		c->failed++;
		log_msg(LOG_LEVEL_WARN, "adaptor %s: the audit failed: %s", instance, answer->result.reason);
	} else {
		c->done++;
		c->last_us = clock_now_us();
	}
	if (!answer->orphans && !answer->repaired)
		return;
	log_msg(LOG_LEVEL_WARN, "adaptor %s: the audit removed %u orphans and repaired %u", instance, answer->orphans,
		answer->repaired);
	registrar_changed(a->d->registrar);
}

const struct audit_counts *audit_counts(const struct audit *a, size_t n)
{
	return &a->counts[n];
}

int audit_command(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct daemon *d = ctx;

	if (!d->audit->begun) {
		control_fail(reply, "not before the recovery time is over: what is here may still be claimed (show status)");
		return -EBUSY;
	}
	audit_begin(d->audit);
	writer_uint(w, "asked", dispatch_count(d->dispatch));
	return 0;
}
