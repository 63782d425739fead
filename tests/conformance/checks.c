/*
 * The list of checks, in the order of the slots' contracts (adaptors/adaptor.h). What is there is looked at by other means
 * than the adaptor's own: equal texts are equal states.
 */
#include "config.h"

#include "tests/conformance/conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_apply_is_idempotent(void **state)
{
	struct instance *i = *state;
	char *empty = conform_see(i), *first, *second;

	conform_applied(i, 7, 1);
	conform_differs(i, empty, "an apply left no trace");
	first = conform_see(i);
	conform_applied(i, 7, 1);
	conform_expect(i, first, "the same terms again changed something");
	conform_applied(i, 7, 2);
	conform_differs(i, first, "other terms changed nothing");
	second = conform_see(i);
	conform_reopen(i);
	conform_expect(i, second, "a new process changed something before it was asked to");
	conform_applied(i, 7, 2);
	conform_expect(i, second, "the same terms in a new process changed something");
	conform_applied(i, 7, 1);
	conform_expect(i, first, "what was applied before leaves its trace");
	free(empty);
	free(first);
	free(second);
}

/* Staged is not done; and an adaptor without flush does not stage. */
static void check_nothing_before_flush(void **state)
{
	struct instance *i = *state;
	struct adaptor_result r;
	struct conform_terms c;
	char *empty = conform_see(i);

	conform_fill(&c, i->subject, 7, 1);
	assert_int_equal(conform_stage(i, &c, &r), 0);
	if (i->ops->flush)
		conform_expect(i, empty, "something was there before flush");
	else
		conform_differs(i, empty, "there is no flush, and nothing was done");
	assert_int_equal(conform_flush(i, &r), 0);
	conform_differs(i, empty, "nothing was there after flush");
	assert_int_equal(conform_flush(i, &r), 0);         /* with nothing staged */
	free(empty);
}

/* In one batch the last word counts, and what one gives up another may have. */
static void check_order_in_a_batch(void **state)
{
	struct instance *i = *state;
	struct conform_terms a1, a2, other;
	struct adaptor_result r;
	char *only_a2, *heir;

	conform_fill(&a1, i->subject, 7, 1);
	conform_fill(&a2, i->subject, 7, 2);
	conform_fill(&other, i->subject, 8, 1);
	other.t.prefix = a1.t.prefix;                      /* all that is ICorp 7's own */
	other.t.vlan = a1.t.vlan;
	for (unsigned e = 0; e < 3; e++) {
		other.endpoint[e].private_addr = a1.endpoint[e].private_addr;
		other.endpoint[e].public_addr = a1.endpoint[e].public_addr;
	}
	conform_applied(i, 7, 2);
	only_a2 = conform_see(i);
	assert_int_equal(conform_revoke(i, 7), 0);
	assert_int_equal(conform_apply(i, &other, &r), 0);
	heir = conform_see(i);
	assert_int_equal(conform_revoke(i, 8), 0);

	assert_int_equal(conform_stage(i, &a1, &r), 0);
	assert_int_equal(i->ops->revoke(i->state, conform_key(7), NULL, 0), 0);
	assert_int_equal(conform_stage(i, &a2, &r), 0);
	assert_int_equal(conform_flush(i, &r), 0);
	conform_expect(i, only_a2, "apply, revoke, apply in one batch is not the last apply");

	assert_int_equal(i->ops->revoke(i->state, conform_key(7), NULL, 0), 0);
	if (conform_stage(i, &other, &r))
		fail_msg("what was given up in this batch is refused to another: %s", r.reason);
	assert_int_equal(conform_flush(i, &r), 0);
	conform_expect(i, heir, "revoke of one, apply of its heir in one batch");

	assert_int_equal(i->ops->revoke(i->state, conform_key(8), NULL, 0), 0);
	assert_int_equal(conform_stage(i, &a1, &r), 0);
	assert_int_equal(i->ops->revoke(i->state, conform_key(7), NULL, 0), 0);
	assert_int_equal(conform_flush(i, &r), 0);
	conform_differs(i, heir, "apply and revoke in one batch is not a revoke");
	free(only_a2);
	free(heir);
}

static void check_failure_leaves_what_was(void **state)
{
	struct instance *i = *state;
	struct adaptor_result r;
	struct conform_terms c;
	char *before;

	conform_applied(i, 7, 1);
	before = conform_see(i);
	conform_fill(&c, i->subject, 7, 2);
	i->subject->spoil(&c);
	assert_true(conform_apply(i, &c, &r) < 0);
	assert_true(r.reason[0]);
	conform_expect(i, before, "a failed apply changed something");
	conform_fill(&c, i->subject, 8, 1);
	i->subject->spoil(&c);
	assert_true(conform_apply(i, &c, &r) < 0);
	conform_expect(i, before, "a failed first apply left something");
	conform_applied(i, 7, 1);
	conform_expect(i, before, "after a failed apply the former terms are another state");
	conform_applied(i, 7, 2);                          /* and it is not stuck */
	conform_differs(i, before, "after a failed apply nothing is changed any more");
	free(before);
}

