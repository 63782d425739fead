/*
 * The ICorps there are, and everything that happens to one.
 */
#ifndef ICORP_GATEKEEPER_ICORPS_H
#define ICORP_GATEKEEPER_ICORPS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "contracts/contract.h"
#include "gatekeeper/gatekeeper.h"
#include "gatekeeper/lifecycle.h"
#include "gatekeeper/problem.h"
#include "gatekeeper/report.h"
#include "gatekeeper/revise.h"

struct icorp {
	uint32_t id;
	enum life state;
	struct contract *contract;         /* what stands, or is to */
	struct contract *next;             /* the revision asked for, until it is complete or refused; NULL: none */
	uint16_t revision;                 /* the newest ever asked for */
	struct revise_memory memory;
	uint64_t posted_us;                /* monotonic; of a former run: worked out from the wall clock */
	uint64_t posted_wall_us;
	uint64_t complete_us;              /* from the POST to the first completion; 0: not yet */
	int named;                         /* its name is wanted in DNS */
	int unsaved;                       /* the store failed; tried again */
	json_t *endpoints, *price, *grants, *error; /* as reported last; NULL: nothing */
};

struct icorps;

/* Loads what the store holds. 0 or -errno. */
int icorps_new(struct gatekeeper *gk, struct icorps **out);
void icorps_free(struct icorps *icorps);

/* Admits, stores, and hands the contract to its leader. The key may be NULL. 0 and *out (owned by the table), or -EINVAL
 * with *problem and nothing stored. */
int icorps_create(struct icorps *icorps, const struct contract_request *request, const struct store_key *key,
		  struct icorp **out, struct problem *problem);
/* Asks for a new revision of its contract (revise.h): it replaces the present one once it is complete. A revision that is
 * still being set up is given up for it. 0, or -EINVAL with *problem and nothing changed. */
int icorps_revise(struct icorps *icorps, struct icorp *icorp, json_t *change, struct problem *problem);
/* What the element says about an ICorp it leads. 0, or -EINVAL with *problem. */
int icorps_report(struct icorps *icorps, const char *element, struct report *report, struct problem *problem);
/* Asked again is fine. The ICorp may be gone when this returns. */
void icorps_delete(struct icorps *icorps, struct icorp *icorp);
/* The element's stream has just been sent all that it leads. */
void icorps_handed(struct icorps *icorps, const char *element);
/* Ends lifetimes that are over and saves what could not be saved; by a timer, by tests with their own clock. */
void icorps_tick(struct icorps *icorps, uint64_t now_us);

struct icorp *icorps_find(const struct icorps *icorps, uint32_t id);
/* By ascending id; NULL past the end. */
struct icorp *icorps_nth(const struct icorps *icorps, size_t n);
size_t icorps_count(const struct icorps *icorps);
/* As the API shows it. New reference. */
json_t *icorps_json(const struct gatekeeper *gk, const struct icorp *icorp);

#endif
