/*
 * The controller's end of an adaptor process. Three tables:
 *
 *     sessions   by key: the latest terms (encoded), or the wish to be rid of the session; what survives a death
 *     flying     requests sent and not yet answered, in the order sent, which nearly always is the order answered
 *     local      answers we give ourselves (the process is down), delivered from the loop, never from a call
 *
 * A session's apply is sent when none of its is flying; newer terms meanwhile replace the waiting ones. DEFERRED moves
 * an apply from flying into its session: newer terms may now be sent and replace it over there. A revoke is sent at
 * once and survives the process, silently if it was already answered with -EAGAIN.
 *
 *     calls, on_ready -> todo queue -> pump -> out buffer -> on_writable
 *     on_readable -> on_frame -> on_answer -> the caller's callback
 *     end of file -> died -> on_restart after a while -> OPEN -> on_ready: all sessions anew, then an audit
 *
 * Terms that kill the process must not keep it from serving the others: sessions that were flying when it died are
 * tried again one at a time after all others, and given up (-EIO) after three deaths. And only a caller that has
 * itself audited since it started gets an audit after a restart: before that it may not have re-learnt its sessions.
 */
#include "config.h"

#include "adaptors/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adaptors/client_process.h"
#include "adaptors/protocol.h"
#include "lib/clock.h"

#define RESTART_FIRST_US (200 * CLOCK_MS)
#define RESTART_CAP_US (10 * CLOCK_S)
#define MAX_QUEUED (64u << 20)     /* bytes not yet taken by the process */
#define MAX_DEATHS 3
#define READ_CHUNK 65536

struct session {
	struct adaptor_key key;        /* first: the tree compares it */
	TAILQ_ENTRY(session) link;     /* in todo */
	int queued;                    /* is in todo */
	int flying;                    /* an apply was sent and neither answered nor deferred */
	int gone;                      /* revoked; kept until the process confirmed it */
	int silent;                    /* what is to be sent was answered before: only a failure is news */
	uint64_t deferred;             /* serial of the apply the process retries; 0: none */
	unsigned deaths;               /* of the process while flying */
	uint64_t cookie;
	uint8_t *terms;
	size_t len;
};

struct flight {
	TAILQ_ENTRY(flight) link;
	uint64_t serial, cookie;
	enum adaptor_request request;
	struct adaptor_key key;
	int silent;
};

struct local { TAILQ_ENTRY(local) link; struct adaptor_answer answer; };

struct adaptor_client {
	struct event_base *base;
	char *instance, *type, *dir;
	const char *program;
	struct adaptor_option *options;  /* owned, strings too */
	size_t n_options;
	adaptor_answer_fn *answer;
	adaptor_state_fn *state;
	void *ctx;

	pid_t pid;
	int fd, up, audited;
	uint32_t terms;
	struct event *readable, *writable, *restart, *later;
	struct protocol_buffer in, out;
	uint64_t serial, restart_us, up_since_us;

	void *sessions;                  /* tsearch tree of struct session */
	size_t applies_flying;
	TAILQ_HEAD(, session) todo;
	TAILQ_HEAD(, flight) flying;
	TAILQ_HEAD(, local) local;
};

static int compare(const void *a, const void *b)
{
	const struct adaptor_key *x = a, *y = b;

	if (x->icorp != y->icorp)
		return x->icorp < y->icorp ? -1 : 1;
	return memcmp(&x->leader, &y->leader, sizeof(x->leader));
}

static struct session *session_find(struct adaptor_client *c, struct adaptor_key key)
{
	struct session **node = tfind(&key, &c->sessions, compare);

	return node ? *node : NULL;
}

static struct session *session_obtain(struct adaptor_client *c, struct adaptor_key key)
{
	struct session *s = session_find(c, key);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->key = key;
	if (!tsearch(s, &c->sessions, compare)) {
		free(s);
		return NULL;
	}
	return s;
}

