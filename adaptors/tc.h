/*
 * The tc technology's own parts: state and plans (tc_state.c, tc_plan.c, no I/O), text of plans (tc_text.c, no I/O),
 * and the backend that carries them out in the kernel (tc_kernel.h). Tests bring a backend that prints.
 *
 * On each configured link:
 *
 *     1c0b: htb, default 1c0b:2
 *       1c0b:1  the link, at its rate
 *         1c0b:2    everything else: a hundredth of the link, may borrow all of it, last in line
 *         1c0b:3    signaling (RSVP): a hundredth of the link, first in line
 *         1c0b:10…  the pool: one minor number per ICorp, the same on all links; idle ones hold 8 kbit/s
 *
 * and in nftables, for each length of prefixes, one map classLEN NETWORK -> class, consulted for source and destination
 * of what leaves: a hash, so that a packet does not notice how many ICorps there are.
 */
#ifndef ICORP_ADAPTOR_TC_H
#define ICORP_ADAPTOR_TC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "adaptors/protocol.h"

#define TC_MAJOR 0x1c0bu            /* our mark on qdiscs and classes */
#define TC_TABLE "icorp_tc"         /* and in nftables; elements carry the ICorp in their comment */
#define TC_MINOR_LINK 1u
#define TC_MINOR_DEFAULT 2u
#define TC_MINOR_SIGNALING 3u
#define TC_MINOR_FIRST 0x10u
#define TC_POOL_FIRST 16u           /* classes of a fresh pool */
#define TC_POOL_MAX (0xffffu - TC_MINOR_FIRST)
#define TC_MAX_LINKS ADAPTOR_MAX_PORTS
#define TC_IDLE_BPS 8000u
#define TC_MTU 1514u

#define TC_LENGTH(len) (1ull << (len)) /* in a set of prefix lengths */

struct tc_level { uint64_t rate_bps, ceil_bps; uint8_t prio; };

/* A class as the kernel has it, as far as we know. */
struct tc_class {
	int present;
	struct tc_level level;
	uint32_t limit;                 /* of its leaf queue, bytes; 0: the kernel's default leaf */
	uint64_t bytes, packets;        /* filled by read_link */
};

struct tc_link {
	char ifname[ADAPTOR_IFNAME];
	char port[ADAPTOR_IFNAME];      /* whose terms count here: its own, or the trunk's (trunk.h) of which it is a circuit */
	int circuit;                    /* the latter: what fits is not for us to say */
	unsigned ifindex;               /* 0: no such interface now */
	uint64_t rate_bps, promised_bps;/* configured; guaranteed to sessions (staged ones included) */
	struct tc_class fixed[TC_MINOR_FIRST], *pool;
	int root;                       /* 1: our qdisc is there, 0: none or a default one, -1: somebody else's */
};

enum tc_staged { TC_STAGED_NOTHING, TC_STAGED_APPLY, TC_STAGED_REVOKE };

/* What a session is to have. */
struct tc_want { struct prefix prefix; uint32_t lifetime_s; struct tc_level level[TC_MAX_LINKS]; };

struct tc_session {
	struct adaptor_key key;         /* first: the tree compares it */
	TAILQ_ENTRY(tc_session) link, staged_link;
	uint16_t minor;                 /* 0: none yet */
	int adopted;                    /* found in the kernel, no controller has claimed it yet */
	struct prefix held;             /* its place in the table of prefixes */
	int holds;
	struct tc_want *now, *next;     /* in the kernel (NULL: nothing); staged */
	enum tc_staged staged;
	uint64_t renewed_us;            /* when its map element got its timeout */
	int put;                        /* this flush puts or renews its element */
	int error;                      /* of this flush */
	int fallen_back;                /* in this flush, to the prefix that is in the kernel */
	char reason[ADAPTOR_REASON];
	int wanted;                     /* used by audit */
};

enum tc_op_kind { TC_OP_ROOT, TC_OP_CLASS, TC_OP_LEAF };

/* One change to the kernel's queueing. */
struct tc_op {
	enum tc_op_kind kind;
	const struct tc_link *link;
	uint16_t minor;
	struct tc_level level;          /* CLASS */
	uint32_t limit;                 /* LEAF */
	const char *leaf;               /* LEAF: its kind */
	struct tc_session *session;     /* whose; NULL: ours */
	int error;                      /* set by commit */
};

