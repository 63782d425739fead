/*
 * Resv, ResvTear and ResvConf (RFC 2205 section 3.1.4 to 3.1.8, RFC 2209 section 2; RFC 4875 section 6). A Resv
 * confirms leaves and carries what they ask for; a changed one is admitted, committed through the adaptors, and only
 * then passed on, merged, towards the leader: "complete" at the leader means committed everywhere.
 */
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "signald/session.h"

uint32_t hash_bytes(uint32_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static uint32_t hash_grant(uint32_t h, const struct rsvp_grant *g)
{
	h = hash_u64(h, (uint64_t)g->node.s_addr << 32 | g->endpoint.s_addr);
	h = hash_u64(h, (uint64_t)g->resource << 16 | (uint64_t)g->outcome << 8 | g->enforcement);
	h = hash_u64(hash_u64(h, g->level), g->sequence);
	if (g->flags & RSVP_GRANT_USED)
		h = hash_u64(h, g->used);
	return hash_bytes(h, g->reason, strlen(g->reason));
}

/* Load is passed on when it changed by much: a tenth of the CPU or the memory, twice the connections. */
static uint64_t coarse_load(const struct rsvp_load *l)
{
	unsigned doublings = 0;

	while (l->connections >> doublings && doublings < 32)
		doublings++;
	return (uint64_t)l->flags << 24 | (uint64_t)(l->cpu_permille / 100) << 16 | (uint64_t)(l->memory_permille / 100) << 8 |
	       doublings;
}

/* All that matters of a Resv: when it is the same, the Resv is a refresh. */
static uint32_t resv_hash(const struct rsvp_msg *msg)
{
	uint32_t h = hash_u64(HASH_START, msg->flow.rate_bps);

	for (unsigned i = 0; i < msg->s2l.n; i++)
		h = hash_u64(h, msg->s2l.v[i].addr.s_addr);
	for (unsigned i = 0; i < msg->demands.n; i++) {
		const struct rsvp_demand *d = &msg->demands.v[i];

		h = hash_u64(hash_u64(h, d->endpoint.s_addr), (uint64_t)d->resource << 32 | d->sequence);
		h = hash_u64(h, d->want);
	}
	for (unsigned i = 0; i < msg->loads.n; i++)
		h = hash_u64(h, coarse_load(&msg->loads.v[i]));
	h = hash_u64(h, (uint64_t)msg->template_.group << 32 | (msg->has & RSVP_HAS_CONFIRM ? msg->confirm.s_addr : 0));
	for (unsigned i = 0; i < msg->grants.n; i++)
		h = hash_grant(h, &msg->grants.v[i]);
	return h;
}

void leaf_lost(struct turn *t, struct session *s, struct leaf *leaf, const char *why)
{
	log_icorp(LOG_LEVEL_WARN, s->key.icorp, "%s: no longer confirmed: %s", leaf_ep(s, leaf)->element, why);
	leaf->up = 0;
	if (leaf->more)
		memset(leaf->more->demand, 0, sizeof(leaf->more->demand));
	s->dirty_terms = s->dirty_up = s->dirty_report = 1;
	if (!s->leading)
		send_resv_tear(t, s, leaf);
	else if (leaf_more(leaf))
		leaf->more->prune_us = t->now_us + core_lifetime(t->core, t->core->config.refresh_us);
	if (leaf->branch && leaf->branch->isc && s->state != SESSION_FAILED) {
		isc_levels_release(t->core, s, leaf);
		if (s->more)
			s->more->isc_path_us = s->more->isc_deadline_us = 0;
		session_chstate(t, s, SESSION_FAILED, "its ISC is gone");
		send_isc_gone(t, s);
		session_release(t->core, s);
	}
}

static void resv_leaves(struct turn *t, struct session *s, struct branch *b, const struct rsvp_msg *msg)
{
	for (unsigned i = 0; i < s->n_leaves; i++) {
		struct leaf *leaf = &s->leaf[i];

		if (leaf->branch != b)
			continue;
		if (leaf_listed(s, leaf, msg)) {
			if (leaf->more)
				leaf->more->prune_us = 0;
			if (leaf->up)
				continue;
			leaf->up = 1;
			s->dirty_terms = s->dirty_report = 1;
			log_icorp(LOG_LEVEL_INFO, s->key.icorp, "%s: confirmed", leaf_ep(s, leaf)->element);
		} else if (leaf->up) {
			leaf_lost(t, s, leaf, "no longer in the reservation");
		}
	}
}

static void resv_loads(struct session *s, const struct branch *b, const struct rsvp_msg *msg)
{
	for (unsigned i = 0; i < msg->loads.n; i++) {
		struct leaf *leaf = leaf_by_addr(s, msg->loads.v[i].endpoint);

		if (!leaf || leaf->branch != b)
			continue;
		leaf->flags = msg->loads.v[i].flags;
		leaf->load.cpu_permille = msg->loads.v[i].cpu_permille;
		leaf->load.memory_permille = msg->loads.v[i].memory_permille;
		leaf->load.connections = msg->loads.v[i].connections;
	}
}

/* The rate this Resv asks for, unless a blockade holds it down. An ISC's is moved by its demands, not by its own word. */
static uint64_t resv_rate(const struct turn *t, const struct session *s, struct branch *b, const struct rsvp_msg *msg)
{
	if (b->isc || (branch_blocked(t, b, msg->flow.rate_bps) && !demand_is_new(s, b)))
		return b->rate_bps;
	return msg->flow.rate_bps;
}

void resv_admit(struct turn *t, struct session *s, struct branch *b, uint64_t rate_bps)
{
	uint64_t former = b->rate_bps, fits = 0;
	char why[ADAPTOR_REASON];
	int port;

	b->rate_bps = rate_bps;
	if (!session_hold(t, s, &port, &fits)) {
		branch_unblock(b, rate_bps);
		if (rate_bps != former)
			s->dirty_terms = 1;
		if (rate_bps > former)
			preempt_forget(t, s);
		demand_bandwidth_result(t, s, b, NULL, 0);
		return;
	}
	b->rate_bps = former;
	t->core->counter[CORE_REFUSED]++;
	snprintf(why, sizeof(why), "no capacity on %s: %llu bit/s would fit", t->core->config.port[port].ifname,
		 (unsigned long long)fits);
	log_icorp(LOG_LEVEL_INFO, s->key.icorp, "increase to %llu bit/s refused: %s", (unsigned long long)rate_bps, why);
	action_refused(t, s->key, RSVP_ERR_ADMISSION, RSVP_ADMISSION_BANDWIDTH, why);
	demand_bandwidth_result(t, s, b, why, fits);
	branch_refuse(t, s, b, rate_bps, former, RSVP_ERR_ADMISSION, RSVP_ADMISSION_BANDWIDTH, why);
}

static void resv_demands(struct turn *t, struct session *s, struct branch *b, const struct rsvp_msg *msg)
{
	for (unsigned i = 0; i < s->n_leaves; i++) {
		struct leaf *leaf = &s->leaf[i];
		uint32_t present = 0;

		if (leaf->branch != b)
			continue;
		for (unsigned k = 0; k < msg->demands.n; k++) {
			const struct rsvp_demand *d = &msg->demands.v[k];
			unsigned slot = resource_slot(d->resource);

			if (d->endpoint.s_addr != leaf_ep(s, leaf)->control.s_addr || !d->sequence || (!slot && present & 1))
				continue;
			present |= 1u << slot;
			demand_input(t, s, leaf, d);
		}
		for (unsigned r = 0; leaf->more && r <= RESOURCE_MAX; r++)
			if (!(present & 1u << r))
				leaf->more->demand[r].sequence = 0; /* answered: it no longer asks */
		if (leaf->more && !(present & 1u << RESOURCE_BANDWIDTH))
			leaf->more->former_bps = 0; /* what it got is its own: less of it is only what does not stand */
	}
}

/* RFC 2205 section 3.1.8: the leader answers, whoever merges passes the request on. */
static void resv_confirm(struct turn *t, struct session *s, struct branch *b, const struct rsvp_msg *msg)
{
	struct rsvp_msg *m;

	if (!(msg->has & RSVP_HAS_CONFIRM))
		return;
	if (!s->leading) {
		s->confirm = msg->confirm;
		return;
	}
	m = message_begin(t, RSVP_RESV_CONF, s);
	m->error.node = t->core->config.address;
	m->confirm = msg->confirm;
	m->style = RSVP_STYLE_SE;
	m->flow = msg->flow;
	m->template_ = msg->template_;
	m->has |= RSVP_HAS_ERROR | RSVP_HAS_CONFIRM | RSVP_HAS_STYLE | RSVP_HAS_FLOWSPEC | RSVP_HAS_FILTER;
	message_send(t, s, b->neighbour, 0, 0);
}

/* Who is behind a branch speaks for it, and nobody else does; a client's ISC for no other branch. */
static int may_speak(const struct branch *b, const struct core_from *from)
{
	return b->isc == !!from->isc && from->addr.s_addr == b->neighbour.s_addr;
}

/* Is it of who may say it, and not older than what was said? */
static int is_news(struct turn *t, const struct session *s, const struct branch *b, const struct rsvp_msg *msg,
		   const struct core_from *from)
{
	if (!may_speak(b, from)) {
		t->core->counter[CORE_NOT_ITS_OWN]++;
		return 0;
	}
	if (!b->isc && message_age(t->core, s, from->addr, b->resv_id, msg) == MESSAGE_OLD) {
		t->core->counter[CORE_STALE]++;
		return 0;
	}
	return 1;
}

/*
 * The Path went to an address, and whoever is there answers by its own (a gateway that is known by its other address, or
 * the first controller behind a router without one): that is our neighbour.
 */
static int stranger_answers(const struct branch *b, const struct core_from *from)
{
	return !b->isc && !from->isc && !b->resv_expires_us && from->addr.s_addr != b->neighbour.s_addr;
}

/*
 * Whom a Resv or ResvTear is about: the revision it names, and the branch by its LIH. An ISC answers for every revision: it
 * is the oldest one's word (revision_mirror). NULL: nobody.
 */
static struct session *resv_session(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from,
				    struct branch **b)
{
	struct session *s = session_of(t->core, msg);

	*b = s ? branch_by_lih(s, msg->hop.lih) : NULL;
	if (!from->isc)
		return s;
	for (struct session *m = session_find(t->core, (struct adaptor_key){ msg->session.icorp, msg->session.leader }); m;
	     m = session_newer(m)) {
		struct branch *isc = m->state == SESSION_FAILED ? NULL : branch_of_isc(m, from->addr);

		if (!isc)
			continue;
		*b = isc;
		return m;
	}
	return s;
}

#define GATHER_US 20000 /* what came in parts is passed on once */

/* No part has more of them. */
static unsigned part_grants(const struct rsvp_msg *msg)
{
	return msg->grants.n < RSVP_PART_GRANTS ? msg->grants.n : RSVP_PART_GRANTS;
}

/* This part of the Resv is here; after the last one there is none to wait for. */
static void part_is_here(struct branch *b, const struct rsvp_msg *msg)
{
	unsigned part = msg->template_.group & ~RSVP_PART_MORE;

	b->parts |= (uint16_t)((msg->template_.group & RSVP_PART_MORE ? 1u : UINT16_MAX) << part);
}

/*
 * A further part of a Resv: GRANTs that had no room in the first one. The parts are numbered one after the other, so each says
 * which Resv it is of. 0: that is not here yet, or there is no memory: it is to come again.
 */
static int resv_further(struct turn *t, struct session *s, struct branch *b, const struct rsvp_msg *msg)
{
	unsigned part = msg->template_.group & ~RSVP_PART_MORE, last = !(msg->template_.group & RSVP_PART_MORE);
	int news;

	if (part >= RSVP_PARTS)
		return 1;
	if ((msg->has & RSVP_HAS_ID) && msg->id.id - part != b->resv_id)
		return 0;
	news = grants_set(&t->core->pool, &b->grants, part, (int)last, msg->grants.v, part_grants(msg));
	if (news < 0)
		return 0;
	part_is_here(b, msg);
	if (!news)
		return 1;
	s->dirty_up = s->dirty_report = 1;
	session_settle_soon(t, s, GATHER_US);
	return 1;
}

static void resv_changed(struct turn *t, struct session *s, struct branch *b, const struct rsvp_msg *msg)
{
	s->dirty_up = s->dirty_report = 1;
	resv_leaves(t, s, b, msg);
	if (!b->isc && grants_set(&t->core->pool, &b->grants, 0, !(msg->template_.group & RSVP_PART_MORE), msg->grants.v,
				  part_grants(msg)) < 0) /* an ISC grants nothing */
		b->resv_hash = 0;
	resv_demands(t, s, b, msg);
	resv_admit(t, s, b, resv_rate(t, s, b, msg));
	if (!b->isc)
		resv_confirm(t, s, b, msg);
	if (b->isc && session_rest(s)->isc_deadline_us) {
		s->more->isc_deadline_us = 0;
		s->confirm = t->core->config.address;
	}
}

/*
 * It confirms an endpoint that this branch was not asked for: one given up a moment ago, which it has not heard of yet.
 * Such a Resv is not one to rely on. Were the endpoint asked for again before word of the end arrives, both ends would
 * be content with what they have, and nobody say it is confirmed.
 */
static int confirms_others(const struct session *s, const struct branch *b, const struct rsvp_msg *msg)
{
	for (unsigned i = 0; i < msg->s2l.n; i++) {
		const struct leaf *leaf = leaf_by_addr(s, msg->s2l.v[i].addr);

		if (!leaf || leaf->branch != b)
			return 1;
	}
	return 0;
}

/* The first part of a Resv, or all of it: the state. What cannot be relied on is not refreshed, but asked for in full. */
static void resv_first(struct turn *t, struct session *s, struct branch *b, const struct rsvp_msg *msg,
		       const struct core_from *from)
{
	uint32_t hash = hash_u64(resv_hash(msg), from->gap) | 1u; /* 0 means none */
	int news, isc = b->isc;

	b->refresh_ms = isc ? (uint32_t)(t->core->config.refresh_us / 1000) : msg->refresh_ms;
	branch_renew(b, t->now_us + core_their_lifetime(t->core, b->refresh_ms));
	if (!(msg->has & RSVP_HAS_ID) || msg->id.id != b->resv_id)
		b->parts = 0;
	if (!isc)
		message_learn(t, s, from->addr, &b->resv_id, msg);
	b->gap = (uint8_t)(from->gap < UINT8_MAX ? from->gap : UINT8_MAX);
	news = hash != b->resv_hash;
	if (news)
		reroute_confirmed(t, s, b, msg);
	resv_loads(s, b, msg);
	b->resv_hash = !isc && confirms_others(s, b, msg) ? 0 : hash;
	if (news)
		resv_changed(t, s, b, msg);
	if (b->resv_hash)
		part_is_here(b, msg);
	session_settle(t, s);
	if (isc && !s->closing)
		revision_mirror(t, s, news);
}

int resv_input(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from)
{
	struct branch *b;
	struct session *s = resv_session(t, msg, from, &b);

	if (!b || s->state == SESSION_FAILED) {
		t->core->counter[CORE_NO_PATH]++;
		return 1;
	}
	if (stranger_answers(b, from)) {
		b = branch_adopt(t, s, b, from->addr);
		if (!b) {
			session_settle(t, s); /* the Path goes out, and its Resv answers for all */
			return 1;
		}
	}
	if (!is_news(t, s, b, msg, from))
		return 1;
	if (msg->style != RSVP_STYLE_SE) { /* RFC 2205 section 3.1.8 */
		struct rsvp_error error = { t->core->config.address, 0, RSVP_ERR_STYLE, 0 };

		t->core->counter[CORE_REFUSED]++;
		send_resv_err(t, s, b, &error, NULL);
		return 1;
	}
	if (!b->isc && (msg->template_.group & ~RSVP_PART_MORE))
		return resv_further(t, s, b, msg);
	resv_first(t, s, b, msg, from);
	return 1;
}

static void resv_torn(struct turn *t, struct session *s, struct branch *b, const struct rsvp_msg *msg)
{
	unsigned left = 0;

	b->resv_hash = 0;
	for (unsigned i = 0; i < s->n_leaves; i++) {
		struct leaf *leaf = &s->leaf[i];

		if (leaf->branch != b)
			continue;
		if (leaf->up && leaf_torn(s, leaf, msg))
			leaf_lost(t, s, leaf, "torn down");
		left += leaf->up != 0;
	}
	if (!left) {
		uint64_t fits;
		int port;

		branch_unreserve(t, s, b);
		session_hold(t, s, &port, &fits); /* back to what the contract began with, as far as it fits */
	}
	session_settle(t, s);
}

void resv_tear_input(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from)
{
	struct branch *b;
	struct session *s = resv_session(t, msg, from, &b), *newer;

	if (!b)
		return;
	if (!is_news(t, s, b, msg, from))
		return;
	for (int isc = b->isc; s && b; s = newer) {
		newer = isc ? session_newer(s) : NULL;
		resv_torn(t, s, b, msg);
		b = newer ? branch_of_isc(newer, from->addr) : NULL;
	}
}

void resv_conf_input(struct turn *t, const struct rsvp_msg *msg)
{
	struct session *s = session_of(t->core, msg);
	struct leaf *leaf = s ? leaf_by_addr(s, msg->confirm) : NULL;
	struct rsvp_msg *m;

	if (!leaf || !leaf->branch)
		return;
	if (s->confirm.s_addr == msg->confirm.s_addr)
		s->confirm.s_addr = 0;
	if (leaf->branch->isc) {
		log_icorp(LOG_LEVEL_INFO, s->key.icorp, "the leader confirms the reservation");
		return;
	}
	m = message_begin(t, RSVP_RESV_CONF, s);
	m->error = msg->error;
	m->confirm = msg->confirm;
	m->style = msg->style;
	m->flow = msg->flow;
	m->template_ = msg->template_;
	m->has |= RSVP_HAS_ERROR | RSVP_HAS_CONFIRM | RSVP_HAS_STYLE |
		  (msg->has & (RSVP_HAS_FLOWSPEC | RSVP_HAS_FILTER));
	message_send(t, s, leaf->branch->neighbour, 0, 0);
}
