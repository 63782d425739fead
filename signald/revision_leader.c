/*
 * The leader's part of make before break (revision.c): when a new revision is complete it tears what that replaces; when
 * it is refused, or not complete in time, what it was to replace stands; a third one tears the second.
 */
#include <stdio.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "signald/session.h"

#define DRAIN_US (2 * CLOCK_S) /* what a new revision has not is given no more work for so long before it is torn */

struct session *revision_standing(struct core *core, const struct session *s)
{
	struct session *standing = NULL;

	for EACH_REVISION(m, core, s)
		if (m->contract->revision < s->contract->revision)
			standing = m;
	return standing;
}

const struct contract_endpoint *revision_moves_isc(struct core *core, const struct session *s)
{
	const struct session *stands = revision_standing(core, s);

	for (unsigned i = 0; stands && i < s->n_leaves; i++) {
		const struct contract_endpoint *ep = &s->contract->endpoints[i], *old =
			contract_endpoint_by_control(stands->contract, ep->control);

		if (old && old->kind == ENDPOINT_SERVER && old->private_addr.s_addr != ep->private_addr.s_addr)
			return ep;
	}
	return NULL;
}

void revision_weigh(struct core *core, const struct session *s, const struct leaf *leaf, uint8_t *flags, uint16_t *weight)
{
	const struct session_more *more = session_rest(s);
	const struct session *stands = more->complete_by_us ? revision_standing(core, s) : NULL;
	const struct leaf *old = stands ? leaf_by_addr(stands, leaf_ep(s, leaf)->control) : NULL;

	if (old) {
		*flags = old->told_flags;
		*weight = old->weight;
	} else if (stands || (more->replaced_us && session_newer(s) &&
			      !contract_endpoint_by_control(session_newer(s)->contract, leaf_ep(s, leaf)->control))) {
		*weight = 0;
	}
}

void revision_supersede(struct turn *t, struct adaptor_key key)
{
	struct session *stands = session_find(t->core, key), *next;

	for (struct session *m = stands; m; m = session_newer(m))
		if (m->was_complete)
			stands = m;
	for (struct session *m = session_find(t->core, key); m; m = next) {
		next = session_newer(m);
		if (m != stands)
			leader_tear(t, m);
	}
}

void revision_failed(struct session *stands, const struct session *s)
{
	const struct session_more *why = session_rest(s);
	int len = (int)sizeof(why->error.reason) - 20;

	log_icorp(LOG_LEVEL_WARN, s->key.icorp, "revision %u failed, revision %u stands", s->contract->revision,
		  stands->contract->revision);
	stands->more->error = why->error;
	snprintf(stands->more->error.reason, sizeof(stands->more->error.reason), "revision %u: %.*s", s->contract->revision,
		 len, why->error.reason);
}

/* Has the older one an endpoint that is not in s's contract any more? */
static int loses_some(const struct session *older, const struct session *s)
{
	for (unsigned i = 0; i < older->n_leaves; i++)
		if (older->leaf[i].where != LEAF_ELSEWHERE &&
		    !contract_endpoint_by_control(s->contract, older->contract->endpoints[i].control))
			return 1;
	return 0;
}

void revision_complete(struct turn *t, struct session *s)
{
	struct session *older;

	s->more->complete_by_us = 0;
	s->dirty_report = 1; /* from now on its endpoints are given work */
	revision_settle(t, s);
	while ((older = session_find(t->core, s->key)) != s && !session_rest(older)->replaced_us) {
		log_icorp(LOG_LEVEL_INFO, s->key.icorp, "revision %u is complete and replaces revision %u",
			  s->contract->revision, older->contract->revision);
		if (!older->was_complete || !loses_some(older, s)) {
			leader_tear(t, older);
			continue;
		}
		older->more->replaced_us = t->now_us + DRAIN_US;
		older->dirty_report = 1;
		revision_settle(t, older);
	}
}

void revision_tick(struct turn *t, struct session *s)
{
	const struct session_more *more = session_rest(s);
	unsigned i = 0;

	if (more->replaced_us && more->replaced_us <= t->now_us) {
		leader_tear(t, s);
		return;
	}
	if (!more->complete_by_us || more->complete_by_us > t->now_us)
		return;
	while (i + 1 < s->n_leaves && s->leaf[i].up)
		i++;
	session_refuse(t, s, RSVP_ERR_ADMISSION, RSVP_ADMISSION_ADAPTOR, "%s was not confirmed in time",
		       s->contract->endpoints[i].element);
}
