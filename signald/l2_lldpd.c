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
#include <lldp-const.h>
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
#include "signald/launcher.h"

#define SETTLE_US (20 * CLOCK_MS)         /* a burst of changes is asked for once */
#define APART_US (250 * CLOCK_MS)         /* however often a neighbour changes what it says */
#define AGAIN_US CLOCK_S                  /* lldpd is not there: tried again */
#define ANSWER_US (5 * CLOCK_S)
#define HOLD_US (65 * CLOCK_S)            /* two of LLDP's usual intervals, msgTxInterval, and a bit */

struct line { int fd; lldpctl_conn_t *conn; struct event *readable; };
struct heard { struct l2_lldp_neighbour *v; size_t n; };

struct l2_lldpd {
	struct daemon *d;
	struct line watch, query;
	struct event *timer;                  /* to connect again, to ask, or an answer is overdue */
	int watching;                         /* changes are told */
	int asking, again;                    /* an answer is being read; it is old already */
	uint64_t asked_us, hold_until_us;
	lldpctl_atom_t *interfaces, *interface;
	lldpctl_atom_iter_t *at;
	struct heard heard, reading;          /* as it was last, as far as is read now */
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

static int line_open(struct l2_lldpd *l, struct line *line, event_callback_fn readable)
{
	line->fd = launcher_open(l->d->launcher, LAUNCHER_LLDPD);
	if (line->fd < 0)
		return line->fd;
	line->conn = lldpctl_new(on_send, on_receive, line);
	line->readable = event_new(loop_base(l->d->loop), line->fd, EV_READ | EV_PERSIST, readable, l);
	return line->conn && line->readable && !event_add(line->readable, NULL) ? 0 : -ENOMEM;
}

/* ---- what was read ---- */

static void heard_free(struct heard *h)
{
	free(h->v);
	*h = (struct heard){ 0 };
}

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
	stop_reading(l);
	line_close(&l->watch);
	line_close(&l->query);
	l->watching = 0;
	heard_free(&l->reading);
	if (strcmp(l->why, why))
		log_msg(LOG_LEVEL_WARN, "lldpd: %s: %s; the L2 map stays as it is", l->d->config.lldpd_socket, why);
	snprintf(l->why, sizeof(l->why), "%s", why);
	in_us(l->timer, AGAIN_US);
}

static int heard_on(const struct heard *h, const char *port)
{
	for (size_t i = 0; i < h->n; i++)
		if (!strcmp(h->v[i].port, port))
			return 1;
	return 0;
}

static struct l2_lldp_neighbour *heard_add(struct heard *h)
{
	struct l2_lldp_neighbour *more = h->n < L2_LLDP_NEIGHBOURS ? realloc(h->v, (h->n + 1) * sizeof(*more)) : NULL;

	if (!more)
		return NULL;
	h->v = more;
	return memset(&more[h->n++], 0, sizeof(*more));
}

/* Those of before behind ports where nobody is heard yet. */
static void hold(struct l2_lldpd *l)
{
	size_t n = l->reading.n;
	struct heard now = { l->reading.v, n };

	for (size_t i = 0; i < l->heard.n; i++) {
		const struct l2_lldp_neighbour *was = &l->heard.v[i];
		struct l2_lldp_neighbour *to = heard_on(&now, was->port) ? NULL : heard_add(&l->reading);

		now.v = l->reading.v; /* of which the first n are what is heard */
		if (to)
			*to = *was;
	}
}

static int is_allowed(const void *peers, struct in_addr addr)
{
	return peers_allowed(peers, addr);
}

static void told(struct l2_lldpd *l)
{
	uint64_t now = clock_now_us();
	struct nexthops fresh;

	if (now < l->hold_until_us) {
		hold(l);
		in_us(l->timer, l->hold_until_us - now);
	}
	heard_free(&l->heard);
	l->heard = l->reading;
	l->reading = (struct heard){ 0 };
	if (l2_lldp_map(&l->d->sections, l->heard.v, l->heard.n, is_allowed, l->d->peers, &fresh))
		log_msg(LOG_LEVEL_ERROR, "lldpd: no memory for the L2 map");
	else
		l2_take(l->d, &fresh);
}

/* ---- reading a neighbour ---- */

