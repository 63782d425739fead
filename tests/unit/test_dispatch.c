/*
 * Fan-out to two adaptors that do nothing, in their processes: commits are answered once for both, renewals are gathered,
 * what a process takes with it is told, and of sessions at rest nothing is kept.
 */
#include "config.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <jansson.h>

#include "adaptor_samples.h"
#include "signald/dispatch.h"
#include "signald/launcher.h"

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void); /* its header may not be installed */
#endif

#define MAX_ANSWERS 64

struct answer { struct adaptor_key key; uint64_t cookie; int error; };

struct fixture {
	struct event_base *base;
	struct launcher *launcher;
	struct dispatch *dispatch;
	struct signald_config config;
	struct config_adaptor adaptor[2];
	char *option[2][2];
	unsigned n, lost, restarts, states, shown;
	unsigned found, unsaid[2];           /* a bit for each that said what it finds; how often it could not */
	struct answer answer[MAX_ANSWERS];
	struct adaptor_key last_lost;
	uint16_t restarted;
	size_t applied, renewed;             /* sums over what was shown */
};

static void on_applied(void *ctx, struct adaptor_key key, uint64_t cookie, const struct adaptor_result *result)
{
	struct fixture *f = ctx;

	f->answer[f->n++ % MAX_ANSWERS] = (struct answer){ key, cookie, result->error };
}

static void on_lost(void *ctx, struct adaptor_key key)
{
	struct fixture *f = ctx;

	f->lost++;
	f->last_lost = key;
}

static void on_launcher_gone(void *ctx)
{
	fail_msg("the launcher is gone");
}

static void on_restarted(void *ctx, uint16_t adaptors)
{
	struct fixture *f = ctx;

	f->restarts++;
	f->restarted = adaptors;
}

static void on_found(void *ctx, size_t adaptor, const char *json, const char *why)
{
	struct fixture *f = ctx;

	if (json)
		f->found |= 1u << adaptor;
	else if (*why)
		f->unsaid[adaptor]++;
}

static void on_ports(void *ctx, const char *json)
{
}

static void on_state(void *ctx)
{
	((struct fixture *)ctx)->states++;
}

static void on_audited(void *ctx, size_t adaptor, const char *instance, const struct adaptor_answer *answer)
{
}

static void on_shown(void *ctx, uint64_t cookie, const char *instance, const char *json, const char *error)
{
	struct fixture *f = ctx;
	json_t *root = json_loads(json, 0, NULL), *session;
	size_t i;

	json_array_foreach(json_object_get(root, "sessions"), i, session) {
		f->applied += (size_t)json_integer_value(json_object_get(session, "applied"));
		f->renewed += (size_t)json_integer_value(json_object_get(session, "renewed"));
	}
	json_decref(root);
	f->shown++;
}

static void guard(evutil_socket_t fd, short what, void *arg)
{
	fail_msg("nothing happened for a minute");
}

/* Runs the loop until cond. */
#define UNTIL(f, cond) do { \
		struct event *guard_ = evtimer_new((f)->base, guard, NULL); \
		event_add(guard_, &(struct timeval){ 60, 0 }); \
		while (!(cond)) \
			event_base_loop((f)->base, EVLOOP_ONCE); \
		event_free(guard_); \
	} while (0)

/* Two adaptors, each with an option or NULL. */
static void start(struct fixture *f, const char *first, const char *second)
{
	const char *wanted[2] = { first, second };
	struct dispatch_hooks hooks = { on_applied, on_lost, on_restarted, on_found, on_audited, on_ports, on_state, on_shown, f };

	for (unsigned i = 0; i < 2; i++) {
		struct config_adaptor *a = &f->adaptor[i];

		a->title = i ? "second" : "first";
		a->type = "null";
		f->option[i][0] = (char *)(uintptr_t)wanted[i];
		a->options.item = f->option[i];
		a->options.n = wanted[i] != NULL;
	}
	f->config.adaptors.data = f->adaptor;
	f->config.adaptors.n = 2;
	f->config.adaptor_dir = ".";
	f->config.keyring = "";
	f->config.l2 = "gatekeeper";
	assert_int_equal(launcher_new(&f->config, "", &f->launcher), 0);
	assert_int_equal(launcher_watch(f->launcher, f->base, &(struct launcher_hooks){ .gone = on_launcher_gone }), 0);
	assert_int_equal(dispatch_new(f->base, f->launcher, &f->config, &hooks, &f->dispatch), 0);
	UNTIL(f, f->restarts == 2);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->base = event_base_new();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	dispatch_free(f->dispatch);
	launcher_free(f->launcher);
	while (waitpid(-1, NULL, 0) > 0)     /* they end by themselves */
		;
	event_base_free(f->base);
	free(f);
	return 0;
}

