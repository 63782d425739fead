/*
 * `icorpctl show …` of a controller, asked over its control socket: the cores are the simulator's on the demo's network,
 * the daemon around the one that is looked at is made by hand.
 *
 *   ar1 --+                                    +-- srv1
 *         s1 -- r1 ======== r2 -- (lsw) -- s2 -+
 *   ar2 --+                                    +-- srv2
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "signald/daemon.h"
#include "signald/outbox.h"
#include "signald/session.h"
#include "signald/trace.h"
#include "tests/sim/sim.h"

#define N_ELEMENTS 8
static const char *const elements[N_ELEMENTS] = { "ar1", "ar2", "s1", "r1", "r2", "s2", "srv1", "srv2" };
static const char *const servers[] = { "srv1", "srv2" }, *const access_routers[] = { "ar1", "ar2" };
static struct topo topo;

struct world { struct sim *sim; struct daemon d; char dir[64], path[96]; int fd; };

static struct in_addr control_of(const char *element)
{
	return topo_control(&topo.node[topo_find(&topo, element)]);
}

static void originate(struct world *w, uint32_t id, uint64_t rate_bps)
{
	struct contract *c = sim_contract(w->sim, id, 1, servers, 2, access_routers, 2, rate_bps);

	assert_non_null(c);
	sim_originate(w->sim, c);
	contract_unref(c);
}

static void run(struct world *w, uint64_t us)
{
	if (sim_run(w->sim, sim_now(w->sim) + us))
		fail_msg("%s", sim_violation(w->sim));
	clock_warp(sim_now(w->sim) - clock_now_us());
}

/* Looks at this element from now on. */
static void look_at(struct world *w, const char *element)
{
	w->d.core = (struct core *)(uintptr_t)sim_core(w->sim, element);
	w->d.core_config = *core_config(w->d.core);
}

static int setup(void **state)
{
	struct sim_faults calm = { .delay_min_us = 300, .delay_max_us = 300, .apply_min_us = 500, .apply_max_us = 3000 };
	struct world *w = calloc(1, sizeof(*w));
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	assert_non_null(w);
	clock_stop();
	w->sim = sim_new(&topo, 1, &calm);
	w->d.peers = peers_new(0);
	w->d.outbox = outbox_new(NULL, w->d.peers, &w->d.errors);
	w->d.loop = loop_new(&(struct loop_hooks){ 0 });
	snprintf(w->dir, sizeof(w->dir), "/tmp/test_show.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/socket", w->dir);
	w->d.config.control = w->path;
	assert_int_equal(show_open(&w->d), 0);
	w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	memcpy(to.sun_path, w->path, sizeof(w->path));
	assert_int_equal(connect(w->fd, (struct sockaddr *)&to, sizeof(to)), 0);
	originate(w, 1, 10000000);
	run(w, CLOCK_S);
	look_at(w, "r1");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	close(w->fd);
	show_close(&w->d);
	loop_free(w->d.loop);
	outbox_free(w->d.outbox);
	peers_free(w->d.peers);
	sim_free(w->sim);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

/* The whole answer to these words; the caller's. */
static json_t *ask(struct world *w, const char *words)
{
	static char text[1 << 20];
	size_t len = 0;
	json_t *answer;

	len = (size_t)snprintf(text, sizeof(text), "{\"argv\":[%s]}\n", words);
	assert_int_equal(send(w->fd, text, len, 0), len);
	for (len = 0; !len || text[len - 1] != '\n';) {
		ssize_t n;

		event_base_loop(loop_base(w->d.loop), EVLOOP_NONBLOCK);
		n = recv(w->fd, text + len, sizeof(text) - len - 1, 0);
		assert_true(n > 0 || (n < 0 && errno == EAGAIN));
		len += n > 0 ? (size_t)n : 0;
	}
	answer = json_loadb(text, len, 0, NULL);
	assert_non_null(answer);
	return answer;
}

static json_t *shown(struct world *w, const char *words)
{
	json_t *answer = ask(w, words), *result = json_incref(json_object_get(answer, "result"));

	if (!json_is_true(json_object_get(answer, "ok")))
		fail_msg("%s: %s", words, json_string_value(json_object_get(answer, "error")));
	json_decref(answer);
	return result;
}

static void refused(struct world *w, const char *words, const char *why)
{
	json_t *answer = ask(w, words);

	assert_string_equal(json_string_value(json_object_get(answer, "error")), why);
	json_decref(answer);
}

static json_int_t number(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_integer(v))
		fail_msg("no number \"%s\"", name);
	return json_integer_value(v);
}

