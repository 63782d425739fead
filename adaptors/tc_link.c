/*
 * What each link should have (root, fixed classes, pool) and making it so. Everything goes through lists of changes:
 * a change is added only when the kernel, as far as we know, differs; after a commit we know what it has. What a
 * crashed process, a foreign hand or a new interface of the old name changed is found by reading the link again.
 */
#include "config.h"

#include "adaptors/tc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD_US 500

struct tc_class *tc_class_of(struct tc_link *link, uint16_t minor)
{
	return minor < TC_MINOR_FIRST ? &link->fixed[minor] : &link->pool[minor - TC_MINOR_FIRST];
}

static void ops_add(struct tc_ops *ops, struct tc_op op)
{
	if (ops->n == ops->room) {
		size_t room = ops->room ? ops->room * 2 : 64;
		struct tc_op *more = realloc(ops->op, room * sizeof(*more));

		if (!more) {
			ops->error = -ENOMEM;
			return;
		}
		ops->op = more;
		ops->room = room;
	}
	ops->op[ops->n++] = op;
}

void tc_ops_free(struct tc_ops *ops)
{
	free(ops->op);
	memset(ops, 0, sizeof(*ops));
}

static int same_level(const struct tc_level *a, const struct tc_level *b)
{
	return a->rate_bps == b->rate_bps && a->ceil_bps == b->ceil_bps && a->prio == b->prio;
}

void tc_ops_class(const struct tc_state *s, struct tc_ops *ops, struct tc_link *link, uint16_t minor,
		  const struct tc_level *level, struct tc_session *session)
{
	const struct tc_class *class = tc_class_of(link, minor);
	const struct tc_level idle = tc_idle_level(link);
	uint32_t limit = tc_leaf_limit(level);

	if (!link->ifindex)
		return;
	if (!class->present || !same_level(&class->level, level))
		ops_add(ops, (struct tc_op){ .kind = TC_OP_CLASS, .link = link, .minor = minor, .level = *level,
					     .session = session });
	/* A class in use gets a queue of its own measure; an idle one keeps what it has. */
	if (session && !same_level(level, &idle) && class->limit != limit)
		ops_add(ops, (struct tc_op){ .kind = TC_OP_LEAF, .link = link, .minor = minor, .limit = limit,
					     .leaf = s->leaf, .session = session });
}

static void remember(struct tc_link *link, const struct tc_op *op)
{
	struct tc_class *class = tc_class_of(link, op->minor);

	switch (op->kind) {
	case TC_OP_ROOT:
		link->root = 1;
		break;
	case TC_OP_CLASS:
		class->present = 1;
		class->level = op->level;
		break;
	case TC_OP_LEAF:
		class->limit = op->limit;
		break;
	}
}

int tc_ops_commit(struct tc_state *s, struct tc_ops *ops)
{
	if (ops->error || !ops->n)
		return ops->error;
	int rc = s->backend->commit(s->backend_state, ops->op, ops->n);

	for (size_t i = 0; i < ops->n; i++) {
		struct tc_op *op = &ops->op[i];

		if (rc)
			op->error = rc;
		if (!op->error)
			remember(&s->links[op->link - s->links], op);
	}
	return rc;
}

static int first_error(const struct tc_ops *ops)
{
	for (size_t i = 0; i < ops->n; i++)
		if (ops->op[i].error)
			return ops->op[i].error;
	return 0;
}

/* The level a pool class should have: its owner's, as it will be, or idle. */
static struct tc_level pool_level(const struct tc_state *s, const struct tc_link *link, size_t index)
{
	const struct tc_want *want = s->owner[index] ? s->owner[index]->now : NULL;

	return want ? want->level[link - s->links] : tc_idle_level(link);
}

static void ops_pool(const struct tc_state *s, struct tc_ops *ops, struct tc_link *link, size_t first)
{
	for (size_t i = first; i < s->n_pool; i++) {
		struct tc_level level = pool_level(s, link, i);
		const struct tc_class *class = &link->pool[i];
		struct tc_session *owner = s->owner[i] && s->owner[i]->now ? s->owner[i] : NULL;

		/* An idle class may keep the ceiling of a former link rate. */
		if (!owner && class->present && class->level.rate_bps == level.rate_bps)
			continue;
		tc_ops_class(s, ops, link, (uint16_t)(TC_MINOR_FIRST + i), &level, owner);
	}
}

