/*
 * The daemon's part of a graceful restart. Before anything is heard or said, every adaptor is asked what it finds of a
 * former life; who cannot say is asked again. If there is anything, and a gatekeeper or lldpd, the layer-2 map is waited for, too:
 * without it a switch would refuse the Paths of what it carries. Neither is waited for longer than a few seconds. What neighbours send meanwhile waits in the sockets, or is sent again.
 */
#ifndef ICORP_SIGNALD_RESTART_H
#define ICORP_SIGNALD_RESTART_H

#include <stddef.h>

struct daemon;
struct restart;

/* Once the adaptors are being started; the transport is not to listen yet. 0 or -ENOMEM. */
int restart_new(struct daemon *d, struct restart **out);
void restart_free(struct restart *r);   /* NULL is fine */
/* What this adaptor found, as JSON (adaptor.h); NULL: it can't say, and why: it is asked again. */
void restart_found(struct daemon *d, size_t adaptor, const char *json, const char *why);
/* The layer-2 map is here. */
void restart_mapped(struct daemon *d);
/* What the controller still waits for before it listens; NULL: it listens. */
const char *restart_waits_for(const struct restart *r);

#endif
