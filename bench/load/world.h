/*
 * Where the signaling benchmark's daemons and relays stand, inside its namespaces (namespace.h).
 *
 *      generator's namespace                         one per router
 *   up   10.9.1.1 ---------------- r1 10.9.0.1 -- r2 10.9.0.2 -- … -- rN 10.9.0.N ---------------- 10.9.2.1 down
 *                                  r1 ------------------------------------------------------------ 10.9.3.1 spare
 *   fup  10.9.1.1 ---------------- f1 10.9.0.1 -- f2 10.9.0.2 -- … -- fN 10.9.0.N ---------------- 10.9.2.1 fdown
 *
 * Daemons are r1…; f1… are relays, the floor, in just such a chain, so that the two can be measured in turns. The
 * generator's sockets are bound to their devices, which tells the equal addresses apart.
 * The leader 10.9.10.1 is upstream, the endpoint 10.9.20.1 downstream; the routers have a route towards each.
 */
#ifndef BENCH_LOAD_WORLD_H
#define BENCH_LOAD_WORLD_H

#include <netinet/in.h>
#include <sys/types.h>

#include "bench/load/namespace.h"

#define WORLD_DIR NAMESPACES_DIR
#define WORLD_MAX_ROUTERS 8

enum world_chain { WORLD_DAEMONS, WORLD_FLOOR, WORLD_CHAINS };

/* Builds both chains, whatever stood before is taken down. 0, or -1 after having said why. */
int world_build(unsigned routers);
/* The generator's device at an end of a chain: "up" or "down". */
const char *world_device(enum world_chain chain, const char *end);
struct in_addr world_router(unsigned number);  /* control address of r1, r2, … */
struct in_addr world_up(void);
struct in_addr world_down(void);
struct in_addr world_spare(void);
struct in_addr world_leader(void);
struct in_addr world_endpoint(void);

/* Every router and the generator lose `percent` of the signaling datagrams that reach them. 0 or -1. */
int world_lose(unsigned percent);
/* r1 reaches the endpoint by spare instead of down. 0 or -1. */
int world_reroute(void);

/* The calling process moves into that router's namespace. 0 or -errno. */
int world_join(enum world_chain chain, unsigned router);

#endif
