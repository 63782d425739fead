/*
 * The controller's end of an adaptor: has `icorp-adaptor TYPE` (or icorp-adaptor-vm) started over a socketpair, sends
 * it requests without waiting, has it restarted with backoff when it dies, and reports each answer through one callback.
 *
 * Per session at most one apply is in flight and one is waiting: newer terms replace waiting ones, so a slow
 * technology sees only the latest state. Requests of many sessions are batched in one write. Of a session that waits for
 * no answer nothing is kept.
 *
 * When the process dies, what it had not answered is sent to its successor, terms that were being applied one at a time
 * after all others; terms that the process dies of three times are answered -EIO and forgotten. What it had answered
 * its successor does not know: the caller, told ADAPTOR_STARTED, applies that again, and audits if it has audited
 * before (until it has, it may not have re-learnt its sessions).
 */
#ifndef ICORP_ADAPTOR_CLIENT_H
#define ICORP_ADAPTOR_CLIENT_H

#include <sys/types.h>

#include "adaptors/adaptor.h"

struct event_base;
struct adaptor_client;

enum adaptor_request { ADAPTOR_CHECK = 1, ADAPTOR_APPLY, ADAPTOR_REVOKE, ADAPTOR_AUDIT, ADAPTOR_MEASURE,
		       ADAPTOR_PORTS, ADAPTOR_SHOW, ADAPTOR_RENEW, ADAPTOR_INVENTORY };

struct adaptor_client_options {
	const char *instance;             /* name in the config, for logs */
	const char *type;
	/* Gives a new process that has been sent its OPEN, after whatever is left of the former one was killed: our end of
	 * the socketpair (non-blocking) and the process's id, or -errno. See process.h. -EINPROGRESS: it will be given by
	 * adaptor_client_started(). */
	int (*start)(void *ctx, pid_t *pid);
	void *ctx;
};

struct adaptor_answer {
	enum adaptor_request request;
	struct adaptor_key key;           /* CHECK, APPLY, REVOKE */
	uint64_t cookie;                  /* as given with the request that is answered */
	struct adaptor_result result;
	const char *json;                 /* MEASURE, PORTS, SHOW, INVENTORY; valid during the call */
	unsigned orphans, repaired;       /* AUDIT */
	const struct adaptor_key *keys; size_t n_keys; /* RENEW: those not renewed; valid during the call */
};

/*
 * Called from the loop, never from inside a call below. Exactly one answer per CHECK, MEASURE, PORTS, SHOW,
 * INVENTORY, AUDIT, RENEW; an APPLY replaced by a newer one while waiting is answered by the newer one's answer only; a REVOKE
 * drops a waiting APPLY. While the process is down APPLYs are kept and the others fail with -EAGAIN (a REVOKE is
 * remembered all the same and done when the process is back). An APPLY put off because a daemon is down is answered
 * -EAGAIN with what it waits for, and again when it is done, or not again when newer terms or a REVOKE replaced it; a
 * REVOKE so replaced is answered -ECANCELED.
 * The client must not be freed from these callbacks.
 */
typedef void adaptor_answer_fn(void *ctx, struct adaptor_client *client, const struct adaptor_answer *answer);
enum adaptor_state {
	ADAPTOR_DOWN,       /* died or refused; why */
	ADAPTOR_STARTED,    /* probed, open and serving: a process that knows only what is not answered yet */
	ADAPTOR_WAITS,      /* serving, but some requests are put off; what they wait for */
	ADAPTOR_SERVES,     /* none is any more */
};
/* why: as said above, else "". From the loop, like answers. */
typedef void adaptor_state_fn(void *ctx, struct adaptor_client *client, enum adaptor_state state, const char *why);

/* Starts at once. NULL and errno on failure. Strings are copied. */
struct adaptor_client *adaptor_client_new(struct event_base *base, const struct adaptor_client_options *options,
					  adaptor_answer_fn *answer, adaptor_state_fn *state, void *ctx);
/* What options.start was asked for, and could not give at once: as it would have returned it. From the loop, once per start. */
void adaptor_client_started(struct adaptor_client *client, int fd, pid_t pid);
/* Sends what is queued, closes the socketpair (the process then closes and exits by itself). */
void adaptor_client_free(struct adaptor_client *client);

int adaptor_client_check(struct adaptor_client *c, const struct adaptor_terms *terms, uint64_t cookie);
int adaptor_client_apply(struct adaptor_client *c, const struct adaptor_terms *terms, uint64_t cookie);
int adaptor_client_revoke(struct adaptor_client *c, struct adaptor_key key, uint64_t cookie);
int adaptor_client_audit(struct adaptor_client *c, const struct adaptor_key *keys, size_t n, uint64_t cookie);
/* Renews what times out of these sessions, whose terms are those applied last. At most PROTOCOL_MAX_KEYS. */
int adaptor_client_renew(struct adaptor_client *c, const struct adaptor_key *keys, size_t n, uint64_t cookie);
/* MEASURE, PORTS, SHOW or INVENTORY. */
int adaptor_client_query(struct adaptor_client *c, enum adaptor_request request, uint64_t cookie);
/* Answers outstanding (for an orderly stop and for tests). */
size_t adaptor_client_pending(const struct adaptor_client *c);

const char *adaptor_client_instance(const struct adaptor_client *c);
const char *adaptor_client_type(const struct adaptor_client *c);
uint32_t adaptor_client_terms(const struct adaptor_client *c); /* TERM_* served; 0 until first up */
int adaptor_client_up(const struct adaptor_client *c);
int adaptor_client_renews(const struct adaptor_client *c);     /* something of it times out; 0 until first up */
pid_t adaptor_client_pid(const struct adaptor_client *c);      /* 0 when down */

#endif
