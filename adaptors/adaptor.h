/*
 * The narrow waist: how contract terms meet a technology. A controller knows only this table; a technology
 * is one file, registered by one line in adaptors/list.h.
 *
 * Adaptors are plain blocking code in a process of their own (`icorp-adaptor TYPE`, or `icorp-adaptor-vm`
 * for those that link libvirt: its licence and libnftables' do not meet in one program). The controller
 * starts one per configured instance and talks to it over a socketpair (adaptors/protocol.h).
 *
 * Everything an adaptor creates carries our mark (a name, cookie, protocol number or comment with the ICorp's
 * id), so that `audit` can find what a crash left and nothing foreign is ever touched.
 */
#ifndef ICORP_ADAPTOR_H
#define ICORP_ADAPTOR_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "contracts/contract.h"

#define ADAPTOR_IFNAME 16
#define ADAPTOR_MAX_PORTS 64
#define ADAPTOR_MAX_GRANTS 8
#define ADAPTOR_REASON 128

/* What an adaptor says it really does for a term. Values are on the wire. */
enum enforcement { ENFORCEMENT_NONE = 0, ENFORCEMENT_BEST_EFFORT = 1, ENFORCEMENT_ENFORCED = 2 };

/* What became of a demand or of a term. Values are on the wire. */
enum outcome { OUTCOME_IGNORED = 0, OUTCOME_APPLIED = 1, OUTCOME_PARTLY = 2, OUTCOME_REFUSED = 3 };

const char *enforcement_name(enum enforcement e); /* "none", "best-effort", "enforced" */
const char *outcome_name(enum outcome o);         /* "ignored", "applied", "partly", "refused" */

/* The groups of terms below that an adaptor can serve. */
enum {
	TERM_RATE = 1u << 0,   /* ports[].rate_bps: tc, bridge (as priority), ovs */
	TERM_VLAN = 1u << 1,   /* vlan, priority, ports: bridge, ovs */
	TERM_ROUTE = 1u << 2,  /* prefix, endpoints' addresses: route, nat */
	TERM_ISC = 1u << 3,    /* isc: vm */
	TERM_PROXY = 1u << 4,  /* services, backends: proxy */
};

struct terms_port {
	char ifname[ADAPTOR_IFNAME];
	uint64_t rate_bps;    /* to guarantee to the ICorp on this port, outgoing; 0: a member without guarantee */
	uint64_t ceil_bps;
	int trunk;            /* the neighbour behind this port understands VLAN tags */
};

struct terms_endpoint {
	char element[CONTRACT_NAME];
	enum endpoint_kind kind;
	struct in_addr control, private_addr, public_addr;
	int local;            /* it is this element's own */
	int up;               /* confirmed by a reservation */
	uint16_t weight;      /* for the proxies; 0: not to be used */
};

struct terms_isc {
	int present;
	struct contract_isc spec;       /* levels as they are to be now, not as the contract began */
	uint64_t max_memory_kib;        /* what the contract lets it grow to; 0: it does not say */
	struct in_addr address;         /* the ISC's, inside the ICorp */
	struct in_addr host;            /* where the ISC's controller finds its host's controller */
	uint16_t host_port;             /* UDP */
	uint32_t key_id; uint8_t key[32]; /* authenticates the ISC's controller to the host's */
	uint32_t handled[RESOURCE_MAX + 1]; /* the last demands acted on: to be remembered before the levels change */
};

/*
 * All that one session wants of this element now: complete, not a difference. Adaptors apply the difference
 * to what they did before. Owned by the caller; the arrays and strings may be freed after the call.
 */
struct adaptor_terms {
	uint32_t icorp;                 /* with `leader` the key: one session, one set of terms */
	struct in_addr leader;          /* the session's extended tunnel id: tells ASPs' ICorps apart */
	uint16_t revision;
	char name[CONTRACT_NAME];
	struct prefix prefix;           /* classifies the ICorp's packets, either direction */
	enum capacity_class capacity;
	uint8_t priority;               /* 802.1p */
	uint16_t vlan;                  /* 0: none (not a switch) */
	uint32_t lifetime_s;            /* kernel state that can time out lives this long after an apply */
	int leading;                    /* this element is the leader */
	unsigned n_ports;     struct terms_port ports[ADAPTOR_MAX_PORTS];
	unsigned n_endpoints; struct terms_endpoint *endpoints;   /* all of the contract */
	unsigned n_services;  struct contract_service *services;
	unsigned n_apps;      struct contract_app *apps;          /* what the ISC's controller starts */
	struct terms_isc isc;
};

