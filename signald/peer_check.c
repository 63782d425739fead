/*
 * Is this message to be believed? (RFC 2747 section 4.2.) What costs least is asked first; before the digest is
 * computed, the address must be allowed and within its rate. All who are not neighbours share one rate.
 */
#include "signald/peer_internal.h"

int peers_allowed(const struct peers *peers, struct in_addr from)
{
	for (size_t i = 0; i < peers->n_allow; i++)
		if (prefix_contains(peers->allow[i], from))
			return 1;
	return !peers->n_allow || keyring_has_isc(&peers->keyring, from);
}

static int within_rate(struct peers *peers, struct peer *known, const struct peer_message *m)
{
	const struct peer_limits *l = &peers->limits;

	if (!known)
		return bucket_take(&peers->strangers.messages, 1, l->strangers_per_s, l->strangers_per_s, m->now_us);
	return bucket_take(&known->messages, 1, l->messages_per_s, l->messages_per_s, m->now_us) &&
	       bucket_take(&known->bytes, m->len, l->bytes_per_s, l->bytes_per_s, m->now_us);
}

/* An authentic message: are its numbers known, and is its own new? */
static enum peer_counter check_sequence(struct peers *peers, struct peer *known, const struct peer_message *m,
					const struct rsvp_auth *auth, struct peer_verdict *verdict)
{
	enum replay_verdict replay;

	if (m->data[1] == RSVP_CHALLENGE_RESPONSE)
		return handshake_complete(peers, known, m, auth->sequence, verdict);
	if (!known || !known->confirmed) {
		handshake_challenge(peers, known, m, auth->key_id, verdict);
		return PEER_UNCONFIRMED;
	}
	replay = replay_take(&known->replay, auth->sequence);
	if (replay == REPLAY_OLD) /* its clock may have been set back before it was restarted */
		handshake_challenge(peers, known, m, auth->key_id, verdict);
	return replay == REPLAY_FRESH ? PEER_RECEIVED : PEER_REPLAYED;
}

static enum peer_counter check_signed(struct peers *peers, struct peer *known, const struct peer_message *m,
				      struct peer_verdict *verdict)
{
	struct rsvp_auth auth;
	const struct key *key;
	enum peer_counter counter;
	int r = rsvp_auth_peek(m->data, m->len, &auth);

	if (m->data[1] == RSVP_CHALLENGE)
		return handshake_answer(peers, known, m, verdict);
	if (r != 1)
		return r ? PEER_MALFORMED : PEER_UNSIGNED;
	key = keyring_find(&peers->keyring, m->from, auth.key_id, m->wall_us, &verdict->isc);
	if (!key)
		return PEER_NO_KEY;
	if (rsvp_auth_verify(m->data, m->len, key->mac))
		return PEER_FORGED;
	counter = check_sequence(peers, known, m, &auth, verdict);
	if (counter == PEER_RECEIVED || counter == PEER_CONFIRMED) {
		known = peer_find(peers, m->from);
		known->isc = (uint8_t)verdict->isc;
		known->key_id = key->id;
	}
	return counter;
}

static enum peer_counter check(struct peers *peers, struct peer *known, const struct peer_message *m,
			       struct peer_verdict *verdict)
{
	const char *what;

	if (!peers_allowed(peers, m->from))
		return PEER_NOT_ALLOWED;
	if (!within_rate(peers, known, m))
		return PEER_LIMITED;
	if (rsvp_check_header(m->data, m->len, &what))
		return PEER_MALFORMED;
	if (peers->integrity)
		return check_signed(peers, known, m, verdict);
	return peer_get(peers, m->from, m->wall_us) ? PEER_RECEIVED : PEER_NO_ROOM;
}

enum peer_counter peer_check(struct peers *peers, const struct peer_message *m, struct peer_verdict *verdict)
{
	struct peer *known = peer_find(peers, m->from);
	enum peer_counter counter;

	*verdict = (struct peer_verdict){ 0 };
	counter = check(peers, known, m, verdict);
	known = known ? known : peer_find(peers, m->from);
	peer_or_strangers(peers, known)->counter[PEER_RECEIVED]++;
	if (counter != PEER_RECEIVED)
		peer_or_strangers(peers, known)->counter[counter]++;
	if (verdict->answer == RSVP_CHALLENGE)
		peer_or_strangers(peers, known)->counter[PEER_CHALLENGES_SENT]++;
	if (counter == PEER_RECEIVED || counter == PEER_CONFIRMED)
		known->heard_us = m->now_us;
	verdict->peer = counter == PEER_RECEIVED ? known : NULL;
	return counter;
}
