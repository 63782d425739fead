/*
 * Graceful restart (the idea of RFC 3473 section 9): what the adaptors find when a controller starts is from its former
 * life and still carries traffic. It is counted as reserved, its VLANs and levels are taken, until its session is learnt
 * again from the neighbours, who says so claims it; what nobody claims within the recovery time is removed.
 *
 *     core_found     each adaptor's word of each session         } the books are right before the first message
 *     core_recover   that was all: the recovery time begins      }
 *     recovery_claim     a session is made that was found: it takes over what is there, and is `recovering`
 *     recovery_waits     until all its endpoints are confirmed, or half of the recovery time has passed, nothing of it is
 *                        changed here, and nothing is said upstream that the neighbour does not know already
 *     recovery_tick      the time is over: what is still unclaimed goes, no faster than states may lapse (tick.c)
 *
 * Waiting matters because neighbours tell what they know one after the other. The first Resv alone would take the other
 * branches' ports, rates and weights away, here and (as a Resv that lists less) at every hop up to the leader.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "signald/session.h"

struct found {
	struct keymap_entry entry;            /* first */
	struct found *next, **at;             /* of all that is unclaimed; what points to it */
	uint16_t vlan;
	uint8_t n_holds;
	struct hold *hold;                    /* of the core's pool */
	uint64_t level[RESOURCE_MAX + 1];
	uint32_t handled[RESOURCE_MAX + 1];
};

uint64_t core_recovery_time(const struct core *core)
{
	return core->config.recovery_us ? core->config.recovery_us : core_lifetime(core, core->config.refresh_us);
}

static struct found *obtain(struct core *core, struct adaptor_key key)
{
	struct found *f = (struct found *)keymap_find(&core->recovery.found, key);

	if (f)
		return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->entry.key = key;
	if (keymap_add(&core->recovery.found, &f->entry)) {
		free(f);
		return NULL;
	}
	f->at = &core->recovery.first;
	f->next = *f->at;
	if (f->next)
		f->next->at = &f->next;
	*f->at = f;
	return f;
}

/* Two adaptors may serve the same port: the larger rate is what it takes. */
static int found_hold(struct core *core, struct found *f, int port, uint64_t bps)
{
	struct hold *h;
	unsigned i = 0;

	if (!bps || port < 0 || (unsigned)port >= core->config.n_ports)
		return 0;
	while (i < f->n_holds && f->hold[i].port != port)
		i++;
	if (i == f->n_holds) {
		h = pool_resize(&core->pool, f->hold, i * sizeof(*h), (i + 1) * sizeof(*h));
		if (!h)
			return -ENOMEM;
		f->hold = h;
		f->hold[f->n_holds++] = (struct hold){ port, 0 };
	}
	if (bps <= f->hold[i].bps)
		return 0;
	core->config.port[port].reserved_bps += bps - f->hold[i].bps;
	f->hold[i].bps = bps;
	return 0;
}

int core_found(struct core *core, const struct core_found *found)
{
	struct found *f;
	int r = 0;

	/* an adaptor that was late: what the session wants it has been told; what is no session's any more its audit removes */
	if (core->recovery.over || session_find(core, found->key))
		return 0;
	f = obtain(core, found->key);
	if (!f)
		return -ENOMEM;
	if (found->vlan && !f->vlan && !vlan_reserve(core, found->vlan))
		f->vlan = found->vlan;
	for (unsigned i = 0; i < found->n_ports && !r; i++)
		r = found_hold(core, f, found->port[i].port, found->port[i].bps);
	for (unsigned i = RESOURCE_CPU; i <= RESOURCE_MAX; i++) {
		if (!found->level[i] || f->level[i])
			continue;
		f->level[i] = found->level[i];
		core->config.resource[i].used += f->level[i];
	}
	for (unsigned i = 1; i <= RESOURCE_MAX; i++)
		if (found->handled[i])
			f->handled[i] = found->handled[i];
	return r;
}

void core_recover(struct core *core, uint64_t now_us)
{
	core->recovery.over = 0;
	core->recovery.until_us = now_us + core_recovery_time(core);
	if (core->recovery.found.count)
		log_msg(LOG_LEVEL_INFO, "%zu ICorps of a former life are here; they are to be claimed within %.1f s",
			core->recovery.found.count, (double)core_recovery_time(core) / 1e6);
}

uint64_t core_recovers_until(const struct core *core)
{
	return core->recovery.until_us;
}

size_t core_unclaimed(const struct core *core)
{
	return core->recovery.found.count;
}

static void found_free(struct core *core, struct found *f)
{
	keymap_remove(&core->recovery.found, &f->entry);
	*f->at = f->next;
	if (f->next)
		f->next->at = f->at;
	pool_put(&core->pool, f->hold, f->n_holds * sizeof(*f->hold));
	free(f);
}

