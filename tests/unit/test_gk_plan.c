/*
 * The gatekeeper's pure decisions: placement, the address plan, the lifecycle table.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gatekeeper/lifecycle.h"
#include "gatekeeper/placement.h"
#include "gatekeeper/plan.h"

/* srv1 half used, srv2 empty, srv3 without the image, srv4 away, srv5 empty but small. */
static void fill(struct placement_input *in, struct placement_server servers[5], struct placement_access access[3],
		 struct contract_request *request)
{
	static const struct { const char *name; int alive, image; uint64_t cpu, used; } have[] = {
		{"srv1", 1, 1, 8192, 4096}, {"srv2", 1, 1, 8192, 0}, {"srv3", 1, 0, 8192, 0}, {"srv4", 0, 1, 8192, 0},
		{"srv5", 1, 1, 1024, 0}};
	static const struct placement_access routers[] = {
		{"ar1", 1, 1, 0}, {"ar2", 1, 1, 1}, {"ar3", 0, 1, 0}};

	memset(servers, 0, 5 * sizeof(*servers));
	memset(request, 0, sizeof(*request));
	memset(in, 0, sizeof(*in));
	for (unsigned i = 0; i < 5; i++) {
		servers[i].name = have[i].name;
		servers[i].alive = have[i].alive;
		servers[i].has_image = have[i].image;
		servers[i].limited[RESOURCE_CPU] = 1;
		servers[i].capacity[RESOURCE_CPU] = have[i].cpu;
		servers[i].used[RESOURCE_CPU] = have[i].used;
	}
	memcpy(access, routers, sizeof(routers));
	in->request = request;
	in->image = "web";
	in->need[RESOURCE_CPU] = 1024;
	in->need[RESOURCE_MEMORY] = 65536; /* nobody said how much there is: not a reason to refuse */
	in->n_servers = 5;
	in->servers = servers;
	in->n_access = 3;
	in->access = access;
}

static void check_refused(const struct placement_input *in, int status, const char *code, const char *element)
{
	struct placement out;
	struct problem problem;

	assert_int_equal(placement_choose(in, &out, &problem), -22);
	assert_int_equal(problem.status, status);
	assert_string_equal(problem.code, code);
	assert_string_equal(problem.element, element);
	assert_true(problem.message[0]);
}

static void test_spread(void **state)
{
	struct placement_server servers[5];
	struct placement_access access[3];
	struct contract_request request;
	struct placement_input in;
	struct placement out;
	struct problem problem;

	fill(&in, servers, access, &request);
	request.servers = 3;
	assert_int_equal(placement_choose(&in, &out, &problem), 0);
	assert_int_equal(out.n_servers, 3);
	assert_string_equal(servers[out.server[0]].name, "srv2"); /* the emptiest first */
	assert_string_equal(servers[out.server[1]].name, "srv1");
	assert_string_equal(servers[out.server[2]].name, "srv5"); /* filled to the brim, but it fits */
	assert_int_equal(out.n_access, 2);
	assert_string_equal(access[out.access[0]].name, "ar2"); /* leads: it can be told at once */
	assert_string_equal(access[out.access[1]].name, "ar1");
	request.servers = 0; /* not said: one */
	assert_int_equal(placement_choose(&in, &out, &problem), 0);
	assert_int_equal(out.n_servers, 1);
}

static void test_no_room(void **state)
{
	struct placement_server servers[5];
	struct placement_access access[3];
	struct contract_request request;
	struct placement_input in;

	fill(&in, servers, access, &request);
	request.servers = 4;
	check_refused(&in, 503, "no-capacity", "");
	request.servers = 3;
	servers[4].used[RESOURCE_CPU] = 1;
	check_refused(&in, 503, "no-capacity", "srv5");
	request.servers = 1000;
	check_refused(&in, 422, "invalid", "");
	request.servers = 1;
	access[0].has_address = access[1].has_address = 0;
	check_refused(&in, 503, "no-capacity", "");
}

static void test_named(void **state)
{
	struct placement_server servers[5];
	struct placement_access access[3];
	struct contract_request request;
	struct placement_input in;
	struct placement out;
	struct problem problem;

	fill(&in, servers, access, &request);
	request.n_named_servers = 2;
	strcpy(request.named_server[0], "srv1");
	strcpy(request.named_server[1], "srv2");
	request.n_access = 2;
	strcpy(request.access[0], "ar1");
	strcpy(request.access[1], "ar2");
	assert_int_equal(placement_choose(&in, &out, &problem), 0);
	assert_int_equal(out.server[0], 0);
	assert_int_equal(out.server[1], 1);
	assert_int_equal(out.access[0], 0); /* as asked: the first leads */
	strcpy(request.named_server[1], "srv1");
	check_refused(&in, 422, "no-such-server", "srv1");
	strcpy(request.named_server[1], "srv9");
	check_refused(&in, 422, "no-such-server", "srv9");
	strcpy(request.named_server[1], "srv3");
	check_refused(&in, 422, "no-such-image", "srv3");
	strcpy(request.named_server[1], "srv4");
	check_refused(&in, 503, "no-capacity", "srv4");
	strcpy(request.access[1], "ar9");
	check_refused(&in, 422, "no-such-access-router", "ar9");
	strcpy(request.access[1], "ar3");
	check_refused(&in, 503, "no-capacity", "ar3");
	strcpy(request.access[1], "ar1");
	check_refused(&in, 422, "no-such-access-router", "ar1");
}

