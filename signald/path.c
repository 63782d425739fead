/*
 * Path and PathTear (RFC 2205 section 3.1.3, RFC 2209 section 2; RFC 4875 section 5). A Path lists the leaves its
 * sender wants reached through us; those that it no longer lists are torn. Reserving happens here, committing when the
 * Resv comes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "signald/session.h"

/* May this contract be used for this message at all? */
static int contract_fits(const struct rsvp_msg *msg, const struct contract *c)
{
	const struct contract_endpoint *leader = contract_leader(c);

	return leader && contract_endpoint_by_control(c, rsvp_sender(msg)) && (!c->id || c->id == msg->session.icorp) && leader->control.s_addr == msg->session.leader.s_addr &&
	       c->revision == msg->ref.revision && c->revision == msg->template_.lsp_id &&
	       !memcmp(c->digest, msg->ref.digest, SHA256_SIZE);
}

static int path_loops(const struct turn *t, const struct rsvp_msg *msg)
{
	for (unsigned i = 0; i < msg->rro.n; i++)
		if (msg->rro.v[i].s_addr == t->core->config.address.s_addr)
			return 1;
	return 0;
}

/* Is a newer revision in force? Then a Path of this one, of which nothing is here, comes late. */
static int replaced(const struct session *s, uint16_t revision)
{
	while (s && (session_is_cut(s) || s->state != SESSION_UP || s->contract->revision < revision))
		s = session_newer(s);
	return s != NULL;
}

/* A leader has three revisions at most, an endpoint one shortcut per other one: more would only be work. */
#define MAX_REVISIONS 8
static int too_many(const struct session *first, int cut, const struct contract *contract)
{
	unsigned n = 0;

	for (const struct session *s = first; s; s = session_newer(s))
		n += session_is_cut(s) == cut;
	return n >= (cut ? MAX_REVISIONS * contract->n_endpoints : MAX_REVISIONS);
}

/* The session of this Path's revision, made if need be, beside those of others; NULL: drop the message. */
static struct session *path_session(struct turn *t, const struct rsvp_msg *msg, struct contract *contract)
{
	struct adaptor_key key = { msg->session.icorp, msg->session.leader };
	struct session *s = session_of(t->core, msg), *other = session_find(t->core, key);
	struct in_addr sender = rsvp_sender(msg);
	int cut = sender.s_addr != key.leader.s_addr;

	if ((other && other->leading) || (s && cutthrough_ours(t->core, s)))
		return NULL;
	if (cut && recovery_finds(t->core, key) && contract_endpoint_by_control(contract, t->core->config.address))
		return NULL; /* the tree's Path is to come first; this one comes again */
	if (s ? memcmp(s->contract->digest, contract->digest, SHA256_SIZE) :
	    !cut && replaced(other, contract->revision)) {
		t->core->counter[CORE_STALE]++;
		return NULL;
	}
	if (s)
		return s;
	if (too_many(other, cut, contract)) {
		t->core->counter[CORE_REFUSED]++;
		return NULL;
	}
	s = session_create(t, key, contract, sender);
	if (s)
		log_icorp(LOG_LEVEL_INFO, key.icorp, "new, %s, revision %u%s", contract->name, contract->revision,
			  cut ? ", a shortcut" : other ? ", beside another" : "");
	return s;
}

/* Where it came from, and how long it lives. */
static void path_upstream(struct turn *t, struct session *s, const struct rsvp_msg *msg, const struct core_from *from)
{
	struct in_addr *route;

	s->dirty_terms |= s->up.addr.s_addr != msg->hop.addr.s_addr || s->up.port != from->port;
	s->dirty_up |= s->dirty_terms || s->up.lih != msg->hop.lih;
	s->up.addr = msg->hop.addr;
	s->up.lih = msg->hop.lih;
	s->up.port = (int8_t)from->port;
	s->up.refresh_ms = msg->refresh_ms;
	upstream_renew(&s->up, t->now_us + core_their_lifetime(t->core, msg->refresh_ms));
	message_learn(t, s, from->addr, &s->up.path_id, msg);
	if (msg->rro.n == s->up.n_route && (!s->up.n_route || !memcmp(s->up.route, msg->rro.v, s->up.n_route * sizeof(*route))))
		return;
	route = pool_get(&t->core->pool, msg->rro.n * sizeof(*route));
	if (!route && msg->rro.n)
		return;
	if (msg->rro.n)
		memcpy(route, msg->rro.v, msg->rro.n * sizeof(*route));
	pool_put(&t->core->pool, s->up.route, s->up.n_route * sizeof(*route));
	s->up.route = route;
	s->up.n_route = (uint8_t)msg->rro.n;
	s->dirty_down = 1; /* who is below checks it for loops */
}

