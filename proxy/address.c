/*
 * See address.h. One rtnetlink socket, blocking: the kernel answers RTM_NEWADDR and RTM_DELADDR (rtnetlink(7))
 * within the call. Every request asks for an acknowledgement.
 *
 * held[] lists the addresses in use. An entry is `owned` when it was not there before us: only those are removed.
 */
#include "config.h"

#include "proxy/address.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/addr.h"

#ifndef IFA_PROTO
#define IFA_PROTO 11 /* since Linux 5.18 */
#endif

#define ADDRESS_BUFFER 32768

struct held { struct in_addr addr; unsigned refs; int owned, seen; };

struct addresses {
	struct mnl_socket *nl;
	unsigned lo, seq;
	struct held *held; size_t n, room;
};

static struct held *find(struct addresses *a, struct in_addr addr)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->held[i].addr.s_addr == addr.s_addr)
			return &a->held[i];
	return NULL;
}

/* Sends and reads answers until the acknowledgement; each other message goes to `each`. 0 or -errno. */
static int talk(struct addresses *a, struct nlmsghdr *nlh, mnl_cb_t each, void *ctx)
{
	uint8_t buf[ADDRESS_BUFFER];
	ssize_t n;
	int state = MNL_CB_OK;

	nlh->nlmsg_seq = ++a->seq;
	if (mnl_socket_sendto(a->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (state > MNL_CB_STOP) {
		n = mnl_socket_recvfrom(a->nl, buf, sizeof(buf));
		if (n < 0)
			return -errno;
		state = mnl_cb_run(buf, (size_t)n, a->seq, mnl_socket_get_portid(a->nl), each, ctx);
	}
	return state < 0 ? -errno : 0;
}

static int change(struct addresses *a, int add, struct in_addr addr)
{
	uint8_t buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa;

	nlh->nlmsg_type = add ? RTM_NEWADDR : RTM_DELADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = 32;
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	ifa->ifa_index = a->lo;
	mnl_attr_put_u32(nlh, IFA_LOCAL, addr.s_addr);
	mnl_attr_put_u32(nlh, IFA_ADDRESS, addr.s_addr);
	mnl_attr_put_strz(nlh, IFA_LABEL, ADDRESS_LABEL);
	if (add)
		mnl_attr_put_u8(nlh, IFA_PROTO, ADDRESS_PROTO);
	return talk(a, nlh, NULL, NULL);
}

/* What a dump says: for each address, is it there, is it ours? */
struct seen { struct in_addr *ours; size_t n; struct in_addr wanted; int found, error; };

static int on_address(const struct nlmsghdr *nlh, void *ctx)
{
	struct seen *seen = ctx;
	struct nlattr *attr;
	struct in_addr local = { 0 }, *more;
	int ours = 0;

	mnl_attr_for_each(attr, nlh, sizeof(struct ifaddrmsg)) {
		if (mnl_attr_get_type(attr) == IFA_LOCAL && !mnl_attr_validate(attr, MNL_TYPE_U32))
			local.s_addr = mnl_attr_get_u32(attr);
		if (mnl_attr_get_type(attr) == IFA_LABEL && !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
			ours = !strcmp(mnl_attr_get_str(attr), ADDRESS_LABEL);
	}
	seen->found |= local.s_addr && local.s_addr == seen->wanted.s_addr;
	if (!ours)
		return MNL_CB_OK;
	more = realloc(seen->ours, (seen->n + 1) * sizeof(*more));
	if (!more) {
		seen->error = -ENOMEM;
		return MNL_CB_OK;
	}
	seen->ours = more;
	seen->ours[seen->n++] = local;
	return MNL_CB_OK;
}

/* Fills *seen, whose `ours` the caller frees. 0 or -errno. */
static int look(struct addresses *a, struct seen *seen)
{
	uint8_t buf[64];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa;
	int err;

	nlh->nlmsg_type = RTM_GETADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = AF_INET;
	err = talk(a, nlh, on_address, seen);
	return err ? err : seen->error;
}

struct addresses *addresses_new(char *why, size_t room)
{
	struct addresses *a = calloc(1, sizeof(*a));
	int err = -ENOMEM;

	if (a) {
		a->seq = (unsigned)time(NULL);
		a->lo = if_nametoindex("lo");
		a->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
		err = !a->lo || !a->nl || mnl_socket_bind(a->nl, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
		if (!err)
			err = addresses_audit(a);
		if (err >= 0)
			return a;
		if (a->nl)
			mnl_socket_close(a->nl);
		free(a);
	}
	snprintf(why, room, "cannot manage addresses on lo: %s", strerror(-err));
	return NULL;
}

void addresses_free(struct addresses *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++)
		if (a->held[i].owned)
			change(a, 0, a->held[i].addr);
	mnl_socket_close(a->nl);
	free(a->held);
	free(a);
}

/* Puts the address there unless it is. 0 (and whether it is ours) or -errno. */
static int put(struct addresses *a, struct in_addr addr, int *owned)
{
	struct seen seen = { .wanted = addr };
	int err;

	*owned = 0;
	if (ntohl(addr.s_addr) >> 24 == IN_LOOPBACKNET)
		return 0;
	err = look(a, &seen);
	free(seen.ours);
	if (err || seen.found)
		return err;
	err = change(a, 1, addr);
	*owned = !err;
	return err;
}

int addresses_hold(struct addresses *a, struct in_addr addr, char *why, size_t room)
{
	struct held *held = find(a, addr);
	char text[ADDR_TEXT];
	int err, owned;

	if (held) {
		held->refs++;
		return 0;
	}
	if (a->n == a->room) {
		size_t more = a->room ? 2 * a->room : 16;

		held = realloc(a->held, more * sizeof(*held));
		if (!held) {
			snprintf(why, room, "out of memory");
			return -ENOMEM;
		}
		a->held = held;
		a->room = more;
	}
	err = put(a, addr, &owned);
	if (err) {
		snprintf(why, room, "cannot put %s on lo: %s", addr_text(addr, text), strerror(-err));
		return err;
	}
	a->held[a->n++] = (struct held){ .addr = addr, .refs = 1, .owned = owned };
	return 0;
}

void addresses_release(struct addresses *a, struct in_addr addr)
{
	struct held *held = find(a, addr);

	if (!held || --held->refs)
		return;
	if (held->owned)
		change(a, 0, addr);
	*held = a->held[--a->n];
}

int addresses_audit(struct addresses *a)
{
	struct seen seen = { 0 };
	int n = 0, err = look(a, &seen);

	for (size_t i = 0; i < a->n; i++)
		a->held[i].seen = 0;
	for (size_t i = 0; !err && i < seen.n; i++) {
		struct held *held = find(a, seen.ours[i]);

		if (held)
			held->seen = 1;
		else if (!change(a, 0, seen.ours[i]))
			n++;
	}
	for (size_t i = 0; !err && i < a->n; i++)
		if (a->held[i].owned && !a->held[i].seen) {
			err = change(a, 1, a->held[i].addr);
			n++;
		}
	free(seen.ours);
	return err ? err : n;
}
