/* Traces. See trace.h. An event is one flat JSON object with a text for people; who asked merges those of many elements. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "signald/leader.h"
#include "signald/session.h"
#include "signald/show.h"
#include "signald/trace.h"

#define SEEN 64 /* demands and grants come again with every message; these were told already */

struct trace {
	struct trace *next;
	struct daemon *d;
	struct adaptor_key key;         /* leader 0.0.0.0: any */
	struct control_reply *reply;
	uint64_t cookie, asked_us;      /* of the apply under way */
	uint64_t lost;                  /* events the client did not read in time */
	uint32_t seen[SEEN]; unsigned n_seen;
};

static int concerns(const struct trace *t, struct adaptor_key key)
{
	return t->key.icorp == key.icorp && (!t->key.leader.s_addr || t->key.leader.s_addr == key.leader.s_addr);
}

/* An event to be filled, or NULL. */
static struct writer *begin(const struct trace *t, const char *event)
{
	struct writer *w = writer_new();

	if (!w)
		return NULL;
	writer_uint(w, "wall_us", clock_wall_us());
	writer_uint(w, "at_us", clock_now_us());
	writer_str(w, "element", t->d->core_config.element);
	show_addr(w, "address", t->d->core_config.address);
	writer_uint(w, "icorp", t->key.icorp);
	writer_str(w, "event", event);
	return w;
}

static void end(struct trace *t, struct writer *w)
{
	if (w && t->lost)
		writer_uint(w, "lost", t->lost);
	if (!w || control_event(t->reply, w))
		t->lost++;
	else
		t->lost = 0;
	writer_free(w);
}

static void say(struct trace *t, const char *event, const char *text)
{
	struct writer *w = begin(t, event);

	if (w)
		writer_str(w, "text", text);
	end(t, w);
}

/* ---- messages ---- */

struct text { char v[512]; size_t len; };

static void add(struct text *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *to, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(to->v + to->len, sizeof(to->v) - to->len, fmt, args);
	va_end(args);
	if (n > 0)
		to->len += (size_t)n < sizeof(to->v) - to->len ? (size_t)n : sizeof(to->v) - to->len - 1;
}

static void describe(const struct rsvp_msg *m, struct text *to)
{
	char rate[64];

	if (m->has & (RSVP_HAS_TEMPLATE | RSVP_HAS_FILTER))
		add(to, ", revision %u%s", m->template_.lsp_id,
		    rsvp_sender(m).s_addr == m->session.leader.s_addr ? "" : ", a shortcut");
	if (m->has & (RSVP_HAS_TSPEC | RSVP_HAS_FLOWSPEC))
		add(to, ", %s", resource_level_text(RESOURCE_BANDWIDTH, m->flow.rate_bps, rate, sizeof(rate)));
	if (m->s2l.n)
		add(to, ", %u endpoint%s", m->s2l.n, m->s2l.n == 1 ? "" : "s");
	if (m->has & RSVP_HAS_HOPSTATE)
		add(to, ", VLAN %u", m->hopstate.vlan);
	if (m->has & RSVP_HAS_BODY)
		add(to, ", with the contract");
	if (m->has & RSVP_HAS_ERROR)
		add(to, ", %s%s%s", rsvp_error_name(m->error.code, m->error.value), m->grants.n ? ": " : "",
		    m->grants.n ? m->grants.v[0].reason : "");
	if (m->has & RSVP_HAS_ID)
		add(to, ", message id %u", m->id.id);
}

static void say_message(struct trace *t, const struct rsvp_msg *m, struct in_addr neighbour, int sent)
{
	struct writer *w = begin(t, sent ? "sent" : "received");
	struct text text = { .len = 0 };

	describe(m, &text);
	if (w) {
		writer_str(w, "message", rsvp_type_name(m->type));
		show_addr(w, "neighbour", neighbour);
		if (m->has & RSVP_HAS_ID)
			writer_uint(w, "message_id", m->id.id);
		writer_str(w, "text", text.len ? text.v + 2 : "");
	}
	end(t, w);
}

/* Was it told before? */
static int seen(struct trace *t, uint32_t hash)
{
	for (unsigned i = 0; i < t->n_seen && i < SEEN; i++)
		if (t->seen[i] == hash)
			return 1;
	t->seen[t->n_seen++ % SEEN] = hash;
	return 0;
}

static void say_demand(struct trace *t, const struct rsvp_demand *d)
{
	uint32_t hash = hash_u64(hash_u64(HASH_START, d->endpoint.s_addr), (uint64_t)d->sequence << 8 | d->resource);
	struct writer *w;
	char addr[ADDR_TEXT];

	if (seen(t, hash))
		return;
	w = begin(t, "demand");
	if (w) {
		writer_object(w, "demand");
		show_addr(w, "endpoint", d->endpoint);
		writer_str(w, "resource", resource_name(d->resource));
		writer_str(w, "direction", d->direction > 0 ? "more" : "less");
		writer_uint(w, "steps", d->steps);
		writer_uint(w, "number", d->sequence);
		writer_end(w);
		writer_fmt(w, "text", "%s asks %s %s by %u (number %u)", addr_text(d->endpoint, addr),
			   d->direction > 0 ? "more" : "less", resource_name(d->resource), d->steps, d->sequence);
	}
	end(t, w);
}

