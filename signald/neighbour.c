/*
 * The table of neighbours, their timers and what can be read of them. See neighbour.h.
 *
 * Each neighbour is in the heap of timers under a time that is not after its next deadline. Sending and hearing only
 * ever move it forward when they must; neighbours_tick finds the true deadline again.
 */
#include <errno.h>
#include <stdlib.h>

#include "signald/neighbour_internal.h"

#define ACK_SIZE 12u        /* a MESSAGE_ID_ACK or NACK object */
#define LIST_HEAD 16u       /* an Ack's or Srefresh's header, and the head of its list */

const char *neighbour_event_name(enum neighbour_event event)
{
	static const char *const names[] = { "up", "lost", "restarted" };

	return event <= NEIGHBOUR_RESTARTED ? names[event] : "?";
}

const char *neighbour_state_name(enum neighbour_state state)
{
	static const char *const names[] = { "new", "up", "lost" };

	return state <= NEIGHBOUR_IS_LOST ? names[state] : "?";
}

const char *neighbour_counter_name(enum neighbour_counter counter)
{
	static const char *const names[NEIGHBOUR_COUNTERS] = {
		"messages sent", "retransmits", "given up", "acks sent", "acks received", "stray acks", "nacks sent",
		"nacks received", "nacks suppressed", "srefreshes sent", "srefreshes received", "hellos sent",
		"hellos received", "losses", "restarts", "failed", "queue", "in flight", "window", "srtt us", "rto us",
		"states sent", "states learnt",
	};

	return counter < NEIGHBOUR_COUNTERS ? names[counter] : "?";
}

static int options_good(const struct neighbour_options *o)
{
	return o->epoch <= 0xffffff && o->instance && o->refresh_us >= 2 && o->rto_min_us &&
	       o->rto_min_us <= o->rto_max_us && o->rto_max_us <= UINT32_MAX &&
	       o->tries && o->tries <= UINT8_MAX && o->window_min && o->window_min <= o->window_first &&
	       o->window_first <= o->window_max && o->message_max >= 64 && o->message_max <= RSVP_MAX_SIZE &&
	       o->hello_us <= UINT32_MAX;
}

struct neighbours *neighbours_new(const struct neighbour_options *options, const struct neighbour_hooks *hooks)
{
	struct neighbours *ns = options_good(options) ? calloc(1, sizeof(*ns)) : NULL;
	struct neighbour_options *o;

	if (!ns)
		return NULL;
	ns->options = *options;
	ns->hooks = *hooks;
	o = &ns->options;
	o->hello_tenths = o->hello_tenths ? o->hello_tenths : 35;
	o->rto_first_us = o->rto_first_us ? o->rto_first_us : o->rto_max_us;
	o->queue_max = o->queue_max ? o->queue_max : 65536;
	o->nacks_per_s = o->nacks_per_s ? o->nacks_per_s : 200000;
	ns->nacks_most = o->nacks_per_s / 10 > 512 ? o->nacks_per_s / 10 : 512;
	ns->random = o->seed ? o->seed : 1;
	ns->next_id = o->first_id ? o->first_id : 1;
	ns->by_addr.seed = (uint32_t)neighbour_random(ns, UINT32_MAX);
	ns->awaited.seed = (uint32_t)neighbour_random(ns, UINT32_MAX);
	ns->acks_per_message = (unsigned)((o->message_max - LIST_HEAD) / ACK_SIZE);
	ns->ids_per_message = (unsigned)((o->message_max - LIST_HEAD) / sizeof(*ns->ids));
	ns->ids = calloc(ns->ids_per_message, sizeof(*ns->ids));
	if (ns->ids)
		return ns;
	neighbours_free(ns);
	return NULL;
}

uint64_t neighbour_random(struct neighbours *ns, uint64_t below_or_equal)
{
	ns->random ^= ns->random << 13;
	ns->random ^= ns->random >> 7;
	ns->random ^= ns->random << 17;
	return below_or_equal == UINT64_MAX ? ns->random : ns->random % (below_or_equal + 1);
}

