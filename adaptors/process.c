/*
 * See process.h. The process gets the socketpair as descriptor 3 and nothing else of ours (every descriptor is
 * close-on-exec, and it closes what it finds), its own process group, so that a Ctrl-C meant for the controller does not
 * reach it, and default signals. It ends when the socketpair does.
 */
#include "config.h"

#include "adaptors/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a socketpair takes before anybody reads. */
#define MAX_OPEN 65536

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

static int spawn(struct adaptor_process *p, int theirs)
{
	char *argv[] = { (char *)(uintptr_t)p->program, p->type, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc)
		return -rc;
	rc = spawn_attributes(&attr);
	if (!rc) {
		rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, theirs, ADAPTOR_FD);
		rc = rc ? rc : posix_spawn(&p->pid, p->path, &actions, &attr, argv, environ);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

/* Were their end descriptor 3 already, dup2 onto itself would leave it close-on-exec. */
static int make_pair(int pair[2])
{
	int moved;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	if (pair[1] == ADAPTOR_FD) {
		moved = fcntl(pair[1], F_DUPFD_CLOEXEC, ADAPTOR_FD + 1);
		close(pair[1]);
		pair[1] = moved;
	}
	if (pair[1] >= 0 && !fcntl(pair[0], F_SETFL, O_NONBLOCK))
		return 0;
	moved = -errno;
	close(pair[0]);
	if (pair[1] >= 0)
		close(pair[1]);
	return moved;
}

/* A process that ended at once is no error here: whoever reads from the socketpair sees it. */
static int send_open(const struct adaptor_process *p, int fd)
{
	ssize_t n = send(fd, p->open.data, p->open.len, MSG_NOSIGNAL);

	if (n == (ssize_t)p->open.len || (n < 0 && errno == EPIPE))
		return 0;
	return n < 0 ? -errno : -EMSGSIZE;
}

int adaptor_process_start(struct adaptor_process *p)
{
	int pair[2], rc = p->path ? make_pair(pair) : -ENOENT;

	if (rc)
		return rc;
	if (p->pid)
		kill(p->pid, SIGKILL);
	p->pid = 0;
	rc = spawn(p, pair[1]);
	close(pair[1]);
	rc = rc ? rc : send_open(p, pair[0]);
	if (!rc)
		return pair[0];
	close(pair[0]);
	return rc;
}

int adaptor_process_client(void *ctx, pid_t *pid)
{
	struct adaptor_process *p = ctx;
	int fd = adaptor_process_start(p);

	*pid = p->pid;
	return fd;
}

static int put_open(struct adaptor_process *p, const struct adaptor_process_options *o)
{
	size_t room = 16 + strlen(o->instance) + strlen(o->type);

	for (size_t i = 0; i < o->n_options; i++)
		room += 4 + strlen(o->options[i].key) + strlen(o->options[i].value);
	if (o->n_options > PROTOCOL_MAX_OPTIONS || room > MAX_OPEN)
		return -EINVAL;
	uint8_t *body = malloc(room);

	if (!body)
		return -ENOMEM;
	struct wire w = wire_writer(body, room);

	protocol_put_str(&w, o->instance);
	protocol_put_str(&w, o->type);
	wire_put_u16(&w, (uint16_t)o->n_options);
	for (size_t i = 0; i < o->n_options; i++) {
		protocol_put_str(&w, o->options[i].key);
		protocol_put_str(&w, o->options[i].value);
	}
	int rc = w.error ? -EINVAL : protocol_put(&p->open, PROTOCOL_OPEN, 0, body, w.pos);

	free(body);
	return rc;
}

int adaptor_process_init(struct adaptor_process *p, const struct adaptor_process_options *o)
{
	const char *dir = o->program_dir ? o->program_dir : LIBEXECDIR;
	char path[4096];

	p->program = adaptor_program(o->type);
	if (!p->program)
		return -ENOENT;
	if (snprintf(path, sizeof(path), "%s/%s", dir, p->program) >= (int)sizeof(path))
		return -EINVAL;
	int rc = put_open(p, o);

	if (rc)
		return rc;
	p->type = strdup(o->type);
	p->path = strdup(path);
	return p->type && p->path ? 0 : -ENOMEM;
}

void adaptor_process_clear(struct adaptor_process *p)
{
	protocol_free(&p->open);
	free(p->type);
	free(p->path);
	*p = (struct adaptor_process){ 0 };
}
