/*
 * icorp and icorpctl as people call them: against a control server and an HTTP server that live in child processes and
 * answer from a script.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "lib/control.h"
#include "lib/writer.h"

static char dir[64], sock[100], out_text[16384], err_text[4096];

static void read_back(FILE *f, char *text, size_t room)
{
	size_t n;

	rewind(f);
	n = fread(text, 1, room - 1, f);
	text[n] = '\0';
	fclose(f);
}

/* Runs a tool; its output is in out_text, err_text. words ends with NULL. */
static int run(int (*tool)(int, char **, FILE *, FILE *), char **words)
{
	FILE *out = tmpfile(), *err = tmpfile();
	int argc = 0, r;

	while (words[argc])
		argc++;
	r = tool(argc, words, out, err);
	read_back(out, out_text, sizeof(out_text));
	read_back(err, err_text, sizeof(err_text));
	return r;
}

#define ICORP(...) run(icorp_tool, (char *[]){ "icorp", "-s", sock, __VA_ARGS__, NULL })
#define CTL(...) run(icorpctl_tool, (char *[]){ "icorpctl", __VA_ARGS__, NULL })

static void assert_has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("no \"%s\" in:\n%s", what, text);
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int setup(void **state)
{
	strcpy(dir, "/tmp/icorp-cli-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(sock, sizeof(sock), "%s/signald.sock", dir);
	setenv("ICORP_RUNDIR", dir, 1);
	unsetenv("ICORP_TOKEN");
	unsetenv("ICORP_TOKEN_FILE");
	return 0;
}

static int teardown(void **state)
{
	unlink(sock);
	return rmdir(dir);
}

/* ---- a daemon that answers every request with one line ---- */

static pid_t answer_with(const char *line)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	memcpy(at.sun_path, sock, strlen(sock) + 1);
	unlink(sock);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 8), 0);
	pid = fork();
	if (pid) {
		close(fd);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		char request[1000];
		int c = accept(fd, NULL, NULL);

		if (read(c, request, sizeof(request)) < 0 || write(c, line, strlen(line)) < 0)
			_exit(1);
		close(c);
	}
}

#define PRICE "\"price\":{\"micro\":1500000,\"interval_s\":60,\"currency\":\"EUR\"}"
#define GRANT(outcome) "{\"element\":\"srv1\",\"outcome\":\"" outcome "\",\"enforcement\":\"best-effort\",\"level\":24000000," \
	"\"reason\":\"half of it\"}"
#define ANSWER(answered, outcome) "{\"ok\":true,\"result\":{\"sequence\":9,\"resource\":\"bandwidth\",\"direction\":\"more\"," \
	"\"steps\":3,\"answered\":" answered ",\"outcome\":\"" outcome "\",\"grants\":[" GRANT(outcome) "]," PRICE "}}\n"

static void icorp_prints_a_row_per_hop(void **state)
{
	pid_t daemon = answer_with(ANSWER("true", "partly"));

	assert_int_equal(ICORP("more", "bandwidth", "3"), EXIT_NOT_APPLIED);
	stop(daemon);
	assert_has(out_text, "more bandwidth by 3: partly");
	assert_has(out_text, "ELEMENT");
	assert_has(out_text, "srv1");
	assert_has(out_text, "best-effort");
	assert_has(out_text, "24.0 Mbit/s");
	assert_has(out_text, "half of it");
	assert_has(out_text, "1.500000 EUR/60s");
	assert_string_equal(err_text, "");
}

static void icorp_applied_is_0(void **state)
{
	pid_t daemon = answer_with(ANSWER("true", "applied"));

	assert_int_equal(ICORP("more", "bandwidth", "--json"), EXIT_APPLIED);
	stop(daemon);
	assert_has(out_text, "\"outcome\":");
	assert_has(out_text, "24000000");
}

static void icorp_says_who_answered_when_the_leader_did_not(void **state)
{
	pid_t daemon = answer_with(ANSWER("false", "applied"));

	assert_int_equal(ICORP("more", "bandwidth"), EXIT_ERROR);
	stop(daemon);
	assert_has(out_text, "srv1");
	assert_has(err_text, "the leader did not answer in time; 1 elements did");
}

