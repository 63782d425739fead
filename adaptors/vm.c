/*
 * The `vm` technology: server partitions (ISCs) as libvirt domains. The table at the end is all a controller knows.
 *
 * A session with an ISC has one transient domain. It is not tied to our connection: it outlives this process and the
 * controller, and is found again by its name and checked by its mark (vm.h). The files:
 *     vm_xml.c     the domain as XML
 *     vm_lxc.c, vm_qemu.c   what differs between hypervisors
 *     vm_files.c   the directory with boot.json that the ISC's own controller reads
 *     vm_conn.c    the connection, errors, bounds
 *     vm_levels.c  CPU, memory: by difference, with grants
 *     vm_audit.c   audit, measure, show
 *
 * apply:   domain there:     boot.json is brought up to date, levels by difference; the domain is never restarted. What
 *                            boot.json tells a running ISC's controller, that one has to notice.
 *          no domain:        it is created, unless it already was for this very boot.json: then the ISC has died, its
 *                            soft state must lapse, and the grant says so. New terms (another revision or key) start
 *                            it again.
 *          no ISC in terms:  as revoke.
 * revoke:  the domain is destroyed, then its directory removed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libvirt/virterror.h>

#include "adaptors/vm.h"
#include "lib/log.h"

#define DEFAULT_INIT "/usr/sbin/icorp-agent"
#define MAX_VCPUS 1024    /* libvirt takes room for each, before it looks whether that can be */
#define STATE_ROOM 3900   /* so that paths below it fit PATH_MAX */

static const char *const vm_options[] = {
	"uri=URI: libvirt's, such as lxc:///system or qemu:///system",
	"image.NAME=PATH: an image; for lxc a directory that is the root file system, for qemu one with the files kernel and initrd",
	"state=DIR: where each ISC's boot.json is kept, and its disk",
	"init=PATH: lxc: the ISC's first process, inside the image (" DEFAULT_INIT ")",
	"whole=yes: lxc: the server is one ISC that does not change, for one ICorp at a time",
	"kvm=yes: qemu: run the machines by KVM; without, QEMU translates, which works everywhere and is slow",
	NULL,
};

static int usable_path(const char *path)
{
	return path[0] == '/' && strlen(path) < STATE_ROOM;
}

static int check_image(const struct vm_hypervisor *hv, const char *name, const char *path, const char *init, char *why,
		       size_t room)
{
	struct vm_image image = { .path = (char *)(uintptr_t)path };

	snprintf(image.name, sizeof(image.name), "%s", name);
	if (!hv->check_image)
		return 0;
	if (!usable_path(path)) {
		snprintf(why, room, "image %.40s: an absolute path is needed", name);
		return -EINVAL;
	}
	return hv->check_image(&image, init, why, room);
}

/* An option that is yes or no (the default). 0 or -EINVAL. */
static int yes_or_no(const struct adaptor_option *options, size_t n, const char *key, int *yes)
{
	const char *text = adaptor_option(options, n, key, "no");

	*yes = !strcmp(text, "yes");
	return *yes || !strcmp(text, "no") ? 0 : -EINVAL;
}

static int check_switches(const struct vm_hypervisor *hv, const struct adaptor_option *options, size_t n, char *why,
			  size_t room)
{
	int kvm, whole;

	if (yes_or_no(options, n, "kvm", &kvm) || (kvm && hv != &vm_qemu)) {
		snprintf(why, room, "kvm is yes or no, and for uri=qemu:///… only");
		return -EINVAL;
	}
	if (yes_or_no(options, n, "whole", &whole) || (whole && hv == &vm_qemu)) {
		snprintf(why, room, "whole is yes or no, and not for uri=qemu:///…");
		return -EINVAL;
	}
	return 0;
}

