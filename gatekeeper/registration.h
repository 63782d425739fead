/*
 * What an element says about itself: the body of POST /v1/elements (doc/gatekeeper-api.md), parsed and bounded.
 */
#ifndef ICORP_GATEKEEPER_REGISTRATION_H
#define ICORP_GATEKEEPER_REGISTRATION_H

#include <jansson.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "contracts/contract.h"
#include "gatekeeper/problem.h"
#include "lib/addr.h"

#define REGISTRATION_MAX_SIZE (512 * 1024)
#define REGISTRATION_PORT 16
#define REGISTRATION_MAX_PORTS 128
#define REGISTRATION_MAX_ADDRESSES 8
#define REGISTRATION_MAX_FDB 4096
#define REGISTRATION_MAX_ADAPTORS 16
#define REGISTRATION_MAX_IMAGES 64

enum element_kind { ELEMENT_ACCESS, ELEMENT_ROUTER, ELEMENT_SWITCH, ELEMENT_SERVER };

struct reg_port {
	char name[REGISTRATION_PORT];
	uint8_t mac[ETHER_SIZE];           /* zero: none given */
	unsigned n_addresses; struct prefix address[REGISTRATION_MAX_ADDRESSES]; /* with their host bits */
	uint64_t speed_bps;
};

struct reg_fdb { uint8_t mac[ETHER_SIZE]; char port[REGISTRATION_PORT]; };
struct reg_adaptor { char name[CONTRACT_NAME], type[CONTRACT_NAME], reason[128]; int up; uint64_t orphans, repaired; };
struct reg_resource { int known; uint64_t capacity, used; };

struct registration {
	char name[CONTRACT_NAME];
	enum element_kind kind;
	struct in_addr address;
	unsigned n_ports;    struct reg_port *ports;
	unsigned n_fdb;      struct reg_fdb *fdb;
	unsigned n_adaptors; struct reg_adaptor adaptors[REGISTRATION_MAX_ADAPTORS];
	unsigned n_images;   char image[REGISTRATION_MAX_IMAGES][CONTRACT_NAME];
	struct reg_resource resource[RESOURCE_MAX + 1];
	int has_pool; struct prefix public_pool;
};

const char *element_kind_name(enum element_kind kind); /* "access", "router", "switch", "server" */
int element_kind_parse(const char *text, enum element_kind *out);

/* Parses text into *out (zeroed first). Unknown members are ignored: controllers may be newer than we are.
 * 0, or -EINVAL with *problem and *out zeroed. */
int registration_parse(const char *text, size_t len, struct registration *out, struct problem *problem);
/* Frees and zeroes. */
void registration_clear(struct registration *reg);
/* 1 when both say the same of what others are interested in: all but the forwarding database and `used`. */
int registration_same(const struct registration *a, const struct registration *b);
/* The adaptors as a JSON array, as they were registered. */
json_t *registration_adaptors_json(const struct registration *reg);
/* As JSON text for the store, without the forwarding database. The caller frees; NULL when out of memory. */
char *registration_text(const struct registration *reg);

#endif
