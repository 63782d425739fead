/* The control sockets a command line names. */
#ifndef ICORP_CLI_SOCKETS_H
#define ICORP_CLI_SOCKETS_H

#include "cli/cli.h"

/* Zeroed it is empty. */
struct sockets { char *v[TRACE_SOURCES]; unsigned n; };

/* RUNDIR, or what the environment says instead. */
const char *sockets_rundir(void);
/* A path; takes a copy. 0, or -errno: no memory, or too many. */
int sockets_add(struct sockets *sockets, const char *path);
/* An element's; NULL: the only one's on this machine. */
int sockets_add_element(struct sockets *sockets, const char *element);
/* Those of all controllers under dir, in the order of their names. -ENOENT: there is none. */
int sockets_add_all(struct sockets *sockets, const char *dir);
void sockets_clear(struct sockets *sockets);

#endif
