/*
 * The controller's end against a real adaptor process (the null technology): answers, faults, deaths. Everything runs
 * off the event loop with a deadline; the only waiting is for the restart's backoff, which is what is tested.
 *
 *     this test == client.c ==socketpair== icorp-adaptor null
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "adaptor_samples.h"
#include "adaptors/process.h"

#define MAX_ANSWERS 4096

struct fixture {
	struct event_base *base;
	struct adaptor_client *client;
	struct adaptor_process process;
	char dir[64];
	unsigned n, ups, downs, waits, serves;
	struct adaptor_answer answers[MAX_ANSWERS];
	struct adaptor_key renewed_not[16];
	char json[65536], reason[ADAPTOR_REASON];
};

static void on_answer(void *ctx, struct adaptor_client *client, const struct adaptor_answer *a)
{
	struct fixture *f = ctx;

	assert_true(f->n < MAX_ANSWERS);
	f->answers[f->n] = *a;
	if (a->n_keys)
		memcpy(f->renewed_not, a->keys, a->n_keys * sizeof(*a->keys));
	f->answers[f->n++].json = NULL;
	if (a->json)
		snprintf(f->json, sizeof(f->json), "%s", a->json);
}

static void on_state(void *ctx, struct adaptor_client *client, enum adaptor_state state, const char *reason)
{
	struct fixture *f = ctx;
	unsigned *count[] = { &f->downs, &f->ups, &f->waits, &f->serves };

	++*count[state];
	snprintf(f->reason, sizeof(f->reason), "%s", reason);
}

static void guard(evutil_socket_t fd, short what, void *arg)
{
	fail_msg("nothing happened for ten seconds");
}

/* Runs the loop until cond. */
#define UNTIL(f, cond) do { \
		struct event *guard_ = evtimer_new((f)->base, guard, NULL); \
		event_add(guard_, &(struct timeval){ 10, 0 }); \
		while (!(cond)) \
			event_base_loop((f)->base, EVLOOP_ONCE); \
		event_free(guard_); \
	} while (0)

static void start(struct fixture *f, const char *type, const char *key, const char *value)
{
	char record[80];
	struct adaptor_option options[2] = { { "record", record }, { key, value } };

	snprintf(record, sizeof(record), "%s/rec", f->dir);
	struct adaptor_process_options o = { .instance = "test", .type = type, .options = options,
					     .n_options = key ? 2 : 1, .program_dir = "." };
	struct adaptor_client_options how = { .instance = "test", .type = type, .start = adaptor_process_client,
					      .ctx = &f->process };

	adaptor_process_clear(&f->process);
	errno = -adaptor_process_init(&f->process, &o);
	f->client = errno ? NULL : adaptor_client_new(f->base, &how, on_answer, on_state, f);
}

static void start_up(struct fixture *f, const char *key, const char *value)
{
	start(f, "null", key, value);
	assert_non_null(f->client);
	UNTIL(f, f->ups);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->base = event_base_new();
	strcpy(f->dir, "adaptor-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	*state = f;
	return 0;
}

static int recorded(const struct fixture *f, unsigned icorp)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/rec/%u-10.200.1.11.json", f->dir, icorp);
	return !access(path, F_OK);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[128];

	adaptor_client_free(f->client);
	adaptor_process_clear(&f->process);
	event_base_free(f->base);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "%s/rec/%u-10.200.1.11.json", f->dir, i);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/rec", f->dir);
	rmdir(path);
	rmdir(f->dir);
	free(f);
	return 0;
}

static void apply(struct fixture *f, unsigned icorp, uint64_t cookie)
{
	struct adaptor_terms t = sample_small(icorp, "eth0", 1000000 + cookie);

	assert_int_equal(adaptor_client_apply(f->client, &t, cookie), 0);
}

static struct adaptor_key key(unsigned icorp)
{
	return (struct adaptor_key){ .icorp = icorp, .leader = sample_addr("10.200.1.11") };
}

