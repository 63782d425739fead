/* The messages of the leader and of the endpoint, filled once; only what differs between sessions is set for each. */
#ifndef BENCH_LOAD_MESSAGES_H
#define BENCH_LOAD_MESSAGES_H

#include "bench/load/generator.h"

void messages_prepare(struct generator *g);
/* Make g->path, g->resv or g->tear that ICorp's. */
void messages_path(struct generator *g, uint32_t icorp);
void messages_resv(struct generator *g, uint32_t icorp, uint32_t lih, struct in_addr from);
void messages_tear(struct generator *g, uint32_t icorp);

#endif
