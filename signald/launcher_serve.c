/* The launcher itself: see launcher.h. It reads nothing but requests of three numbers, and never waits for anybody. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adaptors/process.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "signald/l2.h"
#include "signald/launcher.h"
#include "signald/launcher_protocol.h"

#define MAX_OPTIONS 64

struct serving {
	int fd, signals;
	struct adaptor_process *adaptor; unsigned n;
	int *error;                     /* of each: why it cannot be started, or 0 */
	const char *file[LAUNCHER_FILES];
	struct log_burst refused;
};

static int init_adaptor(struct adaptor_process *p, const struct config_adaptor *from, const char *dir)
{
	struct adaptor_option options[MAX_OPTIONS];
	char *texts[MAX_OPTIONS];
	struct adaptor_process_options o = { .instance = from->title, .type = from->type, .options = options,
					     .program_dir = *dir ? dir : NULL };
	int r = 0;

	while (!r && o.n_options < from->options.n && o.n_options < MAX_OPTIONS) {
		char *text = strdup(from->options.item[o.n_options]), *equals = text ? strchr(text, '=') : NULL;

		if (equals)
			*equals++ = 0;
		r = text ? 0 : -ENOMEM;
		options[o.n_options] = (struct adaptor_option){ text, equals ? equals : "" };
		texts[o.n_options] = text;
		o.n_options += text != NULL;
	}
	if (!r)
		r = adaptor_process_init(p, &o);
	for (size_t i = 0; i < o.n_options; i++)
		free(texts[i]);
	return r;
}

static int prepare(struct serving *s, const struct signald_config *config)
{
	const struct config_adaptor *adaptor = config->adaptors.data;
	sigset_t child;

	s->adaptor = calloc(config->adaptors.n + 1, sizeof(*s->adaptor));
	s->error = calloc(config->adaptors.n + 1, sizeof(*s->error));
	if (!s->adaptor || !s->error)
		return -ENOMEM;
	for (; s->n < config->adaptors.n; s->n++)
		s->error[s->n] = init_adaptor(&s->adaptor[s->n], &adaptor[s->n], config->adaptor_dir);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	s->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : 0;
}

/* What the controller has no room for it does not want: nobody waits for it here. */
static void tell(const struct serving *s, const struct launcher_report *report, int fd)
{
	union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)report, sizeof(*report) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (s->fd < 0)
		return;
	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	if (sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EPIPE && errno != ECONNRESET)
		log_msg(LOG_LEVEL_WARN, "launcher: the controller does not listen: %s", strerror(errno));
}

static int start(struct serving *s, unsigned n, int32_t *pid)
{
	int fd;

	if (s->error[n])
		return s->error[n];
	fd = adaptor_process_start(&s->adaptor[n]);
	*pid = s->adaptor[n].pid;
	return fd;
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, r;

	if (!path || strlen(path) >= sizeof(addr.sun_path))
		return -EINVAL;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || !connect(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		return fd < 0 ? -errno : fd;
	r = -errno;
	close(fd);
	return r;
}

static void refuse(struct serving *s, const char *what)
{
	unsigned held;

	if (log_burst_ok(&s->refused, clock_now_us(), CLOCK_S, &held))
		log_msg(LOG_LEVEL_ERROR, "launcher: refused what the controller asks for: %s (%u more)", what, held);
}

static void answer(struct serving *s, const struct launcher_request *request)
{
	struct launcher_report reply = { .type = LAUNCHER_REPLY, .serial = request->serial, .index = request->index };
	int fd = -EINVAL;

	if (request->verb == LAUNCHER_START && request->index < s->n)
		fd = start(s, request->index, &reply.pid);
	else if (request->verb == LAUNCHER_OPEN && request->index < LAUNCHER_FILES)
		fd = (request->index == LAUNCHER_LLDPD ? connect_to : config_open)(s->file[request->index]);
	else
		refuse(s, "no such verb or index");
	reply.value = fd < 0 ? fd : 0;
	tell(s, &reply, fd);
	if (fd >= 0)
		close(fd);
}

/* 0: the other end is closed. */
static int take_request(struct serving *s)
{
	struct launcher_request request;
	/* the real length of what was longer; descriptors that come with it are closed by the kernel */
	ssize_t n = recv(s->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == (ssize_t)sizeof(request))
		answer(s, &request);
	else if (n)
		refuse(s, "not a request by its size");
	return n > 0;
}

static void reap(struct serving *s)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(s->signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < s->n; i++) {
			struct launcher_report ended = { .type = LAUNCHER_ENDED, .index = i, .value = status, .pid = pid };

			if (s->adaptor[i].pid != pid)
				continue;
			s->adaptor[i].pid = 0;
			tell(s, &ended, -1);
		}
}

/* Waits for the controller or a child; 0: timeout. */
static int wait_for(struct serving *s, struct pollfd set[2], int timeout_ms)
{
	set[0] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
	set[1] = (struct pollfd){ .fd = s->fd, .events = POLLIN };
	return poll(set, s->fd < 0 ? 1 : 2, timeout_ms);
}

static int running(const struct serving *s, int signal)
{
	int n = 0;

	for (unsigned i = 0; i < s->n; i++) {
		n += s->adaptor[i].pid != 0;
		if (s->adaptor[i].pid && signal)
			kill(s->adaptor[i].pid, signal);
	}
	return n;
}

/* Their socketpairs are closed: they finish what they were told and end. */
static void end_adaptors(struct serving *s, unsigned grace_ms)
{
	uint64_t until = clock_now_us() + grace_ms * CLOCK_MS;
	struct pollfd set[2];

	close(s->fd);
	s->fd = -1;
	for (uint64_t now; running(s, 0) && (now = clock_now_us()) < until; reap(s))
		wait_for(s, set, (int)((until - now) / CLOCK_MS) + 1);
	if (running(s, SIGKILL))
		log_msg(LOG_LEVEL_WARN, "launcher: adaptors that did not end were killed");
}

void launcher_serve(int fd, const struct signald_config *config, const char *file, unsigned grace_ms)
{
	struct serving s = { .fd = fd, .signals = -1,
			     .file = { [LAUNCHER_CONFIG] = file, [LAUNCHER_KEYRING] = config->keyring,
				       [LAUNCHER_LLDPD] = l2_source(config) == L2_LLDPD ? config->lldpd_socket : NULL } };
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };
	struct pollfd set[2];
	int open = 1, r;

	prctl(PR_SET_NAME, "icorp-launcher");
	for (unsigned i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN); /* they are meant for the controller; we end when it does */
	r = prepare(&s, config);
	if (r) {
		log_msg(LOG_LEVEL_ERROR, "launcher: cannot start: %s", strerror(-r));
		return;
	}
	while (open) {
		if (wait_for(&s, set, -1) < 0 && errno != EINTR)
			break;
		if (set[0].revents)
			reap(&s);
		if (set[1].revents)
			open = take_request(&s);
	}
	end_adaptors(&s, grace_ms);
	for (unsigned i = 0; i < s.n; i++)
		adaptor_process_clear(&s.adaptor[i]);
	free(s.adaptor);
	free(s.error);
	close(s.signals);
}
