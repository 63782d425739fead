/*
 * The launcher against real adaptor processes (the null technology): what it starts and opens, what it refuses, and that
 * whoever dies, nothing is left behind and it is told.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "adaptors/protocol.h"
#include "lib/clock.h"
#include "signald/launcher.h"
#include "signald/launcher_protocol.h"

#define DEADLINE_MS 10000

struct fixture {
	struct event_base *base;
	struct launcher *launcher;
	int raw;                             /* instead of the launcher: its socket; -1 */
	struct signald_config config;
	struct config_adaptor adaptor[3];
	char *option[1];
	char file[32];
	unsigned ended, gone, last;
	pid_t last_pid, stopped;             /* by a test; 0: none */
	char how[64];
};

static void on_ended(void *ctx, unsigned n, pid_t pid, const char *how)
{
	struct fixture *f = ctx;

	f->ended++;
	f->last = n;
	f->last_pid = pid;
	snprintf(f->how, sizeof(f->how), "%s", how);
}

static void on_gone(void *ctx)
{
	((struct fixture *)ctx)->gone++;
}

/* Asks again and again until it is so. */
#define UNTIL(condition) do { \
		uint64_t end_ = clock_wall_us() + DEADLINE_MS * CLOCK_MS; \
		while (!(condition)) { \
			if (clock_wall_us() > end_) \
				fail_msg("not within ten seconds: %s", #condition); \
			poll(NULL, 0, 2); \
		} \
	} while (0)

static void write_file(const struct fixture *f, const char *text)
{
	FILE *out = fopen(f->file, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd;

	strcpy(f->file, "launcher-test-XXXXXX");
	fd = mkstemp(f->file);
	assert_true(fd >= 0);
	close(fd);
	f->option[0] = (char *)(uintptr_t)"delay_ms=1";
	f->adaptor[0] = (struct config_adaptor){ .title = "one", .type = "null", .options = { f->option, 1 } };
	f->adaptor[1] = (struct config_adaptor){ .title = "two", .type = "null" };
	f->adaptor[2] = (struct config_adaptor){ .title = "three", .type = "no-such" };
	f->config.adaptors = (struct config_sections){ f->adaptor, 3 };
	f->config.adaptor_dir = ".";
	f->config.keyring = "";
	f->config.l2 = "gatekeeper";
	f->raw = -1;
	f->base = event_base_new();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->stopped)
		kill(f->stopped, SIGCONT);
	launcher_free(f->launcher);
	if (f->raw >= 0)
		close(f->raw);
	while (waitpid(-1, NULL, 0) > 0)
		;
	event_base_free(f->base);
	unlink(f->file);
	free(f);
	return 0;
}

static void start(struct fixture *f)
{
	const struct launcher_hooks hooks = { on_ended, on_gone, f };

	assert_int_equal(launcher_new(&f->config, f->file, &f->launcher), 0);
	assert_int_equal(launcher_watch(f->launcher, f->base, &hooks), 0);
}