static int vm_probe(const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	const char *uri = adaptor_option(options, n, "uri", "lxc:///system");
	const struct vm_hypervisor *hv = vm_hypervisor_find(uri);
	int rc;

	if (!hv) {
		snprintf(why, room, "uri=%.40s: lxc:///…, qemu:///… or test:///… is what this adaptor can do", uri);
		return -EINVAL;
	}
	if (!usable_path(adaptor_option(options, n, "state", RUNDIR "/vm"))) {
		snprintf(why, room, "state: an absolute path to a directory is needed");
		return -EINVAL;
	}
	rc = check_switches(hv, options, n, why, room);
	for (size_t i = 0; i < n && !rc; i++)
		if (!strncmp(options[i].key, "image.", 6))
			rc = check_image(hv, options[i].key + 6, options[i].value, NULL, why, room);
	return rc;
}

static void vm_close(void *state)
{
	struct vm_state *s = state;

	for (struct vm_session *session = s->sessions, *next; session; session = next) {
		next = session->next;
		free(session);
	}
	vm_conn_free(s->conn);
	for (size_t i = 0; i < s->options.n_images; i++)
		free(s->options.images[i].path);
	free(s->options.images);
	free(s->options.uri);
	free(s->options.state);
	free(s->options.init);
	free(s);
}

static int read_images(struct vm_options *o, const struct adaptor_option *options, size_t n)
{
	o->images = calloc(n + 1, sizeof(*o->images));
	if (!o->images)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct vm_image *image = &o->images[o->n_images];

		if (strncmp(options[i].key, "image.", 6))
			continue;
		if (strlen(options[i].key + 6) >= sizeof(image->name))
			return -ENAMETOOLONG;
		strcpy(image->name, options[i].key + 6);
		image->path = strdup(options[i].value);
		if (!image->path)
			return -ENOMEM;
		o->n_images++;
	}
	return 0;
}

static int vm_open(const struct adaptor_option *options, size_t n, void **state, char *why, size_t room)
{
	const char *uri = adaptor_option(options, n, "uri", "lxc:///system");
	struct vm_state *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->options.hv = vm_hypervisor_find(uri);
	s->options.uri = strdup(uri);
	yes_or_no(options, n, "kvm", &s->options.kvm);
	yes_or_no(options, n, "whole", &s->options.whole);
	s->options.state = strdup(adaptor_option(options, n, "state", RUNDIR "/vm"));
	s->options.init = strdup(adaptor_option(options, n, "init", DEFAULT_INIT));
	s->conn = s->options.uri ? vm_conn_new(uri) : NULL;
	rc = -ENOMEM;
	if (s->options.hv && s->conn && s->options.state && s->options.init)
		rc = read_images(&s->options, options, n);
	if (rc) {
		snprintf(why, room, "%s", strerror(-rc));
		vm_close(s);
		return rc;
	}
	*state = s;
	return 0;
}

static int refuse(struct adaptor_result *result, int error, const char *reason)
{
	result->error = error;
	if (reason)
		snprintf(result->reason, sizeof(result->reason), "%s", reason);
	return error;
}

/* In KiB; 0 when it cannot be known now: creating says why. */
static uint64_t host_memory(struct vm_state *s, struct adaptor_result *result)
{
	virNodeInfo node;

	vm_bound();
	virConnectPtr conn = vm_conn_get(s->conn, result->reason, sizeof(result->reason));
	int known = conn && !virNodeGetInfo(conn, &node);

	vm_unbound();
	result->reason[0] = '\0';
	return known ? node.memory : 0;
}

/* Whose directory is there, but for this session's. */
struct tenant { struct adaptor_key but; uint32_t icorp; };

static void find_tenant(void *ctx, struct adaptor_key key)
{
	struct tenant *t = ctx;

	if (!adaptor_key_equal(key, t->but))
		t->icorp = key.icorp;
}

/* A whole server is for one ICorp at a time. */
static int check_tenant(const struct vm_options *o, const struct adaptor_terms *t, struct adaptor_result *result)
{
	struct tenant tenant = { .but = terms_key(t) };

	if (o->whole)
		vm_files_each(o->state, find_tenant, &tenant);
	if (!tenant.icorp)
		return 0;
	snprintf(result->reason, sizeof(result->reason), "the server is one ISC, which ICorp %u has", tenant.icorp);
	return result->error = -ENOSPC;
}

