/*
 * See proxy_world.h.
 */
#include "config.h"

#include "tests/unit/proxy_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/log.h"

static struct sockaddr_in at(int net, int n, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };

	sin.sin_addr.s_addr = htonl(0x7f000000u | (uint32_t)net << 16 | (uint32_t)n);
	return sin;
}

/* A port that is free now at 127.NET.0.1. */
static uint16_t free_port(int net)
{
	struct sockaddr_in sin = at(net, 1, 0);
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	close(fd);
	return ntohs(sin.sin_port);
}

void world_new(struct world *world)
{
	char why[256];

	memset(world, 0, sizeof(*world));
	log_open("test", NULL, LOG_SINK_STDERR, LOG_LEVEL_ERROR);
	world->base = event_base_new();
	world->config = (struct proxy_config){
		.test_clock = 1, .max_icorps = 4, .max_connections = 500, .max_connections_per_icorp = 400,
		.max_pipes = 16, .backlog = 64, .connect_attempts = 3, .connect_timeout_us = CLOCK_S,
		.idle_timeout_us = 60 * CLOCK_S, .dead_peer_us = 30 * CLOCK_S, .eject_min_us = CLOCK_S,
		.eject_max_us = 60 * CLOCK_S,
	};
	world->port = free_port(2);
	world->target_port = free_port(1);
	for (int i = 0; i < WORLD_MAX; i++)
		world->server[i].listen_fd = -1;
	world->proxy = proxy_new(world->base, &world->config, why, sizeof(why));
	assert_non_null(world->proxy);
}

void world_free(struct world *world)
{
	proxy_free(world->proxy);
	for (int i = 0; i < WORLD_MAX; i++)
		server_stop(world, i);
	event_base_free(world->base);
	log_close();
}

struct job { struct server *server; int fd; };

static void *serve_one(void *arg)
{
	struct job job = *(struct job *)arg;

	free(arg);
	job.server->serve(job.fd, job.server->n);
	return NULL;
}

static void *serve_all(void *arg)
{
	struct server *server = arg;
	pthread_attr_t detached;
	pthread_t thread;
	int fd;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	while ((fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct job *job = malloc(sizeof(*job));

		*job = (struct job){ server, fd };
		pthread_create(&thread, &detached, serve_one, job);
	}
	pthread_attr_destroy(&detached);
	return NULL;
}

void server_start(struct world *world, int n, void (*serve)(int fd, int n))
{
	struct server *server = &world->server[n];
	struct sockaddr_in sin = at(1, n, world->target_port);
	int one = 1;

	server->n = n;
	server->serve = serve;
	server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(server->listen_fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(server->listen_fd, 64), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve_all, server), 0);
}

void server_stop(struct world *world, int n)
{
	struct server *server = &world->server[n];

	if (server->listen_fd < 0)
		return;
	shutdown(server->listen_fd, SHUT_RDWR); /* wakes accept */
	pthread_join(server->thread, NULL);
	close(server->listen_fd);
	server->listen_fd = -1;
}

int world_set(struct world *world, const char *servers, const char *more)
{
	char text[2048], why[256] = "";
	struct spec spec;
	int n = snprintf(text, sizeof(text), "{\"id\":7,\"leader\":\"10.200.1.11\",\"name\":\"shop\","
			 "\"public\":\"127.2.0.1\",\"source\":\"127.3.0.1\"%s,\"backends\":[", more), err;

	for (const char *s = servers; *s; s++)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "%s{\"element\":\"srv%c\",\"address\":\"127.1.0.%c\",\"weight\":%c,\"up\":%s}",
			      s > servers ? "," : "", *s, *s, *s, *s == world->down ? "false" : "true");
	n += snprintf(text + n, sizeof(text) - (size_t)n, "]");
	if (!strstr(more, "\"services\""))
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      ",\"services\":[{\"name\":\"web\",\"protocol\":\"tcp\",\"port\":%u,\"target_port\":%u}]",
			      world->port, world->target_port);
	snprintf(text + n, sizeof(text) - (size_t)n, "}");
	if (spec_parse(text, &spec, why, sizeof(why)))
		fail_msg("%s: %s", why, text);
	err = table_set(world->proxy, &spec, why, sizeof(why));
	spec_clear(&spec);
	return err;
}

struct service *world_service(struct world *world)
{
	return LIST_FIRST(&world->proxy->icorps)->services[0];
}

void world_turn(struct world *world)
{
	struct timeval tick = { 0, 5000 };

	event_base_loopexit(world->base, &tick);
	event_base_loop(world->base, 0);
}

void world_until(struct world *world, int (*what)(void *ctx), void *ctx)
{
	time_t end = time(NULL) + 20;

	while (!what(ctx)) {
		world_turn(world);
		if (time(NULL) > end)
			fail_msg("waited too long");
	}
}

void user_start(struct world *world, struct user *user, void *(*run)(void *))
{
	memset(user, 0, sizeof(*user));
	user->world = world;
	user->run = run;
	assert_int_equal(pthread_create(&user->thread, NULL, run, user), 0);
}

static int is_done(void *ctx)
{
	return ((struct user *)ctx)->done;
}

void user_wait(struct world *world, struct user *user)
{
	world_until(world, is_done, user);
	pthread_join(user->thread, NULL);
}

int user_connect(struct world *world)
{
	struct sockaddr_in sin = at(2, 1, world->port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		return fd;
	close(fd);
	return -1;
}

int read_all(int fd, char *out, size_t room)
{
	size_t n = 0;
	ssize_t more;

	while ((more = recv(fd, out + n, room - 1 - n, 0)) > 0)
		n += (size_t)more;
	out[n] = '\0';
	return more < 0 ? -1 : (int)n;
}

int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

void serve_name(int fd, int n)
{
	char c = (char)('0' + n);

	write_all(fd, &c, 1);
	close(fd);
}

/* Answers only after the user has ended: with the number of bytes and the first line. */
void serve_count(int fd, int n)
{
	char buf[65536], text[256];
	int got = read_all(fd, buf, sizeof(buf));

	snprintf(text, sizeof(text), "%d %.*s", got, (int)strcspn(buf, "\r\n"), buf);
	write_all(fd, text, strlen(text));
	close(fd);
}

/* Holds the connection until the user ends it. */
void serve_hold(int fd, int n)
{
	char c = (char)('0' + n);

	write_all(fd, &c, 1);
	while (recv(fd, &c, 1, 0) > 0)
		;
	close(fd);
}

void *many_names(void *arg)
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

void *one_request(void *arg)
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

void *idle_user(void *arg)
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

int world_has_conns(void *ctx)
{
	return ((struct world *)ctx)->proxy->n_conns > 0;
}

int world_is_idle(void *ctx)
{
	return !world_has_conns(ctx);
}

int world_has_answered(void *ctx)
{
	return world_has_conns(ctx) && world_service(ctx)->counters.bytes_down >= 1;
}

int world_setup(void **state)
{
	static struct world world;

	world_new(&world);
	*state = &world;
	return 0;
}

int world_teardown(void **state)
{
	world_free(*state);
	return 0;
}
