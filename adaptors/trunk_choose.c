/* Which circuit carries an ICorp. See trunk.h; no I/O. */
#include "config.h"

#include "adaptors/trunk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

int trunk_fits(const struct trunk_circuit *c, uint64_t own, uint64_t rate_bps)
{
	uint64_t others = c->promised_bps - own;

	return !rate_bps || (rate_bps <= c->rate_bps && others <= c->rate_bps - rate_bps);
}

static uint64_t own_on(const struct trunk_want *held, unsigned circuit)
{
	return held && held->circuit == circuit ? held->rate_bps : 0;
}

/* What it could still guarantee to the asker. */
static uint64_t left(const struct trunk_circuit *c, uint64_t own)
{
	uint64_t others = c->promised_bps - own;

	return others < c->rate_bps ? c->rate_bps - others : 0;
}

static int mismatch(const struct trunk_circuit *c, enum capacity_class capacity)
{
	return c->class == (int)capacity ? 0 : c->class == TRUNK_ANY_CLASS ? 1 : 2;
}

static int is_better(const struct trunk_circuit *a, const struct trunk_circuit *b, enum capacity_class capacity)
{
	int ma = mismatch(a, capacity), mb = mismatch(b, capacity);

	return ma != mb ? ma < mb : a->rate_bps < b->rate_bps;
}

static int best(const struct trunk_circuit *c, unsigned n, const struct trunk_want *held, const struct trunk_want *want)
{
	int found = -1;

	for (unsigned i = 0; i < n; i++)
		if (c[i].up && trunk_fits(&c[i], own_on(held, i), want->rate_bps) &&
		    (found < 0 || is_better(&c[i], &c[found], want->capacity)))
			found = (int)i;
	return found;
}

/* Of those up the one that has the most left; -1: none is up. */
static int roomiest(const struct trunk_circuit *c, unsigned n, const struct trunk_want *held)
{
	int found = -1;

	for (unsigned i = 0; i < n; i++)
		if (c[i].up && (found < 0 || left(&c[i], own_on(held, i)) > left(&c[found], own_on(held, (unsigned)found))))
			found = (int)i;
	return found;
}

int trunk_choose(const struct trunk_circuit *c, unsigned n, const struct trunk_want *held, struct trunk_want *want, int *over,
		 char *why, size_t room)
{
	const struct trunk_circuit *has = held ? &c[held->circuit] : NULL;
	int same = held && held->rate_bps == want->rate_bps && held->capacity == want->capacity;
	int to = same && has->up && trunk_fits(has, held->rate_bps, want->rate_bps) ? (int)held->circuit : best(c, n, held, want);

	*over = to < 0;
	if (to < 0 && held && want->rate_bps <= held->rate_bps)
		to = has->up ? (int)held->circuit : roomiest(c, n, held);
	if (to < 0 && held && want->rate_bps <= held->rate_bps)
		to = (int)held->circuit;         /* none is up: it waits where it is */
	if (to >= 0) {
		want->circuit = (unsigned)to;
		return 0;
	}
	to = roomiest(c, n, held);
	if (to < 0) {
		snprintf(why, room, "no circuit is up");
		return -ENETDOWN;
	}
	snprintf(why, room, "no circuit has room for %" PRIu64 " bit/s; at most %" PRIu64 " would fit, on %s", want->rate_bps,
		 left(&c[to], own_on(held, (unsigned)to)), c[to].ifname);
	return -ENOSPC;
}
