/*
 * What a switch has learnt, remembered a while longer than the switch itself does: a bridge forgets a silent
 * neighbour after minutes, and the L2 map must not flap for it.
 */
#ifndef ICORP_GATEKEEPER_FDB_H
#define ICORP_GATEKEEPER_FDB_H

#include <stddef.h>
#include <stdint.h>

#include "gatekeeper/registration.h"

struct fdb_entry { struct reg_fdb learnt; uint64_t seen_us; };
struct fdb { struct fdb_entry *entry; size_t n; }; /* zeroed: empty; sorted by MAC */

/*
 * Merges what the switch reports now: a MAC on another port moves at once, a MAC not reported any more stays until
 * hold_us after it was last reported. At most REGISTRATION_MAX_FDB entries are kept; the longest silent go first.
 * 1 when a (MAC, port) came, moved or went, 0 when not, -ENOMEM (nothing changed).
 */
int fdb_learn(struct fdb *fdb, const struct reg_fdb *learnt, size_t n, uint64_t now_us, uint64_t hold_us);
void fdb_clear(struct fdb *fdb);

#endif