/* What nobody could have known beforehand: the technology itself refuses. */
static void check_jam(void **state)
{
	struct instance *i = *state;
	unsigned orphans, repaired;
	struct adaptor_result r;
	struct conform_terms c;
	char *before;

	if (!i->subject->jam)
		return;
	conform_applied(i, 7, 1);
	before = conform_see(i);
	conform_must(i->subject->jam);
	for (uint32_t n = 7; n <= 8; n++) {
		conform_fill(&c, i->subject, n, 2);
		assert_true(conform_apply(i, &c, &r) < 0);
		assert_true(r.reason[0]);
	}
	conform_must(i->subject->unjam);
	conform_audit(i, (uint32_t[]){ 7 }, 1, &orphans, &repaired);
	conform_expect(i, before, "what could not be applied left something, or took something away");
	conform_applied(i, 7, 2);
	conform_applied(i, 8, 2);
	conform_differs(i, before, "after it was jammed nothing is applied any more");
	assert_int_equal(conform_revoke(i, 8), 0);
	conform_applied(i, 7, 1);
	conform_expect(i, before, "after it was jammed a revoke leaves something");
	free(before);
}

/* check says what apply would, and changes nothing. */
static void check_fits(void **state)
{
	struct instance *i = *state;
	struct adaptor_result r = { 0 };
	struct conform_terms c;
	char *before = conform_see(i);

	if (!i->ops->check) {
		free(before);
		return;
	}
	conform_fill(&c, i->subject, 7, 1);
	assert_int_equal(i->ops->check(i->state, &c.t, &r), 0);
	assert_int_equal(r.error, 0);
	assert_int_equal(conform_flush(i, &r), 0);
	conform_expect(i, before, "a check changed something");
	i->subject->spoil(&c);
	if (i->ops->check(i->state, &c.t, &r)) {
		assert_true(r.reason[0]);
		conform_expect(i, before, "a check that refused changed something");
	}
	free(before);
}

static void check_revoke(void **state)
{
	struct instance *i = *state;
	char *empty = conform_see(i), *one_left;

	assert_int_equal(conform_revoke(i, 7), 0);
	conform_expect(i, empty, "the revoke of what never was changed something");
	conform_applied(i, 8, 1);
	one_left = conform_see(i);
	conform_applied(i, 7, 1);
	assert_int_equal(conform_revoke(i, 7), 0);
	conform_expect(i, one_left, "a revoke left something, or took another's");
	assert_int_equal(conform_revoke(i, 7), 0);
	conform_expect(i, one_left, "a second revoke changed something");
	assert_int_equal(conform_revoke(i, 8), 0);
	conform_expect(i, empty, "the last revoke left something");
	free(empty);
	free(one_left);
}

/* A successor can revoke what it has not applied. */
static void check_revoke_by_a_successor(void **state)
{
	struct instance *i = *state;
	char *empty = conform_see(i);

	conform_applied(i, 7, 1);
	conform_reopen(i);
	assert_int_equal(conform_revoke(i, 7), 0);
	conform_expect(i, empty, "a new process did not revoke what it had not applied");
	free(empty);
}

static void check_renew(void **state)
{
	struct instance *i = *state;
	struct adaptor_key keys[3] = { conform_key(7), conform_key(8), conform_key(9) };
	uint8_t failed[3] = { 0 };
	struct conform_terms none;
	struct adaptor_result r;
	char *before;

	if (!i->ops->renew)
		return;
	conform_fill(&none, i->subject, 8, 1);             /* wants nothing here */
	none.t.n_ports = none.t.vlan = none.t.n_endpoints = none.t.n_services = none.t.isc.present = 0;
	assert_int_equal(conform_apply(i, &none, &r), 0);
	conform_applied(i, 7, 1);
	before = conform_see(i);
	assert_int_equal(i->ops->renew(i->state, keys, 3, failed), 0);
	assert_int_equal(failed[0], 0);
	assert_int_equal(failed[1], 0);
	assert_int_equal(failed[2], 1);
	conform_expect(i, before, "a renewal changed something");
	assert_int_equal(i->ops->renew(i->state, keys, 0, failed), 0);
	assert_int_equal(conform_revoke(i, 8), 0);
	memset(failed, 0, sizeof(failed));
	assert_int_equal(i->ops->renew(i->state, keys, 3, failed), 0);
	assert_int_equal(failed[1], 1);
	conform_reopen(i);
	memset(failed, 0, sizeof(failed));
	assert_int_equal(i->ops->renew(i->state, keys, 3, failed), 0);
	assert_int_equal(failed[0], 1);                    /* this process does not know its terms */
	free(before);
}

