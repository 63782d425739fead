/*
 * The relay with real sockets on the loopback interface (proxy_world.h): half-close, integrity, backpressure, limits, timeouts, and a
 * change while bytes flow. Time is warped, not waited for.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "proxy/conn.h"
#include "proxy/relay.h"
#include "tests/unit/proxy_world.h"

#define BIG (24u << 20)

static void serve_echo(int fd, int n)
{
	char buf[65536];
	ssize_t got;

	while ((got = recv(fd, buf, sizeof(buf), 0)) > 0)
		if (write_all(fd, buf, (size_t)got))
			break;
	close(fd);
}

static void serve_flood(int fd, int n)
{
	static char zero[65536];

	for (size_t i = 0; i < (64u << 20) / sizeof(zero); i++)
		if (write_all(fd, zero, sizeof(zero)))
			break;
	close(fd);
}

/* Answers without hearing the user out, and closes. */
static void serve_curtly(int fd, int n)
{
	char c;

	if (recv(fd, &c, 1, 0) == 1)
		write_all(fd, "too large", 9);
	close(fd);
}

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 2654435761u >> 13);
}

struct duplex { int fd; int bad; uint64_t got; };

static void *read_pattern(void *arg)
{
	struct duplex *d = arg;
	uint8_t buf[65536];
	ssize_t n;

	while ((n = recv(d->fd, buf, sizeof(buf), 0)) > 0)
		for (ssize_t i = 0; i < n; i++)
			d->bad |= buf[i] != pattern(d->got++);
	return NULL;
}

/* Sends BIG bytes through an echo server while reading them back. */
static void *big_echo(void *arg)
{
	struct user *user = arg;
	struct duplex d = { .fd = user_connect(user->world) };
	uint8_t buf[40000];
	pthread_t reader;

	pthread_create(&reader, NULL, read_pattern, &d);
	for (uint64_t sent = 0; sent < BIG;) {
		size_t n = BIG - sent < sizeof(buf) ? (size_t)(BIG - sent) : sizeof(buf);

		for (size_t i = 0; i < n; i++)
			buf[i] = pattern(sent + i);
		if (write_all(d.fd, buf, n))
			break;
		sent += n;
	}
	shutdown(d.fd, SHUT_WR);
	pthread_join(reader, NULL);
	close(d.fd);
	snprintf(user->got, sizeof(user->got), "%s", d.bad ? "bad" : "good");
	user->bytes = d.got;
	user->done = 1;
	return NULL;
}

static void *uploads(void *arg)
{
	struct user *user = arg;
	static char zero[65536];
	int fd = user_connect(user->world);

	for (int i = 0; i < 200 && !write_all(fd, zero, sizeof(zero)); i++)
		;
	user->bytes = (uint64_t)recv(fd, user->got, sizeof(user->got) - 1, 0);
	close(fd);
	user->done = 1;
	return NULL;
}

static void half_close(void **state)
{
	struct world *w = *state;
	struct user user;

	server_start(w, 1, serve_count);
	assert_int_equal(world_set(w, "1", ""), 0);
	user_start(w, &user, one_request);
	user_wait(w, &user);
	assert_string_equal(user.got, "5 hello");
	assert_int_equal(world_service(w)->counters.broken, 0);
	assert_int_equal(w->proxy->n_conns, 0);
}

static void proxy_line(void **state)
{
	struct world *w = *state;
	struct user user;
	char more[256], dst[32];

	server_start(w, 1, serve_count);
	snprintf(more, sizeof(more), ",\"services\":[{\"name\":\"web\",\"protocol\":\"tcp\",\"port\":%u,"
		 "\"target_port\":%u,\"proxy_protocol\":true}]", w->port, w->target_port);
	assert_int_equal(world_set(w, "1", more), 0);
	user_start(w, &user, one_request);
	user_wait(w, &user);
	assert_non_null(strstr(user.got, " PROXY TCP4 127.0.0.1 127.2.0.1 "));
	snprintf(dst, sizeof(dst), " %u", w->port);
	assert_non_null(strstr(user.got, dst));
}

static void big_transfer(void **state)
{
	struct world *w = *state;
	struct user user[3];

	server_start(w, 1, serve_echo);
	assert_int_equal(world_set(w, "1", ""), 0);
	for (int i = 0; i < 3; i++)
		user_start(w, &user[i], big_echo);
	for (int i = 0; i < 3; i++) {
		user_wait(w, &user[i]);
		assert_string_equal(user[i].got, "good");
		assert_int_equal(user[i].bytes, BIG);
	}
	assert_int_equal(world_service(w)->counters.bytes_up, 3ull * BIG);
	assert_int_equal(world_service(w)->counters.bytes_down, 3ull * BIG);
	assert_int_equal(pipe_pool_used(w->proxy->pipes), 0);
}

