/*
 * The nat adaptor: its text for nftables (tests/golden/nat), and what conformance and tests/e2e/nat.sh cannot see: who
 * gives way to whom, kernels that do not renew an element that is added again, what was counted before, many ICorps at
 * once. In a network namespace with a veth; skipped without root.
 *
 * A golden case:    to 192.0.2.1-192.0.2.9       session 7 PREFIX-NOW PREFIX-NEXT (- for none)       thorough
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "adaptors/nat.h"
#include "adaptors/nftables.h"
#include "lib/clock.h"
#include "netns.h"
#include "tests/unit/proxy_golden.h"

extern const struct adaptor_ops adaptor_nat;

#define MANY 1000u

static struct prefix prefix(const char *text)
{
	struct prefix p = { .len = 0 };

	if (strcmp(text, "-"))
		assert_int_equal(prefix_parse(text, &p, 0), 0);
	return p;
}

static struct adaptor_key key_of(uint32_t icorp)
{
	struct adaptor_key key = { .icorp = icorp };

	inet_aton("10.200.1.11", &key.leader);
	return key;
}

/* ---- text ---- */

static void read_case(char *line, struct nat_config *c, struct nat_session *session, size_t *n, int *thorough)
{
	char first[32], last[32], now[32], next[32];
	unsigned icorp;

	if (sscanf(line, "to %31[0-9.]-%31s", first, last) == 2) {
		assert_int_equal(addr_parse(first, &c->first) | addr_parse(last, &c->last), 0);
	} else if (sscanf(line, "session %u %31s %31s", &icorp, now, next) == 3) {
		session[*n] = (struct nat_session){ .entry.key = key_of(icorp), .now = { prefix(now), 157 },
						    .next = { prefix(next), 157 }, .applied = 1 };
		session[*n].put = session[*n].next.prefix.len != 0;
		++*n;
	} else {
		assert_string_equal(line, "thorough");
		*thorough = 1;
	}
}

static char *texts(const char *input, int invalid)
{
	struct nat_config c = { .out = "\"eth1\", \"eth2\"", .private = prefix("10.64.0.0/10") };
	struct nat_session session[8], *pointer[8];
	struct nat_batch batch = { .session = pointer };
	char *copy = strdup(input), *save, *text;
	int thorough = 0;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		read_case(line, &c, session, &batch.n, &thorough);
	for (size_t i = 0; i < batch.n; i++)
		pointer[i] = &session[i];
	nat_table_text(out, &c);
	fputs("# difference\n", out);
	nat_difference_text(out, &batch, thorough);
	fputs("# all\n", out);
	nat_add_text(out, &batch, nat_pick_next);
	fclose(out);
	free(copy);
	return text;
}

static void golden(void **state)
{
	assert_true(golden_run("nat", "nft", texts) >= 2);
}

/* ---- in the kernel ---- */

static int net_missing;

static void *opened(void)
{
	static const struct adaptor_option options[] = { { "out", "nat0" }, { "private", "10.64.0.0/10" } };
	char why[ADAPTOR_REASON] = "";
	void *s = NULL;

	if (net_missing) {
		print_message("skipped: needs root and network namespaces\n");
		skip();
	}
	if (adaptor_nat.probe(options, 2, why, sizeof(why)) || adaptor_nat.open(options, 2, &s, why, sizeof(why)))
		fail_msg("%s", why);
	return s;
}

static void closed(void *s)
{
	unsigned orphans, repaired;

	assert_int_equal(adaptor_nat.audit(s, NULL, 0, &orphans, &repaired), 0);
	adaptor_nat.close(s);
}

static int stage(void *s, uint32_t icorp, const char *text, uint32_t lifetime_s, struct adaptor_result *r)
{
	struct terms_endpoint e = { .element = "srv1" };
	struct adaptor_terms t = { .icorp = icorp, .leader = key_of(icorp).leader, .prefix = prefix(text),
				   .lifetime_s = lifetime_s, .endpoints = &e, .n_endpoints = 1 };

	memset(r, 0, sizeof(*r));
	return adaptor_nat.apply(s, &t, r);
}

static void on_failed(void *ctx, struct adaptor_key key, int error, const char *reason)
{
	fail_msg("ICorp %u: %s", key.icorp, reason);
}

static void flush(void *s)
{
	assert_int_equal(adaptor_nat.flush(s, on_failed, NULL), 0);
}

static void applied(void *s, uint32_t icorp, const char *text, uint32_t lifetime_s)
{
	struct adaptor_result r;

	if (stage(s, icorp, text, lifetime_s, &r))
		fail_msg("ICorp %u: %s", icorp, r.reason);
	flush(s);
}

static struct nat_elements elements(void *s, const char *set)
{
	struct nat_elements list;

	assert_int_equal(nat_read(s, set, &list), 0);
	return list;
}

static size_t how_many(void *s, const char *set)
{
	struct nat_elements list = elements(s, set);

	free(list.element);
	return list.n;
}

