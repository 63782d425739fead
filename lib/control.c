/*
 * The daemon's end of the control socket, on libevent's bufferevents.
 *
 *   accepted -> client_new;  on_read -> run_line -> the command -> answer
 *                                                  \-> CONTROL_LATER … control_done -> answer
 *
 * A client has one request under way: while it waits for a deferred answer its socket is not read, so replies stay in
 * order and a client cannot pile up work. A struct control_reply outlives its client (the command still holds it) and
 * its server; control_done() frees it in any case.
 */
#include <config.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/control_request.h"
#include "lib/writer.h"

#define MAX_CLIENTS 32
#define IDLE_S 30
#define MAX_UNREAD (1u << 20) /* bytes of events a client has not read */
#define MAX_WARP_MS 86400000ul

enum reply_state { REPLY_RUNNING, REPLY_DONE, REPLY_LATER };

struct control_reply {
	struct client *client; /* NULL: it went away */
	struct writer *w;      /* owned */
	enum reply_state state;
	void (*gone)(void *ctx); /* a stream's; NULL: it is none, or it was told */
	void *gone_ctx;
	char error[512];
};

struct client {
	struct client *next, **at; /* at: what points to us */
	struct control_server *server;
	struct bufferevent *bev;
	struct control_reply *pending;
	int closing; /* once what is written has been sent */
};

struct control_server {
	struct evconnlistener *listener;
	const struct control_command *commands, *builtin;
	void *ctx;
	struct client *clients;
	unsigned n_clients;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	dev_t dev; /* of the socket's inode: what we may unlink */
	ino_t ino;
};

static void client_free(struct client *client)
{
	struct control_reply *pending = client->pending;

	*client->at = client->next;
	if (client->next)
		client->next->at = client->at;
	client->server->n_clients--;
	bufferevent_free(client->bev);
	free(client);
	if (pending)
		pending->client = NULL;
	if (pending && pending->gone)
		pending->gone(pending->gone_ctx);
}

static void say(struct client *client, const char *result, const char *error)
{
	char *line = control_answer_text(result, error);

	if (!line || bufferevent_write(client->bev, line, strlen(line)))
		client->closing = 1;
	free(line);
}

/* Answers and frees the reply. */
static void answer(struct control_reply *reply, const char *error)
{
	struct client *client = reply->client;
	char *result = client && !error ? writer_render(reply->w, WRITER_JSON) : NULL;

	if (client) {
		client->pending = NULL;
		say(client, result, error ? error : result ? NULL : "out of memory, or a command wrote an unbalanced answer");
	}
	free(result);
	writer_free(reply->w);
	free(reply);
}

void control_fail(struct control_reply *reply, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(reply->error, sizeof(reply->error), fmt, args);
	va_end(args);
}

static const struct timeval idle = { .tv_sec = IDLE_S };

/* A stream's client is silent as long as it likes, and is still listened to: its end is to be noticed. */
void control_stream(struct control_reply *reply, void (*gone)(void *ctx), void *ctx)
{
	reply->gone = gone;
	reply->gone_ctx = ctx;
	bufferevent_set_timeouts(reply->client->bev, NULL, &idle);
}

int control_event(struct control_reply *reply, struct writer *w)
{
	struct evbuffer *out = bufferevent_get_output(reply->client->bev);
	char *json;
	int r;

	if (evbuffer_get_length(out) > MAX_UNREAD)
		return -ENOBUFS;
	json = writer_render(w, WRITER_JSON);
	r = json && evbuffer_add_printf(out, "{\"event\":%s}\n", json) >= 0 ? 0 : -ENOMEM;
	free(json);
	return r;
}

static void on_read(struct bufferevent *bev, void *arg);