static void take_acks(struct neighbour *n)
{
	struct neighbour **at = &n->ns->with_acks;

	if (!n->acks)
		return;
	while (*at != n)
		at = &(*at)->next_acks;
	*at = n->next_acks;
	free(n->acks);
}

static void neighbour_free(struct neighbour *n)
{
	struct neighbours *ns = n->ns;

	take_acks(n);
	pending_clear(n);
	heap_remove(&ns->timers, &n->timer);
	idmap_remove(&ns->by_addr, n->addr.s_addr);
	idmap_clear(&n->learnt);
	free(n->summary.v);
	ns->v[n->index] = NULL;
	ns->n--;
	free(n);
}

void neighbours_free(struct neighbours *ns)
{
	if (!ns)
		return;
	for (uint32_t i = 0; i < ns->end; i++)
		if (ns->v[i])
			neighbour_free(ns->v[i]);
	while (ns->free_acks) {
		struct acks *acks = ns->free_acks;

		ns->free_acks = acks->next;
		free(acks);
	}
	for (uint32_t i = 0; i < ns->pool_n; i++)
		free(ns->pool[i].bytes);
	free(ns->pool);
	free(ns->v);
	free(ns->ids);
	idmap_clear(&ns->by_addr);
	idmap_clear(&ns->awaited);
	heap_free(&ns->timers);
	free(ns);
}

/* A free index, or ns->end; there is room for it. -1: there is not. */
static int64_t free_index(struct neighbours *ns)
{
	if (ns->n < ns->end)
		for (uint32_t i = 0; i < ns->end; i++)
			if (!ns->v[i])
				return i;
	if (ns->end == NEIGHBOURS_MAX)
		return -1;
	if (ns->end == ns->room) {
		uint32_t room = ns->room ? ns->room * 2 : 16;
		struct neighbour **v = realloc(ns->v, room * sizeof(struct neighbour *));

		if (!v)
			return -1;
		ns->v = v;
		ns->room = room;
	}
	return ns->end;
}

static void neighbour_init(struct neighbour *n, struct neighbours *ns, struct in_addr addr, uint32_t index)
{
	*n = (struct neighbour){
		.ns = ns, .addr = addr, .index = index, .capable = 1,
		.learnt = { .seed = (uint32_t)neighbour_random(ns, UINT32_MAX) }, .summary = { .due_us = UINT64_MAX },
		.window = ns->options.window_first, .threshold = UINT32_MAX, .hello = { .ours = ns->options.instance },
	};
}

struct neighbour *neighbour_get(struct neighbours *ns, struct in_addr addr)
{
	struct neighbour *n = neighbour_find(ns, addr);
	int64_t index;

	if (n || !addr.s_addr)
		return n;
	index = free_index(ns);
	n = index < 0 ? NULL : malloc(sizeof(*n));
	if (!n)
		return NULL;
	neighbour_init(n, ns, addr, (uint32_t)index);
	if (heap_set(&ns->timers, &n->timer, UINT64_MAX)) {
		free(n);
		return NULL;
	}
	if (idmap_set(&ns->by_addr, addr.s_addr, n->index)) {
		heap_remove(&ns->timers, &n->timer);
		free(n);
		return NULL;
	}
	ns->v[index] = n;
	ns->n++;
	if (n->index == ns->end)
		ns->end++;
	return n;
}

struct neighbour *neighbour_find(const struct neighbours *ns, struct in_addr addr)
{
	uint32_t index;

	return idmap_get(&ns->by_addr, addr.s_addr, &index) ? ns->v[index] : NULL;
}

uint32_t neighbour_index(const struct neighbour *n)
{
	return n->index;
}

struct neighbour *neighbour_at(const struct neighbours *ns, uint32_t index)
{
	return index < ns->end ? ns->v[index] : NULL;
}

uint32_t neighbours_end(const struct neighbours *ns)
{
	return ns->end;
}

struct in_addr neighbour_addr(const struct neighbour *n)
{
	return n->addr;
}

enum neighbour_state neighbour_state(const struct neighbour *n)
{
	return n->state;
}

