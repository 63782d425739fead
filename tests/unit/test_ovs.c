/*
 * The ovs adaptor without a switch: the flow-mods that terms lead to (tests/golden/ovs: NAME.in, and NAME.from for what was
 * there before, -> NAME.of), reading our flows back from hostile answers, and a peer that breaks off or lies
 * (test_ovs_peer.c). GOLDEN_UPDATE=1 writes the expected files. tests/e2e/ovs.sh has the real one.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/golden_terms.h"
#include "tests/unit/ovs_text.h"
#include "tests/unit/test_ovs.h"

#define TABLE 200

static struct ovs_port ports[] = {
	{ .number = 1, .ifname = "eth0" }, { .number = 2, .ifname = "eth1" }, { .number = 3, .ifname = "eth2" },
	{ .number = 70000, .ifname = "eth3" },
};
static const struct ovs_world world = { .datapath = "netdev", .n_ports = 4, .port = ports };

static int want(const struct adaptor_terms *t, void **session, char *why, size_t room)
{
	struct ovs_session *s = NULL;
	int rc = ovs_want(&world, t, TABLE, &s, why, room);

	*session = s;
	return rc;
}

static void drop(void *session)
{
	ovs_session_free(session);
}

static void print_plan(FILE *out, const char *stem, void *from, void *to)
{
	struct protocol_buffer mods = { 0 };
	size_t changes;

	assert_int_equal(ovs_plan(from, to, TABLE, &mods, &changes), 0);
	fprintf(out, "%zu changes\n", changes);
	for (size_t at = 0; at < mods.len;)
		at += ovs_text_print(out, mods.data + at, mods.len - at);
	protocol_free(&mods);
}

static const struct golden cases = { SRCDIR "/tests/golden/ovs/", "of", want, print_plan, drop };

static void test_golden(void **unused)
{
	assert_true(golden_run(&cases) >= 6);
}

/* A flow of ours as an entry of flow statistics. */
static size_t entry_of(const struct ovs_session *s, const struct ovs_flow *flow, uint8_t *buffer, size_t room)
{
	struct wire w = wire_writer(buffer, room);

	wire_put_u16(&w, (uint16_t)(48 + flow->len));
	wire_put_u8(&w, flow->table);
	wire_put_u8(&w, 0);
	wire_put_u64(&w, 0);
	wire_put_u16(&w, flow->priority);
	wire_put_u16(&w, 0);
	wire_put_u16(&w, s->timeout_s);
	wire_put_u16(&w, 0);
	wire_put_u32(&w, 0);
	wire_put_u64(&w, (uint64_t)s->key.icorp << 32 | ntohl(s->key.leader.s_addr));
	wire_put_u64(&w, 3);
	wire_put_u64(&w, 300);
	wire_put_bytes(&w, flow->body, flow->len);
	assert_int_equal(w.error, 0);
	return w.pos;
}

/* Reads exactly these bytes, so that a read beyond is seen. */
static int parse(const uint8_t *data, size_t len, struct ovs_seen *seen)
{
	uint8_t *copy = malloc(len ? len : 1);

	memcpy(copy, data, len);
	struct wire w = wire_reader(copy, len);
	int rc = ovs_parse_flow(&w, TABLE, seen);

	free(copy);
	return rc;
}

/* Every flow we make is recognised again; one that is cut is an error, one that was changed harms nothing. */
static void test_parse(void **unused)
{
	struct ovs_session *s = golden_want(&cases, "trunk", "in");

	assert_int_equal(s->n_flows, 7);
	for (unsigned i = 0; i < s->n_flows; i++) {
		uint8_t buffer[OVS_FLOW_ROOM];
		size_t len = entry_of(s, &s->flow[i], buffer, sizeof(buffer));
		struct ovs_seen seen;

		assert_int_equal(parse(buffer, len, &seen), 1);
		assert_int_equal(seen.ours, 1);
		assert_int_equal(seen.flow.kind, s->flow[i].kind);
		assert_int_equal(seen.flow.digest, s->flow[i].digest);
		assert_int_equal(seen.flow.match_len, s->flow[i].match_len);
		assert_int_equal(seen.flow.bytes, 300);
		assert_int_equal(seen.session.vlan, 107);
		assert_int_equal(seen.session.priority, 5);
		assert_int_equal(seen.session.prefix.len, 24);
		assert_int_equal(seen.session.prefix.addr.s_addr, htonl(0x0a400700));
		assert_int_equal(seen.session.key.icorp, 7);
		assert_int_equal(seen.session.key.leader.s_addr, htonl(0x0ac8010b));
		for (size_t cut = 1; cut < len; cut++)
			assert_true(parse(buffer, cut, &seen) < 0);
		for (size_t at = 0; at < len; at++)
			for (unsigned bit = 0; bit < 8; bit++) {
				buffer[at] ^= (uint8_t)(1u << bit);
				if (parse(buffer, len, &seen) == 1 && seen.ours)
					assert_in_range(seen.session.vlan, 2, 4094);
				buffer[at] ^= (uint8_t)(1u << bit);
			}
		buffer[48 + s->flow[i].match_len + 8 + 10] ^= 1;   /* another's note */
		assert_int_equal(parse(buffer, len, &seen), 1);
		assert_int_equal(seen.ours, 0);
	}
	ovs_session_free(s);
}

