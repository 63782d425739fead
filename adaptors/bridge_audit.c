/*
 * Looking at what is really on the bridge, by reading the kernel: what an audit finds does not depend on what this
 * process remembers, and what is shown is never our own word.
 */
#include <stdio.h>

#include "adaptors/bridge.h"
#include "lib/log.h"
#include "lib/writer.h"

/* What is there and should not be: of no session, or of a VLAN that its session no longer has. */
static int audit_orphans(struct bridge_state *s, struct bridge_session *there, const struct adaptor_key *keys, size_t n,
			 unsigned *orphans)
{
	char why[ADAPTOR_REASON] = "";
	size_t changes;
	int rc = 0;

	for (; there; there = there->next) {
		struct bridge_session *mine = bridge_find(s->sessions, there->key);

		if (switch_wanted(keys, n, there->key) && (!mine || mine->vlan == there->vlan))
			continue;
		int one = bridge_move(s, there, NULL, &changes, why, sizeof(why));

		rc = rc ? rc : one;
		if (!one) {
			log_icorp(LOG_LEVEL_WARN, there->key.icorp, "removed the orphaned VLAN %u from %u ports",
				  there->vlan, there->n_ports);
			++*orphans;
		}
	}
	return rc;
}

static int audit_session(struct bridge_state *s, const struct bridge_world *world, struct bridge_session *there,
			 struct bridge_session *mine, unsigned *repaired)
{
	char why[ADAPTOR_REASON] = "";
	size_t changes = 0;

	while (there && (!adaptor_key_equal(there->key, mine->key) || there->vlan != mine->vlan))
		there = there->next;
	int rc = bridge_refresh(world, mine);

	if (!rc)
		rc = bridge_move(s, there, mine, &changes, why, sizeof(why));
	if (rc)
		log_icorp(LOG_LEVEL_WARN, mine->key.icorp, "cannot be repaired: %s", why);
	else if (changes)
		++*repaired;
	return rc;
}

static int audit_sessions(struct bridge_state *s, const struct bridge_world *world, struct bridge_session *there,
			  const struct adaptor_key *keys, size_t n, unsigned *repaired)
{
	struct bridge_session *next;
	int rc = 0;

	for (struct bridge_session *mine = s->sessions; mine; mine = next) {
		next = mine->next;
		if (!switch_wanted(keys, n, mine->key)) {
			bridge_forget(s, mine);
		} else if (!mine->adopted) {   /* what an adopted one should be only its next apply tells */
			int one = audit_session(s, world, there, mine, repaired);

			rc = rc ? rc : one;
		}
	}
	return rc;
}

/* Without VLAN filtering no membership means anything. */
static int audit_filtering(struct bridge_state *s, const struct bridge_world *world, unsigned *repaired)
{
	char why[ADAPTOR_REASON] = "";
	int rc = world->filtering ? 0 : bridge_set_filtering(s->nl, world->ifindex, why, sizeof(why));

	if (rc)
		log_msg(LOG_LEVEL_WARN, "%s: VLAN filtering is off: %s", s->bridge, why);
	*repaired += !rc && !world->filtering;
	return rc;
}

int bridge_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
{
	struct bridge_state *s = state;
	struct bridge_session *there;
	struct bridge_world world;
	int rc = bridge_read_world(s->nl, s->bridge, &world);

	*orphans = *repaired = 0;
	if (rc)
		return rc;
	rc = audit_filtering(s, &world, repaired);
	if (!rc)
		rc = bridge_read_sessions(s->nl, &world, &there);
	if (!rc) {
		rc = audit_orphans(s, there, keys, n, orphans);
		int second = audit_sessions(s, &world, there, keys, n, repaired);

		rc = rc ? rc : second;
		bridge_sessions_free(there);
	}
	bridge_world_clear(&world);
	return rc;
}

static int write_sessions(struct bridge_state *s, const struct bridge_world *world, struct writer *w)
{
	struct bridge_session *there;
	int rc = bridge_read_sessions(s->nl, world, &there);

	writer_array(w, "sessions");
	for (struct bridge_session *i = there; i && !rc; i = i->next)
		switch_write_session(w, i->key, i->vlan, i->prefix, i->priority, i->bytes, i->packets);
	writer_end(w);
	if (!rc)
		bridge_sessions_free(there);
	return rc;
}

int bridge_measure(void *state, struct writer *w)
{
	struct bridge_state *s = state;
	struct bridge_world world;
	int rc = bridge_read_world(s->nl, s->bridge, &world);

	if (rc)
		return rc;
	rc = write_sessions(s, &world, w);
	bridge_world_clear(&world);
	return rc;
}

int bridge_ports(void *state, struct writer *w)
{
	struct bridge_state *s = state;
	struct bridge_world world;
	int rc = bridge_read_world(s->nl, s->bridge, &world);

	if (rc)
		return rc;
	writer_array(w, "ports");
	for (unsigned i = 0; i < world.n_slaves; i++) {
		char mac[ETHER_TEXT];

		writer_object(w, NULL);
		writer_str(w, "name", world.slave[i].ifname);
		writer_str(w, "mac", ether_text(world.slave[i].mac, mac));
		writer_end(w);
	}
	writer_end(w);
	rc = bridge_read_fdb(s->nl, &world, w);
	bridge_world_clear(&world);
	return rc;
}

/* "1 107t": a port's VLANs, t where frames leave with their tag. */
static void write_vlans(struct writer *w, const struct bridge_slave *slave)
{
	char text[512] = "";
	size_t at = 0;

	for (uint16_t v = 1; v < BRIDGE_VLANS && at < sizeof(text) - 16; v++)
		if (bridge_has_vlan(slave->member, v))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u%s", at ? " " : "", v,
					       bridge_has_vlan(slave->untagged, v) ? "" : "t");
	writer_str(w, "vlans", text);
}

int bridge_show(void *state, struct writer *w)
{
	struct bridge_state *s = state;
	struct bridge_world world;
	int rc = bridge_read_world(s->nl, s->bridge, &world);

	if (rc)
		return rc;
	writer_str(w, "bridge", s->bridge);
	writer_bool(w, "filtering", world.filtering);
	writer_array(w, "ports");
	for (unsigned i = 0; i < world.n_slaves; i++) {
		writer_object(w, NULL);
		writer_str(w, "name", world.slave[i].ifname);
		write_vlans(w, &world.slave[i]);
		writer_end(w);
	}
	writer_end(w);
	rc = write_sessions(s, &world, w);
	bridge_world_clear(&world);
	return rc;
}
