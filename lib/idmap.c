/*
 * The map of numbers to numbers. See idmap.h. A removal moves what follows back, so that no probe meets a gap.
 *
 * When the map gets another size, the old table stays and each call moves the entries of some of its places, in order
 * from behind a free place: so no cluster of entries crosses the beginning, and those that were moved may stay behind
 * for the probes of those that were not.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/idmap.h"

#define LINE 8u       /* places in 64 bytes */
#define LEAST 16u     /* places */
#define STEP 16u      /* places moved per call */

/* Where the key would be if nobody were in its way: the upper 29 bits choose a line, the lower 3 the place in it. */
static uint32_t home(const struct idmap *map, const struct idmap_table *t, uint32_t key)
{
	uint32_t h = (key / LINE) ^ map->seed;

	h = (h ^ h >> 16) * 0x85ebca6bu; /* MurmurHash3's finalizer */
	h = (h ^ h >> 13) * 0xc2b2ae35u;
	h ^= h >> 16;
	return (h * LINE + key % LINE) & t->mask;
}

/* The key's place, or the free one where it would go. The table has a free place. */
static uint32_t find(const struct idmap *map, const struct idmap_table *t, uint32_t key)
{
	uint32_t at = home(map, t, key);

	while (t->place[at].key && t->place[at].key != key)
		at = (at + 1) & t->mask;
	return at;
}

/* The key's place, wherever it is, or NULL; *in is its table. */
static struct idmap_place *look_up(const struct idmap *map, uint32_t key, const struct idmap_table **in)
{
	uint32_t at;

	*in = &map->now;
	if (!key || !map->now.place)
		return NULL;
	at = find(map, &map->now, key);
	if (map->now.place[at].key)
		return &map->now.place[at];
	*in = &map->old;
	if (!map->old.place)
		return NULL;
	at = find(map, &map->old, key);
	return map->old.place[at].key && ((at - map->origin) & map->old.mask) >= map->moved ? &map->old.place[at] : NULL;
}

static void move(struct idmap *map, uint32_t places)
{
	const struct idmap_table *t = &map->old;

	if (!t->place)
		return;
	for (; places && map->moved <= t->mask; places--) {
		struct idmap_place p = t->place[(map->origin + map->moved++) & t->mask];

		if (p.key)
			map->now.place[find(map, &map->now, p.key)] = p;
	}
	if (map->moved > t->mask) {
		free(t->place);
		map->old = (struct idmap_table){ 0 };
	}
}

/* No old table is left by then: a sixteenth of its places in calls moves it, and three sixteenths change the size again. */
static int resize(struct idmap *map, uint32_t places)
{
	struct idmap_place *place = calloc(places, sizeof(*place));

	if (!place)
		return -ENOMEM;
	map->old = map->now;
	map->now = (struct idmap_table){ place, places - 1 };
	map->moved = 0;
	for (map->origin = 0; map->old.place && map->old.place[map->origin].key;)
		map->origin++;
	return 0;
}

int idmap_set(struct idmap *map, uint32_t key, uint32_t value)
{
	const struct idmap_table *in;
	struct idmap_place *p = look_up(map, key, &in);

	if (!key)
		return -EINVAL;
	if (p) {
		p->value = value;
		return 0;
	}
	if (!map->now.place && resize(map, LEAST))
		return -ENOMEM;
	if ((uint64_t)map->n * 8 >= ((uint64_t)map->now.mask + 1) * 5 &&
	    (map->now.mask >= UINT32_MAX / 2 || resize(map, (map->now.mask + 1) * 2)))
		return -ENOMEM;
	move(map, STEP);
	map->now.place[find(map, &map->now, key)] = (struct idmap_place){ key, value };
	map->n++;
	return 0;
}

int idmap_get(const struct idmap *map, uint32_t key, uint32_t *value)
{
	const struct idmap_table *in;
	const struct idmap_place *p = look_up(map, key, &in);

	if (p && value)
		*value = p->value;
	return p != NULL;
}

int idmap_remove(struct idmap *map, uint32_t key)
{
	const struct idmap_table *t;
	struct idmap_place *p = look_up(map, key, &t);
	uint32_t gap, at;

	if (!p)
		return 0;
	gap = (uint32_t)(p - t->place);
	/* Whoever may live in the gap (its home is not between the gap and where it is) moves there and leaves another. */
	for (at = (gap + 1) & t->mask; t->place[at].key; at = (at + 1) & t->mask) {
		if (((at - home(map, t, t->place[at].key)) & t->mask) < ((at - gap) & t->mask))
			continue;
		t->place[gap] = t->place[at];
		gap = at;
	}
	t->place[gap].key = 0;
	map->n--;
	move(map, STEP);
	if (!map->old.place && map->now.mask >= LEAST && map->n < (map->now.mask + 1) / 8)
		(void)resize(map, (map->now.mask + 1) / 2); /* without memory it stays as large as it was */
	return 1;
}

void idmap_clear(struct idmap *map)
{
	free(map->now.place);
	free(map->old.place);
	*map = (struct idmap){ .seed = map->seed };
}
