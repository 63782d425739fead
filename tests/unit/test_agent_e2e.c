/*
 * icorp-agent as a whole, on the loopback interface:
 *
 *     this test = the host's controller      127.0.0.1:HOST <- UDP, signed -> 127.0.0.2:ISC   icorp-agent (child)
 *     icorp more cpu (child) -- RUN/agent.sock ---------------------------------------------/     \-- app (grandchild)
 *
 * Every wait is a poll with a deadline; nothing sleeps for a timer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/daemon.h"
#include "agent/link.h"
#include "cli/cli.h"
#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/control.h"

#define DEADLINE_MS 20000
#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct world {
	char dir[64], run[80], sock[100], boot_path[100], out[100];
	unsigned isc_port, web_port;
	int udp;
	struct boot boot;
	struct link link, stranger;
	struct rsvp_msg path, got;
	pid_t agent;
};

static char app_binary[600];

static uint64_t now_ms(void)
{
	return clock_now_us() / CLOCK_MS;
}

/* A free port of the address; type SOCK_DGRAM or SOCK_STREAM. *keep: the socket stays open. */
static unsigned bind_free(const char *address, int type, int *keep)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	addr_parse(address, &at.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	if (keep)
		*keep = fd;
	else
		close(fd);
	return ntohs(at.sin_port);
}

static void write_boot(struct world *w, unsigned host_port)
{
	FILE *f = fopen(w->boot_path, "w");
	struct boot_error error;

	assert_non_null(f);
	fprintf(f, "{\"icorp\":7,\"leader\":\"10.200.1.11\",\"revision\":1,\"name\":\"shop\",\"endpoint\":\"10.200.2.21\","
		"\"address\":\"127.0.0.2\",\"host\":\"127.0.0.1\",\"port\":%u,\"listen\":%u,\"key_id\":1,\"key\":\"" KEY "\","
		"\"services\":[{\"name\":\"web\",\"protocol\":\"tcp\",\"port\":%u}],"
		"\"apps\":[{\"name\":\"agent-app\",\"url\":null,\"sha256\":null,\"args\":[]}],"
		"\"policy\":{\"enabled\":false}}\n", host_port, w->isc_port, w->web_port);
	fclose(f);
	assert_int_equal(boot_load(w->boot_path, &w->boot, &error), 0);
}

static pid_t start_agent(struct world *w)
{
	char log[100];
	pid_t pid = fork();

	if (pid)
		return pid;
	snprintf(log, sizeof(log), "%s/log", w->dir);
	if (!freopen(log, "a", stderr))
		_exit(99);
	close(w->udp);
	char *argv[] = { "icorp-agent", "-b", w->boot_path, "-r", w->run, "--apps", dirname(app_binary),
			 "-c", "/dev/null", NULL };
	exit(agentd_main(9, argv));
}

static int setup(void **state)
{
	static struct world w;
	unsigned host_port;

	memset(&w, 0, sizeof(w));
	strcpy(w.dir, "/tmp/icorp-agent-XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	snprintf(w.run, sizeof(w.run), "%s/run", w.dir);
	snprintf(w.sock, sizeof(w.sock), "%s/agent.sock", w.run);
	snprintf(w.boot_path, sizeof(w.boot_path), "%s/boot.json", w.dir);
	snprintf(w.out, sizeof(w.out), "%s/out", w.dir);
	host_port = bind_free("127.0.0.1", SOCK_DGRAM, &w.udp);
	w.isc_port = bind_free("127.0.0.2", SOCK_DGRAM, NULL);
	w.web_port = bind_free("127.0.0.1", SOCK_STREAM, NULL);
	write_boot(&w, host_port);
	assert_int_equal(link_init(&w.link, &w.boot), 0);
	w.boot.key[0] ^= 1;
	assert_int_equal(link_init(&w.stranger, &w.boot), 0);
	w.agent = start_agent(&w);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = { "run/agent.sock", "run/sequence", "run", "boot.json", "out", "log" };
	struct world *w = *state;
	char path[200];

	if (w->agent > 0) {
		kill(w->agent, SIGKILL);
		waitpid(w->agent, NULL, 0);
	}
	close(w->udp);
	link_close(&w->link);
	link_close(&w->stranger);
	rsvp_msg_free(&w->path);
	rsvp_msg_free(&w->got);
	boot_clear(&w->boot);
	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", w->dir, files[i]);
		remove(path);
	}
	return rmdir(w->dir);
}

