/*
 * The layer-2 map: which controllers are neighbours at layer 2, seen through switches that have no controller, worked
 * out from the ports' MACs of all elements and the forwarding databases of the controlled switches. Pure.
 *
 * A *member* is what hangs off a layer-2 network: a controlled switch is one member with all its ports, any other
 * element is one member per port (a router's two ports are members of different islands).
 */
#ifndef ICORP_GATEKEEPER_L2_H
#define ICORP_GATEKEEPER_L2_H

#include <stddef.h>
#include <stdint.h>

#include "gatekeeper/fdb.h"
#include "gatekeeper/registration.h"

/* An element as the correlation sees it; nothing is owned. */
struct l2_element {
	const char *name;
	int is_switch;
	unsigned n_ports; const struct reg_port *ports;
	size_t n_fdb; const struct fdb_entry *fdb; /* switches */
};

struct l2_member {
	unsigned element;              /* index into the input */
	char port[REGISTRATION_PORT];  /* "" for a switch */
	unsigned island;               /* members of the same number can reach each other at layer 2 */
};

struct l2_link {
	unsigned a, b;                 /* members */
	char a_port[REGISTRATION_PORT], b_port[REGISTRATION_PORT]; /* "" when not known */
};

struct l2_map {
	unsigned n_members; struct l2_member *members;
	size_t n_links; struct l2_link *links;
};

/*
 * Correlates n elements, which must be sorted by name (so that the map only changes when its input does). A MAC that
 * two elements claim belongs to neither. 0 and *out owned by the caller, or -ENOMEM.
 */
int l2_correlate(const struct l2_element *elements, size_t n, struct l2_map *out);
void l2_map_clear(struct l2_map *map);

#endif