static int vm_check(void *state, const struct adaptor_terms *t, struct adaptor_result *result)
{
	struct vm_state *s = state;
	const struct vm_image *image;

	if (!t->isc.present)
		return 0;
	if (!t->isc.spec.memory_kib || !t->isc.address.s_addr)
		return refuse(result, -EINVAL, "an ISC needs memory and an address");
	if (t->isc.spec.memory_kib > UINT64_MAX / 1024 || t->isc.spec.disk_mib > UINT64_MAX / (1024 * 1024) ||
	    t->isc.spec.vcpus > MAX_VCPUS)
		return refuse(result, -ENOSPC, "more than any host has");
	if (s->options.hv->check_image) {
		image = vm_image_find(&s->options, t->isc.spec.image);
		if (!image) {
			snprintf(result->reason, sizeof(result->reason), "no image %.60s on this server",
				 t->isc.spec.image);
			return result->error = -ENOENT;
		}
		if (check_image(s->options.hv, image->name, image->path, s->options.init, result->reason,
				sizeof(result->reason)))
			return result->error = -ENOENT;
	}
	if (t->isc.spec.memory_kib > s->options.host_kib)
		s->options.host_kib = host_memory(s, result);
	if (s->options.host_kib && t->isc.spec.memory_kib > s->options.host_kib)
		return refuse(result, -ENOSPC, "more memory than the server has");
	return check_tenant(&s->options, t, result);
}

static struct vm_session *obtain(struct vm_state *s, struct adaptor_key key)
{
	struct vm_session *session = s->sessions;

	while (session && !adaptor_key_equal(session->key, key))
		session = session->next;
	if (session)
		return session;
	session = calloc(1, sizeof(*session));
	if (!session)
		return NULL;
	session->key = key;
	session->next = s->sessions;
	return s->sessions = session;
}

static void forget(struct vm_state *s, struct adaptor_key key)
{
	for (struct vm_session **p = &s->sessions; *p; p = &(*p)->next) {
		struct vm_session *session = *p;

		if (!adaptor_key_equal(session->key, key))
			continue;
		*p = session->next;
		free(session);
		return;
	}
}

static int make_disk(struct vm_state *s, const struct adaptor_terms *t, struct adaptor_result *result)
{
	int rc = vm_files_disk(s->options.state, terms_key(t), t->isc.spec.disk_mib);

	if (rc)
		snprintf(result->reason, sizeof(result->reason), "a disk of %llu MiB under %.60s: %s",
			 (unsigned long long)t->isc.spec.disk_mib, s->options.state, strerror(-rc));
	return rc;
}

static int create(struct vm_state *s, const struct adaptor_terms *t, virDomainPtr *dom, struct adaptor_result *result)
{
	virConnectPtr conn = vm_conn_get(s->conn, result->reason, sizeof(result->reason));
	char *xml;

	if (!conn)
		return -EAGAIN;
	int rc = s->options.hv->disk_is_file && t->isc.spec.disk_mib ? make_disk(s, t, result) : 0;

	if (!rc)
		rc = vm_domain_xml(&s->options, t, &xml);
	if (rc)
		return rc;
	*dom = virDomainCreateXML(conn, xml, 0);
	free(xml);
	if (!*dom)
		return vm_conn_error(s->conn, result->reason, sizeof(result->reason));
	log_icorp(LOG_LEVEL_INFO, t->icorp, "started the ISC %s", virDomainGetName(*dom));
	return 0;
}

/* An ISC that could send from any address does not start. It has not booted yet. */
static int guard_new(struct vm_state *s, virDomainPtr *dom, struct adaptor_key key, struct adaptor_result *result)
{
	char why[ADAPTOR_REASON];
	int changed, rc = vm_link_guard(key, &changed, result->reason, sizeof(result->reason));

	if (!rc)
		return 0;
	vm_destroy(s->conn, *dom, why, sizeof(why));
	virDomainFree(*dom);
	*dom = NULL;
	return rc;
}

