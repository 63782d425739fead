/*
 * What the gatekeeper must not forget, behind one small interface, so that another keeper of state (etcd, for several
 * gatekeepers) can stand here later. Records are plain; what they mean is the business of icorps.c, elements.c, dns.c.
 *
 * Every put is durable when it returns. Strings handed to callbacks are valid during the call only.
 */
#ifndef ICORP_GATEKEEPER_STORE_H
#define ICORP_GATEKEEPER_STORE_H

#include <stddef.h>
#include <stdint.h>

struct store;

struct store_icorp {
	uint32_t id;
	const char *state;
	const char *xml;           /* the contract */
	uint64_t posted_wall_us;
	uint64_t complete_us;      /* from the POST to the first completion; 0: not yet */
	const char *detail;        /* JSON: the last report and error */
};

/* One name in DNS: the addresses it is to have ("" when it is to go), and whether the server has confirmed that. */
struct store_name { const char *name; const char *addresses; int confirmed; };

/* A client's idempotency key: what it asked then and the ICorp that came of it. */
struct store_key { const char *client, *key; const char *digest; uint32_t icorp; };

/* Opens or creates; upgrades an older layout. 0, or -errno with a reason. */
int store_open(const char *path, struct store **out, char *why, size_t room);
void store_close(struct store *store);

/* A number never given out before, also not before a restart. 0 or -errno. */
int store_next_icorp(struct store *store, uint32_t *id);
int store_icorp_put(struct store *store, const struct store_icorp *icorp);
int store_icorp_remove(struct store *store, uint32_t id);
/* By ascending id. A callback that returns non-zero ends the walk with that value. */
int store_icorp_each(struct store *store, int (*each)(void *ctx, const struct store_icorp *icorp), void *ctx);

int store_element_put(struct store *store, const char *name, const char *registration);
int store_element_each(struct store *store, int (*each)(void *ctx, const char *name, const char *registration),
		       void *ctx);

int store_name_put(struct store *store, const struct store_name *name);
int store_name_remove(struct store *store, const char *name);
int store_name_each(struct store *store, int (*each)(void *ctx, const struct store_name *name), void *ctx);

/* Remembers; the oldest are forgotten beyond 10,000. */
int store_key_put(struct store *store, const struct store_key *key);
/* 1 when known: *icorp, and whether the request was the same one; 0 when not; -errno. */
int store_key_find(struct store *store, const struct store_key *key, uint32_t *icorp, int *same);

/* Several puts as one: all or none. */
int store_begin(struct store *store);
int store_commit(struct store *store);
void store_abort(struct store *store);

/* 0 when the last operation worked, else its errno, with the text for /v1/status. */
int store_health(const struct store *store, const char **why);

#endif
