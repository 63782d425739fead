/*
 * Paths whose contract is not here yet: each waits until the contract was fetched, or its time is up. There is room for
 * so many; a Path beyond that is not taken, so that it is not acknowledged, and its neighbour sends it again.
 *
 * Each is in a row by age, and in a chain of a table by its ICorp and of another one by its contract's digest; all three
 * let go of it in constant time. What waits for one contract from one neighbour shares a fetch; whoever has it serves all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "signald/session.h"

enum { BY_AGE, BY_ICORP, BY_DIGEST, ROWS };

struct parked {
	struct { struct parked *next, **at; } row[ROWS]; /* at: what points to it */
	struct rsvp_msg msg;
	struct core_from from;
	uint64_t expires_us;
};

static struct parked **icorp_chain(struct core *core, const struct rsvp_msg *msg)
{
	uint64_t key = (uint64_t)msg->session.leader.s_addr << 32 | msg->session.icorp;

	return &core->parking.by_icorp[hash_u64(hash_u64(HASH_START, core->config.seed), key) % PARKED_CHAINS];
}

static struct parked **digest_chain(struct core *core, const uint8_t digest[SHA256_SIZE])
{
	uint32_t hash = hash_bytes(hash_u64(HASH_START, core->config.seed), digest, SHA256_SIZE);

	return &core->parking.by_digest[hash % PARKED_CHAINS];
}

static void link_at(struct parked *p, unsigned row, struct parked **at)
{
	p->row[row].at = at;
	p->row[row].next = *at;
	if (*at)
		(*at)->row[row].at = &p->row[row].next;
	*at = p;
}

static void unlink_from(struct parked *p, unsigned row)
{
	*p->row[row].at = p->row[row].next;
	if (p->row[row].next)
		p->row[row].next->row[row].at = p->row[row].at;
}

static void take_out(struct core *core, struct parked *p)
{
	if (!p->row[BY_AGE].next)
		core->parking.end = p->row[BY_AGE].at;
	for (unsigned row = 0; row < ROWS; row++)
		unlink_from(p, row);
	core->parking.n--;
}

static void discard(struct parked *p)
{
	rsvp_msg_free(&p->msg);
	free(p);
}

/* Do they wait for the same contract, to be had from the same neighbour? */
static int same_fetch(const struct parked *p, struct in_addr from, const uint8_t digest[SHA256_SIZE])
{
	return p->from.addr.s_addr == from.s_addr && !memcmp(p->msg.ref.digest, digest, SHA256_SIZE);
}

static int is_fetched(struct core *core, struct in_addr from, const uint8_t digest[SHA256_SIZE])
{
	const struct parked *p = *digest_chain(core, digest);

	while (p && !same_fetch(p, from, digest))
		p = p->row[BY_DIGEST].next;
	return p != NULL;
}

static int same_tree(const struct parked *p, const struct rsvp_msg *msg, const struct core_from *from)
{
	return p->msg.session.icorp == msg->session.icorp && p->from.addr.s_addr == from->addr.s_addr &&
	       p->msg.session.leader.s_addr == msg->session.leader.s_addr &&
	       rsvp_sender(&p->msg).s_addr == rsvp_sender(msg).s_addr;
}

/* Was a sent before b, by what their sender numbered? Without numbers, or when it has begun anew, they came in that order. */
static int sent_before(const struct rsvp_msg *a, const struct rsvp_msg *b)
{
	return !(a->has & b->has & RSVP_HAS_ID) || a->id.epoch != b->id.epoch || rsvp_id_later(b->id.id, a->id.id);
}

/* It says what is wanted now. Without memory the older one will do, until a refresh. */
static void renew(struct parked *p, const struct rsvp_msg *msg)
{
	struct rsvp_msg newer;

	if (!sent_before(&p->msg, msg) || rsvp_msg_copy(&newer, msg))
		return;
	rsvp_msg_free(&p->msg);
	p->msg = newer;
}

static void fetch(struct turn *t, const struct parked *p)
{
	struct core_action *a = action_add(t, CORE_FETCH);

	a->to = p->from.addr;
	a->key = (struct adaptor_key){ p->msg.session.icorp, p->msg.session.leader };
	a->length = p->msg.ref.length;
	memcpy(a->digest, p->msg.ref.digest, SHA256_SIZE);
}

