/*
 * What icorp-proxy says: compared with what it was told, so that what nobody wants goes and what it lost comes back, and passed on
 * as it is (proxy.c).
 */
#include "config.h"

#include "adaptors/proxy.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "lib/addr.h"

/* A command's answer as JSON, which the caller releases; NULL with *err set. */
static json_t *query(struct proxy_state *s, int argc, char *const *argv, int *err)
{
	char why[ADAPTOR_REASON], *answer;
	json_t *root;

	*err = proxy_ask(s, argc, argv, &answer, why, sizeof(why));
	if (*err)
		return NULL;
	root = json_loads(answer, 0, NULL);
	free(answer);
	if (!root)
		*err = -EBADMSG;
	return root;
}

static struct adaptor_key key_of(json_t *icorp)
{
	struct adaptor_key key = { .icorp = (uint32_t)json_integer_value(json_object_get(icorp, "id")) };
	const char *leader = json_string_value(json_object_get(icorp, "leader"));

	if (!leader || addr_parse(leader, &key.leader))
		key.leader.s_addr = 0;
	return key;
}

static int among(struct adaptor_key key, const struct adaptor_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (adaptor_key_equal(keys[i], key))
			return 1;
	return 0;
}

/* What is served, but nobody wants. */
static int remove_orphans(struct proxy_state *s, json_t *icorps, const struct adaptor_key *keys, size_t n,
			  unsigned *orphans)
{
	json_t *icorp;
	size_t i;
	char why[ADAPTOR_REASON];
	int err = 0;

	json_array_foreach(icorps, i, icorp) {
		struct adaptor_key key = key_of(icorp);

		if (among(key, keys, n))
			continue;
		err = proxy_unset(s, key, why, sizeof(why));
		if (err)
			break;
		proxy_forget(s, key);
		++*orphans;
	}
	return err;
}

/* It is served exactly as it was described. */
static int served(json_t *icorps, const struct proxy_session *session)
{
	json_t *icorp, *wanted = json_loads(session->text, 0, NULL);
	size_t i;
	int found = 0;

	json_array_foreach(icorps, i, icorp)
		found |= json_equal(icorp, wanted);
	json_decref(wanted);
	return found;
}

static int repair(struct proxy_state *s, json_t *icorps, const struct adaptor_key *keys, size_t n, unsigned *repaired)
{
	char why[ADAPTOR_REASON];
	int err = 0;

	for (struct keymap_entry *entry = NULL; !err && (entry = keymap_next(&s->sessions, entry));) {
		const struct proxy_session *session = (struct proxy_session *)entry;

		if (!session->text || !among(entry->key, keys, n) || served(icorps, session))
			continue;
		err = proxy_set(s, session->text, why, sizeof(why));
		*repaired += !err;
	}
	return err;
}

int proxy_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
{
	struct proxy_state *s = state;
	char *const list[] = { "proxy/list" }, *const audit[] = { "proxy/audit" };
	int err;
	json_t *root = query(s, 1, list, &err), *kernel;
	json_t *icorps = json_object_get(root, "icorps");

	*orphans = *repaired = 0;
	if (!err)
		err = remove_orphans(s, icorps, keys, n, orphans);
	if (!err)
		err = repair(s, icorps, keys, n, repaired);
	json_decref(root);
	if (err)
		return err;
	kernel = query(s, 1, audit, &err);
	*repaired += (unsigned)json_integer_value(json_object_get(kernel, "repaired"));
	json_decref(kernel);
	return err;
}

/* Copies a JSON value into the writer. */
static void copy(struct writer *w, const char *name, json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		writer_object(w, name);
		json_object_foreach(value, key, member)
			copy(w, key, member);
		writer_end(w);
		break;
	case JSON_ARRAY:
		writer_array(w, name);
		json_array_foreach(value, i, member)
			copy(w, NULL, member);
		writer_end(w);
		break;
	case JSON_STRING:
		writer_str(w, name, json_string_value(value));
		break;
	case JSON_INTEGER:
		writer_int(w, name, json_integer_value(value));
		break;
	case JSON_REAL:
		writer_real(w, name, json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		writer_bool(w, name, json_is_true(value));
		break;
	case JSON_NULL:
		writer_str(w, name, NULL);
		break;
	}
}

/* Copies one array out of an answer of icorp-proxy. */
static int pass_on(struct proxy_state *s, struct writer *w, const char *what, const char *array)
{
	char *const argv[] = { "show", (char *)what };
	int err;
	json_t *root = query(s, 2, argv, &err), *value = json_object_get(root, array);

	if (value)
		copy(w, array, value);
	json_decref(root);
	return err;
}

int proxy_measure(void *state, struct writer *w)
{
	return pass_on(state, w, "counters", "services");
}

int proxy_show(void *state, struct writer *w)
{
	int err = pass_on(state, w, "icorps", "icorps");

	return err ? err : pass_on(state, w, "backends", "backends");
}
