/*
 * Revisions of contracts as clients and leaders meet them: PATCH, the reports about it, and what goes on meanwhile.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gatekeeper/icorps.h"
#include "tests/unit/gk_world.h"

#define SHOP "{\"name\":\"shop\",\"class\":\"silver\",\"servers\":1,\"access\":[\"ar1\"]," \
	     "\"services\":[{\"name\":\"web\",\"port\":80}],\"limits\":{\"cpu\":3000}}"

static int set_up(void **state)
{
	return world_begin(state, "class narrow { rate = 15M cpu = 1024 memory = 128MiB max_cpu = 2000 }\n"
			       "class wide { rate = 15M cpu = 1024 memory = 128MiB max_cpu = 9000 }");
}

static void report(struct world *w, unsigned revision, const char *state)
{
	char body[128];

	snprintf(body, sizeof(body), "{\"icorp\":1,\"revision\":%u,\"state\":\"%s\"}", revision, state);
	free(world_expect(w, 200, "POST", "/v1/elements/ar1/report", "token-ar1", body));
}

static char *patch(struct world *w, int status, const char *change)
{
	return world_expect(w, status, "PATCH", "/v1/icorps/1", "token-acme", change);
}

/* Posted, handed to its leader, and of this state. */
static void begin(struct world *w, const char *state)
{
	struct reader *work = reader_new(w, "/v1/elements/ar1/work", "token-ar1");

	reader_wait(work, "event: synced\n");
	free(world_expect(w, 201, "POST", "/v1/icorps", "token-acme", SHOP));
	reader_wait(work, "event: create\n");
	reader_wait(work, ",\"revision\":1}\n");
	report(w, 1, state);
	reader_free(work);
	world_turn(w);
}

static struct icorp *shop(struct world *w)
{
	return icorps_find(w->gk->icorps, 1);
}

/* The leader says once, about the newest revision, that all of it is gone. */
static void test_deleted_meanwhile(void **state)
{
	struct world *w = *state;

	begin(w, "complete");
	free(patch(w, 202, "{\"class\":\"copper\"}"));
	check_has(world_expect(w, 202, "DELETE", "/v1/icorps/1", "token-acme", NULL), "\"next_revision\":null");
	report(w, 2, "complete"); /* crossed the deletion */
	check_has(world_expect(w, 200, "GET", "/v1/icorps/1", "token-acme", NULL), "\"state\":\"deleting\"");
	report(w, 2, "gone");
	free(world_expect(w, 404, "GET", "/v1/icorps/1", "token-acme", NULL));
}

static void test_failed_meanwhile(void **state)
{
	struct world *w = *state;

	begin(w, "signaling");
	check_has(patch(w, 409, "{\"class\":\"copper\"}"), "has not been complete yet");
	report(w, 1, "complete");
	free(patch(w, 202, "{\"class\":\"copper\"}"));
	report(w, 1, "failed");
	report(w, 2, "complete");
	assert_null(shop(w)->next);
	assert_string_equal(shop(w)->contract->class_name, "silver");
	check_has(world_expect(w, 200, "GET", "/v1/icorps/1", "token-acme", NULL), "\"state\":\"failed\",\"revision\":1");
}

/* The smaller of what the client said and what the class says, whichever classes come between. */
static void test_limits(void **state)
{
	static const struct { const char *change; unsigned revision; uint64_t cpu; } steps[] = {
		{"{\"class\":\"narrow\"}", 2, 2000}, {"{\"class\":\"wide\"}", 3, 3000}, {"{\"class\":\"copper\"}", 4, 3000}};
	struct world *w = *state;

	begin(w, "complete");
	for (unsigned i = 0; i < 3; i++) {
		free(patch(w, 202, steps[i].change));
		report(w, steps[i].revision, "complete");
		assert_int_equal(shop(w)->contract->limits.max[RESOURCE_CPU], steps[i].cpu);
		world_restart(w);
	}
}

static void test_refusals(void **state)
{
	static const char *const nothing[] = {"{}", "{\"class\":null}", "{\"class\":\"\",\"servers\":null}", "{\"class\":\"silver\"}"};
	struct world *w = *state;
	static const char same[] = "{\"servers\":[\"srv1\"],\"class\":\"silver\"}";

	begin(w, "complete");
	check_has(patch(w, 400, same), "revision 1 says the same");
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		check_has(patch(w, 400, nothing[i]), "nothing to change");
	check_has(patch(w, 400, "{\"class\":\"copper\",\"lifetime\":9}"), "\"where\":\"lifetime\"");
	check_has(patch(w, 400, "{\"class\":\"copper\",\"\\u00e9\":9}"), "nothing else");
	check_has(world_ask(w, "PATCH", "/v1/icorps/1", "token-acme", NULL, same), "HTTP/1.1 415");
	assert_int_equal(shop(w)->revision, 1);
	free(patch(w, 202, "{\"class\":\"copper\"}"));
	free(patch(w, 202, "{\"class\":\"silver\"}")); /* that is to be given up again */
	assert_int_equal(shop(w)->revision, 3);
}

static unsigned last_octet(const struct contract *c, const char *element)
{
	return ntohl(contract_endpoint_by_element(c, element)->private_addr.s_addr) & 255;
}

/* No two servers that may run at the same time have one address. */
static void test_addresses(void **state)
{
	struct world *w = *state;

	begin(w, "complete"); /* on srv1, with .65 */
	free(patch(w, 202, "{\"servers\":[\"srv1\",\"srv2\"]}"));
	assert_int_equal(last_octet(shop(w)->next, "srv2"), 66);
	free(patch(w, 202, "{\"servers\":[\"srv2\"]}")); /* while it is being set up */
	assert_int_equal(last_octet(shop(w)->next, "srv2"), 67);
	report(w, 3, "complete");
	world_restart(w);
	free(patch(w, 202, "{\"servers\":[\"srv1\"]}")); /* while what it replaced is still there */
	assert_int_equal(last_octet(shop(w)->next, "srv1"), 68);
	report(w, 4, "complete");
	shop(w)->memory.last_server = 62;
	free(patch(w, 202, "{\"servers\":[\"srv2\"]}")); /* after the last one the first */
	assert_int_equal(last_octet(shop(w)->next, "srv2"), 65);
}

static void test_no_address(void **state)
{
	struct world *w = *state;
	struct contract *full = contract_new();

	begin(w, "complete");
	full->n_endpoints = 62;
	full->endpoints = calloc(full->n_endpoints, sizeof(*full->endpoints));
	for (unsigned i = 0; i < full->n_endpoints; i++)
		full->endpoints[i].private_addr = prefix_nth(shop(w)->contract->network.prefix, 65 + i);
	shop(w)->next = full;
	check_has(patch(w, 503, "{\"servers\":[\"srv1\",\"srv2\"]}"), "no private address is left for srv2: revision 1, and the one");
	shop(w)->next = NULL;
	contract_unref(full);
	free(patch(w, 202, "{\"servers\":[\"srv1\",\"srv2\"]}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_deleted_meanwhile, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_failed_meanwhile, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_limits, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_refusals, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_addresses, set_up, world_end),
		cmocka_unit_test_setup_teardown(test_no_address, set_up, world_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
