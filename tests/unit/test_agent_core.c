/*
 * The agent's core under a virtual clock: Path, Resv, refresh, demands, tears; and the link's authentication.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/core.h"
#include "agent/link.h"
#include "lib/addr.h"
#include "lib/clock.h"

#define MS CLOCK_MS
#define S CLOCK_S
#define WALL 1700000000ull
#define R_MS 1000u

struct world {
	struct boot boot;
	struct agent agent;
	struct rsvp_msg msg, resv;
	struct agent_actions act;
	uint64_t now;
	unsigned resvs;
};

static struct in_addr ip(const char *text)
{
	struct in_addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static int setup(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.boot = (struct boot){ .icorp = 7, .leader = ip("10.200.1.11"), .revision = 1, .name = "shop",
				.endpoint = ip("10.200.2.21"), .address = ip("10.64.7.66"), .host = ip("169.254.1.1"),
				.port = 3455, .key_id = 1, .key_len = 32, .enterprise = RSVP_ENTERPRISE };
	w.boot.policy = policy_default;
	w.boot.policy.enabled = 0;
	w.now = 50 * S;
	agent_init(&w.agent, &w.boot, 0, 42);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	rsvp_msg_free(&w->msg);
	rsvp_msg_free(&w->resv);
	return 0;
}

static void make_path(struct world *w)
{
	struct rsvp_msg *m = &w->msg;

	rsvp_msg_clear(m);
	m->type = RSVP_PATH;
	m->session = (struct rsvp_session){ 7, 0, w->boot.leader };
	m->hop = (struct rsvp_hop){ ip("10.200.2.21"), 99 };
	m->refresh_ms = R_MS;
	m->template_ = (struct rsvp_template){ w->boot.leader, 1, ip("10.200.2.21"), 3 };
	m->flow = (struct rsvp_flow){ 8000000, 9000000, 15000, 1500 };
	m->ref.revision = 1;
	m->has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_TEMPLATE | RSVP_HAS_TSPEC | RSVP_HAS_REF;
	rsvp_add_s2l(m, w->boot.endpoint, (struct in_addr){ 0 });
}

static void input(struct world *w)
{
	w->act = (struct agent_actions){ 0 };
	agent_message(&w->agent, &w->msg, w->now, &w->act);
	w->resvs += w->act.resv;
}

static void tick(struct world *w)
{
	w->act = (struct agent_actions){ 0 };
	agent_tick(&w->agent, w->now, &w->act);
	w->resvs += w->act.resv;
}

static void apps(struct world *w, int up, int accepting)
{
	w->act = (struct agent_actions){ 0 };
	agent_apps(&w->agent, up, accepting, w->now, &w->act);
	w->resvs += w->act.resv;
}

static void look(struct world *w)
{
	assert_int_equal(agent_resv(&w->agent, &w->resv), 0);
}

static void reserve(struct world *w)
{
	apps(w, 1, 1);
	make_path(w);
	input(w);
	assert_true(w->act.resv);
}

static void add_grant(struct world *w, const char *node, const char *element, enum icorp_outcome outcome,
		      uint8_t resource, uint32_t sequence, uint64_t level)
{
	struct rsvp_grant g = { .node = ip(node), .endpoint = w->boot.endpoint, .resource = resource,
				.outcome = (uint8_t)outcome, .enforcement = ICORP_ENFORCED, .sequence = sequence,
				.level = level };

	snprintf(g.element, sizeof(g.element), "%s", element);
	rsvp_add_grant(&w->msg, &g);
}

static int demand(struct world *w, enum icorp_resource resource, int direction, unsigned steps)
{
	int r;

	w->act = (struct agent_actions){ 0 };
	r = agent_demand(&w->agent, resource, direction, steps, w->now, WALL, &w->act);
	w->resvs += w->act.resv;
	return r;
}

/* ---- Path and Resv ---- */

static void silent_before_any_path(void **state)
{
	struct world *w = *state;

	apps(w, 1, 1);
	for (int i = 0; i < 1000; i++, w->now += S)
		tick(w);
	assert_int_equal(w->resvs, 0);
	assert_int_equal(demand(w, ICORP_CPU, 1, 1), -ENOTCONN);
}

