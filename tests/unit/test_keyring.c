/* Keys: which one signs, which are accepted, rollover under traffic, ISCs' derived keys, and what a keyring may not say. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/peer_world.h"

static void reload(struct end *end, const char *keys)
{
	char why[256];

	if (keys_load(end->peers, keys, why))
		fail_msg("%s", why);
}

static uint64_t signs_with(struct end *end, const char *to, const char *when)
{
	struct rsvp_auth auth;

	assert_int_equal(peer_auth(end->peers, ip(to), wall(when), &auth), 1);
	return auth.key_id;
}

static void lifetimes(void **state)
{
	struct end e = end_new("10.0.0.1",
			       "default 1 " KEY_1 " until 2026-03-01T00:00:00Z\n"
			       "default 2 " KEY_2 " from 2026-02-01T00:00:00Z\n"
			       "default 3 " KEY_3 " from 2026-04-01T00:00:00Z until 2026-05-01T00:00:00Z\n"
			       "10.0.0.9 7 " KEY_3 "\n"
			       "10.0.0.9 8 " KEY_1 "\n"
			       "10.0.0.8 5 " KEY_1 " from 2026-06-01T00:00:00Z\n");

	assert_int_equal(signs_with(&e, "10.0.0.2", "2026-01-31T23:59:59Z"), 1);
	assert_int_equal(signs_with(&e, "10.0.0.2", "2026-02-01T00:00:00Z"), 2);
	assert_int_equal(signs_with(&e, "10.0.0.2", "2026-04-01T00:00:00Z"), 3);
	assert_int_equal(signs_with(&e, "10.0.0.2", "2026-05-01T00:00:00Z"), 2);
	assert_int_equal(signs_with(&e, "10.0.0.9", "2026-05-01T00:00:00Z"), 7); /* its own, the first in the file */
	assert_int_equal(signs_with(&e, "10.0.0.8", "2026-05-01T00:00:00Z"), 5); /* its only one, though it is early */
	end_free(&e);
}

/* What has ended is not accepted; what has not begun to sign is. */
static void ended(void **state)
{
	struct end a = end_new("10.0.0.1", OLD), b = end_new("10.0.0.2", OLD);
	struct datagram early;
	struct peer_verdict v;

	say(&a, &b, 1);
	reload(&b, "default 1 " KEY_1 " until 2026-11-21T00:00:01Z\ndefault 2 " KEY_2 " from 2026-11-22T00:00:00Z\n");
	assert_int_equal(say(&a, &b, 2), PEER_RECEIVED);
	reload(&a, NEW);
	early = datagram(&a, b.addr, RSVP_HELLO, NULL);
	assert_int_equal(take(&b, &early, 3, &v), PEER_RECEIVED);
	reload(&a, OLD);
	b.wall_us += 1000000;
	assert_int_equal(say(&a, &b, 4), PEER_NO_KEY);
	end_free(&a);
	end_free(&b);
}

/* Every message, both ways, at every step. */
static void talk(struct end *a, struct end *b)
{
	for (int i = 0; i < 5; i++) {
		assert_int_equal(say(a, b, 10), PEER_RECEIVED);
		assert_int_equal(say(b, a, 10), PEER_RECEIVED);
	}
}

static void met(struct end *a, struct end *b)
{
	say(a, b, 1);
	say(b, a, 1);
}

/* By hand: added below everywhere, put first everywhere, removed everywhere; one end after the other. */
static void rollover_by_hand(void **state)
{
	static const char *const step[] = { OLD, OLD NEW, NEW OLD, NEW };
	struct end a = end_new("10.0.0.1", OLD), b = end_new("10.0.0.2", OLD);

	met(&a, &b);
	for (int i = 1; i < 4; i++) {
		reload(&b, step[i]);
		talk(&a, &b);
		reload(&a, step[i]);
		talk(&a, &b);
	}
	end_free(&a);
	end_free(&b);
}

/* By time: one edit at each end, and clocks that differ by a minute. */
static void rollover_by_time(void **state)
{
	static const char plan[] = "default 1 " KEY_1 " until 2026-11-21T03:00:00Z\n"
				   "default 2 " KEY_2 " from 2026-11-21T02:00:00Z\n";
	struct end a = end_new("10.0.0.1", OLD), b = end_new("10.0.0.2", OLD);
	uint64_t begin = b.wall_us;

	met(&a, &b);
	reload(&b, plan);
	talk(&a, &b);
	reload(&a, plan);
	for (uint64_t minute = 0; minute < 300; minute++) {
		b.wall_us = begin + minute * 60000000;
		a.wall_us = b.wall_us + 60000000;
		talk(&a, &b);
	}
	end_free(&a);
	end_free(&b);
}

