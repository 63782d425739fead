/* The codec: every message there and back, authentication, and refusal of everything else. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/rsvp_wire.h"
#include "tests/unit/rsvp_samples.h"

#define E RSVP_ENTERPRISE

static void same_lists(const struct rsvp_msg *a, const struct rsvp_msg *b)
{
	assert_int_equal(a->s2l.n, b->s2l.n);
	if (a->s2l.n)
		assert_memory_equal(a->s2l.v, b->s2l.v, a->s2l.n * sizeof(*a->s2l.v));
	assert_int_equal(a->ids.n, b->ids.n);
	if (a->ids.n)
		assert_memory_equal(a->ids.v, b->ids.v, a->ids.n * sizeof(*a->ids.v));
	assert_int_equal(a->acks.n, b->acks.n);
	for (unsigned i = 0; i < a->acks.n; i++) {
		assert_int_equal(a->acks.v[i].nack, b->acks.v[i].nack);
		assert_int_equal(a->acks.v[i].id.id, b->acks.v[i].id.id);
		assert_int_equal(a->acks.v[i].id.epoch, b->acks.v[i].id.epoch);
	}
	assert_int_equal(a->rro.n, b->rro.n);
	assert_int_equal(a->demands.n, b->demands.n);
	for (unsigned i = 0; i < a->demands.n; i++) {
		assert_int_equal(a->demands.v[i].direction, b->demands.v[i].direction);
		assert_int_equal(a->demands.v[i].sequence, b->demands.v[i].sequence);
		assert_int_equal(a->demands.v[i].want, b->demands.v[i].want);
	}
	assert_int_equal(a->loads.n, b->loads.n);
	for (unsigned i = 0; i < a->loads.n; i++) {
		assert_int_equal(a->loads.v[i].cpu_permille, b->loads.v[i].cpu_permille);
		assert_int_equal(a->loads.v[i].connections, b->loads.v[i].connections);
		assert_int_equal(a->loads.v[i].weight, b->loads.v[i].weight);
	}
	assert_int_equal(a->grants.n, b->grants.n);
	for (unsigned i = 0; i < a->grants.n; i++) {
		assert_string_equal(a->grants.v[i].element, b->grants.v[i].element);
		assert_string_equal(a->grants.v[i].reason, b->grants.v[i].reason);
		assert_int_equal(a->grants.v[i].level, b->grants.v[i].level);
		assert_int_equal(a->grants.v[i].outcome, b->grants.v[i].outcome);
	}
}

static void same(const struct rsvp_msg *a, const struct rsvp_msg *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->id.id, b->id.id);
	assert_int_equal(a->id.epoch, b->id.epoch);
	assert_int_equal(a->id.flags, b->id.flags);
	assert_int_equal(a->hello.source, b->hello.source);
	assert_int_equal(a->hello.ack, b->hello.ack);
	assert_int_equal(a->challenge.key_id, b->challenge.key_id);
	assert_int_equal(a->challenge.cookie, b->challenge.cookie);
	assert_int_equal(a->list_epoch, b->list_epoch);
	assert_int_equal(a->has, b->has);
	assert_int_equal(a->session.icorp, b->session.icorp);
	assert_int_equal(a->session.leader.s_addr, b->session.leader.s_addr);
	assert_int_equal(a->hop.lih, b->hop.lih);
	assert_int_equal(a->refresh_ms, b->refresh_ms);
	assert_int_equal(a->flow.rate_bps, b->flow.rate_bps);
	assert_int_equal(a->flow.peak_bps, b->flow.peak_bps);
	assert_memory_equal(&a->template_, &b->template_, sizeof(a->template_));
	assert_int_equal(a->error.value, b->error.value);
	assert_int_equal(a->error.flags, b->error.flags);
	assert_string_equal(a->attribute.name, b->attribute.name);
	assert_memory_equal(&a->ref, &b->ref, sizeof(a->ref));
	assert_int_equal(a->body_len, b->body_len);
	if (a->body_len)
		assert_memory_equal(a->body, b->body, a->body_len);
	assert_int_equal(a->hopstate.vlan, b->hopstate.vlan);
	assert_int_equal(a->price.micro, b->price.micro);
	assert_string_equal(a->price.currency, b->price.currency);
	same_lists(a, b);
}

static void round_trip(void **state)
{
	struct rsvp_msg in = { 0 }, out = { 0 };
	uint8_t buffer[4096];

	for (unsigned n = 0; n < SAMPLES; n++) {
		int len;

		rsvp_sample(n, &in);
		len = rsvp_encode(&in, E, NULL, buffer, sizeof(buffer));
		assert_true(len > 0 && len % 4 == 0);
		assert_int_equal(rsvp_decode(buffer, (size_t)len, E, &out, NULL), 0);
		same(&in, &out);
	}
	rsvp_msg_free(&in);
	rsvp_msg_free(&out);
}

static void authentic(void **state)
{
	static const enum mac_algorithm algorithms[] = { MAC_HMAC_SHA256, MAC_HMAC_MD5 };
	struct rsvp_msg m = { 0 };
	uint8_t buffer[4096];

	for (unsigned n = 0; n < 2 * SAMPLES; n++) {
		struct mac_key *key = mac_key_new(algorithms[n % 2], "0123456789abcdef", 16);
		struct mac_key *other = mac_key_new(algorithms[n % 2], "0123456789abcdeg", 16);
		struct rsvp_auth auth = { key, 0x123456789abcull, 42 + n, 0 }, seen;
		int len;

		rsvp_sample(n / 2, &m);
		len = rsvp_encode(&m, E, &auth, buffer, sizeof(buffer));
		assert_true(len > 0);
		assert_int_equal(rsvp_auth_peek(buffer, (size_t)len, &seen), 1);
		assert_int_equal(seen.key_id, auth.key_id);
		assert_int_equal(seen.sequence, auth.sequence);
		assert_int_equal(rsvp_auth_verify(buffer, (size_t)len, key), 0);
		assert_int_equal(rsvp_auth_verify(buffer, (size_t)len, other), -EKEYREJECTED);
		for (int i = 0; i < len; i++) {
			if (i == 2 || i == 3)
				continue; /* the checksum is not covered */
			buffer[i] ^= 1;
			assert_true(rsvp_auth_verify(buffer, (size_t)len, key) != 0);
			buffer[i] ^= 1;
		}
		assert_int_equal(rsvp_decode(buffer, (size_t)len, E, &m, NULL), 0);
		mac_key_free(key);
		mac_key_free(other);
	}
	rsvp_msg_free(&m);
}

