/* A hash table with linear probing; what is removed closes its gap. See map.h. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/map.h"

static size_t home(const struct map *map, uint64_t key)
{
	key = (key ^ key >> 32) * 0x9e3779b97f4a7c15ull;
	return (size_t)(key >> 32) & (map->room - 1);
}

/* The key's slot, or the free one where it would go. */
static struct map_slot *find(const struct map *map, uint64_t key)
{
	size_t i = home(map, key);

	while (map->slot[i].value && map->slot[i].key != key)
		i = (i + 1) & (map->room - 1);
	return &map->slot[i];
}

static void grow(struct map *map)
{
	struct map_slot *old = map->slot;
	size_t room = map->room;

	map->room = room ? 2 * room : 64;
	map->slot = calloc(map->room, sizeof(*map->slot));
	if (!map->slot)
		abort();
	for (size_t i = 0; i < room; i++)
		if (old[i].value)
			*find(map, old[i].key) = old[i];
	free(old);
}

void *map_get(const struct map *map, uint64_t key)
{
	return map->n ? find(map, key)->value : NULL;
}

void map_put(struct map *map, uint64_t key, void *value)
{
	struct map_slot *slot;

	if (2 * map->n >= map->room)
		grow(map);
	slot = find(map, key);
	map->n += !slot->value;
	*slot = (struct map_slot){ key, value };
}

void *map_remove(struct map *map, uint64_t key)
{
	struct map_slot *slot = map->n ? find(map, key) : NULL;
	void *value = slot ? slot->value : NULL;

	if (!value)
		return NULL;
	slot->value = NULL;
	map->n--;
	/* those after it may have been pushed past this slot: each finds its place again */
	for (size_t i = (size_t)(slot - map->slot + 1) & (map->room - 1); map->slot[i].value; i = (i + 1) & (map->room - 1)) {
		struct map_slot moved = map->slot[i];

		map->slot[i].value = NULL;
		*find(map, moved.key) = moved;
	}
	return value;
}

void *map_next(const struct map *map, size_t *at)
{
	while (*at < map->room)
		if (map->slot[(*at)++].value)
			return map->slot[*at - 1].value;
	return NULL;
}

void map_free(struct map *map)
{
	free(map->slot);
	memset(map, 0, sizeof(*map));
}
