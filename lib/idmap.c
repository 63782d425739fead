/* The map of numbers to numbers. See idmap.h. A removal moves what follows back, so that no probe meets a gap. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/idmap.h"

#define LINE 8u       /* places in 64 bytes */
#define LEAST 16u     /* places */

/* Where the key would be if nobody were in its way: the upper 29 bits choose a line, the lower 3 the place in it. */
static uint32_t home(const struct idmap *map, uint32_t key)
{
	uint32_t h = (key / LINE) ^ map->seed;

	h = (h ^ h >> 16) * 0x85ebca6bu; /* MurmurHash3's finalizer */
	h = (h ^ h >> 13) * 0xc2b2ae35u;
	h ^= h >> 16;
	return (h * LINE + key % LINE) & map->mask;
}

/* The key's place, or the free one where it would go. The table has a free place. */
static uint32_t find(const struct idmap *map, uint32_t key)
{
	uint32_t at = home(map, key);

	while (map->place[at].key && map->place[at].key != key)
		at = (at + 1) & map->mask;
	return at;
}

static int resize(struct idmap *map, uint32_t places)
{
	struct idmap old = *map;
	struct idmap_place *place = calloc(places, sizeof(*place));

	if (!place)
		return -ENOMEM;
	map->place = place;
	map->mask = places - 1;
	for (uint32_t i = 0; old.place && i <= old.mask; i++)
		if (old.place[i].key)
			map->place[find(map, old.place[i].key)] = old.place[i];
	free(old.place);
	return 0;
}

int idmap_set(struct idmap *map, uint32_t key, uint32_t value)
{
	uint32_t at;

	if (!key)
		return -EINVAL;
	if (!map->place && resize(map, LEAST))
		return -ENOMEM;
	at = find(map, key);
	if (map->place[at].key) {
		map->place[at].value = value;
		return 0;
	}
	if ((uint64_t)map->n * 8 >= ((uint64_t)map->mask + 1) * 5) {
		if (map->mask >= UINT32_MAX / 2 || resize(map, (map->mask + 1) * 2))
			return -ENOMEM;
		at = find(map, key);
	}
	map->place[at] = (struct idmap_place){ key, value };
	map->n++;
	return 0;
}

int idmap_get(const struct idmap *map, uint32_t key, uint32_t *value)
{
	uint32_t at;

	if (!map->place || !key)
		return 0;
	at = find(map, key);
	if (!map->place[at].key)
		return 0;
	if (value)
		*value = map->place[at].value;
	return 1;
}

int idmap_remove(struct idmap *map, uint32_t key)
{
	uint32_t gap, at;

	if (!map->place || !key)
		return 0;
	gap = find(map, key);
	if (!map->place[gap].key)
		return 0;
	/* Whoever may live in the gap (its home is not between the gap and where it is) moves there and leaves another. */
	for (at = (gap + 1) & map->mask; map->place[at].key; at = (at + 1) & map->mask) {
		if (((at - home(map, map->place[at].key)) & map->mask) < ((at - gap) & map->mask))
			continue;
		map->place[gap] = map->place[at];
		gap = at;
	}
	map->place[gap].key = 0;
	map->n--;
	if (map->mask >= LEAST && map->n < (map->mask + 1) / 8)
		(void)resize(map, (map->mask + 1) / 2); /* without memory it stays as large as it was */
	return 1;
}

void idmap_clear(struct idmap *map)
{
	free(map->place);
	*map = (struct idmap){ .seed = map->seed };
}
