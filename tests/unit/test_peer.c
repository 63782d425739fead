/* Who is believed: forgery, replay, the handshake after a restart, who is allowed, and how much. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/rsvp_wire.h"
#include "tests/unit/peer_world.h"

#define A "10.0.0.1"
#define B "10.0.0.2"

static const struct peer *peer_of(const struct end *end, struct in_addr addr)
{
	for (const struct peer *p = peers_first(end->peers); p; p = peers_next(end->peers, p))
		if (p->addr.s_addr == addr.s_addr)
			return p;
	return NULL;
}

static uint64_t strangers(const struct end *end, enum peer_counter counter)
{
	return peers_strangers(end->peers)->counter[counter];
}

/* Each datagram once, whatever their order, as far as the window goes. */
static void believes_once(void **state)
{
	struct end a = end_new(A, OLD), b = end_new(B, OLD);
	struct datagram d[REPLAY_WINDOW + 2];
	struct peer_verdict v;
	const int n = REPLAY_WINDOW + 2;

	say(&a, &b, 1);
	for (int i = 0; i < n; i++)
		d[i] = datagram(&a, b.addr, RSVP_HELLO, NULL);
	assert_int_equal(take(&b, &d[1], 2, &v), PEER_RECEIVED);
	assert_int_equal(take(&b, &d[0], 2, &v), PEER_RECEIVED);
	assert_int_equal(take(&b, &d[1], 2, &v), PEER_REPLAYED);
	assert_null(v.peer);
	for (int i = n - 1; i > 2; i--)
		assert_int_equal(take(&b, &d[i], 3, &v), PEER_RECEIVED);
	assert_int_equal(take(&b, &d[1], 3, &v), PEER_REPLAYED); /* too old */
	for (int i = 0; i < n; i++)
		if (i != 2)
			assert_int_equal(take(&b, &d[i], 4, &v), PEER_REPLAYED);
	assert_int_equal(take(&b, &d[2], 5, &v), PEER_RECEIVED);
	assert_int_equal(peer_of(&b, a.addr)->counter[PEER_REPLAYED], n + 1);
	assert_int_equal(peer_of(&b, a.addr)->heard_us, 5);
	assert_int_equal(peer_of(&b, a.addr)->isc, 0);
	end_free(&a);
	end_free(&b);
}

/* Another last byte, and the checksum right again: only the digest tells. */
static void forge(struct datagram *d)
{
	uint16_t sum;

	d->bytes[d->len - 1] ^= 1;
	d->bytes[2] = d->bytes[3] = 0;
	sum = htons(rsvp_checksum(d->bytes, d->len));
	memcpy(d->bytes + 2, &sum, sizeof(sum));
}

/* What is no RSVP datagram, or not a whole one, is told from one that is not signed. */
static void malformed(void **state)
{
	struct end a = end_new(A, OLD), b = end_new(B, OLD), open_ = end_new(B, NULL);
	struct datagram good = datagram(&a, b.addr, RSVP_HELLO, NULL), bad = good;
	struct peer_verdict v;

	for (bad.len = 0; bad.len < good.len; bad.len++)
		assert_int_equal(take(&b, &bad, 1, &v), PEER_MALFORMED);
	for (size_t at = 0; at < good.len; at++) {
		bad = good;
		bad.bytes[at] ^= 0x20;
		assert_int_equal(take(&b, &bad, 1, &v), PEER_MALFORMED); /* its checksum says so */
		assert_null(v.peer);
	}
	assert_int_equal(strangers(&b, PEER_MALFORMED), 2 * good.len);
	assert_null(peers_first(b.peers));
	bad = good;
	bad.len -= 4;
	assert_int_equal(take(&open_, &bad, 1, &v), PEER_MALFORMED);
	assert_int_equal(take(&open_, &good, 1, &v), PEER_RECEIVED);
	end_free(&a);
	end_free(&b);
	end_free(&open_);
}

static void refuses(void **state)
{
	struct end a = end_new(A, OLD), b = end_new(B, OLD), stranger = end_new(A, NEW), open_ = end_new(A, NULL);
	struct datagram d = datagram(&open_, b.addr, RSVP_HELLO, NULL);
	struct peer_verdict v;

	assert_int_equal(take(&b, &d, 1, &v), PEER_UNSIGNED);
	assert_int_equal(strangers(&b, PEER_UNSIGNED), 1);
	d = datagram(&stranger, b.addr, RSVP_HELLO, NULL);
	assert_int_equal(take(&b, &d, 1, &v), PEER_NO_KEY);
	d = datagram(&a, b.addr, RSVP_HELLO, NULL);
	forge(&d);
	assert_int_equal(take(&b, &d, 1, &v), PEER_FORGED);
	assert_int_equal(v.answer, 0);
	assert_null(peers_first(b.peers)); /* nobody who was not authentic is remembered */
	end_free(&a);
	end_free(&b);
	end_free(&stranger);
	end_free(&open_);
}

