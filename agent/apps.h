/*
 * The supervisor of the ISC's applications: which to start, restart, terminate, kill, and when. Pure: it owns no
 * process; spawn.c starts what it asks for.
 */
#ifndef ICORP_AGENT_APPS_H
#define ICORP_AGENT_APPS_H

#include <stdint.h>
#include <sys/types.h>

#include "agent/boot.h"

enum app_state {
	APP_WAITING,     /* to be started at next_us */
	APP_STARTING,    /* its process exists; fetching, checking, not yet the application itself */
	APP_RUNNING,
	APP_REFUSED,     /* its digest is wrong: never started */
	APP_STOPPING,    /* told to end; killed at next_us */
	APP_STOPPED,
};
const char *app_state_name(enum app_state state);

struct app {
	const struct boot_app *spec;
	enum app_state state;
	pid_t pid;               /* and process group; 0: none */
	uint64_t since_us;       /* in this state */
	uint64_t next_us;        /* of what the state waits for; 0: nothing */
	unsigned failures;       /* in a row; sets the backoff */
	unsigned starts;
	char why[160];           /* the last failure; "" */
};

struct apps { uint32_t icorp; unsigned n; struct app app[BOOT_MAX_APPS]; int stopping; };

/* Bits by index. */
struct apps_actions { unsigned start, terminate, kill; };

void apps_init(struct apps *apps, const struct boot *boot, uint64_t now_us);
/* What is due. After `start` the caller calls apps_started() or apps_failed(). */
void apps_tick(struct apps *apps, uint64_t now_us, struct apps_actions *actions);
uint64_t apps_deadline(const struct apps *apps); /* UINT64_MAX: none */

void apps_started(struct apps *apps, unsigned i, pid_t pid, uint64_t now_us);
/* No process could be made for it. */
void apps_failed(struct apps *apps, unsigned i, const char *why, uint64_t now_us);
/* Its process became the application. */
void apps_running(struct apps *apps, unsigned i, uint64_t now_us);
/* Its process says why it gives up, just before it exits. refused: never try again. */
void apps_gave_up(struct apps *apps, unsigned i, int refused, const char *why);
/* A process ended: returns whose it was, or -1 (someone's orphan). What is left of its group is to be killed. */
int apps_exited(struct apps *apps, pid_t pid, int status, uint64_t now_us);

/* Ends all of them: terminate now, kill after a grace of 5 s. */
void apps_stop(struct apps *apps, uint64_t now_us, struct apps_actions *actions);
int apps_gone(const struct apps *apps);          /* no process is left */
int apps_up(const struct apps *apps);            /* every one runs */

#endif
