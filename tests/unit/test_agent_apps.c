/*
 * The supervisor under a virtual clock, and real processes: environment, reports, the client's own application over
 * HTTP with a right and a wrong digest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/apps.h"
#include "agent/spawn.h"
#include "lib/clock.h"

#define MS CLOCK_MS
#define S CLOCK_S

/* ---- the state machine ---- */

struct world { struct boot boot; struct apps apps; uint64_t now; struct apps_actions act; };

static void begin(struct world *w, unsigned n)
{
	memset(w, 0, sizeof(*w));
	w->boot.icorp = 7;
	w->boot.n_apps = n;
	for (unsigned i = 0; i < n; i++)
		snprintf(w->boot.app[i].name, sizeof(w->boot.app[i].name), "app%u", i);
	w->now = 100 * S;
	apps_init(&w->apps, &w->boot, w->now);
}

static void tick(struct world *w)
{
	w->act = (struct apps_actions){ 0 };
	apps_tick(&w->apps, w->now, &w->act);
}

static void all_start_and_run(void **state)
{
	struct world w;

	begin(&w, 2);
	assert_false(apps_up(&w.apps));
	assert_int_equal(apps_deadline(&w.apps), w.now);
	tick(&w);
	assert_int_equal(w.act.start, 3);
	apps_started(&w.apps, 0, 1000, w.now);
	apps_started(&w.apps, 1, 1001, w.now);
	apps_running(&w.apps, 0, w.now);
	assert_false(apps_up(&w.apps));
	apps_running(&w.apps, 1, w.now);
	assert_true(apps_up(&w.apps));
	assert_int_equal(apps_deadline(&w.apps), UINT64_MAX);
	assert_int_equal(apps_exited(&w.apps, 4242, 0, w.now), -1);
}

static void no_applications_are_up(void **state)
{
	struct world w;

	begin(&w, 0);
	assert_true(apps_up(&w.apps) && apps_gone(&w.apps));
}

static void restarts_with_backoff(void **state)
{
	static const uint64_t expected[] = { 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000 };
	struct world w;

	begin(&w, 1);
	for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		tick(&w);
		assert_int_equal(w.act.start, 1);
		apps_started(&w.apps, 0, 1000, w.now);
		apps_running(&w.apps, 0, w.now);
		assert_int_equal(apps_exited(&w.apps, 1000, SIGSEGV, w.now), 0);
		assert_string_equal(w.apps.app[0].why, "killed by signal 11");
		tick(&w);
		assert_int_equal(w.act.start, 0);
		assert_int_equal(apps_deadline(&w.apps), w.now + expected[i] * MS);
		w.now = apps_deadline(&w.apps);
	}
	tick(&w);
	apps_started(&w.apps, 0, 1000, w.now);
	apps_running(&w.apps, 0, w.now);
	w.now += 11 * S; /* a steady run: forgotten */
	apps_exited(&w.apps, 1000, 0, w.now);
	assert_int_equal(apps_deadline(&w.apps), w.now + 100 * MS);
}

static void a_wrong_digest_is_never_started_again(void **state)
{
	struct world w;

	begin(&w, 1);
	tick(&w);
	apps_started(&w.apps, 0, 1000, w.now);
	apps_gave_up(&w.apps, 0, 1, "SHA-256 is wrong");
	assert_int_equal(apps_exited(&w.apps, 1000, 127 << 8, w.now), 0);
	assert_int_equal(w.apps.app[0].state, APP_REFUSED);
	assert_string_equal(w.apps.app[0].why, "SHA-256 is wrong");
	w.now += 3600 * S;
	tick(&w);
	assert_int_equal(w.act.start, 0);
	assert_false(apps_up(&w.apps));
}

static void stops_terminate_then_kill(void **state)
{
	struct world w;

	begin(&w, 2);
	tick(&w);
	apps_started(&w.apps, 0, 1000, w.now);
	apps_running(&w.apps, 0, w.now);
	apps_failed(&w.apps, 1, "no memory", w.now);
	w.act = (struct apps_actions){ 0 };
	apps_stop(&w.apps, w.now, &w.act);
	assert_int_equal(w.act.terminate, 1);
	assert_false(apps_gone(&w.apps));
	w.now += 5 * S - 1;
	tick(&w);
	assert_int_equal(w.act.kill | w.act.start, 0);
	w.now += 1;
	tick(&w);
	assert_int_equal(w.act.kill, 1);
	apps_exited(&w.apps, 1000, SIGKILL, w.now);
	assert_true(apps_gone(&w.apps));
	w.now += 3600 * S;
	tick(&w);
	assert_int_equal(w.act.start, 0);
}

