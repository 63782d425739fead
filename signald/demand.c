/*
 * Demands and grants. A demand {endpoint, resource, direction, steps, sequence} is acted on at most once: the server's
 * controller turns it into a level (a rate for the network, shares or memory for its ISC), the others see an absolute
 * level and say what became of it. Every hop leaves one grant per (endpoint, resource) it was asked about, and one for
 * the ICorp's bandwidth as a whole.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "signald/session.h"

/* Serial number arithmetic (RFC 1982): a is later than b. */
static int later(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* Of the bandwidth as a whole nothing is kept but what the adaptors said about it. */
void own_grant(const struct core *core, const struct session *s, struct in_addr endpoint, enum resource resource,
	       struct rsvp_grant *out)
{
	uint32_t at = 0;

	while (grants_next(&session_rest(s)->grants, &at, out))
		if (out->endpoint.s_addr == endpoint.s_addr && out->resource == resource)
			goto found;
	memset(out, 0, sizeof(*out));
	out->node = core->config.address;
	out->endpoint = endpoint;
	out->resource = (uint8_t)resource;
	out->outcome = OUTCOME_APPLIED;
	out->enforcement = resource_slot(resource) ? s->enforcement[resource - 1] : ENFORCEMENT_NONE;
	snprintf(out->element, sizeof(out->element), "%s", core->config.element);
found:
	if (!endpoint.s_addr && resource == RESOURCE_BANDWIDTH)
		out->level = session_merged(s);
}

/* The next of ours but the one for the bandwidth as a whole; what was granted once, and is no more, is not said of it. */
static int own_grant_next(const struct session *s, uint32_t *at, struct rsvp_grant *out)
{
	while (grants_next(&session_rest(s)->grants, at, out)) {
		if (out->resource == RESOURCE_BANDWIDTH && out->level > session_merged(s))
			out->level = session_merged(s);
		if (out->endpoint.s_addr || out->resource != RESOURCE_BANDWIDTH)
			return 1;
	}
	return 0;
}

void own_grant_put(struct turn *t, struct session *s, const struct rsvp_grant *grant)
{
	if (!session_more(s) || grants_put(&t->core->pool, &s->more->grants, grant))
		t->actions->lost++;
}

/* What the ICorp's bandwidth meets between us and a neighbour, as far as we can know. 0: nothing. */
static int between(const struct branch *b, struct rsvp_grant *out)
{
	*out = (struct rsvp_grant){ .node = b->asked, .resource = RESOURCE_BANDWIDTH, .outcome = OUTCOME_IGNORED,
				    .enforcement = ENFORCEMENT_NONE };
	addr_text(b->asked, out->element);
	if (b->gap)
		snprintf(out->reason, sizeof(out->reason), "routers without a controller on the way: %u", b->gap);
	else if (b->shared)
		snprintf(out->reason, sizeof(out->reason), "a switch without a controller is on the way there");
	return b->gap || b->shared;
}

int session_grant_next(const struct core *core, const struct session *s, struct grant_cursor *at, struct rsvp_grant *out)
{
	struct in_addr none = { 0 };

	if (!at->begun) {
		at->begun = 1;
		at->branch = at->between = s->branch;
		if (s->committed) {
			own_grant(core, s, none, RESOURCE_BANDWIDTH, out);
			return 1;
		}
	}
	if (!at->below) {
		if (own_grant_next(s, &at->at, out))
			return 1;
		at->below = 1;
		at->at = 0;
	}
	while (at->between) {
		const struct branch *b = at->between;

		at->between = b->next;
		if (!b->isc && b->resv_expires_us && between(b, out))
			return 1;
	}
	for (; at->branch; at->branch = at->branch->next, at->at = 0)
		while (grants_next(&at->branch->grants, &at->at, out))
			if (out->node.s_addr != core->config.address.s_addr) /* where routes run in a circle: our own come back */
				return 1;
	return 0;
}

static void say(struct turn *t, struct session *s, const struct leaf *leaf, enum resource resource, enum outcome outcome,
		uint64_t level, const char *reason)
{
	const struct rsvp_demand *d = &leaf->more->demand[resource_slot(resource)];
	struct rsvp_grant g;

	own_grant(t->core, s, leaf_ep(s, leaf)->control, resource, &g);
	g.outcome = (uint8_t)outcome;
	g.enforcement = outcome == OUTCOME_IGNORED ? ENFORCEMENT_NONE : s->enforcement[resource - 1];
	g.sequence = d->sequence;
	g.level = level;
	snprintf(g.reason, sizeof(g.reason), "%s", reason);
	own_grant_put(t, s, &g);
	if (resource != RESOURCE_BANDWIDTH)
		s->words &= ~WORD_ABOUT(resource);
	log_icorp(LOG_LEVEL_INFO, s->key.icorp, "%s asks %s %s by %u (number %u): %s%s%s", leaf_ep(s, leaf)->element,
		  d->direction > 0 ? "more" : "less", resource_name(resource), d->steps, d->sequence,
		  outcome_name(outcome), *reason ? ": " : "", reason);
	if (outcome == OUTCOME_REFUSED && leaf->branch->isc) /* what others refuse comes as a ResvErr, or is in resv.c */
		action_refused(t, s->key, RSVP_ERR_ADMISSION,
			       resource == RESOURCE_BANDWIDTH ? RSVP_ADMISSION_BANDWIDTH : RSVP_ADMISSION_CPU, reason);
	s->dirty_up = s->dirty_report = 1;
}

/* ---- the server's own ISC ---- */

int isc_levels_init(struct core *core, struct session *s, struct leaf *leaf)
{
	struct leaf_more *more = leaf_more(leaf);

	if (!more)
		return -ENOMEM;
	for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++)
		more->level[r] = revision_begins(core, s, leaf, r);
	revision_handled(core, s, leaf);
	return 0;
}

