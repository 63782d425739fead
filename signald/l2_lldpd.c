/*
 * What lldpd hears, over its control socket and by its library. Two connections: one tells that something changed, on the
 * other everything is asked then, interface by interface; neither ever blocks. The socket is lldpd's own (mode 0660), so the
 * launcher opens it. Whoever has it may also configure lldpd.
 *
 *   lldpd -- change --> on_watched -> a moment later ask -> step … step -> told -> l2_lldp_map -> l2_take
 *
 * While lldpd is away the map stays as it is. A new lldpd has heard nobody yet: for as long as its neighbours may take to
 * speak again, ports where it hears nobody keep those of before.
 */
#include <errno.h>
#include <event2/event.h>
#include <lldpctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "signald/daemon.h"
#include "signald/l2.h"
#include "signald/l2_lldp.h"
#include "signald/l2_lldpd_read.h"
#include "signald/launcher.h"

#define SETTLE_US (20 * CLOCK_MS)         /* a burst of changes is asked for once */
#define APART_US (250 * CLOCK_MS)         /* however often a neighbour changes what it says */
#define AGAIN_US CLOCK_S                  /* lldpd is not there: tried again */
#define ANSWER_US (5 * CLOCK_S)
#define HOLD_US (65 * CLOCK_S)            /* two of LLDP's usual intervals, msgTxInterval, and a bit */

struct line { int fd; lldpctl_conn_t *conn; struct event *readable; };

struct l2_lldpd {
	struct daemon *d;
	struct line watch, query;
	struct event *timer;                  /* to connect again, to ask, or an answer is overdue */
	int watching;                         /* changes are told */
	int asking, again;                    /* an answer is being read; it is old already */
	uint64_t asked_us, hold_until_us;
	lldpctl_atom_t *interfaces, *interface;
	lldpctl_atom_iter_t *at;
	struct l2_lldp_heard heard, reading;  /* as it was last, as far as is read now */
	char why[128];                        /* what is wrong, once said; empty: nothing */
};

static void in_us(struct event *event, uint64_t us)
{
	struct timeval tv = { (time_t)(us / CLOCK_S), (suseconds_t)(us % CLOCK_S) };

	event_add(event, &tv);
}

/* ---- lines ---- */