/* ---- being the host's controller ---- */

static void make_path(struct world *w, uint8_t type)
{
	struct rsvp_msg *m = &w->path;

	rsvp_msg_clear(m);
	m->type = type;
	m->ttl = 1;
	m->session = (struct rsvp_session){ 7, 0, w->boot.leader };
	m->hop = (struct rsvp_hop){ w->boot.endpoint, 5 };
	m->refresh_ms = 400;
	m->template_ = (struct rsvp_template){ w->boot.leader, 1, w->boot.endpoint, 1 };
	m->flow = (struct rsvp_flow){ 8000000, 9000000, 15000, 1500 };
	m->ref.revision = 1;
	m->price = (struct rsvp_price){ 1000000, 3600, "EUR" };
	m->has = RSVP_HAS_HOP | RSVP_HAS_TEMPLATE;
	if (type == RSVP_PATH)
		m->has |= RSVP_HAS_TIME | RSVP_HAS_TSPEC | RSVP_HAS_REF | RSVP_HAS_PRICE;
	rsvp_add_s2l(m, w->boot.endpoint, (struct in_addr){ 0 });
}

static void add_grant(struct world *w, const char *node, const char *element, enum icorp_outcome outcome,
		      enum icorp_enforcement enforcement, const struct rsvp_demand *d, uint64_t level, const char *reason)
{
	struct rsvp_grant g = { .endpoint = w->boot.endpoint, .resource = d->resource, .outcome = (uint8_t)outcome,
				.enforcement = (uint8_t)enforcement, .sequence = d->sequence, .level = level };

	addr_parse(node, &g.node);
	snprintf(g.element, sizeof(g.element), "%s", element);
	snprintf(g.reason, sizeof(g.reason), "%s", reason);
	rsvp_add_grant(&w->path, &g);
}

static void send_raw(struct world *w, const uint8_t *data, size_t len)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)w->isc_port) };

	addr_parse("127.0.0.2", &to.sin_addr);
	assert_int_equal(sendto(w->udp, data, len, 0, (struct sockaddr *)&to, sizeof(to)), len);
}

/* The datagram as sent is left in buffer. */
static size_t send_path(struct world *w, struct link *as, uint8_t *buffer, size_t room)
{
	int n = link_seal(as, &w->path, clock_wall_us() * 1000, buffer, room);

	assert_true(n > 0);
	send_raw(w, buffer, (size_t)n);
	return (size_t)n;
}

static void tell(struct world *w)
{
	uint8_t buffer[4000];

	send_path(w, &w->link, buffer, sizeof(buffer));
}

/* The next message, within ms; 0 when there is none. */
static int receive(struct world *w, int ms)
{
	struct pollfd p = { .fd = w->udp, .events = POLLIN };
	uint8_t buffer[4000];
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return 0;
	n = recv(w->udp, buffer, sizeof(buffer), 0);
	assert_true(n > 0);
	assert_int_equal(link_unseal(&w->link, buffer, (size_t)n, clock_now_us(), &w->got), 0);
	return 1;
}

/* Repeats the present Path, as a refresh would, until a message satisfies `is`. */
static void until(struct world *w, int (*is)(struct world *w), int repeat)
{
	uint64_t deadline = now_ms() + DEADLINE_MS;

	for (;;) {
		if (now_ms() > deadline)
			fail_msg("no such message within %d ms", DEADLINE_MS);
		if (repeat)
			tell(w);
		while (receive(w, 100))
			if (is(w))
				return;
	}
}

static int is_resv(struct world *w)
{
	return w->got.type == RSVP_RESV;
}

static int is_up(struct world *w)
{
	return is_resv(w) && w->got.loads.n == 1 && (w->got.loads.v[0].flags & RSVP_LOAD_UP);
}

static int is_down(struct world *w)
{
	return is_resv(w) && !is_up(w);
}