/* What is done in idle time ends, and nobody sees it. */
static void check_idle(void **state)
{
	struct instance *i = *state;
	unsigned turns = 0;
	char *before;

	if (!i->ops->idle)
		return;
	conform_applied(i, 7, 1);
	before = conform_see(i);
	while (i->ops->idle(i->state))
		assert_true(++turns < 1000);
	conform_expect(i, before, "idle time changed something");
	free(before);
}

/* An ICorp's number is its leader's own: another leader's ICorp 7 is another ICorp. */
static void check_leaders_apart(void **state)
{
	struct instance *i = *state;
	struct adaptor_result r;
	struct conform_terms c;
	char *one, *both;

	conform_applied(i, 7, 1);
	one = conform_see(i);
	conform_fill(&c, i->subject, 8, 1);
	c.t.icorp = 7;
	c.t.leader = conform_addr("10.200.1.12");
	if (conform_apply(i, &c, &r))
		fail_msg("another leader's ICorp of the same number is refused: %s", r.reason);
	conform_differs(i, one, "another leader's ICorp left no trace");
	both = conform_see(i);
	assert_int_equal(conform_revoke(i, 7), 0);
	conform_differs(i, both, "a revoke took nothing");
	conform_applied(i, 7, 1);
	conform_expect(i, both, "one leader's revoke took the other's");
	assert_int_equal(i->ops->revoke(i->state, terms_key(&c.t), NULL, 0), 0);
	assert_int_equal(conform_flush(i, &r), 0);
	conform_expect(i, one, "the other's revoke took the first's");
	free(one);
	free(both);
}

static void check_many(void **state)
{
	struct instance *i = *state;
	struct adaptor_result r;
	struct conform_terms c;
	unsigned many = i->subject->many ? i->subject->many : CONFORM_MANY;
	char *empty = conform_see(i);

	for (unsigned n = 1; n <= many; n++) {
		conform_fill(&c, i->subject, n, 1);
		if (conform_stage(i, &c, &r))
			fail_msg("ICorp %u: %s", n, r.reason);
	}
	assert_int_equal(conform_flush(i, &r), 0);
	for (unsigned n = 1; n <= many; n++)
		assert_int_equal(i->ops->revoke(i->state, conform_key(n), NULL, 0), 0);
	assert_int_equal(conform_flush(i, &r), 0);
	conform_expect(i, empty, "of many something is left");
	free(empty);
}

/* What nobody else may have is refused to a second one, with the reason, or shared so that each can go alone. */
static void check_conflict(void **state)
{
	struct instance *i = *state;
	struct adaptor_result r;
	struct conform_terms c;
	char *before;

	conform_applied(i, 7, 1);
	before = conform_see(i);
	conform_fill(&c, i->subject, 7, 1);
	c.t.icorp = 8;
	if (conform_apply(i, &c, &r)) {
		assert_true(r.reason[0]);
	} else {
		assert_int_equal(conform_revoke(i, 8), 0);
	}
	conform_expect(i, before, "a second ICorp that wants the same took something from the first");
	free(before);
}

const struct CMUnitTest conform_checks[] = {
	cmocka_unit_test(check_apply_is_idempotent),
	cmocka_unit_test(check_nothing_before_flush),
	cmocka_unit_test(check_order_in_a_batch),
	cmocka_unit_test(check_failure_leaves_what_was),
	cmocka_unit_test(check_jam),
	cmocka_unit_test(check_fits),
	cmocka_unit_test(check_revoke),
	cmocka_unit_test(check_revoke_by_a_successor),
	cmocka_unit_test(check_renew),
	cmocka_unit_test(check_idle),
	cmocka_unit_test(check_orphans),
	cmocka_unit_test(check_foreign),
	cmocka_unit_test(check_drift),
	cmocka_unit_test(check_inventory),
	cmocka_unit_test(check_questions),
	cmocka_unit_test(check_leaders_apart),
	cmocka_unit_test(check_conflict),
	cmocka_unit_test(check_many),
	cmocka_unit_test(check_hostile),
	cmocka_unit_test(check_killed_anywhere),
	cmocka_unit_test(check_killed_process),
};
const size_t conform_n_checks = sizeof(conform_checks) / sizeof(conform_checks[0]);