/* What an adaptor did about one resource (or, with resource 0, about its terms as a whole). */
struct adaptor_grant {
	uint8_t resource;               /* enum resource, or 0 */
	uint8_t outcome, enforcement;
	uint64_t level;                 /* as it now is */
	char reason[ADAPTOR_REASON];    /* for refused, partly and best-effort: why */
};

struct adaptor_result {
	int error;                      /* 0, or -errno: the session's former state stands */
	char reason[ADAPTOR_REASON];
	unsigned n_grants; struct adaptor_grant grants[ADAPTOR_MAX_GRANTS];
};

struct adaptor_key { uint32_t icorp; struct in_addr leader; };

/* For tables of sessions: all bits matter, and ICorps numbered in a row fall apart evenly (MurmurHash3's last step). */
static inline uint64_t adaptor_key_hash(struct adaptor_key key)
{
	uint64_t h = (uint64_t)key.leader.s_addr << 32 | key.icorp;

	h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 33;
}

/* Options from the controller's config (`adaptor tc { options = {"link=100M", …} }`), as key/value text. */
struct adaptor_option { const char *key, *value; };

struct writer;

/*
 * What each slot may assume and must leave behind. tests/conformance holds every adaptor to it; doc/writing-an-adaptor.md
 * writes a small one.
 *
 * Of all slots: one thread calls them, one at a time, and they may block: nothing else waits for this process, but the
 * requests behind do. They return 0 or -errno, and with an error always a reason that names what is at fault (result->reason,
 * why); they never print, exit or fork. Terms are the network's: any value of any field may come, and what cannot be done is
 * refused. Pointers are the caller's and end with the call. The process may be killed before any system call: what
 * is there then, marked as ours, the next process finds, and a repeated apply or an audit makes whole.
 *
 * -EAGAIN says: not now (a daemon is down; the reason says which). The host process keeps the request and tries again with
 * backoff; any other error is the answer. A state that was not opened is never passed.
 */
struct adaptor_ops {
	const char *type;               /* "tc" */
	const char *help;               /* one line */
	uint32_t terms;                 /* TERM_* it serves; terms without any of them it is still given once it had some */
	const char *const *options;     /* the option keys it knows with help, "link=RATE of the link", NULL-ended */

	/* Can this machine do it at all, with these options? 0, or -errno with why. Called before open and by
	 * `icorp-adaptor --probe`; must leave nothing. Options have been checked against the list above, their values have
	 * not. NULL: everywhere. */
	int (*probe)(const struct adaptor_option *options, size_t n, char *why, size_t room);

	/* Prepares (qdiscs, tables, a connection). May create what sessions share, and takes over what a former process
	 * left, without interrupting it: what is in force stays so. Not a failure if a remote daemon is down: apply will
	 * say -EAGAIN. 0 and *state, or -errno with why and nothing to close. */
	int (*open)(const struct adaptor_option *options, size_t n, void **state, char *why, size_t room);

	/* Would an apply of these terms be refused, as far as this technology can tell? Changes nothing, and takes what is
	 * staged as done. 0, -ENOSPC, -EINVAL, -ENOENT (no such port, image, …) or -EEXIST with a reason. NULL: everything
	 * fits. */
	int (*check)(void *state, const struct adaptor_terms *terms, struct adaptor_result *result);

	/* Makes it so: what the session had and the terms do not want goes, by difference; what stays is not interrupted.
	 * Idempotent: the same terms again, also of another process, only renew what times out. Terms that want nothing here
	 * are as a revoke, but the session is known. An adaptor without flush is done when this returns; one with flush
	 * stages: nothing is visible before the flush, and within a batch the order of the calls counts (the last apply
	 * or revoke of a session; what one gives up another may have). On failure, here or in flush, all that was in force
	 * before still is, and nothing of the new terms. *result comes zeroed; of a resource nothing is said of nothing is
	 * promised: grants are what was really done (outcome, enforcement, level), at most ADAPTOR_MAX_GRANTS. */
	int (*apply)(void *state, const struct adaptor_terms *terms, struct adaptor_result *result);

