/* The switch as it is: its ports, and our flows put together to sessions again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/openflow.h"
#include "adaptors/ovs.h"

#define PORTS_MAX 65536u

static int on_ports(void *ctx, struct wire *body)
{
	struct ovs_world *world = ctx;
	struct ovs_port port;
	int rc;

	while ((rc = ovs_parse_port(body, &port)) == 1) {
		if (!port.number || port.number >= OVS_PORT_MAX)
			continue;
		if (world->n_ports == PORTS_MAX)
			return -EPROTO;
		struct ovs_port *more = realloc(world->port, (world->n_ports + 1) * sizeof(*more));

		if (!more)
			return -ENOMEM;
		world->port = more;
		more[world->n_ports++] = port;
	}
	return rc;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct ovs_port *)a)->number, y = ((const struct ovs_port *)b)->number;

	return (x > y) - (x < y);
}

int ovs_read_world(const struct ovs_config *config, struct ovs_of *of, struct ovs_world *world, char *why, size_t room)
{
	memset(world, 0, sizeof(*world));
	int rc = ovs_read_bridge(config, world->datapath, sizeof(world->datapath), why, room);

	rc = rc ? rc : ovs_of_dump(of, OF_MULTIPART_PORT_DESC, NULL, 0, on_ports, world, why, room);
	if (rc)
		ovs_world_clear(world);
	else if (world->n_ports)
		qsort(world->port, world->n_ports, sizeof(*world->port), by_number);
	/* in user space they would shape, but nothing would be put in them */
	world->queues = !rc && config->n_links && !strcmp(world->datapath, "system");
	return rc;
}

struct queued { const struct ovs_config *config; const struct ovs_world *world; uint8_t *queued; };

static int on_queues(void *ctx, struct wire *body)
{
	struct queued *q = ctx;

	while (wire_left(body)) {
		struct wire peek = *body;
		size_t len = wire_u16(&peek);
		struct wire entry = wire_sub(body, len);

		wire_skip(&entry, 8);
		const struct ovs_port *port = ovs_port_numbered(q->world, wire_u32(&entry));
		uint32_t queue = wire_u32(&entry);

		if (len < OF_QUEUE_STATS || body->error)
			return -EBADMSG;
		for (size_t i = 0; i < q->config->n_links && port && !queue; i++)
			if (!strcmp(q->config->link[i].ifname, port->ifname))
				q->queued[i] = 1;
	}
	return 0;
}

int ovs_read_queued(const struct ovs_config *config, struct ovs_of *of, const struct ovs_world *world,
		    uint8_t queued[ADAPTOR_MAX_PORTS], char *why, size_t room)
{
	struct queued q = { config, world, queued };
	uint8_t body[8];
	struct wire w = wire_writer(body, sizeof(body));

	memset(queued, 0, ADAPTOR_MAX_PORTS);
	wire_put_u32(&w, OF_ANY);
	wire_put_u32(&w, OF_ANY);
	return ovs_of_dump(of, OF_MULTIPART_QUEUE, body, sizeof(body), on_queues, &q, why, room);
}

void ovs_world_clear(struct ovs_world *world)
{
	free(world->port);
	memset(world, 0, sizeof(*world));
}

struct gather { struct ovs_sessions *all; struct switch_fdb *fdb; uint8_t table; };

/* A VLAN is one session's: of two that claim it (someone copied our flows) the first read is it. */
static int keep_flow(struct ovs_sessions *all, const struct ovs_seen *seen)
{
	struct ovs_session **slot = &all->vlan[seen->session.vlan], *s = *slot;

	if (s && !adaptor_key_equal(s->key, seen->session.key))
		return 0;
	if (!s) {
		s = *slot = calloc(1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		*s = seen->session;
	}
	struct ovs_flow *more = realloc(s->flow, (s->n_flows + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	s->flow = more;
	struct ovs_flow *flow = &more[s->n_flows];

	*flow = seen->flow;
	flow->body = malloc(flow->len);
	if (!flow->body)
		return -ENOMEM;
	memcpy(flow->body, seen->flow.body, flow->len);
	s->n_flows++;
	return 0;
}

static int on_flows(void *ctx, struct wire *body)
{
	struct gather *g = ctx;
	struct ovs_seen seen;
	int more, rc = 0;

	while (!rc && (more = ovs_parse_flow(body, g->table, &seen)) != 0) {
		if (more < 0)
			rc = more;
		else if (seen.ours)
			rc = keep_flow(g->all, &seen);
		else if (seen.learnt && g->fdb)
			rc = switch_fdb_add(g->fdb, seen.mac, seen.port);
	}
	return rc;
}

int ovs_read_sessions(const struct ovs_config *config, struct ovs_of *of, struct ovs_sessions *all,
		      struct switch_fdb *fdb, char *why, size_t room)
{
	struct gather g = { .all = all, .fdb = fdb, .table = config->table };
	uint8_t body[40];
	struct wire w = wire_writer(body, sizeof(body));

	memset(all, 0, sizeof(*all));
	wire_put_u32(&w, (uint32_t)OF_ALL_TABLES << 24);
	wire_put_u32(&w, OF_ANY);
	wire_put_u32(&w, OF_ANY);
	wire_put_u32(&w, 0);
	wire_put_u64(&w, 0);
	wire_put_u64(&w, 0);
	wire_put_u16(&w, OF_MATCH_OXM);
	wire_put_u16(&w, 4);
	wire_put_u32(&w, 0);
	int rc = ovs_of_dump(of, OF_MULTIPART_FLOW, body, sizeof(body), on_flows, &g, why, room);

	if (rc)
		ovs_sessions_clear(all);
	return rc;
}
