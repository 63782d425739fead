/* Starting and letting go of the helper process (client.c's other half). */
#ifndef ICORP_ADAPTOR_CLIENT_PROCESS_H
#define ICORP_ADAPTOR_CLIENT_PROCESS_H

#include <sys/types.h>

/* Starts DIR/PROGRAM TYPE with one end of a socketpair as its ADAPTOR_FD; *fd is ours, non-blocking. 0 or -errno. */
int client_spawn(const char *dir, const char *program, const char *type, pid_t *pid, int *fd);
/* Reaps it if it has ended (someone else may have: fine). force: kills it when it is still our child. Returns 1 when it
 * is gone, 0 when it still runs; never waits. */
int client_reap(pid_t pid, int force);

#endif
