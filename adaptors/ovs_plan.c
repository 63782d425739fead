/*
 * What a session wants of a switch's ports, and the difference between two states. No I/O: golden tests compare the
 * messages that come of it. Two flows are the same when their digests are.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/ovs.h"

const struct ovs_port *ovs_port_named(const struct ovs_world *world, const char *ifname)
{
	for (unsigned i = 0; i < world->n_ports; i++)
		if (!strcmp(world->port[i].ifname, ifname))
			return &world->port[i];
	return NULL;
}

const struct ovs_port *ovs_port_numbered(const struct ovs_world *world, uint32_t number)
{
	for (unsigned i = 0; i < world->n_ports; i++)
		if (world->port[i].number == number)
			return &world->port[i];
	return NULL;
}

void ovs_session_free(struct ovs_session *s)
{
	if (!s)
		return;
	ovs_flows_free(s);
	free(s->member);
	free(s);
}

void ovs_sessions_clear(struct ovs_sessions *all)
{
	for (unsigned v = 0; v < SWITCH_VLANS; v++) {
		ovs_session_free(all->vlan[v]);
		all->vlan[v] = NULL;
	}
}

struct ovs_session *ovs_session_find(const struct ovs_sessions *all, struct adaptor_key key)
{
	for (unsigned v = 0; v < SWITCH_VLANS; v++)
		if (all->vlan[v] && adaptor_key_equal(all->vlan[v]->key, key))
			return all->vlan[v];
	return NULL;
}

/* A quarter longer than the session's lifetime, as tc's map. What does not fit the field does not time out. */
static uint16_t timeout_of(uint32_t lifetime_s)
{
	uint64_t s = (uint64_t)lifetime_s + (lifetime_s + 3) / 4;

	return s <= UINT16_MAX ? (uint16_t)s : 0;
}

static int set_members(const struct ovs_world *world, const struct adaptor_terms *t, struct ovs_session *s, char *why,
		       size_t room)
{
	s->member = calloc(t->n_ports ? t->n_ports : 1, sizeof(*s->member));
	if (!s->member)
		return -ENOMEM;
	for (unsigned i = 0; i < t->n_ports; i++) {
		const struct ovs_port *port = ovs_port_named(world, t->ports[i].ifname);
		struct ovs_member *m = &s->member[s->n_members];

		if (!port) {
			snprintf(why, room, "%s is no port of the bridge", t->ports[i].ifname);
			return -ENOENT;
		}
		memcpy(m->ifname, port->ifname, sizeof(m->ifname));
		m->trunk = t->ports[i].trunk;
		m->port = port->number;
		m->rate_bps = t->ports[i].rate_bps;
		m->ceil_bps = t->ports[i].ceil_bps;
		s->n_members++;
	}
	return 0;
}

uint64_t ovs_guarantee(const struct ovs_session *s, const struct ovs_member *m)
{
	return s->capacity == CAPACITY_BEST_EFFORT ? 0 : m->rate_bps;
}

const struct ovs_link *ovs_link_named(const struct ovs_config *config, const char *ifname)
{
	for (size_t i = 0; i < config->n_links; i++)
		if (!strcmp(config->link[i].ifname, ifname))
			return &config->link[i];
	return NULL;
}

static uint64_t guarantee_on(const struct ovs_session *s, const char *ifname)
{
	for (unsigned i = 0; s && i < s->n_members; i++)
		if (!strcmp(s->member[i].ifname, ifname))
			return ovs_guarantee(s, &s->member[i]);
	return 0;
}

int ovs_fits(const struct ovs_config *config, const struct ovs_sessions *all, const struct ovs_session *want, char *why,
	     size_t room)
{
	for (size_t i = 0; i < config->n_links; i++) {
		const struct ovs_link *link = &config->link[i];
		uint64_t asked = guarantee_on(want, link->ifname), rest = link->rate_bps - link->rate_bps / 100;

		for (unsigned v = 0; v < SWITCH_VLANS && asked; v++)
			if (all->vlan[v] && !adaptor_key_equal(all->vlan[v]->key, want->key)) {
				uint64_t other = guarantee_on(all->vlan[v], link->ifname);

				rest -= other < rest ? other : rest;
			}
		if (asked > rest) {
			snprintf(why, room, "%s: %" PRIu64 " bit/s are asked, %" PRIu64 " not promised yet", link->ifname, asked,
				 rest);
			return -ENOSPC;
		}
	}
	return 0;
}

int ovs_want(const struct ovs_world *world, const struct adaptor_terms *t, uint8_t table, struct ovs_session **out,
	     char *why, size_t room)
{
	int rc = switch_check_terms(t, why, room);

	*out = NULL;
	if (rc)
		return rc;
	struct ovs_session *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->key = terms_key(t);
	s->vlan = t->vlan;
	s->prefix = t->prefix;
	s->priority = t->priority & 7;
	s->timeout_s = timeout_of(t->lifetime_s);
	s->capacity = t->capacity;
	s->queued = world->queues;
	rc = set_members(world, t, s, why, room);
	rc = rc ? rc : ovs_flows_make(s, table);
	if (rc) {
		ovs_session_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

int ovs_refresh(const struct ovs_world *world, uint8_t table, struct ovs_session *s)
{
	s->queued = world->queues;
	for (unsigned i = 0; i < s->n_members; i++) {
		const struct ovs_port *port = ovs_port_named(world, s->member[i].ifname);

		s->member[i].port = port ? port->number : 0;
	}
	return ovs_flows_make(s, table);
}

static int has(const struct ovs_session *s, uint64_t digest)
{
	for (unsigned i = 0; s && i < s->n_flows; i++)
		if (s->flow[i].digest == digest)
			return 1;
	return 0;
}

int ovs_plan(const struct ovs_session *from, const struct ovs_session *to, uint8_t table, struct protocol_buffer *mods,
	     size_t *changes)
{
	int rc = 0;

	*changes = 0;
	for (unsigned i = 0; from && i < from->n_flows && !rc; i++)
		if (!has(to, from->flow[i].digest)) {
			rc = ovs_flow_mod(mods, from, &from->flow[i], 0);
			++*changes;
		}
	/* Where a member left, addresses are learnt that must not be reached any more. */
	if (*changes && !rc)
		rc = ovs_flow_forget(mods, from->key, table);
	for (unsigned i = 0; to && i < to->n_flows && !rc; i++) {
		*changes += !has(from, to->flow[i].digest);
		rc = ovs_flow_mod(mods, to, &to->flow[i], 1);
	}
	return rc;
}