/* The launcher without the controller's end of it. */
static pid_t start_raw(struct fixture *f, unsigned grace_ms)
{
	int pair[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	if (!pid) {
		close(pair[0]);
		launcher_serve(pair[1], &f->config, f->file, grace_ms);
		_exit(0);
	}
	close(pair[1]);
	f->raw = pair[0];
	return pid;
}

/* The field of /proc/PID/stat that says it; 0: there is no such process, or only its status. */
static pid_t parent_of(pid_t pid)
{
	char path[64], state = 'X';
	int parent = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	in = fopen(path, "r");
	if (!in)
		return 0;
	if (fscanf(in, "%*d (%*[^)]) %c %d", &state, &parent) != 2)
		parent = 0;
	fclose(in);
	return state == 'Z' || state == 'X' ? 0 : (pid_t)parent;
}

/* The adaptor answers the OPEN that the launcher sent it: by then it is what it is to be. */
static void ready(int fd)
{
	struct protocol_buffer in = { 0 };
	struct protocol_frame frame;
	struct pollfd set = { .fd = fd, .events = POLLIN };
	int r;

	assert_int_equal(protocol_reserve(&in, 4096), 0);
	while (!(r = protocol_next(&in, &frame))) {
		assert_int_equal(poll(&set, 1, DEADLINE_MS), 1);
		ssize_t n = recv(fd, in.data + in.len, in.room - in.len, 0);

		assert_true(n > 0);
		in.len += (size_t)n;
	}
	assert_int_equal(r, 1);
	assert_int_equal(frame.type, PROTOCOL_READY);
	assert_true(frame.len > 4 && !memcmp(frame.body, "\0\0\0\0", 4));
	protocol_free(&in);
}

/* What an answer says that comes from the loop. */
struct answered { int n, fd; pid_t pid; };

static void on_answer(void *ctx, int fd, pid_t pid)
{
	struct answered *a = ctx;

	a->n++;
	a->fd = fd;
	a->pid = pid;
}

static int opened(struct fixture *f, enum launcher_file file)
{
	struct answered a = { 0 };

	assert_int_equal(launcher_ask_file(f->launcher, file, on_answer, &a), 0);
	assert_int_equal(a.n, 0);
	UNTIL((event_base_loop(f->base, EVLOOP_NONBLOCK), a.n));
	assert_int_equal(a.n, 1);
	return a.fd;
}

static int started(struct fixture *f, unsigned n, pid_t *pid)
{
	int fd = launcher_adaptor(f->launcher, n, pid);

	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ready(fd);
	return fd;
}

static void test_starts(void **state)
{
	struct fixture *f = *state;
	pid_t one, two;

	start(f);
	int a = started(f, 0, &one), b = started(f, 1, &two);

	assert_int_not_equal(one, two);
	assert_int_equal(parent_of(one), parent_of(two));
	assert_int_not_equal(parent_of(one), getpid());        /* the launcher's child, not ours */
	assert_int_equal(parent_of(parent_of(one)), getpid());
	close(a);
	close(b);
	UNTIL(!parent_of(one) && !parent_of(two));
}

static void test_refuses(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	start(f);
	assert_int_equal(launcher_adaptor(f->launcher, 2, &pid), -ENOENT);    /* no such type */
	assert_int_equal(launcher_adaptor(f->launcher, 3, &pid), -EINVAL);
	assert_int_equal(launcher_adaptor(f->launcher, ~0u, &pid), -EINVAL);
	assert_int_equal(opened(f, LAUNCHER_FILES), -EINVAL);
	assert_int_equal(opened(f, LAUNCHER_KEYRING), -ENOENT); /* none is configured */
	assert_int_equal(opened(f, LAUNCHER_LLDPD), -EINVAL);   /* another one knows the map */
	close(started(f, 0, &pid));
}

static void test_program_missing(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	f->config.adaptor_dir = "/nonexistent";
	start(f);
	assert_int_equal(launcher_adaptor(f->launcher, 0, &pid), -ENOENT);
}

/* What is no request: of another size, of another verb. Each is refused, and the next one served. */
static void test_hostile(void **state)
{
	struct fixture *f = *state;
	struct launcher_request bad[2] = { { 1, 99, 0 }, { 2, 0, 0 } };
	struct launcher_request good = { 3, LAUNCHER_OPEN, LAUNCHER_CONFIG };
	struct launcher_report report;

	start_raw(f, 0);
	assert_int_equal(send(f->raw, &good, sizeof(good) - 1, 0), sizeof(good) - 1);
	assert_int_equal(send(f->raw, bad, sizeof(bad), 0), sizeof(bad));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(send(f->raw, &bad[i], sizeof(bad[i]), 0), sizeof(bad[i]));
		assert_int_equal(recv(f->raw, &report, sizeof(report), 0), sizeof(report));
		assert_int_equal(report.serial, bad[i].serial);
		assert_int_equal(report.value, -EINVAL);
	}
	assert_int_equal(send(f->raw, &good, sizeof(good), 0), sizeof(good));
	assert_int_equal(recv(f->raw, &report, sizeof(report), 0), sizeof(report));
	assert_int_equal(report.type, LAUNCHER_REPLY);
	assert_int_equal(report.serial, 3);
	assert_int_equal(report.value, 0);
}

