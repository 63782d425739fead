/*
 * The core's own structures: one session is one ICorp's soft state in this controller. There may be a million of them,
 * so what only few sessions need is kept apart (struct session_more, struct leaf_more) and made when first needed.
 *
 * A newer revision of its contract is a session of its own beside it, until one of the two is torn (revision.c).
 *
 *   session -- leaf[]    one per endpoint of the contract: is it ours, where is it, is it confirmed
 *           -- branch*   one per downstream neighbour (or the ISC on this machine): refresh, lifetime, its reservation
 *           -- hold[]    what is reserved per port
 *
 * Deadlines are absolute; the session sits in the wheel at its earliest one, or earlier: a refresh only moves a deadline.
 * Marks (dirty_*) say what an input changed; session_settle() turns them into actions.
 */
#ifndef ICORP_SIGNALD_SESSION_H
#define ICORP_SIGNALD_SESSION_H

#include "adaptors/keymap.h"
#include "lib/heap.h"
#include "lib/idmap.h"
#include "lib/log.h"
#include "lib/pool.h"
#include "lib/wheel.h"
#include "signald/core.h"
#include "signald/grants.h"

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

/* Of a leaf that asks for something, or whose server we are, or that moves, or (at its leader) that was lost. */
struct leaf_more {
	struct branch *next;                  /* it moves there, once that confirms it; NULL: it stays where it is */
	struct in_addr next_subtarget;
	uint64_t move_us;                     /* moving: the old way is given up then; else: it is to move, try then; 0: no */
	uint64_t prune_us;                    /* leader: give it up then, unless it is confirmed again; 0: no */
	struct rsvp_demand demand[RESOURCE_MAX + 1];   /* the latest; sequence 0: none */
	uint32_t handled[RESOURCE_MAX + 1];   /* the last sequence we acted on: at most once */
	uint64_t level[RESOURCE_MAX + 1];     /* server of this ISC: what it has now */
	uint64_t former_bps;                  /* server: bandwidth before the last demand, if that is refused */
};

struct leaf {                                 /* leaf_ep() is its endpoint */
	struct branch *branch;                /* BRANCH */
	struct leaf_more *more;               /* NULL: nothing of it */
	struct in_addr subtarget;             /* BRANCH: next router behind the neighbour */
	struct { uint32_t connections; uint16_t cpu_permille, memory_permille; } load; /* as it says of itself, from below */
	uint16_t weight;                      /* as the leader says, from above */
	uint16_t where : 2;                   /* enum leaf_where */
	uint16_t flags : 4;                   /* RSVP_LOAD_*: as it says of itself */
	uint16_t told_flags : 4;              /* RSVP_LOAD_*: as the leader says */
	uint16_t up : 1;                      /* confirmed by a Resv (or by ourselves, when LOCAL) */
	uint16_t listed : 1;                  /* by the message being processed */
	uint16_t claimed : 1, also : 1;       /* by the previous hop's last Path; by the former one's */
};

/* RFC 2205 section 3.5: as much as bps, or more, is not tried again before; asked_bps: what its last Resv says. */
struct blockade { uint64_t bps, asked_bps, until_us; };

struct branch {
	struct branch *next;
	struct in_addr neighbour, asked;      /* who it is; as the route called it, which may be by another address */
	uint32_t lih;                         /* our handle in HOP, echoed in its Resv; unique in the session */
	uint16_t n_leaves;
	int8_t port;
	uint8_t trunk : 1, isc : 1;
	uint8_t passes : 1, shared : 1;       /* as struct nexthop's beyond and shared */
	uint8_t beyond : 1;                   /* passes, and nobody has answered yet */
	uint8_t gap;                          /* routers without a controller before the neighbour, as its Resv's TTL says */
	uint8_t dirty : 1;                    /* it is to be sent a Path */
	uint8_t had_to_wait : 1;              /* its reservation had to wait, until its deadline */
	uint16_t parts;                       /* of its last Resv that are here, a bit each; and all behind the last one */
	uint32_t resv_hash;                   /* of the last Resv's content: a refresh only moves the lifetime */
	uint32_t path_id, resv_id;            /* of the messages: ours, its; 0: none */
	uint32_t refresh_ms;                  /* its R */
	uint64_t resv_expires_us;             /* 0: no reservation from it */
	uint64_t rate_bps;                    /* its reservation, or the contract's rate until there is one */
	struct blockade *blockade;            /* NULL: none */
	struct grants grants;                 /* from below */
};

struct hold { uint64_t port : 6, bps : 58; };
_Static_assert(CORE_MAX_PORTS <= 1 << 6, "a port's index fits");

