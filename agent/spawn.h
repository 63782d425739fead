/*
 * Starting an application's process: the one place in the project that starts programs for others.
 */
#ifndef ICORP_AGENT_SPAWN_H
#define ICORP_AGENT_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include "agent/boot.h"

#define SPAWN_MAX_SIZE (64u << 20)   /* of a client's own application */
#define SPAWN_FETCH_MS 60000
#define SPAWN_REPORT 160

/* How a start went, as read from the report pipe. */
enum spawn_report { SPAWN_PENDING, SPAWN_RUNNING, SPAWN_GAVE_UP, SPAWN_REFUSED };

struct spawn_dirs {
	const char *apps;     /* known applications: APPS/NAME */
	const char *private_; /* the client's own, once fetched; made with mode 0700 */
};

/*
 * Forks a process, leader of its own group, which fetches and checks the client's own application, or finds the known
 * one, and becomes it. *report is the non-blocking, close-on-exec read end of a pipe for spawn_report(). 0 or -errno.
 */
int spawn_app(const struct boot *boot, const struct boot_app *app, const struct spawn_dirs *dirs, pid_t *pid,
	      int *report);

/* Reads the report; why gets the reason for GAVE_UP and REFUSED. PENDING: nothing to read yet. The caller closes. */
enum spawn_report spawn_report(int report, char *why, size_t room);

/* Fetches url's content to dirs->private_/NAME unless a file with the right digest is there; for the child, and tests.
 * 0 and its path; -EKEYREJECTED: the digest is wrong; else -errno. why says it in words. */
int spawn_fetch(const struct boot_app *app, const char *dir, char *path, size_t path_room, char *why, size_t room);

/* The environment for applications: PATH, HOME, LANG, TZ as ours, and ICORP_*. NULL-ended; spawn_env_free frees. */
char **spawn_env(const struct boot *boot);
void spawn_env_free(char **env);

#endif
