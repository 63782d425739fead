/*
 * Where a session's Path comes from. When routes change further up, the same Path comes from another hop: that one is
 * the previous hop from then on. The former one stays beside it, with its reservation, until it is torn: whoever moved
 * the way tears the old one once the new one is confirmed, and that tear reaches us from the former hop. So its tear takes
 * nothing away that the new hop wants, and should the new way be torn first, because the routes changed back or
 * somebody on it refused, then the old one still stands. A Path of the former hop does not bring it back: it only says what
 * the former hop still wants.
 *
 * When only some endpoints moved, both stay previous hops for good: the two ways meet here. Each gets a Resv for what
 * its last Path listed (leaf.claimed, leaf.also). There are never more than two.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "signald/session.h"

int upstream_former_port(const struct session *s)
{
	for (unsigned i = 0; s->former && i < s->n_leaves; i++)
		if (s->leaf[i].where != LEAF_ELSEWHERE && s->leaf[i].also)
			return s->former->port;
	return CORE_PORT_NONE;
}

int upstream_wants(const struct session *s, const struct leaf *leaf, struct in_addr neighbour)
{
	return (!s->leading && s->up.addr.s_addr == neighbour.s_addr) ||
	       (s->former && leaf->also && s->former->addr.s_addr == neighbour.s_addr);
}

void upstream_forget_messages(struct core *core, struct upstream *hop)
{
	message_unlearn(core, hop->addr, &hop->path_id);
	message_withdraw(core, hop->addr, &hop->resv_id);
}

void upstream_free(struct core *core, struct session *s)
{
	if (!s->former)
		return;
	pool_put(&core->pool, s->former->route, s->former->n_route * sizeof(*s->former->route));
	pool_put(&core->pool, s->former, sizeof(*s->former));
	s->former = NULL;
}

static void drop_former(struct core *core, struct session *s)
{
	if (s->former)
		upstream_forget_messages(core, s->former);
	upstream_free(core, s);
	for (unsigned i = 0; i < s->n_leaves; i++)
		s->leaf[i].also = 0;
}

/* What no previous hop lists any more. */
static void prune_unclaimed(struct turn *t, struct session *s)
{
	for (unsigned i = 0; i < s->n_leaves && !s->closing; i++)
		if (s->leaf[i].where != LEAF_ELSEWHERE && !s->leaf[i].claimed && !s->leaf[i].also)
			leaf_prune(t, s, &s->leaf[i]);
}

/* Less may be wanted than before. */
static void settle_holds(struct turn *t, struct session *s)
{
	uint64_t fits;
	int port;

	if (s->closing)
		return;
	session_hold(t, s, &port, &fits);
	session_settle(t, s);
}

/* Keeps what is in force as the former one. Without memory it is forgotten, as if it had been torn. */
static void become_former(struct core *core, struct session *s)
{
	struct upstream *former;

	drop_former(core, s);
	former = pool_get(&core->pool, sizeof(*former));
	if (!former) {
		upstream_forget_messages(core, &s->up);
		return;
	}
	*former = s->up;
	s->former = former;
	for (unsigned i = 0; i < s->n_leaves; i++) {
		s->leaf[i].also = s->leaf[i].claimed;
		s->leaf[i].claimed = 0; /* its Path will say */
	}
	s->up.route = NULL;
	s->up.n_route = 0;
	s->up.path_id = s->up.resv_id = 0;
}

/* Holds on that port, too, what is held towards the previous hop. Without room there msg's hop is told. */
static int fits_on(struct turn *t, struct session *s, const struct rsvp_msg *msg, int port)
{
	char why[ADAPTOR_REASON];
	uint64_t fits;

	if (!session_hold_also(t, s, port, &fits))
		return 1;
	snprintf(why, sizeof(why), "no capacity on %s: %llu bit/s would fit", t->core->config.port[port].ifname,
		 (unsigned long long)fits);
	t->core->counter[CORE_REFUSED]++;
	log_icorp(LOG_LEVEL_WARN, s->key.icorp, "stays with its former previous hop: %s", why);
	action_refused(t, s->key, RSVP_ERR_ADMISSION, RSVP_ADMISSION_BANDWIDTH, why);
	send_path_err(t, s, msg->hop.addr, NULL, RSVP_ERR_ADMISSION, RSVP_ADMISSION_BANDWIDTH, why);
	return 0;
}