static int is_demand(struct world *w)
{
	return is_resv(w) && w->got.demands.n == 1;
}

static int is_quiet(struct world *w)
{
	return is_resv(w) && !w->got.demands.n;
}

static int is_tear(struct world *w)
{
	return w->got.type == RSVP_RESV_TEAR;
}

static void reserve(struct world *w)
{
	make_path(w, RSVP_PATH);
	until(w, is_up, 1);
}

/* ---- being the client ---- */

static pid_t run_icorp(struct world *w, int argc, ...)
{
	char *argv[8] = { "icorp", "-s", w->sock };
	va_list ap;
	pid_t pid = fork();

	if (pid)
		return pid;
	va_start(ap, argc);
	for (int i = 0; i < argc; i++)
		argv[3 + i] = va_arg(ap, char *);
	va_end(ap);
	FILE *out = fopen(w->out, "w");
	int r = icorp_tool(3 + argc, argv, out, out);

	fclose(out);
	exit(r);
}

static int exit_status(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const char *output(struct world *w)
{
	static char text[8192];
	FILE *f = fopen(w->out, "r");
	size_t n = fread(text, 1, sizeof(text) - 1, f);

	fclose(f);
	text[n] = '\0';
	return text;
}

static void assert_says(struct world *w, const char *what)
{
	if (!strstr(output(w), what))
		fail_msg("no \"%s\" in:\n%s", what, output(w));
}

static json_t *ask(struct world *w, char *a, char *b)
{
	char *argv[] = { a, b }, why[300];
	char *text = control_call(w->sock, 2, argv, 5000, why, sizeof(why));
	json_t *o = text ? json_loads(text, 0, NULL) : NULL;

	if (!o)
		fail_msg("%s %s: %s", a, b, why);
	free(text);
	return o;
}

static json_int_t counter(struct world *w, const char *name)
{
	json_t *o = ask(w, "show", "counters");
	json_int_t n = json_integer_value(json_object_get(o, name));

	json_decref(o);
	return n;
}

/* ---- the stories ---- */

static void a_path_is_answered_by_a_resv(void **state)
{
	struct world *w = *state;

	reserve(w);
	assert_int_equal(w->got.hop.lih, 5);
	assert_int_equal(w->got.s2l.n, 1);
	assert_int_equal(w->got.s2l.v[0].addr.s_addr, w->boot.endpoint.s_addr);
	assert_int_equal(w->got.style, RSVP_STYLE_SE);
	assert_int_equal(w->got.refresh_ms, 400);
	assert_int_equal(w->got.flow.rate_bps, 8000000);
	assert_int_equal(w->got.template_.lsp_id, 1);
	assert_int_equal(w->got.demands.n, 0);
	until(w, is_up, 0); /* it refreshes by itself, too */
}

static void more_cpu_is_asked_once_and_told_per_hop(void **state)
{
	struct world *w = *state;
	struct rsvp_demand d;
	pid_t icorp;

	reserve(w);
	icorp = run_icorp(w, 3, "more", "cpu", "2");
	until(w, is_demand, 0);
	d = w->got.demands.v[0];
	assert_int_equal(d.resource, ICORP_CPU);
	assert_int_equal(d.direction, 1);
	assert_int_equal(d.steps, 2);
	assert_int_equal(d.want, 0);
	assert_int_equal(d.endpoint.s_addr, w->boot.endpoint.s_addr);

	make_path(w, RSVP_PATH); /* the host's own grant does not end it: the same demand comes again */
	add_grant(w, "10.200.2.21", "srv1", ICORP_APPLIED, ICORP_ENFORCED, &d, 1536, "");
	tell(w);
	until(w, is_demand, 0);
	assert_int_equal(w->got.demands.v[0].sequence, d.sequence);
	assert_int_equal(waitpid(icorp, NULL, WNOHANG), 0);

	make_path(w, RSVP_PATH);
	add_grant(w, "10.200.2.21", "srv1", ICORP_APPLIED, ICORP_ENFORCED, &d, 1536, "");
	add_grant(w, "10.200.1.11", "ar1", ICORP_IGNORED, ICORP_NONE, &d, 0, "not its resource");
	w->path.price.micro = 1250000;
	tell(w);
	assert_int_equal(exit_status(icorp), EXIT_APPLIED);
	assert_says(w, "ELEMENT");
	assert_says(w, "ENFORCEMENT");
	assert_says(w, "srv1");
	assert_says(w, "enforced");
	assert_says(w, "1536 shares");
	assert_says(w, "not its resource");
	assert_says(w, "1.250000 EUR/h");
	until(w, is_quiet, 0); /* answered: it no longer asks */

	icorp = run_icorp(w, 1, "status");
	assert_int_equal(exit_status(icorp), 0);
	assert_says(w, "shop");
	assert_says(w, "1536 shares");
	assert_says(w, "more: applied");
}

static void a_refusal_is_exit_status_3(void **state)
{
	struct world *w = *state;
	struct rsvp_demand d;
	pid_t icorp;

	reserve(w);
	icorp = run_icorp(w, 3, "--json", "more", "memory");
	until(w, is_demand, 0);
	d = w->got.demands.v[0];
	make_path(w, RSVP_PATH);
	add_grant(w, "10.200.2.21", "srv1", ICORP_REFUSED, ICORP_ENFORCED, &d, 65536, "the server is full");
	add_grant(w, "10.200.1.11", "ar1", ICORP_IGNORED, ICORP_NONE, &d, 0, "not its resource");
	tell(w);
	assert_int_equal(exit_status(icorp), EXIT_NOT_APPLIED);
	assert_says(w, "the server is full");
	json_t *o = json_loads(output(w), 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "outcome")), "refused");
	assert_int_equal(json_array_size(json_object_get(o, "grants")), 2);
	json_decref(o);
}

