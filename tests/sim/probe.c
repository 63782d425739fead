/* Reading the core's structures. See probe.h. */
#include <stdlib.h>
#include <string.h>

#include "signald/session.h"
#include "tests/sim/probe.h"

int probe_asked(const struct session *s)
{
	return s->asked;
}

uint16_t probe_revision(const struct session *s)
{
	return s->contract->revision;
}

/* What older revisions have of the ISC here: there is one, whatever its address. */
static uint64_t counted(const struct session *oldest, const struct session *s, unsigned resource)
{
	uint64_t most = 0;

	for (; oldest != s; oldest = session_newer(oldest))
		for (unsigned i = 0; i < oldest->n_leaves; i++)
			if (oldest->leaf[i].branch && oldest->leaf[i].branch->isc)
				most = larger(most, leaf_level(&oldest->leaf[i], resource));
	return most;
}

static void probe_isc(const struct core *core, const struct session *oldest, const struct session *s, struct probe *out)
{
	for (unsigned i = 0; i < s->n_leaves; i++) {
		const struct leaf *leaf = &s->leaf[i];
		struct rsvp_grant grant;

		if (!leaf->branch || !leaf->branch->isc)
			continue;
		for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++) {
			uint64_t already = counted(oldest, s, r);

			out->used[r] += larger(leaf_level(leaf, r), already) - already;
		}
		if (out->n_revisions)
			continue;
		out->isc = 1;
		for (unsigned r = RESOURCE_CPU; r <= RESOURCE_MAX; r++)
			out->level[r] = leaf_level(leaf, r);
		if (leaf->more)
			memcpy(out->handled, leaf->more->handled, sizeof(out->handled));
		out->level[RESOURCE_BANDWIDTH] = leaf->branch->rate_bps;
		own_grant(core, s, leaf_ep(s, leaf)->control, RESOURCE_BANDWIDTH, &grant);
		out->cut = grant.outcome != OUTCOME_APPLIED;
	}
}

/* On one port the most that one revision holds counts, never their sum. */
static void probe_holds(const struct session *s, struct probe *out)
{
	for (unsigned i = 0; i < s->n_holds; i++) {
		unsigned k = 0;

		while (k < out->n_holds && out->hold[k].port != s->hold[i].port)
			k++;
		if (k == out->n_holds)
			out->hold[out->n_holds++] = (struct probe_hold){ s->hold[i].port, 0 };
		out->hold[k].bps = larger(out->hold[k].bps, s->hold[i].bps);
	}
}

static void probe_branches(const struct session *s, struct probe *out)
{
	struct in_addr sender = session_sender(s);

	for (const struct branch *b = s->branch; b; b = b->next) {
		struct probe_branch *to = out->branch;

		while (to < out->branch + out->n_branches && (to->neighbour.s_addr != b->neighbour.s_addr || to->port != b->port ||
							      to->sender.s_addr != sender.s_addr))
			to++;
		if (to == out->branch + CORE_MAX_PORTS)
			continue;
		if (to == out->branch + out->n_branches)
			out->branch[out->n_branches++] = (struct probe_branch){ b->neighbour, sender, b->port, b->isc, 0, 0, b->beyond };
		to->reserved |= b->resv_expires_us != 0;
		to->rate_bps = larger(to->rate_bps, b->rate_bps);
	}
}

/* Of two revisions each may have its own, and so may each shortcut. */
static void probe_previous(const struct session *s, struct probe *out)
{
	if (s->up.addr.s_addr && s->up.addr.s_addr != out->previous.s_addr && out->n_others < PROBE_OTHERS)
		out->other[out->n_others++] = s->up.addr;
	if (s->former && s->former->addr.s_addr != out->previous.s_addr && out->n_others < PROBE_OTHERS)
		out->other[out->n_others++] = s->former->addr;
}

/* Does the session's Path come or go by that port? */
static int uses(const struct session *s, int port)
{
	const struct branch *b = s->branch;

	while (b && b->port != port)
		b = b->next;
	return b || s->up.port == port;
}

