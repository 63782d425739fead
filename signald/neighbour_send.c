/*
 * Reliable sending: RFC 2961 section 4 (MESSAGE_ID, acknowledgement) and section 6 (retransmission), with what TCP has
 * learnt since in place of fixed intervals: the timeout follows the measured round trip (RFC 6298, Karn's rule), and a
 * window that grows with acknowledgements and halves with losses (RFC 5681) bounds what is on its way to a neighbour.
 *
 * Unlike a TCP stream's, a message here waits for no other, and a setup that passes five hops pays for each loss on its
 * way. So one timeout is taken for chance: the second transmission waits no longer than the first (as TCP does for thin
 * streams), and other messages begin with a longer wait only when LATE timeouts came without a round trip measured.
 */
#include <errno.h>

#include "signald/neighbour_internal.h"

/*
 * However early the first loss: up to here the window doubles per round trip. A neighbour that was only late, as one is that
 * hears of thousands of moved ICorps at once, would otherwise be spoken to slowly for seconds.
 */
#define SLOW_START_TO 1024
#define LATE 3

#define NOT_URGENT(flags) (!((flags) & NEIGHBOUR_URGENT))

uint64_t send_rto(const struct neighbour *n, unsigned level)
{
	const struct neighbour_options *o = &n->ns->options;
	uint64_t rto = n->srtt_us ? n->srtt_us + 4ull * n->rttvar_us : o->rto_first_us;

	rto = rto < o->rto_min_us ? o->rto_min_us : rto;
	rto <<= level ? level - 1 : 0;
	return rto < o->rto_max_us ? rto : o->rto_max_us;
}

static void transmit(struct neighbour *n, uint32_t place, unsigned level, uint64_t now_us)
{
	struct neighbours *ns = n->ns;
	struct pending *p = pending_at(ns, place);

	p->sent_us = now_us;
	p->tries++;
	pending_append(n, LIST_LEVEL + (level < LEVELS ? level : LEVELS - 1), place);
	neighbour_wake(n, now_us + send_rto(n, level));
	ns->hooks.output(ns->hooks.ctx, n, p->bytes, p->len, p->type);
}

void send_pump(struct neighbour *n, uint64_t now_us)
{
	while (n->queued && n->in_flight < n->window) {
		uint32_t place = n->list[LIST_URGENT].head ? n->list[LIST_URGENT].head : n->list[LIST_NORMAL].head;

		pending_unlink(n, place);
		n->counter[NEIGHBOUR_MESSAGES_SENT]++;
		transmit(n, place, n->backoff, now_us);
	}
}

static void withdraw(struct neighbour *n, uint32_t id)
{
	uint32_t place = pending_find(n, id);

	if (place)
		pending_free(pending_at(n->ns, place)->n, place);
	summary_remove(n, id);
}

void neighbour_withdraw(struct neighbour *n, uint32_t id)
{
	withdraw(n, id);
	if (n->queued && n->in_flight < n->window)
		neighbour_wake(n, 0);
}

static uint32_t next_id(struct neighbours *ns)
{
	uint32_t id = ns->next_id++;

	ns->next_id += !ns->next_id;
	return id;
}

/* Queues the encoded message; when that can't be, it is sent once, and a Srefresh will show whether it arrived. */
static void enqueue(struct neighbour *n, unsigned flags, uint32_t id, size_t len, uint64_t now_us)
{
	struct neighbours *ns = n->ns;
	uint32_t place;

	if (n->queued >= (uint64_t)ns->options.queue_max * (NOT_URGENT(flags) ? 1 : 2)) {
		n->counter[NEIGHBOUR_GIVEN_UP]++;
		return;
	}
	place = pending_new(n, id, ns->buffer, len);
	if (!place) {
		n->counter[NEIGHBOUR_FAILED]++;
		ns->hooks.output(ns->hooks.ctx, n, ns->buffer, len, ns->buffer[1]);
		return;
	}
	pending_append(n, NOT_URGENT(flags) ? LIST_NORMAL : LIST_URGENT, place);
	send_pump(n, now_us);
}

uint32_t neighbour_send(struct neighbour *n, struct rsvp_msg *msg, unsigned flags, uint32_t slot, uint32_t replaces,
			uint64_t now_us)
{
	struct neighbours *ns = n->ns;
	int plain = (flags & NEIGHBOUR_PLAIN) || !n->capable, len;
	uint32_t id = plain && !(flags & NEIGHBOUR_STATE) ? 0 : next_id(ns);

	n->beyond |= (flags & NEIGHBOUR_BEYOND) != 0;
	if (replaces)
		withdraw(n, replaces);
	msg->flags |= RSVP_FLAG_REDUCTION;
	msg->has &= ~(uint32_t)RSVP_HAS_ID;
	if (!plain) {
		msg->has |= RSVP_HAS_ID;
		msg->id = (struct rsvp_id){ RSVP_ID_ACK_DESIRED, ns->options.epoch, id };
	}
	len = rsvp_encode(msg, ns->options.enterprise, NULL, ns->buffer, sizeof(ns->buffer));
	if (len < 0) {
		n->counter[NEIGHBOUR_FAILED]++;
		return 0;
	}
	if ((flags & NEIGHBOUR_STATE) && summary_add(n, id, slot, now_us))
		n->counter[NEIGHBOUR_FAILED]++;
	if (!plain) {
		enqueue(n, flags, id, (size_t)len, now_us);
		return id;
	}
	n->counter[NEIGHBOUR_MESSAGES_SENT]++;
	ns->hooks.output(ns->hooks.ctx, n, ns->buffer, (size_t)len, msg->type);
	return id;
}