static void sequence_numbers_survive_a_restart(void **state)
{
	struct world *w = *state;
	uint32_t first;
	pid_t icorp;

	reserve(w);
	icorp = run_icorp(w, 2, "more", "cpu");
	until(w, is_demand, 0);
	first = w->got.demands.v[0].sequence;
	kill(w->agent, SIGKILL);
	waitpid(w->agent, NULL, 0);
	assert_int_equal(exit_status(icorp), EXIT_ERROR);
	w->agent = start_agent(w);
	reserve(w);
	icorp = run_icorp(w, 2, "less", "cpu");
	until(w, is_demand, 0);
	assert_true(w->got.demands.v[0].sequence > first);
	assert_int_equal(w->got.demands.v[0].direction, -1);
	kill(w->agent, SIGTERM);
	assert_int_equal(exit_status(icorp), EXIT_ERROR);
	assert_says(w, "ends");
	until(w, is_tear, 0);
	assert_int_equal(exit_status(w->agent), 0);
	w->agent = 0;
}

static void forged_and_replayed_datagrams_are_counted_and_dropped(void **state)
{
	struct world *w = *state;
	uint8_t good[4000], bad[4000];
	uint64_t deadline;
	size_t n, m;

	reserve(w);
	n = send_path(w, &w->link, good, sizeof(good));
	send_raw(w, good, n); /* the same once more */
	make_path(w, RSVP_PATH_TEAR);
	m = send_path(w, &w->stranger, bad, sizeof(bad)); /* a tear signed with another key */
	memcpy(bad, good, m = n);
	bad[n / 2] ^= 1;
	send_raw(w, bad, m);
	send_raw(w, (const uint8_t *)"garbage", 7);
	deadline = now_ms() + DEADLINE_MS;
	while (counter(w, "replayed") < 1 || counter(w, "forged") < 2 || counter(w, "malformed") < 1)
		assert_true(now_ms() < deadline);
	make_path(w, RSVP_PATH);
	until(w, is_up, 1); /* alive, and listening to the right one */
	assert_int_equal(counter(w, "forged"), 2);
}

static pid_t app_pid(struct world *w, json_int_t starts)
{
	json_t *o = ask(w, "show", "apps"), *app = json_array_get(json_object_get(o, "apps"), 0);
	pid_t pid = 0;

	if (json_integer_value(json_object_get(app, "starts")) == starts &&
	    !strcmp(json_string_value(json_object_get(app, "state")), "running"))
		pid = (pid_t)json_integer_value(json_object_get(app, "pid"));
	json_decref(o);
	return pid;
}