static struct ovs_session *session_of(unsigned shape, uint16_t vlan)
{
	struct adaptor_terms t = { .icorp = 7, .vlan = vlan, .priority = shape % 7, .prefix = { .len = 24 } };
	struct ovs_session *s = NULL;
	char why[ADAPTOR_REASON];

	for (unsigned p = 0; p < 4; p++, shape /= 3) {
		if (shape % 3 == 0)
			continue;
		snprintf(t.ports[t.n_ports].ifname, ADAPTOR_IFNAME, "eth%u", p);
		t.ports[t.n_ports++].trunk = shape % 3 == 2;
	}
	assert_int_equal(ovs_want(&world, &t, TABLE, &s, why, sizeof(why)), 0);
	return s;
}

/* A flow table by table, priority and match; learnt ones are not in it. What a plan makes of it. */
struct model { unsigned n; struct { const uint8_t *match; uint16_t table, priority; size_t len; } flow[64]; };

static void play(struct model *m, const struct protocol_buffer *mods)
{
	for (size_t at = 0, len; at < mods->len; at += len) {
		const uint8_t *p = mods->data + at;
		unsigned i = 0, command = p[25], match = (((unsigned)p[50] << 8 | p[51]) + 7u) & ~7u;
		uint16_t priority = (uint16_t)(p[30] << 8 | p[31]);

		len = (size_t)p[2] << 8 | p[3];
		if (command == 3) {   /* all of our table */
			for (unsigned j = 0; j < m->n; j++)
				if (m->flow[j].table != p[24])
					m->flow[i++] = m->flow[j];
			m->n = i;
			continue;
		}
		while (i < m->n && (m->flow[i].table != p[24] || m->flow[i].priority != priority ||
				    m->flow[i].len != match || memcmp(m->flow[i].match, p + 48, match)))
			i++;
		if (command == 4 && i < m->n)
			m->flow[i] = m->flow[--m->n];
		if (command != 0)
			continue;
		assert_true(i < 64);
		m->flow[i].match = p + 48;
		m->flow[i].table = p[24];
		m->flow[i].priority = priority;
		m->flow[i].len = match;
		m->n += i == m->n;
	}
}

/* From every shape of membership to every other, with and without a new VLAN: exactly the wanted comes of it. */
static void test_plan(void **unused)
{
	for (unsigned a = 0; a < 81; a++)
		for (unsigned b = 0; b < 162; b++) {
			struct ovs_session *from = session_of(a, 107), *to = session_of(b % 81, b < 81 ? 107 : 108);
			struct protocol_buffer there = { 0 }, forth = { 0 }, off = { 0 };
			struct model m = { 0 };
			size_t changes;

			assert_int_equal(ovs_plan(NULL, from, TABLE, &there, &changes), 0);
			assert_int_equal(changes, from->n_flows);
			play(&m, &there);
			assert_int_equal(m.n, from->n_flows);
			assert_int_equal(ovs_plan(from, to, TABLE, &forth, &changes), 0);
			assert_int_equal(changes == 0, a == b);
			play(&m, &forth);
			assert_int_equal(m.n, to->n_flows);
			assert_int_equal(ovs_plan(to, NULL, TABLE, &off, &changes), 0);
			play(&m, &off);
			assert_int_equal(m.n, 0);
			protocol_free(&there);
			protocol_free(&forth);
			protocol_free(&off);
			ovs_session_free(from);
			ovs_session_free(to);
		}
}

static void test_refresh(void **unused)
{
	struct ovs_port now[] = { { .number = 1, .ifname = "eth0" }, { .number = 9, .ifname = "eth1" } };
	const struct ovs_world changed = { .n_ports = 2, .port = now };
	struct ovs_session *s = session_of(1 + 3 * 2 + 9 * 1, 107);   /* eth0, eth2 members, eth1 a trunk */

	assert_int_equal(s->n_flows, 4 + 2 + 1 + 2);
	assert_int_equal(ovs_refresh(&changed, TABLE, s), 0);
	assert_int_equal(s->n_flows, 4 + 2 + 1);
	assert_int_equal(s->member[1].port, 9);
	assert_int_equal(s->member[2].port, 0);
	ovs_session_free(s);
}

static void test_fdb(void **unused)
{
	static const char text[] = " port  VLAN  MAC                Age\n"
				   "LOCAL     0  02:00:00:00:00:09    1\n"
				   "    2     0  02:00:00:00:00:01    7\n"
				   "    3   107  01:00:5e:00:00:01    7\n"
				   "    1     0  02:00:00:00:00:zz    7\n"
				   "99999999999999999999 1 02:00:00:00:00:03 1\n"
				   "    4    12  02:00:00:00:00:02    7";
	struct switch_fdb fdb = { 0 };

	assert_int_equal(ovs_fdb_parse(text, &fdb), 0);
	assert_int_equal(fdb.n, 2);
	assert_int_equal(fdb.entry[0].port, 2);
	assert_int_equal(fdb.entry[1].port, 4);
	free(fdb.entry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden), cmocka_unit_test(test_parse), cmocka_unit_test(test_plan),
		cmocka_unit_test(test_refresh), cmocka_unit_test(test_fdb), cmocka_unit_test(test_rpc_peer),
		cmocka_unit_test(test_openflow_peer), cmocka_unit_test(test_queues),
		cmocka_unit_test(test_queues_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
