/*
 * Looking at what is really in the switch: what an audit finds does not depend on what this process remembers, and what
 * is shown is never our own word.
 */
#include <stdio.h>

#include "adaptors/ovs.h"
#include "lib/log.h"
#include "lib/writer.h"

struct audit {
	struct ovs_state *s;
	const struct adaptor_key *keys;
	size_t n;
	struct protocol_buffer mods;
	unsigned orphans, repaired;
	uint8_t counted[SWITCH_VLANS];
};

static int is(const struct ovs_session *a, const struct ovs_session *b)
{
	return a && b && adaptor_key_equal(a->key, b->key);
}

/* One VLAN: what is there, and what this process has of it. */
static int audit_vlan(struct audit *a, const struct ovs_session *there, struct ovs_session **slot)
{
	struct ovs_session *mine = *slot;
	size_t changes = 0, at = a->mods.len;
	int rc = 0;

	if (mine && !switch_wanted(a->keys, a->n, mine->key)) {
		ovs_unknow(a->s, mine->key);
		ovs_session_free(mine);
		mine = *slot = NULL;
	}
	if (there && !is(there, mine)) {
		log_icorp(LOG_LEVEL_WARN, there->key.icorp, "orphaned: VLAN %u, %u flows", there->vlan, there->n_flows);
		rc = ovs_plan(there, NULL, a->s->config.table, &a->mods, &changes);
		a->orphans++;
		a->counted[there->vlan] = 1;
		at = a->mods.len;
	}
	if (rc || !mine || mine->adopted)   /* what an adopted one should be only its next apply tells */
		return rc;
	rc = ovs_refresh(&a->s->world, a->s->config.table, mine);
	rc = rc ? rc : ovs_plan(is(there, mine) ? there : NULL, mine, a->s->config.table, &a->mods, &changes);
	if (changes) {
		log_icorp(LOG_LEVEL_WARN, mine->key.icorp, "VLAN %u is not as it should be: %zu flows", mine->vlan, changes);
		a->repaired++;
		a->counted[mine->vlan] = 1;
	} else {
		a->mods.len = at;
	}
	return rc;
}

/* A session counts once, whether flows or queues of it were wrong. */
static int audit_queues(struct audit *a, char *why, size_t room)
{
	struct ovs_queued q = { { 0 }, { 0 } };
	int rc = a->s->made ? ovs_sync_queues(a->s, &q, why, room) : 0;

	for (unsigned v = 0; v < SWITCH_VLANS && !rc; v++) {
		if (q.touched[v])
			log_msg(LOG_LEVEL_WARN, "ovs: queues of VLAN %u %s", v, q.touched[v] == 2 ? "orphaned" : "are not as they should be");
		a->orphans += q.touched[v] == 2 && !a->counted[v];
		a->repaired += q.touched[v] == 1 && !a->counted[v];
	}
	return rc;
}

int ovs_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
{
	struct ovs_state *s = state;
	struct audit a = { .s = s, .keys = keys, .n = n };
	struct ovs_sessions there = { { NULL } };
	char why[ADAPTOR_REASON] = "";
	int rc = ovs_ready(s, why, sizeof(why));

	rc = rc ? rc : ovs_read_sessions(&s->config, s->of, &there, NULL, why, sizeof(why));
	for (unsigned v = 0; v < SWITCH_VLANS && !rc; v++)
		rc = audit_vlan(&a, there.vlan[v], &s->sessions.vlan[v]);
	rc = rc ? rc : ovs_of_commit(s->of, &a.mods, why, sizeof(why));
	rc = rc ? rc : audit_queues(&a, why, sizeof(why));
	if (rc)
		log_msg(LOG_LEVEL_WARN, "ovs: the audit failed: %s", why);
	*orphans = rc ? 0 : a.orphans;
	*repaired = rc ? 0 : a.repaired;
	protocol_free(&a.mods);
	ovs_sessions_clear(&there);
	ovs_done(s);
	return rc;
}