static void icorp_survives_nonsense(void **state)
{
	static const char *const lines[] = {
		"\n", "{}\n", "[]\n", "{\"ok\":true}\n", "{\"ok\":true,\"result\":[]}\n", "{\"ok\":false,\"error\":7}\n",
		"{\"ok\":true,\"result\":{\"resource\":\"luck\"}}\n", "{\"ok\":true,\"result\":{\"grants\":{}}}\n", "",
		"{\"ok\":true,\"result\":{\"resource\":\"cpu\",\"grants\":[7,null,{}],\"sequence\":-1}}\n",
		"{\"ok\":true,\"result\":{\"name\":\"x\",\"resources\":[{\"resource\":\"cpu\",\"last\":{}}]}}\n",
	};

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		pid_t daemon = answer_with(lines[i]);

		ICORP("more", "cpu"); /* the sanitizers watch */
		ICORP("status");
		stop(daemon);
	}
}

static void icorp_without_a_controller(void **state)
{
	assert_int_equal(ICORP("status"), EXIT_ERROR);
	assert_has(err_text, "does icorp-agent run here?");
	assert_int_equal(run(icorp_tool, (char *[]){ "icorp", "--help", NULL }), 0);
	assert_has(out_text, "usage: icorp");
	assert_int_equal(run(icorp_tool, (char *[]){ "icorp", NULL }), EXIT_USAGE);
}

/* ---- icorpctl against a real control server ---- */

static int show_sessions(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	writer_array(w, "sessions");
	writer_object(w, NULL);
	writer_uint(w, "icorp", 7);
	writer_str(w, "name", argc ? argv[0] : "shop");
	writer_end(w);
	writer_end(w);
	return 0;
}

static int refuse(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	control_fail(reply, "no such ICorp \033[31m9");
	return -ENOENT;
}

static int twice(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	static unsigned times;

	writer_uint(w, "times", ++times);
	return times % 3 ? 0 : -EBUSY;
}

/* A daemon whose trace is three events; which element it is, it was told as ctx. */
static void tell(struct control_reply *reply, const char *element, uint64_t wall_us, const char *event, const char *text)
{
	struct writer *w = writer_new();

	writer_uint(w, "wall_us", wall_us);
	writer_uint(w, "at_us", wall_us + 7000000);
	writer_str(w, "element", element);
	writer_fmt(w, "address", "10.0.0.%c", element[1]);
	writer_str(w, "event", event);
	if (!strcmp(event, "sent")) {
		writer_str(w, "message", "Path");
		writer_str(w, "neighbour", "10.0.0.2");
	}
	writer_str(w, "text", text);
	if (control_event(reply, w))
		_exit(1);
	writer_free(w);
}

static void never(void *ctx)
{
	_exit(1);
}

static int trace(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const char *element = ctx;

	if (strcmp(argv[0], "7")) {
		control_fail(reply, "no such ICorp %s", argv[0]);
		return -ENOENT;
	}
	control_stream(reply, never, NULL);
	tell(reply, element, 1000000, "start", "up");
	if (argc > 1) {
		tell(reply, element, 1000001, "state", argv[1]);
	} else if (!strcmp(element, "r1")) {
		tell(reply, element, 2000000, "sent", "revision 1");
		tell(reply, element, 2003500, "state", "new -> \033[31mup");
	} else {
		tell(reply, element, 2001250, "received", "revision 1");
	}
	control_done(reply, argc > 1 ? "it broke" : NULL);
	return CONTROL_LATER;
}

static int packets(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	static const char *const hex[] = { "4500", "4500ff", "450", "45xx", "" };

	control_stream(reply, never, NULL);
	for (size_t i = 0; i < sizeof(hex) / sizeof(hex[0]); i++) {
		struct writer *one = writer_new();

		writer_uint(one, "wall_us", 5000007 + i);
		writer_str(one, "packet", hex[i]);
		if (i == 1)
			writer_uint(one, "lost", 3);
		if (control_event(reply, one))
			_exit(1);
		writer_free(one);
	}
	control_done(reply, NULL);
	return CONTROL_LATER;
}

static const struct control_command commands[] = {
	{ "pcap", "", "packets", 0, 0, packets },
	{ "twice", "", "then an error", 0, 0, twice },
	{ "trace", "ID [LEADER]", "follow one", 1, 2, trace },
	{ "show sessions", "[ID]", "the sessions", 0, 1, show_sessions },
	{ "show peers", "", "the peers", 0, 0, show_sessions },
	{ "drop", "ID", "forget one", 1, 1, refuse },
	{ 0 },
};

static pid_t element_at(const char *path, const char *element)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		struct event_base *base = event_base_new();
		struct control_server *server;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (control_listen(base, path, commands, (void *)(uintptr_t)element, 0, &server) || write(ready[1], "r", 1) != 1)
			_exit(1);
		event_base_dispatch(base);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static pid_t daemon_at(const char *path)
{
	return element_at(path, NULL);
}

