/*
 * What is asked of single sessions, check, apply and revoke: done in order as a batch, committed together, answered, or kept to be
 * tried again (host.c).
 */
#include "adaptors/host_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

#define RETRY_FIRST_US (100 * CLOCK_MS)
#define RETRY_CAP_US (5 * CLOCK_S)

static void send_deferred(struct host *h, const struct item *item)
{
	uint8_t body[16 + ADAPTOR_REASON];
	struct wire w = wire_writer(body, sizeof(body));

	wire_put_u8(&w, (uint8_t)item->request);
	protocol_put_key(&w, item->key);
	protocol_put_str(&w, item->result.reason);
	host_put_frame(h, PROTOCOL_DEFERRED, item->serial, body, w.pos);
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
			host_send_answer(h, ADAPTOR_REVOKE, old->serial, key, &old->result, NULL, NULL, 0);
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

void host_session_request(struct host *h, const struct protocol_frame *f)
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

void host_flush(struct host *h)
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
	host_send_answer(h, item->request, item->serial, item->key, &item->result, NULL, NULL, 0);
	free(item);
}

void host_commit(struct host *h)
{
	host_flush(h);
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

void host_retry_due(struct host *h)
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

int host_next_retry_ms(const struct host *h)
{
	uint64_t now = clock_now_us(), next = UINT64_MAX;

	for (const struct item *item = h->waiting; item; item = item->next)
		if (item->due_us < next)
			next = item->due_us;
	if (next == UINT64_MAX)
		return -1;
	return next <= now ? 0 : (int)((next - now + CLOCK_MS - 1) / CLOCK_MS);
}

void host_batch_free(struct host *h)
{
	for (struct item *item = h->waiting, *next; item; item = next) {
		next = item->next;
		free(item);
	}
	h->waiting = NULL;
}
