/*
 * The helper as a process. It gets the socketpair as descriptor 3 and nothing else of ours (every descriptor of a
 * controller is close-on-exec, and the helper closes what it finds), its own process group, so that a Ctrl-C meant for
 * the controller does not reach it, and default signals. It ends when the socketpair does.
 *
 * Who reaps: the controller's loop on SIGCHLD (lib/loop.h), or client_reap; both may try, none waits.
 */
#include "config.h"

#include "adaptors/client_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adaptors/protocol.h"

extern char **environ;

static int spawn_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	int rc = posix_spawnattr_init(attr);

	if (rc)
		return rc;
	rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	rc = rc ? rc : posix_spawnattr_setpgroup(attr, 0);
	rc = rc ? rc : posix_spawnattr_setsigmask(attr, &none);
	return rc ? rc : posix_spawnattr_setsigdefault(attr, &all);
}

static int spawn(const char *path, const char *program, const char *type, int theirs, pid_t *pid)
{
	char *argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)type, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc)
		return -rc;
	rc = spawn_attributes(&attr);
	if (!rc) {
		rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, theirs, ADAPTOR_FD);
		rc = rc ? rc : posix_spawn(pid, path, &actions, &attr, argv, environ);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

int client_spawn(const char *dir, const char *program, const char *type, pid_t *pid, int *fd)
{
	char path[4096];
	int pair[2], rc;

	if (snprintf(path, sizeof(path), "%s/%s", dir, program) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	/* Were the end already descriptor 3, dup2 onto itself would leave it close-on-exec. */
	if (pair[1] == ADAPTOR_FD) {
		int moved = fcntl(pair[1], F_DUPFD_CLOEXEC, ADAPTOR_FD + 1);

		if (moved < 0) {
			rc = -errno;
			goto fail;
		}
		close(pair[1]);
		pair[1] = moved;
	}
	rc = fcntl(pair[0], F_SETFL, O_NONBLOCK) ? -errno : spawn(path, program, type, pair[1], pid);
	if (rc)
		goto fail;
	close(pair[1]);
	*fd = pair[0];
	return 0;
fail:
	close(pair[0]);
	close(pair[1]);
	return rc;
}

int client_reap(pid_t pid, int force)
{
	pid_t rc = waitpid(pid, NULL, WNOHANG);

	if (rc == 0 && force) {
		kill(pid, SIGKILL);
		rc = waitpid(pid, NULL, WNOHANG);
	}
	return rc != 0;
}
