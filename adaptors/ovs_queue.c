/*
 * Queues: on each `link.IFNAME=RATE` a QoS row of type linux-htb, in it queue 0 for what is no ICorp's and for each ICorp
 * one with its VLAN's number, which the ICorp's flows set. The rows carry our mark in external_ids, `icorp-qos` = the
 * port, `icorp-queue` = port/VLAN/ICorp/leader; a port that has somebody else's QoS keeps it.
 *
 * What is there is read, compared with the sessions as they are to be, and the difference is one transaction: that
 * is apply, revoke, audit and a new process in one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "adaptors/ovs.h"

#define MARK_QOS "icorp-qos"
#define MARK_QUEUE "icorp-queue"
#define NAME_ROOM 80
#define IDLE_BPS 8000                  /* for whom nothing is guaranteed */

struct level { uint64_t min_bps, max_bps; unsigned priority; };

/* What is planned against: the rows as read, the operations so far. */
struct planning { const json_t *ports, *qos, *queues; json_t *ops; uint8_t *touched; size_t number; /* of the link */ int error; };

static void add_op(struct planning *p, json_t *op)
{
	if (!op || json_array_append_new(p->ops, op))
		p->error = -ENOMEM;
}

/* ["uuid", U] -> U; anything else: NULL. */
static const char *uuid_of(const json_t *value)
{
	const char *tag = json_string_value(json_array_get(value, 0));

	return tag && !strcmp(tag, "uuid") ? json_string_value(json_array_get(value, 1)) : NULL;
}

/* ["map", [[key, value]…]] -> the value of a string key, or of a number. */
static const json_t *map_value(const json_t *map, const char *key, json_int_t number)
{
	const json_t *pairs = json_array_get(map, 1), *pair;
	size_t i;

	json_array_foreach(pairs, i, pair) {
		const json_t *k = json_array_get(pair, 0);

		if (key ? json_is_string(k) && !strcmp(json_string_value(k), key) :
		    json_is_integer(k) && json_integer_value(k) == number)
			return json_array_get(pair, 1);
	}
	return NULL;
}

static const char *map_text(const json_t *row, const char *column, const char *key)
{
	const char *text = json_string_value(map_value(json_object_get(row, column), key, 0));

	return text ? text : "";
}

static json_t *row_marked(const json_t *rows, const char *key, const char *value)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (!strcmp(map_text(row, "external_ids", key), value))
			return row;
	return NULL;
}

static const char *row_uuid(const json_t *row)
{
	const char *uuid = uuid_of(json_object_get(row, "_uuid"));

	return uuid ? uuid : "";
}

/* An operation on the row of that uuid; takes what over. */
static json_t *op_on(const char *op, const char *table, json_t *ref, const char *key, json_t *what)
{
	json_t *o = json_pack("{s:s, s:s, s:[[s, s, o]]}", "op", op, "table", table, "where", "_uuid", "==", ref);

	if (key && o)
		json_object_set_new(o, key, what);
	return o;
}

static json_t *uuid_ref(const char *uuid)
{
	return json_pack("[s, s]", "uuid", uuid);
}

static void update_port(struct planning *p, const char *ifname, json_t *qos)
{
	add_op(p, json_pack("{s:s, s:s, s:[[s, s, s]], s:{s:o}}", "op", "update", "table", "Port", "where", "name", "==", ifname,
			    "row", "qos", qos));
}

static json_t *rate_map(uint64_t rate_bps)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, rate_bps);
	return json_pack("[s, [[s, s]]]", "map", "max-rate", text);
}

/* The link's QoS row, made when it is not there; NULL where the port is not there, or another's. The caller's. */
static json_t *plan_link(struct planning *p, const struct ovs_link *link)
{
	const json_t *row = row_marked(p->qos, MARK_QOS, link->ifname), *port = NULL, *one;
	char name[NAME_ROOM];
	size_t i;

	json_array_foreach(p->ports, i, one) {
		const char *ifname = json_string_value(json_object_get(one, "name"));

		if (ifname && !strcmp(ifname, link->ifname))
			port = one;
	}
	const char *has = uuid_of(json_object_get(port, "qos"));

	if (!port || (has && (!row || strcmp(has, row_uuid(row)) != 0)))
		return NULL;
	snprintf(name, sizeof(name), "qos%zu", p->number);
	json_t *ref = row ? uuid_ref(row_uuid(row)) : json_pack("[s, s]", "named-uuid", name);

	if (!row) {
		add_op(p, json_pack("{s:s, s:s, s:s, s:{s:s, s:o, s:[s, [[s, s]]]}}", "op", "insert", "table", "QoS", "uuid-name",
				    name, "row", "type", "linux-htb", "other_config", rate_map(link->rate_bps), "external_ids", "map",
				    MARK_QOS, link->ifname));
		p->touched[0] = 1;
	}
	if (!has) {
		update_port(p, link->ifname, json_incref(ref));
		p->touched[0] = 1;
	}
	return ref;
}

