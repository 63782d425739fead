/*
 * The layer-2 map as LLDP (IEEE 802.1AB) tells it. LLDP goes one link far: who is at the other end of each of our ports. What
 * a neighbour says of itself is not authenticated: it counts only on the ports that carry ICorps, an address only behind the
 * port by which we would reach it, none that `allow` excludes is a controller's, and one that two neighbours claim is
 * nobody's. Messages are authenticated all the same.
 *
 * The sections `neighbour` of the configuration come first: they name controllers, and say what LLDP cannot see. Behind a
 * switch that LLDP shows there may be more than any of both knows (l2_node.further).
 */
#ifndef ICORP_SIGNALD_L2_LLDP_H
#define ICORP_SIGNALD_L2_LLDP_H

#include "signald/nexthop.h"

#define L2_LLDP_NEIGHBOURS 512
#define L2_LLDP_ID 258          /* an id's subtype, and its at most 255 bytes */

struct l2_lldp_id { uint8_t v[L2_LLDP_ID]; size_t len; };

/* A neighbour as it describes itself behind one of our ports; whatever bytes it likes. */
struct l2_lldp_neighbour {
	char port[16];                 /* ours */
	struct l2_lldp_id chassis, its_port;
	char name[NEXTHOP_NAME], port_name[16];
	int is_switch;                 /* it bridges, and does not route */
	struct in_addr addr[NEXTHOP_ADDRESSES]; unsigned n_addr; /* for management, the control address among them */
	uint64_t since_s;              /* when it came behind this port; of two ports the later one is where it is now */
};

/* What is heard on all ports, malloc'd. All zero: nothing. */
struct l2_lldp_heard { struct l2_lldp_neighbour *v; size_t n; };

/* A new one, all zero, good until the next call; NULL: there are too many, or no memory. */
struct l2_lldp_neighbour *l2_lldp_add(struct l2_lldp_heard *heard);
/* To what is heard adds those of before behind ports where nobody is heard. */
void l2_lldp_hold(struct l2_lldp_heard *heard, const struct l2_lldp_heard *before);
void l2_lldp_clear(struct l2_lldp_heard *heard);

/* Is an address that a neighbour behind a port claims its own? If so, can it be its control address? */
enum l2_lldp_trust { L2_LLDP_NOT, L2_LLDP_ITS, L2_LLDP_CONTROL };
typedef enum l2_lldp_trust l2_lldp_trust_fn(const void *ctx, const char *port, struct in_addr addr);

/*
 * *out: base, whose first node is us, and those that are heard, but for who has no control address; that comes first. To be
 * freed by nexthops_clear_map. 0 or -ENOMEM, and then nothing is in it.
 */
int l2_lldp_map(const struct nexthops *base, const struct l2_lldp_heard *heard, l2_lldp_trust_fn *trust, const void *ctx,
		struct nexthops *out);

#endif
