/*
 * Comparing with what is really there. Sessions nobody wants go; then links are read and made whole (a missing qdisc, a
 * class somebody changed, an interface made anew under its old name), and the map is: elements that belong to no
 * session are taken out, sessions that lost theirs get it back. Renewing is less: the elements' timeouts begin anew, in one
 * transaction; should that fail, the controller applies those sessions again, which finds out why.
 */
#include "config.h"

#include "adaptors/tc.h"

#include <stdlib.h>
#include <string.h>

/* Is this the element its session should have? Marks the session as having it. */
static int is_right(struct tc_state *s, const struct tc_element *e)
{
	struct tc_session *session = e->ours ? tc_session_find(s, e->key) : NULL;

	if (!session || !session->now || session->minor != e->minor ||
	    session->now->prefix.addr.s_addr != e->prefix.addr.s_addr || session->now->prefix.len != e->prefix.len)
		return 0;
	session->wanted = 1;
	return 1;
}

static int audit_map(struct tc_state *s, unsigned *orphans, unsigned *restored)
{
	struct tc_element *elements = NULL;
	struct tc_session *session;
	struct tc_elements missing = { 0 }, strays = { 0 };
	char why[ADAPTOR_REASON];
	size_t n = 0;
	int rc = s->backend->read_map(s->backend_state, tc_family(s->hook), &elements, &n);

	if (rc)
		return rc;
	TAILQ_FOREACH(session, &s->sessions, link)
		session->wanted = 0;
	for (size_t i = 0; i < n; i++)
		if (!is_right(s, &elements[i]) && orphans) {
			tc_elements_stray(&strays, elements[i].prefix);
			++*orphans;
		}
	TAILQ_FOREACH(session, &s->sessions, link)
		if (!session->wanted && session->now) {
			tc_elements_put(&missing, session, session->now);
			session->renewed_us = s->backend->now_us(s->backend_state);
			++*restored;
		}
	free(elements);
	tc_elements_run(s, &strays, why, sizeof(why)); /* may fail: one of them may just have timed out */
	return tc_elements_run(s, &missing, why, sizeof(why));
}

int tc_map_restore(struct tc_state *s, unsigned *restored)
{
	*restored = 0;
	return audit_map(s, NULL, restored);
}

static void revoke_unwanted(struct tc_state *s, const struct adaptor_key *keys, size_t n, unsigned *orphans)
{
	struct tc_session *session;

	TAILQ_FOREACH(session, &s->sessions, link)
		session->wanted = 0;
	for (size_t i = 0; i < n; i++) {
		session = tc_session_find(s, keys[i]);
		if (session)
			session->wanted = 1;
	}
	TAILQ_FOREACH(session, &s->sessions, link)
		if (!session->wanted) {
			tc_revoke(s, session->key);
			++*orphans;
		}
}

/* Makes the table whole; counts it when its rules were not as they should be. */
static int audit_table(struct tc_state *s, unsigned *repaired)
{
	char *before = s->backend->rules(s->backend_state, tc_family(s->hook)), *after, why[ADAPTOR_REASON];
	int rc = tc_table_setup(s, why, sizeof(why));

	after = rc ? NULL : s->backend->rules(s->backend_state, tc_family(s->hook));
	*repaired += after && (!before || strcmp(before, after));
	free(before);
	free(after);
	return rc;
}

int tc_audit(struct tc_state *s, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
{
	char why[ADAPTOR_REASON];
	unsigned restored = 0;
	int rc = 0, bad;

	*orphans = *repaired = 0;
	revoke_unwanted(s, keys, n, orphans);
	for (size_t i = 0; i < s->n_links; i++) {
		bad = tc_link_setup(s, &s->links[i], repaired, why, sizeof(why));
		rc = rc ? rc : bad;
	}
	tc_flush(s, NULL, NULL);
	bad = audit_table(s, repaired);
	rc = rc ? rc : bad;
	bad = audit_map(s, orphans, &restored);
	*repaired += restored;
	return rc ? rc : bad;
}

int tc_renew(struct tc_state *s, const struct adaptor_key *keys, size_t n, uint8_t *failed)
{
	uint64_t now_us = s->backend->now_us(s->backend_state);
	struct tc_elements e = { 0 };
	char why[ADAPTOR_REASON];

	tc_links_repair(s, 0);
	for (size_t i = 0; i < n; i++) {
		struct tc_session *session = tc_session_find(s, keys[i]);

		failed[i] = !session || !session->now || session->adopted;
		if (!failed[i] && !tc_is_fresh(s, session))
			tc_elements_put(&e, session, session->now);
	}
	int rc = tc_elements_run(s, &e, why, sizeof(why));

	for (size_t i = 0; i < n && !rc; i++) {
		struct tc_session *session = failed[i] ? NULL : tc_session_find(s, keys[i]);

		if (session && !tc_is_fresh(s, session))
			session->renewed_us = now_us;
	}
	return rc;
}