static void session_free(void *arg)
{
	struct session *s = arg;

	free(s->terms);
	free(s);
}

static void unqueue(struct adaptor_client *c, struct session *s)
{
	if (s->queued)
		TAILQ_REMOVE(&c->todo, s, link);
	s->queued = 0;
}

static void forget(struct adaptor_client *c, struct session *s)
{
	unqueue(c, s);
	tdelete(s, &c->sessions, compare);
	session_free(s);
}

/* Sessions that killed the process wait behind those that did not. */
static void enqueue(struct adaptor_client *c, struct session *s)
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
static int answer_later(struct adaptor_client *c, enum adaptor_request request, struct adaptor_key key, uint64_t cookie,
			int error, const char *reason)
{
	static const struct timeval now = { 0, 0 };
	struct local *local = calloc(1, sizeof(*local));

	if (!local)
		return -ENOMEM;
	local->answer = (struct adaptor_answer){ .request = request, .key = key, .cookie = cookie,
						 .result = { .error = error } };
	snprintf(local->answer.result.reason, ADAPTOR_REASON, "%s", reason);
	TAILQ_INSERT_TAIL(&c->local, local, link);
	event_add(c->later, &now);
	return 0;
}

static int answer_down(struct adaptor_client *c, enum adaptor_request request, struct adaptor_key key, uint64_t cookie)
{
	return answer_later(c, request, key, cookie, -EAGAIN, "the adaptor process is down");
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct adaptor_client *c = arg;
	struct local *local;

	while ((local = TAILQ_FIRST(&c->local))) {
		TAILQ_REMOVE(&c->local, local, link);
		c->answer(c->ctx, c, &local->answer);
		free(local);
	}
}

/* Puts a request into the output and remembers that it flies. */
static int fly(struct adaptor_client *c, struct flight what, const void *body, size_t len)
{
	if (c->out.len - c->out.pos > MAX_QUEUED)
		return -EAGAIN;
	struct flight *f = calloc(1, sizeof(*f));

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

static int fly_revoke(struct adaptor_client *c, struct adaptor_key key, uint64_t cookie, int silent)
{
	struct flight f = { .request = ADAPTOR_REVOKE, .key = key, .cookie = cookie, .silent = silent };
	uint8_t body[8];
	struct wire w = wire_writer(body, sizeof(body));

	protocol_put_key(&w, key);
	return fly(c, f, body, w.pos);
}

static int fly_apply(struct adaptor_client *c, struct session *s)
{
	struct flight f = { .request = ADAPTOR_APPLY, .key = s->key, .cookie = s->cookie, .silent = s->silent };
	int rc = fly(c, f, s->terms, s->len);

	if (rc)
		return rc;
	s->flying = 1;
	s->silent = 0;
	s->deferred = 0;
	c->applies_flying++;
	return 0;
}

/* Sends what waits, as far as it may be sent now. */
static void pump(struct adaptor_client *c)
{
	struct session *s, *next;

	for (s = TAILQ_FIRST(&c->todo); s && c->up; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->flying && !s->gone)
			continue;
		if (s->deaths && c->applies_flying)
			break;
		if (s->gone ? fly_revoke(c, s->key, s->cookie, s->silent) : fly_apply(c, s))
			break;
		unqueue(c, s);
	}
}

static void died(struct adaptor_client *c, const char *reason);

/* The apply of s is over, or is retried over there. */
static void landed(struct adaptor_client *c, struct session *s)
{
	if (s && s->flying) {
		s->flying = 0;
		c->applies_flying--;
	}
}

static struct flight *take_flight(struct adaptor_client *c, uint64_t serial)
{
	struct flight *f;

	TAILQ_FOREACH(f, &c->flying, link)
		if (f->serial == serial) {
			TAILQ_REMOVE(&c->flying, f, link);
			return f;
		}
	return NULL;
}