static void ops_fixed(const struct tc_state *s, struct tc_ops *ops, struct tc_link *link)
{
	uint64_t hundredth = link->rate_bps / 100 / 8 * 8;
	const struct tc_level whole = { .rate_bps = link->rate_bps, .ceil_bps = link->rate_bps };
	const struct tc_level rest = { .rate_bps = hundredth, .ceil_bps = link->rate_bps, .prio = 7 };
	const struct tc_level signaling = { .rate_bps = hundredth, .ceil_bps = link->rate_bps };

	if (!link->root)
		ops_add(ops, (struct tc_op){ .kind = TC_OP_ROOT, .link = link });
	tc_ops_class(s, ops, link, TC_MINOR_LINK, &whole, NULL);
	tc_ops_class(s, ops, link, TC_MINOR_DEFAULT, &rest, NULL);
	tc_ops_class(s, ops, link, TC_MINOR_SIGNALING, &signaling, NULL);
}

int tc_link_setup(struct tc_state *s, struct tc_link *link, unsigned *changes, char *why, size_t room)
{
	struct tc_ops ops = { 0 };
	size_t found;
	int rc = s->backend->read_link(s->backend_state, link, s->n_pool, &found);

	if (!rc && !link->ifindex)
		rc = -ENODEV;
	if (!rc && link->root < 0)
		rc = -EBUSY;
	if (rc) {
		snprintf(why, room, "%s: %s", link->ifname,
			 rc == -EBUSY ? "has a queueing discipline of somebody else's; remove it" : strerror(-rc));
		return rc;
	}
	ops_fixed(s, &ops, link);
	ops_pool(s, &ops, link, 0);
	rc = tc_ops_commit(s, &ops);
	rc = rc ? rc : first_error(&ops);
	if (rc)
		snprintf(why, room, "%s: the kernel refused HTB: %s", link->ifname, strerror(-rc));
	*changes += (unsigned)ops.n;
	tc_ops_free(&ops);
	return rc;
}

static int pool_resize(struct tc_state *s, size_t n)
{
	struct tc_session **owner = realloc(s->owner, n * sizeof(*owner));

	if (!owner)
		return -ENOMEM;
	s->owner = owner;
	memset(owner + s->n_pool, 0, (n - s->n_pool) * sizeof(*owner));
	for (size_t i = 0; i < s->n_links; i++) {
		struct tc_class *pool = realloc(s->links[i].pool, n * sizeof(*pool));

		if (!pool)
			return -ENOMEM;
		memset(pool + s->n_pool, 0, (n - s->n_pool) * sizeof(*pool));
		s->links[i].pool = pool;
	}
	s->n_pool = n;
	return 0;
}

/* Adding a class costs the kernel in proportion to those there, used or not; so a few are added before they are needed. */
int tc_pool_grow(struct tc_state *s, size_t n)
{
	struct tc_ops ops = { 0 };
	size_t first = s->n_pool;

	if (s->n_pool >= TC_POOL_MAX)
		return -ENOSPC;
	if (n > TC_POOL_MAX)
		n = TC_POOL_MAX;
	int rc = pool_resize(s, n);

	for (size_t i = 0; !rc && i < s->n_links; i++)
		ops_pool(s, &ops, &s->links[i], first);
	rc = rc ? rc : tc_ops_commit(s, &ops);
	tc_ops_free(&ops);
	return rc;      /* a class that could not be made is made when it is used, or that use fails */
}

/* An eighth more than are used; what was configured. The n-th class of a link takes the kernel about 20 + n/10 us. */
int tc_pool_ahead(struct tc_state *s)
{
	size_t want = s->n_owned + s->n_owned / 8 + TC_POOL_FIRST;
	size_t few = 1 + AHEAD_US / (20 + s->n_pool / 10) / (s->n_links ? s->n_links : 1);

	want = want > s->pool_least ? want : s->pool_least;
	if (s->n_pool >= want || s->n_pool >= TC_POOL_MAX)
		return 0;
	return !tc_pool_grow(s, want - s->n_pool < few ? want : s->n_pool + few) && s->n_pool < want;
}

