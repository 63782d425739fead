/*
 * What every adaptor must keep to, whatever its technology (adaptors/adaptor.h), tried on each that can run here:
 * `null` always, `tc` in a network namespace of its own when root. A new technology adds a subject below.
 *
 *     directly:          this test -- ops
 *     in its process:    this test == client.c ==socketpair== icorp-adaptor TYPE
 */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <nftables/libnftables.h>
#include <event2/event.h>

#include "adaptor_samples.h"
#include "adaptors/process.h"
#include "lib/clock.h"
#include "lib/writer.h"
#include "netns.h"

struct subject {
	const char *type;
	struct adaptor_option options[3];
	size_t n_options;
	int needs_net;
	void (*spoil)(struct adaptor_terms *terms);  /* so that it cannot be applied */
};

static char record_dir[64];

static void spoil_null(struct adaptor_terms *terms)
{
	terms->n_ports = ADAPTOR_MAX_PORTS + 1;
}

static void spoil_tc(struct adaptor_terms *terms)
{
	terms->ports[0].rate_bps = 200000000;          /* of 100 Mbit/s */
}

static struct subject subjects[] = {
	{ .type = "null", .options = { { "record", record_dir } }, .n_options = 1, .spoil = spoil_null },
	{ .type = "tc", .options = { { "link.tst0", "100M" } }, .n_options = 1, .needs_net = 1, .spoil = spoil_tc },
	{ .type = "tc", .options = { { "link.tst0", "100M" }, { "link.tst1", "1G" }, { "hook", "postrouting" } },
	  .n_options = 3, .needs_net = 1, .spoil = spoil_tc },
};

static int net_missing = -1;       /* 0: we are in a namespace with the veth pair tst0, tst1 */

struct instance { const struct subject *subject; const struct adaptor_ops *ops; void *state; };

static int start(void **state, const struct subject *subject)
{
	struct instance *i = calloc(1, sizeof(*i));
	char why[ADAPTOR_REASON] = "";

	i->subject = subject;
	i->ops = adaptor_find(subject->type);
	assert_non_null(i->ops);
	*state = i;
	if (subject->needs_net && net_missing)
		return 0;
	if (i->ops->probe(subject->options, subject->n_options, why, sizeof(why)) ||
	    i->ops->open(subject->options, subject->n_options, &i->state, why, sizeof(why))) {
		print_message("%s: %s\n", subject->type, why);
		i->state = NULL;
		return subject->needs_net ? 0 : -1;
	}
	return 0;
}

static void reopen(struct instance *i)
{
	char why[ADAPTOR_REASON] = "";

	i->ops->close(i->state);
	if (i->ops->open(i->subject->options, i->subject->n_options, &i->state, why, sizeof(why)))
		fail_msg("%s", why);
}

static int setup(void **state)
{
	return start(state, *state);
}

static int teardown(void **state)
{
	struct instance *i = *state;
	unsigned orphans, repaired;

	if (i->state) {
		i->ops->audit(i->state, NULL, 0, &orphans, &repaired);
		i->ops->close(i->state);
	}
	free(i);
	return 0;
}

static struct instance *need(void **state)
{
	struct instance *i = *state;

	if (!i->state) {
		print_message("%s does not work here (root and nftables are needed)\n", i->subject->type);
		skip();
	}
	return i;
}

static void failed(void *ctx, struct adaptor_key key, int error, const char *reason)
{
	struct adaptor_result *r = ctx;

	r->error = error;
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
}

static int flush(struct instance *i, struct adaptor_result *r)
{
	int rc = i->ops->flush ? i->ops->flush(i->state, failed, r) : 0;

	return rc ? rc : r->error;
}

static int apply(struct instance *i, const struct adaptor_terms *t, struct adaptor_result *r)
{
	memset(r, 0, sizeof(*r));
	int rc = i->ops->apply(i->state, t, r);

	return rc ? rc : flush(i, r);
}

static int do_revoke(struct instance *i, unsigned icorp)
{
	struct adaptor_terms t = sample_small(icorp, "tst0", 0);
	struct adaptor_result r = { 0 };
	int rc = i->ops->revoke(i->state, terms_key(&t), NULL, 0);

	return rc ? rc : flush(i, &r);
}

static char *ask(struct instance *i, int (*question)(void *, struct writer *))
{
	struct writer *w = writer_new();

	assert_int_equal(question(i->state, w), 0);
	char *json = writer_render(w, WRITER_JSON);

	writer_free(w);
	assert_non_null(json);
	return json;
}

