/*
 * Rules and routes of the circuits, over rtnetlink with libmnl, and which circuits are up. Rules carry our protocol and
 * preference, routes our protocol; both are told apart by the table's number. See trunk.h; linux/fib_rules.h, rtnetlink(7).
 */
#include "config.h"

#include "adaptors/trunk.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define ROOM 65536
#define MESSAGE_ROOM 256

/* FNV-1a, folded to 16 bits: a circuit keeps its number whatever the others are, and also made anew under its name. */
uint32_t trunk_mark(const char *ifname)
{
	uint32_t h = 2166136261u;

	for (; *ifname; ifname++)
		h = (h ^ (unsigned char)*ifname) * 16777619u;
	return TRUNK_MARK | ((h >> 16 ^ h) & ~TRUNK_MARK_MASK);
}

int trunk_circuit_of(const struct trunk_state *s, uint32_t mark)
{
	for (unsigned i = 0; i < s->n_circuits; i++)
		if (s->circuits[i].mark == mark)
			return (int)i;
	return -1;
}

int trunk_circuits_open(struct trunk_state *s)
{
	s->seq = (unsigned)time(NULL);
	s->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	return s->nl && mnl_socket_bind(s->nl, 0, MNL_SOCKET_AUTOPID) >= 0 ? 0 : -errno;
}

static void look(struct trunk_state *s, struct trunk_circuit *c)
{
	struct ifreq ifr = { 0 };

	c->ifindex = if_nametoindex(c->ifname);
	c->up = 0;
	c->reason[0] = '\0';
	memcpy(ifr.ifr_name, c->ifname, sizeof(c->ifname));
	if (!c->ifindex || ioctl(mnl_socket_get_fd(s->nl), SIOCGIFFLAGS, &ifr))
		snprintf(c->reason, sizeof(c->reason), "no such interface");
	else if (!(ifr.ifr_flags & IFF_UP) || !(ifr.ifr_flags & IFF_RUNNING))
		snprintf(c->reason, sizeof(c->reason), "down");
	else
		c->up = 1;
}

static void put_rule(struct nlmsghdr *nlh, const struct trunk_circuit *c)
{
	struct fib_rule_hdr *rule;

	nlh->nlmsg_type = RTM_NEWRULE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	rule = mnl_nlmsg_put_extra_header(nlh, sizeof(*rule));
	rule->family = AF_INET;
	rule->action = FR_ACT_TO_TBL;
	mnl_attr_put_u32(nlh, FRA_FWMARK, c->mark);
	mnl_attr_put_u32(nlh, FRA_FWMASK, UINT32_MAX);
	mnl_attr_put_u32(nlh, FRA_TABLE, c->mark);
	mnl_attr_put_u32(nlh, FRA_PRIORITY, TRUNK_PREFERENCE);
	mnl_attr_put_u8(nlh, FRA_PROTOCOL, TRUNK_PROTOCOL);
}

/* ifindex 0: by any interface (to be removed). */
static void put_route(struct nlmsghdr *nlh, const struct trunk_circuit *c)
{
	struct rtmsg *rtm;

	nlh->nlmsg_type = RTM_NEWROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_protocol = TRUNK_PROTOCOL;
	rtm->rtm_scope = c->via.s_addr ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_TABLE, c->mark);
	if (c->via.s_addr)
		mnl_attr_put_u32(nlh, RTA_GATEWAY, c->via.s_addr);
	if (c->ifindex)
		mnl_attr_put_u32(nlh, RTA_OIF, c->ifindex);
}

