/*
 * Connections that are being translated, in the kernel's connection tracking (nfnetlink's ctnetlink; the messages are
 * those of linux/netfilter/nfnetlink_conntrack.h, written with libmnl).
 *
 * An ICorp that has lost its element in nat.h's set sends and gets nothing any more, so this is not what stops its
 * connections. But the kernel still knows them, and whoever has the prefix next would get what their other ends send.
 * So what was translated for an address of PRIVATE that is no ICorp's here, or has just become another's, is forgotten:
 * a walk of all connections, once for all that a batch gives up. Connections that are not translated (IPS_SRC_NAT) are
 * somebody else's.
 */
#include "config.h"

#include "adaptors/nat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>

#define FLOW_BUFFER 65536

/* Connections to forget, as the attributes that name them, one after the other. */
struct doomed { uint8_t *data; size_t len, room; int error; };

struct walk { struct nat_state *state; struct doomed doomed; };

static struct nlmsghdr *message(void *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nfg->nfgen_family = AF_INET;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

/* Sends; reads until the acknowledgement or the end of the dump. 0 or -errno. */
static int talk(struct nat_state *s, struct nlmsghdr *nlh, mnl_cb_t each, void *ctx)
{
	static unsigned seq;
	uint8_t buf[FLOW_BUFFER];
	int state = MNL_CB_OK;
	unsigned mine = nlh->nlmsg_seq = ++seq;

	if (mnl_socket_sendto(s->flows, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (state > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(s->flows, buf, sizeof(buf));

		if (n < 0)
			return -errno;
		state = mnl_cb_run(buf, (size_t)n, mine, mnl_socket_get_portid(s->flows), each, ctx);
	}
	return state < 0 ? -errno : 0;
}

static const struct nlattr *inside(const struct nlattr *nest, int type)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

/* Who began it. */
static struct in_addr source(const struct nlattr *tuple)
{
	const struct nlattr *ip = inside(tuple, CTA_TUPLE_IP), *src = ip ? inside(ip, CTA_IP_V4_SRC) : NULL;

	return (struct in_addr){ src && mnl_attr_validate(src, MNL_TYPE_U32) >= 0 ? mnl_attr_get_u32(src) : 0 };
}

static void append(struct doomed *d, const void *data, size_t len)
{
	size_t room = (d->len + len) * 2;
	uint8_t *more = d->len + len > d->room ? realloc(d->data, room) : d->data;

	if (!more) {
		d->error = -ENOMEM;
		return;
	}
	d->room = more == d->data ? d->room : room;
	d->data = more;
	memcpy(d->data + d->len, data, len);
	d->len += len;
}

/* The original direction's tuple names a connection, with its zone where it has one. */
static void doom(struct doomed *d, const struct nlattr *tuple, const struct nlattr *zone)
{
	uint32_t len = MNL_ALIGN(tuple->nla_len) + (zone ? MNL_ALIGN(zone->nla_len) : 0);

	append(d, &len, sizeof(len));
	append(d, tuple, MNL_ALIGN(tuple->nla_len));
	if (zone)
		append(d, zone, MNL_ALIGN(zone->nla_len));
}

static int on_flow(const struct nlmsghdr *nlh, void *ctx)
{
	struct walk *walk = ctx;
	const struct nlattr *attr, *tuple = NULL, *zone = NULL;
	uint32_t status = 0;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		switch (mnl_attr_get_type(attr)) {
		case CTA_TUPLE_ORIG: tuple = attr; break;
		case CTA_ZONE: zone = attr; break;
		case CTA_STATUS: status = mnl_attr_validate(attr, MNL_TYPE_U32) < 0 ? 0 : ntohl(mnl_attr_get_u32(attr)); break;
		default: break;
		}
	}
	if (!tuple || !(status & IPS_SRC_NAT) || !prefix_contains(walk->state->config.private, source(tuple)))
		return MNL_CB_OK;
	const struct nat_session *owner = nat_owner(walk->state, source(tuple));

	if (!owner || owner->came == walk->state->turn)
		doom(&walk->doomed, tuple, zone);
	return MNL_CB_OK;
}

/* Forgets them; one that has ended meanwhile is fine. */
static int forget(struct nat_state *s, const struct doomed *d)
{
	int rc = 0;

	for (size_t at = 0; at < d->len && !rc;) {
		uint8_t buf[1024];
		struct nlmsghdr *nlh = message(buf, IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
		uint32_t len;

		memcpy(&len, d->data + at, sizeof(len));
		at += sizeof(len);
		if (len <= sizeof(buf) - nlh->nlmsg_len) {
			memcpy(mnl_nlmsg_get_payload_tail(nlh), d->data + at, len);
			nlh->nlmsg_len += len;
			rc = talk(s, nlh, NULL, NULL);
			rc = rc == -ENOENT ? 0 : rc;
		}
		at += len;
	}
	return rc;
}

static int walk_all(struct walk *walk)
{
	uint8_t buf[64];
	int rc = -EINTR;

	for (int i = 0; i < 5 && rc == -EINTR; i++) {   /* a walk that a change interrupted */
		walk->doomed.len = 0;
		rc = talk(walk->state, message(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP), on_flow, walk);
	}
	return rc ? rc : walk->doomed.error;
}

int nat_flows_purge(struct nat_state *s)
{
	struct walk walk = { .state = s };
	int rc = s->flows ? walk_all(&walk) : 0;

	rc = rc ? rc : forget(s, &walk.doomed);
	free(walk.doomed.data);
	return rc;
}

void nat_flows_open(struct nat_state *s)
{
	uint8_t buf[64];
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);

	s->flows = nl;
	if (nl && !mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) &&
	    !talk(s, message(buf, IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK), NULL, NULL))
		return;
	if (nl)
		mnl_socket_close(nl);
	s->flows = NULL;
}
