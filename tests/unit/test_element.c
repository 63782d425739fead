/* One controller's core, spoken to by hand: rules about single messages. */
#include "tests/unit/element.h"

#include "signald/plan.h"

#define GARBAGE ((const uint8_t *)"not what anybody has read")

/* The last Path sent carries the contract itself, and nothing else. */
static void carries_the_contract(struct world *w)
{
	struct rsvp_msg m = { 0 };
	char *xml;
	size_t len;

	sent(w, RSVP_PATH, &m);
	assert_true(m.has & RSVP_HAS_BODY);
	assert_int_equal(contract_inflate(m.body, m.body_len, &xml, &len), 0);
	assert_int_equal(len, w->contract->xml_len);
	free(xml);
	rsvp_msg_free(&m);
	core_actions_clear(&w->actions);
}

/* ar2's Resv for itself and another. */
static void resv_of(struct world *w, const char *also)
{
	const struct session *s = core_session(w->core, w->contract->id, ip("10.200.1.11"));
	struct core_from from = ar2();

	begin(w, RSVP_RESV, "10.200.1.12");
	w->msg.hop.lih = s->branch->lih;
	w->msg.flow.rate_bps = w->contract->network.rate_bps;
	w->msg.has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_STYLE | RSVP_HAS_FLOWSPEC | RSVP_HAS_FILTER;
	rsvp_add_s2l(&w->msg, ip("10.200.1.12"), (struct in_addr){ 0 });
	rsvp_add_s2l(&w->msg, ip(also), (struct in_addr){ 0 });
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
}

/* How many Resvs went up, and with which of ar2's grants: each level that many times. */
static unsigned resvs_sent(const struct world *w, unsigned *said, unsigned levels)
{
	unsigned n = 0;

	memset(said, 0, levels * sizeof(*said));
	for (unsigned i = 0; i < w->actions.n; i++) {
		const struct core_action *a = &w->actions.v[i];
		struct rsvp_msg m = { 0 };

		if (a->type != CORE_SEND || a->message_type != RSVP_RESV)
			continue;
		assert_int_equal(rsvp_decode(core_action_message(&w->actions, a), a->len, RSVP_ENTERPRISE, &m, NULL), 0);
		assert_int_equal(m.template_.group & ~RSVP_PART_MORE, n++);
		for (unsigned k = 0; k < m.grants.n; k++)
			if (!strcmp(m.grants.v[k].element, "ar2") && m.grants.v[k].level < levels)
				said[m.grants.v[k].level]++;
		rsvp_msg_free(&m);
	}
	return n;
}

/* More grants than a message holds come in parts, in any order, and go on in parts; none is lost. */
static void grants_in_parts(void **state)
{
	enum { N = 10 * RSVP_PART_GRANTS };
	struct world *w = with_enterprise(ELEMENT_SWITCH, "10.200.1.2");
	struct adaptor_result done = { 0 };
	const struct session *s;
	unsigned said[N];

	path(w, "10.200.1.12", 0);
	s = core_session(w->core, w->contract->id, ip("10.200.1.11"));
	for (unsigned part = 9; part; part--)
		resv(w, (uint16_t)(part | (part < 9 ? RSVP_PART_MORE : 0)), RSVP_PART_GRANTS, part * RSVP_PART_GRANTS);
	resv(w, RSVP_PART_MORE, RSVP_PART_GRANTS, 0);
	resv(w, RSVP_PARTS, RSVP_PART_GRANTS, 0); /* there is no such part */
	core_actions_clear(&w->actions);
	core_applied(w->core, s->key, s->cookie, &done, w->now_us, &w->actions);
	assert_int_equal(resvs_sent(w, said, N), 11); /* ours is one more */
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(said[i], 1);
	core_actions_clear(&w->actions);
	resv(w, 3, 1, 5); /* the last one now */
	assert_int_equal(resvs_sent(w, said, N), 0); /* others may follow it */
	core_tick(w->core, w->now_us + 30 * CLOCK_MS, &w->actions);
	assert_int_equal(resvs_sent(w, said, N), 4);
	assert_int_equal(said[5], 2);
	assert_int_equal(said[4 * RSVP_PART_GRANTS], 0);
	core_actions_clear(&w->actions);
	resv(w, 0, 1, 5);
	assert_int_equal(resvs_sent(w, said, N), 1);
	assert_int_equal(said[5], 1);
	assert_int_equal(said[6], 0);
	stop(w);
}

