/*
 * What strangers send: paths, forms, JSON requests, registrations, reports, tokens.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gatekeeper/config.h"
#include "gatekeeper/form.h"
#include "gatekeeper/input.h"
#include "gatekeeper/pages.h"
#include "gatekeeper/registration.h"
#include "gatekeeper/report.h"
#include "gatekeeper/request.h"
#include "gatekeeper/route.h"
#include "gatekeeper/tokens.h"

static void handle(struct call *call)
{
}

static const struct route routes[] = {
	{"GET", "/", 0, 0, handle},
	{"GET", "/v1/icorps", 0, 0, handle},
	{"POST", "/v1/icorps", 0, 0, handle},
	{"GET", "/v1/icorps/:", 0, 0, handle},
	{"DELETE", "/v1/icorps/:", 0, 0, handle},
	{"GET", "/v1/icorps/:/contract", 0, 0, handle},
	{NULL, NULL, 0, 0, NULL},
};

static void check_route(const char *method, const char *path, enum route_result expected, int index, const char *arg,
			const char *allow)
{
	char args[ROUTE_ARGS][ROUTE_ARG], got[64];
	const struct route *route = NULL;

	assert_int_equal(route_find(routes, method, path, &route, args, got, sizeof(got)), expected);
	if (expected == ROUTE_FOUND) {
		assert_ptr_equal(route, &routes[index]);
		assert_string_equal(args[0], arg);
	}
	if (allow)
		assert_string_equal(got, allow);
}

static void test_routes(void **state)
{
	check_route("GET", "/", ROUTE_FOUND, 0, "", NULL);
	check_route("HEAD", "/v1/icorps", ROUTE_FOUND, 1, "", NULL);
	check_route("DELETE", "/v1/icorps/7", ROUTE_FOUND, 4, "7", NULL);
	check_route("GET", "/v1/icorps/a%2Db/contract", ROUTE_FOUND, 5, "a-b", NULL);
	check_route("PUT", "/v1/icorps", ROUTE_NO_METHOD, 0, NULL, "GET, HEAD, POST");
	check_route("GET", "/v1/icorps/", ROUTE_NO_PATH, 0, NULL, NULL);
	check_route("GET", "/v1/icorps/7/", ROUTE_NO_PATH, 0, NULL, NULL);
	check_route("GET", "/v1/icorps/a%2Fb", ROUTE_NO_PATH, 0, NULL, NULL);
	check_route("GET", "/v1/icorps/%00", ROUTE_NO_PATH, 0, NULL, NULL);
	check_route("GET", "/v1/icorps/%0a", ROUTE_NO_PATH, 0, NULL, NULL);
	check_route("GET", "/v1/icorps/%zz", ROUTE_NO_PATH, 0, NULL, NULL);
	check_route("GET", "", ROUTE_NO_PATH, 0, NULL, NULL);
	check_route("GET", "*", ROUTE_NO_PATH, 0, NULL, NULL);
}

static int parse_form(const char *text, struct form *form)
{
	char *copy = malloc(strlen(text) + 1); /* exactly as long as it is: a byte read too far is seen */
	int err;

	memcpy(copy, text, strlen(text) + 1);
	err = form_parse(copy, strlen(text), form);
	free(copy);
	return err;
}

static void test_forms(void **state)
{
	struct form *form = calloc(1, sizeof(*form));
	char many[1024] = "";

	assert_int_equal(parse_form("a=1&b=x+y%21&a=2&&c&=d", form), 0);
	assert_string_equal(form_value(form, "a", 0), "1");
	assert_string_equal(form_value(form, "a", 1), "2");
	assert_null(form_value(form, "a", 2));
	assert_string_equal(form_value(form, "b", 0), "x y!");
	assert_string_equal(form_value(form, "c", 0), "");
	assert_int_equal(parse_form("", form), 0);
	assert_int_equal(form->n, 0);
	assert_int_equal(parse_form("a=%", form), -22);
	assert_int_equal(parse_form("a=%2", form), -22);
	assert_int_equal(parse_form("a=%00", form), -22);
	assert_int_equal(parse_form("a=%0d%0aSet-Cookie", form), -22);
	for (unsigned i = 0; i <= FORM_MAX_FIELDS; i++)
		strcat(many, "a=1&");
	assert_int_equal(parse_form(many, form), -7);
	memset(many, 'n', FORM_NAME);
	many[FORM_NAME] = '\0';
	assert_int_equal(parse_form(many, form), -22);
	free(form);
}

