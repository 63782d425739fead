/*
 * Packed grants. Each is a head of fixed size, then the element's name and the reason, a length byte before each.
 */
#include <errno.h>
#include <string.h>

#include "signald/grants.h"

struct head { uint64_t level; struct in_addr node, endpoint; uint32_t sequence; uint8_t resource, outcome, enforcement, unused; };

#define PACKED_MAX (sizeof(struct head) + 2 + RSVP_NAME + 128)

static size_t put_text(uint8_t *to, const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	*to = (uint8_t)len;
	memcpy(to + 1, text, len);
	return len + 1;
}

static size_t pack(uint8_t *to, const struct rsvp_grant *g)
{
	struct head h = { g->level, g->node, g->endpoint, g->sequence, g->resource, g->outcome, g->enforcement, 0 };
	size_t len = sizeof(h);

	memcpy(to, &h, sizeof(h));
	len += put_text(to + len, g->element, sizeof(g->element) - 1);
	return len + put_text(to + len, g->reason, sizeof(g->reason) - 1);
}

static size_t get_text(const uint8_t *from, char *out)
{
	memcpy(out, from + 1, *from);
	out[*from] = 0;
	return *from + 1u;
}

int grants_next(const struct grants *grants, uint32_t *at, struct rsvp_grant *out)
{
	const uint8_t *from = grants->data + *at;
	struct head h;
	size_t len = sizeof(h);

	if (*at >= grants->len)
		return 0;
	memcpy(&h, from, sizeof(h));
	out->level = h.level;
	out->node = h.node;
	out->endpoint = h.endpoint;
	out->sequence = h.sequence;
	out->resource = h.resource;
	out->outcome = h.outcome;
	out->enforcement = h.enforcement;
	len += get_text(from + len, out->element);
	len += get_text(from + len, out->reason);
	*at += (uint32_t)len;
	return 1;
}

static int append(struct pool *pool, struct grants *grants, const uint8_t *data, size_t len)
{
	uint8_t *more = pool_resize(pool, grants->data, grants->len, grants->len + len);

	if (!more)
		return -ENOMEM;
	memcpy(more + grants->len, data, len);
	grants->data = more;
	grants->len += (uint32_t)len;
	return 0;
}

int grants_add(struct pool *pool, struct grants *grants, const struct rsvp_grant *grant)
{
	uint8_t one[PACKED_MAX];
	size_t len = pack(one, grant);

	return append(pool, grants, one, len);
}

int grants_set(struct pool *pool, struct grants *grants, const struct rsvp_grant *v, unsigned n)
{
	struct grants fresh = { 0 };
	uint8_t one[PACKED_MAX];
	size_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += pack(one, &v[i]);
	if (len) {
		fresh.data = pool_get(pool, len);
		if (!fresh.data)
			return -ENOMEM;
		for (unsigned i = 0; i < n; i++)
			fresh.len += (uint32_t)pack(fresh.data + fresh.len, &v[i]);
	}
	pool_put(pool, grants->data, grants->len);
	*grants = fresh;
	return 0;
}

int grants_put(struct pool *pool, struct grants *grants, const struct rsvp_grant *grant)
{
	uint32_t at = 0, from = 0;
	struct rsvp_grant old;

	while (grants_next(grants, &at, &old)) {
		if (old.endpoint.s_addr == grant->endpoint.s_addr && old.resource == grant->resource) {
			uint32_t len = grants->len - (at - from);
			uint8_t *data;

			memmove(grants->data + from, grants->data + at, grants->len - at);
			data = pool_resize(pool, grants->data, grants->len, len);
			if (!data && len)
				return -ENOMEM;
			if (!len)
				pool_put(pool, grants->data, grants->len);
			grants->data = len ? data : NULL;
			grants->len = len;
			break;
		}
		from = at;
	}
	return grants_add(pool, grants, grant);
}

void grants_free(struct pool *pool, struct grants *grants)
{
	pool_put(pool, grants->data, grants->len);
	*grants = (struct grants){ 0 };
}
