/*
 * Which server a connection goes to (proxy_world.h): balancing, failover and health. Time is warped, not waited for.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "proxy/conn.h"
#include "tests/unit/proxy_world.h"

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
	world_until(w, world_is_idle, w);
	assert_int_equal(s->targets[0]->item.active, 0);
	assert_int_equal(s->targets[1]->item.active, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(in_turn), WORLD_TEST(by_weight), WORLD_TEST(dead_server), WORLD_TEST(server_comes_back),
		WORLD_TEST(restarted_server), WORLD_TEST(nobody_there), WORLD_TEST(no_servers_described),
		WORLD_TEST(silent_server), WORLD_TEST(least_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
