/*
 * PathErr and ResvErr (RFC 2205 sections 3.1.5, 3.1.6 and 3.11), and refusing a session here. A PathErr goes up to the
 * leader, which releases everything; a ResvErr goes down to who asked, and brings every hop on its way to what still stands.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "signald/session.h"

const char *rsvp_error_name(uint8_t code, uint16_t value)
{
	switch (code) {
	case RSVP_ERR_CONFIRM:
		return "confirmation";
	case RSVP_ERR_ADMISSION:
		switch (value) {
		case RSVP_ADMISSION_BANDWIDTH: return "admission: bandwidth";
		case RSVP_ADMISSION_CPU: return "admission: server resources";
		case RSVP_ADMISSION_LABEL: return "admission: label";
		case RSVP_ADMISSION_IMAGE: return "admission: image";
		case RSVP_ADMISSION_ADAPTOR: return "admission: adaptor";
		default: return "admission";
		}
	case RSVP_ERR_POLICY:
		return value == RSVP_POLICY_PARTIAL_PREEMPT ? "policy: partly preempted" :
		       value == RSVP_POLICY_CONTRACT ? "policy: contract" : "policy";
	case RSVP_ERR_NO_PATH:
		return "no path information";
	case RSVP_ERR_NO_SENDER:
		return "no sender information";
	case RSVP_ERR_STYLE_CONFLICT:
		return "conflicting reservation style";
	case RSVP_ERR_STYLE:
		return "unknown reservation style";
	case RSVP_ERR_UNKNOWN_CLASS:
		return "unknown object class";
	case RSVP_ERR_UNKNOWN_CTYPE:
		return "unknown object C-Type";
	case RSVP_ERR_TRAFFIC:
	case RSVP_ERR_TRAFFIC_SYSTEM:
		return "traffic control";
	case RSVP_ERR_ROUTING:
		return "routing: no route to destination";
	case RSVP_ERR_SYSTEM:
		return value == RSVP_SYSTEM_CONTRACT_TIMEOUT ? "system: contract" :
		       value == RSVP_SYSTEM_MEMORY ? "system: out of memory" : "system";
	default:
		return "error";
	}
}

/* The element's name and reason travel in a grant beside the ERROR_SPEC. */
static void note_error(struct session *s, const struct rsvp_msg *msg)
{
	char addr[ADDR_TEXT];

	if (!session_more(s))
		return;
	s->more->error.code = msg->error.code;
	s->more->error.value = msg->error.value;
	snprintf(s->more->error.element, sizeof(s->more->error.element), "%s", addr_text(msg->error.node, addr));
	snprintf(s->more->error.reason, sizeof(s->more->error.reason), "%s", rsvp_error_name(msg->error.code, msg->error.value));
	for (unsigned i = 0; i < msg->grants.n; i++) {
		if (msg->grants.v[i].node.s_addr != msg->error.node.s_addr)
			continue;
		snprintf(s->more->error.element, sizeof(s->more->error.element), "%s", msg->grants.v[i].element);
		snprintf(s->more->error.reason, sizeof(s->more->error.reason), "%s", msg->grants.v[i].reason);
	}
}

void session_refuse(struct turn *t, struct session *s, uint8_t code, uint16_t value, const char *fmt, ...)
{
	char why[ADAPTOR_REASON];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	t->core->counter[CORE_REFUSED]++;
	log_icorp(LOG_LEVEL_WARN, s->key.icorp, "refused: %s", why);
	action_refused(t, s->key, code, value, why);
	if (session_more(s)) {
		s->more->error.code = code;
		s->more->error.value = value;
		snprintf(s->more->error.element, sizeof(s->more->error.element), "%s", t->core->config.element);
		memcpy(s->more->error.reason, why, sizeof(why));
	}
	if (s->leading) {
		leader_failed(t, s);
		return;
	}
	if (s->up.addr.s_addr)
		send_path_err(t, s, s->up.addr, NULL, code, value, why);
	for (struct branch *b = s->branch; b; b = b->next)
		send_path_tear(t, s, b);
	session_chstate(t, s, SESSION_FAILED, why);
	session_close(t, s);
}