/* The numbers HTB wants, out of a level. */
struct tc_htb { uint64_t rate, ceil; uint32_t buffer, cbuffer, burst, cburst, quantum; };

/* A map element as read back. */
struct tc_element { struct adaptor_key key; int ours; struct prefix prefix; uint16_t minor; uint32_t expires_s; };

struct tc_backend {
	/* Fills ifindex, root, fixed and pool (up to n_pool classes; *found: how many the kernel has). 0 or -errno. */
	int (*read_link)(void *backend, struct tc_link *link, size_t n_pool, size_t *found);
	/* Does n changes, sets each one's error. 0, or -errno when the kernel could not be talked to. */
	int (*commit)(void *backend, struct tc_op *ops, size_t n);
	/* One nftables transaction. 0, or -errno with a reason. */
	int (*nft)(void *backend, const char *text, char *why, size_t room);
	/* The maps' elements; *elements is malloc'd. 0, also when there is no map. */
	int (*read_map)(void *backend, const char *family, struct tc_element **elements, size_t *n);
	/* The table but for the maps' elements, as text: the same for the same rules. NULL: there is none. The caller frees. */
	char *(*rules)(void *backend, const char *family);
	/* The interface's index now, 0: there is none. */
	unsigned (*ifindex)(void *backend, const char *ifname);
	uint64_t (*now_us)(void *backend);
};

enum tc_hook { TC_HOOK_EGRESS, TC_HOOK_POSTROUTING };

struct tc_state {
	const struct tc_backend *backend;
	void *backend_state;            /* freed by who made it */
	enum tc_hook hook;
	uint64_t lengths, lengths_there;/* of prefixes: there should be a map for each; there is */
	int renews;                     /* adding an element again renews its timeout (see tc_text.c) */
	const char *leaf;               /* "fq_codel" or "bfifo" */
	size_t n_links, n_pool, free_hint;
	size_t n_owned, n_adopted;      /* pool classes with an owner; sessions nobody has claimed */
	size_t pool_least;              /* configured */
	struct tc_link links[TC_MAX_LINKS];
	struct tc_session **owner;      /* by pool index */
	void *tree, *prefixes;          /* sessions by key; those that hold a prefix, by it */
	TAILQ_HEAD(tc_sessions, tc_session) sessions, staged;
};

/* A growing text. error: -ENOMEM once it could not grow. */
struct tc_text { char *data; size_t len, room; int error; };

