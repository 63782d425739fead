/*
 * The thermostat of an ISC's cpu (the seed's section on client agents: more, look at the price, decide again).
 *
 *            use >= high            use <= low
 *     HOT  <------------- COMFORT ------------->  COLD
 *            use < high-band        use > low+band
 *
 * - Hysteresis: a zone is left only `band` beyond the threshold that led into it, so noise around the threshold neither
 *   starts nor ends a wait.
 * - HOT for high_us: one demand for more. COLD for low_us: one for less. Then both waits begin anew, after a cool-down
 *   that doubles with each refusal in a row (an ASP that is full is not asked every ten seconds).
 * - What a client got by hand is not undone at once: after any change both waits begin anew.
 * - Floor: it never gives back below the level it saw first, which is what the contract began with. Levels are those
 *   measured here, not those granted: what is really there.
 * - No oscillation: it gives back only when the same work on the smaller share would still be below the high threshold
 *   by a band. What a step is worth it learns from its own last demand.
 * - Budget: it asks for more only when the present price plus what the last step cost stays within the budget.
 *
 * policy_input() decides, the agent's core sends, policy_answer() learns. No clock, no I/O.
 */
#include <string.h>

#include "agent/policy.h"
#include "lib/clock.h"

const struct policy_config policy_default = {
	.enabled = 1, .high_permille = 800, .low_permille = 200, .band_permille = 50, .high_us = 3 * CLOCK_S,
	.low_us = 60 * CLOCK_S, .cooldown_us = 10 * CLOCK_S, .steps = 1,
};

#define MAX_BACKOFF_SHIFT 4u

const char *policy_zone_name(enum policy_zone zone)
{
	static const char *const names[] = { "comfort", "hot", "cold" };

	return zone <= POLICY_COLD ? names[zone] : "?";
}

void policy_init(struct policy *policy, const struct policy_config *config)
{
	memset(policy, 0, sizeof(*policy));
	policy->config = *config;
}

static enum policy_zone next_zone(const struct policy *p, unsigned use)
{
	const struct policy_config *c = &p->config;

	if (use >= c->high_permille)
		return POLICY_HOT;
	if (use <= c->low_permille)
		return POLICY_COLD;
	if (p->zone == POLICY_HOT && use + c->band_permille >= c->high_permille)
		return POLICY_HOT;
	if (p->zone == POLICY_COLD && use <= c->low_permille + c->band_permille)
		return POLICY_COLD;
	return POLICY_COMFORT;
}

static int affordable(const struct policy *p, const struct policy_view *view)
{
	uint64_t budget = p->config.budget_micro;

	if (!budget)
		return 1;
	return view->price_micro < budget && p->step_price <= budget - view->price_micro;
}

/* Would less keep the floor, and the work fit on what remains? Where the level can't be read, or is read from a place the
 * host does not change, our own steps are counted instead. */
static int spare(const struct policy *p, const struct policy_view *view)
{
	uint64_t after;

	if (p->net_steps <= 0 && view->level <= p->floor)
		return 0;
	if (!p->step_level || p->step_level >= view->level)
		return 1;
	after = view->level - p->step_level;
	return view->use_permille * view->level / after + p->config.band_permille < p->config.high_permille;
}

static int ask(struct policy *p, const struct policy_view *view, int direction)
{
	p->pending = direction;
	p->asked_at_level = view->level;
	p->asked_at_price = view->price_micro;
	return direction;
}

int policy_input(struct policy *p, const struct policy_view *view, uint64_t now_us)
{
	enum policy_zone zone;

	if (!p->config.enabled)
		return 0;
	if (!p->floor)
		p->floor = view->level;
	if (p->learning && view->level > p->asked_at_level) {
		p->step_level = view->level - p->asked_at_level;
		p->learning = 0;
	}
	zone = next_zone(p, view->use_permille);
	if (zone != p->zone) {
		p->zone = zone;
		p->since_us = now_us;
	}
	if (p->pending || now_us < p->quiet_until_us)
		return 0;
	if (zone == POLICY_HOT && now_us - p->since_us >= p->config.high_us && affordable(p, view))
		return ask(p, view, +1);
	if (zone == POLICY_COLD && now_us - p->since_us >= p->config.low_us && spare(p, view))
		return ask(p, view, -1);
	return 0;
}

void policy_answer(struct policy *p, int got, const struct policy_view *after, uint64_t now_us)
{
	unsigned shift;

	if (!p->pending)
		return;
	if (got) {
		p->refusals = 0;
		p->net_steps += p->pending * (long)p->config.steps;
		p->learning = p->pending > 0 && p->asked_at_level; /* the level shows in a later measurement */
		if (p->pending > 0 && p->asked_at_price && after->price_micro > p->asked_at_price)
			p->step_price = after->price_micro - p->asked_at_price;
	} else {
		p->refusals++;
	}
	shift = p->refusals < MAX_BACKOFF_SHIFT ? p->refusals : MAX_BACKOFF_SHIFT;
	p->quiet_until_us = now_us + (p->config.cooldown_us << shift);
	p->since_us = now_us; /* both waits begin anew: the effect has to show first */
	p->pending = 0;
}

void policy_moved(struct policy *p, uint64_t now_us)
{
	p->since_us = now_us;
}

void policy_unasked(struct policy *p, uint64_t now_us)
{
	p->pending = 0;
	p->quiet_until_us = now_us + p->config.cooldown_us;
}
