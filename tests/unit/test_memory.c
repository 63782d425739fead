/*
 * Memory runs out at any moment of an input: what was begun is refused or tried again, nothing stays half done. And what is
 * read again on SIGHUP is taken as a whole or not at all.
 */
#include "tests/unit/element.h"
#include "tests/unit/memory.h"

#include <unistd.h>

#include "signald/peer_internal.h"
#include "signald/reload.h"

static const struct session *only(const struct world *w)
{
	return core_session(w->core, w->contract->id, ip("10.200.1.11"));
}

/* Some apply was asked for under the cookie of the commit that the session waits for. */
static int is_asked(const struct world *w, const struct session *s)
{
	for (unsigned i = 0; i < w->actions.n; i++)
		if (w->actions.v[i].type == CORE_APPLY && w->actions.v[i].cookie == s->cookie)
			return 1;
	return 0;
}

/* A moment later, with memory again, and the Path of the next refresh: it is committing. */
static void goes_on(struct world *w)
{
	assert_true(!only(w) || only(w)->state != SESSION_NEW);
	w->now_us += 200 * CLOCK_MS;
	core_tick(w->core, w->now_us, &w->actions);
	path(w, "10.200.2.21", 0);
	assert_non_null(only(w));
	assert_int_equal(only(w)->state, SESSION_COMMITTING);
	assert_true(only(w)->cookie && is_asked(w, only(w)));
	assert_int_equal(core_config(w->core)->resource[RESOURCE_CPU].used, leaf_level(leaf_of_isc(only(w)), RESOURCE_CPU));
}

static void without_memory_a_path(int then_none)
{

	for (unsigned n = 0, gone = 1; gone; n++) {
		struct world *w = start(ELEMENT_SERVER, "10.200.2.21");

		path(w, "10.200.2.21", 0); /* so that the message's own room is there */
		core_free(w->core);
		core_actions_free(&w->actions);
		w->core = core_new(&w->config, &w->nh);
		memory_for(n, then_none);
		path(w, "10.200.2.21", 0);
		gone = memory_again() != 0;
		goes_on(w);
		stop(w);
		assert_in_range(n, 0, 200);
	}
}

static void without_memory_a_demand(int then_none)
{

	for (unsigned n = 0, gone = 1; gone; n++) {
		struct world *w = start(ELEMENT_SERVER, "10.200.2.21");
		struct adaptor_result done = { 0 };

		path(w, "10.200.2.21", 0);
		core_applied(w->core, only(w)->key, only(w)->cookie, &done, w->now_us, &w->actions);
		demand(w, 1);
		core_applied(w->core, only(w)->key, only(w)->cookie, &done, w->now_us, &w->actions);
		assert_int_equal(only(w)->state, SESSION_UP);
		core_actions_free(&w->actions);
		memory_for(n, then_none);
		demand(w, 2);
		gone = memory_again() != 0;
		w->now_us += 200 * CLOCK_MS;
		core_tick(w->core, w->now_us, &w->actions);
		assert_true(!only(w)->cookie || is_asked(w, only(w)));
		stop(w);
		assert_in_range(n, 0, 200);
	}
}

/* A leader that is to replace a revision has a time for it, or does not begin. */
static void without_memory_a_revision(int then_none)
{

	for (unsigned n = 0, gone = 1; gone; n++) {
		struct world *w = start(ELEMENT_ACCESS, "10.200.1.11");
		struct contract *next = next_revision(w->contract);
		const struct session *newer;

		route(w, "10.200.0.0/16", 0);
		assert_int_equal(core_originate(w->core, w->contract, w->now_us, &w->actions), 0);
		assert_non_null(only(w));
		memory_for(n, then_none);
		core_originate(w->core, next, w->now_us, &w->actions);
		gone = memory_again() != 0;
		newer = only(w) ? core_session_newer(only(w)) : NULL;
		if (newer && newer->contract == next)
			assert_true(session_rest(newer)->complete_by_us);
		contract_unref(next);
		stop(w);
		assert_in_range(n, 0, 200);
	}
}