static void icorpctl_asks_and_formats(void **state)
{
	pid_t daemon = daemon_at(sock);

	assert_int_equal(CTL("show", "sessions"), 0);
	assert_has(out_text, "ICORP");
	assert_has(out_text, "shop");
	assert_int_equal(CTL("--json", "show", "sessions", "two words"), 0);
	assert_has(out_text, "\"two words\"");
	assert_int_equal(CTL("--xml", "-s", sock, "show", "sessions"), 0);
	assert_has(out_text, "<");
	assert_int_equal(CTL("help"), 0);
	assert_has(out_text, "show peers");
	assert_int_equal(CTL("drop", "9"), EXIT_ERROR);
	assert_has(err_text, "no such ICorp");
	assert_null(strchr(err_text, '\033')); /* nothing acts on the operator's terminal */
	assert_int_equal(CTL("shwo"), EXIT_ERROR);
	stop(daemon);
}

static void icorpctl_watches(void **state)
{
	pid_t daemon = daemon_at(sock);

	assert_int_equal(CTL("--watch=0.1", "--json", "twice"), EXIT_ERROR);
	assert_string_equal(out_text, "{\"times\":1}\n{\"times\":2}\n");
	assert_int_equal(CTL("--watch=0.1", "twice"), EXIT_ERROR); /* from the top of an empty screen */
	assert_string_equal(out_text, "\033[H\033[2Jtimes: 4\n\033[H\033[2Jtimes: 5\n\033[H\033[2J");
	assert_has(err_text, "busy");
	stop(daemon);
}

static void icorpctl_completes(void **state)
{
	pid_t daemon = daemon_at(sock);

	assert_int_equal(CTL("complete"), 0);
	assert_has(out_text, "show\n");
	assert_has(out_text, "drop\n");
	assert_has(out_text, "gk\n");
	assert_int_equal(CTL("complete", "show"), 0);
	assert_has(out_text, "sessions\n");
	assert_has(out_text, "peers\n");
	assert_null(strstr(out_text, "drop"));
	assert_int_equal(CTL("complete", "gk"), 0);
	assert_has(out_text, "submit\n");
	stop(daemon);
	unlink(sock);
	assert_int_equal(CTL("complete", "show"), 0); /* no daemon, nothing to offer */
	assert_string_equal(out_text, "");
}

static void icorpctl_finds_an_elements_socket(void **state)
{
	char missing[200];

	assert_int_equal(CTL("-e", "r1", "show", "sessions"), EXIT_ERROR);
	snprintf(missing, sizeof(missing), "%s/r1/signald.sock", dir);
	assert_has(err_text, missing);
	assert_int_equal(CTL("--watch=x", "show"), EXIT_USAGE);
	assert_int_equal(CTL("--version"), 0);
}

