/*
 * Building messages from sessions. Every message is complete in itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signald/session.h"


static void set_hop(struct rsvp_msg *m, const struct turn *t, uint32_t lih)
{
	m->hop.addr = t->core->config.address;
	m->hop.lih = lih;
	m->has |= RSVP_HAS_HOP;
}

static void set_template(struct rsvp_msg *m, const struct session *s, uint32_t kind, struct in_addr origin,
			 uint16_t group)
{
	m->template_.sender = session_sender(s);
	m->template_.lsp_id = s->contract->revision;
	m->template_.origin = origin;
	m->template_.group = group;
	m->has |= kind;
}

static void set_style(struct rsvp_msg *m)
{
	m->style = RSVP_STYLE_SE;
	m->has |= RSVP_HAS_STYLE;
}

static void set_flow(struct rsvp_msg *m, const struct session *s, uint32_t kind, uint64_t rate_bps)
{
	m->flow.rate_bps = rate_bps;
	m->flow.peak_bps = s->contract->network.ceil_bps > rate_bps ? s->contract->network.ceil_bps : rate_bps;
	m->flow.bucket_bytes = 15000; /* ten full frames */
	m->flow.mtu = 1500;
	m->has |= kind;
}

static void set_time(struct rsvp_msg *m, const struct turn *t)
{
	m->refresh_ms = (uint32_t)(t->core->config.refresh_us / 1000);
	m->has |= RSVP_HAS_TIME;
}

/*
 * A Path to a neighbour that may not know the contract yet carries it, when the datagram stays under the MTU. A contract
 * that other sessions have, too, was sent before.
 */
#define BODY_MAX 900

static uint8_t *put_body(struct turn *t, const struct session *s, struct rsvp_msg *m)
{
	uint8_t *made = NULL;
	size_t len = t->body_len;

	if (s->state == SESSION_UP || shelf_users(&t->core->shelf, s->contract) > 1)
		return NULL;
	m->body = t->body;
	if (!t->body && !contract_deflate(s->contract, &made, &len))
		m->body = made;
	m->body_len = len;
	if (m->body && len <= BODY_MAX)
		m->has |= RSVP_HAS_BODY;
	return made;
}

static void path_common(struct turn *t, struct session *s, struct rsvp_msg *m)
{
	const struct contract *c = s->contract;

	set_time(m, t);
	snprintf(m->attribute.name, sizeof(m->attribute.name), "%s", c->name);
	m->attribute.setup = c->setup_priority;
	m->attribute.holding = c->holding_priority;
	m->has |= RSVP_HAS_ATTRIBUTE;
	m->ref.revision = c->revision;
	m->ref.length = (uint32_t)c->xml_len;
	memcpy(m->ref.digest, c->digest, SHA256_SIZE);
	m->has |= RSVP_HAS_REF;
	set_flow(m, s, RSVP_HAS_TSPEC, c->network.rate_bps);
	for (unsigned i = 0; i < s->up.n_route; i++)
		rsvp_add_rro(m, s->up.route[i]);
	rsvp_add_rro(m, t->core->config.address);
	if (s->price.interval_s) {
		m->price = s->price;
		m->has |= RSVP_HAS_PRICE;
	}
	for (unsigned i = 0; s->told && i < s->n_leaves; i++) {
		struct rsvp_load load = { .endpoint = s->contract->endpoints[i].control, .flags = s->leaf[i].told_flags,
					  .weight = s->leaf[i].weight };

		rsvp_add_load(m, &load);
	}
}

/*
 * One Path for all leaves of the branch. Those behind another router than the neighbour itself are listed with it: a
 * switch goes by that. They are listed router by router, so that each router is named once.
 */
static void path_leaves_of(struct session *s, const struct branch *b, struct rsvp_msg *m)
{
	for (unsigned i = 0; i < s->n_leaves; i++)
		s->leaf[i].listed = 0;
	for (unsigned i = 0; i < s->n_leaves; i++) {
		struct in_addr via, its, none = { 0 };

		if (s->leaf[i].listed || !leaf_through(&s->leaf[i], b, &via))
			continue;
		for (unsigned k = i; k < s->n_leaves; k++) {
			struct leaf *leaf = &s->leaf[k];

			if (!leaf_through(leaf, b, &its) || its.s_addr != via.s_addr)
				continue;
			leaf->listed = 1;
			rsvp_add_s2l(m, leaf_ep(s, leaf)->control, b->isc || via.s_addr == b->neighbour.s_addr ? none : via);
		}
	}
}

/* Is the answer to what is still asked? */
static int still_asked(const struct leaf *leaf, const struct rsvp_grant *grant)
{
	const struct rsvp_demand *d = leaf->more ? &leaf->more->demand[resource_slot(grant->resource)] : NULL;

	return d && d->resource == grant->resource && d->sequence == grant->sequence;
}

/*
 * The leader's answers to demands of the branch's leaves. There may be more than one Path carries: what is still asked goes
 * first. Who has heard its answer asks no more, and so makes room for the next.
 */
