/*
 * Routes inside an ICorp: for every endpoint that is not here, a /32 route to its private address over the same next
 * hop as its control (public) address. When that is on the link, the next hop is the control address itself: ARP is
 * only ever for public addresses. So ICorp packets, whose addresses are private at both ends, go where the base
 * network's routing goes. Endpoints that are here have their routes from whoever made them (the proxy's address on
 * lo, an ISC's link).
 *
 * An apply asks the kernel for the way to each control address (RTM_GETROUTE) and then makes the difference: routes
 * that are as they were are renewed (the kernel takes an identical replace as nothing), those whose base route moved
 * move along, those of endpoints that have left go. Asking comes first: if one address cannot be reached nothing has
 * changed. If the kernel refuses a route, those added by this apply are taken back.
 *
 * Ours are the /32s of table main with our protocol and metric (route_message.h). The metric tells sessions apart, by 24 bits
 * of a hash: enough for a new process to revoke what a former one applied, and for its audit to leave the routes of a
 * session that is yet to be applied. What memory says another session has is never taken for one's own.
 */
#include "config.h"

#include "adaptors/protocol.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adaptors/route_message.h"
#include "lib/addr.h"
#include "lib/writer.h"

#define ROUTE_BUFFER 32768

struct route_session {
	struct route_session *next;
	struct adaptor_key key;
	struct route *routes; size_t n;
};

struct route_state {
	struct mnl_socket *nl;
	unsigned seq;
	struct route_session *sessions;
};

struct route_list { struct route *route; size_t n; int error; };

static struct route_session **find(struct route_state *s, struct adaptor_key key)
{
	struct route_session **at = &s->sessions;

	while (*at && !adaptor_key_equal((*at)->key, key))
		at = &(*at)->next;
	return at;
}

static const struct route *to(const struct route *routes, size_t n, struct in_addr dst)
{
	for (size_t i = 0; i < n; i++)
		if (routes[i].dst.s_addr == dst.s_addr)
			return &routes[i];
	return NULL;
}

static uint32_t metric_of(struct adaptor_key key)
{
	return ROUTE_METRIC | (uint32_t)(adaptor_key_hash(key) & ~ROUTE_METRIC_MASK);
}

/* The session that has this very route. */
static const struct route_session *holder(const struct route_state *s, const struct route *route)
{
	for (const struct route_session *session = s->sessions; session; session = session->next)
		if (metric_of(session->key) == route->metric && to(session->routes, session->n, route->dst))
			return session;
	return NULL;
}

