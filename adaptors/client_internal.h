/*
 * What the files of the controller's end share (client.c has the overview): sessions and sending (client_send.c), what
 * the process says (client_receive.c), its life and death (client_run.c).
 */
#ifndef ICORP_ADAPTOR_CLIENT_INTERNAL_H
#define ICORP_ADAPTOR_CLIENT_INTERNAL_H

#include <event2/event.h>
#include <sys/queue.h>

#include "adaptors/client.h"
#include "adaptors/keymap.h"
#include "adaptors/protocol.h"
#include "lib/clock.h"

#define CLIENT_RESTART_FIRST_US (200 * CLOCK_MS)
#define CLIENT_RESTART_CAP_US (10 * CLOCK_S)

/* A session with something to be sent or answered. */
struct client_session {
	struct keymap_entry entry;     /* first */
	TAILQ_ENTRY(client_session) link;     /* in todo */
	int queued;                    /* is in todo */
	int gone;                      /* revoked; kept until the process confirmed it */
	int silent;                    /* the revoke that is to be sent was answered before */
	uint64_t flying;               /* serial of the apply that was sent and neither answered nor deferred; 0: none */
	uint64_t deferred;             /* serial of the apply the process retries; 0: none */
	int waits;                     /* its latest apply was put off and is not done */
	unsigned deaths;               /* of the process while flying */
	uint64_t cookie;
	uint8_t *terms;
	size_t len;
};

struct client_flight {
	TAILQ_ENTRY(client_flight) link;
	uint64_t serial, cookie;
	enum adaptor_request request;
	struct adaptor_key key;
	int silent;
	int waits;                     /* a revoke that was put off */
};

struct client_local { TAILQ_ENTRY(client_local) link; struct adaptor_answer answer; };

struct adaptor_client {
	struct event_base *base;
	char *instance, *type;
	int (*start)(void *ctx, pid_t *pid);
	void *start_ctx;
	adaptor_answer_fn *answer;
	adaptor_state_fn *state;
	void *ctx;

	pid_t pid;
	int fd, up, renews;
	uint32_t terms;
	struct event *readable, *writable, *restart, *later;
	struct protocol_buffer in, out;
	uint64_t serial, restart_us, up_since_us;

	struct keymap sessions;          /* of struct client_session */
	size_t applies_flying;
	size_t n_waiting;                /* sessions and flights that wait */
	int told_waiting;                /* the caller was told so */
	char waits_for[ADAPTOR_REASON];  /* what the latest of them waits for */
	char told_waits_for[ADAPTOR_REASON];
	TAILQ_HEAD(, client_session) todo;
	TAILQ_HEAD(, client_flight) flying;
	TAILQ_HEAD(, client_local) local;
};

/* client_send.c */
struct client_session *client_session_find(struct adaptor_client *c, struct adaptor_key key);
struct client_session *client_session_obtain(struct adaptor_client *c, struct adaptor_key key);
/* Walks, as keymap_next. */
struct client_session *client_session_next(const struct adaptor_client *c, const struct client_session *after);
/* Into and out of todo; forget takes it out of all tables and frees it. */
void client_enqueue(struct adaptor_client *c, struct client_session *s);
void client_unqueue(struct adaptor_client *c, struct client_session *s);
void client_forget(struct adaptor_client *c, struct client_session *s);
/* An answer of our own, from the loop's next turn; that the process is down. 0 or -ENOMEM. */
int client_answer_later(struct adaptor_client *c, enum adaptor_request request, struct adaptor_key key, uint64_t cookie,
			int error, const char *reason);
int client_answer_down(struct adaptor_client *c, enum adaptor_request request, struct adaptor_key key, uint64_t cookie);
void client_on_later(evutil_socket_t fd, short what, void *arg);
/* What was put off is done, or is not wanted any more; *waits is a session's or a flight's. */
void client_waits_no_more(struct adaptor_client *c, int *waits);
/* Puts a request into the output and remembers that it flies. 0, -EAGAIN when too much is queued, -ENOMEM. */
int client_fly(struct adaptor_client *c, struct client_flight what, const void *body, size_t len);
int client_fly_revoke(struct adaptor_client *c, struct adaptor_key key, uint64_t cookie, int silent);
/* AUDIT or RENEW. */
int client_fly_keys(struct adaptor_client *c, enum adaptor_request request, const struct adaptor_key *keys, size_t n,
		    uint64_t cookie);
/* Sends what waits, as far as it may be sent now. */
void client_pump(struct adaptor_client *c);

/* client_receive.c */
/* The apply of s that flies, if any, is over, or is retried over there. */
void client_landed(struct adaptor_client *c, struct client_session *s);
void client_on_readable(evutil_socket_t fd, short what, void *arg);

/* client_run.c */
/* Starts the process and sends OPEN. 0 or -errno. */
int client_start(struct adaptor_client *c);
/* Lets go of the process, dead or not. */
void client_stop(struct adaptor_client *c);
/* It is gone or must go: what flew is sorted out, a restart is due. */
void client_died(struct adaptor_client *c, const char *reason);
void client_on_restart(evutil_socket_t fd, short what, void *arg);
/* Sends from the output: 0, -EAGAIN when not all went, -errno. */
int client_send_some(struct adaptor_client *c);

#endif
