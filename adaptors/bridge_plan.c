/*
 * What a session wants of a bridge's ports, and the difference between two states. No I/O: golden tests compare the
 * messages that come of it.
 *
 * Every port of the bridge has a part in every session:
 *     a member             IPv4 and ARP to the prefix are put in the VLAN; untagged member
 *     a member by trunk    what comes in the VLAN gets the contract's priority, whoever tagged it; tagged member
 *     no member            IPv4 and ARP to the prefix are put in the VLAN, of which the port is no member: dropped. So
 *                          no one can reach an ICorp through the base VLAN.
 *
 * A VLAN membership cannot carry a mark; a filter can. So filters come before and go after the membership of their
 * port: whatever crash there is, a port with one of our VLANs also has a filter that says whose.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/bridge.h"

int bridge_has_vlan(const uint8_t *bits, uint16_t vlan)
{
	return bits[vlan / 8] >> (vlan % 8) & 1;
}

struct bridge_session *bridge_session_new(struct adaptor_key key, uint16_t vlan)
{
	struct bridge_session *s = calloc(1, sizeof(*s));

	if (s) {
		s->key = key;
		s->vlan = vlan;
	}
	return s;
}

static struct bridge_port *find_port(const struct bridge_session *s, int ifindex)
{
	for (unsigned i = 0; s && i < s->n_ports; i++)
		if (s->port[i].ifindex == ifindex)
			return &s->port[i];
	return NULL;
}

struct bridge_port *bridge_session_port(struct bridge_session *s, int ifindex, const char *ifname)
{
	struct bridge_port *port = find_port(s, ifindex), *more;

	if (port)
		return port;
	more = realloc(s->port, (s->n_ports + 1) * sizeof(*more));
	if (!more)
		return NULL;
	s->port = more;
	port = &more[s->n_ports++];
	memset(port, 0, sizeof(*port));
	port->ifindex = ifindex;
	snprintf(port->ifname, sizeof(port->ifname), "%s", ifname);
	return port;
}

void bridge_session_free(struct bridge_session *s)
{
	if (s)
		free(s->port);
	free(s);
}

void bridge_sessions_free(struct bridge_session *list)
{
	while (list) {
		struct bridge_session *next = list->next;

		bridge_session_free(list);
		list = next;
	}
}

struct bridge_session *bridge_find(struct bridge_session *list, struct adaptor_key key)
{
	while (list && !adaptor_key_equal(list->key, key))
		list = list->next;
	return list;
}

static const struct bridge_slave *slave_named(const struct bridge_world *world, const char *ifname)
{
	for (unsigned i = 0; i < world->n_slaves; i++)
		if (!strcmp(world->slave[i].ifname, ifname))
			return &world->slave[i];
	return NULL;
}

static int check(const struct bridge_world *world, const struct adaptor_terms *t, char *why, size_t room)
{
	int rc = switch_check_terms(t, why, room);

	for (unsigned i = 0; i < t->n_ports && !rc; i++)
		if (!slave_named(world, t->ports[i].ifname)) {
			snprintf(why, room, "%s is no port of the bridge", t->ports[i].ifname);
			rc = -ENOENT;
		}
	return rc;
}

int bridge_want(const struct bridge_world *world, const struct adaptor_terms *t, struct bridge_session **out, char *why,
		size_t room)
{
	struct adaptor_key key = { .icorp = t->icorp, .leader = t->leader };
	int rc = check(world, t, why, room);

	*out = NULL;
	if (rc)
		return rc;
	struct bridge_session *s = bridge_session_new(key, t->vlan);

	if (!s)
		return -ENOMEM;
	s->prefix = t->prefix;
	s->priority = t->priority & 7;
	for (unsigned i = 0; i < world->n_slaves; i++) {
		const struct terms_port *member = switch_member(t, world->slave[i].ifname);
		struct bridge_port *port = bridge_session_port(s, world->slave[i].ifindex, world->slave[i].ifname);

		if (!port) {
			bridge_session_free(s);
			return -ENOMEM;
		}
		port->has = !member ? BRIDGE_IP | BRIDGE_ARP : member->trunk ? BRIDGE_TAG | BRIDGE_TAGGED :
			    BRIDGE_IP | BRIDGE_ARP | BRIDGE_UNTAGGED;
	}
	*out = s;
	return 0;
}

int bridge_refresh(const struct bridge_world *world, struct bridge_session *s)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < s->n_ports; i++) {
		const struct bridge_slave *slave = slave_named(world, s->port[i].ifname);

		if (!slave)
			continue;
		s->port[kept] = s->port[i];
		s->port[kept++].ifindex = slave->ifindex;
	}
	s->n_ports = kept;
	for (unsigned i = 0; i < world->n_slaves; i++) {
		struct bridge_port *port = bridge_session_port(s, world->slave[i].ifindex, world->slave[i].ifname);

		if (!port)
			return -ENOMEM;
		if (!port->has)
			port->has = BRIDGE_IP | BRIDGE_ARP;
	}
	return 0;
}

static void add_op(struct bridge_ops *ops, const struct bridge_session *s, const struct bridge_port *port, unsigned bit,
		   int add)
{
	if (ops->n == ops->room) {
		size_t room = ops->room ? ops->room * 2 : 32;
		struct bridge_op *more = realloc(ops->op, room * sizeof(*more));

		if (!more) {
			ops->error = -ENOMEM;
			return;
		}
		ops->op = more;
		ops->room = room;
	}
	struct bridge_op *op = &ops->op[ops->n++];

	*op = (struct bridge_op){ .add = add, .ifindex = port->ifindex, .bit = bit, .vlan = s->vlan,
				  .prefix = s->prefix, .priority = s->priority, .key = s->key };
	memcpy(op->ifname, port->ifname, sizeof(op->ifname));
}

static void remove_bits(struct bridge_ops *ops, const struct bridge_session *s, const struct bridge_port *port,
			unsigned bits)
{
	static const unsigned order[] = { BRIDGE_UNTAGGED, BRIDGE_TAGGED, BRIDGE_IP, BRIDGE_ARP, BRIDGE_TAG };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (bits & order[i])
			add_op(ops, s, port, order[i], 0);
}

static void add_bits(struct bridge_ops *ops, const struct bridge_session *s, const struct bridge_port *port,
		     unsigned bits)
{
	static const unsigned order[] = { BRIDGE_IP, BRIDGE_ARP, BRIDGE_TAG, BRIDGE_UNTAGGED, BRIDGE_TAGGED };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (bits & order[i])
			add_op(ops, s, port, order[i], 1);
}

/* A filter whose prefix or priority is another is replaced in place, by its handle. */
static int filters_differ(const struct bridge_session *from, const struct bridge_session *to)
{
	if (from->mixed || from->priority != to->priority)
		return 1;
	/* as read, a session on trunks only has no filter that would tell the prefix */
	return from->prefix.len && (from->prefix.len != to->prefix.len ||
				    from->prefix.addr.s_addr != to->prefix.addr.s_addr);
}

