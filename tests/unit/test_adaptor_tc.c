/*
 * The tc technology. Golden cases: tests/golden/tc/NAME.in is a script, NAME.expected what the kernel is told and what
 * the controller is answered. A new case is a new pair of files; GOLDEN_UPDATE=1 writes the expected ones. A script:
 *
 *     link IFNAME RATE               hook egress|postrouting          renews      open
 *     check|apply ICORP PREFIX CAPACITY LIFETIME_S [IFNAME RATE CEIL]…
 *     revoke ICORP                   flush                            audit [ICORP]…
 *     restart                        warp SECONDS
 *     lose-element PREFIX            lose-class IFNAME MINOR          lose-root IFNAME      foreign-root IFNAME
 *     stray-element PREFIX           fail-nft N                       fail-class MINOR      lose-table
 *
 * In files with -invalid in the name something is refused: REFUSED must be in the output.
 *
 * The rest needs root: drift in the real kernel, in a namespace with   tst0 == tst1   (veth).
 */
#include "config.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <nftables/libnftables.h>

#include "adaptor_samples.h"
#include "adaptors/nftables.h"
#include "lib/clock.h"
#include "lib/config.h"
#include "lib/writer.h"
#include "netns.h"
#include "tc_fake.h"

#define DIR_GOLDEN SRCDIR "/tests/golden/tc"

struct run {
	struct fake fake;
	struct tc_state tc;
	struct { char ifname[ADAPTOR_IFNAME]; uint64_t rate; char of[ADAPTOR_IFNAME]; } link[FAKE_LINKS];
	size_t n_links;
	enum tc_hook hook;
	int open, renews;
};

static struct adaptor_key key(unsigned icorp)
{
	return (struct adaptor_key){ .icorp = icorp, .leader = sample_addr("10.200.1.11") };
}

static void do_open(struct run *r)
{
	char why[ADAPTOR_REASON] = "";

	if (r->open)
		tc_state_clear(&r->tc);
	tc_state_init(&r->tc, &fake_backend, &r->fake);
	r->tc.hook = r->hook;
	r->tc.renews = r->renews;
	r->open = 1;
	for (size_t i = 0; i < r->n_links; i++)
		assert_int_equal(tc_link_add(&r->tc, r->link[i].ifname, r->link[i].rate,
					     r->link[i].of[0] ? r->link[i].of : NULL), 0);
	if (tc_adopt(&r->tc, why, sizeof(why)))
		fprintf(r->fake.out, "open REFUSED: %s\n", why);
}

static enum capacity_class capacity(const char *word)
{
	return !strcmp(word, "constant") ? CAPACITY_CONSTANT :
	       !strcmp(word, "controlled") ? CAPACITY_CONTROLLED : CAPACITY_BEST_EFFORT;
}

static void print_result(struct run *r, const char *what, unsigned icorp, int rc, const struct adaptor_result *result)
{
	fprintf(r->fake.out, "%s %u: %s%s\n", what, icorp, rc ? "REFUSED " : "ok", rc ? strerror(-rc) : "");
	if (result->reason[0])
		fprintf(r->fake.out, "  %s\n", result->reason);
	for (unsigned i = 0; i < result->n_grants; i++)
		fprintf(r->fake.out, "  grant %u %s %s %llu%s%s\n", result->grants[i].resource,
			outcome_name((enum outcome)result->grants[i].outcome),
			enforcement_name((enum enforcement)result->grants[i].enforcement),
			(unsigned long long)result->grants[i].level, result->grants[i].reason[0] ? ": " : "",
			result->grants[i].reason);
}

