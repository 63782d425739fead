/* The world of two neighbours. See neighbour_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/neighbour_world.h"

static struct in_addr address(int which)
{
	return (struct in_addr){ htonl(0x0a000001u + (uint32_t)which) };
}

struct neighbour_options world_options(void)
{
	return (struct neighbour_options){
		.enterprise = RSVP_ENTERPRISE, .epoch = 0x1000, .instance = 77, .refresh_us = 30 * S,
		.rto_first_us = 100 * MS, .rto_min_us = 20 * MS, .rto_max_us = 500 * MS, .tries = 7, .window_min = 4,
		.window_first = 32, .window_max = 256, .message_max = 1300, .seed = 42,
	};
}

uint64_t world_random(struct world *w, uint64_t below)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (w->random >> 33) % below;
}

void path_make(struct rsvp_msg *msg, uint8_t type, uint32_t slot)
{
	rsvp_msg_clear(msg);
	msg->type = type;
	msg->ttl = 63;
	msg->session.icorp = slot;
	msg->refresh_ms = 30000;
	msg->hop.addr = address(0);
	msg->has = RSVP_HAS_HOP | RSVP_HAS_TEMPLATE;
	if (type == RSVP_PATH)
		msg->has |= RSVP_HAS_TIME | RSVP_HAS_TSPEC | RSVP_HAS_REF;
}

static void output(void *ctx, struct neighbour *n, const uint8_t *message, size_t len, uint8_t type)
{
	struct end *e = ctx;
	struct world *w = e->world;
	int to = !e->which;

	assert_ptr_equal(n, neighbour_find(e->ns, address(to)));
	assert_int_equal(message[1], type);
	assert_true(len <= e->options.message_max || (type != RSVP_ACK && type != RSVP_SREFRESH));
	e->out[type]++;
	e->out_bytes += (unsigned)len;
	w->number++;
	if (w->cut || (w->lose && w->lose(w, to, message, len)))
		return;
	if (w->n == w->room) {
		w->room = w->room ? w->room * 2 : 64;
		w->wire = realloc(w->wire, w->room * sizeof(*w->wire));
		assert_non_null(w->wire);
	}
	w->wire[w->n] = (struct packet){ w->now_us + w->delay_us, to, len, malloc(len) };
	assert_non_null(w->wire[w->n].bytes);
	memcpy(w->wire[w->n++].bytes, message, len);
}

static int refreshed(void *ctx, struct neighbour *n, uint32_t slot, uint32_t id, uint64_t now_us)
{
	struct end *e = ctx;

	assert_ptr_equal(n, e->peer);
	assert_true(slot < SLOTS);
	if (e->got_id[slot] != id)
		return 0;
	e->refreshed[slot]++;
	e->refreshed_us[slot] = now_us;
	return 1;
}

uint32_t end_send(struct end *e, uint32_t slot, unsigned flags)
{
	path_make(&e->msg, RSVP_PATH, slot);
	e->sent_id[slot] = neighbour_send(e->peer, &e->msg, flags, slot, e->sent_id[slot], e->world->now_us);
	return e->sent_id[slot];
}

void end_tear(struct end *e, uint32_t slot)
{
	path_make(&e->msg, RSVP_PATH_TEAR, slot);
	neighbour_send(e->peer, &e->msg, NEIGHBOUR_URGENT, 0, e->sent_id[slot], e->world->now_us);
	e->sent_id[slot] = 0;
}

static void resend(void *ctx, struct neighbour *n, uint32_t slot, uint32_t id, uint64_t now_us)
{
	struct end *e = ctx;

	assert_ptr_equal(n, e->peer);
	assert_int_equal(e->sent_id[slot], id);
	e->asked[slot]++;
	end_send(e, slot, NEIGHBOUR_STATE);
}

static void changed(void *ctx, struct neighbour *n, enum neighbour_event event, uint64_t now_us)
{
	struct end *e = ctx;

	assert_ptr_equal(n, e->peer);
	e->events[event]++;
	e->event_us[event] = now_us;
}

static void end_start(struct end *e)
{
	struct neighbour_hooks hooks = { e, output, refreshed, resend, changed };

	e->ns = neighbours_new(&e->options, &hooks);
	assert_non_null(e->ns);
	e->peer = neighbour_get(e->ns, address(!e->which));
	assert_non_null(e->peer);
	if (e->options.hello_us)
		neighbour_watch(e->peer, 1, e->world->now_us);
}

static void world_init(struct world *w, const struct neighbour_options *options)
{
	memset(w, 0, sizeof(*w));
	w->now_us = 1000 * S;
	w->delay_us = 1 * MS;
	for (int i = 0; i < 2; i++) {
		w->end[i].world = w;
		w->end[i].which = i;
		w->end[i].options = *options;
		w->end[i].options.epoch += (uint32_t)i;
		w->end[i].options.instance += (uint32_t)i;
		end_start(&w->end[i]);
	}
}

void world_restart(struct world *w, int which, int keep_states)
{
	struct end *e = &w->end[which];

	neighbours_free(e->ns);
	memset(e->got_id, 0, sizeof(e->got_id));
	memset(e->got, 0, sizeof(e->got));
	e->options.epoch += 100;
	e->options.instance += 100;
	end_start(e);
	for (uint32_t slot = 1; slot < SLOTS; slot++) {
		uint32_t had = e->sent_id[slot];

		e->sent_id[slot] = 0;
		if (had && keep_states)
			end_send(e, slot, NEIGHBOUR_STATE);
	}
}

static void world_free(struct world *w)
{
	for (size_t i = w->first; i < w->n; i++)
		free(w->wire[i].bytes);
	free(w->wire);
	for (int i = 0; i < 2; i++) {
		neighbours_free(w->end[i].ns);
		rsvp_msg_free(&w->end[i].msg);
	}
}

enum neighbour_verdict end_hears(struct end *e, const struct rsvp_msg *msg)
{
	enum neighbour_verdict verdict = neighbour_input(e->peer, msg, e->world->now_us);

	if (verdict == NEIGHBOUR_DELIVER)
		neighbour_taken(e->peer, msg);
	neighbours_flush(e->ns, e->world->now_us);
	return verdict;
}

static void process(struct end *e, const struct rsvp_msg *msg)
{
	uint32_t slot = msg->session.icorp;

	assert_true(slot && slot < SLOTS);
	if (e->got_id[slot] && (msg->has & RSVP_HAS_ID) && !rsvp_id_later(msg->id.id, e->got_id[slot]))
		return; /* a duplicate, or late */
	if (e->got_id[slot])
		neighbour_unlearn(e->peer, e->got_id[slot]);
	e->got_id[slot] = 0;
	if (msg->type == RSVP_PATH) {
		e->got[slot]++;
		e->got_id[slot] = msg->has & RSVP_HAS_ID ? msg->id.id : 0;
		if (e->got_id[slot])
			assert_int_equal(neighbour_learn(e->peer, e->got_id[slot], slot), 0);
	}
}

