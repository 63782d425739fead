/*
 * The L2 map as last correlated, kept up to date and told to the elements it concerns.
 */
#ifndef ICORP_GATEKEEPER_L2MAP_H
#define ICORP_GATEKEEPER_L2MAP_H

#include <jansson.h>

#include "gatekeeper/gatekeeper.h"

struct l2map;

int l2map_new(struct gatekeeper *gk, struct l2map **out);
void l2map_free(struct l2map *map);
/* Something it is made of has changed: correlated again after the configured pause. NULL is fine. */
void l2map_dirty(struct l2map *map);
/* 0: elements of a former run are still awaited, or the map is to be made anew: nobody is to be told what it was. */
int l2map_ready(const struct l2map *map);
/* It is to be made anew within the pause. */
int l2map_pending(const struct l2map *map);
/* An element's own islands, as the `l2map` event says them; an unknown element sees itself alone. New reference. */
json_t *l2map_view(const struct l2map *map, const char *element);
/* All of it, each link with its island's number. New reference. */
json_t *l2map_json(const struct l2map *map);

#endif
