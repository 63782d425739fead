/*
 * The simulator's insides, shared by its files (see the map in sim.h).
 */
#ifndef ICORP_SIM_INTERNAL_H
#define ICORP_SIM_INTERNAL_H

#include "lib/clock.h"
#include "lib/heap.h"
#include "signald/plan.h"
#include "tests/sim/probe.h"
#include "tests/sim/sim.h"

enum event_type {
	EVENT_DATAGRAM, EVENT_APPLIED, EVENT_LOST, EVENT_CONTRACT, EVENT_ISC, EVENT_RESTART, EVENT_AUDIT, EVENT_REGISTER, EVENT_LINK, EVENT_ROUTES,
};

struct isc {
	struct isc *next;
	struct in_addr addr, endpoint, host;    /* ours, our server's control address (our S2L) */
	struct adaptor_key key;
	unsigned node;
	int alive, heard;
	uint32_t lih;
	struct rsvp_template template_;
	struct rsvp_flow flow;
	struct rsvp_demand demand[RESOURCE_MAX + 1];  /* unanswered */
	struct rsvp_demand issued[RESOURCE_MAX + 1];  /* the last, answered or not */
	uint32_t sequence;
	struct rsvp_msg told;
};

/* What the technologies of one controller have of one ICorp: it outlives the controller, as kernels do. */
struct installed {
	struct adaptor_key key;
	unsigned node;
	struct adaptor_terms terms;
	uint8_t *text; size_t len;               /* the terms, encoded */
	uint64_t shares;                         /* of the CPU that it was given, perhaps fewer than its terms say */
	uint64_t renewed_us;                     /* what times out was renewed then */
	int refused;                             /* the last that was applied: what is in force is not these terms */
	int known;                               /* by the adaptor's process */
	struct isc *isc;
};

/* What the checker knows of one session since it last looked (check.c). */
struct shadow {
	struct probe last;
	unsigned node, visited;
	int circle;                              /* routers disagreed: it may stand until what they began has lapsed */
	uint64_t unowned_us;                     /* since when nobody upstream knows it; 0: somebody does */
	uint64_t unanswered_us[CORE_MAX_PORTS];  /* the same of the reservation of each branch */
};

struct controller {
	struct heap_entry timer;                /* first */
	const struct topo_node *node;
	struct core *core;                      /* NULL: no controller, or it is down */
	unsigned life;                          /* counts its starts */
	int enrolled;                           /* with the gatekeeper: it is given work */
	int64_t offset_us, ppm;                 /* of its clock */
	struct nexthops nexthops;
	struct core_actions actions;
	struct map shadows;                     /* struct shadow, by ICorp */
	uint64_t held[CORE_MAX_PORTS], used[RESOURCE_MAX + 1]; /* the checker's own books */
	/* what was found after a restart exceeds the capacity by so much, in the books and in force; it only gets less */
	uint64_t excess[CORE_MAX_PORTS], in_force_excess[CORE_MAX_PORTS];
};

/* An ICorp as the gatekeeper sees it: what stands or is to, and a newer revision until that is complete or refused; NULL: none. */
struct icorp { struct contract *contract, *next; unsigned leader; int wanted, steady; enum leader_state reported; };

struct event {
	struct heap_entry at;                   /* first */
	enum event_type type;
	unsigned to, life;                      /* controller, and which life of it is meant; EVENT_LINK: link */
	struct in_addr from, dest;
	struct adaptor_key key;
	uint64_t cookie;
	struct isc *isc;
	uint64_t sequence;                      /* of a datagram, as INTEGRITY numbers them: older ones are dropped */
	size_t len;
	uint8_t data[];
};

/* From one address to another: what the receiver's neighbour layer and the network remember. */
struct flow {
	uint64_t sequence;                      /* the newest taken, in the receiver's life `life` */
	unsigned life, n_links, link[16];
	unsigned plain;                         /* routers without a controller on the way */
	struct in_addr first;                   /* who takes what has Router Alert: the first router with a controller, or the end */
	int port; unsigned port_known;          /* by which the receiver gets it, as of that map */
};

struct sim {
	const struct topo *topo;
	struct sim_faults faults;
	uint64_t now_us, random, messages, n_events;
	struct heap events, timers;
	struct controller *ctl;                 /* parallel to topo->node */
	uint8_t setup, holding;                 /* of contracts made from now on */
	const uint8_t *place;
	int routing;                            /* routers find other ways */
	int quiet;                              /* nothing goes wrong but what is asked for */
	uint64_t routes_us;                     /* when one last did; 0: never */
	unsigned *cut;                          /* parallel to topo->link: for how many reasons it passes nothing */
	unsigned map_known;                     /* counts the changes of maps and routes */
	struct map flows;                       /* struct flow, by sender and receiver */
	struct map installed;                   /* struct installed, by node and ICorp */
	struct map iscs;                        /* struct isc that are alive, by address */
	struct map icorps;                      /* struct icorp, by id */
	struct isc *all_iscs;
	uint64_t next_look_us; unsigned looks;  /* when owners are looked for again; every tenth time at everything */
	struct rsvp_msg msg;
	FILE *trace;
	unsigned violations, visit;             /* visit: numbers the walks over shadows */
	char violation[512];
};

