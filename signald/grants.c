/*
 * Packed grants. Of each the numbers, most of them small, in as many bytes as they need (seven bits in each, the lowest
 * first, the eighth says that more follow), the addresses, and the element's name and the reason, a length byte before each.
 * Most have no reason: whether there is one, the highest bit of the name's length says.
 */
#include <errno.h>
#include <string.h>

#include "contracts/contract.h"
#include "signald/grants.h"

#define NUMBER_MAX 10                /* bytes of 64 bits */
#define REASON 128u                  /* in the length of the element's name */
#define USED 256u                    /* in the outcome: a number more, what was used */
#define PACKED_MAX (6 * NUMBER_MAX + 8 + 2 + RSVP_NAME + 128)

_Static_assert(RSVP_NAME <= REASON, "a name's length leaves a bit");

static size_t put_number(uint8_t *to, uint64_t v)
{
	size_t len = 0;

	for (; v >= 128; v >>= 7)
		to[len++] = (uint8_t)(v | 128);
	to[len++] = (uint8_t)v;
	return len;
}

static size_t get_number(const uint8_t *from, uint64_t *v)
{
	size_t len = 0;

	*v = 0;
	do
		*v |= (uint64_t)(from[len] & 127) << 7 * len;
	while (from[len++] & 128);
	return len;
}

static size_t put_text(uint8_t *to, const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	*to = (uint8_t)len;
	memcpy(to + 1, text, len);
	return len + 1;
}

static size_t get_text(const uint8_t *from, char *out)
{
	size_t len = *from & ~REASON;

	memcpy(out, from + 1, len);
	out[len] = 0;
	return len + 1;
}

static size_t pack(uint8_t *to, const struct rsvp_grant *g, unsigned part)
{
	int used = g->flags & RSVP_GRANT_USED;
	const uint64_t number[] = { g->level, g->sequence, g->resource, g->outcome | (used ? USED : 0), (uint64_t)part << 8 | g->enforcement };
	uint8_t *name;
	size_t len = 0;

	for (unsigned i = 0; i < sizeof(number) / sizeof(number[0]); i++)
		len += put_number(to + len, number[i]);
	if (used)
		len += put_number(to + len, g->used);
	memcpy(to + len, &g->node, sizeof(g->node));
	len += sizeof(g->node);
	memcpy(to + len, &g->endpoint, sizeof(g->endpoint));
	len += sizeof(g->endpoint);
	name = to + len;
	len += put_text(name, g->element, sizeof(g->element) - 1);
	if (!*g->reason)
		return len;
	*name |= REASON;
	return len + put_text(to + len, g->reason, sizeof(g->reason) - 1);
}

static int next(const struct grants *grants, uint32_t *at, struct rsvp_grant *out, unsigned *part)
{
	const uint8_t *from = grants->data + *at;
	uint64_t number[5];
	int reason;

	if (*at >= grants->len)
		return 0;
	for (unsigned i = 0; i < sizeof(number) / sizeof(number[0]); i++)
		from += get_number(from, &number[i]);
	out->level = number[0];
	out->sequence = (uint32_t)number[1];
	out->resource = (uint8_t)number[2];
	out->outcome = (uint8_t)number[3];
	out->enforcement = (uint8_t)number[4];
	*part = (unsigned)(number[4] >> 8);
	out->flags = number[3] & USED ? RSVP_GRANT_USED : 0;
	out->used = 0;
	if (out->flags)
		from += get_number(from, &out->used);
	memcpy(&out->node, from, sizeof(out->node));
	from += sizeof(out->node);
	memcpy(&out->endpoint, from, sizeof(out->endpoint));
	from += sizeof(out->endpoint);
	reason = (*from & REASON) != 0;
	from += get_text(from, out->element);
	*out->reason = 0;
	if (reason)
		from += get_text(from, out->reason);
	*at = (uint32_t)(from - grants->data);
	return 1;
}

int grants_next(const struct grants *grants, uint32_t *at, struct rsvp_grant *out)
{
	unsigned part;

	return next(grants, at, out, &part);
}