static int on_deferred(struct adaptor_client *c, const struct protocol_frame *frame)
{
	struct flight *f = take_flight(c, frame->serial);

	if (!f)
		return -EBADMSG;
	struct session *s = session_find(c, f->key);

	if (f->request == ADAPTOR_REVOKE) {      /* it is answered later, by success or -ECANCELED */
		TAILQ_INSERT_HEAD(&c->flying, f, link);
		return 0;
	}
	landed(c, s);
	if (s && !s->gone && !s->queued) {
		s->deferred = f->serial;
		s->silent = f->silent;
	}
	free(f);
	return 0;
}

/* Finds whose answer this is and what the caller called it; 0: nobody waits for it (any more). */
static int match(struct adaptor_client *c, uint64_t serial, struct adaptor_answer *a)
{
	struct flight *f = take_flight(c, serial);
	struct session *s = session_find(c, a->key);
	int silent;

	if (f) {
		silent = f->silent;
		a->cookie = f->cookie;
		a->request = f->request;
		a->key = f->key;
		free(f);
		if (a->request == ADAPTOR_APPLY)
			landed(c, s);
	} else {
		if (!s || !s->deferred || s->deferred != serial || s->queued)
			return 0;
		silent = s->silent;
		s->silent = 0;
		s->deferred = 0;
		a->cookie = s->cookie;
		a->request = ADAPTOR_APPLY;
	}
	if (s && a->request == ADAPTOR_APPLY)
		s->deaths = 0;
	if (s && a->request == ADAPTOR_REVOKE && s->gone && !s->queued)
		forget(c, s);
	return !silent || (a->result.error && a->request == ADAPTOR_APPLY);
}

static int on_answer(struct adaptor_client *c, const struct protocol_frame *frame)
{
	struct wire w = wire_reader(frame->body, frame->len);
	struct adaptor_answer a = { .request = (enum adaptor_request)wire_u8(&w) };
	char *json = NULL;

	a.key = protocol_key(&w);
	protocol_result(&w, &a.result);
	a.orphans = wire_u32(&w);
	a.repaired = wire_u32(&w);
	if (w.error)
		return -EBADMSG;
	if (wire_left(&w)) {
		size_t len = wire_left(&w);

		json = strndup((const char *)wire_bytes(&w, len), len);
		if (!json)
			return -ENOMEM;
	}
	a.json = json;
	if (match(c, frame->serial, &a))
		c->answer(c->ctx, c, &a);
	free(json);
	return 0;
}

struct keys { struct adaptor_key *key; size_t n, room; int error; };

static void gather_key(const void *node, VISIT which, void *arg)
{
	const struct session *s = *(struct session *const *)node;
	struct keys *keys = arg;

	if ((which != postorder && which != leaf) || s->gone || keys->error)
		return;
	if (keys->n == keys->room) {
		size_t room = keys->room ? keys->room * 2 : 64;
		struct adaptor_key *key = realloc(keys->key, room * sizeof(*key));

		if (!key) {
			keys->error = -ENOMEM;
			return;
		}
		keys->key = key;
		keys->room = room;
	}
	keys->key[keys->n++] = s->key;
}

