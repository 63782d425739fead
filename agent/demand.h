/*
 * One demand's life: asked, riding in every Resv, answered grant by grant, closed by the leader's or by time. One per
 * resource; the closed one stays readable until the next.
 */
#ifndef ICORP_AGENT_DEMAND_H
#define ICORP_AGENT_DEMAND_H

#include "agent/icorp.h"
#include "lib/rsvp.h"

#define DEMAND_MAX_GRANTS 64         /* a way of more hops than that is no way */
#define DEMAND_MAX_STEPS 1000

enum demand_state { DEMAND_NONE, DEMAND_OPEN, DEMAND_ANSWERED, DEMAND_EXPIRED };

struct demand {
	enum demand_state state;
	enum icorp_resource resource;
	int direction;
	uint16_t steps;
	uint32_t sequence;
	uint64_t asked_us, deadline_us;
	int by_policy;                   /* the thermostat's own, not a client's */
	unsigned n_grants;
	struct rsvp_grant grant[DEMAND_MAX_GRANTS];
};

/* Begins a demand; sequence is the caller's and never used before. */
void demand_open(struct demand *d, enum icorp_resource resource, int direction, uint16_t steps, uint32_t sequence,
		 uint64_t now_us, uint64_t deadline_us);
/*
 * Keeps the grants for this demand of endpoint (the latest of each node). 1 when the leader's is among them; *news says
 * whether any was not known. What was granted can become less later, by preemption.
 */
int demand_take(struct demand *d, const struct rsvp_msg *msg, struct in_addr endpoint, struct in_addr leader, int *news);
/* The whole: refused when one refused, else partly, else applied; ignored when all ignored it. */
enum icorp_outcome demand_outcome(const struct demand *d);
/* The object that rides in the Resv. */
struct rsvp_demand demand_object(const struct demand *d, struct in_addr endpoint);

/* The next sequence number: later than last and than every number a former life could have used (wall-clock seconds). */
uint32_t demand_sequence(uint32_t last, uint64_t wall_s);

#endif