static json_t *level_map(const struct level *level)
{
	char min[24], max[24], priority[12];

	snprintf(min, sizeof(min), "%" PRIu64, level->min_bps);
	snprintf(max, sizeof(max), "%" PRIu64, level->max_bps);
	snprintf(priority, sizeof(priority), "%u", level->priority);
	return json_pack("[s, [[s, s], [s, s], [s, s]]]", "map", "max-rate", max, "min-rate", min, "priority", priority);
}

static int same_level(const json_t *row, const struct level *level)
{
	json_t *want = level_map(level);
	const json_t *pair;
	int same = json_array_size(json_array_get(json_object_get(row, "other_config"), 1)) == 3;
	size_t i;

	json_array_foreach(json_array_get(want, 1), i, pair)
		same &= !strcmp(map_text(row, "other_config", json_string_value(json_array_get(pair, 0))),
				json_string_value(json_array_get(pair, 1)));
	json_decref(want);
	return same;
}

/* The queue of that name on the link; qos says whose queues it is among. */
static void plan_queue(struct planning *p, const struct ovs_link *link, json_t *qos, const char *mark, uint16_t vlan,
		       const struct level *level)
{
	json_t *row = row_marked(p->queues, MARK_QUEUE, mark);
	const json_t *mine = row_marked(p->qos, MARK_QOS, link->ifname);
	const char *listed = uuid_of(map_value(json_object_get(mine, "queues"), NULL, vlan));
	size_t before = json_array_size(p->ops);
	char name[NAME_ROOM];
	json_t *ref;

	if (row) {
		json_object_set_new(row, "wanted", json_true());
		ref = uuid_ref(row_uuid(row));
		if (!same_level(row, level))
			add_op(p, op_on("update", "Queue", json_incref(ref), "row",
					json_pack("{s:o}", "other_config", level_map(level))));
	} else {
		snprintf(name, sizeof(name), "queue%zu_%u", p->number, vlan);
		ref = json_pack("[s, s]", "named-uuid", name);
		add_op(p, json_pack("{s:s, s:s, s:s, s:{s:o, s:[s, [[s, s]]]}}", "op", "insert", "table", "Queue", "uuid-name", name,
				    "row", "other_config", level_map(level), "external_ids", "map", MARK_QUEUE, mark));
	}
	if (!row || !listed || strcmp(listed, row_uuid(row)) != 0)
		add_op(p, op_on("mutate", "QoS", json_incref(qos), "mutations",
				json_pack("[[s, s, [s, [i]]], [s, s, [s, [[i, O]]]]]", "queues", "delete", "set", (int)vlan, "queues",
					  "insert", "map", (int)vlan, ref)));
	json_decref(ref);
	if (json_array_size(p->ops) > before)
		p->touched[vlan] = 1;
}

static struct level level_of(const struct ovs_session *s, const struct ovs_member *m, const struct ovs_link *link)
{
	int guaranteed = ovs_guarantee(s, m) > 0;
	struct level l = { .min_bps = guaranteed ? m->rate_bps : IDLE_BPS, .max_bps = m->ceil_bps, .priority = 7 };

	if (guaranteed)
		l.priority = s->capacity == CAPACITY_CONSTANT ? 0 : 1;
	if (l.max_bps < l.min_bps || (guaranteed && s->capacity == CAPACITY_CONSTANT))
		l.max_bps = l.min_bps;
	if (l.max_bps > link->rate_bps)
		l.max_bps = link->rate_bps;
	return l;
}

static void name_queue(char *mark, size_t room, const char *ifname, unsigned vlan, struct adaptor_key key)
{
	char leader[ADDR_TEXT];

	snprintf(mark, room, "%s/%u/%" PRIu32 "/%s", ifname, vlan, key.icorp, addr_text(key.leader, leader));
}

