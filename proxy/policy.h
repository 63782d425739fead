/*
 * Balancing policies: which of a service's targets gets the next connection. One policy per file, one row per
 * policy in policy.c. Pure: no sockets, no clock. The same tables drive the relay (pick, per connection) and
 * the kernel path (policy_slots: the cycle of picks, laid down as a numgen map).
 */
#ifndef ICORP_PROXY_POLICY_H
#define ICORP_PROXY_POLICY_H

#include <stddef.h>
#include <stdint.h>

#define POLICY_MAX_SLOTS 256

/* What a policy knows of a target. Embedded in the target. */
struct policy_item {
	uint32_t weight;   /* 0: not to be used, whatever the policy */
	uint32_t active;   /* connections open now */
	int64_t credit;    /* weighted: the policy's own; zeroed with the item */
	int usable;        /* set by the caller before each pick: up, not ejected, not tried yet, weight > 0 */
};

struct policy {
	const char *name;
	const char *help;

	/* The index of the item to use, or -1 when none is usable. cursor belongs to the service, starts at 0, and
	 * may hold any value when the items have changed since. Never picks an item that is not usable. */
	int (*pick)(struct policy_item *const *items, size_t n, uint32_t *cursor);

	/* The part of the kernel path's cycle an item gets, relative to the others'; at least 1. */
	uint32_t (*share)(const struct policy_item *item);
};

extern const struct policy policy_roundrobin, policy_weighted, policy_leastconn;

const struct policy *policy_find(const char *name); /* NULL: none of that name */
const struct policy *policy_nth(size_t n);          /* NULL past the end; 0 is the default */

/*
 * The shortest cycle of picks that gives each usable item its share, as indices, spread smoothly rather than in
 * bursts; shares are scaled down when the cycle would be longer than room. Every usable item appears at least
 * once, as far as room goes. Returns the number of slots; 0 when nothing is usable. credits are left alone.
 */
size_t policy_slots(const struct policy *policy, struct policy_item *const *items, size_t n, uint16_t *slots,
		    size_t room);

#endif
