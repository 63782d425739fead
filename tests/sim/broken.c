/*
 * A core that is broken on purpose, to see that the simulator notices: the linker puts these functions in the place of the
 * core's own (--wrap), and BREAK in the environment says which one misbehaves. See tests/sim/broken.sh.
 */
#include <stdlib.h>
#include <string.h>

#include "signald/session.h"
#include "tests/sim/icorp_sim.h"

int __real_session_hold(struct turn *t, struct session *s, int *port, uint64_t *fits);
int __wrap_session_hold(struct turn *t, struct session *s, int *port, uint64_t *fits);
void __real_demand_input(struct turn *t, struct session *s, struct leaf *leaf, const struct rsvp_demand *demand);
void __wrap_demand_input(struct turn *t, struct session *s, struct leaf *leaf, const struct rsvp_demand *demand);
uint64_t __real_core_their_lifetime(const struct core *core, uint32_t refresh_ms);
uint64_t __wrap_core_their_lifetime(const struct core *core, uint32_t refresh_ms);
int __real_nexthop_find(const struct nexthops *nh, struct in_addr dest, struct in_addr subtarget, struct nexthop *out);
int __wrap_nexthop_find(const struct nexthops *nh, struct in_addr dest, struct in_addr subtarget, struct nexthop *out);
void __real_leader_failed(struct turn *t, struct session *s);
void __wrap_leader_failed(struct turn *t, struct session *s);
void __real_leader_weigh(struct core *core, struct session *s);
void __wrap_leader_weigh(struct core *core, struct session *s);
void __real_vlan_give(struct core *core, struct session *s);
void __wrap_vlan_give(struct core *core, struct session *s);
void __real_recovery_claim(struct turn *t, struct session *s);
void __wrap_recovery_claim(struct turn *t, struct session *s);
int __real_recovery_waits(struct turn *t, struct session *s);
int __wrap_recovery_waits(struct turn *t, struct session *s);
void __real_recovery_tick(struct turn *t);
void __wrap_recovery_tick(struct turn *t);
int __real_core_found(struct core *core, const struct core_found *found);
int __wrap_core_found(struct core *core, const struct core_found *found);
uint64_t __real_preempt_spare(const struct core *core, int port, uint8_t setup);
uint64_t __wrap_preempt_spare(const struct core *core, int port, uint8_t setup);
void __real_branch_reduce(struct turn *t, struct session *s, struct branch *b, uint64_t asked_bps, uint64_t to_bps,
			  const struct rsvp_error *error, const struct rsvp_grant *grant);
void __wrap_branch_reduce(struct turn *t, struct session *s, struct branch *b, uint64_t asked_bps, uint64_t to_bps,
			  const struct rsvp_error *error, const struct rsvp_grant *grant);

void __real_core_message(struct core *core, const struct rsvp_msg *msg, const struct core_from *from,
			 struct contract *contract, uint64_t now_us, struct core_actions *actions);
void __wrap_core_message(struct core *core, const struct rsvp_msg *msg, const struct core_from *from,
			 struct contract *contract, uint64_t now_us, struct core_actions *actions);
void __real_core_applied(struct core *core, struct adaptor_key key, uint64_t cookie, const struct adaptor_result *result,
			 uint64_t now_us, struct core_actions *actions);
void __wrap_core_applied(struct core *core, struct adaptor_key key, uint64_t cookie, const struct adaptor_result *result,
			 uint64_t now_us, struct core_actions *actions);
uint64_t __real_revision_held(struct core *core, const struct session *s, int port);
uint64_t __wrap_revision_held(struct core *core, const struct session *s, int port);
void __real_revision_supersede(struct turn *t, struct adaptor_key key);
void __wrap_revision_supersede(struct turn *t, struct adaptor_key key);
void __real_revision_complete(struct turn *t, struct session *s);
void __wrap_revision_complete(struct turn *t, struct session *s);

int __real_cutthrough_ends(struct core *core, const struct session *s, struct in_addr endpoint, int port);
int __wrap_cutthrough_ends(struct core *core, const struct session *s, struct in_addr endpoint, int port);

static int broken(const char *what)
{
	const char *chosen = getenv("BREAK");

	return chosen && !strcmp(chosen, what);
}

/* Admission that knows no capacity. */
int __wrap_session_hold(struct turn *t, struct session *s, int *port, uint64_t *fits)
{
	struct core_config *config = &t->core->config;
	uint64_t capacity[CORE_MAX_PORTS];
	int r;

	if (!broken("capacity"))
		return __real_session_hold(t, s, port, fits);
	for (unsigned p = 0; p < config->n_ports; p++) {
		capacity[p] = config->port[p].capacity_bps;
		config->port[p].capacity_bps = UINT64_MAX;
	}
	r = __real_session_hold(t, s, port, fits);
	for (unsigned p = 0; p < config->n_ports; p++)
		config->port[p].capacity_bps = capacity[p];
	return r;
}

/* A demand that is acted on as often as it is heard. */
void __wrap_demand_input(struct turn *t, struct session *s, struct leaf *leaf, const struct rsvp_demand *demand)
{
	if (broken("demands") && leaf->more)
		leaf->more->handled[demand->resource] = 0;
	__real_demand_input(t, s, leaf, demand);
}

