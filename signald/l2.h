/*
 * The layer-2 map: which controllers are behind which port. It has one source, `l2` in the configuration: the gatekeeper,
 * which makes it of what all switches have learnt, or the configuration itself (sections `neighbour`). Whatever the
 * source, the map is struct nexthops' nodes and links; whoever has filled them anew calls l2_told.
 */
#ifndef ICORP_SIGNALD_L2_H
#define ICORP_SIGNALD_L2_H

#include "signald/config.h"

struct daemon;

/* Is the map the configuration's? Then nobody else's is taken. */
int l2_configured(const struct signald_config *config);
/*
 * Makes nh's map the configuration's; ours is in it by its name and address. 0, or nh keeps the map it has: -ENOMEM, or
 * -EINVAL with why: a section names an unknown kind or address, or a link's end that is neither us nor a neighbour.
 */
int l2_from_config(const struct signald_config *config, struct nexthops *nh, char *why, size_t room);
/* The map of d->nexthops is another one now: sessions move accordingly. */
void l2_told(struct daemon *d);

#endif
