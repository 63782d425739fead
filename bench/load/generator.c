/* See generator.h. The messages are in messages.c. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/generator.h"
#include "bench/load/messages.h"
#include "bench/load/world.h"
#include "lib/clock.h"

#define WINDOW_MAX 4096
#define SREFRESH_IDS 320          /* an Srefresh stays under the MTU */
#define REFRESH_BURST 256         /* of one kind in one turn */

static struct slot *slot_of(struct generator *g, uint32_t icorp)
{
	uint32_t i = icorp - DOCS_FIRST;

	return i < g->n ? &g->slot[i] : NULL;
}

static uint32_t icorp_of(const struct generator *g, const struct slot *s)
{
	return DOCS_FIRST + (uint32_t)(s - g->slot);
}

/* ---- the window ---- */

static void window_add(struct generator *g, struct slot *s)
{
	s->at = g->n_window;
	g->window[g->n_window++] = (uint32_t)(s - g->slot);
}

static void window_remove(struct generator *g, struct slot *s)
{
	uint32_t last = g->window[--g->n_window];

	g->window[s->at] = last;
	g->slot[last].at = s->at;
}

static void ask(struct generator *g, struct slot *s, uint64_t now)
{
	messages_path(g, icorp_of(g, s));
	s->state = SLOT_ASKED;
	s->start_us = now;
	s->next_us = now + g->retry_ms * CLOCK_MS;
	s->path_acked = s->resv_acked = s->tries = 0;
	window_add(g, s);
	s->path_id = neighbour_send(&g->up, &g->path, (uint32_t)(s - g->slot));
}

static void answer(struct generator *g, struct slot *s, struct neighbour *from)
{
	messages_resv(g, icorp_of(g, s), s->lih, from->addr);
	if (s->state == SLOT_ANSWERED && s->resv_id)
		neighbour_resend(from, &g->resv, s->resv_id);
	else
		s->resv_id = neighbour_send(from, &g->resv, (uint32_t)(s - g->slot));
}

static void tear(struct generator *g, struct slot *s, uint64_t now)
{
	messages_tear(g, icorp_of(g, s));
	s->state = SLOT_TEARING;
	s->next_us = now + g->retry_ms * CLOCK_MS;
	window_add(g, s);
	neighbour_send(&g->up, &g->tear, (uint32_t)(s - g->slot));
}

/* Doubling, as RFC 2961 section 6 says. */
static void again(struct generator *g, struct slot *s, uint64_t now)
{
	unsigned shift = s->tries < 5 ? s->tries : 5;

	s->tries++;
	s->next_us = now + ((uint64_t)g->retry_ms << shift) * CLOCK_MS;
	if (s->state == SLOT_TEARING) {
		messages_tear(g, icorp_of(g, s));
		neighbour_send(&g->up, &g->tear, (uint32_t)(s - g->slot));
	} else if (!s->path_acked) {
		messages_path(g, icorp_of(g, s));
		neighbour_resend(&g->up, &g->path, s->path_id);
	}
	if (s->state == SLOT_ANSWERED && !s->resv_acked)
		answer(g, s, &g->down);
	g->retries++;
}

static void retry(struct generator *g, uint64_t now)
{
	for (unsigned i = 0; i < g->n_window; i++) {
		struct slot *s = &g->slot[g->window[i]];

		if (s->next_us <= now)
			again(g, s, now);
	}
}

/* ---- what the router says ---- */

static void path_arrived(struct generator *g, struct slot *s, struct neighbour *at, const struct rsvp_msg *msg)
{
	if (at == &g->spare && !s->moved) {
		s->moved = 1;
		g->moved++;
		g->last_moved_us = clock_now_us();
		s->lih = msg->hop.lih;
		answer(g, s, at);
		return;
	}
	if (s->state != SLOT_ASKED && (s->state != SLOT_ANSWERED || at->reduction))
		return;
	s->lih = msg->hop.lih;
	answer(g, s, at);
	s->state = SLOT_ANSWERED;
}

static void resv_arrived(struct generator *g, struct slot *s)
{
	if (s->state != SLOT_ANSWERED)
		return;
	if (g->latency_us)
		g->latency_us[g->n_latency++] = (uint32_t)(clock_now_us() - s->start_us);
	window_remove(g, s);
	s->state = SLOT_UP;
	g->up_count++;
}

static void torn(struct generator *g, struct slot *s)
{
	if (s->state == SLOT_TEARING) {
		window_remove(g, s);
		s->state = SLOT_NONE;
	} else {
		g->lapsed++;
		g->last_lapsed_us = clock_now_us();
	}
}