/* Two elements' events become one table, in the order of their times, with names for addresses. */
static void icorpctl_traces(void **state)
{
	static const char row[] = "%10s  %-8s  %-8s  %-8s  %-15s  %s\n";
	char r1[100], r2[100], there[200], want[2000], *at = want;
	pid_t one, two;

	snprintf(r1, sizeof(r1), "%s/r1", dir);
	snprintf(r2, sizeof(r2), "%s/r2", dir);
	assert_int_equal(mkdir(r1, 0700), 0);
	assert_int_equal(mkdir(r2, 0700), 0);
	strcat(r1, "/signald.sock");
	strcat(r2, "/signald.sock");
	one = element_at(r1, "r1");
	two = element_at(r2, "r2");
	snprintf(there, sizeof(there), "--all=%s", dir);
	assert_int_equal(CTL(there, "trace", "7"), 0);
	assert_string_equal(err_text, "");
	at += sprintf(at, row, "MS", "ELEMENT", "EVENT", "MESSAGE", "NEIGHBOUR", "WHAT");
	if (strstr(out_text, "r2        start") > strstr(out_text, "r1        start")) /* whoever was read first */
		at += sprintf(at, row, "-", "r1", "start", "", "", "up");
	at += sprintf(at, row, "-", "r2", "start", "", "", "up");
	if (strstr(out_text, "r2        start") < strstr(out_text, "r1        start"))
		at += sprintf(at, row, "-", "r1", "start", "", "", "up");
	at += sprintf(at, row, "0.000", "r1", "sent", "Path", "r2", "revision 1");
	at += sprintf(at, row, "1.250", "r2", "received", "", "", "revision 1");
	sprintf(at, row, "3.500", "r1", "state", "", "", "new -> \\x1b[31mup");
	assert_string_equal(out_text, want);
	assert_int_equal(CTL("-s", r1, "-e", "r2", "--json", "trace", "7"), 0);
	assert_has(out_text, "\"element\":\"r2\",\"address\":\"10.0.0.2\",\"event\":\"received\",\"text\":\"revision 1\","
			     "\"ms\":1.25}\n");
	assert_int_equal(CTL("-e", "r1", "trace", "7", "--leader", "10.0.0.9"), EXIT_ERROR);
	assert_has(out_text, "10.0.0.9\n");
	assert_has(err_text, "/r1/signald.sock: it broke");
	assert_int_equal(CTL("-e", "r1", "-e", "absent", "trace", "7"), EXIT_ERROR); /* one is missing, the other is shown */
	assert_has(out_text, "revision 1");
	assert_has(err_text, "/absent/signald.sock");
	assert_int_equal(CTL("-e", "r1", "trace", "8"), EXIT_ERROR);
	assert_has(err_text, "no such ICorp 8");
	assert_int_equal(CTL("-e", "r1", "trace"), EXIT_USAGE);
	assert_int_equal(CTL("-e", "r1", "trace", "7", "--what"), EXIT_USAGE);
	assert_int_equal(CTL(there, "show", "sessions"), EXIT_USAGE);
	assert_has(err_text, "only trace and pcap");
	stop(one);
	stop(two);
	unlink(r1);
	unlink(r2);
	*strrchr(r1, '/') = *strrchr(r2, '/') = '\0';
	rmdir(r1);
	rmdir(r2);
	assert_int_equal(CTL(there, "trace", "7"), EXIT_ERROR);
	assert_has(err_text, "no control socket is there");
}

/* The file is a capture of what was sound in the stream. */
static void icorpctl_captures(void **state)
{
	static const uint32_t head[] = { 0xa1b2c3d4, 0x00040002, 0, 0, 65535, 101 }; /* as little-endian machines write it */
	static const uint32_t first[] = { 5, 7, 2, 2 }, second[] = { 5, 8, 3, 3 };
	char file[100], got[200], want[200], *at = want;
	pid_t daemon = daemon_at(sock);
	FILE *f;
	size_t n;

	if (htons(1) == 1)
		skip();
	at = mempcpy(at, head, sizeof(head));
	at = mempcpy(at, first, sizeof(first));
	at = mempcpy(at, "\x45\0", 2);
	at = mempcpy(at, second, sizeof(second));
	at = mempcpy(at, "\x45\0\xff", 3);
	snprintf(file, sizeof(file), "%s/capture", dir);
	assert_int_equal(CTL("pcap", file), 0);
	assert_string_equal(err_text, "icorpctl: 3 packets came faster than they were read and are missing\n");
	f = fopen(file, "rb");
	assert_non_null(f);
	n = fread(got, 1, sizeof(got), f);
	fclose(f);
	unlink(file);
	assert_int_equal(n, at - want);
	assert_memory_equal(got, want, n);
	assert_int_equal(CTL("pcap", "-"), 0);
	assert_memory_equal(out_text, want, n);
	assert_int_equal(CTL("pcap"), EXIT_USAGE);
	assert_int_equal(CTL("pcap", "/nowhere/capture"), EXIT_ERROR);
	assert_has(err_text, "/nowhere/capture: No such file");
	stop(daemon);
}

/* ---- icorpctl gk against an HTTP server that keeps the last request ---- */

static char request_file[100], url[100];

static pid_t gatekeeper(const char *status, const char *type, const char *body)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	pid_t pid;

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(at.sin_port));
	snprintf(request_file, sizeof(request_file), "%s/request", dir);
	pid = fork();
	if (pid) {
		close(fd);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		char request[4096] = "", answer[4096];
		const char *length;
		int c = accept(fd, NULL, NULL);
		size_t n = 0, want = 1;
		FILE *f;

		while (n < want) { /* the head, then as much as it says */
			ssize_t more = read(c, request + n, sizeof(request) - 1 - n);
			const char *end = NULL;

			if (more <= 0)
				break;
			n += (size_t)more;
			end = strstr(request, "\r\n\r\n");
			length = strstr(request, "Content-Length: ");
			want = end ? (size_t)(end + 4 - request) + (length ? strtoul(length + 16, NULL, 10) : 0) : n + 1;
		}
		f = fopen(request_file, "w");
		fwrite(request, 1, n, f);
		fclose(f);
		n = (size_t)snprintf(answer, sizeof(answer), "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
				     "Connection: close\r\n\r\n%s", status, type, strlen(body), body);
		if (write(c, answer, n) != (ssize_t)n)
			_exit(1);
		close(c);
	}
}