/* A previous hop: who sends us the session's Path. */
struct upstream {
	uint64_t expires_us;                  /* Path state; UINT64_MAX when we lead */
	struct in_addr addr;
	uint32_t lih;
	uint32_t path_id, resv_id;            /* of the messages: its, ours; 0: none */
	uint32_t refresh_ms;                  /* its R */
	int8_t port;
	uint8_t n_route;
	uint8_t had_to_wait;                  /* the state had to wait, until its deadline */
	struct in_addr *route;                /* the way from the leader to here, without us */
};

struct grown;
struct found;

/* Of a session that was refused, that leads, runs an ISC here or changes, or in which somebody asked for something. */
struct session_more {
	char waits_for[ADAPTOR_REASON];       /* what the commit under way waits for; empty: nothing out of the ordinary */
	struct { uint8_t code; uint16_t value; char element[CONTRACT_NAME], reason[ADAPTOR_REASON]; } error;
	uint64_t isc_deadline_us;             /* server: the ISC must answer by then; 0: not waiting */
	uint64_t isc_path_us;                 /* server: knock at the ISC, or refresh it, again then; 0: no ISC */
	uint64_t recover_by_us;               /* server, recovering: it waits no longer than until then; else 0 */
	struct grants grants;                 /* our own answers to demands, and what we say of our ISC's share */
	struct grown *grown;                  /* preempt.c: one per port on which it holds more than its contract's rate */
	struct grants told;                   /* from upstream (made by the leader), passed on downwards */
	uint32_t told_hash;                   /* leader: of what the last Paths said */
	struct session *newer;                /* the next revision of the same ICorp, admitted beside this one; NULL: none */
	uint64_t complete_by_us;              /* leader: so long a newer revision may take to be complete; 0: no matter */
	uint64_t replaced_us;                 /* leader: a newer one is complete; when this one is torn; 0: it is not */
	struct in_addr cut;                   /* cutthrough.c: a shortcut, by the endpoint that began it; 0: the leader's tree */
};

/* The state is kept until then: should it lapse after all, its place in the row of those that lapse is a new one. */
static inline void upstream_renew(struct upstream *up, uint64_t until_us)
{
	up->expires_us = until_us;
	up->had_to_wait = 0;
}

static inline void branch_renew(struct branch *b, uint64_t until_us)
{
	b->resv_expires_us = until_us;
	b->had_to_wait = 0;
}

/* A bit for each resource that is known here. */
#define WORD_ABOUT(resource) ((1u << resource_slot(resource)) >> 1)

struct session {
	union {
		struct wheel_entry timer;     /* first: wheel_take gives the session */
		struct session *closed_next;  /* once closed, and out of the wheel for good */
	};
	struct adaptor_key key;
	struct contract *contract;
	struct session_more *more;            /* NULL: nothing of it; read through session_rest() */

	struct upstream up;
	struct upstream *former;              /* whom the Path came from before (upstream.c); NULL: nobody */
	uint8_t state;                        /* enum session_state */
	uint8_t leading : 1;
	uint8_t asked : 1;                    /* some apply was asked for and not revoked: adaptors may hold something */
	uint8_t committed : 1;                /* and one succeeded */
	uint8_t up_trunk : 1;                 /* switch: the previous hop understands tags (it told us a VLAN) */
	uint8_t vlan_ours : 1;                /* taken from our pool (and to be returned) */
	uint8_t was_complete : 1;             /* leader: every leaf was up once */
	uint8_t dirty_terms : 1, dirty_renew : 1, dirty_up : 1, dirty_down : 1, dirty_report : 1, closing : 1;
	uint8_t stale : 1;                    /* the last commit failed: the adaptors may hold something else */
	uint8_t recovering : 1;               /* of a former life, and not all neighbours have told of it again (recovery.c) */
	uint8_t told : 1;                     /* the leader has said (or we, leading, know) who is up: Paths pass it on */
	uint8_t emptied : 1;                  /* some branch has no leaf any more: torn after the commit */
	uint8_t replacing : 1;                /* shortcut whose revision is gone: those that stay are beginning theirs */
	uint8_t oldest : 1;                   /* revision of its ICorp here: it is in the table */
	uint8_t words : RESOURCE_MAX;         /* WORD_ABOUT: our grants whose outcome is what the adaptors said last, if not "applied" */
	uint16_t adaptors;                    /* that may hold something of it: the caller's note */
	uint16_t vlan;                        /* switch: of this ICorp in this island */
	uint16_t n_leaves;
	uint8_t n_holds, holds_room;
	uint8_t enforcement[RESOURCE_MAX];    /* by resource - 1: as the adaptors said at the last commit */
	uint32_t next_lih;
	uint32_t slot;                        /* in core->slot */
	uint32_t cookie;                      /* of the commit under way; 0: none */
	struct in_addr confirm;               /* who waits for ResvConf; 0.0.0.0: nobody */
	struct leaf *leaf;                    /* parallel to the contract's endpoints */
	struct branch *branch;
	struct hold *hold;
	uint64_t applied_bps;                 /* the merged rate of the last successful commit */
	uint64_t renew_us;                    /* what is committed times out in the kernel: renew it then; 0: nothing;
	                                         recovering, and no server: it waits no longer than until then */
	struct rsvp_price price;              /* from upstream, passed on downwards */
};

