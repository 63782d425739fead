/* The kernel as a backend of the tc technology: what tc_netlink.c and tc_nft.c share. */
#ifndef ICORP_ADAPTOR_TC_KERNEL_H
#define ICORP_ADAPTOR_TC_KERNEL_H

#include "adaptors/tc.h"

struct mnl_socket;
struct nft_ctx;

struct tc_kernel {
	struct mnl_socket *nl;
	struct nft_ctx *nft;
	unsigned portid, seq;
	char *buffer;
};

extern const struct tc_backend tc_kernel_backend;

/* NULL and errno on failure. */
struct tc_kernel *tc_kernel_open(void);
void tc_kernel_close(struct tc_kernel *k); /* NULL is fine */

int tc_nft_run(void *backend, const char *text, char *why, size_t room);
int tc_nft_read_map(void *backend, const char *family, struct tc_element **elements, size_t *n);
char *tc_nft_rules(void *backend, const char *family);

#endif
