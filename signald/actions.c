/*
 * The list of actions a turn fills. Its messages are reused from turn to turn: a daemon at rest allocates nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "signald/session.h"

void core_actions_clear(struct core_actions *a)
{
	a->n = a->spare_used = 0;
	a->lost = 0;
}

void core_actions_free(struct core_actions *a)
{
	for (unsigned i = 0; i < a->n_spare; i++) {
		rsvp_msg_free(a->spare[i]);
		free(a->spare[i]);
	}
	free(a->spare);
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
	to->port = CORE_PORT_NONE;
	return to;
}

static struct rsvp_msg *spare_msg(struct core_actions *a)
{
	if (a->spare_used == a->n_spare) {
		if (a->n_spare == a->spare_room) {
			unsigned room = a->spare_room ? a->spare_room * 2 : 16;
			struct rsvp_msg **v = realloc(a->spare, room * sizeof(*v));

			if (!v)
				return NULL;
			a->spare = v;
			a->spare_room = room;
		}
		a->spare[a->n_spare] = calloc(1, sizeof(struct rsvp_msg));
		if (!a->spare[a->n_spare])
			return NULL;
		a->n_spare++;
	}
	return a->spare[a->spare_used++];
}

struct rsvp_msg *action_send(struct turn *t, struct in_addr to, int port, uint8_t type, const struct session *s)
{
	struct rsvp_msg *msg = spare_msg(t->actions);
	struct core_action *a;

	if (!msg) {
		t->actions->lost++;
		return NULL;
	}
	rsvp_msg_clear(msg);
	msg->type = type;
	msg->ttl = 63;
	msg->session.icorp = s->key.icorp;
	msg->session.leader = s->key.leader;
	a = action_add(t, CORE_SEND);
	a->to = to;
	a->port = port;
	a->key = s->key;
	a->msg = msg;
	return msg;
}