static void write_session(struct writer *w, const struct ovs_session *s)
{
	uint64_t bytes = 0, packets = 0;

	for (unsigned i = 0; i < s->n_flows; i++)
		if (s->flow[i].kind == OVS_IP || s->flow[i].kind == OVS_ARP || s->flow[i].kind == OVS_TAG) {
			bytes += s->flow[i].bytes;
			packets += s->flow[i].packets;
		}
	switch_write_session(w, s->key, s->vlan, s->prefix, s->priority, bytes, packets);
}

static int write_sessions(struct ovs_state *s, struct switch_fdb *fdb, struct writer *w)
{
	struct ovs_sessions there;
	char why[ADAPTOR_REASON];
	int rc = ovs_read_sessions(&s->config, s->of, &there, fdb, why, sizeof(why));

	writer_array(w, "sessions");
	for (unsigned v = 0; v < SWITCH_VLANS; v++)
		if (there.vlan[v])
			write_session(w, there.vlan[v]);
	writer_end(w);
	ovs_sessions_clear(&there);
	return rc;
}

int ovs_measure(void *state, struct writer *w)
{
	char why[ADAPTOR_REASON];
	struct ovs_state *s = state;
	int rc = ovs_ready(s, why, sizeof(why));

	rc = rc ? rc : write_sessions(s, NULL, w);
	ovs_done(s);
	return rc;
}

static const char *port_name(void *ctx, uint32_t number)
{
	const struct ovs_port *port = ovs_port_numbered(ctx, number);

	return port ? port->ifname : NULL;
}

int ovs_ports(void *state, struct writer *w)
{
	struct switch_fdb fdb = { 0 };
	struct ovs_sessions there;
	char why[ADAPTOR_REASON];
	struct ovs_state *s = state;
	int rc = ovs_ready(s, why, sizeof(why));

	/* behind which port who is, in the base VLAN and in the ICorps' */
	rc = rc ? rc : ovs_read_fdb(&s->config, &fdb, why, sizeof(why));
	if (!rc && !(rc = ovs_read_sessions(&s->config, s->of, &there, &fdb, why, sizeof(why))))
		ovs_sessions_clear(&there);
	writer_array(w, "ports");
	for (unsigned i = 0; i < s->world.n_ports; i++) {
		char mac[ETHER_TEXT];

		writer_object(w, NULL);
		writer_str(w, "name", s->world.port[i].ifname);
		writer_str(w, "mac", ether_text(s->world.port[i].mac, mac));
		writer_end(w);
	}
	writer_end(w);
	switch_fdb_write(&fdb, port_name, &s->world, w);
	ovs_done(s);
	return rc;
}

int ovs_show(void *state, struct writer *w)
{
	char why[ADAPTOR_REASON];
	struct ovs_state *s = state;
	int rc = ovs_ready(s, why, sizeof(why));

	if (rc)
		return rc;
	writer_str(w, "bridge", s->config.bridge);
	writer_str(w, "datapath", s->world.datapath);
	writer_uint(w, "table", s->config.table);
	writer_array(w, "links");
	for (size_t i = 0; i < s->config.n_links; i++) {
		writer_object(w, NULL);
		writer_str(w, "link", s->config.link[i].ifname);
		writer_uint(w, "rate_bps", s->config.link[i].rate_bps);
		writer_bool(w, "queues", s->queued[i]);
		writer_end(w);
	}
	writer_end(w);
	writer_array(w, "ports");
	for (unsigned i = 0; i < s->world.n_ports; i++) {
		writer_object(w, NULL);
		writer_str(w, "name", s->world.port[i].ifname);
		writer_uint(w, "number", s->world.port[i].number);
		writer_end(w);
	}
	writer_end(w);
	rc = write_sessions(s, NULL, w);
	ovs_done(s);
	return rc;
}
