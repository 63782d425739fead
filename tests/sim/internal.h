/*
 * The simulator's insides, shared by its files: engine (sim.c), technologies and ISCs (world.c), scripts (script.c), and
 * what a test may look at (look.c).
 */
#ifndef ICORP_SIM_INTERNAL_H
#define ICORP_SIM_INTERNAL_H

#include "lib/clock.h"
#include "lib/heap.h"
#include "signald/plan.h"
#include "signald/session.h"
#include "tests/sim/sim.h"

enum event_type { EVENT_DATAGRAM, EVENT_APPLIED, EVENT_ISC };

struct applied { struct applied *next; struct adaptor_key key; struct adaptor_terms terms; };

struct isc {
	struct isc *next;
	struct in_addr addr, endpoint, host;    /* ours, our server's control address (our S2L) */
	struct adaptor_key key;
	unsigned node;
	int alive, heard;
	uint32_t lih;
	struct rsvp_template template_;
	struct rsvp_flow flow;
	struct rsvp_demand demand[RESOURCE_MAX + 1];
	uint32_t sequence;
	struct rsvp_msg told;
};

struct controller {
	struct heap_entry timer;                /* first */
	const struct topo_node *node;
	struct core *core;
	struct nexthops nexthops;
	struct core_actions actions;
	struct applied *applied;
};

struct event {
	struct heap_entry at;                   /* first */
	enum event_type type;
	unsigned to;                            /* controller */
	struct in_addr from, dest;
	struct adaptor_key key;
	uint64_t cookie;
	struct isc *isc;
	uint64_t sequence;                      /* of a datagram, as INTEGRITY numbers them: older ones are dropped */
	size_t len;
	uint8_t data[];
};

struct sim {
	const struct topo *topo;
	struct sim_faults faults;
	uint64_t now_us, random, messages, n_events;
	struct { struct in_addr from, dest; uint64_t sequence; } *seen; /* newest taken per sender and receiver */
	size_t n_seen;
	struct heap events, timers;
	struct controller *ctl;                 /* parallel to topo->node */
	struct isc *iscs;
	struct rsvp_msg msg;
	unsigned violations;
	char violation[512], left[128];
};

/* sim.c */
uint64_t sim_between(struct sim *sim, uint64_t low, uint64_t high);
struct event *sim_event(enum event_type type, unsigned to, size_t len);
void sim_event_add(struct sim *sim, struct event *e, uint64_t in_us);
void sim_transmit(struct sim *sim, struct in_addr from, struct in_addr dest, const struct rsvp_msg *msg);
/* Carries out what a controller wants done and checks every invariant on it. */
void sim_act(struct sim *sim, struct controller *c);

/* world.c */
struct isc *sim_isc_at(const struct sim *sim, struct in_addr addr);
struct isc *sim_isc_of(const struct sim *sim, const char *server, uint32_t icorp);
void sim_isc_resv(struct sim *sim, struct isc *isc);
void sim_isc_input(struct sim *sim, struct isc *isc, const struct event *e);
void sim_apply(struct sim *sim, struct controller *c, const struct core_action *action);
void sim_revoke(struct sim *sim, struct controller *c, struct adaptor_key key);

/* look.c */
struct controller *sim_controller(const struct sim *sim, const char *element);

#endif
