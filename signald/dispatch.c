/*
 * Fan-out to the adaptors. See dispatch.h. A commit in progress is one `job`: a bit per adaptor still to answer. A newer
 * apply of the same session takes the job over; its cookie tells old answers from new ones. An adaptor that is down keeps
 * its part waiting: the client re-sends when it is back. Between commits there is no job: the caller keeps the bits of the
 * adaptors concerned.
 *
 * What an adaptor had answered is lost with its process. Sessions at rest are the caller's to apply again (restarted); a
 * commit that still waits for another adaptor is marked, and applied again when it is done (lost).
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/keymap.h"
#include "adaptors/protocol.h"
#include "lib/log.h"
#include "lib/writer.h"
#include "signald/dispatch.h"
#include "signald/launcher.h"
#include "signald/plan.h"

#define MAX_SPARE 64          /* jobs kept for the next commits */
#define RENEW_GATHER_MS 100   /* for so long sessions to be renewed are gathered: one request for all */

struct job {
	struct keymap_entry entry;      /* first; or the next spare one */
	uint64_t cookie;
	uint16_t waiting;               /* adaptors that have not answered */
	uint16_t held;                  /* adaptors that may hold something of it */
	int lost;                       /* one of them answered, and died: to be applied again */
	struct adaptor_result result;   /* what was answered so far */
};

struct slot {
	struct launcher *launcher; unsigned index;   /* who starts it, as which adaptor */
	struct adaptor_client *client;
	char reason[ADAPTOR_REASON];
	struct adaptor_key *renew; size_t n_renew;   /* to be renewed; room for PROTOCOL_MAX_KEYS, once needed */
};

struct dispatch {
	struct dispatch_hooks hooks;
	unsigned n;
	struct slot slot[DISPATCH_MAX_ADAPTORS];
	struct keymap jobs;
	struct keymap_entry *spare; unsigned n_spare;
	struct event *renew_timer;
};

static struct job *job_find(const struct dispatch *d, struct adaptor_key key)
{
	return (struct job *)keymap_find(&d->jobs, key);
}

/* The session's job, made if need be, as if it were new. NULL: no memory. */
static struct job *job_begin(struct dispatch *d, struct adaptor_key key)
{
	struct job *job = job_find(d, key);

	if (!job && d->spare) {
		job = (struct job *)d->spare;
		d->spare = d->spare->next;
		d->n_spare--;
	} else if (job) {
		keymap_remove(&d->jobs, &job->entry);
	} else {
		job = malloc(sizeof(*job));
	}
	if (!job)
		return NULL;
	memset(job, 0, sizeof(*job));
	job->entry.key = key;
	if (keymap_add(&d->jobs, &job->entry)) {
		free(job);
		return NULL;
	}
	return job;
}

static void job_end(struct dispatch *d, struct job *job)
{
	keymap_remove(&d->jobs, &job->entry);
	if (d->n_spare == MAX_SPARE) {
		free(job);
		return;
	}
	job->entry.next = d->spare;
	d->spare = &job->entry;
	d->n_spare++;
}

static unsigned index_of(const struct dispatch *d, const struct adaptor_client *client)
{
	unsigned i = 0;

	while (i < d->n && d->slot[i].client != client)
		i++;
	return i;
}

/* Whose word of one resource counts: whose outcome is the worst, of those who do all of it who holds to it most. */
static int counts_more(const struct adaptor_grant *a, const struct adaptor_grant *b)
{
	int worst_a = a->outcome > OUTCOME_APPLIED ? a->outcome : 0, worst_b = b->outcome > OUTCOME_APPLIED ? b->outcome : 0;

	return worst_a != worst_b ? worst_a > worst_b : a->enforcement > b->enforcement;
}

/* The reasons of two that count alike, in an order that does not depend on who answered first: it would be news each time. */
static void join_reasons(struct adaptor_grant *g, const char *other)
{
	int cmp = strcmp(g->reason, other);
	char text[2 * ADAPTOR_REASON + 2];

	if (!cmp || !*other)
		return;
	if (g->reason[0])
		snprintf(text, sizeof(text), "%s; %s", cmp < 0 ? g->reason : other, cmp < 0 ? other : g->reason);
	else
		snprintf(text, sizeof(text), "%s", other);
	text[ADAPTOR_REASON - 1] = '\0';
	memcpy(g->reason, text, ADAPTOR_REASON);
}