/* One removal, and its answer. What is not there is no error. */
static int remove_one(struct trunk_state *s, const struct trunk_circuit *c, void (*put)(struct nlmsghdr *, const struct trunk_circuit *))
{
	_Alignas(NLMSG_ALIGNTO) uint8_t buf[8192];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	unsigned seq = s->seq++;
	int rc = MNL_CB_OK;

	put(nlh, c);
	nlh->nlmsg_type++;               /* RTM_DEL… comes after RTM_NEW… */
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = seq;
	if (put == put_route)
		((struct rtmsg *)mnl_nlmsg_get_payload(nlh))->rtm_scope = RT_SCOPE_NOWHERE; /* any */
	if (mnl_socket_sendto(s->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (rc > MNL_CB_STOP) {
		ssize_t got = mnl_socket_recvfrom(s->nl, buf, sizeof(buf));

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			rc = mnl_cb_run(buf, (size_t)got, seq, mnl_socket_get_portid(s->nl), NULL, NULL);
	}
	return rc >= 0 || errno == ENOENT || errno == ESRCH ? 0 : -errno;
}

int trunk_circuits_forget(struct trunk_state *s, const uint32_t *marks, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		struct trunk_circuit former = { .mark = marks[i] };

		rc = remove_one(s, &former, put_rule);
		rc = rc ? rc : remove_one(s, &former, put_route);
	}
	return rc;
}

/* What became of the message of that place in the batch: two of each circuit. */
static void on_ack(struct trunk_state *s, unsigned place, int error)
{
	struct trunk_circuit *c = &s->circuits[place / 2];

	if (!error || error == -EEXIST || !c->up)
		return;
	c->up = 0;
	snprintf(c->reason, sizeof(c->reason), "its %s: %.40s", place % 2 ? "route" : "rule", strerror(-error));
}

static int take_acks(struct trunk_state *s, unsigned first, unsigned missing)
{
	_Alignas(NLMSG_ALIGNTO) uint8_t buf[8192];

	while (missing) {
		ssize_t got = mnl_socket_recvfrom(s->nl, buf, sizeof(buf));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		int len = (int)got;

		for (struct nlmsghdr *nlh = (struct nlmsghdr *)buf; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
			unsigned place = nlh->nlmsg_seq - first;

			if (nlh->nlmsg_type != NLMSG_ERROR || place >= 2 * s->n_circuits)
				continue;
			on_ack(s, place, ((struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error);
			missing--;
		}
	}
	return 0;
}

int trunk_circuits_setup(struct trunk_state *s)
{
	_Alignas(NLMSG_ALIGNTO) uint8_t buf[2 * TRUNK_MAX_CIRCUITS * MESSAGE_ROOM];
	unsigned first = s->seq, sent = 0;
	size_t len = 0;

	for (unsigned i = 0; i < s->n_circuits; i++) {
		struct trunk_circuit *c = &s->circuits[i];

		look(s, c);
		for (unsigned k = 0; k < 2 && c->up; k++) {
			struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf + len);

			(k ? put_route : put_rule)(nlh, c);
			nlh->nlmsg_seq = first + 2 * i + k;
			len += NLMSG_ALIGN(nlh->nlmsg_len);
			sent++;
		}
	}
	s->seq += 2 * TRUNK_MAX_CIRCUITS;
	if (sent && mnl_socket_sendto(s->nl, buf, len) < 0)
		return -errno;
	return take_acks(s, first, sent);
}

static uint32_t word(const struct nlattr *const *tb, int type)
{
	return tb[type] && mnl_attr_get_payload_len(tb[type]) >= sizeof(uint32_t) ? mnl_attr_get_u32(tb[type]) : 0;
}

struct attributes { const struct nlattr *tb[64]; };

static int on_attribute(const struct nlattr *attr, void *ctx)
{
	struct attributes *a = ctx;

	if (mnl_attr_get_type(attr) < sizeof(a->tb) / sizeof(a->tb[0]))
		a->tb[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static int on_rule(const struct nlmsghdr *nlh, void *ctx)
{
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(nlh);
	struct attributes a = { 0 };
	struct trunk_state *s = ctx;

	mnl_attr_parse(nlh, sizeof(*rule), on_attribute, &a);
	int i = trunk_circuit_of(s, word(a.tb, FRA_FWMARK));

	if (nlh->nlmsg_type == RTM_NEWRULE && i >= 0 && rule->action == FR_ACT_TO_TBL && !rule->src_len && !rule->dst_len &&
	    word(a.tb, FRA_FWMASK) == UINT32_MAX && word(a.tb, FRA_TABLE) == s->circuits[i].mark &&
	    word(a.tb, FRA_PRIORITY) == TRUNK_PREFERENCE)
		s->circuits[i].has_rule = 1;
	return MNL_CB_OK;
}

static int on_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct attributes a = { 0 };
	struct trunk_state *s = ctx;

	mnl_attr_parse(nlh, sizeof(*rtm), on_attribute, &a);
	int i = trunk_circuit_of(s, word(a.tb, RTA_TABLE));

	if (nlh->nlmsg_type == RTM_NEWROUTE && i >= 0 && !rtm->rtm_dst_len && rtm->rtm_type == RTN_UNICAST &&
	    rtm->rtm_protocol == TRUNK_PROTOCOL && !word(a.tb, RTA_PRIORITY) &&
	    word(a.tb, RTA_GATEWAY) == s->circuits[i].via.s_addr && word(a.tb, RTA_OIF) == s->circuits[i].ifindex)
		s->circuits[i].has_route = 1;
	return MNL_CB_OK;
}

static int dump(struct trunk_state *s, uint16_t type, size_t header, mnl_cb_t each)
{
	static _Alignas(NLMSG_ALIGNTO) uint8_t buf[ROOM];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	unsigned seq = s->seq++;
	int state = MNL_CB_OK;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = seq;
	*(uint8_t *)mnl_nlmsg_put_extra_header(nlh, header) = AF_INET; /* both headers begin with the family */
	if (mnl_socket_sendto(s->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (state > MNL_CB_STOP) {
		ssize_t got = mnl_socket_recvfrom(s->nl, buf, sizeof(buf));

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			state = mnl_cb_run(buf, (size_t)got, seq, mnl_socket_get_portid(s->nl), each, s);
	}
	return state < 0 ? -errno : 0;
}

int trunk_circuits_read(struct trunk_state *s)
{
	int rc = -EINTR;

	for (int i = 0; i < 5 && rc == -EINTR; i++) {  /* a dump that a change interrupted is taken again */
		for (unsigned k = 0; k < s->n_circuits; k++)
			s->circuits[k].has_rule = s->circuits[k].has_route = 0;
		rc = dump(s, RTM_GETRULE, sizeof(struct fib_rule_hdr), on_rule);
		rc = rc ? rc : dump(s, RTM_GETROUTE, sizeof(struct rtmsg), on_route);
	}
	return rc;
}
