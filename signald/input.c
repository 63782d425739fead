/*
 * The core's inputs from outside: messages by type, and contracts that were fetched. A Path whose contract is not here yet
 * is parked until the contract comes or its time is up.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "signald/session.h"

void parked_free(struct parked *p)
{
	rsvp_msg_free(&p->msg);
	free(p);
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
		    !memcmp(p->msg.ref.digest, msg->ref.digest, SHA256_SIZE))
			return; /* already waiting; refreshes come again */
	if (core->n_parked >= CORE_MAX_PARKED)
		return;
	p = calloc(1, sizeof(*p));
	if (!p)
		return;
	p->msg = *msg;
	memset(&p->msg.s2l, 0, sizeof(p->msg.s2l));
	memset(&p->msg.rro, 0, sizeof(p->msg.rro));
	memset(&p->msg.demands, 0, sizeof(p->msg.demands));
	memset(&p->msg.loads, 0, sizeof(p->msg.loads));
	memset(&p->msg.grants, 0, sizeof(p->msg.grants));
	p->msg.has &= ~(uint32_t)RSVP_HAS_BODY;
	for (unsigned i = 0; i < msg->s2l.n; i++)
		rsvp_add_s2l(&p->msg, msg->s2l.v[i].addr, msg->s2l.v[i].via);
	for (unsigned i = 0; i < msg->rro.n; i++)
		rsvp_add_rro(&p->msg, msg->rro.v[i]);
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

static void path_message(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from,
			 struct contract *contract)
{
	if (!contract)
		contract = core_contract_find(t->core, msg->ref.digest);
	if (!contract)
		park(t, msg, from);
	else
		path_input(t, msg, from, contract);
}

void core_message(struct core *core, const struct rsvp_msg *msg, const struct core_from *from,
		  struct contract *contract, uint64_t now_us, struct core_actions *actions)
{
	struct turn t = { core, now_us, actions };

	table_bury(core);
	if (from->isc && msg->type != RSVP_RESV && msg->type != RSVP_RESV_TEAR) {
		core->counter[CORE_NOT_ITS_OWN]++; /* a client's software answers Paths, it does not make them */
		return;
	}
	switch (msg->type) {
	case RSVP_PATH:
		core->counter[CORE_PATHS]++;
		path_message(&t, msg, from, contract);
		break;
	case RSVP_RESV:
		core->counter[CORE_RESVS]++;
		resv_input(&t, msg, from);
		break;
	case RSVP_PATH_ERR:
		core->counter[CORE_PATH_ERRS]++;
		path_err_input(&t, msg);
		break;
	case RSVP_RESV_ERR:
		core->counter[CORE_RESV_ERRS]++;
		resv_err_input(&t, msg);
		break;
	case RSVP_PATH_TEAR:
		core->counter[CORE_PATH_TEARS]++;
		path_tear_input(&t, msg);
		break;
	case RSVP_RESV_TEAR:
		core->counter[CORE_RESV_TEARS]++;
		resv_tear_input(&t, msg, from);
		break;
	case RSVP_RESV_CONF:
		core->counter[CORE_CONFS]++;
		resv_conf_input(&t, msg);
		break;
	default:
		break; /* 12, 13, 15, 20: the peer's business */
	}
}

void core_contract(struct core *core, const uint8_t digest[SHA256_SIZE], struct contract *contract, const char *why,
		   uint64_t now_us, struct core_actions *actions)
{
	struct turn t = { core, now_us, actions };
	struct parked **at = &core->parked, *due = NULL;

	table_bury(core);
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
			log_icorp(LOG_LEVEL_WARN, p->msg.session.icorp, "contract not to be had: %s", why ? why : "?");
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
		log_icorp(LOG_LEVEL_WARN, p->msg.session.icorp, "contract not to be had in time; Path dropped");
		parked_free(p);
	}
}
