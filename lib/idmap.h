/*
 * A map of 32-bit numbers to 32-bit numbers, for tables of a million message ids: open addressing with linear probing,
 * 8 bytes per place, 5/16 to 5/8 full, no tombstones. It grows and shrinks with its contents, a few places per call, so
 * that no call takes long. Eight neighbouring keys share a line of the cache, so that looking up a list of consecutive
 * ids costs a miss per eight; which line is the seed's secret, so that nobody who chooses the keys can make them
 * collide.
 *
 * The key 0 cannot be stored.
 */
#ifndef ICORP_LIB_IDMAP_H
#define ICORP_LIB_IDMAP_H

#include <stddef.h>
#include <stdint.h>

struct idmap_place { uint32_t key, value; }; /* key 0: free */
struct idmap_table { struct idmap_place *place; uint32_t mask; };
/* Zeroed, with a seed, it is empty. */
struct idmap {
	uint32_t n, seed;
	struct idmap_table now;
	/* Moving out: entries found here fewer than `moved` places after `origin` are in `now` (or gone). No place: none. */
	struct idmap_table old;
	uint32_t origin, moved;
};

/* Stores or replaces. 0, -ENOMEM (nothing changed) or -EINVAL (key 0). */
int idmap_set(struct idmap *map, uint32_t key, uint32_t value);
/* 1 and *value (unless NULL), or 0. */
int idmap_get(const struct idmap *map, uint32_t key, uint32_t *value);
/* 1 when it was there. */
int idmap_remove(struct idmap *map, uint32_t key);
/* Empties the map and frees its memory; the seed stays. */
void idmap_clear(struct idmap *map);

#endif
