/* Neighbours, their keys and sequence numbers. See peer.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "signald/peer.h"

#define BUCKETS 1024
#define MAX_PEERS 65536

struct key {
	struct key *next;
	struct in_addr addr;            /* 0.0.0.0: default */
	uint64_t id;
	struct mac_key *mac;
	int from_file;
	size_t len;
	uint8_t secret[64];
};

struct peers {
	int integrity;
	struct key *keys;
	struct peer *bucket[BUCKETS];
	unsigned n;
	uint64_t last_sequence;
	struct peer strangers;
};

const char *peer_counter_name(enum peer_counter counter)
{
	static const char *const names[PEER_COUNTERS] = {
		"received", "sent", "send failed", "malformed", "unknown object", "unsigned", "no key", "forged", "replayed",
		"no room",
	};

	return counter < PEER_COUNTERS ? names[counter] : "?";
}

struct peers *peers_new(int integrity)
{
	struct peers *p = calloc(1, sizeof(*p));

	if (p)
		p->integrity = integrity;
	return p;
}

static void key_free(struct key *k)
{
	mac_key_free(k->mac);
	memset(k->secret, 0, sizeof(k->secret));
	free(k);
}

void peers_free(struct peers *peers)
{
	if (!peers)
		return;
	while (peers->keys) {
		struct key *k = peers->keys;

		peers->keys = k->next;
		key_free(k);
	}
	for (unsigned i = 0; i < BUCKETS; i++) {
		while (peers->bucket[i]) {
			struct peer *p = peers->bucket[i];

			peers->bucket[i] = p->next;
			free(p);
		}
	}
	free(peers);
}

static struct key *key_new(struct in_addr addr, uint64_t id, enum mac_algorithm algorithm, const uint8_t *secret,
			   size_t len)
{
	struct key *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->mac = mac_key_new(algorithm, secret, len);
	if (!k->mac) {
		free(k);
		return NULL;
	}
	k->addr = addr;
	k->id = id;
	k->len = len;
	memcpy(k->secret, secret, len);
	return k;
}

/* One line of a keyring; NULL with the reason. */
static struct key *key_parse(char *line, const char **wrong)
{
	char *save, *who = strtok_r(line, " \t\r\n", &save), *id = strtok_r(NULL, " \t\r\n", &save);
	char *name = strtok_r(NULL, " \t\r\n", &save), *hex = strtok_r(NULL, " \t\r\n", &save);
	char *extra = strtok_r(NULL, " \t\r\n", &save), *end;
	enum mac_algorithm algorithm;
	struct in_addr addr = { 0 };
	uint8_t secret[64];
	uint64_t number;
	struct key *k;

	*wrong = "must be ADDRESS|default KEYID hmac-sha256|hmac-md5 HEXKEY";
	if (!hex || extra)
		return NULL;
	*wrong = "the first word must be an IPv4 address or \"default\"";
	if (strcmp(who, "default") && (addr_parse(who, &addr) || !addr.s_addr))
		return NULL;
	*wrong = "the key id must be a number below 2^48";
	number = strtoull(id, &end, 0);
	if (*end || number >> 48)
		return NULL;
	*wrong = "the algorithm must be hmac-sha256 or hmac-md5";
	if (!strcmp(name, "hmac-sha256"))
		algorithm = MAC_HMAC_SHA256;
	else if (!strcmp(name, "hmac-md5"))
		algorithm = MAC_HMAC_MD5;
	else
		return NULL;
	*wrong = "the key must be 16 to 64 bytes in hex";
	if (strlen(hex) < 32 || strlen(hex) > 128 || hex_decode(hex, secret, strlen(hex) / 2))
		return NULL;
	k = key_new(addr, number, algorithm, secret, strlen(hex) / 2);
	if (k)
		k->from_file = 1;
	return k;
}

