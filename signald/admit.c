/*
 * Admission: what a session may hold on each port. On one link an ICorp has one reservation, the largest its endpoints
 * beyond that link asked for (RFC 2205 merging); each element accounts for its own outgoing direction, so that both
 * directions of a link are covered by its two ends. Invariant: no port's holds exceed its capacity, but for what
 * was found in force after a restart. What was grown beyond a contract's rate makes room for contracts of higher priority
 * (preempt.c).
 */
#include <errno.h>
#include <string.h>

#include "signald/session.h"

uint64_t session_base(const struct session *s)
{
	return rsvp_rate(s->contract->network.rate_bps);
}

uint64_t session_merged(const struct session *s)
{
	uint64_t rate = 0;

	for (const struct branch *b = s->branch; b; b = b->next)
		if (b->rate_bps > rate && branch_in_force(s, b))
			rate = b->rate_bps;
	return rate ? rate : session_base(s);
}

static int is_upstream(const struct session *s, int port)
{
	return !s->leading && (port == s->up.port || port == upstream_former_port(s));
}

int branch_goes_through(const struct session *s, const struct branch *b, int port)
{
	return b->port == port || is_upstream(s, port);
}

/* all: also of those that leaves are yet to move to. */
static uint64_t rate_on(const struct session *s, int port, int all)
{
	uint64_t rate = 0;

	if (s->state == SESSION_FAILED)
		return 0;
	if (is_upstream(s, port))
		rate = session_merged(s);
	for (const struct branch *b = s->branch; b; b = b->next)
		if (b->port == port && b->rate_bps > rate && (all ? b->n_leaves != 0 : branch_in_force(s, b)))
			rate = b->rate_bps;
	return rate;
}

uint64_t session_want(const struct session *s, int port)
{
	return rate_on(s, port, 1);
}

static struct hold *hold_find(const struct session *s, int port)
{
	for (unsigned i = 0; i < s->n_holds; i++)
		if (s->hold[i].port == port)
			return &s->hold[i];
	return NULL;
}

uint64_t session_held(const struct session *s, int port)
{
	const struct hold *h = hold_find(s, port);

	return h ? h->bps : 0;
}

uint64_t session_rate(const struct session *s, int port)
{
	uint64_t held = session_held(s, port), rate = rate_on(s, port, 0);

	return s->recovering || held < rate ? held : rate;
}

/* What it is to hold now: until all is told again, what the kernel has. */
static uint64_t wants(const struct session *s, int port)
{
	uint64_t have = s->recovering && s->state != SESSION_FAILED ? session_held(s, port) : 0;

	return have ? have : session_want(s, port);
}

/*
 * Beside another revision's hold on the same port only what exceeds that counts. No more than what is held may be in force:
 * when the one changes with the other, it has to be committed.
 */
static void hold_set(struct core *core, struct session *s, int port, uint64_t bps)
{
	uint64_t other = revision_held(core, s, port);
	struct hold *h = hold_find(s, port);
	uint64_t was = session_rate(s, port);

	if (!h && bps) {
		h = &s->hold[s->n_holds++]; /* session_hold made room */
		h->port = port;
		h->bps = 0;
	}
	if (!h)
		return;
	growth_note(core, s, port, bps);
	core->config.port[port].reserved_bps += larger(bps, other) - larger(h->bps, other);
	h->bps = bps;
	if (!bps)
		*h = s->hold[--s->n_holds];
	if (session_rate(s, port) != was)
		s->dirty_terms = 1;
}

/* The ports this session holds or wants something on, as bits. */
static uint64_t ports_of(const struct session *s)
{
	uint64_t ports = s->up.port >= 0 ? 1ull << s->up.port : 0;
	int former = upstream_former_port(s);

	if (former >= 0)
		ports |= 1ull << former;
	for (const struct branch *b = s->branch; b; b = b->next)
		if (b->port >= 0)
			ports |= 1ull << b->port;
	for (unsigned i = 0; i < s->n_holds; i++)
		ports |= 1ull << s->hold[i].port;
	return ports;
}

#define EACH_PORT(p, set) (uint64_t left_ = (set), p; left_ && (p = (uint64_t)__builtin_ctzll(left_), 1); left_ &= left_ - 1)

/* Room for a hold on each of these ports. */
static int hold_room(struct core *core, struct session *s, uint64_t ports)
{
	unsigned n = (unsigned)__builtin_popcountll(ports);
	struct hold *v;

	if (n <= s->holds_room)
		return 0;
	v = pool_resize(&core->pool, s->hold, s->holds_room * sizeof(*v), n * sizeof(*v));
	if (!v)
		return -ENOMEM;
	s->hold = v;
	s->holds_room = (uint8_t)n;
	return 0;
}