static void plan_sessions(struct planning *p, const struct ovs_link *link, json_t *qos, const struct ovs_sessions *all)
{
	char mark[NAME_ROOM];

	for (unsigned v = 2; v < SWITCH_VLANS; v++) {
		const struct ovs_session *s = all->vlan[v];

		if (s && s->adopted) {   /* what it should have only its next apply tells */
			name_queue(mark, sizeof(mark), link->ifname, v, s->key);
			json_object_set_new(row_marked(p->queues, MARK_QUEUE, mark), "wanted", json_true());
			continue;
		}
		for (unsigned i = 0; s && i < s->n_members; i++) {
			const struct ovs_member *m = &s->member[i];

			if (strcmp(m->ifname, link->ifname) != 0 || (!m->rate_bps && !m->ceil_bps))
				continue;
			struct level level = level_of(s, m, link);

			name_queue(mark, sizeof(mark), link->ifname, v, s->key);
			plan_queue(p, link, qos, mark, (uint16_t)v, &level);
		}
	}
}

/* Queues that nobody wants, and QoS rows of links that are none any more. */
static void plan_removal(struct planning *p, const struct ovs_config *config, const struct ovs_sessions *all)
{
	const json_t *row, *qos;
	size_t i, j;

	json_array_foreach(p->queues, i, row) {
		const char *mark = map_text(row, "external_ids", MARK_QUEUE), *slash = strchr(mark, '/');
		unsigned vlan;

		if (!*mark || json_object_get(row, "wanted") || !slash || sscanf(slash, "/%4u/", &vlan) != 1 || vlan >= SWITCH_VLANS)
			continue;
		json_array_foreach(p->qos, j, qos) {
			const char *listed = uuid_of(map_value(json_object_get(qos, "queues"), NULL, (json_int_t)vlan));

			if (listed && !strcmp(listed, row_uuid(row)))
				add_op(p, op_on("mutate", "QoS", uuid_ref(row_uuid(qos)), "mutations",
						json_pack("[[s, s, [s, [i]]]]", "queues", "delete", "set", (int)vlan)));
		}
		add_op(p, op_on("delete", "Queue", uuid_ref(row_uuid(row)), NULL, NULL));
		p->touched[vlan] = all->vlan[vlan] ? 1 : 2;
	}
	json_array_foreach(p->qos, i, row) {
		const char *ifname = map_text(row, "external_ids", MARK_QOS);

		if (!*ifname || ovs_link_named(config, ifname))
			continue;
		add_op(p, json_pack("{s:s, s:s, s:[[s, s, o]], s:{s:[s, []]}}", "op", "update", "table", "Port", "where", "qos", "==",
				    uuid_ref(row_uuid(row)), "row", "qos", "set"));
		add_op(p, op_on("delete", "QoS", uuid_ref(row_uuid(row)), NULL, NULL));
		p->touched[0] = 1;
	}
}

int ovs_queues_plan(const struct ovs_config *config, const struct ovs_sessions *all, const json_t *read, json_t *ops,
		    struct ovs_queued *out)
{
	struct planning p = { .ports = ovs_rows(read, 0), .qos = ovs_rows(read, 1), .queues = ovs_rows(read, 2), .ops = ops,
			      .touched = out->touched };
	const struct adaptor_key no_one = { 0 };
	char mark[NAME_ROOM];

	for (size_t i = 0; i < config->n_links; i++) {
		const struct ovs_link *link = &config->link[i];
		struct level rest = { .min_bps = link->rate_bps / 100, .max_bps = link->rate_bps, .priority = 6 };

		p.number = i;
		json_t *qos = plan_link(&p, link);

		if (!qos)
			continue;
		out->ours[i] = 1;
		name_queue(mark, sizeof(mark), link->ifname, 0, no_one);
		plan_queue(&p, link, qos, mark, 0, &rest);
		plan_sessions(&p, link, qos, all);
		json_decref(qos);
	}
	plan_removal(&p, config, all);
	return p.error;
}

int ovs_queues_sync(const struct ovs_config *config, const struct ovs_sessions *all, struct ovs_queued *out, char *why,
		    size_t room)
{
	json_t *ask = json_pack("[{s:s, s:s, s:[], s:[s, s]}, {s:s, s:s, s:[], s:[s, s, s]}, {s:s, s:s, s:[], s:[s, s, s]}]",
				"op", "select", "table", "Port", "where", "columns", "name", "qos",
				"op", "select", "table", "QoS", "where", "columns", "_uuid", "external_ids", "queues",
				"op", "select", "table", "Queue", "where", "columns", "_uuid", "external_ids", "other_config");
	json_t *read = NULL, *ops = json_array();

	memset(out, 0, sizeof(*out));
	int rc = ask && ops ? ovs_transact(config, ask, &read, why, room) : -ENOMEM;

	rc = rc ? rc : ovs_queues_plan(config, all, read, ops, out);
	if (!rc && json_array_size(ops))
		rc = ovs_transact_done(config, ops, why, room);
	json_decref(ask);
	json_decref(read);
	json_decref(ops);
	return rc;
}