/* What of a level counts here: what exceeds the same ISC's in another revision. */
static uint64_t counted(struct core *core, const struct session *s, enum resource resource, uint64_t level)
{
	uint64_t other = revision_level(core, s, resource);

	return level > other ? level - other : 0;
}

void isc_level_set(struct core *core, struct session *s, struct leaf *leaf, enum resource resource, uint64_t level)
{
	core->config.resource[resource].used += counted(core, s, resource, level) -
						counted(core, s, resource, leaf->more->level[resource]);
	leaf->more->level[resource] = level;
}

/* Holds all levels against this server's capacity, or none. 0 or -ENOSPC with the reason. */
int isc_levels_hold(struct turn *t, struct session *s, struct leaf *leaf, char *why, size_t room)
{
	struct core_resource *have = t->core->config.resource;

	for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++) {
		uint64_t level = counted(t->core, s, r, leaf->more->level[r]);

		if (!have[r].capacity || level <= have[r].capacity - (have[r].used < have[r].capacity ?
								      have[r].used : have[r].capacity))
			continue;
		snprintf(why, room, "no %s: %llu asked, %llu would fit", resource_name(r), (unsigned long long)level,
			 (unsigned long long)(have[r].used < have[r].capacity ? have[r].capacity - have[r].used : 0));
		memset(leaf->more->level, 0, sizeof(leaf->more->level));
		return -ENOSPC;
	}
	for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++)
		have[r].used += counted(t->core, s, r, leaf->more->level[r]);
	return 0;
}

void isc_levels_release(struct core *core, struct session *s, struct leaf *leaf)
{
	for (unsigned r = RESOURCE_CPU; leaf->more && r <= RESOURCE_MAX; r++)
		isc_level_set(core, s, leaf, r, 0);
}

/* The sizes of the resource's steps for the ICorp's class. */
static struct core_resource size_of(const struct core *core, const struct session *s, enum resource resource)
{
	const struct core_config *config = &core->config;
	struct core_resource size = config->resource[resource];

	for (unsigned i = 0; i < config->n_steps; i++) {
		const struct core_class_steps *of = &config->steps[i];

		if (of->resource != resource || strcmp(of->class_name, s->contract->class_name))
			continue;
		size.step = of->size.step;
		size.decrement = of->size.decrement;
		size.floor = of->size.floor;
		size.ceiling = of->size.ceiling;
	}
	return size;
}