/* It is reaped, and how it ended is told; another takes its place. */
static void test_adaptor_killed(void **state)
{
	struct fixture *f = *state;
	pid_t one, again;
	int fd;

	start(f);
	close(started(f, 0, &one));
	UNTIL((event_base_loop(f->base, EVLOOP_NONBLOCK), f->ended == 1));
	assert_string_equal(f->how, "exit status 0");
	fd = started(f, 1, &one);
	kill(one, SIGKILL);
	UNTIL((event_base_loop(f->base, EVLOOP_NONBLOCK), f->ended == 2));
	assert_int_equal(f->last, 1);
	assert_int_equal(f->last_pid, one);
	assert_string_equal(f->how, "killed by signal 9, Killed");
	assert_int_equal(kill(one, 0), -1);              /* not even a zombie */
	close(fd);
	fd = started(f, 1, &again);
	assert_int_not_equal(one, again);
	close(fd);
}

/* A process that does not end, though it is wanted no more, makes way for the next. */
static void test_former_killed(void **state)
{
	struct fixture *f = *state;
	pid_t one, again;

	start(f);
	int a = started(f, 0, &one), b = started(f, 0, &again);

	UNTIL(!parent_of(one));
	assert_true(parent_of(again));
	close(a);
	close(b);
}

static void test_controller_ends(void **state)
{
	struct fixture *f = *state;
	pid_t one, launcher;

	start(f);
	int fd = started(f, 0, &one);

	launcher = parent_of(one);
	launcher_free(f->launcher);
	f->launcher = NULL;
	poll(NULL, 0, 50);
	assert_true(parent_of(one));                     /* it may finish what it has been told */
	close(fd);
	UNTIL(!parent_of(one));
	assert_int_equal(waitpid(launcher, NULL, 0), launcher);
}

/* An adaptor that hangs: neither the end of its socketpair nor a SIGTERM reaches it. */
static void test_controller_ends_adaptor_hangs(void **state)
{
	struct fixture *f = *state;
	struct launcher_request request = { 1, LAUNCHER_START, 0 };
	struct launcher_report report;
	union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control;
	struct iovec iov = { &report, sizeof(report) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	pid_t launcher = start_raw(f, 20);
	int status;

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);   /* then what the launcher leaves is ours */
	assert_int_equal(send(f->raw, &request, sizeof(request), 0), sizeof(request));
	assert_int_equal(recvmsg(f->raw, &msg, 0), sizeof(report));
	assert_int_equal(report.value, 0);
	assert_int_equal(parent_of(report.pid), launcher);
	kill(report.pid, SIGSTOP);
	close(f->raw);
	f->raw = -1;
	assert_int_equal(waitpid(launcher, NULL, 0), launcher);
	kill(report.pid, SIGCONT);
	close(*(int *)CMSG_DATA(CMSG_FIRSTHDR(&msg)));
	assert_int_equal(waitpid(report.pid, &status, 0), report.pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Its adaptors end, though nobody closed their socketpairs, and whoever watches or asks is told. */
static void test_launcher_killed(void **state)
{
	struct fixture *f = *state;
	pid_t one, two;

	start(f);
	int fd = started(f, 0, &one);

	kill(parent_of(one), SIGKILL);
	UNTIL((event_base_loop(f->base, EVLOOP_NONBLOCK), f->gone == 1));
	UNTIL(!parent_of(one));
	assert_int_equal(launcher_adaptor(f->launcher, 1, &two), -EPIPE);
	event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_int_equal(f->gone, 1);
	close(fd);
}

static void reads(struct fixture *f, enum launcher_file file, const char *want)
{
	int fd = opened(f, file);
	char text[32] = "";

	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text) - 1), (ssize_t)strlen(want));
	assert_string_equal(text, want);
	assert_int_equal(write(fd, "x", 1), -1);
	close(fd);
}

/* By name, as they are now: editors put new files in the place of old ones. */
static void test_files(void **state)
{
	struct fixture *f = *state;

	write_file(f, "old");
	f->config.keyring = f->file;
	start(f);
	reads(f, LAUNCHER_CONFIG, "old");
	unlink(f->file);
	assert_int_equal(opened(f, LAUNCHER_CONFIG), -ENOENT);
	write_file(f, "newer");
	reads(f, LAUNCHER_CONFIG, "newer");
	reads(f, LAUNCHER_KEYRING, "newer");
}