static void do_terms(struct run *r, char **word, int n)
{
	unsigned icorp = (unsigned)atoi(word[1]);
	struct adaptor_terms t = sample_small(icorp, "", 0);
	struct adaptor_result result = { 0 };

	assert_true(n >= 5);
	assert_int_equal(prefix_parse(word[2], &t.prefix, 0), 0);
	t.capacity = capacity(word[3]);
	t.lifetime_s = (uint32_t)atoi(word[4]);
	t.n_ports = 0;
	for (int i = 5; i + 2 < n; i += 3, t.n_ports++) {
		snprintf(t.ports[t.n_ports].ifname, ADAPTOR_IFNAME, "%s", word[i]);
		assert_int_equal(parse_rate(word[i + 1], &t.ports[t.n_ports].rate_bps), 0);
		assert_int_equal(parse_rate(word[i + 2], &t.ports[t.n_ports].ceil_bps), 0);
	}
	int rc = word[0][0] == 'c' ? tc_check(&r->tc, &t, &result) : tc_apply(&r->tc, &t, &result);

	print_result(r, word[0], icorp, rc, &result);
}

static void on_failed(void *ctx, struct adaptor_key k, int error, const char *reason)
{
	struct run *r = ctx;

	fprintf(r->fake.out, "flush %u: REFUSED %s: %s\n", k.icorp, strerror(-error), reason);
}

static void do_audit(struct run *r, char **word, int n)
{
	struct adaptor_key keys[16];
	unsigned orphans, repaired;

	for (int i = 1; i < n; i++)
		keys[i - 1] = key((unsigned)atoi(word[i]));
	assert_int_equal(tc_audit(&r->tc, keys, (size_t)n - 1, &orphans, &repaired), 0);
	fprintf(r->fake.out, "audit: %u orphans, %u repaired\n", orphans, repaired);
}

static struct prefix prefix_of(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p, 0), 0);
	return p;
}

/* What happens to the kernel behind our back. Returns 0 when the word is none of these. */
static int do_drift(struct run *r, char **word)
{
	struct fake *f = &r->fake;

	if (!strcmp(word[0], "lose-element"))
		fake_drop_element(f, prefix_of(word[1]));
	else if (!strcmp(word[0], "lose-class"))
		fake_link(f, word[1])->class[strtoul(word[2], NULL, 16)] = (struct tc_class){ 0 };
	else if (!strcmp(word[0], "lose-table"))
		f->maps = 0, f->n_elements = 0;
	else if (!strcmp(word[0], "lose-root"))
		memset(fake_link(f, word[1])->class, 0, sizeof(f->link[0].class)), fake_link(f, word[1])->root = 0;
	else if (!strcmp(word[0], "foreign-root"))
		fake_link(f, word[1])->root = -1;
	else if (!strcmp(word[0], "stray-element"))
		f->element[f->n_elements++] = (struct tc_element){ .prefix = prefix_of(word[1]), .minor = 0x10 };
	else if (!strcmp(word[0], "fail-nft"))
		f->fail_nft = (unsigned)atoi(word[1]);
	else if (!strcmp(word[0], "fail-class"))
		f->fail_minor = (unsigned)strtoul(word[1], NULL, 16);
	else
		return 0;
	return 1;
}

static void do_line(struct run *r, char **word, int n)
{
	if (!strcmp(word[0], "link")) {
		snprintf(r->link[r->n_links].ifname, ADAPTOR_IFNAME, "%s", word[1]);
		snprintf(r->link[r->n_links].of, ADAPTOR_IFNAME, "%s", n > 4 && !strcmp(word[3], "of") ? word[4] : "");
		assert_int_equal(parse_rate(word[2], &r->link[r->n_links++].rate), 0);
	} else if (!strcmp(word[0], "hook")) {
		r->hook = !strcmp(word[1], "egress") ? TC_HOOK_EGRESS : TC_HOOK_POSTROUTING;
	} else if (!strcmp(word[0], "renews")) {
		r->renews = 1;
	} else if (!strcmp(word[0], "open") || !strcmp(word[0], "restart")) {
		do_open(r);
	} else if (!strcmp(word[0], "check") || !strcmp(word[0], "apply")) {
		do_terms(r, word, n);
	} else if (!strcmp(word[0], "revoke")) {
		assert_int_equal(tc_revoke(&r->tc, key((unsigned)atoi(word[1]))), 0);
	} else if (!strcmp(word[0], "flush")) {
		assert_int_equal(tc_flush(&r->tc, on_failed, r), 0);
	} else if (!strcmp(word[0], "audit")) {
		do_audit(r, word, n);
	} else if (!strcmp(word[0], "warp")) {
		r->fake.now_us += strtoull(word[1], NULL, 10) * CLOCK_S;
	} else if (!do_drift(r, word)) {
		fail_msg("what is %s?", word[0]);
	}
}

