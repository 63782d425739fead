/*
 * The simulator: the shipped session core and codec of every controller of a topology in one process, a virtual clock and
 * seeded faults. The same seed replays the same run exactly.
 *
 *   sim.c        events in one heap: datagrams arrive, adaptors answer, ISCs refresh, controllers come back
 *   controller.c the only place that calls the core: one controller's inputs, and what it wants done
 *   world.c      the technologies behind the adaptors, and the ISCs
 *   faults.c     what goes wrong
 *   probe.c      the only place that reads the core's structures
 *   check.c      the invariants; change.c those of a change of revision
 *   restart.c    those about restarts
 *   script.c     what a test makes happen; look.c what it may look at
 *   scenario.c   one seed: a random script with faults, then calm, then nothing may be left
 *   farm.c       many seeds, in several processes
 */
#ifndef ICORP_SIM_SIM_H
#define ICORP_SIM_SIM_H

#include <stdio.h>

#include "tests/sim/topo.h"

struct sim;

struct sim_faults {
	unsigned loss_permille, duplicate_permille;
	int unordered;                            /* without INTEGRITY: nobody drops what is older than the newest */
	uint64_t delay_min_us, delay_max_us;      /* of a message: different delays reorder */
	uint64_t apply_min_us, apply_max_us;      /* of an adaptor */
	unsigned apply_fail_permille;
	unsigned stall_permille;                  /* it answers only after up to stall_us more */
	uint64_t stall_us;
	uint64_t most_shares;                     /* of a CPU that a server's technology gives an ISC; 0: as many as it is told */
};

/* A run over topo, which must outlive it. */
struct sim *sim_new(const struct topo *topo, uint64_t seed, const struct sim_faults *faults);
void sim_free(struct sim *sim);
uint64_t sim_now(const struct sim *sim);
uint64_t sim_random(struct sim *sim, uint64_t below);
/* Writes every event with its virtual time to this file; NULL: nothing. */
void sim_trace_to(struct sim *sim, FILE *to);

/* Of the contracts that are made from now on; 4 and 4 at first. */
void sim_priorities(struct sim *sim, unsigned setup, unsigned holding);
/* Contracts made from now on: each server's place in the servers' subnet; NULL: in their order. Kept by the caller. */
void sim_places(struct sim *sim, const uint8_t *place);
/* Builds and seals a contract between these elements; the first access router leads. NULL on failure. */
struct contract *sim_contract(struct sim *sim, uint32_t id, uint16_t revision, const char *const *servers,
			      unsigned n_servers, const char *const *access, unsigned n_access, uint64_t rate_bps);
/* The gatekeeper wants it, until it is withdrawn or refused: a leader that was down is asked when it is back. */
void sim_originate(struct sim *sim, struct contract *contract);
void sim_withdraw(struct sim *sim, const char *leader, uint32_t icorp);
/* Neither withdrawn nor refused. */
int sim_wanted(const struct sim *sim, uint32_t icorp);
/* The ISC of this ICorp on this server asks. Returns the sequence number; 0: there is no ISC. */
uint32_t sim_demand(struct sim *sim, const char *server, uint32_t icorp, enum resource resource, int direction,
		    unsigned steps);
/* It sends this instead of what it should. A LIH of 0 becomes its own. */
void sim_isc_sends(struct sim *sim, const char *server, uint32_t icorp, struct rsvp_msg *msg);
/* Its controller dies without a word. */
void sim_kill_isc(struct sim *sim, const char *server, uint32_t icorp);

#define SIM_CONVERGENCE_US 1000000
/* From now on nothing goes wrong, and nobody asks for less: what stands must not be touched by what is asked for. */
void sim_quiet(struct sim *sim);
/* Do routers find other ways when links are cut? At first they do not. */
void sim_routing(struct sim *sim, int on);
void sim_set_faults(struct sim *sim, const struct sim_faults *faults);
/* Every clock gets its own offset, and a rate up to that many millionths off. Before anything happens. */
void sim_skew(struct sim *sim, unsigned ppm);
/* This controller dies and is back after a while, knowing nothing; what its adaptors did stays. By topology index. */
void sim_crash(struct sim *sim, unsigned node, uint64_t down_us);
/*
 * From now on nothing happens but restarts: no ICorp that is whole now may be changed by any controller's technologies. Or
 * no longer so.
 */
void sim_steady(struct sim *sim, int on);
/* What this controller's adaptors did stays, but they do not know it any more. By topology index. */
void sim_adaptor_dies(struct sim *sim, unsigned node);
/*
 * Nothing passes this link for a while. By topology index. With routing, routers find other ways, each within
 * SIM_CONVERGENCE_US, and the former ones when it is back.
 */
void sim_cut(struct sim *sim, unsigned link, uint64_t down_us);
/* Every link passes again, and every controller is back. */
void sim_heal(struct sim *sim);
/* Every controller forgets, or learns, the layer-2 map; known sessions move. */
void sim_map(struct sim *sim, int known);

/* An element's route to this prefix leads elsewhere from now on ("10.0.0.0/8"; via one of its neighbours). */
void sim_route(struct sim *sim, const char *element, const char *prefix, const char *via);

/* Runs until virtual time `until`, checking every invariant after every input. 0, or the number of violations so far. */
unsigned sim_run(struct sim *sim, uint64_t until_us);
unsigned sim_violations(const struct sim *sim);
/* The first violation, in words. */
const char *sim_violation(const struct sim *sim);
/* A test's own invariant did not hold. */
void sim_violate(struct sim *sim, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* After a long calm: every ICorp that was admitted is whole, and of every other nothing is left. Violations when not. */
void sim_settled(struct sim *sim);
/* Sessions, holds, levels, VLANs, applied terms, ISCs anywhere: their number, and a violation when there is one. */
unsigned sim_leftovers(struct sim *sim);

/* What is so now. */
const struct core *sim_core(const struct sim *sim, const char *element);
int sim_complete(const struct sim *sim, const char *leader, uint32_t icorp);
/* The last terms an element's adaptors were given for this ICorp; 0: none. */
uint64_t sim_applied_rate(const struct sim *sim, const char *element, uint32_t icorp, const char *port);
uint64_t sim_applied_cpu(const struct sim *sim, const char *element, uint32_t icorp);
/* What the ISC was told last about a demand: grants with that sequence; NULL: none. */
const struct rsvp_grant *sim_told(const struct sim *sim, const char *server, uint32_t icorp, const char *by,
				  uint32_t sequence);
uint64_t sim_price(const struct sim *sim, const char *server, uint32_t icorp);
uint64_t sim_messages(const struct sim *sim);
/* How many ICorps are complete or degraded now, and how many were refused so far. */
void sim_count(const struct sim *sim, unsigned *standing, unsigned *refused);

#endif
