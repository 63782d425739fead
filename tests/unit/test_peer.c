/* Who is believed: keys from a keyring, rollover, forgery, replay, ISCs' derived keys. */
#include <arpa/inet.h>
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

#include "lib/rsvp_wire.h"
#include "signald/peer.h"
#include "tests/unit/rsvp_samples.h"

#define OLD "default 1 hmac-sha256 000102030405060708090a0b0c0d0e0f\n"
#define NEW "default 2 hmac-sha256 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff\n"

static char file[64];

static void keyring(const char *text, mode_t mode)
{
	int fd;

	snprintf(file, sizeof(file), "/tmp/icorp-keyring-%d", (int)getpid());
	unlink(file);
	fd = open(file, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static struct peers *with_keys(const char *text)
{
	struct peers *p = peers_new(1);
	char why[256];

	keyring(text, 0600);
	assert_non_null(p);
	assert_int_equal(peers_load_keys(p, file, why, sizeof(why)), 0);
	unlink(file);
	return p;
}

static struct in_addr ip(const char *text)
{
	struct in_addr a;

	inet_pton(AF_INET, text, &a);
	return a;
}

/* A signed datagram from one set of keys. */
static size_t datagram(struct peers *from, struct in_addr to, uint8_t *buffer, size_t room)
{
	struct rsvp_msg m = { 0 };
	struct rsvp_auth auth;
	int len, r = peer_auth(from, to, &auth);

	assert_true(r >= 0);
	rsvp_sample(0, &m);
	len = rsvp_encode(&m, RSVP_ENTERPRISE, r ? &auth : NULL, buffer, room);
	assert_true(len > 0);
	rsvp_msg_free(&m);
	return (size_t)len;
}

static void believes_once(void **state)
{
	struct peers *a = with_keys(OLD), *b = with_keys(OLD);
	struct peer *peer;
	const struct in_addr from = ip("10.0.0.1");
	uint8_t one[2048], two[2048];
	size_t n1 = datagram(a, ip("10.0.0.2"), one, sizeof(one)), n2 = datagram(a, ip("10.0.0.2"), two, sizeof(two));

	assert_int_equal(peer_check(b, from, one, n1, 1, &peer), PEER_RECEIVED);
	assert_int_equal(peer_check(b, from, one, n1, 2, &peer), PEER_REPLAYED);
	assert_int_equal(peer_check(b, from, two, n2, 3, &peer), PEER_RECEIVED);
	assert_int_equal(peer_check(b, from, one, n1, 4, &peer), PEER_REPLAYED);
	assert_null(peer);
	assert_int_equal(peer_get(b, from)->counter[PEER_REPLAYED], 2);
	assert_int_equal(peer_get(b, from)->heard_us, 3);
	assert_int_equal(peer_get(b, from)->isc, 0);
	peers_free(a);
	peers_free(b);
}

/* Another last byte, and the checksum right again: only the digest tells. */
static void forge(uint8_t *buffer, size_t n)
{
	uint16_t sum;

	buffer[n - 1] ^= 1;
	buffer[2] = buffer[3] = 0;
	sum = htons(rsvp_checksum(buffer, n));
	memcpy(buffer + 2, &sum, sizeof(sum));
}

/* What is no RSVP datagram, or not a whole one, is told from one that is not signed. */
static void malformed(void **state)
{
	struct peers *a = with_keys(OLD), *b = with_keys(OLD), *open_ = peers_new(0);
	const struct in_addr from = ip("10.0.0.1");
	uint8_t good[2048], bad[2048];
	size_t n = datagram(a, ip("10.0.0.2"), good, sizeof(good));
	struct peer *peer;

	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(peer_check(b, from, good, cut, 1, &peer), PEER_MALFORMED);
	for (size_t at = 0; at < n; at++) {
		memcpy(bad, good, n);
		bad[at] ^= 0x20;
		assert_int_equal(peer_check(b, from, bad, n, 1, &peer), PEER_MALFORMED); /* its checksum says so */
		assert_null(peer);
	}
	assert_int_equal(peer_check(open_, from, good, n - 4, 1, &peer), PEER_MALFORMED);
	assert_int_equal(peer_check(b, from, good, n, 2, &peer), PEER_RECEIVED);
	assert_int_equal(peer_check(b, from, good, n - 4, 3, &peer), PEER_MALFORMED);
	assert_int_equal(peer_get(b, from)->counter[PEER_MALFORMED], 1);
	assert_int_equal(peer_get(b, from)->counter[PEER_RECEIVED], 2);
	peers_free(a);
	peers_free(b);
	peers_free(open_);
}

static void refuses(void **state)
{
	struct peers *a = with_keys(OLD), *b = with_keys(OLD), *stranger = with_keys(NEW), *open_ = peers_new(0);
	struct peer *peer;
	const struct in_addr from = ip("10.0.0.1");
	uint8_t buffer[2048];
	size_t n = datagram(open_, ip("10.0.0.2"), buffer, sizeof(buffer));

	assert_int_equal(peer_check(b, from, buffer, n, 1, &peer), PEER_UNSIGNED);
	assert_int_equal(peers_strangers(b)->counter[PEER_UNSIGNED], 1);
	n = datagram(stranger, ip("10.0.0.2"), buffer, sizeof(buffer));
	assert_int_equal(peer_check(b, from, buffer, n, 1, &peer), PEER_NO_KEY);
	n = datagram(a, ip("10.0.0.2"), buffer, sizeof(buffer));
	forge(buffer, n);
	assert_int_equal(peer_check(b, from, buffer, n, 1, &peer), PEER_FORGED);
	assert_int_equal(peers_strangers(b)->counter[PEER_FORGED], 1);
	assert_int_equal(peer_check(b, from, buffer, 5, 1, &peer), PEER_MALFORMED);
	assert_null(peers_first(b)); /* nobody who was not authentic is remembered */
	peers_free(a);
	peers_free(b);
	peers_free(stranger);
	peers_free(open_);
}

/* The new key is added everywhere, then put first everywhere, then the old one goes: nothing is lost on the way. */
static void rolls_over(void **state)
{
	static const char *const steps[][2] = { { OLD, OLD NEW }, { OLD NEW, OLD NEW }, { NEW OLD, OLD NEW }, { NEW, NEW OLD } };
	struct peers *b = peers_new(1);
	struct peer *peer;
	const struct in_addr from = ip("10.0.0.1");
	char why[256];

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct peers *a = with_keys(steps[i][0]);
		uint8_t buffer[2048];
		size_t n;

		keyring(steps[i][1], 0600);
		assert_int_equal(peers_load_keys(b, file, why, sizeof(why)), 0);
		unlink(file);
		n = datagram(a, ip("10.0.0.2"), buffer, sizeof(buffer));
		assert_int_equal(peer_check(b, from, buffer, n, 1, &peer), PEER_RECEIVED);
		peers_free(a);
	}
	peers_free(b);
}

static void bad_keyrings(void **state)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "", "no key" },
		{ "default 1 hmac-sha256\n", ":1: must be" },
		{ "# fine\nnobody 1 hmac-sha256 000102030405060708090a0b0c0d0e0f\n", ":2: the first word" },
		{ "default x hmac-sha256 000102030405060708090a0b0c0d0e0f\n", "key id" },
		{ "default 281474976710656 hmac-sha256 000102030405060708090a0b0c0d0e0f\n", "key id" },
		{ "default 1 md4 000102030405060708090a0b0c0d0e0f\n", "algorithm" },
		{ "default 1 hmac-md5 0001\n", "16 to 64 bytes" },
		{ "default 1 hmac-md5 0001020304050607z8090a0b0c0d0e0f\n", "16 to 64 bytes" },
	};
	struct peers *p = with_keys(OLD);
	struct rsvp_auth auth;
	char why[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		keyring(bad[i].text, 0600);
		assert_int_equal(peers_load_keys(p, file, why, sizeof(why)), -EINVAL);
		if (!strstr(why, bad[i].says))
			fail_msg("\"%s\" does not say \"%s\"", why, bad[i].says);
	}
	keyring(NEW, 0644);
	assert_int_equal(peers_load_keys(p, file, why, sizeof(why)), -EACCES);
	unlink(file);
	assert_int_equal(peers_load_keys(p, file, why, sizeof(why)), -ENOENT);
	assert_int_equal(peer_auth(p, ip("10.0.0.2"), &auth), 1); /* the old keys stand */
	assert_int_equal(auth.key_id, 1);
	peers_free(p);
}

