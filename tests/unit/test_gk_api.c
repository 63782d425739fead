/*
 * The API as callers meet it: the real server on the loopback interface, spoken to in HTTP/1.1.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gatekeeper/elements.h"
#include "gatekeeper/events.h"
#include "gatekeeper/icorps.h"
#include "gatekeeper/l2map.h"
#include "lib/clock.h"
#include "tests/unit/gk_world.h"

#define SHOP "{\"name\":\"shop\",\"class\":\"silver\",\"servers\":2,\"access\":[\"ar1\",\"ar2\"]," \
	     "\"services\":[{\"name\":\"web\",\"port\":80}]}"
#define SHOP_XML "<request xmlns=\"urn:icorp:contract:1\"><name>%s</name><class>silver</class><endpoints><access element=\"ar1\"/>" \
		 "<servers count=\"1\"/></endpoints><services><service name=\"web\" port=\"80\"/></services></request>"

static int set_up(void **state)
{
	return world_begin(state, "");
}

static int set_up_open(void **state)
{
	return world_begin(state, "anonymous = \"client\"\nmax_streams = 3");
}

static void report(struct world *w, int status, const char *element, unsigned icorp, const char *state, const char *more)
{
	char body[512], path[64], token[32];

	snprintf(body, sizeof(body), "{\"icorp\":%u,\"revision\":1,\"state\":\"%s\"%s}", icorp, state, more);
	snprintf(path, sizeof(path), "/v1/elements/%s/report", element);
	snprintf(token, sizeof(token), "token-%s", element);
	free(world_expect(w, status, "POST", path, token, body));
}

/* From the POST to `gone`, with everyone watching. */
static void test_life(void **state)
{
	struct world *w = *state;
	struct reader *work = reader_new(w, "/v1/elements/ar1/work", "token-ar1");
	struct reader *events = reader_new(w, "/v1/events", "token-acme");
	char *answer;

	reader_wait(work, "event: l2map\n");
	reader_wait(work, "event: synced\ndata: {\"icorps\":[]}\n\n");
	reader_wait(events, "event: dns\n");
	answer = world_ask(w, "POST", "/v1/icorps", "token-acme", "Content-Type: application/json\r\n", SHOP);
	assert_non_null(strstr(answer, "HTTP/1.1 201"));
	assert_non_null(strstr(answer, "Location: /v1/icorps/1\r\n"));
	check_has(answer, "\"state\":\"signaling\"");
	reader_wait(work, "event: create\ndata: {\"icorp\":1,\"contract\":\"<contract ");
	reader_wait(events, "\"state\":\"signaling\"");
	check_has(world_expect(w, 200, "GET", "/v1/icorps/1/contract", "token-acme", NULL), "address=\"10.64.1.65\"");
	report(w, 200, "ar1", 1, "complete", ",\"endpoints\":[{\"element\":\"srv1\",\"up\":true,\"cpu_permille\":120}],"
	       "\"price\":{\"micro\":1250000,\"interval_s\":3600,\"currency\":\"EUR\"},\"grants\":[{\"element\":\"srv1\","
	       "\"resource\":\"cpu\",\"sequence\":3,\"outcome\":\"applied\",\"enforcement\":\"enforced\",\"level\":1280}]");
	reader_wait(events, "\"state\":\"complete\"");
	answer = world_expect(w, 200, "GET", "/v1/icorps/1", "token-acme", NULL);
	assert_non_null(strstr(answer, "\"micro\":1250000"));
	assert_non_null(strstr(answer, "\"level\":1280"));
	assert_null(strstr(answer, "\"complete_ms\":null"));
	check_has(answer, "\"cpu_permille\":120");
	check_has(world_expect(w, 202, "DELETE", "/v1/icorps/1", "token-acme", NULL), "\"state\":\"deleting\"");
	check_has(world_expect(w, 202, "DELETE", "/v1/icorps/1", "token-acme", NULL), "\"state\":\"deleting\"");
	reader_wait(work, "event: delete\ndata: {\"icorp\":1}\n\n");
	report(w, 200, "ar1", 1, "gone", "");
	report(w, 200, "ar1", 1, "gone", "");
	reader_wait(events, "\"state\":\"gone\"");
	free(world_expect(w, 404, "GET", "/v1/icorps/1", "token-acme", NULL));
	free(world_expect(w, 404, "DELETE", "/v1/icorps/1", "token-acme", NULL));
	reader_free(work);
	reader_free(events);
	world_turn(w);
}