/* tc_text.c */
void tc_text_add(struct tc_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tc_text_free(struct tc_text *t);
const char *tc_family(enum tc_hook hook);
struct tc_htb tc_htb(const struct tc_level *level);
uint32_t tc_leaf_limit(const struct tc_level *level);
/* As `tc` would be told: for people and for golden files. */
void tc_op_text(struct tc_text *t, const struct tc_op *op);
/* Commands that make the table, the maps and (anew) the chains, keeping the maps' elements. */
void tc_table_text(struct tc_text *t, const struct tc_state *s);
/* Removes the maps of these lengths, which no rule names any more. */
void tc_maps_gone_text(struct tc_text *t, const struct tc_state *s, uint64_t lengths);
/*
 * Changes to the maps, by their prefixes' length, gathered so that a transaction has a handful of commands however many
 * elements it changes. Zero it to begin. thorough: trust nothing about what is there.
 */
struct tc_map_changes { struct tc_text gone, gone_keys, put, put_keys; };
struct tc_elements { struct tc_map_changes map[33]; int thorough; };

/* Puts or renews an element; takes one out, there or not. */
void tc_elements_put(struct tc_elements *e, const struct tc_session *session, const struct tc_want *want);
void tc_elements_remove(struct tc_elements *e, const struct tc_session *session, const struct tc_want *want);
/* Takes out one that is there and nobody's. */
void tc_elements_stray(struct tc_elements *e, struct prefix prefix);
/* Runs it as one transaction, if there is anything to do, and frees it. 0, or -errno with a reason. */
int tc_elements_run(const struct tc_state *s, struct tc_elements *e, char *why, size_t room);

/* tc_state.c: sessions, links and the pool */
void tc_state_init(struct tc_state *s, const struct tc_backend *backend, void *backend_state);
void tc_state_clear(struct tc_state *s);
/* of: the port of which it is a circuit, or NULL. 0, -EINVAL, -EEXIST, -ENOSPC. */
int tc_link_add(struct tc_state *s, const char *ifname, uint64_t rate_bps, const char *of);
struct tc_session *tc_session_find(struct tc_state *s, struct adaptor_key key);
struct tc_session *tc_session_obtain(struct tc_state *s, struct adaptor_key key);
/* Gives its minor back and frees it; what it was promised must be taken back before. */
void tc_session_drop(struct tc_state *s, struct tc_session *session);
/* What it will hold after the next flush, NULL: nothing. */
const struct tc_want *tc_session_want(const struct tc_session *session);
/* Adds (sign 1) or takes back (-1) what the session will hold: the links' promises and, once it is claimed, its prefix. */
void tc_promise(struct tc_state *s, struct tc_session *session, int sign);
/* A claimed session other than self (NULL: any) whose prefix, as it will be, overlaps that; NULL: none. */
struct tc_session *tc_prefix_holder(struct tc_state *s, struct tc_session *self, struct prefix prefix);
/* The session holds the prefix it has in the kernel again, not the one its failed change wanted. First whoever took that
 * over has to fail: returns one such session at a time, which holds none then; NULL: done. */
struct tc_session *tc_prefix_fall_back(struct tc_state *s, struct tc_session *session);
/* Its class is index of the pool from now on. */
void tc_minor_take(struct tc_state *s, struct tc_session *session, size_t index);
void tc_stage(struct tc_state *s, struct tc_session *session, enum tc_staged staged);
/* A minor number for it, growing the pool when all are used. 0, -ENOSPC, -ENOMEM or the kernel's error. */
int tc_minor_obtain(struct tc_state *s, struct tc_session *session);
struct tc_level tc_idle_level(const struct tc_link *link);

/* tc_link.c: what the links should have, and making it so */
struct tc_class *tc_class_of(struct tc_link *link, uint16_t minor);
/* A list of changes. error: -ENOMEM once it could not grow. */
struct tc_ops { struct tc_op *op; size_t n, room; int error; };
/* What makes the class have the level (and its leaf the queue); nothing when it has. */
void tc_ops_class(const struct tc_state *s, struct tc_ops *ops, struct tc_link *link, uint16_t minor,
		  const struct tc_level *level, struct tc_session *session);
/* Does them and remembers what was done; each op's error is set. 0, or -errno when nothing could be done. */
int tc_ops_commit(struct tc_state *s, struct tc_ops *ops);
void tc_ops_free(struct tc_ops *ops);
/* Room for n classes on every link; makes them. */
int tc_pool_grow(struct tc_state *s, size_t n);
/* Makes a few classes, half a millisecond's worth or one, while fewer are free than may be needed soon. 1: there is more to do. */
int tc_pool_ahead(struct tc_state *s);
/* Reads a link and makes its root, fixed classes and pool as far as they are missing or differ; counts that. */
int tc_link_setup(struct tc_state *s, struct tc_link *link, unsigned *changes, char *why, size_t room);
/* Links that are not as we left them, all or those made anew under their old name, are read and made whole. */
void tc_links_repair(struct tc_state *s, int all);
/* Makes the table, maps and chains, leaving elements. */
int tc_table_setup(struct tc_state *s, char *why, size_t room);
/* The last session is gone: so are the maps, and the rules that look into them. Else nothing. */
void tc_table_tidy(struct tc_state *s);
/* Reads every link and the map, takes over the sessions it finds, makes what is missing. */
int tc_adopt(struct tc_state *s, char *why, size_t room);

/* tc_plan.c: the adaptor's calls over all this */
int tc_check(struct tc_state *s, const struct adaptor_terms *terms, struct adaptor_result *result);
int tc_apply(struct tc_state *s, const struct adaptor_terms *terms, struct adaptor_result *result);
int tc_revoke(struct tc_state *s, struct adaptor_key key);
/* Is its map element younger than a quarter of its lifetime, so that it need not be renewed yet? */
int tc_is_fresh(const struct tc_state *s, const struct tc_session *session);
int tc_flush(struct tc_state *s, void (*result)(void *ctx, struct adaptor_key key, int error, const char *reason),
	     void *ctx);

/* tc_audit.c: comparing with what is really there, and keeping it */
/* Puts back the elements of sessions that lack theirs; counts them. */
int tc_map_restore(struct tc_state *s, unsigned *restored);
int tc_renew(struct tc_state *s, const struct adaptor_key *keys, size_t n, uint8_t *failed);
int tc_audit(struct tc_state *s, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired);

#endif
