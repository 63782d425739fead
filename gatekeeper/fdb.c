/*
 * The remembered forwarding database (fdb.h): two sorted lists merged into a third. Pure.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/fdb.h"

static int by_mac(const void *a, const void *b)
{
	return memcmp(((const struct fdb_entry *)a)->learnt.mac, ((const struct fdb_entry *)b)->learnt.mac, ETHER_SIZE);
}

static int by_age(const void *a, const void *b)
{
	uint64_t x = ((const struct fdb_entry *)a)->seen_us, y = ((const struct fdb_entry *)b)->seen_us;

	return x < y ? 1 : x > y ? -1 : by_mac(a, b);
}

/* Group and all-zero addresses belong to no port. */
static int is_station(const uint8_t mac[ETHER_SIZE])
{
	static const uint8_t zero[ETHER_SIZE];

	return !(mac[0] & 1) && memcmp(mac, zero, ETHER_SIZE);
}

/* The reported entries, sorted, each MAC once. */
static size_t take_reported(struct fdb_entry *out, const struct reg_fdb *learnt, size_t n, uint64_t now_us)
{
	size_t taken = 0, unique = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_station(learnt[i].mac))
			continue;
		out[taken].learnt = learnt[i];
		out[taken++].seen_us = now_us;
	}
	qsort(out, taken, sizeof(*out), by_mac);
	for (size_t i = 0; i < taken; i++)
		if (!unique || by_mac(&out[unique - 1], &out[i]))
			out[unique++] = out[i];
	return unique;
}

int fdb_learn(struct fdb *fdb, const struct reg_fdb *learnt, size_t n, uint64_t now_us, uint64_t hold_us)
{
	struct fdb_entry *merged = calloc(fdb->n + 2 * n + 1, sizeof(*merged)), *fresh;
	size_t n_fresh, out = 0, i = 0, j = 0;
	int changed = 0;

	if (!merged)
		return -ENOMEM;
	fresh = merged + fdb->n + n; /* the room behind what can come of merging */
	n_fresh = take_reported(fresh, learnt, n, now_us);
	while (i < fdb->n || j < n_fresh) {
		int order = i == fdb->n ? 1 : j == n_fresh ? -1 : by_mac(&fdb->entry[i], &fresh[j]);

		if (order < 0) {
			if (fdb->entry[i].seen_us + hold_us > now_us)
				merged[out++] = fdb->entry[i];
			else
				changed = 1;
			i++;
			continue;
		}
		if (order > 0 || strcmp(fdb->entry[i].learnt.port, fresh[j].learnt.port))
			changed = 1;
		merged[out++] = fresh[j++];
		i += order == 0;
	}
	if (out > REGISTRATION_MAX_FDB) {
		qsort(merged, out, sizeof(*merged), by_age);
		out = REGISTRATION_MAX_FDB;
		qsort(merged, out, sizeof(*merged), by_mac);
	}
	free(fdb->entry);
	fdb->entry = merged;
	fdb->n = out;
	return changed;
}

void fdb_clear(struct fdb *fdb)
{
	free(fdb->entry);
	memset(fdb, 0, sizeof(*fdb));
}
