/*
 * Fan-out to the adaptors. See dispatch.h. A commit in progress is one `job` per session: a bit per adaptor still to
 * answer. A newer apply of the same session takes the job over; its cookie tells old answers from new ones. An adaptor
 * that is down keeps its part waiting: the client re-sends when it is back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/writer.h"
#include "signald/dispatch.h"
#include "signald/jobs.h"
#include "signald/plan.h"

#define MAX_ADAPTORS 16

struct slot { struct adaptor_client *client; char reason[ADAPTOR_REASON]; };

struct dispatch {
	struct dispatch_hooks hooks;
	unsigned n;
	struct slot slot[MAX_ADAPTORS];
	struct jobs jobs;
};

static unsigned index_of(const struct dispatch *d, const struct adaptor_client *client)
{
	unsigned i = 0;

	while (i < d->n && d->slot[i].client != client)
		i++;
	return i;
}

/* Adds one adaptor's word to what all say: the first error wins, the strongest enforcement per resource counts. */
static void merge(struct adaptor_result *into, const struct adaptor_result *from, const char *instance)
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
		} else if (from->grants[i].enforcement > into->grants[k].enforcement) {
			into->grants[k] = from->grants[i];
		}
	}
}

static void job_answered(struct dispatch *d, struct job *job)
{
	struct job done = *job;

	if (job->waiting)
		return;
	jobs_forget(&d->jobs, done.key);
	d->hooks.applied(d->hooks.ctx, done.key, done.cookie, &done.result);
}

static void on_applied(struct dispatch *d, unsigned slot, const struct adaptor_answer *answer)
{
	struct job *job = jobs_find(&d->jobs, answer->key);

	if (!job || answer->cookie != job->cookie || !(job->waiting & 1u << slot))
		return;
	if (answer->result.error == -EAGAIN) {
		struct adaptor_result put_off = { 0 };

		merge(&put_off, &answer->result, adaptor_client_instance(d->slot[slot].client));
		d->hooks.applied(d->hooks.ctx, job->key, job->cookie, &put_off);
		return;
	}
	job->waiting &= ~(1u << slot);
	merge(&job->result, &answer->result, adaptor_client_instance(d->slot[slot].client));
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
	case ADAPTOR_SHOW:
	case ADAPTOR_MEASURE:
		d->hooks.shown(d->hooks.ctx, answer->cookie, adaptor_client_instance(client), answer->json,
			       answer->result.error ? answer->result.reason : NULL);
		break;
	case ADAPTOR_AUDIT:
		if (answer->orphans || answer->repaired)
			log_msg(LOG_LEVEL_WARN, "adaptor %s: audit removed %u orphans, repaired %u",
				adaptor_client_instance(client), answer->orphans, answer->repaired);
		break;
	default:
		break;
	}
}

static void on_state(void *ctx, struct adaptor_client *client, int up, const char *reason)
{
	struct dispatch *d = ctx;
	unsigned slot = index_of(d, client);

	if (slot < d->n)
		snprintf(d->slot[slot].reason, sizeof(d->slot[slot].reason), "%s%s", up && *reason ? "waits for " : "",
			 reason);
	log_msg(up && !*reason ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "adaptor %s: %s%s%s", adaptor_client_instance(client),
		!up ? "down" : *reason ? "waits" : "up", *reason ? ": " : "", reason);
	d->hooks.state(d->hooks.ctx);
}

/* "key=value" texts -> options; the texts are cut in place in a copy the client copies again. */
static size_t options_of(const struct config_adaptor *from, struct adaptor_option *to, char **copies)
{
	size_t n = 0;

	for (size_t i = 0; i < from->options.n && n < 64; i++) {
		char *text = strdup(from->options.item[i]), *equals;

		if (!text)
			break;
		copies[n] = text;
		equals = strchr(text, '=');
		if (equals)
			*equals++ = 0;
		to[n].key = text;
		to[n].value = equals ? equals : "";
		n++;
	}
	return n;
}

