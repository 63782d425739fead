/*
 * The store on a temporary file: what is put is there after closing and opening again, transactions are all or nothing,
 * numbers are never given out twice.
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

#include "gatekeeper/store.h"

struct world { char dir[64], path[96]; struct store *store; };

static void reopen(struct world *w)
{
	char why[200];

	store_close(w->store);
	w->store = NULL;
	assert_int_equal(store_open(w->path, &w->store, why, sizeof(why)), 0);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/gk-store-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/db", w->dir);
	reopen(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char path[128];

	store_close(w->store);
	unlink(w->path);
	snprintf(path, sizeof(path), "%s-wal", w->path);
	unlink(path);
	snprintf(path, sizeof(path), "%s-shm", w->path);
	unlink(path);
	rmdir(w->dir);
	free(w);
	return 0;
}

static int list_icorp(void *ctx, const struct store_icorp *icorp)
{
	char *text = ctx;

	sprintf(text + strlen(text), "%u %s %s %llu %llu %s\n", icorp->id, icorp->state, icorp->xml,
		(unsigned long long)icorp->posted_wall_us, (unsigned long long)icorp->complete_us, icorp->detail);
	return 0;
}

static int list_element(void *ctx, const char *name, const char *registration)
{
	char *text = ctx;

	sprintf(text + strlen(text), "%s %s\n", name, registration);
	return 0;
}

static int list_name(void *ctx, const struct store_name *name)
{
	char *text = ctx;

	sprintf(text + strlen(text), "%s %s %d\n", name->name, name->addresses, name->confirmed);
	return 0;
}

static void test_round_trip(void **state)
{
	struct world *w = *state;
	struct store_icorp icorp = {1, "placed", "<a b='\"'/>", 5, 0, "{}"};
	struct store_name name = {"shop.asp.test", "10.0.0.1,10.0.0.2", 0};
	char text[512] = "";

	assert_int_equal(store_icorp_put(w->store, &icorp), 0);
	icorp.state = "complete'); DROP TABLE icorp; --";
	icorp.complete_us = 7;
	assert_int_equal(store_icorp_put(w->store, &icorp), 0);
	assert_int_equal(store_element_put(w->store, "r1", "{1}"), 0);
	assert_int_equal(store_element_put(w->store, "r1", "{2}"), 0);
	assert_int_equal(store_name_put(w->store, &name), 0);
	reopen(w);
	assert_int_equal(store_icorp_each(w->store, list_icorp, text), 0);
	assert_string_equal(text, "1 complete'); DROP TABLE icorp; -- <a b='\"'/> 5 7 {}\n");
	text[0] = '\0';
	assert_int_equal(store_element_each(w->store, list_element, text), 0);
	assert_int_equal(store_name_each(w->store, list_name, text), 0);
	assert_string_equal(text, "r1 {2}\nshop.asp.test 10.0.0.1,10.0.0.2 0\n");
	assert_int_equal(store_icorp_remove(w->store, 1), 0);
	assert_int_equal(store_icorp_remove(w->store, 1), 0);
	assert_int_equal(store_name_remove(w->store, "shop.asp.test"), 0);
	text[0] = '\0';
	assert_int_equal(store_icorp_each(w->store, list_icorp, text), 0);
	assert_int_equal(store_name_each(w->store, list_name, text), 0);
	assert_string_equal(text, "");
}

static void test_transactions(void **state)
{
	struct world *w = *state;
	struct store_icorp icorp = {.id = 3, .state = "placed", .xml = "<x/>", .detail = "{}"};
	uint32_t id = 0, again = 0;
	char text[512] = "";

	assert_int_equal(store_begin(w->store), 0);
	assert_int_equal(store_next_icorp(w->store, &id), 0);
	assert_int_equal(store_icorp_put(w->store, &icorp), 0);
	store_abort(w->store);
	assert_int_equal(store_icorp_each(w->store, list_icorp, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(store_begin(w->store), 0);
	assert_int_equal(store_next_icorp(w->store, &again), 0);
	assert_int_equal(store_commit(w->store), 0);
	assert_int_equal(id, again); /* the refused one used none up */
	reopen(w);
	assert_int_equal(store_next_icorp(w->store, &id), 0);
	assert_int_equal(id, again + 1);
}

static void test_keys(void **state)
{
	struct world *w = *state;
	struct store_key key = {"acme", "k1", "digest", 9};
	uint32_t icorp = 0;
	int same = 0;

	assert_int_equal(store_key_find(w->store, &key, &icorp, &same), 0);
	assert_int_equal(store_key_put(w->store, &key), 0);
	reopen(w);
	assert_int_equal(store_key_find(w->store, &key, &icorp, &same), 1);
	assert_true(same && icorp == 9);
	key.digest = "other";
	assert_int_equal(store_key_find(w->store, &key, &icorp, &same), 1);
	assert_false(same);
	key.client = "else";
	assert_int_equal(store_key_find(w->store, &key, &icorp, &same), 0);
}

static void test_bad_files(void **state)
{
	struct world *w = *state;
	struct store *store = NULL;
	char why[200] = "";
	FILE *f;

	assert_int_not_equal(store_open("/nonexistent/db", &store, why, sizeof(why)), 0);
	assert_non_null(strstr(why, "/nonexistent/db"));
	store_close(w->store);
	w->store = NULL;
	f = fopen(w->path, "w");
	fputs("this is no database, and long enough to be taken for a header of one ........................", f);
	fclose(f);
	assert_int_not_equal(store_open(w->path, &store, why, sizeof(why)), 0);
	assert_non_null(strstr(why, w->path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_transactions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_files, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
