/*
 * The nat technology's table in the kernel (nat.h): its elements are read back as JSON, changes are one transaction.
 *
 *     {"nftables": [{"metainfo": {}}, {"set": {"name": "icorps", "elem": [{"elem": {"val": {"prefix": {"addr":
 *      "10.64.7.0", "len": 24}}, "timeout": 900, "expires": 899, "comment": "icorp 7 10.200.1.11", "counter":
 *      {"packets": 0, "bytes": 0}}}]}}]}
 *
 * libnftables takes time in proportion to the whole set for each element that is deleted, about 40 times what it takes
 * to write one. So when many are to go the whole table is written anew.
 *
 * Elements count what they let pass. Where a transaction writes one anew, what it had counted is read before, and kept.
 */
#include "config.h"

#include "adaptors/nat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/nftables.h"
#include "lib/clock.h"

#define DELETIONS 32

static uint64_t number(const json_t *object, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

/* The prefix of a set's key; of two, both have to be the same. 0 or -EINVAL. */
static int parse_key(const json_t *value, struct prefix *out)
{
	const json_t *pair = json_object_get(value, "concat");
	struct prefix other;

	if (!pair)
		return nftables_prefix(value, out);
	if (nftables_prefix(json_array_get(pair, 0), out) || nftables_prefix(json_array_get(pair, 1), &other))
		return -EINVAL;
	return out->addr.s_addr == other.addr.s_addr && out->len == other.len ? 0 : -EINVAL;
}

static void parse_element(const json_t *item, struct nat_element *e)
{
	const json_t *elem = json_object_get(item, "elem"), *counter = json_object_get(elem, "counter");

	e->ours = !nftables_comment_parse(json_string_value(json_object_get(elem, "comment")), &e->key) &&
		  !parse_key(json_object_get(elem, "val"), &e->prefix);
	if (json_object_get(elem, "timeout"))
		e->expires_s = (uint32_t)number(elem, "expires") + 1;   /* it says less than it is, down to 0 */
	e->packets = number(counter, "packets");
	e->bytes = number(counter, "bytes");
}

static int parse_set(const json_t *set, struct nat_elements *list)
{
	const json_t *elem = json_object_get(set, "elem"), *item;
	size_t i;

	if (!json_array_size(elem) || list->element)
		return 0;
	list->element = calloc(json_array_size(elem), sizeof(*list->element));
	if (!list->element)
		return -ENOMEM;
	json_array_foreach(elem, i, item)
		parse_element(item, &list->element[list->n++]);
	return 0;
}

int nat_read(struct nat_state *s, const char *set, struct nat_elements *list)
{
	char command[64];
	json_t *root, *item;
	int rc = 0;
	size_t i;

	memset(list, 0, sizeof(*list));
	snprintf(command, sizeof(command), "list set " NAT_TABLE " %s", set);
	root = nftables_list(s->nft, command);
	json_array_foreach(json_object_get(root, "nftables"), i, item)
		rc = rc ? rc : parse_set(json_object_get(item, "set"), list);
	json_decref(root);
	return rc;
}

char *nat_rules(struct nat_state *s)
{
	return nftables_rules(s->nft, "list table " NAT_TABLE);
}

/* After a transaction: elements that were put have their whole life before them, and what those before them had counted is kept. */
static void written(struct nat_state *s, const struct nat_elements *before, const struct nat_batch *batch)
{
	for (size_t i = 0; i < before->n; i++) {
		const struct nat_element *e = &before->element[i];
		struct nat_session *session = e->ours ? nat_find(s, e->key) : NULL;

		if (session && session->put) {
			session->packets += e->packets;
			session->bytes += e->bytes;
		}
	}
	for (size_t i = 0; i < batch->n; i++)
		if (batch->session[i]->put)
			batch->session[i]->renewed_us = clock_now_us();
}

/* Does what was written to out, which is closed. */
static int run(struct nat_state *s, FILE *out, char **text, char *why, size_t room)
{
	int rc = fclose(out) ? -ENOMEM : 0;

	if (rc)
		snprintf(why, room, "out of memory");
	else if (**text)
		rc = nftables_run(s->nft, *text, why, room);
	free(*text);
	return rc;
}

static int out_of_memory(char *why, size_t room)
{
	snprintf(why, room, "out of memory");
	return -ENOMEM;
}

/* Sessions that nobody has applied have what is left in the kernel: no more, and nothing if that is nothing. */
static void only_what_is_left(struct nat_state *s, const struct nat_elements *before)
{
	struct nat_session *session, *after;

	for (size_t i = 0; i < before->n; i++) {
		session = before->element[i].ours ? nat_find(s, before->element[i].key) : NULL;
		if (session && !session->applied) {
			session->seen = 1;
			session->now.lifetime_s = before->element[i].expires_s;
		}
	}
	for (session = nat_next(s, NULL); session; session = after) {
		after = nat_next(s, session);
		if (session->staged || session->applied)
			continue;
		if (session->seen)
			session->next.lifetime_s = session->now.lifetime_s;
		else
			nat_drop(s, session);
		session->seen = 0;
	}
}

/* All sessions. 0 or -ENOMEM; the caller frees batch->session. */
static int everyone(const struct nat_state *s, struct nat_batch *batch)
{
	*batch = (struct nat_batch){ .session = malloc((s->sessions.count + 1) * sizeof(*batch->session)) };
	if (!batch->session)
		return -ENOMEM;
	for (struct nat_session *session = NULL; (session = nat_next(s, session));) {
		session->put = session->next.prefix.len != 0;
		batch->session[batch->n++] = session;
	}
	return 0;
}

static int rewrite(struct nat_state *s, const struct nat_batch *all, const struct nat_elements *before, char *why,
		   size_t room)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return out_of_memory(why, room);
	nat_table_text(out, &s->config);
	nat_add_text(out, all, nat_pick_next);
	int rc = run(s, out, &text, why, room);

	if (rc)
		return rc;
	written(s, before, all);
	free(s->rules);
	s->rules = nat_rules(s);
	return 0;
}

int nat_rewrite(struct nat_state *s, char *why, size_t room)
{
	struct nat_elements before;
	struct nat_batch all;

	if (nat_read(s, "icorps", &before))
		return out_of_memory(why, room);
	only_what_is_left(s, &before);
	int rc = everyone(s, &all) ? out_of_memory(why, room) : rewrite(s, &all, &before, why, room);

	free(all.session);
	free(before.element);
	return rc;
}

/* How many elements of a set the difference deletes. */
static size_t deletions(const struct nat_state *s, const struct nat_batch *batch)
{
	size_t n = 0;

	for (size_t i = 0; i < batch->n; i++)
		n += nat_pick_gone(batch->session[i]) || (!s->renews && batch->session[i]->put);
	return n;
}

int nat_commit(struct nat_state *s, const struct nat_batch *batch, char *why, size_t room)
{
	struct nat_elements before = { 0 };
	char *text;
	size_t len;
	FILE *out;

	if (deletions(s, batch) > DELETIONS)
		return nat_rewrite(s, why, room);
	if (!s->renews && nat_read(s, "icorps", &before))
		return out_of_memory(why, room);
	out = open_memstream(&text, &len);
	if (!out) {
		free(before.element);
		return out_of_memory(why, room);
	}
	nat_difference_text(out, batch, !s->renews);
	int rc = run(s, out, &text, why, room);

	if (!rc)
		written(s, &before, batch);
	free(before.element);
	return rc;
}

