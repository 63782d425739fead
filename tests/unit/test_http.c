/*
 * The HTTP client against a small server in the same loop that answers what each test scripts (libevent's own evhttp would hide what
 * goes over the wire). Everything is on loopback; nothing sleeps: loops run until something is told, with a deadline.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/http.h"
#include "lib/sse.h"

#define DEADLINE_S 20

struct world {
	struct event_base *base;
	struct evconnlistener *listener;
	struct http_client *client;
	struct http_request *request;
	const char *answer[4];        /* to the n-th connection; the last one again and again; NULL: silence */
	int hold;                     /* do not close after answering */
	int connections;
	struct bufferevent *open[16];
	char url[128], heard[4096];   /* what the client sent last */
	int done, status, expected;   /* how many callbacks ran; a loop ends when expected are there */
	char body[256], error[256], log[512];
	int on_event;                 /* what a callback does: 1 cancel, 2 free the client, 3 send */
};

static void note(struct world *w, const char *text)
{
	strncat(w->log, text, sizeof(w->log) - strlen(w->log) - 1);
	if (++w->done == w->expected)
		event_base_loopbreak(w->base);
}

static void on_sent(struct bufferevent *bev, void *arg)
{
	struct world *w = arg;

	for (int i = 0; i < 16; i++)
		if (w->open[i] == bev && !w->hold) {
			w->open[i] = NULL;
			bufferevent_free(bev);
			return;
		}
}

static void on_gone(struct bufferevent *bev, short what, void *arg)
{
	struct world *w = arg;

	for (int i = 0; i < 16; i++)
		if (w->open[i] == bev)
			w->open[i] = NULL;
	bufferevent_free(bev);
}

