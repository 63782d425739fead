/*
 * The `ovs` technology: IP-based VLANs with 802.1p priority on an Open vSwitch bridge, over the switch's own protocols and
 * nothing forked: OVSDB and unixctl (JSON-RPC), and OpenFlow 1.4. Hosts never see a tag. Base and control traffic is left
 * to the flows that the bridge has without us (a new bridge has one, NORMAL).
 *     ovs_flow.c      a session as flows (what they do is said there)
 *     ovs_stage.c     changes from apply to flush
 *     ovs_plan.c      what terms want; the difference of two states as flow-mods
 *     ovs_parse.c     flows and ports of the switch's answers
 *     ovs_openflow.c  the OpenFlow connection: bundles and dumps
 *     ovs_rpc.c       JSON-RPC; learnt addresses
 *     ovs_database.c  OVSDB's transactions
 *     ovs_queue.c     queues as rows of the database
 *     ovs_stream.c    unix sockets with deadlines
 *     ovs_read.c      the switch's state
 *     ovs_audit.c     audit, measure, ports, show
 *
 * apply:   terms -> ovs_want, staged. The first of a batch connects and reads the ports.
 * flush:   ovs_plan(what was, what is to be) of all that is staged as one bundle; refused, each of them as one of its own.
 * renew:   the same flows added again: that starts their hard timeouts anew. So a controller that dies for good takes its
 *          flows with it, and a switch that was restarted has them back within a third of a lifetime.
 * adopts:  what a former process left, when first connected. One that was adopted and is in the way of new terms (its
 *          VLAN, its prefix) gives way.
 *
 * Queues need the kernel's datapath and `link.IFNAME=RATE` (ovs_queue.c); the grant says `enforced` where they are really
 * there, and otherwise `best-effort`: precedence, no rate.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/ovs.h"
#include "lib/config.h"

#define LINK_OPTION "link."
#define LINK_MIN_BPS 800000

static const char *const ovs_options[] = {
	"bridge=NAME: the Open vSwitch bridge whose ports this switch has (br0)",
	"rundir=DIR: where Open vSwitch has its sockets (/run/openvswitch)",
	"link.IFNAME=RATE: give each ICorp a queue on this port, and share RATE (100M) among them",
	"table=N: the OpenFlow table, besides table 0, that is ours (200)",
	NULL,
};

static int parse_links(const struct adaptor_option *options, size_t n, struct ovs_config *c, char *why, size_t room)
{
	c->n_links = 0;
	for (size_t i = 0; i < n; i++) {
		const char *ifname = options[i].key + strlen(LINK_OPTION);
		struct ovs_link *link = &c->link[c->n_links];

		if (strncmp(options[i].key, LINK_OPTION, strlen(LINK_OPTION)) != 0)
			continue;
		if (c->n_links == ADAPTOR_MAX_PORTS || !*ifname || strlen(ifname) >= sizeof(link->ifname) ||
		    ovs_link_named(c, ifname) || parse_rate(options[i].value, &link->rate_bps) || link->rate_bps < LINK_MIN_BPS) {
			snprintf(why, room, "%.40s=%.20s: a port, once, and its rate are wanted, such as link.eth0=100M (at least 800k)",
				 options[i].key, options[i].value);
			return -EINVAL;
		}
		strcpy(link->ifname, ifname);
		c->n_links++;
	}
	return 0;
}

static int parse_options(const struct adaptor_option *options, size_t n, struct ovs_config *c, char *why, size_t room)
{
	const char *bridge = adaptor_option(options, n, "bridge", "br0");
	const char *rundir = adaptor_option(options, n, "rundir", "/run/openvswitch");
	const char *table = adaptor_option(options, n, "table", "200");
	int rc = parse_links(options, n, c, why, room);
	char *end;
	unsigned long number = strtoul(table, &end, 10);

	if (!*bridge || strlen(bridge) >= sizeof(c->bridge) || strchr(bridge, '/')) {
		snprintf(why, room, "bridge=%.40s: the name of a bridge is needed", bridge);
		return -EINVAL;
	}
	if (*rundir != '/' || strlen(rundir) >= sizeof(c->rundir)) {
		snprintf(why, room, "rundir=%.70s: an absolute path of less than %zu characters is needed", rundir,
			 sizeof(c->rundir));
		return -EINVAL;
	}
	if (*end || number < 1 || number > OVS_TABLE_MAX) {
		snprintf(why, room, "table=%.20s: 1 to %d can be ours", table, OVS_TABLE_MAX);
		return -EINVAL;
	}
	strcpy(c->bridge, bridge);
	strcpy(c->rundir, rundir);
	c->table = (uint8_t)number;
	return rc;
}

/* What of the links' queues is there; the first time, after they were made. */
static int ready_queues(struct ovs_state *s, char *why, size_t room)
{
	struct ovs_queued made;

	memset(s->queued, 0, sizeof(s->queued));
	if (!s->world.queues)
		return 0;
	int rc = s->made ? 0 : ovs_sync_queues(s, &made, why, room);

	s->made = !rc;
	rc = rc ? rc : ovs_read_queued(&s->config, s->of, &s->world, s->queued, why, room);
	for (size_t i = 0; i < s->config.n_links; i++)
		s->queued[i] &= s->ours[i];
	return rc;
}

