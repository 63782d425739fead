/*
 * What is described of ICorps (proxy_world.h): refused in full or done in full, ended with all it has, gone when it is not renewed.
 */
#include "config.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
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
#include "tests/unit/proxy_world.h"

static unsigned open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int none_more(void *before)
{
	return open_files() <= *(unsigned *)before;
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
	world_until(w, world_has_answered, w);
	assert_int_equal(table_unset(w->proxy, key), 0);
	user_wait(w, &user);
	assert_string_equal(user.got, "reset");
	assert_int_equal(table_unset(w->proxy, key), -ENOENT);
	assert_int_equal(w->proxy->n_conns, 0);
	assert_int_equal(w->proxy->n_icorps, 0);
	assert_int_equal(user_connect(w), -1);
	server_stop(w, 1);
	world_until(w, none_more, &before); /* the server's thread is about to close its end */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(unset_ends_everything), WORLD_TEST(not_renewed), WORLD_TEST(refused_changes_nothing),
		WORLD_TEST(public_address_is_one_icorps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
