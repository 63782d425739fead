#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/peer_world.h"

struct in_addr ip(const char *text)
{
	struct in_addr a;

	inet_pton(AF_INET, text, &a);
	return a;
}

uint64_t wall(const char *text)
{
	struct tm tm = { 0 };

	assert_non_null(strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm));
	return (uint64_t)timegm(&tm) * 1000000;
}

int keys_load(struct peers *peers, const char *text, char why[256])
{
	char file[] = "/tmp/icorp-keyring-XXXXXX";
	int fd = mkstemp(file), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	r = peers_read_keys(peers, fd, file, why, 256);
	unlink(file);
	return r;
}

struct end end_new(const char *addr, const char *keys)
{
	struct end e = { ip(addr), peers_new(keys != NULL), wall("2026-11-21T00:00:00Z") };
	char why[256];

	assert_non_null(e.peers);
	if (keys && keys_load(e.peers, keys, why))
		fail_msg("%s", why);
	return e;
}

void end_free(struct end *end)
{
	peers_free(end->peers);
}

void end_restart(struct end *end, const char *keys)
{
	char text[INET_ADDRSTRLEN];
	uint64_t wall_us = end->wall_us;

	end_free(end);
	*end = end_new(inet_ntop(AF_INET, &end->addr, text, sizeof(text)), keys);
	end->wall_us = wall_us;
}

struct datagram datagram(struct end *from, struct in_addr to, uint8_t type, const struct rsvp_challenge *challenge)
{
	struct rsvp_msg m = { .type = type, .ttl = 63, .has = challenge ? RSVP_HAS_CHALLENGE : RSVP_HAS_HELLO,
			      .hello = { 0, 1, 2 } };
	struct datagram d = { .from = from->addr };
	struct rsvp_auth auth;
	int len, r = type == RSVP_CHALLENGE ? 0 : peer_auth(from->peers, to, from->wall_us, &auth);

	assert_true(r >= 0);
	if (challenge)
		m.challenge = *challenge;
	len = rsvp_encode(&m, RSVP_ENTERPRISE, r ? &auth : NULL, d.bytes, sizeof(d.bytes));
	assert_true(len > 0);
	d.len = (size_t)len;
	return d;
}

enum peer_counter take(struct end *to, const struct datagram *d, uint64_t now_us, struct peer_verdict *verdict)
{
	struct peer_message m = { d->from, d->bytes, d->len, now_us, to->wall_us };

	return peer_check(to->peers, &m, verdict);
}

enum peer_counter say(struct end *from, struct end *to, uint64_t now_us)
{
	struct datagram d = datagram(from, to->addr, RSVP_HELLO, NULL);
	struct peer_verdict verdict;
	enum peer_counter first = take(to, &d, now_us, &verdict);
	struct end *asks = to, *asked = from;

	while (verdict.answer) {
		struct end *other = asks;
		size_t provoked = d.len;

		d = datagram(asks, asked->addr, verdict.answer, &verdict.challenge);
		assert_true(verdict.answer != RSVP_CHALLENGE || d.len < provoked); /* nothing is amplified */
		take(asked, &d, now_us, &verdict);
		asks = asked;
		asked = other;
	}
	return first;
}
