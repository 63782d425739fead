/*
 * The ISC end of RSVP-ICorp (RFC 2205 seen from a receiver; RFC 4875 section 6 for the leaf). The host's controller is
 * the only neighbour.
 *
 * - A Path is answered at once with a Resv, then refreshed every [0.5, 1.5] R. Paths that say nothing new are answered
 *   at most every MIN_GAP_US: refreshes of both sides must not chase each other.
 * - The first Resv waits until the application accepts connections (AGENT_READY_US at most): Resv means "use me".
 * - When Paths cease, the state lapses: no Resv any more, but applications run on. A host's controller that restarts
 *   finds its ISC alive.
 * - Demands ride in each Resv until the leader's GRANT or AGENT_DEMAND_US (demand.c). The host's own GRANTs are where
 *   levels are learnt from.
 * - The thermostat (policy.c) sees each sample and asks like a client does.
 */
#include <errno.h>
#include <string.h>

#include "agent/core.h"
#include "lib/clock.h"
#include "lib/log.h"

#define MIN_GAP_US (50 * CLOCK_MS)
#define MIN_REFRESH_US (10 * CLOCK_MS)
#define MAX_REFRESH_US (3600 * CLOCK_S)

const char *agent_counter_name(enum agent_counter counter)
{
	static const char *const names[] = { "paths", "resvs", "wrong_session", "unexpected", "demands", "answers",
					     "expired" };

	return counter < AGENT_COUNTERS ? names[counter] : "?";
}

void agent_init(struct agent *a, const struct boot *boot, uint32_t last_sequence, uint64_t seed)
{
	memset(a, 0, sizeof(*a));
	a->boot = boot;
	a->session.icorp = boot->icorp;
	a->session.leader = boot->leader;
	a->last_sequence = last_sequence;
	a->random = seed | 1;
	a->ready_us = UINT64_MAX;
	a->serial = 1;
	policy_init(&a->policy, &boot->policy);
}

/* xorshift64: spreading timers needs no better. */
static uint64_t jitter(struct agent *a, uint64_t r_us)
{
	a->random ^= a->random << 13;
	a->random ^= a->random >> 7;
	a->random ^= a->random << 17;
	return r_us / 2 + a->random % (r_us + 1);
}

static void changed(struct agent *a, struct agent_actions *actions)
{
	a->serial++;
	actions->changed = 1;
}

static void resv_now(struct agent *a, uint64_t now_us, struct agent_actions *actions)
{
	if (!a->path_expires_us || a->stopped)
		return;
	if (a->ready_us && !(a->accepting && a->apps_up) && now_us < a->ready_us)
		return;
	if (a->ready_us && !(a->accepting && a->apps_up))
		log_icorp(LOG_LEVEL_WARN, a->session.icorp, "the application does not accept connections yet; "
			  "reserving all the same");
	a->ready_us = 0;
	a->last_resv_us = now_us;
	a->next_resv_us = now_us + jitter(a, a->refresh_us);
	a->counter[AGENT_RESVS]++;
	actions->resv = 1;
}

void agent_repeat(struct agent *a, uint64_t now_us, struct agent_actions *actions)
{
	if (a->last_resv_us)
		resv_now(a, now_us, actions);
}

static struct policy_view view(const struct agent *a)
{
	struct policy_view v = { a->sample.cpu_permille, a->sample.cpu_shares, a->price.micro };

	return v;
}

static void close_demand(struct agent *a, struct demand *d, enum demand_state state, uint64_t now_us,
			 struct agent_actions *actions)
{
	enum icorp_outcome outcome = demand_outcome(d);
	int got = state == DEMAND_ANSWERED && (outcome == ICORP_APPLIED || outcome == ICORP_PARTLY);

	d->state = state;
	if (state == DEMAND_EXPIRED)
		log_icorp(LOG_LEVEL_WARN, a->session.icorp, "demand %u: the leader did not answer; %u elements did",
			  d->sequence, d->n_grants);
	else
		log_icorp(LOG_LEVEL_INFO, a->session.icorp, "demand %u: %s %s by %u: %s", d->sequence,
			  d->direction > 0 ? "more" : "less", icorp_resource_name(d->resource), d->steps,
			  icorp_outcome_name(outcome));
	a->counter[state == DEMAND_EXPIRED ? AGENT_EXPIRED : AGENT_ANSWERS]++;
	actions->answered |= 1u << d->resource;
	if (d->by_policy) {
		struct policy_view after = view(a);

		policy_answer(&a->policy, got, &after, now_us);
	} else if (got && d->resource == ICORP_CPU) {
		policy_moved(&a->policy, now_us);
	}
	changed(a, actions);
}

