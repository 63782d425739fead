/*
 * The trunk technology's own parts. Between two routers lies a set of permanent circuits with different rates and classes: the
 * trunk. The controller knows it as one port; each ICorp that uses the port is carried by one of the circuits. Here, with the
 * port eth1, and eth1 and eth2 its circuits:
 *
 *     table ip icorp_trunk_eth1
 *         map circuit      (comment: whose, its rate, its class)
 *                          10.64.7.0/24 comment "icorp 7 10.200.1.11 15000000 1" : 0x1c0b43e2
 *         set circuits     their marks: what was taken out of the configuration is known by the next process, and goes
 *         chain forwarded  prerouting: what is routed to eth1 gets the mark of its source, then of its destination
 *         chain own        output: the same for this machine's own packets, which are then routed anew
 *         chain routed     postrouting: the mark goes, so that a tunnel's own packets are not routed by it
 *     rule 7179: fwmark 0x1c0b43e2 lookup 0x1c0b43e2      one per circuit; mark and table are the same number, made
 *     table 0x1c0b43e2: default via 10.200.4.2 dev eth2   of the circuit's name
 *
 * So a move is one element replaced, whatever the number of ICorps: what was queued on the former circuit leaves by it, what
 * comes after goes by the new one, and nothing is lost; but what goes by the faster one may arrive before what was sent
 * before. With a circuit's interface its route goes, and its packets go by the port as if there was no trunk.
 *
 *     trunk_choose.c   which circuit; no I/O
 *     trunk_plan.c     sessions: check, apply, revoke, flush, renew
 *     trunk_audit.c    comparing with what is there
 *     trunk_table.c    the nftables table
 *     trunk_circuit.c  rules and routes (rtnetlink), and which circuits are up
 */
#ifndef ICORP_ADAPTOR_TRUNK_H
#define ICORP_ADAPTOR_TRUNK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "adaptors/keymap.h"
#include "adaptors/protocol.h"

#define TRUNK_TABLE "icorp_trunk_"   /* our mark in nftables, followed by the port; elements carry the ICorp */
#define TRUNK_MARK 0x1c0b0000u       /* and on rules and tables, with TRUNK_PROTOCOL; 16 bits more tell circuits apart */
#define TRUNK_MARK_MASK 0xffff0000u
#define TRUNK_PREFERENCE 7179u
#define TRUNK_PROTOCOL 73
#define TRUNK_MAX_CIRCUITS 16
#define TRUNK_ANY_CLASS (-1)

struct trunk_circuit {
	char ifname[ADAPTOR_IFNAME];
	uint64_t rate_bps, promised_bps;  /* configured; guaranteed to sessions (staged ones included) */
	struct in_addr via;               /* the next hop; 0: the circuit has two ends */
	int class;                        /* enum capacity_class whose ICorps belong here, or TRUNK_ANY_CLASS */
	uint32_t mark;
	unsigned ifindex;                 /* 0: no such interface now */
	int up;                           /* it carries, and its rule and route are there */
	int has_rule, has_route;          /* as last read */
	char reason[64];                  /* why it is not up */
};

/* What a session has, or is to have. prefix.len 0: nothing. */
struct trunk_want {
	struct prefix prefix;
	uint64_t rate_bps;                /* guaranteed; 0: nothing is */
	enum capacity_class capacity;
	uint32_t lifetime_s;
	unsigned circuit;
};

struct trunk_session {
	struct keymap_entry entry;        /* first: its key */
	TAILQ_ENTRY(trunk_session) link;  /* while staged */
	struct trunk_want now, next;      /* in the kernel; after the next flush */
	int staged, adopted, known;       /* next is not now yet; found at open and not applied since; applied, not revoked */
	int over;                         /* it was told that its circuit has no room for all that it promised */
	uint64_t renewed_us;
	int wanted;                       /* during an audit */
};

struct trunk_state {
	struct nft_ctx *nft;
	struct mnl_socket *nl;
	unsigned seq;
	int renews;                       /* adding an element again renews its timeout (nftables.h) */
	char port[ADAPTOR_IFNAME], table[48];
	unsigned n_circuits;
	struct trunk_circuit circuits[TRUNK_MAX_CIRCUITS];
	struct keymap sessions;
	TAILQ_HEAD(, trunk_session) staged;
	char *rules;                      /* the table without elements, as it was when we wrote it */
};