#define CORE_MAX_PARKED 1024
#define PARKED_CHAINS 256
struct parked;
/* Paths that wait for their contract (parked.c): by age, and what points behind the last; by ICorp; by the digest. */
struct parking {
	struct parked *first, **end, *by_icorp[PARKED_CHAINS], *by_digest[PARKED_CHAINS];
	unsigned n;
	struct log_burst burst;
};

/* preempt.c: of a port, those who hold more than their contract's rate, and by how much, for each holding priority. */
struct growth { struct heap heap; uint64_t bps[CORE_PRIORITIES]; };

static inline const struct contract_endpoint *leaf_ep(const struct session *s, const struct leaf *leaf)
{
	return &s->contract->endpoints[leaf - s->leaf];
}

/* Contracts by digest. */
struct shelf { struct shelved **bucket; size_t n_buckets, n; };

struct core {
	struct core_config config;
	const struct nexthops *nexthops;
	struct idmap by_key;                  /* the table: a number made of the key -> slot of the oldest revision */
	struct session **beside; size_t n_beside; /* the few whose number another one has */
	size_t n_sessions;
	struct pool pool;                     /* of all that sessions consist of */
	struct session *recent;               /* found last: most of what comes is about the same as before */
	struct wheel timers;
	struct shelf shelf;
	struct growth growth[CORE_MAX_PORTS];
	struct neighbours *neighbours;
	struct turn *turn;                    /* under way, for the neighbours' hooks */
	struct rsvp_msg out;                  /* the message being made */
	struct session **slot; uint32_t n_slots, slots_room, free_slot; /* by number; a free place holds the next free one */
	struct session *closed;               /* freed at the next input */
	struct { uint16_t adaptors; uint32_t slot; uint64_t at_us; } reapply; /* 0: nothing to do; who is next, and when */
	struct parking parking;
	/* recovery.c: what is unclaimed, by key and in a row; when next some of it goes, 0: it is gone, or that has not begun */
	struct { struct keymap found; struct found *first; uint64_t until_us; int over; } recovery;
	struct { uint64_t since_us, n; unsigned waiting; struct log_burst burst; } lapses; /* tick.c: of a storm */
	uint64_t random;
	uint32_t next_cookie;
	int traced;                           /* CORE_STATE is wanted */
	uint8_t vlan_used[4096 / 8];
	uint64_t counter[CORE_COUNTERS];
};

#define ISC_KNOCK_US 50000

/* What every processing function works with. */
struct turn {
	struct core *core;
	uint64_t now_us;
	struct core_actions *actions;
	const uint8_t *body; size_t body_len; /* the contract as the Path at hand brought it, deflated */
};
/* Begins a turn; every input does. */
void turn_begin(struct turn *t, struct core *core, uint64_t now_us, struct core_actions *actions);

/* actions.c */
struct core_action *action_add(struct turn *t, enum core_action_type type);
/* Out of memory: what was added goes nowhere. */
int action_is_lost(const struct core_action *a);
/* About a session: with its key and itself. */
struct core_action *action_session(struct turn *t, enum core_action_type type, const struct session *s);
/* A message to be sent; its bytes are copied. */
struct core_action *action_send(struct turn *t, struct in_addr to, int isc, uint8_t type, const uint8_t *message, size_t len);
/* For the operator: key is refused something here; key's session is in another state. */
void action_refused(struct turn *t, struct adaptor_key key, uint8_t code, uint16_t value, const char *why);
void action_state(struct turn *t, struct adaptor_key key, enum session_state from, enum session_state to, const char *why);

/* tick.c */
uint64_t core_jitter(struct core *core, uint64_t r_us);      /* [0.5, 1.5] R */
uint64_t core_lifetime(const struct core *core, uint64_t r_us); /* (K + 0.5) * 1.5 * R */
uint64_t core_their_lifetime(const struct core *core, uint32_t refresh_ms); /* of a neighbour's R, within reason */
/* What is marked becomes actions by then, or with the session's next input. */
void session_settle_soon(struct turn *t, struct session *s, uint64_t in_us);
/* Puts the session into the wheel at its earliest deadline. */
void session_schedule(struct turn *t, struct session *s);

/* parked.c */
/* The Path's contract is not here: it waits for it, or refreshes one that waits. 0: no room; it is to come again. */
int parked_path(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from);
/* A PathTear: what it tears may not have begun. */
void parked_torn(struct core *core, const struct rsvp_msg *msg, const struct core_from *from);
void parked_expire(struct turn *t);
uint64_t parked_next(const struct core *core); /* when that is needed next; UINT64_MAX: never */
void parked_clear(struct core *core);

