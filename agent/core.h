/*
 * The ISC controller's core: what it knows of its reservation, and what it does about events. Pure like the session
 * core of the controllers: events and the time go in, actions come out; no socket, no clock, no process. The program
 * around it (daemon.c) carries the actions out.
 *
 *     agent_message  a decoded, authenticated message from the host's controller
 *     agent_sample   what measure.c saw of cpu, memory and connections; drives the thermostat
 *     agent_apps     how the applications are
 *     agent_demand   the client asks
 *     agent_tick     time passed
 *     agent_stop     an orderly end
 */
#ifndef ICORP_AGENT_CORE_H
#define ICORP_AGENT_CORE_H

#include "agent/boot.h"
#include "agent/demand.h"
#include "agent/policy.h"
#include "lib/rsvp.h"

#define AGENT_DEMAND_US (10 * 1000000ull)   /* a demand without the leader's answer is given up then */
#define AGENT_READY_US (5 * 1000000ull)     /* the first Resv waits at most so long for the application */
#define AGENT_LIFETIME_K 3                  /* RFC 2205 section 3.7 */

enum agent_counter {
	AGENT_PATHS,          /* accepted */
	AGENT_RESVS,          /* sent */
	AGENT_WRONG_SESSION,  /* a message for another ICorp or endpoint */
	AGENT_UNEXPECTED,     /* a message type we have no use for */
	AGENT_DEMANDS, AGENT_ANSWERS, AGENT_EXPIRED,
	AGENT_COUNTERS
};
const char *agent_counter_name(enum agent_counter counter);

/* What measure.c sees. Levels 0: not known. */
struct agent_sample {
	unsigned cpu_permille, memory_permille, connections;
	uint64_t cpu_shares, memory_kib;
};

struct agent {
	const struct boot *boot;            /* not owned */
	struct rsvp_session session;
	struct rsvp_hop hop;                /* of the last Path */
	struct rsvp_template template_;
	struct rsvp_flow flow;
	struct rsvp_price price;
	uint64_t refresh_us;                /* R; 0: no Path yet */
	uint64_t path_expires_us;           /* 0: no Path, or it lapsed */
	uint64_t next_resv_us;              /* 0: none is due */
	uint64_t last_resv_us;
	uint64_t ready_us;                  /* the first Resv goes out by then, ready or not; 0: it did */
	uint64_t level[ICORP_RESOURCES + 1]; /* as the host's controller granted; 0: never asked */
	struct demand demand[ICORP_RESOURCES + 1];
	uint32_t last_sequence;
	struct agent_sample sample;
	int apps_up, accepting, confirmed, stopped;
	struct policy policy;
	uint64_t random, serial;
	uint64_t counter[AGENT_COUNTERS];
};

/* What to do now, in this order. The caller zeroes it before each input. */
struct agent_actions {
	unsigned answered;                  /* bit per resource: agent->demand[] closed */
	unsigned resv : 1;                  /* send agent_resv() */
	unsigned tear : 1;                  /* send agent_resv_tear() */
	unsigned changed : 1;               /* tell those who watch */
	unsigned stop : 1;                  /* stop the applications and end */
};

/* boot must outlive the agent. seed: of the timers' jitter. last_sequence: of a former life, 0 if unknown. */
void agent_init(struct agent *agent, const struct boot *boot, uint32_t last_sequence, uint64_t seed);

void agent_message(struct agent *agent, const struct rsvp_msg *msg, uint64_t now_us, struct agent_actions *actions);
/* wall_s: wall-clock seconds, from which demands are numbered. */
void agent_sample(struct agent *agent, const struct agent_sample *sample, uint64_t now_us, uint64_t wall_s,
		  struct agent_actions *actions);
/* up: every application runs; accepting: the first TCP service's port is listened on (1 when there is none). */
void agent_apps(struct agent *agent, int up, int accepting, uint64_t now_us, struct agent_actions *actions);
/* 0; -EINVAL (resource, direction or steps), -EBUSY (one is under way), -ENOTCONN (no Path, or no Resv yet). */
int agent_demand(struct agent *agent, enum icorp_resource resource, int direction, unsigned steps, uint64_t now_us,
		 uint64_t wall_s, struct agent_actions *actions);
void agent_tick(struct agent *agent, uint64_t now_us, struct agent_actions *actions);
void agent_stop(struct agent *agent, struct agent_actions *actions);

/* The host's controller lost what it was told: what was said is said again. */
void agent_repeat(struct agent *agent, uint64_t now_us, struct agent_actions *actions);

/* As granted, else as measured (or, for bandwidth, as the Path says); 0: not known. */
uint64_t agent_level(const struct agent *agent, enum icorp_resource resource);
/* When agent_tick() is next needed; UINT64_MAX: not by itself. */
uint64_t agent_deadline(const struct agent *agent);
/* Fills msg (cleared first). 0 or -ENOMEM. */
int agent_resv(const struct agent *agent, struct rsvp_msg *msg);
int agent_resv_tear(const struct agent *agent, struct rsvp_msg *msg);

#endif