static void full(struct turn *t)
{
	unsigned more;

	if (log_burst_ok(&t->core->parking.burst, t->now_us, 5 * CLOCK_S, &more))
		log_msg(LOG_LEVEL_WARN, "%u Paths wait for their contracts: no more are taken, they are to come again "
			"(%u more since the last such line)", t->core->parking.n, more);
}

int parked_path(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from)
{
	struct core *core = t->core;
	struct parked *p;
	int fetched;

	for (p = *icorp_chain(core, msg); p; p = p->row[BY_ICORP].next) {
		if (!same_tree(p, msg, from) || memcmp(p->msg.ref.digest, msg->ref.digest, SHA256_SIZE))
			continue;
		renew(p, msg);
		return 1;
	}
	if (core->parking.n >= CORE_MAX_PARKED) {
		full(t);
		return 0;
	}
	p = calloc(1, sizeof(*p));
	if (!p || rsvp_msg_copy(&p->msg, msg)) {
		free(p);
		return 0;
	}
	fetched = is_fetched(core, from->addr, msg->ref.digest);
	p->from = *from;
	p->expires_us = t->now_us + core->config.contract_wait_us;
	if (!core->parking.n++)
		core->parking.end = &core->parking.first;
	link_at(p, BY_AGE, core->parking.end);
	core->parking.end = &p->row[BY_AGE].next;
	link_at(p, BY_ICORP, icorp_chain(core, msg));
	link_at(p, BY_DIGEST, digest_chain(core, msg->ref.digest));
	core->counter[CORE_PARKED]++;
	if (!fetched)
		fetch(t, p);
	return 1;
}

void parked_torn(struct core *core, const struct rsvp_msg *msg, const struct core_from *from)
{
	struct parked *p, *next;

	for (p = *icorp_chain(core, msg); p; p = next) {
		next = p->row[BY_ICORP].next;
		if (!same_tree(p, msg, from) || p->msg.template_.lsp_id != msg->template_.lsp_id || !sent_before(&p->msg, msg))
			continue;
		take_out(core, p);
		discard(p);
	}
}

static void refuse(struct turn *t, const struct parked *p, const char *why)
{
	struct adaptor_key key = { p->msg.session.icorp, p->msg.session.leader };
	char text[ADAPTOR_REASON];

	snprintf(text, sizeof(text), "contract not to be had, Path dropped: %s", why);
	log_icorp(LOG_LEVEL_WARN, key.icorp, "%s", text);
	action_refused(t, key, RSVP_ERR_SYSTEM, RSVP_SYSTEM_CONTRACT_TIMEOUT, text);
}

void core_contract(struct core *core, struct in_addr from, const uint8_t digest[SHA256_SIZE], struct contract *contract,
		   const char *why, uint64_t now_us, struct core_actions *actions)
{
	struct parked *p, *next, *due = NULL;
	struct turn t;

	turn_begin(&t, core, now_us, actions);
	for (p = *digest_chain(core, digest); p; p = next) {
		next = p->row[BY_DIGEST].next;
		if (!same_fetch(p, contract ? p->from.addr : from, digest))
			continue;
		take_out(core, p);
		p->row[BY_DIGEST].next = due; /* the oldest first */
		due = p;
	}
	for (; due; due = next) {
		next = due->row[BY_DIGEST].next;
		if (contract)
			path_input(&t, &due->msg, &due->from, contract);
		else
			refuse(&t, due, why ? why : "no reason given");
		discard(due);
	}
}

void parked_expire(struct turn *t)
{
	struct core *core = t->core;

	while (core->parking.n && core->parking.first->expires_us <= t->now_us) {
		struct parked *p = core->parking.first;

		take_out(core, p);
		refuse(t, p, "it did not come in time");
		discard(p);
	}
}

uint64_t parked_next(const struct core *core)
{
	return core->parking.n ? core->parking.first->expires_us : UINT64_MAX;
}

void parked_clear(struct core *core)
{
	while (core->parking.n) {
		struct parked *p = core->parking.first;

		take_out(core, p);
		discard(p);
	}
}