/* What was recorded before our restart is worth nothing after it; the neighbour itself is heard at once. */
static void replays_end_with_a_restart(void **state)
{
	struct end a = end_new(A, OLD), b = end_new(B, OLD);
	struct datagram recorded[3], challenge, response;
	struct peer_verdict v;

	assert_int_equal(say(&a, &b, 1), PEER_UNCONFIRMED);
	assert_int_equal(say(&a, &b, 2), PEER_RECEIVED);
	for (int i = 0; i < 3; i++)
		recorded[i] = datagram(&a, b.addr, RSVP_HELLO, NULL);
	end_restart(&b, OLD);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(take(&b, &recorded[i], 100 + (uint64_t)i, &v), PEER_UNCONFIRMED);
		assert_int_equal(v.answer, i ? 0 : RSVP_CHALLENGE); /* one challenge for a burst */
		if (!i)
			challenge = datagram(&b, a.addr, RSVP_CHALLENGE, &v.challenge);
	}
	assert_null(peers_first(b.peers)); /* whoever replays fills no memory */
	assert_int_equal(take(&a, &challenge, 5, &v), PEER_CHALLENGES_ANSWERED);
	assert_int_equal(v.answer, RSVP_CHALLENGE_RESPONSE);
	response = datagram(&a, b.addr, RSVP_CHALLENGE_RESPONSE, &v.challenge);
	assert_int_equal(take(&b, &response, 101, &v), PEER_CONFIRMED);
	assert_int_equal(v.confirmed, 1);
	assert_int_equal(take(&b, &response, 102, &v), PEER_REPLAYED);
	for (int i = 0; i < 3; i++)
		assert_int_equal(take(&b, &recorded[i], 102, &v), PEER_REPLAYED);
	assert_int_equal(say(&a, &b, 103), PEER_RECEIVED);
	/* a response of one life does not help in the next */
	end_restart(&b, OLD);
	assert_int_equal(take(&b, &response, 200000, &v), PEER_REPLAYED);
	assert_int_equal(take(&b, &recorded[2], 200001, &v), PEER_UNCONFIRMED);
	end_free(&a);
	end_free(&b);
}

/* Both are new, both speak first: each asks the other, and each is answered. */
static void both_start(void **state)
{
	struct end a = end_new(A, OLD), b = end_new(B, OLD);
	struct datagram to_b = datagram(&a, b.addr, RSVP_HELLO, NULL), to_a = datagram(&b, a.addr, RSVP_HELLO, NULL);
	struct peer_verdict at_a, at_b;

	assert_int_equal(take(&b, &to_b, 1, &at_b), PEER_UNCONFIRMED);
	assert_int_equal(take(&a, &to_a, 1, &at_a), PEER_UNCONFIRMED);
	to_a = datagram(&b, a.addr, at_b.answer, &at_b.challenge);
	to_b = datagram(&a, b.addr, at_a.answer, &at_a.challenge);
	assert_int_equal(take(&a, &to_a, 2, &at_a), PEER_CHALLENGES_ANSWERED);
	assert_int_equal(take(&b, &to_b, 2, &at_b), PEER_CHALLENGES_ANSWERED);
	to_b = datagram(&a, b.addr, at_a.answer, &at_a.challenge);
	to_a = datagram(&b, a.addr, at_b.answer, &at_b.challenge);
	assert_int_equal(take(&b, &to_b, 3, &at_b), PEER_CONFIRMED);
	assert_int_equal(take(&a, &to_a, 3, &at_a), PEER_CONFIRMED);
	assert_int_equal(say(&a, &b, 4), PEER_RECEIVED);
	assert_int_equal(say(&b, &a, 4), PEER_RECEIVED);
	end_free(&a);
	end_free(&b);
}

