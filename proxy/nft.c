/*
 * See nft.h. libnftables takes a text and commits it as one transaction: all of it or nothing. Its messages come
 * back as text; the first line of them is the reason given.
 *
 * After each commit the table's listing (without counters) is kept; as long as the kernel lists the same, nobody
 * has interfered.
 */
#include "config.h"

#include "proxy/nft.h"

#include <errno.h>
#include <jansson.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

struct kernel {
	struct nft_ctx *nft;
	char *listing;       /* as the last commit left it; NULL: unknown */
};

/* Runs a text. 0 or -errno with the reason in why. */
static int commit(struct kernel *kernel, const char *text, char *why, size_t room)
{
	const char *message;

	if (!nft_run_cmd_from_buffer(kernel->nft, text))
		return 0;
	message = nft_ctx_get_error_buffer(kernel->nft);
	snprintf(why, room, "nftables: %.*s", (int)strcspn(message ? message : "", "\n"), message ? message : "");
	if (strstr(why, "Operation not permitted"))
		return -EPERM;
	return strstr(why, "Operation not supported") ? -EOPNOTSUPP : -EIO;
}

/* The table as the kernel lists it, owned by the caller; NULL when it is not there. */
static char *list(struct kernel *kernel)
{
	const char *text;

	nft_ctx_output_set_flags(kernel->nft, NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_NUMERIC_ALL);
	if (nft_run_cmd_from_buffer(kernel->nft, "list table ip " KERNEL_TABLE))
		return NULL;
	text = nft_ctx_get_output_buffer(kernel->nft);
	return text ? strdup(text) : NULL;
}

static void remember(struct kernel *kernel)
{
	free(kernel->listing);
	kernel->listing = list(kernel);
}

struct kernel *kernel_open(char *why, size_t room)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));

	if (!kernel)
		return NULL;
	kernel->nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (kernel->nft && !nft_ctx_buffer_output(kernel->nft) && !nft_ctx_buffer_error(kernel->nft) &&
	    !kernel_rebuild(kernel, NULL, 0, why, room))
		return kernel;
	if (kernel->nft)
		nft_ctx_free(kernel->nft);
	free(kernel);
	return NULL;
}

void kernel_close(struct kernel *kernel)
{
	char why[128];

	if (!kernel)
		return;
	commit(kernel, "add table ip " KERNEL_TABLE "\ndelete table ip " KERNEL_TABLE "\n", why, sizeof(why));
	nft_ctx_free(kernel->nft);
	free(kernel->listing);
	free(kernel);
}

int kernel_change(struct kernel *kernel, const struct kernel_icorp *old, const struct kernel_icorp *now, char *why,
		  size_t room)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	unsigned n;
	int err = 0;

	if (!out)
		return -ENOMEM;
	n = kernel_render_change(out, old, now);
	if (fclose(out)) {
		free(text);
		return -ENOMEM;
	}
	if (n)
		err = commit(kernel, text, why, room);
	if (n && !err)
		remember(kernel);
	free(text);
	return err;
}

int kernel_rebuild(struct kernel *kernel, struct kernel_icorp *const *icorps, size_t n, char *why, size_t room)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int err;

	if (!out)
		return -ENOMEM;
	kernel_render_base(out);
	for (size_t i = 0; i < n; i++)
		kernel_render_change(out, NULL, icorps[i]);
	if (fclose(out)) {
		free(text);
		return -ENOMEM;
	}
	err = commit(kernel, text, why, room);
	if (!err)
		remember(kernel);
	free(text);
	return err;
}

int kernel_intact(struct kernel *kernel)
{
	char *now = list(kernel);
	int same = now && kernel->listing && !strcmp(now, kernel->listing);

	free(now);
	return same;
}

int kernel_count(struct kernel *kernel, const char *chain, uint64_t *connections)
{
	char command[KERNEL_CHAIN + 64];
	json_t *root, *items, *item;
	size_t i;
	int err = -ENOENT;

	snprintf(command, sizeof(command), "list counter ip " KERNEL_TABLE " %s", chain);
	nft_ctx_output_set_flags(kernel->nft, NFT_CTX_OUTPUT_JSON);
	if (nft_run_cmd_from_buffer(kernel->nft, command))
		return -ENOENT;
	root = json_loads(nft_ctx_get_output_buffer(kernel->nft), 0, NULL);
	items = json_object_get(root, "nftables");
	json_array_foreach(items, i, item) {
		json_t *counter = json_object_get(item, "counter");

		if (!counter)
			continue;
		*connections = (uint64_t)json_integer_value(json_object_get(counter, "packets"));
		err = 0;
	}
	json_decref(root);
	return err;
}
