/*
 * The proxy adaptor against a real IS Proxy: table, relay and control socket in a thread of this process (without
 * addresses and nftables), the adaptor's blocking calls in the test.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "adaptors/adaptor.h"
#include "lib/clock.h"
#include "lib/control.h"
#include "lib/log.h"
#include "lib/writer.h"
#include "proxy/commands.h"
#include "proxy/settings.h"
#include "proxy/table.h"

extern const struct adaptor_ops adaptor_proxy;

struct fixture {
	char dir[64], socket[96];
	struct proxy_config config;
	pthread_t thread;
	pthread_barrier_t ready;
	atomic_int stop;
	void *state;
};

static struct in_addr ip(const char *text)
{
	struct in_addr a = { 0 };

	inet_aton(text, &a);
	return a;
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
}

static void *serve(void *arg)
{
	struct fixture *f = arg;
	struct event_base *base = event_base_new();
	struct timeval tick = { 0, 5000 };
	struct event *timer = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	struct control_server *control;
	char why[256];
	struct proxy *proxy = proxy_new(base, &f->config, why, sizeof(why));

	if (control_listen(base, f->socket, proxy_commands, proxy, 0, &control))
		abort();
	event_add(timer, &tick);
	pthread_barrier_wait(&f->ready);
	while (!f->stop)
		event_base_loop(base, EVLOOP_ONCE);
	control_close(control);
	proxy_free(proxy);
	event_free(timer);
	event_base_free(base);
	return NULL;
}

static void start(struct fixture *f)
{
	f->stop = 0;
	assert_int_equal(pthread_barrier_init(&f->ready, NULL, 2), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
	pthread_barrier_wait(&f->ready);
	pthread_barrier_destroy(&f->ready);
}

static void stop(struct fixture *f)
{
	f->stop = 1;
	pthread_join(f->thread, NULL);
}

static int setup(void **state)
{
	static struct fixture f;
	struct adaptor_option options[] = { { "socket", f.socket } };
	char why[128];

	memset(&f, 0, sizeof(f));
	log_open("test", NULL, LOG_SINK_STDERR, LOG_LEVEL_ERROR);
	snprintf(f.dir, sizeof(f.dir), "/tmp/icorp-test-XXXXXX");
	if (!mkdtemp(f.dir))
		return -1;
	snprintf(f.socket, sizeof(f.socket), "%s/sock", f.dir);
	f.config = (struct proxy_config){
		.max_icorps = 3, .max_connections = 50, .max_connections_per_icorp = 50, .backlog = 8, .connect_attempts = 2,
		.connect_timeout_us = CLOCK_S, .idle_timeout_us = 60 * CLOCK_S, .dead_peer_us = 30 * CLOCK_S,
		.eject_min_us = CLOCK_S, .eject_max_us = CLOCK_S,
	};
	if (adaptor_proxy.probe(options, 1, why, sizeof(why)) ||
	    adaptor_proxy.open(options, 1, &f.state, why, sizeof(why)))
		return -1;
	start(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	stop(f);
	adaptor_proxy.close(f->state);
	unlink(f->socket);
	return rmdir(f->dir);
}

/* --- terms --- */

static struct terms_endpoint endpoints[3];
static struct contract_service service;

static struct adaptor_terms terms_of(uint32_t icorp, const char *public_addr)
{
	struct adaptor_terms t = { .icorp = icorp, .leader = ip("10.200.1.11"), .name = "shop", .lifetime_s = 100,
				   .n_endpoints = 3, .endpoints = endpoints, .n_services = 1, .services = &service };

	service = (struct contract_service){ .name = "web", .protocol = SERVICE_TCP, .port = 18080, .target_port = 80 };
	endpoints[0] = (struct terms_endpoint){ .element = "ar1", .kind = ENDPOINT_ACCESS, .local = 1,
						.private_addr = ip("127.3.0.1"), .public_addr = ip(public_addr) };
	endpoints[1] = (struct terms_endpoint){ .element = "srv1", .kind = ENDPOINT_SERVER, .up = 1, .weight = 10,
						.private_addr = ip("127.1.0.1") };
	endpoints[2] = (struct terms_endpoint){ .element = "srv2", .kind = ENDPOINT_SERVER, .up = 0, .weight = 10,
						.private_addr = ip("127.1.0.2") };
	return t;
}

