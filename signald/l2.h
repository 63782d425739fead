/*
 * The layer-2 map: which controllers are behind which port. It has one source, `l2` in the configuration: the gatekeeper,
 * which makes it of what all switches have learnt (registrar.c); the configuration itself, sections `neighbour`
 * (l2_config.c); or lldpd, which hears who is at the other end of each link (l2_lldpd.c). Whatever the source, a map is the
 * nodes and links of a struct nexthops, and whoever has a new one gives it to l2_take.
 */
#ifndef ICORP_SIGNALD_L2_H
#define ICORP_SIGNALD_L2_H

#include "signald/config.h"

struct daemon;
struct l2_lldpd;

enum l2_source { L2_GATEKEEPER, L2_CONFIG, L2_LLDPD };

enum l2_source l2_source(const struct signald_config *config);
/*
 * Makes nh's map what the sections `neighbour` say; ours is in it, first, by its name and address. 0, or nh keeps the map it
 * has: -ENOMEM, or -EINVAL with why: a section names an unknown kind or address, or a link's end that is neither us nor a
 * neighbour.
 */
int l2_from_config(const struct signald_config *config, struct nexthops *nh, char *why, size_t room);
/* The map is fresh's now, which is emptied; if it is another one than before, sessions move accordingly. */
void l2_take(struct daemon *d, struct nexthops *fresh);
/* The map of d->nexthops is another one now: sessions move. */
void l2_told(struct daemon *d);

/* Why there can be no map from lldpd: this program was built without its library. NULL: there can. */
const char *l2_lldpd_missing(void);
/*
 * The map is d->sections and what lldpd says from now on, while the loop runs; does nothing when another source is
 * configured. 0 or -ENOMEM.
 */
int l2_lldpd_new(struct daemon *d, struct l2_lldpd **out);
/* d->sections is another, or the routes, or whom we believe. NULL is fine. */
void l2_lldpd_reload(struct l2_lldpd *l);
void l2_lldpd_free(struct l2_lldpd *l); /* NULL is fine */

#endif