static void a_killed_application_comes_back(void **state)
{
	struct world *w = *state;
	uint64_t deadline = now_ms() + DEADLINE_MS;
	pid_t first, second;

	reserve(w);
	first = app_pid(w, 1);
	assert_true(first > 1);
	assert_int_equal(kill(first, SIGKILL), 0);
	until(w, is_down, 0); /* said at once */
	until(w, is_up, 0);
	while (!(second = app_pid(w, 2)))
		assert_true(now_ms() < deadline);
	assert_int_not_equal(first, second);
}

static void path_tear_ends_everything(void **state)
{
	struct world *w = *state;
	pid_t app;

	reserve(w);
	app = app_pid(w, 1);
	make_path(w, RSVP_PATH_TEAR);
	tell(w);
	assert_int_equal(exit_status(w->agent), 0);
	w->agent = 0;
	assert_int_equal(kill(app, 0), -1);
	assert_int_equal(access(w->sock, F_OK), -1);
}

static void the_client_is_told_why_not(void **state)
{
	struct world *w = *state;
	uint64_t deadline = now_ms() + DEADLINE_MS;
	pid_t icorp;

	while (access(w->sock, F_OK))
		assert_true(now_ms() < deadline);
	icorp = run_icorp(w, 2, "more", "cpu"); /* before any Path */
	assert_int_equal(exit_status(icorp), EXIT_ERROR);
	assert_says(w, "not reserved");
	icorp = run_icorp(w, 2, "more", "luck");
	assert_int_equal(exit_status(icorp), EXIT_USAGE);
	assert_says(w, "no such resource");
	icorp = run_icorp(w, 3, "less", "cpu", "0");
	assert_int_equal(exit_status(icorp), EXIT_USAGE);
	icorp = run_icorp(w, 1, "price");
	assert_int_equal(exit_status(icorp), 0);
	assert_says(w, "not known yet");
}

struct seen { unsigned n; uint64_t serial, micro; };

static void on_change(void *ctx, const struct icorp_status *status)
{
	struct seen *seen = ctx;

	seen->n++;
	seen->serial = status->serial;
	seen->micro = status->price.micro;
}

static void watch_until(struct icorp *ic, const struct seen *seen, uint64_t micro)
{
	uint64_t deadline = now_ms() + DEADLINE_MS;
	struct pollfd p = { .fd = icorp_fd(ic), .events = POLLIN };

	while (seen->micro != micro) {
		assert_true(now_ms() < deadline);
		poll(&p, 1, 1000);
		assert_int_equal(icorp_dispatch(ic), 0);
	}
}

static void a_watch_sees_changes(void **state)
{
	struct world *w = *state;
	struct seen seen = { 0 };
	struct icorp *ic;
	unsigned n;

	reserve(w);
	assert_int_equal(icorp_connect(w->sock, &ic), 0);
	assert_int_equal(icorp_watch(ic, on_change, &seen), 0);
	assert_int_equal(icorp_watch(ic, on_change, &seen), -EALREADY);
	watch_until(ic, &seen, 1000000);
	n = seen.n;
	make_path(w, RSVP_PATH);
	w->path.price.micro = 777;
	tell(w);
	watch_until(ic, &seen, 777);
	assert_true(seen.n > n);
	icorp_unwatch(ic);
	assert_int_equal(icorp_dispatch(ic), 0);
	icorp_close(ic);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(a_path_is_answered_by_a_resv), T(more_cpu_is_asked_once_and_told_per_hop), T(a_refusal_is_exit_status_3),
		T(sequence_numbers_survive_a_restart), T(forged_and_replayed_datagrams_are_counted_and_dropped),
		T(a_killed_application_comes_back), T(path_tear_ends_everything), T(the_client_is_told_why_not),
		T(a_watch_sees_changes),
	};
	char here[PATH_MAX];

	/* the application lies beside this program */
	if (!realpath(argv[0], here))
		return 1;
	snprintf(app_binary, sizeof(app_binary), "%s/agent-app", dirname(here));
	if (access(app_binary, X_OK)) {
		fprintf(stderr, "%s is missing: build tests/unit/agent-app\n", app_binary);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
