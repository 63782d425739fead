/*
 * One server's port: who may get the next connection, and what came of it.
 *
 * target_report is where health changes: it logs old and new, plans the probe and, for services in the kernel,
 * renews the map. `usable` is computed for each pick, from the description, the weight, the health and the
 * connection's own list of servers it has tried.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/settings.h"
#include "proxy/probe.h"
#include "proxy/table.h"

static int tried_already(const struct target *target, struct target *const *tried, unsigned n)
{
	while (n--)
		if (tried[n] == target)
			return 1;
	return 0;
}

/* Marks what is usable; the ejected too when even_ejected. Returns how many are. */
static unsigned mark(struct service *service, struct target *const *tried, unsigned n_tried, int even_ejected)
{
	unsigned usable = 0;

	for (unsigned i = 0; i < service->n_targets; i++) {
		struct target *t = service->targets[i];

		t->item.usable = t->up && t->item.weight && (even_ejected || !t->health.ejected) &&
				 !tried_already(t, tried, n_tried);
		usable += (unsigned)t->item.usable;
	}
	return usable;
}

struct target *service_pick(struct service *service, struct target *const *tried, unsigned n_tried)
{
	struct policy_item *items[SPEC_MAX_BACKENDS];
	int at;

	if (!mark(service, tried, n_tried, 0) && !mark(service, tried, n_tried, 1))
		return NULL;
	for (unsigned i = 0; i < service->n_targets; i++)
		items[i] = &service->targets[i]->item;
	at = service->icorp->spec.policy->pick(items, service->n_targets, &service->cursor);
	return at < 0 ? NULL : service->targets[at];
}

static void log_health(const struct target *target, int error)
{
	const struct service *service = target->service;
	uint64_t ms = service->icorp->proxy->config->eject_min_us / CLOCK_MS;

	if (error)
		log_icorp(LOG_LEVEL_WARN, service->icorp->spec.key.id, "service %s: %s: in -> ejected for %llu ms: %s",
			  service->spec.name, target->element, (unsigned long long)ms, strerror(error));
	else
		log_icorp(LOG_LEVEL_INFO, service->icorp->spec.key.id, "service %s: %s: ejected -> in",
			  service->spec.name, target->element);
}

void target_report(struct target *target, struct proxy *proxy, int error, uint64_t now_us)
{
	struct health_limits limits = { proxy->config->eject_min_us, proxy->config->eject_max_us };
	int changed;

	if (!error)
		target->connects++;
	changed = error ? health_failed(&target->health, &limits, error, now_us) : health_good(&target->health);
	if (!target->service)
		return; /* a connection's memory of a server that is gone */
	if (changed) {
		log_health(target, error);
		if (target->service->in_kernel)
			table_refresh_kernel(target->service->icorp);
	}
	if (error || changed)
		probe_plan(target, proxy, now_us);
}

struct target *target_new(struct service *service, const struct spec_backend *backend)
{
	struct target *target = calloc(1, sizeof(*target));

	if (!target)
		return NULL;
	target->refs = 1;
	target->service = service;
	target->addr.sin_family = AF_INET;
	target->addr.sin_addr = backend->address;
	target->addr.sin_port = htons(service->spec.target_port);
	probe_init(target);
	target_describe(target, backend);
	return target;
}

void target_describe(struct target *target, const struct spec_backend *backend)
{
	if (!target->up && backend->up)
		health_good(&target->health); /* a server started anew is not judged by its former life */
	memcpy(target->element, backend->element, sizeof(target->element));
	target->item.weight = backend->weight;
	target->up = backend->up;
}

void target_detach(struct target *target, struct proxy *proxy)
{
	probe_stop(target, proxy);
	target->service = NULL;
	target_unref(target);
}

struct target *target_ref(struct target *target)
{
	target->refs++;
	return target;
}

void target_unref(struct target *target)
{
	if (target && !--target->refs)
		free(target);
}
