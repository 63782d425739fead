/*
 * The trunk technology's nftables table. See trunk.h. A command has as many elements as there are to change: libnftables goes
 * through the whole map for each command. One that is to go is added (there or not) and deleted, because to delete one that
 * has just timed out fails the transaction. An element's value cannot be changed, and on older kernels neither its timeout:
 * it is added (there or not), deleted and added anew, which no packet sees, since it is one transaction.
 */
#include "config.h"

#include "adaptors/trunk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/nftables.h"

static void table_text(FILE *out, const struct trunk_state *s)
{
	const char *t = s->table;

	fprintf(out, "add table %s\nadd map %s circuit { type ipv4_addr : mark; flags interval, timeout; }\n", t, t);
	fprintf(out, "add set %s circuits { type mark; }\nflush set %s circuits\n", t, t);
	for (unsigned i = 0; i < s->n_circuits; i++)
		fprintf(out, "add element %s circuits { 0x%x }\n", t, s->circuits[i].mark);
	fprintf(out, "add chain %s forwarded { type filter hook prerouting priority -150; }\nflush chain %s forwarded\n", t, t);
	fprintf(out, "add chain %s own { type route hook output priority -150; }\nflush chain %s own\n", t, t);
	fprintf(out, "add chain %s routed { type filter hook postrouting priority -150; }\nflush chain %s routed\n", t, t);
	for (unsigned i = 0; i < 2; i++) {
		const char *side = i ? "daddr" : "saddr";

		fprintf(out, "add rule %s forwarded fib daddr oifname \"%s\" meta mark set ip %s map @circuit\n", t, s->port, side);
		fprintf(out, "add rule %s own oifname \"%s\" meta mark set ip %s map @circuit\n", t, s->port, side);
	}
	fprintf(out, "add rule %s routed meta mark & 0x%x == 0x%x meta mark set 0\n", t, TRUNK_MARK_MASK, TRUNK_MARK);
}

/* One of a session's two states, or NULL. */
typedef const struct trunk_want *pick(const struct trunk_session *session);

static const struct trunk_want *put(const struct trunk_session *session)
{
	return session->next.prefix.len ? &session->next : NULL;
}

static const struct trunk_want *now(const struct trunk_session *session)
{
	return session->now.prefix.len ? &session->now : NULL;
}

static void element_text(FILE *out, const struct trunk_state *s, const struct trunk_session *session,
			 const struct trunk_want *want)
{
	uint32_t timeout_s = nftables_timeout_s(want->lifetime_s);
	char leader[ADDR_TEXT];

	if (timeout_s)
		fprintf(out, " timeout %us expires %us", timeout_s, timeout_s);
	fprintf(out, " comment \"icorp %u %s %" PRIu64 " %u\" : 0x%x", session->entry.key.icorp,
		addr_text(session->entry.key.leader, leader), want->rate_bps, (unsigned)want->capacity,
		s->circuits[want->circuit].mark);
}

/* "add" or "delete" of what pick finds for these sessions. */
static void elements_text(FILE *out, const struct trunk_state *s, const char *verb, struct trunk_session *const *sessions,
			  size_t n, pick *which)
{
	char prefix[PREFIX_TEXT];
	size_t said = 0;

	for (size_t i = 0; i < n; i++) {
		const struct trunk_want *want = sessions[i] ? which(sessions[i]) : NULL;

		if (!want)
			continue;
		if (said++)
			fprintf(out, ",");
		else
			fprintf(out, "%s element %s circuit {", verb, s->table);
		fprintf(out, "\n\t%s", prefix_text(want->prefix, prefix));
		if (verb[0] == 'a')
			element_text(out, s, sessions[i], want);
	}
	if (said)
		fprintf(out, "\n}\n");
}

/* Runs what was written to `out`, whose text is *text, and frees both. */
static int run(struct trunk_state *s, FILE *out, char **text, char *why, size_t room)
{
	int rc = out ? fclose(out) : -1;

	if (rc)
		snprintf(why, room, "out of memory");
	rc = rc ? -ENOMEM : **text ? nftables_run(s->nft, *text, why, room) : 0;
	free(*text);
	return rc;
}

int trunk_table_try(struct trunk_state *s, char *why, size_t room)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	table_text(out, s);
	int rc = fclose(out) ? -ENOMEM : nftables_try(s->nft, text, why, room);

	free(text);
	return rc;
}

static void remember(struct trunk_state *s)
{
	free(s->rules);
	s->rules = trunk_table_rules(s);
}

int trunk_table_setup(struct trunk_state *s, char *why, size_t room)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out)
		table_text(out, s);
	int rc = run(s, out, &text, why, room);

	remember(s);
	return rc;
}

/* All sessions; the caller frees. NULL: no memory. */
static struct trunk_session **all(struct trunk_state *s, size_t *n)
{
	struct trunk_session **list = calloc(s->sessions.count + 1, sizeof(struct trunk_session *)), *session;

	*n = 0;
	for (session = NULL; list && (session = trunk_next(s, session));)
		list[(*n)++] = session;
	return list;
}