static const char *string(const json_t *o, const char *name)
{
	const char *v = json_string_value(json_object_get(o, name));

	if (!v)
		fail_msg("no text \"%s\"", name);
	return v;
}

/* The row of the array whose `name` is that; NULL: none. */
static const json_t *row(const json_t *o, const char *array, const char *name, const char *text)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(o, array), i, one)
		if (!strcmp(string(one, name), text))
			return one;
	return NULL;
}

static void sessions(void **state)
{
	struct world *w = *state;
	json_t *o = shown(w, "\"show\",\"sessions\"");
	const json_t *one = json_array_get(json_object_get(o, "sessions"), 0);

	assert_int_equal(json_array_size(json_object_get(o, "sessions")), 1);
	assert_int_equal(number(one, "icorp"), 1);
	assert_string_equal(string(one, "state"), "up");
	assert_string_equal(string(one, "up"), "2/4"); /* the servers are beyond; the access routers need nothing of r1 */
	json_decref(o);
	o = shown(w, "\"show\",\"sessions\",\"2\"");
	assert_int_equal(json_array_size(json_object_get(o, "sessions")), 0);
	json_decref(o);
	o = shown(w, "\"show\",\"path\",\"1\"");
	assert_int_equal(json_array_size(json_object_get(o, "endpoints")), 4);
	json_decref(o);
	refused(w, "\"show\",\"path\",\"2\"", "no such ICorp here: 2");
	refused(w, "\"show\",\"path\",\"x\"", "x: must be a number from 1 to 4294967295");
	refused(w, "\"show\",\"sessions\",\"1x\"", "1x: must be a number from 1 to 4294967295");
}

/* Where nothing is lost, what all sent is what all received, type by type. */
/* While a contract is revised both revisions are shown. */
static void revisions(void **state)
{
	struct world *w = *state;
	struct contract *c = sim_contract(w->sim, 1, 2, servers, 2, access_routers, 2, 20000000);
	const json_t *newer;
	json_t *o;

	assert_non_null(c);
	sim_originate(w->sim, c);
	contract_unref(c);
	run(w, 2 * CLOCK_MS);
	o = shown(w, "\"show\",\"sessions\"");
	assert_int_equal(json_array_size(json_object_get(o, "sessions")), 2);
	assert_int_equal(number(json_array_get(json_object_get(o, "sessions"), 0), "revision"), 1);
	assert_int_equal(number(json_array_get(json_object_get(o, "sessions"), 1), "revision"), 2);
	json_decref(o);
	o = shown(w, "\"show\",\"path\",\"1\"");
	assert_int_equal(number(o, "revision"), 1);
	newer = json_array_get(json_object_get(o, "newer"), 0);
	assert_int_equal(number(newer, "revision"), 2);
	assert_int_equal(number(newer, "rate"), 20000000);
	json_decref(o);
	run(w, CLOCK_S);
	o = shown(w, "\"show\",\"path\",\"1\"");
	assert_int_equal(number(o, "revision"), 2);
	assert_null(json_object_get(o, "newer"));
	json_decref(o);
}