static char *run_script(FILE *in)
{
	struct run *r = calloc(1, sizeof(*r));
	char line[512], *text = NULL, *save, *word[32];
	size_t size;

	r->fake.out = open_memstream(&text, &size);
	while (fgets(line, sizeof(line), in)) {
		int n = 0;

		line[strcspn(line, "#\n")] = '\0';
		fprintf(r->fake.out, line[0] ? "> %s\n" : "", line);
		for (char *w = strtok_r(line, " ", &save); w && n < 32; w = strtok_r(NULL, " ", &save))
			word[n++] = w;
		if (n)
			do_line(r, word, n);
	}
	fclose(r->fake.out);
	tc_state_clear(&r->tc);
	free(r);
	return text;
}

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	if (f && fread(text, 1, (1 << 20) - 1, f) == 0)
		text[0] = '\0';
	if (f)
		fclose(f);
	return text;
}

static void spill(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void golden_case(const char *name)
{
	char in[512], expected[512];
	int stem = (int)strlen(name) - 3;

	snprintf(in, sizeof(in), DIR_GOLDEN "/%s", name);
	snprintf(expected, sizeof(expected), DIR_GOLDEN "/%.*s.expected", stem, name);
	FILE *f = fopen(in, "r");

	assert_non_null(f);
	char *got = run_script(f);

	fclose(f);
	if (getenv("GOLDEN_UPDATE"))
		spill(expected, got);
	char *want = slurp(expected);

	print_message("           %s\n", name);
	assert_string_equal(got, want);
	if (strstr(name, "-invalid"))
		assert_non_null(strstr(got, "REFUSED"));
	free(got);
	free(want);
}

static void test_golden(void **state)
{
	struct dirent **entry;
	int cases = 0, n = scandir(DIR_GOLDEN, &entry, NULL, alphasort);

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		size_t len = strlen(entry[i]->d_name);

		if (len > 3 && !strcmp(entry[i]->d_name + len - 3, ".in")) {
			golden_case(entry[i]->d_name);
			cases++;
		}
		free(entry[i]);
	}
	free(entry);
	assert_true(cases > 5);
}

/* HTB's numbers stay sane over the whole range of rates. */
static void test_numbers(void **state)
{
	for (uint64_t bps = TC_IDLE_BPS; bps < 800000000000ull; bps *= 3) {
		struct tc_level level = { .rate_bps = bps, .ceil_bps = bps * 2 };
		struct tc_htb h = tc_htb(&level);

		assert_true(h.burst >= 2 * TC_MTU && h.cburst >= h.burst);
		assert_true(h.burst >= h.rate / 1000);
		assert_true(h.quantum >= TC_MTU && h.quantum <= 65536);
		assert_true(h.buffer > 0 && h.cbuffer > 0);
		assert_true(tc_leaf_limit(&level) >= 1u << 17);
	}
	assert_int_equal(nftables_timeout_s(157), 197);
	assert_int_equal(nftables_timeout_s(0), 0);
}

/* As many classes of the pool as the links have. */
static size_t classes_made(const struct run *r, const char *ifname)
{
	const struct fake_link *link = fake_link((struct fake *)(uintptr_t)&r->fake, ifname);
	size_t n = 0;

	for (size_t i = TC_MINOR_FIRST; i < FAKE_CLASSES; i++)
		n += (size_t)link->class[i].present;
	return n;
}

static void idle_until_done(struct run *r)
{
	size_t before;
	int more;

	do {
		before = r->tc.n_pool;
		more = tc_pool_ahead(&r->tc);
		assert_in_range(r->tc.n_pool, before + (size_t)more, before + 26);
	} while (more);
	assert_int_equal(classes_made(r, "eth0"), r->tc.n_pool);
	assert_int_equal(classes_made(r, "eth1"), r->tc.n_pool);
}

