/*
 * What went wrong lately, for `show errors`: PathErr and ResvErr received, what this element refused, datagrams dropped
 * and messages not sent. The last ERRORS_KEPT are kept, in memory of their own, so that noting one cannot fail. Whoever
 * can make many of a kind (anybody can send datagrams) is slowed down by the caller, as the log is.
 */
#ifndef ICORP_SIGNALD_ERRORS_H
#define ICORP_SIGNALD_ERRORS_H

#include "signald/core.h"

#define ERRORS_KEPT 256

struct error_entry {
	uint64_t wall_us;              /* of the last time */
	uint32_t icorp;                /* 0: about none */
	unsigned times;
	const char *event;             /* static: "PathErr received", "refused", "dropped", "not sent" */
	char element[CONTRACT_NAME];   /* which refused, or an address */
	const char *code;              /* static: the field's name of it */
	char reason[ADAPTOR_REASON];
};

struct errors { uint64_t n; struct error_entry v[ERRORS_KEPT]; }; /* n: ever noted; zeroed it is empty */

/* Notes it once more: as the last one again when nothing but the time differs, else as a new one. times 0 counts as 1. */
void errors_note(struct errors *errors, const struct error_entry *entry);
/* A PathErr or ResvErr that was received; other messages are none. */
void errors_note_message(struct errors *errors, const struct rsvp_msg *msg);
/* The i-th, 0 being the oldest kept; NULL: no such. */
const struct error_entry *errors_at(const struct errors *errors, unsigned i);

#endif
