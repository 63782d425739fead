/*
 * The contract: the XML document (namespace urn:icorp:contract:1) that describes one ICorp. Immutable,
 * numbered by revision, named by the SHA-256 digest of its canonical form. No I/O, no sockets here.
 *
 * Two documents share the schema contracts/contract.rng: <request> is what a client sends (class,
 * services, how many servers, which access routers, applications, limits); <contract> is what the
 * gatekeeper makes of it (placed, numbered, addressed, priced). Both parse into the structs below.
 *
 * Parsing is hostile-input code: no DTD, no entities, no network, depth <= 16, <= 2000 nodes, <= 64 KiB.
 */
#ifndef ICORP_CONTRACT_H
#define ICORP_CONTRACT_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/mac.h"

#define CONTRACT_XMLNS "urn:icorp:contract:1"
#define CONTRACT_MAX_SIZE 65536
#define CONTRACT_NAME 64       /* element, client, class, service and application names: [a-z0-9][a-z0-9-]* */
#define CONTRACT_DNS 256
#define CONTRACT_URL 512
#define CONTRACT_MAX_ENDPOINTS 256
#define CONTRACT_MAX_SERVICES 16
#define CONTRACT_MAX_APPS 8
#define CONTRACT_MAX_ARGS 16

enum capacity_class { CAPACITY_BEST_EFFORT, CAPACITY_CONTROLLED, CAPACITY_CONSTANT };
enum endpoint_kind { ENDPOINT_SERVER, ENDPOINT_ACCESS };
enum service_protocol { SERVICE_TCP, SERVICE_UDP };

/* The resources a client can ask more or less of. Values are on the wire: never renumber. */
enum resource { RESOURCE_BANDWIDTH = 1, RESOURCE_CPU = 2, RESOURCE_MEMORY = 3, RESOURCE_DISK = 4 };
#define RESOURCE_MAX 4
/* Where in an array by resource: at its number, or at 0 one that is not known here. */
static inline unsigned resource_slot(unsigned resource)
{
	return resource <= RESOURCE_MAX ? resource : 0;
}

/* Levels of each resource: bit/s, CPU shares (1024: one ordinary share), KiB of memory, MiB of disk. */
struct contract_isc {
	char image[CONTRACT_NAME];
	uint64_t cpu_shares;
	uint64_t cpu_quota_us;   /* per 100 ms period over all CPUs; 0: no cap */
	uint64_t memory_kib;
	uint64_t disk_mib;       /* 0: what the image has */
	unsigned vcpus;
};

struct contract_endpoint {
	enum endpoint_kind kind;
	char element[CONTRACT_NAME];
	int leader;                    /* exactly one access router leads (initiates) */
	struct in_addr control;        /* the element's own (public) address, where its controller answers */
	struct in_addr private_addr;   /* the ISC's or the proxy's address inside the ICorp */
	struct in_addr public_addr;    /* access routers: where end users reach the service; else 0.0.0.0 */
	char subnet[CONTRACT_NAME];    /* which private subnet private_addr lies in */
	struct contract_isc isc;       /* servers */
};

struct contract_subnet { char name[CONTRACT_NAME]; struct prefix prefix; };

struct contract_service {
	char name[CONTRACT_NAME];
	enum service_protocol protocol;
	uint16_t port;                 /* at the proxies */
	uint16_t target_port;          /* at the ISCs */
};

struct contract_app {
	char name[CONTRACT_NAME];      /* a known application, or a label when url is set */
	char url[CONTRACT_URL];        /* the client's own: fetched by the ISC controller */
	uint8_t sha256[SHA256_SIZE];   /* of what the url yields */
	unsigned n_args;
	char *arg[CONTRACT_MAX_ARGS];  /* owned */
};

struct contract_network {
	struct prefix prefix;          /* covers every private subnet: what classifies the ICorp's packets */
	uint64_t rate_bps;             /* guaranteed on every link the ICorp crosses, each direction */
	uint64_t ceil_bps;             /* may borrow up to; >= rate */
	uint8_t priority;              /* 802.1p, 0..7 */
	enum capacity_class capacity;
};

struct contract_limits {               /* how far the client may grow; 0: only as far as the class goes */
	uint64_t max[RESOURCE_MAX + 1];      /* by enum resource */
	uint64_t budget_micro;               /* per interval_s, in millionths of the currency; 0: none */
};

struct contract_prices {
	char currency[4];
	uint32_t interval_s;
	/* micro-units per interval for one `unit` of each resource's level */
	struct { uint64_t unit, micro; } per[RESOURCE_MAX + 1];
};

struct contract {
	unsigned refs;
	uint8_t digest[SHA256_SIZE];   /* of `xml` */
	char *xml;                     /* canonical form, NUL-terminated, owned */
	size_t xml_len;

	uint32_t id;                   /* the ICorp: P2MP id on the wire; 0 in a request, or when it fits any ICorp */
	uint16_t revision;             /* LSP-ID on the wire, from 1 */
	uint32_t parent;               /* 0: none */
	char client[CONTRACT_NAME], name[CONTRACT_NAME], class_name[CONTRACT_NAME];
	char dns_name[CONTRACT_DNS];
	uint8_t setup_priority, holding_priority; /* 0 (highest) .. 7, as in RFC 3209 */
	uint32_t lifetime_s;           /* 0: until deleted */

