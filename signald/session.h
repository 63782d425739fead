/*
 * The core's own structures: one session is one ICorp's soft state in this controller.
 *
 *   session -- leaf[]    one per endpoint of the contract: is it ours, where is it, is it confirmed, what does it ask
 *           -- branch*   one per downstream neighbour (or the ISC on this machine): refresh, lifetime, its reservation
 *           -- hold[]    what is reserved per port
 *
 * Deadlines are absolute; the session's earliest one sits in the table's heap. Marks (dirty_*) say what an input
 * changed; session_settle() turns them into actions.
 */
#ifndef ICORP_SIGNALD_SESSION_H
#define ICORP_SIGNALD_SESSION_H

#include "lib/heap.h"
#include "signald/core.h"

enum session_state {
	SESSION_NEW,         /* being built; nothing reserved */
	SESSION_RESERVED,    /* Path accepted: resources held, nothing committed */
	SESSION_COMMITTING,  /* the first commit is under way */
	SESSION_UP,          /* committed */
	SESSION_FAILED,      /* refused, or its ISC is gone: holds nothing, waits for the tear */
	SESSION_STATES
};
const char *session_state_name(enum session_state state);

enum leaf_where { LEAF_ELSEWHERE, LEAF_LOCAL, LEAF_BRANCH };

struct branch;

struct leaf {
	const struct contract_endpoint *ep;   /* in the session's contract */
	enum leaf_where where;
	int up;                               /* confirmed by a Resv (or by ourselves, when LOCAL) */
	struct branch *branch;                /* BRANCH */
	struct in_addr subtarget;             /* BRANCH: next router behind the neighbour */
	struct in_addr came_for;              /* the subtarget and group of the Path that listed it */
	uint16_t group;
	uint64_t path_expires_us;             /* UINT64_MAX when we originate */
	uint64_t prune_us;                    /* leader: give it up then, unless it is confirmed again; 0: no */
	unsigned listed : 1;                  /* by the Path being processed */
	struct rsvp_load load;                /* as it says of itself, from below */
	struct rsvp_load told;                /* as the leader says, from above: who is up, and its weight */
	struct rsvp_demand demand[RESOURCE_MAX + 1];   /* the latest; sequence 0: none */
	uint32_t handled[RESOURCE_MAX + 1];   /* the last sequence we acted on: at most once */
	uint64_t level[RESOURCE_MAX + 1];     /* server of this ISC: what it has now */
	uint64_t former_bps;                  /* server: bandwidth before the last demand, if that is refused */
};

struct branch {
	struct branch *next;
	uint32_t lih;                         /* our handle in HOP, echoed in its Resv; unique in the session */
	struct in_addr neighbour;
	int port;
	int trunk, isc;
	int n_leaves;
	uint64_t next_path_us;
	uint64_t resv_expires_us;             /* 0: no reservation from it */
	uint64_t rate_bps;                    /* its reservation, or the contract's rate until there is one */
	uint64_t blocked_bps, blocked_until_us; /* blockade: what was refused is not tried again before */
	uint32_t resv_hash;                   /* of the last Resv's content: a refresh only moves the lifetime */
	RSVP_VECTOR(struct rsvp_grant) grants; /* from below */
};

struct hold { int port; uint64_t bps; };

struct session {
	struct heap_entry timer;              /* first: heap_top gives the session */
	struct session *hash_next, *closed_next;
	struct adaptor_key key;
	struct contract *contract;
	enum session_state state;
	int leading;
	int asked;                            /* some apply was asked for and not revoked: adaptors may hold something */
	int committed;                        /* and one succeeded */

	struct { struct in_addr addr; uint32_t lih; int port; uint64_t refresh_us, next_resv_us; } up;
	int up_trunk;                         /* switch: the previous hop understands tags (it told us a VLAN) */
	uint64_t isc_deadline_us;             /* server: the ISC must answer by then; 0: not waiting */
	uint16_t vlan;                        /* switch: of this ICorp in this island */
	uint8_t vlan_ours;                    /* taken from our pool (and to be returned) */
	RSVP_VECTOR(struct in_addr) route;    /* the way from the leader to here, without us */

