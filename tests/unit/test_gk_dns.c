/*
 * Names in DNS, against a real knotd on a port of the loopback interface, with TSIG: published on completion, withdrawn on
 * deletion, the loop not stalled by a server that hangs, everything said again to one that was away. Skipped where knotd
 * or kdig is not installed.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <ldns/ldns.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "gatekeeper/dns.h"
#include "gatekeeper/dns_message.h"
#include "tests/unit/gk_world.h"

#define SECRET "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IDEyMzQ="
#define SHOP "name=shop&class=silver&servers=1&access=ar1&access=ar2"

extern char **environ;

struct server { char dir[64]; uint16_t port; pid_t pid; };

static struct server *running; /* ended also when a test fails */

static const char *find_knotd(void)
{
	static const char *const places[] = {"/usr/sbin/knotd", "/usr/bin/knotd", "/usr/local/sbin/knotd"};

	for (unsigned i = 0; i < 3; i++)
		if (!access(places[i], X_OK))
			return places[i];
	return NULL;
}

static uint16_t free_port(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	close(fd);
	return ntohs(sa.sin_port);
}

static void write_file(const struct server *s, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void configure(struct server *s)
{
	char text[1024];

	strcpy(s->dir, "/tmp/gk-knot-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	s->port = free_port();
	snprintf(text, sizeof(text),
		 "server:\n    rundir: %s\n    listen: 127.0.0.1@%u\nlog:\n  - target: stderr\n    any: error\ndatabase:\n"
		 "    storage: %s\nkey:\n  - id: gk\n    algorithm: hmac-sha256\n    secret: %s\nacl:\n  - id: update\n"
		 "    key: gk\n    action: update\ntemplate:\n  - id: default\n    storage: %s\nzone:\n  - domain: asp.test\n"
		 "    file: asp.test.zone\n    acl: update\n", s->dir, s->port, s->dir, SECRET, s->dir);
	write_file(s, "knot.conf", text);
	write_file(s, "asp.test.zone", "$ORIGIN asp.test.\n$TTL 5\n@ SOA ns hostmaster 1 3600 600 86400 5\n@ NS ns\nns A 127.0.0.1\n");
	write_file(s, "secret", SECRET "\n");
}

static void start_knotd(struct server *s)
{
	char config[128];
	char *argv[] = {(char *)"knotd", (char *)"-c", config, NULL};
	posix_spawn_file_actions_t actions;

	snprintf(config, sizeof(config), "%s/knot.conf", s->dir);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	assert_int_equal(posix_spawn(&s->pid, find_knotd(), &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
}

static void stop_knotd(struct server *s)
{
	if (s->pid) {
		kill(s->pid, SIGCONT);
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
}

static void remove_server(struct server *s)
{
	char command[96];
	char *argv[] = {(char *)"rm", (char *)"-rf", command, NULL};
	pid_t pid;

	stop_knotd(s);
	snprintf(command, sizeof(command), "%s", s->dir);
	if (!posix_spawnp(&pid, "rm", NULL, NULL, argv, environ))
		waitpid(pid, NULL, 0);
	free(s);
	running = NULL;
}

/* How many addresses the server gives for the name; -1 when it does not answer. */
static int ask(const struct server *s, const char *name)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {0, 300000};
	ldns_pkt *query = NULL, *answer = NULL;
	uint8_t *wire = NULL, buffer[1500];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), n = -1;
	size_t len;
	ssize_t got;

	assert_int_equal(ldns_pkt_query_new_frm_str(&query, name, LDNS_RR_TYPE_A, LDNS_RR_CLASS_IN, LDNS_RD), LDNS_STATUS_OK);
	assert_int_equal(ldns_pkt2wire(&wire, query, &len), LDNS_STATUS_OK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(sendto(fd, wire, len, 0, (struct sockaddr *)&sa, sizeof(sa)), (ssize_t)len);
	got = recv(fd, buffer, sizeof(buffer), 0);
	if (got > 0 && ldns_wire2pkt(&answer, buffer, (size_t)got) == LDNS_STATUS_OK)
		n = ldns_pkt_ancount(answer);
	ldns_pkt_free(query);
	ldns_pkt_free(answer);
	free(wire);
	close(fd);
	return n;
}

static void wait_for(struct world *w, const struct server *s, const char *name, int count)
{
	time_t until = time(NULL) + 30;

	while (ask(s, name) != count) {
		if (time(NULL) >= until)
			fail_msg("%s: wanted %d addresses, the server says %d; state %s", name, count, ask(s, name),
				 dns_state(w->gk->dns, 1, name));
		for (unsigned i = 0; i < 20; i++)
			world_turn(w);
	}
}

/* Until the last attempt failed, or worked and nothing is pending. */
static void wait_health(struct world *w, int failed)
{
	time_t until = time(NULL) + 30;

	while (failed ? !dns_health(w->gk->dns) : dns_health(w->gk->dns) || dns_pending(w->gk->dns)) {
		if (time(NULL) >= until)
			fail_msg("the DNS server is %s after 30 s", failed ? "still fine" : "not caught up with");
		world_turn(w);
	}
}

static struct world *new_world(const struct server *s, const char *secret)
{
	char extra[512];
	struct world *w;

	snprintf(extra, sizeof(extra), "dns_server = \"127.0.0.1:%u\"\ndns_ttl = 1\ntsig_name = \"gk\"\n"
		 "tsig_secret_file = \"%s/%s\"\nanonymous = \"client\"", s->port, s->dir, secret);
	w = world_new(extra);
	world_register(w);
	return w;
}

static struct server *new_server(void)
{
	struct server *s;

	if (!find_knotd()) {
		print_message("skipped: knotd is not installed\n");
		skip();
	}
	s = running = calloc(1, sizeof(*s));
	configure(s);
	return s;
}

static void complete(struct world *w, unsigned id)
{
	char body[96];

	snprintf(body, sizeof(body), "{\"icorp\":%u,\"revision\":1,\"state\":\"complete\"}", id);
	free(world_expect(w, 200, "POST", "/v1/elements/ar1/report", "token-ar1", body));
}

static void test_names(void **state)
{
	struct server *s = new_server();
	struct world *w;
	struct reader *work;

	start_knotd(s);
	w = new_world(s, "secret");
	wait_for(w, s, "ns.asp.test", 1);
	work = reader_new(w, "/v1/elements/ar1/work", "token-ar1");
	reader_wait(work, "event: synced\n");
	free(world_expect(w, 201, "POST", "/v1/icorps", NULL, SHOP));
	reader_wait(work, "event: create\n");
	assert_int_equal(ask(s, "shop.asp.test"), 0); /* not before it is complete */
	complete(w, 1);
	wait_for(w, s, "shop.asp.test", 2);
	free(world_expect(w, 200, "POST", "/v1/elements/ar1/report", "token-ar1", "{\"icorp\":1,\"state\":\"degraded\"}"));
	assert_int_equal(ask(s, "shop.asp.test"), 2);
	free(world_expect(w, 202, "DELETE", "/v1/icorps/1", NULL, NULL));
	wait_for(w, s, "shop.asp.test", 0);
	wait_for(w, s, "ns.asp.test", 1); /* nothing else was touched */
	reader_free(work);
	world_free(w);
	remove_server(s);
}

/* A server that accepts and says nothing; and one that comes back with nothing of what it knew. */
static void test_absence(void **state)
{
	struct server *s = new_server();
	struct world *w;
	struct timespec before, after;

	start_knotd(s);
	w = new_world(s, "secret");
	free(world_expect(w, 201, "POST", "/v1/icorps", NULL, SHOP));
	complete(w, 1);
	wait_for(w, s, "shop.asp.test", 2);
	kill(s->pid, SIGSTOP);
	free(world_expect(w, 201, "POST", "/v1/icorps", NULL, "name=b&class=silver&access=ar1"));
	complete(w, 2);
	clock_gettime(CLOCK_MONOTONIC, &before);
	free(world_expect(w, 200, "GET", "/v1/icorps/2", NULL, NULL));
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(after.tv_sec - before.tv_sec <= 1);
	wait_health(w, 1);
	free(world_expect(w, 200, "GET", "/v1/status", NULL, NULL));
	assert_string_equal(dns_state(w->gk->dns, 1, "b.asp.test"), "pending");
	stop_knotd(s);
	write_file(s, "asp.test.zone", "$ORIGIN asp.test.\n$TTL 5\n@ SOA ns hostmaster 100 3600 600 86400 5\n@ NS ns\nns A 127.0.0.1\n");
	world_restart(w); /* and we were away as well */
	start_knotd(s);
	wait_for(w, s, "b.asp.test", 1);
	wait_for(w, s, "shop.asp.test", 2);
	wait_health(w, 0);
	assert_string_equal(dns_state(w->gk->dns, 1, "b.asp.test"), "published");
	world_free(w);
	remove_server(s);
}

static void test_wrong_secret(void **state)
{
	struct server *s = new_server();
	struct world *w;
	char *status;

	write_file(s, "wrong", "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3JvbmcgMTI=\n");
	start_knotd(s);
	w = new_world(s, "wrong");
	wait_for(w, s, "ns.asp.test", 1);
	free(world_expect(w, 201, "POST", "/v1/icorps", NULL, SHOP));
	complete(w, 1);
	wait_health(w, 1);
	status = world_expect(w, 200, "GET", "/v1/status", NULL, NULL);
	assert_non_null(strstr(status, "not authorised"));
	assert_non_null(strstr(status, "\"ok\":false"));
	free(status);
	assert_int_equal(ask(s, "shop.asp.test"), 0);
	world_free(w);
	remove_server(s);
}

static int tear_down(void **state)
{
	if (running)
		remove_server(running);
	return 0;
}

/* Without a server: what is sent, byte for byte enough, and what is made of answers nobody signed. */
static void test_messages(void **state)
{
	struct dns_key key = {"gk", "hmac-sha256", SECRET}, none = {"", "hmac-sha256", ""};
	struct dns_change change = {.name = "shop.asp.test", .n = 1, .address = {{htonl(0x0aca0101)}}};
	struct dns_update *update;
	const uint8_t *wire;
	uint8_t answer[512];
	size_t len;
	char why[200] = "";

	update = dns_update_new("asp.test", 5, &change, 1, &none, why, sizeof(why));
	assert_non_null(update);
	wire = dns_update_wire(update, &len);
	assert_int_equal(wire[2] >> 3, 5); /* UPDATE */
	assert_int_equal(wire[5], 1);      /* the zone */
	assert_int_equal(wire[9], 2);      /* delete the RRset, add one */
	memcpy(answer, wire, 12);
	answer[2] |= 0x80;
	memset(answer + 4, 0, 8);
	assert_int_equal(dns_update_check(update, answer, 12, why, sizeof(why)), 0);
	answer[3] = 5;
	assert_int_not_equal(dns_update_check(update, answer, 12, why, sizeof(why)), 0);
	assert_non_null(strstr(why, "refused"));
	answer[3] = 0;
	answer[0] ^= 1;
	assert_int_not_equal(dns_update_check(update, answer, 12, why, sizeof(why)), 0);
	assert_int_not_equal(dns_update_check(update, answer, 3, why, sizeof(why)), 0);
	dns_update_free(update);
	update = dns_update_new("asp.test", 5, &change, 1, &key, why, sizeof(why));
	assert_non_null(update);
	wire = dns_update_wire(update, &len);
	assert_int_equal(wire[11], 1);     /* TSIG */
	memcpy(answer, wire, 12);
	answer[2] |= 0x80;
	memset(answer + 4, 0, 8);
	assert_int_not_equal(dns_update_check(update, answer, 12, why, sizeof(why)), 0);
	assert_non_null(strstr(why, "not signed"));
	dns_update_free(update);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test_teardown(test_names, tear_down),
		cmocka_unit_test_teardown(test_absence, tear_down),
		cmocka_unit_test_teardown(test_wrong_secret, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