/* What we said ourselves comes back where routes run in a circle: it is not said once more, and so once more again. */
static void grants_in_a_circle(void **state)
{
	struct world *w = with_enterprise(ELEMENT_SWITCH, "10.200.1.2");
	struct rsvp_grant g = { .node = ip("10.200.1.2"), .resource = RESOURCE_BANDWIDTH, .level = 1, .element = "us" };
	struct core_from from = ar2();
	struct rsvp_grant said;
	unsigned n = 0;

	path(w, "10.200.1.12", 0);
	resv(w, 0, 0, 0);
	rsvp_add_grant(&w->msg, &g);
	g.node = from.addr;
	rsvp_add_grant(&w->msg, &g);
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	for (struct grant_cursor at = { 0 };
	     session_grant_next(w->core, core_session(w->core, w->contract->id, ip("10.200.1.11")), &at, &said); n++)
		assert_int_equal(said.node.s_addr, from.addr.s_addr);
	assert_int_equal(n, 1);
	stop(w);
}

/* More answers than a Path carries: what is still asked for is answered, whatever the others are. */
static void answers_to_what_is_asked(void **state)
{
	struct world *w = with_enterprise(ELEMENT_SWITCH, "10.200.1.2");
	struct rsvp_grant g = { .node = ip("10.200.1.11"), .endpoint = ip("10.200.1.12"), .resource = RESOURCE_BANDWIDTH };
	struct rsvp_demand d = { .endpoint = g.endpoint, .resource = RESOURCE_BANDWIDTH, .direction = 1, .steps = 1, .sequence = 7 };
	struct core_from from = ar2(), sw = { ip("10.200.1.3"), 0, 0, 0 };
	struct rsvp_msg m = { 0 };
	unsigned answered = 0;

	path(w, "10.200.1.12", 0);
	resv(w, 0, 0, 0);
	rsvp_add_demand(&w->msg, &d);
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	path(w, "10.200.1.12", 0);
	memset(g.reason, 'r', sizeof(g.reason) - 1);
	for (g.sequence = 100; g.sequence < 500; g.sequence++) {
		g.node.s_addr = g.sequence;
		rsvp_add_grant(&w->msg, &g);
	}
	g.sequence = 7;
	g.node = ip("10.200.1.11");
	rsvp_add_grant(&w->msg, &g);
	core_message(w->core, &w->msg, &sw, NULL, w->now_us, &w->actions);
	sent(w, RSVP_PATH, &m);
	assert_in_range(m.grants.n, 2, 400);
	for (unsigned i = 0; i < m.grants.n; i++)
		answered += m.grants.v[i].sequence == 7;
	assert_int_equal(answered, 1);
	rsvp_msg_free(&m);
	stop(w);
}

