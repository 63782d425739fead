/*
 * Messages with an object that must be understood and is not (RFC 2205 section 3.10: class 0bbbbbbb): they are rejected as a
 * whole, and who sent a Path or Resv hears which object it was. They arrived all the same (RFC 2961 section 4.2), so they
 * are acknowledged, and not sent again. An error is never answered by an error.
 */
#include "signald/session.h"

static void answer(struct turn *t, struct neighbour *n, const struct rsvp_msg *msg, const struct rsvp_error *error)
{
	struct rsvp_msg *m = &t->core->out;
	int path = msg->type == RSVP_PATH;

	rsvp_msg_clear(m);
	m->type = path ? RSVP_PATH_ERR : RSVP_RESV_ERR;
	m->ttl = 63;
	m->session = msg->session;
	m->hop = (struct rsvp_hop){ t->core->config.address, msg->hop.lih };
	m->error = *error;
	m->template_ = msg->template_;
	m->style = RSVP_STYLE_SE;
	m->has = path ? RSVP_HAS_ERROR | RSVP_HAS_TEMPLATE : RSVP_HAS_HOP | RSVP_HAS_ERROR | RSVP_HAS_STYLE | RSVP_HAS_FILTER;
	for (unsigned i = 0; i < msg->s2l.n; i++)
		rsvp_add_s2l(m, msg->s2l.v[i].addr, (struct in_addr){ 0 });
	neighbour_send(n, m, NEIGHBOUR_URGENT, NEIGHBOUR_NO_SLOT, 0, t->now_us);
}

void core_unknown_object(struct core *core, const struct rsvp_msg *msg, const struct rsvp_decode_error *object,
			 const struct core_from *from, uint64_t now_us, struct core_actions *actions)
{
	struct rsvp_error error = { core->config.address, 0, object->class_known ? RSVP_ERR_UNKNOWN_CTYPE : RSVP_ERR_UNKNOWN_CLASS,
				    (uint16_t)(object->class_ << 8 | object->ctype) };
	struct neighbour *n;
	struct turn t;

	turn_begin(&t, core, now_us, actions);
	core->counter[CORE_REFUSED]++;
	n = from->isc ? NULL : neighbour_get(core->neighbours, from->addr);
	if (!n || neighbour_input(n, msg, now_us) == NEIGHBOUR_DONE)
		return;
	neighbour_taken(n, msg); /* again it would be no other */
	if (msg->type == RSVP_PATH || msg->type == RSVP_RESV)
		answer(&t, n, msg, &error);
}