static void check_json(const char *text, const char *where)
{
	struct contract_request request;
	struct problem problem = {0};
	int err = request_from_json(text, strlen(text), &request, &problem);

	if (where) {
		assert_int_equal(err, -22);
		assert_int_equal(problem.status, 400);
		assert_string_equal(problem.where, where);
	} else {
		assert_string_equal(problem.message, "");
		assert_int_equal(err, 0);
	}
	contract_request_clear(&request);
}

#define BASE "\"name\":\"shop\",\"class\":\"silver\","
#define WEB "\"services\":[{\"name\":\"web\",\"port\":80}]"

static void test_json_requests(void **state)
{
	char deep[200];

	check_json("{" BASE WEB "}", NULL);
	check_json("{" BASE WEB ",\"apps\":[{\"name\":\"web\",\"args\":[\"-v\",\"é\"]}],\"limits\":{\"cpu\":4096}}", NULL);
	check_json("{\"class\":\"silver\"," WEB "}", "name");
	check_json("{" BASE "\"services\":[]}", "services");
	check_json("{" BASE "\"services\":[{\"name\":\"web\",\"port\":65536}]}", "port");
	check_json("{" BASE "\"services\":[{\"name\":\"web\",\"port\":0}]}", "port");
	check_json("{" BASE "\"services\":[7]}", "name");
	check_json("{" BASE WEB ",\"servers\":-1}", "servers");
	check_json("{" BASE WEB ",\"servers\":\"2\"}", "servers");
	check_json("{" BASE WEB ",\"access\":[\"Ar1\"]}", "access");
	check_json("{" BASE WEB ",\"access\":{}}", "access");
	check_json("{" BASE WEB ",\"apps\":[{\"name\":\"x\",\"url\":\"file:///etc/passwd\",\"sha256\":\"\"}]}", "url");
	check_json("{" BASE WEB ",\"apps\":[{\"name\":\"x\",\"url\":\"http://h/x\",\"sha256\":\"12\"}]}", "sha256");
	check_json("{" BASE WEB ",\"apps\":[{\"name\":\"x\",\"args\":[\"a\\u0000b\"]}]}", "");
	check_json("{\"name\":\"-shop\",\"class\":\"silver\"," WEB "}", "name");
	check_json("{\"name\":\"shop\",\"name\":\"shop\"}", "");
	check_json("[]", "");
	check_json("{", "");
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	check_json(deep, "");
}

static int form_request(const char *text, struct contract_request *request, struct problem *problem)
{
	struct form *form = calloc(1, sizeof(*form));
	int err;

	memset(problem, 0, sizeof(*problem));
	assert_int_equal(parse_form(text, form), 0);
	err = request_from_form(form, request, problem);
	free(form);
	return err;
}

static void test_form_requests(void **state)
{
	struct contract_request r;
	struct problem problem;

	assert_int_equal(form_request("name=shop&class=silver&port=8080&servers=2&access=ar1&access=ar2&app=web", &r,
				      &problem), 0);
	assert_string_equal(r.name, "shop");
	assert_int_equal(r.servers, 2);
	assert_int_equal(r.n_access, 2);
	assert_string_equal(r.access[1], "ar2");
	assert_int_equal(r.services[0].port, 8080);
	assert_int_equal(r.services[0].target_port, 8080);
	assert_string_equal(r.apps[0].name, "web");
	assert_int_equal(form_request("name=shop&class=silver&url=http%3A%2F%2Fh%2Fx&sha256=", &r, &problem), -22);
	assert_string_equal(problem.where, "sha256");
	assert_int_equal(form_request("class=silver", &r, &problem), -22);
	assert_string_equal(problem.where, "name");
	assert_int_equal(form_request("name=shop", &r, &problem), -22);
	assert_string_equal(problem.where, "class");
	assert_int_equal(form_request("name=shop&class=silver&port=99999", &r, &problem), -22);
	assert_string_equal(problem.where, "port");
	assert_int_equal(form_request("name=../x&class=silver", &r, &problem), -22);
	assert_string_equal(problem.where, "name");
}