/* RFC 6298 section 2. */
static void measured(struct neighbour *n, uint64_t rtt_us)
{
	uint32_t rtt = rtt_us > UINT32_MAX / 8 ? UINT32_MAX / 8 : rtt_us ? (uint32_t)rtt_us : 1;
	uint32_t apart = rtt > n->srtt_us ? rtt - n->srtt_us : n->srtt_us - rtt;
	uint64_t before = send_rto(n, 0);

	n->backoff = n->late = 0;
	n->rttvar_us = n->srtt_us ? (uint32_t)((3ull * n->rttvar_us + apart) / 4) : rtt / 2;
	n->srtt_us = n->srtt_us ? (uint32_t)((7ull * n->srtt_us + rtt + 7) / 8) : rtt;
	if (send_rto(n, 0) < before)
		neighbour_wake(n, send_next(n)); /* those in flight are due earlier, too */
}

/* RFC 5681 section 3.1, in messages: slow start, then by one per window. Only a window that was needed grows. */
static void grow(struct neighbour *n)
{
	if (n->window >= n->ns->options.window_max || n->in_flight < n->window / 2)
		return;
	if (n->window < n->threshold) {
		n->window++;
	} else if (++n->grown >= n->window) {
		n->grown = 0;
		n->window++;
	}
}

/* At most once per timeout: what was lost together counts once. */
static void halve(struct neighbour *n, uint64_t now_us)
{
	uint32_t least = n->ns->options.window_min;

	if (n->halved_us && now_us - n->halved_us < send_rto(n, 0))
		return;
	n->halved_us = now_us;
	n->window = n->window / 2 > least ? n->window / 2 : least;
	n->threshold = n->window > SLOW_START_TO ? n->window : SLOW_START_TO;
	n->grown = 0;
}

void send_acked(struct neighbour *n, uint32_t id, uint64_t now_us)
{
	uint32_t place = pending_find(n, id);
	struct pending *p = place ? pending_at(n->ns, place) : NULL;
	struct neighbour *owner;

	if (!p || p->list < LIST_LEVEL) { /* nobody can acknowledge what was not sent */
		n->counter[NEIGHBOUR_STRAY_ACKS]++;
		return;
	}
	n->counter[NEIGHBOUR_ACKS_RECEIVED]++;
	if (p->tries == 1) /* Karn: otherwise nobody knows which transmission it answers */
		measured(n, now_us > p->sent_us ? now_us - p->sent_us : 0);
	grow(n);
	owner = p->n;
	pending_free(owner, place);
	send_pump(owner, now_us);
}

/* Its time is over: once more; or not any more. */
static void expired(struct neighbour *n, uint32_t place, uint64_t now_us)
{
	struct pending *p = pending_at(n->ns, place);
	unsigned level = p->list - LIST_LEVEL + 1u;

	halve(n, now_us);
	if (p->tries >= n->ns->options.tries) {
		n->counter[NEIGHBOUR_GIVEN_UP]++;
		pending_free(n, place);
		return;
	}
	if (n->late < LATE)
		n->late++;
	else if (level < LEVELS && level > n->backoff)
		n->backoff = (uint8_t)level;
	n->counter[NEIGHBOUR_RETRANSMITS]++;
	pending_unlink(n, place);
	transmit(n, place, level, now_us);
}

void send_again(struct neighbour *n, uint64_t now_us)
{
	const struct list *waiting = &n->list[LIST_LEVEL];
	uint32_t place = waiting->head, last = waiting->tail, next;

	for (; place; place = next) {
		struct pending *p = pending_at(n->ns, place);

		next = place == last ? 0 : p->next;
		if (p->tries >= n->ns->options.tries)
			continue;
		n->counter[NEIGHBOUR_RETRANSMITS]++;
		pending_unlink(n, place);
		transmit(n, place, 0, now_us);
	}
}

static uint64_t level_deadline(const struct neighbour *n, unsigned level)
{
	uint32_t head = n->list[LIST_LEVEL + level].head;

	return head ? pending_at(n->ns, head)->sent_us + send_rto(n, level) : UINT64_MAX;
}

void send_tick(struct neighbour *n, uint64_t now_us)
{
	/* From the longest wait down, and each level's timeout is above 0, so that nothing expires twice. */
	for (unsigned level = LEVELS; level-- > 0;)
		while (level_deadline(n, level) <= now_us)
			expired(n, n->list[LIST_LEVEL + level].head, now_us);
	send_pump(n, now_us);
}

uint64_t send_next(const struct neighbour *n)
{
	uint64_t next = UINT64_MAX;

	for (unsigned level = 0; level < LEVELS; level++) {
		uint64_t at = level_deadline(n, level);

		next = at < next ? at : next;
	}
	return next;
}
