/* What is asked of all that is there: audits, renewals, and what is shown (host.c). What the batch has staged is flushed before. */
#include "adaptors/host_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/writer.h"

void host_query(struct host *h, enum adaptor_request request, uint64_t serial)
{
	int (*ask)(void *, struct writer *) = request == ADAPTOR_MEASURE ? h->ops->measure :
					      request == ADAPTOR_PORTS ? h->ops->ports :
					      request == ADAPTOR_INVENTORY ? h->ops->inventory : h->ops->show;
	struct adaptor_result result = { 0 };
	struct writer *w = writer_new();
	char *json = NULL;

	host_flush(h);
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
	host_send_answer(h, request, serial, (struct adaptor_key){ 0 }, &result, NULL, json, json ? strlen(json) : 0);
	free(json);
	writer_free(w);
}

void host_audit(struct host *h, uint64_t serial, struct wire w)
{
	struct adaptor_result result = { 0 };
	unsigned counts[2] = { 0, 0 };
	struct adaptor_key *keys;
	size_t n;

	h->error = protocol_keys(&w, &keys, &n);
	if (h->error)
		return;
	host_flush(h);
	result.error = h->ops->audit ? h->ops->audit(h->state, keys, n, &counts[0], &counts[1]) : 0;
	if (result.error)
		strncpy(result.reason, strerror(-result.error), sizeof(result.reason) - 1);
	host_send_answer(h, ADAPTOR_AUDIT, serial, (struct adaptor_key){ 0 }, &result, counts, NULL, 0);
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
	host_send_answer(h, ADAPTOR_RENEW, serial, (struct adaptor_key){ 0 }, &result, NULL, body, w.pos);
	free(body);
}

void host_renew(struct host *h, uint64_t serial, struct wire w)
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
		host_flush(h);
		answer_renewed(h, serial, keys, n, h->ops->renew(h->state, keys, n, failed) ? NULL : failed);
	}
	free(failed);
	free(keys);
}