/* Grants that answer demands: whether they differ from what was passed on. */
static int told_differs(const struct grants *told, const struct rsvp_msg *msg)
{
	struct rsvp_grant was;
	uint32_t at = 0;
	unsigned i = 0;

	while (grants_next(told, &at, &was)) {
		const struct rsvp_grant *is = &msg->grants.v[i];

		if (i++ == msg->grants.n || was.node.s_addr != is->node.s_addr ||
		    was.endpoint.s_addr != is->endpoint.s_addr || was.resource != is->resource ||
		    was.sequence != is->sequence || was.outcome != is->outcome ||
		    was.enforcement != is->enforcement || was.level != is->level ||
		    strcmp(was.reason, is->reason))
			return 1;
	}
	return i != msg->grants.n;
}

/* What the leader says: price, who is up with which weight, grants. Passed on downwards when it changed. */
static void path_told(struct turn *t, struct session *s, const struct rsvp_msg *msg)
{
	if ((msg->has & RSVP_HAS_PRICE) && memcmp(&s->price, &msg->price, sizeof(s->price))) {
		s->price = msg->price;
		s->dirty_down = 1;
	}
	s->told |= msg->loads.n != 0;
	for (unsigned i = 0; i < msg->loads.n; i++) {
		struct leaf *leaf = leaf_by_addr(s, msg->loads.v[i].endpoint);

		if (!leaf)
			continue;
		if (leaf->told_flags != msg->loads.v[i].flags || leaf->weight != msg->loads.v[i].weight)
			s->dirty_down = s->dirty_terms = 1;
		leaf->told_flags = msg->loads.v[i].flags;
		leaf->weight = msg->loads.v[i].weight;
	}
	if (told_differs(&session_rest(s)->told, msg) && session_more(s)) {
		grants_set(&t->core->pool, &s->more->told, 0, 1, msg->grants.v, msg->grants.n);
		s->dirty_down = 1;
	}
}

/* This endpoint cannot be reached from here; the others can. */
static void path_no_way(struct turn *t, struct session *s, struct leaf *leaf)
{
	char why[ADAPTOR_REASON];

	snprintf(why, sizeof(why), "no way to %s", leaf_ep(s, leaf)->element);
	t->core->counter[CORE_REFUSED]++;
	log_icorp(LOG_LEVEL_WARN, s->key.icorp, "refused: %s", why);
	action_refused(t, s->key, RSVP_ERR_ROUTING, RSVP_ROUTING_NO_ROUTE, why);
	send_path_err(t, s, s->up.addr, leaf, RSVP_ERR_ROUTING, RSVP_ROUTING_NO_ROUTE, why);
	leaf->claimed = 0;
}

/* Claims the message's leaves, places new ones, moves those that a switch is to find another way. Returns how many are new. */
static unsigned path_leaves(struct turn *t, struct session *s, const struct rsvp_msg *msg)
{
	unsigned placed = 0;

	for (unsigned i = 0; i < s->n_leaves; i++) {
		s->leaf[i].listed = s->leaf[i].claimed;
		s->leaf[i].claimed = 0;
	}
	for (unsigned i = 0; i < msg->s2l.n; i++) {
		struct leaf *leaf = leaf_by_addr(s, msg->s2l.v[i].addr);

		if (!leaf)
			continue; /* not an endpoint of this contract: nothing we could reserve for */
		s->dirty_up |= leaf->up && !leaf->listed; /* this hop did not hear of it yet */
		leaf->claimed = 1;
		if (leaf->where != LEAF_ELSEWHERE) {
			leaf_reroute(t, s, leaf, msg->s2l.v[i].via);
			continue;
		}
		leaf->subtarget = msg->s2l.v[i].via;
		if (leaf_place(t, s, leaf))
			path_no_way(t, s, leaf);
		else
			placed++;
	}
	reroute_hold(t, s);
	return placed;
}

/* What nobody lists any more goes. A session without leaves goes. */
static void path_prune_unlisted(struct turn *t, struct session *s)
{
	unsigned left = 0;

	for (unsigned i = 0; i < s->n_leaves && !s->closing; i++) {
		struct leaf *leaf = &s->leaf[i];

		if (leaf->where != LEAF_ELSEWHERE && !leaf->claimed && !leaf->also)
			leaf_prune(t, s, leaf);
		left += leaf->where != LEAF_ELSEWHERE;
	}
	if (!left && !s->closing)
		session_close(t, s);
}

static int image_known(const struct core_config *config, const char *image)
{
	for (unsigned i = 0; i < config->n_images; i++)
		if (!strcmp(config->image[i], image))
			return 1;
	return 0;
}