/* How much must be taken back on a port before the session can hold so much there, bit/s. */
static uint64_t missing(struct core *core, const struct session *s, int port, uint64_t bps)
{
	const struct core_port *at = &core->config.port[port];
	uint64_t beside = revision_held(core, s, port);
	uint64_t want = larger(bps, beside), have = larger(session_held(s, port), beside);
	uint64_t others = at->reserved_bps - have;

	if (want <= have || (others <= at->capacity_bps && want <= at->capacity_bps - others))
		return 0; /* keeping or shrinking always fits, even after the port lost capacity */
	return want > UINT64_MAX - others ? UINT64_MAX : others + want - at->capacity_bps;
}

/* Is there room for so much on a port, at the cost of others' growth if need be? If not, *fits. */
static int has_room(struct core *core, const struct session *s, int port, uint64_t bps, uint64_t *fits)
{
	uint64_t lacks = missing(core, s, port, bps), spare, room, others;

	if (!lacks)
		return 1;
	spare = preempt_spare(core, port, s->contract->setup_priority);
	room = core->config.port[port].capacity_bps + spare;
	others = core->config.port[port].reserved_bps - larger(session_held(s, port), revision_held(core, s, port));
	*fits = room > others ? room - others : 0;
	return lacks <= spare;
}

/* There is room. */
static void take(struct turn *t, struct session *s, int port, uint64_t bps)
{
	preempt_take(t, s, port, missing(t->core, s, port, bps)); /* less by now, if it was of the same session */
	hold_set(t->core, s, port, bps);
}

int session_hold(struct turn *t, struct session *s, int *port, uint64_t *fits)
{
	struct core *core = t->core;
	uint64_t ports = ports_of(s);

	for EACH_PORT(p, ports) {
		*port = (int)p;
		if (!has_room(core, s, (int)p, wants(s, (int)p), fits))
			return -ENOSPC;
	}
	if (hold_room(core, s, ports)) {
		t->actions->lost++;
		*port = 0;
		*fits = 0;
		return -ENOSPC;
	}
	for EACH_PORT(p, ports)
		take(t, s, (int)p, wants(s, (int)p));
	return 0;
}

int session_hold_also(struct turn *t, struct session *s, int port, uint64_t *fits)
{
	uint64_t held = port < 0 ? 0 : session_held(s, port), bps = session_merged(s);

	*fits = 0;
	if (port < 0 || s->state == SESSION_FAILED || held >= bps || (held && s->recovering))
		return 0;
	if (!has_room(t->core, s, port, bps, fits))
		return -ENOSPC;
	if (hold_room(t->core, s, ports_of(s) | 1ull << port)) {
		t->actions->lost++;
		return -ENOSPC;
	}
	take(t, s, port, bps);
	return 0;
}

void session_yield(struct core *core, struct session *s)
{
	for EACH_PORT(p, ports_of(s))
		if (wants(s, (int)p) < session_held(s, (int)p))
			hold_set(core, s, (int)p, wants(s, (int)p));
}

void session_release(struct core *core, struct session *s)
{
	while (s->n_holds)
		hold_set(core, s, s->hold[0].port, 0);
}

static int vlan_get(const struct core *core, uint16_t id)
{
	return core->vlan_used[id / 8] >> (id % 8) & 1;
}

int vlan_reserve(struct core *core, uint16_t id)
{
	if (core->config.kind != ELEMENT_SWITCH || id >= 8 * sizeof(core->vlan_used) || vlan_get(core, id))
		return -EEXIST;
	core->vlan_used[id / 8] |= (uint8_t)(1u << (id % 8));
	return 0;
}

void vlan_return(struct core *core, uint16_t id)
{
	core->vlan_used[id / 8] &= (uint8_t)~(1u << (id % 8));
}

int vlan_find(struct core *core, const struct session *s, uint16_t proposed, uint16_t *id)
{
	*id = s->vlan;
	if (core->config.kind != ELEMENT_SWITCH || (s->vlan && (!proposed || s->vlan == proposed)))
		return 0;
	*id = proposed ? proposed : revision_vlan(core, s, 0);
	if (*id) {
		int taken = vlan_get(core, *id) && !revision_vlan(core, s, *id) && !recovery_has_vlan(core, *id);

		return taken ? -ENOSPC : 0;
	}
	for (*id = core->config.vlan_first; *id && *id <= core->config.vlan_last && vlan_get(core, *id); ++*id)
		;
	return *id && *id <= core->config.vlan_last ? 0 : -ENOSPC;
}

void vlan_take(struct turn *t, struct session *s, uint16_t id)
{
	if (id == s->vlan)
		return;
	if (vlan_get(t->core, id) && !revision_vlan(t->core, s, id))
		recovery_evict(t, id);
	vlan_give(t->core, s);
	vlan_reserve(t->core, id);
	s->vlan = id;
	s->vlan_ours = 1;
}

void vlan_give(struct core *core, struct session *s)
{
	if (s->vlan_ours && !revision_vlan(core, s, s->vlan))
		vlan_return(core, s->vlan);
	s->vlan = 0;
	s->vlan_ours = 0;
}