static void idle_apply(struct run *r, unsigned icorp)
{
	struct adaptor_terms t = sample_small(icorp, "eth0", 1000000);
	struct adaptor_result result = { 0 };

	assert_int_equal(tc_apply(&r->tc, &t, &result), 0);
}

/* In idle time the pool comes to what was configured, later to an eighth more than is used; a few at a time, on all links. */
static void test_pool_ahead(void **state)
{
	struct run r = { .hook = TC_HOOK_EGRESS, .n_links = 2, .link = { { "eth0", 100000000 }, { "eth1", 100000000 } } };

	r.fake.out = fopen("/dev/null", "we");
	do_open(&r);
	r.tc.pool_least = 70;
	idle_until_done(&r);
	assert_int_equal(r.tc.n_pool, 70);
	for (unsigned i = 1; i <= 64; i++)
		idle_apply(&r, i);
	assert_int_equal(tc_flush(&r.tc, NULL, NULL), 0);
	assert_int_equal(r.tc.n_pool, 70);
	idle_until_done(&r);
	assert_int_equal(r.tc.n_pool, 64 + 8 + TC_POOL_FIRST);
	for (unsigned i = 1; i <= 64; i++)
		assert_int_equal(tc_revoke(&r.tc, key(i)), 0);
	assert_int_equal(tc_flush(&r.tc, NULL, NULL), 0);
	assert_int_equal(r.tc.n_owned, 0);
	idle_until_done(&r);
	assert_int_equal(r.tc.n_pool, 64 + 8 + TC_POOL_FIRST);
	tc_state_clear(&r.tc);
	fclose(r.fake.out);
}

static int net_missing = -1;

struct live { const struct adaptor_ops *ops; void *state; };

static int live_setup(void **state)
{
	struct adaptor_option options[] = { { "link.tst0", "100M" } };
	struct live *l = calloc(1, sizeof(*l));
	char why[ADAPTOR_REASON];

	l->ops = adaptor_find("tc");
	*state = l;
	if (!net_missing && l->ops->open(options, 1, &l->state, why, sizeof(why)))
		l->state = NULL;
	return 0;
}

static int live_teardown(void **state)
{
	struct live *l = *state;

	if (l->state)
		l->ops->close(l->state);
	free(l);
	return 0;
}

static struct live *live(void **state)
{
	struct live *l = *state;

	if (!l->state) {
		print_message("tc does not work here (root and nftables are needed)\n");
		skip();
	}
	return l;
}

static void live_apply(struct live *l, unsigned icorp)
{
	struct adaptor_terms t = sample_small(icorp, "tst0", icorp * 1000000);
	struct adaptor_result r = { 0 };

	assert_int_equal(l->ops->apply(l->state, &t, &r), 0);
	assert_int_equal(l->ops->flush(l->state, NULL, NULL), 0);
}

static unsigned live_audit(struct live *l, unsigned *orphans)
{
	struct adaptor_key keys[] = { key(7), key(8) };
	unsigned repaired;

	assert_int_equal(l->ops->audit(l->state, keys, 2, orphans, &repaired), 0);
	return repaired;
}

static int live_shows(struct live *l, const char *needle)
{
	struct writer *w = writer_new();

	assert_int_equal(l->ops->show(l->state, w), 0);
	char *json = writer_render(w, WRITER_JSON);
	int found = strstr(json, needle) != NULL;

	writer_free(w);
	free(json);
	return found;
}

/* The interface goes and comes back under its name: all its queueing and its hook are lost, and made anew. */
static void test_interface_made_anew(void **state)
{
	struct live *l = live(state);
	unsigned orphans;

	live_apply(l, 7);
	live_apply(l, 8);
	assert_int_equal(live_audit(l, &orphans), 0);
	assert_int_equal(netns_delete("tst0"), 0);
	assert_int_equal(netns_veth("tst0", "tst1"), 0);
	assert_true(live_audit(l, &orphans) > 0);
	assert_int_equal(orphans, 0);
	assert_true(live_shows(l, "8000000"));
	assert_int_equal(live_audit(l, &orphans), 0);
}