void control_done(struct control_reply *reply, const char *error)
{
	struct client *client = reply->client;

	if (error)
		control_fail(reply, "%s", error);
	if (reply->state == REPLY_RUNNING) { /* before the command returned: run_command() goes on */
		reply->state = REPLY_DONE;
		return;
	}
	if (client && reply->gone)
		bufferevent_set_timeouts(client->bev, &idle, &idle);
	answer(reply, error ? reply->error : NULL);
	if (!client)
		return;
	bufferevent_enable(client->bev, EV_READ);
	bufferevent_trigger(client->bev, EV_READ, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

static void run_command(struct client *client, const struct control_command *command, void *ctx, int argc, char **argv)
{
	struct control_reply *reply = calloc(1, sizeof(*reply));
	int r;

	if (!reply || !(reply->w = writer_new())) {
		free(reply);
		client->closing = 1;
		return;
	}
	reply->client = client;
	client->pending = reply;
	r = command->run(ctx, argc, argv, reply->w, reply);
	if (r == CONTROL_LATER && reply->state == REPLY_RUNNING) {
		reply->state = REPLY_LATER;
		if (!reply->gone)
			bufferevent_disable(client->bev, EV_READ);
		return;
	}
	if (r < 0 && !*reply->error)
		control_fail(reply, "%s", strerror(-r));
	answer(reply, r < 0 || *reply->error ? reply->error : NULL);
}

static void run_line(struct client *client, const char *line, size_t len)
{
	struct control_server *s = client->server;
	const struct control_command *command;
	void *ctx = s->ctx;
	char why[512];
	char **argv;
	int argc, words, r = control_request_parse(line, len, &argc, &argv, why, sizeof(why));

	if (r) {
		say(client, NULL, r == -EINVAL ? why : strerror(-r));
		return;
	}
	command = control_find(s->commands, argc, argv, &words);
	if (!command) {
		command = control_find(s->builtin, argc, argv, &words);
		ctx = s;
	}
	if (!command) {
		control_unknown(s->commands, s->builtin, argc, argv, why, sizeof(why));
		say(client, NULL, why);
	} else if (control_check_args(command, argc - words, why, sizeof(why))) {
		say(client, NULL, why);
	} else {
		run_command(client, command, ctx, argc - words, argv + words);
	}
	control_argv_free(argv);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct client *client = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t len;
	char *line;

	while (!client->pending && !client->closing && (line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF))) {
		if (len < CONTROL_MAX_REQUEST)
			run_line(client, line, len);
		free(line);
		if (len >= CONTROL_MAX_REQUEST)
			break;
	}
	if (!client->pending && !client->closing && evbuffer_get_length(in) >= CONTROL_MAX_REQUEST) {
		say(client, NULL, "request too long; at most 65535 bytes");
		client->closing = 1;
	}
	if (client->closing) {
		bufferevent_disable(bev, EV_READ);
		if (!evbuffer_get_length(bufferevent_get_output(bev)))
			client_free(client);
	}
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct client *client = arg;

	if (client->closing && !client->pending)
		client_free(client);
}

static void on_end(struct bufferevent *bev, short what, void *arg)
{
	struct client *client = arg;
	int owed = client->pending ? !client->pending->gone : evbuffer_get_length(bufferevent_get_output(bev)) > 0;

	/* a client that shut down its sending half still gets what is under way; a stream it ends so */
	if (what & BEV_EVENT_EOF && owed)
		client->closing = 1;
	else
		client_free(client);
}

static void refuse(int fd)
{
	static const char text[] = "{\"ok\":false,\"error\":\"too many clients; at most 32\"}\n";

	(void)send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT); /* whether it listens or not, it goes */
	close(fd);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	struct control_server *server = arg;
	struct client *client = server->n_clients < MAX_CLIENTS ? calloc(1, sizeof(*client)) : NULL;

	if (client)
		client->bev = bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
	if (!client || !client->bev) {
		free(client);
		refuse(fd);
		return;
	}
	client->server = server;
	client->next = server->clients;
	client->at = &server->clients;
	if (client->next)
		client->next->at = &client->next;
	server->clients = client;
	server->n_clients++;
	bufferevent_setcb(client->bev, on_read, on_written, on_end, client);
	bufferevent_set_timeouts(client->bev, &idle, &idle);
	bufferevent_setwatermark(client->bev, EV_READ, 0, CONTROL_MAX_REQUEST);
	bufferevent_enable(client->bev, EV_READ | EV_WRITE);
}

