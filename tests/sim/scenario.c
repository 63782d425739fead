/* The random script of one seed. See scenario.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/internal.h"
#include "tests/sim/scenario.h"

#define MAX_ENDS 6          /* endpoints of an ICorp here */
#define MAX_PLACES 60       /* addresses in the servers' subnet */
#define MAX_DOWN_US (15 * CLOCK_S)

struct wish {
	const char *access[MAX_ENDS], *server[MAX_ENDS];
	unsigned n_access, n_servers;
	uint8_t place[MAX_ENDS];                         /* of its servers */
	const char *placed[MAX_PLACES];                  /* who has an address, for good */
	uint64_t rate_bps;
	uint16_t revision;
	unsigned setup, holding;
};

struct run {
	struct sim *sim;
	const struct topo *topo;
	const struct scenario *wanted;
	unsigned *access, n_access, *server, n_servers;  /* nodes */
	unsigned n, asked;                               /* ICorps: in all, asked for so far */
	struct wish *wish;                               /* by id - 1 */
	int crashes, cuts, maps;                         /* still to come */
	int pressing;                                    /* contracts are small, and everybody wants to grow */
	int quiet;                                       /* only what is asked for happens */
};

static uint64_t chance(struct run *run, uint64_t below)
{
	return sim_random(run->sim, below);
}

/* What was asked for, or up to `most`. Draws in any case, so that one option changes as little of a seed as it can. */
static int decide(struct run *run, int wanted, unsigned most)
{
	int drawn = (int)chance(run, most + 1);

	return wanted == SCENARIO_AS_SEEDED ? drawn : wanted;
}

/* ---- who wants what ---- */

static void find_ends(struct run *run)
{
	const struct topo *topo = run->topo;

	run->access = calloc(topo->n_nodes + 1, sizeof(*run->access));
	run->server = calloc(topo->n_nodes + 1, sizeof(*run->server));
	if (!run->access || !run->server)
		abort();
	for (unsigned i = 0; i < topo->n_nodes; i++) {
		if (topo->node[i].what != TOPO_CONTROLLER)
			continue;
		if (topo->node[i].kind == ELEMENT_ACCESS)
			run->access[run->n_access++] = i;
		if (topo->node[i].kind == ELEMENT_SERVER)
			run->server[run->n_servers++] = i;
	}
}

/* Adds a node's name once. */
static void add(const struct run *run, const char **to, unsigned *n, unsigned node)
{
	const char *name = run->topo->node[node].name;

	for (unsigned i = 0; i < *n; i++)
		if (to[i] == name)
			return;
	if (*n < MAX_ENDS)
		to[(*n)++] = name;
}

static void add_server(const struct run *run, struct wish *w, unsigned node)
{
	unsigned n = w->n_servers, place = 0;

	while (w->placed[place] && w->placed[place] != run->topo->node[node].name)
		if (++place == MAX_PLACES)
			return;
	add(run, w->server, &w->n_servers, node);
	if (w->n_servers == n)
		return;
	w->placed[place] = run->topo->node[node].name;
	w->place[n] = (uint8_t)place;
}

/* Any access router leads; one to three of each kind. On a small network often all of them. */
static void wish_any(struct run *run, struct wish *w)
{
	unsigned all = run->n_access + run->n_servers <= MAX_ENDS && chance(run, 2);
	unsigned more_access = (unsigned)chance(run, 3), more_servers = (unsigned)chance(run, 3);

	add(run, w->access, &w->n_access, run->access[chance(run, run->n_access)]);
	add_server(run, w, run->server[chance(run, run->n_servers)]);
	for (unsigned i = 0; i < more_access; i++)
		add(run, w->access, &w->n_access, run->access[chance(run, run->n_access)]);
	for (unsigned i = 0; i < more_servers; i++)
		add_server(run, w, run->server[chance(run, run->n_servers)]);
	for (unsigned i = 0; all && i < run->n_access; i++)
		add(run, w->access, &w->n_access, run->access[i]);
	for (unsigned i = 0; all && i < run->n_servers; i++)
		add_server(run, w, run->server[i]);
	w->rate_bps = run->topo->rate_bps / 100 * (1 + chance(run, 40));
}

/* One of the network's own demands, whole or a part; in half of the cases another one of the same source is joined to it. */
static void wish_requested(struct run *run, struct wish *w)
{
	const struct topo_request *r = &run->topo->request[chance(run, run->topo->n_requests)];
	unsigned share = 1u << 2 * chance(run, 4), start = (unsigned)chance(run, run->topo->n_requests), join = (unsigned)chance(run, 2);

	add(run, w->access, &w->n_access, r->access);
	add_server(run, w, r->server);
	for (unsigned i = 0; join && i < run->topo->n_requests; i++) {
		const struct topo_request *other = &run->topo->request[(start + i) % run->topo->n_requests];

		if (other->access != r->access || other->server == r->server)
			continue;
		add_server(run, w, other->server);
		break;
	}
	w->rate_bps = r->rate_bps / share ? r->rate_bps / share : 1;
}