static int load(FILE *f, const char *file, struct key **keys, char *why, size_t room)
{
	char line[512];
	const char *wrong;

	for (unsigned number = 1; fgets(line, sizeof(line), f); number++) {
		char *text = line + strspn(line, " \t\r\n");
		struct key *k;

		if (!*text || *text == '#')
			continue;
		k = key_parse(text, &wrong);
		if (!k) {
			snprintf(why, room, "%s:%u: %s", file, number, wrong);
			return -EINVAL;
		}
		k->next = *keys;
		*keys = k;
	}
	if (*keys)
		return 0;
	snprintf(why, room, "%s: no key in it", file);
	return -EINVAL;
}

int peers_load_keys(struct peers *peers, const char *file, char *why, size_t room)
{
	struct key *fresh = NULL, **at;
	struct stat st;
	FILE *f = fopen(file, "re");
	int r;

	if (!f || fstat(fileno(f), &st)) {
		r = -errno;
		snprintf(why, room, "%s: %s", file, strerror(-r));
	} else if (st.st_mode & 077) {
		r = -EACCES;
		snprintf(why, room, "%s: others may read it; it must have mode 0600", file);
	} else {
		r = load(f, file, &fresh, why, room);
	}
	if (f)
		fclose(f);
	/* The file's old keys go on success; the new ones otherwise. */
	at = r ? &fresh : &peers->keys;
	while (*at) {
		struct key *k = *at;

		if (!r && !k->from_file) {
			at = &k->next;
			continue;
		}
		*at = k->next;
		key_free(k);
	}
	if (!r)
		*at = fresh;
	return r;
}

/* An address's own key, else the default; with id: that one, for receiving during a rollover. */
static struct key *key_find(const struct peers *peers, struct in_addr addr, const uint64_t *id)
{
	struct key *deflt = NULL;

	for (struct key *k = peers->keys; k; k = k->next) {
		if (id && k->id != *id)
			continue;
		if (k->addr.s_addr == addr.s_addr)
			return k;
		if (!k->addr.s_addr && !deflt)
			deflt = k;
	}
	return deflt;
}

int peers_isc_key(struct peers *peers, uint32_t icorp, struct in_addr leader, struct in_addr isc, uint8_t key[32])
{
	const struct key *k = key_find(peers, (struct in_addr){ 0 }, NULL);
	uint32_t who[3] = { htonl(icorp), leader.s_addr, isc.s_addr };
	struct mac_segment part[] = { { "ICorp ISC key", 13 }, { who, sizeof(who) } };
	struct mac_key *mac;
	int r;

	if (!k)
		return peers->integrity ? -ENOKEY : random_bytes(key, 32);
	mac = mac_key_new(MAC_HMAC_SHA256, k->secret, k->len);
	if (!mac)
		return -ENOMEM;
	r = mac_sign(mac, part, 2, key);
	mac_key_free(mac);
	return r;
}

int peers_set_key(struct peers *peers, struct in_addr addr, uint64_t key_id, enum mac_algorithm algorithm,
		  const uint8_t *key, size_t len)
{
	struct key *k = key_new(addr, key_id, algorithm, key, len);

	if (!k)
		return -ENOMEM;
	peers_forget(peers, addr);
	k->next = peers->keys;
	peers->keys = k;
	return 0;
}

static struct peer **peer_at(struct peers *peers, struct in_addr addr)
{
	struct peer **at = &peers->bucket[(addr.s_addr * 2654435761u) >> 22 & (BUCKETS - 1)];

	while (*at && (*at)->addr.s_addr != addr.s_addr)
		at = &(*at)->next;
	return at;
}

void peers_forget(struct peers *peers, struct in_addr addr)
{
	struct peer **peer = peer_at(peers, addr);

	for (struct key **at = &peers->keys; *at;) {
		struct key *k = *at;

		if (k->addr.s_addr != addr.s_addr || k->from_file) {
			at = &k->next;
			continue;
		}
		*at = k->next;
		key_free(k);
	}
	if (*peer) {
		struct peer *p = *peer;

		*peer = p->next;
		peers->n--;
		free(p);
	}
}