static void counters_balance(void **state)
{
	static const char *const kinds[] = { "paths", "resvs", "path errors", "resv errors", "path tears", "resv tears",
					     "resv confirmations", "acks", "srefreshes", "hellos", "nacks" };
	struct sim_faults refusing = { .delay_min_us = 300, .delay_max_us = 300, .apply_fail_permille = 1000 };
	json_int_t sent[sizeof(kinds) / sizeof(kinds[0])] = { 0 }, received[sizeof(kinds) / sizeof(kinds[0])] = { 0 };
	struct world *w = *state;

	sim_withdraw(w->sim, "ar1", 1);
	originate(w, 2, 2000000);
	run(w, 40 * CLOCK_S);
	sim_set_faults(w->sim, &refusing);
	originate(w, 3, 2000000);
	run(w, 5 * CLOCK_S);
	for (size_t e = 0; e < N_ELEMENTS; e++) {
		json_t *o;

		look_at(w, elements[e]);
		o = shown(w, "\"show\",\"counters\"");
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			char name[64];

			snprintf(name, sizeof(name), "%s sent", kinds[k]);
			sent[k] += number(o, name);
			snprintf(name, sizeof(name), "%s received", kinds[k]);
			received[k] += number(o, name);
		}
		received[7] += number(o, "stray acks"); /* of messages that were replaced meanwhile */
		assert_int_equal(number(o, "retransmits"), 0);
		assert_int_equal(number(o, "bundles sent") + number(o, "bundles received"), 0); /* there is no transport */
		json_decref(o);
	}
	/* the simulator's ISCs are no controllers of ours: they get Paths and answer by Resvs */
	assert_true(sent[0] >= received[0] && received[0] >= 7);
	assert_true(sent[1] && received[1] >= sent[1]);
	for (size_t k = 2; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		if (k != 4 && k != 5 && sent[k] != received[k])
			fail_msg("%s: %lld sent, %lld received", kinds[k], (long long)sent[k], (long long)received[k]);
	assert_true(sent[2] && sent[7] && sent[8]);
}

static void neighbours(void **state)
{
	static const char *const names[] = { "srtt us", "rto us", "window", "in flight", "queue", "states sent", "states learnt",
					     "retransmits", "losses", "restarts", "dropped" };
	struct world *w = *state;
	char r2[ADDR_TEXT], words[100];
	const json_t *one;
	struct peer *p;
	json_t *o;

	addr_text(control_of("r2"), r2);
	p = peer_get(w->d.peers, control_of("r2"), 0);
	p->counter[PEER_FORGED] = 2;
	p->counter[PEER_REPLAYED] = 3;
	p->heard_us = clock_now_us() - 5 * CLOCK_MS;
	peer_get(w->d.peers, (struct in_addr){ htonl(0x0a000063) }, 0);
	peers_count(w->d.peers, (struct in_addr){ htonl(0x0a000064) }, PEER_MALFORMED);
	o = shown(w, "\"show\",\"neighbours\"");
	one = row(o, "neighbours", "address", r2);
	assert_non_null(one);
	assert_string_equal(string(one, "state"), "up");
	assert_int_equal(number(one, "heard_ms_ago"), 5);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)number(one, names[i]);
	assert_int_equal(number(one, "dropped"), 5);
	assert_int_equal(number(one, "states sent"), 1);   /* the Path */
	assert_int_equal(number(one, "states learnt"), 1); /* the Resv */
	assert_true(number(one, "srtt us") >= 600);        /* there and back */
	one = row(o, "neighbours", "address", "10.0.0.99"); /* we only ever sent to it, if that */
	assert_string_equal(string(one, "state"), "-");
	assert_string_equal(string(one, "heard_ms_ago"), "never");
	assert_int_equal(number(row(o, "neighbours", "address", "strangers"), "dropped"), 1);
	json_decref(o);
	snprintf(words, sizeof(words), "\"show\",\"neighbours\",\"%s\"", r2);
	o = shown(w, words);
	assert_int_equal(number(o, "dropped forged"), 2);
	assert_int_equal(number(o, "datagrams received"), 0);
	assert_true(json_is_true(json_object_get(o, "refresh reduction")));
	for (unsigned i = 0; i < NEIGHBOUR_COUNTERS; i++)
		(void)number(o, neighbour_counter_name(i));
	json_decref(o);
	refused(w, "\"show\",\"neighbours\",\"10.9.9.9\"", "no such neighbour: 10.9.9.9");
	refused(w, "\"show\",\"neighbours\",\"r2\"", "r2: must be an IPv4 address");
}

