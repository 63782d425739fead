/* Reads a keyring from its file. See keyring.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "signald/keyring.h"

#define SPACE " \t\r\n"

static int time_parse(const char *text, uint64_t *wall_us)
{
	struct tm tm = { 0 };
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
	time_t t = end && !*end ? timegm(&tm) : -1;

	*wall_us = (uint64_t)t * CLOCK_S;
	return t <= 0 ? -EINVAL : 0;
}

/* [from TIME] [until TIME]; NULL or what is wrong. */
static const char *lifetime_parse(char **save, struct key *key)
{
	const char *word;

	key->from_us = 0;
	key->until_us = UINT64_MAX;
	while ((word = strtok_r(NULL, SPACE, save))) {
		const char *when = strtok_r(NULL, SPACE, save);

		if (strcmp(word, "from") && strcmp(word, "until"))
			return "after the key only \"from TIME\" and \"until TIME\" may follow";
		if (time_parse(when, *word == 'f' ? &key->from_us : &key->until_us))
			return "a time must be like 2026-12-31T23:00:00Z";
	}
	return key->until_us <= key->from_us ? "the key must end after it begins" : NULL;
}

/* One line of a keyring; NULL or what is wrong. */
static const char *line_parse(char *line, struct in_addr *addr, struct key *key)
{
	char *save, *who = strtok_r(line, SPACE, &save), *id = strtok_r(NULL, SPACE, &save), *end;
	const char *name = strtok_r(NULL, SPACE, &save), *hex = strtok_r(NULL, SPACE, &save);

	addr->s_addr = 0;
	if (!hex)
		return "must be ADDRESS|default KEYID hmac-sha256|hmac-md5 HEXKEY [from TIME] [until TIME]";
	if (strcmp(who, "default") && (addr_parse(who, addr) || !addr->s_addr))
		return "the first word must be an IPv4 address or \"default\"";
	key->id = strtoull(id, &end, 0);
	if (*end || key->id >> 48)
		return "the key id must be a number below 2^48";
	if (strcmp(name, "hmac-sha256") && strcmp(name, "hmac-md5"))
		return "the algorithm must be hmac-sha256 or hmac-md5";
	key->algorithm = strcmp(name, "hmac-md5") ? MAC_HMAC_SHA256 : MAC_HMAC_MD5;
	key->len = strlen(hex) / 2;
	if (key->len < 16 || key->len > KEYRING_SECRET || hex_decode(hex, key->secret, key->len))
		return "the key must be 16 to 64 bytes in hex";
	return lifetime_parse(&save, key);
}

static const char *add(struct keyring *ring, struct in_addr addr, const struct key *key)
{
	struct keyset *set = keyset_of(ring, addr);

	for (unsigned i = 0; set && i < set->n; i++)
		if (set->key[i].id == key->id)
			return "the address has a key with that id already";
	switch (set ? keyset_add(set, key) : -ENOMEM) {
	case 0:
		return NULL;
	case -ENOSPC:
		return "the address has 8 keys already";
	default:
		return "out of memory";
	}
}

static int lasts(const struct keyset *set)
{
	for (unsigned i = 0; i < set->n; i++)
		if (set->key[i].until_us == UINT64_MAX)
			return 1;
	return !set->n;
}

/* NULL or what is wrong; *addr says of whom. */
static const char *check(const struct keyring *ring, struct in_addr *addr)
{
	static const char *const ends = "all keys end; one must have no \"until\"";

	addr->s_addr = 0;
	if (!ring->default_.n && !ring->own.n)
		return "no key in it";
	if (!lasts(&ring->default_))
		return ends;
	for (uint32_t i = 0; i < ring->own.n; i++) {
		*addr = ring->own.v[i]->addr;
		if (!lasts(ring->own.v[i]))
			return ends;
	}
	return NULL;
}

static int read_lines(FILE *f, const char *file, struct keyring *ring, char *why, size_t room)
{
	char line[512], text[ADDR_TEXT];
	const char *wrong = NULL;
	struct in_addr addr;
	struct key key;

	for (unsigned number = 1; !wrong && fgets(line, sizeof(line), f); number++) {
		char *at = line + strspn(line, SPACE);

		if (!*at || *at == '#')
			continue;
		wrong = line_parse(at, &addr, &key);
		wrong = wrong ? wrong : add(ring, addr, &key);
		if (wrong)
			snprintf(why, room, "%s:%u: %s", file, number, wrong);
	}
	explicit_bzero(line, sizeof(line));
	explicit_bzero(&key, sizeof(key));
	if (wrong)
		return -EINVAL;
	wrong = check(ring, &addr);
	if (wrong)
		snprintf(why, room, "%s: %s%s%s", file, addr.s_addr ? addr_text(addr, text) : "", addr.s_addr ? ": " : "",
			 wrong);
	return wrong ? -EINVAL : 0;
}

int keyring_read(struct keyring *ring, int fd, const char *file, char *why, size_t room)
{
	struct keyring fresh = { .own.index.seed = ring->own.index.seed, .isc.index.seed = ring->isc.index.seed };
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	struct stat st;
	int r;

	if (!f || fstat(fileno(f), &st)) {
		r = fd < 0 ? fd : -errno;
		snprintf(why, room, "%s: %s", file, strerror(-r));
	} else if (st.st_mode & 077) {
		r = -EACCES;
		snprintf(why, room, "%s: others may read it; it must have mode 0600", file);
	} else {
		r = read_lines(f, file, &fresh, why, room);
		if (!r && (r = keyring_replace(ring, &fresh)))
			snprintf(why, room, "%s: the keys of ISCs: %s", file,
				 r == -ENOKEY ? "no default key to derive them from" : strerror(-r));
	}
	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
	keyring_clear(&fresh);
	return r;
}