/* Every truncation and every flipped byte is refused or decodes to something; nothing reads outside (ASan). */
static void mangled(void **state)
{
	struct rsvp_msg in = { 0 }, out = { 0 };
	uint8_t buffer[4096];

	for (unsigned n = 0; n < SAMPLES; n++) {
		int len;

		rsvp_sample(n, &in);
		len = rsvp_encode(&in, E, NULL, buffer, sizeof(buffer));
		for (int cut = 0; cut < len; cut++) {
			uint8_t *copy = malloc((size_t)cut + 1);

			memcpy(copy, buffer, (size_t)cut);
			assert_true(rsvp_decode(copy, (size_t)cut, E, &out, NULL) < 0);
			free(copy);
		}
		for (int at = 0; at < len * 8; at++) {
			buffer[at / 8] ^= (uint8_t)(1 << at % 8);
			assert_true(rsvp_decode(buffer, (size_t)len, E, &out, NULL) < 0 || at / 8 == 5);
			buffer[2] = buffer[3] = 0; /* "no checksum": now the objects themselves must hold */
			rsvp_decode(buffer, (size_t)len, E, &out, NULL);
			rsvp_encode(&in, E, NULL, buffer, sizeof(buffer));
		}
	}
	rsvp_msg_free(&in);
	rsvp_msg_free(&out);
}

static void put_object(uint8_t *buffer, int *len, uint8_t class_, uint8_t ctype)
{
	const uint8_t object[8] = { 0, 8, class_, ctype, 1, 2, 3, 4 };

	memcpy(buffer + *len, object, 8);
	*len += 8;
	buffer[6] = (uint8_t)(*len >> 8);
	buffer[7] = (uint8_t)*len;
	buffer[2] = buffer[3] = 0;
}