static int in_list(const void *ctx, struct prefix prefix)
{
	const struct prefix *list = ctx;

	for (; list->len; list++)
		if (prefix_overlaps(*list, prefix))
			return 1;
	return 0;
}

static struct prefix prefix_of(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p, 0), 0);
	return p;
}

static void check_icorp(const char *pool, uint32_t wanted, const struct prefix *used, const char *expected)
{
	char text[PREFIX_TEXT];
	struct prefix out;
	int err = plan_icorp(prefix_of(pool), wanted, in_list, used, &out);

	assert_string_equal(err ? "none" : prefix_text(out, text), expected);
}

static void test_subnets(void **state)
{
	struct prefix none[] = {{.len = 0}}, used[3] = {{.len = 0}}, access, servers;
	char text[PREFIX_TEXT];

	check_icorp("10.64.0.0/10", 7, none, "10.64.7.0/24");
	check_icorp("10.64.0.0/10", 16384 + 7, none, "10.64.7.0/24"); /* round the pool */
	check_icorp("10.64.0.0/10", 16384, none, "10.64.1.0/24");     /* number 0 stays free */
	check_icorp("192.168.4.0/24", 99, none, "192.168.4.0/24");
	used[0] = prefix_of("10.64.7.0/24");
	used[1] = prefix_of("10.64.8.128/25"); /* in the way, whoever has it */
	check_icorp("10.64.0.0/10", 7, used, "10.64.9.0/24");
	used[0] = prefix_of("192.168.4.0/22");
	check_icorp("192.168.4.0/23", 1, used, "none");
	plan_split(prefix_of("10.64.7.0/24"), &access, &servers);
	assert_string_equal(prefix_text(access, text), "10.64.7.0/26");
	assert_string_equal(prefix_text(servers, text), "10.64.7.64/26");
}

static int in_addresses(const void *ctx, struct in_addr addr)
{
	for (const char *const *list = ctx; *list; list++) {
		struct in_addr a;

		assert_int_equal(addr_parse(*list, &a), 0);
		if (a.s_addr == addr.s_addr)
			return 1;
	}
	return 0;
}

static void check_public(const char *pool, const char *last, const char *const *used, const char *expected)
{
	struct in_addr before = {0}, out;
	char text[ADDR_TEXT];
	int err;

	if (last)
		assert_int_equal(addr_parse(last, &before), 0);
	err = plan_public(prefix_of(pool), before, in_addresses, used, &out);
	assert_string_equal(err ? "none" : addr_text(out, text), expected);
}

static void test_public(void **state)
{
	const char *none[] = {NULL}, *one[] = {"10.202.1.2", NULL}, *both[] = {"10.9.0.1", "10.9.0.2", NULL};

	check_public("10.202.1.0/24", NULL, none, "10.202.1.1");
	check_public("10.202.1.0/24", "10.202.1.1", none, "10.202.1.2");
	check_public("10.202.1.0/24", "10.202.1.1", one, "10.202.1.3");
	check_public("10.202.1.0/24", "10.202.1.254", none, "10.202.1.1"); /* neither .255 nor .0 */
	check_public("10.202.1.0/24", "172.16.0.1", none, "10.202.1.1");   /* the pool was changed */
	check_public("10.9.0.0/30", NULL, both, "none");
	check_public("10.9.0.1/32", NULL, none, "10.9.0.1");
	check_public("10.9.0.0/31", "10.9.0.1", none, "10.9.0.0");
}

static void test_lifecycle(void **state)
{
	enum life parsed;

	assert_int_equal(life_next(LIFE_PLACED, LIFE_HANDED), LIFE_SIGNALING);
	assert_int_equal(life_next(LIFE_SIGNALING, LIFE_REPORT_COMPLETE), LIFE_COMPLETE);
	assert_int_equal(life_next(LIFE_COMPLETE, LIFE_HANDED), LIFE_COMPLETE); /* a stream came back */
	assert_int_equal(life_next(LIFE_COMPLETE, LIFE_REPORT_DEGRADED), LIFE_DEGRADED);
	assert_int_equal(life_next(LIFE_DEGRADED, LIFE_REPORT_COMPLETE), LIFE_COMPLETE);
	assert_int_equal(life_next(LIFE_PLACED, LIFE_DELETE), LIFE_GONE);     /* nobody has heard of it */
	assert_int_equal(life_next(LIFE_SIGNALING, LIFE_DELETE), LIFE_DELETING);
	assert_int_equal(life_next(LIFE_DELETING, LIFE_REPORT_GONE), LIFE_GONE);
	for (enum life_event e = LIFE_HANDED; e <= LIFE_DELETE; e++) {
		if (e != LIFE_REPORT_GONE) /* nothing brings it back, nothing but its leader ends it */
			assert_int_equal(life_next(LIFE_DELETING, e), LIFE_DELETING);
		if (e != LIFE_DELETE)
			assert_int_equal(life_next(LIFE_FAILED, e), LIFE_FAILED);
		assert_int_equal(life_next(LIFE_GONE, e), LIFE_GONE);
		assert_string_not_equal(life_event_name(e), "?");
	}
	for (enum life s = LIFE_PLACED; s <= LIFE_GONE; s++) {
		assert_int_equal(life_parse(life_name(s), &parsed), 0);
		assert_int_equal(parsed, s);
		assert_true(life_holds(s) || !life_serves(s));
	}
	assert_int_equal(life_parse("asleep", &parsed), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spread),  cmocka_unit_test(test_no_room),  cmocka_unit_test(test_named),
		cmocka_unit_test(test_subnets), cmocka_unit_test(test_public),	 cmocka_unit_test(test_lifecycle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
