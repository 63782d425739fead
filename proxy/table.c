/*
 * Making what is described so, by difference. table_set works on a draft: new sockets are opened, new targets
 * allocated, new addresses put on lo and the kernel's table changed while the live objects stay as they are; only
 * when nothing can fail any more, commit() moves the draft in. Otherwise discard() takes back what was done.
 *
 * A service stays itself as long as its protocol and port stay, a target as long as its address and port do.
 */
#include "config.h"

#include "proxy/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/address.h"
#include "proxy/settings.h"
#include "proxy/conn.h"
#include "proxy/kernel.h"
#include "proxy/nft.h"
#include "proxy/probe.h"
#include "proxy/relay.h"

struct draft_service {
	struct service *service;                /* live or new */
	int is_new;
	struct listener *listener;              /* new, or NULL: as it is */
	struct target **targets; unsigned n;    /* each referenced once by the draft */
};

struct draft {
	struct proxy *proxy;
	struct spec *spec;
	struct icorp *icorp;                    /* live or new */
	int is_new, held_public, held_source;
	struct draft_service service[SPEC_MAX_SERVICES]; unsigned n;
	struct kernel_icorp *kernel;            /* NULL: nothing of it is in the kernel */
};

struct icorp *table_find(struct proxy *proxy, struct spec_key key)
{
	struct icorp *icorp;

	LIST_FOREACH(icorp, &proxy->icorps, link)
		if (spec_key_equal(icorp->spec.key, key))
			return icorp;
	return NULL;
}

static int uses_kernel(const struct spec *spec, const struct spec_service *s)
{
	return spec_in_kernel(spec->mode, s->protocol);
}

static struct service *find_service(struct icorp *icorp, const struct spec_service *s)
{
	for (unsigned i = 0; i < icorp->n_services; i++)
		if (icorp->services[i]->spec.port == s->port && icorp->services[i]->spec.protocol == s->protocol)
			return icorp->services[i];
	return NULL;
}

/* What the description may not do beside the other ICorps and here. */
static int admit(struct proxy *proxy, const struct spec *spec, char *why, size_t room)
{
	struct icorp *other;

	LIST_FOREACH(other, &proxy->icorps, link)
		if (!spec_key_equal(other->spec.key, spec->key) &&
		    other->spec.public_addr.s_addr == spec->public_addr.s_addr) {
			snprintf(why, room, "the public address belongs to ICorp %u", other->spec.key.id);
			return -EADDRINUSE;
		}
	if (!table_find(proxy, spec->key) && proxy->n_icorps >= proxy->config->max_icorps) {
		snprintf(why, room, "%u ICorps are the limit here (max_icorps)", proxy->n_icorps);
		return -ENOSPC;
	}
	for (unsigned i = 0; i < spec->n_services; i++)
		if (!proxy->kernel && uses_kernel(spec, &spec->services[i])) {
			snprintf(why, room, "services[%u]: this proxy has no kernel path", i);
			return -EOPNOTSUPP;
		}
	return 0;
}

/* The live target of this address and port, referenced, or a new one. */
static struct target *draft_target(struct service *service, const struct spec_service *s,
				   const struct spec_backend *b)
{
	struct target *target;

	for (unsigned i = 0; i < service->n_targets; i++)
		if (service->targets[i]->addr.sin_addr.s_addr == b->address.s_addr &&
		    service->targets[i]->addr.sin_port == htons(s->target_port))
			return target_ref(service->targets[i]);
	target = target_new(service, b);
	if (target)
		target->addr.sin_port = htons(s->target_port);
	return target;
}

/* Service i of the description: its object, targets and socket. */
static int draft_service(struct draft *draft, unsigned i, char *why, size_t room)
{
	const struct spec *spec = draft->spec;
	const struct spec_service *s = &spec->services[i];
	struct draft_service *d = &draft->service[i];
	int moved = spec->public_addr.s_addr != draft->icorp->spec.public_addr.s_addr;

	d->service = find_service(draft->icorp, s);
	d->is_new = !d->service;
	if (d->is_new)
		d->service = calloc(1, sizeof(*d->service));
	if (!d->service)
		return -ENOMEM;
	draft->n++;
	if (d->is_new) {
		d->service->icorp = draft->icorp;
		d->service->spec = *s;
	}
	d->targets = calloc(spec->n_backends ? spec->n_backends : 1, sizeof(struct target *));
	if (!d->targets)
		return -ENOMEM;
	for (; d->n < spec->n_backends; d->n++) {
		d->targets[d->n] = draft_target(d->service, s, &spec->backends[d->n]);
		if (!d->targets[d->n])
			return -ENOMEM;
	}
	if (uses_kernel(spec, s) || (d->service->listener && !moved))
		return 0;
	d->listener = relay_listen(d->service, spec->public_addr, why, room);
	return d->listener ? 0 : -errno;
}

