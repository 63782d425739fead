/*
 * Comparing routes with what sessions should have. What carries our mark and is nobody's goes, but for what may be of a
 * session that is yet to be applied, as its metric tells; what a session has and the kernel has not, or otherwise,
 * comes back. So does the rule that leads to our table; one that leads to another goes when nobody can need it any
 * more.
 */
#include "config.h"

#include "adaptors/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

static int order(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

int route_compare(const void *a, const void *b)
{
	const struct route *x = a, *y = b;
	int o = order(ntohl(x->dst.s_addr), ntohl(y->dst.s_addr));

	o = o ? o : order(x->metric, y->metric);
	return o ? o : order(x->table, y->table);
}

static int compare_held(const void *a, const void *b)
{
	return route_compare(((const struct route_held *)a)->route, ((const struct route_held *)b)->route);
}

int route_index(const struct route_state *s, struct route_index *index)
{
	const struct route_session *session;
	size_t n = 0;

	for (session = NULL; (session = route_next(s, session));)
		n += session->n;
	*index = (struct route_index){ .held = malloc((n + 1) * sizeof(*index->held)) };
	if (!index->held)
		return -ENOMEM;
	for (session = NULL; (session = route_next(s, session));)
		for (size_t i = 0; i < session->n; i++)
			index->held[index->n++] = (struct route_held){ &session->routes[i], session };
	qsort(index->held, index->n, sizeof(*index->held), compare_held);
	return 0;
}

const struct route_session *route_holder(const struct route_index *index, const struct route *route)
{
	const struct route_held asked = { .route = route };
	const struct route_held *held = bsearch(&asked, index->held, index->n, sizeof(asked), compare_held);

	return held ? held->session : NULL;
}

static int compare_keys(const void *a, const void *b)
{
	const struct adaptor_key *x = a, *y = b;
	int o = order(x->icorp, y->icorp);

	return o ? o : order(x->leader.s_addr, y->leader.s_addr);
}

/* Sessions that are none of the sorted keys. */
static int drop_unwanted(struct route_state *s, const struct adaptor_key *keys, size_t n, unsigned *orphans)
{
	struct route_session *session, *after;

	for (session = route_next(s, NULL); session; session = after) {
		unsigned routes = (unsigned)session->n;
		int err;

		after = route_next(s, session);
		if (n && bsearch(&session->entry.key, keys, n, sizeof(*keys), compare_keys))
			continue;
		err = route_drop(s, session->entry.key);
		if (err)
			return err;
		*orphans += routes;
	}
	return 0;
}

static int compare_metrics(const void *a, const void *b)
{
	return order(*(const uint32_t *)a, *(const uint32_t *)b);
}

/* Metrics of sessions that are yet to be applied, sorted. */
struct awaited { uint32_t *metric; size_t n; };

static int await(const struct route_state *s, const struct adaptor_key *keys, size_t n, struct awaited *awaited)
{
	*awaited = (struct awaited){ .metric = malloc((n + 1) * sizeof(*awaited->metric)) };
	if (!awaited->metric)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (!route_find(s, keys[i]))
			awaited->metric[awaited->n++] = route_metric(keys[i]);
	qsort(awaited->metric, awaited->n, sizeof(*awaited->metric), compare_metrics);
	return 0;
}

/* Our routes in the kernel that are no session's here, and of none that is awaited. */
static int drop_unknown(struct route_state *s, const struct route_list *list, const struct route_index *index,
			const struct awaited *awaited, unsigned *orphans)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct route *route = &list->route[i];
		int err;

		if (route_holder(index, route) ||
		    bsearch(&route->metric, awaited->metric, awaited->n, sizeof(*awaited->metric), compare_metrics))
			continue;
		err = route_delete(s, route);
		if (err)
			return err;
		++*orphans;
	}
	return 0;
}

/* Routes of sessions that the kernel has lost (their interface went down) or that someone changed. */
static void repair(struct route_state *s, const struct route_list *list, const struct route_index *index,
		   unsigned *repaired)
{
	for (size_t i = 0; i < index->n; i++) {
		const struct route *r = index->held[i].route;
		const struct route *is = list->n ? bsearch(r, list->route, list->n, sizeof(*r), route_compare) : NULL;

		if (!is || is->oif != r->oif || is->gateway.s_addr != r->gateway.s_addr)
			*repaired += !route_add(s, r);
	}
}

static int audit_routes(struct route_state *s, const struct awaited *awaited, unsigned *orphans, unsigned *repaired)
{
	struct route_list list;
	struct route_index index = { 0 };
	int err = route_dump(s, &list);

	err = err ? err : route_index(s, &index);
	err = err ? err : drop_unknown(s, &list, &index, awaited, orphans);
	if (!err)
		repair(s, &list, &index, repaired);
	free(index.held);
	free(list.route);
	return err;
}

static int audit_rules(struct route_state *s, const struct awaited *awaited, unsigned *orphans, unsigned *repaired)
{
	unsigned n = 0;
	int made, err = route_rule_make(s, &made);

	*repaired += (unsigned)made;
	if (!err && !awaited->n)
		err = route_rules_clean(s, &n);
	*orphans += n;
	return err;
}

int route_audit(struct route_state *s, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
{
	struct adaptor_key *sorted = malloc((n + 1) * sizeof(*sorted));
	struct awaited awaited = { 0 };
	int err = sorted ? await(s, keys, n, &awaited) : -ENOMEM;

	*orphans = *repaired = 0;
	if (!err) {
		for (size_t i = 0; i < n; i++)
			sorted[i] = keys[i];
		qsort(sorted, n, sizeof(*sorted), compare_keys);
		err = drop_unwanted(s, sorted, n, orphans);
	}
	err = err ? err : audit_routes(s, &awaited, orphans, repaired);
	err = err ? err : audit_rules(s, &awaited, orphans, repaired);
	free(awaited.metric);
	free(sorted);
	return err;
}
