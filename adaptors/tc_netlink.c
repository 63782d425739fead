/*
 * The tc technology's queueing half in the kernel, over rtnetlink with libmnl. Changes go out in batches of one write;
 * each message asks for an acknowledgement and carries a sequence number that finds its op again, so one refused class
 * is one op's error. The batches are small enough for their acknowledgements to fit the socket's buffer.
 *
 * Rate tables, which older HTB wanted with every class, are not needed once the link layer is said to be Ethernet
 * (kernels since 3.9).
 */
#include "config.h"

#include "adaptors/tc_kernel.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/nftables.h"
#include "lib/clock.h"

#define BATCH 64
#define MESSAGE_ROOM 512
#define DUMP_ROOM 65536

struct tc_kernel *tc_kernel_open(void)
{
	struct tc_kernel *k = calloc(1, sizeof(*k));
	int one = 1;

	if (!k)
		return NULL;
	k->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	k->buffer = malloc(DUMP_ROOM);
	k->nft = nftables_open();
	if (!k->nl || !k->buffer || !k->nft || mnl_socket_bind(k->nl, 0, MNL_SOCKET_AUTOPID)) {
		tc_kernel_close(k);
		return NULL;
	}
	mnl_socket_setsockopt(k->nl, NETLINK_CAP_ACK, &one, sizeof(one));
	k->portid = mnl_socket_get_portid(k->nl);
	k->seq = (unsigned)clock_wall_us();
	return k;
}

void tc_kernel_close(struct tc_kernel *k)
{
	if (!k)
		return;
	if (k->nl)
		mnl_socket_close(k->nl);
	if (k->nft)
		nft_ctx_free(k->nft);
	free(k->buffer);
	free(k);
}

static void put_options_class(struct nlmsghdr *nlh, const struct tc_op *op)
{
	struct tc_htb h = tc_htb(&op->level);
	struct tc_htb_opt opt = {
		.rate = { .rate = (uint32_t)(h.rate < UINT32_MAX ? h.rate : UINT32_MAX), .linklayer = TC_LINKLAYER_ETHERNET },
		.ceil = { .rate = (uint32_t)(h.ceil < UINT32_MAX ? h.ceil : UINT32_MAX), .linklayer = TC_LINKLAYER_ETHERNET },
		.buffer = h.buffer, .cbuffer = h.cbuffer, .quantum = h.quantum, .prio = op->level.prio,
	};

	mnl_attr_put_strz(nlh, TCA_KIND, "htb");
	struct nlattr *nest = mnl_attr_nest_start(nlh, TCA_OPTIONS);

	if (h.rate >= UINT32_MAX)
		mnl_attr_put_u64(nlh, TCA_HTB_RATE64, h.rate);
	if (h.ceil >= UINT32_MAX)
		mnl_attr_put_u64(nlh, TCA_HTB_CEIL64, h.ceil);
	mnl_attr_put(nlh, TCA_HTB_PARMS, sizeof(opt), &opt);
	mnl_attr_nest_end(nlh, nest);
}

static void put_options_root(struct nlmsghdr *nlh)
{
	struct tc_htb_glob glob = { .version = 3, .rate2quantum = 10, .defcls = TC_MINOR_DEFAULT };

	mnl_attr_put_strz(nlh, TCA_KIND, "htb");
	struct nlattr *nest = mnl_attr_nest_start(nlh, TCA_OPTIONS);

	mnl_attr_put(nlh, TCA_HTB_INIT, sizeof(glob), &glob);
	mnl_attr_nest_end(nlh, nest);
}

static void put_options_leaf(struct nlmsghdr *nlh, const struct tc_op *op)
{
	struct tc_fifo_qopt fifo = { .limit = op->limit };

	mnl_attr_put_strz(nlh, TCA_KIND, op->leaf);
	if (!strcmp(op->leaf, "bfifo")) {
		mnl_attr_put(nlh, TCA_OPTIONS, sizeof(fifo), &fifo);
		return;
	}
	struct nlattr *nest = mnl_attr_nest_start(nlh, TCA_OPTIONS);

	mnl_attr_put_u32(nlh, TCA_FQ_CODEL_FLOWS, 128);
	mnl_attr_put_u32(nlh, TCA_FQ_CODEL_MEMORY_LIMIT, op->limit * 4);
	mnl_attr_nest_end(nlh, nest);
}