/* An answer that could not be kept is asked for again. */
static void an_answer_is_lost(void **state)
{
	struct world *w = start(ELEMENT_SERVER, "10.200.2.21");
	uint64_t cookie;

	path(w, "10.200.2.21", 0);
	cookie = only(w)->cookie;
	core_apply_again(w->core, only(w)->key, cookie + 1, w->now_us); /* of nobody */
	core_tick(w->core, w->now_us + 200 * CLOCK_MS, &w->actions);
	assert_int_equal(only(w)->cookie, cookie);
	core_apply_again(w->core, only(w)->key, cookie, w->now_us);
	core_tick(w->core, w->now_us + 400 * CLOCK_MS, &w->actions);
	assert_int_not_equal(only(w)->cookie, cookie);
	assert_true(is_asked(w, only(w)));
	stop(w);
}

/* ---- reload ---- */

static int file_of(const char *text)
{
	char name[] = "/tmp/memory.XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	lseek(fd, 0, SEEK_SET);
	unlink(name);
	return fd;
}

#define CONFIG(allow, neighbour) "name = \"r1\" kind = \"router\" address = \"10.1.0.1\" keyring = \"keys\" l2 = \"config\"\n" \
	"port eth0 { speed = 1G }\nallow = {\"" allow "\"}\n" \
	"neighbour " neighbour " { kind = \"switch\" addresses = {\"10.1.0.2\"} links = {\"eth2 r1 eth0\"} }\n"
#define KEYS(id) "default " id " hmac-sha256 000102030405060708090a0b0c0d0e0f\n"

static void configure(struct signald_config *config, const char *text)
{
	struct core_config core;
	struct config_error error;

	if (signald_config_read(file_of(text), "test", config, &core, &error))
		fail_msg("%s", error.text);
}

/* Which of the two configurations each of the three things is of. */
static void is_of(const struct daemon *d, int which)
{
	int isc;

	assert_int_equal(d->peers->n_allow, 1);
	assert_int_equal(ntohl(d->peers->allow[0].addr.s_addr) >> 24, which == 1 ? 10 : 11);
	assert_int_equal(keyring_find(&d->peers->keyring, ip("10.1.0.2"), 1, CLOCK_S, &isc) != NULL, which == 1);
	assert_int_equal(keyring_find(&d->peers->keyring, ip("10.1.0.2"), 2, CLOCK_S, &isc) != NULL, which == 2);
	assert_int_equal(d->nexthops.n_nodes, 2);
	assert_string_equal(d->nexthops.node[1].name, which == 1 ? "s1" : "s2");
}

static void reloaded_whole_or_not(int then_none)
{
	struct signald_config one, two;
	char why[256];

	configure(&one, CONFIG("10.0.0.0/8", "s1"));
	configure(&two, CONFIG("11.0.0.0/8", "s2"));
	for (unsigned n = 0, gone = 1; gone; n++) {
		struct daemon d = { .peers = peers_new(1) };
		uint32_t id;
		uint8_t key[32];
		int r, fd;

		assert_int_equal(reload_trust(&d, &one, file_of(KEYS("1")), why, sizeof(why)), 0);
		assert_int_equal(peers_add_isc(d.peers, ip("10.64.7.66"), 7, ip("10.200.1.11"), CLOCK_S, &id, key), 0);
		is_of(&d, 1);
		fd = file_of(KEYS("2"));
		memory_for(n, then_none);
		r = reload_trust(&d, &two, fd, why, sizeof(why));
		gone = memory_again() != 0;
		is_of(&d, r ? 1 : 2);
		assert_true(gone || !r);
		nexthops_clear_map(&d.nexthops);
		peers_free(d.peers);
		assert_in_range(n, 0, 200);
	}
	signald_config_free(&one);
	signald_config_free(&two);
}

/* One allocation fails, or all from that on. */
#define BOTH(name) cmocka_unit_test(name##_once), cmocka_unit_test(name##_then_none)
#define EACH(name) \
	static void name##_once(void **state) { name(0); } \
	static void name##_then_none(void **state) { name(1); }
EACH(without_memory_a_path)
EACH(without_memory_a_demand)
EACH(without_memory_a_revision)
EACH(reloaded_whole_or_not)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(without_memory_a_path), BOTH(without_memory_a_demand),
		BOTH(without_memory_a_revision), cmocka_unit_test(an_answer_is_lost),
		BOTH(reloaded_whole_or_not),
	};
	int r;

	log_open("test_memory", NULL, LOG_SINK_STDERR, LOG_LEVEL_ERROR);
	r = contract_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
	contract_cleanup();
	return r;
}
