/* Network, mount and process namespaces of a benchmark's own. See namespace.h. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/load/namespace.h"

static int wrong(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	return -1;
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok ? 0 : wrong(path);
}

/* ---- entering ---- */

/* Root inside is who we are outside. */
static int map_user(uid_t uid, gid_t gid)
{
	char text[64];

	if (put("/proc/self/setgroups", "deny"))
		return -1;
	snprintf(text, sizeof(text), "0 %u 1", (unsigned)uid);
	if (put("/proc/self/uid_map", text))
		return -1;
	snprintf(text, sizeof(text), "0 %u 1", (unsigned)gid);
	return put("/proc/self/gid_map", text);
}

/* /run is ours alone: named network namespaces, sockets and keys go there, and with us. */
static int own_mounts(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") ||
	    mount("proc", "/proc", "proc", 0, NULL))
		return wrong("mount");
	return mkdir("/run/netns", 0755) || mkdir(NAMESPACES_DIR, 0700) ? wrong(NAMESPACES_DIR) : 0;
}

/* Waits for pid, reaping whoever else is ours; its exit status. */
static int await(pid_t pid)
{
	int status;
	pid_t one;

	do
		one = pid > 0 ? waitpid(-1, &status, 0) : -1;
	while ((one > 0 && one != pid) || (one < 0 && pid > 0 && errno == EINTR));
	return one == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* The first process of the new namespaces: when it dies, all die. */
static _Noreturn void enter(int (*inside)(void *ctx), void *ctx)
{
	const char *const lo[] = { "ip", "link", "set", "lo", "up", NULL };
	pid_t worker;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (own_mounts() || namespace_command(NULL, NULL, lo))
		_exit(1);
	worker = fork();
	if (!worker)
		exit(inside(ctx));
	_exit(await(worker));
}

/* A process that leaves its namespaces can start no others in the old ones, so it is not the caller. */
static _Noreturn void leave(int (*inside)(void *ctx), void *ctx)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t first;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare((uid ? CLONE_NEWUSER : 0) | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID)) {
		wrong("needs root, or namespaces for users: unshare");
		_exit(1);
	}
	if (uid && map_user(uid, gid))
		_exit(1);
	first = fork();
	if (!first)
		enter(inside, ctx);
	_exit(await(first));
}

static pid_t leaver;

static void on_signal(int signal)
{
	kill(leaver, SIGKILL);
}

int namespaces_run(int (*inside)(void *ctx), void *ctx)
{
	struct sigaction end = { .sa_handler = on_signal };

	fflush(NULL);
	leaver = fork();
	if (!leaver)
		leave(inside, ctx);
	if (leaver < 0)
		return wrong("fork"), 1;
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGHUP, &end, NULL);
	return await(leaver);
}

/* ---- commands ---- */

int namespace_join(const char *name)
{
	char path[64];
	int fd, r;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 || setns(fd, CLONE_NEWNET) ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return r;
}

int namespace_socket(const char *name, int domain, int type, int protocol)
{
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd = here < 0 || namespace_join(name) ? -1 : socket(domain, type | SOCK_CLOEXEC, protocol);

	if (here >= 0 && setns(here, CLONE_NEWNET)) {
		fprintf(stderr, "%s: there is no way back from %s\n", program_invocation_short_name, name);
		abort();
	}
	if (here >= 0)
		close(here);
	return fd;
}

static _Noreturn void become(const char *name, int in, const char *const *argv)
{
	if ((name && namespace_join(name)) || (in >= 0 && dup2(in, 0) < 0))
		_exit(126);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

int namespace_command(const char *name, const char *text, const char *const *argv)
{
	int pipe_[2] = { -1, -1 }, status = -1;
	pid_t pid;

	if (text && pipe2(pipe_, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid)
		become(name, pipe_[0], argv);
	if (text) {
		close(pipe_[0]);
		if (pid > 0 && write(pipe_[1], text, strlen(text)) < 0)
			wrong(argv[0]);
		close(pipe_[1]);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status) {
		fprintf(stderr, "%s: %s failed (status %d)\n", program_invocation_short_name, argv[0], status);
		return -1;
	}
	return 0;
}

int namespace_ip(const char *name, const char *fmt, ...)
{
	const char *const argv[] = { "ip", "-batch", "-", NULL };
	char *text = NULL;
	va_list list;
	int rc;

	va_start(list, fmt);
	rc = vasprintf(&text, fmt, list);
	va_end(list);
	rc = rc < 0 ? -1 : namespace_command(name, text, argv);
	free(text);
	return rc;
}
