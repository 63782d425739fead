/* A ring of the last errors. See errors.h. */
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "signald/errors.h"
#include "signald/session.h"

static int same(const struct error_entry *a, const struct error_entry *b)
{
	return a->icorp == b->icorp && !strcmp(a->event, b->event) && !strcmp(a->element, b->element) &&
	       !strcmp(a->code, b->code) && !strcmp(a->reason, b->reason);
}

void errors_note(struct errors *errors, const struct error_entry *entry)
{
	struct error_entry *last = errors->n ? &errors->v[(errors->n - 1) % ERRORS_KEPT] : NULL;
	unsigned times = entry->times ? entry->times : 1;

	if (last && same(last, entry)) {
		last->times += times;
	} else {
		last = &errors->v[errors->n++ % ERRORS_KEPT];
		*last = *entry;
		last->times = times;
	}
	last->wall_us = clock_wall_us();
}

void errors_note_message(struct errors *errors, const struct rsvp_msg *msg)
{
	struct error_entry e = { .icorp = msg->session.icorp, .code = rsvp_error_name(msg->error.code, msg->error.value) };
	char addr[ADDR_TEXT];

	if (msg->type != RSVP_PATH_ERR && msg->type != RSVP_RESV_ERR)
		return;
	e.event = msg->type == RSVP_PATH_ERR ? "PathErr received" : "ResvErr received";
	snprintf(e.element, sizeof(e.element), "%s", addr_text(msg->error.node, addr));
	for (unsigned i = 0; i < msg->grants.n; i++) {
		if (msg->grants.v[i].node.s_addr != msg->error.node.s_addr)
			continue;
		snprintf(e.element, sizeof(e.element), "%s", msg->grants.v[i].element);
		snprintf(e.reason, sizeof(e.reason), "%s", msg->grants.v[i].reason);
	}
	errors_note(errors, &e);
}

const struct error_entry *errors_at(const struct errors *errors, unsigned i)
{
	uint64_t kept = errors->n < ERRORS_KEPT ? errors->n : ERRORS_KEPT;

	return i < kept ? &errors->v[(errors->n - kept + i) % ERRORS_KEPT] : NULL;
}
