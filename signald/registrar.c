/*
 * The line to the gatekeeper. See registrar.h. Reports are kept by ICorp and revision, the latest only, and sent one at a
 * time until the gatekeeper took them: what it was told last is always the present state. That an ICorp is gone replaces all
 * else about it.
 */
#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "lib/clock.h"
#include "lib/http.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "signald/daemon.h"
#include "signald/l2.h"
#include "signald/registrar.h"
#include "signald/registration.h"
#include "signald/report_queue.h"
#include "signald/session.h"

struct registrar {
	struct daemon *d;
	struct http_client *http;
	struct http_request *stream, *registering, *reporting;
	struct event *heartbeat, *retry;
	struct report_queue reports;
	uint32_t sending;               /* the ICorp whose report is under way */
	char *sent;                     /* and its text, to see whether it was replaced meanwhile */
	json_t *l2;
	char base[512];
	int started, connected, again;
	char why[160];
};

static void in_us(struct event *event, uint64_t us)
{
	struct timeval tv = { (time_t)(us / CLOCK_S), (suseconds_t)(us % CLOCK_S) };

	event_add(event, &tv);
}

/* ---- registration ---- */

static void on_work(void *ctx, const char *event, const char *data, size_t len);
static void on_stream(void *ctx, int connected, const char *why);

/* The gatekeeper knows us: hold the stream of work open from now on. */
static void open_stream(struct registrar *r)
{
	char url[700];

	snprintf(url, sizeof(url), "%s/v1/elements/%s/work", r->base, r->d->config.name);
	r->stream = http_stream(r->http, url, on_work, on_stream, r);
}

static void on_registered(void *ctx, int status, const char *body, size_t len, const char *error)
{
	struct registrar *r = ctx;
	char why[sizeof(r->why)] = "";

	r->registering = NULL;
	if (status != 200)
		snprintf(why, sizeof(why), "%.100s", status ? body : error);
	if (strcmp(why, r->why))
		log_msg(status == 200 ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "gatekeeper: %s%s%s",
			status == 200 ? "registered" : "not registered", *why ? ": " : "", why);
	else if (!r->connected && status == 200)
		log_msg(LOG_LEVEL_INFO, "gatekeeper: registered");
	snprintf(r->why, sizeof(r->why), "%s", why);
	r->connected = status == 200;
	if (r->connected && !r->stream)
		open_stream(r);
	in_us(r->heartbeat, r->again ? 0 : status == 200 ? r->d->config.heartbeat_us : CLOCK_S);
	r->again = 0;
}

static void register_now(struct registrar *r)
{
	json_t *o;
	char *text, url[600];

	if (r->registering) {
		r->again = 1;
		return;
	}
	o = registration_json(r->d, r->l2);
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!text)
		return;
	snprintf(url, sizeof(url), "%s/v1/elements", r->base);
	r->registering = http_send(r->http, "POST", url, "application/json", text, strlen(text), on_registered, r);
	free(text);
	if (!r->registering)
		in_us(r->heartbeat, CLOCK_S);
}

static void on_heartbeat(evutil_socket_t fd, short what, void *ctx)
{
	struct registrar *r = ctx;

	/* a switch learns its FDB from its adaptor; the answer arrives before the next beat */
	if (r->d->core_config.kind == ELEMENT_SWITCH && dispatch_ask_ports(r->d->dispatch) && !r->l2) {
		in_us(r->heartbeat, CLOCK_S / 5);
		return;
	}
	register_now(r);
}

void registrar_changed(struct registrar *r)
{
	if (r && r->started)
		in_us(r->heartbeat, CLOCK_S / 20);
}

void registrar_ports(struct registrar *r, const char *json)
{
	json_t *l2 = r ? json_loads(json, 0, NULL) : NULL;

	if (!l2)
		return;
	if (r->l2 && !json_equal(r->l2, l2))
		registrar_changed(r);
	json_decref(r->l2);
	r->l2 = l2;
}

/* ---- reports ---- */

