/*
 * The adaptor process's loop. It waits for requests, reads all that are there, and does them as one batch: every
 * check, apply and revoke in order, then one flush, then the answers. So a technology that stages (tc) commits once for
 * hundreds of sessions after a restart. Queries and audits look at what is really there, so they first flush what
 * the batch has staged.
 *
 *     adaptor_host_run -> host_open (OPEN: probe, open, READY)
 *                      -> turn: read, take each frame -> host_request -> ops->...
 *                               commit: ops->flush, then settle() each item: ANSWER, or DEFERRED and a retry
 *                               retries that are due go through the same batch
 *
 * An adaptor whose daemon is down says -EAGAIN; the latest terms (or revoke) of the session then wait here and are
 * tried again after 0.1 s, doubling to 5 s, until they succeed, fail otherwise or are replaced. Blocking in an
 * adaptor's call or in a write to the controller is fine: this process has nothing else to do.
 */
#include "adaptors/host.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adaptors/protocol.h"
#include "adaptors/registry.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/writer.h"

#define RETRY_FIRST_US (100 * CLOCK_MS)
#define RETRY_CAP_US (5 * CLOCK_S)
#define READ_CHUNK 65536

/* One check, apply or revoke: in the batch, or waiting to be tried again. */
struct item {
	struct item *next;
	enum adaptor_request request;
	uint64_t serial;
	struct adaptor_key key;
	struct adaptor_result result;
	uint64_t due_us, backoff_us;   /* waiting; backoff 0: never deferred */
	size_t len;
	uint8_t terms[];               /* as encoded */
};

struct host {
	int fd;
	const struct adaptor_ops *ops;
	void *state;
	struct protocol_buffer in, out;
	struct item *batch, **batch_end;
	struct item *waiting;
	int idle;                      /* the adaptor may have something to do before the next request */
	int dirty;                     /* something was applied or revoked since the last flush */
	int error;                     /* sticky: out of memory, broken peer */
	struct log_burst burst;
};

static void put_frame(struct host *h, uint8_t type, uint64_t serial, const void *body, size_t len)
{
	int rc = protocol_put(&h->out, type, serial, body, len);

	if (rc && !h->error)
		h->error = rc;
}

static void send_ready(struct host *h, uint64_t serial, int error, const char *why)
{
	uint8_t body[16 + ADAPTOR_REASON];
	struct wire w = wire_writer(body, sizeof(body));

	wire_put_u32(&w, (uint32_t)-error);
	protocol_put_str(&w, why);
	wire_put_u32(&w, error ? 0 : h->ops->terms);
	wire_put_u8(&w, !error && h->ops->renew);
	put_frame(h, PROTOCOL_READY, serial, body, w.pos);
}

static void send_answer(struct host *h, enum adaptor_request request, uint64_t serial, struct adaptor_key key,
			const struct adaptor_result *result, const unsigned counts[2], const void *rest, size_t rest_len)
{
	size_t room = 32 + PROTOCOL_RESULT_MAX + rest_len;
	uint8_t *body = malloc(room);

	if (!body) {
		h->error = -ENOMEM;
		return;
	}
	struct wire w = wire_writer(body, room);

	wire_put_u8(&w, (uint8_t)request);
	protocol_put_key(&w, key);
	protocol_put_result(&w, result);
	wire_put_u32(&w, counts ? counts[0] : 0);
	wire_put_u32(&w, counts ? counts[1] : 0);
	if (rest_len)
		wire_put_bytes(&w, rest, rest_len);
	put_frame(h, PROTOCOL_ANSWER, serial, body, w.pos);
	free(body);
}

static void send_deferred(struct host *h, const struct item *item)
{
	uint8_t body[16 + ADAPTOR_REASON];
	struct wire w = wire_writer(body, sizeof(body));

	wire_put_u8(&w, (uint8_t)item->request);
	protocol_put_key(&w, item->key);
	protocol_put_str(&w, item->result.reason);
	put_frame(h, PROTOCOL_DEFERRED, item->serial, body, w.pos);
}

