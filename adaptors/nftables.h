/*
 * What the technologies that work with nftables share: commands go to libnftables as text, one buffer is one
 * transaction, which the kernel does or does not do; sets and maps are read back as JSON.
 */
#ifndef ICORP_ADAPTOR_NFTABLES_H
#define ICORP_ADAPTOR_NFTABLES_H

#include <jansson.h>
#include <nftables/libnftables.h>
#include <stddef.h>
#include <stdint.h>

#include "adaptors/adaptor.h"

/* A context whose output and errors are kept to be read. NULL: no memory. The caller frees it (nft_ctx_free). */
struct nft_ctx *nftables_open(void);
/* One transaction. 0, -EPERM, -ENOMEM, -EEXIST, -ENOSPC or -EIO, with nftables' words. */
int nftables_run(struct nft_ctx *nft, const char *commands, char *why, size_t room);
/* As nftables_run, but nothing is changed: would the kernel take these commands? */
int nftables_try(struct nft_ctx *nft, const char *commands, char *why, size_t room);
/* What a list command says, for json_decref. NULL: there is no such thing (or no memory). */
json_t *nftables_list(struct nft_ctx *nft, const char *command);
/* What a list command says of the rules, without counters and elements: the same text for the same rules. NULL: there is no
 * such thing. The caller frees. */
char *nftables_rules(struct nft_ctx *nft, const char *command);
/* Does adding an element again renew its timeout (`timeout T expires T`)? Kernels since 6.12 do. Tried in a table of its own. */
int nftables_renews(struct nft_ctx *nft);

/* A set's key in JSON: one address, or a prefix. 0 or -EINVAL. */
int nftables_prefix(const json_t *value, struct prefix *out);
/* The timeout of elements of a session that lives so long without a refresh: a quarter longer, so that those that are younger than a
 * quarter need not be renewed. 0: none (it lives longer than nftables can say). */
uint32_t nftables_timeout_s(uint32_t lifetime_s);
/* The key in an element's comment, "icorp 7 10.200.1.11". 0 or -EINVAL. */
int nftables_comment_parse(const char *comment, struct adaptor_key *key);

#endif