static void bad_keyrings(void **state)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "", "no key" },
		{ "default 1 hmac-sha256\n", ":1: must be" },
		{ "# fine\nnobody 1 " KEY_1 "\n", ":2: the first word" },
		{ "default x " KEY_1 "\n", "key id" },
		{ "default 281474976710656 " KEY_1 "\n", "key id" },
		{ "default 1 md4 000102030405060708090a0b0c0d0e0f\n", "algorithm" },
		{ "default 1 hmac-md5 0001\n", "16 to 64 bytes" },
		{ "default 1 hmac-md5 0001020304050607z8090a0b0c0d0e0f\n", "16 to 64 bytes" },
		{ "default 1 hmac-md5 000102030405060708090a0b0c0d0e0f0\n", "16 to 64 bytes" },
		{ OLD "default 1 " KEY_2 "\n", ":2: the address has a key with that id" },
		{ "default 1 " KEY_1 " since 2026-01-01T00:00:00Z\n", "only \"from TIME\"" },
		{ "default 1 " KEY_1 " from\n", "a time must be" },
		{ "default 1 " KEY_1 " from 2026-01-01\n", "a time must be" },
		{ "default 1 " KEY_1 " from 2026-01-01T00:00:00Zulu\n", "a time must be" },
		{ "default 1 " KEY_1 " from 2026-02-01T00:00:00Z until 2026-01-01T00:00:00Z\n", "must end after" },
		{ OLD "10.0.0.1 2 " KEY_1 " until 2026-01-01T00:00:00Z\n", "10.0.0.1: all keys end" },
		{ "default 1 " KEY_1 "\ndefault 2 " KEY_1 "\ndefault 3 " KEY_1 "\ndefault 4 " KEY_1 "\ndefault 5 " KEY_1
		  "\ndefault 6 " KEY_1 "\ndefault 7 " KEY_1 "\ndefault 8 " KEY_1 "\ndefault 9 " KEY_1 "\n", ":9: the address has 8" },
	};
	struct end e = end_new("10.0.0.1", OLD);
	char why[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(keys_load(e.peers, bad[i].text, why), -EINVAL);
		if (!strstr(why, bad[i].says))
			fail_msg("\"%s\" does not say \"%s\"", why, bad[i].says);
	}
	assert_int_equal(signs_with(&e, "10.0.0.2", "2026-01-01T00:00:00Z"), 1); /* the old keys stand */
	end_free(&e);
}

static void bad_files(void **state)
{
	char file[] = "/tmp/icorp-keyring-XXXXXX", why[256];
	struct end e = end_new("10.0.0.1", OLD);
	int fd = mkstemp(file);

	assert_int_equal(write(fd, NEW, strlen(NEW)), (ssize_t)strlen(NEW));
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(peers_read_keys(e.peers, fd, file, why, sizeof(why)), -EACCES);
	unlink(file);
	assert_int_equal(peers_read_keys(e.peers, -ENOENT, file, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "No such file"));
	assert_int_equal(signs_with(&e, "10.0.0.2", "2026-01-01T00:00:00Z"), 1);
	end_free(&e);
}

static void isc_keys(void **state)
{
	struct end p = end_new("10.0.0.1", OLD), again = end_new("10.0.0.1", OLD);
	const struct in_addr isc = ip("10.64.0.2"), leader = ip("10.0.0.3");
	uint8_t one[32], two[32];
	uint32_t id;

	assert_int_equal(peers_add_isc(p.peers, isc, 7, leader, p.wall_us, &id, one), 0);
	assert_int_equal(peers_add_isc(again.peers, isc, 7, leader, p.wall_us, &id, two), 0);
	assert_int_equal(id, 1);
	assert_memory_equal(one, two, 32); /* the same after a restart */
	assert_int_equal(peers_add_isc(p.peers, isc, 8, leader, p.wall_us, &id, two), 0);
	assert_memory_not_equal(one, two, 32);
	end_free(&p);
	end_free(&again);
}

static void hex_of(const uint8_t key[32], uint32_t id, char line[160])
{
	char hex[65];

	hex_encode(key, 32, hex);
	snprintf(line, 160, "default %u hmac-sha256 %s\n", id, hex);
}

/* An ISC that was started with the old default key's is heard, and answered with it, after the default key changed. */
static void isc_outlives_rollover(void **state)
{
	struct end host = end_new("10.0.0.1", OLD), isc;
	const struct in_addr addr = ip("10.64.0.2"), leader = ip("10.0.0.3");
	uint8_t old[32], fresh[32];
	uint32_t id;
	char line[160];

	assert_int_equal(peers_add_isc(host.peers, addr, 7, leader, host.wall_us, &id, old), 0);
	hex_of(old, id, line);
	isc = end_new("10.64.0.2", line);
	met(&isc, &host);
	talk(&isc, &host);
	assert_int_equal(peers_first(host.peers)->isc, 1);
	reload(&host, NEW OLD);
	talk(&isc, &host);
	assert_int_equal(peers_add_isc(host.peers, addr, 7, leader, host.wall_us, &id, fresh), 0);
	assert_int_equal(id, 2); /* what an ISC started now would get */
	assert_memory_not_equal(old, fresh, 32);
	talk(&isc, &host);
	host.wall_us += 1000;
	end_restart(&host, NEW OLD);
	assert_int_equal(peers_add_isc(host.peers, addr, 7, leader, host.wall_us, &id, fresh), 0);
	assert_int_equal(say(&isc, &host, 1000000), PEER_UNCONFIRMED);
	talk(&isc, &host);
	peers_forget(host.peers, addr);
	assert_int_equal(say(&isc, &host, 1), PEER_FORGED);
	end_free(&host);
	end_free(&isc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lifetimes), cmocka_unit_test(ended), cmocka_unit_test(rollover_by_hand),
		cmocka_unit_test(rollover_by_time), cmocka_unit_test(bad_keyrings), cmocka_unit_test(bad_files),
		cmocka_unit_test(isc_keys), cmocka_unit_test(isc_outlives_rollover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