static void ask(struct run *run, uint32_t id)
{
	struct wish *w = &run->wish[id - 1];
	struct contract *c;

	sim_priorities(run->sim, w->setup, w->holding);
	sim_places(run->sim, w->place);
	c = sim_contract(run->sim, id, ++w->revision, w->server, w->n_servers, w->access, w->n_access, w->rate_bps);
	if (c)
		sim_originate(run->sim, c);
	contract_unref(c);
}

static void ask_next(struct run *run)
{
	struct wish *w = &run->wish[run->asked];

	if (run->asked == run->n)
		return;
	run->asked++;
	if (run->topo->n_requests)
		wish_requested(run, w);
	else
		wish_any(run, w);
	if (run->pressing)
		w->rate_bps = w->rate_bps / 8 + 1;
	w->holding = (unsigned)chance(run, CORE_PRIORITIES);
	w->setup = w->holding + (unsigned)chance(run, CORE_PRIORITIES - w->holding);
	ask(run, run->asked);
}

/* A new revision of one that stands: another rate, one server more or one less. The leader stays. */
static void revise(struct run *run)
{
	uint32_t id = 1 + (uint32_t)chance(run, run->asked);
	struct wish *w = &run->wish[id - 1];
	unsigned server = run->server[chance(run, run->n_servers)], more = (unsigned)chance(run, 3);

	w->rate_bps = w->rate_bps / 2 + 1 + chance(run, w->rate_bps);
	if (!chance(run, 8))
		w->rate_bps = run->topo->rate_bps / 4 * (1 + chance(run, 4)); /* often more than there is */
	if (more == 1)
		add_server(run, w, server);
	else if (more == 2 && w->n_servers > 1)
		w->n_servers--;
	if (sim_wanted(run->sim, id))
		ask(run, id);
}

/* ---- trouble ---- */

/* A controller that has something to lose; -1: none found. */
static int busy(struct run *run)
{
	for (unsigned i = 0; i < 64; i++) {
		unsigned node = (unsigned)chance(run, run->topo->n_nodes);

		if (run->sim->ctl[node].shadows.n)
			return (int)node;
	}
	return -1;
}

static void ask_more_or_less(struct run *run)
{
	static const enum resource resources[] = { RESOURCE_BANDWIDTH, RESOURCE_CPU, RESOURCE_MEMORY };
	uint32_t id = 1 + (uint32_t)chance(run, run->asked);
	const struct wish *w = &run->wish[id - 1];
	const char *server = w->server[chance(run, w->n_servers)];
	enum resource resource = resources[chance(run, 3)];
	int direction = chance(run, 3) || run->quiet ? 1 : -1;

	sim_demand(run->sim, server, id, resource, direction, 1 + (unsigned)chance(run, 3));
}

/* Everybody asks for much more bandwidth: links become full, and who has the better priority takes what others grew by. */
static void press(struct run *run)
{
	for (uint32_t id = 1; id <= run->asked; id++) {
		const struct wish *w = &run->wish[id - 1];

		sim_demand(run->sim, w->server[chance(run, w->n_servers)], id, RESOURCE_BANDWIDTH, 1,
			   1 + (unsigned)chance(run, 32));
	}
}

static void lose(struct run *run)
{
	uint32_t id = 1 + (uint32_t)chance(run, run->asked);
	const struct wish *w = &run->wish[id - 1];

	if (chance(run, 2) && !run->quiet)
		sim_kill_isc(run->sim, w->server[chance(run, w->n_servers)], id);
	else
		sim_withdraw(run->sim, w->access[0], id);
}

static void fault(struct run *run)
{
	uint64_t down = 1 + chance(run, MAX_DOWN_US), crash = chance(run, 2), port = chance(run, CORE_MAX_PORTS);
	int node = busy(run);

	if (node < 0 || run->quiet)
		return;
	if ((crash || run->cuts <= 0) && run->crashes > 0) {
		run->crashes--;
		sim_crash(run->sim, (unsigned)node, down);
	} else if (run->cuts > 0) {
		run->cuts--;
		sim_cut(run->sim, run->topo->node[node].iface[port % run->topo->node[node].n_ifaces].link, down);
	}
}

/* The layer-2 map is gone from all controllers for a while, as when the registrar has started anew. */
static void lose_map(struct run *run)
{
	if (run->maps-- <= 0 || run->quiet)
		return;
	sim_map(run->sim, 0);
	sim_run(run->sim, sim_now(run->sim) + chance(run, 5 * CLOCK_S));
	sim_map(run->sim, 1);
}

static void lose_adaptor(struct run *run)
{
	int node = busy(run);

	if (node >= 0 && !run->quiet)
		sim_adaptor_dies(run->sim, (unsigned)node);
}

