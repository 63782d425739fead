/*
 * The gatekeeper's configuration (man icorp-gatekeeper(8) says it for people).
 */
#ifndef ICORP_GATEKEEPER_CONFIG_H
#define ICORP_GATEKEEPER_CONFIG_H

#include <stdint.h>

#include "contracts/contract.h"
#include "lib/addr.h"
#include "lib/config.h"

/* One of the small set of predefined classes a client chooses from. */
struct gk_class {
	char *title, *help;
	uint64_t rate, ceil;                   /* bit/s; ceil 0: as rate */
	int64_t priority;                      /* 802.1p */
	char *capacity;                        /* "best-effort", "controlled", "constant" */
	int64_t cpu, quota_us, vcpus;          /* shares, per 100 ms, count */
	uint64_t memory, disk;                 /* bytes */
	char *image;
	int64_t setup, holding;                /* RFC 3209 priorities */
	uint64_t max_bandwidth, max_memory;    /* how far an ICorp may grow; 0: unbounded */
	int64_t max_cpu;
	int64_t price_bandwidth, price_cpu, price_memory, price_disk; /* micro per interval: see the man page */
};

struct gk_config {
	char *name;
	char *listen;                          /* ADDRESS:PORT */
	char *tls_cert, *tls_key;              /* both or none */
	char *store;
	char *zone;
	struct config_list reserved;           /* names no client may take */
	int64_t dns_ttl;
	char *dns_server;                      /* ADDRESS or ADDRESS:PORT; empty: no DNS */
	char *tsig_name, *tsig_algorithm, *tsig_secret_file;
	char *private_pool;
	struct config_list tokens;             /* files */
	char *anonymous;                       /* what a caller without a token may do: "none", "read", "client" */
	char *currency;
	uint64_t price_interval;
	uint64_t heartbeat;
	int64_t expiry;                        /* missed heartbeats */
	uint64_t l2_hold, l2_debounce;
	char *www;
	char *control;
	int64_t max_icorps, max_connections, max_streams;
	struct config_sections classes;

	struct prefix pool;                    /* private_pool, parsed */
};

/* Loads and checks file into *out (zeroed by the caller). 0, or -errno with *error. */
int gk_config_load(const char *file, struct gk_config *out, struct config_error *error);
void gk_config_free(struct gk_config *config);
/* Prints every setting with its default (--print-config). */
void gk_config_describe(void (*line)(void *ctx, const char *text), void *ctx);
/* NULL when there is no such class. */
const struct gk_class *gk_config_class(const struct gk_config *config, const char *name);
enum capacity_class gk_class_capacity(const struct gk_class *class_);

#endif
