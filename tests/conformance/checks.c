/*
 * The list of checks, in the order of the slots' contracts (adaptors/adaptor.h). What is there is looked at by other means
 * than the adaptor's own: equal texts are equal states.
 */
#include "config.h"

#include "tests/conformance/conformance.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/writer.h"

static void test_apply_is_idempotent(void **state)
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
static void test_nothing_before_flush(void **state)
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
static void test_order_in_a_batch(void **state)
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

static void test_failure_leaves_what_was(void **state)
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

/* check says what apply would, and changes nothing. */
static void test_check(void **state)
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

static void test_revoke(void **state)
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
static void test_revoke_by_a_successor(void **state)
{
	struct instance *i = *state;
	char *empty = conform_see(i);
	unsigned orphans, repaired;

	conform_applied(i, 7, 1);
	conform_reopen(i);
	assert_int_equal(conform_revoke(i, 7), 0);
	if (i->subject->anonymous)
		conform_audit(i, NULL, 0, &orphans, &repaired);
	conform_expect(i, empty, "a new process did not revoke what it had not applied");
	free(empty);
}

static void test_renew(void **state)
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

/* A successor's audit removes what no session wants, and leaves what one has not yet applied again. */
static void test_orphans(void **state)
{
	struct instance *i = *state;
	unsigned orphans, repaired;
	char *empty = conform_see(i), *eight, *all;

	conform_applied(i, 8, 1);
	eight = conform_see(i);
	conform_applied(i, 7, 1);
	conform_applied(i, 9, 2);
	all = conform_see(i);
	conform_reopen(i);
	conform_audit(i, (uint32_t[]){ 7, 8, 9 }, 3, &orphans, &repaired);
	assert_int_equal(orphans, 0);
	conform_expect(i, all, "an audit before the sessions are applied again changed something");
	conform_applied(i, 8, 1);
	conform_audit(i, (uint32_t[]){ 8 }, 1, &orphans, &repaired);
	assert_int_equal(orphans > 0, strcmp(all, eight) != 0);
	conform_expect(i, eight, "an audit left orphans, or removed more");
	conform_audit(i, (uint32_t[]){ 8 }, 1, &orphans, &repaired);
	assert_int_equal(orphans, 0);
	assert_int_equal(repaired, 0);
	conform_reopen(i);
	conform_audit(i, NULL, 0, &orphans, &repaired);
	assert_true(orphans);
	conform_expect(i, empty, "an audit of nothing left something");
	free(empty);
	free(eight);
	free(all);
}