/* ar2's Resv with demands for these resources. Returns the sum of those that go on, and are answered. */
static unsigned passed_on(struct world *w, const uint8_t *resource, unsigned n, uint32_t sequence)
{
	const struct session *s = core_session(w->core, w->contract->id, ip("10.200.1.11"));
	struct adaptor_result done = { 0 };
	unsigned went = 0, answers = 0;
	struct rsvp_msg m = { 0 };

	core_actions_clear(&w->actions);
	begin_resv(w, 0, 0, 0);
	for (unsigned i = 0; i < n; i++)
		rsvp_add_demand(&w->msg, &(struct rsvp_demand){ ip("10.200.1.12"), resource[i], 1, 1, sequence, 0 });
	from_ar2(w);
	core_applied(w->core, s->key, s->cookie, &done, w->now_us, &w->actions);
	sent(w, RSVP_RESV, &m);
	for (unsigned i = 0; i < m.demands.n; i++)
		went += m.demands.v[i].resource;
	for (unsigned i = 0; i < m.grants.n; i++) {
		const struct rsvp_grant *g = &m.grants.v[i];

		if (g->sequence != sequence)
			continue;
		answers += g->resource;
		assert_int_equal(g->outcome, OUTCOME_IGNORED);
		assert_int_equal(g->enforcement, ENFORCEMENT_NONE);
	}
	assert_int_equal(answers, went);
	assert_in_range(m.grants.n, 0, 3); /* the ICorp's bandwidth, cpu, one of those that are unknown */
	rsvp_msg_free(&m);
	return went;
}

/* What is not known here is said to be ignored, and passed on for who knows it: one at a time, and no more is kept of it. */
static void unknown_resources(void **state)
{
	struct world *w = with_enterprise(ELEMENT_SWITCH, "10.200.1.2");
	uint8_t both[] = { 9, RESOURCE_CPU, 7 };

	path(w, "10.200.1.12", 0);
	assert_int_equal(passed_on(w, both, 1, 100), 9);
	assert_int_equal(passed_on(w, both, 2, 101), 9 + RESOURCE_CPU);
	assert_int_equal(passed_on(w, both, 3, 102), 9 + RESOURCE_CPU);
	assert_int_equal(passed_on(w, both + 1, 2, 103), 7 + RESOURCE_CPU);
	for (uint8_t r = 10; r < 100; r++)
		assert_int_equal(passed_on(w, &r, 1, 1), r);
	stop(w);
}

/* An ISC's changes nothing, whatever number it has. */
static void unknown_resource_of_an_isc(void **state)
{
	struct world *w = start(ELEMENT_SERVER, "10.200.2.21");
	const struct leaf *leaf;
	uint64_t cpu;

	path(w, "10.200.2.21", 0);
	demand(w, 7);
	cpu = core_config(w->core)->resource[RESOURCE_CPU].used;
	leaf = leaf_of_isc(core_session(w->core, w->contract->id, ip("10.200.1.11")));
	for (unsigned r = RESOURCE_MAX + 1; r <= UINT8_MAX + 1; r += 25) {
		demand_of(w, (uint8_t)r, r);
		assert_int_equal(leaf->more->demand[0].sequence, r);
		assert_int_equal(leaf->more->handled[RESOURCE_CPU], 7);
		assert_int_equal(leaf->branch->rate_bps, w->contract->network.rate_bps);
	}
	assert_int_equal(core_config(w->core)->resource[RESOURCE_CPU].used, cpu);
	stop(w);
}

/* A Path or Resv with an object that must be understood is rejected, and its sender told which; an error is not answered. */
static void unknown_object(void **state)
{
	struct rsvp_decode_error object = { .class_ = 100, .ctype = 7 };
	struct world *w = with_enterprise(ELEMENT_SWITCH, "10.200.1.2");
	struct core_from from = ar2();
	struct rsvp_msg m = { 0 };

	begin(w, RSVP_PATH, "10.200.1.12");
	w->msg.flags = RSVP_FLAG_REDUCTION;
	w->msg.id = (struct rsvp_id){ RSVP_ID_ACK_DESIRED, 5, 6 };
	w->msg.has = RSVP_HAS_HOP | RSVP_HAS_ID;
	core_unknown_object(w->core, &w->msg, &object, &from, w->now_us, &w->actions);
	assert_null(core_session(w->core, w->contract->id, ip("10.200.1.11")));
	sent(w, RSVP_PATH_ERR, &m);
	assert_int_equal(m.error.code, RSVP_ERR_UNKNOWN_CLASS);
	assert_int_equal(m.error.value, 100 << 8 | 7);
	core_flush(w->core, w->now_us, &w->actions);
	sent(w, RSVP_ACK, &m);
	assert_int_equal(m.acks.v[0].id.id, 6);
	object.class_known = 1;
	w->msg.type = RSVP_RESV;
	core_unknown_object(w->core, &w->msg, &object, &from, w->now_us, &w->actions);
	sent(w, RSVP_RESV_ERR, &m);
	assert_int_equal(m.error.code, RSVP_ERR_UNKNOWN_CTYPE);
	core_actions_clear(&w->actions);
	w->msg.type = RSVP_RESV_ERR;
	core_unknown_object(w->core, &w->msg, &object, &from, w->now_us, &w->actions);
	assert_int_equal(acted(w, CORE_SEND, 0), 0);
	rsvp_msg_free(&m);
	stop(w);
}