static void timers(void **state)
{
	struct world *w = *state;
	json_int_t before = INT64_MIN;
	const json_t *one;
	json_t *o;
	size_t i;

	originate(w, 2, 1000000);
	run(w, CLOCK_S);
	o = shown(w, "\"show\",\"timers\",\"1000\"");
	assert_non_null(row(o, "timers", "timer", "path lapses"));
	assert_non_null(row(o, "timers", "timer", "reservation lapses"));
	assert_non_null(row(o, "timers", "timer", "neighbours: refresh, retransmission, hello"));
	json_array_foreach(json_object_get(o, "timers"), i, one) {
		assert_true(number(one, "in_ms") >= before);
		before = number(one, "in_ms");
	}
	assert_true(i >= 7);
	assert_true(before <= 200000);
	one = json_array_get(json_object_get(o, "timers"), 1);
	before = number(one, "in_ms");
	json_decref(o);
	o = shown(w, "\"show\",\"timers\",\"2\""); /* the same two, not just any */
	assert_int_equal(json_array_size(json_object_get(o, "timers")), 2);
	assert_int_equal(number(json_array_get(json_object_get(o, "timers"), 1), "in_ms"), before);
	json_decref(o);
	refused(w, "\"show\",\"timers\",\"0\"", "0: must be a number from 1 to 1000");
}

static void errors(void **state)
{
	struct world *w = *state;
	struct rsvp_msg m = { .type = RSVP_PATH_ERR, .session = { .icorp = 9 } };
	struct rsvp_grant g = { .node = control_of("srv1"), .element = "srv1", .reason = "no image" };
	struct error_entry e = { .event = "datagram dropped", .code = "forged", .element = "10.0.0.9", .times = 4 };
	const json_t *all, *one;
	json_t *o;

	m.error = (struct rsvp_error){ .node = g.node, .code = RSVP_ERR_ADMISSION, .value = RSVP_ADMISSION_IMAGE };
	rsvp_add_grant(&m, &g);
	errors_note_message(&w->d.errors, &m);
	m.type = RSVP_PATH; /* none */
	errors_note_message(&w->d.errors, &m);
	rsvp_msg_free(&m);
	errors_note(&w->d.errors, &e);
	errors_note(&w->d.errors, &e);
	o = shown(w, "\"show\",\"errors\"");
	all = json_object_get(o, "errors");
	assert_int_equal(json_array_size(all), 2);
	one = json_array_get(all, 0);
	assert_int_equal(number(one, "icorp"), 9);
	assert_string_equal(string(one, "event"), "PathErr received");
	assert_string_equal(string(one, "element"), "srv1");
	assert_string_equal(string(one, "code"), "admission: image");
	assert_string_equal(string(one, "reason"), "no image");
	assert_int_equal(strlen(string(one, "time")), strlen("2026-11-21T08:00:00.123Z"));
	one = json_array_get(all, 1);
	assert_int_equal(number(one, "times"), 8);
	assert_null(json_object_get(one, "icorp"));
	json_decref(o);
	for (uint32_t i = 1; i <= ERRORS_KEPT + 10; i++) {
		e.icorp = i;
		errors_note(&w->d.errors, &e);
	}
	o = shown(w, "\"show\",\"errors\"");
	all = json_object_get(o, "errors");
	assert_int_equal(json_array_size(all), ERRORS_KEPT);
	assert_int_equal(number(json_array_get(all, 0), "icorp"), 11);
	assert_int_equal(number(json_array_get(all, ERRORS_KEPT - 1), "icorp"), ERRORS_KEPT + 10);
	json_decref(o);
	o = shown(w, "\"show\",\"errors\",\"3\"");
	all = json_object_get(o, "errors");
	assert_int_equal(json_array_size(all), 3);
	assert_int_equal(number(json_array_get(all, 2), "icorp"), ERRORS_KEPT + 10);
	json_decref(o);
	refused(w, "\"show\",\"errors\",\"257\"", "257: must be a number from 1 to 256");
}