/* table.c */
/* Frees the sessions closed by the previous turn: until now its actions could name them. */
void table_bury(struct core *core);
/* Into the table, where nothing is of its ICorp. 0 or -ENOMEM. */
int table_put(struct core *core, struct session *s);
/* s gives its place to another revision of its ICorp, or up (NULL). */
void table_replace(struct core *core, struct session *s, struct session *by);
/* The ICorp's oldest revision here; NULL: none. */
struct session *session_find(struct core *core, struct adaptor_key key);
/* The revision that this message is about, by its LSP-ID. */
struct session *session_of(struct core *core, const struct rsvp_msg *msg);
/* sender: who began it; another than the leader: a shortcut (cutthrough.c). NULL: no memory. */
struct session *session_create(struct turn *t, struct adaptor_key key, struct contract *contract, struct in_addr sender);
/* Frees all it holds here, revokes and forgets. The struct stays readable until the next input. */
void session_close(struct turn *t, struct session *s);
struct session *session_at(const struct core *core, uint32_t slot);
void session_chstate(struct turn *t, struct session *s, enum session_state state, const char *why);
/* The session's, made if need be; NULL: no memory. */
struct session_more *session_more(struct session *s);
/* The same to read: an empty one when there is none. */
const struct session_more *session_rest(const struct session *s);

/* cutthrough.c */
/* Who sent its Path at first; an ISC that does not say so means the leader. */
static inline struct in_addr rsvp_sender(const struct rsvp_msg *msg)
{
	return msg->template_.sender.s_addr ? msg->template_.sender : msg->session.leader;
}
static inline int session_is_cut(const struct session *s)
{
	return s->more && s->more->cut.s_addr;
}
/* Who sends its Path at first: the leader, or the endpoint that began the shortcut. */
struct in_addr session_sender(const struct session *s);
/* A shortcut that was begun here? */
int cutthrough_ours(const struct core *core, const struct session *s);
/*
 * A shortcut's endpoint, to be reached by port (CORE_PORT_NONE: it is here): 1: the shortcut ends here, 0: it goes on,
 * -EHOSTUNREACH: the endpoint is here, and its ICorp is not.
 */
int cutthrough_ends(struct core *core, const struct session *s, struct in_addr endpoint, int port);
/* Begins, changes and ends shortcuts as routes are now: of the tree's session at an endpoint, or a shortcut itself. */
void cutthrough_look(struct turn *t, struct session *s);
/* Tears one that was begun here. */
void cutthrough_end(struct turn *t, struct session *cut, const char *why);
/*
 * s is placed, in force, or closed: shortcuts end at the ports it uses, or go on where it was; those of its revision, or
 * that it replaces, are torn; recovery waits for it no more.
 */
void cutthrough_others(struct turn *t, const struct session *s);

/* revision.c, revision_isc.c, revision_leader.c: the revisions of one ICorp here, from the oldest on */
#define EACH_REVISION(m, core, of) (struct session *m = session_find(core, (of)->key); m; m = session_newer(m))
static inline struct session *session_newer(const struct session *s)
{
	return s->more ? s->more->newer : NULL;
}
/* Into the chain of its ICorp's, and the table if it is the oldest. 0 or -ENOMEM. */
int revision_join(struct core *core, struct session *s);
void revision_leave(struct core *core, struct session *s);
/* Settles a session that the input at hand was not for: what came with that (a contract's text) is not this one's. */
void revision_settle(struct turn *t, struct session *s);
/* s is closed: what it left is given to the others, and what was in force for it is no longer. */
void revision_heirs(struct turn *t, struct session *s);
/* Is there another? */
int revision_beside(struct core *core, const struct session *s);
/* What the others hold on a port: it is not counted twice. */
uint64_t revision_held(struct core *core, const struct session *s, int port);
/* The largest level that the others have of the ISC here. */
uint64_t revision_level(struct core *core, const struct session *s, enum resource resource);
/* The VLAN that another has, this one (0: any); 0: none. */
uint16_t revision_vlan(struct core *core, const struct session *s, uint16_t id);
/* The oldest that is to be in force (as action_session() has it for the adaptors); s itself when there is none. */
struct session *revision_first_asked(struct core *core, struct session *s);
/* s is to be in force, or no longer: all are applied together. */
void revision_commit(struct turn *t, struct session *s);
void revision_uncommit(struct turn *t, struct session *s);
/* Has another changed, and not been applied yet, or not with success? */
int revision_due(struct core *core, const struct session *s);
/* The newest that waits for this commit; NULL: none. */
struct session *revision_waiting(struct core *core, struct adaptor_key key, uint64_t cookie);
/* Is there another that speaks to that ISC: an older one, or any? */
int revision_speaks(struct core *core, const struct session *s, const struct branch *isc, int older);
/* What s's ISC begins with: what its contract says, or what demands made of it under another revision. */
uint64_t revision_begins(struct core *core, const struct session *s, const struct leaf *leaf, enum resource resource);
/* Demands that were acted on under another revision are not again. */
void revision_handled(struct core *core, const struct session *s, struct leaf *leaf);
/* What the ISC said to s counts for the newer revisions; what it said to older ones for s. */
void revision_mirror(struct turn *t, struct session *s, int news);
void revision_mirror_older(struct turn *t, struct session *s);
/*
 * Leader: what is said of this leaf, when it is not for s alone to say: until s is complete it is what is said of it in the
 * revision that stands; once a newer one is complete, and has not this endpoint, it is given no more work.
 */