static void check_registration(const char *text, const char *where)
{
	struct registration reg;
	struct problem problem = {0};
	int err = registration_parse(text, strlen(text), &reg, &problem);

	assert_string_equal(problem.where, where ? where : "");
	assert_int_equal(err, where ? -22 : 0);
	registration_clear(&reg);
}

#define R1 "\"name\":\"r1\",\"kind\":\"router\",\"address\":\"10.0.0.1\""

static void test_registrations(void **state)
{
	static const char full[] = "{" R1 ",\"ports\":[{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:01\",\"addresses\":"
				   "[\"10.0.0.1/24\",\"fe80::1/64\"],\"speed_bps\":100000000}],\"images\":[\"web\"],"
				   "\"adaptors\":[{\"name\":\"tc\",\"type\":\"tc\",\"up\":true,\"reason\":\"\"}],"
				   "\"resources\":[{\"resource\":\"cpu\",\"capacity\":8192,\"used\":1},{\"resource\":\"dreams\"}],"
				   "\"public_pool\":\"10.202.1.0/24\",\"newer\":[1]}";
	struct registration reg, again;
	struct problem problem;
	char *text;

	assert_int_equal(registration_parse(full, strlen(full), &reg, &problem), 0);
	assert_int_equal(reg.ports[0].n_addresses, 1);
	assert_int_equal(reg.resource[RESOURCE_CPU].capacity, 8192);
	assert_true(reg.has_pool && reg.adaptors[0].up);
	text = registration_text(&reg); /* what the store keeps says the same */
	assert_int_equal(registration_parse(text, strlen(text), &again, &problem), 0);
	assert_true(registration_same(&reg, &again));
	again.ports[0].mac[5]++;
	assert_false(registration_same(&reg, &again));
	free(text);
	registration_clear(&again);
	registration_clear(&reg);
	check_registration("{" R1 "}", NULL);
	check_registration("{\"name\":\"r1\",\"kind\":\"toaster\",\"address\":\"10.0.0.1\"}", "kind");
	check_registration("{\"name\":\"r1\",\"kind\":\"router\",\"address\":\"10.0.0\"}", "address");
	check_registration("{" R1 ",\"ports\":[{\"name\":\"eth0\",\"mac\":\"02:00\"}]}", "mac");
	check_registration("{" R1 ",\"ports\":[{\"name\":\"a-name-too-long-for-it\"}]}", "name");
	check_registration("{" R1 ",\"fdb\":[{\"mac\":\"02:00:00:00:00:01\"}]}", "port");
	check_registration("{" R1 ",\"fdb\":[null]}", "mac");
	check_registration("{" R1 ",\"resources\":[{\"resource\":\"cpu\",\"capacity\":-1}]}", "capacity");
	check_registration("{" R1 ",\"public_pool\":\"10.202.1.1/24\"}", "public_pool");
	check_registration("{" R1 ",\"images\":[\"../web\"]}", "images");
}

static void check_report(const char *text, const char *where)
{
	struct report report;
	struct problem problem = {0};
	int err = report_parse(text, strlen(text), &report, &problem);

	assert_string_equal(problem.where, where ? where : "");
	assert_int_equal(err, where ? -22 : 0);
	report_clear(&report);
}

