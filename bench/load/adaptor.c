/* See adaptor.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/load/adaptor.h"
#include "bench/load/namespace.h"

#define PATIENCE_S 120

static void take_number(struct bench_adaptor *a, const char *json)
{
	char name[64];
	const char *at;

	snprintf(name, sizeof(name), "\"%s\":", a->asked);
	at = json ? strstr(json, name) : NULL;
	a->number = at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

static void on_answer(void *ctx, struct adaptor_client *client, const struct adaptor_answer *answer)
{
	struct bench_adaptor *a = ctx;

	a->outstanding--;
	if (answer->request == ADAPTOR_SHOW)
		take_number(a, answer->json);
	if (!answer->result.error)
		return;
	a->failed++;
	snprintf(a->why, sizeof(a->why), "ICorp %u: %s", answer->key.icorp,
		 answer->result.reason[0] ? answer->result.reason : strerror(-answer->result.error));
}

static void on_state(void *ctx, struct adaptor_client *client, enum adaptor_state state, const char *why)
{
	struct bench_adaptor *a = ctx;

	if (state != ADAPTOR_DOWN)
		return;
	a->down = 1;
	snprintf(a->why, sizeof(a->why), "%s", why);
}

static void on_timeout(evutil_socket_t fd, short what, void *ctx)
{
	struct bench_adaptor *a = ctx;

	a->down = 1;
	snprintf(a->why, sizeof(a->why), "no answer for %d s", PATIENCE_S);
}

static int complain(const struct bench_adaptor *a)
{
	fprintf(stderr, "%s: adaptor %s: %s\n", program_invocation_short_name, a->process.type, a->why);
	return -1;
}

/* The process inherits the network namespace of whoever starts it. */
static struct adaptor_client *client_inside(struct bench_adaptor *a, const char *namespace, const char *type)
{
	struct adaptor_client_options how = { .instance = type, .type = type, .start = adaptor_process_client,
					      .ctx = &a->process };
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int rc = here < 0 ? -errno : namespace ? namespace_join(namespace) : 0;
	struct adaptor_client *client = rc ? NULL : adaptor_client_new(a->base, &how, on_answer, on_state, a);

	if (!client)
		snprintf(a->why, sizeof(a->why), "%s", strerror(rc ? -rc : errno));
	if (here >= 0) {
		if (namespace && setns(here, CLONE_NEWNET))
			snprintf(a->why, sizeof(a->why), "there is no way back: %s", strerror(errno));
		close(here);
	}
	return client;
}

/* Runs the loop until nothing is outstanding and it is up. */
int bench_adaptor_wait(struct bench_adaptor *a)
{
	struct event *timeout = evtimer_new(a->base, on_timeout, a);

	event_add(timeout, &(struct timeval){ PATIENCE_S, 0 });
	while (!a->down && (!adaptor_client_up(a->client) || a->outstanding))
		event_base_loop(a->base, EVLOOP_ONCE);
	event_free(timeout);
	if (!a->down && !a->failed)
		return 0;
	a->failed = 0;
	return complain(a);
}

int bench_adaptor_open(struct bench_adaptor *a, const char *directory, const char *namespace, const char *type,
		       const struct adaptor_option *options, size_t n_options)
{
	struct adaptor_process_options o = { .instance = type, .type = type, .options = options, .n_options = n_options,
					     .program_dir = directory };
	int rc;

	memset(a, 0, sizeof(*a));
	a->base = event_base_new();
	rc = adaptor_process_init(&a->process, &o);
	if (rc)
		snprintf(a->why, sizeof(a->why), "%s", strerror(-rc));
	a->client = rc ? NULL : client_inside(a, namespace, type);
	return a->client ? bench_adaptor_wait(a) : complain(a);
}

int bench_adaptor_apply(struct bench_adaptor *a, const struct adaptor_terms *terms)
{
	a->outstanding++;
	return adaptor_client_apply(a->client, terms, 0);
}

int bench_adaptor_revoke(struct bench_adaptor *a, const struct adaptor_terms *terms)
{
	a->outstanding++;
	return adaptor_client_revoke(a->client, terms_key(terms), 0);
}

int bench_adaptor_number(struct bench_adaptor *a, const char *name, unsigned long *number)
{
	a->asked = name;
	a->outstanding++;
	if (adaptor_client_query(a->client, ADAPTOR_SHOW, 0) || bench_adaptor_wait(a))
		return -1;
	*number = a->number;
	return 0;
}

void bench_adaptor_close(struct bench_adaptor *a)
{
	pid_t pid = a->client ? adaptor_client_pid(a->client) : 0;

	adaptor_client_free(a->client);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	adaptor_process_clear(&a->process);
	if (a->base)
		event_base_free(a->base);
	memset(a, 0, sizeof(*a));
}

struct adaptor_terms bench_adaptor_terms(uint32_t icorp, struct prefix prefix, const char *ifname, uint64_t rate_bps)
{
	struct adaptor_terms t = { .icorp = icorp, .leader.s_addr = htonl(0x0ac8010b), .revision = 1, .prefix = prefix,
				   .capacity = CAPACITY_CONSTANT, .priority = 5, .lifetime_s = 3600, .n_ports = 1 };

	snprintf(t.name, sizeof(t.name), "bench-%u", icorp);
	snprintf(t.ports[0].ifname, sizeof(t.ports[0].ifname), "%s", ifname);
	t.ports[0].rate_bps = t.ports[0].ceil_bps = rate_bps;
	return t;
}
