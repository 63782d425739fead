/*
 * The controller's end: its sessions, answers of its own, and what goes out (see client.c).
 */
#include "config.h"

#include "adaptors/client_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_QUEUED (64u << 20)     /* bytes not yet taken by the process */

struct client_session *client_session_find(struct adaptor_client *c, struct adaptor_key key)
{
	return (struct client_session *)keymap_find(&c->sessions, key);
}

struct client_session *client_session_next(const struct adaptor_client *c, const struct client_session *after)
{
	return (struct client_session *)keymap_next(&c->sessions, after ? &after->entry : NULL);
}

struct client_session *client_session_obtain(struct adaptor_client *c, struct adaptor_key key)
{
	return (struct client_session *)keymap_obtain(&c->sessions, key, sizeof(struct client_session));
}

void client_unqueue(struct adaptor_client *c, struct client_session *s)
{
	if (s->queued)
		TAILQ_REMOVE(&c->todo, s, link);
	s->queued = 0;
}

void client_waits_no_more(struct adaptor_client *c, int *waits)
{
	c->n_waiting -= *waits != 0;
	*waits = 0;
}

void client_forget(struct adaptor_client *c, struct client_session *s)
{
	client_unqueue(c, s);
	client_waits_no_more(c, &s->waits);
	keymap_remove(&c->sessions, &s->entry);
	free(s->terms);
	free(s);
}

/* Sessions that killed the process wait behind those that did not. */
void client_enqueue(struct adaptor_client *c, struct client_session *s)
{
	if (s->queued)
		return;
	if (s->deaths || TAILQ_EMPTY(&c->todo) || !TAILQ_FIRST(&c->todo)->deaths)
		TAILQ_INSERT_TAIL(&c->todo, s, link);
	else
		TAILQ_INSERT_HEAD(&c->todo, s, link);
	s->queued = 1;
}

/* An answer of our own, from the loop's next turn. */
int client_answer_later(struct adaptor_client *c, enum adaptor_request request, struct adaptor_key key, uint64_t cookie,
			int error, const char *reason)
{
	static const struct timeval now = { 0, 0 };
	struct client_local *local = calloc(1, sizeof(*local));

	if (!local)
		return -ENOMEM;
	local->answer = (struct adaptor_answer){ .request = request, .key = key, .cookie = cookie,
						 .result = { .error = error } };
	snprintf(local->answer.result.reason, ADAPTOR_REASON, "%s", reason);
	TAILQ_INSERT_TAIL(&c->local, local, link);
	event_add(c->later, &now);
	return 0;
}

int client_answer_down(struct adaptor_client *c, enum adaptor_request request, struct adaptor_key key, uint64_t cookie)
{
	return client_answer_later(c, request, key, cookie, -EAGAIN, "the adaptor process is down");
}

void client_on_later(evutil_socket_t fd, short what, void *arg)
{
	struct adaptor_client *c = arg;
	struct client_local *local;

	while ((local = TAILQ_FIRST(&c->local))) {
		TAILQ_REMOVE(&c->local, local, link);
		c->answer(c->ctx, c, &local->answer);
		free(local);
	}
}

/* Puts a request into the output and remembers that it flies. */
int client_fly(struct adaptor_client *c, struct client_flight what, const void *body, size_t len)
{
	if (c->out.len - c->out.pos > MAX_QUEUED)
		return -EAGAIN;
	struct client_flight *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	*f = what;
	f->serial = ++c->serial;
	int rc = protocol_put(&c->out, (uint8_t)f->request, f->serial, body, len);

	if (rc) {
		free(f);
		return rc;
	}
	TAILQ_INSERT_TAIL(&c->flying, f, link);
	event_add(c->writable, NULL);
	return 0;
}

int client_fly_revoke(struct adaptor_client *c, struct adaptor_key key, uint64_t cookie, int silent)
{
	struct client_flight f = { .request = ADAPTOR_REVOKE, .key = key, .cookie = cookie, .silent = silent };
	uint8_t body[8];
	struct wire w = wire_writer(body, sizeof(body));

	protocol_put_key(&w, key);
	return client_fly(c, f, body, w.pos);
}

static int fly_apply(struct adaptor_client *c, struct client_session *s)
{
	struct client_flight f = { .request = ADAPTOR_APPLY, .key = s->entry.key, .cookie = s->cookie };
	int rc = client_fly(c, f, s->terms, s->len);

	if (rc)
		return rc;
	s->flying = c->serial;
	s->deferred = 0;
	c->applies_flying++;
	return 0;
}

/* Sends what waits, as far as it may be sent now. */
void client_pump(struct adaptor_client *c)
{
	struct client_session *s, *next;

	for (s = TAILQ_FIRST(&c->todo); s && c->up; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->flying && !s->gone)
			continue;
		if (s->deaths && c->applies_flying)
			break;
		if (s->gone ? client_fly_revoke(c, s->entry.key, s->cookie, s->silent) : fly_apply(c, s))
			break;
		client_unqueue(c, s);
	}
}

int client_fly_keys(struct adaptor_client *c, enum adaptor_request request, const struct adaptor_key *keys, size_t n,
		    uint64_t cookie)
{
	struct client_flight f = { .request = request, .cookie = cookie };
	size_t room = PROTOCOL_KEYS_SIZE(n);
	uint8_t *body = malloc(room);

	if (!body)
		return -ENOMEM;
	struct wire w = wire_writer(body, room);

	protocol_put_keys(&w, keys, n);
	int rc = client_fly(c, f, body, w.pos);

	free(body);
	return rc;
}
