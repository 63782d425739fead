/*
 * Where a benchmark lives: network, mount and process namespaces of its own, so that nothing of it outlasts it, however
 * it ends: when its first process dies the kernel kills the rest and takes the namespaces with them.
 */
#ifndef BENCH_LOAD_NAMESPACE_H
#define BENCH_LOAD_NAMESPACE_H

#define NAMESPACES_DIR "/run/icorp-bench" /* for its files: memory, and gone with it */

/*
 * Runs inside(ctx) in new namespaces (of a new user namespace, too, when not root) and returns its
 * exit status, or 1 after having said why it could not. An interrupted caller takes it down.
 */
int namespaces_run(int (*inside)(void *ctx), void *ctx);
/* The calling process moves into that network namespace, as `ip netns` knows it. 0 or -errno. */
int namespace_join(const char *name);
/* A socket (close on exec) of that network namespace, where the calling process does not go. -1 and errno. */
int namespace_socket(const char *name, int domain, int type, int protocol);
/* Runs a command in it (NULL: here) with text (or NULL) as its standard input. 0, or -1 after having said so. */
int namespace_command(const char *name, const char *text, const char *const *argv);
/* Runs these lines of `ip -batch` in it. Likewise. */
int namespace_ip(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