static void on_heard(struct bufferevent *bev, void *arg)
{
	struct world *w = arg;
	size_t n = strlen(w->heard);
	const char *end, *length;
	int nth = w->connections <= 4 ? w->connections - 1 : 3;

	n += bufferevent_read(bev, w->heard + n, sizeof(w->heard) - 1 - n);
	w->heard[n] = 0;
	end = strstr(w->heard, "\r\n\r\n");
	length = strstr(w->heard, "Content-Length: ");
	if (!end || (length && strlen(end + 4) < strtoul(length + 16, NULL, 10)))
		return;
	while (nth && !w->answer[nth])
		nth--;
	if (!w->answer[nth])
		return;
	bufferevent_setcb(bev, on_heard, on_sent, on_gone, w);
	bufferevent_write(bev, w->answer[nth], strlen(w->answer[nth]));
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	struct world *w = arg;
	struct bufferevent *bev = bufferevent_socket_new(w->base, fd, BEV_OPT_CLOSE_ON_FREE);

	w->heard[0] = 0;
	w->open[w->connections++ % 16] = bev;
	bufferevent_setcb(bev, on_heard, NULL, on_gone, w);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static int setup(void **state)
{
	struct http_options options = { .token = "secret", .timeout_ms = 5000, .max_body = 100 };
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct world *w = calloc(1, sizeof(*w));
	socklen_t len = sizeof(here);

	assert_non_null(w);
	unsetenv("http_proxy");
	w->base = event_base_new();
	w->listener = evconnlistener_new_bind(w->base, on_accept, w, LEV_OPT_CLOSE_ON_FREE, -1, (struct sockaddr *)&here, len);
	assert_non_null(w->listener);
	assert_int_equal(getsockname(evconnlistener_get_fd(w->listener), (struct sockaddr *)&here, &len), 0);
	snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%d/path", ntohs(here.sin_port));
	w->client = http_client_new(w->base, &options);
	assert_non_null(w->client);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	http_client_free(w->client);
	for (int i = 0; i < 16; i++)
		if (w->open[i])
			bufferevent_free(w->open[i]);
	if (w->listener)
		evconnlistener_free(w->listener);
	event_base_free(w->base);
	free(w);
	return 0;
}

static void run_until(struct world *w, int expected)
{
	w->expected = expected;
	if (w->done < expected) {
		event_base_loopexit(w->base, &(struct timeval){ .tv_sec = DEADLINE_S });
		event_base_dispatch(w->base);
	}
	assert_int_equal(w->done, expected);
}

static void on_done(void *ctx, int status, const char *body, size_t len, const char *error)
{
	struct world *w = ctx;

	w->status = status;
	snprintf(w->body, sizeof(w->body), "%s", body ? body : "(none)");
	snprintf(w->error, sizeof(w->error), "%s", error ? error : "");
	assert_int_equal(len, body ? strlen(body) : 0);
	if (w->on_event == 2) {
		http_client_free(w->client);
		w->client = NULL;
	} else if (w->on_event == 3) {
		w->on_event = 0;
		assert_non_null(http_send(w->client, "GET", w->url, NULL, NULL, 0, on_done, w));
	}
	note(w, "done ");
}

static void test_request(void **state)
{
	struct world *w = *state;

	w->answer[0] = "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
	assert_non_null(http_send(w->client, "POST", w->url, "application/json", "{\"a\":1}", 7, on_done, w));
	assert_int_equal(w->done, 0);
	run_until(w, 1);
	assert_int_equal(w->status, 201);
	assert_string_equal(w->body, "hello");
	assert_string_equal(w->error, "");
	assert_memory_equal(w->heard, "POST /path HTTP/1.1\r\n", 21);
	assert_non_null(strstr(w->heard, "Authorization: Bearer secret\r\n"));
	assert_non_null(strstr(w->heard, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(w->heard, "\r\n\r\n{\"a\":1}"));
	assert_null(strstr(w->heard, "Expect"));
}

static void test_methods(void **state)
{
	static const char *const methods[] = { "GET", "DELETE", "PUT", "HEAD" };
	struct world *w = *state;

	w->answer[0] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
	for (int i = 0; i < 4; i++) {
		assert_non_null(http_send(w->client, methods[i], w->url, NULL, NULL, 0, on_done, w));
		run_until(w, i + 1);
		assert_int_equal(w->status, 204);
		assert_memory_equal(w->heard, methods[i], strlen(methods[i]));
	}
}

static void test_failures(void **state)
{
	struct world *w = *state;

	w->answer[0] = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"; /* an answer, too */
	w->answer[1] = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	w->answer[2] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
		       "0123456789012345678901234567890123456789012345678901234567890123456789"
		       "0123456789012345678901234567890123456789012345678901234567890123456789";
	w->answer[3] = "garbage\r\n\r\n";
	for (int i = 0; i < 4; i++) {
		static const int status[] = { 503, 302, 0, 0 };

		assert_non_null(http_send(w->client, "GET", w->url, NULL, NULL, 0, on_done, w));
		run_until(w, i + 1);
		assert_int_equal(w->status, status[i]);
		assert_true(!status[i] == !!*w->error);
		if (i == 2)
			assert_string_equal(w->error, "the answer is too long");
	}
	assert_non_null(http_send(w->client, "GET", "file:///etc/passwd", NULL, NULL, 0, on_done, w));
	run_until(w, 5);
	assert_int_equal(w->status, 0);
	evconnlistener_free(w->listener);
	w->listener = NULL;
	assert_non_null(http_send(w->client, "GET", w->url, NULL, NULL, 0, on_done, w));
	run_until(w, 6);
	assert_int_equal(w->status, 0);
	assert_non_null(strstr(w->error, "onnect"));
}

static void test_timeout(void **state)
{
	struct http_options options = { .timeout_ms = 50 };
	struct world *w = *state;
	struct http_client *hasty = http_client_new(w->base, &options);

	w->hold = 1;
	assert_non_null(http_send(hasty, "GET", w->url, NULL, NULL, 0, on_done, w));
	run_until(w, 1);
	assert_int_equal(w->status, 0);
	assert_non_null(strstr(w->error, "timed out"));
	http_client_free(hasty);
}

static void test_header_injection(void **state)
{
	struct world *w = *state;

	errno = 0;
	assert_null(http_send(w->client, "GET", w->url, "text/plain\r\nX: y", NULL, 0, on_done, w));
	assert_int_equal(errno, EINVAL);
}

static void test_cancel(void **state)
{
	struct world *w = *state;
	struct http_request *r;

	w->answer[0] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	r = http_send(w->client, "GET", w->url, NULL, NULL, 0, on_done, w);
	http_cancel(r);
	http_cancel(NULL);
	assert_non_null(http_send(w->client, "GET", w->url, NULL, NULL, 0, on_done, w));
	run_until(w, 1); /* only the second */
	assert_non_null(http_send(w->client, "GET", w->url, NULL, NULL, 0, on_done, w));
	http_client_free(w->client); /* under way: not told */
	w->client = NULL;
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	assert_int_equal(w->done, 1);
}

static void test_from_callbacks(void **state)
{
	struct world *w = *state;

	w->answer[0] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	w->on_event = 3;
	assert_non_null(http_send(w->client, "GET", w->url, NULL, NULL, 0, on_done, w));
	run_until(w, 2);
	w->on_event = 2;
	assert_non_null(http_send(w->client, "GET", w->url, NULL, NULL, 0, on_done, w));
	assert_non_null(http_send(w->client, "GET", w->url, NULL, NULL, 0, on_done, w));
	run_until(w, 3);
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	assert_int_equal(w->done, 3);
}

static void on_event(void *ctx, const char *event, const char *data, size_t len)
{
	struct world *w = ctx;
	char text[256];

	snprintf(text, sizeof(text), "%s=%s ", event, data);
	assert_int_equal(strlen(data), len);
	if (w->on_event == 1) {
		http_cancel(w->request);
	} else if (w->on_event == 2) {
		http_client_free(w->client);
		w->client = NULL;
	}
	note(w, text);
}

static void on_state(void *ctx, int connected, const char *why)
{
	struct world *w = ctx;

	if (!connected)
		snprintf(w->error, sizeof(w->error), "%s", why);
	note(w, connected ? "up " : "down ");
}

static void test_stream(void **state)
{
	struct world *w = *state;

	w->answer[0] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: work\ndata: 1\n\ndata: 2\n\ndata: half";
	w->answer[1] = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy";
	w->answer[2] = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy";
	w->answer[3] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 3\n\n";
	w->request = http_stream(w->client, w->url, on_event, on_state, w);
	assert_non_null(w->request);
	assert_int_equal(w->done, 0);
	run_until(w, 4);
	assert_string_equal(w->log, "up work=1 message=2 down ");
	assert_string_equal(w->error, "the server closed the stream");
	assert_non_null(strstr(w->heard, "Accept: text/event-stream\r\n"));
	w->hold = 1;
	run_until(w, 6); /* two refusals in between are no new loss */
	assert_string_equal(w->log, "up work=1 message=2 down up message=3 ");
	assert_int_equal(w->connections, 4);
	http_cancel(w->request);
}

static void test_stream_without_events(void **state)
{
	struct world *w = *state;

	w->hold = 1;
	w->answer[0] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
	assert_non_null(http_stream(w->client, w->url, on_event, on_state, w));
	run_until(w, 1); /* connected is told with the headers */
	assert_string_equal(w->log, "up ");
}

static void test_stream_refused(void **state)
{
	struct world *w = *state;

	w->answer[0] = "HTTP/1.1 401 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
	assert_non_null(http_stream(w->client, w->url, on_event, on_state, w));
	run_until(w, 1);
	assert_string_equal(w->error, "the server answered with status 401");
}

static void test_stream_callbacks(void **state)
{
	struct world *w = *state;

	w->hold = 1;
	w->answer[0] = "HTTP/1.1 200 OK\r\n\r\ndata: 1\n\ndata: 2\n\n";
	w->on_event = 1;
	w->request = http_stream(w->client, w->url, on_event, NULL, w);
	run_until(w, 1);
	w->on_event = 2;
	w->request = http_stream(w->client, w->url, on_event, on_state, w);
	run_until(w, 3);
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	assert_string_equal(w->log, "message=1 up message=1 ");
}

/* The blocking download, in a child. */
static int download(struct world *w, const char *url, size_t max, int timeout_ms, char *out, size_t room)
{
	int fd = memfd_create("download", 0), status, pipes[2];
	ssize_t n;
	pid_t pid;

	assert_true(fd >= 0);
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		char why[512] = "";
		int r = http_download(url, fd, max, timeout_ms, why, sizeof(why));

		dprintf(pipes[1], "%s", why);
		_exit(-r);
	}
	close(pipes[1]);
	while (!waitpid(pid, &status, WNOHANG))
		event_base_loop(w->base, EVLOOP_NONBLOCK);
	n = WEXITSTATUS(status) ? read(pipes[0], out, room - 1) : pread(fd, out, room - 1, 0);
	out[n > 0 ? n : 0] = 0;
	close(pipes[0]);
	close(fd);
	return -WEXITSTATUS(status);
}

static void test_download(void **state)
{
	struct world *w = *state;
	char redirect[256], out[1024];

	snprintf(redirect, sizeof(redirect), "HTTP/1.1 302 Found\r\nLocation: %s2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", w->url);
	w->answer[0] = redirect;
	w->answer[1] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ncontent";
	assert_int_equal(download(w, w->url, 7, 5000, out, sizeof(out)), 0);
	assert_string_equal(out, "content");
	assert_int_equal(download(w, w->url, 6, 5000, out, sizeof(out)), -EFBIG);
	assert_non_null(strstr(out, ": longer than 6 bytes"));
	assert_int_equal(download(w, "file:///etc/hostname", 1000, 5000, out, sizeof(out)), -EINVAL);
	w->connections = 0;
	w->answer[0] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	assert_int_equal(download(w, w->url, 7, 5000, out, sizeof(out)), -ENOENT);
	assert_non_null(strstr(out, "404"));
	w->connections = 0;
	w->answer[0] = w->answer[1] = redirect; /* for ever */
	assert_int_equal(download(w, w->url, 7, 5000, out, sizeof(out)), -EIO);
	w->connections = 0;
	w->answer[0] = "HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	assert_int_equal(download(w, w->url, 1000, 5000, out, sizeof(out)), -EINVAL);
	w->connections = 0;
	w->hold = 1;
	w->answer[0] = w->answer[1] = NULL;
	assert_int_equal(download(w, w->url, 7, 50, out, sizeof(out)), -ETIMEDOUT);
}

static void put_event(void *ctx, const char *event, const char *data, size_t len)
{
	strcat(strcat(strcat(strcat(ctx, event), "="), data), ";");
}

static void test_sse(void **state)
{
	static const struct { const char *stream, *events; } cases[] = {
		{ "data: a\n\n", "message=a;" },
		{ "data:a\ndata: b\ndata:  c\n\n", "message=a\nb\n c;" },
		{ "event: e\ndata: a\n\ndata: b\n\n", "e=a;message=b;" },
		{ "data: a\r\n\r\ndata: b\r\rdata: c\n\r\n", "message=a;message=b;message=c;" },
		{ ": comment\n\nid: 1\nretry: 5\nfoo: bar\n\n", "" },
		{ "event: e\n\ndata: a\n\n", "message=a;" },
		{ "data\n\n", "message=;" },
		{ "data: a\n", "" },
		{ "\xef\xbb\xbf" "data: a\n\n\xef\xbb\xbf" "data: b\n\n", "message=a;" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sse sse = { 0 };
		char got[256] = "";

		assert_int_equal(sse_feed(&sse, cases[i].stream, strlen(cases[i].stream), put_event, got), 0);
		assert_string_equal(got, cases[i].events);
		sse_clear(&sse);
	}
}

static void test_sse_limits(void **state)
{
	static char big[SSE_MAX + 1];
	struct sse sse = { 0 };

	memset(big, 'x', sizeof(big));
	assert_int_equal(sse_feed(&sse, big, sizeof(big), put_event, NULL), -EMSGSIZE);
	sse_clear(&sse);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_request), TEST(test_methods), TEST(test_failures), TEST(test_timeout), TEST(test_header_injection),
		TEST(test_cancel), TEST(test_from_callbacks), TEST(test_stream), TEST(test_stream_without_events),
		TEST(test_stream_refused), TEST(test_stream_callbacks), TEST(test_download), cmocka_unit_test(test_sse),
		cmocka_unit_test(test_sse_limits),
	};

	signal(SIGPIPE, SIG_IGN); /* as loop_new() does for daemons */
	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
