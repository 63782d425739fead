/*
 * Time: lifetimes, jitter, and what is due. Entries hold absolute deadlines; each session sits in the wheel at its
 * earliest, or earlier, and one timer serves all.
 *
 * What a lost neighbour no longer refreshes would all lapse at once, and every lapse tells other neighbours and the kernel.
 * So no more than expiry_rate states lapse within a second; each further one gets a later deadline, its place in the row.
 */
#include "lib/clock.h"
#include "lib/log.h"
#include "signald/session.h"

uint64_t core_jitter(struct core *core, uint64_t r_us)
{
	core->random ^= core->random << 13;
	core->random ^= core->random >> 7;
	core->random ^= core->random << 17;
	return r_us / 2 + core->random % (r_us + 1);
}

uint64_t core_lifetime(const struct core *core, uint64_t r_us)
{
	return (2 * core->config.multiplier + 1) * 3 * r_us / 4;
}

/* What a neighbour says of its R decides how long its state lives here, but not for ever and not for no time at all. */
#define MIN_REFRESH_MS 50
#define MAX_REFRESH_MS 3600000

uint64_t core_their_lifetime(const struct core *core, uint32_t refresh_ms)
{
	uint64_t ms = refresh_ms < MIN_REFRESH_MS ? MIN_REFRESH_MS : refresh_ms > MAX_REFRESH_MS ? MAX_REFRESH_MS : refresh_ms;

	return core_lifetime(core, ms * 1000);
}

static void earlier(uint64_t *at, uint64_t deadline)
{
	if (deadline && deadline < *at)
		*at = deadline;
}

static void settle_at(struct core *core, struct session *s, uint64_t at_us)
{
	if (!wheel_has(&s->timer) || at_us < s->timer.at_us)
		wheel_set(&core->timers, &s->timer, at_us);
}

void session_settle_soon(struct turn *t, struct session *s, uint64_t in_us)
{
	settle_at(t->core, s, t->now_us + in_us);
}

/* A commit that could not be asked for, or whose answer was lost, for lack of memory. */
#define APPLY_AGAIN_US 100000

void core_apply_again(struct core *core, struct adaptor_key key, uint64_t cookie, uint64_t now_us)
{
	struct session *s = revision_waiting(core, key, cookie);

	if (!s)
		return;
	s->dirty_terms = 1;
	settle_at(core, s, now_us + APPLY_AGAIN_US);
}

void session_schedule(struct turn *t, struct session *s)
{
	uint64_t at = UINT64_MAX;

	if (s->closing)
		return;
	for (unsigned i = 0; i < s->n_leaves; i++) {
		if (!s->leaf[i].more)
			continue;
		earlier(&at, s->leaf[i].more->move_us);
		if (s->leading)
			earlier(&at, s->leaf[i].more->prune_us);
	}
	if (s->former)
		earlier(&at, s->former->expires_us);
	for (const struct branch *b = s->branch; b; b = b->next) {
		earlier(&at, b->resv_expires_us);
		earlier(&at, b->blockade ? b->blockade->until_us : 0);
	}
	earlier(&at, s->up.expires_us);
	earlier(&at, session_rest(s)->isc_deadline_us);
	earlier(&at, session_rest(s)->isc_path_us);
	earlier(&at, session_rest(s)->recover_by_us);
	earlier(&at, session_rest(s)->complete_by_us);
	earlier(&at, session_rest(s)->replaced_us);
	earlier(&at, s->renew_us);
	if (s->dirty_terms && s->cookie)
		earlier(&at, t->now_us + APPLY_AGAIN_US);
	if (at == UINT64_MAX)
		wheel_remove(&t->core->timers, &s->timer);
	else if (!wheel_has(&s->timer) || at < s->timer.at_us) /* too early only looks, and schedules again */
		wheel_set(&t->core->timers, &s->timer, at);
}

/*
 * Has the deadline come, and may the state lapse? Otherwise it gets another deadline, at which it may. A storm lasts
 * until all places given have passed; its first second's may lapse at once.
 */
