/*
 * A backbone: what a published topology tells of a network, before access routers and servers are attached to it.
 */
#ifndef ICORP_SIM_NETWORK_H
#define ICORP_SIM_NETWORK_H

#include "tests/sim/topo.h"

#define NETWORK_NAME 40
#define NETWORK_MAX_NODES 4096
#define NETWORK_MAX_LINKS 32768
#define NETWORK_MAX_DEMANDS 262144
#define NETWORK_MAX_FILE (16u << 20)

struct network_node { char name[NETWORK_NAME]; char *id; };
struct network_link { unsigned a, b; uint64_t rate_bps; /* 0: the file does not say */ };
struct network_demand { unsigned from, to; uint64_t rate_bps; };

struct network {
	struct network_node *node; unsigned n_nodes;
	struct network_link *link; unsigned n_links;
	struct network_demand *demand; unsigned n_demands; /* none: anybody may want anything */
	struct map by_id, by_name;                         /* for adding */
};

void network_free(struct network *network);
/*
 * Append. name is made one that elements can have, and the only one; id is what links and demands refer to. A rate is in
 * bit/s, 0: unknown. Links and demands from a node to itself are left out. 0, -EEXIST (that id is there), -ENOENT (no node of
 * that id), -ERANGE (not a rate), -E2BIG, -ENOMEM; in words: network_error.
 */
int network_add_node(struct network *network, const char *id, const char *name);
int network_add_link(struct network *network, const char *a, const char *b, double rate_bps);
int network_add_demand(struct network *network, const char *from, const char *to, double rate_bps);

const char *network_error(int e);

/* Reads a file's text. 0, or -errno with "FILE:LINE: what"; then network is empty. Input may be hostile. */
int network_parse_gml(const char *file, const char *text, size_t len, struct network *network, char *why, size_t room);
int network_parse_sndlib(const char *file, const char *text, size_t len, struct network *network, char *why, size_t room);

/*
 * The whole network as a topology. Every node is a router. Every node where demands begin or end (without demands: every
 * node) has a site behind it: a switch (one in eight without a controller), one or two access routers, one or two servers,
 * as the seed decides. A site's links carry what all links of its router carry together. Routes follow shortest ways.
 * 0, -E2BIG (a node has more links than a controller has ports) or -ENOMEM; then topo is empty.
 */
int network_attach(const struct network *network, uint64_t seed, struct topo *topo);

#endif