	unsigned n_leaves; struct leaf *leaf; /* parallel to the contract's endpoints */
	struct branch *branch;
	uint32_t next_lih;
	unsigned n_holds; struct hold hold[CORE_MAX_PORTS];
	uint64_t applied_bps;                 /* the merged rate of the last successful commit */
	RSVP_VECTOR(struct rsvp_grant) grants; /* our own */

	/* from upstream (made by the leader), passed on downwards */
	struct rsvp_price price;
	RSVP_VECTOR(struct rsvp_grant) told;  /* grants for demands of endpoints below */

	uint64_t renew_us;                    /* what is committed times out in the kernel: apply it again then; 0: nothing */
	uint64_t cookie;                      /* of the commit under way; 0: none */
	struct { uint8_t code; uint16_t value; char element[CONTRACT_NAME], reason[ADAPTOR_REASON]; } error;
	uint8_t enforcement[RESOURCE_MAX + 1]; /* as the adaptors said at the last commit */
	struct in_addr confirm;               /* who waits for ResvConf; 0.0.0.0: nobody */

	int was_complete;                     /* leader: every leaf was up once */
	uint32_t told_hash;                   /* leader: of what the last Paths said */
	unsigned dirty_terms : 1, dirty_up : 1, dirty_down : 1, dirty_report : 1, closing : 1;
};

struct parked { struct parked *next; struct rsvp_msg msg; struct core_from from; uint64_t expires_us; };

struct core {
	struct core_config config;
	const struct nexthops *nexthops;
	struct session **bucket; size_t n_buckets, n_sessions;
	struct heap timers;
	struct session *closed;               /* freed at the next input */
	struct parked *parked; unsigned n_parked;
	uint64_t next_cookie, random;
	uint8_t vlan_used[4096 / 8];
	uint64_t counter[CORE_COUNTERS];
};

#define CORE_MAX_PARKED 1024

/* What every processing function works with. */
struct turn { struct core *core; uint64_t now_us; struct core_actions *actions; };

/* actions.c */
struct core_action *action_add(struct turn *t, enum core_action_type type);
struct rsvp_msg *action_send(struct turn *t, struct in_addr to, int port, uint8_t type, const struct session *s);

/* tick.c */
uint64_t core_jitter(struct core *core, uint64_t r_us);      /* [0.5, 1.5] R */
uint64_t core_lifetime(const struct core *core, uint64_t r_us); /* (K + 0.5) * 1.5 * R */
uint64_t core_their_lifetime(const struct core *core, uint32_t refresh_ms); /* of a neighbour's R, within reason */
void session_schedule(struct turn *t, struct session *s);

/* input.c */
void parked_free(struct parked *p);
void parked_expire(struct turn *t);

/* table.c */
/* Frees the sessions closed by the previous turn: until now its actions could name them. */
void table_bury(struct core *core);
struct session *session_find(struct core *core, struct adaptor_key key);
struct session *session_create(struct turn *t, struct adaptor_key key, struct contract *contract);
/* Frees all it holds here, revokes and forgets. The struct stays readable until the next input. */
void session_close(struct turn *t, struct session *s);
void session_chstate(struct turn *t, struct session *s, enum session_state state, const char *why);
int session_set_contract(struct session *s, struct contract *contract);

/* branch.c */
struct leaf *leaf_by_addr(struct session *s, struct in_addr control);
/* Finds out where leaf is and hangs it under its branch. 0, -EHOSTUNREACH, -ENOMEM, -ELOOP (back to where it came from). */
int leaf_place(struct turn *t, struct session *s, struct leaf *leaf);
/* Takes it off; the branch goes with its last leaf. Nothing is sent. */
void leaf_unplace(struct turn *t, struct session *s, struct leaf *leaf);
/* The same and tells the neighbour (PathTear). */
void leaf_prune(struct turn *t, struct session *s, struct leaf *leaf);
struct branch *branch_by_lih(struct session *s, uint32_t lih);
/* Takes away a branch's reservation: its leaves are no longer up. Returns how many were. */
unsigned branch_unreserve(struct turn *t, struct session *s, struct branch *b);
struct leaf *leaf_of_isc(struct session *s);                 /* the ISC on this machine; NULL */
unsigned session_up(const struct session *s);                /* leaves that are up */