static inline uint64_t sim_key(unsigned node, uint32_t icorp)
{
	return (uint64_t)node << 32 | icorp;
}

/* sim.c */
uint64_t sim_between(struct sim *sim, uint64_t low, uint64_t high);
struct event *sim_event(enum event_type type, unsigned to, size_t len);
void sim_event_add(struct sim *sim, struct event *e, uint64_t in_us);
void sim_transmit(struct sim *sim, struct in_addr from, struct in_addr dest, const uint8_t *data, size_t len);
void sim_transmit_message(struct sim *sim, struct in_addr from, struct in_addr dest, const struct rsvp_msg *msg);
struct flow *sim_flow(struct sim *sim, struct in_addr from, struct in_addr dest);
/* Does the network carry this now? */
int sim_passes(struct sim *sim, struct in_addr from, struct in_addr dest);
void sim_trace(struct sim *sim, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* controller.c */
int controller_start(struct sim *sim, struct controller *c);
void controller_stop(struct sim *sim, struct controller *c);
void controller_free(struct controller *c);
uint64_t controller_now(const struct sim *sim, const struct controller *c);
void controller_datagram(struct sim *sim, struct controller *c, const struct event *e, int port);
void controller_contract(struct sim *sim, struct controller *c, const struct event *e);
void controller_applied(struct sim *sim, struct controller *c, const struct event *e, const struct adaptor_result *result);
void controller_lost(struct sim *sim, struct controller *c, const struct event *e);
void controller_reapply(struct sim *sim, struct controller *c);
void controller_tick(struct sim *sim, struct controller *c);
int controller_originate(struct sim *sim, struct controller *c, struct contract *contract);
void controller_withdraw(struct sim *sim, struct controller *c, uint32_t icorp);
void controller_routes(struct sim *sim, struct controller *c);

/* world.c */
struct isc *sim_isc_of(const struct sim *sim, const char *server, uint32_t icorp);
void sim_isc_resv(struct sim *sim, struct isc *isc);
void sim_isc_refresh(struct sim *sim, struct isc *isc);
void sim_isc_input(struct sim *sim, struct isc *isc, const struct event *e);
void sim_isc_dies(struct sim *sim, struct isc *isc);
void sim_apply(struct sim *sim, struct controller *c, const struct core_action *action);
void sim_applied(struct sim *sim, const struct event *e);
void sim_renew(struct sim *sim, struct controller *c, const struct core_action *a);
/* Has what was applied timed out in the kernel? */
int sim_lapsed(const struct sim *sim, const struct installed *has);
void sim_revoke(struct sim *sim, struct controller *c, struct adaptor_key key);
void sim_audit(struct sim *sim, struct controller *c);

/* restart.c */
/* Tells a core that has just started what its technologies have. */
void restart_inventory(struct sim *sim, struct controller *c);
/* Is this ICorp whole, while nothing but restarts happens? */
int restart_steady(const struct sim *sim, uint32_t id);
/* These terms are about to replace what was applied; now they are in force. */
/* In words, the first of what differs that tells most. */
const char *restart_difference(const struct adaptor_terms *was, const struct adaptor_terms *is, char *out, size_t room);
void restart_applies(struct sim *sim, struct controller *c, const struct installed *has, const struct adaptor_terms *next);
void restart_capacity(struct sim *sim, struct controller *c, const struct core_action *actions, unsigned n);

/* faults.c */
void sim_restart(struct sim *sim, unsigned node);
void sim_register(struct sim *sim, unsigned node);
void sim_link_back(struct sim *sim, unsigned link);
void sim_reroute(struct sim *sim, unsigned node);

/* check.c: after every input, what it touched (by: the session it was for; NULL: none); at intervals everything */
void check_touched(struct sim *sim, struct controller *c, struct adaptor_key key, const struct adaptor_key *by);
void check_books(struct sim *sim, struct controller *c);
void check_owners(struct sim *sim);
void check_everything(struct sim *sim);
void check_forget(struct controller *c); /* its core is gone */
/* The session of that ICorp in the controller that answers under this address; NULL: none. */
struct shadow *check_session_at(const struct sim *sim, struct in_addr addr, struct adaptor_key key);

/* change.c: before an adaptor is told other terms, or to take all away */
void change_applied(struct sim *sim, const struct installed *has, const struct adaptor_terms *now);
void change_revoked(struct sim *sim, const struct installed *has);

/* look.c */
struct controller *sim_controller(const struct sim *sim, const char *element);

#endif