void dispatch_merge(struct adaptor_result *into, const struct adaptor_result *from, const char *instance)
{
	if (from->error && !into->error) {
		into->error = from->error;
		snprintf(into->reason, sizeof(into->reason), "%.30s: %.90s", instance,
			 *from->reason ? from->reason : strerror(-from->error));
	}
	for (unsigned i = 0; i < from->n_grants; i++) {
		unsigned k = 0;

		while (k < into->n_grants && into->grants[k].resource != from->grants[i].resource)
			k++;
		if (k == into->n_grants) {
			if (k == ADAPTOR_MAX_GRANTS)
				continue;
			into->grants[into->n_grants++] = from->grants[i];
			continue;
		}
		struct adaptor_grant more = from->grants[i], less = into->grants[k];

		if (!counts_more(&more, &less)) {
			more = into->grants[k];
			less = from->grants[i];
		}
		if (!more.reason[0] || !counts_more(&more, &less))
			join_reasons(&more, less.reason);
		into->grants[k] = more;
	}
}

static void job_answered(struct dispatch *d, struct job *job)
{
	struct job was = *job;

	if (job->waiting)
		return;
	job_end(d, job);
	d->hooks.applied(d->hooks.ctx, was.entry.key, was.cookie, &was.result);
	if (was.lost)
		d->hooks.lost(d->hooks.ctx, was.entry.key);
}

static void on_applied(struct dispatch *d, unsigned slot, const struct adaptor_answer *answer)
{
	struct job *job = job_find(d, answer->key);

	if (!job || answer->cookie != job->cookie || !(job->waiting & 1u << slot))
		return;
	if (answer->result.error == -EAGAIN) {
		struct adaptor_result put_off = { 0 };

		dispatch_merge(&put_off, &answer->result, adaptor_client_instance(d->slot[slot].client));
		d->hooks.applied(d->hooks.ctx, answer->key, answer->cookie, &put_off);
		return;
	}
	job->waiting &= (uint16_t)~(1u << slot);
	dispatch_merge(&job->result, &answer->result, adaptor_client_instance(d->slot[slot].client));
	job_answered(d, job);
}

static void on_answer(void *ctx, struct adaptor_client *client, const struct adaptor_answer *answer)
{
	struct dispatch *d = ctx;
	unsigned slot = index_of(d, client);

	if (slot == d->n)
		return;
	switch (answer->request) {
	case ADAPTOR_APPLY:
		on_applied(d, slot, answer);
		break;
	case ADAPTOR_PORTS:
		if (!answer->result.error && answer->json)
			d->hooks.ports(d->hooks.ctx, answer->json);
		break;
	case ADAPTOR_INVENTORY:
		d->hooks.found(d->hooks.ctx, slot, answer->result.error ? NULL : answer->json, answer->result.reason);
		break;
	case ADAPTOR_SHOW:
	case ADAPTOR_MEASURE:
		d->hooks.shown(d->hooks.ctx, answer->cookie, adaptor_client_instance(client), answer->json,
			       answer->result.error ? answer->result.reason : NULL);
		break;
	case ADAPTOR_AUDIT:
		d->hooks.audited(d->hooks.ctx, slot, adaptor_client_instance(client), answer);
		break;
	case ADAPTOR_RENEW:
		for (size_t i = 0; i < answer->n_keys; i++)
			d->hooks.lost(d->hooks.ctx, answer->keys[i]);
		break;
	default:
		break;
	}
}

/* Commits under way that it had answered: what it did is to be done again. */
static void mark_lost(struct dispatch *d, unsigned slot)
{
	for (struct keymap_entry *at = NULL; (at = keymap_next(&d->jobs, at));) {
		struct job *job = (struct job *)at;

		job->lost |= (job->held & ~job->waiting) >> slot & 1;
	}
}