int upstream_change(struct turn *t, struct session *s, const struct rsvp_msg *msg, const struct core_from *from)
{
	if (!s->up.addr.s_addr || s->up.addr.s_addr == msg->hop.addr.s_addr)
		return 0;
	if (!fits_on(t, s, msg, from->port))
		return -ENOSPC;
	log_icorp(LOG_LEVEL_DEBUG, s->key.icorp, "its Path comes another way");
	become_former(t->core, s);
	return 0;
}

/* Does it bring another contract, or list what is not here yet? */
static int wants_new(const struct session *s, const struct rsvp_msg *msg)
{
	if (memcmp(s->contract->digest, msg->ref.digest, SHA256_SIZE))
		return 1;
	for (unsigned i = 0; i < msg->s2l.n; i++) {
		const struct leaf *leaf = leaf_by_addr(s, msg->s2l.v[i].addr);

		if (leaf && leaf->where == LEAF_ELSEWHERE)
			return 1;
	}
	return 0;
}

int upstream_former_path(struct turn *t, struct session *s, const struct rsvp_msg *msg, const struct core_from *from)
{
	struct upstream *hop = s->former;

	if (!hop || hop->addr.s_addr != from->addr.s_addr)
		return 0;
	if (message_age(t->core, s, hop->addr, hop->path_id, msg) == MESSAGE_OLD) {
		t->core->counter[CORE_STALE]++;
		return 1;
	}
	if (wants_new(s, msg))
		return 0;
	for (unsigned i = 0; i < s->n_leaves; i++)
		s->leaf[i].also = 0;
	for (unsigned i = 0; i < msg->s2l.n; i++) {
		struct leaf *leaf = leaf_by_addr(s, msg->s2l.v[i].addr);

		if (leaf)
			leaf->also = 1;
	}
	hop->lih = msg->hop.lih;
	hop->refresh_ms = msg->refresh_ms;
	upstream_renew(hop, t->now_us + core_their_lifetime(t->core, msg->refresh_ms));
	message_learn(t, s, hop->addr, &hop->path_id, msg);
	s->dirty_up = 1;
	prune_unclaimed(t, s);
	settle_holds(t, s);
	return 1;
}

int upstream_former_tear(struct turn *t, struct session *s, const struct rsvp_msg *msg)
{
	struct upstream *hop = s->former;
	unsigned left = 0;

	if (!hop || hop->addr.s_addr != msg->hop.addr.s_addr)
		return 0;
	if (message_age(t->core, s, hop->addr, hop->path_id, msg) == MESSAGE_OLD) {
		t->core->counter[CORE_STALE]++;
		return 1;
	}
	s->dirty_terms |= upstream_former_port(s) != CORE_PORT_NONE;
	s->dirty_up = 1;
	for (unsigned i = 0; i < s->n_leaves; i++) {
		s->leaf[i].also &= !leaf_torn(s, &s->leaf[i], msg);
		left |= s->leaf[i].also;
	}
	if (!left)
		drop_former(t->core, s);
	prune_unclaimed(t, s);
	settle_holds(t, s);
	return 1;
}

int upstream_fall_back(struct turn *t, struct session *s)
{
	uint64_t fits;
	int port;

	if (!s->former || s->former->expires_us <= t->now_us)
		return 0;
	log_icorp(LOG_LEVEL_INFO, s->key.icorp, "back to its former previous hop");
	upstream_forget_messages(t->core, &s->up);
	pool_put(&t->core->pool, s->up.route, s->up.n_route * sizeof(*s->up.route));
	s->up = *s->former;
	message_unlearn(t->core, s->up.addr, &s->up.path_id); /* what its Paths said meanwhile was not heard: it is to say it again */
	pool_put(&t->core->pool, s->former, sizeof(*s->former));
	s->former = NULL;
	for (unsigned i = 0; i < s->n_leaves; i++) {
		s->leaf[i].claimed = s->leaf[i].also;
		s->leaf[i].also = 0;
	}
	s->dirty_terms = s->dirty_up = s->dirty_down = 1;
	prune_unclaimed(t, s);
	if (!s->closing && session_hold(t, s, &port, &fits))
		session_refuse(t, s, RSVP_ERR_ADMISSION, RSVP_ADMISSION_BANDWIDTH, "no capacity on %s for the former way",
			       t->core->config.port[port].ifname);
	return 1;
}

void upstream_forget(struct turn *t, struct session *s)
{
	s->dirty_terms |= upstream_former_port(s) != CORE_PORT_NONE;
	drop_former(t->core, s);
	prune_unclaimed(t, s);
	settle_holds(t, s);
}