static int start(struct event_base *base, struct dispatch *d, const struct signald_config *config,
		 const struct config_adaptor *from)
{
	struct adaptor_option options[64];
	char *copies[64];
	struct adaptor_client_options how = { .instance = from->title, .type = from->type, .options = options,
					      .program_dir = *config->adaptor_dir ? config->adaptor_dir : NULL };

	how.n_options = options_of(from, options, copies);
	d->slot[d->n].client = adaptor_client_new(base, &how, on_answer, on_state, d);
	snprintf(d->slot[d->n].reason, sizeof(d->slot[d->n].reason), "starting");
	for (size_t i = 0; i < how.n_options; i++)
		free(copies[i]);
	if (!d->slot[d->n].client) {
		int r = errno ? -errno : -ENOMEM;

		log_msg(LOG_LEVEL_ERROR, "adaptor %s: type \"%s\" cannot be started from %s: %s", from->title, from->type,
			config->adaptor_dir, r == -ENOENT ? "no such technology or program" : strerror(-r));
		return r;
	}
	d->n++;
	return 0;
}

int dispatch_new(struct event_base *base, const struct signald_config *config, const struct dispatch_hooks *hooks,
		 struct dispatch **out)
{
	const struct config_adaptor *adaptor = config->adaptors.data;
	struct dispatch *d = calloc(1, sizeof(*d));
	int r = d ? 0 : -ENOMEM;

	if (d)
		d->hooks = *hooks;
	for (size_t i = 0; !r && i < config->adaptors.n && i < MAX_ADAPTORS; i++)
		r = start(base, d, config, &adaptor[i]);
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
	for (unsigned i = 0; i < d->n; i++)
		adaptor_client_free(d->slot[i].client);
	jobs_clear(&d->jobs);
	free(d);
}

/* The terms an adaptor serves are known once it is up; until then it counts as concerned and the client waits for it. */
static int concerned(const struct dispatch *d, unsigned slot, struct adaptor_key key, uint32_t uses)
{
	uint32_t serves = adaptor_client_terms(d->slot[slot].client);

	return !serves || (serves & uses) || adaptor_client_knows(d->slot[slot].client, key);
}

void dispatch_apply(struct dispatch *d, const struct adaptor_terms *terms, uint64_t cookie)
{
	struct adaptor_key key = { terms->icorp, terms->leader };
	struct job *job = jobs_obtain(&d->jobs, key);
	uint32_t uses = plan_uses(terms);

	if (!job)
		return; /* the commit never completes: soft state lapses */
	job->cookie = cookie;
	job->waiting = 0;
	memset(&job->result, 0, sizeof(job->result));
	for (unsigned i = 0; i < d->n; i++) {
		if (!concerned(d, i, key, uses))
			continue;
		if (adaptor_client_apply(d->slot[i].client, terms, cookie))
			continue;
		job->waiting |= 1u << i;
	}
	/* nobody to ask: the caller hears it from here, but never from inside this call's own caller's input */
	job_answered(d, job);
}

/* All are asked: one that has forgotten what it did, because its process died of it, may have left something. */
void dispatch_revoke(struct dispatch *d, struct adaptor_key key)
{
	for (unsigned i = 0; i < d->n; i++)
		adaptor_client_revoke(d->slot[i].client, key, 0);
	jobs_forget(&d->jobs, key);
}

void dispatch_audit(struct dispatch *d, const struct adaptor_key *keys, size_t n)
{
	for (unsigned i = 0; i < d->n; i++)
		adaptor_client_audit(d->slot[i].client, keys, n, 0);
}

int dispatch_ask_ports(struct dispatch *d)
{
	for (unsigned i = 0; i < d->n; i++)
		if (adaptor_client_terms(d->slot[i].client) & TERM_VLAN)
			return !adaptor_client_query(d->slot[i].client, ADAPTOR_PORTS, 0);
	return 0;
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

void dispatch_describe(const struct dispatch *d, struct writer *w)
{
	writer_array(w, "adaptors");
	for (size_t i = 0; i < d->n; i++) {
		const char *instance, *type, *reason;
		int up;

		dispatch_nth(d, i, &instance, &type, &up, &reason);
		writer_object(w, NULL);
		writer_str(w, "name", instance);
		writer_str(w, "type", type);
		writer_bool(w, "up", up);
		writer_str(w, "reason", reason);
		writer_end(w);
	}
	writer_end(w);
}
