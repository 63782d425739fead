/*
 * A network namespace of one's own with a veth pair in it, for tests that change the kernel's networking. Needs root;
 * netns_enter says -EPERM otherwise and the test skips.
 */
#ifndef ICORP_TEST_NETNS_H
#define ICORP_TEST_NETNS_H

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

/* One rtnetlink request and its acknowledgement. 0 or -errno. */
static inline int netns_talk(struct nlmsghdr *nlh)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE);
	char buffer[8192];
	int rc;

	if (!nl)
		return -errno;
	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	rc = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) || mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
	if (!rc) {
		ssize_t n = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));

		rc = n < 0 ? -errno : mnl_cb_run(buffer, (size_t)n, 1, mnl_socket_get_portid(nl), NULL, NULL) < 0 ? -errno : 0;
	}
	mnl_socket_close(nl);
	return rc;
}

static inline struct nlmsghdr *netns_link_message(char *buffer, int type, const char *name)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = (uint16_t)type;
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return nlh;
}

static inline int netns_up(const char *name)
{
	char buffer[1024];
	struct nlmsghdr *nlh = netns_link_message(buffer, RTM_NEWLINK, name);
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	return netns_talk(nlh);
}

static inline int netns_delete(const char *name)
{
	char buffer[1024];

	return netns_talk(netns_link_message(buffer, RTM_DELLINK, name));
}

static inline int netns_veth(const char *name, const char *peer)
{
	char buffer[1024];
	struct nlmsghdr *nlh = netns_link_message(buffer, RTM_NEWLINK, name);
	struct ifinfomsg ifi = { 0 };
	int rc;

	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);

	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	struct nlattr *data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	struct nlattr *other = mnl_attr_nest_start(nlh, VETH_INFO_PEER);

	memcpy(mnl_nlmsg_get_payload_tail(nlh), &ifi, sizeof(ifi));
	nlh->nlmsg_len += MNL_ALIGN(sizeof(ifi));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, peer);
	mnl_attr_nest_end(nlh, other);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	rc = netns_talk(nlh);
	rc = rc ? rc : netns_up(name);
	return rc ? rc : netns_up(peer);
}

/* An IPv4 address (network order); peer: the other end's, or the same. */
static inline int netns_addr(const char *ifname, uint32_t own, uint32_t peer, uint8_t prefix_len)
{
	char buffer[1024];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	nlh->nlmsg_type = RTM_NEWADDR;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = prefix_len;
	ifa->ifa_index = if_nametoindex(ifname);
	mnl_attr_put_u32(nlh, IFA_LOCAL, own);
	mnl_attr_put_u32(nlh, IFA_ADDRESS, peer);
	return netns_talk(nlh);
}

/* The default route, over a router on the link (network order). */
static inline int netns_default(uint32_t router)
{
	char buffer[1024];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	nlh->nlmsg_type = RTM_NEWROUTE;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	rtm->rtm_family = AF_INET;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_GATEWAY, router);
	return netns_talk(nlh);
}

/* A fresh namespace for the rest of this process. */
static inline int netns_enter(void)
{
	return unshare(CLONE_NEWNET) ? -errno : netns_up("lo");
}

#endif