/* What the core says of a refusal, and that it says it where it refuses. */
static void refusals_are_actions(void **state)
{
	struct world *w = *state;
	struct core_actions actions = { 0 };
	struct adaptor_result result = { .error = -ENOSPC, .reason = "tc: no classes left" };
	const struct session *s = core_session(w->d.core, 1, control_of("ar1"));
	unsigned n = 0;

	((struct session *)(uintptr_t)s)->cookie = 77; /* a change is being committed */
	core_applied(w->d.core, s->key, 77, &result, sim_now(w->sim), &actions);
	for (unsigned i = 0; i < actions.n; i++) {
		if (actions.v[i].type != CORE_REFUSAL)
			continue;
		n++;
		assert_int_equal(actions.v[i].key.icorp, 1);
		assert_string_equal(core_action_text(&actions, &actions.v[i]), "tc: no classes left");
		assert_string_equal(rsvp_error_name(actions.v[i].code, actions.v[i].value), "admission: adaptor");
	}
	assert_int_equal(n, 1);
	core_actions_clear(&actions);
	((struct session *)(uintptr_t)s)->cookie = 78; /* nothing was committed: it is refused for good */
	((struct session *)(uintptr_t)s)->committed = 0;
	core_trace(w->d.core, 1);
	core_applied(w->d.core, s->key, 78, &result, sim_now(w->sim), &actions);
	for (unsigned i = 0; i < actions.n; i++)
		if (actions.v[i].type == CORE_STATE && n++)
			assert_string_equal(core_action_text(&actions, &actions.v[i]), "up -> failed: tc: no classes left");
	assert_int_equal(n, 2);
	core_actions_free(&actions);
}

/* The next event of the stream; the caller's. NULL: nothing is there. */
static json_t *event(struct world *w)
{
	static char text[65536];
	size_t len = 0;
	json_t *line, *o;

	for (int i = 0; i < 10; i++)
		event_base_loop(loop_base(w->d.loop), EVLOOP_NONBLOCK);
	while (len < sizeof(text) - 1 && recv(w->fd, text + len, 1, 0) == 1 && text[len] != '\n')
		len++;
	if (!len)
		return NULL;
	line = json_loadb(text, len, 0, NULL);
	o = json_incref(json_object_get(line, "event"));
	json_decref(line);
	assert_non_null(o);
	return o;
}

/* The next one is that, with that in its text. */
static void expect_event(struct world *w, const char *name, const char *text)
{
	json_t *o = event(w);

	assert_non_null(o);
	assert_string_equal(string(o, "event"), name);
	if (!strstr(string(o, "text"), text))
		fail_msg("%s: \"%s\", not \"%s\"", name, string(o, "text"), text);
	assert_string_equal(string(o, "element"), "r1");
	assert_int_equal(number(o, "icorp"), 1);
	assert_true(number(o, "at_us") <= (json_int_t)clock_now_us() && number(o, "wall_us") > 0);
	json_decref(o);
}

static void no_event(struct world *w)
{
	json_t *o = event(w);

	if (o)
		fail_msg("%s: %s", string(o, "event"), string(o, "text"));
}

static void run_actions(struct world *w)
{
	for (unsigned i = 0; i < w->d.actions.n; i++)
		trace_action(&w->d, &w->d.actions.v[i]);
	core_actions_clear(&w->d.actions);
}

