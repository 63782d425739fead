/*
 * The relay with real sockets on the loopback interface (proxy_world.h): balancing, failover, health, half-close,
 * integrity, backpressure, limits, timeouts and changes while bytes flow. Time is warped, not waited for.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "proxy/conn.h"
#include "proxy/relay.h"
#include "tests/unit/proxy_world.h"

#define BIG (24u << 20)

static int setup(void **state)
{
	static struct world world;

	world_new(&world);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* --- what servers do --- */

static void serve_name(int fd, int n)
{
	char c = (char)('0' + n);

	write_all(fd, &c, 1);
	close(fd);
}

static void serve_echo(int fd, int n)
{
	char buf[65536];
	ssize_t got;

	while ((got = recv(fd, buf, sizeof(buf), 0)) > 0)
		if (write_all(fd, buf, (size_t)got))
			break;
	close(fd);
}

/* Answers only after the user has ended: with the number of bytes and the first line. */
static void serve_count(int fd, int n)
{
	char buf[65536], text[256];
	int got = read_all(fd, buf, sizeof(buf));

	snprintf(text, sizeof(text), "%d %.*s", got, (int)strcspn(buf, "\r\n"), buf);
	write_all(fd, text, strlen(text));
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

/* Holds the connection until the user ends it. */
static void serve_hold(int fd, int n)
{
	char c = (char)('0' + n);

	write_all(fd, &c, 1);
	while (recv(fd, &c, 1, 0) > 0)
		;
	close(fd);
}

/* --- what users do --- */

static void *many_names(void *arg)
{
	struct user *user = arg;
	char buf[64];

	for (int i = 0; i < 30; i++) {
		int fd = user_connect(user->world);
		int n = fd < 0 ? -1 : read_all(fd, buf, sizeof(buf));

		user->got[i] = n == 1 ? buf[0] : 'x';
		if (fd >= 0)
			close(fd);
	}
	user->done = 1;
	return NULL;
}

static void *one_request(void *arg)
{
	struct user *user = arg;
	int fd = user_connect(user->world);

	if (fd < 0 || write_all(fd, "hello", 5) || shutdown(fd, SHUT_WR) ||
	    read_all(fd, user->got, sizeof(user->got)) < 0)
		snprintf(user->got, sizeof(user->got), "error %d", errno);
	if (fd >= 0)
		close(fd);
	user->done = 1;
	return NULL;
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

/* --- cases --- */

static void in_turn(void **state)
{
	struct world *w = *state;
	struct user user;

	for (int n = 1; n <= 3; n++)
		server_start(w, n, serve_name);
	assert_int_equal(world_set(w, "123", ""), 0);
	user_start(w, &user, many_names);
	user_wait(w, &user);
	assert_string_equal(user.got, "123123123123123123123123123123");
	assert_int_equal(world_service(w)->counters.accepted, 30);
	assert_int_equal(world_service(w)->counters.bytes_down, 30);
}

static void by_weight(void **state)
{
	struct world *w = *state;
	struct user user;
	unsigned per[4] = { 0 };

	for (int n = 1; n <= 3; n++)
		server_start(w, n, serve_name);
	assert_int_equal(world_set(w, "123", ",\"policy\":\"weighted\""), 0);
	user_start(w, &user, many_names);
	user_wait(w, &user);
	for (int i = 0; i < 30; i++)
		per[(user.got[i] - '0') & 3]++;
	assert_int_equal(per[1], 5);
	assert_int_equal(per[2], 10);
	assert_int_equal(per[3], 15);
}

/* A dead server costs nobody a request; it is ejected after the first failure, not asked again. */
static void dead_server(void **state)
{
	struct world *w = *state;
	struct user user;

	server_start(w, 1, serve_name);
	server_start(w, 3, serve_name);
	assert_int_equal(world_set(w, "123", ""), 0);
	user_start(w, &user, many_names);
	user_wait(w, &user);
	assert_null(strchr(user.got, 'x'));
	assert_null(strchr(user.got, '2'));
	assert_int_equal(world_service(w)->counters.failovers, 1);
	assert_int_equal(world_service(w)->counters.failed, 0);
	assert_true(world_service(w)->targets[1]->health.ejected);
	assert_int_equal(world_service(w)->targets[1]->health.error, ECONNREFUSED);
}

static int second_is_in(void *ctx)
{
	return !world_service(ctx)->targets[1]->health.ejected;
}

static int second_failed_twice(void *ctx)
{
	return world_service(ctx)->targets[1]->health.failures >= 2;
}

/* A server that comes back is found by probing, without a user's connection. */
static void server_comes_back(void **state)
{
	struct world *w = *state;
	struct user user;

	server_start(w, 1, serve_name);
	assert_int_equal(world_set(w, "12", ""), 0);
	user_start(w, &user, many_names);
	user_wait(w, &user);
	assert_false(second_is_in(w));
	clock_warp(w->config.eject_min_us);
	world_until(w, second_failed_twice, w);
	server_start(w, 2, serve_name);
	clock_warp(2 * w->config.eject_min_us);
	world_until(w, second_is_in, w);
	user_start(w, &user, many_names);
	user_wait(w, &user);
	assert_non_null(strchr(user.got, '2'));
	assert_null(strchr(user.got, 'x'));
}

/* A server that the description took down and up again (it was started anew) is used at once. */
static void restarted_server(void **state)
{
	struct world *w = *state;
	struct user user;

	server_start(w, 1, serve_name);
	assert_int_equal(world_set(w, "12", ""), 0);
	user_start(w, &user, many_names);
	user_wait(w, &user);
	assert_false(second_is_in(w));
	w->down = '2';
	assert_int_equal(world_set(w, "12", ""), 0);
	w->down = 0;
	assert_false(world_service(w)->targets[1]->up);
	server_start(w, 2, serve_name);
	assert_int_equal(world_set(w, "12", ""), 0);
	assert_true(second_is_in(w));
	user_start(w, &user, many_names);
	user_wait(w, &user);
	assert_int_equal(strspn(user.got, "12"), 30);
	assert_int_equal(world_service(w)->targets[1]->connects, 15);
}

static void nobody_there(void **state)
{
	struct world *w = *state;
	struct user user;

	assert_int_equal(world_set(w, "12", ""), 0);
	user_start(w, &user, one_request);
	user_wait(w, &user);
	assert_non_null(strstr(user.got, "error"));
	assert_int_equal(world_service(w)->counters.failed, 1);
	/* Both are ejected: asked nevertheless, for want of better ones. */
	server_start(w, 2, serve_count);
	user_start(w, &user, one_request);
	user_wait(w, &user);
	assert_string_equal(user.got, "5 hello");
}

static void no_servers_described(void **state)
{
	struct world *w = *state;
	struct user user;

	assert_int_equal(world_set(w, "", ""), 0);
	user_start(w, &user, one_request);
	user_wait(w, &user);
	assert_non_null(strstr(user.got, "error"));
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

static void *never_reads(void *arg)
{
	struct user *user = arg;
	int fd = user_connect(user->world);

	while (!user->bytes) /* set by the test */
		usleep(1000);
	close(fd);
	user->done = 1;
	return NULL;
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
	struct user user;
	struct conn *conn;

	server_start(w, 1, serve_flood);
	assert_int_equal(world_set(w, "1", ""), 0);
	user_start(w, &user, never_reads);
	world_until(w, stalled, w);
	conn = LIST_FIRST(&world_service(w)->conns);
	assert_true(world_service(w)->counters.bytes_down < (16u << 20));
	assert_true(conn->down.piped + conn->down.spilled <= 256 * 1024);
	assert_int_equal(pump_waits(&conn->down), PUMP_WRITE);
	user.bytes = 1;
	user_wait(w, &user);
}

static int has_conns(void *ctx)
{
	return ((struct world *)ctx)->proxy->n_conns > 0;
}

static int has_none(void *ctx)
{
	return !has_conns(ctx);
}

static int connecting(void *ctx)
{
	struct conn *conn = LIST_FIRST(&world_service(ctx)->conns);

	return conn && conn->state == CONN_CONNECTING;
}

/* A server that does not even refuse: after connect_timeout the next one is asked. */
static void silent_server(void **state)
{
	struct world *w = *state;
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(w->target_port) };
	struct user user;
	int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[2];

	sin.sin_addr.s_addr = htonl(0x7f010001);
	assert_int_equal(bind(silent, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(silent, 0), 0);
	for (int i = 0; i < 2; i++) { /* its backlog is full now: further SYNs are dropped */
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(fill[i], (struct sockaddr *)&sin, sizeof(sin));
	}
	server_start(w, 2, serve_count);
	assert_int_equal(world_set(w, "12", ""), 0);
	user_start(w, &user, one_request);
	world_until(w, connecting, w);
	clock_warp(w->config.connect_timeout_us);
	user_wait(w, &user);
	assert_string_equal(user.got, "5 hello");
	assert_int_equal(world_service(w)->targets[0]->health.error, ETIMEDOUT);
	assert_int_equal(world_service(w)->counters.failovers, 1);
	close(fill[0]);
	close(fill[1]);
	close(silent);
}

static void *idle_user(void *arg)
{
	struct user *user = arg;
	int fd = user_connect(user->world);
	ssize_t n;

	while ((n = recv(fd, user->got, sizeof(user->got), 0)) > 0)
		;
	snprintf(user->got, sizeof(user->got), "%s", n ? "reset" : "closed");
	close(fd);
	user->done = 1;
	return NULL;
}

static int one_byte(void *ctx)
{
	return has_conns(ctx) && world_service(ctx)->counters.bytes_down >= 1;
}

static void idle_timeout(void **state)
{
	struct world *w = *state;
	struct user user;

	server_start(w, 1, serve_hold);
	assert_int_equal(world_set(w, "1", ""), 0);
	user_start(w, &user, idle_user);
	world_until(w, one_byte, w);
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
	world_until(w, has_none, w);
}

static unsigned open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void unset_ends_everything(void **state)
{
	struct world *w = *state;
	struct user user;
	struct spec_key key;
	unsigned before = open_files();

	server_start(w, 1, serve_hold);
	assert_int_equal(world_set(w, "1", ""), 0);
	key = LIST_FIRST(&w->proxy->icorps)->spec.key;
	user_start(w, &user, idle_user);
	world_until(w, one_byte, w);
	assert_int_equal(table_unset(w->proxy, key), 0);
	user_wait(w, &user);
	assert_string_equal(user.got, "reset");
	assert_int_equal(table_unset(w->proxy, key), -ENOENT);
	assert_int_equal(w->proxy->n_conns, 0);
	assert_int_equal(w->proxy->n_icorps, 0);
	assert_int_equal(user_connect(w), -1);
	server_stop(w, 1);
	while (open_files() > before) /* the server's thread is about to close its end */
		usleep(1000);
}

static int gone(void *ctx)
{
	return !((struct world *)ctx)->proxy->n_icorps;
}

static void not_renewed(void **state)
{
	struct world *w = *state;

	assert_int_equal(world_set(w, "1", ",\"lifetime_s\":10"), 0);
	clock_warp(9 * CLOCK_S);
	assert_int_equal(world_set(w, "1", ",\"lifetime_s\":10"), 0);
	clock_warp(9 * CLOCK_S);
	for (int i = 0; i < 20; i++)
		world_turn(w);
	assert_int_equal(w->proxy->n_icorps, 1);
	clock_warp(2 * CLOCK_S);
	world_until(w, gone, w);
}

/* A description that cannot be leaves what was, in full. */
static void refused_changes_nothing(void **state)
{
	struct world *w = *state;
	struct user user;
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char more[512];

	sin.sin_addr.s_addr = htonl(0x7f020001);
	assert_int_equal(bind(taken, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(taken, 1), 0);
	getsockname(taken, (struct sockaddr *)&sin, &len);
	server_start(w, 1, serve_name);
	assert_int_equal(world_set(w, "1", ""), 0);
	snprintf(more, sizeof(more), ",\"services\":[{\"name\":\"web\",\"protocol\":\"tcp\",\"port\":%u,\"target_port\":9},"
		 "{\"name\":\"more\",\"protocol\":\"tcp\",\"port\":%u}]", w->port, ntohs(sin.sin_port));
	assert_int_equal(world_set(w, "23", more), -EADDRINUSE);
	assert_int_equal(world_service(w)->icorp->n_services, 1);
	assert_int_equal(world_service(w)->n_targets, 1);
	assert_int_equal(world_set(w, "1", ",\"mode\":\"kernel\""), -EOPNOTSUPP);
	user_start(w, &user, many_names);
	user_wait(w, &user);
	assert_string_equal(user.got, "111111111111111111111111111111");
	close(taken);
}

static void public_address_is_one_icorps(void **state)
{
	struct world *w = *state;
	char why[256];
	struct spec spec;

	assert_int_equal(world_set(w, "1", ""), 0);
	assert_int_equal(spec_parse("{\"id\":8,\"leader\":\"10.200.1.11\",\"name\":\"other\",\"public\":\"127.2.0.1\","
				    "\"source\":\"127.3.0.1\",\"backends\":[],"
				    "\"services\":[{\"name\":\"a\",\"protocol\":\"tcp\",\"port\":1}]}",
				    &spec, why, sizeof(why)), 0);
	assert_int_equal(table_set(w->proxy, &spec, why, sizeof(why)), -EADDRINUSE);
	assert_string_equal(why, "the public address belongs to ICorp 7");
	spec_clear(&spec);
}

/* Connections are counted per server, and least-connections looks at the count. */
static void least_connections(void **state)
{
	struct world *w = *state;
	struct service *s;
	int fd[6];

	server_start(w, 1, serve_hold);
	server_start(w, 2, serve_hold);
	assert_int_equal(world_set(w, "12", ",\"policy\":\"least-connections\""), 0);
	for (int i = 0; i < 6; i++) {
		fd[i] = user_connect(w);
		world_turn(w);
	}
	s = world_service(w);
	assert_int_equal(s->n_conns, 6);
	assert_int_equal(s->targets[0]->item.active, 2); /* weights 1 and 2 */
	assert_int_equal(s->targets[1]->item.active, 4);
	for (int i = 0; i < 6; i++)
		close(fd[i]);
	world_until(w, has_none, w);
	assert_int_equal(s->targets[0]->item.active, 0);
	assert_int_equal(s->targets[1]->item.active, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(in_turn), CASE(by_weight), CASE(dead_server), CASE(server_comes_back), CASE(restarted_server), CASE(nobody_there),
		CASE(no_servers_described), CASE(half_close), CASE(proxy_line), CASE(big_transfer),
		CASE(big_transfer_without_pipes), CASE(change_during_transfer), CASE(early_answer), CASE(backpressure), CASE(silent_server),
		CASE(idle_timeout), CASE(limit), CASE(unset_ends_everything), CASE(not_renewed),
		CASE(refused_changes_nothing), CASE(public_address_is_one_icorps), CASE(least_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
