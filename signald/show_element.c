/* `show status`, `show ports`, `show l2` and `show routes`: the element itself and what it knows of the network. */
#include "lib/clock.h"
#include "signald/audit.h"
#include "signald/registrar.h"
#include "signald/restart.h"
#include "signald/show.h"

static void show_sizes(struct writer *w, const struct core_resource *size)
{
	writer_uint(w, "step", size->step);
	writer_uint(w, "decrement", size->decrement ? size->decrement : size->step);
	writer_uint(w, "floor", size->floor);
	writer_uint(w, "ceiling", size->ceiling);
}

int show_ports(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	const struct core_config *config = core_config(d->core);

	writer_array(w, "ports");
	for (unsigned i = 0; i < config->n_ports; i++) {
		writer_object(w, NULL);
		writer_str(w, "port", config->port[i].ifname);
		writer_uint(w, "capacity", config->port[i].capacity_bps);
		writer_uint(w, "reserved", config->port[i].reserved_bps);
		writer_end(w);
	}
	writer_end(w);
	writer_array(w, "resources");
	for (unsigned r = 1; r <= RESOURCE_MAX; r++) {
		if (!config->resource[r].capacity && !config->resource[r].step)
			continue;
		writer_object(w, NULL);
		writer_str(w, "resource", resource_name(r));
		writer_uint(w, "capacity", config->resource[r].capacity);
		writer_uint(w, "used", config->resource[r].used);
		show_sizes(w, &config->resource[r]);
		writer_end(w);
	}
	writer_end(w);
	writer_array(w, "steps");
	for (unsigned i = 0; i < config->n_steps; i++) {
		writer_object(w, NULL);
		writer_str(w, "class", config->steps[i].class_name);
		writer_str(w, "resource", resource_name(config->steps[i].resource));
		show_sizes(w, &config->steps[i].size);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

int show_l2(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	const struct nexthops *nh = &d->nexthops;

	writer_array(w, "links");
	for (size_t i = 0; i < nh->n_links; i++) {
		writer_object(w, NULL);
		writer_str(w, "a", nh->node[nh->link[i].a].name);
		writer_str(w, "a_port", nh->link[i].a_port);
		writer_str(w, "b", nh->node[nh->link[i].b].name);
		writer_str(w, "b_port", nh->link[i].b_port);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

int show_routes(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;

	writer_array(w, "routes");
	for (size_t i = 0; i < d->nexthops.n_routes; i++) {
		const struct nexthop_route *r = &d->nexthops.route[i];
		char text[PREFIX_TEXT];

		writer_object(w, NULL);
		writer_str(w, "destination", prefix_text(r->dest, text));
		show_addr(w, "gateway", r->gateway);
		writer_str(w, "port", show_port(d, r->port));
		writer_uint(w, "metric", r->metric);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

static void show_audit(struct writer *w, const struct audit_counts *c, uint64_t now_us)
{
	writer_uint(w, "audits", c->done);
	writer_uint(w, "orphans_removed", c->orphans);
	writer_uint(w, "drift_repaired", c->repaired);
	writer_uint(w, "audits_failed", c->failed);
	writer_str(w, "audit_reason", c->reason);
	if (c->last_us)
		writer_uint(w, "audited_s", (now_us - c->last_us) / CLOCK_S);
}

static void show_adaptor_states(const struct daemon *d, struct writer *w)
{
	writer_array(w, "adaptors");
	for (size_t i = 0; i < dispatch_count(d->dispatch); i++) {
		const char *instance, *type, *reason;
		int up;

		dispatch_nth(d->dispatch, i, &instance, &type, &up, &reason);
		writer_object(w, NULL);
		writer_str(w, "name", instance);
		writer_str(w, "type", type);
		writer_bool(w, "up", up);
		writer_str(w, "reason", reason);
		show_audit(w, audit_counts(d->audit, i), clock_now_us());
		writer_end(w);
	}
	writer_end(w);
}

int show_status(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	const char *why;
	int connected = registrar_connected(d->registrar, &why);
	uint64_t now = clock_now_us();

	writer_str(w, "element", d->config.name);
	writer_str(w, "kind", d->config.kind);
	show_addr(w, "address", d->core_config.address);
	writer_str(w, "user", d->privileges.user);
	writer_str(w, "user_reason", d->privileges.reason);
	writer_uint(w, "up_s", (now - d->started_us) / CLOCK_S);
	writer_uint(w, "sessions", core_sessions(d->core));
	writer_bool(w, "gatekeeper", connected);
	writer_str(w, "gatekeeper_reason", why);
	writer_uint(w, "reports_waiting", registrar_reports_waiting(d->registrar));
	writer_str(w, "waits_for", restart_waits_for(d->restart));
	writer_uint(w, "recovery_ms", core_recovers_until(d->core) > now ? (core_recovers_until(d->core) - now) / CLOCK_MS : 0);
	writer_uint(w, "unclaimed", core_unclaimed(d->core));
	show_adaptor_states(d, w);
	return 0;
}