static struct adaptor_key key_of(uint32_t icorp)
{
	return (struct adaptor_key){ icorp, ip("10.200.1.11") };
}

/* What icorp-proxy says it serves. */
static char *listed(struct fixture *f)
{
	char *const argv[] = { "proxy/list" };
	char why[128], *json = control_call(f->socket, 1, argv, 2000, why, sizeof(why)), *text;

	assert_non_null(json);
	text = writer_reformat(json, WRITER_TEXT);
	free(json);
	assert_non_null(text);
	return text;
}

static int serves(struct fixture *f, const char *what)
{
	char *text = listed(f);
	int found = strstr(text, what) != NULL;

	free(text);
	return found;
}

/* --- cases --- */

static void apply_and_revoke(void **state)
{
	struct fixture *f = *state;
	struct adaptor_terms t = terms_of(7, "127.2.0.1");
	struct adaptor_result result = { 0 };

	assert_int_equal(adaptor_proxy.apply(f->state, &t, &result), 0);
	assert_int_equal(result.n_grants, 1);
	assert_int_equal(result.grants[0].resource, 0);
	assert_int_equal(result.grants[0].outcome, OUTCOME_APPLIED);
	assert_int_equal(result.grants[0].enforcement, ENFORCEMENT_ENFORCED);
	assert_true(serves(f, "127.1.0.1"));
	assert_true(serves(f, "srv2"));
	result = (struct adaptor_result){ 0 };
	assert_int_equal(adaptor_proxy.apply(f->state, &t, &result), 0);
	assert_int_equal(adaptor_proxy.revoke(f->state, key_of(7), NULL, 0), 0);
	assert_false(serves(f, "127.1.0.1"));
	assert_int_equal(adaptor_proxy.revoke(f->state, key_of(7), NULL, 0), 0);
}

/* Terms that do not end here want nothing here; when they no longer do, it goes. */
static void not_local(void **state)
{
	struct fixture *f = *state;
	struct adaptor_terms t = terms_of(7, "127.2.0.1");
	struct adaptor_result result = { 0 };

	endpoints[0].local = 0;
	assert_int_equal(adaptor_proxy.apply(f->state, &t, &result), 0);
	assert_false(serves(f, "127.2.0.1"));
	endpoints[0].local = 1;
	assert_int_equal(adaptor_proxy.apply(f->state, &t, &result), 0);
	assert_true(serves(f, "127.2.0.1"));
	endpoints[0].local = 0;
	assert_int_equal(adaptor_proxy.apply(f->state, &t, &result), 0);
	assert_false(serves(f, "127.2.0.1"));
}

/* A renewal gives icorp-proxy what was applied last, also one that knows nothing; terms that want nothing are known, too. */
static void renewed(void **state)
{
	struct fixture *f = *state;
	struct adaptor_terms t = terms_of(7, "127.2.0.1"), other = terms_of(8, "127.2.0.2");
	struct adaptor_result result = { 0 };
	struct adaptor_key keys[] = { key_of(8), key_of(7), key_of(9) };
	uint8_t failed[3] = { 1, 1, 0 };

	endpoints[0].local = 0;
	assert_int_equal(adaptor_proxy.apply(f->state, &other, &result), 0);
	t = terms_of(7, "127.2.0.1");
	assert_int_equal(adaptor_proxy.apply(f->state, &t, &result), 0);
	stop(f);
	assert_int_equal(adaptor_proxy.renew(f->state, keys, 3, failed), -EAGAIN);
	start(f);
	assert_false(serves(f, "127.2.0.1"));
	assert_int_equal(adaptor_proxy.renew(f->state, keys, 3, failed), 0);
	assert_true(serves(f, "127.2.0.1"));
	assert_int_equal(failed[0], 0);
	assert_int_equal(failed[1], 0);
	assert_int_equal(failed[2], 1);
	assert_int_equal(adaptor_proxy.revoke(f->state, key_of(8), NULL, 0), 0);
	assert_int_equal(adaptor_proxy.renew(f->state, keys, 3, failed), 0);
	assert_int_equal(failed[0], 1);
}