int grants_add(struct pool *pool, struct grants *grants, const struct rsvp_grant *grant)
{
	uint8_t one[PACKED_MAX], *more;
	size_t len = pack(one, grant, 0);

	more = pool_resize(pool, grants->data, grants->len, grants->len + len);
	if (!more)
		return -ENOMEM;
	memcpy(more + grants->len, one, len);
	grants->data = more;
	grants->len += (uint32_t)len;
	return 0;
}

/* Those of the parts below `end`, or of those from it on; copied to `to` unless that is NULL. Returns their length. */
static uint32_t of_parts(const struct grants *grants, unsigned end, int from_it, uint8_t *to)
{
	struct rsvp_grant ignored;
	uint32_t len = 0, at = 0;
	unsigned part;

	for (uint32_t begin = 0; next(grants, &at, &ignored, &part); begin = at) {
		if ((part >= end) != from_it)
			continue;
		if (to)
			memcpy(to + len, grants->data + begin, at - begin);
		len += at - begin;
	}
	return len;
}

static int same(const struct rsvp_grant *a, const struct rsvp_grant *b)
{
	return a->node.s_addr == b->node.s_addr && a->endpoint.s_addr == b->endpoint.s_addr && a->resource == b->resource &&
	       !strcmp(a->element, b->element);
}

/* Where routes run in a circle, or ways meet, the same comes twice: once is enough, and keeps it from coming ever more often. */
static int said_before(const struct rsvp_grant *v, unsigned i)
{
	for (unsigned k = i > RSVP_PART_GRANTS ? i - RSVP_PART_GRANTS : 0; k < i; k++)
		if (same(&v[k], &v[i]))
			return 1;
	return 0;
}

int grants_set(struct pool *pool, struct grants *grants, unsigned part, int last, const struct rsvp_grant *v, unsigned n)
{
	size_t len = of_parts(grants, part, 0, NULL) + (last ? 0 : of_parts(grants, part + 1, 1, NULL));
	struct grants fresh = { 0 };
	uint8_t one[PACKED_MAX];

	for (unsigned i = 0; i < n; i++)
		len += said_before(v, i) ? 0 : pack(one, &v[i], part);
	if (len) {
		fresh.data = pool_get(pool, len);
		if (!fresh.data)
			return -ENOMEM;
		fresh.len = of_parts(grants, part, 0, fresh.data);
		for (unsigned i = 0; i < n; i++)
			fresh.len += said_before(v, i) ? 0 : (uint32_t)pack(fresh.data + fresh.len, &v[i], part);
		if (!last)
			fresh.len += of_parts(grants, part + 1, 1, fresh.data + fresh.len);
	}
	if (fresh.len == grants->len && (!len || !memcmp(fresh.data, grants->data, len))) {
		grants_free(pool, &fresh);
		return 0;
	}
	grants_free(pool, grants);
	*grants = fresh;
	return 1;
}

int grants_put(struct pool *pool, struct grants *grants, const struct rsvp_grant *grant)
{
	uint32_t from = 0, at = 0, rest, len;
	uint8_t one[PACKED_MAX], *data;
	struct rsvp_grant old;

	while (grants_next(grants, &at, &old) &&
	       (old.endpoint.s_addr != grant->endpoint.s_addr || resource_slot(old.resource) != resource_slot(grant->resource)))
		from = at;
	rest = grants->len - at; /* behind the old one, which is between from and at, if there is one */
	len = (uint32_t)pack(one, grant, 0);
	data = pool_get(pool, from + rest + len);
	if (!data)
		return -ENOMEM;
	if (grants->data) {
		memcpy(data, grants->data, from);
		memcpy(data + from, grants->data + at, rest);
	}
	memcpy(data + from + rest, one, len);
	grants_free(pool, grants);
	*grants = (struct grants){ data, from + rest + len };
	return 0;
}

void grants_free(struct pool *pool, struct grants *grants)
{
	pool_put(pool, grants->data, grants->len);
	*grants = (struct grants){ 0 };
}