/* Does what is really there speak of this number? */
static int shows(struct instance *i, int (*question)(void *, struct writer *), const char *name, unsigned long value)
{
	char *json = ask(i, question), needle[80];

	snprintf(needle, sizeof(needle), "\"%s\":%lu", name, value);
	char *to = json;

	for (char *from = json; *from; from++)
		if (*from != ' ' && *from != '\n')
			*to++ = *from;
	*to = '\0';
	int found = 0;

	for (char *at = json; !found && (at = strstr(at, needle)); at++)
		found = !(at[strlen(needle)] >= '0' && at[strlen(needle)] <= '9');

	free(json);
	return found;
}

static int has(struct instance *i, unsigned icorp)
{
	return shows(i, i->ops->measure, "icorp", icorp);
}

static void test_apply_is_idempotent(void **state)
{
	struct instance *i = need(state);
	struct adaptor_terms t = sample_small(7, "tst0", 5000000);
	struct adaptor_result r;

	for (int again = 0; again < 3; again++) {
		assert_int_equal(apply(i, &t, &r), 0);
		assert_int_equal(r.n_grants, 1);
		assert_int_equal(r.grants[0].resource, RESOURCE_BANDWIDTH);
		assert_int_equal(r.grants[0].outcome, OUTCOME_APPLIED);
		assert_int_equal(r.grants[0].level, 5000000);
		assert_true(has(i, 7));
		assert_true(shows(i, i->ops->show, "rate_bps", 5000000));
	}
	t.ports[0].rate_bps = 7000000;
	assert_int_equal(apply(i, &t, &r), 0);
	assert_true(shows(i, i->ops->show, "rate_bps", 7000000));
	assert_false(shows(i, i->ops->show, "rate_bps", 5000000));
}

static unsigned long expires_s(struct instance *i)
{
	char *json = ask(i, i->ops->show), *at = strstr(json, "\"expires_s\":");
	unsigned long s = at ? strtoul(at + strlen("\"expires_s\":"), NULL, 10) : 0;

	free(json);
	return s;
}

/* The kernel's time cannot be warped: its element is made old instead (where it can be; elsewhere adding again renews
 * nothing, and we delete first). */
static void make_old(void)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	nft_ctx_buffer_error(nft);
	if (nft_run_cmd_from_buffer(nft, "add element netdev icorp_tc class { 10.64.7.0/24 timeout 125s expires 5s : 1c0b:10 }"))
		nft_run_cmd_from_buffer(nft, "add element inet icorp_tc class { 10.64.7.0/24 timeout 125s expires 5s : 1c0b:10 }");
	nft_ctx_free(nft);
	clock_warp(30 * CLOCK_S);
}

/* What times out in the kernel lives on with each refresh of unchanged terms, said again or only renewed. */
static void test_lives_on(void **state)
{
	struct instance *i = need(state);
	struct adaptor_terms t = sample_small(7, "tst0", 5000000);
	struct adaptor_key key = terms_key(&t);
	struct adaptor_result r;
	uint8_t failed = 1;

	if (!i->subject->needs_net)
		return;
	t.lifetime_s = 100;
	assert_int_equal(apply(i, &t, &r), 0);
	assert_in_range(expires_s(i), 100, 125);
	make_old();
	assert_int_equal(apply(i, &t, &r), 0);
	assert_in_range(expires_s(i), 100, 125);
	make_old();
	assert_int_equal(i->ops->renew(i->state, &key, 1, &failed), 0);
	assert_int_equal(failed, 0);
	assert_in_range(expires_s(i), 100, 125);
}

/* Renewing is for what was applied since open. It changes nothing else. */
static void test_renews_what_it_knows(void **state)
{
	struct instance *i = need(state);
	struct adaptor_terms t = sample_small(7, "tst0", 5000000), none = sample_small(8, "tst0", 0);
	struct adaptor_key keys[3] = { terms_key(&t), terms_key(&none), { 9, t.leader } };
	struct adaptor_result r;
	uint8_t failed[3];

	if (!i->ops->renew)
		return;
	none.n_ports = 0;
	assert_int_equal(apply(i, &t, &r), 0);
	assert_int_equal(apply(i, &none, &r), 0);
	assert_int_equal(i->ops->renew(i->state, keys, 3, failed), 0);
	assert_int_equal(failed[0], 0);
	assert_int_equal(failed[1], 0);
	assert_int_not_equal(failed[2], 0);
	assert_true(shows(i, i->ops->show, "rate_bps", 5000000));
	assert_false(has(i, 9));
	assert_int_equal(do_revoke(i, 8), 0);
	assert_int_equal(i->ops->renew(i->state, keys, 3, failed), 0);
	assert_int_not_equal(failed[1], 0);
	reopen(i);
	assert_int_equal(i->ops->renew(i->state, keys, 3, failed), 0);
	assert_int_not_equal(failed[0], 0);
}