static void a_path_is_answered_at_once(void **state)
{
	struct world *w = *state;

	reserve(w);
	look(w);
	assert_int_equal(w->resv.type, RSVP_RESV);
	assert_int_equal(w->resv.session.icorp, 7);
	assert_int_equal(w->resv.hop.lih, 99);
	assert_int_equal(w->resv.hop.addr.s_addr, w->boot.address.s_addr);
	assert_int_equal(w->resv.refresh_ms, R_MS);
	assert_int_equal(w->resv.style, RSVP_STYLE_SE);
	assert_int_equal(w->resv.flow.rate_bps, 8000000);
	assert_int_equal(w->resv.template_.lsp_id, 1);
	assert_int_equal(w->resv.template_.group, 3);
	assert_int_equal(w->resv.s2l.n, 1);
	assert_int_equal(w->resv.s2l.v[0].addr.s_addr, w->boot.endpoint.s_addr);
	assert_int_equal(w->resv.loads.n, 1);
	assert_int_equal(w->resv.loads.v[0].flags, RSVP_LOAD_UP);
	assert_int_equal(w->resv.demands.n, 0);
}

static void it_refreshes_within_half_to_one_and_a_half_r(void **state)
{
	struct world *w = *state;
	uint64_t last, shortest = UINT64_MAX, longest = 0;

	reserve(w);
	last = w->now;
	for (int i = 0; i < 200; i++) {
		uint64_t gap;

		make_path(w); /* keep the path alive without an answer of its own */
		w->agent.path_expires_us = w->now + 100 * S;
		w->now = agent_deadline(&w->agent);
		tick(w);
		assert_true(w->act.resv);
		gap = w->now - last;
		last = w->now;
		assert_in_range(gap, R_MS * MS / 2, R_MS * MS * 3 / 2);
		shortest = gap < shortest ? gap : shortest;
		longest = gap > longest ? gap : longest;
	}
	assert_true(longest - shortest > R_MS * MS / 2); /* jittered */
}

static void refresh_paths_do_not_chase_resvs(void **state)
{
	struct world *w = *state;
	unsigned before;

	reserve(w);
	before = w->resvs;
	for (int i = 0; i < 100; i++, w->now += MS) {
		make_path(w);
		input(w);
		tick(w);
	}
	assert_in_range(w->resvs - before, 1, 3);
}

static void the_first_resv_waits_for_the_application(void **state)
{
	struct world *w = *state;

	apps(w, 0, 0);
	make_path(w);
	input(w);
	assert_false(w->act.resv);
	apps(w, 1, 0);
	assert_false(w->act.resv);
	w->now += S;
	apps(w, 1, 1);
	assert_true(w->act.resv);
}

static void but_not_for_ever(void **state)
{
	struct world *w = *state;

	make_path(w);
	input(w);
	assert_false(w->act.resv);
	assert_int_equal(agent_deadline(&w->agent), w->now + AGENT_READY_US);
	w->now = agent_deadline(&w->agent);
	tick(w);
	assert_true(w->act.resv);
	look(w);
	assert_int_equal(w->resv.loads.v[0].flags, 0); /* says that it is not up */
	apps(w, 1, 1);
	assert_true(w->act.resv); /* and when it is */
}

static void silence_of_the_host_lapses(void **state)
{
	struct world *w = *state;

	reserve(w);
	w->now += (R_MS * MS * 21 / 4) - 1;
	tick(w);
	assert_true(w->agent.path_expires_us);
	w->now += 1;
	tick(w);
	assert_false(w->agent.path_expires_us);
	assert_false(w->act.stop);
	assert_int_equal(agent_deadline(&w->agent), UINT64_MAX);
	make_path(w); /* the host's controller is back */
	input(w);
	assert_true(w->act.resv);
}

static void other_sessions_are_not_ours(void **state)
{
	struct world *w = *state;

	make_path(w);
	w->msg.session.icorp = 8;
	input(w);
	make_path(w);
	w->msg.session.leader = ip("10.0.0.1");
	input(w);
	make_path(w);
	w->msg.s2l.v[0].addr = ip("10.200.2.22");
	input(w);
	assert_int_equal(w->agent.counter[AGENT_WRONG_SESSION], 3);
	assert_int_equal(w->agent.counter[AGENT_PATHS], 0);
}

