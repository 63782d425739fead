/* Open vSwitch as a liar: a thread listens at its sockets, and says a few bytes to whoever comes, then hangs up. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/test_ovs.h"

struct peer { int fd; const char *says; size_t len; pthread_t thread; char dir[64], path[108]; };

static void *speak(void *arg)
{
	struct peer *p = arg;
	int fd = accept(p->fd, NULL, NULL);
	char ignored[4096];

	if (fd < 0)
		return NULL;
	recv(fd, ignored, sizeof(ignored), 0);
	for (size_t i = 0; i < p->len; i++)   /* byte by byte: it has to put them together */
		if (send(fd, p->says + i, 1, MSG_NOSIGNAL) != 1)
			break;
	shutdown(fd, SHUT_WR);
	while (recv(fd, ignored, sizeof(ignored), 0) > 0)
		;
	close(fd);
	return NULL;
}

static void peer_start(struct peer *p, const char *name, const char *says, size_t len)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	strcpy(p->dir, "/tmp/icorp-ovs-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/%s", p->dir, name);
	strcpy(at.sun_path, p->path);
	p->says = says;
	p->len = len;
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(p->fd, 1), 0);
	assert_int_equal(pthread_create(&p->thread, NULL, speak, p), 0);
}

static void peer_stop(struct peer *p)
{
	pthread_join(p->thread, NULL);
	close(p->fd);
	unlink(p->path);
	rmdir(p->dir);
}

static int ask(const char *says, char *why, size_t room)
{
	json_t *result = NULL;
	struct peer p;

	peer_start(&p, "db.sock", says, strlen(says));
	int rc = ovs_rpc(p.path, "echo", json_array(), &result, why, room);

	assert_int_equal(rc == 0, result != NULL);
	json_decref(result);
	peer_stop(&p);
	return rc;
}

void test_rpc_peer(void **unused)
{
	static const struct { const char *says; int rc; const char *why; } cases[] = {
		{ "", -EAGAIN, "does not answer" },
		{ "{\"id\":7,\"result\":[", -EAGAIN, "does not answer" },
		{ "}", -EPROTO, "no JSON-RPC" },
		{ "[}", -EPROTO, "no JSON-RPC" },
		{ "{\"id\":7,\"result\":[1],\"error\":null}", 0, "" },
		{ "{\"id\":\"echo\",\"method\":\"echo\",\"params\":[\"}\\\"\"]} {\"id\":7,\"result\":{},\"error\":null}", 0, "" },
		{ "{\"id\":6,\"result\":[1],\"error\":null}", -EAGAIN, "does not answer" },
		{ "{\"id\":7,\"error\":null}", -EPROTO, "without a result" },
		{ "{\"id\":7,\"result\":null,\"error\":\"no such bridge\"}", -EPROTO, "no such bridge" },
		{ "{\"id\":7,\"result\":null,\"error\":{\"error\":\"not owner\",\"details\":\"of it\"}}", -EPROTO, "not owner: of it" },
	};
	char why[ADAPTOR_REASON];
	json_t *result;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		why[0] = '\0';
		if (ask(cases[i].says, why, sizeof(why)) != cases[i].rc || !strstr(why, cases[i].why))
			fail_msg("%s: %s", cases[i].says, why);
	}
	assert_int_equal(ovs_rpc("/tmp/icorp-no-such-socket", "echo", json_array(), &result, why, sizeof(why)), -EAGAIN);
	assert_non_null(strstr(why, "is down"));
}

static int meet(const char *says, size_t len, char *why, size_t room)
{
	struct ovs_config config = { .bridge = "br0", .table = 200 };
	struct ovs_of *of = NULL;
	struct peer p;

	peer_start(&p, "br0.mgmt", says, len);
	strcpy(config.rundir, p.dir);
	int rc = ovs_of_open(&config, &of, why, room);

	if (!rc) {   /* agreed: what comes next is what a bundle meets */
		struct protocol_buffer mods = { 0 };

		assert_int_equal(ovs_flow_forget(&mods, (struct adaptor_key){ .icorp = 7 }, 200), 0);
		rc = ovs_of_commit(of, &mods, why, room);
		protocol_free(&mods);
	}
	ovs_of_close(of);
	peer_stop(&p);
	return rc;
}

#define HELLO "\6\0\0\10\0\0\0\1"
#define OPENED "\5\41\0\20\0\0\0\2\0\0\0\1\0\1\0\3"
#define COMMITTED "\5\41\0\20\0\0\0\4\0\0\0\1\0\5\0\3"

void test_openflow_peer(void **unused)
{
	static const struct { const char *what, *says; size_t len; int rc; const char *why; } cases[] = {
#define CASE(what, says, rc, why) { what, says, sizeof(says) - 1, rc, why }
		CASE("hangs up", "", -EAGAIN, "does not answer"),
		CASE("half a header", "\6\0\0", -EAGAIN, "does not answer"),
		CASE("a length below the header's", "\6\0\0\4\0\0\0\1", -EPROTO, "no OpenFlow"),
		CASE("an old one", "\4\0\0\10\0\0\0\1", -EPROTONOSUPPORT, "does not speak OpenFlow 1.4"),
		CASE("says so", "\4\1\0\14\0\0\0\1\0\0\0\0", -EPROTONOSUPPORT, "does not speak OpenFlow 1.4"),
		CASE("hangs up later", HELLO, -EAGAIN, ""),
		CASE("another bundle", HELLO "\5\41\0\20\0\0\0\2\0\0\0\2\0\1\0\3", -EPROTO, "another bundle"),
		CASE("a full table", HELLO OPENED "\5\1\0\14\0\0\0\3\0\5\0\1", -ENOSPC, "flow table is full"),
		CASE("another error", HELLO OPENED "\5\1\0\14\0\0\0\3\0\4\0\2", -EPROTO, "error 4, code 2"),
		CASE("an error of no length", HELLO OPENED "\5\1\0\10\0\0\0\3", -EPROTONOSUPPORT, ""),
		CASE("opened twice", HELLO OPENED OPENED, -EPROTO, "another bundle"),
		CASE("does it", HELLO "\5\2\0\10\0\0\0\11" OPENED COMMITTED, 0, ""),
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[ADAPTOR_REASON] = "";
		int rc = meet(cases[i].says, cases[i].len, why, sizeof(why));

		if (rc != cases[i].rc || !strstr(why, cases[i].why))
			fail_msg("%s: %d: %s", cases[i].what, rc, why);
	}
}
