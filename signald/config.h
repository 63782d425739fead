/*
 * icorp-signald's configuration file: the rows are in config.c, which is also what --print-config prints.
 */
#ifndef ICORP_SIGNALD_CONFIG_H
#define ICORP_SIGNALD_CONFIG_H

#include "lib/config.h"
#include "signald/core.h"

struct config_port { char *title; uint64_t speed_bps; int64_t share; };
struct config_resource { char *title; int64_t capacity, step, decrement, floor, ceiling; };
struct config_steps { char *title, *class_name, *resource; int64_t step, decrement, floor, ceiling; };
struct config_neighbour { char *title; char *kind; struct config_list addresses, links; };
struct config_adaptor { char *title; char *type; struct config_list options; };

struct prefix;

struct signald_config {
	char *name, *kind, *address, *transport, *keyring, *gatekeeper, *token_file, *control, *user, *adaptor_dir,
	     *vlans, *public_pool, *isc_host, *pcap, *log_level, *l2, *lldpd_socket;
	uint64_t limit_bytes;
	int64_t limit_messages, limit_strangers, expiry_rate;
	uint64_t refresh_us, hello_us, recovery_us, audit_us, measure_us, isc_start_us, contract_wait_us, heartbeat_us;
	int64_t multiplier, enterprise;
	int integrity, allow_warp;
	struct config_list images, allow;
	struct config_sections ports, resources, steps, adaptors, neighbours;
};

/* Reads (fd and file as config_read has them), checks what rows cannot say, and fills the core's part. 0, or -errno with
 * *error; then nothing is kept. */
int signald_config_read(int fd, const char *file, struct signald_config *config, struct core_config *core,
			struct config_error *error);
/* Whom we take datagrams from: *n prefixes (none: anybody), to be freed. NULL: no memory. */
struct prefix *signald_config_allow(const struct signald_config *config, size_t *n);
void signald_config_free(struct signald_config *config);
/* The rows, for --print-config. */
extern const struct config_row signald_config_rows[];

#endif