/* Responses must be earned: the right cookie, a signature, and a neighbour that spoke. Challenges cost little. */
static void forged_handshakes(void **state)
{
	struct end a = end_new(A, OLD), b = end_new(B, OLD), evil = end_new(A, NEW);
	struct rsvp_challenge guess = { 1, 0 };
	struct datagram d = datagram(&evil, b.addr, RSVP_CHALLENGE, &guess);
	struct peer_verdict v;
	unsigned answered = 0;

	assert_int_equal(take(&b, &d, 1, &v), PEER_UNSIGNED); /* we never spoke to it */
	say(&b, &a, 1);
	for (uint64_t now = 1; now < 1000000; now += 1000)
		answered += take(&b, &d, now, &v) == PEER_CHALLENGES_ANSWERED;
	assert_in_range(answered, 4, 6);
	guess.key_id = 2;
	d = datagram(&evil, b.addr, RSVP_CHALLENGE, &guess);
	assert_int_equal(take(&b, &d, 9000000, &v), PEER_NO_KEY);
	for (guess.key_id = 1; guess.cookie < 100; guess.cookie++) {
		d = datagram(&a, b.addr, RSVP_CHALLENGE_RESPONSE, &guess);
		assert_int_equal(take(&b, &d, 2, &v), PEER_REPLAYED);
		assert_int_equal(v.confirmed, 0);
	}
	d = datagram(&evil, b.addr, RSVP_CHALLENGE_RESPONSE, &guess);
	assert_int_equal(take(&b, &d, 3, &v), PEER_NO_KEY);
	end_free(&a);
	end_free(&b);
	end_free(&evil);
}

/* Numbers grow across restarts by the wall clock. Where that went back, the neighbour is asked, and it is said. */
static void clock_set_back(void **state)
{
	struct end a = end_new(A, OLD), b = end_new(B, OLD);
	struct datagram d;
	struct peer_verdict v;

	say(&a, &b, 1);
	a.wall_us += 1000;
	end_restart(&a, OLD);
	assert_int_equal(say(&a, &b, 2), PEER_RECEIVED); /* nothing to ask: it goes on above */
	a.wall_us -= DAY_US;
	assert_int_equal(say(&a, &b, 3), PEER_RECEIVED); /* a running one does not look at its clock again */
	end_restart(&a, OLD);
	d = datagram(&a, b.addr, RSVP_HELLO, NULL);
	assert_int_equal(take(&b, &d, 100000, &v), PEER_REPLAYED);
	assert_int_equal(v.answer, RSVP_CHALLENGE);
	d = datagram(&a, b.addr, RSVP_CHALLENGE_RESPONSE, &v.challenge);
	assert_int_equal(take(&b, &d, 100001, &v), PEER_CONFIRMED);
	assert_int_equal(v.went_back, 1);
	assert_int_equal(say(&a, &b, 100002), PEER_RECEIVED);
	/* somebody else's replay of an old number moves nothing */
	for (int i = 0; i < REPLAY_WINDOW; i++)
		assert_int_equal(say(&a, &b, 100003), PEER_RECEIVED);
	assert_int_equal(take(&b, &d, 200000, &v), PEER_REPLAYED);
	end_free(&a);
	end_free(&b);
}

static void allow(void **state)
{
	struct end a = end_new(A, OLD), b = end_new(B, OLD), c = end_new("10.1.0.1", OLD);
	struct prefix *prefix = calloc(2, sizeof(*prefix));
	struct peer_limits limits = { 1000, 100000, 1000 };
	uint8_t key[32];
	uint32_t id;

	assert_non_null(prefix);
	assert_int_equal(prefix_parse("10.9.0.0/16", &prefix[0], 0), 0);
	assert_int_equal(prefix_parse("10.0.0.0/16", &prefix[1], 0), 0);
	peers_restrict(b.peers, prefix, 2, &limits);
	assert_int_equal(say(&a, &b, 1), PEER_UNCONFIRMED);
	assert_int_equal(say(&a, &b, 1), PEER_RECEIVED);
	assert_int_equal(say(&c, &b, 1), PEER_NOT_ALLOWED);
	assert_int_equal(strangers(&b, PEER_NOT_ALLOWED), 1);
	assert_int_equal(peers_add_isc(b.peers, c.addr, 7, ip(A), b.wall_us, &id, key), 0);
	assert_int_equal(say(&c, &b, 1), PEER_FORGED); /* an ISC is looked at, and must have its own key */
	end_free(&a);
	end_free(&b);
	end_free(&c);
}