/* ---- processes ---- */

struct yard { char dir[64], apps[80], own[80], out[80]; struct boot boot; };

static int setup(void **state)
{
	static struct yard y;

	memset(&y, 0, sizeof(y));
	strcpy(y.dir, "/tmp/icorp-apps-XXXXXX");
	assert_non_null(mkdtemp(y.dir));
	snprintf(y.apps, sizeof(y.apps), "%s/known", y.dir);
	snprintf(y.own, sizeof(y.own), "%s/own", y.dir);
	snprintf(y.out, sizeof(y.out), "%s/out", y.dir);
	mkdir(y.apps, 0755);
	y.boot.icorp = 7;
	strcpy(y.boot.name, "shop");
	y.boot.address.s_addr = htonl(0x0a400742);
	y.boot.host.s_addr = htonl(0xa9fe0101);
	y.boot.n_services = 2;
	y.boot.service[0] = (struct boot_service){ "web", 1, 8080 };
	y.boot.service[1] = (struct boot_service){ "time-of-day", 0, 123 };
	y.boot.n_apps = 1;
	strcpy(y.boot.app[0].name, "probe");
	*state = &y;
	return 0;
}

static void remove_in(const char *dir)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/probe", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/.probe.part", dir);
	assert_true(unlink(path)); /* never left behind */
	rmdir(dir);
}

static int teardown(void **state)
{
	struct yard *y = *state;

	remove_in(y->apps);
	remove_in(y->own);
	unlink(y->out);
	for (unsigned i = 0; i < y->boot.app[0].n_args; i++)
		free(y->boot.app[0].arg[i]);
	return rmdir(y->dir);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static const char *read_file(const char *path)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	return text;
}

/* Starts it and waits (in the kernel) for its report; returns it. */
static enum spawn_report start(struct yard *y, pid_t *pid, char *why, size_t room)
{
	const struct spawn_dirs dirs = { y->apps, y->own };
	enum spawn_report how;
	struct pollfd p = { .events = POLLIN };

	assert_int_equal(spawn_app(&y->boot, &y->boot.app[0], &dirs, pid, &p.fd), 0);
	assert_int_equal(poll(&p, 1, 30000), 1);
	how = spawn_report(p.fd, why, room);
	close(p.fd);
	return how;
}