static void isc_keys(void **state)
{
	struct peers *p = with_keys(OLD), *again = with_keys(OLD);
	uint8_t one[32], two[32];
	struct rsvp_auth auth;

	assert_int_equal(peers_isc_key(p, 7, ip("10.0.0.1"), ip("10.64.0.2"), one), 0);
	assert_int_equal(peers_isc_key(again, 7, ip("10.0.0.1"), ip("10.64.0.2"), two), 0);
	assert_memory_equal(one, two, 32); /* the same after a restart */
	assert_int_equal(peers_isc_key(p, 8, ip("10.0.0.1"), ip("10.64.0.2"), two), 0);
	assert_memory_not_equal(one, two, 32);
	assert_int_equal(peers_set_key(p, ip("10.64.0.2"), 99, MAC_HMAC_SHA256, one, 32), 0);
	assert_int_equal(peer_auth(p, ip("10.64.0.2"), &auth), 1);
	assert_int_equal(auth.key_id, 99);
	peers_forget(p, ip("10.64.0.2"));
	assert_int_equal(peer_auth(p, ip("10.64.0.2"), &auth), 1);
	assert_int_equal(auth.key_id, 1);
	peers_free(p);
	peers_free(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(believes_once), cmocka_unit_test(refuses),
		cmocka_unit_test(malformed), cmocka_unit_test(rolls_over),
		cmocka_unit_test(bad_keyrings), cmocka_unit_test(isc_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
