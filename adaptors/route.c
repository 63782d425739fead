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
 * Ours are the /32s with our protocol and metric (route_message.h), in table main, or in a table of ours, which one
 * rule leads to for all that goes to PRIVATE. The metric tells sessions apart, by 24 bits of a hash: enough for a new
 * process to revoke what a former one applied, and for its audit to leave the routes of a session that is yet to be
 * applied. What memory says another session has is never taken for one's own.
 */
#include "config.h"

#include "adaptors/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/writer.h"

#define PRIVATE "10.64.0.0/10"          /* the gatekeeper's private_pool */

struct route_session *route_find(const struct route_state *s, struct adaptor_key key)
{
	return (struct route_session *)keymap_find(&s->sessions, key);
}

struct route_session *route_next(const struct route_state *s, const struct route_session *after)
{
	return (struct route_session *)keymap_next(&s->sessions, after ? &after->entry : NULL);
}

static const struct route *to(const struct route *routes, size_t n, struct in_addr dst)
{
	for (size_t i = 0; i < n; i++)
		if (routes[i].dst.s_addr == dst.s_addr)
			return &routes[i];
	return NULL;
}

static void forget(struct route_state *s, struct route_session *session)
{
	keymap_remove(&s->sessions, &session->entry);
	free(session->routes);
	free(session);
}

uint32_t route_metric(struct adaptor_key key)
{
	return ROUTE_METRIC | (uint32_t)(adaptor_key_hash(key) & ~ROUTE_METRIC_MASK);
}

/* table=, private= */
static int parse_rule(struct route_rule *rule, const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	const char *table = adaptor_option(options, n, "table", "main");
	const char *private = adaptor_option(options, n, "private", PRIVATE);
	int is_main = !strcmp(table, "main");
	char *end;
	unsigned long number = strtoul(table, &end, 10);

	if (!is_main && (*table < '0' || *table > '9' || *end || !number || number > UINT32_MAX ||
			 (number >= RT_TABLE_DEFAULT && number <= RT_TABLE_LOCAL))) {
		snprintf(why, room, "table=%.40s: it is main, or a number that the kernel has no use for", table);
		return -EINVAL;
	}
	rule->table = is_main ? RT_TABLE_MAIN : (uint32_t)number;
	if (!prefix_parse(private, &rule->dst, 0) && rule->dst.len)
		return 0;
	snprintf(why, room, "private=%.40s: it is a prefix, such as " PRIVATE, private);
	return -EINVAL;
}

static void route_close(void *state)
{
	struct route_state *s = state;
	struct route_session *session;

	while ((session = route_next(s, NULL)))
		forget(s, session);
	keymap_free(&s->sessions);
	if (s->nl)
		mnl_socket_close(s->nl);
	free(s);
}

/* A state that can talk to the kernel; NULL with *rc and why. */
static struct route_state *prepare(const struct adaptor_option *options, size_t n, int *rc, char *why, size_t room)
{
	struct route_state *s = calloc(1, sizeof(*s));

	*rc = s ? parse_rule(&s->rule, options, n, why, room) : -ENOMEM;
	if (!*rc && (*rc = route_kernel_open(s)))
		snprintf(why, room, "rtnetlink: %s", strerror(-*rc));
	if (!*rc || !s)
		return s;
	route_close(s);
	return NULL;
}

static int route_probe(const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	const struct route nothing = { .dst.s_addr = INADDR_BROADCAST, .metric = ROUTE_METRIC, .table = RT_TABLE_MAIN };
	int rc;
	struct route_state *s = prepare(options, n, &rc, why, room);

	if (!s)
		return rc;
	rc = route_delete(s, &nothing);
	if (rc)
		snprintf(why, room, "routes cannot be changed (CAP_NET_ADMIN is needed): %s", strerror(-rc));
	else if (s->rule.table != RT_TABLE_MAIN && (rc = route_rules_try(s)))
		snprintf(why, room, "a table of our own needs rules (CONFIG_IP_MULTIPLE_TABLES): %s", strerror(-rc));
	route_close(s);
	return rc;
}

static int route_open(const struct adaptor_option *options, size_t n, void **state, char *why, size_t room)
{
	int rc, made;
	struct route_state *s = prepare(options, n, &rc, why, room);

	if (!s)
		return rc;
	rc = route_rule_make(s, &made);
	if (rc) {
		snprintf(why, room, "the rule to table %u: %s", s->rule.table, strerror(-rc));
		route_close(s);
		return rc;
	}
	*state = s;
	return 0;
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
		err = route_resolve(s, e->control, route);
		if (err < 0)
			return refuse(result, err, "no way to", e->element);
		route->dst = e->private_addr;
		route->metric = route_metric(terms_key(terms));
		route->table = s->rule.table;
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
			route_add(s, was);
		else
			route_delete(s, &wanted[i]);
	}
}

