/*
 * The floor of every figure: what the kernel and the sockets cost, and nothing else. A relay stands where the daemon
 * stood and passes each datagram on unread: from its upstream neighbour to the downstream one, and back.
 */
#ifndef BENCH_LOAD_RELAY_H
#define BENCH_LOAD_RELAY_H

#include <netinet/in.h>

/* Never returns while it can receive; 1 when it cannot. */
int relay_run(struct in_addr self, struct in_addr up, struct in_addr down, int raw);

#endif
