/*
 * What the simulator sees of a controller's sessions: the only file of it that knows the core's structures is probe.c.
 */
#ifndef ICORP_SIM_PROBE_H
#define ICORP_SIM_PROBE_H

#include "signald/core.h"
#include "signald/leader.h"

struct probe_hold { int port; uint64_t bps; };

/* One neighbour below: who, and whether its reservation stands. */
struct probe_branch { struct in_addr neighbour, sender; int port, isc, reserved; uint64_t rate_bps; int beyond; };

#define PROBE_OTHERS 8

struct probe {
	struct adaptor_key key;
	uint16_t revision;                   /* the oldest here */
	unsigned n_revisions;                /* side by side, of one sender: holds, use and branches are of all, the rest is the oldest's */
	uint64_t base_bps;                   /* its contract's rate */
	uint8_t setup, holding;              /* priorities; 0 is the best */
	int leading;
	int up_and_committed;                /* confirmed, and the adaptors took it */
	int committing;                      /* a commit is under way */
	int failed;                          /* it keeps only the memory of it */
	int all_failed;                      /* so do all revisions */
	struct in_addr previous;             /* hop; when not leading */
	int port;                            /*   and by which port */
	struct in_addr other[PROBE_OTHERS];  /* previous hops: former ones, other revisions', shortcuts' */
	unsigned n_others;
	int twice;                           /* a port by which a shortcut goes on that the tree uses, too; CORE_PORT_NONE: none */
	uint16_t vlan;
	uint64_t merged_bps;                 /* what it asks of the previous hop */
	int isc;                             /* its ISC is here: */
	uint64_t level[RESOURCE_MAX + 1];    /*   what it has, bandwidth included */
	uint64_t used[RESOURCE_MAX + 1];     /*   what of the server it takes */
	uint32_t handled[RESOURCE_MAX + 1];  /*   the last demand that was acted on */
	int cut;                             /*   its server says that less bandwidth is left than it asked for */
	unsigned n_holds, n_branches;        /* last, and only as far as they are used: */
	struct probe_hold hold[CORE_MAX_PORTS];
	struct probe_branch branch[CORE_MAX_PORTS];
};

/* An endpoint, as its ICorp's leader sees it. */
struct probe_leaf { struct in_addr control; int wanted, up; };

/* Is the session that an action named still to be in force? */
int probe_asked(const struct session *s);
uint16_t probe_revision(const struct session *s);
/* Fills *out; 0: there is no such session. */
int probe_session(const struct core *core, struct adaptor_key key, struct probe *out);
/* Copies what is used of it. */
void probe_copy(struct probe *to, const struct probe *from);
/* Walks: the keys of all sessions, a malloc'd array for the caller to free. */
struct adaptor_key *probe_keys(const struct core *core, size_t *n);
/* Would its adaptors be asked to keep it by an audit? */
int probe_keeps(const struct core *core, struct adaptor_key key);
/* At the leader. Returns how many endpoints were written, at most room. */
unsigned probe_leaves(const struct core *core, struct adaptor_key key, struct probe_leaf *out, unsigned room);
/* The state it would report; LEADER_GONE: there is none. */
enum leader_state probe_leader(const struct core *core, struct adaptor_key key);
/* How long, on its own clock, state that nobody refreshes may stand. */
uint64_t probe_lifetime(const struct core *core);
/* How many VLANs are taken. */
unsigned probe_vlans(const struct core *core);

#endif
