/*
 * The relay's listening sockets. A service that is not in the kernel has one; while a limit is reached it is
 * paused: users wait in the backlog instead of being refused.
 */
#ifndef ICORP_PROXY_RELAY_H
#define ICORP_PROXY_RELAY_H

#include <stddef.h>

#include "proxy/table.h"

struct listener {
	struct service *service;
	int fd;
	struct event event;
	int paused;
};

/* Listens at the address and the service's port, and accepts from the next turn of the loop on. NULL and errno,
 * with the reason in why. The caller owns it. */
struct listener *relay_listen(struct service *service, struct in_addr addr, char *why, size_t room);
/* Closes. Connections are left alone. NULL is fine. */
void relay_close(struct listener *listener);
/* A connection ended: paused listeners whose limit is no longer reached go on. */
void relay_resume(struct proxy *proxy);

#endif