/* The same without a single pipe to be had. */
static void big_transfer_without_pipes(void **state)
{
	struct world *w = *state;
	struct user user;

	pipe_pool_free(w->proxy->pipes);
	w->proxy->pipes = pipe_pool_new(0);
	server_start(w, 1, serve_echo);
	assert_int_equal(world_set(w, "1", ""), 0);
	user_start(w, &user, big_echo);
	user_wait(w, &user);
	assert_string_equal(user.got, "good");
	assert_int_equal(user.bytes, BIG);
}

static int a_third_through(void *ctx)
{
	return world_service(ctx)->counters.bytes_down > BIG / 3;
}

/* The server of a running transfer leaves the description, the others change: the transfer goes on. */
static void change_during_transfer(void **state)
{
	struct world *w = *state;
	struct user user, other;
	struct listener *listener;

	server_start(w, 1, serve_echo);
	server_start(w, 2, serve_name);
	assert_int_equal(world_set(w, "1", ""), 0);
	listener = world_service(w)->listener;
	user_start(w, &user, big_echo);
	world_until(w, a_third_through, w);
	assert_int_equal(world_set(w, "2", ",\"policy\":\"least-connections\""), 0);
	assert_ptr_equal(world_service(w)->listener, listener);
	user_start(w, &other, many_names);
	user_wait(w, &other);
	assert_string_equal(other.got, "222222222222222222222222222222");
	user_wait(w, &user);
	assert_string_equal(user.got, "good");
	assert_int_equal(user.bytes, BIG);
}

/* A server that answers early and resets: the answer reaches the user who is still sending. */
static void early_answer(void **state)
{
	struct world *w = *state;
	struct user user;

	server_start(w, 1, serve_curtly);
	assert_int_equal(world_set(w, "1", ""), 0);
	for (int i = 0; i < 20; i++) {
		user_start(w, &user, uploads);
		user_wait(w, &user);
		assert_string_equal(user.got, "too large");
	}
	assert_int_equal(pipe_pool_used(w->proxy->pipes), 0);
}

static int stalled(void *ctx)
{
	struct world *w = ctx;
	static uint64_t last;
	static int same;
	uint64_t now = w->proxy->n_conns ? world_service(w)->counters.bytes_down : 0;

	same = now && now == last ? same + 1 : 0;
	last = now;
	return same > 20;
}

/* A user that does not read stops the server's sending; what is held is bounded. */
static void backpressure(void **state)
{
	struct world *w = *state;
	struct conn *conn;
	int fd;

	server_start(w, 1, serve_flood);
	assert_int_equal(world_set(w, "1", ""), 0);
	fd = user_connect(w);
	world_until(w, stalled, w);
	conn = LIST_FIRST(&world_service(w)->conns);
	assert_true(world_service(w)->counters.bytes_down < (16u << 20));
	assert_true(conn->down.piped + conn->down.spilled <= 256 * 1024);
	assert_int_equal(pump_waits(&conn->down), PUMP_WRITE);
	close(fd);
	world_until(w, world_is_idle, w);
}

static void idle_timeout(void **state)
{
	struct world *w = *state;
	struct user user;

	server_start(w, 1, serve_hold);
	assert_int_equal(world_set(w, "1", ""), 0);
	user_start(w, &user, idle_user);
	world_until(w, world_has_answered, w);
	clock_warp(w->config.idle_timeout_us / 2);
	for (int i = 0; i < 20; i++)
		world_turn(w);
	assert_int_equal(w->proxy->n_conns, 1);
	clock_warp(w->config.idle_timeout_us);
	user_wait(w, &user);
	assert_int_equal(world_service(w)->counters.timeouts, 1);
	assert_string_equal(user.got, "reset");
}

static int two_conns(void *ctx)
{
	return ((struct world *)ctx)->proxy->n_conns == 2;
}

static int paused(void *ctx)
{
	return world_service(ctx)->listener->paused;
}

/* Over the limit users wait in the backlog instead of being refused. */
static void limit(void **state)
{
	struct world *w = *state;
	struct user user;
	int first, second;

	w->config.max_connections_per_icorp = 2;
	server_start(w, 1, serve_hold);
	assert_int_equal(world_set(w, "1", ""), 0);
	first = user_connect(w);
	second = user_connect(w);
	world_until(w, two_conns, w);
	user_start(w, &user, one_request);
	world_until(w, paused, w);
	assert_int_equal(w->proxy->n_paused, 1);
	assert_false(user.done);
	close(first);
	user_wait(w, &user);
	assert_string_equal(user.got, "1");
	assert_int_equal(w->proxy->n_paused, 0);
	close(second);
	world_until(w, world_is_idle, w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(half_close), WORLD_TEST(proxy_line), WORLD_TEST(big_transfer),
		WORLD_TEST(big_transfer_without_pipes), WORLD_TEST(change_during_transfer), WORLD_TEST(early_answer),
		WORLD_TEST(backpressure), WORLD_TEST(idle_timeout), WORLD_TEST(limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
