/*
 * The route adaptor's rtnetlink messages: written and read without a socket, so that tests can look at them.
 */
#ifndef ICORP_ADAPTOR_ROUTE_MESSAGE_H
#define ICORP_ADAPTOR_ROUTE_MESSAGE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

struct nlmsghdr;

/* Our mark: the routes' protocol (rtm_protocol, /etc/iproute2/rt_protos), 73, which is unassigned there and in the kernel's
 * header; and the metric, 'I' in its first byte, whose other 24 bits tell sessions apart. So each session has routes of its
 * own, whatever others have to the same address, and a replace never meets a route of somebody else. */
#define ROUTE_PROTOCOL 73
#define ROUTE_METRIC 0x49000000u
#define ROUTE_METRIC_MASK 0xff000000u
#define ROUTE_MESSAGE_ROOM 256

/* Where among the kernel's rules ours is: before the one for table main (32766), behind those that somebody made by hand. */
#define ROUTE_RULE_PREFERENCE 32073

/* A route to one address (/32). */
struct route {
	struct in_addr dst;
	struct in_addr gateway;     /* 0: dst's next hop is on the link */
	uint32_t oif;
	uint32_t metric;            /* of a session: ROUTE_METRIC and its bits */
	uint32_t table;             /* RT_TABLE_MAIN or one of ours */
};

/* "What goes to dst is looked up in the table." */
struct route_rule { struct prefix dst; uint32_t table; };

/* "How would you get to dst?" */
struct nlmsghdr *route_message_get(void *buf, struct in_addr dst);
/* Installs the route, or moves ours to that destination. */
struct nlmsghdr *route_message_add(void *buf, const struct route *route);
/* Removes the one of that destination, metric and table, whatever its next hop. */
struct nlmsghdr *route_message_delete(void *buf, const struct route *route);
/* All IPv4 routes. */
struct nlmsghdr *route_message_dump(void *buf);

/* Makes the rule; the kernel answers -EEXIST when it is there. */
struct nlmsghdr *route_message_add_rule(void *buf, const struct route_rule *rule);
struct nlmsghdr *route_message_delete_rule(void *buf, const struct route_rule *rule);
/* All IPv4 rules. */
struct nlmsghdr *route_message_dump_rules(void *buf);

/* Reads an RTM_NEWROUTE message. *ours: it carries our mark (and is a /32). *type: RTN_*. 0, or -EBADMSG with *out zeroed. */
int route_message_read(const struct nlmsghdr *nlh, struct route *out, int *ours, int *type);
/* Reads an RTM_NEWRULE message. *ours: it carries our mark (protocol and preference). 0, or -EBADMSG with *out zeroed. */
int route_message_read_rule(const struct nlmsghdr *nlh, struct route_rule *out, int *ours);

#endif
