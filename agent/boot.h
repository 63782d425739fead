/*
 * The boot file: what the host's controller hands to the ISC's controller when it starts the ISC (boot.json). One JSON
 * object; parsed once, then never touched. Unknown keys are ignored, so that a newer host can say more.
 */
#ifndef ICORP_AGENT_BOOT_H
#define ICORP_AGENT_BOOT_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/icorp.h"
#include "agent/policy.h"
#include "lib/mac.h"

#define BOOT_MAX_SIZE 65536
#define BOOT_NAME ICORP_NAME_SIZE   /* [a-z0-9][a-z0-9-]* */
#define BOOT_URL 512
#define BOOT_MAX_SERVICES 16
#define BOOT_MAX_APPS 8
#define BOOT_MAX_ARGS 16
#define BOOT_ARG 1024
#define BOOT_KEY_MAX 64

struct boot_service { char name[BOOT_NAME]; int tcp; uint16_t port; };

struct boot_app {
	char name[BOOT_NAME];            /* a known application, or a label when url is set */
	char url[BOOT_URL];              /* "": known */
	uint8_t sha256[SHA256_SIZE];     /* of what the url yields */
	unsigned n_args;
	char *arg[BOOT_MAX_ARGS];        /* owned */
};

struct boot {
	uint32_t icorp;
	struct in_addr leader;
	unsigned revision;               /* the one the ISC began with; a Path may bring a later one */
	char name[BOOT_NAME];
	struct in_addr endpoint;         /* the host's control address: names us in S2L, LOAD and DEMAND */
	struct in_addr address;          /* ours, inside the ICorp */
	struct in_addr host;             /* where the host's controller listens */
	uint16_t port;                   /* its UDP port */
	uint16_t listen;                 /* ours; "listen", default: the same */
	uint32_t enterprise;             /* of our objects; "enterprise", default RFC 5612's */
	uint32_t key_id;
	uint8_t key[BOOT_KEY_MAX]; size_t key_len;
	unsigned n_services; struct boot_service service[BOOT_MAX_SERVICES];
	unsigned n_apps; struct boot_app app[BOOT_MAX_APPS];
	uint64_t limit[ICORP_RESOURCES + 1]; /* "limits": {"cpu": 4096, …}; 0: not said */
	struct policy_config policy;     /* "policy": an object of the settings of agent.conf */
};

struct boot_error { char text[256]; }; /* "services[0].port: is 70000; must be 1..65535" */

/* Parses len bytes of JSON over a zeroed struct. 0; or -EINVAL, -E2BIG, -ENOMEM with *error filled and *boot zeroed. */
int boot_parse(const char *json, size_t len, struct boot *boot, struct boot_error *error);
/* Reads and parses the file. As above, or the -errno of reading it. */
int boot_load(const char *path, struct boot *boot, struct boot_error *error);
void boot_clear(struct boot *boot);

#endif
