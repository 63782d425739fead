/*
 * The bridge as the kernel has it: its ports with their VLANs, our filters on them put together to sessions again, and
 * the forwarding database. Dumps may be repeated when something changes under them, so every gatherer begins by
 * finding what it already has.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "adaptors/bridge.h"
#include "lib/writer.h"

static struct bridge_slave *slave_of(const struct bridge_world *world, int ifindex)
{
	for (unsigned i = 0; i < world->n_slaves; i++)
		if (world->slave[i].ifindex == ifindex)
			return &world->slave[i];
	return NULL;
}

static int is_filtering(const struct nlattr *linkinfo)
{
	const struct nlattr *a, *b;

	mnl_attr_for_each_nested(a, linkinfo)
		if (mnl_attr_get_type(a) == IFLA_INFO_DATA)
			mnl_attr_for_each_nested(b, a)
				if (mnl_attr_get_type(b) == IFLA_BR_VLAN_FILTERING && mnl_attr_get_payload_len(b))
					return mnl_attr_get_u8(b);
	return 0;
}

static int add_slave(struct bridge_world *world, int ifindex, const char *ifname, const struct nlattr *mac)
{
	struct bridge_slave *s = slave_of(world, ifindex);

	if (!s) {
		struct bridge_slave *more = realloc(world->slave, (world->n_slaves + 1) * sizeof(*more));

		if (!more)
			return -ENOMEM;
		world->slave = more;
		s = &more[world->n_slaves++];
		memset(s, 0, sizeof(*s));
		s->ifindex = ifindex;
	}
	snprintf(s->ifname, sizeof(s->ifname), "%s", ifname);
	if (mac && mnl_attr_get_payload_len(mac) == ETHER_SIZE)
		memcpy(s->mac, mnl_attr_get_payload(mac), ETHER_SIZE);
	return 0;
}

static int on_link(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *mac = NULL, *info = NULL;
	struct bridge_world *world = ctx;
	const char *ifname = "";
	int master = 0;

	mnl_attr_for_each(attr, nlh, sizeof(*ifi)) {
		uint16_t type = mnl_attr_get_type(attr);

		if (type == IFLA_MASTER && mnl_attr_get_payload_len(attr) >= 4)
			master = (int)mnl_attr_get_u32(attr);
		else if (type == IFLA_IFNAME)
			ifname = mnl_attr_get_str(attr);
		else if (type == IFLA_ADDRESS)
			mac = attr;
		else if (type == IFLA_LINKINFO)
			info = attr;
	}
	if (ifi->ifi_index == world->ifindex)
		world->filtering = info && is_filtering(info);
	return master == world->ifindex ? add_slave(world, ifi->ifi_index, ifname, mac) : 0;
}

static int on_vlans(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct bridge_slave *slave = slave_of(ctx, ifi->ifi_index);
	const struct nlattr *attr, *in;

	if (!slave)
		return 0;
	memset(slave->member, 0, sizeof(slave->member));
	memset(slave->untagged, 0, sizeof(slave->untagged));
	mnl_attr_for_each(attr, nlh, sizeof(*ifi)) {
		if (mnl_attr_get_type(attr) != IFLA_AF_SPEC)
			continue;
		mnl_attr_for_each_nested(in, attr) {
			struct bridge_vlan_info info;

			if (mnl_attr_get_type(in) != IFLA_BRIDGE_VLAN_INFO ||
			    mnl_attr_get_payload_len(in) < sizeof(info))
				continue;
			memcpy(&info, mnl_attr_get_payload(in), sizeof(info));
			if (info.vid >= BRIDGE_VLANS)
				continue;
			slave->member[info.vid / 8] |= (uint8_t)(1u << info.vid % 8);
			if (info.flags & BRIDGE_VLAN_INFO_UNTAGGED)
				slave->untagged[info.vid / 8] |= (uint8_t)(1u << info.vid % 8);
		}
	}
	return 0;
}

static struct nlmsghdr *link_request(void *buffer, unsigned char family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = RTM_GETLINK;
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_family = family;
	if (family == AF_BRIDGE)
		mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN);
	return nlh;
}

int bridge_read_world(struct bridge_nl *nl, const char *bridge, struct bridge_world *world)
{
	char buffer[BRIDGE_MESSAGE];

	memset(world, 0, sizeof(*world));
	world->ifindex = (int)if_nametoindex(bridge);
	if (!world->ifindex)
		return -ENODEV;
	int rc = bridge_nl_dump(nl, link_request(buffer, AF_UNSPEC), on_link, world);

	if (!rc)
		rc = bridge_nl_dump(nl, link_request(buffer, AF_BRIDGE), on_vlans, world);
	if (rc)
		bridge_world_clear(world);
	return rc;
}

void bridge_world_clear(struct bridge_world *world)
{
	free(world->slave);
	memset(world, 0, sizeof(*world));
}

struct gather { const struct bridge_slave *slave; struct bridge_session **list; };

static struct bridge_session *obtain(struct bridge_session **list, const struct bridge_op *op)
{
	struct bridge_session *s = *list;

	while (s && (!adaptor_key_equal(s->key, op->key) || s->vlan != op->vlan))
		s = s->next;
	if (s)
		return s;
	s = bridge_session_new(op->key, op->vlan);
	if (!s)
		return NULL;
	s->priority = op->priority;
	s->next = *list;
	return *list = s;
}

static int on_filter(const struct nlmsghdr *nlh, void *ctx)
{
	struct gather *g = ctx;
	uint64_t bytes, packets;
	struct bridge_op op;

	if (!bridge_message_parse(nlh, &op, &bytes, &packets) || op.ifindex != g->slave->ifindex)
		return 0;
	struct bridge_session *s = obtain(g->list, &op);
	struct bridge_port *port = s ? bridge_session_port(s, op.ifindex, g->slave->ifname) : NULL;

	if (!port)
		return -ENOMEM;
	if (!(port->has & op.bit)) {
		s->bytes += bytes;
		s->packets += packets;
	}
	port->has |= op.bit;
	s->mixed |= op.priority != s->priority;
	if (op.bit != BRIDGE_TAG && !s->prefix.len)
		s->prefix = op.prefix;
	else if (op.bit != BRIDGE_TAG)
		s->mixed |= op.prefix.len != s->prefix.len || op.prefix.addr.s_addr != s->prefix.addr.s_addr;
	if (bridge_has_vlan(g->slave->member, op.vlan))
		port->has |= bridge_has_vlan(g->slave->untagged, op.vlan) ? BRIDGE_UNTAGGED : BRIDGE_TAGGED;
	return 0;
}

int bridge_read_sessions(struct bridge_nl *nl, const struct bridge_world *world, struct bridge_session **list)
{
	char buffer[BRIDGE_MESSAGE];
	int rc = 0;

	*list = NULL;
	for (unsigned i = 0; i < world->n_slaves && !rc; i++) {
		struct gather g = { .slave = &world->slave[i], .list = list };
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

		nlh->nlmsg_type = RTM_GETTFILTER;
		struct tcmsg *tcm = mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm));

		tcm->tcm_family = AF_UNSPEC;
		tcm->tcm_ifindex = g.slave->ifindex;
		tcm->tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
		rc = bridge_nl_dump(nl, nlh, on_filter, &g);
		if (rc == -EINVAL || rc == -ENOENT || rc == -EOPNOTSUPP)
			rc = 0;   /* no clsact there: no filter of ours either */
	}
	if (rc) {
		bridge_sessions_free(*list);
		*list = NULL;
	}
	return rc;
}

