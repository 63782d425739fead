/*
 * A map of 32-bit numbers to 32-bit numbers, for tables of a million message ids: open addressing with linear probing,
 * 8 bytes per place, 5/16 to 5/8 full, no tombstones. It grows and shrinks with its contents. Eight neighbouring keys
 * share a line of the cache, so that looking up a list of consecutive ids costs a miss per eight; which line is the
 * seed's secret, so that nobody who chooses the keys can make them collide.
 *
 * The key 0 cannot be stored.
 */
#ifndef ICORP_LIB_IDMAP_H
#define ICORP_LIB_IDMAP_H

#include <stddef.h>
#include <stdint.h>

struct idmap_place { uint32_t key, value; }; /* key 0: free */
/* Zeroed, with a seed, it is empty. */
struct idmap { struct idmap_place *place; uint32_t n, mask, seed; };

/* Stores or replaces. 0, -ENOMEM (nothing changed) or -EINVAL (key 0). */
int idmap_set(struct idmap *map, uint32_t key, uint32_t value);
/* 1 and *value (unless NULL), or 0. */
int idmap_get(const struct idmap *map, uint32_t key, uint32_t *value);
/* 1 when it was there. */
int idmap_remove(struct idmap *map, uint32_t key);
/* Empties the map and frees its memory; the seed stays. */
void idmap_clear(struct idmap *map);

#endif