/* A neighbour that sends too much loses what is too much; strangers do not take anything from it. */
static void limits(void **state)
{
	struct end a = end_new(A, OLD), b = end_new(B, OLD), c = end_new("10.1.0.1", NEW);
	struct peer_limits limits = { 100, 1000000, 10 };
	unsigned taken = 0, looked_at = 0;

	say(&a, &b, 1);
	peers_restrict(b.peers, NULL, 0, &limits);
	for (int i = 0; i < 500; i++) {
		looked_at += say(&c, &b, 9000000) == PEER_NO_KEY;
		taken += say(&a, &b, 9000000) == PEER_RECEIVED;
	}
	assert_int_equal(looked_at, 10);
	assert_in_range(taken, 98, 100);
	assert_int_equal(peer_of(&b, a.addr)->counter[PEER_LIMITED], 500 - taken);
	assert_int_equal(strangers(&b, PEER_LIMITED), 490);
	assert_int_equal(say(&a, &b, 9010000), PEER_RECEIVED); /* a hundredth of a second: one more */
	assert_int_equal(say(&a, &b, 9010000), PEER_LIMITED);
	limits.bytes_per_s = 100;
	peers_restrict(b.peers, NULL, 0, &limits);
	assert_int_equal(say(&a, &b, 99000000), PEER_RECEIVED);
	assert_int_equal(say(&a, &b, 99000000), PEER_LIMITED);
	end_free(&a);
	end_free(&b);
	end_free(&c);
}

/* Many neighbours come and go; each is found, and the numbers of one that comes back still grow. */
static void many(void **state)
{
	struct end b = end_new(B, OLD);
	struct rsvp_auth before, after;
	unsigned n = 0;

	for (uint32_t i = 1; i <= 1000; i++)
		assert_non_null(peer_get(b.peers, (struct in_addr){ htonl(i) }, b.wall_us));
	assert_int_equal(peer_auth(b.peers, (struct in_addr){ htonl(2) }, b.wall_us, &before), 1);
	for (uint32_t i = 2; i <= 1000; i += 2)
		peers_forget(b.peers, (struct in_addr){ htonl(i) });
	for (const struct peer *p = peers_first(b.peers); p; p = peers_next(b.peers, p), n++)
		assert_int_equal(ntohl(p->addr.s_addr) % 2, 1);
	assert_int_equal(n, 500);
	for (uint32_t i = 1; i <= 1000; i += 2)
		assert_int_equal(peer_get(b.peers, (struct in_addr){ htonl(i) }, 0)->addr.s_addr, htonl(i));
	assert_int_equal(peer_auth(b.peers, (struct in_addr){ htonl(2) }, b.wall_us, &after), 1);
	assert_true(after.sequence > before.sequence);
	end_free(&b);
}

/* A sends to X what B, on the way there, takes: B does not know A's numbers, and A does not know B. */
static void taken_on_the_way(void **state)
{
	struct end a = end_new(A, OLD), b = end_new(B, OLD), c = end_new("10.1.0.1", OLD);
	struct in_addr x = ip("10.2.0.1");
	struct datagram to_x = datagram(&a, x, RSVP_PATH, NULL), challenge, response;
	struct peer_verdict v;

	assert_int_equal(take(&b, &to_x, 1, &v), PEER_UNCONFIRMED);
	challenge = datagram(&b, a.addr, RSVP_CHALLENGE, &v.challenge);
	assert_int_equal(take(&a, &challenge, 2, &v), PEER_UNSIGNED); /* A has nothing under way that others may take */
	peers_passing(a.peers, x, 3, a.wall_us);
	assert_int_equal(take(&a, &challenge, 4, &v), PEER_CHALLENGES_ANSWERED);
	response = datagram(&a, b.addr, RSVP_CHALLENGE_RESPONSE, &v.challenge);
	assert_int_equal(take(&b, &response, 5, &v), PEER_CONFIRMED);
	for (int i = 0; i < 3 * REPLAY_WINDOW; i++) { /* what goes to X, and what goes to B: all of it is new to B */
		to_x = datagram(&a, i % 3 ? x : b.addr, RSVP_PATH, NULL);
		assert_int_equal(take(&b, &to_x, 6, &v), PEER_RECEIVED);
		assert_int_equal(take(&b, &to_x, 6, &v), PEER_REPLAYED);
	}
	challenge.from = c.addr;
	for (int i = 0; i < 9; i++) /* a few such questions are answered, and only for some seconds */
		take(&a, &challenge, 7, &v);
	assert_int_equal(take(&a, &challenge, 7, &v), PEER_LIMITED);
	challenge.from = ip("10.1.0.2");
	assert_int_equal(take(&a, &challenge, 9000000, &v), PEER_UNSIGNED);
	end_free(&a);
	end_free(&b);
	end_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(believes_once), cmocka_unit_test(malformed), cmocka_unit_test(refuses),
		cmocka_unit_test(replays_end_with_a_restart), cmocka_unit_test(both_start),
		cmocka_unit_test(forged_handshakes), cmocka_unit_test(clock_set_back), cmocka_unit_test(allow),
		cmocka_unit_test(limits), cmocka_unit_test(many), cmocka_unit_test(taken_on_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
