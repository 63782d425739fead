/*
 * The core's inputs from outside: messages by type, and contracts that were fetched. A Path whose contract is not here yet
 * is parked until the contract comes or its time is up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "signald/session.h"

void parked_free(struct parked *p)
{
	rsvp_msg_free(&p->msg);
	free(p);
}

static void park_refused(struct turn *t, const struct parked *p, const char *why)
{
	struct adaptor_key key = { p->msg.session.icorp, p->msg.session.leader };
	char text[ADAPTOR_REASON];

	snprintf(text, sizeof(text), "contract not to be had, Path dropped: %s", why);
	log_icorp(LOG_LEVEL_WARN, key.icorp, "%s", text);
	action_refused(t, key, RSVP_ERR_SYSTEM, RSVP_SYSTEM_CONTRACT_TIMEOUT, text);
}

/* It says what is wanted now. Without memory the older one will do, until a refresh. */
static void park_newer(struct parked *p, const struct rsvp_msg *msg)
{
	struct rsvp_msg newer;

	if (!rsvp_id_later(msg->id.id, p->msg.id.id) || rsvp_msg_copy(&newer, msg))
		return;
	rsvp_msg_free(&p->msg);
	p->msg = newer;
}

/* A Path whose contract is not here yet waits; a refresh of it adds nothing. */
static void park(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from)
{
	struct core *core = t->core;
	struct core_action *a;
	struct parked *p;

	for (p = core->parked; p; p = p->next)
		if (p->msg.session.icorp == msg->session.icorp && p->from.addr.s_addr == from->addr.s_addr &&
		    p->msg.session.leader.s_addr == msg->session.leader.s_addr &&
		    !memcmp(p->msg.ref.digest, msg->ref.digest, SHA256_SIZE)) {
			park_newer(p, msg);
			return;
		}
	if (core->n_parked >= CORE_MAX_PARKED)
		return;
	p = calloc(1, sizeof(*p));
	if (!p)
		return;
	if (rsvp_msg_copy(&p->msg, msg)) {
		free(p);
		return;
	}
	p->from = *from;
	p->expires_us = t->now_us + core->config.contract_wait_us;
	p->next = core->parked;
	core->parked = p;
	core->n_parked++;
	core->counter[CORE_PARKED]++;
	a = action_add(t, CORE_FETCH);
	a->to = from->addr;
	a->key = (struct adaptor_key){ msg->session.icorp, msg->session.leader };
	a->length = msg->ref.length;
	memcpy(a->digest, msg->ref.digest, SHA256_SIZE);
}

/* What it tears may not have begun. */
static void park_torn(struct core *core, const struct rsvp_msg *msg, const struct core_from *from)
{
	struct parked **at = &core->parked;

	while (*at) {
		struct parked *p = *at;

		if (p->msg.template_.lsp_id != msg->template_.lsp_id || rsvp_sender(&p->msg).s_addr != rsvp_sender(msg).s_addr ||
		    p->msg.session.icorp != msg->session.icorp || p->msg.session.leader.s_addr != msg->session.leader.s_addr ||
		    p->from.addr.s_addr != from->addr.s_addr || rsvp_id_later(p->msg.id.id, msg->id.id)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		core->n_parked--;
		parked_free(p);
	}
}

static void path_message(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from,
			 struct contract *contract)
{
	struct session *s = session_of(t->core, msg);

	if (s && s->up.addr.s_addr == from->addr.s_addr) {
		switch (message_age(t->core, s, from->addr, s->up.path_id, msg)) {
		case MESSAGE_SAME:
			s->up.expires_us = t->now_us + core_their_lifetime(t->core, s->up.refresh_ms);
			return;
		case MESSAGE_OLD:
			t->core->counter[CORE_STALE]++;
			return;
		case MESSAGE_NEW:
			break;
		}
	}
	if (s && upstream_former_path(t, s, msg, from))
		return;
	if (!contract)
		contract = core_contract_find(t->core, msg->ref.digest);
	if (!contract)
		park(t, msg, from);
	else
		path_input(t, msg, from, contract);
}

/* Who signed it may say this (RFC 2205 section 3.1: HOP is who sent it; a client's software answers Paths, no more). */
static int may_send(const struct rsvp_msg *msg, const struct core_from *from)
{
	if (from->isc)
		return msg->type == RSVP_RESV || msg->type == RSVP_RESV_TEAR;
	return !(msg->has & RSVP_HAS_HOP) || msg->type == RSVP_RESV || msg->type == RSVP_RESV_TEAR ||
	       msg->hop.addr.s_addr == from->addr.s_addr;
}

static void session_message(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from,
			    struct contract *contract)
{
	if (msg->type && msg->type <= RSVP_RESV_CONF)
		t->core->counter[CORE_PATHS + msg->type - RSVP_PATH]++;
	switch (msg->type) {
	case RSVP_PATH:
		path_message(t, msg, from, contract);
		break;
	case RSVP_RESV:
		resv_input(t, msg, from);
		break;
	case RSVP_PATH_ERR:
		path_err_input(t, msg, from);
		break;
	case RSVP_RESV_ERR:
		resv_err_input(t, msg);
		break;
	case RSVP_PATH_TEAR:
		park_torn(t->core, msg, from);
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
	session_message(&t, msg, from, contract);
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

void core_contract(struct core *core, const uint8_t digest[SHA256_SIZE], struct contract *contract, const char *why,
		   uint64_t now_us, struct core_actions *actions)
{
	struct parked **at = &core->parked, *due = NULL;
	struct turn t;

	turn_begin(&t, core, now_us, actions);
	while (*at) {
		struct parked *p = *at;

		if (memcmp(p->msg.ref.digest, digest, SHA256_SIZE)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		core->n_parked--;
		p->next = due;
		due = p;
	}
	while (due) {
		struct parked *p = due;

		due = p->next;
		if (contract)
			path_input(&t, &p->msg, &p->from, contract);
		else
			park_refused(&t, p, why ? why : "no reason given");
		parked_free(p);
	}
}

void parked_expire(struct turn *t)
{
	struct parked **at = &t->core->parked;

	while (*at) {
		struct parked *p = *at;

		if (p->expires_us > t->now_us) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		t->core->n_parked--;
		park_refused(t, p, "it did not come in time");
		parked_free(p);
	}
}