static void trouble(struct run *run)
{
	unsigned steps = 16 + 2 * run->n;

	for (unsigned i = 0; i < steps && run->asked < run->n / 2 + 1; i++)
		ask_next(run);
	for (unsigned i = 0; i < steps; i++) {
		if (sim_run(run->sim, sim_now(run->sim) + chance(run, 60 * CLOCK_S / steps)))
			return;
		switch (chance(run, 10)) {
		case 0:
			lose(run);
			break;
		case 1:
		case 2:
			ask_next(run);
			break;
		case 3:
			fault(run);
			break;
		case 4:
			revise(run);
			break;
		case 5:
			lose_map(run);
			break;
		case 6:
			lose_adaptor(run);
			break;
		default:
			if (run->pressing && chance(run, 2))
				press(run);
			else
				ask_more_or_less(run);
		}
	}
}

/* ---- one seed ---- */

static void set_faults(struct run *run)
{
	const struct scenario *w = run->wanted;
	struct sim_faults f = { .delay_min_us = 50, .apply_min_us = 100, .stall_us = 20 * CLOCK_S };
	unsigned kind = (unsigned)chance(run, 4);

	f.loss_permille = (unsigned)decide(run, w->loss, 249);
	f.duplicate_permille = (unsigned)decide(run, w->duplicates, 199);
	f.delay_max_us = 100 + (uint64_t)decide(run, w->delay_ms, 300) * CLOCK_MS;
	f.apply_max_us = 200 + chance(run, 500 * CLOCK_MS);
	f.apply_fail_permille = (unsigned)decide(run, w->refuse, kind == 0 ? 99 : 0);
	f.stall_permille = (unsigned)decide(run, w->stall, kind == 1 ? 29 : 0);
	f.most_shares = kind == 2 ? 1024 + chance(run, 512) : 0; /* no contract begins with more */
	f.unordered = decide(run, w->unordered, 3) == (w->unordered == SCENARIO_AS_SEEDED ? 3 : 1);
	run->crashes = decide(run, w->crashes, 3);
	run->cuts = decide(run, w->cuts, 3);
	run->maps = decide(run, w->maps, 1);
	run->pressing = decide(run, w->pressing, 1);
	sim_skew(run->sim, (unsigned)decide(run, w->skew_ppm, 50000));
	sim_routing(run->sim, decide(run, w->routing, 1));
	run->n = (unsigned)decide(run, w->icorps, run->topo->n_requests || run->topo->n_nodes > 20 ? 11 : 3);
	run->n += w->icorps == SCENARIO_AS_SEEDED ? 1 + 4 * (unsigned)run->pressing : 0;
	run->quiet = decide(run, w->quiet, 7) == (w->quiet == SCENARIO_AS_SEEDED ? 7 : 1);
	if (run->quiet) {
		f = (struct sim_faults){ .delay_min_us = 50, .delay_max_us = f.delay_max_us, .apply_min_us = 100,
					 .apply_max_us = f.apply_max_us, .unordered = 1 };
		sim_quiet(run->sim);
	}
	sim_set_faults(run->sim, &f);
}

/* In the calm, controllers die one after the other and are back soon: nobody is to notice. */
static void restarts(struct run *run)
{
	uint64_t r = run->topo->refresh_us;

	for (unsigned i = 0; i < 3; i++) {
		int node = busy(run);

		if (node < 0)
			return;
		sim_steady(run->sim, 1);
		sim_crash(run->sim, (unsigned)node, 1 + chance(run, r));
		if (sim_run(run->sim, sim_now(run->sim) + 8 * r))
			return;
		sim_settled(run->sim);
	}
}

static void live(struct run *run, struct seed_result *out)
{
	/* one delay: what is sent in order comes in order */
	static const struct sim_faults calm = { .delay_min_us = 500, .delay_max_us = 500, .apply_max_us = 2000 };

	trouble(run);
	sim_set_faults(run->sim, &calm);
	sim_heal(run->sim);
	if (!sim_run(run->sim, sim_now(run->sim) + 60 * run->topo->refresh_us))
		sim_settled(run->sim);
	if (!sim_violations(run->sim))
		restarts(run);
	sim_steady(run->sim, 0);
	sim_count(run->sim, &out->standing, &out->refused);
	for (uint32_t id = 1; id <= run->asked; id++)
		sim_withdraw(run->sim, run->wish[id - 1].access[0], id);
	if (!sim_run(run->sim, sim_now(run->sim) + 30 * run->topo->refresh_us))
		sim_leftovers(run->sim);
}

void scenario_run(const struct topo *topo, uint64_t seed, const struct scenario *scenario, struct seed_result *out)
{
	struct run run = { .topo = topo, .wanted = scenario };
	struct sim_faults none = { 0 };

	memset(out, 0, sizeof(*out));
	out->seed = seed;
	run.sim = sim_new(topo, seed, &none);
	sim_trace_to(run.sim, scenario->trace);
	find_ends(&run);
	set_faults(&run);
	run.wish = calloc(run.n + 1, sizeof(*run.wish));
	if (!run.wish)
		abort();
	if (run.n && run.n_access && run.n_servers)
		live(&run, out);
	out->violations = sim_violations(run.sim);
	out->messages = sim_messages(run.sim);
	snprintf(out->violation, sizeof(out->violation), "%s", sim_violation(run.sim));
	sim_free(run.sim);
	free(run.wish);
	free(run.access);
	free(run.server);
}
