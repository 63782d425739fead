/*
 * The route adaptor's rtnetlink messages: written and read without a socket, so that tests can look at them.
 */
#ifndef ICORP_ADAPTOR_ROUTE_MESSAGE_H
#define ICORP_ADAPTOR_ROUTE_MESSAGE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;

/* Our mark: the routes' protocol (rtm_protocol, /etc/iproute2/rt_protos), 73, which is unassigned there and in the kernel's
 * header; and the metric, 'I' in its first byte, whose other 24 bits tell sessions apart. So each session has routes of its
 * own, whatever others have to the same address, and a replace never meets a route of somebody else. */
#define ROUTE_PROTOCOL 73
#define ROUTE_METRIC 0x49000000u
#define ROUTE_METRIC_MASK 0xff000000u
#define ROUTE_MESSAGE_ROOM 256

/* A route to one address (/32) in table main. */
struct route {
	struct in_addr dst;
	struct in_addr gateway;     /* 0: dst's next hop is on the link */
	uint32_t oif;
	uint32_t metric;            /* of a session: ROUTE_METRIC and its bits */
};

/* "How would you get to dst?" */
struct nlmsghdr *route_message_get(void *buf, struct in_addr dst);
/* Installs the route, or moves ours to that destination. */
struct nlmsghdr *route_message_add(void *buf, const struct route *route);
/* Removes the one of that destination and metric, whatever its next hop. */
struct nlmsghdr *route_message_delete(void *buf, const struct route *route);
/* All IPv4 routes. */
struct nlmsghdr *route_message_dump(void *buf);

/* Reads an RTM_NEWROUTE message. *ours: it carries our mark (and is a /32 in table main). *type: RTN_*. 0, or -EBADMSG
 * with *out zeroed. */
int route_message_read(const struct nlmsghdr *nlh, struct route *out, int *ours, int *type);

#endif
