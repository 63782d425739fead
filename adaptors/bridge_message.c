/*
 * One change as one rtnetlink request, and our filters recognised in the kernel's answers. No I/O.
 *
 *   filter      RTM_NEWTFILTER at clsact ingress, kind flower, handle = the VLAN id: unique per port and preference,
 *               so the same message again replaces. Its action (`vlan push` or, from a trunk, `vlan modify`) sets VLAN
 *               id and 802.1p priority, and its cookie is our mark: "ICM1", ICorp, leader. Where the kernel has
 *               skbedit, a second action sets the same priority for this switch's own queues.
 *   membership  RTM_SETLINK or RTM_DELLINK of family AF_BRIDGE with one IFLA_BRIDGE_VLAN_INFO.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/gen_stats.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_skbedit.h>
#include <linux/tc_act/tc_vlan.h>

#include "adaptors/bridge.h"

#define MARK 0x49434d31u   /* "ICM1" */
#define INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)

struct cookie { uint32_t mark, icorp, leader; };

static const struct { unsigned bit; uint16_t pref, protocol; } filters[] = {
	{ BRIDGE_IP, BRIDGE_PREF_IP, ETH_P_IP },
	{ BRIDGE_ARP, BRIDGE_PREF_ARP, ETH_P_ARP },
	{ BRIDGE_TAG, BRIDGE_PREF_TAG, ETH_P_8021Q },
};

static uint32_t mask_of(struct prefix prefix)
{
	return htonl(0xffffffffu << (32 - prefix.len));
}

static void put_vlan_action(struct nlmsghdr *nlh, const struct bridge_op *op, int last)
{
	struct tc_vlan parms = { .action = last ? TC_ACT_OK : TC_ACT_PIPE,
				 .v_action = op->bit == BRIDGE_TAG ? TCA_VLAN_ACT_MODIFY : TCA_VLAN_ACT_PUSH };
	struct cookie cookie = { htonl(MARK), htonl(op->key.icorp), op->key.leader.s_addr };
	struct nlattr *action = mnl_attr_nest_start(nlh, 1);

	mnl_attr_put_strz(nlh, TCA_ACT_KIND, "vlan");
	struct nlattr *options = mnl_attr_nest_start(nlh, TCA_ACT_OPTIONS);

	mnl_attr_put(nlh, TCA_VLAN_PARMS, sizeof(parms), &parms);
	mnl_attr_put_u16(nlh, TCA_VLAN_PUSH_VLAN_ID, op->vlan);
	mnl_attr_put_u16(nlh, TCA_VLAN_PUSH_VLAN_PROTOCOL, htons(ETH_P_8021Q));
	mnl_attr_put_u8(nlh, TCA_VLAN_PUSH_VLAN_PRIORITY, op->priority);
	mnl_attr_nest_end(nlh, options);
	mnl_attr_put(nlh, TCA_ACT_COOKIE, sizeof(cookie), &cookie);
	mnl_attr_nest_end(nlh, action);
}

static void put_skbedit_action(struct nlmsghdr *nlh, const struct bridge_op *op)
{
	struct tc_skbedit parms = { .action = TC_ACT_OK };
	struct nlattr *action = mnl_attr_nest_start(nlh, 2);

	mnl_attr_put_strz(nlh, TCA_ACT_KIND, "skbedit");
	struct nlattr *options = mnl_attr_nest_start(nlh, TCA_ACT_OPTIONS);

	mnl_attr_put(nlh, TCA_SKBEDIT_PARMS, sizeof(parms), &parms);
	mnl_attr_put_u32(nlh, TCA_SKBEDIT_PRIORITY, op->priority);
	mnl_attr_nest_end(nlh, options);
	mnl_attr_nest_end(nlh, action);
}

static void put_flower(struct nlmsghdr *nlh, const struct bridge_op *op, uint16_t protocol, int skbedit)
{
	struct nlattr *options = mnl_attr_nest_start(nlh, TCA_OPTIONS);

	mnl_attr_put_u16(nlh, TCA_FLOWER_KEY_ETH_TYPE, htons(protocol));
	if (op->bit == BRIDGE_TAG) {
		mnl_attr_put_u16(nlh, TCA_FLOWER_KEY_VLAN_ID, op->vlan);
	} else {
		int arp = op->bit == BRIDGE_ARP;

		mnl_attr_put_u32(nlh, arp ? TCA_FLOWER_KEY_ARP_TIP : TCA_FLOWER_KEY_IPV4_DST, op->prefix.addr.s_addr);
		mnl_attr_put_u32(nlh, arp ? TCA_FLOWER_KEY_ARP_TIP_MASK : TCA_FLOWER_KEY_IPV4_DST_MASK,
				 mask_of(op->prefix));
	}
	struct nlattr *actions = mnl_attr_nest_start(nlh, TCA_FLOWER_ACT);

	put_vlan_action(nlh, op, !skbedit);
	if (skbedit)
		put_skbedit_action(nlh, op);
	mnl_attr_nest_end(nlh, actions);
	mnl_attr_nest_end(nlh, options);
}

static struct nlmsghdr *tc_message(void *buffer, uint16_t type, uint16_t flags, const struct tcmsg *tcm,
				   const char *kind)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	*(struct tcmsg *)mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm)) = *tcm;
	mnl_attr_put_strz(nlh, TCA_KIND, kind);
	return nlh;
}