enum lapse { LAPSE_NOT, LAPSE_NOW, LAPSE_LATER };
static enum lapse lapses(struct turn *t, uint64_t *expires_us, int had_to_wait)
{
	struct core *core = t->core;
	uint64_t rate = core->config.expiry_rate, place;

	if (!*expires_us || *expires_us > t->now_us)
		return LAPSE_NOT;
	if (!rate || had_to_wait)
		return LAPSE_NOW;
	if (t->now_us >= core->lapses.since_us + core->lapses.n * CLOCK_S / rate) {
		core->lapses.since_us = t->now_us;
		core->lapses.n = 0;
	}
	place = core->lapses.since_us + core->lapses.n++ * CLOCK_S / rate;
	if (place < t->now_us + CLOCK_S)
		return LAPSE_NOW;
	*expires_us = place - CLOCK_S + 1;
	core->lapses.waiting++;
	return LAPSE_LATER;
}

/* Does the state that this hop's Paths keep lapse now? */
static int upstream_lapses(struct turn *t, struct upstream *up)
{
	enum lapse lapse = lapses(t, &up->expires_us, up->had_to_wait);

	if (lapse != LAPSE_NOT)
		up->had_to_wait = lapse == LAPSE_LATER;
	t->core->counter[CORE_LAPSED] += lapse == LAPSE_NOW;
	return lapse == LAPSE_NOW;
}

/* The Path state ran out, or the leader gives a leaf up. */
static void tick_leaves(struct turn *t, struct session *s)
{
	if (upstream_lapses(t, &s->up)) {
		log_icorp(LOG_LEVEL_INFO, s->key.icorp, "path state lapsed");
		if (upstream_fall_back(t, s))
			return;
		for (unsigned i = 0; i < s->n_leaves && !s->closing; i++)
			if (s->leaf[i].where != LEAF_ELSEWHERE)
				leaf_prune(t, s, &s->leaf[i]);
		if (!s->closing)
			session_close(t, s); /* it had none */
		return;
	}
	for (unsigned i = 0; s->leading && i < s->n_leaves; i++) {
		struct leaf *leaf = &s->leaf[i];

		if (leaf->where == LEAF_ELSEWHERE || !leaf->more || !leaf->more->prune_us || leaf->more->prune_us > t->now_us)
			continue;
		leaf->more->prune_us = 0;
		if (!s->was_complete) { /* without it, the ICorp would never be complete */
			session_refuse(t, s, RSVP_ERR_ADMISSION, RSVP_ADMISSION_ADAPTOR,
				       "%s was confirmed and lost before all were", leaf_ep(s, leaf)->element);
			return;
		}
		log_icorp(LOG_LEVEL_WARN, s->key.icorp, "%s: not confirmed again, given up", leaf_ep(s, leaf)->element);
		leaf_prune(t, s, leaf);
		s->dirty_report = s->dirty_terms = s->dirty_down = 1;
	}
}

static void tick_branches(struct turn *t, struct session *s)
{
	uint64_t fits;
	int port;

	for (struct branch *b = s->branch; b; b = b->next) {
		enum lapse lapse = lapses(t, &b->resv_expires_us, b->had_to_wait);

		if (lapse != LAPSE_NOT)
			b->had_to_wait = lapse == LAPSE_LATER;
		if (lapse == LAPSE_NOW) {
			t->core->counter[CORE_LAPSED]++;
			for (unsigned i = 0; i < s->n_leaves; i++)
				if (s->leaf[i].branch == b && s->leaf[i].up)
					leaf_lost(t, s, &s->leaf[i], "reservation lapsed");
			branch_unreserve(t, s, b);
			session_hold(t, s, &port, &fits); /* back to what the contract began with, as far as it fits */
		}
		branch_retry(t, s, b);
		if (b->isc && s->more && s->more->isc_path_us && s->more->isc_path_us <= t->now_us) {
			/* another revision may speak to it now; look again */
			s->more->isc_path_us = t->now_us + ISC_KNOCK_US;
			send_path(t, s, b);
		}
	}
}

