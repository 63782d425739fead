/*
 * The trunk technology's sessions. apply stages: it chooses the circuit and counts the promise. flush makes all that is
 * staged one nftables transaction; should that fail, the table is not as we left it and is written whole; should that fail
 * too, all that was staged failed, and what was in force stays so.
 *
 * Which circuits are up is looked at whenever something is asked. Nobody tells the controller of a circuit that went down: its
 * next renewal, at most a third of a lifetime later, names the sessions concerned as not renewed, and it applies them again.
 */
#include "config.h"

#include "adaptors/trunk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

struct trunk_session *trunk_find(const struct trunk_state *s, struct adaptor_key key)
{
	return (struct trunk_session *)keymap_find(&s->sessions, key);
}

struct trunk_session *trunk_next(const struct trunk_state *s, const struct trunk_session *after)
{
	return (struct trunk_session *)keymap_next(&s->sessions, after ? &after->entry : NULL);
}

struct trunk_session *trunk_obtain(struct trunk_state *s, struct adaptor_key key)
{
	return (struct trunk_session *)keymap_obtain(&s->sessions, key, sizeof(struct trunk_session));
}

void trunk_drop(struct trunk_state *s, struct trunk_session *session)
{
	keymap_remove(&s->sessions, &session->entry);
	free(session);
}

void trunk_promise(struct trunk_state *s, const struct trunk_session *session, int sign)
{
	const struct trunk_want *want = &session->next;

	if (!want->prefix.len)
		return;
	if (sign > 0)
		s->circuits[want->circuit].promised_bps += want->rate_bps;
	else
		s->circuits[want->circuit].promised_bps -= want->rate_bps;
}

void trunk_stage(struct trunk_state *s, struct trunk_session *session, const struct trunk_want *next)
{
	trunk_promise(s, session, -1);
	session->next = *next;
	trunk_promise(s, session, 1);
	if (!session->staged)
		TAILQ_INSERT_TAIL(&s->staged, session, link);
	session->staged = 1;
}

static int same_prefix(struct prefix a, struct prefix b)
{
	return a.len == b.len && a.addr.s_addr == b.addr.s_addr;
}

static int refuse(struct adaptor_result *result, int error, const char *reason)
{
	result->error = error;
	snprintf(result->reason, sizeof(result->reason), "%s", reason);
	return error;
}

/* Two ICorps with overlapping prefixes could not be told apart. One that nobody has claimed gives way. */
static int check_prefix(const struct trunk_state *s, const struct trunk_session *self, const struct trunk_want *want,
			struct adaptor_result *result)
{
	char text[ADAPTOR_REASON];

	if (self && same_prefix(self->next.prefix, want->prefix))
		return 0;
	for (const struct trunk_session *other = NULL; (other = trunk_next(s, other));) {
		if (other == self || other->adopted || !other->next.prefix.len ||
		    !prefix_overlaps(other->next.prefix, want->prefix))
			continue;
		snprintf(text, sizeof(text), "the prefix overlaps that of ICorp %u", other->entry.key.icorp);
		return refuse(result, -EEXIST, text);
	}
	return 0;
}

static const struct terms_port *port_of(const struct trunk_state *s, const struct adaptor_terms *terms)
{
	for (unsigned i = 0; i < terms->n_ports; i++)
		if (!strcmp(terms->ports[i].ifname, s->port))
			return &terms->ports[i];
	return NULL;
}

/* What the terms want here; nothing when the ICorp does not use the port. */
static int plan(const struct trunk_state *s, const struct trunk_session *self, const struct adaptor_terms *terms,
		struct trunk_want *want, int *over, struct adaptor_result *result)
{
	const struct terms_port *port = port_of(s, terms);
	char why[ADAPTOR_REASON];

	memset(want, 0, sizeof(*want));
	*over = 0;
	if (!port)
		return 0;
	if (terms->prefix.len < 1 || terms->prefix.len > 32)
		return refuse(result, -EINVAL, "no prefix to tell its packets by");
	want->prefix = (struct prefix){ .addr = terms->prefix.addr, .len = terms->prefix.len };
	want->prefix.addr.s_addr &= htonl(~0u << (32 - terms->prefix.len));
	want->rate_bps = terms->capacity == CAPACITY_BEST_EFFORT ? 0 : port->rate_bps;
	want->capacity = terms->capacity;
	want->lifetime_s = terms->lifetime_s;
	int rc = check_prefix(s, self, want, result);

	if (rc)
		return rc;
	rc = trunk_choose(s->circuits, s->n_circuits, self && self->next.prefix.len ? &self->next : NULL, want, over, why,
			  sizeof(why));
	return rc ? refuse(result, rc, why) : 0;
}

/* A circuit was chosen; who holds packets to the rate is another technology. */
static void grant(const struct trunk_state *s, const struct trunk_want *want, int over, struct adaptor_result *result)
{
	struct adaptor_grant *g = &result->grants[result->n_grants++];
	const struct trunk_circuit *c = &s->circuits[want->circuit];

	*g = (struct adaptor_grant){ .resource = RESOURCE_BANDWIDTH, .enforcement = ENFORCEMENT_BEST_EFFORT,
				     .outcome = over ? OUTCOME_PARTLY : OUTCOME_APPLIED, .level = want->rate_bps };
	if (!c->up)
		snprintf(g->reason, sizeof(g->reason), "no circuit is up; %s: %s", c->ifname, c->reason);
	else if (over)
		snprintf(g->reason, sizeof(g->reason), "over %s, which has no room for it: %" PRIu64 " of %" PRIu64
			 " bit/s are promised", c->ifname, c->promised_bps, c->rate_bps);
	else
		snprintf(g->reason, sizeof(g->reason), "over %s", c->ifname);
}