/* A demand that was answered has another answer now: what it got was taken back, or what was taken is there again. */
static void what_was_granted(struct agent *a, const struct demand *d, struct agent_actions *actions)
{
	enum icorp_outcome outcome = demand_outcome(d);
	const char *why = "";

	for (unsigned i = 0; i < d->n_grants; i++)
		if (d->grant[i].outcome == outcome && *d->grant[i].reason)
			why = d->grant[i].reason;
	log_icorp(LOG_LEVEL_INFO, a->session.icorp, "demand %u, %s: now %s%s%s", d->sequence,
		  icorp_resource_name(d->resource), icorp_outcome_name(outcome), *why ? ": " : "", why);
	changed(a, actions);
}

/* The host's controller says what our levels are now. */
static void learn_levels(struct agent *a, const struct rsvp_msg *msg)
{
	for (unsigned i = 0; i < msg->grants.n; i++) {
		const struct rsvp_grant *g = &msg->grants.v[i];

		if (g->node.s_addr == a->boot->endpoint.s_addr && g->endpoint.s_addr == a->boot->endpoint.s_addr &&
		    g->resource >= 1 && g->resource <= ICORP_RESOURCES && g->level)
			a->level[g->resource] = g->level;
	}
}

static void take_grants(struct agent *a, const struct rsvp_msg *msg, uint64_t now_us, struct agent_actions *actions)
{
	learn_levels(a, msg);
	for (unsigned r = 1; r <= ICORP_RESOURCES; r++) {
		struct demand *d = &a->demand[r];
		int done, news;

		if (d->state != DEMAND_OPEN && d->state != DEMAND_ANSWERED)
			continue;
		done = demand_take(d, msg, a->boot->endpoint, a->session.leader, &news);
		if (done && d->state == DEMAND_OPEN)
			close_demand(a, d, DEMAND_ANSWERED, now_us, actions);
		else if (news && d->state == DEMAND_ANSWERED)
			what_was_granted(a, d, actions);
	}
}

/* Does this Path say anything a Resv repeats, or is it a refresh? */
static int path_is_news(const struct agent *a, const struct rsvp_msg *msg)
{
	return !a->path_expires_us || a->hop.lih != msg->hop.lih || a->hop.addr.s_addr != msg->hop.addr.s_addr ||
	       a->template_.lsp_id != msg->template_.lsp_id || a->flow.rate_bps != msg->flow.rate_bps;
}

static void take_path(struct agent *a, const struct rsvp_msg *msg, uint64_t now_us)
{
	uint64_t r = (uint64_t)msg->refresh_ms * CLOCK_MS;

	a->refresh_us = r < MIN_REFRESH_US ? MIN_REFRESH_US : r > MAX_REFRESH_US ? MAX_REFRESH_US : r;
	a->path_expires_us = now_us + (2 * AGENT_LIFETIME_K + 1) * 3 * a->refresh_us / 4; /* (K + 0.5) 1.5 R */
	a->session.tunnel = msg->session.tunnel;
	a->hop = msg->hop;
	a->template_ = msg->template_;
	a->flow = msg->flow;
	if (a->ready_us == UINT64_MAX)
		a->ready_us = now_us + AGENT_READY_US;
}

static void path_input(struct agent *a, const struct rsvp_msg *msg, uint64_t now_us, struct agent_actions *actions)
{
	const uint32_t needed = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_TEMPLATE | RSVP_HAS_TSPEC;
	int news = path_is_news(a, msg), first = !a->path_expires_us;

	if ((msg->has & needed) != needed) {
		a->counter[AGENT_UNEXPECTED]++;
		return;
	}
	a->counter[AGENT_PATHS]++;
	take_path(a, msg, now_us);
	if (first)
		log_icorp(LOG_LEVEL_INFO, a->session.icorp, "Path from the host's controller, revision %u",
			  msg->template_.lsp_id);
	if ((msg->has & RSVP_HAS_PRICE) && memcmp(&a->price, &msg->price, sizeof(a->price))) {
		a->price = msg->price;
		changed(a, actions);
	}
	take_grants(a, msg, now_us, actions);
	if (news) {
		changed(a, actions);
		resv_now(a, now_us, actions);
	} else if (now_us - a->last_resv_us >= MIN_GAP_US) {
		resv_now(a, now_us, actions);
	} else if (a->next_resv_us > a->last_resv_us + MIN_GAP_US) {
		a->next_resv_us = a->last_resv_us + MIN_GAP_US;
	}
}