static int write_all(struct host *h)
{
	while (h->out.pos < h->out.len) {
		ssize_t n = send(h->fd, h->out.data + h->out.pos, h->out.len - h->out.pos, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		h->out.pos += (size_t)n;
	}
	return 0;
}

/* Newer terms or a revoke end what waits for the session. A waiting apply is not answered: what replaced it is. */
static void replace_waiting(struct host *h, struct adaptor_key key)
{
	for (struct item **p = &h->waiting; *p; p = &(*p)->next) {
		struct item *old = *p;

		if (!adaptor_key_equal(old->key, key))
			continue;
		if (old->request == ADAPTOR_REVOKE) {
			old->result = (struct adaptor_result){ .error = -ECANCELED, .reason = "replaced by newer terms" };
			send_answer(h, ADAPTOR_REVOKE, old->serial, key, &old->result, NULL, NULL, 0);
		}
		*p = old->next;
		free(old);
		return;
	}
}

static int replaced_in_batch(const struct item *item)
{
	for (const struct item *later = item->next; later; later = later->next)
		if (later->request != ADAPTOR_CHECK && adaptor_key_equal(later->key, item->key))
			return 1;
	return 0;
}

static void perform(struct host *h, struct item *item)
{
	struct adaptor_terms terms;

	memset(&item->result, 0, sizeof(item->result));
	if (item->request == ADAPTOR_REVOKE) {
		item->result.error = h->ops->revoke(h->state, item->key, item->result.reason,
						     sizeof(item->result.reason));
		h->dirty = 1;
		return;
	}
	item->result.error = terms_decode(item->terms, item->len, &terms);
	if (item->result.error)
		return;
	if (item->request == ADAPTOR_APPLY) {
		item->result.error = h->ops->apply(h->state, &terms, &item->result);
		h->dirty = 1;
	} else if (h->ops->check) {
		item->result.error = h->ops->check(h->state, &terms, &item->result);
	}
	terms_clear(&terms);
}

static void add_to_batch(struct host *h, struct item *item)
{
	item->next = NULL;
	*h->batch_end = item;
	h->batch_end = &item->next;
	perform(h, item);
}

/* ops->flush says which sessions failed. */
static void flush_failed(void *ctx, struct adaptor_key key, int error, const char *reason)
{
	struct host *h = ctx;

	for (struct item *item = h->batch; item; item = item->next) {
		if (item->request == ADAPTOR_CHECK || !adaptor_key_equal(item->key, key) || item->result.error)
			continue;
		memset(&item->result, 0, sizeof(item->result));
		item->result.error = error;
		strncpy(item->result.reason, reason ? reason : "", sizeof(item->result.reason) - 1);
	}
}

static void flush(struct host *h)
{
	if (!h->dirty)
		return;
	h->dirty = 0;
	int rc = h->ops->flush ? h->ops->flush(h->state, flush_failed, h) : 0;

	if (!rc)
		return;
	for (struct item *item = h->batch; item; item = item->next)
		if (item->request != ADAPTOR_CHECK)
			flush_failed(h, item->key, rc, "nothing could be committed");
}

/* Answers an item of the batch, or keeps it to be tried again. */
static void settle(struct host *h, struct item *item)
{
	unsigned suppressed;

	if (item->result.error == -EAGAIN && item->request != ADAPTOR_CHECK) {
		if (!item->backoff_us) {
			if (!item->result.reason[0])
				strcpy(item->result.reason, "what it works with does not answer");
			send_deferred(h, item);
			if (log_burst_ok(&h->burst, clock_now_us(), 10 * CLOCK_S, &suppressed))
				log_icorp(LOG_LEVEL_WARN, item->key.icorp, "%s waits: %s (%u more like this)",
					  adaptor_request_name(item->request), item->result.reason, suppressed);
		}
		item->backoff_us = item->backoff_us ? item->backoff_us * 2 : RETRY_FIRST_US;
		if (item->backoff_us > RETRY_CAP_US)
			item->backoff_us = RETRY_CAP_US;
		item->due_us = clock_now_us() + item->backoff_us;
		item->next = h->waiting;
		h->waiting = item;
		return;
	}
	if (item->result.error && !item->result.reason[0])
		strncpy(item->result.reason, strerror(-item->result.error), sizeof(item->result.reason) - 1);
	send_answer(h, item->request, item->serial, item->key, &item->result, NULL, NULL, 0);
	free(item);
}

static void commit(struct host *h)
{
	flush(h);
	struct item *item = h->batch, *next;

	for (; item; item = next) {
		next = item->next;
		if (item->result.error == -EAGAIN && replaced_in_batch(item)) {
			if (item->request == ADAPTOR_REVOKE)
				item->result.error = -ECANCELED;
			else if (item->request == ADAPTOR_APPLY) {
				if (!item->backoff_us)
					send_deferred(h, item);
				free(item);
				continue;
			}
		}
		settle(h, item);
	}
	h->batch = NULL;
	h->batch_end = &h->batch;
}

static void query(struct host *h, enum adaptor_request request, uint64_t serial)
{
	int (*ask)(void *, struct writer *) = request == ADAPTOR_MEASURE ? h->ops->measure :
					      request == ADAPTOR_PORTS ? h->ops->ports :
					      request == ADAPTOR_INVENTORY ? h->ops->inventory : h->ops->show;
	struct adaptor_result result = { 0 };
	struct writer *w = writer_new();
	char *json = NULL;

	flush(h);
	if (!w)
		result.error = -ENOMEM;
	else if (ask)
		result.error = ask(h->state, w);
	if (!result.error) {
		json = writer_render(w, WRITER_JSON);
		if (!json || strlen(json) > PROTOCOL_MAX_FRAME / 2) {
			free(json);
			json = NULL;
			result.error = -E2BIG;
		}
	}
	if (result.error)
		strncpy(result.reason, result.error == -EAGAIN ? "what it needs is down" : strerror(-result.error),
			sizeof(result.reason) - 1);
	send_answer(h, request, serial, (struct adaptor_key){ 0 }, &result, NULL, json, json ? strlen(json) : 0);
	free(json);
	writer_free(w);
}

static void audit(struct host *h, uint64_t serial, struct wire w)
{
	struct adaptor_result result = { 0 };
	unsigned counts[2] = { 0, 0 };
	struct adaptor_key *keys;
	size_t n;

	h->error = protocol_keys(&w, &keys, &n);
	if (h->error)
		return;
	flush(h);
	result.error = h->ops->audit ? h->ops->audit(h->state, keys, n, &counts[0], &counts[1]) : 0;
	if (result.error)
		strncpy(result.reason, strerror(-result.error), sizeof(result.reason) - 1);
	send_answer(h, ADAPTOR_AUDIT, serial, (struct adaptor_key){ 0 }, &result, counts, NULL, 0);
	free(keys);
}

/* Renews and answers with the keys that were not; NULL failed: none was. */
static void answer_renewed(struct host *h, uint64_t serial, struct adaptor_key *keys, size_t n, const uint8_t *failed)
{
	struct adaptor_result result = { 0 };
	uint8_t *body = malloc(PROTOCOL_KEYS_SIZE(n));
	struct wire w = wire_writer(body, PROTOCOL_KEYS_SIZE(n));
	size_t kept = 0;

	if (!body) {
		h->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (!failed || failed[i])
			keys[kept++] = keys[i];
	protocol_put_keys(&w, keys, kept);
	send_answer(h, ADAPTOR_RENEW, serial, (struct adaptor_key){ 0 }, &result, NULL, body, w.pos);
	free(body);
}

static void renew(struct host *h, uint64_t serial, struct wire w)
{
	struct adaptor_key *keys = NULL;
	uint8_t *failed = NULL;
	size_t n = 0;

	h->error = protocol_keys(&w, &keys, &n);
	if (!h->error && (n > PROTOCOL_MAX_KEYS || !h->ops->renew))
		h->error = -EBADMSG;
	if (!h->error && !(failed = calloc(n + 1, 1)))
		h->error = -ENOMEM;
	if (!h->error) {
		flush(h);
		answer_renewed(h, serial, keys, n, h->ops->renew(h->state, keys, n, failed) ? NULL : failed);
	}
	free(failed);
	free(keys);
}

static void session_request(struct host *h, const struct protocol_frame *f)
{
	int revoke = f->type == ADAPTOR_REVOKE;
	struct wire w = wire_reader(f->body, f->len);
	struct adaptor_key key = protocol_key(&w);   /* terms begin with it too */
	struct item *item = w.error ? NULL : calloc(1, sizeof(*item) + (revoke ? 0 : f->len));

	if (!item) {
		h->error = w.error ? -EBADMSG : -ENOMEM;
		return;
	}
	item->request = (enum adaptor_request)f->type;
	item->serial = f->serial;
	item->key = key;
	if (!revoke) {
		item->len = f->len;
		memcpy(item->terms, f->body, f->len);
	}
	if (item->request != ADAPTOR_CHECK)
		replace_waiting(h, key);
	add_to_batch(h, item);
}

static void host_request(struct host *h, const struct protocol_frame *f)
{
	switch (f->type) {
	case ADAPTOR_CHECK:
	case ADAPTOR_APPLY:
	case ADAPTOR_REVOKE:
		session_request(h, f);
		break;
	case ADAPTOR_AUDIT:
		audit(h, f->serial, wire_reader(f->body, f->len));
		break;
	case ADAPTOR_RENEW:
		renew(h, f->serial, wire_reader(f->body, f->len));
		break;
	case ADAPTOR_MEASURE:
	case ADAPTOR_PORTS:
	case ADAPTOR_SHOW:
	case ADAPTOR_INVENTORY:
		query(h, (enum adaptor_request)f->type, f->serial);
		break;
	default:
		h->error = -EBADMSG;
	}
}

struct opening { struct adaptor_option *options; char (*text)[PROTOCOL_MAX_STRING]; size_t n; };

static int read_opening(const struct protocol_frame *f, const char *type, struct opening *o)
{
	struct wire w = wire_reader(f->body, f->len);
	char instance[CONTRACT_NAME], asked[CONTRACT_NAME];

	protocol_str(&w, instance, sizeof(instance));
	protocol_str(&w, asked, sizeof(asked));
	o->n = wire_u16(&w);
	if (w.error || f->type != PROTOCOL_OPEN || o->n > PROTOCOL_MAX_OPTIONS || strcmp(asked, type))
		return -EBADMSG;
	o->options = calloc(o->n + 1, sizeof(*o->options));
	o->text = calloc(2 * o->n + 1, sizeof(*o->text));
	if (!o->options || !o->text)
		return -ENOMEM;
	for (size_t i = 0; i < o->n; i++) {
		protocol_str(&w, o->text[2 * i], PROTOCOL_MAX_STRING);
		protocol_str(&w, o->text[2 * i + 1], PROTOCOL_MAX_STRING);
		o->options[i] = (struct adaptor_option){ .key = o->text[2 * i], .value = o->text[2 * i + 1] };
	}
	return w.error;
}

/* An option's help begins with its key; a key that ends in a dot stands for all that begin with it. */
static int known_option(const struct adaptor_ops *ops, const char *key)
{
	for (size_t i = 0; ops->options && ops->options[i]; i++) {
		const char *help = ops->options[i];
		size_t len = strcspn(help, "=");
		const char *dot = memchr(help, '.', len);

		if (dot && !strncmp(key, help, (size_t)(dot - help) + 1) && key[dot - help + 1])
			return 1;
		if (strlen(key) == len && !strncmp(key, help, len))
			return 1;
	}
	return 0;
}

static int open_adaptor(struct host *h, const struct opening *o, char *why, size_t room)
{
	for (size_t i = 0; i < o->n; i++)
		if (!known_option(h->ops, o->options[i].key)) {
			snprintf(why, room, "unknown option %.60s; icorp-adaptor --list names them", o->options[i].key);
			return -EINVAL;
		}
	int rc = h->ops->probe ? h->ops->probe(o->options, o->n, why, room) : 0;

	return rc ? rc : h->ops->open(o->options, o->n, &h->state, why, room);
}

/* The first frame. The adaptor keeps no pointer to the options. */
static int host_open(struct host *h, const struct protocol_frame *f, const char *type)
{
	struct opening o = { 0 };
	char why[ADAPTOR_REASON] = "";
	int rc = read_opening(f, type, &o);

	if (!rc) {
		h->ops = adaptor_find(type);
		if (h->ops) {
			rc = open_adaptor(h, &o, why, sizeof(why));
		} else {
			rc = -ENOENT;
			snprintf(why, sizeof(why), "no adaptor of type %.40s in this program", type);
		}
		if (rc && !why[0])
			snprintf(why, sizeof(why), "%s", strerror(-rc));
		send_ready(h, f->serial, rc, why);
	}
	if (rc)
		h->ops = NULL;
	free(o.options);
	free(o.text);
	return rc;
}

/* Reads all that is there. 1: more may come, 0: end of file, -errno. */
static int read_some(struct host *h)
{
	for (;;) {
		if (protocol_reserve(&h->in, READ_CHUNK))
			return -ENOMEM;
		ssize_t n = recv(h->fd, h->in.data + h->in.len, h->in.room - h->in.len, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 1 : -errno;
		if (n == 0)
			return 0;
		h->in.len += (size_t)n;
	}
}

static void retry_due(struct host *h)
{
	uint64_t now = clock_now_us();
	struct item **p = &h->waiting;

	while (*p) {
		struct item *item = *p;

		if (item->due_us > now) {
			p = &item->next;
			continue;
		}
		*p = item->next;
		add_to_batch(h, item);
	}
}

static int next_retry_ms(const struct host *h)
{
	uint64_t now = clock_now_us(), next = UINT64_MAX;

	for (const struct item *item = h->waiting; item; item = item->next)
		if (item->due_us < next)
			next = item->due_us;
	if (next == UINT64_MAX)
		return -1;
	return next <= now ? 0 : (int)((next - now + CLOCK_MS - 1) / CLOCK_MS);
}

static int requests(struct host *h, const char *type)
{
	struct protocol_frame f;
	int rc;

	while (!h->error && (rc = protocol_next(&h->in, &f)) != 0) {
		if (rc > 0 && !h->ops)
			rc = host_open(h, &f, type);
		else if (rc > 0)
			host_request(h, &f);
		if (rc < 0)
			return rc;
	}
	return h->error;
}

static int turn(struct host *h, const char *type, int *eof)
{
	struct pollfd pfd = { .fd = h->fd, .events = POLLIN };
	int rc = poll(&pfd, 1, h->idle ? 0 : next_retry_ms(h));

	int asked = rc > 0;

	if (rc < 0)
		return errno == EINTR ? 0 : -errno;
	if (asked) {
		rc = read_some(h);
		if (rc < 0)
			return rc == -ECONNRESET ? (*eof = 1, 0) : rc;
		*eof = rc == 0;
	}
	rc = requests(h, type);
	if (h->ops) {
		retry_due(h);
		commit(h);
		h->idle = h->ops->idle && (asked || h->ops->idle(h->state));
	}
	int sent = write_all(h);

	if (sent == -EPIPE || sent == -ECONNRESET)
		*eof = 1;
	return rc ? rc : h->error;
}

int adaptor_host_run(int fd, const char *type, const volatile int *stop)
{
	struct host h = { .fd = fd };
	int rc = 0, eof = 0;

	h.batch_end = &h.batch;
	while (!rc && !eof && !(stop && *stop))
		rc = turn(&h, type, &eof);
	if (h.ops)
		h.ops->close(h.state);
	for (struct item *item = h.waiting, *next; item; item = next) {
		next = item->next;
		free(item);
	}
	protocol_free(&h.in);
	protocol_free(&h.out);
	return rc;
}
