/* One controller's core, spoken to by hand: rules about single messages. */
#include "tests/unit/element.h"

#include "signald/plan.h"

#define GARBAGE ((const uint8_t *)"not what anybody has read")

static struct core_from ar2(void)
{
	return (struct core_from){ ip("10.200.1.12"), 1, 0, 0 };
}

/* The last message of that type that was sent; the caller frees it. */
static void sent(const struct world *w, uint8_t type, struct rsvp_msg *m)
{
	const struct core_action *last = NULL;

	for (unsigned i = 0; i < w->actions.n; i++)
		if (w->actions.v[i].type == CORE_SEND && w->actions.v[i].message_type == type)
			last = &w->actions.v[i];
	assert_non_null(last);
	assert_int_equal(rsvp_decode(core_action_message(&w->actions, last), last->len, RSVP_ENTERPRISE, m, NULL), 0);
}

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

static struct world *with_enterprise(enum element_kind kind, const char *address)
{
	struct world *w = start(kind, address);

	w->config.enterprise = RSVP_ENTERPRISE;
	core_free(w->core);
	w->core = core_new(&w->config, &w->nh);
	return w;
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
	struct core_from from = ar2();
	struct contract *older = w->contract;
	const struct session *s;

	route(w, "10.200.1.12/32", 1);
	path(w, "10.200.1.12", 0);
	s = core_session(w->core, w->contract->id, ip("10.200.1.11"));
	begin(w, RSVP_RESV, "10.200.1.12");
	w->msg.hop.lih = s->branch->lih;
	w->msg.flow.rate_bps = w->contract->network.rate_bps;
	w->msg.has = RSVP_HAS_HOP | RSVP_HAS_TIME | RSVP_HAS_STYLE | RSVP_HAS_FLOWSPEC | RSVP_HAS_FILTER;
	rsvp_add_s2l(&w->msg, ip("10.200.1.12"), (struct in_addr){ 0 });
	core_message(w->core, &w->msg, &from, NULL, w->now_us, &w->actions);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_of_a_known_digest), cmocka_unit_test(body_beside_a_nack),
		cmocka_unit_test(isc_of_a_newer_revision), cmocka_unit_test(isc_with_another_address),
	};
	int r;

	log_open("test_element", NULL, LOG_SINK_STDERR, LOG_LEVEL_ERROR);
	r = contract_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
	contract_cleanup();
	return r;
}
