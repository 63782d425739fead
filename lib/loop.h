/*
 * What every daemon's loop does the same way: one libevent base, SIGTERM and SIGINT end it cleanly, SIGHUP
 * reloads, SIGPIPE is ignored, SIGCHLD reaps through a callback; readiness is told to systemd (sd_notify
 * protocol, no library needed).
 */
#ifndef ICORP_LIB_LOOP_H
#define ICORP_LIB_LOOP_H

#include <sys/types.h>

struct event_base;
struct loop;

struct loop_hooks {
	void (*reload)(void *ctx);                       /* SIGHUP; may be NULL */
	void (*child)(void *ctx, pid_t pid, int status); /* each reaped child; may be NULL */
	void *ctx;
};

/* NULL and errno on failure. hooks is copied. */
struct loop *loop_new(const struct loop_hooks *hooks);
struct event_base *loop_base(struct loop *loop);
/* Tells systemd READY=1 and runs until stopped. Returns 0, or -errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
void loop_free(struct loop *loop);

#endif
