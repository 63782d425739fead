/*
 * The nat technology's sessions: check, apply, revoke, flush and renew. apply and revoke only stage: they say what a
 * session is to have next. flush makes one transaction of all that is staged; should the kernel refuse it, the table is
 * not as we left it, and is written anew as a whole, what is staged included. If that is refused, too, all is as
 * before.
 *
 * The sessions that are to have a prefix next are in a tree in which overlapping prefixes are equal: so whoever wants
 * one that is taken is found in constant work, and so is the owner of an address. One session that nobody has applied
 * since it was found in the kernel gives way.
 */
#include "config.h"

#include "adaptors/nat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

struct nat_session *nat_find(const struct nat_state *s, struct adaptor_key key)
{
	return (struct nat_session *)keymap_find(&s->sessions, key);
}

struct nat_session *nat_next(const struct nat_state *s, const struct nat_session *after)
{
	return (struct nat_session *)keymap_next(&s->sessions, after ? &after->entry : NULL);
}

struct nat_session *nat_obtain(struct nat_state *s, struct adaptor_key key)
{
	return (struct nat_session *)keymap_obtain(&s->sessions, key, sizeof(struct nat_session));
}

/* ---- whose a prefix is ---- */

static int compare(const void *a, const void *b)
{
	struct prefix x = ((const struct nat_session *)a)->next.prefix, y = ((const struct nat_session *)b)->next.prefix;

	if (prefix_overlaps(x, y))
		return 0;
	return ntohl(x.addr.s_addr) < ntohl(y.addr.s_addr) ? -1 : 1;
}

static struct nat_session *overlapping(const struct nat_state *s, struct prefix prefix)
{
	struct nat_session asked = { .next.prefix = prefix };
	struct nat_session **node = tfind(&asked, &s->prefixes, compare);

	return node ? *node : NULL;
}

struct nat_session *nat_owner(const struct nat_state *s, struct in_addr addr)
{
	return overlapping(s, (struct prefix){ addr, 32 });
}

static void leave_tree(struct nat_state *s, struct nat_session *session)
{
	if (session->next.prefix.len && overlapping(s, session->next.prefix) == session)
		tdelete(session, &s->prefixes, compare);
}

int nat_set_next(struct nat_state *s, struct nat_session *session, const struct nat_want *want)
{
	leave_tree(s, session);
	session->next = *want;
	return !want->prefix.len || tsearch(session, &s->prefixes, compare) ? 0 : -ENOMEM;
}

void nat_drop(struct nat_state *s, struct nat_session *session)
{
	leave_tree(s, session);
	if (session->staged)
		TAILQ_REMOVE(&s->staged, session, link);
	keymap_remove(&s->sessions, &session->entry);
	free(session);
}

/* ---- check and apply ---- */

static int refuse(struct adaptor_result *result, int error, const char *reason)
{
	result->error = error;
	snprintf(result->reason, sizeof(result->reason), "%s", reason);
	return error;
}

static int gives_way(const struct nat_session *session)
{
	return !session->applied && session->staged != NAT_STAGED_APPLY;
}

/* Who has some of the prefix and does not give way; NULL: nobody but self. */
static const struct nat_session *taken(const struct nat_state *s, const struct nat_session *self, struct prefix prefix)
{
	const struct nat_session *other = overlapping(s, prefix);

	if (!other || (other == self && other->next.prefix.len <= prefix.len))
		return NULL;
	if (other != self && !gives_way(other))
		return other;
	for (other = NULL; (other = nat_next(s, other));)   /* there may be more */
		if (other != self && !gives_way(other) && other->next.prefix.len && prefix_overlaps(other->next.prefix, prefix))
			return other;
	return NULL;
}

static int plan(const struct nat_state *s, const struct adaptor_terms *t, struct nat_want *want,
		struct adaptor_result *result)
{
	char text[ADAPTOR_REASON], private[PREFIX_TEXT];
	const struct nat_session *other;

	*want = (struct nat_want){ .lifetime_s = t->lifetime_s };
	if (!t->n_endpoints)
		return 0;
	if (t->prefix.len < 1 || t->prefix.len > 32)
		return refuse(result, -EINVAL, "no prefix to translate");
	want->prefix = (struct prefix){ .addr.s_addr = t->prefix.addr.s_addr & htonl(~0u << (32 - t->prefix.len)),
					.len = t->prefix.len };
	if (want->prefix.len < s->config.private.len || !prefix_contains(s->config.private, want->prefix.addr)) {
		snprintf(text, sizeof(text), "its prefix is not in private=%s", prefix_text(s->config.private, private));
		return refuse(result, -EINVAL, text);
	}
	other = taken(s, nat_find(s, terms_key(t)), want->prefix);
	if (!other)
		return 0;
	snprintf(text, sizeof(text), "the prefix overlaps that of ICorp %u", other->entry.key.icorp);
	return refuse(result, -EEXIST, text);
}

int nat_check(struct nat_state *s, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	struct nat_want want;

	return plan(s, terms, &want, result);
}

/* In the order of the last word. */
static int stage(struct nat_state *s, struct nat_session *session, enum nat_staged staged, const struct nat_want *want)
{
	int rc = nat_set_next(s, session, want);

	if (session->staged)
		TAILQ_REMOVE(&s->staged, session, link);
	TAILQ_INSERT_TAIL(&s->staged, session, link);
	session->staged = staged;
	return rc;
}