struct peer *peer_get(struct peers *peers, struct in_addr addr)
{
	struct peer **at = peer_at(peers, addr);

	if (*at || peers->n >= MAX_PEERS)
		return *at;
	*at = calloc(1, sizeof(**at));
	if (*at) {
		(*at)->addr = addr;
		peers->n++;
	}
	return *at;
}

const struct peer *peers_first(const struct peers *peers)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		if (peers->bucket[i])
			return peers->bucket[i];
	return NULL;
}

const struct peer *peers_next(const struct peers *peers, const struct peer *after)
{
	unsigned i = (after->addr.s_addr * 2654435761u) >> 22 & (BUCKETS - 1);

	if (after->next)
		return after->next;
	while (++i < BUCKETS)
		if (peers->bucket[i])
			return peers->bucket[i];
	return NULL;
}

int peer_auth(struct peers *peers, struct in_addr addr, struct rsvp_auth *auth)
{
	const struct key *k = key_find(peers, addr, NULL);
	uint64_t wall_ns = clock_wall_us() * 1000;

	memset(auth, 0, sizeof(*auth));
	if (!peers->integrity)
		return 0;
	if (!k)
		return -ENOKEY;
	/* The wall clock, so that numbers grow across restarts (RFC 2747 section 3), and always by at least one. */
	peers->last_sequence = wall_ns > peers->last_sequence ? wall_ns : peers->last_sequence + 1;
	auth->key = k->mac;
	auth->key_id = k->id;
	auth->sequence = peers->last_sequence;
	return 1;
}

/* Checks the datagram against what is known of its sender (RFC 2747 section 4.2); known NULL: nothing yet. */
static enum peer_counter check(struct peers *peers, const struct peer *known, struct in_addr from, const uint8_t *data,
			       size_t len, struct rsvp_auth *auth, const struct key **key)
{
	const char *what;
	int r = rsvp_check_header(data, len, &what);

	if (r || !peers->integrity)
		return r ? PEER_MALFORMED : PEER_RECEIVED;
	r = rsvp_auth_peek(data, len, auth);
	if (r != 1)
		return r ? PEER_MALFORMED : PEER_UNSIGNED;
	*key = key_find(peers, from, &auth->key_id);
	if (!*key)
		return PEER_NO_KEY;
	if (rsvp_auth_verify(data, len, (*key)->mac))
		return PEER_FORGED;
	return known && auth->sequence <= known->seen_sequence ? PEER_REPLAYED : PEER_RECEIVED;
}

enum peer_counter peer_check(struct peers *peers, struct in_addr from, const uint8_t *data, size_t len, uint64_t now_us,
			     struct peer **peer)
{
	struct peer *known = *peer_at(peers, from);
	struct rsvp_auth auth = { 0 };
	const struct key *key = NULL;
	enum peer_counter counter = check(peers, known, from, data, len, &auth, &key);

	*peer = NULL;
	if (counter == PEER_RECEIVED && !known) {
		known = peer_get(peers, from);
		if (!known)
			counter = PEER_NO_ROOM;
	}
	(known ? known : &peers->strangers)->counter[PEER_RECEIVED]++;
	if (counter != PEER_RECEIVED) {
		(known ? known : &peers->strangers)->counter[counter]++;
		return counter;
	}
	known->seen_sequence = auth.sequence;
	known->isc = key && !key->from_file;
	known->heard_us = now_us;
	*peer = known;
	return PEER_RECEIVED;
}

void peers_count(struct peers *peers, struct in_addr from, enum peer_counter counter)
{
	struct peer *known = *peer_at(peers, from);

	(known ? known : &peers->strangers)->counter[counter]++;
}

const struct peer *peers_strangers(const struct peers *peers)
{
	return &peers->strangers;
}
