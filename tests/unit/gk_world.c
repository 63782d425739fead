/*
 * See gk_world.h.
 */
#include "config.h"

#include "tests/unit/gk_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/log.h"

#define PATIENCE_S 20

struct reader { struct world *w; struct bufferevent *bev; int ended; };

static void write_file(const struct world *w, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void start(struct world *w)
{
	char why[300];
	int err = gatekeeper_new(w->base, &w->config, &w->gk, why, sizeof(why));

	if (err)
		fail_msg("%s", why);
}

struct world *world_new(const char *extra)
{
	struct world *w = calloc(1, sizeof(*w));
	struct config_error error;
	char text[4096], path[128];

	signal(SIGPIPE, SIG_IGN); /* as in the daemon's loop */
	log_open("gatekeeper", NULL, LOG_SINK_STDERR, getenv("GK_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	strcpy(w->dir, "/tmp/gk-world-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	write_file(w, "tokens", "client:acme:token-acme\nclient:evil:token-evil\noperator:boss:token-boss\n"
		   "element:ar1:token-ar1\nelement:ar2:token-ar2\nelement:r1:token-r1\nelement:r2:token-r2\n"
		   "element:s1:token-s1\nelement:s2:token-s2\nelement:srv1:token-srv1\nelement:srv2:token-srv2\n"
		   "element:ar9:token-ar9\n");
	snprintf(text, sizeof(text),
		 "listen = \"127.0.0.1:0\"\nstore = \"%s/db\"\nzone = \"asp.test\"\nreserved = {\"ns\"}\ntokens = {\"%s/tokens\"}\n"
		 "l2_debounce = 1ms\nwww = \"%s/gatekeeper/www\"\n%s\n"
		 "class copper { rate = 20M ceil = 40M cpu = 2048 memory = 128MiB }\n"
		 "class silver { rate = 15M ceil = 30M cpu = 1024 memory = 128MiB help = \"<b>\" price_cpu = 50000 }\n",
		 w->dir, w->dir, SRCDIR, extra);
	write_file(w, "conf", text);
	snprintf(path, sizeof(path), "%s/conf", w->dir);
	if (gk_config_load(path, &w->config, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(contract_init(), 0);
	w->base = event_base_new();
	start(w);
	return w;
}

void world_restart(struct world *w)
{
	gatekeeper_free(w->gk);
	start(w);
}

void world_free(struct world *w)
{
	DIR *dir = opendir(w->dir);
	struct dirent *entry;

	gatekeeper_free(w->gk);
	event_base_free(w->base);
	gk_config_free(&w->config);
	contract_cleanup();
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(w->dir);
	free(w);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
}

void world_turn(struct world *w)
{
	struct timeval pause = {0, 5000};

	event_base_once(w->base, -1, EV_TIMEOUT, on_turn, NULL, &pause);
	event_base_loop(w->base, EVLOOP_ONCE);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct reader *r = arg;

	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		r->ended = 1;
}

static struct reader *dial(struct world *w, const char *text, size_t len)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(gatekeeper_port(w->gk)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct reader *r = calloc(1, sizeof(*r));

	r->w = w;
	r->bev = bufferevent_socket_new(w->base, -1, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(r->bev, NULL, NULL, on_event, r);
	bufferevent_enable(r->bev, EV_READ | EV_WRITE);
	bufferevent_write(r->bev, text, len);
	assert_int_equal(bufferevent_socket_connect(r->bev, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return r;
}

char *world_raw(struct world *w, const char *text, size_t len)
{
	struct reader *r = dial(w, text, len);
	time_t until = time(NULL) + PATIENCE_S;
	struct evbuffer *input = bufferevent_get_input(r->bev);
	char *answer;

	while (!r->ended && time(NULL) < until)
		world_turn(w);
	assert_true(r->ended);
	len = evbuffer_get_length(input);
	answer = malloc(len + 1);
	evbuffer_remove(input, answer, len);
	answer[len] = '\0';
	reader_free(r);
	return answer;
}

static char *request_text(const char *method, const char *path, const char *token, const char *headers,
			  const char *body, const char *connection)
{
	char *text;

	assert_true(asprintf(&text, "%s %s HTTP/1.1\r\nHost: gk\r\nConnection: %s\r\nContent-Length: %zu\r\n%s%s%s%s\r\n%s", method,
			     path, connection, body ? strlen(body) : 0, token ? "Authorization: Bearer " : "",
			     token ? token : "", token ? "\r\n" : "", headers ? headers : "", body ? body : "") > 0);
	return text;
}

char *world_ask(struct world *w, const char *method, const char *path, const char *token, const char *headers,
		const char *body)
{
	char *text = request_text(method, path, token, headers, body, "close");
	char *answer = world_raw(w, text, strlen(text));

	free(text);
	return answer;
}

char *world_expect(struct world *w, int status, const char *method, const char *path, const char *token,
		   const char *body)
{
	const char *type = !body ? NULL : *body == '<' ? "Content-Type: application/xml\r\n"
				 : *body == '{' ? "Content-Type: application/json\r\n"
						: "Content-Type: application/x-www-form-urlencoded\r\n";
	char *answer = world_ask(w, method, path, token, type, body), *rest = strstr(answer, "\r\n\r\n");
	int got = 0;

	if (sscanf(answer, "HTTP/1.%*d %d", &got) != 1 || got != status)
		fail_msg("%s %s: wanted %d, got: %.400s", method, path, status, answer);
	rest = strdup(rest ? rest + 4 : "");
	free(answer);
	return rest;
}

void world_register(struct world *w)
{
	static const struct { const char *name, *rest; } elements[] = {
		{"ar1", "\"kind\":\"access\",\"address\":\"10.200.1.11\",\"ports\":[{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:0a\","
			"\"addresses\":[\"10.200.1.11/24\"]}],\"public_pool\":\"10.202.1.0/24\",\"adaptors\":[{\"name\":\"tc\","
			"\"up\":true,\"orphans_removed\":3,\"drift_repaired\":2}]"},
		{"ar2", "\"kind\":\"access\",\"address\":\"10.200.1.12\",\"ports\":[{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:0b\"}],"
			"\"public_pool\":\"10.202.2.0/24\""},
		{"s1", "\"kind\":\"switch\",\"address\":\"10.200.1.2\",\"ports\":[{\"name\":\"br0\",\"mac\":\"02:00:00:00:00:01\"}],"
		       "\"fdb\":[{\"mac\":\"02:00:00:00:00:0a\",\"port\":\"eth0\"},{\"mac\":\"02:00:00:00:00:0b\",\"port\":\"eth1\"}]"},
		{"srv1", "\"kind\":\"server\",\"address\":\"10.200.2.21\",\"images\":[\"web\"],\"resources\":[{\"resource\":\"cpu\","
			 "\"capacity\":4096,\"used\":0},{\"resource\":\"memory\",\"capacity\":2097152,\"used\":0}]"},
		{"srv2", "\"kind\":\"server\",\"address\":\"10.200.2.22\",\"images\":[\"web\"],\"resources\":[{\"resource\":\"cpu\","
			 "\"capacity\":4096,\"used\":0}]"}};

	for (unsigned i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		char body[1024], token[32];

		snprintf(body, sizeof(body), "{\"name\":\"%s\",%s}", elements[i].name, elements[i].rest);
		snprintf(token, sizeof(token), "token-%s", elements[i].name);
		free(world_expect(w, 200, "POST", "/v1/elements", token, body));
	}
}

int world_begin(void **state, const char *extra)
{
	struct world *w = world_new(extra);

	world_register(w);
	*state = w;
	return 0;
}

int world_end(void **state)
{
	world_free(*state);
	return 0;
}

void check_has(char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("\"%s\" is not in: %s", what, text);
	free(text);
}

void check_lacks(char *text, const char *what)
{
	if (strstr(text, what))
		fail_msg("\"%s\" is in: %s", what, text);
	free(text);
}

struct reader *reader_new(struct world *w, const char *path, const char *token)
{
	char *text = request_text("GET", path, token, NULL, NULL, "keep-alive");
	struct reader *r = dial(w, text, strlen(text));

	free(text);
	return r;
}

struct reader *reader_dial(struct world *w, const char *text)
{
	return dial(w, text, strlen(text));
}

void reader_free(struct reader *r)
{
	bufferevent_free(r->bev);
	free(r);
}

void reader_wait(struct reader *r, const char *text)
{
	struct evbuffer *input = bufferevent_get_input(r->bev);
	time_t until = time(NULL) + PATIENCE_S;

	for (;;) {
		struct evbuffer_ptr at = evbuffer_search(input, text, strlen(text), NULL);

		if (at.pos >= 0) {
			evbuffer_drain(input, (size_t)at.pos + strlen(text));
			return;
		}
		if (time(NULL) >= until || r->ended)
			fail_msg("\"%s\" did not come; but: %.*s", text, (int)evbuffer_get_length(input),
				 (const char *)evbuffer_pullup(input, -1));
		world_turn(r->w);
	}
}

int reader_shows(struct reader *r, const char *text)
{
	return evbuffer_search(bufferevent_get_input(r->bev), text, strlen(text), NULL).pos >= 0;
}

int reader_ended(struct reader *r)
{
	return r->ended;
}

void reader_stall(struct reader *r)
{
	bufferevent_disable(r->bev, EV_READ);
}
