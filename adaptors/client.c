/*
 * The controller's end of an adaptor process. Three tables:
 *
 *     sessions   by key, of which something is to be sent or answered: the latest terms (encoded), or the wish to be rid
 *                of the session; what survives a death
 *     flying     requests sent and not yet answered, in the order sent, which nearly always is the order answered
 *     local      answers we give ourselves (the process is down), delivered from the loop, never from a call
 *
 * A session's apply is sent when none of its is flying; newer terms meanwhile replace the waiting ones. DEFERRED moves
 * an apply from flying into its session: newer terms may now be sent and replace it over there. A revoke is sent at
 * once and survives the process, silently if it was already answered with -EAGAIN.
 *
 *     calls, on_ready -> todo queue -> pump -> out buffer -> on_writable
 *     on_readable -> on_frame -> on_answer -> the caller's callback
 *     end of file -> died -> on_restart after a while -> OPEN -> on_ready: what is in the table is sent, the caller told
 *
 * Terms that kill the process must not keep it from serving the others: sessions that were flying when it died are
 * tried again one at a time after all others, and given up (-EIO) after three deaths.
 */
#include "config.h"

#include "adaptors/client_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static int fill(struct adaptor_client *c, const struct adaptor_client_options *o)
{
	c->instance = strdup(o->instance);
	c->type = strdup(o->type);
	c->start = o->start;
	c->start_ctx = o->ctx;
	c->restart = evtimer_new(c->base, client_on_restart, c);
	c->later = evtimer_new(c->base, client_on_later, c);
	return c->instance && c->type && c->restart && c->later ? client_start(c) : -ENOMEM;
}

struct adaptor_client *adaptor_client_new(struct event_base *base, const struct adaptor_client_options *options,
					  adaptor_answer_fn *answer, adaptor_state_fn *state, void *ctx)
{
	struct adaptor_client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->base = base;
	c->answer = answer;
	c->state = state;
	c->ctx = ctx;
	c->fd = -1;
	c->restart_us = CLIENT_RESTART_FIRST_US;
	TAILQ_INIT(&c->todo);
	TAILQ_INIT(&c->flying);
	TAILQ_INIT(&c->local);
	int rc = fill(c, options);

	if (rc) {
		adaptor_client_free(c);
		errno = -rc;
		return NULL;
	}
	return c;
}

/* Gives the process up to two seconds to take what is queued. */
static void drain(struct adaptor_client *c)
{
	uint64_t end = clock_wall_us() + 2 * CLOCK_S;
	struct pollfd pfd = { .fd = c->fd, .events = POLLOUT };

	while (c->fd >= 0 && client_send_some(c) == -EAGAIN && clock_wall_us() < end)
		poll(&pfd, 1, 100);
}

void adaptor_client_free(struct adaptor_client *c)
{
	struct client_session *s;
	struct client_flight *f;
	struct client_local *local;

	if (!c)
		return;
	drain(c);
	client_stop(c);
	while ((f = TAILQ_FIRST(&c->flying))) {
		TAILQ_REMOVE(&c->flying, f, link);
		free(f);
	}
	while ((local = TAILQ_FIRST(&c->local))) {
		TAILQ_REMOVE(&c->local, local, link);
		free(local);
	}
	while ((s = client_session_next(c, NULL)))
		client_forget(c, s);
	keymap_free(&c->sessions);
	if (c->restart)
		event_free(c->restart);
	if (c->later)
		event_free(c->later);
	protocol_free(&c->in);
	protocol_free(&c->out);
	free(c->instance);
	free(c->type);
	free(c);
}

int adaptor_client_check(struct adaptor_client *c, const struct adaptor_terms *terms, uint64_t cookie)
{
	struct client_flight f = { .request = ADAPTOR_CHECK, .key = terms_key(terms), .cookie = cookie };
	uint8_t *data;
	size_t len;

	if (!c->up)
		return client_answer_down(c, ADAPTOR_CHECK, f.key, cookie);
	int rc = terms_encode(terms, &data, &len);

	if (rc)
		return rc;
	rc = client_fly(c, f, data, len);
	free(data);
	return rc;
}