/* The same, noticed by an apply. */
static void test_apply_repairs(void **state)
{
	struct live *l = live(state);
	unsigned orphans;

	live_apply(l, 7);
	assert_int_equal(netns_delete("tst0"), 0);
	assert_int_equal(netns_veth("tst0", "tst1"), 0);
	live_apply(l, 8);
	assert_true(live_shows(l, "7000000"));
	assert_true(live_shows(l, "8000000"));
	live_audit(l, &orphans);
	assert_int_equal(live_audit(l, &orphans), 0);
}

/* Growing the pool past its first size, and a minor number used again. */
static void test_pool(void **state)
{
	struct live *l = live(state);
	struct adaptor_result r = { 0 };
	unsigned orphans;

	for (unsigned n = 1; n <= 40; n++) {
		struct adaptor_terms t = sample_small(n, "tst0", 1000000);

		r.n_grants = 0;
		assert_int_equal(l->ops->apply(l->state, &t, &r), 0);
	}
	assert_int_equal(l->ops->flush(l->state, NULL, NULL), 0);
	assert_true(live_shows(l, "1c0b:37"));
	assert_int_equal(live_audit(l, &orphans), 0);
	assert_int_equal(orphans, 38);
	live_apply(l, 50);
	assert_true(live_shows(l, "50000000"));
	assert_false(live_shows(l, "1c0b:37"));
}

static unsigned long expires_s(struct live *l)
{
	struct writer *w = writer_new();

	assert_int_equal(l->ops->show(l->state, w), 0);
	char *json = writer_render(w, WRITER_JSON), *at = strstr(json, "\"expires_s\":");
	unsigned long s = at ? strtoul(at + strlen("\"expires_s\":"), NULL, 10) : 0;

	writer_free(w);
	free(json);
	return s;
}

/* The kernel's time cannot be warped: its element is made old instead (where it can be; elsewhere adding again renews
 * nothing, and we delete first). */
static void make_old(void)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	nft_ctx_buffer_error(nft);
	if (nft_run_cmd_from_buffer(nft, "add element netdev icorp_tc class24 { 10.64.7.0 timeout 125s expires 5s : 1c0b:10 }"))
		nft_run_cmd_from_buffer(nft, "add element inet icorp_tc class24 { 10.64.7.0 timeout 125s expires 5s : 1c0b:10 }");
	nft_ctx_free(nft);
	clock_warp(30 * CLOCK_S);
}

/* What times out in the kernel lives on with each refresh of unchanged terms, said again or only renewed. */
static void test_lives_on(void **state)
{
	struct live *l = live(state);
	struct adaptor_terms t = sample_small(7, "tst0", 5000000);
	struct adaptor_key seven = key(7);
	struct adaptor_result r = { 0 };
	uint8_t failed = 1;

	t.lifetime_s = 100;
	assert_int_equal(l->ops->apply(l->state, &t, &r), 0);
	assert_int_equal(l->ops->flush(l->state, NULL, NULL), 0);
	assert_in_range(expires_s(l), 100, 125);
	make_old();
	r.n_grants = 0;
	assert_int_equal(l->ops->apply(l->state, &t, &r), 0);
	assert_int_equal(l->ops->flush(l->state, NULL, NULL), 0);
	assert_in_range(expires_s(l), 100, 125);
	make_old();
	assert_int_equal(l->ops->renew(l->state, &seven, 1, &failed), 0);
	assert_int_equal(failed, 0);
	assert_in_range(expires_s(l), 100, 125);
}

#define LIVE(name) cmocka_unit_test_setup_teardown(name, live_setup, live_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden), cmocka_unit_test(test_numbers), cmocka_unit_test(test_pool_ahead),
		LIVE(test_lives_on), LIVE(test_interface_made_anew),
		LIVE(test_apply_repairs), LIVE(test_pool),
	};

	net_missing = netns_enter();
	if (!net_missing)
		net_missing = netns_veth("tst0", "tst1");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
