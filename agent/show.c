/*
 * Documents of the agent. The names in here are an interface: agent/client.c parses them, users' scripts do too.
 */
#include <stdio.h>

#include "agent/show.h"
#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/writer.h"

void show_price(struct writer *w, const struct rsvp_price *price)
{
	struct icorp_price p = { price->micro, price->interval_s, "" };
	char text[64];

	snprintf(p.currency, sizeof(p.currency), "%.3s", price->currency);
	writer_object(w, "price");
	writer_uint(w, "micro", p.micro);
	writer_uint(w, "interval_s", p.interval_s);
	writer_str(w, "currency", p.currency);
	writer_str(w, "text", icorp_price_text(&p, text, sizeof(text)));
	writer_end(w);
}

static void show_grant(struct writer *w, const struct rsvp_grant *g)
{
	char text[64];

	writer_object(w, NULL);
	writer_str(w, "element", *g->element ? g->element : addr_text(g->node, text));
	writer_str(w, "outcome", icorp_outcome_name(g->outcome));
	writer_str(w, "enforcement", icorp_enforcement_name(g->enforcement));
	writer_uint(w, "level", g->level);
	writer_str(w, "level_text", g->level ? icorp_level_text(g->resource, g->level, text, sizeof(text)) : "-");
	writer_str(w, "reason", g->reason);
	writer_end(w);
}

void show_demand(struct writer *w, const struct demand *d)
{
	static const char *const states[] = { "none", "open", "answered", "expired" };

	writer_uint(w, "sequence", d->sequence);
	writer_str(w, "resource", icorp_resource_name(d->resource));
	writer_str(w, "direction", d->direction > 0 ? "more" : "less");
	writer_uint(w, "steps", d->steps);
	writer_bool(w, "thermostat", d->by_policy);
	writer_str(w, "state", states[d->state]);
	writer_bool(w, "answered", d->state == DEMAND_ANSWERED);
	writer_str(w, "outcome", icorp_outcome_name(demand_outcome(d)));
	writer_array(w, "grants");
	for (unsigned i = 0; i < d->n_grants; i++)
		show_grant(w, &d->grant[i]);
	writer_end(w);
}

static void show_resource(struct writer *w, const struct agent *a, enum icorp_resource resource)
{
	uint64_t level = agent_level(a, resource);
	char text[64];

	writer_object(w, NULL);
	writer_str(w, "resource", icorp_resource_name(resource));
	writer_uint(w, "level", level);
	writer_str(w, "level_text", level ? icorp_level_text(resource, level, text, sizeof(text)) : "-");
	writer_uint(w, "limit", a->boot->limit[resource]);
	if (a->demand[resource].state != DEMAND_NONE) {
		writer_object(w, "last");
		show_demand(w, &a->demand[resource]);
		writer_end(w);
	}
	writer_end(w);
}

void show_status(struct writer *w, const struct agent *a)
{
	char text[64];

	writer_str(w, "name", a->boot->name);
	writer_uint(w, "id", a->boot->icorp);
	writer_uint(w, "revision", a->path_expires_us ? a->template_.lsp_id : a->boot->revision);
	writer_str(w, "address", addr_text(a->boot->address, text));
	writer_bool(w, "reserved", a->path_expires_us && !a->ready_us);
	writer_bool(w, "confirmed", a->confirmed);
	writer_bool(w, "up", a->apps_up);
	writer_uint(w, "cpu_permille", a->sample.cpu_permille);
	writer_uint(w, "memory_permille", a->sample.memory_permille);
	writer_uint(w, "connections", a->sample.connections);
	show_price(w, &a->price);
	writer_array(w, "resources");
	for (unsigned r = 1; r <= ICORP_RESOURCES; r++)
		show_resource(w, a, r);
	writer_end(w);
	writer_uint(w, "serial", a->serial);
}

void show_apps(struct writer *w, const struct apps *apps, uint64_t now_us)
{
	writer_array(w, "apps");
	for (unsigned i = 0; i < apps->n; i++) {
		const struct app *app = &apps->app[i];

		writer_object(w, NULL);
		writer_str(w, "name", app->spec->name);
		writer_str(w, "state", app_state_name(app->state));
		writer_int(w, "pid", app->pid);
		writer_uint(w, "starts", app->starts);
		writer_uint(w, "for_ms", (now_us - app->since_us) / CLOCK_MS);
		writer_str(w, "why", app->why);
		writer_end(w);
	}
	writer_end(w);
}

void show_policy(struct writer *w, const struct policy *p, uint64_t now_us)
{
	writer_bool(w, "enabled", p->config.enabled);
	writer_str(w, "zone", policy_zone_name(p->zone));
	writer_uint(w, "high_permille", p->config.high_permille);
	writer_uint(w, "low_permille", p->config.low_permille);
	writer_uint(w, "floor", p->floor);
	writer_int(w, "net_steps", p->net_steps);
	writer_uint(w, "quiet_ms", p->quiet_until_us > now_us ? (p->quiet_until_us - now_us) / CLOCK_MS : 0);
	writer_uint(w, "refusals", p->refusals);
	writer_uint(w, "budget_micro", p->config.budget_micro);
}

void show_counters(struct writer *w, const struct agent *agent, const struct link *link, const struct measure *measure)
{
	for (unsigned i = 0; i < AGENT_COUNTERS; i++)
		writer_uint(w, agent_counter_name(i), agent->counter[i]);
	for (unsigned i = 0; i < LINK_COUNTERS; i++)
		writer_uint(w, link_counter_name(i), link->counter[i]);
	writer_str(w, "measured_by", measure_source_name(measure));
}