static int draft_addresses(struct draft *draft, char *why, size_t room)
{
	struct addresses *addresses = draft->proxy->addresses;
	int err;

	if (!addresses)
		return 0;
	err = addresses_hold(addresses, draft->spec->public_addr, why, room);
	if (err)
		return err;
	draft->held_public = 1;
	err = addresses_hold(addresses, draft->spec->source, why, room);
	draft->held_source = !err;
	return err;
}

/* The cycle of servers for the kernel: up by description, not ejected (or down until now: target_describe then
 * forgets its past); if all of those are, the ejected. */
static void slots(const struct spec *spec, struct target *const *targets, struct kernel_service *out)
{
	struct policy_item copy[SPEC_MAX_BACKENDS], *items[SPEC_MAX_BACKENDS];
	uint16_t slot[POLICY_MAX_SLOTS];

	for (int even_ejected = 0; even_ejected < 2 && !out->n_slots; even_ejected++) {
		for (unsigned i = 0; i < spec->n_backends; i++) {
			const struct spec_backend *b = &spec->backends[i];

			items[i] = &copy[i];
			copy[i] = (struct policy_item){
				.weight = b->weight,
				.usable = b->up && b->weight &&
					  (even_ejected || !targets[i]->health.ejected || !targets[i]->up),
			};
		}
		out->n_slots = (unsigned)policy_slots(spec->policy, items, spec->n_backends, slot, POLICY_MAX_SLOTS);
		for (unsigned i = 0; i < out->n_slots; i++)
			out->slot[i] = targets[slot[i]]->addr.sin_addr;
	}
}

static void kernel_add(struct kernel_icorp *k, const struct spec *spec, const struct spec_service *s,
		       struct target *const *targets)
{
	struct kernel_service *out = &k->service[k->n++];

	kernel_chain(out->chain, spec->key, s->protocol, s->port);
	out->protocol = s->protocol;
	out->port = s->port;
	out->target_port = s->target_port;
	slots(spec, targets, out);
}

static struct kernel_icorp *kernel_new(const struct spec *spec)
{
	struct kernel_icorp *k = calloc(1, sizeof(*k));

	if (k) {
		k->public_addr = spec->public_addr;
		k->source = spec->source;
	}
	return k;
}

static int draft_kernel(struct draft *draft, char *why, size_t room)
{
	const struct spec *spec = draft->spec;

	if (!draft->proxy->kernel)
		return 0;
	draft->kernel = kernel_new(spec);
	if (!draft->kernel)
		return -ENOMEM;
	for (unsigned i = 0; i < spec->n_services; i++)
		if (uses_kernel(spec, &spec->services[i]))
			kernel_add(draft->kernel, spec, &spec->services[i], draft->service[i].targets);
	return kernel_change(draft->proxy->kernel, draft->icorp->installed, draft->kernel, why, room);
}

/* Ends a service that is in no draft: users' connections, socket, targets. */
static void service_free(struct service *service)
{
	struct proxy *proxy = service->icorp->proxy;

	relay_close(service->listener);
	service->listener = NULL;
	while (!LIST_EMPTY(&service->conns))
		conn_abort(LIST_FIRST(&service->conns));
	for (unsigned i = 0; i < service->n_targets; i++)
		target_detach(service->targets[i], proxy);
	free(service->targets);
	free(service);
}

static void discard(struct draft *draft)
{
	struct proxy *proxy = draft->proxy;

	for (unsigned i = 0; i < draft->n; i++) {
		struct draft_service *d = &draft->service[i];

		relay_close(d->listener);
		while (d->n)
			target_unref(d->targets[--d->n]);
		free(d->targets);
		if (d->is_new)
			free(d->service);
	}
	if (draft->held_public)
		addresses_release(proxy->addresses, draft->spec->public_addr);
	if (draft->held_source)
		addresses_release(proxy->addresses, draft->spec->source);
	free(draft->kernel);
	if (draft->is_new)
		free(draft->icorp);
}

static int stays(const struct draft_service *d, const struct target *target)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->targets[i] == target)
			return 1;
	return 0;
}

static void commit_service(struct draft_service *d, const struct spec *spec, const struct spec_service *s)
{
	struct service *service = d->service;
	struct proxy *proxy = service->icorp->proxy;
	uint64_t now = clock_now_us();

	service->spec = *s;
	service->in_kernel = uses_kernel(spec, s);
	if (d->listener || service->in_kernel) {
		relay_close(service->listener);
		service->listener = d->listener;
	}
	for (unsigned i = 0; i < d->n; i++)
		target_describe(d->targets[i], &spec->backends[i]);
	for (unsigned i = 0; i < service->n_targets; i++) {
		if (stays(d, service->targets[i]))
			target_unref(service->targets[i]);
		else
			target_detach(service->targets[i], proxy);
	}
	free(service->targets);
	service->targets = d->targets;
	service->n_targets = d->n;
	for (unsigned i = 0; i < d->n; i++)
		probe_plan(d->targets[i], proxy, now);
}