static void overlapping(void **state)
{
	struct adaptor_result r;
	void *s = opened();

	applied(s, 7, "10.64.7.0/24", 900);
	applied(s, 8, "10.64.8.0/24", 900);
	assert_int_equal(stage(s, 9, "10.64.6.0/23", 900, &r), -EEXIST);
	assert_string_equal(r.reason, "the prefix overlaps that of ICorp 7");
	assert_int_equal(stage(s, 8, "10.64.7.128/25", 900, &r), -EEXIST);
	assert_int_equal(stage(s, 9, "10.128.0.0/24", 900, &r), -EINVAL);
	assert_string_equal(r.reason, "its prefix is not in private=10.64.0.0/10");
	flush(s);
	assert_int_equal(how_many(s, "icorps"), 2);
	applied(s, 8, "10.64.8.0/23", 900);              /* more of its own */
	assert_int_equal(how_many(s, "inside"), 2);

	/* What nobody has applied since open gives way, all of it; what somebody has does not. */
	adaptor_nat.close(s);
	s = opened();
	applied(s, 8, "10.64.8.0/23", 900);
	assert_int_equal(stage(s, 9, "10.64.0.0/20", 900, &r), -EEXIST);
	assert_string_equal(r.reason, "the prefix overlaps that of ICorp 8");
	flush(s);
	assert_int_equal(how_many(s, "icorps"), 2);
	adaptor_nat.close(s);
	s = opened();
	applied(s, 9, "10.64.0.0/20", 900);
	assert_int_equal(how_many(s, "icorps"), 1);
	assert_null(nat_find(s, key_of(7)));
	closed(s);
}

static uint32_t left(void *s, const char *set)
{
	struct nat_elements list = elements(s, set);

	assert_int_equal(list.n, 1);
	uint32_t expires_s = list.element[0].expires_s;

	free(list.element);
	return expires_s;
}

/* A kernel that does not renew an element that is added again, and what elements have counted. */
static void renewed_anew(void **state)
{
	struct nft_ctx *nft = nftables_open();
	struct adaptor_key key = key_of(7);
	char why[ADAPTOR_REASON] = "";
	uint8_t failed = 0;
	void *s = opened();

	adaptor_nat.close(s);
	if (nftables_run(nft, "add element " NAT_TABLE " icorps { 10.64.7.0/24 counter packets 5 bytes 500 timeout 1125s expires 300s "
			 "comment \"icorp 7 10.200.1.11\" }\n", why, sizeof(why)))
		fail_msg("%s", why);
	nft_ctx_free(nft);
	s = opened();
	((struct nat_state *)s)->renews = 0;
	assert_in_range(left(s, "icorps"), 295, 302);    /* nobody has said that it is to live longer */
	assert_int_equal(adaptor_nat.renew(s, &key, 1, &failed), 0);
	assert_int_equal(failed, 1);
	applied(s, 7, "10.64.7.0/24", 900);
	assert_in_range(left(s, "icorps"), 1120, 1126);
	assert_in_range(left(s, "inside"), 1120, 1126);
	assert_int_equal(nat_find(s, key)->packets, 5);
	assert_int_equal(nat_find(s, key)->bytes, 500);
	clock_warp(400 * CLOCK_S);                       /* a quarter of its life is over */
	applied(s, 7, "10.64.7.0/24", 1800);
	assert_in_range(left(s, "icorps"), 2245, 2251);
	clock_warp(800 * CLOCK_S);
	failed = 1;
	assert_int_equal(adaptor_nat.renew(s, &key, 1, &failed), 0);
	assert_int_equal(failed, 0);
	assert_int_equal(nat_find(s, key)->packets, 5);
	closed(s);
}

static double ms_since(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - from->tv_sec) * 1e3 + (double)(now.tv_nsec - from->tv_nsec) / 1e6;
}

static void many(void **state)
{
	static struct adaptor_key keys[MANY];
	static uint8_t failed[MANY];
	struct adaptor_result r;
	struct timespec from;
	char text[32];
	void *s = opened();

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (uint32_t i = 0; i < MANY; i++) {
		keys[i] = key_of(i + 1);
		snprintf(text, sizeof(text), "10.%u.%u.0/24", 64 + i / 256, i % 256);
		assert_int_equal(stage(s, i + 1, text, 900, &r), 0);
	}
	flush(s);
	print_message("%u ICorps: %.1f ms;", MANY, ms_since(&from));
	assert_int_equal(how_many(s, "icorps"), MANY);
	assert_int_equal(how_many(s, "inside"), MANY);
	clock_warp(400 * CLOCK_S);
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_int_equal(adaptor_nat.renew(s, keys, MANY, failed), 0);
	assert_null(memchr(failed, 1, MANY));
	print_message(" renewed: %.1f ms;", ms_since(&from));
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_int_equal(adaptor_nat.revoke(s, keys[0], NULL, 0), 0);
	flush(s);
	print_message(" one revoked: %.1f ms\n", ms_since(&from));
	assert_int_equal(how_many(s, "icorps"), MANY - 1);
	closed(s);
}

static int setup(void **state)
{
	net_missing = netns_enter() || netns_veth("nat0", "nat1");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(overlapping),
		cmocka_unit_test(renewed_anew),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