/* What the ports that are (no) members in `to` have too much. Ports that stay members lose it last, when what marks
 * them is there; another kind of membership takes the place of the former one. */
static void remove_surplus(struct bridge_ops *ops, const struct bridge_session *from, const struct bridge_session *to,
			   int members)
{
	for (unsigned i = 0; from && i < from->n_ports; i++) {
		const struct bridge_port *port = &from->port[i], *kept = find_port(to, port->ifindex);
		unsigned drop = port->has & ~(kept ? kept->has : 0);
		int stays = kept && kept->has & BRIDGE_MEMBER;

		if (stays)
			drop &= ~(unsigned)BRIDGE_MEMBER;
		if (stays == members)
			remove_bits(ops, from, port, drop);
	}
}

void bridge_plan(const struct bridge_session *from, const struct bridge_session *to, struct bridge_ops *ops)
{
	if (from && to && from->vlan != to->vlan) {
		bridge_plan(from, NULL, ops);
		from = NULL;
	}
	int redo = from && to && filters_differ(from, to);

	remove_surplus(ops, from, to, 0);
	for (unsigned i = 0; to && i < to->n_ports; i++) {
		const struct bridge_port *port = &to->port[i], *had = find_port(from, port->ifindex);
		unsigned add = port->has & ~(had ? had->has : 0);

		if (redo)
			add |= port->has & BRIDGE_FILTERS;
		add_bits(ops, to, port, add);
	}
	remove_surplus(ops, from, to, 1);
}