/* An endpoint that was refused after the ICorp was complete costs that endpoint, not the ICorp. */
static void leader_path_err(struct turn *t, struct session *s, const struct rsvp_msg *msg)
{
	note_error(s, msg);
	log_icorp(LOG_LEVEL_WARN, s->key.icorp, "refused by %s: %s", session_rest(s)->error.element,
		  session_rest(s)->error.reason);
	if (!s->was_complete) {
		leader_failed(t, s);
		return;
	}
	for (unsigned i = 0; i < s->n_leaves; i++) {
		struct leaf *leaf = &s->leaf[i];

		if (!leaf->listed || leaf->where != LEAF_BRANCH)
			continue;
		if (leaf->up)
			leaf_lost(t, s, leaf, session_rest(s)->error.reason);
		leaf_prune(t, s, leaf);
	}
	s->dirty_report = s->dirty_down = 1;
	session_settle(t, s);
}

/* Behind a router without a controller: whoever refuses is the neighbour, and has the state that a tear is for. */
static void refuser_adopted(struct turn *t, struct session *s, const struct leaf *leaf, const struct core_from *from)
{
	if (leaf->branch && leaf->branch->beyond && leaf->branch->neighbour.s_addr != from->addr.s_addr)
		branch_adopt(t, s, leaf->branch, from->addr);
}

/* Marks the leaves whose way in force is refused. 0: it is about nothing in force. */
static int path_err_concerns(struct turn *t, struct session *s, const struct rsvp_msg *msg, const struct core_from *from)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_leaves; i++)
		s->leaf[i].listed = 0;
	for (unsigned i = 0; i < msg->s2l.n; i++) {
		struct leaf *leaf = leaf_by_addr(s, msg->s2l.v[i].addr);

		if (!leaf || reroute_refused(t, s, leaf, from))
			continue;
		refuser_adopted(t, s, leaf, from);
		leaf->listed = 1;
		n++;
	}
	return n > 0;
}

void path_err_input(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from)
{
	struct session *s = session_of(t->core, msg);
	struct in_addr none = { 0 };
	struct rsvp_msg *m;

	if (!s)
		return;
	if (!path_err_concerns(t, s, msg, from)) {
		session_settle(t, s);
		return;
	}
	if (s->leading) {
		leader_path_err(t, s, msg);
		return;
	}
	if (cutthrough_ours(t->core, s)) {
		note_error(s, msg);
		cutthrough_end(t, s, s->more->error.reason);
		return;
	}
	m = message_begin(t, RSVP_PATH_ERR, s);
	m->error = msg->error;
	m->template_ = msg->template_;
	m->has |= RSVP_HAS_ERROR | RSVP_HAS_TEMPLATE;
	for (unsigned i = 0; i < msg->grants.n; i++)
		rsvp_add_grant(m, &msg->grants.v[i]);
	for (unsigned i = 0; i < s->n_leaves; i++)
		if (s->leaf[i].listed)
			rsvp_add_s2l(m, s->contract->endpoints[i].control, none);
	message_send(t, s, s->up.addr, NEIGHBOUR_URGENT, 0);
	session_settle(t, s);
}

static int is_previous_hop(const struct session *s, struct in_addr addr)
{
	return s->up.addr.s_addr == addr.s_addr || (s->former && s->former->addr.s_addr == addr.s_addr);
}

void resv_err_input(struct turn *t, const struct rsvp_msg *msg)
{
	struct session *s = session_of(t->core, msg);
	const struct rsvp_grant *grant = msg->grants.n ? &msg->grants.v[0] : NULL;
	uint64_t stands;

	if (!s || !is_previous_hop(s, msg->hop.addr) || !(msg->has & RSVP_HAS_FLOWSPEC))
		return;
	stands = larger(msg->flow.rate_bps, session_base(s)); /* the contract's rate does, whatever it says */
	for (struct branch *b = s->branch; b; b = b->next) {
		if (b->rate_bps <= stands)
			continue;
		branch_reduce(t, s, b, b->rate_bps, stands, &msg->error, grant);
		s->dirty_terms = s->dirty_up = 1;
	}
	session_yield(t->core, s);
	session_settle(t, s);
}