int adaptor_client_apply(struct adaptor_client *c, const struct adaptor_terms *terms, uint64_t cookie)
{
	uint8_t *data;
	size_t len;
	int rc = terms_encode(terms, &data, &len);

	if (rc)
		return rc;
	struct client_session *s = client_session_obtain(c, terms_key(terms));

	if (!s) {
		free(data);
		return -ENOMEM;
	}
	if (s->gone && s->queued)        /* the process never heard of the revoke: the difference will do */
		client_unqueue(c, s);
	free(s->terms);
	s->terms = data;
	s->len = len;
	s->cookie = cookie;
	s->gone = s->silent = 0;
	client_enqueue(c, s);
	client_pump(c);
	return 0;
}

int adaptor_client_revoke(struct adaptor_client *c, struct adaptor_key key, uint64_t cookie)
{
	struct client_session *s = client_session_obtain(c, key);

	if (!s)
		return -ENOMEM;
	client_unqueue(c, s);
	client_waits_no_more(c, &s->waits);
	client_landed(c, s);                    /* what flies is answered, or not when retried; nothing waits for it here */
	free(s->terms);
	s->terms = NULL;
	s->len = 0;
	s->gone = 1;
	s->deferred = 0;
	s->deaths = 0;
	s->cookie = cookie;
	if (c->up)
		return client_fly_revoke(c, key, cookie, 0);
	s->silent = 1;
	client_enqueue(c, s);
	return client_answer_down(c, ADAPTOR_REVOKE, key, cookie);
}

int adaptor_client_audit(struct adaptor_client *c, const struct adaptor_key *keys, size_t n, uint64_t cookie)
{
	if (c->up)
		return client_fly_keys(c, ADAPTOR_AUDIT, keys, n, cookie);
	return client_answer_down(c, ADAPTOR_AUDIT, (struct adaptor_key){ 0 }, cookie);
}

int adaptor_client_renew(struct adaptor_client *c, const struct adaptor_key *keys, size_t n, uint64_t cookie)
{
	if (n > PROTOCOL_MAX_KEYS)
		return -E2BIG;
	if (c->up)
		return client_fly_keys(c, ADAPTOR_RENEW, keys, n, cookie);
	return client_answer_down(c, ADAPTOR_RENEW, (struct adaptor_key){ 0 }, cookie);
}

int adaptor_client_query(struct adaptor_client *c, enum adaptor_request request, uint64_t cookie)
{
	struct client_flight f = { .request = request, .cookie = cookie };

	if (request != ADAPTOR_MEASURE && request != ADAPTOR_PORTS && request != ADAPTOR_SHOW &&
	    request != ADAPTOR_INVENTORY)
		return -EINVAL;
	if (c->up)
		return client_fly(c, f, NULL, 0);
	return client_answer_down(c, request, f.key, cookie);
}

size_t adaptor_client_pending(const struct adaptor_client *c)
{
	const struct client_flight *f;
	const struct client_local *local;
	size_t n = 0;

	TAILQ_FOREACH(f, &c->flying, link)
		n += !f->silent;
	TAILQ_FOREACH(local, &c->local, link)
		n++;
	for (const struct client_session *s = NULL; (s = client_session_next(c, s));)
		n += (s->deferred || s->queued) && !s->silent;
	return n;
}

const char *adaptor_client_instance(const struct adaptor_client *c)
{
	return c->instance;
}

const char *adaptor_client_type(const struct adaptor_client *c)
{
	return c->type;
}

uint32_t adaptor_client_terms(const struct adaptor_client *c)
{
	return c->terms;
}

int adaptor_client_up(const struct adaptor_client *c)
{
	return c->up;
}

int adaptor_client_renews(const struct adaptor_client *c)
{
	return c->renews;
}

pid_t adaptor_client_pid(const struct adaptor_client *c)
{
	return c->up ? c->pid : 0;
}