static void test_refusals(void **state)
{
	struct world *w = *state;
	char big[70000], xml[512];

	check_has(world_expect(w, 422, "POST", "/v1/icorps", "token-acme", "name=a&class=gold"), "\"unknown-class\"");
	check_has(world_expect(w, 422, "POST", "/v1/icorps", "token-acme", "name=a&class=silver&server=srv7"),
		  "\"element\":\"srv7\"");
	check_has(world_expect(w, 422, "POST", "/v1/icorps", "token-acme", "name=a&class=silver&access=ar7"),
		  "\"element\":\"ar7\"");
	check_has(world_expect(w, 503, "POST", "/v1/icorps", "token-acme", "name=a&class=silver&servers=3"),
		  "\"no-capacity\"");
	check_has(world_expect(w, 409, "POST", "/v1/icorps", "token-acme", "name=ns&class=silver"), "\"name-taken\"");
	check_has(world_expect(w, 422, "POST", "/v1/icorps", "token-acme", "name=a&class=silver&dns=a.example.org"), "asp.test");
	check_has(world_expect(w, 400, "POST", "/v1/icorps", "token-acme", "<request>\n<x"), "\"line\":2");
	check_has(world_expect(w, 403, "POST", "/v1/icorps", "token-acme", "name=a&class=silver&client=evil"), "evil");
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	check_has(world_expect(w, 413, "POST", "/v1/icorps", "token-acme", big), "too-large");
	check_has(world_ask(w, "POST", "/v1/icorps", "token-acme", "Content-Type: text/plain\r\n", "x"), "HTTP/1.1 415");
	check_has(world_expect(w, 200, "GET", "/v1/icorps", "token-acme", NULL), "{\"icorps\":[]}"); /* nothing was stored */
	snprintf(xml, sizeof(xml), SHOP_XML, "shop");
	free(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", xml));
	check_has(world_expect(w, 409, "POST", "/v1/icorps", "token-evil", xml), "\"name-taken\"");
}

/* What is placed counts; what goes is given back; addresses are never in use twice. */
static void test_capacity(void **state)
{
	struct world *w = *state;
	char body[64];

	for (unsigned i = 1; i <= 4; i++) { /* 4 x 1024 of 4096 shares on both servers */
		snprintf(body, sizeof(body), "name=n%u&class=silver&servers=2", i);
		free(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", body));
	}
	check_has(world_expect(w, 503, "POST", "/v1/icorps", "token-acme", "name=n5&class=silver"), "cpu");
	world_register(w); /* the servers say they use nothing yet: what was placed still counts */
	check_has(world_expect(w, 503, "POST", "/v1/icorps", "token-acme", "name=n5&class=silver"), "cpu");
	check_has(world_expect(w, 200, "GET", "/v1/icorps/4", "token-acme", NULL), "\"10.202.1.4\"");
	check_has(world_expect(w, 202, "DELETE", "/v1/icorps/2", "token-acme", NULL), "\"state\":\"gone\""); /* never handed out */
	check_has(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", "name=n5&class=silver"), "\"10.202.1.5\"");
	/* what an element says it uses counts as well */
	free(world_expect(w, 200, "POST", "/v1/elements", "token-srv2",
			  "{\"name\":\"srv2\",\"kind\":\"server\",\"address\":\"10.200.2.22\",\"images\":[\"web\"],"
			  "\"resources\":[{\"resource\":\"cpu\",\"capacity\":4096,\"used\":4000}]}"));
	check_has(world_expect(w, 503, "POST", "/v1/icorps", "token-acme", "name=n6&class=silver&server=srv2"), "srv2");
}

static void test_failed(void **state)
{
	struct world *w = *state;
	struct reader *work = reader_new(w, "/v1/elements/ar1/work", "token-ar1");
	char *answer;

	reader_wait(work, "event: synced\n");
	free(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", SHOP));
	report(w, 200, "ar1", 1, "failed", ",\"error\":{\"element\":\"r2\",\"code\":\"admission\",\"reason\":\"no capacity on eth1\"}");
	reader_wait(work, "event: delete\n");
	answer = world_expect(w, 200, "GET", "/v1/icorps/1?wait=5", "token-acme", NULL);
	assert_non_null(strstr(answer, "\"state\":\"failed\""));
	check_has(answer, "{\"element\":\"r2\",\"code\":\"admission\",\"reason\":\"no capacity on eth1\"}");
	report(w, 200, "ar1", 1, "gone", "");
	check_has(world_expect(w, 200, "GET", "/v1/icorps/1", "token-acme", NULL), "no capacity on eth1");
	free(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", SHOP)); /* its name is free again */
	check_has(world_expect(w, 202, "DELETE", "/v1/icorps/1", "token-acme", NULL), "gone");
	check_has(world_expect(w, 200, "GET", "/v1/icorps/2", "token-acme", NULL), "\"state\":\"signaling\"");
	reader_free(work);
}

static void report_revision(struct world *w, unsigned revision, const char *state, const char *more)
{
	char body[512];

	snprintf(body, sizeof(body), "{\"icorp\":1,\"revision\":%u,\"state\":\"%s\"%s}", revision, state, more);
	free(world_expect(w, 200, "POST", "/v1/elements/ar1/report", "token-ar1", body));
}

/* A new revision is handed to the leader beside the one that stands, and replaces it when it is complete. */
static void test_revise(void **state)
{
	struct world *w = *state;
	struct reader *work = reader_new(w, "/v1/elements/ar1/work", "token-ar1");
	char *answer;

	reader_wait(work, "event: synced\n");
	free(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", SHOP));
	reader_wait(work, "event: create\n");
	report(w, 200, "ar1", 1, "complete", "");
	free(world_expect(w, 400, "PATCH", "/v1/icorps/1", "token-acme", "{}"));
	free(world_expect(w, 400, "PATCH", "/v1/icorps/1", "token-acme", "{\"servers\":[]}"));
	free(world_expect(w, 422, "PATCH", "/v1/icorps/1", "token-acme", "{\"servers\":[\"srv9\"]}"));
	free(world_expect(w, 422, "PATCH", "/v1/icorps/1", "token-acme", "{\"class\":\"tin\"}"));
	free(world_expect(w, 404, "PATCH", "/v1/icorps/9", "token-acme", "{\"servers\":[\"srv1\"]}"));
	answer = world_expect(w, 202, "PATCH", "/v1/icorps/1", "token-acme", "{\"servers\":[\"srv2\"]}");
	assert_non_null(strstr(answer, "\"revision\":1"));
	check_has(answer, "\"next_revision\":2");
	reader_wait(work, "event: create\ndata: {\"icorp\":1,");
	report_revision(w, 2, "signaling", "");
	report_revision(w, 1, "complete", "");
	report_revision(w, 2, "failed", ",\"error\":{\"element\":\"r2\",\"code\":\"admission\",\"reason\":\"no capacity\"}");
	answer = world_expect(w, 200, "GET", "/v1/icorps/1", "token-acme", NULL);
	assert_non_null(strstr(answer, "\"state\":\"complete\",\"revision\":1"));
	assert_non_null(strstr(answer, "\"next_revision\":null"));
	check_has(answer, "\"reason\":\"no capacity\",\"revision\":2}");
	free(world_expect(w, 202, "PATCH", "/v1/icorps/1", "token-acme", "{\"servers\":[\"srv2\"],\"class\":\"copper\"}"));
	world_restart(w);
	reader_free(work);
	work = reader_new(w, "/v1/elements/ar1/work", "token-ar1");
	reader_wait(work, "revision=\\\"1\\\"");
	reader_wait(work, "revision=\\\"3\\\"");
	report_revision(w, 2, "failed", ""); /* it is too late to say so */
	report_revision(w, 3, "complete", "");
	answer = world_expect(w, 200, "GET", "/v1/icorps/1", "token-acme", NULL);
	assert_non_null(strstr(answer, "\"revision\":3"));
	assert_non_null(strstr(answer, "\"class\":\"copper\""));
	assert_null(strstr(answer, "\"srv1\""));
	check_has(answer, "\"error\":null");
	check_has(world_expect(w, 200, "GET", "/v1/icorps/1/contract", "token-acme", NULL), "address=\"10.64.1.66\"");
	reader_free(work);
}

static void test_reports_are_the_leaders(void **state)
{
	struct world *w = *state;

	free(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", SHOP));
	report(w, 403, "ar2", 1, "complete", "");
	report(w, 404, "ar1", 9, "complete", "");
	report(w, 404, "ar9", 1, "complete", ""); /* has a token, but never registered */
	report(w, 400, "ar1", 1, "happy", "");
	free(world_expect(w, 403, "POST", "/v1/elements/ar1/report", "token-ar2", "{\"icorp\":1,\"state\":\"gone\"}"));
	free(world_expect(w, 403, "GET", "/v1/elements/ar1/work", "token-ar2", NULL));
	check_has(world_expect(w, 404, "GET", "/v1/elements/ar9/work", "token-ar9", NULL), "never registered");
	free(world_expect(w, 403, "POST", "/v1/elements", "token-ar2",
			  "{\"name\":\"ar1\",\"kind\":\"access\",\"address\":\"10.0.0.1\"}"));
	check_has(world_expect(w, 200, "GET", "/v1/icorps/1", "token-acme", NULL), "\"state\":\"placed\"");
}

static void test_who_may_what(void **state)
{
	struct world *w = *state;

	free(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", SHOP));
	check_has(world_ask(w, "GET", "/v1/icorps", NULL, NULL, NULL), "WWW-Authenticate: Basic");
	free(world_expect(w, 401, "GET", "/v1/icorps", "token-nobody", NULL));
	free(world_expect(w, 401, "POST", "/v1/icorps", NULL, SHOP));
	check_has(world_expect(w, 200, "GET", "/v1/icorps", "token-evil", NULL), "{\"icorps\":[]}");
	free(world_expect(w, 404, "GET", "/v1/icorps/1", "token-evil", NULL));
	free(world_expect(w, 404, "DELETE", "/v1/icorps/1", "token-evil", NULL));
	free(world_expect(w, 403, "GET", "/v1/icorps/1", "token-ar1", NULL));
	free(world_expect(w, 403, "POST", "/v1/elements", "token-acme", "{}"));
	check_has(world_expect(w, 200, "GET", "/v1/icorps", "token-boss", NULL), "\"shop\"");
	/* Basic: the password is the token ("x:token-acme") */
	check_has(world_ask(w, "GET", "/v1/icorps/1", NULL, "Authorization: Basic eDp0b2tlbi1hY21l\r\n", NULL), "HTTP/1.1 200");
	check_has(world_ask(w, "DELETE", "/v1/icorps/1", "token-acme", "Origin: http://elsewhere\r\n", NULL), "HTTP/1.1 403");
	check_has(world_ask(w, "DELETE", "/v1/icorps/1", "token-acme", "Origin: http://gk\r\n", NULL), "HTTP/1.1 202");
}

static void test_idempotency(void **state)
{
	struct world *w = *state;
	static const char headers[] = "Content-Type: application/json\r\nIdempotency-Key: k-1\r\n";
	char *first = world_ask(w, "POST", "/v1/icorps", "token-acme", headers, SHOP);

	assert_non_null(strstr(first, "HTTP/1.1 201"));
	free(first);
	check_has(world_ask(w, "POST", "/v1/icorps", "token-acme", headers, SHOP), "Location: /v1/icorps/1\r\n");
	check_has(world_ask(w, "POST", "/v1/icorps", "token-acme", headers, "{\"name\":\"b\",\"class\":\"silver\",\"services\":"
			    "[{\"name\":\"web\",\"port\":80}]}"), "HTTP/1.1 422");
	world_restart(w);
	check_has(world_ask(w, "POST", "/v1/icorps", "token-acme", headers, SHOP), "Location: /v1/icorps/1\r\n");
	free(world_expect(w, 202, "DELETE", "/v1/icorps/1", "token-acme", NULL));
	check_has(world_ask(w, "POST", "/v1/icorps", "token-acme", headers, SHOP), "HTTP/1.1 409");
}

/* A restart loses nothing; a stream says all again. */
static void test_restart(void **state)
{
	struct world *w = *state;
	struct reader *work = reader_new(w, "/v1/elements/ar1/work", "token-ar1");

	reader_wait(work, "event: synced\n");
	free(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", SHOP));
	free(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", "name=b&class=silver&access=ar1"));
	free(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", "name=c&class=silver&access=ar2"));
	report(w, 200, "ar1", 1, "complete", "");
	free(world_expect(w, 202, "DELETE", "/v1/icorps/2", "token-acme", NULL));
	reader_free(work);
	world_restart(w);
	check_has(world_expect(w, 200, "GET", "/v1/icorps/1", "token-acme", NULL), "\"state\":\"complete\"");
	check_has(world_expect(w, 200, "GET", "/v1/icorps/2", "token-acme", NULL), "\"state\":\"deleting\"");
	check_has(world_expect(w, 200, "GET", "/v1/icorps/3", "token-acme", NULL), "\"state\":\"placed\"");
	check_has(world_expect(w, 200, "GET", "/v1/elements", "token-boss", NULL), "\"srv2\"");
	work = reader_new(w, "/v1/elements/ar1/work", "token-ar1");
	reader_wait(work, "event: create\ndata: {\"icorp\":1,");
	reader_wait(work, "event: delete\ndata: {\"icorp\":2}\n\n");
	reader_wait(work, "event: synced\ndata: {\"icorps\":[1]}\n\n");
	reader_free(work);
	work = reader_new(w, "/v1/elements/ar2/work", "token-ar2");
	reader_wait(work, "event: synced\ndata: {\"icorps\":[3]}\n\n");
	check_has(world_expect(w, 200, "GET", "/v1/icorps/3", "token-acme", NULL), "\"state\":\"signaling\"");
	check_has(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", "name=d&class=silver"), "\"id\":4,");
	reader_free(work);
}

static void test_l2map(void **state)
{
	struct world *w = *state;
	struct reader *work = reader_new(w, "/v1/elements/ar1/work", "token-ar1"), *other;

	reader_wait(work, "event: l2map\n");
	reader_wait(work, "{\"a\":\"s1\",\"a_port\":\"eth0\",\"b\":\"ar1\",\"b_port\":\"eth0\"}");
	other = reader_new(w, "/v1/elements/srv1/work", "token-srv1"); /* on no island but its own */
	reader_wait(other, "data: {\"nodes\":[{\"name\":\"srv1\",\"kind\":\"server\",\"addresses\":[\"10.200.2.21\"]}],\"links\":[]}");
	free(world_expect(w, 200, "POST", "/v1/elements", "token-srv1", /* moves to s1 */
			  "{\"name\":\"srv1\",\"kind\":\"server\",\"address\":\"10.200.1.21\",\"ports\":[{\"name\":\"eth0\","
			  "\"mac\":\"02:00:00:00:00:0c\"}]}"));
	free(world_expect(w, 200, "POST", "/v1/elements", "token-s1",
			  "{\"name\":\"s1\",\"kind\":\"switch\",\"address\":\"10.200.1.2\",\"fdb\":[{\"mac\":\"02:00:00:00:00:0c\","
			  "\"port\":\"eth2\"}]}"));
	reader_wait(other, "{\"a\":\"s1\",\"a_port\":\"eth2\",\"b\":\"srv1\",\"b_port\":\"eth0\"}");
	reader_wait(work, "\"b\":\"srv1\""); /* the others are still on the map: held */
	check_has(world_expect(w, 200, "GET", "/v1/l2", "token-boss", NULL), "\"b\":\"ar2\"");
	elements_expire(w->gk->elements, clock_now_us() + 31 * CLOCK_S);
	reader_wait(work, "\"links\":[]");
	check_has(world_expect(w, 200, "GET", "/v1/elements", "token-boss", NULL), "\"alive\":false");
	check_has(world_expect(w, 503, "POST", "/v1/icorps", "token-acme", "name=x&class=silver&access=ar1"), "not answering");
	reader_free(work);
	reader_free(other);
}

/* After a restart nobody is told half a map: Paths would be sent other ways. */
static void test_l2map_restart(void **state)
{
	struct world *w = *state;
	struct reader *work;

	while (!w->gk->counts.l2_changes)
		world_turn(w);
	world_restart(w);
	free(world_expect(w, 200, "POST", "/v1/elements", "token-ar1",
			  "{\"name\":\"ar1\",\"kind\":\"access\",\"address\":\"10.200.1.11\",\"ports\":[{\"name\":\"eth0\","
			  "\"mac\":\"02:00:00:00:00:0a\"}],\"public_pool\":\"10.202.1.0/24\"}"));
	work = reader_new(w, "/v1/elements/ar1/work", "token-ar1");
	while (!reader_shows(work, "event: synced\n"))
		world_turn(w);
	assert_false(reader_shows(work, "l2map"));
	check_has(world_expect(w, 200, "GET", "/v1/l2", "token-boss", NULL), "\"links\":[]");
	world_register(w);
	reader_wait(work, "event: l2map\ndata: {\"nodes\":[{\"name\":\"ar1\"");
	reader_wait(work, "\"b\":\"ar2\",\"b_port\":\"eth0\"}]}");
	assert_int_equal(w->gk->counts.l2_changes, 1);
	reader_free(work);
	/* nor the map of nobody, while the first one is about to be made; what it leads it hears after the map, too */
	world_restart(w);
	world_register(w);
	assert_true(l2map_pending(w->gk->l2map));
	work = reader_new(w, "/v1/elements/ar1/work", "token-ar1");
	while (!reader_shows(work, "event: synced\n"))
		world_turn(w);
	assert_false(reader_shows(work, "\"links\":[]"));
	reader_wait(work, "\"b\":\"ar2\",\"b_port\":\"eth0\"}]}");
	reader_wait(work, "event: synced\n");
	reader_free(work);
	/* one that does not come back is not waited for longer than its heartbeats */
	world_restart(w);
	work = reader_new(w, "/v1/elements/ar1/work", "token-ar1");
	reader_wait(work, "event: synced\n");
	elements_expire(w->gk->elements, clock_now_us() + 31 * CLOCK_S);
	free(world_expect(w, 200, "POST", "/v1/elements", "token-ar1",
			  "{\"name\":\"ar1\",\"kind\":\"access\",\"address\":\"10.200.1.11\",\"ports\":[{\"name\":\"eth0\","
			  "\"mac\":\"02:00:00:00:00:0a\"}],\"public_pool\":\"10.202.1.0/24\"}"));
	reader_wait(work, "event: l2map\n");
	reader_free(work);
}

static void test_waiting(void **state)
{
	struct world *w = *state;
	struct reader *waiting;

	free(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", SHOP));
	waiting = reader_new(w, "/v1/icorps/1?wait=60", "token-acme");
	world_turn(w);
	report(w, 200, "ar1", 1, "signaling", "");
	report(w, 200, "ar1", 1, "complete", "");
	reader_wait(waiting, "\"state\":\"complete\"");
	reader_free(waiting);
	free(world_expect(w, 400, "GET", "/v1/icorps/1?wait=soon", "token-acme", NULL));
	report(w, 200, "ar1", 1, "signaling", "");
	waiting = reader_new(w, "/v1/icorps/1?wait=60", "token-acme"); /* still waiting at the end of the world */
	world_turn(w);
	world_turn(w);
	reader_free(waiting);
	world_turn(w);
}

static void test_lifetime(void **state)
{
	struct world *w = *state;

	free(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", "name=brief&class=silver&lifetime=60"));
	icorps_tick(w->gk->icorps, clock_now_us() + 59 * CLOCK_S);
	free(world_expect(w, 200, "GET", "/v1/icorps/1", "token-acme", NULL));
	icorps_tick(w->gk->icorps, clock_now_us() + 60 * CLOCK_S);
	free(world_expect(w, 404, "GET", "/v1/icorps/1", "token-acme", NULL));
}

static void test_pages(void **state)
{
	struct world *w = *state;
	char *page = world_ask(w, "GET", "/", NULL, NULL, NULL);

	assert_non_null(strstr(page, "Content-Security-Policy: default-src 'none'"));
	assert_non_null(strstr(page, "&#60;b&#62;")); /* the class's help */
	assert_non_null(strstr(page, "name=\"access\" value=\"ar1\""));
	check_has(page, "<option value=\"silver\">");
	check_has(world_ask(w, "POST", "/v1/icorps", NULL,
			    "Content-Type: application/x-www-form-urlencoded\r\nAccept: text/html\r\n", "name=p&class=silver"),
		  "HTTP/1.1 303 See Other\r\nLocation: /icorps/1\r\n");
	page = world_ask(w, "POST", "/v1/icorps", NULL,
			 "Content-Type: application/x-www-form-urlencoded\r\nAccept: text/html\r\n", "name=q&class=%3Cscript%3E");
	assert_non_null(strstr(page, "role=\"alert\""));
	check_lacks(page, "<script>");
	check_has(world_ask(w, "GET", "/icorps/1", NULL, NULL, NULL), "p.asp.test");
	free(world_expect(w, 404, "GET", "/icorps/2", NULL, NULL));
	check_has(world_expect(w, 200, "GET", "/www/style.css", NULL, NULL), "color");
	free(world_expect(w, 404, "GET", "/www/..%2fserver.c", NULL, NULL));
	free(world_expect(w, 404, "GET", "/www/../server.c", NULL, NULL));
	free(world_expect(w, 404, "GET", "/www/%2e%2e", NULL, NULL));
	free(world_expect(w, 200, "GET", "/v1/openapi.json", NULL, NULL));
	check_has(world_expect(w, 200, "GET", "/v1/classes", NULL, NULL), "\"rate_bps\":15000000");
	check_has(world_expect(w, 200, "GET", "/v1/status", NULL, NULL), "\"ok\":true");
	check_has(world_expect(w, 200, "GET", "/metrics", NULL, NULL), "icorp_gatekeeper_icorps{state=\"placed\"} 1\n");
	check_has(world_expect(w, 200, "GET", "/metrics", NULL, NULL),
		  "icorp_gatekeeper_orphans_removed_total{element=\"ar1\",adaptor=\"tc\"} 3\n");
	check_has(world_expect(w, 200, "GET", "/metrics", NULL, NULL),
		  "icorp_gatekeeper_drift_repaired_total{element=\"ar1\",adaptor=\"tc\"} 2\n");
}

/* Neither a reader that does not read nor one too many costs the others anything. */
static void test_slow_reader(void **state)
{
	struct world *w = *state;
	struct reader *slow = reader_new(w, "/v1/events", NULL), *quick = reader_new(w, "/v1/events", NULL), *third;
	time_t until = time(NULL) + 20;

	reader_wait(slow, "event: dns\n");
	reader_wait(quick, "event: dns\n");
	third = reader_new(w, "/v1/events", NULL);
	reader_wait(third, "event: dns\n");
	check_has(world_expect(w, 503, "GET", "/v1/events", NULL, NULL), "too many");
	reader_free(third);
	free(world_expect(w, 201, "POST", "/v1/icorps", NULL, SHOP));
	reader_stall(slow);
	while (!w->gk->counts.streams_dropped && time(NULL) < until) {
		for (unsigned i = 0; i < 10; i++)
			events_icorp(w->gk->events, icorps_nth(w->gk->icorps, 0));
		for (unsigned i = 0; i < 10; i++)
			reader_wait(quick, "event: icorp\n");
	}
	assert_int_equal(w->gk->counts.streams_dropped, 1);
	free(world_expect(w, 200, "GET", "/v1/icorps/1", NULL, NULL));
	reader_free(slow);
	reader_free(quick);
}

static void test_hostile(void **state)
{
	struct world *w = *state;
	static const char *const raw[] = {
		"GARBAGE\r\n\r\n", "GET / HTTP/1.1\r\nHost gk\r\n\r\n", "FROB / HTTP/1.1\r\nConnection: close\r\n\r\n",
		"POST /v1/icorps HTTP/1.1\r\nContent-Length: -1\r\nConnection: close\r\n\r\n",
		"POST /v1/icorps HTTP/1.1\r\nContent-Length: 99999999999\r\nConnection: close\r\n\r\n",
		"GET http://[ HTTP/1.1\r\nConnection: close\r\n\r\n",
		"GET /v1/icorps?%zz HTTP/1.1\r\nConnection: close\r\n\r\n",
	};
	char *many, *answer;

	for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++) {
		answer = world_raw(w, raw[i], strlen(raw[i]));
		assert_null(strstr(answer, "HTTP/1.1 2"));
		free(answer);
	}
	check_has(world_ask(w, "PUT", "/v1/icorps/1", NULL, NULL, NULL), "Allow: GET, HEAD, PATCH, DELETE\r\n");
	free(world_expect(w, 405, "OPTIONS", "/v1/icorps", NULL, NULL));
	free(world_expect(w, 405, "DELETE", "/", NULL, NULL));
	check_lacks(world_ask(w, "HEAD", "/v1/status", NULL, NULL, NULL), "\"ok\"");
	many = malloc(40000);
	memset(many, 'a', 40000);
	memcpy(many, "X-Long: ", 8);
	memcpy(many + 39990, "\r\n", 3);
	check_lacks(world_ask(w, "GET", "/v1/status", NULL, many, NULL), "\"ok\":true");
	free(many);
	free(world_expect(w, 200, "GET", "/v1/status", NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_refusals, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_capacity, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_failed, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_revise, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_reports_are_the_leaders, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_who_may_what, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_idempotency, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_restart, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_l2map_restart, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_l2map, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_waiting, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_lifetime, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_pages, set_up_open, world_end),
		cmocka_unit_test_setup_teardown(test_slow_reader, set_up_open, world_end),
		cmocka_unit_test_setup_teardown(test_hostile, set_up_open, world_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
