/*
 * The route technology's own parts: sessions and what they want (route.c), the kernel's routes and rule
 * (route_kernel.c, over route_message.h), and comparing both (route_audit.c).
 */
#ifndef ICORP_ADAPTOR_ROUTE_H
#define ICORP_ADAPTOR_ROUTE_H

#include "adaptors/keymap.h"
#include "adaptors/protocol.h"
#include "adaptors/route_message.h"

struct mnl_socket;

struct route_session {
	struct keymap_entry entry;      /* first: its key */
	struct route *routes; size_t n; 
};

struct route_state {
	struct mnl_socket *nl;
	unsigned seq;
	struct route_rule rule;         /* table RT_TABLE_MAIN: none is needed */
	struct keymap sessions;
};

struct route_list { struct route *route; size_t n; int error; };

/* A route and whose it is. */
struct route_held { const struct route *route; const struct route_session *session; };
struct route_index { struct route_held *held; size_t n; };

/* route.c */
struct route_session *route_find(const struct route_state *s, struct adaptor_key key);
struct route_session *route_next(const struct route_state *s, const struct route_session *after);
uint32_t route_metric(struct adaptor_key key);
/* Takes away what the session has, one of a former process, too. 0 or -errno. */
int route_drop(struct route_state *s, struct adaptor_key key);

/* route_kernel.c: all return 0 or -errno */
int route_kernel_open(struct route_state *s);
/* How to get to the control address: *out without its dst. 1: it is this machine's own. */
int route_resolve(struct route_state *s, struct in_addr control, struct route *out);
int route_add(struct route_state *s, const struct route *route);
/* Gone already is fine. */
int route_delete(struct route_state *s, const struct route *route);
/* All routes with our mark, in whatever table; sorted. The caller frees list->route. */
int route_dump(struct route_state *s, struct route_list *list);
/* Does the kernel have rules? */
int route_rules_try(struct route_state *s);
/* The rule that leads to our table is made. *made: 1 if it was missing. */
int route_rule_make(struct route_state *s, int *made);
/* Rules with our mark that are not this one go; *n: how many. */
int route_rules_clean(struct route_state *s, unsigned *n);

/* route_audit.c */
/* By destination, metric and table, for qsort and bsearch. */
int route_compare(const void *a, const void *b);
/* All that sessions here have, sorted. 0 or -ENOMEM; the caller frees index->held. */
int route_index(const struct route_state *s, struct route_index *index);
/* The session that has this very route, or NULL. */
const struct route_session *route_holder(const struct route_index *index, const struct route *route);
int route_audit(struct route_state *s, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired);

#endif
