/* What goes wrong besides messages and adaptors: controllers that die and come back, links, clocks, maps. */
#include <stdlib.h>

#include "tests/sim/internal.h"

void sim_skew(struct sim *sim, unsigned ppm)
{
	for (unsigned i = 0; ppm && i < sim->topo->n_nodes; i++) {
		sim->ctl[i].offset_us = (int64_t)sim_random(sim, 86400 * CLOCK_S);
		sim->ctl[i].ppm = (int64_t)sim_random(sim, 2 * (uint64_t)ppm + 1) - ppm;
	}
}

void sim_crash(struct sim *sim, unsigned node, uint64_t down_us)
{
	struct controller *c = &sim->ctl[node];
	struct event *back;

	if (!c->core)
		return;
	sim_trace(sim, "%s crashes, for %.3f s", c->node->name, (double)down_us / 1e6);
	controller_stop(sim, c);
	back = sim_event(EVENT_RESTART, node, 0);
	back->life = c->life;
	sim_event_add(sim, back, down_us);
}

void sim_restart(struct sim *sim, unsigned node)
{
	struct controller *c = &sim->ctl[node];
	struct event *enrol = sim_event(EVENT_REGISTER, node, 0);

	sim_trace(sim, "%s is back", c->node->name);
	if (c->offset_us)
		c->offset_us = (int64_t)sim_random(sim, 86400 * CLOCK_S); /* the machine may have started anew, too */
	if (controller_start(sim, c))
		abort();
	c->enrolled = 0;
	enrol->life = c->life;
	sim_event_add(sim, enrol, sim_between(sim, 10 * CLOCK_MS, CLOCK_S));
}

/* A leader that has registered again is told what it leads: what stands, then the revision that is to replace it. */
void sim_register(struct sim *sim, unsigned node)
{
	const struct icorp *icorp;

	sim->ctl[node].enrolled = 1;
	for (size_t at = 0; (icorp = map_next(&sim->icorps, &at));) {
		struct contract *next = icorp->next;

		if (!icorp->wanted || icorp->leader != node)
			continue;
		controller_originate(sim, &sim->ctl[node], icorp->contract);
		if (next && icorp->wanted && (icorp->next == next || icorp->contract == next))
			controller_originate(sim, &sim->ctl[node], next);
	}
}

void sim_quiet(struct sim *sim)
{
	sim->quiet = 1;
}

void sim_routing(struct sim *sim, int on)
{
	sim->routing = on;
}

/* A link of the backbone failed or is back: every router hears of it, one sooner, one later. */
static void converge(struct sim *sim, unsigned link)
{
	const struct topo_link *l = &sim->topo->link[link];

	if (!sim->routing || sim->topo->node[l->a.node].kind != ELEMENT_ROUTER ||
	    sim->topo->node[l->b.node].kind != ELEMENT_ROUTER)
		return;
	for (unsigned i = 0; i < sim->topo->n_sites; i++)
		sim_event_add(sim, sim_event(EVENT_ROUTES, sim->topo->site[i].router, 0),
			      sim_between(sim, CLOCK_MS, SIM_CONVERGENCE_US));
}

void sim_cut(struct sim *sim, unsigned link, uint64_t down_us)
{
	const struct topo_link *l = &sim->topo->link[link];

	sim_trace(sim, "the link %s - %s passes nothing, for %.3f s", sim->topo->node[l->a.node].name,
		  sim->topo->node[l->b.node].name, (double)down_us / 1e6);
	sim->cut[link]++;
	sim_event_add(sim, sim_event(EVENT_LINK, link, 0), down_us);
	converge(sim, link);
}

void sim_link_back(struct sim *sim, unsigned link)
{
	const struct topo_link *l = &sim->topo->link[link];

	if (!sim->cut[link] || --sim->cut[link])
		return;
	sim_trace(sim, "the link %s - %s passes again", sim->topo->node[l->a.node].name, sim->topo->node[l->b.node].name);
	converge(sim, link);
}

void sim_reroute(struct sim *sim, unsigned node)
{
	struct controller *c = &sim->ctl[node];

	sim->map_known++;
	sim->routes_us = sim->now_us;
	if (topo_reroute(sim->topo, c->node, sim->cut, &c->nexthops))
		abort();
	if (c->core)
		controller_routes(sim, c);
}

void sim_route(struct sim *sim, const char *element, const char *prefix, const char *via)
{
	struct controller *c = sim_controller(sim, element);
	struct nexthop_route route = { .port = -1 };

	if (prefix_parse(prefix, &route.dest, 0) || addr_parse(via, &route.gateway))
		abort();
	for (unsigned i = 0; i < c->node->n_ifaces; i++)
		if (c->node->iface[i].addr.addr.s_addr && prefix_contains(c->node->iface[i].addr, route.gateway))
			route.port = (int)i;
	for (size_t i = 0; i < c->nexthops.n_routes; i++) {
		struct nexthop_route *was = &c->nexthops.route[i];

		if (was->dest.len == route.dest.len && was->dest.addr.s_addr == route.dest.addr.s_addr)
			*was = c->nexthops.route[--c->nexthops.n_routes];
	}
	if (nexthops_add_route(&c->nexthops, &route))
		abort();
	sim->map_known++;
	sim->routes_us = sim->now_us;
	if (c->core)
		controller_routes(sim, c);
}

void sim_heal(struct sim *sim)
{
	for (unsigned i = 0; i < sim->topo->n_links; i++) {
		if (sim->cut[i]) {
			sim->cut[i] = 1;
			sim_link_back(sim, i);
		}
	}
	for (unsigned i = 0; i < sim->topo->n_nodes; i++)
		if (sim->ctl[i].node->what == TOPO_CONTROLLER && !sim->ctl[i].core)
			sim_restart(sim, i);
}

void sim_map(struct sim *sim, int known)
{
	sim->map_known++;
	sim->routes_us = sim->now_us;
	for (unsigned i = 0; i < sim->topo->n_nodes; i++) {
		struct controller *c = &sim->ctl[i];

		if (c->node->what != TOPO_CONTROLLER)
			continue;
		nexthops_clear_map(&c->nexthops);
		if (known && topo_map(sim->topo, c->node, &c->nexthops))
			abort();
		if (c->core)
			controller_routes(sim, c);
	}
}
