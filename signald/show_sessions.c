/* `show sessions`, `show path` and `path`: the ICorps here. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/clock.h"
#include "signald/session.h"
#include "signald/show.h"

#define SESSIONS_SHOWN 10000 /* the answer is one line, made in one turn of the loop */

static void write_session(const struct daemon *d, struct writer *w, const struct session *s)
{
	writer_uint(w, "icorp", s->key.icorp);
	writer_str(w, "name", s->contract->name);
	writer_uint(w, "revision", s->contract->revision);
	writer_str(w, "state", session_state_name(s->state));
	show_addr(w, "leader", s->key.leader);
	show_addr(w, "previous", s->up.addr);
	writer_str(w, "port", show_port(d, s->up.port));
	writer_fmt(w, "up", "%u/%u", session_up(s), s->n_leaves);
	writer_uint(w, "rate", session_merged(s));
	writer_uint(w, "vlan", s->vlan);
}

int show_sessions(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	uint64_t only = 0;
	size_t shown = 0;

	if (argc && show_number(argv[0], 1, UINT32_MAX, &only, reply))
		return -EINVAL;
	writer_array(w, "sessions");
	for (const struct session *s = core_session_next(d->core, NULL); s; s = core_session_next(d->core, s)) {
		if (only && s->key.icorp != only)
			continue;
		if (++shown > SESSIONS_SHOWN)
			continue;
		for (const struct session *m = s; m; m = session_newer(m)) {
			writer_object(w, NULL);
			write_session(d, w, m);
			writer_end(w);
		}
	}
	writer_end(w);
	if (shown > SESSIONS_SHOWN)
		writer_uint(w, "not_shown", shown - SESSIONS_SHOWN);
	return 0;
}

static const struct session *find_id(const struct daemon *d, const char *text, struct control_reply *reply)
{
	uint64_t id;

	if (show_number(text, 1, UINT32_MAX, &id, reply))
		return NULL;
	for (const struct session *s = core_session_next(d->core, NULL); s; s = core_session_next(d->core, s))
		if (s->key.icorp == id)
			return s;
	control_fail(reply, "no such ICorp here: %llu", (unsigned long long)id);
	return NULL;
}

static const char *used_text(const struct rsvp_grant *g, char *out, size_t room)
{
	if (!(g->flags & RSVP_GRANT_USED))
		return "";
	if (g->resource != RESOURCE_CPU)
		return resource_level_text(g->resource, g->used, out, room);
	snprintf(out, room, "%" PRIu64 ".%" PRIu64 " %% of a CPU", g->used / 10, g->used % 10);
	return out;
}

/* What became of it, how it is enforced, and what is used of it. */
static void write_grant(struct writer *w, const struct rsvp_grant *g)
{
	char level[64], used[64];

	writer_str(w, "outcome", outcome_name(g->outcome));
	writer_str(w, "enforcement", enforcement_name(g->enforcement));
	writer_str(w, "level", resource_level_text(g->resource, g->level, level, sizeof(level)));
	writer_str(w, "used", used_text(g, used, sizeof(used)));
}

void show_grant(struct writer *w, const char *name, const struct rsvp_grant *g)
{
	writer_object(w, name);
	writer_str(w, "element", g->element);
	show_addr(w, "endpoint", g->endpoint);
	writer_str(w, "resource", resource_name(g->resource));
	write_grant(w, g);
	writer_uint(w, "number", g->sequence);
	writer_str(w, "reason", g->reason);
	writer_end(w);
}

static void write_endpoints(const struct daemon *d, struct writer *w, const struct session *s)
{
	writer_array(w, "endpoints");
	for (unsigned i = 0; i < s->n_leaves; i++) {
		const struct leaf *leaf = &s->leaf[i];

		writer_object(w, NULL);
		writer_str(w, "element", leaf_ep(s, leaf)->element);
		show_addr(w, "private", leaf_ep(s, leaf)->private_addr);
		writer_str(w, "where", leaf->where == LEAF_LOCAL ? "here" : leaf->where == LEAF_BRANCH && leaf->branch ?
			   (leaf->branch->isc ? "ISC" : show_port(d, leaf->branch->port)) : "elsewhere");
		show_addr(w, "next", leaf->branch ? leaf->branch->neighbour : (struct in_addr){ 0 });
		show_addr(w, "subtarget", leaf->branch ? leaf->subtarget : (struct in_addr){ 0 });
		writer_bool(w, "up", leaf->up || (leaf->where == LEAF_ELSEWHERE && leaf->told_flags & RSVP_LOAD_UP));
		writer_uint(w, "weight", leaf->weight);
		writer_uint(w, "cpu_permille", leaf->load.cpu_permille);
		writer_end(w);
	}
	writer_end(w);
}

/* Revisions that are to replace the one shown, from the next one on, and shortcuts beside it. */
static void write_newer(const struct daemon *d, struct writer *w, const struct session *s)
{
	writer_array(w, "newer");
	while ((s = session_newer(s))) {
		writer_object(w, NULL);
		write_session(d, w, s);
		show_addr(w, "sender", session_sender(s));
		show_ms(w, "complete_within_ms", session_rest(s)->complete_by_us, clock_now_us());
		write_endpoints(d, w, s);
		writer_end(w);
	}
	writer_end(w);
}

int show_path(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	const struct session *s = find_id(d, argv[0], reply);
	struct rsvp_grant grant;
	char text[64];

	if (!s)
		return -ENOENT;
	write_session(d, w, s);
	if (s->price.interval_s)
		writer_str(w, "price", price_text(s->price.micro, s->price.currency, s->price.interval_s, text, sizeof(text)));
	if (*session_rest(s)->error.element)
		writer_fmt(w, "error", "%s: %s", s->more->error.element, s->more->error.reason);
	show_ms(w, "path_expires_ms", s->up.expires_us, clock_now_us());
	if (*session_rest(s)->waits_for)
		writer_str(w, "waits_for", session_rest(s)->waits_for);
	write_endpoints(d, w, s);
	if (session_newer(s))
		write_newer(d, w, s);
	writer_array(w, "grants");
	for (struct grant_cursor at = { 0 }; session_grant_next(d->core, s, &at, &grant);)
		show_grant(w, NULL, &grant);
	writer_end(w);
	return 0;
}

/* Of each hop only what holds for the ICorp, and for a server's ISC: not the answers to demands. */
int show_hops(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	const struct session *s = find_id(d, argv[0], reply);
	struct rsvp_grant g;

	if (!s)
		return -ENOENT;
	writer_uint(w, "icorp", s->key.icorp);
	writer_str(w, "name", s->contract->name);
	writer_uint(w, "revision", s->contract->revision);
	writer_str(w, "state", session_state_name(s->state));
	writer_array(w, "hops");
	for (struct grant_cursor at = { 0 }; session_grant_next(d->core, s, &at, &g);) {
		if (g.endpoint.s_addr && g.resource == RESOURCE_BANDWIDTH)
			continue;
		writer_object(w, NULL);
		writer_str(w, "element", g.element);
		writer_str(w, "term", resource_name(g.resource));
		write_grant(w, &g);
		writer_str(w, "reason", g.reason);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}