static int end(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void a_known_application_gets_its_environment(void **state)
{
	struct yard *y = *state;
	char path[200], why[SPAWN_REPORT] = "";
	const char *text;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/probe", y->apps);
	write_file(path, "#!/bin/sh\n{ env; echo \"args: $1|$2\"; pwd; ps -o pgid= -p $$ 2>/dev/null; } > \"$1\"\n", 0755);
	y->boot.app[0].n_args = 2;
	y->boot.app[0].arg[0] = strdup(y->out);
	y->boot.app[0].arg[1] = strdup("two words; $(false)");
	setenv("SECRET", "of the agent", 1);
	assert_int_equal(start(y, &pid, why, sizeof(why)), SPAWN_RUNNING);
	assert_int_equal(end(pid), 0);
	text = read_file(y->out);
	assert_non_null(strstr(text, "ICORP_NAME=shop\n"));
	assert_non_null(strstr(text, "ICORP_ID=7\n"));
	assert_non_null(strstr(text, "ICORP_ADDRESS=10.64.7.66\n"));
	assert_non_null(strstr(text, "ICORP_HOST=169.254.1.1\n"));
	assert_non_null(strstr(text, "ICORP_PORT=8080\n"));
	assert_non_null(strstr(text, "ICORP_PORT_WEB=8080\n"));
	assert_non_null(strstr(text, "ICORP_PORT_TIME_OF_DAY=123\n"));
	assert_non_null(strstr(text, "|two words; $(false)\n"));
	assert_null(strstr(text, "SECRET"));
}

static void an_unknown_application_is_said_so(void **state)
{
	struct yard *y = *state;
	char why[SPAWN_REPORT] = "";
	pid_t pid;

	assert_int_equal(start(y, &pid, why, sizeof(why)), SPAWN_GAVE_UP);
	assert_non_null(strstr(why, "No such file"));
	assert_int_equal(WEXITSTATUS(end(pid)), 127);
}

static void a_group_dies_together(void **state)
{
	struct yard *y = *state;
	char path[200], why[SPAWN_REPORT] = "";
	pid_t pid;

	snprintf(path, sizeof(path), "%s/probe", y->apps);
	write_file(path, "#!/bin/sh\nsleep 1000 &\nsleep 1000\n", 0755);
	assert_int_equal(start(y, &pid, why, sizeof(why)), SPAWN_RUNNING);
	assert_int_equal(getpgid(pid), pid);
	assert_int_equal(kill(-pid, SIGKILL), 0);
	assert_true(WIFSIGNALED(end(pid)));
}

/* ---- fetching: a one-page HTTP server in a child ---- */

#define PROGRAM "#!/bin/sh\nexit 7\n"

static pid_t serve(const char *content, unsigned *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	pid_t pid;

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	pid = fork();
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (; !pid;) {
		char request[2048], head[200];
		int c = accept(fd, NULL, NULL);
		int n = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
				 "Connection: close\r\n\r\n", strlen(content));

		if (c < 0 || read(c, request, sizeof(request)) < 0 || write(c, head, (size_t)n) < 0 ||
		    write(c, content, strlen(content)) < 0)
			_exit(1);
		close(c);
	}
	close(fd);
	return pid;
}

static void own_application(struct yard *y, unsigned port, const char *digest_of)
{
	struct boot_app *app = &y->boot.app[0];

	snprintf(app->url, sizeof(app->url), "http://127.0.0.1:%u/probe", port);
	sha256(digest_of, strlen(digest_of), app->sha256);
}

static void stop_server(pid_t pid)
{
	kill(pid, SIGKILL);
	end(pid);
}

static void the_clients_own_is_fetched_checked_and_run(void **state)
{
	struct yard *y = *state;
	char why[SPAWN_REPORT] = "", path[200];
	struct stat st;
	unsigned port;
	pid_t server = serve(PROGRAM, &port), pid;

	own_application(y, port, PROGRAM);
	assert_int_equal(start(y, &pid, why, sizeof(why)), SPAWN_RUNNING);
	assert_int_equal(WEXITSTATUS(end(pid)), 7);
	stop_server(server);
	assert_int_equal(stat(y->own, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(start(y, &pid, why, sizeof(why)), SPAWN_RUNNING); /* kept: no server needed */
	assert_int_equal(WEXITSTATUS(end(pid)), 7);
	snprintf(path, sizeof(path), "%s/probe", y->own);
	write_file(path, "#!/bin/sh\nexit 66\n", 0755); /* changed afterwards: not run, and fetched anew in vain */
	assert_int_equal(start(y, &pid, why, sizeof(why)), SPAWN_GAVE_UP);
	end(pid);
}

static void a_wrong_digest_is_not_run(void **state)
{
	struct yard *y = *state;
	char why[SPAWN_REPORT] = "", path[200];
	unsigned port;
	pid_t server = serve(PROGRAM, &port), pid;

	own_application(y, port, "#!/bin/sh\nexit 0\n");
	assert_int_equal(start(y, &pid, why, sizeof(why)), SPAWN_REFUSED);
	assert_non_null(strstr(why, "SHA-256"));
	assert_int_equal(WEXITSTATUS(end(pid)), 127);
	snprintf(path, sizeof(path), "%s/probe", y->own);
	assert_int_equal(access(path, F_OK), -1);
	stop_server(server);
}

#define P(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_start_and_run), cmocka_unit_test(no_applications_are_up),
		cmocka_unit_test(restarts_with_backoff), cmocka_unit_test(a_wrong_digest_is_never_started_again),
		cmocka_unit_test(stops_terminate_then_kill), P(a_known_application_gets_its_environment),
		P(an_unknown_application_is_said_so), P(a_group_dies_together),
		P(the_clients_own_is_fetched_checked_and_run), P(a_wrong_digest_is_not_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