uint64_t neighbour_heard_us(const struct neighbour *n)
{
	return n->heard_us;
}

int neighbour_beyond(const struct neighbour *n)
{
	return n->beyond;
}

int neighbour_capable(const struct neighbour *n)
{
	return n->capable;
}

void neighbour_hold(struct neighbour *n)
{
	n->refs++;
}

void neighbour_drop(struct neighbour *n)
{
	n->refs--;
}

int neighbour_forget(struct neighbour *n)
{
	if (n->refs || n->serving || n->learnt.n || n->summary.n != n->summary.dead)
		return -EBUSY;
	neighbour_free(n);
	return 0;
}

uint64_t neighbour_counter(const struct neighbour *n, enum neighbour_counter counter)
{
	switch (counter) {
	case NEIGHBOUR_QUEUE: return n->queued;
	case NEIGHBOUR_IN_FLIGHT: return n->in_flight;
	case NEIGHBOUR_WINDOW: return n->window;
	case NEIGHBOUR_SRTT_US: return n->srtt_us;
	case NEIGHBOUR_RTO_US: return send_rto(n, n->backoff);
	case NEIGHBOUR_STATES_SENT: return n->summary.n - n->summary.dead;
	case NEIGHBOUR_STATES_LEARNT: return n->learnt.n;
	default: return counter < NEIGHBOUR_COUNTED ? n->counter[counter] : 0;
	}
}

int neighbour_is_of(const struct neighbour *n, uint32_t epoch)
{
	return !n->epoch_known || n->epoch == epoch;
}

int neighbour_learn(struct neighbour *n, uint32_t id, uint32_t slot)
{
	return idmap_set(&n->learnt, id, slot);
}

int neighbour_learnt(const struct neighbour *n, uint32_t id, uint32_t *slot)
{
	return idmap_get(&n->learnt, id, slot);
}

void neighbour_unlearn(struct neighbour *n, uint32_t id)
{
	idmap_remove(&n->learnt, id);
}

void neighbour_output(struct neighbour *n, const struct rsvp_msg *msg)
{
	struct neighbours *ns = n->ns;
	int len = rsvp_encode(msg, ns->options.enterprise, NULL, ns->buffer, sizeof(ns->buffer));

	if (len < 0)
		n->counter[NEIGHBOUR_FAILED]++;
	else
		ns->hooks.output(ns->hooks.ctx, n, ns->buffer, (size_t)len, msg->type);
}

void neighbour_event(struct neighbour *n, enum neighbour_event event, uint64_t now_us)
{
	if (event == NEIGHBOUR_RESTARTED)
		n->counter[NEIGHBOUR_RESTARTS]++;
	else
		n->state = event == NEIGHBOUR_UP ? NEIGHBOUR_IS_UP : NEIGHBOUR_IS_LOST;
	if (event == NEIGHBOUR_LOST)
		n->counter[NEIGHBOUR_LOSSES]++;
	n->ns->hooks.changed(n->ns->hooks.ctx, n, event, now_us);
}

void neighbour_wake(struct neighbour *n, uint64_t at_us)
{
	if (at_us < n->timer.key)
		heap_set(&n->ns->timers, &n->timer, at_us);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void neighbours_tick(struct neighbours *ns, uint64_t now_us)
{
	while (ns->n && heap_top(&ns->timers)->key <= now_us) {
		struct neighbour *n = (struct neighbour *)heap_top(&ns->timers);
		uint64_t next;

		heap_set(&ns->timers, &n->timer, UINT64_MAX);
		n->serving++;
		send_tick(n, now_us);
		hello_tick(n, now_us);
		summary_tick(n, now_us);
		n->serving--;
		next = earlier(earlier(send_next(n), hello_next(n)), n->summary.due_us);
		neighbour_wake(n, next > now_us ? next : now_us + 1); /* each gets one turn per tick */
	}
}

uint64_t neighbours_next(const struct neighbours *ns)
{
	return ns->n ? heap_top(&ns->timers)->key : UINT64_MAX;
}
