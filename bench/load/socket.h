/* A socket of the signaling protocol, as the generator and the relay use it. */
#ifndef BENCH_LOAD_SOCKET_H
#define BENCH_LOAD_SOCKET_H

#include <netinet/in.h>

/* Bound to self, and to a device unless that is NULL; UDP 3455 or IP protocol 46. Blocking. The socket or -errno. */
int socket_open(struct in_addr self, const char *device, int raw);

#endif
