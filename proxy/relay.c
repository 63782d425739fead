/*
 * Accepting. on_readable takes up to RELAY_BURST users per turn and hands each to conn_new. Limits: the proxy's,
 * the ICorp's, and open files (accept fails with EMFILE); in each case the listener is paused, and resumed when a
 * connection ends or, for open files, after RELAY_RETRY.
 */
#include "config.h"

#include "proxy/relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/settings.h"
#include "proxy/conn.h"

#define RELAY_BURST 64
#define RELAY_RETRY (100 * CLOCK_MS)

static int full(const struct service *service)
{
	const struct proxy *proxy = service->icorp->proxy;

	return proxy->n_conns >= proxy->max_conns ||
	       service->icorp->n_conns >= proxy->config->max_connections_per_icorp;
}

static void pause_accepting(struct listener *listener)
{
	if (listener->paused)
		return;
	listener->paused = 1;
	listener->service->icorp->proxy->n_paused++;
	event_del(&listener->event);
}

/* accept failed for want of resources: look again soon. */
static void starved(struct listener *listener, int error)
{
	static struct log_burst burst;
	struct service *service = listener->service;
	struct proxy *proxy = service->icorp->proxy;
	uint64_t now = clock_now_us();
	unsigned held;

	if (log_burst_ok(&burst, now, 10 * CLOCK_S, &held))
		log_icorp(LOG_LEVEL_WARN, service->icorp->spec.key.id, "service %s: accept: %s (%u more such lines held)",
			  service->spec.name, strerror(error), held);
	pause_accepting(listener);
	timer_set(proxy->timers, &proxy->retry, now + RELAY_RETRY);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct listener *listener = ctx;
	struct service *service = listener->service;

	for (int i = 0; i < RELAY_BURST; i++) {
		struct sockaddr_in peer;
		socklen_t len = sizeof(peer);
		int user;

		if (full(service)) {
			pause_accepting(listener);
			return;
		}
		user = accept4(fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (user >= 0) {
			conn_new(service, user, &peer);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			starved(listener, errno);
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static int open_socket(const struct proxy *proxy, struct in_addr addr, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = addr, .sin_port = htons(port) };
	int one = 1, err, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) &&
	    !bind(fd, (struct sockaddr *)&sin, sizeof(sin)) && !listen(fd, (int)proxy->config->backlog))
		return fd;
	err = errno;
	if (fd >= 0)
		close(fd);
	return -err;
}

struct listener *relay_listen(struct service *service, struct in_addr addr, char *why, size_t room)
{
	struct proxy *proxy = service->icorp->proxy;
	struct listener *listener = calloc(1, sizeof(*listener));
	char text[ADDR_TEXT];
	int err = ENOMEM;

	if (listener) {
		listener->service = service;
		listener->fd = open_socket(proxy, addr, service->spec.port);
		err = -listener->fd;
		if (listener->fd >= 0) {
			if (!event_assign(&listener->event, proxy->base, listener->fd, EV_READ | EV_PERSIST,
					  on_readable, listener) &&
			    !event_add(&listener->event, NULL))
				return listener;
			err = ENOMEM;
			close(listener->fd);
		}
		free(listener);
	}
	snprintf(why, room, "cannot listen at %s:%u: %s", addr_text(addr, text), service->spec.port, strerror(err));
	errno = err;
	return NULL;
}

void relay_close(struct listener *listener)
{
	if (!listener)
		return;
	if (listener->paused)
		listener->service->icorp->proxy->n_paused--;
	event_del(&listener->event);
	close(listener->fd);
	free(listener);
}

void relay_resume(struct proxy *proxy)
{
	struct icorp *icorp;

	if (!proxy->n_paused || proxy->n_conns >= proxy->max_conns)
		return;
	LIST_FOREACH(icorp, &proxy->icorps, link)
		for (unsigned i = 0; i < icorp->n_services; i++) {
			struct listener *listener = icorp->services[i]->listener;

			if (!listener || !listener->paused || full(icorp->services[i]) || event_add(&listener->event, NULL))
				continue;
			listener->paused = 0;
			proxy->n_paused--;
		}
}