/* What a step up or down leads to, within floor, ceiling and the client's limit. */
static uint64_t step_to(const struct core_resource *size, uint64_t limit, uint64_t now, const struct rsvp_demand *d)
{
	uint64_t step = d->direction < 0 && size->decrement ? size->decrement : size->step, by, top = limit;

	by = step > UINT64_MAX / (d->steps + 1u) ? UINT64_MAX : step * d->steps;

	if (size->ceiling && size->ceiling < top)
		top = size->ceiling;
	if (d->direction > 0)
		return now >= top ? now : top - now < by ? top : now + by;
	if (now <= size->floor)
		return now;
	return now - size->floor < by ? size->floor : now - by;
}

static void demand_bandwidth(struct turn *t, struct session *s, struct leaf *leaf)
{
	struct rsvp_demand *d = &leaf->more->demand[RESOURCE_BANDWIDTH];
	struct core_resource size = size_of(t->core, s, RESOURCE_BANDWIDTH);
	struct branch *b = leaf->branch;
	uint64_t former = b->rate_bps, to, fits;
	char why[ADAPTOR_REASON];
	int port;

	if (!size.floor)
		size.floor = size.step;
	to = rsvp_rate(step_to(&size, contract_limit(s->contract, RESOURCE_BANDWIDTH), former, d));
	d->want = to;
	if (to == former) {
		say(t, s, leaf, RESOURCE_BANDWIDTH, OUTCOME_REFUSED, former,
		    !size.step ? "no steps are set here" : d->direction > 0 ? "at the limit" : "at the floor");
		return;
	}
	b->rate_bps = to;
	if (session_hold(t, s, &port, &fits)) {
		b->rate_bps = d->want = former;
		snprintf(why, sizeof(why), "no capacity on %s: %llu bit/s would fit",
			 t->core->config.port[port].ifname, (unsigned long long)fits);
		say(t, s, leaf, RESOURCE_BANDWIDTH, OUTCOME_REFUSED, former, why);
		return;
	}
	if (to > former)
		preempt_forget(t, s);
	leaf->more->former_bps = former;
	s->dirty_terms = 1;
	say(t, s, leaf, RESOURCE_BANDWIDTH, OUTCOME_APPLIED, to, "");
}

static void demand_isc(struct turn *t, struct session *s, struct leaf *leaf, enum resource resource)
{
	const struct core_resource size = size_of(t->core, s, resource);
	struct rsvp_demand *d = &leaf->more->demand[resource];
	uint64_t now = leaf->more->level[resource], asked, to;
	char why[ADAPTOR_REASON];

	asked = to = step_to(&size, contract_limit(s->contract, resource), now, d);
	if (!size.step || to == now) {
		d->want = now;
		say(t, s, leaf, resource, OUTCOME_REFUSED, now,
		    !size.step ? "no steps are set here" : d->direction > 0 ? "at the limit" : "at the floor");
		return;
	}
	if (to > now && size.capacity) {
		uint64_t left = size.capacity > size.used ? size.capacity - size.used : 0;

		if (to - now > left)
			to = now + left;
	}
	d->want = to;
	if (to == now) {
		say(t, s, leaf, resource, OUTCOME_REFUSED, now, "the server is full: nothing more would fit");
		return;
	}
	isc_level_set(t->core, s, leaf, resource, to);
	s->dirty_terms = 1;
	snprintf(why, sizeof(why), "the server is full: no more would fit");
	say(t, s, leaf, resource, to == asked ? OUTCOME_APPLIED : OUTCOME_PARTLY, to, to == asked ? "" : why);
}

/* A resource that is not known here is for others: it is passed on, one for each endpoint at a time. */
static void demand_unknown(struct turn *t, struct session *s, struct leaf *leaf, const struct rsvp_demand *demand)
{
	struct leaf_more *more = leaf->more;
	int same = more->demand[0].resource == demand->resource;

	if (same && more->handled[0] && later(more->handled[0], demand->sequence))
		return; /* an old one, delayed */
	more->demand[0] = *demand;
	if (same && more->handled[0] == demand->sequence)
		return;
	more->handled[0] = demand->sequence;
	say(t, s, leaf, demand->resource, OUTCOME_IGNORED, 0, "no such resource is known here");
}