/* Old services that the draft does not have. */
static void commit_removals(struct draft *draft)
{
	struct icorp *icorp = draft->icorp;

	for (unsigned i = 0; i < icorp->n_services; i++) {
		unsigned j = 0;

		while (j < draft->n && draft->service[j].service != icorp->services[i])
			j++;
		if (j == draft->n)
			service_free(icorp->services[i]);
	}
}

static void renew(struct icorp *icorp)
{
	struct proxy *proxy = icorp->proxy;

	icorp->deadline_us = 0;
	timer_cancel(proxy->timers, &icorp->expiry);
	if (!icorp->spec.lifetime_s)
		return;
	icorp->deadline_us = clock_now_us() + icorp->spec.lifetime_s * CLOCK_S;
	timer_set(proxy->timers, &icorp->expiry, icorp->deadline_us);
}

static void commit(struct draft *draft)
{
	struct icorp *icorp = draft->icorp;
	struct proxy *proxy = draft->proxy;

	commit_removals(draft);
	for (unsigned i = 0; i < draft->n; i++) {
		commit_service(&draft->service[i], draft->spec, &draft->spec->services[i]);
		icorp->services[i] = draft->service[i].service;
	}
	icorp->n_services = draft->n;
	if (draft->is_new) {
		LIST_INSERT_HEAD(&proxy->icorps, icorp, link);
		proxy->n_icorps++;
	} else if (proxy->addresses) {
		addresses_release(proxy->addresses, icorp->spec.public_addr);
		addresses_release(proxy->addresses, icorp->spec.source);
	}
	spec_clear(&icorp->spec);
	icorp->spec = *draft->spec;
	memset(draft->spec, 0, sizeof(*draft->spec));
	free(icorp->installed);
	icorp->installed = draft->kernel;
	renew(icorp);
}

static void remove_icorp(struct icorp *icorp)
{
	struct proxy *proxy = icorp->proxy;
	char why[256] = "";

	if (proxy->kernel && kernel_change(proxy->kernel, icorp->installed, NULL, why, sizeof(why)))
		log_icorp(LOG_LEVEL_ERROR, icorp->spec.key.id, "left in the kernel until the next audit: %s", why);
	timer_cancel(proxy->timers, &icorp->expiry);
	for (unsigned i = 0; i < icorp->n_services; i++)
		service_free(icorp->services[i]);
	icorp->n_services = 0;
	LIST_REMOVE(icorp, link);
	proxy->n_icorps--;
	if (proxy->addresses) {
		addresses_release(proxy->addresses, icorp->spec.public_addr);
		addresses_release(proxy->addresses, icorp->spec.source);
	}
	spec_clear(&icorp->spec);
	free(icorp->installed);
	free(icorp);
}

static void on_expiry(struct timer *timer, uint64_t now_us)
{
	struct icorp *icorp = (struct icorp *)((char *)timer - offsetof(struct icorp, expiry));

	log_icorp(LOG_LEVEL_WARN, icorp->spec.key.id, "not renewed for %u s: removed", icorp->spec.lifetime_s);
	remove_icorp(icorp);
}

int table_set(struct proxy *proxy, struct spec *spec, char *why, size_t room)
{
	struct draft draft = { .proxy = proxy, .spec = spec, .icorp = table_find(proxy, spec->key) };
	int err = admit(proxy, spec, why, room);

	if (err)
		return err;
	snprintf(why, room, "out of memory");
	draft.is_new = !draft.icorp;
	if (draft.is_new) {
		draft.icorp = calloc(1, sizeof(*draft.icorp));
		if (!draft.icorp)
			return -ENOMEM;
		draft.icorp->proxy = proxy;
		draft.icorp->expiry.fire = on_expiry;
	}
	err = draft_addresses(&draft, why, room);
	for (unsigned i = 0; i < spec->n_services && !err; i++)
		err = draft_service(&draft, i, why, room);
	if (!err)
		err = draft_kernel(&draft, why, room);
	if (err) {
		discard(&draft);
		return err;
	}
	commit(&draft);
	return 0;
}

int table_unset(struct proxy *proxy, struct spec_key key)
{
	struct icorp *icorp = table_find(proxy, key);

	if (!icorp)
		return -ENOENT;
	remove_icorp(icorp);
	return 0;
}

void table_refresh_kernel(struct icorp *icorp)
{
	struct kernel_icorp *now = kernel_new(&icorp->spec);
	char why[256] = "out of memory";

	for (unsigned i = 0; now && i < icorp->n_services; i++)
		if (icorp->services[i]->in_kernel)
			kernel_add(now, &icorp->spec, &icorp->services[i]->spec, icorp->services[i]->targets);
	if (now && !kernel_change(icorp->proxy->kernel, icorp->installed, now, why, sizeof(why))) {
		free(icorp->installed);
		icorp->installed = now;
		return;
	}
	log_icorp(LOG_LEVEL_ERROR, icorp->spec.key.id, "the kernel's map stays as it was: %s", why);
	free(now);
}