struct fdb { const struct bridge_world *world; struct switch_fdb learnt; };

static int on_neighbour(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *mac = NULL;
	struct fdb *f = ctx;

	mnl_attr_for_each(attr, nlh, sizeof(*ndm))
		if (mnl_attr_get_type(attr) == NDA_LLADDR && mnl_attr_get_payload_len(attr) == ETHER_SIZE)
			mac = attr;
	/* the port's own addresses are permanent */
	if (!mac || ndm->ndm_state & NUD_PERMANENT || !slave_of(f->world, ndm->ndm_ifindex))
		return 0;
	return switch_fdb_add(&f->learnt, mnl_attr_get_payload(mac), (uint32_t)ndm->ndm_ifindex);
}

static const char *slave_name(void *ctx, uint32_t port)
{
	return slave_of(ctx, (int)port)->ifname;
}

int bridge_read_fdb(struct bridge_nl *nl, struct bridge_world *world, struct writer *w)
{
	struct fdb f = { .world = world };
	char buffer[BRIDGE_MESSAGE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = RTM_GETNEIGH;
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	ndm->ndm_family = AF_BRIDGE;
	int rc = bridge_nl_dump(nl, nlh, on_neighbour, &f);

	switch_fdb_write(&f.learnt, slave_name, world, w);
	return rc;
}

int bridge_set_filtering(struct bridge_nl *nl, int ifindex, char *why, size_t room)
{
	char buffer[BRIDGE_MESSAGE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = ifindex;
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);

	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "bridge");
	struct nlattr *data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);

	mnl_attr_put_u8(nlh, IFLA_BR_VLAN_FILTERING, 1);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return bridge_nl_talk(nl, nlh, why, room);
}
