/*
 * Comparing the nat technology's table with what should be there: sessions nobody wants go; then the two sets and the
 * rules are read, and if anything is missing, strange or changed, all of it is written anew.
 */
#include "config.h"

#include "adaptors/nat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int nat_adopt(struct nat_state *s)
{
	struct nat_elements found;
	int rc = nat_read(s, "icorps", &found);

	for (size_t i = 0; i < found.n && !rc; i++) {
		const struct nat_element *e = &found.element[i];
		struct nat_session *session = e->ours ? nat_obtain(s, e->key) : NULL;

		if (!e->ours || (session && session->now.prefix.len))
			continue;               /* a second prefix of one session is not as we write them */
		if (session)
			session->now = (struct nat_want){ e->prefix, e->expires_s };
		rc = session ? nat_set_next(s, session, &session->now) : -ENOMEM;
	}
	free(found.element);
	return rc;
}

static void on_failed(void *ctx, struct adaptor_key key, int error, const char *reason)
{
	*(int *)ctx = error;
}

static void revoke_unwanted(struct nat_state *s, const struct adaptor_key *keys, size_t n, unsigned *orphans)
{
	struct nat_session *session;

	for (session = NULL; (session = nat_next(s, session));)
		session->wanted = 0;
	for (size_t i = 0; i < n; i++)
		if ((session = nat_find(s, keys[i])))
			session->wanted = 1;
	for (session = NULL; (session = nat_next(s, session));)
		if (!session->wanted) {
			*orphans += session->now.prefix.len != 0;
			nat_revoke(s, session->entry.key);
		}
}

/* Marks whose elements are there and right; counts those of nobody here, and those that we did not write so. */
static int look(struct nat_state *s, const char *set, unsigned *orphans, unsigned *strange)
{
	struct nat_elements list;
	int rc = nat_read(s, set, &list);

	for (size_t i = 0; i < list.n; i++) {
		const struct nat_element *e = &list.element[i];
		struct nat_session *session = e->ours ? nat_find(s, e->key) : NULL;

		if (session && session->now.prefix.addr.s_addr == e->prefix.addr.s_addr &&
		    session->now.prefix.len == e->prefix.len)
			session->seen++;
		else
			++*(e->ours && !session ? orphans : strange);
	}
	free(list.element);
	return rc;
}

/* How many sessions lack what they should have. One that nobody has applied may have run out. */
static unsigned missing(struct nat_state *s)
{
	unsigned n = 0;

	for (struct nat_session *session = NULL; (session = nat_next(s, session));) {
		n += session->applied && session->now.prefix.len && session->seen != 2;
		session->seen = 0;
	}
	return n;
}

static int rules_differ(struct nat_state *s)
{
	char *rules = nat_rules(s);
	int differ = !rules || !s->rules || strcmp(rules, s->rules) != 0;

	free(rules);
	return differ;
}

int nat_audit(struct nat_state *s, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
{
	char why[ADAPTOR_REASON];
	unsigned strange = 0, unknown = 0;
	int rc = 0;

	*orphans = *repaired = 0;
	revoke_unwanted(s, keys, n, orphans);
	nat_flush(s, on_failed, &rc);
	*orphans = rc ? 0 : *orphans;
	rc = rc ? rc : look(s, "icorps", &unknown, &strange);
	rc = rc ? rc : look(s, "inside", &unknown, &strange);
	strange += missing(s) + (unsigned)rules_differ(s);
	if (!rc && (unknown || strange)) {
		rc = nat_rewrite(s, why, sizeof(why));
		*orphans += rc ? 0 : unknown;
		*repaired = rc ? 0 : strange;
	}
	return rc ? rc : nat_flows_purge(s);
}