/* Did we say what became of its demand, since we started? */
static int answered(const struct core *core, const struct session *s, const struct leaf *leaf, enum resource resource)
{
	struct rsvp_grant g;

	own_grant(core, s, leaf_ep(s, leaf)->control, resource, &g);
	return g.sequence == leaf->more->demand[resource].sequence;
}

void demand_input(struct turn *t, struct session *s, struct leaf *leaf, const struct rsvp_demand *demand)
{
	enum resource resource = demand->resource;
	struct leaf_more *more = leaf_more(leaf);
	struct rsvp_demand *d;
	uint64_t want;

	if (!more) {
		t->actions->lost++;
		return;
	}
	if (!resource_slot(resource)) {
		demand_unknown(t, s, leaf, demand);
		return;
	}
	d = &more->demand[resource];
	want = d->sequence == demand->sequence ? d->want : demand->want;
	if (more->handled[resource] && later(more->handled[resource], demand->sequence))
		return; /* an old one, delayed */
	*d = *demand;
	if (leaf->branch->isc && d->sequence == more->handled[resource]) {
		d->want = want; /* a repetition: what we made of it stays */
		if (!answered(t->core, s, leaf, resource))
			say(t, s, leaf, resource, OUTCOME_APPLIED, leaf_has(leaf, resource), "before a restart");
		return;
	}
	if (more->handled[resource] == demand->sequence)
		return;
	if (leaf->branch->isc) {
		more->handled[resource] = demand->sequence;
		s->dirty_terms = 1; /* they remember it */
		if (resource == RESOURCE_BANDWIDTH)
			demand_bandwidth(t, s, leaf);
		else
			demand_isc(t, s, leaf, resource);
	} else if (resource != RESOURCE_BANDWIDTH) {
		more->handled[resource] = demand->sequence;
		say(t, s, leaf, resource, OUTCOME_IGNORED, 0, "not its resource");
	} /* bandwidth: after admission, demand_bandwidth_result */
}

/* A branch's leaf whose demand for bandwidth was not answered here; an ISC's are answered as they come. */
static int waits(const struct leaf *leaf, const struct branch *b)
{
	const struct leaf_more *more = leaf->more;

	return leaf->branch == b && !b->isc && more && more->demand[RESOURCE_BANDWIDTH].sequence &&
	       more->handled[RESOURCE_BANDWIDTH] != more->demand[RESOURCE_BANDWIDTH].sequence;
}

int demand_is_new(const struct session *s, const struct branch *b)
{
	for (unsigned i = 0; i < s->n_leaves; i++)
		if (waits(&s->leaf[i], b))
			return 1;
	return 0;
}

void demand_bandwidth_result(struct turn *t, struct session *s, struct branch *b, const char *refused, uint64_t fits)
{
	for (unsigned i = 0; i < s->n_leaves; i++) {
		struct leaf *leaf = &s->leaf[i];
		uint64_t level = session_merged(s);
		const struct rsvp_demand *d;

		if (!waits(leaf, b))
			continue;
		d = &leaf->more->demand[RESOURCE_BANDWIDTH];
		leaf->more->handled[RESOURCE_BANDWIDTH] = d->sequence;
		if (refused)
			say(t, s, leaf, RESOURCE_BANDWIDTH, OUTCOME_REFUSED, level, refused);
		else if (d->direction > 0 && d->want > level)
			say(t, s, leaf, RESOURCE_BANDWIDTH, OUTCOME_IGNORED, level, "refused nearer to the server");
		else if (d->direction < 0 && level > d->want)
			say(t, s, leaf, RESOURCE_BANDWIDTH, OUTCOME_IGNORED, level, "another endpoint needs it");
		else
			say(t, s, leaf, RESOURCE_BANDWIDTH, OUTCOME_APPLIED, level, "");
	}
}