static void report_next(struct registrar *r);

static void on_reported(void *ctx, int status, const char *body, size_t len, const char *error)
{
	struct registrar *r = ctx;

	r->reporting = NULL;
	if (status == 0 || status >= 500) {
		in_us(r->retry, CLOCK_S);
		return;
	}
	if (status >= 300)
		log_icorp(LOG_LEVEL_WARN, r->sending, "the gatekeeper refuses the report: %.120s", body);
	report_queue_taken(&r->reports, r->sent);
	report_next(r);
}

static void report_next(struct registrar *r)
{
	char url[700];

	if (r->reporting || !r->reports.first)
		return;
	free(r->sent);
	r->sent = strdup(r->reports.first->text);
	if (!r->sent)
		return;
	r->sending = r->reports.first->icorp;
	snprintf(url, sizeof(url), "%s/v1/elements/%s/report", r->base, r->d->config.name);
	r->reporting = http_send(r->http, "POST", url, "application/json", r->sent, strlen(r->sent), on_reported, r);
	if (!r->reporting)
		in_us(r->retry, CLOCK_S);
}

static void on_retry(evutil_socket_t fd, short what, void *ctx)
{
	report_next(ctx);
}

static void report(struct registrar *r, json_t *o)
{
	if (!report_queue_put(&r->reports, o))
		report_next(r);
}

void registrar_report(struct registrar *r, const struct session *s)
{
	if (r)
		report(r, report_json(r->d->core, s));
}

/* ---- work ---- */

static void work_map(struct registrar *r, const json_t *o)
{
	struct nexthops fresh = { 0 };
	json_t *item, *address;
	size_t i, k;

	json_array_foreach(json_object_get(o, "nodes"), i, item) {
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *kind = json_string_value(json_object_get(item, "kind"));
		struct l2_node node = { .is_switch = kind && !strcmp(kind, "switch") };

		snprintf(node.name, sizeof(node.name), "%s", name ? name : "");
		json_array_foreach(json_object_get(item, "addresses"), k, address) {
			struct prefix p;

			if (node.n_addr < NEXTHOP_ADDRESSES && json_is_string(address) &&
			    !prefix_parse(json_string_value(address), &p, 1))
				node.addr[node.n_addr++] = p.addr;
		}
		nexthops_add_node(&fresh, &node);
	}
	json_array_foreach(json_object_get(o, "links"), i, item) {
		const char *a = json_string_value(json_object_get(item, "a"));
		const char *b = json_string_value(json_object_get(item, "b"));
		const char *a_port = json_string_value(json_object_get(item, "a_port"));
		const char *b_port = json_string_value(json_object_get(item, "b_port"));

		if (a && b && a_port && b_port)
			nexthops_add_link(&fresh, a, a_port, b, b_port);
	}
	l2_take(r->d, &fresh);
}

static void work_create(struct registrar *r, const json_t *o)
{
	const char *xml = json_string_value(json_object_get(o, "contract"));
	uint32_t icorp = (uint32_t)json_integer_value(json_object_get(o, "icorp"));
	struct contract_error error = { 0 };
	struct contract *c = NULL;
	int e;

	if (!xml || contract_parse(xml, strlen(xml), &c, &error)) {
		log_icorp(LOG_LEVEL_WARN, icorp, "contract refused: line %d: %s", error.line, error.text);
		report(r, report_refused_json(r->d->config.name, o, xml ? error.text : "no contract"));
		return;
	}
	e = core_originate(r->d->core, c, clock_now_us(), &r->d->actions);
	if (e)
		report(r, report_refused_json(r->d->config.name, o,
					      e == -EINVAL ? "this element does not lead it" : strerror(-e)));
	contract_unref(c);
	daemon_run_actions(r->d);
}

static void withdraw(struct registrar *r, uint32_t icorp)
{
	if (core_withdraw(r->d->core, icorp, clock_now_us(), &r->d->actions))
		report(r, json_pack("{s:I, s:i, s:s}", "icorp", (json_int_t)icorp, "revision", 0, "state", "gone"));
	daemon_run_actions(r->d);
}