static void probe_twice(const struct session *oldest, const struct session *cut, struct probe *out)
{
	for (const struct session *s = oldest; session_is_cut(cut) && s; s = session_newer(s))
		for (const struct branch *b = cut->branch; !session_is_cut(s) && b; b = b->next)
			if (uses(s, b->port))
				out->twice = b->port;
}

/* How many revisions, up to s, the one has who sent that: the leader, or an endpoint that began a shortcut. */
static unsigned of_sender(const struct session *oldest, const struct session *s)
{
	unsigned n = 0;

	for (const struct session *m = oldest; m; m = m == s ? NULL : session_newer(m))
		n += session_sender(m).s_addr == session_sender(s).s_addr;
	return n;
}

int probe_session(const struct core *core, struct adaptor_key key, struct probe *out)
{
	const struct session *s = core_session(core, key.icorp, key.leader), *oldest = s;

	if (!s)
		return 0;
	memset(out, 0, offsetof(struct probe, hold));
	out->key = key;
	out->revision = s->contract->revision;
	out->base_bps = session_base(s);
	out->setup = s->contract->setup_priority;
	out->holding = s->contract->holding_priority;
	out->leading = s->leading;
	out->up_and_committed = s->state == SESSION_UP && s->committed;
	out->failed = s->state == SESSION_FAILED;
	out->all_failed = 1;
	out->previous = s->up.addr;
	out->port = s->up.port;
	out->vlan = s->vlan;
	out->merged_bps = session_merged(s);
	out->twice = CORE_PORT_NONE;
	for (; s; s = session_newer(s)) {
		out->committing |= s->cookie != 0;
		out->all_failed &= s->state == SESSION_FAILED;
		probe_previous(s, out);
		probe_holds(s, out);
		probe_branches(s, out);
		probe_isc(core, oldest, s, out);
		probe_twice(oldest, s, out);
		out->n_revisions = (unsigned)larger(out->n_revisions, of_sender(oldest, s));
	}
	return 1;
}

void probe_copy(struct probe *to, const struct probe *from)
{
	memcpy(to, from, offsetof(struct probe, hold));
	memcpy(to->hold, from->hold, from->n_holds * sizeof(*to->hold));
	memcpy(to->branch, from->branch, from->n_branches * sizeof(*to->branch));
}

struct adaptor_key *probe_keys(const struct core *core, size_t *n)
{
	struct adaptor_key *keys = calloc(core_sessions(core) + 1, sizeof(*keys));

	if (!keys)
		abort();
	*n = 0;
	for (const struct session *s = core_session_next(core, NULL); s; s = core_session_next(core, s))
		keys[(*n)++] = s->key;
	return keys;
}

int probe_keeps(const struct core *core, struct adaptor_key key)
{
	const struct session *s = core_session(core, key.icorp, key.leader);

	return s && core_in_force(s);
}

unsigned probe_leaves(const struct core *core, struct adaptor_key key, struct probe_leaf *out, unsigned room)
{
	const struct session *s = core_session(core, key.icorp, key.leader);
	unsigned n = 0;

	for (; s && n < s->n_leaves && n < room; n++)
		out[n] = (struct probe_leaf){ s->contract->endpoints[n].control, s->leaf[n].where != LEAF_ELSEWHERE, s->leaf[n].up };
	return n;
}

enum leader_state probe_leader(const struct core *core, struct adaptor_key key)
{
	const struct session *s = core_session(core, key.icorp, key.leader);

	return s && s->leading ? leader_state(s) : LEADER_GONE;
}

uint64_t probe_lifetime(const struct core *core)
{
	return core_lifetime(core, core->config.refresh_us);
}

unsigned probe_vlans(const struct core *core)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(core->vlan_used); i++)
		n += (unsigned)__builtin_popcount(core->vlan_used[i]);
	return n;
}
