/*
 * Audits: what the adaptors find in their technologies is compared with what the sessions in force want, when the recovery
 * time is over, every `audit` of the configuration, when an adaptor is a new process, and when the operator asks. What was
 * found is logged, counted per adaptor (`show status`), and told the gatekeeper.
 */
#ifndef ICORP_SIGNALD_AUDIT_H
#define ICORP_SIGNALD_AUDIT_H

#include "adaptors/client.h"
#include "lib/control.h"

struct audit;
struct daemon;

/* Of one adaptor, since the controller started. */
struct audit_counts {
	uint64_t done, failed;             /* audits */
	uint64_t orphans, repaired;        /* removed; put back */
	uint64_t last_us;                  /* when one was done last; 0: never */
	char reason[ADAPTOR_REASON];       /* why the last one failed; empty: it did not */
};

/* 0 or -ENOMEM. Nothing is audited before audit_begin. */
int audit_new(struct daemon *d, struct audit **out);
void audit_free(struct audit *a); /* NULL is fine */
/* The sessions are re-learnt: now, and from now on every so often. What no session claimed goes. */
void audit_begin(struct audit *a);
/* These adaptors are new processes. Before audit_begin that is nothing: we may not know all our sessions. */
void audit_restarted(struct audit *a, uint16_t adaptors);
/* The configuration's interval is another. */
void audit_reconfigured(struct audit *a);
/* The n-th adaptor has answered (dispatch_hooks). */
void audit_answered(struct audit *a, size_t n, const char *instance, const struct adaptor_answer *answer);
const struct audit_counts *audit_counts(const struct audit *a, size_t n);

/* The command `audit`: begins one now. */
control_fn audit_command;

#endif
