/*
 * A binary min-heap of intrusive entries keyed by an absolute deadline: entries hold deadlines, one timer
 * computes the next. An entry is zeroed before first use; it is in at most one heap.
 */
#ifndef ICORP_LIB_HEAP_H
#define ICORP_LIB_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap_entry { uint64_t key; size_t slot; /* index + 1; 0: in no heap */ };
struct heap { struct heap_entry **entry; size_t n, room; };

/* Inserts the entry or moves it to its new key. 0 or -ENOMEM (the heap is then unchanged). */
int heap_set(struct heap *heap, struct heap_entry *entry, uint64_t key);
/* Takes the entry out if it is in. */
void heap_remove(struct heap *heap, struct heap_entry *entry);
/* The entry with the smallest key, or NULL. */
struct heap_entry *heap_top(const struct heap *heap);
void heap_free(struct heap *heap);

#endif