static void refused(void **state)
{
	struct fixture *f = *state;
	struct adaptor_terms t = terms_of(7, "127.2.0.1"), other;
	struct adaptor_result result = { 0 };

	assert_int_equal(adaptor_proxy.apply(f->state, &t, &result), 0);
	other = terms_of(8, "127.2.0.1");
	result = (struct adaptor_result){ 0 };
	assert_int_equal(adaptor_proxy.apply(f->state, &other, &result), -EINVAL);
	assert_string_equal(result.reason, "the public address belongs to ICorp 7");
	endpoints[0].public_addr.s_addr = 0;
	assert_int_equal(adaptor_proxy.check(f->state, &other, &result), -EINVAL);
}

static void daemon_down(void **state)
{
	struct fixture *f = *state;
	struct adaptor_terms t = terms_of(7, "127.2.0.1");
	struct adaptor_result result = { 0 };
	struct adaptor_key key = key_of(7);
	unsigned orphans, repaired;

	assert_int_equal(adaptor_proxy.apply(f->state, &t, &result), 0);
	stop(f);
	assert_int_equal(adaptor_proxy.apply(f->state, &t, &result), -EAGAIN);
	assert_int_equal(adaptor_proxy.audit(f->state, &key, 1, &orphans, &repaired), -EAGAIN);
	start(f);
	assert_false(serves(f, "127.2.0.1"));
	assert_int_equal(adaptor_proxy.audit(f->state, &key, 1, &orphans, &repaired), 0); /* gives it back */
	assert_int_equal(orphans, 0);
	assert_int_equal(repaired, 1);
	assert_true(serves(f, "127.2.0.1"));
	assert_int_equal(adaptor_proxy.audit(f->state, &key, 1, &orphans, &repaired), 0);
	assert_int_equal(repaired, 0);
}

static void orphans_go(void **state)
{
	struct fixture *f = *state;
	struct adaptor_terms t;
	struct adaptor_result result = { 0 };
	struct adaptor_key key = key_of(8);
	unsigned orphans, repaired;

	t = terms_of(7, "127.2.0.1");
	assert_int_equal(adaptor_proxy.apply(f->state, &t, &result), 0);
	t = terms_of(8, "127.2.0.2");
	assert_int_equal(adaptor_proxy.apply(f->state, &t, &result), 0);
	assert_int_equal(adaptor_proxy.audit(f->state, &key, 1, &orphans, &repaired), 0);
	assert_int_equal(orphans, 1);
	assert_false(serves(f, "127.2.0.1"));
	assert_true(serves(f, "127.2.0.2"));
	assert_int_equal(adaptor_proxy.audit(f->state, NULL, 0, &orphans, &repaired), 0);
	assert_int_equal(orphans, 1);
	assert_false(serves(f, "127.2.0.2"));
}

static void measure_and_show(void **state)
{
	struct fixture *f = *state;
	struct adaptor_terms t = terms_of(7, "127.2.0.1");
	struct adaptor_result result = { 0 };
	struct writer *w = writer_new();
	char *json;

	assert_int_equal(adaptor_proxy.apply(f->state, &t, &result), 0);
	assert_int_equal(adaptor_proxy.measure(f->state, w), 0);
	assert_int_equal(adaptor_proxy.show(f->state, w), 0);
	json = writer_render(w, WRITER_JSON);
	assert_non_null(strstr(json, "bytes_up"));
	assert_non_null(strstr(json, "round-robin"));
	assert_non_null(strstr(json, "srv1"));
	free(json);
	writer_free(w);
}

static void options(void **state)
{
	char why[128], path[200];
	struct adaptor_option option = { "socket", path };

	assert_int_equal(adaptor_proxy.probe(NULL, 0, why, sizeof(why)), -EINVAL);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(adaptor_proxy.probe(&option, 1, why, sizeof(why)), -EINVAL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(apply_and_revoke), CASE(not_local), CASE(renewed), CASE(refused), CASE(daemon_down), CASE(orphans_go),
		CASE(measure_and_show), CASE(options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
