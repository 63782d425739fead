/*
 * The nat technology's own parts: plans and state (nat_plan.c), their text for nftables (nat_text.c, no I/O), the table
 * as it is and connections that are translated (nat_kernel.c, nat_flow.c), and comparing both (nat_audit.c). OUT are
 * the interfaces to the outside, PRIVATE is where all ICorps' addresses are from.
 *
 *     table ip icorp_nat
 *         set icorps     10.64.7.0/24 timeout 197s comment "icorp 7 10.200.1.11" counter       who may
 *         set inside     10.64.7.0/24 . 10.64.7.0/24 …                                         with itself
 *         chain before   prerouting: from OUT comes nothing that is of PRIVATE, or for it
 *         chain pass     forward:    from PRIVATE to OUT, and back, only for icorps; between two of icorps only inside
 *         chain source   postrouting: from PRIVATE to OUT, the source becomes what `to` says
 *         chain after    postrouting: to OUT goes nothing that is still of PRIVATE, or for it
 *
 * So what is translated never depends on a session, but what passes does: every packet is looked up in one set, and an
 * ICorp whose element is taken out, or not renewed in time, has neither new connections nor old ones.
 */
#ifndef ICORP_ADAPTOR_NAT_H
#define ICORP_ADAPTOR_NAT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/queue.h>

#include "adaptors/keymap.h"
#include "adaptors/protocol.h"

#define NAT_TABLE "ip icorp_nat"
#define NAT_OUT 256

struct nft_ctx;
struct mnl_socket;

struct nat_config {
	char out[NAT_OUT];              /* OUT, as nftables writes it: "eth1", "eth2" */
	struct prefix private;
	struct in_addr first, last;     /* the source outside; 0: the address of the interface */
};

/* prefix.len 0: nothing. lifetime_s 0: for good. */
struct nat_want { struct prefix prefix; uint32_t lifetime_s; };

enum nat_staged { NAT_STAGED_NOTHING, NAT_STAGED_APPLY, NAT_STAGED_REVOKE };

struct nat_session {
	struct keymap_entry entry;      /* first: its key */
	TAILQ_ENTRY(nat_session) link;  /* of the staged */
	struct nat_want now, next;      /* in the kernel; after the next flush. Nothing staged: the same */
	enum nat_staged staged;
	int applied;                    /* since open; else it was found in the kernel, and now.lifetime_s is what was left of it */
	int put;                        /* this transaction writes its elements (anew) */
	uint64_t came;                  /* the turn that gave it its prefix: connections from before are not its own */
	int wanted, seen;               /* during an audit; seen: in how many of the sets */
	uint64_t renewed_us;
	uint64_t packets, bytes;        /* counted by elements since replaced */
};

struct nat_batch { struct nat_session **session; size_t n; };

struct nat_state {
	struct nft_ctx *nft;
	struct mnl_socket *flows;       /* conntrack by netlink; NULL: not here */
	struct nat_config config;
	uint64_t turn;                  /* counts flushes */
	int renews;                     /* adding an element again renews its timeout */
	char *rules;                    /* the table without elements, as it was when we wrote it */
	struct keymap sessions;
	void *prefixes;                 /* a tree of the sessions that have one, by next.prefix */
	TAILQ_HEAD(nat_sessions, nat_session) staged;
};

/* nat_text.c */
/* Which of a session's wants a command is about; NULL: none. */
typedef const struct nat_want *nat_pick(const struct nat_session *session);
nat_pick nat_pick_gone, nat_pick_next;
/* The table without elements; a former one goes in the same transaction. */
void nat_table_text(FILE *out, const struct nat_config *config);
/* `add element …` for both sets, of all in the batch that pick finds something for. */
void nat_add_text(FILE *out, const struct nat_batch *batch, nat_pick *pick);
/* What makes of the former elements of a batch the next ones. thorough: adding again does not renew. */
void nat_difference_text(FILE *out, const struct nat_batch *batch, int thorough);

/* nat_kernel.c */
/* An element of a set as read back. ours 0: not as we write them. */
struct nat_element {
	struct adaptor_key key;
	int ours;
	struct prefix prefix;
	uint32_t expires_s;             /* 0: never */
	uint64_t packets, bytes;        /* of icorps */
};
struct nat_elements { struct nat_element *element; size_t n; };
/* The elements of icorps or of inside. 0, also when there is no such set, or -ENOMEM; the caller frees list->element. */
int nat_read(struct nat_state *s, const char *set, struct nat_elements *list);
/* The table without elements as it is. NULL: there is none. The caller frees. */
char *nat_rules(struct nat_state *s);
/* Makes the batch's elements what they are to be next. 0, or -errno with a reason and nothing changed. */
int nat_commit(struct nat_state *s, const struct nat_batch *batch, char *why, size_t room);
/* Writes the table and all elements anew, in one transaction: no packet sees the middle. 0, or as nat_commit. */
int nat_rewrite(struct nat_state *s, char *why, size_t room);

/* nat_flow.c */
/* Opens s->flows where the kernel has it. */
void nat_flows_open(struct nat_state *s);
/* Forgets connections translated for PRIVATE that are no ICorp's here: another that gets the prefix must not inherit them.
 * 0, or -errno. */
int nat_flows_purge(struct nat_state *s);

/* nat_plan.c */
struct nat_session *nat_find(const struct nat_state *s, struct adaptor_key key);
struct nat_session *nat_next(const struct nat_state *s, const struct nat_session *after);
struct nat_session *nat_obtain(struct nat_state *s, struct adaptor_key key);
void nat_drop(struct nat_state *s, struct nat_session *session);
/* What the session is to have next; says under whose prefix addresses are found from then on. 0 or -ENOMEM. */
int nat_set_next(struct nat_state *s, struct nat_session *session, const struct nat_want *want);
/* Whose prefix the address is in, or NULL. */
struct nat_session *nat_owner(const struct nat_state *s, struct in_addr addr);
int nat_check(struct nat_state *s, const struct adaptor_terms *terms, struct adaptor_result *result);
int nat_apply(struct nat_state *s, const struct adaptor_terms *terms, struct adaptor_result *result);
void nat_revoke(struct nat_state *s, struct adaptor_key key);
int nat_flush(struct nat_state *s, void (*result)(void *ctx, struct adaptor_key key, int error, const char *reason),
	      void *ctx);
int nat_renew(struct nat_state *s, const struct adaptor_key *keys, size_t n, uint8_t *failed);

/* nat_audit.c */
/* Takes over the sessions whose elements a former process left. 0 or -ENOMEM. */
int nat_adopt(struct nat_state *s);
int nat_audit(struct nat_state *s, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired);

#endif