static void path_tear_stops(void **state)
{
	struct world *w = *state;

	reserve(w);
	make_path(w);
	w->msg.type = RSVP_PATH_TEAR;
	input(w);
	assert_true(w->act.stop);
	assert_false(w->act.tear);
	w->now += 100 * S;
	tick(w);
	assert_false(w->act.resv);
}

static void an_orderly_stop_tears(void **state)
{
	struct world *w = *state;

	reserve(w);
	w->act = (struct agent_actions){ 0 };
	agent_stop(&w->agent, &w->act);
	assert_true(w->act.stop && w->act.tear);
	assert_int_equal(agent_resv_tear(&w->agent, &w->resv), 0);
	assert_int_equal(w->resv.type, RSVP_RESV_TEAR);
	assert_int_equal(w->resv.hop.lih, 99);
}

/* ---- demands ---- */

static void a_demand_rides_until_the_leader_grants(void **state)
{
	struct world *w = *state;

	reserve(w);
	assert_int_equal(demand(w, ICORP_CPU, 1, 2), 0);
	assert_true(w->act.resv);
	look(w);
	assert_int_equal(w->resv.demands.n, 1);
	assert_int_equal(w->resv.demands.v[0].sequence, WALL);
	assert_int_equal(w->resv.demands.v[0].steps, 2);
	assert_int_equal(w->resv.demands.v[0].want, 0);
	assert_int_equal(demand(w, ICORP_CPU, 1, 1), -EBUSY);
	assert_int_equal(demand(w, ICORP_MEMORY, -1, 1), 0); /* one per resource */
	look(w);
	assert_int_equal(w->resv.demands.n, 2);
	assert_int_equal(w->resv.demands.v[1].sequence, WALL + 1);
	assert_int_equal(w->resv.demands.v[1].direction, -1);

	make_path(w); /* the host's grant is no answer yet, but tells the level */
	add_grant(w, "10.200.2.21", "srv1", ICORP_APPLIED, ICORP_CPU, WALL, 1536);
	w->now += S;
	input(w);
	assert_int_equal(w->act.answered, 0);
	assert_int_equal(agent_level(&w->agent, ICORP_CPU), 1536);

	make_path(w);
	add_grant(w, "10.200.2.21", "srv1", ICORP_APPLIED, ICORP_CPU, WALL, 1536);
	add_grant(w, "10.200.1.11", "ar1", ICORP_IGNORED, ICORP_CPU, WALL, 0);
	input(w);
	assert_int_equal(w->act.answered, 1u << ICORP_CPU);
	assert_int_equal(w->agent.demand[ICORP_CPU].state, DEMAND_ANSWERED);
	assert_int_equal(w->agent.demand[ICORP_CPU].n_grants, 2);
	assert_int_equal(demand_outcome(&w->agent.demand[ICORP_CPU]), ICORP_APPLIED);
	look(w);
	assert_int_equal(w->resv.demands.n, 1);
}

/* What was granted is taken back later, in part: the demand's answer, the level and the serial change, nobody is answered twice. */
static void what_was_granted_can_be_taken_back(void **state)
{
	struct world *w = *state;
	uint64_t serial;

	reserve(w);
	assert_int_equal(demand(w, ICORP_BANDWIDTH, 1, 2), 0);
	for (unsigned i = 0; i < 3; i++) {
		make_path(w);
		add_grant(w, "10.200.2.21", "srv1", i < 2 ? ICORP_APPLIED : ICORP_PARTLY, ICORP_BANDWIDTH, WALL, i < 2 ? 90 : 50);
		if (i == 2)
			snprintf(w->msg.grants.v[0].reason, sizeof(w->msg.grants.v[0].reason), "preempted");
		add_grant(w, "10.200.1.11", "ar1", ICORP_APPLIED, ICORP_BANDWIDTH, WALL, i < 2 ? 90 : 50);
		serial = w->agent.serial;
		input(w);
		assert_int_equal(w->act.answered, i == 0 ? 1u << ICORP_BANDWIDTH : 0);
		assert_int_equal(w->agent.serial != serial, i != 1);
		assert_int_equal(agent_level(&w->agent, ICORP_BANDWIDTH), i < 2 ? 90 : 50);
	}
	assert_int_equal(w->agent.demand[ICORP_BANDWIDTH].state, DEMAND_ANSWERED);
	assert_int_equal(demand_outcome(&w->agent.demand[ICORP_BANDWIDTH]), ICORP_PARTLY);
	assert_string_equal(w->agent.demand[ICORP_BANDWIDTH].grant[0].reason, "preempted");
}

