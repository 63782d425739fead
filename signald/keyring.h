/*
 * The keys of neighbours (RFC 2747 sections 5 and 6): several per address, each with an id and a lifetime, those under
 * "default" for every address, and those of the ISCs on this machine, which are derived from the default keys. The newest
 * key whose time has come signs; every key that has not ended is accepted, so two ends that change over at different
 * moments understand each other.
 *
 *     keyring.c       the table and the choice of a key: a lookup or two, then the few keys of one address
 *     keyring_file.c  reads a keyring
 *
 * Times are wall-clock microseconds since 1970.
 */
#ifndef ICORP_SIGNALD_KEYRING_H
#define ICORP_SIGNALD_KEYRING_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/idmap.h"
#include "lib/mac.h"

#define KEYRING_KEYS 8          /* of one address */
#define KEYRING_SECRET 64       /* bytes of a key at most */

struct key {
	uint64_t id;                    /* 48 bits */
	uint64_t from_us, until_us;     /* signs from then on; ends then (UINT64_MAX: never) */
	enum mac_algorithm algorithm;
	size_t len; uint8_t secret[KEYRING_SECRET];
	struct mac_key *mac;
};

/* All of an address, as the file lists them. */
struct keyset {
	struct in_addr addr;            /* 0.0.0.0: default */
	unsigned n; struct key key[KEYRING_KEYS];
	uint32_t icorp; struct in_addr leader; /* of an ISC's */
};

/* Sets by address. */
struct keyset_table { struct idmap index; struct keyset **v; uint32_t n, room; };

/* Zeroed, it is empty. keyring_clear frees what it holds and leaves it empty. */
struct keyring { struct keyset default_; struct keyset_table own, isc; };
void keyring_clear(struct keyring *ring);

/*
 * Reads a file of lines `ADDRESS|default KEYID hmac-sha256|hmac-md5 HEXKEY [from TIME] [until TIME]`, TIME like
 * 2026-12-31T23:00:00Z; # comments. It must not be readable by others, and every address needs a key without an end, so
 * that no clock ever leaves it without one. The keys of a former file go, those of ISCs are derived anew. fd is closed, or is
 * the -errno of opening it; file is its name. 0; or -errno with the file, the line and what would be right in why, and then
 * nothing has changed.
 */
int keyring_read(struct keyring *ring, int fd, const char *file, char *why, size_t room);

/* The key to sign with towards addr; NULL: there is none. prefer (0: none) is the id of a key that addr is known to have. */
const struct key *keyring_signer(const struct keyring *ring, struct in_addr addr, uint64_t prefer, uint64_t wall_us);
/* The key addr may have signed with under that id; NULL: none. *isc: it is an ISC's. */
const struct key *keyring_find(const struct keyring *ring, struct in_addr addr, uint64_t id, uint64_t wall_us, int *isc);
/* Is the address an ISC's? */
int keyring_has_isc(const struct keyring *ring, struct in_addr addr);

/*
 * The keys of an ISC's controller at addr: one from each default key, so that they survive a restart of ours and a change of
 * the default key. 1: made; 0: they were there; -ENOKEY: there is no default key; -ENOMEM.
 */
int keyring_add_isc(struct keyring *ring, struct in_addr addr, uint32_t icorp, struct in_addr leader);
/* 1 when there were any. */
int keyring_drop_isc(struct keyring *ring, struct in_addr addr);

/* For keyring_file.c: puts fresh in ring's place, with ring's ISCs; fresh is empty then. 0, or -errno and nothing changed. */
int keyring_replace(struct keyring *ring, struct keyring *fresh);
/* And: appends a key. 0, -ENOSPC (KEYRING_KEYS), -ENOMEM. The set of an address, made if need be. */
int keyset_add(struct keyset *set, const struct key *key);
struct keyset *keyset_of(struct keyring *ring, struct in_addr addr);

#endif