static void put_op(void *at, const struct tc_op *op, unsigned seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);

	nlh->nlmsg_type = op->kind == TC_OP_CLASS ? RTM_NEWTCLASS : RTM_NEWQDISC;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | (op->kind == TC_OP_CLASS ? 0 : NLM_F_REPLACE);
	nlh->nlmsg_seq = seq;
	struct tcmsg *tcm = mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm));

	tcm->tcm_family = AF_UNSPEC;
	tcm->tcm_ifindex = (int)op->link->ifindex;
	switch (op->kind) {
	case TC_OP_ROOT:
		tcm->tcm_handle = TC_MAJOR << 16;
		tcm->tcm_parent = TC_H_ROOT;
		put_options_root(nlh);
		break;
	case TC_OP_CLASS:
		tcm->tcm_handle = TC_MAJOR << 16 | op->minor;
		tcm->tcm_parent = TC_MAJOR << 16 | (op->minor == TC_MINOR_LINK ? 0 : TC_MINOR_LINK);
		put_options_class(nlh, op);
		break;
	case TC_OP_LEAF:
		tcm->tcm_parent = TC_MAJOR << 16 | op->minor;
		put_options_leaf(nlh, op);
		break;
	}
}

/* Takes acknowledgements until all n of the batch that begins with sequence number `first` are in. */
static int take_acks(struct tc_kernel *k, struct tc_op *ops, size_t n, unsigned first)
{
	size_t missing = n;

	while (missing) {
		ssize_t got = mnl_socket_recvfrom(k->nl, k->buffer, DUMP_ROOM);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		int len = (int)got;

		for (struct nlmsghdr *nlh = (struct nlmsghdr *)k->buffer; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len)) {
			unsigned index = nlh->nlmsg_seq - first;

			if (nlh->nlmsg_type != NLMSG_ERROR || index >= n)
				continue;
			ops[index].error = ((struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
			missing--;
		}
	}
	return 0;
}

static int commit_batch(struct tc_kernel *k, struct tc_op *ops, size_t n)
{
	unsigned first = k->seq;
	struct mnl_nlmsg_batch *b = mnl_nlmsg_batch_start(k->buffer, DUMP_ROOM);

	if (!b)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		put_op(mnl_nlmsg_batch_current(b), &ops[i], k->seq++);
		mnl_nlmsg_batch_next(b);
	}
	ssize_t sent = mnl_socket_sendto(k->nl, mnl_nlmsg_batch_head(b), mnl_nlmsg_batch_size(b));
	int rc = sent < 0 ? -errno : 0;

	mnl_nlmsg_batch_stop(b);
	return rc ? rc : take_acks(k, ops, n, first);
}

_Static_assert(BATCH * MESSAGE_ROOM <= DUMP_ROOM, "a batch fits its buffer");

static int kernel_commit(void *backend, struct tc_op *ops, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i += BATCH)
		rc = commit_batch(backend, ops + i, n - i < BATCH ? n - i : BATCH);
	return rc;
}

struct reading { struct tc_link *link; size_t n_pool, found; };