/* One ICorp is followed: what concerns it is told in order, and of others nothing. */
static void traces(void **state)
{
	static const char request[] = "{\"argv\":[\"trace\",\"1\"]}\n";
	struct world *w = *state;
	const struct session *s = core_session(w->d.core, 1, control_of("ar1"));
	struct rsvp_msg m = { .type = RSVP_RESV, .session = { .icorp = 1, .leader = control_of("ar1") } };
	struct rsvp_demand demand = { .endpoint = control_of("srv1"), .resource = RESOURCE_CPU, .direction = 1, .steps = 2,
				      .sequence = 5 };
	struct rsvp_grant grant = { .node = control_of("srv1"), .element = "srv1", .resource = RESOURCE_CPU,
				    .outcome = OUTCOME_PARTLY, .enforcement = ENFORCEMENT_ENFORCED, .reason = "full" };
	struct adaptor_result failed = { .error = -ENOSPC, .reason = "tc: no classes left" };
	struct core_action apply = { .type = CORE_APPLY, .key = s->key, .cookie = 9 };

	w->d.config.enterprise = RSVP_ENTERPRISE;
	refused(w, "\"trace\",\"0\"", "0: must be a number from 1 to 4294967295");
	refused(w, "\"trace\",\"1\",\"ar1\"", "ar1: must be the leader's IPv4 address");
	assert_null(w->d.traces);
	assert_int_equal(send(w->fd, request, sizeof(request) - 1, 0), sizeof(request) - 1);
	expect_event(w, "start", "up");
	assert_non_null(w->d.traces);

	rsvp_add_demand(&m, &demand);
	rsvp_add_grant(&m, &grant);
	trace_message(&w->d, &m, control_of("r2"), 0);
	expect_event(w, "received", "");
	expect_event(w, "demand", "asks more cpu by 2 (number 5)");
	expect_event(w, "grant", "srv1: cpu partly");
	trace_message(&w->d, &m, control_of("r2"), 0);
	expect_event(w, "received", ""); /* the same demand and grant are no news */
	no_event(w);
	m.session.icorp = 2;
	trace_message(&w->d, &m, control_of("r2"), 0);
	no_event(w);
	rsvp_msg_free(&m);

	trace_action(&w->d, &apply);
	expect_event(w, "apply", "asked");
	clock_warp(1234);
	trace_applied(&w->d, s->key, 9, &failed);
	expect_event(w, "applied", "tc: no classes left, after 1.234 ms");

	/* the core's own: its Path state is torn by the previous hop */
	m = (struct rsvp_msg){ .type = RSVP_PATH_TEAR, .session = { .icorp = 1, .leader = s->key.leader },
			       .hop = { s->up.addr, s->up.lih }, .template_ = { .lsp_id = 1 },
			       .has = RSVP_HAS_HOP | RSVP_HAS_TEMPLATE };
	for (unsigned i = 0; i < s->n_leaves; i++)
		rsvp_add_s2l(&m, s->contract->endpoints[i].control, (struct in_addr){ 0 });
	core_message(w->d.core, &m, &(struct core_from){ .addr = s->up.addr, .port = CORE_PORT_NONE }, NULL, sim_now(w->sim), &w->d.actions);
	rsvp_msg_free(&m);
	run_actions(w);
	expect_event(w, "sent", "revision 1");
	expect_event(w, "revoke", "");
	expect_event(w, "closed", "");
	no_event(w);

	shutdown(w->fd, SHUT_WR);
	no_event(w);
	assert_null(w->d.traces); /* it costs nothing any more */
	core_actions_free(&w->d.actions);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(sessions), T(revisions), T(counters_balance), T(neighbours), T(timers), T(errors),
					    T(refusals_are_actions), T(traces) };
	char why[256];
	int r;

	log_open("test_show", NULL, LOG_SINK_STDERR, LOG_LEVEL_ERROR);
	if (contract_init() || topo_load(SRCDIR "/testbed/demo.topo", &topo, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	r = cmocka_run_group_tests(tests, NULL, NULL);
	topo_free(&topo);
	contract_cleanup();
	return r;
}