int trunk_check(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	struct trunk_state *s = state;
	struct trunk_want want;
	int over;

	trunk_circuits_setup(s);
	return plan(s, trunk_find(s, terms_key(terms)), terms, &want, &over, result);
}

static int is_fresh(const struct trunk_session *session)
{
	return !session->now.lifetime_s || clock_now_us() < session->renewed_us + session->now.lifetime_s * CLOCK_S / 4;
}

static int same_want(const struct trunk_want *a, const struct trunk_want *b)
{
	return same_prefix(a->prefix, b->prefix) && a->rate_bps == b->rate_bps && a->capacity == b->capacity &&
	       a->lifetime_s == b->lifetime_s && a->circuit == b->circuit;
}

/* What nobody has applied again gives way to what somebody has. */
static void evict(struct trunk_state *s, const struct trunk_session *self, struct prefix prefix)
{
	for (struct trunk_session *other = NULL; prefix.len && (other = trunk_next(s, other));)
		if (other != self && other->adopted && prefix_overlaps(other->next.prefix, prefix))
			trunk_stage(s, other, &(struct trunk_want){ 0 });
}

int trunk_apply(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	struct trunk_session *session = trunk_find(state, terms_key(terms));
	struct trunk_state *s = state;
	struct trunk_want want;
	int over;

	if (TAILQ_EMPTY(&s->staged))       /* once a batch */
		trunk_circuits_setup(s);
	int rc = plan(s, session, terms, &want, &over, result);

	if (rc)
		return rc;
	session = trunk_obtain(s, terms_key(terms));
	if (!session)
		return refuse(result, -ENOMEM, "out of memory");
	if (session->staged || session->adopted || !same_want(&session->now, &want) || !is_fresh(session)) {
		if (!same_prefix(session->next.prefix, want.prefix))
			evict(s, session, want.prefix);
		trunk_stage(s, session, &want);
	}
	session->adopted = 0;
	session->known = 1;
	session->over = over;
	if (want.prefix.len)
		grant(s, &want, over, result);
	return 0;
}

int trunk_revoke(void *state, struct adaptor_key key, char *why, size_t room)
{
	struct trunk_session *session = trunk_find(state, key);

	if (!session)
		return 0;
	trunk_stage(state, session, &(struct trunk_want){ 0 });
	session->known = session->adopted = 0;
	return 0;
}

static void settle(struct trunk_state *s, struct trunk_session *session, int rc)
{
	if (rc) {
		trunk_promise(s, session, -1);
		session->next = session->now;
		trunk_promise(s, session, 1);
	}
	session->now = session->next;
	if (!rc)
		session->renewed_us = clock_now_us();
	session->staged = 0;
	TAILQ_REMOVE(&s->staged, session, link);
	if (!session->now.prefix.len && (rc || !session->known))
		trunk_drop(s, session);
}

int trunk_flush(void *state, void (*result)(void *ctx, struct adaptor_key key, int error, const char *reason), void *ctx)
{
	struct trunk_state *s = state;
	struct trunk_session *session;
	char why[ADAPTOR_REASON] = "";

	if (TAILQ_EMPTY(&s->staged))
		return 0;
	int rc = trunk_table_commit(s, why, sizeof(why));

	if (rc)
		rc = trunk_table_write(s, why, sizeof(why));
	while ((session = TAILQ_FIRST(&s->staged))) {
		if (rc && result)
			result(ctx, session->entry.key, rc, why);
		settle(s, session, rc);
	}
	return 0;
}

/* Would an apply of the same terms now choose otherwise, or say something else? */
static int is_elsewhere(const struct trunk_state *s, const struct trunk_session *session)
{
	struct trunk_want want = session->now;
	char why[ADAPTOR_REASON];
	int over;

	if (!session->now.prefix.len)
		return 0;
	return trunk_choose(s->circuits, s->n_circuits, &session->now, &want, &over, why, sizeof(why)) ||
	       want.circuit != session->now.circuit || over != session->over;
}

int trunk_renew(void *state, const struct adaptor_key *keys, size_t n, uint8_t *failed)
{
	struct trunk_session **stale = calloc(n + 1, sizeof(struct trunk_session *));
	struct trunk_state *s = state;

	if (!stale)
		return -ENOMEM;
	trunk_circuits_setup(s);
	for (size_t i = 0; i < n; i++) {
		struct trunk_session *session = trunk_find(s, keys[i]);

		failed[i] = !session || session->adopted || is_elsewhere(s, session);
		if (!failed[i] && session->now.prefix.len && !is_fresh(session))
			stale[i] = session;
	}
	int rc = trunk_table_renew(s, stale, n);

	for (size_t i = 0; i < n && !rc; i++)
		if (stale[i])
			stale[i]->renewed_us = clock_now_us();
	free(stale);
	return rc;
}
