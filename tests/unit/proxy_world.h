/*
 * A small world on the loopback interface for the relay's tests: servers are threads at 127.1.0.N, the proxy runs in
 * the test's own thread at 127.2.0.1 (source 127.3.0.1), users are threads.
 *
 *     user (thread) --> 127.2.0.1:port  proxy (this thread's loop)  127.3.0.1 --> 127.1.0.1..N:target (threads)
 */
#ifndef ICORP_TESTS_PROXY_WORLD_H
#define ICORP_TESTS_PROXY_WORLD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/settings.h"
#include "proxy/table.h"

#define WORLD_MAX 8

struct server {
	int n;                               /* listens at 127.1.0.n */
	int listen_fd;                       /* -1: dead */
	void (*serve)(int fd, int n);        /* one connection; closes fd */
	pthread_t thread;
};

struct world {
	struct event_base *base;
	struct proxy_config config;
	struct proxy *proxy;
	uint16_t port, target_port;
	struct server server[WORLD_MAX];     /* by n */
	char down;                           /* the digit of a server that is described as down */
};

struct user {
	void *(*run)(void *);
	struct world *world;
	pthread_t thread;
	atomic_int done;
	char got[4096];                      /* what it wants to tell */
	uint64_t bytes;
};

void world_new(struct world *world);
void world_free(struct world *world);
void server_start(struct world *world, int n, void (*serve)(int fd, int n));
void server_stop(struct world *world, int n);
/* Describes ICorp 7 with the servers 127.1.0.N for each digit N in `servers` ("123"; weight N when the policy looks),
 * with further members of the JSON in `more` (",\"policy\":…" or ""). */
int world_set(struct world *world, const char *servers, const char *more);
struct service *world_service(struct world *world);

void user_start(struct world *world, struct user *user, void *(*run)(void *));
/* Runs the proxy's loop until the user is done. */
void user_wait(struct world *world, struct user *user);
/* Runs the loop until what() is not 0; fails after 20 s. */
void world_until(struct world *world, int (*what)(void *ctx), void *ctx);
/* A few turns of the loop. */
void world_turn(struct world *world);
/* A blocking socket connected to the service, -1 and errno if not. */
int user_connect(struct world *world);
/* Reads to the end (or an error: returns -1) into out, NUL-terminated. */
int read_all(int fd, char *out, size_t room);
int write_all(int fd, const void *data, size_t len);

/* What servers do: say their digit and close; say with how many bytes and which first line the user ended; say their digit
 * and hold the connection until the user ends it. */
void serve_name(int fd, int n);
void serve_count(int fd, int n);
void serve_hold(int fd, int n);
/* What users do: connect 30 times, with a digit, or x, of each in `got`; send "hello", end, and keep the answer, or "error" and
 * errno; read until they are closed, or reset, and say which. */
void *many_names(void *arg);
void *one_request(void *arg);
void *idle_user(void *arg);

/* For world_until, with the world: it has connections, none, or a byte has come from a server. */
int world_has_conns(void *ctx);
int world_is_idle(void *ctx);
int world_has_answered(void *ctx);

/* A new world for each test. */
int world_setup(void **state);
int world_teardown(void **state);
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

#endif