static void undo(struct nat_state *s, struct nat_session *session)
{
	TAILQ_REMOVE(&s->staged, session, link);
	session->staged = NAT_STAGED_NOTHING;
	nat_set_next(s, session, &session->now);
	if (!session->applied && !session->now.prefix.len)
		nat_drop(s, session);           /* was never there */
}

/* Those that give way. */
static void evict(struct nat_state *s, struct prefix prefix)
{
	struct nat_session *other;

	while (prefix.len && (other = overlapping(s, prefix)))
		stage(s, other, NAT_STAGED_REVOKE, &(struct nat_want){ 0 });
}

int nat_apply(struct nat_state *s, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	struct nat_session *session;
	struct nat_want want;
	int rc = plan(s, terms, &want, result);

	if (rc)
		return rc;
	session = nat_obtain(s, terms_key(terms));
	if (!session)
		return refuse(result, -ENOMEM, "out of memory");
	nat_set_next(s, session, &(struct nat_want){ 0 });
	evict(s, want.prefix);
	if (stage(s, session, NAT_STAGED_APPLY, &want)) {
		undo(s, session);
		return refuse(result, -ENOMEM, "out of memory");
	}
	result->grants[result->n_grants++] =
		(struct adaptor_grant){ .outcome = OUTCOME_APPLIED, .enforcement = ENFORCEMENT_ENFORCED };
	return 0;
}

void nat_revoke(struct nat_state *s, struct adaptor_key key)
{
	struct nat_session *session = nat_find(s, key);

	if (session)
		stage(s, session, NAT_STAGED_REVOKE, &(struct nat_want){ 0 });
}

/* ---- flush and renew ---- */

static int same_prefix(const struct nat_session *session)
{
	return session->now.prefix.addr.s_addr == session->next.prefix.addr.s_addr &&
	       session->now.prefix.len == session->next.prefix.len;
}

/* Its elements are as they are to be, and younger than a quarter of their life. */
static int is_fresh(const struct nat_session *session)
{
	uint64_t quarter_us = session->now.lifetime_s * CLOCK_S / 4;

	return session->applied && same_prefix(session) && session->now.lifetime_s == session->next.lifetime_s &&
	       (!quarter_us || clock_now_us() < session->renewed_us + quarter_us);
}

static void choose_puts(const struct nat_state *s, const struct nat_batch *batch)
{
	for (size_t i = 0; i < batch->n; i++) {
		struct nat_session *session = batch->session[i];

		session->put = session->next.prefix.len && !is_fresh(session);
		if (session->next.prefix.len && !same_prefix(session))
			session->came = s->turn;
	}
}

/* What is staged; 0 or -ENOMEM. The caller frees batch->session. */
static int gather(const struct nat_state *s, struct nat_batch *batch)
{
	struct nat_session *session;
	size_t n = 0;

	TAILQ_FOREACH(session, &s->staged, link)
		n++;
	*batch = (struct nat_batch){ .session = malloc((n + 1) * sizeof(*batch->session)) };
	if (!batch->session)
		return -ENOMEM;
	TAILQ_FOREACH(session, &s->staged, link)
		batch->session[batch->n++] = session;
	choose_puts(s, batch);
	return 0;
}

static void undo_all(struct nat_state *s, int error, const char *why,
		     void (*result)(void *ctx, struct adaptor_key key, int error, const char *reason), void *ctx)
{
	struct nat_session *session;

	for (unsigned pass = 0; pass < 2; pass++)        /* first they leave the tree, then they are where they were */
		TAILQ_FOREACH(session, &s->staged, link)
			if (!pass)
				nat_set_next(s, session, &(struct nat_want){ 0 });
	while ((session = TAILQ_FIRST(&s->staged))) {
		result(ctx, session->entry.key, error, why);
		undo(s, session);
	}
}

/* In force now. Was something given up, whose connections are to go? */
static int settle(struct nat_state *s)
{
	struct nat_session *session;
	int given_up = 0;

	while ((session = TAILQ_FIRST(&s->staged))) {
		given_up |= session->now.prefix.len && !same_prefix(session);
		TAILQ_REMOVE(&s->staged, session, link);
		session->applied = session->staged == NAT_STAGED_APPLY;
		session->staged = NAT_STAGED_NOTHING;
		session->now = session->next;
		if (!session->applied)
			nat_drop(s, session);
	}
	return given_up;
}

int nat_flush(struct nat_state *s, void (*result)(void *ctx, struct adaptor_key key, int error, const char *reason),
	      void *ctx)
{
	char why[ADAPTOR_REASON] = "out of memory";
	struct nat_batch batch;
	int rc;

	s->turn++;
	if (TAILQ_EMPTY(&s->staged))
		return 0;
	rc = gather(s, &batch);
	if (!rc && nat_commit(s, &batch, why, sizeof(why)))
		rc = nat_rewrite(s, why, sizeof(why));
	free(batch.session);
	if (rc)
		undo_all(s, rc, why, result, ctx);
	else if (settle(s))
		nat_flows_purge(s);
	return 0;
}

int nat_renew(struct nat_state *s, const struct adaptor_key *keys, size_t n, uint8_t *failed)
{
	struct nat_batch batch = { .session = malloc((n + 1) * sizeof(*batch.session)) };
	char why[ADAPTOR_REASON];
	int rc = batch.session ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && !rc; i++) {
		struct nat_session *session = nat_find(s, keys[i]);

		failed[i] = !session || !session->applied;
		if (!failed[i])
			batch.session[batch.n++] = session;
	}
	choose_puts(s, &batch);
	rc = rc ? rc : nat_commit(s, &batch, why, sizeof(why));
	free(batch.session);
	return rc;
}