int tc_table_setup(struct tc_state *s, char *why, size_t room)
{
	struct tc_text text = { 0 };

	tc_table_text(&text, s);
	int rc = text.error ? text.error : s->backend->nft(s->backend_state, text.data, why, room);

	if (!rc)
		s->lengths_there = s->lengths;
	tc_text_free(&text);
	return rc;
}

void tc_table_tidy(struct tc_state *s)
{
	char why[ADAPTOR_REASON];
	struct tc_text text = { 0 };

	if (!TAILQ_EMPTY(&s->sessions) || !s->lengths_there)
		return;
	s->lengths = 0;
	tc_table_text(&text, s);
	tc_maps_gone_text(&text, s, s->lengths_there);
	if (text.error || s->backend->nft(s->backend_state, text.data, why, sizeof(why)))
		s->lengths = s->lengths_there; /* next time */
	s->lengths_there = s->lengths;
	tc_text_free(&text);
}

static int adopt_element(struct tc_state *s, const struct tc_element *e)
{
	size_t index = (size_t)e->minor - TC_MINOR_FIRST;

	if (!e->ours || e->minor < TC_MINOR_FIRST || index >= s->n_pool || s->owner[index] ||
	    tc_session_find(s, e->key))
		return 0;                /* the next audit removes it */
	struct tc_want *want = calloc(1, sizeof(*want));
	struct tc_session *session = want ? tc_session_obtain(s, e->key) : NULL;

	if (!session) {
		free(want);
		return -ENOMEM;
	}
	want->prefix = e->prefix;
	s->lengths |= TC_LENGTH(e->prefix.len);
	want->lifetime_s = e->expires_s;
	for (size_t i = 0; i < s->n_links; i++) {
		const struct tc_class *class = &s->links[i].pool[index];

		want->level[i] = class->present ? class->level : tc_idle_level(&s->links[i]);
	}
	session->now = want;
	session->adopted = 1;
	s->n_adopted++;
	tc_minor_take(s, session, index);
	tc_promise(s, session, 1);
	return 0;
}

static int adopt_map(struct tc_state *s)
{
	struct tc_element *elements = NULL;
	size_t n = 0;
	int rc = s->backend->read_map(s->backend_state, tc_family(s->hook), &elements, &n);

	for (size_t i = 0; !rc && i < n; i++)
		rc = adopt_element(s, &elements[i]);
	free(elements);
	return rc;
}

int tc_adopt(struct tc_state *s, char *why, size_t room)
{
	size_t found, n = TC_POOL_FIRST;
	unsigned changes = 0;
	int rc = 0;

	for (size_t i = 0; i < s->n_links && !rc; i++) {
		rc = s->backend->read_link(s->backend_state, &s->links[i], 0, &found);
		n = n > found ? n : found;
	}
	rc = rc ? rc : pool_resize(s, n > TC_POOL_MAX ? TC_POOL_MAX : n);
	for (size_t i = 0; i < s->n_links && !rc; i++)
		rc = s->backend->read_link(s->backend_state, &s->links[i], s->n_pool, &found);
	rc = rc ? rc : adopt_map(s);
	for (size_t i = 0; i < s->n_links && !rc; i++)
		rc = tc_link_setup(s, &s->links[i], &changes, why, room);
	return rc ? rc : tc_table_setup(s, why, room);
}

void tc_links_repair(struct tc_state *s, int all)
{
	char why[ADAPTOR_REASON];
	unsigned changes, repaired = 0;

	for (size_t i = 0; i < s->n_links; i++) {
		struct tc_link *link = &s->links[i];

		if (!all && s->backend->ifindex(s->backend_state, link->ifname) == link->ifindex)
			continue;
		tc_link_setup(s, link, &changes, why, sizeof(why));
		repaired++;
	}
	if (repaired)                    /* an interface takes its hook along */
		tc_table_setup(s, why, sizeof(why));
}
