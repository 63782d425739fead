/*
 * The control socket of every daemon: a Unix stream socket, one JSON line in, one JSON line out.
 *
 *     {"argv":["show","sessions"]}            {"ok":true,"result":{...}}
 *                                             {"ok":false,"error":"no such ICorp 9"}
 *     {"argv":["trace","9"]}                  {"event":{...}} any number of times, then as above
 *
 * Commands are registered with usage and argument limits, so `help`, argument checks and shell completion
 * write themselves. A command may answer later (control_defer), and `--watch` is the client asking again.
 * Requests over 64 KiB, more than 32 clients and clients idle for 30 s are refused. The process must ignore SIGPIPE, as
 * loop_new() makes it do.
 */
#ifndef ICORP_LIB_CONTROL_H
#define ICORP_LIB_CONTROL_H

#include <stddef.h>

struct event_base;
struct writer;
struct control_server;
struct control_reply; /* the right to answer one request */

/*
 * Runs a command. argv[0] is the first word after the command's own words; argv lasts until the return. Write the result into w and
 * return 0; or return -errno after control_fail(), or keep `reply` by returning CONTROL_LATER and later
 * call control_done() exactly once (w stays valid until then).
 */
#define CONTROL_LATER 1
typedef int control_fn(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply);

struct control_command {
	const char *words;   /* "show sessions" */
	const char *usage;   /* "[ID]" */
	const char *help;    /* one line */
	int min_args, max_args;
	control_fn *run;
};

/* Listens at path (mode 0660; a stale socket is replaced, a live one is -EADDRINUSE). commands is an array
 * ended by NULL words and must outlive the server. 0 or -errno. Always has `help`, `version`,
 * `time/stop`, `time/warp MS` (the last two only when allow_warp). */
int control_listen(struct event_base *base, const char *path, const struct control_command *commands,
		   void *ctx, int allow_warp, struct control_server **out);
void control_close(struct control_server *server);
/* The reason of a failure, for the one line the user sees. */
void control_fail(struct control_reply *reply, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Ends a deferred reply: error NULL for success. */
void control_done(struct control_reply *reply, const char *error);

/*
 * Streams: a command that will return CONTROL_LATER may say something again and again before its answer. gone is called
 * once if the client goes away first; it must end the reply with control_done(), and say nothing more.
 */
void control_stream(struct control_reply *reply, void (*gone)(void *ctx), void *ctx);
/* Sends what was written into w (not owned) as an event. 0, -ENOBUFS (the client does not read: it is lost) or -ENOMEM. */
int control_event(struct control_reply *reply, struct writer *w);

/*
 * The client's side, blocking with a deadline: sends argv, returns the result as JSON text the caller
 * frees, or NULL with a reason in why. Events are skipped.
 */
char *control_call(const char *path, int argc, char *const *argv, int timeout_ms, char *why, size_t room);

/*
 * The client's side of a stream. control_open blocks as control_call does until the request is sent; NULL with a reason.
 * Then poll control_fd for POLLIN and call control_read: it gives every event that is there to fn, as JSON text that
 * lasts until fn returns. 1: it goes on; 0: the answer came, without an error; -1: it failed, with a reason.
 */
struct control_client;
struct control_client *control_open(const char *path, int argc, char *const *argv, int timeout_ms, char *why, size_t room);
int control_fd(const struct control_client *client);
int control_read(struct control_client *client, void (*fn)(void *ctx, const char *json), void *ctx, char *why,
		 size_t room);
void control_free(struct control_client *client);

#endif