static int attr_index(const struct nlattr *attr, void *data)
{
	const struct nlattr **tb = data;

	if (mnl_attr_get_type(attr) <= TCA_MAX)
		tb[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static const struct tcmsg *message(const struct nlmsghdr *nlh, const struct nlattr *tb[TCA_MAX + 1])
{
	memset(tb, 0, (TCA_MAX + 1) * sizeof(*tb));
	mnl_attr_parse(nlh, sizeof(struct tcmsg), attr_index, tb);
	return mnl_nlmsg_get_payload(nlh);
}

static struct tc_class *class_at(struct reading *r, uint32_t handle)
{
	uint32_t minor = handle & 0xffff;

	if (handle >> 16 != TC_MAJOR || minor == 0)
		return NULL;
	if (minor < TC_MINOR_FIRST)
		return &r->link->fixed[minor];
	minor -= TC_MINOR_FIRST;
	if (minor + 1 > r->found)
		r->found = minor + 1;
	return minor < r->n_pool ? &r->link->pool[minor] : NULL;
}

static int on_qdisc(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[TCA_MAX + 1];
	const struct tcmsg *tcm = message(nlh, tb);
	struct reading *r = data;
	const char *kind = tb[TCA_KIND] ? mnl_attr_get_str(tb[TCA_KIND]) : "";

	if (nlh->nlmsg_type != RTM_NEWQDISC || tcm->tcm_ifindex != (int)r->link->ifindex)
		return MNL_CB_OK;
	if (tcm->tcm_parent == TC_H_ROOT) {
		int ours = tcm->tcm_handle == TC_MAJOR << 16 && !strcmp(kind, "htb");

		r->link->root = ours ? 1 : tcm->tcm_handle ? -1 : 0;
		return MNL_CB_OK;
	}
	struct tc_class *class = class_at(r, tcm->tcm_parent);

	if (class && tcm->tcm_handle && !strcmp(kind, "bfifo") && tb[TCA_OPTIONS] &&
	    mnl_attr_get_payload_len(tb[TCA_OPTIONS]) >= sizeof(struct tc_fifo_qopt))
		class->limit = ((struct tc_fifo_qopt *)mnl_attr_get_payload(tb[TCA_OPTIONS]))->limit;
	return MNL_CB_OK;
}

static void read_options(struct tc_class *class, const struct nlattr *options)
{
	const struct nlattr *attr;
	uint64_t rate = 0, ceil = 0;

	mnl_attr_for_each_nested(attr, options) {
		const struct tc_htb_opt *opt = mnl_attr_get_payload(attr);

		switch (mnl_attr_get_type(attr)) {
		case TCA_HTB_PARMS:
			rate = rate ? rate : opt->rate.rate;
			ceil = ceil ? ceil : opt->ceil.rate;
			class->level.prio = (uint8_t)opt->prio;
			break;
		case TCA_HTB_RATE64:
			rate = mnl_attr_get_u64(attr);
			break;
		case TCA_HTB_CEIL64:
			ceil = mnl_attr_get_u64(attr);
			break;
		}
	}
	class->present = 1;
	class->level.rate_bps = rate * 8;
	class->level.ceil_bps = ceil * 8;
}

static void read_stats(struct tc_class *class, const struct nlattr *stats)
{
	const struct nlattr *attr;
	uint64_t packets64 = 0;

	mnl_attr_for_each_nested(attr, stats) {
		struct gnet_stats_basic basic = { 0 };
		size_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == TCA_STATS_BASIC) {
			memcpy(&basic, mnl_attr_get_payload(attr), len < sizeof(basic) ? len : sizeof(basic));
			class->bytes = basic.bytes;
			class->packets = basic.packets;
		} else if (mnl_attr_get_type(attr) == TCA_STATS_PKT64) {
			packets64 = mnl_attr_get_u64(attr);
		}
	}
	if (packets64)
		class->packets = packets64;
}

static int on_class(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[TCA_MAX + 1];
	const struct tcmsg *tcm = message(nlh, tb);
	struct reading *r = data;
	struct tc_class *class;

	if (nlh->nlmsg_type != RTM_NEWTCLASS || tcm->tcm_ifindex != (int)r->link->ifindex)
		return MNL_CB_OK;
	class = class_at(r, tcm->tcm_handle);
	if (class && tb[TCA_OPTIONS])
		read_options(class, tb[TCA_OPTIONS]);
	if (class && tb[TCA_STATS2])
		read_stats(class, tb[TCA_STATS2]);
	return MNL_CB_OK;
}

static int dump(struct tc_kernel *k, uint16_t type, unsigned ifindex, mnl_cb_t each, struct reading *r)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(k->buffer);
	unsigned seq = k->seq++;
	int rc;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = seq;
	struct tcmsg *tcm = mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm));

	tcm->tcm_family = AF_UNSPEC;
	tcm->tcm_ifindex = (int)ifindex;
	if (mnl_socket_sendto(k->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t got = mnl_socket_recvfrom(k->nl, k->buffer, DUMP_ROOM);

		if (got < 0 && errno == EINTR) {
			rc = MNL_CB_OK;
			continue;
		}
		rc = got < 0 ? MNL_CB_ERROR : mnl_cb_run(k->buffer, (size_t)got, seq, k->portid, each, r);
	} while (rc > MNL_CB_STOP);
	return rc == MNL_CB_ERROR ? -errno : 0;
}

static int kernel_read_link(void *backend, struct tc_link *link, size_t n_pool, size_t *found)
{
	struct reading r = { .link = link, .n_pool = n_pool };

	*found = 0;
	link->ifindex = if_nametoindex(link->ifname);
	link->root = 0;
	memset(link->fixed, 0, sizeof(link->fixed));
	if (n_pool)
		memset(link->pool, 0, n_pool * sizeof(*link->pool));
	if (!link->ifindex)
		return 0;
	int rc = dump(backend, RTM_GETQDISC, link->ifindex, on_qdisc, &r);

	if (!rc && link->root == 1)
		rc = dump(backend, RTM_GETTCLASS, link->ifindex, on_class, &r);
	*found = r.found;
	return rc;
}

static unsigned kernel_ifindex(void *backend, const char *ifname)
{
	return if_nametoindex(ifname);
}

static uint64_t kernel_now_us(void *backend)
{
	return clock_now_us();
}

const struct tc_backend tc_kernel_backend = {
	.read_link = kernel_read_link,
	.commit = kernel_commit,
	.nft = tc_nft_run,
	.read_map = tc_nft_read_map,
	.rules = tc_nft_rules,
	.ifindex = kernel_ifindex,
	.now_us = kernel_now_us,
};