static void say_grant(struct trace *t, const struct rsvp_grant *g)
{
	uint32_t hash = hash_u64(hash_u64(HASH_START, (uint64_t)g->node.s_addr << 32 | g->endpoint.s_addr),
				 (uint64_t)g->sequence << 24 | (uint64_t)g->resource << 16 | (uint64_t)g->outcome << 8 |
					 g->enforcement);
	struct writer *w;
	char level[64];

	if (seen(t, hash_u64(hash_bytes(hash, g->reason, strlen(g->reason)), g->level)))
		return;
	w = begin(t, "grant");
	if (w) {
		show_grant(w, "grant", g);
		writer_fmt(w, "text", "%s: %s %s, %s, %s%s%s", g->element, resource_name(g->resource), outcome_name(g->outcome),
			   resource_level_text(g->resource, g->level, level, sizeof(level)), enforcement_name(g->enforcement),
			   *g->reason ? ": " : "", g->reason);
	}
	end(t, w);
}

void trace_message(struct daemon *d, const struct rsvp_msg *msg, struct in_addr neighbour, int sent)
{
	struct adaptor_key key = { msg->session.icorp, msg->session.leader };

	for (struct trace *t = d->traces; t; t = t->next) {
		if (!concerns(t, key))
			continue;
		say_message(t, msg, neighbour, sent);
		for (unsigned i = 0; i < msg->demands.n; i++)
			say_demand(t, &msg->demands.v[i]);
		for (unsigned i = 0; i < msg->grants.n; i++)
			say_grant(t, &msg->grants.v[i]);
	}
}

/* ---- actions ---- */

static void sent(struct daemon *d, const struct core_action *a)
{
	struct rsvp_msg msg = { 0 };

	if (!rsvp_decode(core_action_message(&d->actions, a), a->len, (uint32_t)d->config.enterprise, &msg, NULL))
		trace_message(d, &msg, a->to, 1);
	rsvp_msg_free(&msg);
}

static void say_action(struct trace *t, const struct core_action *a)
{
	const char *text = core_action_text(&t->d->actions, a);
	char line[512], addr[ADDR_TEXT];

	switch (a->type) {
	case CORE_APPLY:
		t->cookie = a->cookie;
		t->asked_us = clock_now_us();
		say(t, "apply", "asked of the adaptors");
		break;
	case CORE_RENEW:
		say(t, "renew", "unchanged: what times out lives on");
		break;
	case CORE_REVOKE:
		say(t, "revoke", "the adaptors give it up");
		break;
	case CORE_FETCH:
		snprintf(line, sizeof(line), "the contract, from %s", addr_text(a->to, addr));
		say(t, "fetch", line);
		break;
	case CORE_REPORT:
		say(t, "report", leader_state_name(leader_state(a->session)));
		break;
	case CORE_CLOSED:
		say(t, "closed", "nothing of it is left here");
		break;
	case CORE_REFUSAL:
		snprintf(line, sizeof(line), "%s: %s", rsvp_error_name(a->code, a->value), text);
		say(t, "refused", line);
		break;
	case CORE_STATE:
		say(t, "state", text);
		break;
	case CORE_SEND:
	case CORE_RECOVERED:
		break;
	}
}

void trace_action(struct daemon *d, const struct core_action *a)
{
	if (a->type == CORE_SEND)
		sent(d, a);
	for (struct trace *t = a->type == CORE_SEND ? NULL : d->traces; t; t = t->next)
		if (concerns(t, a->key))
			say_action(t, a);
}

static void say_applied(struct trace *t, uint64_t cookie, const struct adaptor_result *result)
{
	struct writer *w = begin(t, result->error == -EAGAIN ? "waits" : "applied");
	uint64_t took = clock_now_us() - t->asked_us;

	if (w) {
		writer_str(w, "error", result->error ? strerror(-result->error) : "");
		if (cookie == t->cookie)
			writer_uint(w, "took_us", took);
		if (cookie == t->cookie)
			writer_fmt(w, "text", "%s, after %llu.%03llu ms", result->error ? result->reason : "done",
				   (unsigned long long)(took / 1000), (unsigned long long)(took % 1000));
		else
			writer_str(w, "text", result->error ? result->reason : "done");
	}
	end(t, w);
}

void trace_applied(struct daemon *d, struct adaptor_key key, uint64_t cookie, const struct adaptor_result *result)
{
	for (struct trace *t = d->traces; t; t = t->next)
		if (concerns(t, key))
			say_applied(t, cookie, result);
}

/* ---- life ---- */

static void finish(struct trace *t, const char *why)
{
	struct trace **at = &t->d->traces;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	core_trace(t->d->core, t->d->traces != NULL);
	control_done(t->reply, why);
	free(t);
}

static void gone(void *ctx)
{
	finish(ctx, NULL);
}

void traces_close(struct daemon *d)
{
	while (d->traces)
		finish(d->traces, "shutting down");
}

/* What there is before anything happens. */
static void say_start(struct trace *t)
{
	const struct session *s = core_session_next(t->d->core, NULL);
	char line[128];

	while (s && !concerns(t, s->key))
		s = core_session_next(t->d->core, s);
	snprintf(line, sizeof(line), "%s", s ? session_state_name(s->state) : "no such ICorp here yet");
	say(t, "start", line);
}

int show_trace(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct daemon *d = ctx;
	struct in_addr leader = { 0 };
	struct trace *t;
	uint64_t id;

	if (show_number(argv[0], 1, UINT32_MAX, &id, reply))
		return -EINVAL;
	if (argc > 1 && addr_parse(argv[1], &leader)) {
		control_fail(reply, "%.32s: must be the leader's IPv4 address", argv[1]);
		return -EINVAL;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	*t = (struct trace){ .next = d->traces, .d = d, .key = { (uint32_t)id, leader }, .reply = reply };
	d->traces = t;
	core_trace(d->core, 1);
	control_stream(reply, gone, t);
	say_start(t);
	return CONTROL_LATER;
}