/* What it held is to be had again. */
static void found_release(struct core *core, struct found *f)
{
	for (unsigned i = 0; i < f->n_holds; i++)
		core->config.port[f->hold[i].port].reserved_bps -= f->hold[i].bps;
	for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++)
		core->config.resource[r].used -= f->level[r];
	if (f->vlan)
		vlan_return(core, f->vlan);
	found_free(core, f);
}

void recovery_free(struct core *core)
{
	while (core->recovery.first)
		found_release(core, core->recovery.first);
	keymap_free(&core->recovery.found);
}

/* Our ISC's, if this is its server; it may not be placed yet. */
static struct leaf *our_server(const struct core *core, struct session *s)
{
	struct leaf *leaf = leaf_by_addr(s, core->config.address);

	return leaf && leaf_ep(s, leaf)->kind == ENDPOINT_SERVER ? leaf : NULL;
}

/* Our ISC keeps its levels, and what it asked for once is not done twice. */
static void claim_levels(struct core *core, struct session *s, const struct found *f)
{
	struct leaf *leaf = our_server(core, s);
	struct leaf_more *more = leaf ? leaf_more(leaf) : NULL;

	if (!more || !f->level[RESOURCE_CPU]) {
		for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++)
			core->config.resource[r].used -= f->level[r];
		return;
	}
	isc_levels_init(core, s, leaf);
	for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++) {
		if (f->level[r])
			more->level[r] = f->level[r];
		core->config.resource[r].used += more->level[r] - f->level[r]; /* not all can be read back */
	}
	memcpy(more->handled, f->handled, sizeof(more->handled));
}

/* A server commits while it waits, and renews that: it keeps the time apart, in what it needs for its ISC anyway. */
static void wait_until(const struct core *core, struct session *s, uint64_t at_us)
{
	if (our_server(core, s) && session_more(s))
		s->more->recover_by_us = at_us;
	else
		s->renew_us = at_us;
}

static uint64_t waits_until(const struct session *s)
{
	uint64_t apart = session_rest(s)->recover_by_us;

	return apart ? apart : s->renew_us;
}

/* A shortcut came first and claimed what is here: s may be what is in force, the tree above all, so it waits, too. */
static void wait_beside(struct core *core, struct session *s)
{
	for EACH_REVISION(m, core, s) {
		if (m == s || !m->recovering || !session_is_cut(m))
			continue;
		s->recovering = 1;
		wait_until(core, s, waits_until(m));
		return;
	}
}

void recovery_claim(struct turn *t, struct session *s)
{
	struct core *core = t->core;
	struct found *f = core->recovery.found.count ? (struct found *)keymap_find(&core->recovery.found, s->key) : NULL;

	if (session_is_cut(s) && leaf_by_addr(s, core->config.address))
		return; /* at an endpoint it is the tree's */
	if (!f) {
		wait_beside(core, s);
		return;
	}
	s->recovering = s->asked = 1;
	s->adaptors = UINT16_MAX;
	wait_until(core, s, t->now_us + core_recovery_time(core) / 2);
	s->hold = f->hold;
	s->n_holds = s->holds_room = f->n_holds;
	f->hold = NULL;
	f->n_holds = 0;
	s->vlan = f->vlan;
	s->vlan_ours = f->vlan != 0;
	claim_levels(core, s, f);
	if (s->key.leader.s_addr == core->config.address.s_addr)
		s->was_complete = 1; /* it was admitted: an endpoint that is gone by now costs that endpoint, not the ICorp */
	found_free(core, f);
	log_icorp(LOG_LEVEL_INFO, s->key.icorp, "learnt again: what is here of it stays");
}

static struct found *found_with(const struct core *core, uint16_t vlan)
{
	struct keymap_entry *at = NULL;

	while (vlan && (at = keymap_next(&core->recovery.found, at)))
		if (((struct found *)at)->vlan == vlan)
			return (struct found *)at;
	return NULL;
}

int recovery_has_vlan(const struct core *core, uint16_t vlan)
{
	return found_with(core, vlan) != NULL;
}

void recovery_evict(struct turn *t, uint16_t vlan)
{
	struct found *f = found_with(t->core, vlan);

	if (!f)
		return;
	log_icorp(LOG_LEVEL_WARN, f->entry.key.icorp, "removed: the neighbour has given its VLAN %u to another", vlan);
	action_add(t, CORE_REVOKE)->key = f->entry.key;
	found_release(t->core, f);
}

uint64_t recovery_bps(const struct session *s)
{
	uint64_t base = session_base(s);

	for (unsigned i = 0; s->recovering && i < s->n_holds; i++)
		if (s->hold[i].port == s->up.port && s->hold[i].bps / 8 != base / 8) /* kernels count bytes */
			return s->hold[i].bps;
	return base;
}

/* Does a session of the ICorp use that port? A shortcut that is not in force counts only when all do. */
static int is_used(struct core *core, const struct session *s, int port, int all)
{
	for EACH_REVISION(m, core, s) {
		if (session_is_cut(m) && m->state != SESSION_UP && !all)
			continue;
		if (m->up.port == port || upstream_former_port(m) == port)
			return 1;
		for (const struct branch *b = m->branch; b; b = b->next)
			if (b->port == port)
				return 1;
	}
	return 0;
}

