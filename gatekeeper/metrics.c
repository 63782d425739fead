/*
 * Writing the metrics (metrics.h). Names and label values are ours or checked names; only adaptors are called what their
 * operators like.
 */
#include <event2/buffer.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "gatekeeper/dns.h"
#include "gatekeeper/elements.h"
#include "gatekeeper/icorps.h"
#include "gatekeeper/metrics.h"
#include "gatekeeper/price.h"
#include "gatekeeper/server.h"
#include "gatekeeper/work.h"
#include "lib/clock.h"

static const struct { const char *name, *help; size_t offset; } counters[] = {
	{"requests_total", "HTTP requests", offsetof(struct gk_counts, requests)},
	{"refused_auth_total", "requests refused for their token", offsetof(struct gk_counts, refused_auth)},
	{"bad_requests_total", "answers 4xx", offsetof(struct gk_counts, bad_requests)},
	{"server_errors_total", "answers 5xx", offsetof(struct gk_counts, server_errors)},
	{"icorp_posts_total", "ICorps asked for", offsetof(struct gk_counts, posts)},
	{"icorp_deletes_total", "deletions asked for", offsetof(struct gk_counts, deletes)},
	{"registrations_total", "registrations and heartbeats", offsetof(struct gk_counts, registrations)},
	{"reports_total", "reports by leaders", offsetof(struct gk_counts, reports)},
	{"streams_opened_total", "event and work streams opened", offsetof(struct gk_counts, streams_opened)},
	{"streams_dropped_total", "streams dropped because nobody read them", offsetof(struct gk_counts, streams_dropped)},
	{"l2_correlations_total", "times the L2 map was worked out", offsetof(struct gk_counts, l2_runs)},
	{"l2_changes_total", "times it had changed", offsetof(struct gk_counts, l2_changes)},
	{"dns_updates_total", "DNS updates done", offsetof(struct gk_counts, dns_updates)},
	{"dns_failures_total", "DNS updates that failed", offsetof(struct gk_counts, dns_failures)},
	{"connections_total", "connections accepted", offsetof(struct gk_counts, connections)},
	{"connections_dropped_total", "connections dropped for asking nothing",
	 offsetof(struct gk_counts, connections_dropped)},
};

static void gauge(struct evbuffer *out, const char *name, const char *help, double value)
{
	evbuffer_add_printf(out, "# HELP icorp_gatekeeper_%s %s.\n# TYPE icorp_gatekeeper_%s gauge\nicorp_gatekeeper_%s %.17g\n",
			    name, help, name, name, value);
}

static void write_counters(struct evbuffer *out, const struct gk_counts *counts)
{
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		const uint64_t *value = (const uint64_t *)(const void *)((const char *)counts + counters[i].offset);

		evbuffer_add_printf(out, "# HELP icorp_gatekeeper_%s %s.\n# TYPE icorp_gatekeeper_%s counter\n"
				    "icorp_gatekeeper_%s %" PRIu64 "\n", counters[i].name, counters[i].help,
				    counters[i].name, counters[i].name, *value);
	}
	evbuffer_add_printf(out, "# HELP icorp_gatekeeper_complete_seconds From the POST to the first completion.\n"
			    "# TYPE icorp_gatekeeper_complete_seconds summary\n"
			    "icorp_gatekeeper_complete_seconds_sum %.6f\nicorp_gatekeeper_complete_seconds_count %" PRIu64 "\n",
			    (double)counts->complete_us / 1e6, counts->complete_n);
}

static void write_icorps(struct evbuffer *out, const struct gatekeeper *gk)
{
	size_t by_state[LIFE_STATES] = {0};
	struct icorp *icorp;

	for (size_t i = 0; (icorp = icorps_nth(gk->icorps, i)); i++)
		by_state[icorp->state]++;
	evbuffer_add_printf(out, "# HELP icorp_gatekeeper_icorps ICorps by state.\n# TYPE icorp_gatekeeper_icorps gauge\n");
	for (unsigned s = 0; s < LIFE_GONE; s++)
		evbuffer_add_printf(out, "icorp_gatekeeper_icorps{state=\"%s\"} %zu\n", life_name((enum life)s), by_state[s]);
}

static void write_elements(struct evbuffer *out, const struct gatekeeper *gk)
{
	struct element *e;

	evbuffer_add_printf(out, "# HELP icorp_gatekeeper_element_up Registered in time.\n"
			    "# TYPE icorp_gatekeeper_element_up gauge\n");
	for (size_t i = 0; (e = elements_nth(gk->elements, i)); i++)
		evbuffer_add_printf(out, "icorp_gatekeeper_element_up{element=\"%s\",kind=\"%s\"} %d\n", e->reg.name,
				    element_kind_name(e->reg.kind), e->alive);
}

static void write_label(struct evbuffer *out, const char *text)
{
	for (; *text; text++)
		evbuffer_add_printf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
}

static void write_adaptors(struct evbuffer *out, const struct gatekeeper *gk, const char *name, const char *help,
			   size_t offset)
{
	struct element *e;

	evbuffer_add_printf(out, "# HELP icorp_gatekeeper_%s %s.\n# TYPE icorp_gatekeeper_%s counter\n", name, help, name);
	for (size_t i = 0; (e = elements_nth(gk->elements, i)); i++)
		for (unsigned k = 0; k < e->reg.n_adaptors; k++) {
			const struct reg_adaptor *a = &e->reg.adaptors[k];
			const uint64_t *value = (const uint64_t *)(const void *)((const char *)a + offset);

			evbuffer_add_printf(out, "icorp_gatekeeper_%s{element=\"%s\",adaptor=\"", name, e->reg.name);
			write_label(out, a->name);
			evbuffer_add_printf(out, "\"} %" PRIu64 "\n", *value);
		}
}

char *metrics_text(const struct gatekeeper *gk)
{
	struct evbuffer *out = evbuffer_new();
	const char *why;
	char *text;
	size_t len;

	if (!out)
		return NULL;
	write_counters(out, &gk->counts);
	write_icorps(out, gk);
	write_elements(out, gk);
	write_adaptors(out, gk, "orphans_removed_total", "What audits found and no ICorp wanted",
		       offsetof(struct reg_adaptor, orphans));
	write_adaptors(out, gk, "drift_repaired_total", "What audits put back that somebody had changed",
		       offsetof(struct reg_adaptor, repaired));
	gauge(out, "dns_ok", "The last DNS update worked", !dns_health(gk->dns));
	gauge(out, "dns_pending", "Names the DNS server has not confirmed", (double)dns_pending(gk->dns));
	gauge(out, "store_ok", "The last write to the store worked", !store_health(gk->store, &why));
	gauge(out, "connections", "Connections now", server_connections(gk->server));
	gauge(out, "uptime_seconds", "Since the start", (double)(clock_now_us() - gk->started_us) / 1e6);
	len = evbuffer_get_length(out);
	text = malloc(len + 1);
	if (text) {
		evbuffer_remove(out, text, len);
		text[len] = '\0';
	}
	evbuffer_free(out);
	return text;
}