int ovs_ready(struct ovs_state *s, char *why, size_t room)
{
	if (s->of)
		return 0;
	int rc = ovs_of_open(&s->config, &s->of, why, room);

	/* the socket of a bridge that is not there is missing, too: the database tells */
	if (rc == -EAGAIN) {
		int second = ovs_read_bridge(&s->config, s->world.datapath, sizeof(s->world.datapath), why, room);

		return second ? second : rc;
	}
	rc = rc ? rc : ovs_read_world(&s->config, s->of, &s->world, why, room);
	if (!rc && !s->adopted) {
		rc = ovs_read_sessions(&s->config, s->of, &s->sessions, NULL, why, room);
		for (unsigned v = 0; v < SWITCH_VLANS; v++)
			if (s->sessions.vlan[v])
				s->sessions.vlan[v]->adopted = 1;
		s->adopted = !rc;
	}
	rc = rc ? rc : ready_queues(s, why, room);
	if (rc)
		ovs_done(s);
	return rc;
}

void ovs_done(struct ovs_state *s)
{
	ovs_of_close(s->of);
	s->of = NULL;
	ovs_world_clear(&s->world);
}

static void ovs_close(void *state)
{
	struct ovs_state *s = state;

	ovs_abandon(s);
	ovs_done(s);
	ovs_sessions_clear(&s->sessions);
	for (struct keymap_entry *e; (e = keymap_next(&s->known, NULL));)
		ovs_unknow(s, e->key);
	keymap_free(&s->known);
	free(s);
}

static int ovs_open(const struct adaptor_option *options, size_t n, void **state, char *why, size_t room)
{
	struct ovs_state *s = calloc(1, sizeof(*s));
	char down[ADAPTOR_REASON];

	if (!s)
		return -ENOMEM;
	s->last_change = &s->changes;
	int rc = parse_options(options, n, &s->config, why, room);

	rc = rc ? rc : ovs_ready(s, down, sizeof(down));
	ovs_done(s);
	if (rc && rc != -EAGAIN) {
		if (rc != -EINVAL)
			snprintf(why, room, "%s", down);
		ovs_close(s);
		return rc;
	}
	*state = s;
	return 0;
}

static int ovs_probe(const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	char down[ADAPTOR_REASON];
	struct ovs_config config;
	struct ovs_of *of = NULL;
	int rc = parse_options(options, n, &config, why, room);

	if (rc)
		return rc;
	rc = ovs_read_bridge(&config, down, sizeof(down), why, room);
	rc = rc ? rc : ovs_of_open(&config, &of, why, room);
	ovs_of_close(of);
	return rc == -EAGAIN ? 0 : rc;   /* a switch that is down now may be up when it is needed */
}

/* Does another session have the VLAN or (part of) the prefix? An adopted one gives way. */
static int check_others(struct ovs_state *s, const struct ovs_session *want, int remove, char *why, size_t room)
{
	for (unsigned v = 0; v < SWITCH_VLANS; v++) {
		const struct ovs_session *other = s->sessions.vlan[v];

		if (!other || adaptor_key_equal(other->key, want->key) ||
		    (v != want->vlan && !prefix_overlaps(other->prefix, want->prefix)))
			continue;
		if (!other->adopted) {
			snprintf(why, room, "its %s is that of ICorp %u", v == want->vlan ? "VLAN" : "prefix",
				 other->key.icorp);
			return -EEXIST;
		}
		int rc = remove ? ovs_stage(s, other->key, NULL) : 0;

		if (rc)
			return rc;
	}
	return 0;
}

static int want(struct ovs_state *s, const struct adaptor_terms *t, int remove, struct ovs_session **out,
		struct adaptor_result *result)
{
	*out = NULL;
	int rc = ovs_ready(s, result->reason, sizeof(result->reason));

