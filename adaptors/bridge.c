/*
 * The `bridge` technology: IP-based VLANs with 802.1p priority on a Linux bridge. Hosts never see a tag: at each port's
 * ingress a filter puts what goes to the ICorp's private prefix into the ICorp's VLAN, and host ports are untagged
 * members.
 * Base and control traffic stays in VLAN 1, which the bridge itself is a member of.
 *     bridge_plan.c     what a port should have, and the difference of two states
 *     bridge_message.c  a change as rtnetlink message; our filters recognised
 *     bridge_netlink.c  the socket; the trial in a throw-away namespace
 *     bridge_read.c     the kernel's state
 *     bridge_audit.c    audit, measure, ports, show
 *
 * apply:   terms -> bridge_want -> bridge_plan(what this process last did, that) -> messages, each acknowledged. When
 *          one fails, the plan back is carried out. The same terms again send nothing: nothing here times out.
 * open:    turns VLAN filtering on, puts clsact on the ports, and adopts the sessions it finds in the kernel, so that
 *          also those of a crashed process are changed by difference, revoked and audited. One that was adopted and is
 *          in the way of new terms (its VLAN, its prefix) gives way.
 * audit:   kernel -> bridge_plan(what is there, what should be).
 *
 * A rate cannot be guaranteed here, only precedence: the grant says `best-effort`.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/bridge.h"

static const char *const bridge_options[] = {
	"bridge=IFNAME: the bridge whose ports this switch has (br0)",
	NULL,
};

static int bridge_probe(const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	const char *bridge = adaptor_option(options, n, "bridge", "br0");
	int skbedit;

	if (!bridge[0] || strlen(bridge) >= IFNAMSIZ) {
		snprintf(why, room, "bridge=%.40s: the name of an interface is needed", bridge);
		return -EINVAL;
	}
	return bridge_trial(&skbedit, why, room);
}

/* clsact may be there already, ours or someone else's: it is shared. */
static int ensure_clsact(struct bridge_state *s, int ifindex)
{
	char buffer[BRIDGE_MESSAGE];
	int rc = bridge_nl_talk(s->nl, bridge_message_clsact(ifindex, buffer), NULL, 0);

	return rc == -EEXIST ? 0 : rc;
}

static int prepare(struct bridge_state *s, char *why, size_t room)
{
	struct bridge_world world;
	int rc = bridge_read_world(s->nl, s->bridge, &world);

	if (rc) {
		snprintf(why, room, "%s: %s", s->bridge, rc == -ENODEV ? "no such interface" : strerror(-rc));
		return rc;
	}
	if (!world.filtering)
		rc = bridge_set_filtering(s->nl, world.ifindex, why, room);
	for (unsigned i = 0; i < world.n_slaves && !rc; i++) {
		rc = ensure_clsact(s, world.slave[i].ifindex);
		if (rc)
			snprintf(why, room, "clsact on %s: %s", world.slave[i].ifname, strerror(-rc));
	}
	if (!rc)
		rc = bridge_read_sessions(s->nl, &world, &s->sessions);
	for (struct bridge_session *session = s->sessions; session; session = session->next)
		session->adopted = 1;
	bridge_world_clear(&world);
	return rc;
}

static void bridge_close(void *state)
{
	struct bridge_state *s = state;

	bridge_sessions_free(s->sessions);
	bridge_nl_close(s->nl);
	free(s);
}

static int bridge_open(const struct adaptor_option *options, size_t n, void **state, char *why, size_t room)
{
	struct bridge_state *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	snprintf(s->bridge, sizeof(s->bridge), "%s", adaptor_option(options, n, "bridge", "br0"));
	s->nl = bridge_nl_open();
	int rc = s->nl ? bridge_trial(&s->skbedit, why, room) : -errno;

	if (!rc)
		rc = prepare(s, why, room);
	if (rc) {
		bridge_close(s);
		return rc;
	}
	*state = s;
	return 0;
}

static int do_op(struct bridge_state *s, const struct bridge_op *op, char *why, size_t room)
{
	char buffer[BRIDGE_MESSAGE];
	int rc = bridge_nl_talk(s->nl, bridge_message(op, s->skbedit, buffer), why, room);

	if (!op->add && (rc == -ENOENT || rc == -ENODEV || rc == -EINVAL))
		return 0;   /* what is not there needs no removing; the port may be gone too */
	/* a port that was added since, or lost its clsact */
	if (rc == -EINVAL && op->bit & BRIDGE_FILTERS && !ensure_clsact(s, op->ifindex))
		rc = bridge_nl_talk(s->nl, bridge_message(op, s->skbedit, buffer), why, room);
	return rc;
}

static int do_ops(struct bridge_state *s, const struct bridge_ops *ops, char *why, size_t room)
{
	int rc = ops->error;

	for (size_t i = 0; i < ops->n && !rc; i++) {
		const struct bridge_op *op = &ops->op[i];
		char words[ADAPTOR_REASON] = "";

		rc = do_op(s, op, words, sizeof(words));
		if (rc)
			snprintf(why, room, "%s: %s VLAN %u: %.80s", op->ifname,
				 op->bit & BRIDGE_FILTERS ? "filter for" : "member of", op->vlan,
				 words[0] ? words : strerror(-rc));
	}
	return rc;
}