static void grants_of_others_do_not_answer(void **state)
{
	struct world *w = *state;

	reserve(w);
	assert_int_equal(demand(w, ICORP_CPU, 1, 1), 0);
	make_path(w);
	add_grant(w, "10.200.1.11", "ar1", ICORP_APPLIED, ICORP_CPU, WALL - 1, 0);      /* an old number */
	add_grant(w, "10.200.1.11", "ar1", ICORP_APPLIED, ICORP_MEMORY, WALL, 0);       /* another resource */
	add_grant(w, "10.200.1.11", "ar1", ICORP_APPLIED, ICORP_CPU, WALL, 0);
	w->msg.grants.v[2].endpoint = ip("10.200.2.22");                                 /* another endpoint's */
	input(w);
	assert_int_equal(w->act.answered, 0);
}

static void an_unanswered_demand_is_given_up(void **state)
{
	struct world *w = *state;

	reserve(w);
	assert_int_equal(demand(w, ICORP_BANDWIDTH, 1, 1), 0);
	make_path(w);
	add_grant(w, "10.200.2.21", "srv1", ICORP_APPLIED, ICORP_BANDWIDTH, WALL, 10000000);
	input(w);
	w->agent.path_expires_us = w->now + 100 * S;
	w->now += AGENT_DEMAND_US - 1;
	tick(w);
	assert_int_equal(w->act.answered, 0);
	w->now += 1;
	tick(w);
	assert_int_equal(w->act.answered, 1u << ICORP_BANDWIDTH);
	assert_int_equal(w->agent.demand[ICORP_BANDWIDTH].state, DEMAND_EXPIRED);
	assert_int_equal(w->agent.demand[ICORP_BANDWIDTH].n_grants, 1); /* who did answer */
	look(w);
	assert_int_equal(w->resv.demands.n, 0);
	assert_int_equal(demand(w, ICORP_BANDWIDTH, 1, 1), 0);
	assert_int_equal(w->agent.demand[ICORP_BANDWIDTH].sequence, WALL + 1);
}

static void sequences_never_come_back(void **state)
{
	assert_int_equal(demand_sequence(0, WALL), WALL);
	assert_int_equal(demand_sequence(WALL, WALL), WALL + 1);
	assert_int_equal(demand_sequence(WALL + 5, WALL), WALL + 6); /* the clock was set back */
}

static void outcomes_as_a_whole(void **state)
{
	struct demand d = { .n_grants = 2 };

	d.grant[0].outcome = ICORP_APPLIED;
	d.grant[1].outcome = ICORP_IGNORED;
	assert_int_equal(demand_outcome(&d), ICORP_APPLIED);
	d.grant[1].outcome = ICORP_PARTLY;
	assert_int_equal(demand_outcome(&d), ICORP_PARTLY);
	d.grant[1].outcome = ICORP_REFUSED;
	assert_int_equal(demand_outcome(&d), ICORP_REFUSED);
	d.grant[0].outcome = d.grant[1].outcome = ICORP_IGNORED;
	assert_int_equal(demand_outcome(&d), ICORP_IGNORED);
}

static void the_grants_of_a_hostile_path_are_bounded(void **state)
{
	struct world *w = *state;

	reserve(w);
	assert_int_equal(demand(w, ICORP_CPU, 1, 1), 0);
	make_path(w);
	for (unsigned i = 0; i < 500; i++) {
		add_grant(w, "10.0.0.0", "x", ICORP_APPLIED, ICORP_CPU, WALL, 1);
		w->msg.grants.v[i].node.s_addr += htonl(i);
		w->msg.grants.v[i].outcome = (uint8_t)i;
	}
	input(w);
	assert_int_equal(w->agent.demand[ICORP_CPU].n_grants, DEMAND_MAX_GRANTS);
	demand_outcome(&w->agent.demand[ICORP_CPU]);
}

