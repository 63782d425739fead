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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/nftables.h"

int tc_nft_run(void *backend, const char *text, char *why, size_t room)
{
	struct tc_kernel *k = backend;

	return nftables_run(k->nft, text, why, room);
}

/* A pair of key and class; 0, or -EINVAL when it cannot even be named for removal (a range: never one of ours). */
static int parse_element(const json_t *pair, struct tc_element *e)
{
	const json_t *key = json_array_get(pair, 0), *elem = json_object_get(key, "elem");
	const char *class = json_string_value(json_array_get(pair, 1));
	unsigned major = 0, minor = 0;

	memset(e, 0, sizeof(*e));
	if (nftables_prefix(elem ? json_object_get(elem, "val") : key, &e->prefix))
		return -EINVAL;
	e->ours = !nftables_comment_parse(json_string_value(json_object_get(elem, "comment")), &e->key) && class &&
		  sscanf(class, "%x:%x", &major, &minor) == 2 && major == TC_MAJOR && minor <= 0xffff;
	e->minor = (uint16_t)minor;
	e->expires_s = (uint32_t)json_integer_value(json_object_get(elem, "expires"));
	return 0;
}

static int parse_map(const json_t *root, struct tc_element **elements, size_t *n)
{
	json_t *item, *pair;
	size_t i, k;

	json_array_foreach(json_object_get(root, "nftables"), i, item) {
		json_t *elem = json_object_get(json_object_get(item, "map"), "elem");

		if (!json_array_size(elem) || *elements)
			continue;
		*elements = calloc(json_array_size(elem), sizeof(**elements));
		if (!*elements)
			return -ENOMEM;
		json_array_foreach(elem, k, pair)
			if (!parse_element(pair, &(*elements)[*n]))
				++*n;
	}
	return 0;
}

int tc_nft_read_map(void *backend, const char *family, struct tc_element **elements, size_t *n)
{
	struct tc_kernel *k = backend;
	char command[64];

	*elements = NULL;
	*n = 0;
	snprintf(command, sizeof(command), "list map %s " TC_TABLE " class", family);
	json_t *root = nftables_list(k->nft, command);     /* NULL: no such map, nothing is there */
	int rc = parse_map(root, elements, n);

	json_decref(root);
	return rc;
}

char *tc_nft_rules(void *backend, const char *family)
{
	struct tc_kernel *k = backend;
	char command[64];

	snprintf(command, sizeof(command), "list table %s " TC_TABLE, family);
	return nftables_rules(k->nft, command);
}
