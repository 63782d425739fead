/*
 * The loop every daemon runs in. Signals become events of the libevent base, so no code of ours runs in a signal
 * handler: stop() for TERM and INT, reload() for HUP, reap() for CHLD. systemd learns of the start and the end by the
 * sd_notify protocol (a datagram to $NOTIFY_SOCKET; see sd_notify(3)).
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/loop.h"

enum { ON_TERM, ON_INT, ON_HUP, ON_CHLD, N_SIGNALS };

struct loop {
	struct event_base *base;
	struct event *signal[N_SIGNALS];
	struct loop_hooks hooks;
};

static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof(to.sun_path))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	memcpy(to.sun_path, path, len);
	if (*path == '@')
		to.sun_path[0] = 0; /* the abstract namespace */
	/* nobody listening is nobody to tell */
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

static void on_stop(evutil_socket_t number, short what, void *arg)
{
	loop_stop(arg);
}

static void on_reload(evutil_socket_t number, short what, void *arg)
{
	struct loop *loop = arg;

	if (loop->hooks.reload)
		loop->hooks.reload(loop->hooks.ctx);
}

static void on_child(evutil_socket_t number, short what, void *arg)
{
	struct loop *loop = arg;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (loop->hooks.child)
			loop->hooks.child(loop->hooks.ctx, pid, status);
}

struct loop *loop_new(const struct loop_hooks *hooks)
{
	static const struct { int number; event_callback_fn run; } signals[N_SIGNALS] = {
		[ON_TERM] = { SIGTERM, on_stop }, [ON_INT] = { SIGINT, on_stop },
		[ON_HUP] = { SIGHUP, on_reload }, [ON_CHLD] = { SIGCHLD, on_child },
	};
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	if (hooks)
		loop->hooks = *hooks;
	loop->base = event_base_new();
	for (int i = 0; loop->base && i < N_SIGNALS; i++) {
		loop->signal[i] = evsignal_new(loop->base, signals[i].number, signals[i].run, loop);
		if (!loop->signal[i] || evsignal_add(loop->signal[i], NULL))
			break;
		if (i == N_SIGNALS - 1) {
			signal(SIGPIPE, SIG_IGN);
			return loop;
		}
	}
	loop_free(loop);
	errno = ENOMEM;
	return NULL;
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

int loop_run(struct loop *loop)
{
	int r;

	notify("READY=1");
	r = event_base_dispatch(loop->base);
	notify("STOPPING=1");
	return r < 0 ? -EIO : 0;
}

void loop_stop(struct loop *loop)
{
	event_base_loopbreak(loop->base);
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	for (int i = 0; i < N_SIGNALS; i++)
		if (loop->signal[i])
			event_free(loop->signal[i]);
	if (loop->base)
		event_base_free(loop->base);
	free(loop);
}
