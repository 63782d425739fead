/*
 * The bridge adaptor without a bridge: the requests that terms lead to (tests/golden/bridge: NAME.in, and NAME.from for
 * what was there before, -> NAME.nl; NAME-invalid.in -> NAME-invalid.err), the plan's properties, and recognising our
 * own filters among hostile ones. GOLDEN_UPDATE=1 writes the expected files. tests/e2e/bridge-uml.sh has the kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "adaptors/bridge.h"
#include "tests/unit/bridge_text.h"
#include "tests/unit/golden_terms.h"


static struct bridge_slave slaves[] = {
	{ .ifindex = 10, .ifname = "eth0" }, { .ifindex = 11, .ifname = "eth1" },
	{ .ifindex = 12, .ifname = "eth2" }, { .ifindex = 13, .ifname = "eth3" },
};
static const struct bridge_world world = { .ifindex = 1, .filtering = 1, .n_slaves = 4, .slave = slaves };

static const char *name_of(int ifindex)
{
	return ifindex >= 10 && ifindex < 14 ? slaves[ifindex - 10].ifname : "?";
}

static int want(const struct adaptor_terms *t, void **session, char *why, size_t room)
{
	struct bridge_session *s = NULL;
	int rc = bridge_want(&world, t, &s, why, room);

	*session = s;
	return rc;
}

static void drop(void *session)
{
	bridge_session_free(session);
}

static void print_plan(FILE *out, const char *stem, void *from, void *to)
{
	struct bridge_ops ops = { 0 };

	bridge_plan(from, to, &ops);
	assert_int_equal(ops.error, 0);
	for (size_t i = 0; i < ops.n; i++) {
		char buffer[BRIDGE_MESSAGE];
		struct nlmsghdr *nlh = bridge_message(&ops.op[i], strstr(stem, "-skbedit") != NULL, buffer);

		assert_true(nlh->nlmsg_len <= sizeof(buffer));
		bridge_text_print(out, nlh, name_of);
	}
	free(ops.op);
}

static void test_golden(void **unused)
{
	static const struct golden cases = { SRCDIR "/tests/golden/bridge/", "nl", want, print_plan, drop };

	assert_true(golden_run(&cases) >= 8);
}

/* The state of four ports as bits, and what ops make of it. A membership replaces the other kind. */
struct model { unsigned has[4]; uint16_t vlan[4]; };

static void play(struct model *m, const struct bridge_ops *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct bridge_op *op = &ops->op[i];
		unsigned *has = &m->has[op->ifindex - 10];

		if (!op->add) {
			*has &= ~(op->bit & BRIDGE_MEMBER ? (unsigned)BRIDGE_MEMBER : op->bit);
		} else {
			if (op->bit & BRIDGE_MEMBER)
				*has &= ~(unsigned)BRIDGE_MEMBER;
			*has |= op->bit;
			m->vlan[op->ifindex - 10] = op->vlan;
		}
		/* wherever it is broken off: no membership without a mark */
		for (unsigned p = 0; p < 4; p++)
			if (m->has[p] & BRIDGE_MEMBER && !(m->has[p] & BRIDGE_FILTERS))
				fail_msg("op %zu leaves a membership without a filter", i);
	}
}

static struct bridge_session *session_of(unsigned shape, uint16_t vlan)
{
	struct adaptor_terms t = { .icorp = 7, .vlan = vlan, .priority = shape % 7, .prefix = { .len = 24 } };
	struct bridge_session *s = NULL;
	char why[ADAPTOR_REASON];

	for (unsigned p = 0; p < 4; p++, shape /= 3) {
		if (shape % 3 == 0)
			continue;
		snprintf(t.ports[t.n_ports].ifname, ADAPTOR_IFNAME, "eth%u", p);
		t.ports[t.n_ports++].trunk = shape % 3 == 2;
	}
	assert_int_equal(bridge_want(&world, &t, &s, why, sizeof(why)), 0);
	return s;
}

/* From every shape of membership to every other, with and without a new VLAN: exactly the wanted comes of it. */
static void test_plan(void **unused)
{
	for (unsigned a = 0; a < 81; a++)
		for (unsigned b = 0; b < 162; b++) {
			struct bridge_session *from = session_of(a, 107), *to = session_of(b % 81, b < 81 ? 107 : 108);
			struct bridge_ops there = { 0 }, forth = { 0 }, off = { 0 };
			struct model m = { 0 };

			bridge_plan(NULL, from, &there);
			play(&m, &there, there.n);
			bridge_plan(from, to, &forth);
			play(&m, &forth, forth.n);
			for (unsigned p = 0; p < 4; p++) {
				assert_int_equal(m.has[p], to->port[p].has);
				assert_int_equal(m.vlan[p], to->vlan);
			}
			assert_true(forth.n || (a == b && b < 81));
			assert_true(!forth.n || a != b);
			bridge_plan(to, NULL, &off);
			play(&m, &off, off.n);
			for (unsigned p = 0; p < 4; p++)
				assert_int_equal(m.has[p], 0);
			free(there.op);
			free(forth.op);
			free(off.op);
			bridge_session_free(from);
			bridge_session_free(to);
		}
}

