/*
 * See keymap.h. Chains 0..n-1 exist. An entry belongs into the chain that its hash modulo 2·low names, or, while that one
 * does not exist yet, modulo low. When chain n comes, only the entries of chain n-low have to be looked at.
 */
#include "adaptors/keymap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/protocol.h"

#define FIRST_CHAINS 64

static size_t chain_of(const struct keymap *map, struct adaptor_key key)
{
	size_t i = (size_t)adaptor_key_hash(key) & (2 * map->low - 1);

	return i < map->n ? i : i - map->low;
}

struct keymap_entry *keymap_find(const struct keymap *map, struct adaptor_key key)
{
	struct keymap_entry *entry = map->n ? map->chain[chain_of(map, key)] : NULL;

	while (entry && !adaptor_key_equal(entry->key, key))
		entry = entry->next;
	return entry;
}

static int more_room(struct keymap *map)
{
	size_t room = map->room ? 2 * map->room : FIRST_CHAINS;
	struct keymap_entry **grown = realloc(map->chain, room * sizeof(*grown));

	if (!grown)
		return 0;
	map->chain = grown;
	map->room = room;
	if (map->n)
		return 1;
	memset(grown, 0, FIRST_CHAINS * sizeof(*grown));
	map->n = map->low = FIRST_CHAINS;
	return 1;
}

/* One more chain. Without memory the chains become longer, which is not wrong. */
static void split(struct keymap *map)
{
	struct keymap_entry **from;

	if (map->n == map->room && !more_room(map))
		return;
	from = &map->chain[map->n - map->low];
	map->chain[map->n++] = NULL;
	while (*from) {
		struct keymap_entry *entry = *from;
		size_t i = chain_of(map, entry->key);

		if (i != map->n - 1) {
			from = &entry->next;
			continue;
		}
		*from = entry->next;
		entry->next = map->chain[i];
		map->chain[i] = entry;
	}
	if (map->n == 2 * map->low)
		map->low = map->n;
}

int keymap_add(struct keymap *map, struct keymap_entry *entry)
{
	size_t i;

	if (!map->n && !more_room(map))
		return -ENOMEM;
	if (map->count >= map->n)
		split(map);
	map->count++;
	i = chain_of(map, entry->key);
	entry->next = map->chain[i];
	map->chain[i] = entry;
	return 0;
}

struct keymap_entry *keymap_obtain(struct keymap *map, struct adaptor_key key, size_t size)
{
	struct keymap_entry *entry = keymap_find(map, key);

	if (entry)
		return entry;
	entry = calloc(1, size);
	if (!entry)
		return NULL;
	entry->key = key;
	if (!keymap_add(map, entry))
		return entry;
	free(entry);
	return NULL;
}

void keymap_remove(struct keymap *map, struct keymap_entry *entry)
{
	struct keymap_entry **at = &map->chain[chain_of(map, entry->key)];

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	if (!--map->count && map->room > FIRST_CHAINS)
		keymap_free(map);
}

void keymap_free(struct keymap *map)
{
	free(map->chain);
	memset(map, 0, sizeof(*map));
}

struct keymap_entry *keymap_next(const struct keymap *map, const struct keymap_entry *after)
{
	size_t i = 0;

	if (after) {
		if (after->next)
			return after->next;
		i = chain_of(map, after->key) + 1;
	}
	for (; i < map->n; i++)
		if (map->chain[i])
			return map->chain[i];
	return NULL;
}
