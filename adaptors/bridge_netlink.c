/*
 * The bridge technology's rtnetlink socket (libmnl), and the trial: a thread enters a network namespace of its own,
 * makes a bridge there and puts on it what we will put on ports. The namespace dies with the thread. So a kernel
 * that lacks a piece is found out before anything is touched, and says which piece.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <libmnl/libmnl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "adaptors/bridge.h"

#define ROOM 65536
#define RETRIES 5

struct bridge_nl { struct mnl_socket *sock; uint32_t seq; uint8_t buffer[ROOM]; };

struct bridge_nl *bridge_nl_open(void)
{
	const struct timeval bound = { .tv_sec = 10 };   /* the kernel answers at once or something is very wrong */
	struct bridge_nl *nl = calloc(1, sizeof(*nl));
	int one = 1;

	if (!nl)
		return NULL;
	nl->sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl->sock || mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		bridge_nl_close(nl);
		return NULL;
	}
	mnl_socket_setsockopt(nl->sock, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(nl->sock, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(mnl_socket_get_fd(nl->sock), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
	return nl;
}

void bridge_nl_close(struct bridge_nl *nl)
{
	if (nl && nl->sock)
		mnl_socket_close(nl->sock);
	free(nl);
}

/* The kernel's words in an acknowledgement with extended attributes. */
static void words(const struct nlmsghdr *nlh, char *why, size_t room)
{
	size_t at = sizeof(struct nlmsgerr);
	const struct nlattr *attr;

	if (!why || !(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	mnl_attr_for_each(attr, nlh, at)
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG && mnl_attr_get_payload_len(attr))
			snprintf(why, room, "%.*s", (int)mnl_attr_get_payload_len(attr), mnl_attr_get_str(attr));
}

static int send_request(struct bridge_nl *nl, struct nlmsghdr *nlh)
{
	nlh->nlmsg_seq = ++nl->seq;
	return mnl_socket_sendto(nl->sock, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

int bridge_nl_talk(struct bridge_nl *nl, struct nlmsghdr *nlh, char *why, size_t room)
{
	int rc = send_request(nl, nlh);

	while (!rc) {
		ssize_t n = mnl_socket_recvfrom(nl->sock, nl->buffer, sizeof(nl->buffer));
		const struct nlmsghdr *got = (const struct nlmsghdr *)nl->buffer;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		for (int left = (int)n; mnl_nlmsg_ok(got, left); got = mnl_nlmsg_next(got, &left)) {
			const struct nlmsgerr *error = mnl_nlmsg_get_payload(got);

			if (got->nlmsg_seq != nl->seq || got->nlmsg_type != NLMSG_ERROR ||
			    mnl_nlmsg_get_payload_len(got) < sizeof(int))
				continue;
			words(got, why, room);
			return error->error;
		}
	}
	return rc;
}

struct visit { int (*each)(const struct nlmsghdr *nlh, void *ctx); void *ctx; int error; };

static int on_message(const struct nlmsghdr *nlh, void *arg)
{
	struct visit *v = arg;

	if (!v->error)
		v->error = v->each(nlh, v->ctx);
	return MNL_CB_OK;
}

static int dump_once(struct bridge_nl *nl, struct nlmsghdr *nlh, struct visit *v)
{
	unsigned port = mnl_socket_get_portid(nl->sock);
	int rc = send_request(nl, nlh);

	while (!rc) {
		ssize_t n = mnl_socket_recvfrom(nl->sock, nl->buffer, sizeof(nl->buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		int state = mnl_cb_run(nl->buffer, (size_t)n, nl->seq, port, on_message, v);

		if (state == MNL_CB_STOP)
			return v->error;
		if (state < 0 && errno != ESRCH && errno != EPROTO)   /* those two: left over from an earlier dump */
			rc = -errno;
	}
	return rc;
}

int bridge_nl_dump(struct bridge_nl *nl, struct nlmsghdr *nlh, int (*each)(const struct nlmsghdr *nlh, void *ctx),
		   void *ctx)
{
	struct visit v = { .each = each, .ctx = ctx };
	int rc = -EINTR;

	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	/* Interrupted means that something changed meanwhile. What `each` gathers has to bear being told twice. */
	for (int i = 0; i < RETRIES && rc == -EINTR; i++) {
		v.error = 0;
		rc = dump_once(nl, nlh, &v);
	}
	return rc;
}

static int trial_bridge(struct bridge_nl *nl)
{
	char buffer[BRIDGE_MESSAGE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "trial");
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);

	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(nlh, info);
	return bridge_nl_talk(nl, nlh, NULL, 0);
}

/* Membership of the bridge itself: it needs no port, and is refused where the kernel cannot filter VLANs. */
static int trial_vlan(struct bridge_nl *nl, int ifindex)
{
	struct bridge_vlan_info info = { .vid = 2 };
	char buffer[BRIDGE_MESSAGE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);

	nlh->nlmsg_type = RTM_SETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_family = AF_BRIDGE;
	ifi->ifi_index = ifindex;
	struct nlattr *spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);

	mnl_attr_put_u16(nlh, IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_SELF);
	mnl_attr_put(nlh, IFLA_BRIDGE_VLAN_INFO, sizeof(info), &info);
	mnl_attr_nest_end(nlh, spec);
	return bridge_nl_talk(nl, nlh, NULL, 0);
}

static int trial_filters(struct bridge_nl *nl, int ifindex, int skbedit)
{
	static const unsigned bits[] = { BRIDGE_IP, BRIDGE_ARP, BRIDGE_TAG };
	struct bridge_op op = { .add = 1, .ifindex = ifindex, .vlan = 2, .priority = 1,
				.prefix = { .addr.s_addr = htonl(0x0a000000), .len = 8 } };
	char buffer[BRIDGE_MESSAGE];
	int rc = 0;

	for (size_t i = 0; i < 3 && !rc; i++) {
		op.bit = bits[i];
		rc = bridge_nl_talk(nl, bridge_message(&op, skbedit, buffer), NULL, 0);
	}
	return rc;
}

struct trial { int skbedit, rc; const char *piece; };

static void run_trial(struct bridge_nl *nl, struct trial *t)
{
	char buffer[BRIDGE_MESSAGE];

	t->piece = "bridges";
	t->rc = trial_bridge(nl);
	if (t->rc)
		return;
	int ifindex = (int)if_nametoindex("trial");

	t->piece = "VLAN filtering of bridges";
	t->rc = bridge_set_filtering(nl, ifindex, NULL, 0);
	if (!t->rc)
		t->rc = trial_vlan(nl, ifindex);
	if (t->rc)
		return;
	t->piece = "the clsact queueing discipline";
	t->rc = bridge_nl_talk(nl, bridge_message_clsact(ifindex, buffer), NULL, 0);
	if (t->rc)
		return;
	t->piece = "the flower classifier with the vlan action";
	t->rc = trial_filters(nl, ifindex, 0);
	t->skbedit = !t->rc && !trial_filters(nl, ifindex, 1);
}

static void *trial_thread(void *arg)
{
	struct trial *t = arg;
	struct bridge_nl *nl;

	t->piece = "a network namespace to try in (CAP_SYS_ADMIN and CAP_NET_ADMIN are needed)";
	if (unshare(CLONE_NEWNET)) {
		t->rc = -errno;
		return NULL;
	}
	nl = bridge_nl_open();
	if (nl)
		run_trial(nl, t);
	else
		t->rc = -errno;
	bridge_nl_close(nl);
	return NULL;
}

int bridge_trial(int *skbedit, char *why, size_t room)
{
	struct trial t = { .rc = -ENOMEM };
	pthread_t thread;
	int error = pthread_create(&thread, NULL, trial_thread, &t);

	*skbedit = 0;
	if (error) {
		snprintf(why, room, "no thread to try in");
		return -error;
	}
	pthread_join(thread, NULL);
	*skbedit = t.skbedit;
	if (t.rc)
		snprintf(why, room, "this kernel lacks %s: %s", t.piece, strerror(-t.rc));
	return t.rc;
}
