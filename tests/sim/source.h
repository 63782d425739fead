/*
 * Where topologies come from: a testbed's file is one topology, a backbone (SNDlib, Topology Zoo) gets its access routers and
 * servers from each seed.
 */
#ifndef ICORP_SIM_SOURCE_H
#define ICORP_SIM_SOURCE_H

#include "tests/sim/network.h"

struct source { int backbone; struct topo topo; struct network network; };

/* By the file's name: .xml is SNDlib's format, .gml the Topology Zoo's, anything else the testbed's. 0, or -errno with why. */
int source_load(const char *file, struct source *source, char *why, size_t room);
void source_free(struct source *source);
/* The topology of a seed; given back with source_done. */
const struct topo *source_topology(const struct source *source, uint64_t seed);
void source_done(const struct source *source, const struct topo *topo);

#endif
