/*
 * From a session to what the adaptors are asked: the complete terms of this element's part of one ICorp. Pure.
 */
#ifndef ICORP_SIGNALD_PLAN_H
#define ICORP_SIGNALD_PLAN_H

#include "adaptors/adaptor.h"

struct core_config;
struct session;

/* How an ISC's controller and its host's find and believe each other; made once per session by the caller. */
struct plan_isc { struct in_addr host; uint16_t port; uint32_t key_id; uint8_t key[32]; };

/*
 * Fills *terms, whose arrays then belong to the caller (plan_clear frees them); services and apps point into the
 * session's contract. isc may be NULL where there is none. 0 or -ENOMEM.
 */
int plan_terms(const struct core_config *config, const struct session *s, const struct plan_isc *isc,
	       uint32_t lifetime_s, struct adaptor_terms *terms);
/* The address of the ISC that those terms have here; 0.0.0.0: none. */
struct in_addr plan_isc_address(const struct session *s);
void plan_clear(struct adaptor_terms *terms);
/* Which groups of terms are in use: adaptors that serve none of them are not asked. */
uint32_t plan_uses(const struct adaptor_terms *terms);

#endif