static void refused(struct generator *g, struct slot *s)
{
	if (s->state == SLOT_ASKED || s->state == SLOT_ANSWERED)
		window_remove(g, s);
	s->state = SLOT_FAILED;
	g->failed++;
}

static void on_message(void *ctx, struct neighbour *from, const struct rsvp_msg *msg)
{
	struct generator *g = ctx;
	struct slot *s = slot_of(g, msg->session.icorp);

	if (!s)
		return;
	if (msg->type == RSVP_PATH && from != &g->up)
		path_arrived(g, s, from, msg);
	else if (msg->type == RSVP_RESV && from == &g->up)
		resv_arrived(g, s);
	else if (msg->type == RSVP_PATH_TEAR && from != &g->up)
		torn(g, s);
	else if (msg->type == RSVP_PATH_ERR && from == &g->up)
		refused(g, s);
}

/* The whole message, under a new id. */
static void refresh_whole(struct generator *g, struct slot *s, struct neighbour *from)
{
	uint32_t owner = (uint32_t)(s - g->slot);

	if (from == &g->up) {
		messages_path(g, icorp_of(g, s));
		s->path_id = neighbour_send(from, &g->path, owner);
	} else {
		messages_resv(g, icorp_of(g, s), s->lih, from->addr);
		s->resv_id = neighbour_send(from, &g->resv, owner);
	}
}

static void on_acked(void *ctx, struct neighbour *from, uint32_t owner, int nack)
{
	struct generator *g = ctx;
	struct slot *s = owner < g->n ? &g->slot[owner] : NULL;

	if (!s)
		return;
	if (nack && s->state == SLOT_UP) {
		refresh_whole(g, s, from); /* the router forgot it */
	} else if (!nack && from == &g->up) {
		s->path_acked = 1;
	} else if (!nack) {
		s->resv_acked = 1;
	}
}

/* ---- refreshes ---- */

/* The next `due` sessions: in a Srefresh those that have an id the router can know. */
static void refresh_next(struct generator *g, struct neighbour *from, uint32_t *next, uint64_t due)
{
	uint32_t ids[SREFRESH_IDS];
	unsigned count = 0;

	for (; due; due--, *next = (*next + 1) % g->n) {
		struct slot *s = &g->slot[*next % g->n];
		uint32_t id = from == &g->up ? s->path_id : s->resv_id;

		if (s->state != SLOT_UP)
			continue;
		if (!from->reduction || !id)
			refresh_whole(g, s, from);
		else
			ids[count++] = id;
		if (count == SREFRESH_IDS) {
			neighbour_srefresh(from, ids, count);
			count = 0;
		}
	}
	if (count)
		neighbour_srefresh(from, ids, count);
}

/* Each session once in R, spread evenly; by id as soon as a whole Srefresh is due. */
static void refresh(struct generator *g, uint64_t now)
{
	uint64_t r_us = g->refresh_ms * CLOCK_MS, due;
	int by_id = g->up.reduction;

	if (!g->refreshing || !g->n)
		return;
	if (!g->refresh.at_us)
		g->refresh.at_us = now;
	due = (now - g->refresh.at_us) * g->n / r_us;
	if (!due || (by_id && due < SREFRESH_IDS && now - g->refresh.at_us < r_us / 16))
		return;
	if (!by_id && due > REFRESH_BURST)
		due = REFRESH_BURST;
	g->refresh.at_us += due * r_us / g->n;
	refresh_next(g, &g->up, &g->refresh.path, due);
	refresh_next(g, &g->down, &g->refresh.resv, due);
}

/* ---- turns ---- */

static void hello(struct generator *g, uint64_t now)
{
	if (!g->hello_ms || now < g->hello_us + g->hello_ms * CLOCK_MS)
		return;
	g->hello_us = now;
	neighbour_hello(&g->up);
	neighbour_hello(&g->down);
}

/* Sends what is queued, waits for the router, takes what it says. */
static void turn(struct generator *g)
{
	struct pollfd fds[3] = { { g->up.fd, POLLIN, 0 }, { g->down.fd, POLLIN, 0 }, { g->spare.fd, POLLIN, 0 } };
	nfds_t n = g->spare.fd > 0 ? 3 : 2;
	uint64_t now = clock_now_us();

	refresh(g, now);
	hello(g, now);
	neighbour_flush(&g->up);
	neighbour_flush(&g->down);
	if (n == 3)
		neighbour_flush(&g->spare);
	poll(fds, n, 1);
	neighbour_receive(&g->down);
	neighbour_receive(&g->up);
	if (n == 3)
		neighbour_receive(&g->spare);
}