/* State that outlives its neighbour. */
uint64_t __wrap_core_their_lifetime(const struct core *core, uint32_t refresh_ms)
{
	return __real_core_their_lifetime(core, refresh_ms) * (broken("lifetime") ? 4 : 1);
}

/* A router that sends half of what it should pass on back to where its default route points, and does not know whom it meets. */
int __wrap_nexthop_find(const struct nexthops *nh, struct in_addr dest, struct in_addr subtarget, struct nexthop *out)
{
	struct in_addr elsewhere = { htonl(0xc0000201) };

	if (broken("routes") && !nh->is_switch && ntohl(dest.s_addr) % 2 &&
	    !__real_nexthop_find(nh, elsewhere, (struct in_addr){ 0 }, out)) {
		out->neighbour = out->subtarget;
		return 0;
	}
	return __real_nexthop_find(nh, dest, subtarget, out);
}

/* A leader that keeps what was refused. */
void __wrap_leader_failed(struct turn *t, struct session *s)
{
	if (!broken("refusal"))
		__real_leader_failed(t, s);
}

/* A leader whose own technologies do not hear which servers are to be used. */
void __wrap_leader_weigh(struct core *core, struct session *s)
{
	int dirty = s->dirty_terms;

	__real_leader_weigh(core, s);
	if (broken("weights"))
		s->dirty_terms = dirty & 1;
}

/* A switch that never gives a VLAN back. */
void __wrap_vlan_give(struct core *core, struct session *s)
{
	if (!broken("vlans"))
		__real_vlan_give(core, s);
}

/* A restarted controller that takes another VLAN than the kernel has. */
void __wrap_recovery_claim(struct turn *t, struct session *s)
{
	__real_recovery_claim(t, s);
	if (!broken("claim") || !s->vlan_ours)
		return;
	vlan_give(t->core, s);
}

/* One that applies what the first neighbour says. */
int __wrap_recovery_waits(struct turn *t, struct session *s)
{
	if (broken("waits") && s->recovering && !s->committed)
		s->renew_us = 1;
	return __real_recovery_waits(t, s);
}

/* One that keeps what nobody claims. */
void __wrap_recovery_tick(struct turn *t)
{
	if (!broken("orphans"))
		__real_recovery_tick(t);
	else if (t->now_us >= t->core->recovery.until_us)
		t->core->recovery.until_us = 0;
}

/* One that does not look at what is there. */
int __wrap_core_found(struct core *core, const struct core_found *found)
{
	return broken("found") ? 0 : __real_core_found(core, found);
}

/* Whoever comes is of the best priority. */
uint64_t __wrap_preempt_spare(const struct core *core, int port, uint8_t setup)
{
	return __real_preempt_spare(core, port, broken("priorities") ? 0 : setup);
}

/* A server that does not take back what is refused, or preempted, further up. */
void __wrap_branch_reduce(struct turn *t, struct session *s, struct branch *b, uint64_t asked_bps, uint64_t to_bps,
			  const struct rsvp_error *error, const struct rsvp_grant *grant)
{
	if (!b->isc || !broken("blockade"))
		__real_branch_reduce(t, s, b, asked_bps, to_bps, error, grant);
}

/* One that takes half of a contract's rate for all of it. */
void __wrap_core_message(struct core *core, const struct rsvp_msg *msg, const struct core_from *from,
			 struct contract *contract, uint64_t now_us, struct core_actions *actions)
{
	const struct session *s = broken("half") && msg->type == RSVP_RESV && !from->isc ? session_of(core, msg) : NULL;
	struct rsvp_msg half = *msg;

	if (s && msg->flow.rate_bps == session_base(s))
		half.flow.rate_bps = rsvp_rate(half.flow.rate_bps / 2);
	__real_core_message(core, &half, from, contract, now_us, actions);
}

/* A server that grants what its technologies did not give. */
void __wrap_core_applied(struct core *core, struct adaptor_key key, uint64_t cookie, const struct adaptor_result *result,
			 uint64_t now_us, struct core_actions *actions)
{
	struct adaptor_result all = *result;

	for (unsigned i = 0; broken("given") && i < all.n_grants; i++)
		all.grants[i].outcome = OUTCOME_APPLIED;
	__real_core_applied(core, key, cookie, &all, now_us, actions);
}

/* Two revisions that are counted twice. */
uint64_t __wrap_revision_held(struct core *core, const struct session *s, int port)
{
	return broken("twice") ? 0 : __real_revision_held(core, s, port);
}

/* A leader that breaks before it makes. */
void __wrap_revision_supersede(struct turn *t, struct adaptor_key key)
{
	struct session *s;

	while (broken("before") && (s = session_find(t->core, key)))
		leader_tear(t, s);
	__real_revision_supersede(t, key);
}

/* A leader that keeps the old one for ever. */
void __wrap_revision_complete(struct turn *t, struct session *s)
{
	s->more->complete_by_us = 0;
	if (!broken("both"))
		__real_revision_complete(t, s);
}

/* Shortcuts that go on where the tree is. */
int __wrap_cutthrough_ends(struct core *core, const struct session *s, struct in_addr endpoint, int port)
{
	return broken("graph") && port >= 0 ? 0 : __real_cutthrough_ends(core, s, endpoint, port);
}

int main(int argc, char **argv)
{
	return icorp_sim(argc, argv);
}