static uint16_t apply(struct fixture *f, unsigned icorp, uint64_t cookie, uint16_t held)
{
	struct adaptor_terms t = sample_small(icorp, "eth0", 1000000 + cookie);

	return dispatch_apply(f->dispatch, &t, cookie, held);
}

static struct adaptor_key key(unsigned icorp)
{
	return (struct adaptor_key){ .icorp = icorp, .leader = sample_addr("10.200.1.11") };
}

/* What both adaptors count: how often they applied and renewed, all sessions together. */
static void measure(struct fixture *f)
{
	f->shown = 0;
	f->applied = f->renewed = 0;
	assert_int_equal(dispatch_query(f->dispatch, ADAPTOR_MEASURE, 1), 2);
	UNTIL(f, f->shown == 2);
}

static void test_answered_once(void **state)
{
	struct fixture *f = *state;

	start(f, NULL, "fail.apply=8");
	assert_int_equal(apply(f, 7, 1, 0), 3);
	assert_int_equal(apply(f, 8, 2, 0), 3);
	assert_int_equal(f->n, 0);
	UNTIL(f, f->n == 2);
	assert_int_equal(f->answer[0].cookie, 1);
	assert_int_equal(f->answer[0].error, 0);
	assert_int_equal(f->answer[1].cookie, 2);
	assert_int_equal(f->answer[1].error, -ENOSPC);
	/* a newer commit takes over; the older one is not answered any more */
	apply(f, 7, 3, 3);
	apply(f, 7, 4, 3);
	UNTIL(f, f->n == 3);
	assert_int_equal(f->answer[2].cookie, 4);
	dispatch_revoke(f->dispatch, key(7), 3);
	apply(f, 9, 5, 0);
	dispatch_revoke(f->dispatch, key(9), 3);
	measure(f);
	assert_int_equal(f->n, 3);           /* nobody waits for what was revoked */
	assert_int_equal(f->applied, 1);     /* of 8, where it was taken */
}

static void test_revoke_only_where_held(void **state)
{
	struct fixture *f = *state;

	start(f, NULL, NULL);
	apply(f, 7, 1, 0);
	UNTIL(f, f->n == 1);
	dispatch_revoke(f->dispatch, key(7), 1);
	measure(f);
	assert_int_equal(f->applied, 1);
}

/* Renewals are gathered, go where something is held, and say what is not known there. */
static void test_renew(void **state)
{
	struct fixture *f = *state;

	start(f, NULL, "fail.renew=9");
	for (unsigned icorp = 7; icorp < 10; icorp++)
		apply(f, icorp, icorp, 0);
	UNTIL(f, f->n == 3);
	dispatch_renew(f->dispatch, key(7), 3);
	dispatch_renew(f->dispatch, key(8), 1);
	dispatch_renew(f->dispatch, key(9), 3);
	UNTIL(f, f->lost == 1);
	assert_int_equal(f->last_lost.icorp, 9);
	measure(f);
	assert_int_equal(f->applied, 6);
	assert_int_equal(f->renewed, 4);
	assert_int_equal(f->lost, 1);
}

/* The process it started first. */
static pid_t first_child(pid_t of)
{
	char path[64];
	long pid = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)of, (int)of);
	in = fopen(path, "r");
	assert_non_null(in);
	assert_int_equal(fscanf(in, "%ld", &pid), 1);
	fclose(in);
	return (pid_t)pid;
}

/*
 * One adaptor is slow and the other dies after its answer: the commit is answered when the slow one is done, and then is
 * to be made again. Sessions at rest are told by the adaptor that is new.
 */
static void test_death(void **state)
{
	struct fixture *f = *state;
	unsigned states;

	start(f, NULL, "again=5");
	apply(f, 7, 1, 0);
	UNTIL(f, f->n == 1);                 /* put off: the first has answered by then, or does so next */
	measure(f);
	assert_int_equal(f->answer[0].error, -EAGAIN);
	states = f->states;
	kill(first_child(first_child(getpid())), SIGKILL);
	UNTIL(f, f->states > states);
	assert_int_equal(f->lost, 0);
	UNTIL(f, f->n == 2);
	assert_int_equal(f->answer[1].error, 0);
	assert_int_equal(f->lost, 1);
	assert_int_equal(f->last_lost.icorp, 7);
	UNTIL(f, f->restarts == 3);
	assert_int_equal(f->restarted, 1);
	measure(f);
	assert_int_equal(f->applied, 1);
	apply(f, 7, 2, 3);
	UNTIL(f, f->n == 3);
	measure(f);
	assert_int_equal(f->applied, 3);
}

