/*
 * The simulator: the shipped session core and codec of every controller of a topology in one process, a virtual clock and
 * seeded faults. The same seed replays the same run exactly.
 */
#ifndef ICORP_SIM_SIM_H
#define ICORP_SIM_SIM_H

#include "tests/sim/topo.h"

struct sim;

struct sim_faults {
	unsigned loss_permille, duplicate_permille;
	uint64_t delay_min_us, delay_max_us;      /* of a message: different delays reorder */
	uint64_t apply_min_us, apply_max_us;      /* of an adaptor */
	unsigned apply_fail_permille;
};

struct sim *sim_new(const struct topo *topo, uint64_t seed, const struct sim_faults *faults);
void sim_free(struct sim *sim);
uint64_t sim_now(const struct sim *sim);
uint64_t sim_random(struct sim *sim, uint64_t below);

/* Builds and seals a contract between these elements; the first access router leads. NULL on failure. */
struct contract *sim_contract(struct sim *sim, uint32_t id, uint16_t revision, const char *const *servers,
			      unsigned n_servers, const char *const *access, unsigned n_access, uint64_t rate_bps);
void sim_originate(struct sim *sim, struct contract *contract);
void sim_withdraw(struct sim *sim, const char *leader, uint32_t icorp);
/* The ISC of this ICorp on this server asks. Returns the sequence number; 0: there is no ISC. */
uint32_t sim_demand(struct sim *sim, const char *server, uint32_t icorp, enum resource resource, int direction,
		    unsigned steps);
/* It sends this instead of what it should. A LIH of 0 becomes its own. */
void sim_isc_sends(struct sim *sim, const char *server, uint32_t icorp, struct rsvp_msg *msg);
/* Its controller dies without a word. */
void sim_kill_isc(struct sim *sim, const char *server, uint32_t icorp);
void sim_set_faults(struct sim *sim, const struct sim_faults *faults);

/* Every controller forgets, or learns, the layer-2 map; known sessions move. */
void sim_map(struct sim *sim, int known);

/* Runs until virtual time `until`, checking every invariant after every input. 0, or the number of violations so far. */
unsigned sim_run(struct sim *sim, uint64_t until_us);
unsigned sim_violations(const struct sim *sim);
/* The first violation, in words. */
const char *sim_violation(const struct sim *sim);
/* A test's own invariant did not hold. */
void sim_violate(struct sim *sim, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What is so now. */
const struct core *sim_core(const struct sim *sim, const char *element);
int sim_complete(const struct sim *sim, const char *leader, uint32_t icorp);
/* Sessions, holds, levels, VLANs, applied terms, ISCs anywhere: their number, and a violation when there is one. */
unsigned sim_leftovers(struct sim *sim);
/* The last terms an element's adaptors were given for this ICorp; 0.0: none. */
uint64_t sim_applied_rate(const struct sim *sim, const char *element, uint32_t icorp, const char *port);
uint64_t sim_applied_cpu(const struct sim *sim, const char *element, uint32_t icorp);
/* What the ISC was told last about a demand: grants with that sequence; NULL: none. */
const struct rsvp_grant *sim_told(const struct sim *sim, const char *server, uint32_t icorp, const char *by,
				  uint32_t sequence);
uint64_t sim_price(const struct sim *sim, const char *server, uint32_t icorp);
uint64_t sim_messages(const struct sim *sim);

#endif