/* admit.c */
/* The rate this session wants on a port now: the largest of what lies beyond it. */
uint64_t session_want(const struct session *s, int port);
/* The merged rate towards the initiator. */
uint64_t session_merged(const struct session *s);
/* Brings the holds to what is wanted. On -ENOSPC nothing changed, *port is the full one, *fits what would fit. */
int session_hold(struct turn *t, struct session *s, int *port, uint64_t *fits);
void session_release(struct core *core, struct session *s);
int vlan_take(struct core *core, struct session *s, uint16_t proposed);
void vlan_give(struct core *core, struct session *s);

/* send.c */
void send_path(struct turn *t, struct session *s, struct branch *b);
void send_resv(struct turn *t, struct session *s);
void send_path_tear(struct turn *t, struct session *s, struct branch *b, const struct leaf *only);
void send_resv_tear(struct turn *t, struct session *s, const struct branch *of, const struct leaf *only);
void send_path_err(struct turn *t, const struct session *s, const struct rsvp_error *error,
		   const struct rsvp_grant *grant, const struct leaf *only);
void send_resv_err(struct turn *t, struct session *s, struct branch *b, uint8_t code, uint16_t value, uint8_t flags,
		   const struct rsvp_grant *grant);

/* path.c */
void path_input(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from, struct contract *contract);
void path_tear_input(struct turn *t, const struct rsvp_msg *msg);
/* Reserves for all placed leaves; on failure reports the error upstream (or to the gatekeeper) and closes. */
int path_reserve(struct turn *t, struct session *s);

/* resv.c */
void resv_input(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from);
void resv_tear_input(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from);
void resv_conf_input(struct turn *t, const struct rsvp_msg *msg);
/* A leaf is no longer confirmed (lapse or tear). */
void leaf_lost(struct turn *t, struct session *s, struct leaf *leaf, const char *why);

/* error.c */
void path_err_input(struct turn *t, const struct rsvp_msg *msg);
void resv_err_input(struct turn *t, const struct rsvp_msg *msg);
/* This element cannot carry the session: release, tell upstream (or the gatekeeper), close. */
void session_refuse(struct turn *t, struct session *s, uint8_t code, uint16_t value, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* demand.c */
void demand_input(struct turn *t, struct session *s, struct leaf *leaf, const struct rsvp_demand *demand);
/* After admission of a Resv: what we say about its bandwidth demands. refused NULL: it was admitted. */
void demand_bandwidth_result(struct turn *t, struct session *s, struct branch *b, const char *refused, uint64_t fits);
/* The grant (endpoint, resource) of our own, made if need be; NULL: no memory. endpoint 0.0.0.0: the ICorp as a whole. */
struct rsvp_grant *own_grant(struct turn *t, struct session *s, struct in_addr endpoint, enum resource resource);
void isc_levels_init(struct turn *t, struct session *s, struct leaf *leaf);
int isc_levels_hold(struct turn *t, struct session *s, struct leaf *leaf, char *why, size_t room);
void isc_levels_release(struct core *core, struct leaf *leaf);

/* leader.c */
void leader_update(struct turn *t, struct session *s);
void leader_failed(struct turn *t, struct session *s);

/* settle.c */
void session_settle(struct turn *t, struct session *s);

/* FNV-1a, to notice whether content changed. Start with HASH_START. */
#define HASH_START 2166136261u
static inline uint32_t hash_u64(uint32_t h, uint64_t v)
{
	for (int i = 0; i < 8; i++, v >>= 8)
		h = (h ^ (uint8_t)v) * 16777619u;
	return h;
}
uint32_t hash_grants(uint32_t h, const struct rsvp_grant *v, unsigned n);

/* Printable names of RSVP error codes with values, for people. */
const char *rsvp_error_name(uint8_t code, uint16_t value);

#endif