/* What could not be said is no answer: it is asked again. Nor is a death: it is asked when the process is back. */
static void test_inventory(void **state)
{
	struct fixture *f = *state;

	start(f, NULL, "again.inventory=2");
	UNTIL(f, f->found == 1 && f->unsaid[1] == 1);
	assert_int_equal(dispatch_ask_inventory(f->dispatch, 1), 0);
	UNTIL(f, f->unsaid[1] == 2);
	assert_int_equal(dispatch_ask_inventory(f->dispatch, 1), 0);
	UNTIL(f, f->found == 3);
	f->found = 0;
	kill(first_child(first_child(getpid())), SIGKILL);
	UNTIL(f, f->found == 1);
	assert_int_equal(f->unsaid[0], 0);
	assert_int_equal(f->unsaid[1], 2);
}

static size_t allocated(void)
{
#ifdef __SANITIZE_ADDRESS__
	return __sanitizer_get_current_allocated_bytes();
#else
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
#endif
}

/* A round of commits in lots, all answered at its end. */
static void round_of(struct fixture *f, unsigned sessions, uint64_t cookie)
{
	for (unsigned i = 0; i < sessions; i++) {
		apply(f, i + 1, cookie, cookie == 1 ? 0 : 3);
		if (i % 1000 == 999)
			UNTIL(f, f->n == (cookie - 1) * sessions + i + 1);
	}
}

static void test_nothing_is_kept(void **state)
{
	struct fixture *f = *state;
	size_t before, after;

	start(f, NULL, NULL);
	round_of(f, 1000, 1);                /* buffers find their size */
	f->n = 0;
	before = allocated();
	round_of(f, 20000, 1);
	after = allocated();
	print_message("%zu bytes more for 20000 sessions\n", after > before ? after - before : 0);
	assert_true(after < before + 20000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static struct adaptor_result word(enum outcome outcome, enum enforcement enforcement, const char *reason)
{
	struct adaptor_result r = { .n_grants = 1 };

	r.grants[0] = (struct adaptor_grant){ .resource = RESOURCE_BANDWIDTH, .outcome = outcome, .enforcement = enforcement };
	snprintf(r.grants[0].reason, sizeof(r.grants[0].reason), "%s", reason);
	return r;
}

/* tc holds to a rate, trunk says by which circuit, and that it has no room: whoever speaks first. */
static void test_merged(void **state)
{
	const struct adaptor_result enforced = word(OUTCOME_APPLIED, ENFORCEMENT_ENFORCED, ""),
		chosen = word(OUTCOME_APPLIED, ENFORCEMENT_BEST_EFFORT, "over eth2"),
		over = word(OUTCOME_PARTLY, ENFORCEMENT_BEST_EFFORT, "no room"),
		shared = word(OUTCOME_APPLIED, ENFORCEMENT_BEST_EFFORT, "eth1 is a trunk");

	for (unsigned turn = 0; turn < 2; turn++) {
		struct adaptor_result all = { 0 };

		dispatch_merge(&all, turn ? &enforced : &chosen, "a");
		dispatch_merge(&all, turn ? &chosen : &enforced, "b");
		assert_int_equal(all.n_grants, 1);
		assert_int_equal(all.grants[0].enforcement, ENFORCEMENT_ENFORCED);
		assert_string_equal(all.grants[0].reason, "over eth2");
		all = turn ? enforced : over;
		dispatch_merge(&all, turn ? &over : &enforced, "b");
		assert_int_equal(all.grants[0].outcome, OUTCOME_PARTLY);
		assert_int_equal(all.grants[0].enforcement, ENFORCEMENT_BEST_EFFORT);
		assert_string_equal(all.grants[0].reason, "no room");
		all = turn ? chosen : shared;
		dispatch_merge(&all, turn ? &shared : &chosen, "b");
		assert_string_equal(all.grants[0].reason, "eth1 is a trunk; over eth2");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answered_once), TEST(test_revoke_only_where_held), TEST(test_renew), TEST(test_death), TEST(test_inventory),
		TEST(test_nothing_is_kept), cmocka_unit_test(test_merged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