void revision_weigh(struct core *core, const struct session *s, const struct leaf *leaf, uint8_t *flags, uint16_t *weight);
/* Leader: s is complete: what it replaces is torn, once what it no longer has is not used any more. */
void revision_complete(struct turn *t, struct session *s);
void revision_tick(struct turn *t, struct session *s);
/* Leader: tears what a new revision will never replace: those that were not yet complete, beside one that stands. */
void revision_supersede(struct turn *t, struct adaptor_key key);
/* From now on s, not `from`, speaks to the ISC: what it asked, and was answered, is known here, too. */
void revision_take_isc(struct turn *t, struct session *s, const struct session *from);
/* Leader: another revision that this one was to replace; NULL: none. */
struct session *revision_standing(struct core *core, const struct session *s);
/* Leader: an endpoint of s that has another address in the revision it is to replace, which keeps it till then; NULL: none. */
const struct contract_endpoint *revision_moves_isc(struct core *core, const struct session *s);
/* Leader: s failed; what stands remembers why. */
void revision_failed(struct session *stands, const struct session *s);

/* shelf.c */
/* The one copy of this contract, for as long as shelf_drop is not called; NULL: no memory. */
struct contract *shelf_take(struct core *core, struct contract *contract);
void shelf_drop(struct core *core, struct contract *contract); /* NULL is fine */
struct contract *shelf_find(const struct shelf *shelf, const uint8_t digest[SHA256_SIZE]);
size_t shelf_users(const struct shelf *shelf, const struct contract *contract);

/* branch.c */
struct leaf *leaf_by_addr(const struct session *s, struct in_addr control);
/* Does the message list it? Does a tear mean it: one that lists nothing means all? */
int leaf_listed(const struct session *s, const struct leaf *leaf, const struct rsvp_msg *msg);
int leaf_torn(const struct session *s, const struct leaf *leaf, const struct rsvp_msg *msg);
/* The leaf's, made if need be; NULL: no memory. */
struct leaf_more *leaf_more(struct leaf *leaf);
/* What it has of a server's resource now; 0: it is not our ISC. */
uint64_t leaf_level(const struct leaf *leaf, enum resource resource);
/* The same, and for bandwidth its branch's rate: it hangs under one. */
uint64_t leaf_has(const struct leaf *leaf, enum resource resource);
/* Finds out where leaf is and hangs it under its branch. 0, -EHOSTUNREACH, -ENOMEM, -ELOOP (back to where it came from). */
int leaf_place(struct turn *t, struct session *s, struct leaf *leaf);
/* The branch to that next hop of leaf, made if need be; NULL: no memory. */
struct branch *branch_towards(struct core *core, struct session *s, const struct leaf *leaf, const struct nexthop *hop);
/* Does the branch go by that next hop? */
int branch_is(const struct branch *b, const struct nexthop *hop);
/* Its neighbour turns out to be that one; when another branch is its, that has the leaves now, and b is gone: NULL. */
struct branch *branch_adopt(struct turn *t, struct session *s, struct branch *b, struct in_addr neighbour);
/* Frees a branch that has no leaf any more; its neighbour is not told. */
void branch_free(struct core *core, struct session *s, struct branch *b);
/* Does any leaf go through it, not only move there? */
int branch_in_force(const struct session *s, const struct branch *b);
/* Is leaf to be listed in b's Path? Then *via is the next router behind the neighbour. */
int leaf_through(const struct leaf *leaf, const struct branch *b, struct in_addr *via);
/*
 * Takes it off, and the branch with its last leaf. The neighbour is told by a PathTear, or, when others stay behind it, by
 * a Path that no longer lists it. (A PathTear of one leaf would leave the Path before it, which may have to be sent
 * again, to bring the leaf back.)
 */
