/* Queues: the operations that lead from what the database has to what the sessions want, also when the rows make no sense. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/test_ovs.h"

static struct ovs_member members[] = {
	{ .ifname = "eth0", .port = 1, .rate_bps = 5000000, .ceil_bps = 10000000 }, { .ifname = "eth9", .port = 2, .rate_bps = 1 },
};
static struct ovs_session seven = { .key = { 7, { 0 } }, .vlan = 107, .capacity = CAPACITY_CONTROLLED, .n_members = 2,
				    .member = members };
static const struct ovs_config config = { .n_links = 1, .link = { { "eth0", 100000000 } } };

#define EXTERNAL(key, value) "\"external_ids\":[\"map\",[[\"" key "\",\"" value "\"]]]"
#define LEVEL(max, min, priority) "\"other_config\":[\"map\",[[\"max-rate\",\"" max "\"],[\"min-rate\",\"" min "\"],[\"priority\",\"" priority "\"]]]"
#define UUID(u) "[\"uuid\",\"" u "\"]"
#define PORTS(qos) "{\"rows\":[{\"name\":\"eth1\",\"qos\":[\"set\",[]]},{\"name\":\"eth0\",\"qos\":" qos "}]},"
#define QOS(queues) "{\"rows\":[{\"_uuid\":" UUID("q") "," EXTERNAL("icorp-qos", "eth0") ",\"queues\":[\"map\",[" queues "]]}]},"
#define REST "{\"_uuid\":" UUID("a") "," EXTERNAL("icorp-queue", "eth0/0/0/0.0.0.0") "," LEVEL("100000000", "1000000", "6") "}"
#define QUEUE7(rate) "{\"_uuid\":" UUID("b") "," EXTERNAL("icorp-queue", "eth0/107/7/10.200.1.11") "," LEVEL("10000000", rate, "1") "}"
#define QUEUES(rows) "{\"rows\":[" rows "]}"
#define BOTH "[0," UUID("a") "],[107," UUID("b") "]"

/* The operations as text, which the caller frees. */
static char *plan(const char *text, int with, struct ovs_queued *out)
{
	struct ovs_sessions *all = calloc(1, sizeof(*all));
	json_t *read = json_loads(text, 0, NULL), *ops = json_array();

	if (!read)
		fail_msg("no JSON: %s", text);
	seven.key.leader.s_addr = htonl(0x0ac8010b);
	all->vlan[107] = with ? &seven : NULL;
	memset(out, 0, sizeof(*out));
	assert_int_equal(ovs_queues_plan(&config, all, read, ops, out), 0);
	char *got = json_dumps(ops, JSON_COMPACT);

	json_decref(read);
	json_decref(ops);
	free(all);
	return got;
}

static void expect(const char *text, int with, const char *want, int touched, int ours)
{
	struct ovs_queued out;
	char *got = plan(text, with, &out);

	assert_string_equal(got, want);
	assert_int_equal(out.touched[107], touched);
	assert_int_equal(out.ours[0], ours);
	free(got);
}

void test_queues(void **unused)
{
#define ON(op, table, uuid) "{\"op\":\"" op "\",\"table\":\"" table "\",\"where\":[[\"_uuid\",\"==\"," UUID(uuid) "]]"
#define PUT(number, ref) "\"mutations\":[[\"queues\",\"delete\",[\"set\",[" number "]]],[\"queues\",\"insert\",[\"map\",[[" number "," ref "]]]]]}"
	/* from nothing */
	struct ovs_queued out;
	char *all = plan("[" PORTS("[\"set\",[]]") "{\"rows\":[]},{\"rows\":[]}]", 1, &out);

	assert_non_null(strstr(all, "{\"op\":\"insert\",\"table\":\"QoS\",\"uuid-name\":\"qos0\",\"row\":{\"type\":\"linux-htb\","
			       "\"other_config\":[\"map\",[[\"max-rate\",\"100000000\"]]]," EXTERNAL("icorp-qos", "eth0") "}}"));
	assert_non_null(strstr(all, "{\"op\":\"update\",\"table\":\"Port\",\"where\":[[\"name\",\"==\",\"eth0\"]],"
			       "\"row\":{\"qos\":[\"named-uuid\",\"qos0\"]}}"));
	assert_non_null(strstr(all, "\"uuid-name\":\"queue0_107\",\"row\":{" LEVEL("10000000", "5000000", "1") ","
			       EXTERNAL("icorp-queue", "eth0/107/7/10.200.1.11") "}}"));
	assert_null(strstr(all, "eth9"));
	assert_int_equal(out.touched[107], 1);
	free(all);
	/* all there */
	expect("[" PORTS(UUID("q")) QOS(BOTH) QUEUES(REST "," QUEUE7("5000000")) "]", 1, "[]", 0, 1);
	/* another level; not among the port's queues; nobody's; somebody else's port, row and queue */
	expect("[" PORTS(UUID("q")) QOS(BOTH) QUEUES(REST "," QUEUE7("64")) "]", 1,
	       "[" ON("update", "Queue", "b") ",\"row\":{" LEVEL("10000000", "5000000", "1") "}}]", 1, 1);
	expect("[" PORTS(UUID("q")) QOS("[0," UUID("a") "]") QUEUES(REST "," QUEUE7("5000000")) "]", 1,
	       "[" ON("mutate", "QoS", "q") "," PUT("107", UUID("b")) "]", 1, 1);
	expect("[" PORTS(UUID("q")) QOS(BOTH) QUEUES(REST "," QUEUE7("5000000")) "]", 0,
	       "[" ON("mutate", "QoS", "q") ",\"mutations\":[[\"queues\",\"delete\",[\"set\",[107]]]]}," ON("delete", "Queue", "b") "}]", 2, 1);
	expect("[" PORTS(UUID("foreign")) "{\"rows\":[{\"_uuid\":" UUID("foreign") "," EXTERNAL("mine", "eth0") "}]},"
	       QUEUES("{\"_uuid\":" UUID("f") "," EXTERNAL("mine", "eth0/107/7/10.200.1.11") "}") "]", 1, "[]", 0, 0);
}

void test_queues_hostile(void **unused)
{
	static const char *const rows[] = {
		"[]", "{}", "[1,2,3]", "[{\"rows\":1},{\"rows\":{}},{\"rows\":[1,null,[],\"x\"]}]",
		"[" PORTS("[]") QOS("") QUEUES("{}") "]", "[" PORTS("[\"uuid\"]") QOS("1,[],[1],[\"107\"," UUID("b") "]") QUEUES("{\"external_ids\":1}") "]",
		"[" PORTS("[\"uuid\",5]") QOS("[107,5]") QUEUES("{" EXTERNAL("icorp-queue", "///") "},{" EXTERNAL("icorp-queue", "eth0/9999/7/x") "}") "]",
		"[" PORTS(UUID("q")) "{\"rows\":[{" EXTERNAL("icorp-qos", "eth0") "}]}," QUEUES("{" EXTERNAL("icorp-queue", "eth0/107/7/10.200.1.11") "}") "]",
		"[{\"rows\":[{\"name\":7,\"qos\":null}]}," QOS(BOTH) QUEUES("{\"other_config\":[\"map\",[[]]]," EXTERNAL("icorp-queue", "") "}") "]",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int with = 0; with < 2; with++) {
			struct ovs_queued out;

			free(plan(rows[i], with, &out));
		}
}