static int is_ours(const struct agent *a, const struct rsvp_msg *msg)
{
	if (msg->session.icorp != a->session.icorp || msg->session.leader.s_addr != a->session.leader.s_addr)
		return 0;
	for (unsigned i = 0; i < msg->s2l.n; i++)
		if (msg->s2l.v[i].addr.s_addr == a->boot->endpoint.s_addr)
			return 1;
	return !msg->s2l.n;
}

static void resv_err_input(struct agent *a, const struct rsvp_msg *msg, uint64_t now_us, struct agent_actions *actions)
{
	log_icorp(LOG_LEVEL_WARN, a->session.icorp, "ResvErr code %u value %u%s%s: %s", msg->error.code,
		  msg->error.value, msg->grants.n ? " from " : "", msg->grants.n ? msg->grants.v[0].element : "",
		  msg->grants.n && *msg->grants.v[0].reason ? msg->grants.v[0].reason : "no reason given");
	take_grants(a, msg, now_us, actions);
}

void agent_message(struct agent *a, const struct rsvp_msg *msg, uint64_t now_us, struct agent_actions *actions)
{
	if (a->stopped)
		return;
	if (!is_ours(a, msg)) {
		a->counter[AGENT_WRONG_SESSION]++;
		return;
	}
	switch (msg->type) {
	case RSVP_PATH:
		path_input(a, msg, now_us, actions);
		break;
	case RSVP_PATH_TEAR:
		log_icorp(LOG_LEVEL_INFO, a->session.icorp, "torn down by the host's controller");
		a->path_expires_us = a->next_resv_us = 0;
		a->stopped = actions->stop = 1;
		break;
	case RSVP_RESV_ERR:
		resv_err_input(a, msg, now_us, actions);
		break;
	case RSVP_RESV_CONF:
		if (!a->confirmed)
			changed(a, actions);
		a->confirmed = 1;
		break;
	default:
		a->counter[AGENT_UNEXPECTED]++;
	}
}

int agent_demand(struct agent *a, enum icorp_resource resource, int direction, unsigned steps, uint64_t now_us,
		 uint64_t wall_s, struct agent_actions *actions)
{
	struct demand *d;

	if (resource < 1 || resource > ICORP_RESOURCES || (direction != 1 && direction != -1) || !steps ||
	    steps > DEMAND_MAX_STEPS)
		return -EINVAL;
	if (!a->path_expires_us || a->ready_us || a->stopped)
		return -ENOTCONN;
	d = &a->demand[resource];
	if (d->state == DEMAND_OPEN)
		return -EBUSY;
	a->last_sequence = demand_sequence(a->last_sequence, wall_s);
	demand_open(d, resource, direction, (uint16_t)steps, a->last_sequence, now_us, now_us + AGENT_DEMAND_US);
	a->counter[AGENT_DEMANDS]++;
	resv_now(a, now_us, actions);
	return 0;
}

void agent_sample(struct agent *a, const struct agent_sample *sample, uint64_t now_us, uint64_t wall_s,
		  struct agent_actions *actions)
{
	struct policy_view v;
	int direction;

	a->sample = *sample;
	v = view(a);
	direction = policy_input(&a->policy, &v, now_us);
	if (!direction)
		return;
	if (agent_demand(a, ICORP_CPU, direction, a->policy.config.steps, now_us, wall_s, actions)) {
		policy_unasked(&a->policy, now_us);
		return;
	}
	a->demand[ICORP_CPU].by_policy = 1;
	log_icorp(LOG_LEVEL_INFO, a->session.icorp, "cpu at %u of 1000: asking for %s", sample->cpu_permille,
		  direction > 0 ? "more" : "less");
}