int bridge_move(struct bridge_state *s, const struct bridge_session *from, const struct bridge_session *to,
		size_t *changes, char *why, size_t room)
{
	struct bridge_ops ops = { 0 }, back = { 0 };
	char ignored[ADAPTOR_REASON];

	bridge_plan(from, to, &ops);
	*changes = ops.n;
	int rc = do_ops(s, &ops, why, room);

	if (rc && ops.n) {
		/* All that the way there may have added goes, then all that was is added (again). */
		bridge_plan(to, NULL, &back);
		bridge_plan(NULL, from, &back);
		for (size_t i = 0; i < back.n; i++)
			do_op(s, &back.op[i], ignored, sizeof(ignored));
	}
	free(ops.op);
	free(back.op);
	return rc;
}

void bridge_forget(struct bridge_state *s, struct bridge_session *session)
{
	for (struct bridge_session **p = &s->sessions; *p; p = &(*p)->next)
		if (*p == session) {
			*p = session->next;
			bridge_session_free(session);
			return;
		}
}

/* Does another session have the VLAN or (part of) the prefix? An adopted one gives way. */
static int check_others(struct bridge_state *s, const struct bridge_session *want, int remove, char *why, size_t room)
{
	struct bridge_session *other = s->sessions, *next;
	size_t changes;

	for (; other; other = next) {
		next = other->next;
		int same_vlan = other->vlan == want->vlan;

		if (adaptor_key_equal(other->key, want->key) ||
		    (!same_vlan && !(other->prefix.len && prefix_overlaps(other->prefix, want->prefix))))
			continue;
		if (!other->adopted) {
			snprintf(why, room, "its %s is that of ICorp %u", same_vlan ? "VLAN" : "prefix",
				 other->key.icorp);
			return -EEXIST;
		}
		if (remove && !bridge_move(s, other, NULL, &changes, why, room))
			bridge_forget(s, other);
	}
	return 0;
}

static int want(struct bridge_state *s, const struct adaptor_terms *t, int remove, struct bridge_session **out,
		struct adaptor_result *result)
{
	struct bridge_world world;
	int rc = bridge_read_world(s->nl, s->bridge, &world);

	*out = NULL;
	if (rc) {
		snprintf(result->reason, sizeof(result->reason), "%s: %s", s->bridge, strerror(-rc));
		return rc;
	}
	rc = bridge_want(&world, t, out, result->reason, sizeof(result->reason));
	bridge_world_clear(&world);
	if (!rc)
		rc = check_others(s, *out, remove, result->reason, sizeof(result->reason));
	if (rc) {
		bridge_session_free(*out);
		*out = NULL;
	}
	return rc;
}

static int bridge_check(void *state, const struct adaptor_terms *t, struct adaptor_result *result)
{
	struct bridge_session *to;

	result->error = t->vlan ? want(state, t, 0, &to, result) : 0;
	if (t->vlan)
		bridge_session_free(to);
	return result->error;
}

static int bridge_revoke(void *state, struct adaptor_key key, char *why, size_t room)
{
	struct bridge_state *s = state;
	struct bridge_session *session;
	size_t changes;

	/* a crash in the midst of a change of VLAN can have left two */
	while ((session = bridge_find(s->sessions, key))) {
		int rc = bridge_move(s, session, NULL, &changes, why, room);

		if (rc)
			return rc;
		bridge_forget(s, session);
	}
	return 0;
}

static int bridge_apply(void *state, const struct adaptor_terms *t, struct adaptor_result *result)
{
	struct adaptor_key key = { .icorp = t->icorp, .leader = t->leader };
	struct bridge_state *s = state;
	struct bridge_session *to, *from;
	size_t changes;

	if (!t->vlan)
		return result->error = bridge_revoke(state, key, result->reason, sizeof(result->reason));
	result->error = want(s, t, 1, &to, result);
	if (result->error)
		return result->error;
	from = bridge_find(s->sessions, key);
	if (from && bridge_find(from->next, key)) {   /* adopted in the midst of a change: which is whole? neither */
		result->error = bridge_revoke(state, key, result->reason, sizeof(result->reason));
		from = NULL;
	}
	if (!result->error)
		result->error = bridge_move(s, from, to, &changes, result->reason, sizeof(result->reason));
	if (result->error) {
		bridge_session_free(to);
		return result->error;
	}
	if (from)
		bridge_forget(s, from);
	to->next = s->sessions;
	s->sessions = to;
	switch_grant(t, result);
	return 0;
}

const struct adaptor_ops adaptor_bridge = {
	.type = "bridge",
	.help = "IP-based VLANs and 802.1p priority on a Linux bridge",
	.terms = TERM_VLAN,
	.options = bridge_options,
	.probe = bridge_probe,
	.open = bridge_open,
	.check = bridge_check,
	.apply = bridge_apply,
	.revoke = bridge_revoke,
	.audit = bridge_audit,
	.inventory = bridge_measure, /* it names their VLANs */
	.measure = bridge_measure,
	.ports = bridge_ports,
	.show = bridge_show,
	.close = bridge_close,
};
