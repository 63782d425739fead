/* The route technology's requests to the kernel over rtnetlink (route_message.h), one at a time. */
#include "config.h"

#include "adaptors/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUTE_BUFFER 32768

int route_kernel_open(struct route_state *s)
{
	s->seq = (unsigned)time(NULL);
	s->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	return s->nl && mnl_socket_bind(s->nl, 0, MNL_SOCKET_AUTOPID) >= 0 ? 0 : -errno;
}

/* Sends; reads until the acknowledgement or the end of the dump. 0 or -errno. */
static int talk(struct route_state *s, struct nlmsghdr *nlh, mnl_cb_t each, void *ctx)
{
	uint8_t buf[ROUTE_BUFFER];
	ssize_t n;
	int state = MNL_CB_OK;

	nlh->nlmsg_seq = ++s->seq;
	if (mnl_socket_sendto(s->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (state > MNL_CB_STOP) {
		n = mnl_socket_recvfrom(s->nl, buf, sizeof(buf));
		if (n < 0)
			return -errno;
		state = mnl_cb_run(buf, (size_t)n, s->seq, mnl_socket_get_portid(s->nl), each, ctx);
	}
	return state < 0 ? -errno : 0;
}

struct way { struct route route; int type; };

static int on_way(const struct nlmsghdr *nlh, void *ctx)
{
	struct way *way = ctx;
	int ours;

	if (route_message_read(nlh, &way->route, &ours, &way->type))
		way->type = RTN_UNSPEC;
	return MNL_CB_OK;
}

int route_resolve(struct route_state *s, struct in_addr control, struct route *out)
{
	uint8_t buf[ROUTE_MESSAGE_ROOM];
	struct way way = { .type = RTN_UNSPEC };
	int err = talk(s, route_message_get(buf, control), on_way, &way);

	if (err)
		return err;
	*out = way.route;
	if (way.type == RTN_LOCAL)
		return 1;
	return way.type == RTN_UNICAST && way.route.oif ? 0 : -EHOSTUNREACH;
}

int route_add(struct route_state *s, const struct route *route)
{
	uint8_t buf[ROUTE_MESSAGE_ROOM];

	return talk(s, route_message_add(buf, route), NULL, NULL);
}

static int gone(int err)
{
	return err == -ESRCH || err == -ENOENT ? 0 : err;
}

int route_delete(struct route_state *s, const struct route *route)
{
	uint8_t buf[ROUTE_MESSAGE_ROOM];

	return gone(talk(s, route_message_delete(buf, route), NULL, NULL));
}

static int on_ours(const struct nlmsghdr *nlh, void *ctx)
{
	struct route_list *list = ctx;
	struct route route, *more;
	int ours, type;

	if (route_message_read(nlh, &route, &ours, &type) || !ours)
		return MNL_CB_OK;
	more = list->n & (list->n - 1) ? list->route : realloc(list->route, (2 * list->n + 1) * sizeof(*more));
	if (!more) {
		list->error = -ENOMEM;
		return MNL_CB_OK;
	}
	list->route = more;
	list->route[list->n++] = route;
	return MNL_CB_OK;
}

/* A dump that a change interrupted is taken again. */
int route_dump(struct route_state *s, struct route_list *list)
{
	uint8_t buf[ROUTE_MESSAGE_ROOM];
	int err = -EINTR;

	memset(list, 0, sizeof(*list));
	for (int i = 0; i < 5 && err == -EINTR; i++) {
		free(list->route);
		memset(list, 0, sizeof(*list));
		err = talk(s, route_message_dump(buf), on_ours, list);
	}
	if (list->n)
		qsort(list->route, list->n, sizeof(*list->route), route_compare);
	return err ? err : list->error;
}

int route_rules_try(struct route_state *s)
{
	uint8_t buf[ROUTE_MESSAGE_ROOM];

	return talk(s, route_message_dump_rules(buf), NULL, NULL);
}

int route_rule_make(struct route_state *s, int *made)
{
	uint8_t buf[ROUTE_MESSAGE_ROOM];
	int err = -EEXIST;

	if (s->rule.table != RT_TABLE_MAIN)
		err = talk(s, route_message_add_rule(buf, &s->rule), NULL, NULL);
	*made = !err;
	return err == -EEXIST ? 0 : err;
}

#define RULES 16

struct rules { const struct route_rule *keep; struct route_rule other[RULES]; unsigned n; };

static int on_rule(const struct nlmsghdr *nlh, void *ctx)
{
	struct rules *rules = ctx;
	struct route_rule rule;
	int ours;

	if (route_message_read_rule(nlh, &rule, &ours) || !ours || rules->n == RULES)
		return MNL_CB_OK;
	if (rule.table != rules->keep->table || rule.dst.len != rules->keep->dst.len ||
	    rule.dst.addr.s_addr != rules->keep->dst.addr.s_addr)
		rules->other[rules->n++] = rule;
	return MNL_CB_OK;
}

int route_rules_clean(struct route_state *s, unsigned *n)
{
	uint8_t buf[ROUTE_MESSAGE_ROOM];
	struct rules rules = { .keep = &s->rule };
	int err = talk(s, route_message_dump_rules(buf), on_rule, &rules);

	*n = 0;
	if (err == -EOPNOTSUPP && s->rule.table == RT_TABLE_MAIN)
		return 0;                       /* a kernel without rules */
	while (!err && *n < rules.n)
		err = gone(talk(s, route_message_delete_rule(buf, &rules.other[(*n)++]), NULL, NULL));
	return err;
}