/* A Resv of another style than Shared-Explicit reserves nothing; what was reserved stands. */
static void unknown_style(void **state)
{
	struct world *w = with_enterprise(ELEMENT_SWITCH, "10.200.1.2");
	const struct session *s;
	struct core_from from = ar2();
	struct rsvp_msg m = { 0 };

	path(w, "10.200.1.12", 0);
	s = core_session(w->core, w->contract->id, ip("10.200.1.11"));
	resv(w, 0, 0, 0);
	assert_true(s->branch->resv_expires_us);
	w->msg.style = 0x0a; /* Fixed-Filter */
	w->msg.flow.rate_bps = 2 * w->contract->network.rate_bps;
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	sent(w, RSVP_RESV_ERR, &m);
	assert_int_equal(m.error.code, RSVP_ERR_STYLE);
	assert_int_equal(m.flow.rate_bps, w->contract->network.rate_bps);
	assert_int_equal(s->branch->rate_bps, w->contract->network.rate_bps);
	rsvp_msg_free(&m);
	stop(w);
}

/* A Resv without Path state is dropped and counted: the Path is on its way, or the neighbour hears by a NACK that it lost it. */
static void resv_without_path(void **state)
{
	struct world *w = with_enterprise(ELEMENT_SWITCH, "10.200.1.2");
	struct core_from from = ar2();

	begin(w, RSVP_RESV, "10.200.1.12");
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	assert_int_equal(core_counters(w->core)[CORE_NO_PATH], 1);
	begin(w, RSVP_PATH_TEAR, "10.200.1.12");
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	begin(w, RSVP_RESV_TEAR, "10.200.1.12");
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	begin(w, RSVP_RESV_CONF, "10.200.1.12");
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	assert_int_equal(acted(w, CORE_SEND, 0), 0);
	stop(w);
}

/* Our own address in RECORD_ROUTE: the Path has been here. */
static void path_that_was_here(void **state)
{
	struct world *w = with_enterprise(ELEMENT_SWITCH, "10.200.1.2");
	struct core_from from = { ip("10.200.1.3"), 0, 0, 0 };

	path(w, "10.200.1.12", 0);
	assert_int_equal(acted(w, CORE_SEND, 0), 1);
	core_actions_clear(&w->actions);
	w->msg.session.icorp = w->contract->id;
	w->msg.hop.lih++;
	rsvp_add_rro(&w->msg, ip("10.200.1.2"));
	core_message(w->core, &w->msg, &from, w->contract, w->now_us, &w->actions);
	assert_int_equal(core_counters(w->core)[CORE_LOOPS], 1);
	assert_int_equal(core_session(w->core, w->contract->id, ip("10.200.1.11"))->up.lih, 5);
	stop(w);
}

