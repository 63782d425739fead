/*
 * The list of actions a turn fills, with the bytes of the messages to be sent. Both are reused from turn to turn: a daemon
 * at rest allocates nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signald/session.h"

void core_actions_clear(struct core_actions *a)
{
	a->n = 0;
	a->n_bytes = 0;
	a->lost = 0;
}

void core_actions_free(struct core_actions *a)
{
	free(a->bytes);
	free(a->v);
	memset(a, 0, sizeof(*a));
}

static struct core_action action_sink;

struct core_action *action_add(struct turn *t, enum core_action_type type)
{
	struct core_actions *a = t->actions;
	struct core_action *to;

	if (a->n == a->room) {
		unsigned room = a->room ? a->room * 2 : 16;
		struct core_action *v = realloc(a->v, room * sizeof(*v));

		if (!v) {
			a->lost++;
			return memset(&action_sink, 0, sizeof(action_sink));
		}
		a->v = v;
		a->room = room;
	}
	to = &a->v[a->n++];
	memset(to, 0, sizeof(*to));
	to->type = type;
	return to;
}

int action_is_lost(const struct core_action *a)
{
	return a == &action_sink;
}

struct core_action *action_session(struct turn *t, enum core_action_type type, const struct session *s)
{
	struct core_action *a = action_add(t, type);

	a->key = s->key;
	a->session = s;
	return a;
}

/* An action with bytes of its own; NULL: no memory. */
static struct core_action *action_with(struct turn *t, enum core_action_type type, const void *bytes, size_t len)
{
	struct core_actions *all = t->actions;
	struct core_action *a;

	if (len > all->bytes_room - all->n_bytes) {
		size_t room = all->bytes_room * 2 > all->n_bytes + len ? all->bytes_room * 2 : all->n_bytes + len + 4096;
		uint8_t *bigger = realloc(all->bytes, room);

		if (!bigger) {
			all->lost++;
			return NULL;
		}
		all->bytes = bigger;
		all->bytes_room = room;
	}
	a = action_add(t, type);
	a->at = all->n_bytes;
	a->len = len;
	memcpy(all->bytes + all->n_bytes, bytes, len);
	all->n_bytes += len;
	return a;
}

struct core_action *action_send(struct turn *t, struct in_addr to, int isc, uint8_t type, const uint8_t *message, size_t len)
{
	struct core_action *a = action_with(t, CORE_SEND, message, len);

	if (!a)
		return NULL;
	a->to = to;
	a->isc = isc;
	a->message_type = type;
	if (type && type <= RSVP_RESV_CONF)
		t->core->counter[CORE_PATHS_SENT + type - RSVP_PATH]++;
	return a;
}

void action_refused(struct turn *t, struct adaptor_key key, uint8_t code, uint16_t value, const char *why)
{
	struct core_action *a = action_with(t, CORE_REFUSAL, why, strlen(why) + 1);

	if (!a)
		return;
	a->key = key;
	a->code = code;
	a->value = value;
}

void action_state(struct turn *t, struct adaptor_key key, enum session_state from, enum session_state to, const char *why)
{
	struct core_action *a;
	char text[256];

	snprintf(text, sizeof(text), "%s -> %s: %s", session_state_name(from), session_state_name(to), why);
	a = action_with(t, CORE_STATE, text, strlen(text) + 1);
	if (a)
		a->key = key;
}