static void test_failure_leaves_what_was(void **state)
{
	struct instance *i = need(state);
	struct adaptor_terms t = sample_small(7, "tst0", 5000000), bad = t;
	struct adaptor_result r;

	assert_int_equal(apply(i, &t, &r), 0);
	i->subject->spoil(&bad);
	assert_true(apply(i, &bad, &r) < 0);
	assert_true(has(i, 7));
	assert_true(shows(i, i->ops->show, "rate_bps", 5000000));
	bad.icorp = 8;
	assert_true(apply(i, &bad, &r) < 0);
	assert_false(has(i, 8));
}

static void test_revoke_twice(void **state)
{
	struct instance *i = need(state);
	struct adaptor_terms t = sample_small(7, "tst0", 5000000);
	struct adaptor_result r;

	assert_int_equal(do_revoke(i, 7), 0);       /* never heard of */
	assert_int_equal(apply(i, &t, &r), 0);
	assert_int_equal(do_revoke(i, 7), 0);
	assert_false(has(i, 7));
	assert_int_equal(do_revoke(i, 7), 0);
	assert_false(shows(i, i->ops->show, "rate_bps", 5000000));
}

/* Applied and revoked within one batch, both ways round. */
static void test_one_batch(void **state)
{
	struct instance *i = need(state);
	struct adaptor_terms t = sample_small(7, "tst0", 5000000), u = sample_small(8, "tst0", 6000000);
	struct adaptor_result r;

	assert_int_equal(apply(i, &u, &r), 0);
	memset(&r, 0, sizeof(r));
	assert_int_equal(i->ops->apply(i->state, &t, &r), 0);
	assert_int_equal(i->ops->revoke(i->state, terms_key(&t), NULL, 0), 0);
	assert_int_equal(i->ops->revoke(i->state, terms_key(&u), NULL, 0), 0);
	memset(&r, 0, sizeof(r));
	assert_int_equal(i->ops->apply(i->state, &u, &r), 0);
	memset(&r, 0, sizeof(r));
	assert_int_equal(flush(i, &r), 0);
	assert_false(has(i, 7));
	assert_true(has(i, 8));
}

/* A successor in a new process finds what is there; the audit removes what no session wants, and nothing else. */
static void test_audit_finds_orphans(void **state)
{
	struct instance *i = need(state);
	struct adaptor_terms t;
	struct adaptor_result r;
	struct adaptor_key key;
	unsigned orphans = 99, repaired = 99;

	for (unsigned n = 7; n < 10; n++) {
		t = sample_small(n, "tst0", n * 1000000);
		assert_int_equal(apply(i, &t, &r), 0);
	}
	reopen(i);
	t = sample_small(8, "tst0", 8000000);
	key = terms_key(&t);
	assert_int_equal(apply(i, &t, &r), 0);
	assert_int_equal(i->ops->audit(i->state, &key, 1, &orphans, &repaired), 0);
	assert_int_equal(orphans, 2);
	assert_true(has(i, 8));
	assert_false(has(i, 7));
	assert_false(shows(i, i->ops->show, "rate_bps", 9000000));
	assert_int_equal(i->ops->audit(i->state, &key, 1, &orphans, &repaired), 0);
	assert_int_equal(orphans, 0);
	assert_int_equal(repaired, 0);
}

/* What a new process says of a former one's sessions, with rates; not of those that were revoked. */
static void test_inventory(void **state)
{
	struct instance *i = need(state);
	struct adaptor_terms t = sample_small(7, "tst0", 7000000);
	struct adaptor_result r;

	assert_int_equal(apply(i, &t, &r), 0);
	t = sample_small(8, "tst0", 8000000);
	assert_int_equal(apply(i, &t, &r), 0);
	assert_int_equal(do_revoke(i, 8), 0);
	reopen(i);
	assert_true(shows(i, i->ops->inventory, "icorp", 7));
	assert_true(shows(i, i->ops->inventory, "rate", 7000000));
	assert_false(shows(i, i->ops->inventory, "icorp", 8));
}

static void test_check_changes_nothing(void **state)
{
	struct instance *i = need(state);
	struct adaptor_terms t = sample_small(7, "tst0", 5000000);
	struct adaptor_result r = { 0 };

	if (i->ops->check)
		assert_int_equal(i->ops->check(i->state, &t, &r), 0);
	assert_false(has(i, 7));
}

