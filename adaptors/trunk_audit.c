/* What is there, compared with what should be: elements, rules of the table, ip rules and routes. See trunk.h. */
#include "config.h"

#include "adaptors/trunk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

static int adopt_element(struct trunk_state *s, const struct trunk_element *e)
{
	int circuit = trunk_circuit_of(s, e->mark);

	if (!e->ours || circuit < 0 || trunk_find(s, e->key))
		return 0;                /* the next audit removes it */
	struct trunk_session *session = trunk_obtain(s, e->key);

	if (!session)
		return -ENOMEM;
	session->adopted = 1;
	session->now = session->next = (struct trunk_want){ .prefix = e->prefix, .rate_bps = e->rate_bps,
		.capacity = e->capacity, .lifetime_s = e->expires_s, .circuit = (unsigned)circuit };
	trunk_promise(s, session, 1);
	return 0;
}

int trunk_adopt(struct trunk_state *s)
{
	struct trunk_element *elements;
	size_t n;
	int rc = trunk_table_read(s, &elements, &n);

	for (size_t i = 0; i < n && !rc; i++)
		rc = adopt_element(s, &elements[i]);
	free(elements);
	return rc;
}

static void revoke_unwanted(struct trunk_state *s, const struct adaptor_key *keys, size_t n, unsigned *orphans)
{
	struct trunk_session *session;

	for (session = NULL; (session = trunk_next(s, session));)
		session->wanted = 0;
	for (size_t i = 0; i < n; i++)
		if ((session = trunk_find(s, keys[i])))
			session->wanted = 1;
	for (session = NULL; (session = trunk_next(s, session));)
		if (!session->wanted) {
			*orphans += session->now.prefix.len != 0;
			trunk_revoke(s, session->entry.key, NULL, 0);
		}
}

/* Is it what its session should have? */
static int is_right(const struct trunk_state *s, const struct trunk_element *e)
{
	const struct trunk_session *session = e->ours ? trunk_find(s, e->key) : NULL;

	return session && session->now.prefix.len == e->prefix.len && session->now.prefix.addr.s_addr == e->prefix.addr.s_addr &&
	       session->now.rate_bps == e->rate_bps && session->now.capacity == e->capacity &&
	       s->circuits[session->now.circuit].mark == e->mark;
}

static int has_element(const struct trunk_state *s, struct adaptor_key key)
{
	const struct trunk_session *session = trunk_find(s, key);

	return session && session->now.prefix.len;
}

/* Counts the elements of nobody, those missing or otherwise, and rules that are not as we wrote them; writes the table if there are any. */
static int audit_table(struct trunk_state *s, unsigned *orphans, unsigned *repaired)
{
	struct trunk_element *elements;
	unsigned missing = 0, strays = 0;
	size_t n;
	char *rules, why[ADAPTOR_REASON];
	int rc = trunk_table_read(s, &elements, &n);

	if (rc)
		return rc;
	for (const struct trunk_session *session = NULL; (session = trunk_next(s, session));)
		missing += session->now.prefix.len != 0;
	for (size_t i = 0; i < n; i++) {
		if (is_right(s, &elements[i]))
			missing--;
		else if (elements[i].ours && !has_element(s, elements[i].key))
			strays++;
		else if (!elements[i].ours)
			missing++;       /* somebody put it there: it goes, too */
	}
	free(elements);
	rules = trunk_table_rules(s);
	missing += !rules || !s->rules || strcmp(rules, s->rules);
	free(rules);
	if (!missing && !strays)
		return 0;
	rc = trunk_table_write(s, why, sizeof(why));
	*orphans += rc ? 0 : strays;
	*repaired += rc ? 0 : missing;
	return rc;
}

static int audit_circuits(struct trunk_state *s, unsigned *repaired)
{
	unsigned missing = 0;
	int rc = trunk_circuits_read(s);

	for (unsigned i = 0; i < s->n_circuits; i++)
		missing += !s->circuits[i].has_rule + !s->circuits[i].has_route;
	rc = rc ? rc : trunk_circuits_setup(s);
	rc = rc ? rc : trunk_circuits_read(s);
	for (unsigned i = 0; i < s->n_circuits; i++)
		missing -= !s->circuits[i].has_rule + !s->circuits[i].has_route;
	*repaired += rc ? 0 : missing;
	return rc;
}

int trunk_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
{
	struct trunk_state *s = state;

	*orphans = *repaired = 0;
	revoke_unwanted(s, keys, n, orphans);
	trunk_flush(s, NULL, NULL);
	int rc = audit_table(s, orphans, repaired), bad = audit_circuits(s, repaired);

	return rc ? rc : bad;
}
