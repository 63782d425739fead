/*
 * Receiving: what a message says about its sender (that it lives, whether it understands RFC 2961, its epoch), the
 * acknowledgements it carries and asks for, and Srefresh from the receiver's side (RFC 2961 section 5.4).
 *
 * Acknowledgements are collected and leave together (neighbours_flush), or as soon as they fill a message, so that
 * memory is bounded whatever the neighbour sends. NACKs are three times as large as the ids that provoke them; a bucket
 * bounds their rate. A suppressed one costs a round: the id is named again.
 */
#include <stdlib.h>

#include "signald/neighbour_internal.h"

static void acks_output(struct neighbour *n)
{
	struct acks *acks = n->acks;
	struct rsvp_msg msg = {
		.type = RSVP_ACK, .flags = RSVP_FLAG_REDUCTION, .ttl = NEIGHBOUR_TTL, .acks = { acks->v, acks->n, acks->n },
	};

	acks->n = 0;
	neighbour_output(n, &msg);
}

/* Without memory it is not acknowledged; the neighbour will send it again. */
static void acknowledge(struct neighbour *n, const struct rsvp_id *id, int nack)
{
	struct neighbours *ns = n->ns;

	if (!n->acks) {
		n->acks = ns->free_acks;
		if (n->acks)
			ns->free_acks = n->acks->next;
		else
			n->acks = calloc(1, sizeof(*n->acks) + ns->acks_per_message * sizeof(n->acks->v[0]));
		if (!n->acks) {
			n->counter[NEIGHBOUR_FAILED]++;
			return;
		}
		n->next_acks = ns->with_acks;
		ns->with_acks = n;
	}
	n->acks->v[n->acks->n++] = (struct rsvp_id_ack){ { 0, id->epoch, id->id }, nack };
	n->counter[nack ? NEIGHBOUR_NACKS_SENT : NEIGHBOUR_ACKS_SENT]++;
	if (n->acks->n == ns->acks_per_message)
		acks_output(n);
}

void neighbours_flush(struct neighbours *ns, uint64_t now_us)
{
	while (ns->with_acks) {
		struct neighbour *n = ns->with_acks;
		struct acks *acks = n->acks;

		ns->with_acks = n->next_acks;
		if (acks->n)
			acks_output(n);
		n->acks = NULL;
		acks->next = ns->free_acks;
		ns->free_acks = acks;
	}
}

/* May one more NACK be sent? */
static int nack_allowed(struct neighbour *n, uint64_t now_us)
{
	if (bucket_take(&n->nacks, 1, n->ns->options.nacks_per_s, n->ns->nacks_most, now_us))
		return 1;
	n->counter[NEIGHBOUR_NACKS_SUPPRESSED]++;
	return 0;
}

/* RFC 2961 section 5.4: known ids are refreshed, unknown ones answered by a NACK. */
static void srefresh_input(struct neighbour *n, const struct rsvp_msg *msg, uint64_t now_us)
{
	struct neighbours *ns = n->ns;

	n->counter[NEIGHBOUR_SREFRESHES_RECEIVED]++;
	for (unsigned i = 0; i < msg->ids.n; i++) {
		struct rsvp_id id = { 0, msg->list_epoch, msg->ids.v[i] };
		uint32_t slot;

		if (idmap_get(&n->learnt, id.id, &slot)) {
			if (ns->hooks.refreshed(ns->hooks.ctx, n, slot, id.id, now_us))
				continue;
			idmap_remove(&n->learnt, id.id);
		}
		if (nack_allowed(n, now_us))
			acknowledge(n, &id, 1);
	}
}