/* trunk_choose.c */
/* May a circuit carry that rate besides what it has promised to others? own: what of its promises is the asker's. */
int trunk_fits(const struct trunk_circuit *c, uint64_t own, uint64_t rate_bps);
/*
 * The circuit for `want`, by the one it has (NULL: none). The one it has as long as it fits and the same is wanted; else, of
 * those up with room, one of its class before one of any class before one of another, then the smallest. What it had already
 * it may keep or lower, also where there is no room: *over says so. -ENOSPC or -ENETDOWN, with a reason that says what would
 * still fit.
 */
int trunk_choose(const struct trunk_circuit *c, unsigned n, const struct trunk_want *held, struct trunk_want *want, int *over,
		 char *why, size_t room);

/* trunk_plan.c */
struct trunk_session *trunk_find(const struct trunk_state *s, struct adaptor_key key);
struct trunk_session *trunk_next(const struct trunk_state *s, const struct trunk_session *after);
/* Found, or made; NULL: no memory. */
struct trunk_session *trunk_obtain(struct trunk_state *s, struct adaptor_key key);
void trunk_drop(struct trunk_state *s, struct trunk_session *session);
void trunk_stage(struct trunk_state *s, struct trunk_session *session, const struct trunk_want *next);
/* Counts what it will have among its circuit's promises, or (-1) no longer. */
void trunk_promise(struct trunk_state *s, const struct trunk_session *session, int sign);
int trunk_check(void *state, const struct adaptor_terms *terms, struct adaptor_result *result);
int trunk_apply(void *state, const struct adaptor_terms *terms, struct adaptor_result *result);
int trunk_revoke(void *state, struct adaptor_key key, char *why, size_t room);
int trunk_flush(void *state, void (*result)(void *ctx, struct adaptor_key key, int error, const char *reason), void *ctx);
int trunk_renew(void *state, const struct adaptor_key *keys, size_t n, uint8_t *failed);

/* trunk_audit.c */
/* Takes over the sessions whose elements a former process left. 0 or -ENOMEM. */
int trunk_adopt(struct trunk_state *s);
int trunk_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired);

/* trunk_table.c */
/* An element as read back. ours 0: not as we write them. */
struct trunk_element {
	struct adaptor_key key;
	int ours;
	struct prefix prefix;
	uint64_t rate_bps;
	enum capacity_class capacity;
	uint32_t mark, expires_s;
};
/* Would the kernel take the table? 0, or -errno with a reason. */
int trunk_table_try(struct trunk_state *s, char *why, size_t room);
/* Makes table, map and chains, leaving elements. 0, or -errno with a reason. */
int trunk_table_setup(struct trunk_state *s, char *why, size_t room);
/* Writes the table and the elements of all sessions as they are to be next, in one transaction: no packet sees the middle. */
int trunk_table_write(struct trunk_state *s, char *why, size_t room);
/* The elements of all that is staged; those of no circuit go. One transaction: 0, or -errno with a reason. */
int trunk_table_commit(struct trunk_state *s, char *why, size_t room);
/* Renews the elements of these sessions; NULL ones are left out. 0 or -errno. */
int trunk_table_renew(struct trunk_state *s, struct trunk_session *const *sessions, size_t n);
/* The table without elements as it is. NULL: there is none. The caller frees. */
char *trunk_table_rules(struct trunk_state *s);
/* The marks of circuits that a former process of this port had and this one has not. How many, at most `max`. */
size_t trunk_table_former(struct trunk_state *s, uint32_t *marks, size_t max);
/* The map's elements; the caller frees. 0, also when there is no map, or -ENOMEM. */
int trunk_table_read(struct trunk_state *s, struct trunk_element **elements, size_t *n);

/* trunk_circuit.c */
/* The number of a circuit's mark and table. */
uint32_t trunk_mark(const char *ifname);
/* The circuit of that mark, or -1. */
int trunk_circuit_of(const struct trunk_state *s, uint32_t mark);
/* Opens the socket. 0 or -errno. */
int trunk_circuits_open(struct trunk_state *s);
/* Which are up; makes their rules and routes, whether they are there or not, in one batch. 0 or -errno. */
int trunk_circuits_setup(struct trunk_state *s);
/* Removes the rules and routes of circuits that are no longer ours. 0 or -errno. */
int trunk_circuits_forget(struct trunk_state *s, const uint32_t *marks, size_t n);
/* Sets has_rule and has_route of each. 0 or -errno. */
int trunk_circuits_read(struct trunk_state *s);

#endif