void agent_apps(struct agent *a, int up, int accepting, uint64_t now_us, struct agent_actions *actions)
{
	int was_up = a->apps_up;

	a->apps_up = up;
	a->accepting = accepting;
	if (up != was_up)
		changed(a, actions);
	if (up != was_up || (a->ready_us && up && accepting))
		resv_now(a, now_us, actions);
}

static int passed(uint64_t deadline_us, uint64_t now_us)
{
	return deadline_us && deadline_us <= now_us;
}

void agent_tick(struct agent *a, uint64_t now_us, struct agent_actions *actions)
{
	if (passed(a->path_expires_us, now_us)) {
		log_icorp(LOG_LEVEL_WARN, a->session.icorp, "the host's controller is silent: the reservation lapsed");
		a->path_expires_us = a->next_resv_us = 0;
		a->confirmed = 0;
		changed(a, actions);
	}
	for (unsigned r = 1; r <= ICORP_RESOURCES; r++)
		if (a->demand[r].state == DEMAND_OPEN && passed(a->demand[r].deadline_us, now_us))
			close_demand(a, &a->demand[r], DEMAND_EXPIRED, now_us, actions);
	if (passed(a->next_resv_us, now_us) || passed(a->ready_us, now_us))
		resv_now(a, now_us, actions);
}

void agent_stop(struct agent *a, struct agent_actions *actions)
{
	if (a->stopped)
		return;
	a->stopped = actions->stop = 1;
	actions->tear = a->path_expires_us && !a->ready_us;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return b && b < a ? b : a;
}

uint64_t agent_level(const struct agent *a, enum icorp_resource resource)
{
	if (a->level[resource])
		return a->level[resource];
	return resource == ICORP_CPU ? a->sample.cpu_shares : resource == ICORP_MEMORY ? a->sample.memory_kib :
	       resource == ICORP_BANDWIDTH ? a->flow.rate_bps : 0;
}

uint64_t agent_deadline(const struct agent *a)
{
	uint64_t next = sooner(UINT64_MAX, a->path_expires_us);

	next = sooner(next, a->next_resv_us);
	if (a->path_expires_us)
		next = sooner(next, a->ready_us);
	for (unsigned r = 1; r <= ICORP_RESOURCES; r++)
		if (a->demand[r].state == DEMAND_OPEN)
			next = sooner(next, a->demand[r].deadline_us);
	return next;
}

static int start_message(const struct agent *a, struct rsvp_msg *msg, uint8_t type)
{
	rsvp_msg_clear(msg);
	msg->type = type;
	msg->ttl = 64;
	msg->session = a->session;
	msg->hop.addr = a->boot->address;
	msg->hop.lih = a->hop.lih;
	msg->style = RSVP_STYLE_SE;
	msg->template_ = a->template_;
	msg->has = RSVP_HAS_HOP | RSVP_HAS_STYLE | RSVP_HAS_FILTER;
	return rsvp_add_s2l(msg, a->boot->endpoint, (struct in_addr){ 0 });
}

int agent_resv_tear(const struct agent *a, struct rsvp_msg *msg)
{
	return start_message(a, msg, RSVP_RESV_TEAR);
}

int agent_resv(const struct agent *a, struct rsvp_msg *msg)
{
	struct rsvp_load load = { .endpoint = a->boot->endpoint, .flags = a->apps_up ? RSVP_LOAD_UP : 0,
				  .cpu_permille = (uint16_t)a->sample.cpu_permille,
				  .memory_permille = (uint16_t)a->sample.memory_permille,
				  .connections = a->sample.connections };
	int r = start_message(a, msg, RSVP_RESV);

	msg->refresh_ms = (uint32_t)(a->refresh_us / CLOCK_MS);
	msg->flow = a->flow;
	msg->has |= RSVP_HAS_TIME | RSVP_HAS_FLOWSPEC;
	if (!r)
		r = rsvp_add_load(msg, &load);
	for (unsigned k = 1; k <= ICORP_RESOURCES && !r; k++) {
		struct rsvp_demand o = demand_object(&a->demand[k], a->boot->endpoint);

		if (a->demand[k].state == DEMAND_OPEN)
			r = rsvp_add_demand(msg, &o);
	}
	return r;
}
