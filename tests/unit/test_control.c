/*
 * The control socket, both ends: a server in this process turned by hand, raw clients beside it, and control_call() in a child
 * process, because it blocks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/control.h"
#include "lib/control_request.h"
#include "lib/writer.h"

struct world {
	struct event_base *base;
	struct control_server *server;
	char dir[64], path[96];
	struct control_reply *later; /* of the command "later" */
	struct writer *later_w;
	int runs, gone;
};

static int run_echo(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct world *world = ctx;

	world->runs++;
	writer_array(w, "words");
	for (int i = 0; i < argc; i++)
		writer_str(w, NULL, argv[i]);
	writer_end(w);
	return 0;
}

static int run_refuse(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	writer_object(w, "half");
	control_fail(reply, "no such ICorp %s", argv[0]);
	return -ENOENT;
}

static int run_errno(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	return -EBUSY;
}

static int run_later(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct world *world = ctx;

	world->later = reply;
	world->later_w = w;
	return CONTROL_LATER;
}

static int run_at_once(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	writer_int(w, "done", 1);
	control_done(reply, NULL);
	return CONTROL_LATER;
}

static int run_unbalanced(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	writer_object(w, "open");
	return 0;
}

static void stream_gone(void *ctx)
{
	struct world *world = ctx;

	world->gone++;
	control_done(world->later, NULL);
}

static int run_stream(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct world *world = ctx;

	control_stream(reply, stream_gone, world);
	world->later_w = w;
	world->later = reply;
	return CONTROL_LATER;
}

