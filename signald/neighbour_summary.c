/*
 * Summary refresh, the sender's side (RFC 2961 section 5): instead of every state being sent again within R, its
 * message id is named in a Srefresh.
 *
 * The entries are in the order of sending, so ids ascend (in serial arithmetic, counted from the first one), a search
 * is binary, and a round is a walk. A withdrawn entry stays as a hole until the holes are half of it all or a round
 * begins. A round walks the entries that were there when it began, a message's worth every step_us. What it meets:
 *   - still awaiting its acknowledgement: it was just sent, and is sent again if need be;
 *   - a neighbour that does not understand Srefresh, or lost all state: the owner sends it in full;
 *   - an id so old that the numbers might soon come round to it: the same, which gives it a new one;
 *   - everything else is named.
 */
#include <errno.h>
#include <stdlib.h>

#include "signald/neighbour_internal.h"

#define HURRY_US 2000u          /* a Srefresh every 2 ms when a neighbour came back */
#define FULL_US 5000u           /* how often the window is filled when it lost everything */
#define OLD (1u << 30)          /* ids are renumbered when they are so far behind; beyond 2^31 their order is lost */

static uint32_t live(const struct summary *s)
{
	return s->n - s->dead;
}

/* Removes the holes; the round goes on where it was. */
static void compact(struct summary *s)
{
	uint32_t to = 0, at = s->at, end = s->end;

	for (uint32_t from = 0; from < s->n; from++) {
		if (from == s->at)
			at = to;
		if (from == s->end)
			end = to;
		if (s->v[from].slot != NEIGHBOUR_NO_SLOT)
			s->v[to++] = s->v[from];
	}
	s->at = s->at >= s->n ? to : at;
	s->end = s->end >= s->n ? to : end;
	s->n = to;
	s->dead = 0;
	if (s->room > 64 && s->n < s->room / 4) {
		uint32_t room = s->room / 2;
		struct summary_entry *v = realloc(s->v, room * sizeof(*v));

		if (v) {
			s->v = v;
			s->room = room;
		}
	}
}

/* A round over what is there now. calm: over [0.5, 1.0] R, so that two rounds name everything at most R apart. */
static void begin_round(struct neighbour *n, int kind, uint64_t now_us)
{
	struct neighbours *ns = n->ns;
	struct summary *s = &n->summary;
	uint64_t half = ns->options.refresh_us / 2, messages;

	if (s->dead)
		compact(s);
	s->at = 0;
	s->end = s->n;
	s->kind = kind;
	messages = (s->end + ns->ids_per_message - 1) / ns->ids_per_message;
	if (kind == ROUND_CALM)
		s->step_us = (half + neighbour_random(ns, half)) / (messages ? messages : 1);
	else
		s->step_us = kind == ROUND_FULL ? FULL_US : HURRY_US;
	s->due_us = now_us + s->step_us;
	neighbour_wake(n, s->due_us);
}

int summary_add(struct neighbour *n, uint32_t id, uint32_t slot, uint64_t now_us)
{
	struct summary *s = &n->summary;

	if (s->n == s->room) {
		uint32_t room = s->room ? s->room + s->room / 2 : 16;
		struct summary_entry *v = room > s->room ? realloc(s->v, room * sizeof(*v)) : NULL;

		if (!v)
			return -ENOMEM;
		s->v = v;
		s->room = room;
	}
	if (s->due_us == UINT64_MAX)
		begin_round(n, ROUND_CALM, now_us); /* of nothing: this one was just sent */
	s->v[s->n++] = (struct summary_entry){ id, slot };
	return 0;
}

/* The entry of that id, or NULL. Holes keep their id for the search. */
static struct summary_entry *find(const struct neighbour *n, uint32_t id)
{
	const struct summary *s = &n->summary;
	uint32_t low = 0, high = s->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (s->v[middle].id - s->v[0].id < id - s->v[0].id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->n && s->v[low].id == id && s->v[low].slot != NEIGHBOUR_NO_SLOT ? &s->v[low] : NULL;
}

uint32_t summary_slot(const struct neighbour *n, uint32_t id)
{
	const struct summary_entry *e = find(n, id);

	return e ? e->slot : NEIGHBOUR_NO_SLOT;
}

void summary_remove(struct neighbour *n, uint32_t id)
{
	struct summary *s = &n->summary;
	struct summary_entry *e = find(n, id);

	if (!e)
		return;
	e->slot = NEIGHBOUR_NO_SLOT;
	s->dead++;
	if (s->dead > live(s) + 64)
		compact(s);
}

void summary_hurry(struct neighbour *n, int full, uint64_t now_us)
{
	struct summary *s = &n->summary;
	uint64_t due_us = s->kind == ROUND_CALM ? now_us : s->due_us; /* however often we are made to hurry */

	if (!live(s) || (s->kind == ROUND_FULL && !full))
		return;
	begin_round(n, full ? ROUND_FULL : ROUND_HURRIED, now_us);
	s->due_us = due_us;
	neighbour_wake(n, due_us);
}

static void output_ids(struct neighbour *n, unsigned count)
{
	struct rsvp_msg msg = {
		.type = RSVP_SREFRESH, .flags = RSVP_FLAG_REDUCTION, .ttl = NEIGHBOUR_TTL,
		.list_epoch = n->ns->options.epoch, .ids = { n->ns->ids, count, count },
	};

	n->counter[NEIGHBOUR_SREFRESHES_SENT]++;
	neighbour_output(n, &msg);
}

/* How many entries this step may look at: a message's worth, or, when all is sent in full, what the window takes. */
static uint32_t step_size(const struct neighbour *n)
{
	uint32_t busy = n->in_flight + n->queued;

	if (n->summary.kind != ROUND_FULL)
		return n->ns->ids_per_message;
	return busy < n->window ? n->window - busy : 0;
}

/* One message of the round. The owner may send and withdraw meanwhile, which moves entries: s->at moves with them. */
static void step(struct neighbour *n, uint64_t now_us)
{
	struct neighbours *ns = n->ns;
	struct summary *s = &n->summary;
	int full = s->kind == ROUND_FULL || !n->capable;
	unsigned count = 0;

	for (uint32_t left = step_size(n); left && s->at < s->end;) {
		struct summary_entry e = s->v[s->at++];

		if (e.slot == NEIGHBOUR_NO_SLOT || (n->in_flight + n->queued && pending_find(n, e.id)))
			continue;
		left--;
		if (full || ns->next_id - e.id >= OLD)
			ns->hooks.resend(ns->hooks.ctx, n, e.slot, e.id, now_us);
		else
			ns->ids[count++] = e.id;
	}
	if (count)
		output_ids(n, count);
}

void summary_tick(struct neighbour *n, uint64_t now_us)
{
	struct summary *s = &n->summary;

	if (s->due_us > now_us)
		return;
	step(n, now_us);
	if (s->at < s->end)
		s->due_us = s->due_us + s->step_us > now_us ? s->due_us + s->step_us : now_us;
	else if (live(s))
		begin_round(n, ROUND_CALM, now_us);
	else
		n->summary = (struct summary){ .v = s->v, .room = s->room, .due_us = UINT64_MAX };
}
