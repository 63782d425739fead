/*
 * The timing wheel. Level 0 has a slot per tick for the 256 ticks of the current block, level 1 a slot per block of 256
 * ticks, and so on; when a block begins, its slot of the level above is spread over the level below. A bitmap per
 * level tells which slots hold anything, so that empty time is skipped.
 */
#include "lib/wheel.h"

#define TICK_BITS 10
#define SLOT_BITS 8
#define HORIZON ((1ull << (SLOT_BITS * WHEEL_LEVELS)) - 1)

static void link_at(struct wheel_entry **head, struct wheel_entry *e)
{
	e->next = *head;
	e->back = head;
	if (e->next)
		e->next->back = &e->next;
	*head = e;
}

static void unlink_(struct wheel_entry *e)
{
	*e->back = e->next;
	if (e->next)
		e->next->back = e->back;
	e->back = NULL;
}

/* Its tick, seen from now: not before the next, and what lies beyond the horizon waits at the horizon. */
static uint64_t tick_of(const struct wheel *w, const struct wheel_entry *e)
{
	uint64_t tick = (e->at_us >> TICK_BITS) + ((e->at_us & ((1u << TICK_BITS) - 1)) != 0);

	if (tick <= w->tick)
		return w->tick + 1;
	return tick - w->tick > HORIZON ? w->tick + HORIZON : tick;
}

static void file(struct wheel *w, struct wheel_entry *e, uint64_t tick)
{
	uint64_t differs = tick ^ w->tick;
	unsigned level = 0, slot;

	while (level < WHEEL_LEVELS - 1 && differs >> (SLOT_BITS * (level + 1)))
		level++;
	slot = tick >> (SLOT_BITS * level) & (WHEEL_SLOTS - 1);
	link_at(&w->slot[level][slot], e);
	w->used[level][slot / 64] |= 1ull << (slot % 64);
}

void wheel_set(struct wheel *w, struct wheel_entry *e, uint64_t at_us)
{
	wheel_remove(w, e);
	e->at_us = at_us;
	file(w, e, tick_of(w, e));
	w->n++;
}

void wheel_remove(struct wheel *w, struct wheel_entry *e)
{
	if (!e->back)
		return;
	unlink_(e); /* the slot's bit stays set until its turn comes */
	w->n--;
}

/* The first used slot of a level from `from` on; WHEEL_SLOTS: none. */
static unsigned used_from(const struct wheel *w, unsigned level, unsigned from)
{
	for (unsigned word = from / 64; word < WHEEL_SLOTS / 64; word++) {
		uint64_t bits = w->used[level][word];

		if (word == from / 64)
			bits &= ~0ull << (from % 64);
		if (bits)
			return word * 64 + (unsigned)__builtin_ctzll(bits);
	}
	return WHEEL_SLOTS;
}

/*
 * The next tick at which some slot comes to its turn: the first used one of this block, or of the blocks of each
 * level above. The top level goes round: behind its end it starts again.
 */
static uint64_t next_tick(const struct wheel *w)
{
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		unsigned shift = SLOT_BITS * level, now = w->tick >> shift & (WHEEL_SLOTS - 1);
		unsigned slot = used_from(w, level, now + 1 < WHEEL_SLOTS ? now + 1 : WHEEL_SLOTS);
		uint64_t block = w->tick >> (shift + SLOT_BITS);

		if (slot == WHEEL_SLOTS && level == WHEEL_LEVELS - 1) {
			slot = used_from(w, level, 0);
			block++;
		}
		if (slot < WHEEL_SLOTS)
			return (block << SLOT_BITS | slot) << shift;
	}
	return UINT64_MAX;
}

/* Goes to `tick`: what is due there becomes due, what belongs to blocks that begin there is spread. */
static void advance(struct wheel *w, uint64_t tick)
{
	uint64_t was = w->tick;

	w->tick = tick;
	for (unsigned level = WHEEL_LEVELS; level-- > 0;) {
		unsigned slot = tick >> (SLOT_BITS * level) & (WHEEL_SLOTS - 1);
		struct wheel_entry **head = &w->slot[level][slot], *e;

		if (tick >> (SLOT_BITS * level) == was >> (SLOT_BITS * level))
			continue; /* still in the same one */
		w->used[level][slot / 64] &= ~(1ull << (slot % 64));
		while ((e = *head)) {
			uint64_t at = (e->at_us >> TICK_BITS) + ((e->at_us & ((1u << TICK_BITS) - 1)) != 0);

			unlink_(e);
			if (at <= tick)
				link_at(&w->due, e);
			else
				file(w, e, tick_of(w, e));
		}
	}
}

struct wheel_entry *wheel_take(struct wheel *w, uint64_t now_us)
{
	uint64_t now = now_us >> TICK_BITS, tick;
	struct wheel_entry *e;

	while (!w->due && w->tick < now) {
		tick = w->n ? next_tick(w) : UINT64_MAX;
		advance(w, tick < now ? tick : now);
	}
	e = w->due;
	if (e) {
		unlink_(e);
		w->n--;
	}
	return e;
}

uint64_t wheel_next(const struct wheel *w)
{
	uint64_t tick;

	if (w->due)
		return w->tick << TICK_BITS;
	if (!w->n)
		return UINT64_MAX;
	tick = next_tick(w);
	return tick == UINT64_MAX ? tick : tick << TICK_BITS;
}
