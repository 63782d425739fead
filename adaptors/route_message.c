/*
 * See route_message.h; rtnetlink(7), linux/rtnetlink.h. Reading checks each attribute's size: the messages come from
 * the kernel, but the same code reads the golden tests'.
 */
#include "config.h"

#include "adaptors/route_message.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

static struct nlmsghdr *message(void *buf, uint16_t type, uint16_t flags, struct rtmsg **rtm)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	*rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(**rtm));
	(*rtm)->rtm_family = AF_INET;
	return nlh;
}

/* A number beyond a byte has an attribute of its own. */
static uint8_t put_table(struct nlmsghdr *nlh, int attr, uint32_t table)
{
	if (table > UINT8_MAX)
		mnl_attr_put_u32(nlh, (uint16_t)attr, table);
	return table > UINT8_MAX ? RT_TABLE_UNSPEC : (uint8_t)table;
}

struct nlmsghdr *route_message_get(void *buf, struct in_addr dst)
{
	struct rtmsg *rtm;
	struct nlmsghdr *nlh = message(buf, RTM_GETROUTE, NLM_F_ACK, &rtm);

	rtm->rtm_dst_len = 32;
	mnl_attr_put_u32(nlh, RTA_DST, dst.s_addr);
	return nlh;
}

struct nlmsghdr *route_message_add(void *buf, const struct route *route)
{
	struct rtmsg *rtm;
	struct nlmsghdr *nlh = message(buf, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &rtm);

	rtm->rtm_dst_len = 32;
	rtm->rtm_table = put_table(nlh, RTA_TABLE, route->table);
	rtm->rtm_protocol = ROUTE_PROTOCOL;
	rtm->rtm_scope = route->gateway.s_addr ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_DST, route->dst.s_addr);
	mnl_attr_put_u32(nlh, RTA_PRIORITY, route->metric);
	if (route->gateway.s_addr)
		mnl_attr_put_u32(nlh, RTA_GATEWAY, route->gateway.s_addr);
	mnl_attr_put_u32(nlh, RTA_OIF, route->oif);
	return nlh;
}

struct nlmsghdr *route_message_delete(void *buf, const struct route *route)
{
	struct rtmsg *rtm;
	struct nlmsghdr *nlh = message(buf, RTM_DELROUTE, NLM_F_ACK, &rtm);

	rtm->rtm_dst_len = 32;
	rtm->rtm_table = put_table(nlh, RTA_TABLE, route->table);
	rtm->rtm_protocol = ROUTE_PROTOCOL;
	rtm->rtm_scope = RT_SCOPE_NOWHERE; /* any */
	mnl_attr_put_u32(nlh, RTA_DST, route->dst.s_addr);
	mnl_attr_put_u32(nlh, RTA_PRIORITY, route->metric);
	return nlh;
}

struct nlmsghdr *route_message_dump(void *buf)
{
	struct rtmsg *rtm;

	return message(buf, RTM_GETROUTE, NLM_F_DUMP, &rtm);
}

static uint32_t word(const struct nlattr *attr)
{
	return mnl_attr_validate(attr, MNL_TYPE_U32) < 0 ? 0 : mnl_attr_get_u32(attr);
}

int route_message_read(const struct nlmsghdr *nlh, struct route *out, int *ours, int *type)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	memset(out, 0, sizeof(*out));
	*ours = *type = 0;
	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) ||
	    rtm->rtm_family != AF_INET)
		return -EBADMSG;
	out->table = rtm->rtm_table;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm)) {
		switch (mnl_attr_get_type(attr)) {
		case RTA_DST:
			out->dst.s_addr = word(attr);
			break;
		case RTA_GATEWAY:
			out->gateway.s_addr = word(attr);
			break;
		case RTA_OIF:
			out->oif = word(attr);
			break;
		case RTA_PRIORITY:
			out->metric = word(attr);
			break;
		case RTA_TABLE:
			out->table = word(attr);
			break;
		}
	}
	*type = rtm->rtm_type;
	*ours = rtm->rtm_protocol == ROUTE_PROTOCOL && rtm->rtm_dst_len == 32 &&
		(out->metric & ROUTE_METRIC_MASK) == ROUTE_METRIC && !(rtm->rtm_flags & RTM_F_CLONED);
	return 0;
}

/* A rule's header is as a route's (linux/fib_rules.h), with the action in place of the type. */
static struct nlmsghdr *rule_message(void *buf, uint16_t type, uint16_t flags, const struct route_rule *rule)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct fib_rule_hdr *frh = mnl_nlmsg_put_extra_header(nlh, sizeof(*frh));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	frh->family = AF_INET;
	if (!rule)
		return nlh;
	frh->dst_len = rule->dst.len;
	frh->action = FR_ACT_TO_TBL;
	frh->table = put_table(nlh, FRA_TABLE, rule->table);
	mnl_attr_put_u32(nlh, FRA_DST, rule->dst.addr.s_addr);
	mnl_attr_put_u32(nlh, FRA_PRIORITY, ROUTE_RULE_PREFERENCE);
	mnl_attr_put_u8(nlh, FRA_PROTOCOL, ROUTE_PROTOCOL);
	return nlh;
}

struct nlmsghdr *route_message_add_rule(void *buf, const struct route_rule *rule)
{
	return rule_message(buf, RTM_NEWRULE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, rule);
}

struct nlmsghdr *route_message_delete_rule(void *buf, const struct route_rule *rule)
{
	return rule_message(buf, RTM_DELRULE, NLM_F_ACK, rule);
}

struct nlmsghdr *route_message_dump_rules(void *buf)
{
	return rule_message(buf, RTM_GETRULE, NLM_F_DUMP, NULL);
}

int route_message_read_rule(const struct nlmsghdr *nlh, struct route_rule *out, int *ours)
{
	const struct fib_rule_hdr *frh = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	uint32_t preference = 0;
	int marked = 0;

	memset(out, 0, sizeof(*out));
	*ours = 0;
	if (nlh->nlmsg_type != RTM_NEWRULE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*frh) || frh->family != AF_INET)
		return -EBADMSG;
	out->dst.len = frh->dst_len;
	out->table = frh->table;
	mnl_attr_for_each(attr, nlh, sizeof(*frh)) {
		switch (mnl_attr_get_type(attr)) {
		case FRA_DST:
			out->dst.addr.s_addr = word(attr);
			break;
		case FRA_TABLE:
			out->table = word(attr);
			break;
		case FRA_PRIORITY:
			preference = word(attr);
			break;
		case FRA_PROTOCOL:
			marked = mnl_attr_validate(attr, MNL_TYPE_U8) >= 0 && mnl_attr_get_u8(attr) == ROUTE_PROTOCOL;
			break;
		}
	}
	*ours = marked && preference == ROUTE_RULE_PREFERENCE && frh->action == FR_ACT_TO_TBL && !frh->src_len;
	return 0;
}