static void test_apply_revoke(void **state)
{
	struct fixture *f = *state;

	start_up(f, NULL, NULL);
	assert_true(adaptor_client_terms(f->client) & TERM_ISC);
	assert_true(adaptor_client_pid(f->client) > 0);
	apply(f, 7, 70);
	assert_int_equal(f->n, 0);             /* never from inside the call */
	assert_int_equal(adaptor_client_pending(f->client), 1);
	UNTIL(f, f->n == 1);
	assert_int_equal(f->answers[0].request, ADAPTOR_APPLY);
	assert_int_equal(f->answers[0].cookie, 70);
	assert_int_equal(f->answers[0].result.error, 0);
	assert_int_equal(f->answers[0].result.n_grants, 1);
	assert_int_equal(f->answers[0].result.grants[0].enforcement, ENFORCEMENT_NONE);
	assert_int_equal(f->answers[0].result.grants[0].level, 1000070);
	assert_true(recorded(f, 7));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(adaptor_client_revoke(f->client, key(7), 71), 0);
		UNTIL(f, f->n == 2 + (unsigned)i);
		assert_int_equal(f->answers[f->n - 1].request, ADAPTOR_REVOKE);
		assert_int_equal(f->answers[f->n - 1].result.error, 0);
		assert_false(recorded(f, 7));
	}
	assert_int_equal(adaptor_client_pending(f->client), 0);
}

/* Newer terms replace waiting ones: the one sent first and the last are answered. */
static void test_latest_only(void **state)
{
	struct fixture *f = *state;

	start_up(f, "delay_ms", "20");
	for (unsigned i = 1; i <= 50; i++)
		apply(f, 7, i);
	UNTIL(f, !adaptor_client_pending(f->client));
	assert_int_equal(f->n, 2);
	assert_int_equal(f->answers[0].cookie, 1);
	assert_int_equal(f->answers[1].cookie, 50);
}

static void test_failures(void **state)
{
	struct fixture *f = *state;
	struct adaptor_terms t = sample_small(8, "eth0", 1000);

	start_up(f, "fail.apply", "7");
	apply(f, 7, 1);
	apply(f, 8, 2);
	assert_int_equal(adaptor_client_check(f->client, &t, 3), 0);
	assert_int_equal(adaptor_client_query(f->client, ADAPTOR_SHOW, 4), 0);
	assert_int_equal(adaptor_client_query(f->client, ADAPTOR_PORTS, 5), 0);
	assert_int_equal(adaptor_client_query(f->client, ADAPTOR_APPLY, 6), -EINVAL);
	UNTIL(f, f->n == 5);
	for (unsigned i = 0; i < 5; i++) {
		int refused = f->answers[i].request == ADAPTOR_APPLY && f->answers[i].key.icorp == 7;

		assert_int_equal(f->answers[i].result.error, refused ? -ENOSPC : 0);
	}
	assert_false(recorded(f, 7));
	assert_true(recorded(f, 8));
}

/* A daemon that is down: kept and tried again in there, with the latest terms; said once, and answered once. */
static void test_again(void **state)
{
	struct fixture *f = *state;

	start_up(f, "again", "3");
	apply(f, 7, 1);
	UNTIL(f, f->n == 1);
	assert_int_equal(f->answers[0].result.error, -EAGAIN);
	assert_string_equal(f->answers[0].result.reason, "not yet, by again");
	assert_int_equal(f->answers[0].cookie, 1);
	UNTIL(f, f->waits == 1);
	assert_string_equal(f->reason, "not yet, by again");
	assert_int_equal(adaptor_client_up(f->client), 1);
	UNTIL(f, f->n == 2);
	assert_int_equal(f->answers[1].result.error, 0);
	assert_int_equal(f->answers[1].cookie, 1);
	UNTIL(f, f->serves == 1);
	assert_string_equal(f->reason, "");
	assert_int_equal(f->waits, 1);
	assert_int_equal(adaptor_client_pending(f->client), 0);
}

/* What waits is not waited for any more: revoked, or the process died. */
static void test_again_unwanted(void **state)
{
	struct fixture *f = *state;

	start_up(f, "again", "1000");
	apply(f, 7, 1);
	UNTIL(f, f->waits == 1);
	assert_int_equal(adaptor_client_revoke(f->client, key(7), 2), 0);
	UNTIL(f, f->serves == 1);
	apply(f, 8, 3);
	UNTIL(f, f->waits == 2);
	kill(adaptor_client_pid(f->client), SIGKILL);
	UNTIL(f, f->downs == 1);
	UNTIL(f, f->waits == 3);                 /* said anew by the next process */
	assert_string_equal(f->reason, "not yet, by again");
}