static void on_state(void *ctx, struct adaptor_client *client, enum adaptor_state state, const char *why)
{
	static const char *const names[] = { "down", "up", "waits", "waits no more" };
	struct dispatch *d = ctx;
	unsigned slot = index_of(d, client);

	log_msg(state == ADAPTOR_DOWN || state == ADAPTOR_WAITS ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "adaptor %s: %s%s%s",
		adaptor_client_instance(client), names[state], *why ? ": " : "", why);
	if (slot == d->n)
		return;
	snprintf(d->slot[slot].reason, sizeof(d->slot[slot].reason), "%s%s", state == ADAPTOR_WAITS ? "waits for " : "",
		 why);
	if (state == ADAPTOR_DOWN)
		mark_lost(d, slot);
	if (state == ADAPTOR_STARTED && dispatch_ask_inventory(d, slot))
		d->hooks.found(d->hooks.ctx, slot, NULL, strerror(ENOMEM));
	if (state == ADAPTOR_STARTED)
		d->hooks.restarted(d->hooks.ctx, (uint16_t)(1u << slot));
	d->hooks.state(d->hooks.ctx);
}

static void on_process(void *ctx, int fd, pid_t pid)
{
	adaptor_client_started(((struct slot *)ctx)->client, fd, pid);
}

/* The first time it is waited for: what cannot be started at all is said at once. Later nobody waits. */
static int start_process(void *ctx, pid_t *pid)
{
	struct slot *slot = ctx;
	int r;

	if (!slot->client)
		return launcher_adaptor(slot->launcher, slot->index, pid);
	r = launcher_ask_adaptor(slot->launcher, slot->index, on_process, slot);
	return r ? r : -EINPROGRESS;
}

static int start(struct event_base *base, struct dispatch *d, struct launcher *launcher, const struct config_adaptor *from)
{
	struct slot *slot = &d->slot[d->n];
	struct adaptor_client_options how = { .instance = from->title, .type = from->type, .start = start_process, .ctx = slot };

	slot->launcher = launcher;
	slot->index = d->n;
	slot->client = adaptor_client_new(base, &how, on_answer, on_state, d);
	snprintf(slot->reason, sizeof(slot->reason), "starting");
	if (!slot->client) {
		int r = errno ? -errno : -ENOMEM;

		log_msg(LOG_LEVEL_ERROR, "adaptor %s: type \"%s\" cannot be started: %s", from->title, from->type,
			r == -ENOENT ? "no such technology or program" : strerror(-r));
		return r;
	}
	d->n++;
	return 0;
}

static void flush_renewals(struct slot *slot)
{
	if (slot->n_renew)
		adaptor_client_renew(slot->client, slot->renew, slot->n_renew, 0);
	slot->n_renew = 0;
}

static void on_renew(evutil_socket_t fd, short what, void *arg)
{
	struct dispatch *d = arg;

	for (unsigned i = 0; i < d->n; i++)
		flush_renewals(&d->slot[i]);
}

int dispatch_new(struct event_base *base, struct launcher *launcher, const struct signald_config *config,
		 const struct dispatch_hooks *hooks, struct dispatch **out)
{
	const struct config_adaptor *adaptor = config->adaptors.data;
	struct dispatch *d = calloc(1, sizeof(*d));
	int r = d ? 0 : -ENOMEM;

	if (d) {
		d->hooks = *hooks;
		d->renew_timer = evtimer_new(base, on_renew, d);
		r = d->renew_timer ? 0 : -ENOMEM;
	}
	for (size_t i = 0; !r && i < config->adaptors.n && i < DISPATCH_MAX_ADAPTORS; i++)
		r = start(base, d, launcher, &adaptor[i]);
	if (r) {
		dispatch_free(d);
		return r;
	}
	*out = d;
	return 0;
}

void dispatch_free(struct dispatch *d)
{
	if (!d)
		return;
	for (unsigned i = 0; i < d->n; i++) {
		launcher_forget(d->slot[i].launcher, &d->slot[i]);
		adaptor_client_free(d->slot[i].client);
		free(d->slot[i].renew);
	}
	while (d->jobs.count)
		job_end(d, (struct job *)keymap_next(&d->jobs, NULL));
	keymap_free(&d->jobs);
	while (d->spare) {
		struct job *job = (struct job *)d->spare;

		d->spare = d->spare->next;
		free(job);
	}
	if (d->renew_timer)
		event_free(d->renew_timer);
	free(d);
}

