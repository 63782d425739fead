/* For units that look at what happens without memory; link with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc. */
#ifndef ICORP_TESTS_UNIT_MEMORY_H
#define ICORP_TESTS_UNIT_MEMORY_H

#include <stdlib.h>

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

static unsigned long memory_left = -1ul, memory_missed, memory_misses;

/* So many allocations succeed from now on, the next one, or all that follow, do not. */
static inline void memory_for(unsigned long allocations, int then_none)
{
	memory_left = allocations;
	memory_misses = then_none ? -1ul : 1;
	memory_missed = 0;
}

/* All succeed again. Returns whether one did not. */
static inline int memory_again(void)
{
	memory_left = -1ul;
	return memory_missed != 0;
}

static inline int memory_is_gone(void)
{
	if (memory_left == -1ul)
		return 0;
	if (memory_left) {
		memory_left--;
		return 0;
	}
	return memory_missed++ < memory_misses;
}

void *__wrap_malloc(size_t size)
{
	return memory_is_gone() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return memory_is_gone() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return memory_is_gone() ? NULL : __real_realloc(p, size);
}

#endif