static void test_foreign(void **state)
{
	struct instance *i = *state;
	unsigned orphans, repaired;
	char *before, *after;

	if (!i->subject->foreign)
		return;
	conform_must(i->subject->foreign);
	before = conform_see_foreign(i);
	assert_true(before[0]);
	conform_applied(i, 7, 1);
	conform_applied(i, 8, 2);
	assert_int_equal(conform_revoke(i, 8), 0);
	conform_audit(i, (uint32_t[]){ 7 }, 1, &orphans, &repaired);
	assert_int_equal(orphans, 0);
	conform_audit(i, NULL, 0, &orphans, &repaired);
	conform_reopen(i);
	conform_audit(i, NULL, 0, &orphans, &repaired);
	assert_int_equal(orphans, 0);
	after = conform_see_foreign(i);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void repairs(struct instance *i, const char *harm)
{
	unsigned orphans, repaired;
	char *before;

	conform_applied(i, 7, 1);
	conform_applied(i, 8, 1);
	before = conform_see(i);
	if (harm)
		conform_must(harm);
	else
		i->subject->hurt();
	conform_differs(i, before, "the harm did none");
	conform_audit(i, (uint32_t[]){ 7, 8 }, 2, &orphans, &repaired);
	conform_expect(i, before, harm ? harm : "an audit did not repair");
	if (!repaired)
		fail_msg("%s: %s: the audit repaired and did not say so", i->subject->name, harm);
	conform_audit(i, (uint32_t[]){ 7, 8 }, 2, &orphans, &repaired);
	assert_int_equal(orphans, 0);
	assert_int_equal(repaired, 0);
	assert_int_equal(conform_revoke(i, 7), 0);
	assert_int_equal(conform_revoke(i, 8), 0);
	free(before);
}

static void test_drift(void **state)
{
	struct instance *i = *state;

	for (unsigned h = 0; h < CONFORM_HARMS && i->subject->harm[h]; h++)
		repairs(i, i->subject->harm[h]);
	if (i->subject->hurt)
		repairs(i, NULL);
}

/* The text of a query, without blanks. The caller frees. */
static char *ask(struct instance *i, int (*question)(void *, struct writer *))
{
	struct writer *w = writer_new();

	assert_int_equal(question(i->state, w), 0);
	char *json = writer_render(w, WRITER_JSON), *to = json;

	writer_free(w);
	assert_non_null(json);
	for (char *from = json; *from; from++)
		if (*from != ' ' && *from != '\n')
			*to++ = *from;
	*to = '\0';
	return json;
}

static int speaks_of(const char *json, unsigned icorp)
{
	char needle[32];

	snprintf(needle, sizeof(needle), "\"icorp\":%u,", icorp);
	return strstr(json, needle) != NULL;
}

static void test_inventory(void **state)
{
	struct instance *i = *state;
	char *before, *json;

	if (!i->ops->inventory)
		return;
	for (unsigned n = 7; n < 10; n++)
		conform_applied(i, n, 1);
	assert_int_equal(conform_revoke(i, 8), 0);
	before = conform_see(i);
	conform_reopen(i);
	json = ask(i, i->ops->inventory);
	assert_int_equal(speaks_of(json, 7), 1);
	assert_int_equal(speaks_of(json, 8), 0);
	assert_int_equal(speaks_of(json, 9), 1);
	assert_non_null(strstr(json, "\"leader\":\"10.200.1.11\""));
	conform_expect(i, before, "an inventory changed something");
	free(json);
	free(before);
}

/* Questions, with and without something to tell, change nothing. */
static void test_questions(void **state)
{
	struct instance *i = *state;
	int (*const questions[])(void *, struct writer *) = { i->ops->show, i->ops->measure, i->ops->ports };

	for (unsigned with = 0; with < 2; with++) {
		if (with)
			conform_applied(i, 7, 1);
		char *before = conform_see(i);

		for (size_t q = 0; q < sizeof(questions) / sizeof(questions[0]); q++)
			if (questions[q])
				free(ask(i, questions[q]));
		conform_expect(i, before, "a question changed something");
		free(before);
	}
}

/* An ICorp's number is its leader's own: another leader's ICorp 7 is another ICorp. */
static void test_leaders_apart(void **state)
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

static void test_many(void **state)
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

/* ---- hostile terms: a reason, or done; in either case nothing is left behind, and the next one is served ---- */

#define HOSTILE(name, code) static void hostile_##name(struct conform_terms *c) { code; }
HOSTILE(prefix_0, c->t.prefix.len = 0)
HOSTILE(prefix_33, c->t.prefix.len = 33)
HOSTILE(prefix_255, c->t.prefix.len = 255)
HOSTILE(no_port_name, memset(c->t.ports[0].ifname, 0, ADAPTOR_IFNAME))
HOSTILE(odd_port_name, strcpy(c->t.ports[0].ifname, "../x\";drop"))
HOSTILE(absent_port, strcpy(c->t.ports[0].ifname, "nosuchifname15c"))
HOSTILE(same_port_twice, if (c->t.n_ports) c->t.ports[c->t.n_ports++] = c->t.ports[0])
HOSTILE(rate, c->t.ports[0].rate_bps = c->t.ports[0].ceil_bps = UINT64_MAX)
HOSTILE(ceiling_below, c->t.ports[0].ceil_bps = 1)
HOSTILE(vlan_1, c->t.vlan = 1)
HOSTILE(vlan_4095, c->t.vlan = 4095)
HOSTILE(vlan_65535, c->t.vlan = 65535)
HOSTILE(priority, c->t.priority = 255)
HOSTILE(capacity, c->t.capacity = (enum capacity_class)99)
HOSTILE(lifetime_0, c->t.lifetime_s = 0)
HOSTILE(lifetime_max, c->t.lifetime_s = UINT32_MAX)
HOSTILE(name, strcpy(c->t.name, "</title><x a='\";\n$(x)"))
HOSTILE(control_0, c->endpoint[1].control.s_addr = 0)
HOSTILE(control_loopback, c->endpoint[1].control.s_addr = htonl(INADDR_LOOPBACK))
HOSTILE(control_broadcast, c->endpoint[1].control.s_addr = INADDR_BROADCAST)
HOSTILE(private_own, c->endpoint[1].private_addr = c->endpoint[1].control)
HOSTILE(private_multicast, c->endpoint[1].private_addr.s_addr = htonl(0xe0000001))
HOSTILE(private_loopback, c->endpoint[1].private_addr.s_addr = htonl(INADDR_LOOPBACK))
HOSTILE(private_broadcast, c->endpoint[1].private_addr.s_addr = INADDR_BROADCAST)
HOSTILE(private_twice, c->endpoint[2].private_addr = c->endpoint[1].private_addr)
HOSTILE(kind, c->endpoint[1].kind = (enum endpoint_kind)99)
HOSTILE(service_port, c->service.port = c->service.target_port = 0)
HOSTILE(service_name, strcpy(c->service.name, "\"}],[{"))
HOSTILE(protocol, c->service.protocol = (enum service_protocol)99)
HOSTILE(image, strcpy(c->t.isc.spec.image, "../../.."))
HOSTILE(memory_0, c->t.isc.spec.memory_kib = 0)
HOSTILE(memory_max, c->t.isc.spec.memory_kib = UINT64_MAX)
HOSTILE(shares_max, c->t.isc.spec.cpu_shares = UINT64_MAX)
HOSTILE(quota, c->t.isc.spec.cpu_quota_us = UINT64_MAX)
HOSTILE(disk, c->t.isc.spec.disk_mib = UINT64_MAX)
HOSTILE(vcpus, c->t.isc.spec.vcpus = UINT32_MAX)
HOSTILE(isc_address, c->t.isc.address.s_addr = 0)

static const struct { const char *name; void (*make)(struct conform_terms *c); } hostile[] = {
#define ROW(name) { #name, hostile_##name }
	ROW(prefix_0), ROW(prefix_33), ROW(prefix_255), ROW(no_port_name), ROW(odd_port_name), ROW(absent_port),
	ROW(same_port_twice), ROW(rate), ROW(ceiling_below), ROW(vlan_1), ROW(vlan_4095), ROW(vlan_65535), ROW(priority),
	ROW(capacity), ROW(lifetime_0), ROW(lifetime_max), ROW(name), ROW(control_0), ROW(control_loopback),
	ROW(control_broadcast), ROW(private_own), ROW(private_multicast), ROW(private_loopback), ROW(private_broadcast),
	ROW(private_twice), ROW(kind), ROW(service_port), ROW(service_name), ROW(protocol), ROW(image), ROW(memory_0),
	ROW(memory_max), ROW(shares_max), ROW(quota), ROW(disk), ROW(vcpus), ROW(isc_address),
};

static void hostile_once(struct instance *i, size_t k, uint32_t icorp, const char *before)
{
	struct adaptor_result r;
	struct conform_terms c;

	conform_fill(&c, i->subject, icorp, 1);
	hostile[k].make(&c);
	int rc = conform_apply(i, &c, &r);

	if (rc) {
		if (!r.reason[0])
			fail_msg("%s: %s is refused without a reason: %s", i->subject->name, hostile[k].name, strerror(-rc));
		conform_expect(i, before, hostile[k].name);
		return;
	}
	assert_int_equal(i->ops->revoke(i->state, terms_key(&c.t), NULL, 0), 0);
	assert_int_equal(conform_flush(i, &r), 0);
}

static void test_hostile(void **state)
{
	struct instance *i = *state;
	char *empty = conform_see(i), *before;
	unsigned orphans, repaired;

	conform_applied(i, 9, 1);
	before = conform_see(i);
	for (size_t k = 0; k < sizeof(hostile) / sizeof(hostile[0]); k++) {
		hostile_once(i, k, 7, before);
		conform_expect(i, before, hostile[k].name);
	}
	conform_applied(i, 7, 1);
	assert_int_equal(conform_revoke(i, 7), 0);
	conform_audit(i, (uint32_t[]){ 9 }, 1, &orphans, &repaired);
	assert_int_equal(orphans, 0);
	assert_int_equal(repaired, 0);
	conform_audit(i, NULL, 0, &orphans, &repaired);
	conform_expect(i, empty, "after hostile terms something is left");
	free(empty);
	free(before);
}

/* What nobody else may have is refused to a second one, with the reason, or shared so that each can go alone. */
static void test_conflict(void **state)
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
	cmocka_unit_test(test_apply_is_idempotent),
	cmocka_unit_test(test_nothing_before_flush),
	cmocka_unit_test(test_order_in_a_batch),
	cmocka_unit_test(test_failure_leaves_what_was),
	cmocka_unit_test(test_check),
	cmocka_unit_test(test_revoke),
	cmocka_unit_test(test_revoke_by_a_successor),
	cmocka_unit_test(test_renew),
	cmocka_unit_test(test_orphans),
	cmocka_unit_test(test_foreign),
	cmocka_unit_test(test_drift),
	cmocka_unit_test(test_inventory),
	cmocka_unit_test(test_questions),
	cmocka_unit_test(test_leaders_apart),
	cmocka_unit_test(test_conflict),
	cmocka_unit_test(test_many),
	cmocka_unit_test(test_hostile),
	cmocka_unit_test(check_killed_anywhere),
	cmocka_unit_test(check_killed_process),
};
const size_t conform_n_checks = sizeof(conform_checks) / sizeof(conform_checks[0]);