static struct trunk_session **all_staged(struct trunk_state *s, size_t *n)
{
	struct trunk_session **list, *session;

	*n = 0;
	TAILQ_FOREACH(session, &s->staged, link)
		++*n;
	list = calloc(*n + 1, sizeof(struct trunk_session *));
	*n = 0;
	if (list)
		TAILQ_FOREACH(session, &s->staged, link)
			list[(*n)++] = session;
	return list;
}

int trunk_table_write(struct trunk_state *s, char *why, size_t room)
{
	size_t len, n = 0;
	char *text = NULL;
	struct trunk_session **list = all(s, &n);
	FILE *out = list ? open_memstream(&text, &len) : NULL;

	if (out) {
		fprintf(out, "add table %s\ndelete table %s\n", s->table, s->table);
		table_text(out, s);
		elements_text(out, s, "add", list, n, put);
	}
	int rc = run(s, out, &text, why, room);

	free(list);
	remember(s);
	return rc;
}

int trunk_table_commit(struct trunk_state *s, char *why, size_t room)
{
	size_t len, n = 0;
	char *text = NULL;
	struct trunk_session **list = all_staged(s, &n);
	FILE *out = list ? open_memstream(&text, &len) : NULL;

	if (out) {
		elements_text(out, s, "add", list, n, now);
		elements_text(out, s, "delete", list, n, now);
		elements_text(out, s, "add", list, n, put);
	}
	int rc = run(s, out, &text, why, room);

	free(list);
	return rc;
}

int trunk_table_renew(struct trunk_state *s, struct trunk_session *const *sessions, size_t n)
{
	char *text = NULL, why[ADAPTOR_REASON];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out) {
		elements_text(out, s, "add", sessions, n, now);
		if (!s->renews) {
			elements_text(out, s, "delete", sessions, n, now);
			elements_text(out, s, "add", sessions, n, now);
		}
	}
	return run(s, out, &text, why, sizeof(why));
}

char *trunk_table_rules(struct trunk_state *s)
{
	char command[80];

	snprintf(command, sizeof(command), "list table %s", s->table);
	return nftables_rules(s->nft, command);
}

static uint32_t mark_of(const json_t *mark)
{
	return json_is_string(mark) ? (uint32_t)strtoul(json_string_value(mark), NULL, 0) : (uint32_t)json_integer_value(mark);
}

size_t trunk_table_former(struct trunk_state *s, uint32_t *marks, size_t max)
{
	char command[80];
	json_t *item, *elem;
	size_t i, k, n = 0;

	snprintf(command, sizeof(command), "list set %s circuits", s->table);
	json_t *root = nftables_list(s->nft, command);   /* NULL: no such set, there were none */

	json_array_foreach(json_object_get(root, "nftables"), i, item) {
		json_array_foreach(json_object_get(json_object_get(item, "set"), "elem"), k, elem) {
			uint32_t mark = mark_of(elem);

			if (n < max && (mark & TRUNK_MARK_MASK) == TRUNK_MARK && trunk_circuit_of(s, mark) < 0)
				marks[n++] = mark;
		}
	}
	json_decref(root);
	return n;
}

/* A pair of key and mark; -EINVAL when it cannot even be named for removal (a range: never one of ours). */
static int parse_element(const json_t *pair, struct trunk_element *e)
{
	const json_t *key = json_array_get(pair, 0), *elem = json_object_get(key, "elem"), *mark = json_array_get(pair, 1);
	const char *comment = json_string_value(json_object_get(elem, "comment"));
	char leader[ADDR_TEXT], end;
	unsigned capacity;

	memset(e, 0, sizeof(*e));
	if (nftables_prefix(elem ? json_object_get(elem, "val") : key, &e->prefix))
		return -EINVAL;
	e->ours = comment && sscanf(comment, "icorp %u %15[0-9.] %" SCNu64 " %u%c", &e->key.icorp, leader, &e->rate_bps,
				    &capacity, &end) == 4 && !addr_parse(leader, &e->key.leader);
	e->capacity = e->ours ? (enum capacity_class)capacity : CAPACITY_BEST_EFFORT;
	e->mark = mark_of(mark);
	e->expires_s = (uint32_t)json_integer_value(json_object_get(elem, "expires"));
	return 0;
}

int trunk_table_read(struct trunk_state *s, struct trunk_element **elements, size_t *n)
{
	char command[80];
	json_t *item, *pair;
	size_t i, k;

	*elements = NULL;
	*n = 0;
	snprintf(command, sizeof(command), "list map %s circuit", s->table);
	json_t *root = nftables_list(s->nft, command);   /* NULL: no such map, nothing is there */

	json_array_foreach(json_object_get(root, "nftables"), i, item) {
		json_t *elem = json_object_get(json_object_get(item, "map"), "elem");

		if (!json_array_size(elem) || *elements)
			continue;
		*elements = calloc(json_array_size(elem), sizeof(**elements));
		if (!*elements) {
			json_decref(root);
			return -ENOMEM;
		}
		json_array_foreach(elem, k, pair)
			*n += !parse_element(pair, &(*elements)[*n]);
	}
	json_decref(root);
	return 0;
}
