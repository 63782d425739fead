/*
 * The tc technology's sessions, the minor numbers they hold, and what each link has promised. No I/O, but for growing
 * the pool. A session has `now` (in the kernel) and, while staged, `next`; what a link has promised counts what
 * will be after the next flush, so that a batch of applies cannot promise more than there is.
 */
#include "config.h"

#include "adaptors/tc.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	const struct adaptor_key *x = a, *y = b;

	if (x->icorp != y->icorp)
		return x->icorp < y->icorp ? -1 : 1;
	return memcmp(&x->leader, &y->leader, sizeof(x->leader));
}

/* Prefixes that are held do not overlap; so one that overlaps a held one is in its place. */
static int compare_prefixes(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;

	if (prefix_overlaps(*x, *y))
		return 0;
	return ntohl(x->addr.s_addr) < ntohl(y->addr.s_addr) ? -1 : 1;
}

void tc_state_init(struct tc_state *s, const struct tc_backend *backend, void *backend_state)
{
	memset(s, 0, sizeof(*s));
	s->backend = backend;
	s->backend_state = backend_state;
	s->leaf = "bfifo";
	TAILQ_INIT(&s->sessions);
	TAILQ_INIT(&s->staged);
}

static void session_free(void *arg)
{
	struct tc_session *session = arg;

	free(session->now);
	free(session->next);
	free(session);
}

static void keep(void *arg)
{
}

void tc_state_clear(struct tc_state *s)
{
	tdestroy(s->prefixes, keep);
	tdestroy(s->tree, session_free);
	for (size_t i = 0; i < s->n_links; i++)
		free(s->links[i].pool);
	free(s->owner);
	memset(s, 0, sizeof(*s));
}

static int is_ifname(const char *name)
{
	return name[0] && strlen(name) < ADAPTOR_IFNAME && !strpbrk(name, "\" \\;{}\n");
}

int tc_link_add(struct tc_state *s, const char *ifname, uint64_t rate_bps, const char *of)
{
	if (!is_ifname(ifname) || (of && !is_ifname(of)) || rate_bps < 100 * TC_IDLE_BPS)
		return -EINVAL;
	if (s->n_links == TC_MAX_LINKS)
		return -ENOSPC;
	for (size_t i = 0; i < s->n_links; i++)
		if (!strcmp(s->links[i].ifname, ifname))
			return -EEXIST;
	struct tc_link *link = &s->links[s->n_links++];

	strcpy(link->ifname, ifname);
	strcpy(link->port, of ? of : ifname);
	link->circuit = of != NULL;
	link->rate_bps = rate_bps / 8 * 8;
	return 0;
}

struct tc_session *tc_session_find(struct tc_state *s, struct adaptor_key key)
{
	struct tc_session **node = tfind(&key, &s->tree, compare);

	return node ? *node : NULL;
}

struct tc_session *tc_session_obtain(struct tc_state *s, struct adaptor_key key)
{
	struct tc_session *session = tc_session_find(s, key);

	if (session)
		return session;
	session = calloc(1, sizeof(*session));
	if (!session)
		return NULL;
	session->key = key;
	if (!tsearch(session, &s->tree, compare)) {
		free(session);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&s->sessions, session, link);
	return session;
}

void tc_session_drop(struct tc_state *s, struct tc_session *session)
{
	size_t index = session->minor - TC_MINOR_FIRST;

	tc_stage(s, session, TC_STAGED_NOTHING);
	if (session->minor && index < s->n_pool && s->owner[index] == session) {
		s->owner[index] = NULL;
		s->n_owned--;
		if (index < s->free_hint)
			s->free_hint = index;
	}
	s->n_adopted -= (size_t)session->adopted;
	tdelete(session, &s->tree, compare);
	TAILQ_REMOVE(&s->sessions, session, link);
	session_free(session);
}

const struct tc_want *tc_session_want(const struct tc_session *session)
{
	switch (session->staged) {
	case TC_STAGED_APPLY: return session->next;
	case TC_STAGED_REVOKE: return NULL;
	case TC_STAGED_NOTHING: break;
	}
	return session->now;
}

static void prefix_hold(struct tc_state *s, struct tc_session *session, const struct tc_want *want)
{
	struct prefix **node;

	if (!want || session->adopted || session->holds)
		return;
	session->held = want->prefix;
	node = tsearch(&session->held, &s->prefixes, compare_prefixes);
	session->holds = node && *node == &session->held;
}

static void prefix_let_go(struct tc_state *s, struct tc_session *session)
{
	if (session->holds)
		tdelete(&session->held, &s->prefixes, compare_prefixes);
	session->holds = 0;
}

struct tc_session *tc_prefix_holder(struct tc_state *s, struct tc_session *self, struct prefix prefix)
{
	struct prefix **node;

	if (self)
		prefix_let_go(s, self);
	node = tfind(&prefix, &s->prefixes, compare_prefixes);
	struct prefix *held = node ? *node : NULL;

	if (self)
		prefix_hold(s, self, tc_session_want(self));
	return held ? (struct tc_session *)((char *)held - offsetof(struct tc_session, held)) : NULL;
}

struct tc_session *tc_prefix_fall_back(struct tc_state *s, struct tc_session *session)
{
	struct tc_session *other = NULL;

	prefix_let_go(s, session);
	if (session->now)
		other = tc_prefix_holder(s, NULL, session->now->prefix);
	if (other)
		prefix_let_go(s, other);
	else
		prefix_hold(s, session, session->now);
	return other;
}

void tc_promise(struct tc_state *s, struct tc_session *session, int sign)
{
	const struct tc_want *want = tc_session_want(session);

	if (sign > 0)
		prefix_hold(s, session, want);
	else
		prefix_let_go(s, session);
	for (size_t i = 0; want && i < s->n_links; i++) {
		if (want->level[i].rate_bps <= TC_IDLE_BPS || s->links[i].circuit)
			continue;
		if (sign > 0)
			s->links[i].promised_bps += want->level[i].rate_bps;
		else
			s->links[i].promised_bps -= want->level[i].rate_bps;
	}
}

void tc_stage(struct tc_state *s, struct tc_session *session, enum tc_staged staged)
{
	if (session->staged == TC_STAGED_NOTHING && staged != TC_STAGED_NOTHING)
		TAILQ_INSERT_TAIL(&s->staged, session, staged_link);
	else if (session->staged != TC_STAGED_NOTHING && staged == TC_STAGED_NOTHING)
		TAILQ_REMOVE(&s->staged, session, staged_link);
	session->staged = staged;
}

void tc_minor_take(struct tc_state *s, struct tc_session *session, size_t index)
{
	s->owner[index] = session;
	s->n_owned++;
	session->minor = (uint16_t)(TC_MINOR_FIRST + index);
}

int tc_minor_obtain(struct tc_state *s, struct tc_session *session)
{
	if (session->minor)
		return 0;
	while (s->free_hint < s->n_pool && s->owner[s->free_hint])
		s->free_hint++;
	if (s->free_hint == s->n_pool) {
		int rc = tc_pool_grow(s, s->n_pool + s->n_pool / 8 + TC_POOL_FIRST);

		if (rc)
			return rc;
	}
	tc_minor_take(s, session, s->free_hint++);
	return 0;
}

struct tc_level tc_idle_level(const struct tc_link *link)
{
	return (struct tc_level){ .rate_bps = TC_IDLE_BPS, .ceil_bps = link->rate_bps, .prio = 7 };
}