	struct contract_network network;
	unsigned n_subnets;   struct contract_subnet *subnets;
	unsigned n_endpoints; struct contract_endpoint *endpoints;
	unsigned n_services;  struct contract_service services[CONTRACT_MAX_SERVICES];
	unsigned n_apps;      struct contract_app apps[CONTRACT_MAX_APPS];
	struct contract_limits limits;
	struct contract_prices prices;
};

/* What a client asks for. */
struct contract_request {
	char client[CONTRACT_NAME], name[CONTRACT_NAME], class_name[CONTRACT_NAME];
	char dns_name[CONTRACT_DNS];   /* empty: name under the ASP's zone */
	unsigned servers;              /* how many, the gatekeeper chooses */
	unsigned n_named_servers; char named_server[16][CONTRACT_NAME]; /* or these exactly */
	unsigned n_access; char access[16][CONTRACT_NAME]; /* access routers; the first leads; none: any */
	char image[CONTRACT_NAME];     /* empty: the class's */
	unsigned n_services;  struct contract_service services[CONTRACT_MAX_SERVICES];
	unsigned n_apps;      struct contract_app apps[CONTRACT_MAX_APPS];
	struct contract_limits limits;
	uint32_t lifetime_s;
};

struct contract_error {
	int line;                      /* 0 when there is none */
	char element[64];              /* the XML element at fault, or "" */
	char text[384];                /* what is wrong and what would be right */
};

/* Loads and compiles the schema once per process (from memory: it is built in). 0 or -errno. Not
 * thread-safe; the compiled schema is shared by later parses. contract_cleanup() frees it. */
int contract_init(void);
void contract_cleanup(void);

/*
 * Parses, validates (schema, then rules the schema can't say: one leader, addresses inside their subnets,
 * subnets inside the prefix and apart, ceil >= rate, unique elements, …), brings into canonical form and
 * digests. On success *out has one reference. -EINVAL with *error filled; -E2BIG; -ENOMEM.
 */
int contract_parse(const char *xml, size_t len, struct contract **out, struct contract_error *error);
int contract_request_parse(const char *xml, size_t len, struct contract_request *out,
			   struct contract_error *error);
/* Frees what a parsed or filled request owns (application arguments). */
void contract_request_clear(struct contract_request *request);
/* Writes a filled request (a web form, JSON) as canonical XML, malloc'd, and checks it by the same rules as one
 * that came as XML. 0; -EINVAL with *error filled; -E2BIG; -ENOMEM. */
int contract_request_seal(const struct contract_request *request, char **xml, size_t *len,
			  struct contract_error *error);

/* Serialises the fields of c (xml and digest ignored) to canonical XML, fills c->xml, xml_len, digest, and
 * checks the result by the same rules. For the gatekeeper. 0, -EINVAL with *error, -ENOMEM. */
int contract_seal(struct contract *c, struct contract_error *error);

/* A zeroed contract with one reference (gatekeeper, tests). NULL when out of memory. */
struct contract *contract_new(void);
struct contract *contract_ref(struct contract *c);
void contract_unref(struct contract *c); /* NULL is fine */

const struct contract_endpoint *contract_leader(const struct contract *c);
const struct contract_endpoint *contract_endpoint_by_element(const struct contract *c, const char *element);
/* By control address: how S2L_SUB_LSP destinations name endpoints. */
const struct contract_endpoint *contract_endpoint_by_control(const struct contract *c, struct in_addr a);

/* Deflated (zlib) contract for a BODY object. *out is malloc'd. 0 or -errno. */
int contract_deflate(const struct contract *c, uint8_t **out, size_t *len);
/* Inflates at most CONTRACT_MAX_SIZE bytes into a malloc'd, NUL-terminated *xml. -E2BIG, -EBADMSG, -ENOMEM. */
int contract_inflate(const uint8_t *data, size_t len, char **xml, size_t *xml_len);

/* What two revisions differ in, as bits, and a printable line per difference. */
#define CONTRACT_DIFF_RATE 1u
#define CONTRACT_DIFF_ENDPOINTS 2u
#define CONTRACT_DIFF_ISC 4u
#define CONTRACT_DIFF_SERVICES 8u
#define CONTRACT_DIFF_APPS 16u
#define CONTRACT_DIFF_LIMITS 32u
#define CONTRACT_DIFF_PRICES 64u
#define CONTRACT_DIFF_OTHER 128u
unsigned contract_diff(const struct contract *old, const struct contract *new_,
		       void (*line)(void *ctx, const char *text), void *ctx);

/* The price per interval, in millionths, of `level` of a resource; saturates instead of overflowing. */
uint64_t contract_price(const struct contract *c, enum resource resource, uint64_t level);
/* What an endpoint begins with: its ISC's level, or the ICorp's rate. */
uint64_t contract_level(const struct contract *c, const struct contract_endpoint *ep, enum resource resource);
/* The ceiling for a client's growth of a resource: its limit, or UINT64_MAX. */
uint64_t contract_limit(const struct contract *c, enum resource resource);

const char *resource_name(enum resource resource);           /* "bandwidth", "cpu", "memory", "disk"; "?" */
int resource_parse(const char *text, enum resource *out);    /* 0 or -EINVAL */
/* A level for people: "12.0 Mbit/s", "1024 shares", "64 MiB". */
const char *resource_level_text(enum resource resource, uint64_t level, char *out, size_t room);
/* "1.250000 EUR/h" from micro-units per interval. */
const char *price_text(uint64_t micro, const char *currency, uint32_t interval_s, char *out, size_t room);

#endif
