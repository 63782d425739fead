/* The keyring's table, and which key is used. See keyring.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signald/keyring.h"

/* ---- sets and their table ---- */

static void keyset_clear(struct keyset *set)
{
	for (unsigned i = 0; i < set->n; i++)
		mac_key_free(set->key[i].mac);
	explicit_bzero(set->key, sizeof(set->key));
	set->n = 0;
}

int keyset_add(struct keyset *set, const struct key *key)
{
	struct mac_key *mac;

	if (set->n == KEYRING_KEYS)
		return -ENOSPC;
	mac = mac_key_new(key->algorithm, key->secret, key->len);
	if (!mac)
		return -ENOMEM;
	set->key[set->n] = *key;
	set->key[set->n++].mac = mac;
	return 0;
}

static struct keyset *table_find(const struct keyset_table *table, struct in_addr addr)
{
	uint32_t at;

	return idmap_get(&table->index, addr.s_addr, &at) ? table->v[at] : NULL;
}

static struct keyset *table_add(struct keyset_table *table, struct in_addr addr)
{
	struct keyset *set;

	if (table->n == table->room) {
		uint32_t room = table->room ? table->room * 2 : 16;
		struct keyset **grown = realloc(table->v, room * sizeof(struct keyset *));

		if (!grown)
			return NULL;
		table->v = grown;
		table->room = room;
	}
	set = calloc(1, sizeof(*set));
	if (!set || idmap_set(&table->index, addr.s_addr, table->n)) {
		free(set);
		return NULL;
	}
	set->addr = addr;
	table->v[table->n++] = set;
	return set;
}

static void table_remove(struct keyset_table *table, struct keyset *set)
{
	struct keyset *last = table->v[--table->n];
	uint32_t at = table->n;

	idmap_get(&table->index, set->addr.s_addr, &at);
	idmap_remove(&table->index, set->addr.s_addr);
	if (last != set) {
		table->v[at] = last;
		idmap_set(&table->index, last->addr.s_addr, at);
	}
	keyset_clear(set);
	free(set);
}

static void table_clear(struct keyset_table *table)
{
	while (table->n)
		table_remove(table, table->v[table->n - 1]);
	idmap_clear(&table->index);
	free(table->v);
	*table = (struct keyset_table){ 0 };
}

void keyring_clear(struct keyring *ring)
{
	keyset_clear(&ring->default_);
	table_clear(&ring->own);
	table_clear(&ring->isc);
}

struct keyset *keyset_of(struct keyring *ring, struct in_addr addr)
{
	struct keyset *set = addr.s_addr ? table_find(&ring->own, addr) : &ring->default_;

	return set ? set : table_add(&ring->own, addr);
}

/* ---- which key ---- */

/* The one whose time came last, the first of the file among equals. Before any time has come: one without an end. */
static const struct key *newest(const struct keyset *set, uint64_t wall_us)
{
	const struct key *best = NULL, *without_end = NULL;

	for (unsigned i = 0; set && i < set->n; i++) {
		const struct key *k = &set->key[i];

		if (k->until_us == UINT64_MAX && !without_end)
			without_end = k;
		if (k->from_us <= wall_us && wall_us < k->until_us && (!best || k->from_us > best->from_us))
			best = k;
	}
	return best ? best : without_end;
}

static const struct key *accepted(const struct keyset *set, uint64_t id, uint64_t wall_us)
{
	for (unsigned i = 0; set && i < set->n; i++)
		if (set->key[i].id == id && wall_us < set->key[i].until_us)
			return &set->key[i];
	return NULL;
}

const struct key *keyring_signer(const struct keyring *ring, struct in_addr addr, uint64_t prefer, uint64_t wall_us)
{
	const struct keyset *isc = table_find(&ring->isc, addr);
	const struct key *k = prefer ? accepted(isc, prefer, wall_us) : NULL;

	k = k ? k : newest(isc, wall_us);
	k = k ? k : newest(table_find(&ring->own, addr), wall_us);
	return k ? k : newest(&ring->default_, wall_us);
}

const struct key *keyring_find(const struct keyring *ring, struct in_addr addr, uint64_t id, uint64_t wall_us, int *isc)
{
	const struct key *k = accepted(table_find(&ring->isc, addr), id, wall_us);

	*isc = k != NULL;
	k = k ? k : accepted(table_find(&ring->own, addr), id, wall_us);
	return k ? k : accepted(&ring->default_, id, wall_us);
}

int keyring_has_isc(const struct keyring *ring, struct in_addr addr)
{
	return table_find(&ring->isc, addr) != NULL;
}

/* ---- ISCs ---- */

static int derive(struct keyset *set, const struct key *from)
{
	uint32_t who[3] = { htonl(set->icorp), set->leader.s_addr, set->addr.s_addr };
	struct mac_segment part[] = { { "ICorp ISC key", 13 }, { who, sizeof(who) } };
	struct key key = { .id = (uint32_t)from->id, .from_us = from->from_us, .until_us = from->until_us,
			   .algorithm = MAC_HMAC_SHA256, .len = SHA256_SIZE };
	struct mac_key *mac = mac_key_new(MAC_HMAC_SHA256, from->secret, from->len);
	int r = mac ? mac_sign(mac, part, 2, key.secret) : -ENOMEM;

	mac_key_free(mac);
	r = r ? r : keyset_add(set, &key);
	explicit_bzero(&key, sizeof(key));
	return r;
}

static int derive_all(const struct keyring *ring, struct keyset *set)
{
	int r = ring->default_.n ? 0 : -ENOKEY;

	for (unsigned i = 0; !r && i < ring->default_.n; i++)
		r = derive(set, &ring->default_.key[i]);
	return r;
}

int keyring_add_isc(struct keyring *ring, struct in_addr addr, uint32_t icorp, struct in_addr leader)
{
	struct keyset *set = table_find(&ring->isc, addr);
	int r;

	if (set && set->icorp == icorp && set->leader.s_addr == leader.s_addr)
		return 0;
	keyring_drop_isc(ring, addr);
	set = table_add(&ring->isc, addr);
	if (!set)
		return -ENOMEM;
	set->icorp = icorp;
	set->leader = leader;
	r = derive_all(ring, set);
	if (r)
		table_remove(&ring->isc, set);
	return r ? r : 1;
}

int keyring_drop_isc(struct keyring *ring, struct in_addr addr)
{
	struct keyset *set = table_find(&ring->isc, addr);

	if (set)
		table_remove(&ring->isc, set);
	return set != NULL;
}

int keyring_replace(struct keyring *ring, struct keyring *fresh)
{
	int r = 0;

	for (uint32_t i = 0; r >= 0 && i < ring->isc.n; i++) {
		const struct keyset *set = ring->isc.v[i];

		r = keyring_add_isc(fresh, set->addr, set->icorp, set->leader);
	}
	if (r < 0)
		return r;
	keyring_clear(ring);
	*ring = *fresh;
	*fresh = (struct keyring){ 0 };
	return 0;
}
