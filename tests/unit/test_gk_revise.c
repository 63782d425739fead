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
	struct world *w = world_new("class narrow { rate = 15M cpu = 1024 memory = 128MiB max_cpu = 2000 }\n"
				    "class wide { rate = 15M cpu = 1024 memory = 128MiB max_cpu = 9000 }");

	world_register(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	world_free(*state);
	return 0;
}

static void check_has(char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("\"%s\" is not in: %s", what, text);
	free(text);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_deleted_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failed_meanwhile, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
