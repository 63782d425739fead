/*
 * The tc technology's classification half in the kernel: commands go to libnftables as text, one buffer is one
 * transaction; the maps are read back as JSON. Elements in our table whose comment is not ours are reported as such (the
 * audit takes them out).
 *
 *     {"nftables": [{"metainfo": {}}, {"map": {"name": "class24", "elem": [[{"elem": {"val": "10.64.7.0",
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

/* A pair of key and class; 0, or -EINVAL when it cannot even be named for removal. */
static int parse_element(const json_t *pair, uint8_t len, struct tc_element *e)
{
	const json_t *key = json_array_get(pair, 0), *elem = json_object_get(key, "elem");
	const char *class = json_string_value(json_array_get(pair, 1));
	unsigned major = 0, minor = 0;

	memset(e, 0, sizeof(*e));
	if (nftables_prefix(elem ? json_object_get(elem, "val") : key, &e->prefix))
		return -EINVAL;
	e->prefix.len = len;
	e->ours = !nftables_comment_parse(json_string_value(json_object_get(elem, "comment")), &e->key) && class &&
		  sscanf(class, "%x:%x", &major, &minor) == 2 && major == TC_MAJOR && minor <= 0xffff;
	e->minor = (uint16_t)minor;
	e->expires_s = (uint32_t)json_integer_value(json_object_get(elem, "expires"));
	return 0;
}

static int parse_map(const json_t *map, struct tc_element **elements, size_t *n)
{
	const json_t *elem = json_object_get(map, "elem"), *pair;
	const char *name = json_string_value(json_object_get(map, "name"));
	struct tc_element *more;
	unsigned len;
	size_t i;
	char end;

	if (!json_array_size(elem) || !name || sscanf(name, "class%u%c", &len, &end) != 1 || len < 1 || len > 32)
		return 0;
	more = realloc(*elements, (*n + json_array_size(elem)) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	*elements = more;
	json_array_foreach(elem, i, pair)
		if (!parse_element(pair, (uint8_t)len, &more[*n]))
			++*n;
	return 0;
}

int tc_nft_read_map(void *backend, const char *family, struct tc_element **elements, size_t *n)
{
	struct tc_kernel *k = backend;
	char command[64];
	int rc = 0;
	size_t i;

	*elements = NULL;
	*n = 0;
	snprintf(command, sizeof(command), "list table %s " TC_TABLE, family);
	json_t *root = nftables_list(k->nft, command), *item;    /* NULL: no such table, nothing is there */

	json_array_foreach(json_object_get(root, "nftables"), i, item)
		rc = rc ? rc : parse_map(json_object_get(item, "map"), elements, n);
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