static void list(struct writer *w, const struct control_command *c)
{
	for (; c->words; c++) {
		writer_object(w, NULL);
		writer_str(w, "command", c->words);
		writer_str(w, "arguments", c->usage ? c->usage : "");
		writer_str(w, "help", c->help);
		writer_end(w);
	}
}

static int run_help(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct control_server *s = ctx;

	writer_array(w, "commands");
	list(w, s->commands);
	list(w, s->builtin);
	writer_end(w);
	return 0;
}

static int run_version(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	writer_str(w, "version", PACKAGE_VERSION);
	return 0;
}

static int run_time_stop(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	clock_stop();
	writer_uint(w, "now_us", clock_now_us());
	return 0;
}

static int run_time_warp(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	char *end;
	unsigned long ms = strtoul(argv[0], &end, 10);

	if (*argv[0] < '0' || *argv[0] > '9' || *end || ms > MAX_WARP_MS) {
		control_fail(reply, "%.32s: must be milliseconds, at most %lu", argv[0], MAX_WARP_MS);
		return -EINVAL;
	}
	clock_warp(ms * CLOCK_MS);
	writer_uint(w, "now_us", clock_now_us());
	return 0;
}

static const struct control_command builtin[] = {
	{ "time/stop", "", "stop the clock (for tests)", 0, 0, run_time_stop },
	{ "time/warp", "MS", "move the clock forward (for tests)", 1, 1, run_time_warp },
	{ "help", "", "list the commands", 0, 0, run_help },
	{ "version", "", "the daemon's version", 0, 0, run_version },
	{ 0 },
};
#define BUILTIN_PLAIN 2 /* the first that is not about time */

/* Frees the way for bind(): removes a socket nobody listens on. */
static int remove_stale(const struct sockaddr_un *to)
{
	int fd, r;
	struct stat st;

	if (lstat(to->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)to, sizeof(*to)) ? errno : 0;
	close(fd);
	if (r != ECONNREFUSED)
		return r && r != EAGAIN ? -r : -EADDRINUSE;
	return unlink(to->sun_path) ? -errno : 0;
}

/* A listening socket of mode 0660, or -errno. */
static int open_socket(struct control_server *s)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct stat st;
	int fd, r;

	memcpy(to.sun_path, s->path, sizeof(to.sun_path));
	r = remove_stale(&to);
	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* the mode the inode is made with; then what the umask took away */
	if (fchmod(fd, 0660) || bind(fd, (struct sockaddr *)&to, sizeof(to))) {
		r = -errno;
		close(fd);
		return r;
	}
	if (chmod(s->path, 0660) || listen(fd, MAX_CLIENTS) || lstat(s->path, &st)) {
		r = -errno;
		close(fd);
		unlink(s->path);
		return r;
	}
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return fd;
}

int control_listen(struct event_base *base, const char *path, const struct control_command *commands, void *ctx,
		   int allow_warp, struct control_server **out)
{
	struct control_server *s;
	int fd;

	if (strlen(path) >= sizeof(s->path))
		return -ENAMETOOLONG;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	snprintf(s->path, sizeof(s->path), "%s", path);
	s->commands = commands;
	s->builtin = builtin + (allow_warp ? 0 : BUILTIN_PLAIN);
	s->ctx = ctx;
	fd = open_socket(s);
	if (fd < 0) {
		free(s);
		return fd;
	}
	s->listener = evconnlistener_new(base, on_accept, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!s->listener) {
		close(fd);
		unlink(s->path);
		free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void control_close(struct control_server *server)
{
	struct stat st;

	if (!server)
		return;
	while (server->clients)
		client_free(server->clients);
	evconnlistener_free(server->listener);
	if (!lstat(server->path, &st) && st.st_dev == server->dev && st.st_ino == server->ino)
		unlink(server->path);
	free(server);
}