/* RESV_CONFIRM (RFC 2205 section 3.1.8) goes up with the Resv, and the leader's ResvConf comes down to who asked. */
static void confirmed(void **state)
{
	struct world *w = with_enterprise(ELEMENT_SWITCH, "10.200.1.2");
	struct core_from from = ar2(), sw = { ip("10.200.1.3"), 0, 0, 0 };
	struct adaptor_result done = { 0 };
	const struct session *s;
	struct rsvp_msg m = { 0 };

	path(w, "10.200.1.12", 0);
	s = core_session(w->core, w->contract->id, ip("10.200.1.11"));
	resv(w, 0, 0, 0);
	w->msg.confirm = from.addr;
	w->msg.has |= RSVP_HAS_CONFIRM;
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	core_applied(w->core, s->key, s->cookie, &done, w->now_us, &w->actions);
	sent(w, RSVP_RESV, &m);
	assert_true(m.has & RSVP_HAS_CONFIRM);
	assert_int_equal(m.confirm.s_addr, from.addr.s_addr);
	begin(w, RSVP_RESV_CONF, "10.200.1.3");
	w->msg.confirm = from.addr;
	w->msg.has = RSVP_HAS_ERROR | RSVP_HAS_CONFIRM | RSVP_HAS_STYLE;
	core_message(w->core, &w->msg, &sw, NULL, w->now_us, &w->actions);
	sent(w, RSVP_RESV_CONF, &m);
	assert_int_equal(m.confirm.s_addr, from.addr.s_addr);
	assert_int_equal(s->confirm.s_addr, 0);
	rsvp_msg_free(&m);
	stop(w);
}

/* A BODY of a contract that is here already was not read: it is not passed on as if it were that contract. */
static void body_of_a_known_digest(void **state)
{
	struct world *w = with_enterprise(ELEMENT_SWITCH, "10.200.1.2");
	struct core_from from = { ip("10.200.1.3"), 0, 0, 0 };

	path(w, "10.200.1.12", 0);
	carries_the_contract(w);
	w->msg.has |= RSVP_HAS_BODY | RSVP_HAS_PRICE;
	w->msg.price = (struct rsvp_price){ 1, 3600, "EUR" }; /* news, so that it is passed on */
	w->msg.body = GARBAGE;
	w->msg.body_len = 20;
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	carries_the_contract(w);
	stop(w);
}

/* A NACK that comes beside a BODY makes us send another session's Path again: with its own contract. */
static void body_beside_a_nack(void **state)
{
	struct world *w = with_enterprise(ELEMENT_SWITCH, "10.200.1.2");
	struct core_from from = ar2();
	struct rsvp_id_ack ack = { { 0 }, 0 };
	struct rsvp_msg m = { 0 };

	path(w, "10.200.1.12", 0);
	sent(w, RSVP_PATH, &m);
	ack.id = (struct rsvp_id){ 0, m.id.epoch, m.id.id };
	rsvp_msg_clear(&w->msg);
	w->msg.type = RSVP_ACK;
	w->msg.flags = RSVP_FLAG_REDUCTION;
	rsvp_add_ack(&w->msg, &ack);
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	core_actions_clear(&w->actions);
	begin(w, RSVP_PATH, "10.200.1.12");
	w->msg.flags = RSVP_FLAG_REDUCTION;
	w->msg.session.icorp = 9; /* not that contract's: nothing comes of the Path itself */
	w->msg.has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_REF | RSVP_HAS_BODY;
	w->msg.body = GARBAGE;
	w->msg.body_len = 20;
	ack.nack = 1;
	rsvp_add_ack(&w->msg, &ack);
	core_message(w->core, &w->msg, &from, w->contract, w->now_us, &w->actions);
	carries_the_contract(w);
	rsvp_msg_free(&m);
	stop(w);
}

/* An ISC comes with a newer revision, while an older one, which only passes here, is in force: it is started all the same. */
static void isc_of_a_newer_revision(void **state)
{
	struct world *w = start(ELEMENT_SERVER, "10.200.2.21");
	struct contract *older = w->contract;
	const struct session *s;

	route(w, "10.200.1.12/32", 1);
	path(w, "10.200.1.12", 0);
	s = core_session(w->core, w->contract->id, ip("10.200.1.11"));
	resv(w, 0, 0, 0);
	assert_true(s->asked);
	assert_int_equal(plan_isc_address(s).s_addr, 0);
	w->contract = next_revision(older);
	contract_unref(older);
	path(w, "10.200.2.21", 0);
	assert_non_null(core_session_newer(s));
	assert_int_equal(w->actions.v[w->actions.n - 1].type, CORE_APPLY);
	assert_ptr_equal(w->actions.v[w->actions.n - 1].session, s);
	assert_int_equal(plan_isc_address(s).s_addr, ip("10.64.7.66").s_addr);
	stop(w);
}

