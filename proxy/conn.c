/*
 * See conn.h. What triggers what: relay.c calls conn_new, which calls next_server; the writability of the server's
 * socket (on_connected) or the timer (on_timer) ends an attempt; afterwards on_up and on_down run the pumps, and
 * rearm() registers exactly the events the pumps wait for (level-triggered, so a direction that is held up is not
 * polled). Idleness costs nothing per byte: last_us moves, and the timer looks at it when it is due.
 *
 * Errors of the server end an attempt and count against its health; errors of our own (no ports, no descriptors)
 * end the connection and do not.
 */
#include "config.h"

#include "proxy/conn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "proxy/settings.h"
#include "proxy/relay.h"

static void next_server(struct conn *conn, int error, uint64_t now_us);

const char *conn_state_name(enum conn_state state)
{
	return state == CONN_CONNECTING ? "connecting" : "relaying";
}

static struct proxy *proxy_of(const struct conn *conn)
{
	return conn->service->icorp->proxy;
}

/* Closes with a reset, so that the other end knows that something was lost. */
static void reset(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

static void drop_server(struct conn *conn)
{
	if (conn->server >= 0) {
		event_del(&conn->server_read);
		event_del(&conn->server_write);
		reset(conn->server);
		conn->server = -1;
	}
	if (conn->target) {
		conn->target->item.active--;
		target_unref(conn->target);
		conn->target = NULL;
	}
}

/* Takes the connection out of everything. The sockets are reset unless both directions are done. */
static void end(struct conn *conn)
{
	struct service *service = conn->service;
	struct proxy *proxy = proxy_of(conn);
	int clean = conn->up.done && conn->down.done;

	timer_cancel(proxy->timers, &conn->timer);
	event_del(&conn->user_read);
	event_del(&conn->user_write);
	if (clean) {
		event_del(&conn->server_read);
		event_del(&conn->server_write);
		close(conn->server);
		close(conn->user);
		conn->server = -1;
	} else {
		reset(conn->user);
	}
	drop_server(conn);
	pump_clear(&conn->up, proxy->pipes);
	pump_clear(&conn->down, proxy->pipes);
	while (conn->n_tried)
		target_unref(conn->tried[--conn->n_tried]);
	LIST_REMOVE(conn, link);
	service->n_conns--;
	service->icorp->n_conns--;
	proxy->n_conns--;
	free(conn);
	relay_resume(proxy);
}

void conn_abort(struct conn *conn)
{
	end(conn);
}

/* Registers the event when wanted, unregisters it when not. */
static int want(struct event *event, int wanted)
{
	int is = event_pending(event, EV_READ | EV_WRITE, NULL) != 0;

	if (is == wanted)
		return 0;
	return wanted ? event_add(event, NULL) : event_del(event);
}

/* Registers what the pumps wait for; ends the connection when they wait for nothing. */
static void rearm(struct conn *conn)
{
	unsigned up = pump_waits(&conn->up), down = pump_waits(&conn->down);

	if (!(up | down)) {
		end(conn);
		return;
	}
	if (want(&conn->user_read, !!(up & PUMP_READ)) || want(&conn->server_write, !!(up & PUMP_WRITE)) ||
	    want(&conn->server_read, !!(down & PUMP_READ)) || want(&conn->user_write, !!(down & PUMP_WRITE)))
		end(conn);
}

static void run(struct conn *conn, struct pump *pump, uint64_t *counter)
{
	uint64_t before = pump->bytes;
	int err = pump_run(pump, proxy_of(conn)->pipes);

	*counter += pump->bytes - before;
	conn->last_us = clock_now_us();
	if (err)
		conn->service->counters.broken++;
	if (err && pump == &conn->up && pump->refused) {
		/* The server hears no more, but what it said before (why it closed) is still the user's. */
		pump_clear(pump, proxy_of(conn)->pipes);
		pump->done = 1;
		err = 0;
	}
	if (err)
		end(conn);
	else
		rearm(conn);
}

static void on_up(evutil_socket_t fd, short what, void *ctx)
{
	struct conn *conn = ctx;

	run(conn, &conn->up, &conn->service->counters.bytes_up);
}

static void on_down(evutil_socket_t fd, short what, void *ctx)
{
	struct conn *conn = ctx;

	run(conn, &conn->down, &conn->service->counters.bytes_down);
}

/* No delays of ours on top of the ends' own, and ends that are gone are noticed. */
static void tune(int fd, uint64_t dead_peer_us)
{
	int on = 1, probes = 3, s = (int)(dead_peer_us / CLOCK_S), third = s > 3 ? s / 3 : 1;
	unsigned ms = (unsigned)(dead_peer_us / CLOCK_MS);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &s, sizeof(s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &third, sizeof(third));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

/* The user's address for the server, as HAProxy's PROXY protocol version 1, section 2.1, writes it. */
static int announce(struct conn *conn)
{
	char line[108], src[ADDR_TEXT], dst[ADDR_TEXT];
	struct sockaddr_in local = { 0 };
	socklen_t len = sizeof(local);
	int n;

	if (!conn->service->spec.proxy_protocol)
		return 0;
	if (getsockname(conn->user, (struct sockaddr *)&local, &len))
		return -errno;
	n = snprintf(line, sizeof(line), "PROXY TCP4 %s %s %u %u\r\n", addr_text(conn->peer.sin_addr, src),
		     addr_text(local.sin_addr, dst), ntohs(conn->peer.sin_port), ntohs(local.sin_port));
	return pump_preface(&conn->up, line, (size_t)n);
}

/* The server has answered: from here on bytes flow. */
static void connected(struct conn *conn, uint64_t now_us)
{
	struct proxy *proxy = proxy_of(conn);

	target_report(conn->target, proxy, 0, now_us);
	event_del(&conn->server_write);
	conn->state = CONN_RELAYING;
	conn->last_us = now_us;
	pump_init(&conn->up, conn->user, conn->server);
	pump_init(&conn->down, conn->server, conn->user);
	tune(conn->user, proxy->config->dead_peer_us);
	tune(conn->server, proxy->config->dead_peer_us);
	if (announce(conn) || timer_set(proxy->timers, &conn->timer, now_us + proxy->config->idle_timeout_us) ||
	    event_assign(&conn->server_write, proxy->base, conn->server, EV_WRITE | EV_PERSIST, on_up, conn)) {
		end(conn);
		return;
	}
	on_up(conn->user, EV_READ, conn); /* the request is usually there already */
}

static void on_connected(evutil_socket_t fd, short what, void *ctx)
{
	struct conn *conn = ctx;
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (error)
		next_server(conn, error, clock_now_us());
	else
		connected(conn, clock_now_us());
}

static void on_timer(struct timer *timer, uint64_t now_us)
{
	struct conn *conn = (struct conn *)((char *)timer - offsetof(struct conn, timer));
	uint64_t idle = proxy_of(conn)->config->idle_timeout_us;

	if (conn->state == CONN_CONNECTING) {
		next_server(conn, ETIMEDOUT, now_us);
		return;
	}
	if (conn->last_us + idle > now_us && !timer_set(proxy_of(conn)->timers, timer, conn->last_us + idle))
		return;
	conn->service->counters.timeouts++;
	end(conn);
}

/* Begins an attempt. 0 under way, 1 connected at once, -errno. */
static int attempt(struct conn *conn)
{
	struct proxy *proxy = proxy_of(conn);
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr = conn->service->icorp->spec.source };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	conn->server = fd;
	if (event_assign(&conn->server_read, proxy->base, fd, EV_READ | EV_PERSIST, on_down, conn) ||
	    event_assign(&conn->server_write, proxy->base, fd, EV_WRITE, on_connected, conn))
		return -ENOMEM;
	/* The port is chosen at connect: as many connections per server as there are ports, not per proxy. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)))
		return -errno;
	if (!connect(fd, (struct sockaddr *)&conn->target->addr, sizeof(conn->target->addr)))
		return 1;
	if (errno != EINPROGRESS)
		return -errno;
	return event_add(&conn->server_write, NULL) ? -ENOMEM : 0;
}

/* It is this machine that cannot, not the server. */
static int our_own(int error)
{
	return error == EADDRNOTAVAIL || error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
	       error == EADDRINUSE || error == EACCES || error == EPERM;
}

static void give_up(struct conn *conn, int error)
{
	static struct log_burst burst;
	unsigned held;

	conn->service->counters.failed++;
	if (log_burst_ok(&burst, clock_now_us(), 10 * CLOCK_S, &held))
		log_icorp(LOG_LEVEL_WARN, conn->service->icorp->spec.key.id,
			  "service %s: no server for a user: %s (%u more such lines held)", conn->service->spec.name,
			  error ? strerror(error) : "none is up", held);
	end(conn);
}

/* What came of the attempt under way (error 0: there was none yet), and the next one. */
static void next_server(struct conn *conn, int error, uint64_t now_us)
{
	struct proxy *proxy = proxy_of(conn);

	for (;;) {
		if (error && conn->target) {
			conn->tried[conn->n_tried++] = target_ref(conn->target);
			if (!our_own(error))
				target_report(conn->target, proxy, error, now_us);
			drop_server(conn);
		}
		if (our_own(error) || conn->n_tried >= proxy->config->connect_attempts)
			break;
		struct target *target = service_pick(conn->service, conn->tried, conn->n_tried);

		if (!target)
			break;
		if (conn->n_tried)
			conn->service->counters.failovers++;
		conn->target = target_ref(target);
		target->item.active++;
		if (timer_set(proxy->timers, &conn->timer, now_us + proxy->config->connect_timeout_us)) {
			error = ENOMEM;
			break;
		}
		int result = attempt(conn);

		if (result == 1)
			connected(conn, now_us);
		if (result >= 0)
			return;
		error = -result;
	}
	give_up(conn, error);
}

void conn_new(struct service *service, int user, const struct sockaddr_in *peer)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	struct proxy *proxy = service->icorp->proxy;
	uint64_t now = clock_now_us();

	if (!conn) {
		reset(user);
		return;
	}
	conn->service = service;
	conn->user = user;
	conn->server = -1;
	conn->peer = *peer;
	conn->since_us = conn->last_us = now;
	conn->timer.fire = on_timer;
	pump_init(&conn->up, -1, -1);
	pump_init(&conn->down, -1, -1);
	LIST_INSERT_HEAD(&service->conns, conn, link);
	service->n_conns++;
	service->icorp->n_conns++;
	proxy->n_conns++;
	service->counters.accepted++;
	event_assign(&conn->user_read, proxy->base, user, EV_READ | EV_PERSIST, on_up, conn);
	event_assign(&conn->user_write, proxy->base, user, EV_WRITE | EV_PERSIST, on_down, conn);
	next_server(conn, 0, now);
}
