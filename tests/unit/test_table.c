/* The table of sessions: keys that share a number in it are found and taken out like any others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signald/session.h"

enum { SESSIONS = 3 };

static struct session s[SESSIONS];
static struct session *slot[SESSIONS + 1];
static struct core core;

/* Other leaders, and ICorps such that all have one number. */
static void setup(void)
{
	memset(s, 0, sizeof(s));
	core = (struct core){ .by_key = { .seed = 7 }, .slot = slot, .n_slots = SESSIONS };
	for (uint32_t i = 0; i < SESSIONS; i++) {
		struct in_addr leader = { 100 + i };

		s[i].key.leader = leader;
		s[i].key.icorp = 4711 ^ (uint32_t)adaptor_key_hash((struct adaptor_key){ 7, leader });
		s[i].slot = i;
		slot[i] = &s[i];
		assert_int_equal(table_put(&core, &s[i]), 0);
	}
	assert_int_equal(core.by_key.n, 1);
}

static void teardown(void)
{
	idmap_clear(&core.by_key);
	free(core.beside);
}

static void assert_found(unsigned only_those)
{
	for (unsigned i = 0; i < SESSIONS; i++) {
		core.recent = NULL;
		assert_ptr_equal(session_find(&core, s[i].key), only_those >> i & 1 ? &s[i] : NULL);
		assert_int_equal(s[i].oldest, only_those >> i & 1);
	}
}

static void any_of_one_number_is_taken(void **state)
{
	for (unsigned gone = 0; gone < SESSIONS; gone++) {
		setup();
		assert_found(7);
		table_replace(&core, &s[gone], NULL);
		assert_found(7u & ~(1u << gone));
		for (unsigned i = 0; i < SESSIONS; i++)
			if (i != gone)
				table_replace(&core, &s[i], NULL);
		assert_found(0);
		assert_int_equal(core.by_key.n, 0);
		teardown();
	}
}

/* The first has its number in the map, the others are beside it. */
static void one_takes_the_place_of_another(void **state)
{
	for (unsigned old = 0; old < SESSIONS; old++) {
		struct session newer = { .slot = SESSIONS };

		setup();
		newer.key = s[old].key;
		slot[SESSIONS] = &newer;
		core.n_slots = SESSIONS + 1;
		table_replace(&core, &s[old], &newer);
		core.recent = NULL;
		assert_ptr_equal(session_find(&core, s[old].key), &newer);
		table_replace(&core, &newer, NULL);
		assert_found(7u & ~(1u << old));
		assert_ptr_equal(core_session_next(&core, NULL), &s[old == 0]);
		teardown();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_of_one_number_is_taken),
		cmocka_unit_test(one_takes_the_place_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
