/*
 * The tc adaptor's check, apply, revoke and flush. apply only stages: it decides what the session's class should be on
 * each link and whether that fits. flush turns all that is staged into one batch of class changes, one nftables
 * transaction and one batch that quiets the classes of the revoked:
 *
 *     classes first, so that no packet is sent to a class not yet at its rate; then the map; then what is given up.
 *
 * What fails is undone for the session concerned and for it alone: its class goes back to its former level. Should the
 * transaction fail as a whole, the table is made anew if it was lost, and then each session gets its own.
 */
#include "config.h"

#include "adaptors/tc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

static const struct terms_port *port_of(const struct adaptor_terms *terms, const char *ifname)
{
	for (unsigned i = 0; i < terms->n_ports; i++)
		if (!strcmp(terms->ports[i].ifname, ifname))
			return &terms->ports[i];
	return NULL;
}

static int is_guaranteed(const struct adaptor_terms *terms, const struct terms_port *port)
{
	return terms->capacity != CAPACITY_BEST_EFFORT && port->rate_bps > TC_IDLE_BPS;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* constant: exactly its rate, first in line; controlled: may borrow; best-effort: last, and only what is left. */
static void set_level(struct tc_level *level, const struct adaptor_terms *terms, const struct tc_link *link)
{
	const struct terms_port *port = port_of(terms, link->port);

	*level = tc_idle_level(link);
	if (!port)
		return;
	if (is_guaranteed(terms, port)) {
		level->rate_bps = port->rate_bps / 8 * 8;
		level->prio = terms->capacity == CAPACITY_CONSTANT ? 0 : 1;
		level->ceil_bps = level->rate_bps;
		if (terms->capacity == CAPACITY_CONTROLLED && port->ceil_bps > level->rate_bps)
			level->ceil_bps = port->ceil_bps / 8 * 8;
	} else if (port->ceil_bps > TC_IDLE_BPS) {
		level->ceil_bps = port->ceil_bps / 8 * 8;
	}
	level->ceil_bps = min64(level->ceil_bps, link->rate_bps);
	if (link->circuit)               /* more than it has is carried by another */
		level->rate_bps = min64(level->rate_bps, link->rate_bps);
}

static int refuse(struct adaptor_result *r, int error, const char *reason)
{
	r->error = error;
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
	return error;
}

static int same_want(const struct tc_state *s, const struct tc_want *a, const struct tc_want *b)
{
	if (a->prefix.addr.s_addr != b->prefix.addr.s_addr || a->prefix.len != b->prefix.len ||
	    a->lifetime_s != b->lifetime_s)
		return 0;
	for (size_t i = 0; i < s->n_links; i++)
		if (a->level[i].rate_bps != b->level[i].rate_bps || a->level[i].ceil_bps != b->level[i].ceil_bps ||
		    a->level[i].prio != b->level[i].prio)
			return 0;
	return 1;
}

static int has_prefix(const struct tc_want *want, struct prefix prefix)
{
	return want && want->prefix.addr.s_addr == prefix.addr.s_addr && want->prefix.len == prefix.len;
}

/* Two ICorps with overlapping prefixes could not be told apart. One that nobody has claimed since it was found in the
 * kernel gives way. */
static int check_prefix(struct tc_state *s, struct tc_session *self, const struct adaptor_terms *terms,
			struct adaptor_result *r)
{
	struct tc_session *other;
	char text[ADAPTOR_REASON];

	if (terms->prefix.len == 0 || terms->prefix.len > 32)
		return refuse(r, -EINVAL, "no prefix to classify by");
	if (self && has_prefix(tc_session_want(self), terms->prefix))
		return 0;
	other = tc_prefix_holder(s, self, terms->prefix);
	if (!other)
		return 0;
	snprintf(text, sizeof(text), "the prefix overlaps that of ICorp %u", other->key.icorp);
	return refuse(r, -EEXIST, text);
}

static int check_room(struct tc_state *s, const struct tc_session *self, const struct tc_want *want,
		      struct adaptor_result *r)
{
	const struct tc_want *held = self ? tc_session_want(self) : NULL;
	char text[ADAPTOR_REASON];

	for (size_t i = 0; i < s->n_links; i++) {
		const struct tc_link *link = &s->links[i];
		uint64_t own = held && held->level[i].rate_bps > TC_IDLE_BPS ? held->level[i].rate_bps : 0;
		uint64_t asked = want->level[i].rate_bps > TC_IDLE_BPS ? want->level[i].rate_bps : 0;
		uint64_t others = link->promised_bps - own;

		/* A session may always keep or lower what it has, even on a link since configured slower. */
		if (link->circuit || asked <= own || (asked <= link->rate_bps && others <= link->rate_bps - asked))
			continue;
		snprintf(text, sizeof(text), "%s: %" PRIu64 " bit/s asked, %" PRIu64 " of %" PRIu64 " are free",
			 link->ifname, asked, others < link->rate_bps ? link->rate_bps - others : 0, link->rate_bps);
		return refuse(r, -ENOSPC, text);
	}
	return 0;
}

static int plan(struct tc_state *s, struct tc_session *self, const struct adaptor_terms *terms,
		struct tc_want *want, struct adaptor_result *r)
{
	int rc = check_prefix(s, self, terms, r);

	if (rc)
		return rc;
	memset(want, 0, sizeof(*want));
	want->prefix = (struct prefix){ .addr = terms->prefix.addr, .len = terms->prefix.len };
	want->prefix.addr.s_addr &= htonl(~0u << (32 - terms->prefix.len));
	want->lifetime_s = terms->lifetime_s;
	for (size_t i = 0; i < s->n_links; i++)
		set_level(&want->level[i], terms, &s->links[i]);
	return check_room(s, self, want, r);
}

static const struct tc_link *link_of(const struct tc_state *s, const char *ifname)
{
	for (size_t i = 0; i < s->n_links; i++)
		if (!strcmp(s->links[i].port, ifname))
			return &s->links[i];
	return NULL;
}

/*
 * What was done about bandwidth: enforced, unless a port has no configured link, or is a trunk on whose circuits nothing is
 * promised, or the class promises nothing.
 */
static void grant(const struct tc_state *s, const struct adaptor_terms *terms, struct adaptor_result *r)
{
	struct adaptor_grant *g = &r->grants[r->n_grants++];
	unsigned served = 0;

	*g = (struct adaptor_grant){ .resource = RESOURCE_BANDWIDTH, .outcome = OUTCOME_APPLIED,
				     .enforcement = ENFORCEMENT_ENFORCED, .level = UINT64_MAX };
	for (unsigned i = 0; i < terms->n_ports; i++) {
		const struct terms_port *port = &terms->ports[i];
		const struct tc_link *link = link_of(s, port->ifname);

		if (!port->rate_bps)
			continue;
		g->level = min64(g->level, port->rate_bps);
		served += link != NULL;
		if (link && !link->circuit)
			continue;
		g->enforcement = ENFORCEMENT_BEST_EFFORT;
		if (!link) {
			g->outcome = OUTCOME_PARTLY;
			snprintf(g->reason, sizeof(g->reason), "no option link.%s: its rate is not guaranteed there",
				 port->ifname);
		} else if (g->outcome == OUTCOME_APPLIED) {
			snprintf(g->reason, sizeof(g->reason), "%s is a trunk: a class on each circuit, nothing promised on any",
				 port->ifname);
		}
	}
	if (g->level == UINT64_MAX)
		g->level = 0;
	if (terms->capacity == CAPACITY_BEST_EFFORT || !g->level) {
		g->enforcement = ENFORCEMENT_BEST_EFFORT;
		snprintf(g->reason, sizeof(g->reason), "best-effort: nothing is guaranteed");
	} else if (!served) {
		g->enforcement = ENFORCEMENT_NONE;
	}
}

int tc_check(struct tc_state *s, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	struct tc_want want;

	return plan(s, tc_session_find(s, terms_key(terms)), terms, &want, result);
}

int tc_is_fresh(const struct tc_state *s, const struct tc_session *session)
{
	uint64_t quarter_us = session->now->lifetime_s * CLOCK_S / 4;

	return !session->adopted && (!session->now->lifetime_s ||
	       s->backend->now_us(s->backend_state) < session->renewed_us + quarter_us);
}

static void discard(struct tc_state *s, struct tc_session *session)
{
	if (!session->now && session->staged == TC_STAGED_NOTHING)
		tc_session_drop(s, session);
}

/* Unclaimed sessions that overlap what is now claimed go. */
static void evict(struct tc_state *s, const struct tc_session *self, struct prefix prefix)
{
	struct tc_session *other;

	if (!s->n_adopted)
		return;
	TAILQ_FOREACH(other, &s->sessions, link)
		if (other != self && other->adopted && other->now && prefix_overlaps(other->now->prefix, prefix))
			tc_revoke(s, other->key);
}

int tc_apply(struct tc_state *s, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	struct tc_session *session = tc_session_obtain(s, terms_key(terms));
	struct tc_want *want = session ? malloc(sizeof(*want)) : NULL;

	if (!want)
		return -ENOMEM;
	int rc = plan(s, session, terms, want, result);

	if (rc) {
		free(want);
		discard(s, session);
		return rc;
	}
	grant(s, terms, result);
	if (session->staged == TC_STAGED_NOTHING && session->now && same_want(s, session->now, want) &&
	    tc_is_fresh(s, session)) {
		free(want);
		return 0;
	}
	int held = has_prefix(tc_session_want(session), want->prefix);

	s->lengths |= TC_LENGTH(want->prefix.len);
	tc_promise(s, session, -1);
	free(session->next);
	session->next = want;
	s->n_adopted -= (size_t)session->adopted;
	session->adopted = 0;
	tc_stage(s, session, TC_STAGED_APPLY);
	tc_promise(s, session, 1);
	if (!held)
		evict(s, session, want->prefix);
	return 0;
}

int tc_revoke(struct tc_state *s, struct adaptor_key key)
{
	struct tc_session *session = tc_session_find(s, key);

	if (!session)
		return 0;
	tc_promise(s, session, -1);
	free(session->next);
	session->next = NULL;
	tc_stage(s, session, TC_STAGED_REVOKE);
	return 0;
}

static void session_failed(struct tc_session *session, int error, const char *reason)
{
	if (session->error)
		return;
	session->error = error;
	snprintf(session->reason, sizeof(session->reason), "%s", reason);
}

/* The session's classes on all links, at what it is to have (NULL: idle). */
static void ops_session(struct tc_state *s, struct tc_ops *ops, struct tc_session *session, const struct tc_want *want)
{
	for (size_t i = 0; i < s->n_links && session->minor; i++) {
		struct tc_level level = want ? want->level[i] : tc_idle_level(&s->links[i]);

		tc_ops_class(s, ops, &s->links[i], session->minor, &level, session);
	}
}

static void ops_failed(const struct tc_ops *ops)
{
	char reason[ADAPTOR_REASON];

	for (size_t i = 0; i < ops->n; i++) {
		const struct tc_op *op = &ops->op[i];

		if (!op->error || !op->session)
			continue;
		snprintf(reason, sizeof(reason), "%s: the kernel refused the class: %s", op->link->ifname,
			 strerror(-op->error));
		session_failed(op->session, op->error, reason);
	}
}

static void ops_staged(struct tc_state *s, struct tc_ops *ops)
{
	struct tc_session *session;

	TAILQ_FOREACH(session, &s->staged, staged_link)
		if (session->staged == TC_STAGED_APPLY && !session->error)
			ops_session(s, ops, session, session->next);
}

static int any_error(const struct tc_ops *ops)
{
	int any = ops->error;

	for (size_t i = 0; i < ops->n; i++)
		any |= ops->op[i].error;
	return any;
}

/* Classes of the applied. A change the kernel refuses usually means that the link is not as we left it: what is
 * still missing after a repair is tried once more. */
static void flush_classes(struct tc_state *s)
{
	struct tc_ops ops = { 0 };
	struct tc_session *session;

	TAILQ_FOREACH(session, &s->staged, staged_link) {
		session->error = session->fallen_back = 0;
		int rc = session->staged == TC_STAGED_APPLY ? tc_minor_obtain(s, session) : 0;

		if (rc)
			session_failed(session, rc, "no class is left");
	}
	ops_staged(s, &ops);
	tc_ops_commit(s, &ops);
	if (any_error(&ops)) {
		tc_links_repair(s, 1);
		tc_ops_free(&ops);
		ops_staged(s, &ops);
		tc_ops_commit(s, &ops);
		ops_failed(&ops);
	}
	tc_ops_free(&ops);
}

/* What failed keeps the prefix it has in the kernel. Who took that over in this batch cannot have it, and may in turn have
 * given up one that somebody took over. */
static void fall_back(struct tc_state *s)
{
	struct tc_session *session, *other;
	char why[ADAPTOR_REASON];

	for (int again = 1; again;) {
		again = 0;
		TAILQ_FOREACH(session, &s->staged, staged_link) {
			if (!session->error || session->fallen_back)
				continue;
			session->fallen_back = 1;
			snprintf(why, sizeof(why), "the prefix overlaps that of ICorp %u, whose change failed",
				 session->key.icorp);
			for (; (other = tc_prefix_fall_back(s, session)); again = 1)
				session_failed(other, -EEXIST, why);
		}
	}
}

/* A change of rate alone is none of the map's business while the element is young. */
static int keeps_element(const struct tc_state *s, const struct tc_session *session)
{
	const struct tc_want *now = session->now, *next = session->next;

	return has_prefix(now, next->prefix) && now->lifetime_s == next->lifetime_s && tc_is_fresh(s, session);
}

static void gather(const struct tc_state *s, struct tc_elements *e, struct tc_session *session)
{
	const struct tc_want *now = session->now, *next = session->staged == TC_STAGED_APPLY ? session->next : NULL;

	if (session->error)
		return;
	if (now && (!next || !has_prefix(next, now->prefix)))
		tc_elements_remove(e, session, now);
	session->put = next && (e->thorough || !keeps_element(s, session));
	if (session->put)
		tc_elements_put(e, session, next);
}

static int run_staged(struct tc_state *s, char *why, size_t room)
{
	struct tc_elements e = { 0 };
	struct tc_session *session;

	TAILQ_FOREACH(session, &s->staged, staged_link)
		gather(s, &e, session);
	return tc_elements_run(s, &e, why, room);
}

static void run_each(struct tc_state *s)
{
	struct tc_session *session;
	char why[ADAPTOR_REASON] = "";

	TAILQ_FOREACH(session, &s->staged, staged_link) {
		struct tc_elements e = { .thorough = 1 };

		gather(s, &e, session);
		int rc = tc_elements_run(s, &e, why, sizeof(why));

		if (!rc)
			continue;
		session_failed(session, rc, why);
		fall_back(s);
	}
}

static void flush_map(struct tc_state *s)
{
	char why[ADAPTOR_REASON] = "";
	unsigned restored;

	if (s->lengths != s->lengths_there)
		tc_table_setup(s, why, sizeof(why));
	if (!run_staged(s, why, sizeof(why)))
		return;
	if (!tc_table_setup(s, why, sizeof(why)) && !tc_map_restore(s, &restored) && !run_staged(s, why, sizeof(why)))
		return;
	run_each(s);
}

/* Its former state stands: what it was promised, and its class's level. */
static void undo(struct tc_state *s, struct tc_session *session, struct tc_ops *ops)
{
	tc_promise(s, session, -1);
	free(session->next);
	session->next = NULL;
	tc_stage(s, session, TC_STAGED_NOTHING);
	tc_promise(s, session, 1);
	ops_session(s, ops, session, session->now);
}

static void done(struct tc_state *s, struct tc_session *session)
{
	free(session->now);
	session->now = session->next;
	session->next = NULL;
	if (session->put)
		session->renewed_us = s->backend->now_us(s->backend_state);
	tc_stage(s, session, TC_STAGED_NOTHING);
}

int tc_flush(struct tc_state *s, void (*result)(void *ctx, struct adaptor_key key, int error, const char *reason),
	     void *ctx)
{
	struct tc_sessions gone = TAILQ_HEAD_INITIALIZER(gone);
	struct tc_ops ops = { 0 };
	struct tc_session *session;

	tc_links_repair(s, 0);
	if (TAILQ_EMPTY(&s->staged))
		return 0;
	flush_classes(s);
	fall_back(s);
	flush_map(s);
	while ((session = TAILQ_FIRST(&s->staged))) {
		int revoked = session->staged == TC_STAGED_REVOKE;

		if (session->error && result)
			result(ctx, session->key, session->error, session->reason);
		if (session->error)
			undo(s, session, &ops);
		else if (revoked)
			ops_session(s, &ops, session, NULL);
		else
			done(s, session);
		if (!session->now || (revoked && !session->error)) {
			tc_stage(s, session, TC_STAGED_NOTHING);
			TAILQ_INSERT_TAIL(&gone, session, staged_link);
		}
	}
	tc_ops_commit(s, &ops);
	while ((session = TAILQ_FIRST(&gone))) {
		TAILQ_REMOVE(&gone, session, staged_link);
		tc_session_drop(s, session);
	}
	tc_ops_free(&ops);
	return 0;
}
