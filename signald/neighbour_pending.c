/*
 * The pool of messages that await their acknowledgement, and the lists they are in. See neighbour_internal.h. A place
 * keeps its buffer when it is freed, so that in the steady state nothing is allocated; only so many buffers are kept
 * that a burst does not cost memory for ever.
 */
#include <stdlib.h>
#include <string.h>

#include "signald/neighbour_internal.h"

#define KEPT 4096          /* buffers of free places */
#define KEPT_SIZE 2048     /* larger ones are not kept */

struct pending *pending_at(struct neighbours *ns, uint32_t place)
{
	return &ns->pool[place - 1];
}

uint32_t pending_find(const struct neighbour *n, uint32_t id)
{
	const struct neighbour *from;
	uint32_t place;

	if (!idmap_get(&n->ns->awaited, id, &place))
		return 0;
	from = pending_at(n->ns, place)->n;
	return from == n || from->beyond ? place : 0;
}

/* A free place, taken from the list of them. */
static uint32_t take_place(struct neighbours *ns)
{
	uint32_t place = ns->pool_free;

	if (place) {
		ns->pool_free = pending_at(ns, place)->next;
		ns->kept -= pending_at(ns, place)->bytes != NULL;
		return place;
	}
	if (ns->pool_n == ns->pool_room) {
		uint32_t room = ns->pool_room ? ns->pool_room * 2 : 64;
		struct pending *pool = room > ns->pool_room ? realloc(ns->pool, room * sizeof(*pool)) : NULL;

		if (!pool)
			return 0;
		ns->pool = pool;
		ns->pool_room = room;
	}
	place = ++ns->pool_n;
	*pending_at(ns, place) = (struct pending){ 0 };
	return place;
}

static void give_place(struct neighbours *ns, uint32_t place)
{
	struct pending *p = pending_at(ns, place);

	if (p->bytes && (ns->kept == KEPT || p->room > KEPT_SIZE)) {
		free(p->bytes);
		p->bytes = NULL;
		p->room = 0;
	}
	ns->kept += p->bytes != NULL;
	p->n = NULL;
	p->next = ns->pool_free;
	ns->pool_free = place;
}

/* Puts the message into the place's buffer; 0: no memory. */
static int fill(struct pending *p, const uint8_t *bytes, size_t len)
{
	if (p->room < len) {
		size_t room = (len + 255) / 256 * 256;
		uint8_t *grown = realloc(p->bytes, room);

		if (!grown)
			return 0;
		p->bytes = grown;
		p->room = (uint16_t)room;
	}
	memcpy(p->bytes, bytes, len);
	p->len = (uint16_t)len;
	return 1;
}

uint32_t pending_new(struct neighbour *n, uint32_t id, const uint8_t *bytes, size_t len)
{
	struct neighbours *ns = n->ns;
	uint32_t place = take_place(ns);
	struct pending *p;

	if (!place)
		return 0;
	p = pending_at(ns, place);
	if (!fill(p, bytes, len) || idmap_set(&ns->awaited, id, place)) {
		give_place(ns, place);
		return 0;
	}
	p->n = n;
	p->id = id;
	p->type = bytes[1];
	p->tries = 0;
	p->list = LISTS;
	return place;
}

/* In flight are those that were sent, in whatever level they are. */
static uint32_t *counted(struct neighbour *n, unsigned list)
{
	return list < LIST_LEVEL ? &n->queued : &n->in_flight;
}

void pending_append(struct neighbour *n, unsigned list, uint32_t place)
{
	struct pending *p = pending_at(n->ns, place);
	struct list *l = &n->list[list];

	p->list = (uint8_t)list;
	p->prev = l->tail;
	p->next = 0;
	if (l->tail)
		pending_at(n->ns, l->tail)->next = place;
	else
		l->head = place;
	l->tail = place;
	++*counted(n, list);
}

void pending_unlink(struct neighbour *n, uint32_t place)
{
	struct pending *p = pending_at(n->ns, place);
	struct list *l = &n->list[p->list];

	if (p->prev)
		pending_at(n->ns, p->prev)->next = p->next;
	else
		l->head = p->next;
	if (p->next)
		pending_at(n->ns, p->next)->prev = p->prev;
	else
		l->tail = p->prev;
	--*counted(n, p->list);
	p->list = LISTS;
}

void pending_free(struct neighbour *n, uint32_t place)
{
	struct pending *p = pending_at(n->ns, place);

	pending_unlink(n, place);
	idmap_remove(&n->ns->awaited, p->id);
	give_place(n->ns, place);
}

void pending_clear(struct neighbour *n)
{
	for (unsigned list = 0; list < LISTS; list++)
		while (n->list[list].head)
			pending_free(n, n->list[list].head);
}