#define TOLD_GRANTS 128

static void told_of(const struct session *s, const struct branch *b, struct rsvp_msg *m)
{
	struct rsvp_grant grant;
	struct in_addr via;

	for (int asked = 1; asked >= 0; asked--) {
		for (uint32_t at = 0; m->grants.n < TOLD_GRANTS && grants_next(&session_rest(s)->told, &at, &grant);) {
			const struct leaf *leaf = leaf_by_addr(s, grant.endpoint);

			if (leaf && leaf_through(leaf, b, &via) && still_asked(leaf, &grant) == asked)
				rsvp_add_grant(m, &grant);
		}
	}
}

void send_path(struct turn *t, struct session *s, struct branch *b)
{
	struct rsvp_msg *m;
	uint8_t *made;

	b->dirty = 0;
	if (!b->n_leaves)
		return; /* to be torn */
	if (b->isc && revision_speaks(t->core, s, b, 1))
		return; /* it has an older revision's */
	m = message_begin(t, RSVP_PATH, s);
	set_hop(m, t, b->lih);
	path_common(t, s, m);
	set_template(m, s, RSVP_HAS_TEMPLATE, t->core->config.address, 1);
	if (b->trunk && s->vlan) {
		m->hopstate.vlan = s->vlan;
		m->hopstate.priority = s->contract->network.priority;
		m->has |= RSVP_HAS_HOPSTATE;
	}
	path_leaves_of(s, b, m);
	told_of(s, b, m);
	if (!b->isc) {
		made = put_body(t, s, m);
		b->path_id = message_send(t, s, b->neighbour, NEIGHBOUR_STATE | (b->beyond ? NEIGHBOUR_BEYOND : 0), b->path_id);
		free(made);
		return;
	}
	/* an ISC that is still booting may not listen yet, and says nothing before it heard a Path */
	if (session_more(s))
		s->more->isc_path_us = t->now_us + (s->more->isc_deadline_us ? ISC_KNOCK_US :
						    core_jitter(t->core, t->core->config.refresh_us));
	message_send_isc(t, b->neighbour);
}

static int leaf_answers(const struct leaf *leaf, int former)
{
	return leaf->where != LEAF_ELSEWHERE && leaf->up && (former ? leaf->also : leaf->claimed);
}

/* What every part of a Resv has. */
static struct rsvp_msg *resv_begin(struct turn *t, const struct session *s, const struct upstream *to, unsigned part)
{
	struct rsvp_msg *m = message_begin(t, RSVP_RESV, s);

	set_hop(m, t, to->lih);
	set_time(m, t);
	set_style(m);
	set_flow(m, s, RSVP_HAS_FLOWSPEC, session_merged(s));
	set_template(m, s, RSVP_HAS_FILTER, t->core->config.address, (uint16_t)part);
	return m;
}

static void resv_leaves(const struct session *s, int former, struct rsvp_msg *m)
{
	struct in_addr none = { 0 };

	for (unsigned i = 0; i < s->n_leaves; i++) {
		const struct leaf *leaf = &s->leaf[i];

		if (!leaf_answers(leaf, former))
			continue;
		rsvp_add_s2l(m, leaf_ep(s, leaf)->control, none);
		rsvp_add_load(m, &(struct rsvp_load){ leaf_ep(s, leaf)->control, leaf->flags, leaf->load.cpu_permille,
						      leaf->load.memory_permille, 0, leaf->load.connections });
		for (unsigned r = 0; leaf->more && r <= RESOURCE_MAX; r++)
			if (leaf->more->demand[r].sequence)
				rsvp_add_demand(m, &leaf->more->demand[r]);
	}
}

/*
 * Sends it with all GRANTs that are known here. As many as are in a part fit into the first one, whatever else of the largest
 * contract is there. That is the state, and refreshed: a neighbour that does not know it, or has not all the parts, is sent
 * all again.
 */
static void send_resv_parts(struct turn *t, struct session *s, struct upstream *to, struct rsvp_msg *m)
{
	struct grant_cursor at = { 0 };
	struct rsvp_grant grant;
	int more = session_grant_next(t->core, s, &at, &grant);

	for (unsigned part = 0; !part || (more && part < RSVP_PARTS); part++) {
		m = part ? resv_begin(t, s, to, part) : m;
		for (unsigned n = 0; more && n < RSVP_PART_GRANTS; n++) {
			rsvp_add_grant(m, &grant);
			more = session_grant_next(t->core, s, &at, &grant);
		}
		if (more && part + 1 < RSVP_PARTS)
			m->template_.group |= RSVP_PART_MORE;
		if (part)
			message_send(t, s, to->addr, 0, 0);
		else
			to->resv_id = message_send(t, s, to->addr, NEIGHBOUR_STATE, to->resv_id);
	}
}

