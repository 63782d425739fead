/*
 * The session core: RSVP-ICorp's processing rules (RFC 2205, 2209, merged for the point-to-multipoint sessions of
 * RFC 4875) as a pure state machine. Inputs go in with the time; what is to be done comes out as a list of actions.
 * It owns no socket, reads no clock, calls nobody, so the same code runs in the daemon, in unit tests, in fuzzers and
 * in a simulator of thousands of controllers.
 *
 *     core_message / core_contract / core_originate / core_withdraw / core_applied / core_lost / core_used / core_routes / core_tick
 *          -> path.c resv.c error.c demand.c leader.c  change sessions and mark what became dirty
 *          -> settle.c   turns the marks of the touched session into actions, once, at the end
 *          -> struct core_actions, which the caller carries out in order
 *
 * Sessions named by an action stay valid until the next input.
 */
#ifndef ICORP_SIGNALD_CORE_H
#define ICORP_SIGNALD_CORE_H

#include "adaptors/adaptor.h"
#include "contracts/contract.h"
#include "lib/rsvp.h"
#include "signald/neighbour.h"
#include "signald/nexthop.h"

enum element_kind { ELEMENT_ACCESS, ELEMENT_ROUTER, ELEMENT_SWITCH, ELEMENT_SERVER, ELEMENT_LEGACY };
const char *element_kind_name(enum element_kind kind);
int element_kind_parse(const char *text, enum element_kind *kind); /* 0 or -EINVAL */

#define CORE_MAX_PORTS ADAPTOR_MAX_PORTS
#define CORE_MAX_IMAGES 32
#define CORE_MAX_STEPS 32
#define CORE_PRIORITIES 8     /* RFC 3209 section 4.7: 0 is the best */
#define CORE_PORT_NONE (-1)   /* no port: the origin's upstream */
#define CORE_PORT_ISC (-2)    /* the ISC on this machine */

struct core_port {
	char ifname[ADAPTOR_IFNAME];
	uint64_t capacity_bps;    /* what may be reserved, outgoing */
	uint64_t reserved_bps;    /* sum over sessions */
};

/* Sizes are management's: how much one step up is, and one down (decrement 0: as up), and how far they go. 0 in ceiling: only
 * capacity limits. */
struct core_resource { uint64_t capacity, used, step, decrement, floor, ceiling; };
/* The same for the ICorps of one class of contract, instead; capacity and used are the resource's. */
struct core_class_steps { char class_name[CONTRACT_NAME]; enum resource resource; struct core_resource size; };

struct core_config {
	char element[CONTRACT_NAME];
	enum element_kind kind;
	struct in_addr address;           /* control address: our name as an endpoint and as a hop */
	uint64_t refresh_us;              /* R */
	unsigned multiplier;              /* K */
	uint64_t isc_start_us;            /* an ISC must have answered by then */
	uint64_t contract_wait_us;        /* how long a Path waits for its contract */
	uint16_t vlan_first, vlan_last;   /* switches; 0: none */
	unsigned n_ports;  struct core_port port[CORE_MAX_PORTS];
	struct core_resource resource[RESOURCE_MAX + 1];
	unsigned n_steps;  struct core_class_steps steps[CORE_MAX_STEPS];
	unsigned n_images; char image[CORE_MAX_IMAGES][CONTRACT_NAME];
	uint64_t seed;                    /* of the timers' jitter */
	uint32_t enterprise;              /* of our own objects */
	uint32_t epoch, instance;         /* RFC 2961, RFC 3209 section 5: another one at each start; not 0 */
	uint64_t expiry_rate;             /* path states and reservations that may lapse in a second; 0: all */
	uint64_t hello_us;                /* between HELLO REQUESTs; 0: none */
	uint64_t recovery_us;             /* what is here of a former life is to be claimed within; 0: the lifetime of our R */
};

struct core;
struct session;

enum core_action_type {
	CORE_SEND,      /* the message (core_action_message), not yet signed, to `to`; isc: over UDP, signed with its key */
	CORE_APPLY,     /* make session so; answer with core_applied(cookie) */
	CORE_RENEW,     /* session is as it was applied last: what of it times out is to live on */
	CORE_REVOKE,    /* remove all of key; session NULL: nobody knows which adaptors hold something of it */
	CORE_FETCH,     /* get key's contract `digest` from `to`; answer with core_contract */
	CORE_REPORT,    /* we lead it: tell the gatekeeper about session (leader.h) */
	CORE_CLOSED,    /* session is gone; forget what you keep about key */
	CORE_REFUSAL,   /* for the operator: this element refused key something: code, value, and why as the text */
	CORE_STATE,     /* for the operator: key's session changed its state, as the text says; only after core_trace */
	CORE_RECOVERED, /* the recovery time is over: what else the adaptors have that is no session's is to go */
};