static void unknown_classes(void **state)
{
	struct rsvp_msg in = { 0 }, out = { 0 };
	struct rsvp_decode_error error;
	uint8_t buffer[4096];
	int len;

	rsvp_sample(4, &in);
	len = rsvp_encode(&in, E, NULL, buffer, sizeof(buffer));
	put_object(buffer, &len, 200, 1);     /* 11bbbbbb: ignore and forward */
	put_object(buffer, &len, 150, 1);     /* 10bbbbbb: ignore */
	put_object(buffer, &len, 252, 99);    /* ours by class, another's by enterprise */
	assert_int_equal(rsvp_decode(buffer, (size_t)len, E, &out, &error), 0);
	assert_int_equal(out.unknown, 3);
	put_object(buffer, &len, 100, 7);     /* 0bbbbbbb: reject */
	assert_int_equal(rsvp_decode(buffer, (size_t)len, E, &out, &error), -EPROTO);
	assert_int_equal(error.class_, 100);
	assert_int_equal(error.ctype, 7);
	assert_int_equal(error.class_known, 0);
	assert_int_equal(out.has, in.has); /* who sent it can be told */
	buffer[len - 8 + 2] = 3;              /* HOP, of another C-Type */
	buffer[2] = buffer[3] = 0;
	assert_int_equal(rsvp_decode(buffer, (size_t)len, E, &out, &error), -EPROTO);
	assert_int_equal(error.class_, 3);
	assert_int_equal(error.class_known, 1);
	rsvp_msg_free(&in);
	rsvp_msg_free(&out);
}

/* Messages in a Bundle come out as they went in; a Bundle in a Bundle, or one cut anywhere, does not. */
static void bundles(void **state)
{
	struct mac_key *key = mac_key_new(MAC_HMAC_SHA256, "0123456789abcdef", 16);
	struct rsvp_auth auth = { key, 7, 42, 0 };
	struct rsvp_msg in = { 0 }, out = { 0 };
	static uint8_t whole[16384], one[4096];
	const uint8_t *message;
	struct rsvp_bundle b;
	size_t at = 0, len;
	unsigned n = 0;
	int total, r;

	assert_int_equal(rsvp_bundle_begin(&b, &auth, whole, sizeof(whole)), 0);
	for (unsigned i = 0; i < SAMPLES; i++) {
		rsvp_sample(i, &in);
		r = rsvp_encode(&in, E, NULL, one, sizeof(one));
		assert_int_equal(rsvp_bundle_add(&b, one, (size_t)r), 0);
	}
	assert_int_equal(b.n, SAMPLES);
	total = rsvp_bundle_end(&b, &auth);
	assert_true(total > 0);
	assert_int_equal(rsvp_auth_verify(whole, (size_t)total, key), 0);
	while ((r = rsvp_bundle_next(whole, (size_t)total, &at, &message, &len)) == 1) {
		rsvp_sample(n++, &in);
		assert_int_equal(rsvp_decode(message, len, E, &out, NULL), 0);
		same(&in, &out);
	}
	assert_int_equal(r, 0);
	assert_int_equal(n, SAMPLES);
	for (int cut = 0; cut < total; cut += 4) {
		for (at = 0, n = 0; n <= SAMPLES && rsvp_bundle_next(whole, (size_t)cut, &at, &message, &len) == 1; n++)
			assert_true(message >= whole && message + len <= whole + cut);
		assert_true(n < SAMPLES);
	}
	rsvp_bundle_begin(&b, NULL, one, sizeof(one));
	rsvp_bundle_add(&b, whole, (size_t)total > sizeof(one) - 8 ? sizeof(one) - 8 : (size_t)total);
	total = rsvp_bundle_end(&b, NULL);
	at = 0;
	assert_int_equal(rsvp_bundle_next(one, (size_t)total, &at, &message, &len), -EBADMSG);
	rsvp_bundle_begin(&b, NULL, one, 20);
	assert_int_equal(rsvp_bundle_add(&b, whole, 16), -ENOBUFS);
	rsvp_msg_free(&in);
	rsvp_msg_free(&out);
	mac_key_free(key);
}

