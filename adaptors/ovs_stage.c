/*
 * Changes from apply and revoke to flush. The table of sessions shows them as done already, so that the next ones of the
 * batch are judged by it; what was is kept until the switch has them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/ovs.h"

int ovs_stage(struct ovs_state *s, struct adaptor_key key, struct ovs_session *to)
{
	struct ovs_session *now = ovs_session_find(&s->sessions, key);
	struct ovs_change *c = s->changes;

	while (c && !adaptor_key_equal(c->key, key))
		c = c->next;
	if (now)
		s->sessions.vlan[now->vlan] = NULL;
	if (c) {
		ovs_session_free(now);   /* its own earlier one, of the same batch */
	} else {
		c = calloc(1, sizeof(*c));
		if (!c)
			return -ENOMEM;
		c->key = key;
		c->from = now;
		*s->last_change = c;
		s->last_change = &c->next;
	}
	c->to = to;
	if (to)
		s->sessions.vlan[to->vlan] = to;
	return 0;
}

int ovs_know(struct ovs_state *s, struct adaptor_key key)
{
	return keymap_obtain(&s->known, key, sizeof(struct keymap_entry)) ? 0 : -ENOMEM;
}

void ovs_unknow(struct ovs_state *s, struct adaptor_key key)
{
	struct keymap_entry *entry = keymap_find(&s->known, key);

	if (!entry)
		return;
	keymap_remove(&s->known, entry);
	free(entry);
}

/* The switch has it, or keeps what it had. */
static void settle(struct ovs_state *s, struct ovs_change *c, int done)
{
	struct ovs_session *gone = done ? c->from : c->to, *stays = done ? c->to : c->from;

	if (!done && !(c->from && !c->from->adopted))
		ovs_unknow(s, c->key);
	if (gone && s->sessions.vlan[gone->vlan] == gone)
		s->sessions.vlan[gone->vlan] = NULL;
	ovs_session_free(gone);
	if (!stays)
		return;
	if (!s->sessions.vlan[stays->vlan])
		s->sessions.vlan[stays->vlan] = stays;
	else if (s->sessions.vlan[stays->vlan] != stays)
		ovs_session_free(stays);   /* its VLAN is another's by now; what is left of it the audit finds */
}

static struct ovs_change *take(struct ovs_state *s)
{
	struct ovs_change *c = s->changes;

	s->changes = NULL;
	s->last_change = &s->changes;
	return c;
}

void ovs_abandon(struct ovs_state *s)
{
	for (struct ovs_change *c = take(s), *next; c; c = next) {
		next = c->next;
		settle(s, c, 0);
		free(c);
	}
}

/* Commits the changes from first on, up to n. */
static int commit(struct ovs_state *s, const struct ovs_change *first, size_t n, char *why, size_t room)
{
	struct protocol_buffer mods = { 0 };
	size_t changes;
	int rc = ovs_ready(s, why, room);

	for (const struct ovs_change *c = first; c && n && !rc; c = c->next, n--)
		rc = ovs_plan(c->from, c->to, s->config.table, &mods, &changes);
	rc = rc ? rc : ovs_of_commit(s->of, &mods, why, room);
	protocol_free(&mods);
	ovs_done(s);
	return rc;
}

int ovs_sync_queues(struct ovs_state *s, struct ovs_queued *out, char *why, size_t room)
{
	int rc = ovs_queues_sync(&s->config, &s->sessions, out, why, room);

	memcpy(s->ours, out->ours, sizeof(s->ours));
	return rc;
}

int ovs_flush(void *state, void (*result)(void *ctx, struct adaptor_key key, int error, const char *reason), void *ctx)
{
	struct ovs_state *s = state;
	struct ovs_change *c = take(s), *next;
	char why[ADAPTOR_REASON] = "", queues_why[ADAPTOR_REASON] = "";
	struct ovs_queued queued;
	int rc = c ? commit(s, c, SIZE_MAX, why, sizeof(why)) : 0;
	int alone = rc && rc != -EAGAIN && c->next;   /* one of several was refused: which? */

	ovs_done(s);
	for (struct ovs_change *one = c; one; one = one->next) {
		int error = alone ? commit(s, one, 1, why, sizeof(why)) : rc;

		if (error)
			result(ctx, one->key, error, why);
		one->failed = error;
		settle(s, one, !error);
	}
	/* the port's queue 0 serves meanwhile */
	int queues = c && s->made ? ovs_sync_queues(s, &queued, queues_why, sizeof(queues_why)) : 0;

	for (; c; c = next) {
		next = c->next;
		if (queues && !c->failed) {   /* tried again, as a whole: the flows are renewed then */
			ovs_unknow(s, c->key);
			result(ctx, c->key, queues, queues_why);
		}
		free(c);
	}
	return 0;
}
