/*
 * The adaptor process's loop. It waits for requests, reads all that are there, and does them as one batch: every
 * check, apply and revoke in order, then one flush, then the answers. So a technology that stages (tc) commits once for
 * hundreds of sessions after a restart. Queries and audits look at what is really there, so they first flush what
 * the batch has staged.
 *
 *     adaptor_host_run -> host_open (host_open.c; OPEN: probe, open, READY)
 *                      -> turn: read, take each frame -> what is asked of one session (host_batch.c), or of all
 *                               that is there (host_query.c)
 *                               host_commit: ops->flush, then settle() each item: ANSWER, or DEFERRED and a retry
 *                               retries that are due go through the same batch
 *
 * An adaptor whose daemon is down says -EAGAIN; the latest terms (or revoke) of the session then wait here and are
 * tried again after 0.1 s, doubling to 5 s, until they succeed, fail otherwise or are replaced. Blocking in an
 * adaptor's call or in a write to the controller is fine: this process has nothing else to do.
 */
#include "adaptors/host_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#define READ_CHUNK 65536
#define IDLE_AFTER_MS 10       /* requests rarely come alone */

void host_put_frame(struct host *h, uint8_t type, uint64_t serial, const void *body, size_t len)
{
	int rc = protocol_put(&h->out, type, serial, body, len);

	if (rc && !h->error)
		h->error = rc;
}

void host_send_answer(struct host *h, enum adaptor_request request, uint64_t serial, struct adaptor_key key,
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
	host_put_frame(h, PROTOCOL_ANSWER, serial, body, w.pos);
	free(body);
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

static void take(struct host *h, const struct protocol_frame *f)
{
	switch (f->type) {
	case ADAPTOR_CHECK:
	case ADAPTOR_APPLY:
	case ADAPTOR_REVOKE:
		host_session_request(h, f);
		break;
	case ADAPTOR_AUDIT:
		host_audit(h, f->serial, wire_reader(f->body, f->len));
		break;
	case ADAPTOR_RENEW:
		host_renew(h, f->serial, wire_reader(f->body, f->len));
		break;
	case ADAPTOR_MEASURE:
	case ADAPTOR_PORTS:
	case ADAPTOR_SHOW:
	case ADAPTOR_INVENTORY:
		host_query(h, (enum adaptor_request)f->type, f->serial);
		break;
	default:
		h->error = -EBADMSG;
	}
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

static int requests(struct host *h, const char *type)
{
	struct protocol_frame f;
	int rc;

	while (!h->error && (rc = protocol_next(&h->in, &f)) != 0) {
		if (rc > 0 && !h->ops)
			rc = host_open(h, &f, type);
		else if (rc > 0)
			take(h, &f);
		if (rc < 0)
			return rc;
	}
	return h->error;
}

static int next_turn_ms(const struct host *h)
{
	int retry_ms = host_next_retry_ms(h);

	return h->idle && (retry_ms < 0 || retry_ms > h->idle_ms) ? h->idle_ms : retry_ms;
}

static int turn(struct host *h, const char *type, int *eof)
{
	struct pollfd pfd = { .fd = h->fd, .events = POLLIN };
	int rc = poll(&pfd, 1, next_turn_ms(h));
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
		host_retry_due(h);
		host_commit(h);
		h->idle = h->ops->idle && (asked || h->ops->idle(h->state));
		h->idle_ms = asked ? IDLE_AFTER_MS : 0;
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
	host_batch_free(&h);
	protocol_free(&h.in);
	protocol_free(&h.out);
	return rc;
}