/* A newer revision gives the server another address before the tear of the older one has come: there is one ISC here still. */
static void isc_with_another_address(void **state)
{
	struct world *w = start(ELEMENT_SERVER, "10.200.2.21");
	const struct core_resource *cpu = &core_config(w->core)->resource[RESOURCE_CPU];
	struct contract *older = w->contract;
	struct core_from from = { ip("10.200.1.3"), 0, 0, 0 };
	struct contract_error error;
	uint64_t level;

	path(w, "10.200.2.21", 0);
	level = cpu->used;
	assert_true(level > 0);
	w->contract = next_revision(older);
	for (unsigned i = 0; i < w->contract->n_endpoints; i++)
		if (w->contract->endpoints[i].private_addr.s_addr == ip("10.64.7.66").s_addr)
			w->contract->endpoints[i].private_addr = ip("10.64.7.68");
	assert_int_equal(contract_seal(w->contract, &error), 0);
	path(w, "10.200.2.21", 0);
	assert_int_equal(cpu->used, level);
	begin(w, RSVP_PATH_TEAR, "10.200.1.3");
	w->msg.template_.lsp_id = older->revision;
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	assert_int_equal(cpu->used, level);
	assert_int_equal(plan_isc_address(core_session(w->core, older->id, ip("10.200.1.11"))).s_addr, ip("10.64.7.68").s_addr);
	contract_unref(older);
	begin(w, RSVP_PATH_TEAR, "10.200.1.3");
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	assert_int_equal(cpu->used, 0);
	stop(w);
}

/* srv1 hears whether srv2 is up, and is in force itself. */
static struct session *in_force(struct world *w, int srv2_up, uint32_t sequence)
{
	const struct rsvp_load srv2 = { .endpoint = ip("10.200.2.22"), .flags = srv2_up ? RSVP_LOAD_UP : 0, .weight = 1 };
	struct core_from from = { ip("10.200.1.3"), 0, 0, 0 };
	struct adaptor_result done = { 0 };
	struct session *s;

	path(w, "10.200.2.21", 0);
	rsvp_add_load(&w->msg, &srv2);
	core_message(w->core, &w->msg, &from, w->contract, w->now_us, &w->actions);
	s = session_of(w->core, &w->msg);
	core_applied(w->core, s->key, s->cookie, &done, w->now_us, &w->actions);
	demand(w, sequence);
	for (struct session *m = session_find(w->core, s->key); m; m = session_newer(m))
		while (m->cookie)
			core_applied(w->core, m->key, m->cookie, &done, w->now_us, &w->actions);
	assert_int_equal(s->state, SESSION_UP);
	return s;
}

/* Whose contract the shortcuts that began here have: a bit for each revision's. */
static unsigned shortcuts(struct world *w)
{
	unsigned of = 0;

	for (struct session *m = session_find(w->core, key_of(w, w->contract->id)); m; m = session_newer(m))
		of |= session_is_cut(m) ? 1u << m->contract->revision : 0;
	return of;
}

/* The newer revision was to have the shortcut and is given up: the older one begins its own before that one goes. */
static void shortcut_of_a_revision_given_up(void **state)
{
	struct world *w = start(ELEMENT_SERVER, "10.200.2.21");
	struct core_from from = { ip("10.200.1.3"), 0, 0, 0 };
	struct contract *older = w->contract, *newer = next_revision(older);

	route(w, "10.200.1.0/24", 0);
	route(w, "10.200.2.22/32", 1);
	in_force(w, 0, 1);
	assert_int_equal(shortcuts(w), 0);
	w->contract = newer;
	in_force(w, 1, 2);
	w->contract = older;
	in_force(w, 1, 3); /* it hears the same a little later */
	w->contract = newer;
	assert_int_equal(shortcuts(w), 1u << newer->revision);
	begin(w, RSVP_PATH_TEAR, "10.200.1.3");
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	assert_int_equal(shortcuts(w), 1u << newer->revision | 1u << older->revision);
	contract_unref(older);
	stop(w);
}

