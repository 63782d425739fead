/*
 * The controller's end: what the process says, matched with who asked (see client.c). Everything read is checked; a
 * process that does not speak the protocol is let go like a dead one.
 */
#include "config.h"

#include "adaptors/client_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define READ_CHUNK 65536

void client_landed(struct adaptor_client *c, struct client_session *s)
{
	if (s->flying)
		c->applies_flying--;
	s->flying = 0;
}

static struct client_flight *take_flight(struct adaptor_client *c, uint64_t serial)
{
	struct client_flight *f;

	TAILQ_FOREACH(f, &c->flying, link)
		if (f->serial == serial) {
			TAILQ_REMOVE(&c->flying, f, link);
			return f;
		}
	return NULL;
}

static void waits(struct adaptor_client *c, int *flag, const char *reason)
{
	c->n_waiting += !*flag;
	*flag = 1;
	memcpy(c->waits_for, reason, sizeof(c->waits_for));
}

/* The caller hears when waiting begins, when it is for something else, and when it ends, not of each request. */
static void tell_waiting(struct adaptor_client *c)
{
	int waiting = c->n_waiting != 0;

	if (waiting == c->told_waiting && (!waiting || !strcmp(c->told_waits_for, c->waits_for)))
		return;
	c->told_waiting = waiting;
	memcpy(c->told_waits_for, c->waits_for, sizeof(c->told_waits_for));
	if (c->state)
		c->state(c->ctx, c, waiting ? ADAPTOR_WAITS : ADAPTOR_SERVES, waiting ? c->waits_for : "");
}

static void apply_deferred(struct adaptor_client *c, struct client_session *s, const struct client_flight *f,
			   const char *reason)
{
	struct adaptor_answer a = { .request = ADAPTOR_APPLY, .key = f->key, .cookie = f->cookie,
				    .result = { .error = -EAGAIN } };

	if (!s || s->flying != f->serial)        /* revoked since */
		return;
	client_landed(c, s);
	waits(c, &s->waits, reason);
	if (s->queued)                           /* newer terms go out next, and will say so themselves */
		return;
	s->deferred = f->serial;
	memcpy(a.result.reason, reason, sizeof(a.result.reason));
	c->answer(c->ctx, c, &a);
}

static int on_deferred(struct adaptor_client *c, const struct protocol_frame *frame)
{
	struct wire w = wire_reader(frame->body, frame->len);
	struct client_flight *f = take_flight(c, frame->serial);
	char reason[ADAPTOR_REASON] = "";

	wire_u8(&w);
	protocol_key(&w);
	protocol_str(&w, reason, sizeof(reason));
	if (!f || w.error) {
		free(f);
		return -EBADMSG;
	}
	if (f->request == ADAPTOR_REVOKE) {      /* it is answered later, by success or -ECANCELED */
		waits(c, &f->waits, reason);
		TAILQ_INSERT_HEAD(&c->flying, f, link);
		return 0;
	}
	apply_deferred(c, client_session_find(c, f->key), f, reason);
	free(f);
	return 0;
}

/* The apply of s is done: unless there is more to be sent, nothing of it needs to be kept. */
static void apply_done(struct adaptor_client *c, struct client_session *s)
{
	client_landed(c, s);
	client_waits_no_more(c, &s->waits);
	s->deferred = 0;
	s->deaths = 0;
	if (!s->queued)
		client_forget(c, s);
}

/* Finds whose answer this is and what the caller called it; 0: nobody waits for it (any more). */
static int match(struct adaptor_client *c, uint64_t serial, struct adaptor_answer *a)
{
	struct client_flight *f = take_flight(c, serial);
	struct client_session *s = client_session_find(c, f ? f->key : a->key);
	int silent;

	if (!f) {
		if (!s || s->deferred != serial || s->queued)
			return 0;
		a->cookie = s->cookie;
		a->request = ADAPTOR_APPLY;
		apply_done(c, s);
		return 1;
	}
	silent = f->silent;
	a->cookie = f->cookie;
	a->request = f->request;
	a->key = f->key;
	client_waits_no_more(c, &f->waits);
	free(f);
	if (s && a->request == ADAPTOR_APPLY && s->flying == serial)
		apply_done(c, s);
	else if (s && a->request == ADAPTOR_REVOKE && s->gone && !s->queued)
		client_forget(c, s);
	return !silent;
}

static int on_answer(struct adaptor_client *c, const struct protocol_frame *frame)
{
	struct wire w = wire_reader(frame->body, frame->len);
	struct adaptor_answer a = { .request = (enum adaptor_request)wire_u8(&w) };
	struct adaptor_key *keys = NULL;
	char *json = NULL;

	a.key = protocol_key(&w);
	protocol_result(&w, &a.result);
	a.orphans = wire_u32(&w);
	a.repaired = wire_u32(&w);
	if (w.error)
		return -EBADMSG;
	if (a.request == ADAPTOR_RENEW) {
		int rc = protocol_keys(&w, &keys, &a.n_keys);

		if (rc)
			return rc;
		a.keys = keys;
	} else if (wire_left(&w)) {
		size_t len = wire_left(&w);

		json = strndup((const char *)wire_bytes(&w, len), len);
		if (!json)
			return -ENOMEM;
	}
	a.json = json;
	if (match(c, frame->serial, &a))
		c->answer(c->ctx, c, &a);
	free(json);
	free(keys);
	return 0;
}

static int on_ready(struct adaptor_client *c, const struct protocol_frame *frame)
{
	struct wire w = wire_reader(frame->body, frame->len);
	char reason[ADAPTOR_REASON];
	uint32_t error = wire_u32(&w);

	protocol_str(&w, reason, sizeof(reason));
	uint32_t terms = wire_u32(&w);
	uint8_t renews = wire_u8(&w);

	if (w.error || c->up)
		return -EBADMSG;
	if (error) {
		client_died(c, reason);
		return 1;
	}
	c->up = 1;
	c->terms = terms;
	c->renews = renews;
	c->up_since_us = clock_now_us();
	client_pump(c);
	if (c->state)
		c->state(c->ctx, c, ADAPTOR_STARTED, "");
	return 0;
}

/* 0; 1: the process is being let go; -errno: it is broken. */
static int on_frame(struct adaptor_client *c, const struct protocol_frame *frame)
{
	switch (frame->type) {
	case PROTOCOL_READY: return on_ready(c, frame);
	case PROTOCOL_ANSWER: return on_answer(c, frame);
	case PROTOCOL_DEFERRED: return on_deferred(c, frame);
	}
	return -EBADMSG;
}

void client_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct adaptor_client *c = arg;
	struct protocol_frame frame;
	int rc = protocol_reserve(&c->in, READ_CHUNK);
	ssize_t n = rc ? -1 : recv(fd, c->in.data + c->in.len, c->in.room - c->in.len, 0);

	if (n < 0 && !rc && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_died(c, rc ? "out of memory" : "the process ended");
		return;
	}
	c->in.len += (size_t)n;
	while ((rc = protocol_next(&c->in, &frame)) > 0) {
		rc = on_frame(c, &frame);
		if (rc)
			break;
	}
	if (rc < 0)
		client_died(c, "it does not speak the protocol");
	else if (!rc) {
		tell_waiting(c);
		client_pump(c);
	}
}