	rc = rc ? rc : ovs_want(&s->world, t, s->config.table, out, result->reason, sizeof(result->reason));
	rc = rc ? rc : check_others(s, *out, remove, result->reason, sizeof(result->reason));
	if (!rc && s->world.queues)
		rc = ovs_fits(&s->config, &s->sessions, *out, result->reason, sizeof(result->reason));
	if (rc) {
		ovs_session_free(*out);
		*out = NULL;
	}
	return rc;
}

static int ovs_check(void *state, const struct adaptor_terms *t, struct adaptor_result *result)
{
	struct ovs_state *s = state;
	struct ovs_session *to;
	int connected = s->of != NULL;

	if (!t->vlan)
		return result->error = 0;
	result->error = want(s, t, 0, &to, result);
	ovs_session_free(to);
	if (!connected)
		ovs_done(s);
	return result->error;
}

static int take_away(struct ovs_state *s, struct adaptor_key key, char *why, size_t room)
{
	int rc = ovs_ready(s, why, room);

	return rc || !ovs_session_find(&s->sessions, key) ? rc : ovs_stage(s, key, NULL);
}

static int ovs_revoke(void *state, struct adaptor_key key, char *why, size_t room)
{
	char ignored[ADAPTOR_REASON];
	int rc = take_away(state, key, why ? why : ignored, why ? room : sizeof(ignored));

	if (!rc)
		ovs_unknow(state, key);
	return rc;
}

/* Every port of the session with a rate has queues: enforced. */
static void grant(const struct ovs_state *s, const struct adaptor_terms *t, struct adaptor_result *result)
{
	struct adaptor_grant *g = &result->grants[result->n_grants];
	const char *without = NULL;

	switch_grant(t, result);
	if (!s->world.queues)
		return;
	for (unsigned i = 0; i < t->n_ports; i++) {
		const struct ovs_link *link = ovs_link_named(&s->config, t->ports[i].ifname);

		if (t->ports[i].rate_bps && (!link || !s->queued[link - s->config.link]))
			without = t->ports[i].ifname;
	}
	if (without) {
		snprintf(g->reason, sizeof(g->reason), "802.1p priority %u, no queues on %s", t->priority & 7u, without);
	} else if (t->capacity == CAPACITY_BEST_EFFORT) {
		snprintf(g->reason, sizeof(g->reason), "best-effort: nothing is guaranteed");
	} else {
		g->enforcement = ENFORCEMENT_ENFORCED;
		g->reason[0] = '\0';
	}
}

static int ovs_apply(void *state, const struct adaptor_terms *t, struct adaptor_result *result)
{
	struct ovs_state *s = state;
	struct ovs_session *to;

	if (!t->vlan) {
		result->error = take_away(s, terms_key(t), result->reason, sizeof(result->reason));
		return result->error = result->error ? result->error : ovs_know(s, terms_key(t));
	}
	result->error = want(s, t, 1, &to, result);
	if (result->error)
		return result->error;
	result->error = ovs_know(s, to->key);
	if (!result->error)
		result->error = ovs_stage(s, to->key, to);
	if (result->error)
		ovs_session_free(to);
	else
		grant(s, t, result);
	return result->error;
}

static int ovs_renew(void *state, const struct adaptor_key *keys, size_t n, uint8_t *failed)
{
	struct protocol_buffer mods = { 0 };
	char why[ADAPTOR_REASON] = "";
	struct ovs_state *s = state;
	int rc = ovs_ready(s, why, sizeof(why));
	size_t changes;

	for (size_t i = 0; i < n && !rc; i++) {
		const struct ovs_session *session = ovs_session_find(&s->sessions, keys[i]);

		failed[i] = !keymap_find(&s->known, keys[i]);
		if (session && !failed[i])
			rc = ovs_plan(session, session, s->config.table, &mods, &changes);
	}
	rc = rc ? rc : ovs_of_commit(s->of, &mods, why, sizeof(why));
	protocol_free(&mods);
	ovs_done(s);
	return rc;
}

const struct adaptor_ops adaptor_ovs = {
	.type = "ovs",
	.help = "IP-based VLANs and 802.1p priority on an Open vSwitch bridge",
	.terms = TERM_VLAN,
	.options = ovs_options,
	.probe = ovs_probe,
	.open = ovs_open,
	.check = ovs_check,
	.apply = ovs_apply,
	.flush = ovs_flush,
	.revoke = ovs_revoke,
	.renew = ovs_renew,
	.audit = ovs_audit,
	.inventory = ovs_measure, /* it names their VLANs */
	.measure = ovs_measure,
	.ports = ovs_ports,
	.show = ovs_show,
	.close = ovs_close,
};