void leaf_tear(struct turn *t, struct session *s, struct leaf *leaf);
/* The same; without any leaf a session that we do not lead is closed. */
void leaf_prune(struct turn *t, struct session *s, struct leaf *leaf);
struct branch *branch_by_lih(struct session *s, uint32_t lih);
void branch_delete(struct core *core, struct branch *b);     /* one that hangs nowhere */
void branch_forget_messages(struct core *core, struct branch *b);
/* Takes away a branch's reservation: its leaves are no longer up. Returns how many were. */
unsigned branch_unreserve(struct turn *t, struct session *s, struct branch *b);
struct leaf *leaf_of_isc(const struct session *s);           /* the ISC on this machine; NULL */
struct branch *branch_of_isc(const struct session *s, struct in_addr address); /* the same, if it has this address */
unsigned session_up(const struct session *s);                /* leaves that are up */

/* admit.c */
/* The contract's rate, to which the ICorp is entitled on every port; like all rates here as it is on the wire. */
uint64_t session_base(const struct session *s);
/* Is what is reserved for the branch held on that port, on its side or on a previous hop's? */
int branch_goes_through(const struct session *s, const struct branch *b, int port);
/* The rate this session wants on a port now: the largest of what lies beyond it. */
uint64_t session_want(const struct session *s, int port);
/*
 * What is to be in force there: without the branches that leaves are yet to move to (reroute.c), and no more than is held,
 * since what is wanted may not have been admitted.
 */
uint64_t session_rate(const struct session *s, int port);
/* The merged rate towards the initiator. */
uint64_t session_merged(const struct session *s);
/*
 * Brings the holds to what is wanted, at the cost of others' growth if need be (preempt.c). On -ENOSPC nothing changed,
 * *port is the full one, *fits what would fit.
 */
int session_hold(struct turn *t, struct session *s, int *port, uint64_t *fits);
/*
 * Before a previous hop is behind that port: holds there what is merged towards it, too. What is held elsewhere stays; so
 * does all of it on -ENOSPC: *fits would fit.
 */
int session_hold_also(struct turn *t, struct session *s, int port, uint64_t *fits);
/* Gives back what is held and no longer wanted. */
void session_yield(struct core *core, struct session *s);
void session_release(struct core *core, struct session *s);
uint64_t session_held(const struct session *s, int port);
/*
 * Which VLAN a switch's session is to have: its neighbour's when it proposes one (one id through the island), else its own,
 * or a free one of our pool. 0, or -ENOSPC: another session has it, or none is free.
 */
int vlan_find(struct core *core, const struct session *s, uint16_t proposed, uint16_t *id);
/* Takes it, once the session is admitted. What a former life left in it goes. */
void vlan_take(struct turn *t, struct session *s, uint16_t id);
void vlan_give(struct core *core, struct session *s);
int vlan_reserve(struct core *core, uint16_t id); /* 0 or -EEXIST */
void vlan_return(struct core *core, uint16_t id);

/* preempt.c */
/* A hold is to be held_bps now, by the contract as it is now: keeps account of what may be taken back. */
void growth_note(struct core *core, struct session *s, int port, uint64_t held_bps);
void growth_forget(struct core *core, struct session *s); /* the session ends, or is revised */
/* What could be taken back on a port for a session of this setup priority, bit/s. */
uint64_t preempt_spare(const struct core *core, int port, uint8_t setup);
/* Takes back so much for `by`, who may. Those who lose it are told, and settled. */
void preempt_take(struct turn *t, const struct session *by, int port, uint64_t bps);
/* It has grown since: what it says of its bandwidth here no longer is that some was taken back. */
void preempt_forget(struct turn *t, struct session *s);

/* exchange.c: sessions and neighbours */
int exchange_open(struct core *core);
/* An empty message about the session, to be filled. There is one at a time. */
struct rsvp_msg *message_begin(struct turn *t, uint8_t type, const struct session *s);
/* Sends it to a neighbour; flags and replaces as neighbour_send's. Returns its id, or 0. */
uint32_t message_send(struct turn *t, const struct session *s, struct in_addr to, unsigned flags, uint32_t replaces);
void message_send_isc(struct turn *t, struct in_addr to);
/* Is it old, or a copy of what made this state? Otherwise its id is to be learnt when the state has it. */
enum message_age { MESSAGE_NEW, MESSAGE_SAME, MESSAGE_OLD };
enum message_age message_age(const struct core *core, const struct session *s, struct in_addr from, uint32_t id,
			     const struct rsvp_msg *msg);
/* The message made the state that *id stands for; it may be refreshed by its id from now on. */
void message_learn(struct turn *t, const struct session *s, struct in_addr from, uint32_t *id, const struct rsvp_msg *msg);
/* The neighbour's, or our, message no longer stands for any state. */
void message_unlearn(struct core *core, struct in_addr from, uint32_t *id);
void message_withdraw(struct core *core, struct in_addr to, uint32_t *id);

