/* The kernel's routes as next hops. See routes.h. Unprivileged: only reads. */
#include <errno.h>
#include <event2/event.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "signald/routes.h"

#define SETTLE_MS 20 /* a burst of changes is read once */

struct routes {
	struct event_base *base;
	const struct core_config *config;
	struct nexthops *nexthops;
	void (*changed)(void *ctx);
	void *ctx;
	struct mnl_socket *monitor;
	struct event *event, *timer;
	unsigned ifindex[CORE_MAX_PORTS];
};

int routes_port(const struct routes *routes, unsigned ifindex)
{
	for (unsigned i = 0; i < routes->config->n_ports; i++)
		if (routes->ifindex[i] == ifindex && ifindex)
			return (int)i;
	return -1;
}

static int on_attr(const struct nlattr *attr, void *data)
{
	const struct nlattr **tb = data;

	if (mnl_attr_get_type(attr) <= RTA_MAX)
		tb[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

struct reading { struct routes *routes; struct nexthops into; };

static int on_route(const struct nlmsghdr *nlh, void *data)
{
	struct reading *reading = data;
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[RTA_MAX + 1] = { 0 };
	struct nexthop_route route = { .port = -1 };

	if (rtm->rtm_family != AF_INET || rtm->rtm_type != RTN_UNICAST || rtm->rtm_table != RT_TABLE_MAIN ||
	    rtm->rtm_protocol == ROUTES_PROTOCOL_ICORP)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*rtm), on_attr, tb);
	route.dest.len = rtm->rtm_dst_len;
	if (tb[RTA_DST])
		memcpy(&route.dest.addr, mnl_attr_get_payload(tb[RTA_DST]), 4);
	if (tb[RTA_GATEWAY])
		memcpy(&route.gateway, mnl_attr_get_payload(tb[RTA_GATEWAY]), 4);
	if (tb[RTA_PRIORITY])
		route.metric = mnl_attr_get_u32(tb[RTA_PRIORITY]);
	if (tb[RTA_OIF])
		route.port = routes_port(reading->routes, mnl_attr_get_u32(tb[RTA_OIF]));
	return nexthops_add_route(&reading->into, &route) ? MNL_CB_ERROR : MNL_CB_OK;
}

static int dump(struct reading *reading)
{
	char buffer[32768]; /* as large as the kernel fills a dump's message */
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct rtmsg *rtm;
	ssize_t n = -1;
	int r = 1;

	if (!nl)
		return -errno;
	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	if (!mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) && mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) >= 0) {
		while (r > 0 && (n = mnl_socket_recvfrom(nl, buffer, sizeof(buffer))) > 0)
			r = mnl_cb_run(buffer, (size_t)n, 1, mnl_socket_get_portid(nl), on_route, reading);
	}
	if (n < 0 || r < 0)
		r = errno ? -errno : -EIO;
	mnl_socket_close(nl);
	return r < 0 ? r : 0;
}

/* Reads all; 1 when different from before, 0 when the same, -errno (then nothing changed). */
static int reread(struct routes *routes)
{
	struct reading reading = { .routes = routes };
	struct nexthops *nh = routes->nexthops;
	int r;

	for (unsigned i = 0; i < routes->config->n_ports; i++)
		routes->ifindex[i] = if_nametoindex(routes->config->port[i].ifname);
	r = dump(&reading);
	if (r || (reading.into.n_routes == nh->n_routes &&
		  (!nh->n_routes || !memcmp(reading.into.route, nh->route, nh->n_routes * sizeof(*nh->route))))) {
		nexthops_clear_routes(&reading.into);
		return r;
	}
	nexthops_clear_routes(nh);
	nh->route = reading.into.route;
	nh->n_routes = reading.into.n_routes;
	return 1;
}

static void on_settled(evutil_socket_t fd, short what, void *ctx)
{
	struct routes *routes = ctx;

	if (reread(routes) > 0)
		routes->changed(routes->ctx);
}

static void on_change(evutil_socket_t fd, short what, void *ctx)
{
	struct timeval soon = { 0, SETTLE_MS * 1000 };
	struct routes *routes = ctx;
	char buffer[32768];

	while (recv((int)fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		;
	if (!event_pending(routes->timer, EV_TIMEOUT, NULL))
		event_add(routes->timer, &soon);
}

int routes_new(struct event_base *base, const struct core_config *config, struct nexthops *nexthops,
	       void (*changed)(void *ctx), void *ctx, struct routes **out)
{
	struct routes *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return -ENOMEM;
	routes->config = config;
	routes->nexthops = nexthops;
	routes->changed = changed;
	routes->ctx = ctx;
	routes->monitor = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!routes->monitor ||
	    mnl_socket_bind(routes->monitor, RTMGRP_IPV4_ROUTE | RTMGRP_LINK, MNL_SOCKET_AUTOPID)) {
		int r = -errno;

		routes_free(routes);
		return r;
	}
	routes->event = event_new(base, mnl_socket_get_fd(routes->monitor), EV_READ | EV_PERSIST, on_change, routes);
	routes->timer = event_new(base, -1, 0, on_settled, routes);
	if (!routes->event || !routes->timer || event_add(routes->event, NULL)) {
		routes_free(routes);
		return -ENOMEM;
	}
	*out = routes;
	return reread(routes) < 0 ? -EIO : 0;
}

void routes_free(struct routes *routes)
{
	if (!routes)
		return;
	if (routes->event)
		event_free(routes->event);
	if (routes->timer)
		event_free(routes->timer);
	if (routes->monitor)
		mnl_socket_close(routes->monitor);
	free(routes);
}
