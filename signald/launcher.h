/*
 * Privileges kept apart from packets. Before icorp-signald opens anything it forks the launcher, which keeps what the
 * daemon was started with: it starts the configured adaptors, opens the two files that are read again on SIGHUP, and connects to lldpd if
 * that is configured. The controller itself, which parses what the network sends, then gives everything up (lib/privileges.h).
 *
 *     controller ==SOCK_SEQPACKET== launcher -- posix_spawn --> icorp-adaptor TYPE
 *         `==============socketpair, passed by SCM_RIGHTS=============='
 *
 * What it may be asked is fixed when it is forked: the n-th adaptor of the configuration, with its options, and a file by
 * number. A request is three numbers (launcher_protocol.h), no path and no argument; whatever else arrives is refused. It
 * tells how adaptors ended, and ends with them when the controller's end of the socket is closed, however that died.
 */
#ifndef ICORP_SIGNALD_LAUNCHER_H
#define ICORP_SIGNALD_LAUNCHER_H

#include <sys/types.h>

#include "signald/config.h"

struct event_base;
struct launcher;

enum launcher_file { LAUNCHER_CONFIG, LAUNCHER_KEYRING, LAUNCHER_LLDPD, LAUNCHER_FILES };

struct launcher_hooks {
	/* The n-th adaptor's process has ended by itself, or was killed by somebody else; how, in words. From the loop, or
	 * during a call below. */
	void (*ended)(void *ctx, unsigned n, pid_t pid, const char *how);
	/* The launcher has ended: no adaptor can be started any more. Once, from the loop. */
	void (*gone)(void *ctx);
	void *ctx;
};

/* Forks it. The config and the file it was read from must last as long as the call. 0 or -errno. */
int launcher_new(const struct signald_config *config, const char *config_file, struct launcher **out);
/* From now on what it tells is told. 0 or -ENOMEM. */
int launcher_watch(struct launcher *l, struct event_base *base, const struct launcher_hooks *hooks);
/* Lets go of it: it ends when its adaptors have. */
void launcher_free(struct launcher *l);

/* A new process of the n-th adaptor, after killing a former one: as adaptor_client_options wants it. It waits for the answer, a
 * few seconds at most: for the start, before there is anybody else to be served. */
int launcher_adaptor(struct launcher *l, unsigned n, pid_t *pid);

/*
 * What follows, after launcher_watch, does not wait: the answer comes from the loop, once, after seconds at most. fd is the asker's from then on, or
 * -errno: -ETIMEDOUT, -EPIPE when the launcher is gone.
 */
typedef void launcher_answer_fn(void *ctx, int fd, pid_t pid);
/* The same process. 0 or -errno: then there is no answer. */
int launcher_ask_adaptor(struct launcher *l, unsigned n, launcher_answer_fn *answer, void *ctx);
/* A descriptor to read the file from, or of a connection to lldpd; pid is 0. 0 or -errno: then there is no answer. */
int launcher_ask_file(struct launcher *l, enum launcher_file file, launcher_answer_fn *answer, void *ctx);
/* Whoever asked with this ctx does not want its answers any more. */
void launcher_forget(struct launcher *l, const void *ctx);

#endif
