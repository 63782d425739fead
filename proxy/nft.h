/*
 * nftables, through libnftables: commits what kernel.h writes, reads back counters, notices when someone else has
 * changed our table.
 */
#ifndef ICORP_PROXY_NFT_H
#define ICORP_PROXY_NFT_H

#include <stddef.h>
#include <stdint.h>

#include "proxy/kernel.h"

struct kernel;

/* Makes our table, empty. NULL with the reason in why. */
struct kernel *kernel_open(char *why, size_t room);
/* Deletes our table. NULL is fine. */
void kernel_close(struct kernel *kernel);
/* One transaction from old to now (either may be NULL); none when nothing differs. 0, or -errno with the reason in
 * why and nothing changed. */
int kernel_change(struct kernel *kernel, const struct kernel_icorp *old, const struct kernel_icorp *now, char *why,
		  size_t room);
/* 1 when the table is as the last commit left it, 0 when not, -errno. */
int kernel_intact(struct kernel *kernel);
/* Rebuilds the whole table with these ICorps in one transaction. */
int kernel_rebuild(struct kernel *kernel, struct kernel_icorp *const *icorps, size_t n, char *why, size_t room);
/* Connections counted by a service's chain. 0, or -ENOENT. */
int kernel_count(struct kernel *kernel, const char *chain, uint64_t *connections);

#endif