static int fly_audit(struct adaptor_client *c, const struct adaptor_key *keys, size_t n, uint64_t cookie, int silent)
{
	struct flight f = { .request = ADAPTOR_AUDIT, .cookie = cookie, .silent = silent };
	size_t room = 4 + 8 * n;
	uint8_t *body = malloc(room);

	if (!body)
		return -ENOMEM;
	struct wire w = wire_writer(body, room);

	wire_put_u32(&w, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		protocol_put_key(&w, keys[i]);
	int rc = fly(c, f, body, w.pos);

	free(body);
	return rc;
}

static void audit_known(struct adaptor_client *c)
{
	struct keys keys = { 0 };

	twalk_r(c->sessions, gather_key, &keys);
	if (!keys.error)
		fly_audit(c, keys.key, keys.n, 0, 1);
	free(keys.key);
}

static int on_ready(struct adaptor_client *c, const struct protocol_frame *frame)
{
	struct wire w = wire_reader(frame->body, frame->len);
	char reason[ADAPTOR_REASON];
	uint32_t error = wire_u32(&w);

	protocol_str(&w, reason, sizeof(reason));
	uint32_t terms = wire_u32(&w);

	if (w.error || c->up)
		return -EBADMSG;
	if (error) {
		died(c, reason);
		return 1;
	}
	c->up = 1;
	c->terms = terms;
	c->up_since_us = clock_now_us();
	pump(c);
	if (c->audited)
		audit_known(c);
	if (c->state)
		c->state(c->ctx, c, 1, "");
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

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct adaptor_client *c = arg;
	struct protocol_frame frame;
	int rc = protocol_reserve(&c->in, READ_CHUNK);
	ssize_t n = rc ? -1 : recv(fd, c->in.data + c->in.len, c->in.room - c->in.len, 0);

	if (n < 0 && !rc && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		died(c, rc ? "out of memory" : "the process ended");
		return;
	}
	c->in.len += (size_t)n;
	while ((rc = protocol_next(&c->in, &frame)) > 0) {
		rc = on_frame(c, &frame);
		if (rc)
			break;
	}
	if (rc < 0)
		died(c, "it does not speak the protocol");
	else if (!rc)
		pump(c);
}

/* Sends from the output: 0, -EAGAIN when not all went, -errno. */
static int send_some(struct adaptor_client *c)
{
	while (c->out.pos < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->out.pos, c->out.len - c->out.pos, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		c->out.pos += (size_t)n;
	}
	return 0;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct adaptor_client *c = arg;
	int rc = send_some(c);

	if (rc == -EAGAIN)
		event_add(c->writable, NULL);
	/* Anything else: the reading side sees the end of file, after what the process still said. */
}

static int put_open(struct adaptor_client *c)
{
	size_t room = 16 + strlen(c->instance) + strlen(c->type);

	for (size_t i = 0; i < c->n_options; i++)
		room += 4 + strlen(c->options[i].key) + strlen(c->options[i].value);
	uint8_t *body = malloc(room);

	if (!body)
		return -ENOMEM;
	struct wire w = wire_writer(body, room);

	protocol_put_str(&w, c->instance);
	protocol_put_str(&w, c->type);
	wire_put_u16(&w, (uint16_t)c->n_options);
	for (size_t i = 0; i < c->n_options; i++) {
		protocol_put_str(&w, c->options[i].key);
		protocol_put_str(&w, c->options[i].value);
	}
	int rc = w.error ? -EINVAL : protocol_put(&c->out, PROTOCOL_OPEN, ++c->serial, body, w.pos);

	free(body);
	return rc;
}

static int start(struct adaptor_client *c)
{
	int rc = client_spawn(c->dir, c->program, c->type, &c->pid, &c->fd);

	if (rc)
		return rc;
	rc = put_open(c);
	c->readable = event_new(c->base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(c->base, c->fd, EV_WRITE, on_writable, c);
	if (rc || !c->readable || !c->writable)
		return rc ? rc : -ENOMEM;
	event_add(c->readable, NULL);
	event_add(c->writable, NULL);
	return 0;
}

/* Lets go of the process, dead or not: it ends with the socketpair. One that does not is killed before the next. */
static void stop(struct adaptor_client *c)
{
	if (c->readable)
		event_free(c->readable);
	if (c->writable)
		event_free(c->writable);
	c->readable = c->writable = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (c->pid && client_reap(c->pid, 0))
		c->pid = 0;
	c->in.pos = c->in.len = c->out.pos = c->out.len = 0;
	c->up = 0;
	c->terms = 0;
}

/* The process is gone and its session's apply with it. */
static void apply_lost(struct adaptor_client *c, struct session *s, uint64_t cookie)
{
	if (!s || s->gone)
		return;
	landed(c, s);
	if (++s->deaths < MAX_DEATHS)
		return;
	answer_later(c, ADAPTOR_APPLY, s->key, cookie, -EIO, "the adaptor process died of these terms, repeatedly");
	if (!s->queued)                  /* nothing newer waits */
		forget(c, s);
	else
		s->deaths = 0;
}

/* What flew will not be answered by the process: applies go out again, the others have failed. */
static void drop_flights(struct adaptor_client *c)
{
	struct flight *f;

	while ((f = TAILQ_FIRST(&c->flying))) {
		TAILQ_REMOVE(&c->flying, f, link);
		if (f->request == ADAPTOR_APPLY) {
			struct session *s = session_find(c, f->key);

			if (s && !s->gone)
				s->silent = f->silent && !s->queued;
			apply_lost(c, s, f->cookie);
		} else if (!f->silent) {
			answer_down(c, f->request, f->key, f->cookie);
		}
		free(f);
	}
	c->applies_flying = 0;
}

static void requeue(const void *node, VISIT which, void *arg)
{
	struct session *s = *(struct session *const *)node;
	struct adaptor_client *c = arg;

	if (which != postorder && which != leaf)
		return;
	/* Applied and answered before: only a failure will be news. Deferred: its answer is still due. */
	if (s->gone || (!s->queued && !s->deaths && !s->deferred))
		s->silent = 1;
	s->deferred = 0;
	s->flying = 0;
	unqueue(c, s);
	enqueue(c, s);
}

static void died(struct adaptor_client *c, const char *reason)
{
	struct timeval in;

	if (c->up && clock_now_us() - c->up_since_us > RESTART_CAP_US)
		c->restart_us = RESTART_FIRST_US;
	stop(c);
	drop_flights(c);
	twalk_r(c->sessions, requeue, c);
	in = (struct timeval){ .tv_sec = (time_t)(c->restart_us / CLOCK_S),
			       .tv_usec = (suseconds_t)(c->restart_us % CLOCK_S) };
	event_add(c->restart, &in);
	c->restart_us = c->restart_us * 2 > RESTART_CAP_US ? RESTART_CAP_US : c->restart_us * 2;
	if (c->state)
		c->state(c->ctx, c, 0, reason);
}

static void on_restart(evutil_socket_t fd, short what, void *arg)
{
	struct adaptor_client *c = arg;

	if (c->pid)
		client_reap(c->pid, 1);
	c->pid = 0;
	int rc = start(c);

	if (rc)
		died(c, strerror(-rc));
}

static int copy_options(struct adaptor_client *c, const struct adaptor_client_options *o)
{
	c->options = calloc(o->n_options + 1, sizeof(*c->options));
	if (!c->options || o->n_options > PROTOCOL_MAX_OPTIONS)
		return -1;
	for (size_t i = 0; i < o->n_options; i++) {
		c->options[i].key = strdup(o->options[i].key);
		c->options[i].value = strdup(o->options[i].value);
		c->n_options++;
		if (!c->options[i].key || !c->options[i].value)
			return -1;
	}
	return 0;
}

static int fill(struct adaptor_client *c, const struct adaptor_client_options *o)
{
	c->instance = strdup(o->instance);
	c->type = strdup(o->type);
	c->dir = strdup(o->program_dir ? o->program_dir : LIBEXECDIR);
	c->restart = evtimer_new(c->base, on_restart, c);
	c->later = evtimer_new(c->base, on_later, c);
	c->program = adaptor_program(o->type);
	if (copy_options(c, o) || !c->instance || !c->type || !c->dir || !c->restart || !c->later)
		return -ENOMEM;
	return c->program ? start(c) : -ENOENT;
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
	c->restart_us = RESTART_FIRST_US;
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

	while (c->fd >= 0 && send_some(c) == -EAGAIN && clock_wall_us() < end)
		poll(&pfd, 1, 100);
}

void adaptor_client_free(struct adaptor_client *c)
{
	struct flight *f;
	struct local *local;

	if (!c)
		return;
	drain(c);
	stop(c);
	while ((f = TAILQ_FIRST(&c->flying))) {
		TAILQ_REMOVE(&c->flying, f, link);
		free(f);
	}
	while ((local = TAILQ_FIRST(&c->local))) {
		TAILQ_REMOVE(&c->local, local, link);
		free(local);
	}
	tdestroy(c->sessions, session_free);
	if (c->restart)
		event_free(c->restart);
	if (c->later)
		event_free(c->later);
	for (size_t i = 0; i < c->n_options; i++) {
		free((char *)(uintptr_t)c->options[i].key);
		free((char *)(uintptr_t)c->options[i].value);
	}
	free(c->options);
	protocol_free(&c->in);
	protocol_free(&c->out);
	free(c->instance);
	free(c->type);
	free(c->dir);
	free(c);
}

int adaptor_client_check(struct adaptor_client *c, const struct adaptor_terms *terms, uint64_t cookie)
{
	struct flight f = { .request = ADAPTOR_CHECK, .key = terms_key(terms), .cookie = cookie };
	uint8_t *data;
	size_t len;

	if (!c->up)
		return answer_down(c, ADAPTOR_CHECK, f.key, cookie);
	int rc = terms_encode(terms, &data, &len);

	if (rc)
		return rc;
	rc = fly(c, f, data, len);
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
	struct session *s = session_obtain(c, terms_key(terms));

	if (!s) {
		free(data);
		return -ENOMEM;
	}
	if (s->gone && s->queued)        /* the process never heard of the revoke: the difference will do */
		unqueue(c, s);
	free(s->terms);
	s->terms = data;
	s->len = len;
	s->cookie = cookie;
	s->gone = s->silent = 0;
	enqueue(c, s);
	pump(c);
	return 0;
}

int adaptor_client_revoke(struct adaptor_client *c, struct adaptor_key key, uint64_t cookie)
{
	struct session *s = session_obtain(c, key);

	if (!s)
		return -ENOMEM;
	unqueue(c, s);
	landed(c, s);                    /* what flies is answered, or not when retried; nothing waits for it here */
	free(s->terms);
	s->terms = NULL;
	s->len = 0;
	s->gone = 1;
	s->deferred = 0;
	s->deaths = 0;
	s->cookie = cookie;
	if (c->up)
		return fly_revoke(c, key, cookie, 0);
	s->silent = 1;
	enqueue(c, s);
	return answer_down(c, ADAPTOR_REVOKE, key, cookie);
}

int adaptor_client_audit(struct adaptor_client *c, const struct adaptor_key *keys, size_t n, uint64_t cookie)
{
	c->audited = 1;
	if (c->up)
		return fly_audit(c, keys, n, cookie, 0);
	return answer_down(c, ADAPTOR_AUDIT, (struct adaptor_key){ 0 }, cookie);
}

int adaptor_client_query(struct adaptor_client *c, enum adaptor_request request, uint64_t cookie)
{
	struct flight f = { .request = request, .cookie = cookie };

	if (request != ADAPTOR_MEASURE && request != ADAPTOR_PORTS && request != ADAPTOR_SHOW)
		return -EINVAL;
	if (c->up)
		return fly(c, f, NULL, 0);
	return answer_down(c, request, f.key, cookie);
}

static void count_waiting(const void *node, VISIT which, void *arg)
{
	const struct session *s = *(struct session *const *)node;

	if ((which == postorder || which == leaf) && (s->deferred || s->queued) && !s->silent)
		++*(size_t *)arg;
}

size_t adaptor_client_pending(const struct adaptor_client *c)
{
	const struct flight *f;
	const struct local *local;
	size_t n = 0;

	TAILQ_FOREACH(f, &c->flying, link)
		n += !f->silent;
	TAILQ_FOREACH(local, &c->local, link)
		n++;
	twalk_r(c->sessions, count_waiting, &n);
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

pid_t adaptor_client_pid(const struct adaptor_client *c)
{
	return c->up ? c->pid : 0;
}
