/*
 * The binary heap of deadlines: the children of slot i are 2i+1 and 2i+2. An entry knows its slot, so that a refresh moves
 * it in O(log n) without a search. settle() moves an entry whichever way it must go.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/heap.h"

static void place(struct heap *heap, size_t at, struct heap_entry *entry)
{
	heap->entry[at] = entry;
	entry->slot = at + 1;
}

static void sift_up(struct heap *heap, size_t at, struct heap_entry *entry)
{
	while (at && heap->entry[(at - 1) / 2]->key > entry->key) {
		place(heap, at, heap->entry[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(heap, at, entry);
}

static void sift_down(struct heap *heap, size_t at, struct heap_entry *entry)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= heap->n)
			break;
		if (child + 1 < heap->n && heap->entry[child + 1]->key < heap->entry[child]->key)
			child++;
		if (heap->entry[child]->key >= entry->key)
			break;
		place(heap, at, heap->entry[child]);
		at = child;
	}
	place(heap, at, entry);
}

static void settle(struct heap *heap, size_t at, struct heap_entry *entry)
{
	if (at && heap->entry[(at - 1) / 2]->key > entry->key)
		sift_up(heap, at, entry);
	else
		sift_down(heap, at, entry);
}

int heap_set(struct heap *heap, struct heap_entry *entry, uint64_t key)
{
	if (!entry->slot) {
		if (heap->n == heap->room) {
			size_t room = heap->room ? heap->room * 2 : 64;
			struct heap_entry **v = realloc(heap->entry, room * sizeof(*v));

			if (!v)
				return -ENOMEM;
			heap->entry = v;
			heap->room = room;
		}
		entry->key = key;
		heap->n++;
		sift_up(heap, heap->n - 1, entry);
		return 0;
	}
	entry->key = key;
	settle(heap, entry->slot - 1, entry);
	return 0;
}

void heap_remove(struct heap *heap, struct heap_entry *entry)
{
	size_t at = entry->slot;
	struct heap_entry *last;

	if (!at--)
		return;
	entry->slot = 0;
	last = heap->entry[--heap->n];
	if (last != entry)
		settle(heap, at, last);
}

struct heap_entry *heap_top(const struct heap *heap)
{
	return heap->n ? heap->entry[0] : NULL;
}

void heap_free(struct heap *heap)
{
	free(heap->entry);
	memset(heap, 0, sizeof(*heap));
}
