/*
 * The proxy technology: this access router's IS Proxy, icorp-proxy, as one more thing behind the waist.
 *
 * An apply describes the ICorp to icorp-proxy completely (`proxy/set`, whose JSON proxy/spec.h lays down) over its
 * control socket: the local access endpoint's addresses, the services, and every server endpoint with its weight.
 * icorp-proxy makes the difference and forgets what is not renewed within the terms' lifetime (a renewal says the same
 * again). Terms without a local access endpoint want nothing here.
 *
 * The text sent last is kept per session: the audit compares it with `proxy/list`, so that an icorp-proxy that was
 * restarted gets back what it served, and sessions no one wants are unset. icorp-proxy being down is -EAGAIN.
 */
#include "config.h"

#include "adaptors/protocol.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "lib/addr.h"
#include "lib/control.h"
#include "lib/writer.h"

#define PROXY_TIMEOUT_MS 5000

struct proxy_session {
	struct proxy_session *next;
	struct adaptor_key key;
	char *text;                  /* as sent last; NULL: its terms want nothing here */
};

struct proxy_state {
	char *socket, *mode, *policy;
	struct proxy_session *sessions;
};

static struct proxy_session **find(struct proxy_state *s, struct adaptor_key key)
{
	struct proxy_session **at = &s->sessions;

	while (*at && !adaptor_key_equal((*at)->key, key))
		at = &(*at)->next;
	return at;
}

static void forget(struct proxy_session **at)
{
	struct proxy_session *session = *at;

	if (!session)
		return;
	*at = session->next;
	free(session->text);
	free(session);
}

/*
 * Asks icorp-proxy. 0 with the answer (which the caller frees) in *out; -EAGAIN when nobody answers, -EINVAL when
 * it refused, with the reason in why.
 */
static int ask(struct proxy_state *s, int argc, char *const *argv, char **out, char *why, size_t room)
{
	char *const ping[] = { "version" };
	char dull[ADAPTOR_REASON], *pong;

	*out = control_call(s->socket, argc, argv, PROXY_TIMEOUT_MS, why, room);
	if (*out)
		return 0;
	pong = control_call(s->socket, 1, ping, PROXY_TIMEOUT_MS, dull, sizeof(dull));
	if (!pong)
		return -EAGAIN;
	free(pong);
	return -EINVAL;
}

static int set(struct proxy_state *s, const char *text, char *why, size_t room)
{
	char *const argv[] = { "proxy/set", (char *)text };
	char *answer;
	int err = ask(s, 2, argv, &answer, why, room);

	if (!err)
		free(answer);
	return err;
}

static int unset(struct proxy_state *s, struct adaptor_key key, char *why, size_t room)
{
	char id[16], leader[ADDR_TEXT], *answer;
	char *const argv[] = { "proxy/unset", id, leader };
	int err;

	snprintf(id, sizeof(id), "%u", key.icorp);
	addr_text(key.leader, leader);
	err = ask(s, 3, argv, &answer, why, room);
	if (!err)
		free(answer);
	return err;
}

static int proxy_probe(const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	const char *path = adaptor_option(options, n, "socket", "");
	size_t len = strlen(path);

	if (len && len < sizeof(((struct sockaddr_un *)0)->sun_path))
		return 0;
	snprintf(why, room, "socket: must be the path of icorp-proxy's control socket, shorter than %zu bytes",
		 sizeof(((struct sockaddr_un *)0)->sun_path));
	return -EINVAL;
}

static void proxy_close(void *state)
{
	struct proxy_state *s = state;

	while (s->sessions)
		forget(&s->sessions);
	free(s->socket);
	free(s->mode);
	free(s->policy);
	free(s);
}

static int proxy_open(const struct adaptor_option *options, size_t n, void **state, char *why, size_t room)
{
	struct proxy_state *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->socket = strdup(adaptor_option(options, n, "socket", ""));
	s->mode = strdup(adaptor_option(options, n, "mode", "auto"));
	s->policy = strdup(adaptor_option(options, n, "policy", "round-robin"));
	if (!s->socket || !s->mode || !s->policy) {
		proxy_close(s);
		return -ENOMEM;
	}
	*state = s;
	return 0;
}

static const struct terms_endpoint *local_access(const struct adaptor_terms *terms)
{
	for (unsigned i = 0; i < terms->n_endpoints; i++)
		if (terms->endpoints[i].local && terms->endpoints[i].kind == ENDPOINT_ACCESS)
			return &terms->endpoints[i];
	return NULL;
}

static void write_services(struct writer *w, const struct adaptor_terms *terms)
{
	writer_array(w, "services");
	for (unsigned i = 0; i < terms->n_services; i++) {
		const struct contract_service *s = &terms->services[i];

		writer_object(w, NULL);
		writer_str(w, "name", s->name);
		writer_str(w, "protocol", s->protocol == SERVICE_UDP ? "udp" : "tcp");
		writer_uint(w, "port", s->port);
		writer_uint(w, "target_port", s->target_port);
		writer_bool(w, "proxy_protocol", 0);
		writer_end(w);
	}
	writer_end(w);
}

static void write_backends(struct writer *w, const struct adaptor_terms *terms)
{
	char text[ADDR_TEXT];

	writer_array(w, "backends");
	for (unsigned i = 0; i < terms->n_endpoints; i++) {
		const struct terms_endpoint *e = &terms->endpoints[i];

		if (e->kind != ENDPOINT_SERVER || !e->private_addr.s_addr)
			continue;
		writer_object(w, NULL);
		writer_str(w, "element", e->element);
		writer_str(w, "address", addr_text(e->private_addr, text));
		writer_uint(w, "weight", e->weight);
		writer_bool(w, "up", e->up && e->weight);
		writer_end(w);
	}
	writer_end(w);
}