static void test_reports(void **state)
{
	check_report("{\"icorp\":7,\"revision\":1,\"state\":\"complete\",\"endpoints\":[{\"element\":\"srv1\",\"up\":true,"
		     "\"cpu_permille\":120}],\"price\":{\"micro\":1,\"interval_s\":3600,\"currency\":\"EUR\"},\"grants\":"
		     "[{\"element\":\"srv1\",\"resource\":\"cpu\",\"sequence\":3,\"outcome\":\"applied\",\"level\":1280,\"used\":120}]}", NULL);
	check_report("{\"icorp\":7,\"state\":\"failed\",\"error\":{\"element\":\"r2\",\"code\":\"admission\","
		     "\"reason\":\"no capacity on eth1\"}}", NULL);
	check_report("{\"icorp\":0,\"state\":\"gone\"}", "icorp");
	check_report("{\"icorp\":4294967296,\"state\":\"gone\"}", "icorp");
	check_report("{\"icorp\":7,\"state\":\"happy\"}", "state");
	check_report("{\"icorp\":7,\"state\":\"gone\",\"grants\":[{\"level\":-1}]}", "level");
	check_report("{\"icorp\":7,\"state\":\"gone\",\"grants\":[{\"used\":-1}]}", "used");
	check_report("{\"icorp\":7,\"state\":\"gone\",\"endpoints\":[{}]}", "element");
	check_report("{\"icorp\":7,\"state\":\"gone\",\"price\":[]}", "price");
}

static void test_tokens(void **state)
{
	struct tokens *tokens = tokens_new();
	struct caller who;
	char why[200];

	assert_int_equal(tokens_add(tokens, "element:r1:s3cret-of-r1", why, sizeof(why)), 0);
	assert_int_equal(tokens_add(tokens, "client:acme:s3cret-of-acme", why, sizeof(why)), 0);
	assert_int_equal(tokens_find(tokens, "s3cret-of-acme", &who), 1);
	assert_int_equal(who.kind, CALLER_CLIENT);
	assert_string_equal(who.name, "acme");
	assert_int_equal(tokens_find(tokens, "element:r1:s3cret-of-r1", &who), 1);
	assert_int_equal(who.kind, CALLER_ELEMENT);
	assert_int_equal(tokens_find(tokens, "s3cret-of-", &who), 0);
	assert_int_equal(tokens_find(tokens, "", &who), 0);
	assert_int_equal(tokens_find(tokens, "operator:r1:s3cret-of-r1", &who), 0);
	assert_int_equal(tokens_add(tokens, "king:r1:s3cret-of-r1", why, sizeof(why)), -22);
	assert_int_equal(tokens_add(tokens, "client:acme", why, sizeof(why)), -22);
	assert_int_equal(tokens_add(tokens, "client:Acme:s3cret-of-acme", why, sizeof(why)), -22);
	assert_int_equal(tokens_add(tokens, "client:acme:short", why, sizeof(why)), -22);
	assert_int_equal(tokens_load(tokens, "/nonexistent", why, sizeof(why)), -2);
	tokens_free(tokens);
}

static void test_file_names(void **state)
{
	const char *type;

	assert_true(pages_file_ok("app.js", &type));
	assert_string_equal(type, "text/javascript; charset=utf-8");
	assert_false(pages_file_ok("../app.js", &type));
	assert_false(pages_file_ok(".js", &type));
	assert_false(pages_file_ok("app", &type));
	assert_false(pages_file_ok("passwd", &type));
	assert_false(pages_file_ok("a/b.js", &type));
	assert_false(pages_file_ok("", &type));
}

/* A class says what its contracts could never be: the operator hears of it at the start, not the client. */
static void check_class(const char *text, const char *expected)
{
	char path[] = "/tmp/gk-class-XXXXXX";
	struct config_error error = {0};
	struct gk_config config = {0};
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
	r = gk_config_load(path, &config, &error);
	unlink(path);
	assert_int_equal(r < 0, expected != NULL);
	if (expected)
		assert_non_null(strstr(error.text, expected));
	else
		gk_config_free(&config);
}

static void test_classes(void **state)
{
	check_class("class gold { rate = 30M setup = 2 holding = 2 }\n", NULL);
	check_class("class gold { rate = 30M setup = 2 holding = 0 }\n", NULL);
	check_class("class gold { rate = 30M setup = 2 holding = 3 }\n", "gold: holding is weaker than setup");
	check_class("class gold { rate = 30M ceil = 20M }\n", "gold: ceil is below rate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),	      cmocka_unit_test(test_forms),
		cmocka_unit_test(test_json_requests), cmocka_unit_test(test_form_requests),
		cmocka_unit_test(test_registrations), cmocka_unit_test(test_reports),
		cmocka_unit_test(test_tokens),	      cmocka_unit_test(test_file_names),
		cmocka_unit_test(test_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