/* RFC 2961 section 4.2 and 5.4. Ids of another epoch were another incarnation's of us. */
static void acks_input(struct neighbour *n, const struct rsvp_msg *msg, uint64_t now_us)
{
	struct neighbours *ns = n->ns;

	for (unsigned i = 0; i < msg->acks.n; i++) {
		const struct rsvp_id_ack *a = &msg->acks.v[i];
		uint32_t slot = a->nack ? summary_slot(n, a->id.id) : NEIGHBOUR_NO_SLOT;

		if (a->id.epoch != ns->options.epoch || (a->nack && slot == NEIGHBOUR_NO_SLOT)) {
			n->counter[NEIGHBOUR_STRAY_ACKS]++;
		} else if (!a->nack) {
			send_acked(n, a->id.id, now_us);
		} else {
			n->counter[NEIGHBOUR_NACKS_RECEIVED]++;
			if (!pending_find(n, a->id.id)) /* on its way already */
				ns->hooks.resend(ns->hooks.ctx, n, slot, a->id.id, now_us);
		}
	}
}

/* RFC 2961 section 4.1: another epoch, another incarnation. Its ids mean nothing any more, and ours mean nothing to it. */
static void epoch_input(struct neighbour *n, uint32_t epoch, uint64_t now_us)
{
	int restarted = n->epoch_known && epoch != n->epoch, told = n->restart_told;

	n->epoch = epoch;
	n->epoch_known = 1;
	n->restart_told = 0;
	if (!restarted)
		return;
	idmap_clear(&n->learnt);
	if (!told) {
		n->hello.theirs = 0; /* its next Hello will not tell the same again */
		neighbour_event(n, NEIGHBOUR_RESTARTED, now_us);
	}
	summary_hurry(n, 1, now_us);
}

/* RFC 2961 section 2. What awaits an acknowledgement would await it in vain; states are sent again, plain. */
static void capability_input(struct neighbour *n, int capable, uint64_t now_us)
{
	if (n->capable == capable)
		return;
	n->capable = (uint8_t)capable;
	if (!capable) {
		pending_clear(n);
		summary_hurry(n, 1, now_us);
	}
}

void input_heard(struct neighbour *n, uint64_t now_us)
{
	enum neighbour_state before = n->state;

	n->heard_us = now_us;
	if (before == NEIGHBOUR_IS_UP)
		return;
	neighbour_event(n, NEIGHBOUR_UP, now_us);
	if (before == NEIGHBOUR_IS_LOST)
		summary_hurry(n, 0, now_us); /* it may have let our states lapse meanwhile */
}

static enum neighbour_verdict dispatch(struct neighbour *n, const struct rsvp_msg *msg, uint64_t now_us)
{
	switch (msg->type) {
	case RSVP_SREFRESH:
		srefresh_input(n, msg, now_us);
		return NEIGHBOUR_DONE;
	case RSVP_HELLO:
	case RSVP_ACK:
	case RSVP_BUNDLE: /* its messages come one by one */
		return NEIGHBOUR_DONE;
	default:
		return NEIGHBOUR_DELIVER;
	}
}

void neighbour_taken(struct neighbour *n, const struct rsvp_msg *msg)
{
	if ((msg->has & RSVP_HAS_ID) && (msg->id.flags & RSVP_ID_ACK_DESIRED))
		acknowledge(n, &msg->id, 0);
}

enum neighbour_verdict neighbour_input(struct neighbour *n, const struct rsvp_msg *msg, uint64_t now_us)
{
	enum neighbour_verdict verdict;

	n->serving++;
	if (msg->type == RSVP_HELLO)
		hello_input(n, &msg->hello, now_us);
	else
		input_heard(n, now_us);
	capability_input(n, msg->flags & RSVP_FLAG_REDUCTION, now_us);
	if (msg->has & RSVP_HAS_ID)
		epoch_input(n, msg->id.epoch, now_us);
	else if (msg->type == RSVP_SREFRESH && msg->ids.n)
		epoch_input(n, msg->list_epoch, now_us);
	acks_input(n, msg, now_us);
	verdict = dispatch(n, msg, now_us);
	if (verdict == NEIGHBOUR_DONE)
		neighbour_taken(n, msg);
	n->serving--;
	return verdict;
}
