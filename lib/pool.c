/* The pool of small objects. See pool.h. */
#include <stdlib.h>
#include <string.h>

#include "lib/pool.h"

#ifdef __SANITIZE_ADDRESS__
#define EACH_ITS_OWN 1
#else
#define EACH_ITS_OWN 0
#endif

#define CHUNK 65536

struct pool_chunk { struct pool_chunk *next; size_t unused; };

struct free_object { struct free_object *next; };

static size_t rounded(size_t size)
{
	return (size + POOL_STEP - 1) & ~(size_t)(POOL_STEP - 1);
}

/* Cuts a new chunk into objects of one size. */
static int refill(struct pool *pool, size_t size)
{
	struct pool_chunk *chunk = malloc(CHUNK);
	struct free_object **list = (struct free_object **)&pool->free[size / POOL_STEP - 1];

	if (!chunk)
		return 0;
	chunk->next = pool->chunks;
	pool->chunks = chunk;
	for (size_t at = CHUNK / size * size - size; at >= rounded(sizeof(*chunk)); at -= size) {
		struct free_object *o = (void *)((char *)chunk + at);

		o->next = *list;
		*list = o;
		if (at < size)
			break;
	}
	return 1;
}

void *pool_get(struct pool *pool, size_t size)
{
	struct free_object **list, *o;

	if (!size)
		return NULL;
	size = rounded(size);
	if (EACH_ITS_OWN || size > POOL_MAX) {
		o = calloc(1, size);
	} else {
		list = (struct free_object **)&pool->free[size / POOL_STEP - 1];
		if (!*list && !refill(pool, size))
			return NULL;
		o = *list;
		*list = o->next;
		memset(o, 0, size);
	}
	pool->used += o ? size : 0;
	return o;
}

void pool_put(struct pool *pool, void *object, size_t size)
{
	struct free_object **list, *o = object;

	if (!o)
		return;
	size = rounded(size);
	pool->used -= size;
	if (EACH_ITS_OWN || size > POOL_MAX) {
		free(o);
		return;
	}
	list = (struct free_object **)&pool->free[size / POOL_STEP - 1];
	o->next = *list;
	*list = o;
}

void *pool_resize(struct pool *pool, void *object, size_t size, size_t new_size)
{
	void *to;

	if (object && rounded(size) == rounded(new_size)) {
		if (new_size > size)
			memset((char *)object + size, 0, new_size - size);
		return object;
	}
	to = pool_get(pool, new_size);
	if (!to)
		return NULL;
	if (object)
		memcpy(to, object, size < new_size ? size : new_size);
	pool_put(pool, object, size);
	return to;
}

void pool_free(struct pool *pool)
{
	while (pool->chunks) {
		struct pool_chunk *chunk = pool->chunks;

		pool->chunks = chunk->next;
		free(chunk);
	}
	memset(pool, 0, sizeof(*pool));
}
