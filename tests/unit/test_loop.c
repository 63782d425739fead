/* The loop of a daemon: what each signal does, children, and what systemd is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/loop.h"

struct world { struct loop *loop; int reloads, children, status; pid_t pid; };

static void on_reload(void *ctx)
{
	struct world *w = ctx;

	w->reloads++;
	loop_stop(w->loop);
}

static void on_child(void *ctx, pid_t pid, int status)
{
	struct world *w = ctx;

	w->children++;
	w->pid = pid;
	w->status = status;
	if (w->children == 2)
		loop_stop(w->loop);
}

static int setup(void **state)
{
	static struct world w;
	const struct loop_hooks hooks = { on_reload, on_child, &w };

	w = (struct world){ 0 };
	w.loop = loop_new(&hooks);
	assert_non_null(w.loop);
	assert_non_null(loop_base(w.loop));
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	loop_free(w->loop);
	return 0;
}

/* Raised before the loop runs: libevent notes it and the loop sees it first. A missing handler would end this process. */
static void test_ends(void **state)
{
	struct world *w = *state;

	raise(SIGTERM);
	assert_int_equal(loop_run(w->loop), 0);
	raise(SIGINT);
	assert_int_equal(loop_run(w->loop), 0);
	assert_int_equal(w->reloads, 0);
}

static void test_reload(void **state)
{
	struct world *w = *state;

	raise(SIGPIPE); /* nothing happens */
	raise(SIGHUP);
	assert_int_equal(loop_run(w->loop), 0);
	assert_int_equal(w->reloads, 1);
}

static void test_children(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++)
		if (!fork())
			_exit(7);
	assert_int_equal(loop_run(w->loop), 0);
	assert_int_equal(w->children, 2);
	assert_int_equal(WEXITSTATUS(w->status), 7);
	assert_true(waitpid(w->pid, NULL, 0) < 0); /* it was reaped */
}

static void expect(int fd, const char *want)
{
	char got[64] = "";

	assert_true(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT) > 0);
	assert_string_equal(got, want);
}

static void notified(struct world *w, const struct sockaddr_un *at, socklen_t len, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)at, len), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	raise(SIGTERM);
	assert_int_equal(loop_run(w->loop), 0);
	unsetenv("NOTIFY_SOCKET");
	expect(fd, "READY=1");
	expect(fd, "STOPPING=1");
	close(fd);
}

static void test_systemd(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/test_loop.XXXXXX", abstract[64];

	assert_non_null(mkdtemp(dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", dir);
	notified(*state, &at, sizeof(at), at.sun_path);
	unlink(at.sun_path);
	rmdir(dir);
	snprintf(abstract, sizeof(abstract), "@icorp-test-%d", (int)getpid());
	memset(at.sun_path, 0, sizeof(at.sun_path));
	memcpy(at.sun_path + 1, abstract + 1, strlen(abstract) - 1);
	notified(*state, &at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(abstract)), abstract);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_ends), TEST(test_reload), TEST(test_children), TEST(test_systemd) };

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