int recovery_holds_back(struct core *core, const struct session *s)
{
	if (!s->recovering || !session_is_cut(s))
		return 0;
	for EACH_REVISION(m, core, s)
		for (unsigned i = 0; m->recovering && i < m->n_holds; i++)
			if (!is_used(core, m, m->hold[i].port, 1))
				return 1;
	return 0;
}

/* All that its neighbours are to say about it has been said. */
static int whole(struct core *core, const struct session *s)
{
	for (unsigned i = 0; i < s->n_holds; i++)
		if (!is_used(core, s, s->hold[i].port, 0))
			return 0;
	for (unsigned i = 0; i < s->n_leaves; i++)
		if (s->leaf[i].where == LEAF_BRANCH && !s->leaf[i].up)
			return 0;
	return 1;
}

/* Holds what its neighbours told. An increase that came meanwhile has to be admitted like any other. 0 or -ENOSPC. */
static int hold_what_was_told(struct turn *t, struct session *s)
{
	uint64_t fits, stands;
	int port;

	if (!session_hold(t, s, &port, &fits))
		return 0;
	stands = session_held(s, port);
	for (struct branch *b = s->branch; b; b = b->next) {
		if (b->rate_bps <= stands || !branch_goes_through(s, b, port))
			continue;
		branch_refuse(t, s, b, b->rate_bps, stands ? stands : session_base(s), RSVP_ERR_ADMISSION,
			      RSVP_ADMISSION_BANDWIDTH, "no capacity after a restart");
	}
	return session_hold(t, s, &port, &fits);
}

/* From now on it wants what its neighbours told. 0, or -ENOSPC: it cannot be held; it waits on, and tries again. */
static int recovered(struct turn *t, struct session *s)
{
	s->recovering = 0;
	if (hold_what_was_told(t, s)) {
		s->recovering = 1;
		wait_until(t->core, s, t->now_us + core_lifetime(t->core, t->core->config.refresh_us) / 3);
		log_icorp(LOG_LEVEL_WARN, s->key.icorp, "what is told of it again does not fit, or there is no memory: it stays as it is");
		return -ENOSPC;
	}
	if (!s->committed) /* else it is when that is renewed, or tried again */
		s->renew_us = 0;
	if (s->more)
		s->more->recover_by_us = 0;
	s->dirty_terms = s->dirty_up = s->dirty_down = s->dirty_report = 1;
	for (unsigned i = 0; i < s->n_leaves; i++) {
		struct leaf *leaf = &s->leaf[i];

		if (leaf->where == LEAF_LOCAL) { /* our proxy has been in force all the time */
			leaf->up = 1;
			leaf->flags |= RSVP_LOAD_UP;
		} else if (s->leading && leaf->where == LEAF_BRANCH && !leaf->up && leaf_more(leaf)) {
			leaf->more->prune_us = t->now_us + core_lifetime(t->core, t->core->config.refresh_us);
		}
	}
	return 0;
}

int recovery_waits(struct turn *t, struct session *s)
{
	if (!s->recovering || ((whole(t->core, s) || t->now_us >= waits_until(s)) && !recovered(t, s)))
		return 0;
	return !leaf_of_isc(s); /* a server has all its terms at once: only its ISC's answer is missing */
}

static void unclaimed(struct turn *t, struct found *f)
{
	static const char why[] = "nobody claimed it within the recovery time: removed";

	log_icorp(LOG_LEVEL_WARN, f->entry.key.icorp, "%s", why);
	action_refused(t, f->entry.key, RSVP_ERR_NO_PATH, 0, why);
	action_add(t, CORE_REVOKE)->key = f->entry.key;
	found_release(t->core, f);
}

int recovery_finds(const struct core *core, struct adaptor_key key)
{
	return core->recovery.found.count && keymap_find(&core->recovery.found, key);
}

/* So often at most some of it goes. */
#define GOES_EVERY_US (10 * CLOCK_MS)

void recovery_tick(struct turn *t)
{
	struct core *core = t->core;
	uint64_t rate = core->config.expiry_rate, every_us = GOES_EVERY_US, n = UINT64_MAX;

	if (!core->recovery.until_us || t->now_us < core->recovery.until_us)
		return;
	core->recovery.over = 1;
	if (rate) {
		every_us = rate * GOES_EVERY_US < CLOCK_S ? CLOCK_S / rate : GOES_EVERY_US;
		n = rate * every_us / CLOCK_S;
	}
	for (; n && core->recovery.first; n--)
		unclaimed(t, core->recovery.first);
	core->recovery.until_us = core->recovery.first ? t->now_us + every_us : 0;
	if (!core->recovery.first)
		action_add(t, CORE_RECOVERED);
}