/* The description of the terms for the local endpoint, which the caller frees; NULL when out of memory. */
static char *describe(const struct proxy_state *s, const struct adaptor_terms *terms, const struct terms_endpoint *e)
{
	struct writer *w = writer_new();
	char addr[ADDR_TEXT], *text;

	if (!w)
		return NULL;
	writer_uint(w, "id", terms->icorp);
	writer_str(w, "leader", addr_text(terms->leader, addr));
	writer_str(w, "name", terms->name);
	writer_str(w, "public", addr_text(e->public_addr, addr));
	writer_str(w, "source", addr_text(e->private_addr, addr));
	writer_str(w, "mode", s->mode);
	writer_str(w, "policy", s->policy);
	writer_uint(w, "lifetime_s", terms->lifetime_s);
	write_services(w, terms);
	write_backends(w, terms);
	text = writer_render(w, WRITER_JSON);
	writer_free(w);
	return text;
}

static int refuse(struct adaptor_result *result, int error, const char *why)
{
	result->error = error;
	if (why != result->reason)
		snprintf(result->reason, sizeof(result->reason), "%s", why);
	return error;
}

static int proxy_check(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	const struct terms_endpoint *e = local_access(terms);

	if (!e)
		return 0;
	if (!e->public_addr.s_addr)
		return refuse(result, -EINVAL, "the access router's endpoint has no public address");
	if (!e->private_addr.s_addr)
		return refuse(result, -EINVAL, "the access router's endpoint has no private address");
	return 0;
}

/* Remembers the text (and takes it over) as what the session wants. */
static int keep(struct proxy_state *s, struct adaptor_key key, char *text)
{
	struct proxy_session **at = find(s, key);

	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (!*at) {
			free(text);
			return -ENOMEM;
		}
		(*at)->key = key;
	}
	free((*at)->text);
	(*at)->text = text;
	return 0;
}

static int proxy_apply(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	struct proxy_state *s = state;
	const struct terms_endpoint *e = local_access(terms);
	struct adaptor_key key = { terms->icorp, terms->leader };
	char *text;
	int err;

	if (!e || !terms->n_services) {
		const struct proxy_session *had = *find(s, key);

		err = had && had->text ? unset(s, key, result->reason, sizeof(result->reason)) : 0;
		return err ? err : keep(s, key, NULL);
	}
	err = proxy_check(state, terms, result);
	if (err)
		return err;
	text = describe(s, terms, e);
	if (!text)
		return refuse(result, -ENOMEM, "out of memory");
	err = set(s, text, result->reason, sizeof(result->reason));
	if (err) {
		free(text);
		return refuse(result, err, result->reason);
	}
	result->grants[result->n_grants++] =
		(struct adaptor_grant){ .outcome = OUTCOME_APPLIED, .enforcement = ENFORCEMENT_ENFORCED };
	return keep(s, key, text);
}

static int proxy_revoke(void *state, struct adaptor_key key, char *why, size_t room)
{
	struct proxy_state *s = state;
	int err = unset(s, key, why, room);

	if (!err)
		forget(find(s, key));
	return err;
}

static int proxy_renew(void *state, const struct adaptor_key *keys, size_t n, uint8_t *failed)
{
	struct proxy_state *s = state;
	char why[ADAPTOR_REASON];

	for (size_t i = 0; i < n; i++) {
		const struct proxy_session *session = *find(s, keys[i]);
		int err = !session ? -ENOENT : session->text ? set(s, session->text, why, sizeof(why)) : 0;

		if (err == -EAGAIN)
			return err;
		failed[i] = err != 0;
	}
	return 0;
}

/* A command's answer as JSON, which the caller releases; NULL with *err set. */
static json_t *query(struct proxy_state *s, int argc, char *const *argv, int *err)
{
	char why[ADAPTOR_REASON], *answer;
	json_t *root;

	*err = ask(s, argc, argv, &answer, why, sizeof(why));
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
		err = unset(s, key, why, sizeof(why));
		if (err)
			break;
		forget(find(s, key));
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

	for (struct proxy_session *session = s->sessions; session && !err; session = session->next) {
		if (!session->text || !among(session->key, keys, n) || served(icorps, session))
			continue;
		err = set(s, session->text, why, sizeof(why));
		*repaired += !err;
	}
	return err;
}

static int proxy_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
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

static int proxy_measure(void *state, struct writer *w)
{
	return pass_on(state, w, "counters", "services");
}

static int proxy_show(void *state, struct writer *w)
{
	int err = pass_on(state, w, "icorps", "icorps");

	return err ? err : pass_on(state, w, "backends", "backends");
}

static const char *const proxy_options[] = {
	"socket=PATH of icorp-proxy's control socket (required)",
	"mode=auto, relay or kernel: how connections are carried",
	"policy=round-robin, weighted or least-connections",
	NULL,
};

const struct adaptor_ops adaptor_proxy = {
	.type = "proxy",
	.help = "the IS Proxy (icorp-proxy): end users' connections to the ICorp's servers",
	.terms = TERM_PROXY,
	.options = proxy_options,
	.probe = proxy_probe,
	.open = proxy_open,
	.check = proxy_check,
	.apply = proxy_apply,
	.revoke = proxy_revoke,
	.renew = proxy_renew,
	.audit = proxy_audit,
	.measure = proxy_measure,
	.show = proxy_show,
	.close = proxy_close,
};