struct core_action {
	enum core_action_type type;
	struct in_addr to;
	int isc, beyond;                  /* SEND; beyond: alone and with Router Alert, whoever is on the way may take it */
	uint8_t message_type;             /* SEND: RSVP_PATH, … */
	uint8_t code; uint16_t value;     /* REFUSAL: RSVP_ERR_…, and what goes with it */
	size_t at, len;                   /* SEND, REFUSAL, STATE: where in the list's bytes; a text's len includes its NUL */
	struct adaptor_key key;           /* all but SEND, RECOVERED */
	const struct session *session;    /* APPLY, RENEW, REVOKE, REPORT, CLOSED */
	uint64_t cookie;                  /* APPLY: of this commit; RENEW: of the last one before */
	uint8_t digest[SHA256_SIZE];
	uint32_t length;
};

/* Reused for ever: zero it once, clear it before each input. */
struct core_actions {
	struct core_action *v; unsigned n, room;
	uint8_t *bytes; size_t n_bytes, bytes_room;
	int lost;                         /* out of memory: some action is missing. A message that was never sent is not
	                                   * refreshed either: what it would have made is missing until the session changes */
};
static inline const uint8_t *core_action_message(const struct core_actions *actions, const struct core_action *a)
{
	return actions->bytes + a->at;
}
static inline const char *core_action_text(const struct core_actions *actions, const struct core_action *a)
{
	return a->len ? (const char *)actions->bytes + a->at : "";
}
void core_actions_clear(struct core_actions *actions);
void core_actions_free(struct core_actions *actions);

/* NULL when out of memory. nexthops is read by the core while it lives; not owned. */
struct core *core_new(const struct core_config *config, const struct nexthops *nexthops);
void core_free(struct core *core);
const struct core_config *core_config(const struct core *core);
/*
 * What an adaptor found of one session when the controller started; zero where it knows nothing. Several adaptors' words
 * of one session add up. It counts as reserved until it is claimed (recovery.c). Before the first message; later it is
 * of no use for sessions that are learnt already. 0 or -ENOMEM.
 */
struct core_found {
	struct adaptor_key key;
	uint16_t vlan;
	unsigned n_ports; struct { int port; uint64_t bps; } port[CORE_MAX_PORTS]; /* by index, -1: no port of ours */
	uint64_t level[RESOURCE_MAX + 1];      /* of its ISC here */
	uint32_t handled[RESOURCE_MAX + 1];    /* the last demands of its ISC that were acted on */
};
int core_found(struct core *core, const struct core_found *found);
/* It is known what is here: the recovery time begins. At its end CORE_RECOVERED. */
void core_recover(struct core *core, uint64_t now_us);
uint64_t core_recovery_time(const struct core *core);
uint64_t core_recovers_until(const struct core *core); /* then, or soon after; 0: it is over, or has not begun */
size_t core_unclaimed(const struct core *core); /* what was found and nobody has claimed yet */

/* New sizes, ports and resources; what is reserved stays, even beyond a smaller capacity. */
void core_reconfigure(struct core *core, const struct core_config *config);

/* Where a message came from. isc: it was signed with an ISC's key, so a client's software wrote it. */
struct core_from {
	struct in_addr addr;
	int port, isc;
	unsigned gap;             /* routers between that passed it on without a controller (RFC 2205 section 2.9, Send_TTL) */
};

/*
 * A decoded, authenticated message. contract is the parsed BODY when the message had one (the core takes its own
 * reference), else NULL.
 */
void core_message(struct core *core, const struct rsvp_msg *msg, const struct core_from *from,
		  struct contract *contract, uint64_t now_us, struct core_actions *actions);
/*
 * An authenticated message that rsvp_decode refused with -EPROTO, for this object: it is acknowledged, who sent a Path or Resv
 * is told, and nothing else of it is processed.
 */
void core_unknown_object(struct core *core, const struct rsvp_msg *msg, const struct rsvp_decode_error *object,
			 const struct core_from *from, uint64_t now_us, struct core_actions *actions);
/* A contract fetched from a neighbour, or NULL when that has not got it (why says so). */
void core_contract(struct core *core, struct in_addr from, const uint8_t digest[SHA256_SIZE], struct contract *contract,
		   const char *why, uint64_t now_us, struct core_actions *actions);