/* The same, but what stands has no room on the shortcut's port: it is tried once, and the other's shortcut ends. */
static void shortcut_without_room_for_what_stands(void **state)
{
	struct world *w = start(ELEMENT_SERVER, "10.200.2.21");
	struct core_from from = { ip("10.200.1.3"), 0, 0, 0 };
	struct contract *older = w->contract, *newer = next_revision(older);
	struct contract_error error;

	newer->network.rate_bps = older->network.rate_bps / 2;
	assert_int_equal(contract_seal(newer, &error), 0);
	w->config.port[1].capacity_bps = older->network.rate_bps * 3 / 4;
	core_free(w->core);
	w->core = core_new(&w->config, &w->nh);
	route(w, "10.200.1.0/24", 0);
	route(w, "10.200.2.22/32", 1);
	in_force(w, 0, 1);
	w->contract = newer;
	in_force(w, 1, 2);
	w->contract = older;
	in_force(w, 1, 3);
	w->contract = newer;
	assert_int_equal(shortcuts(w), 1u << newer->revision);
	begin(w, RSVP_PATH_TEAR, "10.200.1.3");
	core_actions_clear(&w->actions);
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
	assert_int_equal(shortcuts(w), 0);
	contract_unref(older);
	stop(w);
}

/*
 * ar2 confirms an endpoint that was given up a moment ago, before it heard of that. When the endpoint is wanted again
 * ar2 sees no change and says the same once more: that counts as confirmed, then.
 */
static void confirmed_before_it_is_wanted_again(void **state)
{
	struct world *w = with_enterprise(ELEMENT_ROUTER, "10.200.1.2");
	struct nexthop_route to = { .gateway = ip("10.200.1.12"), .port = 1 };
	const struct session *s;

	assert_int_equal(prefix_parse("10.200.0.0/16", &to.dest, 0), 0);
	assert_int_equal(nexthops_add_route(&w->nh, &to), 0);
	path(w, "10.200.1.12", 0);
	s = core_session(w->core, w->contract->id, ip("10.200.1.11"));
	resv_of(w, "10.200.2.21");
	assert_true(leaf_by_addr(s, ip("10.200.1.12"))->up);
	path_to(w, "10.200.1.12", "10.200.2.21", 0);
	assert_false(leaf_by_addr(s, ip("10.200.2.21"))->up);
	resv_of(w, "10.200.2.21");
	assert_true(leaf_by_addr(s, ip("10.200.2.21"))->up);
	stop(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_object), cmocka_unit_test(unknown_resources), cmocka_unit_test(unknown_resource_of_an_isc),
		cmocka_unit_test(unknown_style), cmocka_unit_test(resv_without_path),
		cmocka_unit_test(path_that_was_here), cmocka_unit_test(confirmed), cmocka_unit_test(grants_in_parts), cmocka_unit_test(grants_in_a_circle), cmocka_unit_test(answers_to_what_is_asked),
		cmocka_unit_test(body_of_a_known_digest), cmocka_unit_test(body_beside_a_nack),
		cmocka_unit_test(isc_of_a_newer_revision), cmocka_unit_test(isc_with_another_address),
		cmocka_unit_test(shortcut_of_a_revision_given_up), cmocka_unit_test(shortcut_without_room_for_what_stands),
		cmocka_unit_test(confirmed_before_it_is_wanted_again),
	};
	int r;

	log_open("test_element", NULL, LOG_SINK_STDERR, LOG_LEVEL_ERROR);
	r = contract_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
	contract_cleanup();
	return r;
}