/* A Bundle without INTEGRITY is read whatever its first message's checksum is: there, INTEGRITY has its class, 4. */
static void bundles_of_any_checksum(void **state)
{
	static uint8_t whole[4096], one[4096];
	struct rsvp_msg in = { 0 };
	const uint8_t *message;
	struct rsvp_bundle b;
	unsigned seen = 0;
	size_t at, len;
	int r;

	rsvp_sample(0, &in);
	for (unsigned i = 0; i < 4096; i++) {
		in.session.icorp = i * 251;
		r = rsvp_encode(&in, E, NULL, one, sizeof(one));
		seen += one[2] == 4;
		rsvp_bundle_begin(&b, NULL, whole, sizeof(whole));
		assert_int_equal(rsvp_bundle_add(&b, one, (size_t)r), 0);
		at = 0;
		assert_int_equal(rsvp_bundle_next(whole, (size_t)rsvp_bundle_end(&b, NULL), &at, &message, &len), 1);
		assert_int_equal(len, r);
	}
	assert_true(seen > 0);
	rsvp_msg_free(&in);
}

static void limits(void **state)
{
	struct rsvp_msg m = { 0 };
	static uint8_t buffer[RSVP_MAX_SIZE];
	int len;

	rsvp_sample(4, &m);
	for (unsigned i = m.s2l.n; i < RSVP_MAX_S2L; i++)
		rsvp_add_s2l(&m, (struct in_addr){ htonl(i) }, (struct in_addr){ 0 });
	len = rsvp_encode(&m, E, NULL, buffer, sizeof(buffer));
	assert_int_equal(rsvp_decode(buffer, (size_t)len, E, &m, NULL), 0);
	rsvp_add_s2l(&m, (struct in_addr){ 1 }, (struct in_addr){ 0 });
	len = rsvp_encode(&m, E, NULL, buffer, sizeof(buffer));
	assert_int_equal(rsvp_decode(buffer, (size_t)len, E, &m, NULL), -E2BIG);
	rsvp_sample(0, &m);
	assert_int_equal(rsvp_encode(&m, E, NULL, buffer, 100), -ENOBUFS);
	rsvp_msg_free(&m);
}

/* The Internet checksum against its definition, at any alignment and length. */
static void checksum(void **state)
{
	uint8_t data[300];

	srandom(1);
	for (int round = 0; round < 2000; round++) {
		size_t at = (size_t)random() % 8, len = (size_t)random() % (sizeof(data) - 8);
		uint32_t sum = 0;

		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = round % 7 ? (uint8_t)random() : 0xff;
		for (size_t i = 0; i < len; i++)
			sum += (uint32_t)data[at + i] << (i % 2 ? 0 : 8);
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		assert_int_equal(rsvp_checksum(data + at, len), (uint16_t)~sum);
	}
}

/* What rsvp_rate says arrives as it was sent, is not more, and less by no more than a float cannot tell. */
static void rates(void **state)
{
	static const uint64_t some[] = { 0, 1, 7, 8, 9, 15000000, 16777215, 16777216, 16777217, 17339519, 33554433, 99999999,
					 1234567890123, 0xffffffffffffu };
	struct rsvp_msg m = { 0 }, back = { 0 };
	uint8_t wire[4096];

	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		uint64_t rate = rsvp_rate(some[i]);
		int len;

		rsvp_msg_clear(&m);
		rsvp_sample(3, &m);
		m.flow.rate_bps = rate;
		len = rsvp_encode(&m, E, NULL, wire, sizeof(wire));
		assert_true(len > 0);
		assert_int_equal(rsvp_decode(wire, (size_t)len, E, &back, NULL), 0);
		assert_int_equal(back.flow.rate_bps, rate);
		assert_true(rate <= some[i] && some[i] - rate <= (some[i] >> 23) + 7);
		assert_true(rate < 8 || rate % 8 == 0);
		assert_int_equal(rsvp_rate(rate), rate);
	}
	rsvp_msg_free(&m);
	rsvp_msg_free(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(authentic), cmocka_unit_test(mangled),
		cmocka_unit_test(unknown_classes), cmocka_unit_test(checksum), cmocka_unit_test(bundles), cmocka_unit_test(bundles_of_any_checksum),
		cmocka_unit_test(limits), cmocka_unit_test(rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