/* send.c */
void send_path(struct turn *t, struct session *s, struct branch *b);
void send_resv(struct turn *t, struct session *s);
void send_path_tear(struct turn *t, struct session *s, struct branch *b);
void send_resv_tear(struct turn *t, struct session *s, const struct leaf *leaf);
/* This element refuses, for all leaves placed here, or for one (NULL: all). */
void send_path_err(struct turn *t, const struct session *s, struct in_addr to, const struct leaf *only, uint8_t code,
		   uint16_t value, const char *why);
/* A server says to its leader that it no longer has the ISC. */
void send_isc_gone(struct turn *t, const struct session *s);
/* error says which node found it; grant (NULL: none) its name and reason. Passed on as they came (RFC 2205 section 3.1.6). */
void send_resv_err(struct turn *t, struct session *s, struct branch *b, const struct rsvp_error *error,
		   const struct rsvp_grant *grant);

/* path.c */
void path_input(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from, struct contract *contract);
void path_tear_input(struct turn *t, const struct rsvp_msg *msg);
/* Reserves for all placed leaves; on failure reports the error upstream (or to the gatekeeper) and closes. */
int path_reserve(struct turn *t, struct session *s);

/* resv.c */
/* 0: it is not to be taken yet, and is to come again. */
int resv_input(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from);
void resv_tear_input(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from);
void resv_conf_input(struct turn *t, const struct rsvp_msg *msg);
/* Admits a rate of a branch; on refusal what it has stands, downstream and upstream are told. */
void resv_admit(struct turn *t, struct session *s, struct branch *b, uint64_t rate_bps);
/* A leaf is no longer confirmed (lapse or tear). */
void leaf_lost(struct turn *t, struct session *s, struct leaf *leaf, const char *why);

