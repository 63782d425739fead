/*
 * The connection to libvirt, and why it can't hang us for ever. libvirtd may be down, restarted or stuck:
 *   - down: connecting fails at once; the call says -EAGAIN and the host process tries again with backoff;
 *   - gone or frozen while connected: keepalive messages (every 3 s, three unanswered) end the connection, so the call
 *     under way fails and the next one connects anew. They need libvirt's event loop, which runs in a thread here:
 *     this process has no other use for one;
 *   - alive but stuck inside one call, or frozen before the connection stands: an alarm ends this process (vm_bound).
 *     Its controller sees that, says so, and starts another; no state is lost, since all of it is in libvirt and the
 *     sessions' directories.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libvirt/virterror.h>

#include "adaptors/vm.h"

#define KEEPALIVE_S 3
#define KEEPALIVE_COUNT 3
#define BOUND_S 30
#define GONE_POLLS 100
#define GONE_POLL_NS 5000000

struct vm_conn { char *uri; virConnectPtr conn; };

/* One event loop for all connections of this process, while there are any. */
static struct {
	pthread_t thread;
	atomic_int stop;
	int timer;
	unsigned users;
	int registered;
} events;

static void on_timer(int timer, void *opaque)
{
}

static void *run_events(void *arg)
{
	while (!atomic_load(&events.stop))
		virEventRunDefaultImpl();
	return NULL;
}

static void quiet(void *ctx, virErrorPtr error)
{
}

static int events_start(void)
{
	if (events.users++)
		return 0;
	virSetErrorFunc(NULL, quiet);
	if (!events.registered && virEventRegisterDefaultImpl() < 0)
		goto fail;
	events.registered = 1;
	atomic_store(&events.stop, 0);
	events.timer = virEventAddTimeout(-1, on_timer, NULL, NULL);
	if (events.timer < 0)
		goto fail;
	if (!pthread_create(&events.thread, NULL, run_events, NULL))
		return 0;
	virEventRemoveTimeout(events.timer);
fail:
	events.users--;
	return -ENOMEM;
}

static void events_stop(void)
{
	if (--events.users)
		return;
	atomic_store(&events.stop, 1);
	virEventUpdateTimeout(events.timer, 0);   /* wakes it */
	pthread_join(events.thread, NULL);
	virEventRemoveTimeout(events.timer);
}

struct vm_conn *vm_conn_new(const char *uri)
{
	struct vm_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->uri = strdup(uri);
	if (c->uri && !events_start())
		return c;
	free(c->uri);
	free(c);
	return NULL;
}

static void drop(struct vm_conn *c)
{
	if (c->conn)
		virConnectClose(c->conn);
	c->conn = NULL;
}

void vm_conn_free(struct vm_conn *c)
{
	if (!c)
		return;
	drop(c);
	events_stop();
	free(c->uri);
	free(c);
}

static void words(char *why, size_t room)
{
	const char *text = virGetLastErrorMessage();

	snprintf(why, room, "libvirt: %s", text ? text : "no reason given");
}

virConnectPtr vm_conn_get(struct vm_conn *c, char *why, size_t room)
{
	if (c->conn && virConnectIsAlive(c->conn) == 1)
		return c->conn;
	drop(c);
	c->conn = virConnectOpen(c->uri);
	if (!c->conn)
		words(why, room);
	else
		virConnectSetKeepAlive(c->conn, KEEPALIVE_S, KEEPALIVE_COUNT);   /* a driver inside us needs none */
	return c->conn;
}

int vm_conn_error(struct vm_conn *c, char *why, size_t room)
{
	int code = virGetLastErrorCode();

	words(why, room);
	if (!c->conn || virConnectIsAlive(c->conn) != 1) {
		drop(c);
		return -EAGAIN;
	}
	switch (code) {
	case VIR_ERR_NO_DOMAIN: return -ENOENT;
	case VIR_ERR_NO_MEMORY: return -ENOMEM;
	case VIR_ERR_INVALID_ARG:
	case VIR_ERR_XML_ERROR:
	case VIR_ERR_XML_DETAIL: return -EINVAL;
	case VIR_ERR_OPERATION_TIMEOUT:
	case VIR_ERR_RPC:
	case VIR_ERR_NO_CONNECT: return -EAGAIN;
	case VIR_ERR_NO_SUPPORT:
	case VIR_ERR_CONFIG_UNSUPPORTED:
	case VIR_ERR_ARGUMENT_UNSUPPORTED:
	case VIR_ERR_OPERATION_UNSUPPORTED: return -EOPNOTSUPP;
	case VIR_ERR_OPERATION_DENIED:
	case VIR_ERR_AUTH_FAILED: return -EACCES;
	default: return -EIO;
	}
}

void vm_bound(void)
{
	alarm(BOUND_S);
}

void vm_unbound(void)
{
	alarm(0);
}

static int is_ours(virDomainPtr dom, struct adaptor_key key, struct vm_mark *mark)
{
	char *xml = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, VM_XMLNS, VIR_DOMAIN_AFFECT_LIVE);
	int yes = xml && !vm_mark_parse(xml, mark) && adaptor_key_equal(mark->key, key);

	free(xml);
	return yes;
}

int vm_find(struct vm_conn *c, struct adaptor_key key, virDomainPtr *dom, struct vm_mark *mark, char *why, size_t room)
{
	virConnectPtr conn = vm_conn_get(c, why, room);
	char name[VM_NAME];

	*dom = NULL;
	if (!conn)
		return -EAGAIN;
	vm_domain_name(key, name);
	*dom = virDomainLookupByName(conn, name);
	if (!*dom) {
		int rc = vm_conn_error(c, why, room);

		return rc == -ENOENT ? 0 : rc;
	}
	if (is_ours(*dom, key, mark))
		return 0;
	int alive = virConnectIsAlive(conn) == 1, there = virDomainIsActive(*dom) == 1;

	virDomainFree(*dom);
	*dom = NULL;
	if (!alive)
		return -EAGAIN;
	if (!there)
		return 0;   /* it ended while we looked */
	snprintf(why, room, "a domain %s that is not ours is in the way", name);
	return -EEXIST;
}

/* A container's first process and with it all others. Told to destroy it, libvirt asks each process to end and looks again
 * every 200 ms; a first process that does not handle SIGTERM ignores it, and is killed after 1.6 s. */
static int kill_first(virDomainPtr dom)
{
	const struct timespec pause = { .tv_nsec = GONE_POLL_NS };

	if (virDomainSendProcessSignal(dom, 1, VIR_DOMAIN_PROCESS_SIGNAL_KILL, 0))
		return 0;
	for (unsigned i = 0; i < GONE_POLLS; i++) {
		if (virDomainIsActive(dom) != 1)
			return 1;
		nanosleep(&pause, NULL);
	}
	return 0;
}

int vm_destroy(struct vm_conn *c, virDomainPtr dom, char *why, size_t room)
{
	if ((vm_hypervisor_find(c->uri) == &vm_lxc && kill_first(dom)) || !virDomainDestroy(dom))
		return 0;
	int rc = vm_conn_error(c, why, room);

	if (rc == -ENOENT || (rc != -EAGAIN && virDomainIsActive(dom) != 1))
		return 0;
	return rc;
}
