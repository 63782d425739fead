/*
 * A hash table from 64-bit keys to pointers (never NULL): what a simulation of thousands of controllers looks up for each
 * message. Its order depends on its keys alone, so that walking it is the same in every run.
 */
#ifndef ICORP_SIM_MAP_H
#define ICORP_SIM_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot { uint64_t key; void *value; };
struct map { struct map_slot *slot; size_t n, room; };

/* The value of that key, or NULL. */
void *map_get(const struct map *map, uint64_t key);
/* Adds or replaces. Aborts when out of memory: a simulation that cannot go on has no result. */
void map_put(struct map *map, uint64_t key, void *value);
/* Takes it out and returns it; NULL when it was not in. */
void *map_remove(struct map *map, uint64_t key);
/* Walks: start with *at = 0; NULL at the end. The table must not change meanwhile. */
void *map_next(const struct map *map, size_t *at);
/* Frees the table; the values are the caller's. */
void map_free(struct map *map);

#endif