/* The ISC's share of this server. */
static int reserve_isc(struct turn *t, struct session *s)
{
	struct leaf *leaf = leaf_of_isc(s);
	char why[ADAPTOR_REASON];
	int counted = leaf && leaf_level(leaf, RESOURCE_CPU); /* found when we started */

	if (!leaf || (counted && !s->recovering))
		return 0;
	if (!image_known(&t->core->config, leaf_ep(s, leaf)->isc.image)) {
		session_refuse(t, s, RSVP_ERR_ADMISSION, RSVP_ADMISSION_IMAGE, "no image \"%s\"", leaf_ep(s, leaf)->isc.image);
		return -ENOENT;
	}
	if (!session_more(s) || (!counted && isc_levels_init(t->core, s, leaf))) {
		session_refuse(t, s, RSVP_ERR_SYSTEM, RSVP_SYSTEM_MEMORY, "out of memory");
		return -ENOMEM;
	}
	if (!counted && isc_levels_hold(t, s, leaf, why, sizeof(why))) {
		session_refuse(t, s, RSVP_ERR_ADMISSION, RSVP_ADMISSION_CPU, "%s", why);
		return -ENOSPC;
	}
	s->more->isc_deadline_us = t->now_us + t->core->config.isc_start_us;
	return 0;
}

int path_reserve(struct turn *t, struct session *s)
{
	const struct core_config *config = &t->core->config;
	uint64_t fits;
	int port;

	if (reserve_isc(t, s)) /* first: it takes nothing from others */
		return -ENOSPC;
	if (session_hold(t, s, &port, &fits)) {
		session_refuse(t, s, RSVP_ERR_ADMISSION, RSVP_ADMISSION_BANDWIDTH,
			       "no capacity on %s: %llu bit/s asked, %llu would fit", config->port[port].ifname,
			       (unsigned long long)session_want(s, port), (unsigned long long)fits);
		return -ENOSPC;
	}
	if (s->state == SESSION_NEW)
		session_chstate(t, s, SESSION_RESERVED, "path accepted");
	return 0;
}

void path_input(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from, struct contract *contract)
{
	struct session *s;
	unsigned placed;

	if (!contract_fits(msg, contract) || !msg->s2l.n) {
		log_icorp(LOG_LEVEL_WARN, msg->session.icorp, "Path does not fit its contract; dropped");
		return;
	}
	if (path_loops(t, msg)) {
		t->core->counter[CORE_LOOPS]++;
		return;
	}
	s = path_session(t, msg, contract);
	if (!s)
		return;
	if (upstream_change(t, s, msg, from))
		return;
	path_upstream(t, s, msg, from);
	placed = path_leaves(t, s, msg);
	path_prune_unlisted(t, s);
	if (s->closing)
		return;
	path_told(t, s, msg);
	if (s->state == SESSION_FAILED)
		send_isc_gone(t, s); /* whoever sends it (a leader that has just started) may not know */
	else if (placed || s->dirty_terms) {
		uint16_t proposed = msg->has & RSVP_HAS_HOPSTATE ? msg->hopstate.vlan : 0;

		uint16_t vlan;

		s->up_trunk = proposed != 0;
		if (vlan_find(t->core, s, proposed, &vlan)) {
			session_refuse(t, s, RSVP_ERR_ADMISSION, RSVP_ADMISSION_LABEL,
				       proposed ? "VLAN %u is another's" : "no VLAN id free", vlan);
			return;
		}
		if (path_reserve(t, s))
			return;
		vlan_take(t, s, vlan);
		if (placed)
			s->dirty_down = s->dirty_terms = 1;
	}
	session_settle(t, s);
	if (placed)
		cutthrough_others(t, s);
}

void path_tear_input(struct turn *t, const struct rsvp_msg *msg)
{
	struct session *s = session_of(t->core, msg);
	unsigned left = 0;

	if (!s || s->leading || upstream_former_tear(t, s, msg) || s->up.addr.s_addr != msg->hop.addr.s_addr)
		return;
	if (message_age(t->core, s, s->up.addr, s->up.path_id, msg) == MESSAGE_OLD) {
		t->core->counter[CORE_STALE]++;
		return;
	}
	for (unsigned i = 0; i < s->n_leaves; i++) {
		s->leaf[i].claimed &= !leaf_torn(s, &s->leaf[i], msg);
		left |= s->leaf[i].claimed && s->leaf[i].where != LEAF_ELSEWHERE;
	}
	s->dirty_up = 1;
	if (left || !upstream_fall_back(t, s))
		path_prune_unlisted(t, s);
	session_settle(t, s);
}
