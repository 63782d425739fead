/*
 * The layer-2 map as LLDP (IEEE 802.1AB) tells it. LLDP goes one link far: who is at the other end of each of our ports. What
 * a neighbour says of itself is not authenticated: it counts only on the ports that carry ICorps, an address that `allow`
 * excludes is no controller's, and one that two neighbours claim is nobody's. Messages are authenticated all the same.
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

/*
 * *out: base, whose first node is us, and these neighbours, of whom there are at most L2_LLDP_NEIGHBOURS. Who has no address
 * that allowed says yes to is none; those come first. To be freed by nexthops_clear_map. 0 or -ENOMEM, and then nothing is
 * in it.
 */
int l2_lldp_map(const struct nexthops *base, const struct l2_lldp_neighbour *v, size_t n,
		int (*allowed)(const void *ctx, struct in_addr addr), const void *ctx, struct nexthops *out);

#endif
