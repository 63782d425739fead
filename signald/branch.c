/*
 * Leaves and branches: which endpoint lies behind which neighbour. A branch exists while it has leaves. A leaf of this
 * very element is LOCAL (an access router's proxy) or hangs under the ISC's branch (a server's).
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"
#include "signald/session.h"

struct leaf *leaf_by_addr(const struct session *s, struct in_addr control)
{
	for (unsigned i = 0; i < s->n_leaves; i++)
		if (s->contract->endpoints[i].control.s_addr == control.s_addr)
			return &s->leaf[i];
	return NULL;
}

int leaf_listed(const struct session *s, const struct leaf *leaf, const struct rsvp_msg *msg)
{
	for (unsigned i = 0; i < msg->s2l.n; i++)
		if (msg->s2l.v[i].addr.s_addr == leaf_ep(s, leaf)->control.s_addr)
			return 1;
	return 0;
}

int leaf_torn(const struct session *s, const struct leaf *leaf, const struct rsvp_msg *msg)
{
	return !msg->s2l.n || leaf_listed(s, leaf, msg);
}

struct leaf_more *leaf_more(struct leaf *leaf)
{
	if (!leaf->more)
		leaf->more = calloc(1, sizeof(*leaf->more));
	return leaf->more;
}

uint64_t leaf_level(const struct leaf *leaf, enum resource resource)
{
	return leaf->more ? leaf->more->level[resource_slot(resource)] : 0;
}

uint64_t leaf_has(const struct leaf *leaf, enum resource resource)
{
	return resource == RESOURCE_BANDWIDTH ? leaf->branch->rate_bps : leaf_level(leaf, resource);
}

struct branch *branch_by_lih(struct session *s, uint32_t lih)
{
	struct branch *b = s->branch;

	while (b && b->lih != lih)
		b = b->next;
	return b;
}

struct leaf *leaf_of_isc(const struct session *s)
{
	for (unsigned i = 0; i < s->n_leaves; i++)
		if (s->leaf[i].branch && s->leaf[i].branch->isc)
			return &s->leaf[i];
	return NULL;
}

struct branch *branch_of_isc(const struct session *s, struct in_addr address)
{
	struct branch *b = s->branch;

	while (b && !(b->isc && b->neighbour.s_addr == address.s_addr))
		b = b->next;
	return b;
}

unsigned session_up(const struct session *s)
{
	unsigned up = 0;

	for (unsigned i = 0; i < s->n_leaves; i++)
		up += s->leaf[i].up && s->leaf[i].where != LEAF_ELSEWHERE;
	return up;
}

int branch_is(const struct branch *b, const struct nexthop *hop)
{
	if (b->port != hop->port)
		return 0;
	if (b->asked.s_addr == hop->neighbour.s_addr && (hop->unmapped || !b->passes == !hop->beyond))
		return 1;
	return !hop->beyond && b->neighbour.s_addr == hop->neighbour.s_addr;
}

struct branch *branch_towards(struct core *core, struct session *s, const struct leaf *leaf, const struct nexthop *hop)
{
	struct branch *b = s->branch;

	while (b && !branch_is(b, hop))
		b = b->next;
	if (!b) {
		b = pool_get(&core->pool, sizeof(*b));
		if (!b)
			return NULL;
		b->asked = hop->neighbour;
		b->neighbour = hop->beyond ? leaf_ep(s, leaf)->control : hop->neighbour;
		b->passes = b->beyond = hop->beyond != 0;
		b->port = (int8_t)hop->port;
		b->isc = hop->port == CORE_PORT_ISC;
		b->lih = ++s->next_lih;
		b->rate_bps = session_base(s);
		b->next = s->branch;
		s->branch = b;
	}
	b->trunk = hop->trunk != 0;
	b->shared = hop->shared != 0;
	return b;
}

void branch_delete(struct core *core, struct branch *b)
{
	free(b->blockade);
	grants_free(&core->pool, &b->grants);
	pool_put(&core->pool, b, sizeof(*b));
}

void branch_forget_messages(struct core *core, struct branch *b)
{
	message_withdraw(core, b->neighbour, &b->path_id);
	message_unlearn(core, b->neighbour, &b->resv_id);
}

void branch_free(struct core *core, struct session *s, struct branch *b)
{
	struct branch **at = &s->branch;

	branch_forget_messages(core, b);
	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	branch_delete(core, b);
}

int branch_in_force(const struct session *s, const struct branch *b)
{
	for (unsigned i = 0; i < s->n_leaves; i++)
		if (s->leaf[i].branch == b)
			return 1;
	return 0;
}

int leaf_through(const struct leaf *leaf, const struct branch *b, struct in_addr *via)
{
	if (leaf->branch == b) {
		*via = leaf->subtarget;
		return 1;
	}
	if (!leaf->more || leaf->more->next != b)
		return 0;
	*via = leaf->more->next_subtarget;
	return 1;
}

struct branch *branch_adopt(struct turn *t, struct session *s, struct branch *b, struct in_addr neighbour)
{
	struct branch *other = s->branch;

	while (other && (other == b || other->port != b->port || other->neighbour.s_addr != neighbour.s_addr))
		other = other->next;
	branch_forget_messages(t->core, b);
	b->neighbour = neighbour;
	b->beyond = 0;
	b->dirty = 1;
	if (!other)
		return b;
	for (unsigned i = 0; i < s->n_leaves; i++) {
		struct leaf *leaf = &s->leaf[i];

		if (leaf->branch == b) {
			leaf->branch = other;
			other->n_leaves++;
			b->n_leaves--;
		}
		if (leaf->more && leaf->more->next == b) {
			leaf->more->next = other;
			other->n_leaves++;
			b->n_leaves--;
		}
		if (leaf->more && leaf->more->next && leaf->more->next == leaf->branch)
			leaf_stay(t, s, leaf, 0);
	}
	other->dirty = 1;
	s->dirty_terms = 1;
	branch_free(t->core, s, b);
	return NULL;
}

int leaf_place(struct turn *t, struct session *s, struct leaf *leaf)
{
	const struct core_config *config = &t->core->config;
	struct nexthop hop;
	struct branch *b;
	int r;

	if (leaf_ep(s, leaf)->control.s_addr == config->address.s_addr) {
		r = cutthrough_ends(t->core, s, config->address, CORE_PORT_NONE);
		if (r < 0)
			return r;
		if (r || leaf_ep(s, leaf)->kind == ENDPOINT_ACCESS) {
			leaf->where = LEAF_LOCAL;
			return 0;
		}
		hop = (struct nexthop){ .port = CORE_PORT_ISC, .neighbour = leaf_ep(s, leaf)->private_addr,
					.subtarget = leaf_ep(s, leaf)->private_addr };
	} else {
		r = nexthop_find(t->core->nexthops, leaf_ep(s, leaf)->control, leaf->subtarget, &hop);
		if (r)
			return r;
		if (upstream_wants(s, leaf, hop.neighbour))
			return -ELOOP;
		if (cutthrough_ends(t->core, s, leaf_ep(s, leaf)->control, hop.port) == 1) {
			leaf->where = LEAF_LOCAL;
			return 0;
		}
	}
	b = branch_towards(t->core, s, leaf, &hop);
	if (!b)
		return -ENOMEM;
	leaf->where = LEAF_BRANCH;
	leaf->branch = b;
	leaf->subtarget = hop.subtarget;
	b->n_leaves++;
	if (b->isc)
		b->rate_bps = s->recovering ? recovery_bps(s) : revision_begins(t->core, s, leaf, RESOURCE_BANDWIDTH);
	return 0;
}

static void leaf_unplace(struct turn *t, struct session *s, struct leaf *leaf)
{
	struct branch *b = leaf->branch;

	isc_levels_release(t->core, s, leaf);
	if (b && b->isc && s->more)
		s->more->isc_path_us = s->more->isc_deadline_us = 0;
	if (leaf->up)
		s->dirty_terms = s->dirty_up = 1;
	leaf->where = LEAF_ELSEWHERE;
	leaf->branch = NULL;
	leaf->up = 0;
	if (leaf->more)
		leaf->more->prune_us = 0;
	if (b && --b->n_leaves == 0)
		branch_free(t->core, s, b);
}

void leaf_tear(struct turn *t, struct session *s, struct leaf *leaf)
{
	leaf_stay(t, s, leaf, 0);
	if (leaf->branch && leaf->branch->n_leaves > 1)
		leaf->branch->dirty = 1;
	else if (leaf->branch)
		send_path_tear(t, s, leaf->branch);
	leaf_unplace(t, s, leaf);
	s->dirty_terms = 1;
}

void leaf_prune(struct turn *t, struct session *s, struct leaf *leaf)
{
	leaf_tear(t, s, leaf);
	session_yield(t->core, s);
	for (unsigned i = 0; i < s->n_leaves; i++)
		if (s->leaf[i].where != LEAF_ELSEWHERE)
			return;
	if (!s->leading)
		session_close(t, s);
}

unsigned branch_unreserve(struct turn *t, struct session *s, struct branch *b)
{
	unsigned were = 0;

	for (unsigned i = 0; i < s->n_leaves; i++) {
		if (s->leaf[i].branch != b)
			continue;
		were += s->leaf[i].up != 0;
		s->leaf[i].up = 0;
	}
	message_unlearn(t->core, b->neighbour, &b->resv_id);
	b->resv_expires_us = 0;
	b->resv_hash = 0;
	grants_free(&t->core->pool, &b->grants);
	b->rate_bps = session_base(s);
	session_yield(t->core, s);
	s->dirty_terms = s->dirty_up = 1;
	return were;
}