static const struct control_command commands[] = {
	{ "show", "", "everything", 0, 0, run_errno },
	{ "show words", "[WORD]...", "its arguments", 0, 3, run_echo },
	{ "refuse", "ID", "a failure with a reason", 1, 1, run_refuse },
	{ "later", "", "an answer that takes time", 0, 0, run_later },
	{ "at-once", "", "a deferred answer that takes none", 0, 0, run_at_once },
	{ "stream", "", "events, then an answer", 0, 0, run_stream },
	{ "unbalanced", "", "a mistake", 0, 0, run_unbalanced },
	{ 0 },
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	snprintf(world->dir, sizeof(world->dir), "/tmp/test_control.XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	snprintf(world->path, sizeof(world->path), "%s/socket", world->dir);
	world->base = event_base_new();
	assert_int_equal(control_listen(world->base, world->path, commands, world, 1, &world->server), 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	control_close(world->server);
	event_base_loop(world->base, EVLOOP_NONBLOCK); /* libevent finishes what it put off */
	event_base_free(world->base);
	assert_int_equal(rmdir(world->dir), 0); /* the socket is gone */
	free(world);
	return 0;
}

static void turn(struct world *world)
{
	for (int i = 0; i < 10; i++)
		event_base_loop(world->base, EVLOOP_NONBLOCK);
}

static int dial(struct world *world)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", world->path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What there is to read is exactly this. */
static void expect(struct world *world, int fd, const char *want)
{
	char got[4096] = "";
	ssize_t n;

	turn(world);
	n = recv(fd, got, sizeof(got) - 1, 0);
	if (n < 0)
		assert_true(errno == EAGAIN || errno == ECONNRESET);
	assert_string_equal(got, want);
}

static void expect_closed(struct world *world, int fd)
{
	char c;
	ssize_t n;

	turn(world);
	n = recv(fd, &c, 1, 0);
	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
	close(fd);
}

static void test_answers(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	say(fd, "{\"argv\":[\"show\",\"words\",\"a\",\"b c\"]}\n");
	expect(world, fd, "{\"ok\":true,\"result\":{\"words\":[\"a\",\"b c\"]}}\n");
	say(fd, "{\"argv\":[\"show\"]}\n");
	expect(world, fd, "{\"ok\":false,\"error\":\"Device or resource busy\"}\n");
	say(fd, "{\"argv\":[\"refuse\",\"9\"]}\n{\"argv\":[\"at-once\"]}\n");
	expect(world, fd, "{\"ok\":false,\"error\":\"no such ICorp 9\"}\n{\"ok\":true,\"result\":{\"done\":1}}\n");
	say(fd, "{\"argv\":[\"refuse\"]}\n");
	expect(world, fd, "{\"ok\":false,\"error\":\"usage: refuse ID\"}\n");
	say(fd, "{\"argv\":[\"show\",\"words\",\"1\",\"2\",\"3\",\"4\"]}\n");
	expect(world, fd, "{\"ok\":false,\"error\":\"usage: show words [WORD]...\"}\n");
	say(fd, "{\"argv\":[\"shwo\",\"words\"]}\n");
	expect(world, fd, "{\"ok\":false,\"error\":\"no such command: shwo words; did you mean \\\"show words\\\"?\"}\n");
	say(fd, "{\"argv\":[\"xyzzy\"]}\n");
	expect(world, fd, "{\"ok\":false,\"error\":\"no such command: xyzzy; \\\"help\\\" lists them\"}\n");
	say(fd, "{\"argv\":[\"unbalanced\"]}\n");
	expect(world, fd, "{\"ok\":false,\"error\":\"out of memory, or a command wrote an unbalanced answer\"}\n");
	assert_int_equal(world->runs, 1);
	close(fd);
}

static void test_bad_requests(void **state)
{
	static const char *const bad[] = { "\n", "x\n", "[]\n", "{}\n", "{\"argv\":[]}\n", "{\"argv\":[1]}\n", "{\"argv\":\"show\"}\n",
					   "{\"argv\":[\"show\"],\"x\":1}\n", "{\"argv\":[\"a\"],\"argv\":[\"b\"]}\n",
					   "{\"argv\":[\"a\\u0000b\"]}\n", "{\"argv\":[\"\xff\"]}\n" };
	struct world *world = *state;
	int fd = dial(world);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char got[512] = "";

		say(fd, bad[i]);
		turn(world);
		assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
		if (strncmp(got, "{\"ok\":false,\"error\":\"", 21))
			fail_msg("%s -> %s", bad[i], got);
	}
	say(fd, "{\"argv\":[\"show\",\"words\"]}\n"); /* the client may go on */
	expect(world, fd, "{\"ok\":true,\"result\":{\"words\":[]}}\n");
	close(fd);
}

static void test_in_pieces(void **state)
{
	static const char request[] = "{\"argv\":[\"show\",\"words\"]}\n";
	struct world *world = *state;
	int fd = dial(world);

	for (const char *p = request; *p; p++) {
		expect(world, fd, "");
		assert_int_equal(send(fd, p, 1, MSG_NOSIGNAL), 1);
	}
	expect(world, fd, "{\"ok\":true,\"result\":{\"words\":[]}}\n");
	close(fd);
}

static void test_too_long(void **state)
{
	static char text[CONTROL_MAX_REQUEST];
	struct world *world = *state;
	int fd = dial(world);
	size_t sent = 0;

	memset(text, 'x', sizeof(text));
	while (sent < sizeof(text)) {
		ssize_t n = send(fd, text + sent, sizeof(text) - sent, MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		turn(world);
	}
	expect(world, fd, "{\"ok\":false,\"error\":\"request too long; at most 65535 bytes\"}\n");
	expect_closed(world, fd);
}

static void test_too_many(void **state)
{
	struct world *world = *state;
	int fd[33];

	for (int i = 0; i < 33; i++) {
		fd[i] = dial(world);
		turn(world);
	}
	expect(world, fd[32], "{\"ok\":false,\"error\":\"too many clients; at most 32\"}\n");
	expect_closed(world, fd[32]);
	close(fd[0]);
	turn(world);
	fd[32] = dial(world);
	say(fd[32], "{\"argv\":[\"show\",\"words\"]}\n");
	expect(world, fd[32], "{\"ok\":true,\"result\":{\"words\":[]}}\n");
	for (int i = 1; i < 33; i++)
		close(fd[i]);
	turn(world);
}

static void test_later(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	say(fd, "{\"argv\":[\"later\"]}\n{\"argv\":[\"show\",\"words\"]}\n");
	expect(world, fd, "");
	assert_int_equal(world->runs, 0); /* one at a time, in order */
	writer_int(world->later_w, "x", 1);
	control_done(world->later, NULL);
	expect(world, fd, "{\"ok\":true,\"result\":{\"x\":1}}\n{\"ok\":true,\"result\":{\"words\":[]}}\n");
	say(fd, "{\"argv\":[\"later\"]}\n");
	expect(world, fd, "");
	control_done(world->later, "it broke");
	expect(world, fd, "{\"ok\":false,\"error\":\"it broke\"}\n");
	close(fd);
}

static void test_later_without_client(void **state)
{
	struct world *world = *state;
	int fd = dial(world);

	say(fd, "{\"argv\":[\"later\"]}\n");
	shutdown(fd, SHUT_WR); /* sends nothing more, but waits */
	expect(world, fd, "");
	control_done(world->later, NULL);
	expect(world, fd, "{\"ok\":true,\"result\":{}}\n");
	expect_closed(world, fd);
	fd = dial(world);
	say(fd, "{\"argv\":[\"later\"]}\n");
	turn(world);
	close(fd);
	turn(world);
	control_done(world->later, NULL); /* nobody to tell */
	turn(world);
	fd = dial(world);
	say(fd, "{\"argv\":[\"later\"]}\n");
	turn(world);
	control_close(world->server);
	world->server = NULL;
	writer_int(world->later_w, "x", 1);
	control_done(world->later, NULL); /* the server is gone, too */
	expect_closed(world, fd);
}

static int event(struct world *world, uint64_t number)
{
	struct writer *w = writer_new();
	int r;

	writer_uint(w, "n", number);
	r = control_event(world->later, w);
	writer_free(w);
	return r;
}

static void test_stream(void **state)
{
	struct world *world = *state;
	int fd = dial(world), r;

	say(fd, "{\"argv\":[\"stream\"]}\n{\"argv\":[\"show\",\"words\"]}\n");
	expect(world, fd, "");
	assert_int_equal(event(world, 1), 0);
	assert_int_equal(event(world, 2), 0);
	expect(world, fd, "{\"event\":{\"n\":1}}\n{\"event\":{\"n\":2}}\n");
	control_done(world->later, NULL);
	expect(world, fd, "{\"ok\":true,\"result\":{}}\n{\"ok\":true,\"result\":{\"words\":[]}}\n");
	assert_int_equal(world->gone, 0);
	say(fd, "{\"argv\":[\"stream\"]}\n");
	turn(world);
	for (r = 0; !r;) /* it does not read */
		r = event(world, 3);
	assert_int_equal(r, -ENOBUFS);
	shutdown(fd, SHUT_WR); /* nothing more to say: it wants no more */
	turn(world);
	assert_int_equal(world->gone, 1);
	close(fd);
	fd = dial(world);
	say(fd, "{\"argv\":[\"stream\"]}\n");
	turn(world);
	control_close(world->server); /* with the daemon */
	world->server = NULL;
	assert_int_equal(world->gone, 2);
	expect_closed(world, fd);
}

/* What a client makes of it: events one by one, then the end; control_call skips them. */
static void count_events(void *ctx, const char *json)
{
	char want[32];

	snprintf(want, sizeof(want), "{\"n\":%d}", ++*(int *)ctx);
	assert_string_equal(json, want);
}

static void test_stream_read(void **state)
{
	struct world *world = *state;
	char *words[] = { "stream" }, why[200] = "";
	struct control_client *client = control_open(world->path, 1, words, 1000, why, sizeof(why));
	int n = 0;

	assert_non_null(client);
	turn(world);
	assert_int_equal(control_read(client, count_events, &n, why, sizeof(why)), 1); /* nothing yet */
	event(world, 1);
	event(world, 2);
	turn(world);
	assert_int_equal(control_read(client, count_events, &n, why, sizeof(why)), 1);
	assert_int_equal(n, 2);
	event(world, 3);
	control_done(world->later, "it broke");
	turn(world);
	assert_int_equal(control_read(client, count_events, &n, why, sizeof(why)), -1);
	assert_int_equal(n, 3);
	assert_string_equal(why, "it broke");
	control_free(client);
	assert_null(control_open("/nowhere/socket", 1, words, 1000, why, sizeof(why)));
	assert_non_null(strstr(why, "/nowhere/socket: cannot connect"));
}

static void test_built_in(void **state)
{
	struct world *world = *state;
	int fd = dial(world);
	char got[4096] = "", *text;
	uint64_t now;

	say(fd, "{\"argv\":[\"help\"]}\n");
	turn(world);
	assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
	assert_non_null(strstr(got, "{\"command\":\"show words\",\"arguments\":\"[WORD]...\",\"help\":\"its arguments\"}"));
	assert_non_null(strstr(got, "time/warp"));
	say(fd, "{\"argv\":[\"version\"]}\n");
	turn(world);
	memset(got, 0, sizeof(got));
	assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
	assert_non_null(strstr(got, "{\"version\":\""));
	say(fd, "{\"argv\":[\"time/warp\",\"-1\"]}\n");
	expect(world, fd, "{\"ok\":false,\"error\":\"-1: must be milliseconds, at most 86400000\"}\n");
	clock_stop();
	now = clock_now_us();
	assert_true(asprintf(&text, "{\"ok\":true,\"result\":{\"now_us\":%llu}}\n", (unsigned long long)now + 5000) > 0);
	say(fd, "{\"argv\":[\"time/warp\",\"5\"]}\n");
	expect(world, fd, text);
	free(text);
	close(fd);
}

static void test_no_warp(void **state)
{
	struct world *world = *state;
	int fd;

	control_close(world->server);
	assert_int_equal(control_listen(world->base, world->path, commands, world, 0, &world->server), 0);
	fd = dial(world);
	say(fd, "{\"argv\":[\"time/warp\",\"5\"]}\n");
	expect(world, fd, "{\"ok\":false,\"error\":\"no such command: time/warp 5; \\\"help\\\" lists them\"}\n");
	close(fd);
}

static void test_the_socket(void **state)
{
	struct world *world = *state;
	struct control_server *second;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char longer[200], other[128];
	struct stat st;
	int fd;

	assert_int_equal(stat(world->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(control_listen(world->base, world->path, commands, world, 0, &second), -EADDRINUSE);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	assert_int_equal(control_listen(world->base, longer, commands, world, 0, &second), -ENAMETOOLONG);
	assert_int_equal(control_listen(world->base, world->dir, commands, world, 0, &second), -EEXIST);
	snprintf(other, sizeof(other), "%s/none/socket", world->dir);
	assert_int_equal(control_listen(world->base, other, commands, world, 0, &second), -ENOENT);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s/stale", world->dir); /* what a crash leaves */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	close(fd);
	assert_int_equal(control_listen(world->base, to.sun_path, commands, world, 0, &second), 0);
	unlink(to.sun_path);
	assert_int_equal(mkdir(to.sun_path, 0700), 0);
	control_close(second); /* does not remove what is not its own */
	assert_int_equal(rmdir(to.sun_path), 0);
}

/* Runs control_call in a child and gives its result or its reason. */
static void call(struct world *world, const char *path, int argc, char **argv, int timeout_ms, char *out, size_t room)
{
	int pipes[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		char why[256] = "", *text = control_call(path, argc, argv, timeout_ms, why, sizeof(why));

		dprintf(pipes[1], "%s", text ? text : why);
		_exit(text ? 0 : 1);
	}
	close(pipes[1]);
	while (!waitpid(pid, &status, WNOHANG))
		event_base_loop(world->base, EVLOOP_NONBLOCK);
	n = read(pipes[0], out, room - 1);
	out[n > 0 ? n : 0] = 0;
	close(pipes[0]);
}

static void test_calls(void **state)
{
	static char bad[] = "caf\xff";
	char *echo[] = { "show", "words", "x", bad }, *refuse[] = { "refuse", "7" }, *later[] = { "later" }, out[512], want[256];
	struct world *world = *state;

	call(world, world->path, 4, echo, 5000, out, sizeof(out));
	assert_string_equal(out, "{\"words\":[\"x\",\"caf\xef\xbf\xbd\"]}");
	call(world, world->path, 2, refuse, 5000, out, sizeof(out));
	assert_string_equal(out, "no such ICorp 7");
	call(world, world->path, 1, later, 1, out, sizeof(out));
	snprintf(want, sizeof(want), "%s: no answer: Connection timed out", world->path);
	assert_string_equal(out, want);
	turn(world);
	if (world->later) /* it may have given up before it was heard */
		control_done(world->later, NULL);
	call(world, "/nonexistent/socket", 1, later, 100, out, sizeof(out));
	assert_string_equal(out, "/nonexistent/socket: cannot connect: No such file or directory");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers), TEST(test_bad_requests), TEST(test_in_pieces), TEST(test_too_long), TEST(test_too_many),
		TEST(test_later), TEST(test_later_without_client), TEST(test_stream),
		TEST(test_stream_read), TEST(test_built_in), TEST(test_no_warp), TEST(test_the_socket),
		TEST(test_calls),
	};

	signal(SIGPIPE, SIG_IGN); /* as loop_new() does for daemons */
	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
