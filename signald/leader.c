/*
 * What only the leader's controller does: originate the Path, correlate the Resvs, price what they add up to, say who is
 * up with which weight, and report to the gatekeeper. It is the seed's leader proxy's correlation; the proxy itself is
 * told through its adaptor like every other technology.
 */
#include <errno.h>
#include <string.h>

#include "lib/log.h"
#include "signald/leader.h"
#include "signald/session.h"

enum leader_state leader_state(const struct session *s)
{
	unsigned up = 0;

	if (s->state == SESSION_FAILED)
		return LEADER_FAILED;
	if (s->closing)
		return LEADER_GONE;
	for (unsigned i = 0; i < s->n_leaves; i++)
		up += s->leaf[i].up != 0;
	if (up == s->n_leaves && (s->was_complete || !s->cookie)) /* at first, not before our own commit is done */
		return LEADER_COMPLETE;
	return s->was_complete ? LEADER_DEGRADED : LEADER_SIGNALING;
}

const char *leader_state_name(enum leader_state state)
{
	static const char *const names[] = { "signaling", "complete", "degraded", "failed", "gone" };

	return state <= LEADER_GONE ? names[state] : "?";
}

/* The level a server granted its ISC, as its own grant says; the contract's until it spoke. */
static uint64_t granted_level(const struct session *s, const struct contract_endpoint *ep, enum resource resource)
{
	struct rsvp_grant g;

	for (const struct branch *b = s->branch; b; b = b->next)
		for (uint32_t at = 0; grants_next(&b->grants, &at, &g);)
			if (g.node.s_addr == ep->control.s_addr && g.endpoint.s_addr == ep->control.s_addr &&
			    g.resource == resource)
				return g.level;
	return contract_level(s->contract, ep, resource);
}

uint64_t leader_price(const struct session *s)
{
	uint64_t sum = contract_price(s->contract, RESOURCE_BANDWIDTH, session_merged(s));

	for (unsigned i = 0; i < s->n_leaves; i++) {
		const struct contract_endpoint *ep = &s->contract->endpoints[i];

		if (ep->kind != ENDPOINT_SERVER || !s->leaf[i].up)
			continue;
		for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++) {
			uint64_t one = contract_price(s->contract, r, granted_level(s, ep, r));

			sum = sum > UINT64_MAX - one ? UINT64_MAX : sum + one;
		}
	}
	return sum;
}

/* Grants that answer a demand go back down to who asked. */
static void collect_told(struct turn *t, struct session *s)
{
	struct pool *pool = &t->core->pool;
	struct grants told = { 0 };
	struct rsvp_grant g;

	for (struct grant_cursor at = { 0 }; session_grant_next(t->core, s, &at, &g);)
		if (g.sequence) {
			g.flags &= (uint8_t)~RSVP_GRANT_USED; /* that is no answer */
			grants_add(pool, &told, &g);
		}
	if (!told.len && !session_rest(s)->told.len)
		return;
	if (!session_more(s)) {
		grants_free(pool, &told);
		return;
	}
	grants_free(pool, &s->more->told);
	s->more->told = told;
}

void leader_weigh(struct core *core, struct session *s)
{
	s->told = 1;
	for (unsigned i = 0; i < s->n_leaves; i++) {
		struct leaf *leaf = &s->leaf[i];
		uint8_t flags = leaf->up ? leaf->flags : 0;
		uint16_t weight = flags & RSVP_LOAD_UP && leaf_ep(s, leaf)->kind == ENDPOINT_SERVER;

		revision_weigh(core, s, leaf, &flags, &weight);
		s->dirty_terms |= s->asked && (leaf->weight != weight || (leaf->told_flags ^ flags) & RSVP_LOAD_UP);
		leaf->told_flags = flags;
		leaf->weight = weight;
	}
}

void leader_update(struct turn *t, struct session *s)
{
	const struct contract_prices *prices = &s->contract->prices;
	uint32_t h = HASH_START;

	s->price.micro = leader_price(s);
	s->price.interval_s = prices->interval_s;
	memcpy(s->price.currency, prices->currency, sizeof(s->price.currency));
	h = hash_u64(h, s->price.micro);
	collect_told(t, s);
	h = hash_bytes(h, session_rest(s)->told.data, session_rest(s)->told.len);
	leader_weigh(t->core, s);
	for (unsigned i = 0; i < s->n_leaves; i++)
		h = hash_u64(h, (uint64_t)s->leaf[i].told_flags << 16 | s->leaf[i].weight);
	if (leader_state(s) == LEADER_COMPLETE && !s->was_complete)
		s->was_complete = s->dirty_report = 1;
	if (h != session_rest(s)->told_hash) {
		struct session_more *more = session_more(s);

		if (more)
			more->told_hash = h;
		s->dirty_down = s->dirty_report = 1;
	}
}