/* One Resv, to the previous hop that wants these leaves. Without any, what was sent it before is not refreshed any more. */
static void send_resv_to(struct turn *t, struct session *s, struct upstream *to, int former)
{
	struct rsvp_msg *m;
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_leaves; i++)
		n += leaf_answers(&s->leaf[i], former);
	if (!n) {
		message_withdraw(t->core, to->addr, &to->resv_id);
		return;
	}
	m = resv_begin(t, s, to, 0);
	if (s->confirm.s_addr) {
		m->confirm = s->confirm;
		m->has |= RSVP_HAS_CONFIRM;
	}
	resv_leaves(s, former, m);
	send_resv_parts(t, s, to, m);
}

void send_resv(struct turn *t, struct session *s)
{
	if (s->leading || !s->up.addr.s_addr)
		return;
	send_resv_to(t, s, &s->up, 0);
	if (s->former)
		send_resv_to(t, s, s->former, 1);
}

void send_path_tear(struct turn *t, struct session *s, struct branch *b)
{
	struct rsvp_msg *m;

	if (b->isc && revision_speaks(t->core, s, b, 0))
		return; /* it stays */
	m = message_begin(t, RSVP_PATH_TEAR, s);
	set_hop(m, t, b->lih); /* without a list of endpoints: all that our Path listed */
	set_template(m, s, RSVP_HAS_TEMPLATE, t->core->config.address, 0);
	if (b->isc)
		message_send_isc(t, b->neighbour);
	else
		message_send(t, s, b->neighbour, NEIGHBOUR_URGENT, b->path_id);
	b->path_id = 0; /* its Path is not refreshed any more */
}

static void send_resv_tear_to(struct turn *t, const struct session *s, const struct upstream *to, const struct leaf *leaf)
{
	struct rsvp_msg *m = message_begin(t, RSVP_RESV_TEAR, s);

	set_hop(m, t, to->lih);
	set_style(m);
	set_template(m, s, RSVP_HAS_FILTER, t->core->config.address, 0);
	rsvp_add_s2l(m, leaf_ep(s, leaf)->control, (struct in_addr){ 0 });
	message_send(t, s, to->addr, NEIGHBOUR_URGENT, 0);
}

/* Says upstream that the leaf is no longer reserved. */
void send_resv_tear(struct turn *t, struct session *s, const struct leaf *leaf)
{
	if (s->leading || !s->up.addr.s_addr)
		return;
	if (leaf->claimed)
		send_resv_tear_to(t, s, &s->up, leaf);
	if (s->former && leaf->also)
		send_resv_tear_to(t, s, s->former, leaf);
}

void send_path_err(struct turn *t, const struct session *s, struct in_addr to, const struct leaf *only, uint8_t code,
		   uint16_t value, const char *why)
{
	struct in_addr none = { 0 }, us = t->core->config.address;
	struct rsvp_grant grant = { .node = us, .outcome = OUTCOME_REFUSED };
	struct rsvp_msg *m = message_begin(t, RSVP_PATH_ERR, s);

	m->error = (struct rsvp_error){ .node = us, .code = code, .value = value };
	m->has |= RSVP_HAS_ERROR;
	set_template(m, s, RSVP_HAS_TEMPLATE, us, 0);
	set_flow(m, s, RSVP_HAS_TSPEC, s->contract->network.rate_bps);
	snprintf(grant.element, sizeof(grant.element), "%s", t->core->config.element);
	snprintf(grant.reason, sizeof(grant.reason), "%s", why);
	rsvp_add_grant(m, &grant);
	for (unsigned i = 0; i < s->n_leaves; i++)
		if (only ? only == &s->leaf[i] : s->leaf[i].where != LEAF_ELSEWHERE)
			rsvp_add_s2l(m, s->contract->endpoints[i].control, none);
	message_send(t, s, to, NEIGHBOUR_URGENT, 0);
}

void send_isc_gone(struct turn *t, const struct session *s)
{
	send_path_err(t, s, s->up.addr, NULL, RSVP_ERR_ADMISSION, RSVP_ADMISSION_ADAPTOR, "its ISC is gone");
}

void send_resv_err(struct turn *t, struct session *s, struct branch *b, const struct rsvp_error *error,
		   const struct rsvp_grant *grant)
{
	struct rsvp_msg *m = message_begin(t, RSVP_RESV_ERR, s);
	struct in_addr none = { 0 };

	set_hop(m, t, b->lih);
	m->error = *error;
	m->has |= RSVP_HAS_ERROR;
	set_style(m);
	set_flow(m, s, RSVP_HAS_FLOWSPEC, b->rate_bps);
	set_template(m, s, RSVP_HAS_FILTER, t->core->config.address, 0);
	if (grant)
		rsvp_add_grant(m, grant);
	for (unsigned i = 0; i < s->n_leaves; i++)
		if (s->leaf[i].branch == b)
			rsvp_add_s2l(m, s->contract->endpoints[i].control, none);
	if (b->isc)
		message_send_isc(t, b->neighbour);
	else
		message_send(t, s, b->neighbour, NEIGHBOUR_URGENT, 0);
}