/* Sends; reads until the acknowledgement or the end of the dump. 0 or -errno. */
static int talk(struct route_state *s, struct nlmsghdr *nlh, mnl_cb_t each, void *ctx)
{
	uint8_t buf[ROUTE_BUFFER];
	ssize_t n;
	int state = MNL_CB_OK;

	nlh->nlmsg_seq = ++s->seq;
	if (mnl_socket_sendto(s->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (state > MNL_CB_STOP) {
		n = mnl_socket_recvfrom(s->nl, buf, sizeof(buf));
		if (n < 0)
			return -errno;
		state = mnl_cb_run(buf, (size_t)n, s->seq, mnl_socket_get_portid(s->nl), each, ctx);
	}
	return state < 0 ? -errno : 0;
}

struct way { struct route route; int type; };

static int on_way(const struct nlmsghdr *nlh, void *ctx)
{
	struct way *way = ctx;
	int ours;

	if (route_message_read(nlh, &way->route, &ours, &way->type))
		way->type = RTN_UNSPEC;
	return MNL_CB_OK;
}

/* How to get to the control address: *out without its dst. 0; 1: it is this machine's own; -errno. */
static int resolve(struct route_state *s, struct in_addr control, struct route *out)
{
	uint8_t buf[ROUTE_MESSAGE_ROOM];
	struct way way = { .type = RTN_UNSPEC };
	int err = talk(s, route_message_get(buf, control), on_way, &way);

	if (err)
		return err;
	*out = way.route;
	if (way.type == RTN_LOCAL)
		return 1;
	return way.type == RTN_UNICAST && way.route.oif ? 0 : -EHOSTUNREACH;
}

static int add(struct route_state *s, const struct route *route)
{
	uint8_t buf[ROUTE_MESSAGE_ROOM];

	return talk(s, route_message_add(buf, route), NULL, NULL);
}

/* Gone already is fine. */
static int delete(struct route_state *s, const struct route *route)
{
	uint8_t buf[ROUTE_MESSAGE_ROOM];
	int err = talk(s, route_message_delete(buf, route), NULL, NULL);

	return err == -ESRCH || err == -ENOENT ? 0 : err;
}

static int on_ours(const struct nlmsghdr *nlh, void *ctx)
{
	struct route_list *list = ctx;
	struct route route, *more;
	int ours, type;

	if (route_message_read(nlh, &route, &ours, &type) || !ours)
		return MNL_CB_OK;
	more = realloc(list->route, (list->n + 1) * sizeof(*more));
	if (!more) {
		list->error = -ENOMEM;
		return MNL_CB_OK;
	}
	list->route = more;
	list->route[list->n++] = route;
	return MNL_CB_OK;
}

/* All routes with our mark; the caller frees list->route. A dump that a change interrupted is taken again. */
static int dump(struct route_state *s, struct route_list *list)
{
	uint8_t buf[ROUTE_MESSAGE_ROOM];
	int err = -EINTR;

	for (int i = 0; i < 5 && err == -EINTR; i++) {
		free(list->route);
		memset(list, 0, sizeof(*list));
		err = talk(s, route_message_dump(buf), on_ours, list);
	}
	return err ? err : list->error;
}

static int route_probe(const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (!nl) {
		int err = -errno;

		snprintf(why, room, "rtnetlink: %s", strerror(-err));
		return err;
	}
	mnl_socket_close(nl);
	return 0;
}

static int route_open(const struct adaptor_option *options, size_t n, void **state, char *why, size_t room)
{
	struct route_state *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (s) {
		s->seq = (unsigned)time(NULL);
		s->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
		if (s->nl && mnl_socket_bind(s->nl, 0, MNL_SOCKET_AUTOPID) >= 0) {
			*state = s;
			return 0;
		}
		err = -errno;
		if (s->nl)
			mnl_socket_close(s->nl);
		free(s);
	}
	snprintf(why, room, "rtnetlink: %s", strerror(-err));
	return err;
}

static void forget(struct route_session **at)
{
	struct route_session *session = *at;

	*at = session->next;
	free(session->routes);
	free(session);
}

static void route_close(void *state)
{
	struct route_state *s = state;

	while (s->sessions)
		forget(&s->sessions);
	mnl_socket_close(s->nl);
	free(s);
}

static int refuse(struct adaptor_result *result, int error, const char *what, const char *element)
{
	result->error = error;
	snprintf(result->reason, sizeof(result->reason), "%s %.64s: %s", what, element, strerror(-error));
	return error;
}

/* The routes the terms want; the caller frees *out. Changes nothing. */
static int want(struct route_state *s, const struct adaptor_terms *terms, struct route **out, size_t *n,
		struct adaptor_result *result)
{
	*n = 0;
	*out = calloc(terms->n_endpoints ? terms->n_endpoints : 1, sizeof(**out));
	if (!*out)
		return refuse(result, -ENOMEM, "routes of", terms->name);
	for (unsigned i = 0; i < terms->n_endpoints; i++) {
		const struct terms_endpoint *e = &terms->endpoints[i];
		struct route *route = &(*out)[*n];
		int err;

		if (e->local || !e->private_addr.s_addr || !e->control.s_addr)
			continue;
		err = resolve(s, e->control, route);
		if (err < 0)
			return refuse(result, err, "no way to", e->element);
		route->dst = e->private_addr;
		route->metric = metric_of(terms_key(terms));
		if (!route->gateway.s_addr)
			route->gateway = e->control; /* on the link: ask by ARP for the control address */
		if (!err && !to(*out, *n, route->dst))
			++*n;
	}
	return 0;
}

static int route_check(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	struct route *routes;
	size_t n;
	int err = want(state, terms, &routes, &n, result);

	free(routes);
	return err;
}

/* Takes back the first n of wanted: what was there before comes back, what is new goes. */
static void undo(struct route_state *s, const struct route_session *session, const struct route *wanted, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct route *was = session ? to(session->routes, session->n, wanted[i].dst) : NULL;

		if (was)
			add(s, was);
		else
			delete(s, &wanted[i]);
	}
}

static struct route_session *obtain(struct route_state *s, struct adaptor_key key)
{
	struct route_session **at = find(s, key);

	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (*at)
			(*at)->key = key;
	}
	return *at;
}

static int route_apply(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	struct route_state *s = state;
	struct route_session *session;
	struct route *wanted;
	size_t n, done = 0;
	int err = want(s, terms, &wanted, &n, result);

	session = err ? NULL : obtain(s, terms_key(terms));
	if (!err && !session)
		err = refuse(result, -ENOMEM, "routes of", terms->name);
	for (; !err && done < n; done++) {
		char text[ADDR_TEXT];

		err = add(s, &wanted[done]);
		if (!err)
			continue;
		refuse(result, err, "route to", addr_text(wanted[done].dst, text));
		break;
	}
	if (err) {
		undo(s, session, wanted, done);
		if (session && !session->routes)
			forget(find(s, session->key)); /* not known after all */
		free(wanted);
		return err;
	}
	for (size_t i = 0; i < session->n; i++)
		if (!to(wanted, n, session->routes[i].dst))
			delete(s, &session->routes[i]);
	free(session->routes);
	session->routes = wanted;
	session->n = n;
	result->grants[result->n_grants++] =
		(struct adaptor_grant){ .outcome = OUTCOME_APPLIED, .enforcement = ENFORCEMENT_ENFORCED };
	return 0;
}

/* What a former process left of the session. */
static int revoke_unknown(struct route_state *s, struct adaptor_key key)
{
	struct route_list list = { 0 };
	int err = dump(s, &list);

	for (size_t i = 0; i < list.n && !err; i++)
		if (list.route[i].metric == metric_of(key) && !holder(s, &list.route[i]))
			err = delete(s, &list.route[i]);
	free(list.route);
	return err;
}