static ssize_t on_send(lldpctl_conn_t *conn, const uint8_t *data, size_t len, void *ctx)
{
	ssize_t n = send(((struct line *)ctx)->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	return n == (ssize_t)len ? n : LLDPCTL_ERR_CALLBACK_FAILURE; /* a request has some ten bytes: there is room, or nobody */
}

static ssize_t receive(const struct line *line, void *data, size_t len)
{
	ssize_t n = recv(line->fd, data, len, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? LLDPCTL_ERR_WOULDBLOCK : LLDPCTL_ERR_CALLBACK_FAILURE;
	return n ? n : LLDPCTL_ERR_EOF;
}

/* The library's own type says const, and means a buffer to be filled. */
static ssize_t on_receive(lldpctl_conn_t *conn, const uint8_t *data, size_t len, void *ctx)
{
	return receive(ctx, (void *)(uintptr_t)data, len);
}

static void line_close(struct line *line)
{
	if (line->readable)
		event_free(line->readable);
	if (line->conn)
		lldpctl_release(line->conn);
	if (line->fd >= 0)
		close(line->fd);
	*line = (struct line){ .fd = -1 };
}

static int line_open(struct l2_lldpd *l, struct line *line, int fd, event_callback_fn readable)
{
	line->fd = fd;
	line->conn = lldpctl_new(on_send, on_receive, line);
	line->readable = event_new(loop_base(l->d->loop), line->fd, EV_READ | EV_PERSIST, readable, l);
	return line->conn && line->readable && !event_add(line->readable, NULL) ? 0 : -ENOMEM;
}

/* ---- what was read ---- */

static void stop_reading(struct l2_lldpd *l)
{
	if (l->interface)
		lldpctl_atom_dec_ref(l->interface);
	if (l->interfaces)
		lldpctl_atom_dec_ref(l->interfaces);
	l->interface = l->interfaces = NULL;
	l->at = NULL;
	l->asking = 0;
}

/* What lldpd is not needed for goes on; it is tried again. */
static void lost(struct l2_lldpd *l, const char *why)
{
	launcher_forget(l->d->launcher, l);
	stop_reading(l);
	line_close(&l->watch);
	line_close(&l->query);
	l->watching = 0;
	l2_lldp_clear(&l->reading);
	if (strcmp(l->why, why))
		log_msg(LOG_LEVEL_WARN, "lldpd: %s: %s; the L2 map stays as it is", l->d->config.lldpd_socket, why);
	snprintf(l->why, sizeof(l->why), "%s", why);
	in_us(l->timer, AGAIN_US);
}

/* A switch has no routes by which its ports could be told apart. */
static enum l2_lldp_trust trust(const void *ctx, const char *port, struct in_addr addr)
{
	const struct daemon *d = ctx;
	int at = d->nexthops.is_switch ? -1 : nexthop_port_of(&d->nexthops, addr);

	if (!d->nexthops.is_switch && (at < 0 || strcmp(d->core_config.port[at].ifname, port)))
		return L2_LLDP_NOT;
	return peers_allowed(d->peers, addr) ? L2_LLDP_CONTROL : L2_LLDP_ITS;
}

static void told(struct l2_lldpd *l)
{
	uint64_t now = clock_now_us();
	struct nexthops fresh;

	if (now < l->hold_until_us) {
		l2_lldp_hold(&l->reading, &l->heard);
		in_us(l->timer, l->hold_until_us - now);
	}
	l2_lldp_clear(&l->heard);
	l->heard = l->reading;
	l->reading = (struct l2_lldp_heard){ 0 };
	if (l2_lldp_map(&l->d->sections, &l->heard, trust, l->d, &fresh))
		log_msg(LOG_LEVEL_ERROR, "lldpd: no memory for the L2 map");
	else
		l2_take(l->d, &fresh);
}

/* ---- asking ---- */

/* The answer is not whole yet: called again when more is there. Everything else is an error. */
static void waits(struct l2_lldpd *l)
{
	if (lldpctl_last_error(l->query.conn) != LLDPCTL_ERR_WOULDBLOCK)
		lost(l, lldpctl_last_strerror(l->query.conn));
}

static void ask_soon(struct l2_lldpd *l)
{
	uint64_t now = clock_now_us(), at = now + SETTLE_US;

	if (l->asking) {
		l->again = 1;
		return;
	}
	l->again = 0;
	at = l->asked_us + APART_US > at ? l->asked_us + APART_US : at;
	in_us(l->timer, at - now);
}

static int is_ours(const struct l2_lldpd *l, const char *port)
{
	for (unsigned i = 0; port && i < l->d->core_config.n_ports; i++)
		if (!strcmp(l->d->core_config.port[i].ifname, port))
			return 1;
	return 0;
}

/* Goes on where the answer ended: the list of interfaces, then each of them. */
static void step(struct l2_lldpd *l)
{
	if (!l->interfaces) {
		l->interfaces = lldpctl_get_interfaces(l->query.conn);
		if (!l->interfaces) {
			waits(l);
			return;
		}
		l->at = lldpctl_atom_iter(l->interfaces);
	}
	for (; l->at; l->at = lldpctl_atom_iter_next(l->interfaces, l->at)) {
		lldpctl_atom_t *port;

		if (!l->interface)
			l->interface = lldpctl_atom_iter_value(l->interfaces, l->at);
		port = lldpctl_get_port(l->interface);
		if (!port) {
			waits(l);
			return;
		}
		if (is_ours(l, lldpctl_atom_get_str(port, lldpctl_k_port_name)))
			l2_lldpd_read(port, &l->reading);
		lldpctl_atom_dec_ref(port);
		lldpctl_atom_dec_ref(l->interface);
		l->interface = NULL;
	}
	stop_reading(l);
	event_del(l->timer);
	if (*l->why)
		log_msg(LOG_LEVEL_INFO, "lldpd: it answers");
	*l->why = 0;
	told(l);
	if (l->again)
		ask_soon(l);
}

static void ask(struct l2_lldpd *l)
{
	l->asking = 1;
	l->asked_us = clock_now_us();
	l2_lldp_clear(&l->reading);
	in_us(l->timer, ANSWER_US);
	step(l);
}

static void on_answer(evutil_socket_t fd, short what, void *ctx)
{
	struct l2_lldpd *l = ctx;
	char none;

	if (l->asking)
		step(l);
	else if (recv(fd, &none, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
		lost(l, "it closed the connection, or speaks unasked");
}

/* ---- changes ---- */

static void on_change(lldpctl_change_t type, lldpctl_atom_t *interface, lldpctl_atom_t *neighbour, void *ctx)
{
	ask_soon(ctx);
}

static void subscribe(struct l2_lldpd *l)
{
	if (!lldpctl_watch_callback2(l->watch.conn, on_change, l)) {
		l->watching = 1;
		ask(l); /* not before: what changes from now on is told */
	} else if (lldpctl_last_error(l->watch.conn) != LLDPCTL_ERR_WOULDBLOCK) {
		lost(l, lldpctl_last_strerror(l->watch.conn));
	}
}

static void on_watched(evutil_socket_t fd, short what, void *ctx)
{
	struct l2_lldpd *l = ctx;
	uint8_t data[16384];
	ssize_t n;

	if (l->query.fd < 0) {
		lost(l, "it closed the connection, or speaks unasked");
		return;
	}
	if (!l->watching) {
		subscribe(l);
		return;
	}
	n = receive(&l->watch, data, sizeof(data));
	if (n == LLDPCTL_ERR_WOULDBLOCK)
		return;
	if (n < 0)
		lost(l, lldpctl_strerror((lldpctl_error_t)n));
	else if (lldpctl_recv(l->watch.conn, data, (size_t)n) < 0)
		lost(l, lldpctl_last_strerror(l->watch.conn));
}

static void on_connected(void *ctx, int fd, pid_t none);

/* The one line, then the other: each when it comes. */
static void connect_to(struct l2_lldpd *l)
{
	int r = launcher_ask_file(l->d->launcher, LAUNCHER_LLDPD, on_connected, l);

	if (r)
		lost(l, strerror(-r));
}

static void on_connected(void *ctx, int fd, pid_t none)
{
	struct l2_lldpd *l = ctx;
	int first = l->watch.fd < 0;
	int r = fd < 0 ? fd : first ? line_open(l, &l->watch, fd, on_watched) : line_open(l, &l->query, fd, on_answer);

	if (r) {
		lost(l, strerror(-r));
		return;
	}
	if (first) {
		connect_to(l);
		return;
	}
	if (l->heard.n)
		l->hold_until_us = clock_now_us() + HOLD_US;
	in_us(l->timer, ANSWER_US);
	subscribe(l);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct l2_lldpd *l = ctx;

	if (l->query.fd < 0)
		connect_to(l);
	else if (l->asking || !l->watching)
		lost(l, "it does not answer");
	else
		ask(l);
}

static void on_log(int severity, const char *text)
{
	if (severity <= LOG_WARNING)
		log_msg(LOG_LEVEL_DEBUG, "lldpd's library: %s", text);
}

/* ---- life ---- */

const char *l2_lldpd_missing(void)
{
	return NULL;
}

void l2_lldpd_reload(struct l2_lldpd *l)
{
	if (l && l->watching)
		ask_soon(l);
}

int l2_lldpd_new(struct daemon *d, struct l2_lldpd **out)
{
	struct l2_lldpd *l;

	*out = NULL;
	if (l2_source(&d->config) != L2_LLDPD)
		return 0;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->d = d;
	l->watch.fd = l->query.fd = -1;
	lldpctl_log_callback(on_log);
	l->timer = event_new(loop_base(d->loop), -1, 0, on_timer, l);
	if (!l->timer) {
		l2_lldpd_free(l);
		return -ENOMEM;
	}
	in_us(l->timer, 0);
	*out = l;
	return 0;
}

void l2_lldpd_free(struct l2_lldpd *l)
{
	if (!l)
		return;
	launcher_forget(l->d->launcher, l);
	stop_reading(l);
	line_close(&l->watch);
	line_close(&l->query);
	l2_lldp_clear(&l->heard);
	l2_lldp_clear(&l->reading);
	if (l->timer)
		event_free(l->timer);
	free(l);
}
