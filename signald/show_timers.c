/* `show timers`: what is due next, the soonest first. Every session is looked at, and only the soonest are kept. */
#include <errno.h>

#include "lib/clock.h"
#include "signald/session.h"
#include "signald/show.h"

#define TIMERS_SHOWN 20
#define TIMERS_MAX 1000

struct deadline { uint64_t at_us; uint32_t icorp; const char *what; struct in_addr neighbour; };
struct deadlines { size_t n, most; struct deadline *v; };

static void add(struct deadlines *all, uint64_t at_us, uint32_t icorp, const char *what, struct in_addr neighbour)
{
	size_t i = all->n;

	if (!at_us || at_us == UINT64_MAX || (i == all->most && at_us >= all->v[i - 1].at_us))
		return;
	if (i < all->most)
		all->n++;
	else
		i--;
	for (; i && all->v[i - 1].at_us > at_us; i--)
		all->v[i] = all->v[i - 1];
	all->v[i] = (struct deadline){ at_us, icorp, what, neighbour };
}

static void add_session(struct deadlines *all, const struct session *s, uint64_t now_us)
{
	uint32_t id = s->key.icorp;
	struct in_addr none = { 0 };

	add(all, s->up.expires_us, id, "path lapses", s->up.addr);
	add(all, s->renew_us, id, s->committed ? "kernel state renewed" : "recovery given up", none);
	add(all, session_rest(s)->recover_by_us, id, "recovery given up", none);
	add(all, session_rest(s)->isc_deadline_us, id, "ISC given up", none);
	add(all, session_rest(s)->complete_by_us, id, "revision given up", none);
	add(all, session_rest(s)->replaced_us, id, "replaced revision torn", none);
	for (unsigned i = 0; s->leading && i < s->n_leaves; i++)
		if (s->leaf[i].more)
			add(all, s->leaf[i].more->prune_us, id, "endpoint given up", s->contract->endpoints[i].control);
	for (const struct branch *b = s->branch; b; b = b->next) {
		if (b->isc)
			add(all, session_rest(s)->isc_path_us, id, "path refresh", b->neighbour);
		add(all, b->resv_expires_us, id, "reservation lapses", b->neighbour);
		if (b->blockade && b->blockade->until_us > now_us)
			add(all, b->blockade->until_us, id, "blockade ends", b->neighbour);
	}
}

int show_timers(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct core *core = ((const struct daemon *)ctx)->core;
	uint64_t now = clock_now_us(), most = TIMERS_SHOWN;
	struct deadline v[TIMERS_MAX];
	struct deadlines all = { .v = v };
	struct in_addr none = { 0 };

	if (argc && show_number(argv[0], 1, TIMERS_MAX, &most, reply))
		return -EINVAL;
	all.most = (size_t)most;
	for (const struct session *s = core_session_next(core, NULL); s; s = core_session_next(core, s))
		for (const struct session *m = s; m; m = session_newer(m))
			add_session(&all, m, now);
	add(&all, neighbours_next(core_neighbours(core)), 0, "neighbours: refresh, retransmission, hello", none);
	writer_array(w, "timers");
	for (size_t i = 0; i < all.n; i++) {
		writer_object(w, NULL);
		show_ms(w, "in_ms", all.v[i].at_us, now);
		if (all.v[i].icorp)
			writer_uint(w, "icorp", all.v[i].icorp);
		writer_str(w, "timer", all.v[i].what);
		show_addr(w, "neighbour", all.v[i].neighbour);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}