static int route_revoke(void *state, struct adaptor_key key, char *why, size_t room)
{
	struct route_state *s = state;
	struct route_session **at = find(s, key);
	int err = *at ? 0 : revoke_unknown(s, key);

	for (size_t i = 0; *at && i < (*at)->n; i++) {
		int one = delete(s, &(*at)->routes[i]);

		err = err ? err : one;
	}
	if (err)
		snprintf(why, room, "rtnetlink: %s", strerror(-err));
	else if (*at)
		forget(at);
	return err;
}

static int among(struct adaptor_key key, const struct adaptor_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (adaptor_key_equal(keys[i], key))
			return 1;
	return 0;
}

/* Sessions nobody wants any more. */
static int drop_unwanted(struct route_state *s, const struct adaptor_key *keys, size_t n, unsigned *orphans)
{
	struct route_session **at = &s->sessions;

	while (*at) {
		if (among((*at)->key, keys, n)) {
			at = &(*at)->next;
			continue;
		}
		size_t routes = (*at)->n;
		int err = route_revoke(s, (*at)->key, NULL, 0);

		if (err)
			return err;
		*orphans += (unsigned)routes;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Our routes in the kernel that belong to no session: neither to one here nor to one of these metrics, sorted. */
static int drop_unknown(struct route_state *s, const struct route_list *list, const uint32_t *awaited, size_t n,
			unsigned *orphans)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct route *route = &list->route[i];
		int err;

		if (holder(s, route) || bsearch(&route->metric, awaited, n, sizeof(*awaited), compare))
			continue;
		err = delete(s, route);
		if (err)
			return err;
		++*orphans;
	}
	return 0;
}

/* The metrics of the keys that are yet to be applied, sorted; the caller frees. NULL: no memory. */
static uint32_t *await(struct route_state *s, const struct adaptor_key *keys, size_t n, size_t *n_awaited)
{
	uint32_t *awaited = malloc((n + 1) * sizeof(*awaited));

	*n_awaited = 0;
	for (size_t i = 0; awaited && i < n; i++)
		if (!*find(s, keys[i]))
			awaited[(*n_awaited)++] = metric_of(keys[i]);
	if (awaited)
		qsort(awaited, *n_awaited, sizeof(*awaited), compare);
	return awaited;
}

static const struct route *in_list(const struct route_list *list, const struct route *route)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->route[i].dst.s_addr == route->dst.s_addr && list->route[i].metric == route->metric)
			return &list->route[i];
	return NULL;
}

/* Routes of sessions that the kernel has lost (their interface went down) or that someone changed. */
static void repair(struct route_state *s, const struct route_list *list, unsigned *repaired)
{
	for (struct route_session *session = s->sessions; session; session = session->next)
		for (size_t i = 0; i < session->n; i++) {
			const struct route *r = &session->routes[i], *is = in_list(list, r);

			if (is && is->oif == r->oif && is->gateway.s_addr == r->gateway.s_addr)
				continue;
			*repaired += !add(s, r);
		}
}

static int route_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
{
	struct route_state *s = state;
	struct route_list list = { 0 };
	uint32_t *awaited;
	size_t n_awaited;
	int err;

	*orphans = *repaired = 0;
	err = drop_unwanted(s, keys, n, orphans);
	if (!err)
		err = dump(s, &list);
	awaited = err ? NULL : await(s, keys, n, &n_awaited);
	if (!err)
		err = awaited ? drop_unknown(s, &list, awaited, n_awaited, orphans) : -ENOMEM;
	if (!err)
		repair(s, &list, repaired);
	free(awaited);
	free(list.route);
	return err;
}

static int route_show(void *state, struct writer *w)
{
	struct route_state *s = state;
	struct route_list list = { 0 };
	int err = dump(s, &list);
	char text[ADDR_TEXT], ifname[IF_NAMESIZE];

	writer_array(w, "routes");
	for (size_t i = 0; !err && i < list.n; i++) {
		const struct route *r = &list.route[i];
		const struct route_session *session = holder(s, r);

		writer_object(w, NULL);
		writer_str(w, "to", addr_text(r->dst, text));
		writer_str(w, "via", r->gateway.s_addr ? addr_text(r->gateway, text) : NULL);
		writer_str(w, "dev", if_indextoname(r->oif, ifname) ? ifname : "?");
		writer_uint(w, "icorp", session ? session->key.icorp : 0);
		writer_end(w);
	}
	writer_end(w);
	free(list.route);
	return err;
}

static const char *const route_options[] = { NULL };

const struct adaptor_ops adaptor_route = {
	.type = "route",
	.help = "routes to the ICorp's endpoints along the base network's (rtnetlink)",
	.terms = TERM_ROUTE,
	.options = route_options,
	.probe = route_probe,
	.open = route_open,
	.check = route_check,
	.apply = route_apply,
	.revoke = route_revoke,
	.audit = route_audit,
	.show = route_show,
	.close = route_close,
};