static void test_many(void **state)
{
	struct instance *i = need(state);
	struct adaptor_result r = { 0 };

	for (unsigned n = 1; n <= 60; n++) {
		struct adaptor_terms t = sample_small(n, "tst0", 1000000);

		assert_int_equal(i->ops->apply(i->state, &t, &r), 0);
		r.n_grants = 0;
	}
	assert_int_equal(flush(i, &r), 0);
	assert_true(has(i, 1));
	assert_true(has(i, 60));
	for (unsigned n = 1; n <= 60; n++)
		assert_int_equal(do_revoke(i, n), 0);
	assert_false(has(i, 60));
}

struct watch { unsigned ups, answers[64], failed; };

static void on_answer(void *ctx, struct adaptor_client *client, const struct adaptor_answer *a)
{
	struct watch *w = ctx;

	w->failed += a->result.error != 0;
	if (a->request == ADAPTOR_APPLY)
		w->answers[a->cookie]++;
}

static void on_state(void *ctx, struct adaptor_client *client, enum adaptor_state state, const char *reason)
{
	struct watch *w = ctx;

	w->ups += state == ADAPTOR_STARTED;
}

static void guard(evutil_socket_t fd, short what, void *arg)
{
	fail_msg("nothing happened for ten seconds");
}

/* Killed in the middle of its work: its successor takes over and every session is applied and answered once. */
static void test_killed_recovers(void **state)
{
	struct instance *i = need(state);
	struct watch w = { 0 };
	struct event_base *base = event_base_new();
	struct event *timer = evtimer_new(base, guard, NULL);
	struct adaptor_process_options o = { .instance = "test", .type = i->subject->type, .options = i->subject->options,
					     .n_options = i->subject->n_options, .program_dir = "." };
	struct adaptor_process process = { 0 };
	struct adaptor_client_options how = { .instance = "test", .type = i->subject->type, .start = adaptor_process_client,
					      .ctx = &process };

	assert_int_equal(adaptor_process_init(&process, &o), 0);
	struct adaptor_client *c = adaptor_client_new(base, &how, on_answer, on_state, &w);

	assert_non_null(c);
	event_add(timer, &(struct timeval){ 10, 0 });
	while (!w.ups)
		event_base_loop(base, EVLOOP_ONCE);
	for (unsigned n = 1; n <= 50; n++) {
		struct adaptor_terms t = sample_small(n, "tst0", 1000000);

		assert_int_equal(adaptor_client_apply(c, &t, n), 0);
	}
	event_base_loop(base, EVLOOP_ONCE);      /* sent */
	kill(adaptor_client_pid(c), SIGKILL);
	while (w.ups < 2 || adaptor_client_pending(c))
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(w.failed, 0);
	for (unsigned n = 1; n <= 50; n++)
		assert_int_equal(w.answers[n], 1);
	adaptor_client_free(c);
	adaptor_process_clear(&process);
	event_free(timer);
	event_base_free(base);
	reopen(i);
	if (i->subject->needs_net)
		for (unsigned n = 1; n <= 50; n++)
			assert_true(has(i, n));
}

#define CASE(name, n) { #name, name, setup, teardown, &subjects[n] }
#define CASES(n) CASE(test_apply_is_idempotent, n), CASE(test_lives_on, n), CASE(test_renews_what_it_knows, n), \
	CASE(test_failure_leaves_what_was, n), CASE(test_revoke_twice, n), \
	CASE(test_one_batch, n), CASE(test_audit_finds_orphans, n), CASE(test_inventory, n), CASE(test_check_changes_nothing, n), \
	CASE(test_many, n), CASE(test_killed_recovers, n)

int main(void)
{
	const struct CMUnitTest null_tests[] = { CASES(0) }, tc_tests[] = { CASES(1) }, two_links[] = { CASES(2) };
	int rc;

	snprintf(record_dir, sizeof(record_dir), "conformance-test-XXXXXX");
	if (!mkdtemp(record_dir))
		return 1;
	net_missing = netns_enter();
	if (!net_missing)
		net_missing = netns_veth("tst0", "tst1");
	rc = cmocka_run_group_tests_name("null", null_tests, NULL, NULL);
	rc |= cmocka_run_group_tests_name("tc", tc_tests, NULL, NULL);
	rc |= cmocka_run_group_tests_name("tc, two links, postrouting", two_links, NULL, NULL);
	rmdir(record_dir);
	return rc;
}
