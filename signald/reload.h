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
/* What was under way is not wanted any more; before the launcher goes. */
void reload_free(struct daemon *d);
/*
 * Whose word is taken, by that configuration: keys, whom datagrams are taken from and how many, and the layer-2 map if that is
 * the configuration's. All of it; or -errno with the reason in why, and none. keys: a descriptor of the keyring, or the -errno of
 * opening it; closed here. Not looked at when the configuration names none.
 */
int reload_trust(struct daemon *d, const struct signald_config *config, int keys, char *why, size_t room);

#endif