/* A revoke says what it waits for, too; who waits for something else says that. */
static void test_again_revoke(void **state)
{
	struct fixture *f = *state;

	start_up(f, "again.revoke", "1000");
	assert_int_equal(adaptor_client_revoke(f->client, key(7), 1), 0);
	UNTIL(f, f->waits == 1);
	assert_string_equal(f->reason, "ICorp 7 not yet, by again.revoke");
	assert_int_equal(adaptor_client_revoke(f->client, key(8), 2), 0);
	UNTIL(f, f->waits == 2);
	assert_string_equal(f->reason, "ICorp 8 not yet, by again.revoke");
}

static void test_again_replaced(void **state)
{
	struct fixture *f = *state;

	start_up(f, "again", "2");
	apply(f, 7, 1);
	apply(f, 7, 2);
	UNTIL(f, f->n && !f->answers[f->n - 1].result.error);
	assert_int_equal(f->answers[f->n - 1].cookie, 2);
	assert_int_equal(f->answers[f->n - 1].result.grants[0].level, 1000002);
	assert_int_equal(adaptor_client_pending(f->client), 0);
}

static void test_killed(void **state)
{
	struct fixture *f = *state;

	start_up(f, NULL, NULL);
	apply(f, 7, 1);
	apply(f, 8, 2);
	UNTIL(f, f->n == 2);
	kill(adaptor_client_pid(f->client), SIGKILL);
	UNTIL(f, f->downs == 1);
	assert_int_equal(adaptor_client_up(f->client), 0);
	assert_int_equal(adaptor_client_pid(f->client), 0);
	apply(f, 9, 3);                          /* kept */
	assert_int_equal(adaptor_client_revoke(f->client, key(8), 4), 0);
	assert_int_equal(adaptor_client_query(f->client, ADAPTOR_SHOW, 5), 0);
	assert_int_equal(f->n, 2);
	UNTIL(f, f->n == 4);
	assert_int_equal(f->answers[2].result.error, -EAGAIN);
	assert_int_equal(f->answers[3].result.error, -EAGAIN);
	UNTIL(f, f->n == 5);
	assert_int_equal(f->ups, 2);
	assert_int_equal(f->answers[4].cookie, 3);
	assert_int_equal(adaptor_client_query(f->client, ADAPTOR_SHOW, 6), 0);
	UNTIL(f, f->n == 6);
	assert_null(strstr(f->json, "\"icorp\":7"));  /* answered before: the new process does not know it */
	assert_non_null(strstr(f->json, "\"icorp\":9"));
	assert_false(recorded(f, 8));            /* revoked, though the process was down */
	assert_true(recorded(f, 9));
}

/* Those it was applied and those alone are renewed; by a new process none. Nothing else of them changes. */
static void test_renew(void **state)
{
	struct fixture *f = *state;
	struct adaptor_key keys[] = { key(7), key(8), key(9) };
	static struct adaptor_key too_many[PROTOCOL_MAX_KEYS + 1];

	start_up(f, "fail.renew", "8");
	assert_true(adaptor_client_renews(f->client));
	apply(f, 7, 1);
	apply(f, 8, 2);
	UNTIL(f, f->n == 2);
	assert_int_equal(adaptor_client_renew(f->client, too_many, PROTOCOL_MAX_KEYS + 1, 3), -E2BIG);
	assert_int_equal(adaptor_client_renew(f->client, keys, 3, 3), 0);
	assert_int_equal(adaptor_client_query(f->client, ADAPTOR_MEASURE, 4), 0);
	UNTIL(f, f->n == 4);
	assert_int_equal(f->answers[2].request, ADAPTOR_RENEW);
	assert_int_equal(f->answers[2].cookie, 3);
	assert_int_equal(f->answers[2].result.error, 0);
	assert_int_equal(f->answers[2].n_keys, 2);
	assert_int_equal(f->renewed_not[0].icorp, 8);
	assert_int_equal(f->renewed_not[1].icorp, 9);
	assert_non_null(strstr(f->json, "\"renewed\":1"));
	assert_non_null(strstr(f->json, "\"renewed\":0"));
	kill(adaptor_client_pid(f->client), SIGKILL);
	assert_int_equal(adaptor_client_renew(f->client, keys, 3, 5), 0);
	UNTIL(f, f->n == 5);
	assert_int_equal(f->answers[4].result.error, -EAGAIN);
	assert_int_equal(f->answers[4].n_keys, 0);
	UNTIL(f, f->ups == 2);
	assert_int_equal(adaptor_client_renew(f->client, keys, 3, 6), 0);
	UNTIL(f, f->n == 6);
	assert_int_equal(f->answers[5].n_keys, 3);
}

