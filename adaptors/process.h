/*
 * One configured adaptor as a process: icorp-adaptor or icorp-adaptor-vm with its type and options. Who holds this
 * starts it, again when it has ended, and gets one end of the socketpair; the OPEN with the options has been sent by
 * then, so that whoever is given that end decides nothing about what the process is.
 */
#ifndef ICORP_ADAPTOR_PROCESS_H
#define ICORP_ADAPTOR_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

#include "adaptors/protocol.h"

struct adaptor_process_options {
	const char *instance;             /* name in the config, for logs */
	const char *type;
	const struct adaptor_option *options; size_t n_options;
	const char *program_dir;          /* where icorp-adaptor is; NULL: the installed libexec directory */
};

struct adaptor_process {
	char *type, *path;
	const char *program;
	struct protocol_buffer open;      /* the OPEN frame */
	pid_t pid;                        /* 0: not started, or known to have ended; its owner reaps */
};

/* 0; -ENOENT: no such type, -EINVAL: too many options or too long ones, -ENOMEM. Zero *p before; clear it in any case. */
int adaptor_process_init(struct adaptor_process *p, const struct adaptor_process_options *options);
/* Lets go of it: a process that runs goes on until its socketpair is closed. */
void adaptor_process_clear(struct adaptor_process *p);
/* Kills the former process unless pid is 0, starts a new one: our end of the socketpair (non-blocking), or -errno. */
int adaptor_process_start(struct adaptor_process *p);
/* For adaptor_client_options: starts the struct adaptor_process that ctx is, as a child of the caller. */
int adaptor_process_client(void *ctx, pid_t *pid);

#endif