static void stopped(const struct vm_levels *want, struct adaptor_result *result)
{
	static const uint8_t resources[] = { RESOURCE_CPU, RESOURCE_MEMORY };

	for (size_t i = 0; i < sizeof(resources); i++) {
		struct adaptor_grant *g = &result->grants[result->n_grants++];

		*g = (struct adaptor_grant){ .resource = resources[i], .outcome = OUTCOME_REFUSED };
		snprintf(g->reason, sizeof(g->reason), "the ISC has stopped; only new terms start it again");
	}
}

/* Finds or creates the domain. *dom stays NULL (and the result 0) when the ISC died and is to stay dead. */
static int ensure(struct vm_state *s, const struct adaptor_terms *t, virDomainPtr *dom, struct vm_mark *mark,
		  struct adaptor_result *result)
{
	struct adaptor_key key = { .icorp = t->icorp, .leader = t->leader };
	int changed, rc = vm_find(s->conn, key, dom, mark, result->reason, sizeof(result->reason));

	if (rc)
		return rc;
	rc = vm_files_write(s->options.state, s->options.hv->dir_mode, t, &changed);
	if (rc) {
		snprintf(result->reason, sizeof(result->reason), "boot.json under %.60s: %s", s->options.state,
			 strerror(-rc));
		return rc;
	}
	if (!*dom && !vm_files_started(s->options.state, key)) {
		*mark = vm_mark_of(&s->options, t);
		rc = create(s, t, dom, result);
		rc = rc ? rc : guard_new(s, dom, key, result);
		if (rc)   /* -EAGAIN too: the retry begins anew */
			vm_files_remove(s->options.state, key);
	}
	return !rc && *dom ? vm_files_set_started(s->options.state, key) : rc;
}

static int vm_revoke(void *state, struct adaptor_key key, char *why, size_t room)
{
	struct vm_state *s = state;
	struct vm_mark mark;
	virDomainPtr dom;

	vm_bound();
	int rc = vm_find(s->conn, key, &dom, &mark, why, room);

	if (dom) {
		rc = vm_destroy(s->conn, dom, why, room);
		virDomainFree(dom);
	}
	vm_unbound();
	if (rc && rc != -EEXIST)
		return rc;
	forget(s, key);
	return vm_files_remove(s->options.state, key);
}

static int vm_apply(void *state, const struct adaptor_terms *t, struct adaptor_result *result)
{
	struct adaptor_key key = { .icorp = t->icorp, .leader = t->leader };
	struct vm_state *s = state;
	struct vm_mark mark;
	virDomainPtr dom = NULL;

	if (!t->isc.present)
		return result->error = vm_revoke(state, key, result->reason, sizeof(result->reason));
	if (vm_check(state, t, result))
		return result->error;
	struct vm_session *session = obtain(s, key);

	if (!session)
		return refuse(result, -ENOMEM, NULL);
	vm_bound();
	int rc = ensure(s, t, &dom, &mark, result);

	if (!rc && memcmp(session->handled, t->isc.handled, sizeof(session->handled))) {
		rc = vm_files_set_handled(s->options.state, key, t->isc.handled);
		if (!rc)
			memcpy(session->handled, t->isc.handled, sizeof(session->handled));
	}
	if (!rc) {
		vm_levels_wanted(t, &session->want);
		if (dom)
			vm_levels_apply(s->options.hv, dom, &mark, &session->want, result);
		else
			stopped(&session->want, result);
	}
	if (dom)
		virDomainFree(dom);
	vm_unbound();
	return result->error = rc;
}

const struct adaptor_ops adaptor_vm = {
	.type = "vm",
	.help = "server partitions (ISCs) as libvirt domains",
	.terms = TERM_ISC,
	.options = vm_options,
	.probe = vm_probe,
	.open = vm_open,
	.check = vm_check,
	.apply = vm_apply,
	.revoke = vm_revoke,
	.audit = vm_audit,
	.inventory = vm_inventory,
	.measure = vm_measure,
	.show = vm_show,
	.close = vm_close,
};
