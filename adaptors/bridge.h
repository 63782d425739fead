/*
 * What the files of the `bridge` technology share (bridge.c has the essay).
 */
#ifndef ICORP_ADAPTOR_BRIDGE_H
#define ICORP_ADAPTOR_BRIDGE_H

#include <linux/netlink.h>
#include <net/if.h>

#include "adaptors/switch.h"

/* The preferences of our filters at every port's ingress. No one else's filter is at these. */
#define BRIDGE_PREF_IP 0x1c01
#define BRIDGE_PREF_ARP 0x1c02
#define BRIDGE_PREF_TAG 0x1c03
#define BRIDGE_VLANS SWITCH_VLANS
#define BRIDGE_MESSAGE 512             /* room for one of our messages */

/* What a port can have of a session. */
enum {
	BRIDGE_IP = 1u << 0,           /* filter: IPv4 to the prefix gets VLAN and priority */
	BRIDGE_ARP = 1u << 1,          /* filter: ARP for the prefix likewise */
	BRIDGE_TAG = 1u << 2,          /* filter: what comes in the VLAN gets the priority */
	BRIDGE_UNTAGGED = 1u << 3,     /* membership, tag taken off on the way out */
	BRIDGE_TAGGED = 1u << 4,       /* membership, tag left on */
};
#define BRIDGE_FILTERS (BRIDGE_IP | BRIDGE_ARP | BRIDGE_TAG)
#define BRIDGE_MEMBER (BRIDGE_UNTAGGED | BRIDGE_TAGGED)

struct bridge_port { int ifindex; char ifname[IFNAMSIZ]; unsigned has; };

/* A session as it is or is to be. The list owns its ports. */
struct bridge_session {
	struct bridge_session *next;
	struct adaptor_key key;
	uint16_t vlan;
	struct prefix prefix;
	uint8_t priority;
	int mixed;                     /* as read: the ports disagree about prefix or priority */
	int adopted;                   /* found in the kernel; not yet asked for by this controller */
	uint64_t bytes, packets;       /* as read: counted by the filters */
	unsigned n_ports;
	struct bridge_port *port;
};

/* The bridge as read from the kernel. */
struct bridge_slave {
	int ifindex;
	char ifname[IFNAMSIZ];
	uint8_t mac[ETHER_SIZE];
	uint8_t member[BRIDGE_VLANS / 8], untagged[BRIDGE_VLANS / 8];   /* bits by VLAN id */
};
struct bridge_world { int ifindex; int filtering; unsigned n_slaves; struct bridge_slave *slave; };

/* One change. bit: one of the above; add 0 removes it. */
struct bridge_op {
	int add, ifindex;
	char ifname[IFNAMSIZ];
	unsigned bit;
	uint16_t vlan;
	uint8_t priority;
	struct prefix prefix;
	struct adaptor_key key;
};
struct bridge_ops { struct bridge_op *op; size_t n, room; int error; };

struct bridge_state {
	char bridge[IFNAMSIZ];
	struct bridge_nl *nl;
	int skbedit;                   /* this kernel has it */
	struct bridge_session *sessions;
};

/* bridge.c */
/* Changes the kernel from one state to another (either may be NULL); back again when that fails. *changes counts. */
int bridge_move(struct bridge_state *s, const struct bridge_session *from, const struct bridge_session *to,
		size_t *changes, char *why, size_t room);
/* Takes it off the list and frees it. */
void bridge_forget(struct bridge_state *s, struct bridge_session *session);

/* bridge_audit.c: slots of the adaptor's table */
int bridge_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired);
int bridge_measure(void *state, struct writer *w);
int bridge_ports(void *state, struct writer *w);
int bridge_show(void *state, struct writer *w);

/* bridge_plan.c: no I/O */
/* What the terms want on a bridge with these slaves. 0, -EINVAL, -ENOENT (no such port) with a reason, -ENOMEM. */
int bridge_want(const struct bridge_world *world, const struct adaptor_terms *t, struct bridge_session **out,
		char *why, size_t room);
/* The changes that lead from one to the other; either may be NULL. In an order that leaves, wherever it is
 * broken off, a mark on each port that has anything. ops->error is -ENOMEM when it ran out. */
void bridge_plan(const struct bridge_session *from, const struct bridge_session *to, struct bridge_ops *ops);
/* The session on the bridge as it is now: gone ports go, ports known by name keep their part, new ones are no members.
 * 0 or -ENOMEM. */
int bridge_refresh(const struct bridge_world *world, struct bridge_session *s);
struct bridge_session *bridge_session_new(struct adaptor_key key, uint16_t vlan);
/* The session's port, added when it is not there. NULL when out of memory. */
struct bridge_port *bridge_session_port(struct bridge_session *s, int ifindex, const char *ifname);
void bridge_session_free(struct bridge_session *s);          /* NULL is fine */
void bridge_sessions_free(struct bridge_session *list);
struct bridge_session *bridge_find(struct bridge_session *list, struct adaptor_key key);
int bridge_has_vlan(const uint8_t *bits, uint16_t vlan);

/* bridge_message.c: no I/O */
/* The op as one request in a buffer of BRIDGE_MESSAGE bytes. */
struct nlmsghdr *bridge_message(const struct bridge_op *op, int skbedit, void *buffer);
/* clsact on an interface. */
struct nlmsghdr *bridge_message_clsact(int ifindex, void *buffer);
/* Is this RTM_NEWTFILTER one of ours? 1: *op says which (ifname empty), with its counters; 0: no. */
int bridge_message_parse(const struct nlmsghdr *nlh, struct bridge_op *op, uint64_t *bytes, uint64_t *packets);

/* bridge_netlink.c */
struct bridge_nl;
struct bridge_nl *bridge_nl_open(void);   /* NULL and errno */
void bridge_nl_close(struct bridge_nl *nl);
/* Sends a request and waits for its acknowledgement. 0 or -errno; why (may be NULL) gets the kernel's words. */
int bridge_nl_talk(struct bridge_nl *nl, struct nlmsghdr *nlh, char *why, size_t room);
/* Sends a dump request, calls each(nlh, ctx) for every answer. 0 or -errno; -EINTR is retried. */
int bridge_nl_dump(struct bridge_nl *nl, struct nlmsghdr *nlh, int (*each)(const struct nlmsghdr *nlh, void *ctx),
		   void *ctx);
/* Tries in a throw-away network namespace whether this kernel can do it. 0 and *skbedit, or -errno with a reason. */
int bridge_trial(int *skbedit, char *why, size_t room);

/* bridge_read.c */
/* 0, -ENODEV (no such bridge), -errno. bridge_world_clear frees what it filled. */
int bridge_read_world(struct bridge_nl *nl, const char *bridge, struct bridge_world *world);
void bridge_world_clear(struct bridge_world *world);
/* Our sessions as the kernel has them, one per key and VLAN. */
int bridge_read_sessions(struct bridge_nl *nl, const struct bridge_world *world, struct bridge_session **list);
/* Writes "fdb". */
int bridge_read_fdb(struct bridge_nl *nl, struct bridge_world *world, struct writer *w);
int bridge_set_filtering(struct bridge_nl *nl, int ifindex, char *why, size_t room);

#endif