static struct nlmsghdr *filter_message(const struct bridge_op *op, int skbedit, void *buffer)
{
	size_t i = 0;

	while (filters[i].bit != op->bit)
		i++;
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = op->ifindex, .tcm_parent = INGRESS,
			     .tcm_handle = op->vlan,
			     .tcm_info = TC_H_MAKE((uint32_t)filters[i].pref << 16, htons(filters[i].protocol)) };
	struct nlmsghdr *nlh = tc_message(buffer, op->add ? RTM_NEWTFILTER : RTM_DELTFILTER, op->add ? NLM_F_CREATE : 0,
					  &tcm, "flower");

	if (op->add)
		put_flower(nlh, op, filters[i].protocol, skbedit);
	return nlh;
}

static struct nlmsghdr *vlan_message(const struct bridge_op *op, void *buffer)
{
	int untagged = op->add && op->bit == BRIDGE_UNTAGGED;
	struct bridge_vlan_info info = { .vid = op->vlan, .flags = untagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = op->add ? RTM_SETLINK : RTM_DELLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_family = AF_BRIDGE;
	ifi->ifi_index = op->ifindex;
	struct nlattr *spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);

	mnl_attr_put(nlh, IFLA_BRIDGE_VLAN_INFO, sizeof(info), &info);
	mnl_attr_nest_end(nlh, spec);
	return nlh;
}

struct nlmsghdr *bridge_message(const struct bridge_op *op, int skbedit, void *buffer)
{
	return op->bit & BRIDGE_FILTERS ? filter_message(op, skbedit, buffer) : vlan_message(op, buffer);
}

struct nlmsghdr *bridge_message_clsact(int ifindex, void *buffer)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex, .tcm_parent = TC_H_CLSACT,
			     .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0) };

	return tc_message(buffer, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tcm, "clsact");
}

/* An attribute of at least that many bytes inside a nest or message; NULL when there is none. */
static const struct nlattr *inside(const struct nlattr *nest, uint16_t type, size_t size)
{
	const struct nlattr *attr;

	if (nest)
		mnl_attr_for_each_nested(attr, nest)
			if (mnl_attr_get_type(attr) == type)
				return mnl_attr_get_payload_len(attr) >= size ? attr : NULL;
	return NULL;
}

static uint32_t u32_inside(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *attr = inside(nest, type, sizeof(uint32_t));

	return attr ? mnl_attr_get_u32(attr) : 0;
}

static void parse_prefix(const struct nlattr *options, struct bridge_op *op)
{
	int arp = op->bit == BRIDGE_ARP;
	uint32_t mask = ntohl(u32_inside(options, arp ? TCA_FLOWER_KEY_ARP_TIP_MASK : TCA_FLOWER_KEY_IPV4_DST_MASK));

	op->prefix.addr.s_addr = u32_inside(options, arp ? TCA_FLOWER_KEY_ARP_TIP : TCA_FLOWER_KEY_IPV4_DST);
	op->prefix.len = (uint8_t)__builtin_popcount(mask);
}

static int parse_action(const struct nlattr *action, struct bridge_op *op, uint64_t *bytes, uint64_t *packets)
{
	const struct nlattr *attr = inside(action, TCA_ACT_COOKIE, sizeof(struct cookie));
	struct gnet_stats_basic basic;
	struct cookie cookie;

	if (!attr || mnl_attr_get_payload_len(attr) != sizeof(cookie))
		return 0;
	memcpy(&cookie, mnl_attr_get_payload(attr), sizeof(cookie));
	if (ntohl(cookie.mark) != MARK)
		return 0;
	op->key = (struct adaptor_key){ .icorp = ntohl(cookie.icorp), .leader.s_addr = cookie.leader };
	attr = inside(inside(action, TCA_ACT_OPTIONS, 0), TCA_VLAN_PUSH_VLAN_PRIORITY, 1);
	op->priority = attr ? mnl_attr_get_u8(attr) : 0;
	attr = inside(inside(action, TCA_ACT_STATS, 0), TCA_STATS_BASIC, 12);
	if (attr) {
		memset(&basic, 0, sizeof(basic));
		memcpy(&basic, mnl_attr_get_payload(attr), 12);
		*bytes = basic.bytes;
		*packets = basic.packets;
	}
	return 1;
}

int bridge_message_parse(const struct nlmsghdr *nlh, struct bridge_op *op, uint64_t *bytes, uint64_t *packets)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *options = NULL;

	*bytes = *packets = 0;
	memset(op, 0, sizeof(*op));
	if (nlh->nlmsg_type != RTM_NEWTFILTER || mnl_nlmsg_get_payload_len(nlh) < sizeof(*tcm))
		return 0;
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		if (TC_H_MAJ(tcm->tcm_info) >> 16 == filters[i].pref)
			op->bit = filters[i].bit;
	if (!op->bit || !tcm->tcm_handle || tcm->tcm_handle >= BRIDGE_VLANS)
		return 0;
	op->ifindex = tcm->tcm_ifindex;
	op->vlan = (uint16_t)tcm->tcm_handle;
	mnl_attr_for_each(attr, nlh, sizeof(*tcm))
		if (mnl_attr_get_type(attr) == TCA_OPTIONS)
			options = attr;
	parse_prefix(options, op);
	return parse_action(inside(inside(options, TCA_FLOWER_ACT, 0), 1, 0), op, bytes, packets);
}
