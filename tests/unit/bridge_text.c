/* Netlink requests as text: see bridge_text.h. Whatever it does not expect it prints as "?", so that it shows. */
#include "tests/unit/bridge_text.h"

#include <arpa/inet.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_bridge.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_skbedit.h>
#include <linux/tc_act/tc_vlan.h>

static void print_addr(FILE *out, const char *label, const struct nlattr *attr)
{
	char text[INET_ADDRSTRLEN];

	fprintf(out, " %s %s", label, inet_ntop(AF_INET, mnl_attr_get_payload(attr), text, sizeof(text)));
}

static void print_cookie(FILE *out, const struct nlattr *attr)
{
	const uint8_t *p = mnl_attr_get_payload(attr);

	fprintf(out, " cookie ");
	for (unsigned i = 0; i < mnl_attr_get_payload_len(attr); i++)
		fprintf(out, "%02x", p[i]);
}

static void print_verdict(FILE *out, int action)
{
	fprintf(out, " %s", action == TC_ACT_OK ? "ok" : action == TC_ACT_PIPE ? "pipe" : "?");
}

static void print_vlan_option(FILE *out, const struct nlattr *attr)
{
	const struct tc_vlan *parms = mnl_attr_get_payload(attr);

	switch (mnl_attr_get_type(attr)) {
	case TCA_VLAN_PARMS:
		print_verdict(out, parms->action);
		fprintf(out, " %s", parms->v_action == TCA_VLAN_ACT_PUSH ? "push" :
			parms->v_action == TCA_VLAN_ACT_MODIFY ? "modify" : "?");
		break;
	case TCA_VLAN_PUSH_VLAN_ID: fprintf(out, " id %u", mnl_attr_get_u16(attr)); break;
	case TCA_VLAN_PUSH_VLAN_PROTOCOL: fprintf(out, " protocol 0x%04x", ntohs(mnl_attr_get_u16(attr))); break;
	case TCA_VLAN_PUSH_VLAN_PRIORITY: fprintf(out, " priority %u", mnl_attr_get_u8(attr)); break;
	default: fprintf(out, " ?%u", mnl_attr_get_type(attr));
	}
}

static void print_skbedit_option(FILE *out, const struct nlattr *attr)
{
	const struct tc_skbedit *parms = mnl_attr_get_payload(attr);

	switch (mnl_attr_get_type(attr)) {
	case TCA_SKBEDIT_PARMS: print_verdict(out, parms->action); break;
	case TCA_SKBEDIT_PRIORITY: fprintf(out, " priority %u", mnl_attr_get_u32(attr)); break;
	default: fprintf(out, " ?%u", mnl_attr_get_type(attr));
	}
}

static void print_action(FILE *out, const struct nlattr *action)
{
	const struct nlattr *attr, *in;
	const char *kind = "";

	fprintf(out, "\n        %u:", mnl_attr_get_type(action));
	mnl_attr_for_each_nested(attr, action) {
		switch (mnl_attr_get_type(attr)) {
		case TCA_ACT_KIND: fprintf(out, " %s", kind = mnl_attr_get_str(attr)); break;
		case TCA_ACT_COOKIE: print_cookie(out, attr); break;
		case TCA_ACT_OPTIONS:
			mnl_attr_for_each_nested(in, attr)
				(!strcmp(kind, "vlan") ? print_vlan_option : print_skbedit_option)(out, in);
			break;
		default: fprintf(out, " ?%u", mnl_attr_get_type(attr));
		}
	}
}

static void print_flower(FILE *out, const struct nlattr *options)
{
	const struct nlattr *attr, *action;

	fprintf(out, "\n       ");
	mnl_attr_for_each_nested(attr, options) {
		switch (mnl_attr_get_type(attr)) {
		case TCA_FLOWER_KEY_ETH_TYPE: fprintf(out, " eth_type 0x%04x", ntohs(mnl_attr_get_u16(attr))); break;
		case TCA_FLOWER_KEY_VLAN_ID: fprintf(out, " vlan_id %u", mnl_attr_get_u16(attr)); break;
		case TCA_FLOWER_KEY_IPV4_DST: print_addr(out, "dst_ip", attr); break;
		case TCA_FLOWER_KEY_IPV4_DST_MASK: print_addr(out, "mask", attr); break;
		case TCA_FLOWER_KEY_ARP_TIP: print_addr(out, "arp_tip", attr); break;
		case TCA_FLOWER_KEY_ARP_TIP_MASK: print_addr(out, "mask", attr); break;
		case TCA_FLOWER_ACT:
			mnl_attr_for_each_nested(action, attr)
				print_action(out, action);
			break;
		default: fprintf(out, " ?%u", mnl_attr_get_type(attr));
		}
	}
}

static void print_tc(FILE *out, const struct nlmsghdr *nlh, const char *(*name)(int))
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	fprintf(out, " dev %s parent %08x handle %x", name(tcm->tcm_ifindex), tcm->tcm_parent, tcm->tcm_handle);
	if (nlh->nlmsg_type != RTM_NEWQDISC)
		fprintf(out, " pref %u protocol 0x%04x", tcm->tcm_info >> 16, ntohs((uint16_t)tcm->tcm_info));
	mnl_attr_for_each(attr, nlh, sizeof(*tcm)) {
		if (mnl_attr_get_type(attr) == TCA_KIND)
			fprintf(out, " %s", mnl_attr_get_str(attr));
		else if (mnl_attr_get_type(attr) == TCA_OPTIONS)
			print_flower(out, attr);
	}
}

static void print_link(FILE *out, const struct nlmsghdr *nlh, const char *(*name)(int))
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *in;

	fprintf(out, " %s dev %s", ifi->ifi_family == AF_BRIDGE ? "bridge" : "?", name(ifi->ifi_index));
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
		mnl_attr_for_each_nested(in, attr) {
			const struct bridge_vlan_info *info = mnl_attr_get_payload(in);

			if (mnl_attr_get_type(attr) == IFLA_AF_SPEC && mnl_attr_get_type(in) == IFLA_BRIDGE_VLAN_INFO)
				fprintf(out, " vlan %u%s", info->vid,
					info->flags & BRIDGE_VLAN_INFO_UNTAGGED ? " untagged" : "");
			else
				fprintf(out, " ?%u", mnl_attr_get_type(in));
		}
}

void bridge_text_print(FILE *out, const struct nlmsghdr *nlh, const char *(*name)(int ifindex))
{
	static const struct { uint16_t type; const char *name; } types[] = {
		{ RTM_NEWQDISC, "RTM_NEWQDISC" }, { RTM_NEWTFILTER, "RTM_NEWTFILTER" },
		{ RTM_DELTFILTER, "RTM_DELTFILTER" }, { RTM_SETLINK, "RTM_SETLINK" }, { RTM_DELLINK, "RTM_DELLINK" },
	};
	const char *type = "?";

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == nlh->nlmsg_type)
			type = types[i].name;
	fprintf(out, "%s%s%s%s", type, nlh->nlmsg_flags & NLM_F_ACK ? "" : " no-ack",
		nlh->nlmsg_flags & NLM_F_CREATE ? " create" : "", nlh->nlmsg_flags & NLM_F_EXCL ? " exclusive" : "");
	if (nlh->nlmsg_type == RTM_SETLINK || nlh->nlmsg_type == RTM_DELLINK)
		print_link(out, nlh, name);
	else
		print_tc(out, nlh, name);
	fputc('\n', out);
}