static void a_demand_by_hand_begins_the_thermostats_waits_anew(void **state)
{
	struct world *w = *state;

	reserve(w);
	w->now += 100 * S;
	assert_int_equal(demand(w, ICORP_CPU, 1, 1), 0);
	make_path(w);
	add_grant(w, "10.200.1.11", "ar1", ICORP_IGNORED, ICORP_CPU, WALL, 0);
	add_grant(w, "10.200.2.21", "srv1", ICORP_APPLIED, ICORP_CPU, WALL, 1280);
	input(w);
	assert_int_equal(w->agent.policy.since_us, w->now);
}

static void the_thermostat_asks_like_a_client(void **state)
{
	struct world *w = *state;
	struct agent_sample sample = { .cpu_permille = 950, .cpu_shares = 1024 };

	w->boot.policy.enabled = 1;
	agent_init(&w->agent, &w->boot, 0, 1);
	reserve(w);
	for (int i = 0; i < 4; i++, w->now += S) {
		w->act = (struct agent_actions){ 0 };
		agent_sample(&w->agent, &sample, w->now, WALL, &w->act);
	}
	assert_true(w->act.resv);
	look(w);
	assert_int_equal(w->resv.demands.n, 1);
	assert_int_equal(w->resv.demands.v[0].resource, ICORP_CPU);
	assert_int_equal(w->resv.loads.v[0].cpu_permille, 950);
	make_path(w);
	add_grant(w, "10.200.1.11", "ar1", ICORP_IGNORED, ICORP_CPU, WALL, 0);
	add_grant(w, "10.200.2.21", "srv1", ICORP_APPLIED, ICORP_CPU, WALL, 1280);
	input(w);
	assert_int_equal(w->agent.policy.pending, 0);
	assert_int_equal(w->agent.policy.net_steps, 1);
}

/* ---- the link ---- */

/* The host's controller was restarted: the challenge is answered with its cookie, and the Resv said again. */
static void challenges_are_answered(void **state)
{
	struct world *w = *state;
	struct rsvp_msg challenge = { .type = RSVP_CHALLENGE, .has = RSVP_HAS_CHALLENGE, .challenge = { 1, 0xc00c1e } };
	uint8_t one[200], two[200];
	struct link host, isc;
	int n, answered = 0;

	assert_int_equal(link_init(&host, &w->boot), 0);
	assert_int_equal(link_init(&isc, &w->boot), 0);
	n = rsvp_encode(&challenge, RSVP_ENTERPRISE, NULL, one, sizeof(one));
	assert_int_equal(link_challenge(&isc, one, (size_t)n, w->now, &w->resv), 1);
	n = link_seal(&isc, &w->resv, 1000, two, sizeof(two));
	assert_true(n > 0);
	assert_int_equal(link_unseal(&host, two, (size_t)n, w->now, &w->resv), 0);
	assert_int_equal(w->resv.type, RSVP_CHALLENGE_RESPONSE);
	assert_int_equal(w->resv.challenge.cookie, 0xc00c1e);
	n = rsvp_encode(&challenge, RSVP_ENTERPRISE, NULL, one, sizeof(one));
	for (int i = 0; i < 100; i++)
		answered += link_challenge(&isc, one, (size_t)n, w->now, &w->resv) == 1;
	assert_int_equal(answered, 3);
	one[n - 1] ^= 1;
	assert_int_equal(link_challenge(&isc, one, (size_t)n, w->now, &w->resv), 0); /* damaged */
	link_close(&host);
	link_close(&isc);
	memset(&w->act, 0, sizeof(w->act));
	agent_repeat(&w->agent, w->now, &w->act);
	assert_int_equal(w->act.resv, 0); /* nothing was said yet */
}