/* error.c */
void path_err_input(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from);
void resv_err_input(struct turn *t, const struct rsvp_msg *msg);
/* This element cannot carry the session: release, tell upstream (or the gatekeeper), close. */
void session_refuse(struct turn *t, struct session *s, uint8_t code, uint16_t value, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* blockade.c */
/* Is so much blocked? Notes that it is asked for. */
int branch_blocked(const struct turn *t, struct branch *b, uint64_t bps);
/* So much was admitted: no longer blocked, if it was. */
void branch_unblock(struct branch *b, uint64_t bps);
/* The blockade, if there was one, is over: what is still asked for is tried again. */
void branch_retry(struct turn *t, struct session *s, struct branch *b);
/*
 * The branch asked for asked_bps, or has it, and stands at to_bps from now on, less than that: asked_bps is blocked for a
 * lifetime, and whoever asked behind the branch hears of it: as error and grant (NULL: none) say, from another element,
 * or as code, value and why, from here. The caller brings holds, commit and Resv in line.
 */
void branch_reduce(struct turn *t, struct session *s, struct branch *b, uint64_t asked_bps, uint64_t to_bps,
		   const struct rsvp_error *error, const struct rsvp_grant *grant);
void branch_refuse(struct turn *t, struct session *s, struct branch *b, uint64_t asked_bps, uint64_t to_bps,
		   uint8_t code, uint16_t value, const char *why);

/* demand.c */
void demand_input(struct turn *t, struct session *s, struct leaf *leaf, const struct rsvp_demand *demand);
/* After admission of a Resv: what we say about its bandwidth demands. refused NULL: it was admitted. */
void demand_bandwidth_result(struct turn *t, struct session *s, struct branch *b, const char *refused, uint64_t fits);
/* Does a demand for bandwidth behind the branch wait for its first answer here? */
int demand_is_new(const struct session *s, const struct branch *b);
/* A grant of ours as it stands (endpoint 0.0.0.0: the ICorp as a whole), or a fresh one, "applied"; and replacing it. */
void own_grant(const struct core *core, const struct session *s, struct in_addr endpoint, enum resource resource,
	       struct rsvp_grant *out);
/* Every grant known here: our own, the ICorp's bandwidth first, what is between us and our neighbours, then those from below. 1, or 0 at the end. Zero *at. */
struct grant_cursor { int begun, below; uint32_t at; const struct branch *branch, *between; };
int session_grant_next(const struct core *core, const struct session *s, struct grant_cursor *at, struct rsvp_grant *out);
void own_grant_put(struct turn *t, struct session *s, const struct rsvp_grant *grant);
int isc_levels_init(struct core *core, struct session *s, struct leaf *leaf);
int isc_levels_hold(struct turn *t, struct session *s, struct leaf *leaf, char *why, size_t room);
void isc_levels_release(struct core *core, struct session *s, struct leaf *leaf);
/* Another level of our ISC, counted as far as no other revision has it. */
void isc_level_set(struct core *core, struct session *s, struct leaf *leaf, enum resource resource, uint64_t level);

/* leader.c */
void leader_update(struct turn *t, struct session *s);
/* Which endpoints the proxies are to use: what is in force here is to know, too. */
void leader_weigh(struct core *core, struct session *s);
void leader_failed(struct turn *t, struct session *s);
/* Tears it everywhere and closes it; nobody is told. */
void leader_tear(struct turn *t, struct session *s);

/* recovery.c */
/* The session was found when we started: it takes over what is there. Called once, when it is made. */
void recovery_claim(struct turn *t, struct session *s);
/* Was it found, and has nobody claimed it yet? */
int recovery_finds(const struct core *core, struct adaptor_key key);
/* Is it still to be left as it is? Ends its recovery when all is told, or it has waited long enough. */
int recovery_waits(struct turn *t, struct session *s);
/*
 * A shortcut, and not all that was found of its ICorp has been told of: the tree may be to come. Then it may end here
 * (cutthrough.c), so it does not go on yet: where it would end next, the technologies would be told of it for nothing.
 */
int recovery_holds_back(struct core *core, const struct session *s);
/* Our ISC's bandwidth: what the kernel has, or what the contract begins with. */
uint64_t recovery_bps(const struct session *s);
/* Was it found with something that nobody has claimed yet? */
int recovery_has_vlan(const struct core *core, uint16_t vlan);
/* A neighbour says that this VLAN is another's now: what was found of its former owner, if anything, goes. */
void recovery_evict(struct turn *t, uint16_t vlan);
/* When the recovery time is over, what nobody claimed goes, some of it at each call. */
void recovery_tick(struct turn *t);
void recovery_free(struct core *core);

/* upstream.c */
/*
 * A Path of this session came from another hop than before; the former one is kept until it is torn or lapses. 0, or
 * -ENOSPC: what is held towards the former hop does not fit there; that hop was told, and the former one stays.
 */
int upstream_change(struct turn *t, struct session *s, const struct rsvp_msg *msg, const struct core_from *from);
/* A Path from the former previous hop that wants nothing new: it lives, and no more. 0: it is another. */
int upstream_former_path(struct turn *t, struct session *s, const struct rsvp_msg *msg, const struct core_from *from);
/* A PathTear from there. 0: it was not. */
int upstream_former_tear(struct turn *t, struct session *s, const struct rsvp_msg *msg);
/* The previous hop no longer is one. 1: the former one is again; 0: there is none. */
int upstream_fall_back(struct turn *t, struct session *s);
/* The former one no longer is one: what only it listed goes. */
void upstream_forget(struct turn *t, struct session *s);
/* The other previous hop's port while it wants some leaf; else CORE_PORT_NONE. */
int upstream_former_port(const struct session *s);
/* Does that neighbour want the leaf from us? Then the way there does not lead through it. */
int upstream_wants(const struct session *s, const struct leaf *leaf, struct in_addr neighbour);
/* Neither its Path nor our Resv to it is to be refreshed any more. */
void upstream_forget_messages(struct core *core, struct upstream *hop);
void upstream_free(struct core *core, struct session *s);

/* reroute.c */
/* Looks up the leaf's next hop again; at a switch, towards subtarget. It moves when that is another one. */
void leaf_reroute(struct turn *t, struct session *s, struct leaf *leaf, struct in_addr subtarget);
/* Holds what the leaves that began to move need; those for which it does not fit stay. */
void reroute_hold(struct turn *t, struct session *s);
/* The leaf does not move after all; try again at retry_us (0: no). */
void leaf_stay(struct turn *t, struct session *s, struct leaf *leaf, uint64_t retry_us);
/* The Resv of b confirms leaves that were to move there: they are there now. */
void reroute_confirmed(struct turn *t, struct session *s, struct branch *b, const struct rsvp_msg *msg);
/* An error about a leaf came from there. 1: it does not concern the way in force. */
int reroute_refused(struct turn *t, struct session *s, struct leaf *leaf, const struct core_from *from);
/* Tears the branches that have no leaf any more. */
void reroute_tear_emptied(struct turn *t, struct session *s);
void reroute_tick(struct turn *t, struct session *s);

/* settle.c */
void session_settle(struct turn *t, struct session *s);
/* Is it in force, as far as we know, and no commit of it under way or due? */
static inline int session_at_rest(const struct session *s)
{
	return s->committed && !s->cookie && !s->stale && !s->closing;
}

static inline uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* FNV-1a, to notice whether content changed. Start with HASH_START. */
#define HASH_START 2166136261u
static inline uint32_t hash_u64(uint32_t h, uint64_t v)
{
	for (int i = 0; i < 8; i++, v >>= 8)
		h = (h ^ (uint8_t)v) * 16777619u;
	return h;
}
uint32_t hash_bytes(uint32_t h, const void *data, size_t len);

/* Printable names of RSVP error codes with values, for people. */
const char *rsvp_error_name(uint8_t code, uint16_t value);

#endif