static int room_for(struct generator *g, uint32_t more)
{
	struct slot *grown;

	if (g->n + more <= g->room)
		return 1;
	grown = realloc(g->slot, (size_t)(g->n + more) * sizeof(*grown));
	if (!grown)
		return 0;
	g->slot = grown;
	g->room = g->n + more;
	memset(g->slot + g->n, 0, (size_t)more * sizeof(*grown));
	return 1;
}

static void settle_window(struct generator *g)
{
	while (g->n_window) {
		struct slot *s = &g->slot[g->window[0]];

		window_remove(g, s);
		s->state = SLOT_FAILED;
	}
}

/* Asks for slots [from, to), `window` at a time. How many came up. */
static uint32_t ask_range(struct generator *g, uint32_t from, uint32_t to, unsigned window, uint64_t deadline_us)
{
	uint64_t before = g->up_count, now = clock_now_us(), retried = now;

	window = window < WINDOW_MAX ? window : WINDOW_MAX;
	for (uint32_t next = from; (next < to || g->n_window) && now < deadline_us; now = clock_now_us()) {
		unsigned room = window - g->n_window;

		/* in batches, as under load, so that Bundles are as full however fast the router is */
		for (room = room < (window + 3) / 4 ? 0 : room; room && next < to; room--)
			ask(g, &g->slot[next++], now);
		turn(g);
		if (now - retried >= CLOCK_MS) {
			retry(g, now);
			retried = now;
		}
	}
	settle_window(g);
	return (uint32_t)(g->up_count - before);
}

uint32_t generator_setup(struct generator *g, uint32_t count, unsigned window, uint64_t deadline_us)
{
	uint32_t from = g->n;

	if (!room_for(g, count))
		return 0;
	memset(g->slot + from, 0, (size_t)count * sizeof(*g->slot));
	g->n += count;
	g->n_latency = 0;
	return ask_range(g, from, g->n, window, deadline_us);
}

uint32_t generator_again(struct generator *g, unsigned window, uint64_t deadline_us)
{
	return ask_range(g, 0, g->n, window, deadline_us);
}

uint32_t generator_tear(struct generator *g, uint32_t count, unsigned window, uint64_t deadline_us)
{
	uint32_t from = count < g->n ? g->n - count : 0, next = from, gone = 0;
	uint64_t now = clock_now_us();

	for (; (next < g->n || g->n_window) && now < deadline_us; now = clock_now_us()) {
		for (; next < g->n && g->n_window < window; next++)
			if (g->slot[next].state == SLOT_UP)
				tear(g, &g->slot[next], now);
		turn(g);
		retry(g, now);
	}
	settle_window(g);
	for (uint32_t i = from; i < g->n; i++)
		gone += g->slot[i].state == SLOT_NONE;
	return gone;
}

void generator_run(struct generator *g, uint64_t until_us, int (*done)(const struct generator *g))
{
	while (clock_now_us() < until_us && !(done && done(g)))
		turn(g);
}

/* ---- life ---- */

int generator_open(struct generator *g, struct docs *docs, enum world_chain chain, unsigned routers, int raw,
		   int plain)
{
	struct neighbour_hooks hooks = { on_message, on_acked, g };

	memset(g, 0, sizeof(*g));
	g->docs = docs;
	g->announce = 1;
	g->refresh_ms = 3600 * 1000;
	g->retry_ms = 500;
	g->window = calloc(WINDOW_MAX, sizeof(*g->window));
	if (!g->window || neighbour_open(&g->up, &hooks, world_device(chain, "up"), world_up(), world_router(1), raw) ||
	    neighbour_open(&g->down, &hooks, world_device(chain, "down"), world_down(), world_router(routers), raw) ||
	    (chain == WORLD_DAEMONS && neighbour_open(&g->spare, &hooks, "spare", world_spare(), world_router(1), raw)))
		return -1;
	g->up.plain = g->down.plain = g->spare.plain = plain;
	messages_prepare(g);
	return 0;
}

void generator_close(struct generator *g)
{
	neighbour_close(&g->up);
	neighbour_close(&g->down);
	neighbour_close(&g->spare);
	rsvp_msg_free(&g->path);
	rsvp_msg_free(&g->resv);
	rsvp_msg_free(&g->tear);
	free(g->slot);
	free(g->window);
	memset(g, 0, sizeof(*g));
}