/* What the gatekeeper does not list, it has deleted while we were away. */
static void work_synced(struct registrar *r, const json_t *o)
{
	const json_t *list = json_object_get(o, "icorps");
	const struct session *s, *next;

	for (s = core_session_next(r->d->core, NULL); s; s = next) {
		json_t *item;
		size_t i;
		int keep = !s->leading;

		next = core_session_next(r->d->core, s);
		json_array_foreach(list, i, item)
			keep |= (uint32_t)json_integer_value(item) == s->key.icorp;
		if (!keep)
			withdraw(r, s->key.icorp);
	}
}

static void on_work(void *ctx, const char *event, const char *data, size_t len)
{
	struct registrar *r = ctx;
	json_t *o = json_loadb(data, len, 0, NULL);

	if (!json_is_object(o))
		log_msg(LOG_LEVEL_WARN, "gatekeeper: work \"%.20s\" is not a JSON object", event);
	else if (!strcmp(event, "l2map") && l2_source(&r->d->config) == L2_GATEKEEPER)
		work_map(r, o);
	else if (!strcmp(event, "create"))
		work_create(r, o);
	else if (!strcmp(event, "delete"))
		withdraw(r, (uint32_t)json_integer_value(json_object_get(o, "icorp")));
	else if (!strcmp(event, "synced"))
		work_synced(r, o);
	json_decref(o);
}

static void on_stream(void *ctx, int connected, const char *why)
{
	struct registrar *r = ctx;

	log_msg(connected ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "gatekeeper: stream of work %s%s%s",
		connected ? "open" : "lost", why ? ": " : "", why ? why : "");
	registrar_changed(r);
}

/* ---- life ---- */

static int read_token(const char *file, char *token, size_t room, char *why, size_t why_room)
{
	FILE *f = fopen(file, "re");

	if (!f || !fgets(token, (int)room, f)) {
		int r = f ? -EINVAL : -errno;

		snprintf(why, why_room, "%s: %s", file, f ? "empty; must hold the bearer token" : strerror(errno));
		if (f)
			fclose(f);
		return r;
	}
	fclose(f);
	token[strcspn(token, "\r\n")] = 0;
	return 0;
}

int registrar_new(struct daemon *d, struct registrar **out, char *why, size_t room)
{
	struct event_base *base = loop_base(d->loop);
	struct http_options options = { 0 };
	char token[512];
	struct registrar *r;
	int e;

	*out = NULL;
	if (!*d->config.gatekeeper)
		return 0;
	if (*d->config.token_file) {
		e = read_token(d->config.token_file, token, sizeof(token), why, room);
		if (e)
			return e;
		options.token = token;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->d = d;
	snprintf(r->base, sizeof(r->base), "%s", d->config.gatekeeper);
	r->http = http_client_new(base, &options);
	r->heartbeat = event_new(base, -1, 0, on_heartbeat, r);
	r->retry = event_new(base, -1, 0, on_retry, r);
	if (!r->http || !r->heartbeat || !r->retry) {
		registrar_free(r);
		snprintf(why, room, "out of memory");
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

void registrar_start(struct registrar *r)
{
	if (!r)
		return;
	r->started = 1;
	in_us(r->heartbeat, 0);
}

void registrar_free(struct registrar *r)
{
	if (!r)
		return;
	http_client_free(r->http);
	if (r->heartbeat)
		event_free(r->heartbeat);
	if (r->retry)
		event_free(r->retry);
	report_queue_clear(&r->reports);
	free(r->sent);
	json_decref(r->l2);
	free(r);
}

int registrar_connected(const struct registrar *r, const char **why)
{
	*why = !r ? "none configured" : r->why;
	return r && r->connected;
}

size_t registrar_reports_waiting(const struct registrar *r)
{
	return r ? report_queue_count(&r->reports) : 0;
}