static void tick_session(struct turn *t, struct session *s)
{
	if (s->former && upstream_lapses(t, s->former))
		upstream_forget(t, s);
	if (!s->closing)
		tick_leaves(t, s);
	if (!s->closing)
		revision_tick(t, s);
	if (s->closing)
		return;
	reroute_tick(t, s);
	tick_branches(t, s);
	if (!s->closing && session_rest(s)->isc_deadline_us && s->more->isc_deadline_us <= t->now_us) {
		s->more->isc_deadline_us = 0;
		if (*s->more->waits_for)
			session_refuse(t, s, RSVP_ERR_ADMISSION, RSVP_ADMISSION_ADAPTOR,
				       "the ISC was not started in time: waiting for %s", s->more->waits_for);
		else
			session_refuse(t, s, RSVP_ERR_ADMISSION, RSVP_ADMISSION_ADAPTOR, "the ISC did not answer in time");
	}
	if (!s->closing && s->committed && s->renew_us && s->renew_us <= t->now_us) {
		s->renew_us = t->now_us + core_lifetime(t->core, t->core->config.refresh_us) / 3;
		if (s->stale && !s->cookie)
			s->dirty_terms = 1;
		else
			s->dirty_renew = 1;
		cutthrough_look(t, s);
	}
}

/*
 * Sessions whose adaptor died are applied again, so many every so often: there may be a million, and others must be served
 * meanwhile.
 */
#define REAPPLY_TURN 256
#define REAPPLY_LOOK 65536
#define REAPPLY_EVERY_US 10000

void core_reapply(struct core *core, uint16_t adaptors, uint64_t now_us)
{
	core->reapply.adaptors |= adaptors;
	core->reapply.slot = 0;
	core->reapply.at_us = now_us;
}

static void tick_reapply(struct turn *t)
{
	struct core *core = t->core;
	unsigned n = 0;

	if (!core->reapply.adaptors || core->reapply.at_us > t->now_us)
		return;
	core->reapply.at_us = t->now_us + REAPPLY_EVERY_US;
	for (unsigned looked = 0; looked < REAPPLY_LOOK && n < REAPPLY_TURN; looked++) {
		struct session *s;

		if (core->reapply.slot >= core->n_slots) {
			core->reapply.adaptors = 0;
			return;
		}
		s = session_at(core, core->reapply.slot++);
		if (!s || !(s->adaptors & core->reapply.adaptors) || !session_at_rest(s))
			continue;
		s->dirty_terms = 1;
		session_settle(t, s);
		n++;
	}
}

/* Once per storm, as far as its states' deadlines were together. */
static void storm_log(struct core *core, uint64_t now_us)
{
	unsigned more;

	if (core->lapses.waiting && log_burst_ok(&core->lapses.burst, now_us, 5 * CLOCK_S, &more)) {
		log_msg(LOG_LEVEL_WARN, "many states lapse at once: %u wait, %llu go in a second", core->lapses.waiting,
			(unsigned long long)core->config.expiry_rate);
		core->lapses.waiting = 0;
	}
}

void core_tick(struct core *core, uint64_t now_us, struct core_actions *actions)
{
	struct wheel_entry *due;
	struct turn t;

	turn_begin(&t, core, now_us, actions);
	parked_expire(&t);
	neighbours_tick(core->neighbours, now_us);
	while ((due = wheel_take(&core->timers, now_us))) {
		struct session *s = (struct session *)due;

		tick_session(&t, s);
		session_settle(&t, s);
	}
	tick_reapply(&t);
	recovery_tick(&t);
	storm_log(core, now_us);
}

uint64_t core_next(const struct core *core)
{
	uint64_t at = wheel_next(&core->timers), neighbours = neighbours_next(core->neighbours);

	if (neighbours < at)
		at = neighbours;
	if (core->reapply.adaptors && core->reapply.at_us < at)
		at = core->reapply.at_us;
	if (core->recovery.until_us && core->recovery.until_us < at)
		at = core->recovery.until_us;
	return at < parked_next(core) ? at : parked_next(core);
}
