/*
 * The configuration and the keyring, read again while the controller runs. By then it may not open the files itself: the
 * launcher does, those that were named at the start.
 */
#ifndef ICORP_SIGNALD_RELOAD_H
#define ICORP_SIGNALD_RELOAD_H

#include "signald/daemon.h"

/* Everything, for the loop's SIGHUP; ctx is the struct daemon. An invalid file, the keyring's too, changes nothing, and is said;
 * so does a setting that needs a restart. */
void reload_all(void *ctx);
/* The keyring. 0, or -errno with the reason in why. */
int reload_keys(struct daemon *d, char *why, size_t room);
/* Whom we take datagrams from, and how many, by that configuration. 0 or -ENOMEM. */
int reload_limits(struct daemon *d, const struct signald_config *config);

#endif
