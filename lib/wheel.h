/*
 * A hierarchical timing wheel of intrusive entries: setting, moving and removing a deadline is constant work however
 * many there are. Time is in microseconds and only grows; deadlines are kept to a tick of 1.024 ms and never met early.
 * An entry and a wheel are zeroed before first use; an entry is in at most one wheel.
 */
#ifndef ICORP_LIB_WHEEL_H
#define ICORP_LIB_WHEEL_H

#include <stddef.h>
#include <stdint.h>

#define WHEEL_LEVELS 4
#define WHEEL_SLOTS 256

struct wheel_entry { struct wheel_entry *next, **back; uint64_t at_us; };

struct wheel {
	uint64_t tick;                  /* all before it, and it, has been looked at */
	size_t n;
	struct wheel_entry *due;
	struct wheel_entry *slot[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t used[WHEEL_LEVELS][WHEEL_SLOTS / 64];
};

/* Sets or moves the entry's deadline. One that has passed is met at the next tick. */
void wheel_set(struct wheel *wheel, struct wheel_entry *entry, uint64_t at_us);
/* Takes the entry out if it is in. */
void wheel_remove(struct wheel *wheel, struct wheel_entry *entry);
static inline int wheel_has(const struct wheel_entry *entry)
{
	return entry->back != NULL;
}
/* Takes out an entry whose deadline is met at now_us; NULL: none is left. */
struct wheel_entry *wheel_take(struct wheel *wheel, uint64_t now_us);
/* When wheel_take must be called next: no later than the first deadline's tick, maybe earlier. UINT64_MAX: never. */
uint64_t wheel_next(const struct wheel *wheel);

#endif
