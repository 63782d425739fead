/* The core's inputs from outside: messages by type. Contracts that were fetched come to parked.c. */
#include "signald/session.h"

/* 0: there is no room for it now; it is to come again. */
static int path_message(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from,
			struct contract *contract)
{
	struct session *s = session_of(t->core, msg);

	if (s && s->up.addr.s_addr == from->addr.s_addr) {
		switch (message_age(t->core, s, from->addr, s->up.path_id, msg)) {
		case MESSAGE_SAME:
			upstream_renew(&s->up, t->now_us + core_their_lifetime(t->core, s->up.refresh_ms));
			return 1;
		case MESSAGE_OLD:
			t->core->counter[CORE_STALE]++;
			return 1;
		case MESSAGE_NEW:
			break;
		}
	}
	if (s && upstream_former_path(t, s, msg, from))
		return 1;
	if (!contract)
		contract = core_contract_find(t->core, msg->ref.digest);
	if (!contract)
		return parked_path(t, msg, from);
	path_input(t, msg, from, contract);
	return 1;
}

/* Who signed it may say this (RFC 2205 section 3.1: HOP is who sent it; a client's software answers Paths, no more). */
static int may_send(const struct rsvp_msg *msg, const struct core_from *from)
{
	if (from->isc)
		return msg->type == RSVP_RESV || msg->type == RSVP_RESV_TEAR;
	return !(msg->has & RSVP_HAS_HOP) || msg->type == RSVP_RESV || msg->type == RSVP_RESV_TEAR ||
	       msg->hop.addr.s_addr == from->addr.s_addr;
}

/* 0: there is no room for it now; it is to come again. */
static int session_message(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from,
			   struct contract *contract)
{
	if (msg->type && msg->type <= RSVP_RESV_CONF)
		t->core->counter[CORE_PATHS + msg->type - RSVP_PATH]++;
	switch (msg->type) {
	case RSVP_PATH:
		return path_message(t, msg, from, contract);
	case RSVP_RESV:
		return resv_input(t, msg, from);
	case RSVP_PATH_ERR:
		path_err_input(t, msg, from);
		break;
	case RSVP_RESV_ERR:
		resv_err_input(t, msg);
		break;
	case RSVP_PATH_TEAR:
		parked_torn(t->core, msg, from);
		path_tear_input(t, msg);
		break;
	case RSVP_RESV_TEAR:
		resv_tear_input(t, msg, from);
		break;
	case RSVP_RESV_CONF:
		resv_conf_input(t, msg);
		break;
	default:
		break;
	}
	return 1;
}

void core_message(struct core *core, const struct rsvp_msg *msg, const struct core_from *from,
		  struct contract *contract, uint64_t now_us, struct core_actions *actions)
{
	struct neighbour *n;
	struct turn t;

	turn_begin(&t, core, now_us, actions);
	if (!may_send(msg, from)) {
		core->counter[CORE_NOT_ITS_OWN]++;
		return;
	}
	n = from->isc ? NULL : neighbour_get(core->neighbours, from->addr);
	if (n && neighbour_input(n, msg, now_us) == NEIGHBOUR_DONE)
		return;
	if (contract) { /* the BODY was read: it may be passed on as it came */
		t.body = msg->body;
		t.body_len = msg->body_len;
	}
	if (session_message(&t, msg, from, contract) && n)
		neighbour_taken(n, msg);
}

void core_flush(struct core *core, uint64_t now_us, struct core_actions *actions)
{
	struct turn t;

	turn_begin(&t, core, now_us, actions);
	neighbours_flush(core->neighbours, now_us);
}

void core_greet(struct core *core, struct in_addr neighbour, uint64_t now_us, struct core_actions *actions)
{
	struct neighbour *n;
	struct turn t;

	turn_begin(&t, core, now_us, actions);
	n = neighbour_get(core->neighbours, neighbour);
	if (n)
		neighbour_greet(n, now_us);
}
