/* The adaptor process's parts: host.c says what they do together. */
#ifndef ICORP_ADAPTOR_HOST_INTERNAL_H
#define ICORP_ADAPTOR_HOST_INTERNAL_H

#include "adaptors/host.h"
#include "adaptors/protocol.h"
#include "lib/log.h"

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
	int idle, idle_ms;             /* the adaptor may have something to do when nothing has come for so long */
	int dirty;                     /* something was applied or revoked since the last flush */
	int error;                     /* sticky: out of memory, broken peer */
	struct log_burst burst;
};

/* host.c. To the controller: no memory is a sticky error of the host. rest follows what every answer has. */
void host_put_frame(struct host *h, uint8_t type, uint64_t serial, const void *body, size_t len);
void host_send_answer(struct host *h, enum adaptor_request request, uint64_t serial, struct adaptor_key key,
		      const struct adaptor_result *result, const unsigned counts[2], const void *rest, size_t rest_len);

/* host_open.c. The first frame; the adaptor keeps no pointer to the options. 0, or -errno, which READY says, with why. */
int host_open(struct host *h, const struct protocol_frame *f, const char *type);

/* host_batch.c. Puts a check, apply or revoke into the batch and does it; what waits of the session is replaced. */
void host_session_request(struct host *h, const struct protocol_frame *f);
/* Commits what was staged since the last time; what could not be fails in the batch. */
void host_flush(struct host *h);
/* The same, then answers the batch, or keeps items of it to be tried again. */
void host_commit(struct host *h);
/* Puts what is to be tried again by now into the batch. */
void host_retry_due(struct host *h);
/* Milliseconds until something is; -1: nothing waits. */
int host_next_retry_ms(const struct host *h);
void host_batch_free(struct host *h);

/* host_query.c. Each answers. */
void host_query(struct host *h, enum adaptor_request request, uint64_t serial);
void host_audit(struct host *h, uint64_t serial, struct wire w);
void host_renew(struct host *h, uint64_t serial, struct wire w);

#endif