/* The terms an adaptor serves are known once it is up; until then it counts as concerned and the client waits for it. */
static int concerned(const struct dispatch *d, unsigned slot, uint16_t held, uint32_t uses)
{
	uint32_t serves = adaptor_client_terms(d->slot[slot].client);

	return !serves || (serves & uses) || held >> slot & 1;
}

uint16_t dispatch_apply(struct dispatch *d, const struct adaptor_terms *terms, uint64_t cookie, uint16_t held)
{
	struct adaptor_key key = { terms->icorp, terms->leader };
	struct job *job = job_begin(d, key);
	uint32_t uses = plan_uses(terms);

	if (!job) {
		struct adaptor_result none = { .error = -ENOMEM, .reason = "out of memory" };

		d->hooks.applied(d->hooks.ctx, key, cookie, &none);
		return held;
	}
	job->cookie = cookie;
	for (unsigned i = 0; i < d->n; i++) {
		struct adaptor_result failed = { 0 };

		if (!concerned(d, i, held, uses))
			continue;
		failed.error = adaptor_client_apply(d->slot[i].client, terms, cookie);
		if (failed.error)
			dispatch_merge(&job->result, &failed, adaptor_client_instance(d->slot[i].client));
		else
			job->waiting |= (uint16_t)(1u << i);
	}
	held |= job->waiting;
	job->held = held;
	job_answered(d, job); /* when there is nobody to ask */
	return held;
}

void dispatch_revoke(struct dispatch *d, struct adaptor_key key, uint16_t held)
{
	struct job *job = job_find(d, key);

	for (unsigned i = 0; i < d->n; i++)
		if (held >> i & 1)
			adaptor_client_revoke(d->slot[i].client, key, 0);
	if (job)
		job_end(d, job);
}

void dispatch_renew(struct dispatch *d, struct adaptor_key key, uint16_t held)
{
	static const struct timeval soon = { 0, RENEW_GATHER_MS * 1000 };

	for (unsigned i = 0; i < d->n; i++) {
		struct slot *slot = &d->slot[i];

		if (!(held >> i & 1) || !adaptor_client_renews(slot->client))
			continue;
		if (!slot->renew)
			slot->renew = malloc(PROTOCOL_MAX_KEYS * sizeof(*slot->renew));
		if (!slot->renew)
			continue; /* there is another renewal before it times out */
		slot->renew[slot->n_renew++] = key;
		if (slot->n_renew == PROTOCOL_MAX_KEYS)
			flush_renewals(slot);
		else if (!evtimer_pending(d->renew_timer, NULL))
			evtimer_add(d->renew_timer, &soon);
	}
}

void dispatch_audit(struct dispatch *d, uint16_t adaptors, const struct adaptor_key *keys, size_t n)
{
	for (unsigned i = 0; i < d->n; i++)
		if (adaptors >> i & 1)
			adaptor_client_audit(d->slot[i].client, keys, n, 0);
}

int dispatch_ask_ports(struct dispatch *d)
{
	for (unsigned i = 0; i < d->n; i++)
		if (adaptor_client_terms(d->slot[i].client) & TERM_VLAN)
			return !adaptor_client_query(d->slot[i].client, ADAPTOR_PORTS, 0);
	return 0;
}

int dispatch_ask_inventory(struct dispatch *d, size_t n)
{
	return adaptor_client_query(d->slot[n].client, ADAPTOR_INVENTORY, 0);
}

unsigned dispatch_query(struct dispatch *d, enum adaptor_request request, uint64_t cookie)
{
	unsigned asked = 0;

	for (unsigned i = 0; i < d->n; i++)
		asked += !adaptor_client_query(d->slot[i].client, request, cookie);
	return asked;
}

size_t dispatch_count(const struct dispatch *d)
{
	return d->n;
}

void dispatch_nth(const struct dispatch *d, size_t n, const char **instance, const char **type, int *up,
		  const char **reason)
{
	*instance = adaptor_client_instance(d->slot[n].client);
	*type = adaptor_client_type(d->slot[n].client);
	*up = adaptor_client_up(d->slot[n].client);
	*reason = d->slot[n].reason;
}
