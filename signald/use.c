/*
 * What is really used of what was granted (adaptor.h, `measure`), said in the GRANT it belongs to: the ICorp's
 * bandwidth as a whole, and on a server its ISC's share. A grant that says another thing makes the Resv another message,
 * and each hop above passes that on, while one that says the same costs a number in an Srefresh. So only what moved much
 * is told, at a time of its own within R, when other hops' news goes along; and an ICorp that nobody has used yet says
 * nothing.
 */
#include "signald/session.h"

#define CPU_PERMILLE 1000u     /* one CPU: shares say nothing about how much that is */
#define TOLD_BY 10u            /* told when it moved by a tenth of the level, */
#define TOLD_TWICE 100u        /* or to twice as much, or half, if that is at least a hundredth of it */

static int is_news(const struct rsvp_grant *g, uint64_t used)
{
	uint64_t of = g->resource == RESOURCE_CPU ? CPU_PERMILLE : g->level;
	uint64_t less = used < g->used ? used : g->used, more = used < g->used ? g->used : used, by = more - less;

	return by && (!less || by >= of / TOLD_BY || (by >= less && by >= of / TOLD_TWICE));
}

static void tell(struct turn *t, struct session *s, struct in_addr endpoint, enum resource resource, uint64_t used)
{
	struct rsvp_grant g;

	own_grant(t->core, s, endpoint, resource, &g);
	if (!is_news(&g, used))
		return;
	g.flags |= RSVP_GRANT_USED;
	g.used = used;
	own_grant_put(t, s, &g);
	s->dirty_up = s->dirty_report = 1;
	session_settle_soon(t, s, core_jitter(t->core, t->core->config.refresh_us) / 2);
}

void core_used(struct core *core, struct adaptor_key key, enum resource resource, uint64_t used, uint64_t now_us,
	       struct core_actions *actions)
{
	struct in_addr whole = { 0 };
	struct turn t;

	turn_begin(&t, core, now_us, actions);
	for (struct session *s = session_find(core, key); s; s = session_newer(s)) {
		const struct leaf *isc = leaf_of_isc(s);

		if (!s->committed)
			continue;
		if (resource == RESOURCE_BANDWIDTH)
			tell(&t, s, whole, resource, used);
		else if (isc && leaf_level(isc, resource))
			tell(&t, s, leaf_ep(s, isc)->control, resource, used);
	}
}
