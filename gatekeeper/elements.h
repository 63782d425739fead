/*
 * The registrar's table: every element that ever registered, whether it is alive, and what its switch remembers.
 */
#ifndef ICORP_GATEKEEPER_ELEMENTS_H
#define ICORP_GATEKEEPER_ELEMENTS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "gatekeeper/fdb.h"
#include "gatekeeper/gatekeeper.h"
#include "gatekeeper/registration.h"

struct element {
	struct registration reg;
	struct fdb fdb;
	uint64_t seen_us;      /* last registration (or our start: it gets the full time to come back) */
	int alive, heard;      /* heard: since our start */
	struct in_addr last_public; /* handed out last from its pool */
};

struct elements;

/* Loads what the store holds. 0 or -errno. */
int elements_new(struct gatekeeper *gk, struct elements **out);
void elements_free(struct elements *elements);

/* Takes the registration over (leaves it zeroed). 0, or -EINVAL with *problem when it cannot be stored. */
int elements_register(struct elements *elements, struct registration *reg, struct problem *problem);
/* Marks those that missed too many heartbeats; called by a timer, by tests with their own clock. */
void elements_expire(struct elements *elements, uint64_t now_us);

struct element *elements_find(const struct elements *elements, const char *name);
/* Sorted by name; NULL past the end. */
struct element *elements_nth(const struct elements *elements, size_t n);
size_t elements_count(const struct elements *elements);
/* As /v1/elements and the events show it. */
json_t *elements_json(const struct gatekeeper *gk, const struct element *element);

#endif