/* We are to lead this ICorp (again: a new revision replaces the old). 0, -EINVAL (we are not its leader), -ENOMEM. */
int core_originate(struct core *core, struct contract *contract, uint64_t now_us, struct core_actions *actions);
/* Tears an ICorp we lead. 0 or -ENOENT. */
int core_withdraw(struct core *core, uint32_t icorp, uint64_t now_us, struct core_actions *actions);
/* What became of a CORE_APPLY: all adaptors' answers merged. */
void core_applied(struct core *core, struct adaptor_key key, uint64_t cookie, const struct adaptor_result *result,
		  uint64_t now_us, struct core_actions *actions);
/* That answer is lost, for lack of memory: it is to be asked for again. Also while actions are carried out. */
void core_apply_again(struct core *core, struct adaptor_key key, uint64_t cookie, uint64_t now_us);
/* Some adaptor no longer has, or could not renew, what it was told of a session: it is applied again. */
void core_lost(struct core *core, struct adaptor_key key, uint64_t now_us, struct core_actions *actions);
/* So much was used of a resource at the adaptors here, on average since it was said last: bit/s, permille of a CPU, KiB. */
void core_used(struct core *core, struct adaptor_key key, enum resource resource, uint64_t used, uint64_t now_us,
	       struct core_actions *actions);
/* These adaptors lost all they were told: their sessions are applied again, by core_tick, some thousands a second. */
void core_reapply(struct core *core, uint16_t adaptors, uint64_t now_us);
/*
 * A neighbour's messages are taken from now on; those of before were dropped. It is asked for a Hello, so that it learns
 * that we were restarted, if we were, and sends again what it has told us.
 */
void core_greet(struct core *core, struct in_addr neighbour, uint64_t now_us, struct core_actions *actions);
/* Routes or the L2 map changed: every session's next hops are looked up again. */
void core_routes(struct core *core, uint64_t now_us, struct core_actions *actions);
/* The inputs at hand are done: what was collected (acknowledgements) goes out. Call it before waiting. */
void core_flush(struct core *core, uint64_t now_us, struct core_actions *actions);
/* Does what is due. */
void core_tick(struct core *core, uint64_t now_us, struct core_actions *actions);
/* When core_tick is needed next; UINT64_MAX: never. */
uint64_t core_next(const struct core *core);

/* The contract of that digest if some session has it, for neighbours that pull it. Not a new reference. */
struct contract *core_contract_find(const struct core *core, const uint8_t digest[SHA256_SIZE]);

/* Which adaptors may hold something of the session: the caller's note, a bit each. 0 in a new session. */
uint16_t core_adaptors(const struct session *s);
void core_set_adaptors(const struct session *s, uint16_t adaptors);

/* For show, the plan, reports and invariant checks. Read only. */
const struct session *core_session(const struct core *core, uint32_t icorp, struct in_addr leader);
const struct session *core_session_next(const struct core *core, const struct session *after); /* NULL: first/last */
size_t core_sessions(const struct core *core);
/* core_session() and core_session_next() give an ICorp's oldest revision; this the next newer one beside it, or NULL. */
const struct session *core_session_newer(const struct session *s);

/* Is it, or a newer revision, in the technologies? */
int core_in_force(const struct session *s);
/* Is this CORE_RENEW still to be done? Not when the session was closed or changed since: an action behind it says so. */
int core_renews(const struct core_action *renew);

/* From now on CORE_STATE tells changes of sessions' states, or no longer. */
void core_trace(struct core *core, int on);

/* Whom we speak to, with the state of each (neighbour.h). Read only. */
const struct neighbours *core_neighbours(const struct core *core);

/* Messages in the order of their types, from RSVP_PATH to RSVP_RESV_CONF; what is sent again counts again. */
enum core_counter {
	CORE_PATHS, CORE_RESVS, CORE_PATH_ERRS, CORE_RESV_ERRS, CORE_PATH_TEARS, CORE_RESV_TEARS, CORE_CONFS,
	CORE_PATHS_SENT, CORE_RESVS_SENT, CORE_PATH_ERRS_SENT, CORE_RESV_ERRS_SENT, CORE_PATH_TEARS_SENT,
	CORE_RESV_TEARS_SENT, CORE_CONFS_SENT,
	CORE_NO_PATH, CORE_NOT_ITS_OWN, CORE_PARKED, CORE_LAPSED, CORE_REFUSED, CORE_PREEMPTED, CORE_LOOPS, CORE_STALE,
	CORE_COUNTERS
};
const uint64_t *core_counters(const struct core *core);
const char *core_counter_name(enum core_counter counter);

#endif