static void arrive(struct world *w, const struct packet *p)
{
	struct end *e = &w->end[p->to];
	struct rsvp_msg msg = { 0 };

	assert_int_equal(rsvp_decode(p->bytes, p->len, RSVP_ENTERPRISE, &msg, NULL), 0);
	if (neighbour_input(e->peer, &msg, w->now_us) == NEIGHBOUR_DELIVER) {
		process(e, &msg);
		neighbour_taken(e->peer, &msg);
	}
	neighbours_flush(e->ns, w->now_us);
	rsvp_msg_free(&msg);
}

static void run_ends(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		neighbours_tick(w->end[i].ns, w->now_us);
		neighbours_flush(w->end[i].ns, w->now_us);
		assert_true(neighbours_next(w->end[i].ns) > w->now_us); /* or it would spin */
	}
}

void world_run(struct world *w, uint64_t for_us)
{
	uint64_t until = w->now_us + for_us;

	for (;;) {
		uint64_t at = w->first < w->n ? w->wire[w->first].at_us : UINT64_MAX;

		for (int i = 0; i < 2; i++)
			at = neighbours_next(w->end[i].ns) < at ? neighbours_next(w->end[i].ns) : at;
		if (at > until)
			break;
		w->now_us = at > w->now_us ? at : w->now_us;
		while (w->first < w->n && w->wire[w->first].at_us <= w->now_us) {
			struct packet p = w->wire[w->first++];

			arrive(w, &p);
			free(p.bytes);
		}
		if (w->first == w->n)
			w->first = w->n = 0;
		run_ends(w);
	}
	w->now_us = until;
}

uint64_t end_count(const struct end *e, enum neighbour_counter counter)
{
	return neighbour_counter(e->peer, counter);
}

struct world *world_new(struct neighbour_options options)
{
	struct world *w = malloc(sizeof(*w));

	assert_non_null(w);
	world_init(w, &options);
	return w;
}

struct world *world_watching(void)
{
	struct neighbour_options options = world_options();

	options.hello_us = 100 * MS;
	return world_new(options);
}

void world_end(struct world *w)
{
	world_free(w);
	free(w);
}

void world_agree(struct world *w)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		assert_int_equal(w->end[1].got_id[slot], w->end[0].sent_id[slot]);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_IN_FLIGHT), 0);
	assert_int_equal(end_count(&w->end[0], NEIGHBOUR_QUEUE), 0);
}

void hello_make(struct rsvp_msg *msg, int ack, uint32_t source, uint32_t destination)
{
	rsvp_msg_clear(msg);
	msg->type = RSVP_HELLO;
	msg->flags = RSVP_FLAG_REDUCTION;
	msg->has = RSVP_HAS_HELLO;
	msg->hello = (struct rsvp_hello){ ack, source, destination };
}

struct rsvp_msg acks_make(struct rsvp_msg msg, uint32_t epoch, uint32_t from, unsigned n, int nack)
{
	rsvp_msg_clear(&msg);
	msg.type = RSVP_ACK;
	msg.flags = RSVP_FLAG_REDUCTION;
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(rsvp_add_ack(&msg, &(struct rsvp_id_ack){ { 0, epoch, from + i }, nack }), 0);
	return msg;
}
