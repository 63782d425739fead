/* The table of neighbours, and with what we sign. See peer.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signald/peer_internal.h"

#define MAX_PEERS 65536

const char *peer_counter_name(enum peer_counter counter)
{
	static const char *const names[PEER_COUNTERS] = {
		"received", "sent", "send failed", "challenges sent", "challenges answered", "confirmed", "malformed",
		"unknown object", "unsigned", "no key", "forged", "replayed", "no room", "not allowed", "over the limit",
		"unconfirmed",
	};

	return counter < PEER_COUNTERS ? names[counter] : "?";
}

struct peers *peers_new(int integrity)
{
	struct peers *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->integrity = integrity;
	p->limits = (struct peer_limits){ 10000000000, 10000000000, 10000000000 };
	if (random_bytes(&p->by_addr.seed, sizeof(p->by_addr.seed)) || handshake_renew(&p->handshake)) {
		peers_free(p);
		return NULL;
	}
	p->keyring.own.index.seed = p->keyring.isc.index.seed = p->by_addr.seed;
	return p;
}

void peers_free(struct peers *peers)
{
	if (!peers)
		return;
	for (uint32_t i = 0; i < peers->n; i++)
		free(peers->v[i]);
	free(peers->v);
	idmap_clear(&peers->by_addr);
	keyring_clear(&peers->keyring);
	mac_key_free(peers->handshake.secret);
	free(peers->allow);
	free(peers);
}

int peers_read_keys(struct peers *peers, int fd, const char *file, char *why, size_t room)
{
	return keyring_read(&peers->keyring, fd, file, why, room);
}

void peers_restrict(struct peers *peers, struct prefix *allow, size_t n, const struct peer_limits *limits)
{
	free(peers->allow);
	peers->allow = allow;
	peers->n_allow = n;
	peers->limits = *limits;
}

/* ---- the table ---- */

struct peer *peer_find(const struct peers *peers, struct in_addr addr)
{
	uint32_t at;

	return idmap_get(&peers->by_addr, addr.s_addr, &at) ? peers->v[at] : NULL;
}

struct peer *peer_or_strangers(struct peers *peers, struct peer *known)
{
	return known ? known : &peers->strangers;
}

static int grow(struct peers *peers)
{
	uint32_t room = peers->room ? peers->room * 2 : 16;
	struct peer **v;

	if (peers->n < peers->room)
		return 0;
	v = realloc(peers->v, room * sizeof(struct peer *));
	if (!v)
		return -ENOMEM;
	peers->v = v;
	peers->room = room;
	return 0;
}

/*
 * The numbers we send begin at the wall clock in nanoseconds and grow by one, per neighbour: across restarts they grow too
 * (RFC 2747 section 3), and the neighbour sees at once what was reordered and what is old.
 */
struct peer *peer_get(struct peers *peers, struct in_addr addr, uint64_t wall_us)
{
	struct peer *p = peer_find(peers, addr);

	if (p || peers->n >= MAX_PEERS || grow(peers))
		return p;
	p = calloc(1, sizeof(*p));
	if (!p || idmap_set(&peers->by_addr, addr.s_addr, peers->n)) {
		free(p);
		return NULL;
	}
	p->addr = addr;
	p->index = peers->n;
	p->sequence = wall_us * 1000 > peers->last_sequence ? wall_us * 1000 : peers->last_sequence;
	peers->v[peers->n++] = p;
	return p;
}

static void forget(struct peers *peers, struct peer *p)
{
	struct peer *last = peers->v[--peers->n];

	idmap_remove(&peers->by_addr, p->addr.s_addr);
	if (last != p) {
		last->index = p->index;
		peers->v[last->index] = last;
		idmap_set(&peers->by_addr, last->addr.s_addr, last->index);
	}
	if (p->sequence > peers->last_sequence)
		peers->last_sequence = p->sequence;
	free(p);
}

/* Should the ISC come back with the same keys, no answer to a former challenge must be good for it. */
void peers_forget(struct peers *peers, struct in_addr addr)
{
	struct peer *p = peer_find(peers, addr);

	keyring_drop_isc(&peers->keyring, addr);
	if (!p)
		return;
	forget(peers, p);
	handshake_renew(&peers->handshake);
}

const struct peer *peers_first(const struct peers *peers)
{
	return peers->n ? peers->v[0] : NULL;
}

const struct peer *peers_next(const struct peers *peers, const struct peer *after)
{
	return after->index + 1 < peers->n ? peers->v[after->index + 1] : NULL;
}

const struct peer *peers_strangers(const struct peers *peers)
{
	return &peers->strangers;
}

void peers_count(struct peers *peers, struct in_addr from, enum peer_counter counter)
{
	peer_or_strangers(peers, peer_find(peers, from))->counter[counter]++;
}

/* ---- keys ---- */

int peers_add_isc(struct peers *peers, struct in_addr addr, uint32_t icorp, struct in_addr leader, uint64_t wall_us,
		  uint32_t *key_id, uint8_t key[32])
{
	const struct key *k;
	int r = keyring_add_isc(&peers->keyring, addr, icorp, leader);

	if (r == -ENOKEY && !peers->integrity) {
		*key_id = 1;
		return random_bytes(key, 32);
	}
	if (r < 0)
		return r;
	if (r && peer_find(peers, addr)) {
		forget(peers, peer_find(peers, addr));
		handshake_renew(&peers->handshake);
	}
	k = keyring_signer(&peers->keyring, addr, 0, wall_us);
	*key_id = (uint32_t)k->id;
	memcpy(key, k->secret, 32);
	return 0;
}

int peer_auth(struct peers *peers, struct in_addr addr, uint64_t wall_us, struct rsvp_auth *auth)
{
	const struct key *k;
	struct peer *p;

	memset(auth, 0, sizeof(*auth));
	if (!peers->integrity)
		return 0;
	p = peer_get(peers, addr, wall_us);
	k = keyring_signer(&peers->keyring, addr, p && p->isc ? p->key_id : 0, wall_us);
	if (!p || !k)
		return p ? -ENOKEY : -ENOMEM;
	if (p->passing && p->sequence < peers->passing_sequence)
		p->sequence = peers->passing_sequence;
	p->sequence++;
	if (p->passing)
		peers->passing_sequence = p->sequence;
	*auth = (struct rsvp_auth){ k->mac, k->id, p->sequence, RSVP_AUTH_HANDSHAKE };
	return 1;
}