static int route_apply(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	struct route_state *s = state;
	struct route_session *session;
	struct route *wanted;
	size_t n, done = 0;
	int err = want(s, terms, &wanted, &n, result);

	session = err ? NULL : (struct route_session *)keymap_obtain(&s->sessions, terms_key(terms), sizeof(*session));
	if (!err && !session)
		err = refuse(result, -ENOMEM, "routes of", terms->name);
	for (; !err && done < n; done++) {
		char text[ADDR_TEXT];

		err = route_add(s, &wanted[done]);
		if (!err)
			continue;
		refuse(result, err, "route to", addr_text(wanted[done].dst, text));
		break;
	}
	if (err) {
		undo(s, session, wanted, done);
		if (session && !session->routes)
			forget(s, session); /* not known after all */
		free(wanted);
		return err;
	}
	for (size_t i = 0; i < session->n; i++)
		if (!to(wanted, n, session->routes[i].dst))
			route_delete(s, &session->routes[i]);
	free(session->routes);
	session->routes = wanted;
	session->n = n;
	result->grants[result->n_grants++] =
		(struct adaptor_grant){ .outcome = OUTCOME_APPLIED, .enforcement = ENFORCEMENT_ENFORCED };
	return 0;
}

/* What a former process left of the session, in whatever table. */
static int revoke_unknown(struct route_state *s, struct adaptor_key key)
{
	struct route_list list;
	struct route_index index = { 0 };
	int err = route_dump(s, &list);

	err = err ? err : route_index(s, &index);
	for (size_t i = 0; i < list.n && !err; i++)
		if (list.route[i].metric == route_metric(key) && !route_holder(&index, &list.route[i]))
			err = route_delete(s, &list.route[i]);
	free(index.held);
	free(list.route);
	return err;
}

int route_drop(struct route_state *s, struct adaptor_key key)
{
	struct route_session *session = route_find(s, key);
	int err = session ? 0 : revoke_unknown(s, key);

	for (size_t i = 0; session && i < session->n; i++) {
		int one = route_delete(s, &session->routes[i]);

		err = err ? err : one;
	}
	if (!err && session)
		forget(s, session);
	return err;
}

static int op_revoke(void *state, struct adaptor_key key, char *why, size_t room)
{
	int err = route_drop(state, key);

	if (err)
		snprintf(why, room, "rtnetlink: %s", strerror(-err));
	return err;
}

static int op_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
{
	return route_audit(state, keys, n, orphans, repaired);
}

static void show_route(const struct route *r, const struct route_session *session, struct writer *w)
{
	char text[ADDR_TEXT], ifname[IF_NAMESIZE];

	writer_object(w, NULL);
	writer_str(w, "to", addr_text(r->dst, text));
	writer_str(w, "via", r->gateway.s_addr ? addr_text(r->gateway, text) : NULL);
	writer_str(w, "dev", if_indextoname(r->oif, ifname) ? ifname : "?");
	writer_uint(w, "table", r->table);
	writer_uint(w, "icorp", session ? session->entry.key.icorp : 0);
	writer_end(w);
}

static int route_show(void *state, struct writer *w)
{
	struct route_state *s = state;
	struct route_list list;
	struct route_index index = { 0 };
	int err = route_dump(s, &list);

	err = err ? err : route_index(s, &index);
	writer_array(w, "routes");
	for (size_t i = 0; !err && i < list.n; i++)
		show_route(&list.route[i], route_holder(&index, &list.route[i]), w);
	writer_end(w);
	free(index.held);
	free(list.route);
	return err;
}

static const char *const route_options[] = {
	"table=main|NUMBER: the routing table that ICorps' routes are in (main)",
	"private=PREFIX: what is looked up in a table of its own: where ICorps' addresses are from (" PRIVATE ")",
	NULL,
};

const struct adaptor_ops adaptor_route = {
	.type = "route",
	.help = "routes to the ICorp's endpoints along the base network's (rtnetlink)",
	.terms = TERM_ROUTE,
	.options = route_options,
	.probe = route_probe,
	.open = route_open,
	.check = route_check,
	.apply = route_apply,
	.revoke = op_revoke,
	.audit = op_audit,
	.show = route_show,
	.close = route_close,
};