static void forged_and_replayed_datagrams_are_dropped(void **state)
{
	struct world *w = *state;
	uint8_t one[2000], two[2000];
	struct link host, isc, stranger;
	int n1, n2;

	assert_int_equal(link_init(&host, &w->boot), 0);
	assert_int_equal(link_init(&isc, &w->boot), 0);
	w->boot.key[0] ^= 1;
	assert_int_equal(link_init(&stranger, &w->boot), 0);
	make_path(w);
	n1 = link_seal(&host, &w->msg, 1000, one, sizeof(one));
	n2 = link_seal(&host, &w->msg, 1000, two, sizeof(two)); /* a clock that stands still */
	assert_true(n1 > 0 && n2 > 0);
	assert_int_equal(host.sent, 1001);
	assert_int_equal(link_unseal(&isc, one, (size_t)n1, w->now, &w->resv), 0);
	assert_int_equal(w->resv.hop.lih, 99);
	assert_int_equal(link_unseal(&isc, one, (size_t)n1, w->now, &w->resv), -EALREADY);
	assert_int_equal(link_unseal(&isc, two, (size_t)n2, w->now, &w->resv), 0);
	assert_int_equal(link_unseal(&isc, one, (size_t)n1, w->now, &w->resv), -EALREADY);
	assert_int_equal(isc.counter[LINK_REPLAYED], 2);

	n1 = link_seal(&stranger, &w->msg, 5000, one, sizeof(one));
	assert_int_equal(link_unseal(&isc, one, (size_t)n1, w->now, &w->resv), -EKEYREJECTED);
	n1 = link_seal(&host, &w->msg, 6000, one, sizeof(one));
	one[n1 - 1] ^= 1;
	assert_int_equal(link_unseal(&isc, one, (size_t)n1, w->now, &w->resv), -EKEYREJECTED);
	assert_int_equal(isc.counter[LINK_FORGED], 2);
	assert_int_equal(isc.received, 1001); /* a forgery does not move the window */

	n1 = rsvp_encode(&w->msg, RSVP_ENTERPRISE, NULL, one, sizeof(one));
	assert_int_equal(link_challenge(&isc, one, (size_t)n1, w->now, &w->resv), 0);
	assert_true(link_unseal(&isc, one, (size_t)n1, w->now, &w->resv) < 0);
	assert_int_equal(isc.counter[LINK_UNSIGNED], 1);
	assert_true(link_unseal(&isc, one, 7, w->now, &w->resv) < 0);
	assert_int_equal(isc.counter[LINK_MALFORMED], 1);
	link_close(&host);
	link_close(&isc);
	link_close(&stranger);
}

static void what_we_send_decodes(void **state)
{
	struct world *w = *state;
	uint8_t buffer[2000];
	struct link host, isc;
	int n;

	assert_int_equal(link_init(&host, &w->boot), 0);
	assert_int_equal(link_init(&isc, &w->boot), 0);
	reserve(w);
	demand(w, ICORP_CPU, 1, 1);
	look(w);
	n = link_seal(&isc, &w->resv, 1, buffer, sizeof(buffer));
	assert_true(n > 0);
	assert_int_equal(link_unseal(&host, buffer, (size_t)n, w->now, &w->msg), 0);
	assert_int_equal(w->msg.demands.n, 1);
	assert_int_equal(agent_resv_tear(&w->agent, &w->resv), 0);
	n = link_seal(&isc, &w->resv, 1, buffer, sizeof(buffer));
	assert_int_equal(link_unseal(&host, buffer, (size_t)n, w->now, &w->msg), 0);
	link_close(&host);
	link_close(&isc);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(silent_before_any_path), T(a_path_is_answered_at_once), T(it_refreshes_within_half_to_one_and_a_half_r),
		T(refresh_paths_do_not_chase_resvs), T(the_first_resv_waits_for_the_application), T(but_not_for_ever),
		T(silence_of_the_host_lapses), T(other_sessions_are_not_ours), T(path_tear_stops), T(an_orderly_stop_tears),
		T(a_demand_rides_until_the_leader_grants), T(what_was_granted_can_be_taken_back), T(grants_of_others_do_not_answer),
		T(an_unanswered_demand_is_given_up), T(sequences_never_come_back), T(outcomes_as_a_whole),
		T(the_grants_of_a_hostile_path_are_bounded), T(the_thermostat_asks_like_a_client),
		T(a_demand_by_hand_begins_the_thermostats_waits_anew),
		T(challenges_are_answered), T(forged_and_replayed_datagrams_are_dropped), T(what_we_send_decodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
