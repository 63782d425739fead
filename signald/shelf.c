/*
 * The shelf: contracts by digest, one copy for all sessions that name it. A contract is on it while a session has it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signald/session.h"

struct shelved { struct shelved *next; struct contract *contract; size_t users; };

/* A digest is as good a hash as any. */
static struct shelved **shelf_at(const struct shelf *shelf, const uint8_t digest[SHA256_SIZE])
{
	struct shelved **at;
	size_t i;

	memcpy(&i, digest, sizeof(i));
	for (at = &shelf->bucket[i & (shelf->n_buckets - 1)]; *at; at = &(*at)->next)
		if (!memcmp((*at)->contract->digest, digest, SHA256_SIZE))
			break;
	return at;
}

static int shelf_grow(struct shelf *shelf)
{
	struct shelf old = *shelf;

	shelf->n_buckets = old.n_buckets ? old.n_buckets * 2 : 64;
	shelf->bucket = calloc(shelf->n_buckets, sizeof(struct shelved *));
	if (!shelf->bucket) {
		*shelf = old;
		return old.bucket ? 0 : -ENOMEM; /* longer chains are not wrong */
	}
	for (size_t i = 0; i < old.n_buckets; i++) {
		while (old.bucket[i]) {
			struct shelved *one = old.bucket[i], **to;

			old.bucket[i] = one->next;
			to = shelf_at(shelf, one->contract->digest);
			one->next = NULL;
			*to = one;
		}
	}
	free(old.bucket);
	return 0;
}

struct contract *shelf_take(struct core *core, struct contract *contract)
{
	struct shelf *shelf = &core->shelf;
	struct shelved **at, *one;

	if (shelf->n >= shelf->n_buckets && shelf_grow(shelf))
		return NULL;
	at = shelf_at(shelf, contract->digest);
	one = *at;
	if (!one) {
		one = pool_get(&core->pool, sizeof(*one));
		if (!one)
			return NULL;
		one->contract = contract_ref(contract);
		*at = one;
		shelf->n++;
	}
	one->users++;
	return one->contract;
}

void shelf_drop(struct core *core, struct contract *contract)
{
	struct shelf *shelf = &core->shelf;
	struct shelved **at = contract ? shelf_at(shelf, contract->digest) : NULL, *one = at ? *at : NULL;

	if (!one || --one->users)
		return;
	*at = one->next;
	contract_unref(one->contract);
	pool_put(&core->pool, one, sizeof(*one));
	shelf->n--;
}

struct contract *shelf_find(const struct shelf *shelf, const uint8_t digest[SHA256_SIZE])
{
	struct shelved *one = shelf->n ? *shelf_at(shelf, digest) : NULL;

	return one ? one->contract : NULL;
}

size_t shelf_users(const struct shelf *shelf, const struct contract *contract)
{
	const struct shelved *one = shelf->n ? *shelf_at(shelf, contract->digest) : NULL;

	return one ? one->users : 0;
}
