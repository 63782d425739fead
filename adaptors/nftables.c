/*
 * See nftables.h.
 */
#include "config.h"

#include "adaptors/nftables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nft_ctx *nftables_open(void)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	if (!nft)
		return NULL;
	if (!nft_ctx_buffer_output(nft) && !nft_ctx_buffer_error(nft))
		return nft;
	nft_ctx_free(nft);
	return NULL;
}

/* The first line of what libnftables complains about, without the position. */
static void first_line(const char *text, char *why, size_t room)
{
	const char *error = strstr(text, "Error: ");

	error = error ? error + strlen("Error: ") : text;
	size_t len = strcspn(error, "\n");

	snprintf(why, room, "nftables: %.*s", (int)(len < room ? len : room), error);
}

int nftables_run(struct nft_ctx *nft, const char *commands, char *why, size_t room)
{
	errno = 0;
	if (!nft_run_cmd_from_buffer(nft, commands))
		return 0;
	int error = errno;

	first_line(nft_ctx_get_error_buffer(nft), why, room);
	return error == EPERM || error == ENOMEM || error == EEXIST || error == ENOSPC ? -error : -EIO;
}

int nftables_try(struct nft_ctx *nft, const char *commands, char *why, size_t room)
{
	nft_ctx_set_dry_run(nft, true);
	int rc = nftables_run(nft, commands, why, room);

	nft_ctx_set_dry_run(nft, false);
	return rc;
}

json_t *nftables_list(struct nft_ctx *nft, const char *command)
{
	unsigned flags = nft_ctx_output_get_flags(nft);
	json_t *root = NULL;

	nft_ctx_output_set_flags(nft, flags | NFT_CTX_OUTPUT_JSON);
	if (!nft_run_cmd_from_buffer(nft, command))
		root = json_loads(nft_ctx_get_output_buffer(nft), 0, NULL);
	else
		nft_ctx_get_error_buffer(nft);
	nft_ctx_output_set_flags(nft, flags);
	return root;
}

char *nftables_rules(struct nft_ctx *nft, const char *command)
{
	unsigned flags = nft_ctx_output_get_flags(nft);
	char *text = NULL;

	nft_ctx_output_set_flags(nft, flags | NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE);
	if (!nft_run_cmd_from_buffer(nft, command))
		text = strdup(nft_ctx_get_output_buffer(nft));
	else
		nft_ctx_get_error_buffer(nft);
	nft_ctx_output_set_flags(nft, flags);
	return text;
}

#define TRIAL "inet icorp_trial"

int nftables_renews(struct nft_ctx *nft)
{
	static const char make[] = "add table " TRIAL "\ndelete table " TRIAL "\nadd table " TRIAL "\nadd set " TRIAL
		" s { type ipv4_addr; flags interval, timeout; }\n"
		"add element " TRIAL " s { 10.0.0.0/8 timeout 900s expires 100s }\n";
	static const char again[] = "add element " TRIAL " s { 10.0.0.0/8 timeout 900s expires 900s }\n";
	char why[ADAPTOR_REASON];
	json_t *root = NULL, *item;
	int renews = 0;
	size_t i;

	if (!nftables_run(nft, make, why, sizeof(why)) && !nftables_run(nft, again, why, sizeof(why)))
		root = nftables_list(nft, "list set " TRIAL " s");
	json_array_foreach(json_object_get(root, "nftables"), i, item) {
		const json_t *element = json_array_get(json_object_get(json_object_get(item, "set"), "elem"), 0);

		renews |= json_integer_value(json_object_get(json_object_get(element, "elem"), "expires")) > 500;
	}
	json_decref(root);
	nftables_run(nft, "delete table " TRIAL "\n", why, sizeof(why));
	return renews;
}

int nftables_prefix(const json_t *value, struct prefix *out)
{
	const json_t *prefix = json_object_get(value, "prefix");
	const char *addr = json_string_value(prefix ? json_object_get(prefix, "addr") : value);
	json_int_t len = prefix ? json_integer_value(json_object_get(prefix, "len")) : 32;

	if (!addr || len < 1 || len > 32 || addr_parse(addr, &out->addr))
		return -EINVAL;
	out->len = (uint8_t)len;
	return 0;
}

uint32_t nftables_timeout_s(uint32_t lifetime_s)
{
	return lifetime_s > UINT32_MAX / 2 ? 0 : lifetime_s + (lifetime_s + 3) / 4;
}

int nftables_comment_parse(const char *comment, struct adaptor_key *key)
{
	char leader[ADDR_TEXT], end;

	if (!comment || sscanf(comment, "icorp %u %15s%c", &key->icorp, leader, &end) != 2)
		return -EINVAL;
	return addr_parse(leader, &key->leader);
}
