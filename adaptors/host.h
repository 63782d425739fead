/*
 * The adaptor process: what both programs are, around whichever adaptors they link (registry.h).
 */
#ifndef ICORP_ADAPTOR_HOST_H
#define ICORP_ADAPTOR_HOST_H

#include <stdio.h>

/* Serves one adaptor over fd (not closed here) until the other end closes it or *stop is set (by a signal handler;
 * may be NULL): 0, or -errno when the peer is broken or the adaptor could not open. */
int adaptor_host_run(int fd, const char *type, const volatile int *stop);

/* The command line of the programs: TYPE (started by a controller), --probe, --list, --help, --version. Returns the
 * exit status. Answers for people go to out, complaints to err. */
int adaptor_host_main(int argc, char **argv, FILE *out, FILE *err);

#endif
