/*
 * The proxy technology: this access router's IS Proxy, icorp-proxy, as one more thing behind the waist.
 *
 * An apply describes the ICorp to icorp-proxy completely (`proxy/set`; the text is proxy_text.c's) over its
 * control socket: the local access endpoint's addresses, the services, and every server endpoint with its weight.
 * icorp-proxy makes the difference and forgets what is not renewed within the terms' lifetime (a renewal says the same
 * again). Terms without a local access endpoint want nothing here.
 *
 * The text sent last is kept per session: the audit (proxy_audit.c) compares it with `proxy/list`, so that an icorp-proxy that was
 * restarted gets back what it served, and sessions no one wants are unset. icorp-proxy being down is -EAGAIN.
 */
#include "config.h"

#include "adaptors/proxy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "lib/addr.h"
#include "lib/control.h"

#define PROXY_TIMEOUT_MS 5000

struct proxy_session *proxy_find(const struct proxy_state *s, struct adaptor_key key)
{
	return (struct proxy_session *)keymap_find(&s->sessions, key);
}

static void drop(struct proxy_state *s, struct proxy_session *session)
{
	keymap_remove(&s->sessions, &session->entry);
	free(session->text);
	free(session);
}

void proxy_forget(struct proxy_state *s, struct adaptor_key key)
{
	struct proxy_session *session = proxy_find(s, key);

	if (session)
		drop(s, session);
}

int proxy_ask(struct proxy_state *s, int argc, char *const *argv, char **out, char *why, size_t room)
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

int proxy_set(struct proxy_state *s, const char *text, char *why, size_t room)
{
	char *const argv[] = { "proxy/set", (char *)text };
	char *answer;
	int err = proxy_ask(s, 2, argv, &answer, why, room);

	if (!err)
		free(answer);
	return err;
}

int proxy_unset(struct proxy_state *s, struct adaptor_key key, char *why, size_t room)
{
	char id[16], leader[ADDR_TEXT], *answer;
	char *const argv[] = { "proxy/unset", id, leader };
	int err;

	snprintf(id, sizeof(id), "%u", key.icorp);
	addr_text(key.leader, leader);
	err = proxy_ask(s, 3, argv, &answer, why, room);
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

	for (struct keymap_entry *entry; (entry = keymap_next(&s->sessions, NULL));)
		drop(s, (struct proxy_session *)entry);
	keymap_free(&s->sessions);
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

static int refuse(struct adaptor_result *result, int error, const char *why)
{
	result->error = error;
	if (why != result->reason)
		snprintf(result->reason, sizeof(result->reason), "%s", why);
	return error;
}

static int proxy_check(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	const struct terms_endpoint *e = proxy_local_access(terms);

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
	struct proxy_session *session = (struct proxy_session *)keymap_obtain(&s->sessions, key, sizeof(*session));

	if (!session) {
		free(text);
		return -ENOMEM;
	}
	free(session->text);
	session->text = text;
	return 0;
}

static int proxy_apply(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	struct proxy_state *s = state;
	const struct terms_endpoint *e = proxy_local_access(terms);
	struct adaptor_key key = { terms->icorp, terms->leader };
	char *text;
	int err;

	if (!e || !terms->n_services) {
		const struct proxy_session *had = proxy_find(s, key);

		err = had && had->text ? proxy_unset(s, key, result->reason, sizeof(result->reason)) : 0;
		return err ? err : keep(s, key, NULL);
	}
	err = proxy_check(state, terms, result);
	if (err)
		return err;
	text = proxy_describe(s, terms, e);
	if (!text)
		return refuse(result, -ENOMEM, "out of memory");
	err = proxy_set(s, text, result->reason, sizeof(result->reason));
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
	int err = proxy_unset(s, key, why, room);

	if (!err)
		proxy_forget(s, key);
	return err;
}

static int proxy_renew(void *state, const struct adaptor_key *keys, size_t n, uint8_t *failed)
{
	struct proxy_state *s = state;
	char why[ADAPTOR_REASON];

	for (size_t i = 0; i < n; i++) {
		const struct proxy_session *session = proxy_find(s, keys[i]);
		int err = !session ? -ENOENT : session->text ? proxy_set(s, session->text, why, sizeof(why)) : 0;

		if (err == -EAGAIN)
			return err;
		failed[i] = err != 0;
	}
	return 0;
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