/* lldpd is connected to where it is configured, and nowhere else. */
static void test_lldpd(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int lldpd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd, peer;
	char byte;

	assert_true(lldpd >= 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->file);
	f->config.l2 = "lldpd";
	f->config.lldpd_socket = f->file;
	start(f);
	unlink(f->file);
	assert_int_equal(opened(f, LAUNCHER_LLDPD), -ENOENT);
	assert_int_equal(bind(lldpd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(opened(f, LAUNCHER_LLDPD), -ECONNREFUSED);
	assert_int_equal(listen(lldpd, 1), 0);
	fd = opened(f, LAUNCHER_LLDPD);
	assert_true(fd >= 0);
	peer = accept(lldpd, NULL, NULL);
	assert_int_equal(write(peer, "x", 1), 1);
	assert_int_equal(read(fd, &byte, 1), 1);
	close(peer);
	close(fd);
	close(lldpd);
}

/* Several at a time, each answered by its own; nobody who asked waits. */
static void test_asks_later(void **state)
{
	struct fixture *f = *state;
	struct answered start_one = { 0 }, none = { 0 }, file = { 0 }, forgotten = { 0 };

	write_file(f, "text");
	start(f);
	assert_int_equal(launcher_ask_adaptor(f->launcher, 0, on_answer, &start_one), 0);
	assert_int_equal(launcher_ask_adaptor(f->launcher, 2, on_answer, &none), 0);
	assert_int_equal(launcher_ask_file(f->launcher, LAUNCHER_CONFIG, on_answer, &forgotten), 0);
	assert_int_equal(launcher_ask_file(f->launcher, LAUNCHER_CONFIG, on_answer, &file), 0);
	launcher_forget(f->launcher, &forgotten);
	UNTIL((event_base_loop(f->base, EVLOOP_NONBLOCK), start_one.n && none.n && file.n));
	assert_int_equal(forgotten.n, 0);
	assert_int_equal(none.fd, -ENOENT);
	assert_int_equal(file.pid, 0);
	assert_true(file.fd >= 0);
	close(file.fd);
	ready(start_one.fd);
	assert_true(parent_of(start_one.pid));
	close(start_one.fd);
}

/* A launcher that hangs is waited for as long as is said, and not by the loop; its late answer is let go. */
static void test_hangs(void **state)
{
	struct fixture *f = *state;
	struct answered a = { 0 };
	uint64_t began;
	pid_t one, launcher;

	write_file(f, "text");
	start(f);
	close(started(f, 0, &one));
	UNTIL((launcher = parent_of(one), launcher));
	f->stopped = launcher;
	kill(launcher, SIGSTOP);
	began = clock_wall_us();
	assert_int_equal(launcher_ask_file(f->launcher, LAUNCHER_CONFIG, on_answer, &a), 0);
	assert_in_range(clock_wall_us() - began, 0, CLOCK_S);
	UNTIL((event_base_loop(f->base, EVLOOP_NONBLOCK), a.n));
	assert_int_equal(a.fd, -ETIMEDOUT);
	kill(launcher, SIGCONT);
	close(opened(f, LAUNCHER_CONFIG));
	assert_int_equal(a.n, 1);
}

/* It dies while somebody waits. */
static void test_dies_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct answered a = { 0 };
	pid_t one, launcher;

	start(f);
	close(started(f, 0, &one));
	UNTIL((launcher = parent_of(one), launcher));
	f->stopped = launcher;
	kill(launcher, SIGSTOP);
	assert_int_equal(launcher_ask_file(f->launcher, LAUNCHER_CONFIG, on_answer, &a), 0);
	kill(launcher, SIGKILL);
	UNTIL((event_base_loop(f->base, EVLOOP_NONBLOCK), f->gone));
	assert_int_equal(a.n, 1);
	assert_int_equal(a.fd, -EPIPE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_starts), TEST(test_refuses), TEST(test_program_missing), TEST(test_hostile), TEST(test_adaptor_killed),
		TEST(test_former_killed), TEST(test_controller_ends), TEST(test_controller_ends_adaptor_hangs),
		TEST(test_launcher_killed), TEST(test_asks_later), TEST(test_hangs), TEST(test_dies_meanwhile), TEST(test_files), TEST(test_lldpd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
