/*
 * The integrity handshake (RFC 2747 section 4.3, message types of RFC 3097). After a restart nobody knows which sequence
 * numbers a neighbour has used: all it sent before is authentic, and could be sent again by anyone who recorded it. So its
 * first message is dropped and answered by an Integrity Challenge with a cookie; only its Integrity Response, signed, with
 * the cookie and a number of its own, says from where on its numbers are new. What was dropped comes again (RFC 2961).
 *
 *     we (just started)                neighbour
 *        <------------- Path, Hello, … 5017      dropped
 *        Challenge, cookie c --------->
 *        <--------------- Response, c, 5018      5018 and all before it count as seen
 *        Hello ----------------------->          it learns of the restart, and sends again
 *
 * The same is asked of a neighbour whose numbers lie before the window: its clock may have been set back, then it was
 * restarted. A Challenge is not signed (nothing of it could be checked before the handshake) and the smallest message there
 * is, less than half of what provokes it; a forged one costs a Response, of which there are few. Two that start at once ask
 * each other: neither needs the other's numbers to answer.
 *
 * The cookie is a keyed digest of whom it is for and of how many handshakes with it came to an end, so each is good once,
 * and nothing is kept for somebody who may not be there.
 */
#include <string.h>

#include "signald/peer_internal.h"

#define CHALLENGE_EVERY_US 50000ull
#define ANSWERS_PER_S 2
#define ANSWERS_MOST 4
#define PASSING_US 5000000ull

int handshake_renew(struct handshake *h)
{
	uint8_t secret[32];
	struct mac_key *fresh;

	if (random_bytes(secret, sizeof(secret)) || random_bytes(&h->seed, sizeof(h->seed)))
		return -1;
	fresh = mac_key_new(MAC_HMAC_SHA256, secret, sizeof(secret));
	if (!fresh)
		return -1;
	mac_key_free(h->secret);
	h->secret = fresh;
	return 0;
}

static int cookie_of(const struct peers *peers, const struct peer *known, struct in_addr from, uint64_t key_id,
		     uint32_t *cookie)
{
	struct { uint64_t key_id; uint32_t addr, handshakes; } whom = { key_id, from.s_addr, known ? known->handshakes : 0 };
	struct mac_segment part = { &whom, sizeof(whom) };
	uint8_t digest[MAC_MAX_SIZE];
	int r = mac_sign(peers->handshake.secret, &part, 1, digest);

	memcpy(cookie, digest, sizeof(*cookie));
	return r;
}

void handshake_challenge(struct peers *peers, const struct peer *known, const struct peer_message *m, uint64_t key_id,
			 struct peer_verdict *verdict)
{
	struct handshake *h = &peers->handshake;
	uint64_t *next = &h->next_us[((m->from.s_addr ^ h->seed) * 2654435761u) >> 16 & (CHALLENGE_SLOTS - 1)];

	if (m->now_us < *next || cookie_of(peers, known, m->from, key_id, &verdict->challenge.cookie))
		return;
	*next = m->now_us + CHALLENGE_EVERY_US;
	verdict->challenge.key_id = key_id;
	verdict->answer = RSVP_CHALLENGE;
}

void peers_passing(struct peers *peers, struct in_addr addr, uint64_t now_us, uint64_t wall_us)
{
	struct peer *to = peer_get(peers, addr, wall_us);

	peers->passing_until_us = now_us + PASSING_US;
	if (to)
		to->passing = 1;
}

/* The message's CHALLENGE. Such a message has no objects of ours, so any enterprise number will do. */
static int challenge_read(const struct peer_message *m, struct rsvp_challenge *challenge)
{
	struct rsvp_msg msg = { 0 };
	int r = rsvp_decode(m->data, m->len, 0, &msg, NULL);

	*challenge = msg.challenge;
	rsvp_msg_free(&msg);
	return r;
}

enum peer_counter handshake_answer(struct peers *peers, struct peer *known, const struct peer_message *m,
				   struct peer_verdict *verdict)
{
	int passing;

	if (challenge_read(m, &verdict->challenge))
		return PEER_MALFORMED;
	passing = m->now_us < peers->passing_until_us;
	if (!known && !passing)
		return PEER_UNSIGNED; /* we have sent it nothing it could ask about */
	if (!keyring_find(&peers->keyring, m->from, verdict->challenge.key_id, m->wall_us, &verdict->isc))
		return PEER_NO_KEY;
	if (!bucket_take(&(known ? known : &peers->strangers)->answers, 1, ANSWERS_PER_S, ANSWERS_MOST, m->now_us))
		return PEER_LIMITED;
	if (passing)
		known = peer_get(peers, m->from, m->wall_us);
	if (!known)
		return PEER_NO_ROOM;
	known->passing |= passing;
	verdict->answer = RSVP_CHALLENGE_RESPONSE;
	return PEER_CHALLENGES_ANSWERED;
}

enum peer_counter handshake_complete(struct peers *peers, struct peer *known, const struct peer_message *m,
				     uint64_t sequence, struct peer_verdict *verdict)
{
	struct rsvp_challenge got;
	uint32_t cookie;

	if (challenge_read(m, &got))
		return PEER_MALFORMED;
	if (cookie_of(peers, known, m->from, got.key_id, &cookie) || got.cookie != cookie)
		return PEER_REPLAYED;
	known = known ? known : peer_get(peers, m->from, m->wall_us);
	if (!known)
		return PEER_NO_ROOM;
	verdict->went_back = known->confirmed && sequence < known->replay.newest &&
			     known->replay.newest - sequence >= REPLAY_WINDOW;
	verdict->confirmed = !known->confirmed || verdict->went_back;
	if (verdict->confirmed)
		replay_open(&known->replay, sequence);
	else
		replay_take(&known->replay, sequence);
	known->confirmed = 1;
	known->handshakes++;
	return PEER_CONFIRMED;
}