void leader_tear(struct turn *t, struct session *s)
{
	for (struct branch *b = s->branch; b; b = b->next)
		send_path_tear(t, s, b);
	session_close(t, s);
}

/* Refused somewhere before it was ever complete: everything reserved so far is released. What it was to replace stands. */
void leader_failed(struct turn *t, struct session *s)
{
	struct session *stands = revision_standing(t->core, s);

	session_chstate(t, s, SESSION_FAILED, session_rest(s)->error.reason);
	if (stands)
		revision_failed(stands, s);
	action_session(t, CORE_REPORT, s);
	leader_tear(t, s);
}

/* Is it here, or was it replaced? Then its state is reported again. Another contract of its number goes: it begins anew. */
static int known(struct turn *t, struct adaptor_key key, const struct contract *contract)
{
	struct session *newest = NULL, *same = NULL;

	for (struct session *s = session_find(t->core, key); s; s = session_newer(s)) {
		newest = s;
		if (s->contract->revision == contract->revision)
			same = s;
	}
	if (!newest || newest->contract->revision < contract->revision)
		return 0;
	if (same && memcmp(same->contract->digest, contract->digest, SHA256_SIZE)) {
		leader_tear(t, same);
		return 0;
	}
	same = same ? same : newest;
	same->dirty_report = 1;
	session_settle(t, same);
	return 1;
}

int core_originate(struct core *core, struct contract *contract, uint64_t now_us, struct core_actions *actions)
{
	const struct contract_endpoint *leader = contract_leader(contract);
	struct adaptor_key key = { contract->id, core->config.address };
	const struct contract_endpoint *moved;
	struct leaf *unplaced = NULL;
	struct session *s;
	struct turn t;

	turn_begin(&t, core, now_us, actions);
	if (!leader || !contract->id || leader->control.s_addr != core->config.address.s_addr || leader->kind != ENDPOINT_ACCESS)
		return -EINVAL;
	if (known(&t, key, contract))
		return 0;
	revision_supersede(&t, key);
	s = session_create(&t, key, contract, key.leader);
	if (!s)
		return -ENOMEM;
	s->leading = 1;
	s->up.expires_us = UINT64_MAX;
	if (session_find(core, key) != s) {
		if (!session_more(s)) {
			session_close(&t, s);
			return -ENOMEM;
		}
		s->more->complete_by_us = now_us + core->config.isc_start_us + core_lifetime(core, core->config.refresh_us);
	}
	moved = revision_moves_isc(core, s);
	if (moved) {
		session_refuse(&t, s, RSVP_ERR_POLICY, RSVP_POLICY_CONTRACT,
			       "%s has another address in revision %u, and keeps it as long as that stands", moved->element,
			       revision_standing(core, s)->contract->revision);
		return 0;
	}
	log_icorp(LOG_LEVEL_INFO, key.icorp, "leading %s, revision %u", contract->name, contract->revision);
	for (unsigned i = 0; i < s->n_leaves; i++)
		if (leaf_place(&t, s, &s->leaf[i]))
			unplaced = &s->leaf[i];
	if (unplaced) {
		session_refuse(&t, s, RSVP_ERR_ROUTING, RSVP_ROUTING_NO_ROUTE, "no way to %s", leaf_ep(s, unplaced)->element);
		return 0;
	}
	if (path_reserve(&t, s))
		return 0;
	s->dirty_down = s->dirty_report = s->dirty_terms = 1;
	session_settle(&t, s);
	return 0;
}

int core_withdraw(struct core *core, uint32_t icorp, uint64_t now_us, struct core_actions *actions)
{
	struct adaptor_key key = { icorp, core->config.address };
	struct session *s = session_find(core, key), *last = s;
	struct turn t;

	turn_begin(&t, core, now_us, actions);
	if (!s || !s->leading)
		return -ENOENT;
	for (; s; s = session_find(core, key)) {
		last = s;
		leader_tear(&t, s);
	}
	action_session(&t, CORE_REPORT, last);
	return 0;
}
