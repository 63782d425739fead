/*
 * What every adaptor must keep to, whatever its technology (adaptors/adaptor.h): one list of checks, and a table that says
 * of each technology how to see what is there, how to break it, and what is foreign. A new technology is a new row.
 *
 *     checks*.c    the list; knows no technology
 *     subjects_*.c the rows of the technologies that one adaptor program has
 *     run.c        the tools of both: shell, terms, an open adaptor
 */
#ifndef ICORP_TEST_CONFORMANCE_H
#define ICORP_TEST_CONFORMANCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adaptors/protocol.h"

#define CONFORM_OPTIONS 6
#define CONFORM_HARMS 6

/* Terms that have something for every technology. level 1 or 2: two sizes (rate, memory, priority, way, lifetime) of one ICorp.
 * Endpoints and service are the struct's own: it must not move. */
struct conform_terms {
	struct adaptor_terms t;
	struct terms_endpoint endpoint[3];
	struct contract_service service;
};

struct subject {
	const char *name, *type;
	struct adaptor_option options[CONFORM_OPTIONS];   /* values as in the shell's double quotes */
	const char *port, *second_port; /* the terms' ports (the second one a trunk), or NULL */
	const char *prepare, *finish;   /* shell: makes the technology's surroundings in a network namespace; undoes it. A
	                                 * prepare that fails skips the subject with the last line it wrote. */
	int needs_root;
	const char *see;                /* shell: all of ours that is there, the same text for the same state */
	char *(*look)(void);            /* instead of see, for what only this process can see */
	void (*spoil)(struct conform_terms *terms);   /* so that half of them can be done, and all of them cannot */
	const char *jam, *unjam;        /* shell, or NULL: nothing can be done with the technology any more; it can again */
	const char *harm[CONFORM_HARMS];/* shell: someone breaks ICorp 7, each in another way */
	void (*hurt)(void);             /* instead of harm */
	const char *foreign;            /* shell: somebody else's objects of the same technology are made */
	const char *foreign_see;        /* and looked at */
	int forgets;                    /* the technology dies with the process that talks to it: nothing can outlive it */
	unsigned many;                  /* ICorps at once; 0: CONFORM_MANY */
	unsigned points;                /* how many moments of a batch it is killed at; 0: as many as CONFORM_POINTS */
};

#define CONFORM_POINTS 16
#define CONFORM_MANY 30

/* The rows of this program, n of them. */
extern const struct subject conform_subjects[];
extern const size_t conform_n_subjects;

/* An open adaptor. */
struct instance {
	const struct subject *subject;
	const struct adaptor_ops *ops;
	struct adaptor_option options[CONFORM_OPTIONS];
	size_t n_options;
	void *state;
};

/* run.c. What fails fails the test. */
/* Runs shell text; its output, which the caller frees. NULL when its status is not 0. */
char *conform_shell(const char *text);
void conform_must(const char *text);
/* What is there of ours; of somebody else's. The caller frees. */
char *conform_see(const struct instance *i);
char *conform_see_foreign(const struct instance *i);
void conform_expect(const struct instance *i, const char *state, const char *what);
void conform_differs(const struct instance *i, const char *state, const char *what);
struct in_addr conform_addr(const char *text);
void conform_fill(struct conform_terms *c, const struct subject *s, uint32_t icorp, unsigned level);
int conform_open(struct instance *i, char *why, size_t room);
void conform_reopen(struct instance *i);
/* apply without and with flush; *r is zeroed first. 0 or the first error. */
int conform_stage(struct instance *i, const struct conform_terms *c, struct adaptor_result *r);
int conform_flush(struct instance *i, struct adaptor_result *r);
int conform_apply(struct instance *i, const struct conform_terms *c, struct adaptor_result *r);
void conform_applied(struct instance *i, uint32_t icorp, unsigned level);
int conform_revoke(struct instance *i, uint32_t icorp);
void conform_audit(struct instance *i, const uint32_t *icorps, size_t n, unsigned *orphans, unsigned *repaired);
struct adaptor_key conform_key(uint32_t icorp);

/* checks.c: the list */
extern const struct CMUnitTest conform_checks[];
extern const size_t conform_n_checks;
/* checks_audit.c, checks_hostile.c, checks_kill.c: on it, too */
void check_orphans(void **state);
void check_foreign(void **state);
void check_drift(void **state);
void check_inventory(void **state);
void check_questions(void **state);
void check_hostile(void **state);
void check_killed_anywhere(void **state);
void check_killed_process(void **state);

#endif