static void test_refresh(void **unused)
{
	struct bridge_slave now[] = { { .ifindex = 10, .ifname = "eth0" }, { .ifindex = 21, .ifname = "eth1" },
				      { .ifindex = 30, .ifname = "new0" } };
	const struct bridge_world changed = { .ifindex = 1, .n_slaves = 3, .slave = now };
	struct bridge_session *s = session_of(1 + 3 * 2, 107);   /* eth0 a member, eth1 a trunk */

	assert_int_equal(bridge_refresh(&changed, s), 0);
	assert_int_equal(s->n_ports, 3);
	assert_int_equal(s->port[0].has, BRIDGE_IP | BRIDGE_ARP | BRIDGE_UNTAGGED);
	assert_int_equal(s->port[1].ifindex, 21);
	assert_int_equal(s->port[1].has, BRIDGE_TAG | BRIDGE_TAGGED);
	assert_int_equal(s->port[2].has, BRIDGE_IP | BRIDGE_ARP);
	bridge_session_free(s);
}

/* Every filter we make is recognised again; cut or changed ones are not, and harm nothing. */
static void test_parse(void **unused)
{
	static const unsigned bits[] = { BRIDGE_IP, BRIDGE_ARP, BRIDGE_TAG };
	uint64_t bytes, packets;

	for (unsigned i = 0; i < 6; i++) {
		struct bridge_op op = { .add = 1, .ifindex = 11, .bit = bits[i % 3], .vlan = 107, .priority = 5,
					.prefix = { .addr.s_addr = htonl(0x0a400700), .len = 24 },
					.key = { .icorp = 7, .leader.s_addr = htonl(0x0ac8010b) } }, got;
		char buffer[BRIDGE_MESSAGE];
		struct nlmsghdr *nlh = bridge_message(&op, i > 2, buffer);

		assert_int_equal(bridge_message_parse(nlh, &got, &bytes, &packets), 1);
		assert_int_equal(got.bit, op.bit);
		assert_int_equal(got.vlan, 107);
		assert_int_equal(got.ifindex, 11);
		assert_int_equal(got.key.icorp, 7);
		assert_int_equal(got.key.leader.s_addr, op.key.leader.s_addr);
		assert_int_equal(got.priority, 5);
		if (op.bit != BRIDGE_TAG)
			assert_int_equal(got.prefix.len, 24);

		uint32_t whole = nlh->nlmsg_len;

		for (uint32_t len = 16; len < whole; len += 4) {
			char *cut = malloc(len);   /* exactly, so that a read beyond is seen */

			memcpy(cut, buffer, len);
			((struct nlmsghdr *)cut)->nlmsg_len = len;
			if (len < whole - 40)
				assert_int_equal(bridge_message_parse((struct nlmsghdr *)cut, &got, &bytes,
								      &packets), 0);
			free(cut);
		}
		nlh->nlmsg_type = RTM_DELTFILTER;
		assert_int_equal(bridge_message_parse(nlh, &got, &bytes, &packets), 0);
		nlh->nlmsg_type = RTM_NEWTFILTER;
		((struct tcmsg *)mnl_nlmsg_get_payload(nlh))->tcm_info ^= 0x10000000;   /* another's preference */
		assert_int_equal(bridge_message_parse(nlh, &got, &bytes, &packets), 0);
	}
}

/* The trial says which piece is missing, or that nothing is; here it changes nothing. */
static void test_trial(void **unused)
{
	char why[ADAPTOR_REASON] = "", before[128], after[128];
	int skbedit;

	before[readlink("/proc/self/ns/net", before, sizeof(before) - 1)] = '\0';
	int rc = bridge_trial(&skbedit, why, sizeof(why));

	after[readlink("/proc/self/ns/net", after, sizeof(after) - 1)] = '\0';
	assert_string_equal(before, after);
	if (rc)
		assert_non_null(strstr(why, "lacks"));
	print_message("trial: %s\n", rc ? why : "works here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden), cmocka_unit_test(test_plan), cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_parse), cmocka_unit_test(test_trial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
