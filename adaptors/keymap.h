/*
 * A table of sessions by key, of whatever is kept of them: its entries are members of the caller's structures. It grows by
 * one chain at a time (linear hashing, Litwin 1980), so that no call takes long, however many there are.
 */
#ifndef ICORP_ADAPTOR_KEYMAP_H
#define ICORP_ADAPTOR_KEYMAP_H

#include <stddef.h>

#include "adaptors/adaptor.h"

struct keymap_entry { struct keymap_entry *next; struct adaptor_key key; };

/* Zeroed, it is empty. low: the power of two below or at n. */
struct keymap { struct keymap_entry **chain; size_t n, low, room, count; };

/* The entry of that key, or NULL. */
struct keymap_entry *keymap_find(const struct keymap *map, struct adaptor_key key);
/* Puts in an entry whose key is set and not in yet. 0 or -ENOMEM. */
int keymap_add(struct keymap *map, struct keymap_entry *entry);
/* The entry of that key, which may be a new one: the first member of a zeroed, allocated block of so many bytes, the caller's
 * to free. NULL: no memory. */
struct keymap_entry *keymap_obtain(struct keymap *map, struct adaptor_key key, size_t size);
/* Takes out one that is in. When the last one goes, so does the memory of a table that had grown. */
void keymap_remove(struct keymap *map, struct keymap_entry *entry);
/* Walks: NULL for the first, NULL after the last. Entries that were passed may be taken out, others and new ones not. */
struct keymap_entry *keymap_next(const struct keymap *map, const struct keymap_entry *after);
/* Frees the table; the entries are the caller's. */
void keymap_free(struct keymap *map);

#endif
