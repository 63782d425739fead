/*
 * The tc technology's classification half in the kernel: commands go to libnftables as text, one buffer is one
 * transaction; the map is read back as JSON. Elements in our table whose comment is not ours are reported as such (the
 * audit takes them out).
 *
 *     {"nftables": [{"metainfo": {}}, {"map": {"elem": [[{"elem": {"val": {"prefix": {"addr": "10.64.7.0", "len": 24}},
 *      "timeout": 100, "expires": 99, "comment": "icorp 7 10.200.1.1"}}, "1c0b:10"]]}}]}
 */
#include "config.h"

#include "adaptors/tc_kernel.h"

#include <errno.h>
#include <jansson.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of what libnftables complains about, without the position. */
static void first_line(const char *text, char *why, size_t room)
{
	const char *error = strstr(text, "Error: ");

	error = error ? error + strlen("Error: ") : text;
	size_t len = strcspn(error, "\n");

	snprintf(why, room, "nftables: %.*s", (int)(len < room ? len : room), error);
}

int tc_nft_run(void *backend, const char *text, char *why, size_t room)
{
	struct tc_kernel *k = backend;

	errno = 0;
	if (!nft_run_cmd_from_buffer(k->nft, text))
		return 0;
	int error = errno;

	first_line(nft_ctx_get_error_buffer(k->nft), why, room);
	return error == EPERM || error == ENOMEM || error == EEXIST || error == ENOSPC ? -error : -EIO;
}

int tc_nft_would(struct tc_kernel *k, const char *text)
{
	nft_ctx_set_dry_run(k->nft, true);
	int rc = nft_run_cmd_from_buffer(k->nft, text);

	nft_ctx_set_dry_run(k->nft, false);
	nft_ctx_get_error_buffer(k->nft);
	return rc == 0;
}

/* An element's key: one address or a prefix. */
static int parse_prefix(const json_t *val, struct prefix *out)
{
	const json_t *prefix = json_object_get(val, "prefix");
	const char *addr = json_string_value(prefix ? json_object_get(prefix, "addr") : val);
	json_int_t len = prefix ? json_integer_value(json_object_get(prefix, "len")) : 32;

	if (!addr || len < 1 || len > 32 || addr_parse(addr, &out->addr))
		return -EINVAL;
	out->len = (uint8_t)len;
	return 0;
}

/* A pair of key and class; 0, or -EINVAL when it cannot even be named for removal (a range: never one of ours). */
static int parse_element(const json_t *pair, struct tc_element *e)
{
	const json_t *key = json_array_get(pair, 0), *elem = json_object_get(key, "elem");
	const char *class = json_string_value(json_array_get(pair, 1));
	unsigned major = 0, minor = 0;

	memset(e, 0, sizeof(*e));
	if (parse_prefix(elem ? json_object_get(elem, "val") : key, &e->prefix))
		return -EINVAL;
	e->ours = !tc_comment_parse(json_string_value(json_object_get(elem, "comment")), &e->key) && class &&
		  sscanf(class, "%x:%x", &major, &minor) == 2 && major == TC_MAJOR && minor <= 0xffff;
	e->minor = (uint16_t)minor;
	e->expires_s = (uint32_t)json_integer_value(json_object_get(elem, "expires"));
	return 0;
}

static int parse_map(const char *text, struct tc_element **elements, size_t *n)
{
	json_t *root = json_loads(text, 0, NULL), *item, *pair;
	size_t i, k;
	int rc = root ? 0 : -EBADMSG;

	json_array_foreach(json_object_get(root, "nftables"), i, item) {
		json_t *elem = json_object_get(json_object_get(item, "map"), "elem");

		if (!json_array_size(elem) || *elements)
			continue;
		*elements = calloc(json_array_size(elem), sizeof(**elements));
		if (!*elements) {
			rc = -ENOMEM;
			break;
		}
		json_array_foreach(elem, k, pair)
			if (!parse_element(pair, &(*elements)[*n]))
				++*n;
	}
	json_decref(root);
	return rc;
}

static int read_map(struct tc_kernel *k, const char *command, struct tc_element **elements, size_t *n)
{
	unsigned flags = nft_ctx_output_get_flags(k->nft);
	int rc = 0;

	*elements = NULL;
	*n = 0;
	nft_ctx_output_set_flags(k->nft, flags | NFT_CTX_OUTPUT_JSON);
	if (!nft_run_cmd_from_buffer(k->nft, command))
		rc = parse_map(nft_ctx_get_output_buffer(k->nft), elements, n);
	else
		nft_ctx_get_error_buffer(k->nft);  /* no such map: nothing is there */
	nft_ctx_output_set_flags(k->nft, flags);
	return rc;
}

int tc_nft_read_map(void *backend, const char *family, struct tc_element **elements, size_t *n)
{
	char command[64];

	snprintf(command, sizeof(command), "list map %s " TC_TABLE " class", family);
	return read_map(backend, command, elements, n);
}

char *tc_nft_rules(void *backend, const char *family)
{
	struct tc_kernel *k = backend;
	unsigned flags = nft_ctx_output_get_flags(k->nft);
	char command[64], *text = NULL;

	snprintf(command, sizeof(command), "list table %s " TC_TABLE, family);
	nft_ctx_output_set_flags(k->nft, flags | NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE);
	if (!nft_run_cmd_from_buffer(k->nft, command))
		text = strdup(nft_ctx_get_output_buffer(k->nft));
	else
		nft_ctx_get_error_buffer(k->nft);
	nft_ctx_output_set_flags(k->nft, flags);
	return text;
}

#define TRIAL "inet " TC_TABLE "_trial"

int tc_nft_renews(struct tc_kernel *k)
{
	static const char make[] = "add table " TRIAL "\ndelete table " TRIAL "\nadd table " TRIAL "\nadd map " TRIAL
		" class { type ipv4_addr : classid; flags interval, timeout; }\n"
		"add element " TRIAL " class { 10.0.0.0/8 timeout 900s expires 100s : 1:1 }\n";
	static const char again[] = "add element " TRIAL " class { 10.0.0.0/8 timeout 900s expires 900s : 1:1 }\n";
	struct tc_element *elements = NULL;
	char why[ADAPTOR_REASON];
	size_t n = 0;
	int renews = 0;

	if (!tc_nft_run(k, make, why, sizeof(why)) && !tc_nft_run(k, again, why, sizeof(why)) &&
	    !read_map(k, "list map " TRIAL " class", &elements, &n))
		renews = n == 1 && elements[0].expires_s > 500;
	tc_nft_run(k, "delete table " TRIAL "\n", why, sizeof(why));
	free(elements);
	return renews;
}