	/* Commits what is staged as one batch. result(ctx, key, error, reason) once per session that failed, and for it
	 * alone: the others are done. NULL: apply does not stage. 0, also when nothing is staged, or -errno when nothing
	 * could be committed; then all is as before, and nothing is staged any more. */
	int (*flush)(void *state, void (*result)(void *ctx, struct adaptor_key key, int error, const char *reason),
		     void *ctx);

	/* Removes all of one session, also of one that a former process applied: marks tell whose things are. Twice is fine; an
	 * unknown key is fine and changes nothing. 0, or -errno with why (room bytes; why may be NULL when room is 0). */
	int (*revoke)(void *state, struct adaptor_key key, char *why, size_t room);

	/* Renews what times out of n sessions whose terms are those applied last, as an apply of the same would; changes
	 * nothing else. failed comes zeroed; failed[i] is set to 1 for each that is not renewed, because it is not known here or
	 * could not be: the controller applies its terms again. Every session applied since open is known until it is revoked, whatever
	 * its terms wanted. 0, or -errno: none was renewed. NULL: nothing of this technology times out. */
	int (*renew)(void *state, const struct adaptor_key *keys, size_t n, uint8_t *failed);

	/* Compares what is really there with what should be. The n keys are all sessions there should be; n = 0: none.
	 *   orphans    what carries our mark and belongs to no key goes. What belongs to a key that has not been applied
	 *              since open stays as it is: its apply is on the way
	 *   drift      what a session applied since open should have, and has not, or has otherwise, is made so; so are the
	 *              things sessions share
	 * Both are counted, in units of the technology's own: 0 says that nothing was done, so a second audit counts 0. What
	 * has no mark of ours is never touched. Nothing is staged when it is called. 0, or -errno when it could not look or not
	 * do all; then *orphans and *repaired say what was done. NULL: there is nothing that could outlive the process. */
	int (*audit)(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired);

	/* Nobody has asked anything for a while and nothing is staged: does a little, a few milliseconds at most, of what would
	 * take longer when it is needed. Changes nothing of what is in force. 1: there is more to do, it is called again
	 * unless a request has come; 0: nothing until the next request. NULL: never anything. */
	int (*idle)(void *state);

	/*
	 * What is there of sessions, by our mark, for a controller that has just started: an array "sessions" of objects
	 * with "icorp", "leader" and, as far as this technology has them, "vlan", "ports" ({"name","rate"} in bit/s), and of
	 * an ISC "levels" and "handled" (in the order of enum resource). Changes nothing. Asked when nothing has been
	 * applied since open. 0, or -errno: it cannot be told now, and is asked again. NULL: nothing that need be known.
	 */
	int (*inventory)(void *state, struct writer *w);

	/* Measured use, written as an array "sessions" of an object per session: "icorp", "leader", and what this technology counts of
	 * "bytes", or "ports" ({"name","bytes"}, always in the same order; then the busiest counts), "cpu_time_ns": counters that only grow; and
	 * "memory_kib" as it is now. Other members are for the eye. Changes nothing. May be NULL. */
	int (*measure)(void *state, struct writer *w);

	/* Layer-2 technologies: their ports with MACs and the MACs learnt behind each, as arrays "ports"
	 * ({"name","mac"}) and "fdb" ({"mac","port"}), for the L2 map. Changes nothing. NULL for others. */
	int (*ports)(void *state, struct writer *w);

	/* What is really there, for `icorpctl show adaptors`: read back from the kernel or daemon, no secrets. Changes
	 * nothing. */
	int (*show)(void *state, struct writer *w);

	/* Forgets; leaves what was applied in place (the data plane outlives the controller). What is staged is lost. */
	void (*close)(void *state);
};

/* The registered adaptor of that type in this program, or NULL. */
const struct adaptor_ops *adaptor_find(const char *type);
/* The n-th registered, NULL past the end. */
const struct adaptor_ops *adaptor_nth(size_t n);
/* An option's value, or deflt. */
const char *adaptor_option(const struct adaptor_option *options, size_t n, const char *key, const char *deflt);

#endif