/* Killed with many in the air: each is applied and answered once. */
static void test_killed_in_flight(void **state)
{
	struct fixture *f = *state;
	unsigned seen[100] = { 0 };

	start_up(f, "delay_ms", "1");
	for (unsigned i = 0; i < 100; i++)
		apply(f, 100 + i, i);
	event_base_loop(f->base, EVLOOP_ONCE);
	kill(adaptor_client_pid(f->client), SIGKILL);
	UNTIL(f, f->ups == 2 && !adaptor_client_pending(f->client));
	for (unsigned i = 0; i < f->n; i++) {
		assert_int_equal(f->answers[i].result.error, 0);
		seen[f->answers[i].cookie]++;
	}
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(seen[i], 1);
		assert_true(recorded(f, 100 + i));
	}
}

/* Terms the process dies of are given up; the others are served. */
static void test_poison(void **state)
{
	struct fixture *f = *state;
	unsigned ok = 0, given_up = 0;

	start_up(f, "die.apply", "7");
	for (unsigned i = 5; i < 10; i++)
		apply(f, i, i);
	UNTIL(f, f->n == 5 && adaptor_client_up(f->client));
	for (unsigned i = 0; i < f->n; i++) {
		ok += f->answers[i].result.error == 0;
		given_up += f->answers[i].result.error == -EIO && f->answers[i].key.icorp == 7;
	}
	assert_int_equal(ok, 4);
	assert_int_equal(given_up, 1);
	assert_int_equal(adaptor_client_pending(f->client), 0);
}

static void test_audit(void **state)
{
	struct fixture *f = *state;
	struct adaptor_key keys[] = { key(7), key(9) };

	start_up(f, NULL, NULL);
	for (unsigned i = 7; i < 10; i++)
		apply(f, i, i);
	UNTIL(f, f->n == 3);
	assert_int_equal(adaptor_client_audit(f->client, keys, 2, 10), 0);
	UNTIL(f, f->n == 4);
	assert_int_equal(f->answers[3].orphans, 1);
	assert_true(recorded(f, 7));
	assert_false(recorded(f, 8));
}

/* What a former process left is found by its successor's audit. */
static void test_audit_after(void **state)
{
	struct fixture *f = *state;

	start_up(f, NULL, NULL);
	apply(f, 7, 1);
	UNTIL(f, f->n == 1);
	adaptor_client_free(f->client);
	f->ups = 0;
	start_up(f, NULL, NULL);
	assert_true(recorded(f, 7));
	assert_int_equal(adaptor_client_audit(f->client, NULL, 0, 2), 0);
	UNTIL(f, f->n == 2);
	assert_int_equal(f->answers[1].orphans, 1);
	assert_false(recorded(f, 7));
}

static void test_refused(void **state)
{
	struct fixture *f = *state;

	start(f, "no-such", NULL, NULL);
	assert_null(f->client);
	assert_int_equal(errno, ENOENT);
	start(f, "null", "colour", "green");
	assert_non_null(f->client);
	UNTIL(f, f->downs == 1);
	assert_non_null(strstr(f->reason, "unknown option colour"));
	assert_int_equal(f->ups, 0);
}

static void test_free_flushes(void **state)
{
	struct fixture *f = *state;

	start_up(f, NULL, NULL);
	apply(f, 7, 1);
	pid_t pid = adaptor_client_pid(f->client);

	adaptor_client_free(f->client);
	f->client = NULL;
	while (!kill(pid, 0) && waitpid(pid, NULL, 0) != pid)
		;
	assert_true(recorded(f, 7));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_apply_revoke), TEST(test_latest_only), TEST(test_failures), TEST(test_again), TEST(test_again_unwanted),
		TEST(test_again_replaced), TEST(test_again_revoke), TEST(test_killed), TEST(test_renew), TEST(test_killed_in_flight), TEST(test_poison),
		TEST(test_audit), TEST(test_audit_after), TEST(test_refused), TEST(test_free_flushes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