static void read_text(lldpctl_atom_t *atom, lldpctl_key_t key, char *to, size_t room)
{
	const char *text = lldpctl_atom_get_str(atom, key);

	snprintf(to, room, "%s", text ? text : "");
}

static void read_id(lldpctl_atom_t *atom, lldpctl_key_t subtype, lldpctl_key_t key, struct l2_lldp_id *to)
{
	size_t len = 0;
	const uint8_t *id = lldpctl_atom_get_buffer(atom, key, &len);

	to->v[0] = (uint8_t)lldpctl_atom_get_int(atom, subtype);
	to->len = 1;
	if (!id || len > sizeof(to->v) - 1)
		return;
	memcpy(to->v + 1, id, len);
	to->len += len;
}

static void read_addresses(lldpctl_atom_t *chassis, struct l2_lldp_neighbour *to)
{
	lldpctl_atom_t *list = lldpctl_atom_get(chassis, lldpctl_k_chassis_mgmt), *one;

	if (!list)
		return;
	lldpctl_atom_foreach(list, one) {
		const char *text = lldpctl_atom_get_str(one, lldpctl_k_mgmt_ip);

		if (text && to->n_addr < NEXTHOP_ADDRESSES && !addr_parse(text, &to->addr[to->n_addr]) &&
		    to->addr[to->n_addr].s_addr)
			to->n_addr++;
	}
	lldpctl_atom_dec_ref(list);
}

static void read_neighbour(lldpctl_atom_t *from, const char *port, struct l2_lldp_neighbour *to)
{
	lldpctl_atom_t *chassis = lldpctl_atom_get(from, lldpctl_k_port_chassis);
	long capabilities;

	snprintf(to->port, sizeof(to->port), "%s", port);
	to->since_s = (uint64_t)lldpctl_atom_get_int(from, lldpctl_k_port_age);
	read_id(from, lldpctl_k_port_id_subtype, lldpctl_k_port_id, &to->its_port);
	read_text(from, to->its_port.v[0] == LLDP_PORTID_SUBTYPE_IFNAME ? lldpctl_k_port_id : lldpctl_k_port_descr,
		  to->port_name, sizeof(to->port_name));
	if (!chassis)
		return;
	read_id(chassis, lldpctl_k_chassis_id_subtype, lldpctl_k_chassis_id, &to->chassis);
	read_text(chassis, lldpctl_k_chassis_name, to->name, sizeof(to->name));
	capabilities = lldpctl_atom_get_int(chassis, lldpctl_k_chassis_cap_enabled);
	to->is_switch = capabilities > 0 && (capabilities & LLDP_CAP_BRIDGE) && !(capabilities & LLDP_CAP_ROUTER);
	read_addresses(chassis, to);
	lldpctl_atom_dec_ref(chassis);
}

static int is_ours(const struct l2_lldpd *l, const char *port)
{
	for (unsigned i = 0; port && i < l->d->core_config.n_ports; i++)
		if (!strcmp(l->d->core_config.port[i].ifname, port))
			return 1;
	return 0;
}

static void read_port(struct l2_lldpd *l, lldpctl_atom_t *port)
{
	const char *name = lldpctl_atom_get_str(port, lldpctl_k_port_name);
	lldpctl_atom_t *neighbours = is_ours(l, name) ? lldpctl_atom_get(port, lldpctl_k_port_neighbors) : NULL, *one;

	if (!neighbours)
		return;
	lldpctl_atom_foreach(neighbours, one) {
		struct l2_lldp_neighbour *to =
			lldpctl_atom_get_int(one, lldpctl_k_port_protocol) == LLDPD_MODE_LLDP ? heard_add(&l->reading) : NULL;

		if (to)
			read_neighbour(one, name, to);
	}
	lldpctl_atom_dec_ref(neighbours);
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
		read_port(l, port);
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
	heard_free(&l->reading);
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

static void connect_to(struct l2_lldpd *l)
{
	int r = line_open(l, &l->watch, on_watched);

	if (!r)
		r = line_open(l, &l->query, on_answer);
	if (r) {
		lost(l, strerror(-r));
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
	stop_reading(l);
	line_close(&l->watch);
	line_close(&l->query);
	heard_free(&l->heard);
	heard_free(&l->reading);
	if (l->timer)
		event_free(l->timer);
	free(l);
}