static const char *request(void)
{
	static char text[4096];
	FILE *f = fopen(request_file, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	unlink(request_file);
	text[n] = '\0';
	return text;
}

static void gk_lists(void **state)
{
	pid_t gk = gatekeeper("200 OK", "application/json", "{\"icorps\":[{\"id\":7,\"name\":\"shop\",\"state\":\"complete\","
			      "\"endpoints\":[{\"element\":\"srv1\",\"up\":true}]}]}");

	setenv("ICORP_TOKEN", "client:s3cret", 1);
	assert_int_equal(CTL("-g", url, "gk", "list"), 0);
	assert_has(out_text, "STATE");
	assert_has(out_text, "complete");
	assert_null(strstr(out_text, "srv1"));
	assert_has(request(), "GET /v1/icorps HTTP");
	assert_int_equal(CTL("-g", url, "--json", "gk", "get", "7"), 0);
	assert_has(out_text, "srv1");
	assert_has(request(), "Bearer client:s3cret");
	unsetenv("ICORP_TOKEN");
	stop(gk);
}

static void gk_submits_and_deletes(void **state)
{
	pid_t gk = gatekeeper("201 Created", "application/json", "{\"id\":7}");
	char file[100], token[100];
	FILE *f;

	snprintf(file, sizeof(file), "%s/r.xml", dir);
	snprintf(token, sizeof(token), "%s/token", dir);
	f = fopen(file, "w");
	fputs("<request/>", f);
	fclose(f);
	f = fopen(token, "w");
	fputs("from-file\nmore\n", f);
	fclose(f);
	assert_int_equal(CTL("-g", url, "-t", token, "gk", "submit", file), 0);
	assert_has(out_text, "7");
	const char *sent = request();
	assert_has(sent, "POST /v1/icorps HTTP");
	assert_has(sent, "application/xml");
	assert_has(sent, "Bearer from-file\r\n");
	assert_has(sent, "<request/>");
	setenv("ICORP_GATEKEEPER", url, 1);
	assert_int_equal(CTL("gk", "delete", "7"), 0);
	assert_has(request(), "DELETE /v1/icorps/7 HTTP");
	f = fopen(file, "w");
	fputs("{\"class\":\"gold\"}", f);
	fclose(f);
	assert_int_equal(CTL("gk", "revise", "7", file), 0);
	sent = request();
	assert_has(sent, "PATCH /v1/icorps/7 HTTP");
	assert_has(sent, "application/json");
	assert_has(sent, "{\"class\":\"gold\"}");
	unsetenv("ICORP_GATEKEEPER");
	unlink(file);
	unlink(token);
	stop(gk);
}

static void gk_says_what_was_wrong(void **state)
{
	pid_t gk = gatekeeper("400 Bad Request", "application/json", "{\"error\":{\"code\":\"invalid\",\"message\":"
			      "\"rate: must be a number\",\"line\":12,\"where\":\"rate\"}}");

	assert_int_equal(CTL("-g", url, "gk", "get", "7"), EXIT_ERROR);
	assert_has(err_text, "400: line 12: rate: must be a number");
	request();
	stop(gk);
	assert_int_equal(CTL("-g", url, "gk", "list"), EXIT_ERROR); /* nobody there */
	assert_true(strlen(err_text) > 20);
	assert_int_equal(CTL("-g", url, "gk", "get", "../elements"), EXIT_USAGE);
	assert_int_equal(CTL("-g", url, "gk", "get"), EXIT_USAGE);
	assert_int_equal(CTL("-g", url, "gk", "frobnicate"), EXIT_USAGE);
	assert_int_equal(CTL("-g", url, "gk", "submit", "/nonexistent.xml"), EXIT_ERROR);
	assert_int_equal(CTL("gk", "help"), 0);
	assert_has(out_text, "gk submit");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(icorp_prints_a_row_per_hop), T(icorp_applied_is_0), T(icorp_says_who_answered_when_the_leader_did_not),
		T(icorp_survives_nonsense), T(icorp_without_a_controller), T(icorpctl_asks_and_formats),
		T(icorpctl_watches), T(icorpctl_completes), T(icorpctl_finds_an_elements_socket), T(icorpctl_traces), T(icorpctl_captures), T(gk_lists), T(gk_submits_and_deletes),
		T(gk_says_what_was_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
