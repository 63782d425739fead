/*
 * What the adaptor and the operator may ask: proxy/set, proxy/unset, proxy/list, proxy/audit change or compare
 * descriptions (spec.h); the show commands only look.
 */
#include "config.h"

#include "proxy/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/writer.h"
#include "proxy/conn.h"
#include "proxy/kernel.h"
#include "proxy/nft.h"
#include "proxy/policy.h"
#include "proxy/relay.h"
#include "proxy/table.h"

#define COMMANDS_MAX_ROWS 1000

static int run_set(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct proxy *proxy = ctx;
	struct spec spec;
	struct spec_key key;
	char why[256] = "";
	int err = spec_parse(argv[0], &spec, why, sizeof(why)), had;

	if (err) {
		control_fail(reply, "%s", why);
		return err;
	}
	key = spec.key;
	had = table_find(proxy, key) != NULL;
	err = table_set(proxy, &spec, why, sizeof(why));
	if (err) {
		log_icorp(LOG_LEVEL_WARN, key.id, "refused: %s", why);
		control_fail(reply, "%s", why);
		spec_clear(&spec);
		return err;
	}
	if (!had)
		log_icorp(LOG_LEVEL_INFO, key.id, "served");
	writer_bool(w, "new", !had);
	return 0;
}

/* "ID LEADER" as words. */
static int key_parse(char **argv, struct spec_key *key, struct control_reply *reply)
{
	char *end;
	unsigned long id;

	errno = 0;
	id = strtoul(argv[0], &end, 10);
	if (*end || end == argv[0] || errno || !id || id > UINT32_MAX || argv[0][0] == '-' ||
	    addr_parse(argv[1], &key->leader)) {
		control_fail(reply, "must be an ICorp's number and its leader's address");
		return -EINVAL;
	}
	key->id = (uint32_t)id;
	return 0;
}

static int run_unset(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct spec_key key;
	int err = key_parse(argv, &key, reply);

	if (err)
		return err;
	err = table_unset(ctx, key);
	if (!err)
		log_icorp(LOG_LEVEL_INFO, key.id, "no longer served");
	writer_bool(w, "removed", !err);
	return 0;
}

static uint64_t left_ms(uint64_t deadline_us)
{
	uint64_t now = clock_now_us();

	return deadline_us > now ? (deadline_us - now) / CLOCK_MS : 0;
}

static int run_list(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct proxy *proxy = ctx;
	struct icorp *icorp;

	writer_array(w, "icorps");
	LIST_FOREACH(icorp, &proxy->icorps, link) {
		writer_object(w, NULL);
		spec_write(&icorp->spec, w);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

static int run_audit(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	int n = table_audit(ctx);

	if (n < 0) {
		control_fail(reply, "%s", strerror(-n));
		return n;
	}
	writer_int(w, "repaired", n);
	return 0;
}

static int show_icorps(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct proxy *proxy = ctx;
	struct icorp *icorp;
	char text[ADDR_TEXT];

	writer_array(w, "icorps");
	LIST_FOREACH(icorp, &proxy->icorps, link) {
		for (unsigned i = 0; i < icorp->n_services; i++) {
			const struct service *s = icorp->services[i];

			writer_object(w, NULL);
			writer_uint(w, "icorp", icorp->spec.key.id);
			writer_str(w, "leader", addr_text(icorp->spec.key.leader, text));
			writer_str(w, "name", icorp->spec.name);
			writer_fmt(w, "public", "%s:%u", addr_text(icorp->spec.public_addr, text), s->spec.port);
			writer_str(w, "service", s->spec.name);
			writer_str(w, "protocol", spec_protocol_name(s->spec.protocol));
			writer_str(w, "path", s->in_kernel ? "kernel" : "relay");
			writer_str(w, "policy", icorp->spec.policy->name);
			writer_uint(w, "servers", s->n_targets);
			writer_uint(w, "connections", s->n_conns);
			writer_bool(w, "paused", s->listener && s->listener->paused);
			if (icorp->deadline_us)
				writer_uint(w, "expires_ms", left_ms(icorp->deadline_us));
			else
				writer_str(w, "expires_ms", NULL);
			writer_end(w);
		}
	}
	writer_end(w);
	return 0;
}

static const char *state_of(const struct target *t)
{
	if (!t->up)
		return "down";
	if (!t->item.weight)
		return "unused";
	if (!t->health.ejected)
		return "in";
	return t->probe_fd >= 0 ? "probing" : "ejected";
}

static void write_target(const struct service *s, const struct target *t, struct writer *w)
{
	char text[ADDR_TEXT];

	writer_object(w, NULL);
	writer_uint(w, "icorp", s->icorp->spec.key.id);
	writer_str(w, "service", s->spec.name);
	writer_str(w, "element", t->element);
	writer_fmt(w, "address", "%s:%u", addr_text(t->addr.sin_addr, text), ntohs(t->addr.sin_port));
	writer_str(w, "state", state_of(t));
	writer_uint(w, "weight", t->item.weight);
	writer_uint(w, "active", t->item.active);
	writer_uint(w, "connects", t->connects);
	writer_uint(w, "failures", t->health.total);
	writer_uint(w, "back_ms", t->health.ejected ? left_ms(t->health.until_us) : 0);
	writer_str(w, "error", t->health.error ? strerror(t->health.error) : NULL);
	writer_end(w);
}

static int show_backends(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct proxy *proxy = ctx;
	struct icorp *icorp;

	writer_array(w, "backends");
	LIST_FOREACH(icorp, &proxy->icorps, link)
		for (unsigned i = 0; i < icorp->n_services; i++)
			for (unsigned j = 0; j < icorp->services[i]->n_targets; j++)
				write_target(icorp->services[i], icorp->services[i]->targets[j], w);
	writer_end(w);
	return 0;
}

static void write_conn(const struct conn *c, uint64_t now, struct writer *w)
{
	char text[ADDR_TEXT];

	writer_object(w, NULL);
	writer_uint(w, "icorp", c->service->icorp->spec.key.id);
	writer_str(w, "service", c->service->spec.name);
	writer_fmt(w, "user", "%s:%u", addr_text(c->peer.sin_addr, text), ntohs(c->peer.sin_port));
	writer_str(w, "server", c->target ? c->target->element : NULL);
	writer_str(w, "state", conn_state_name(c->state));
	writer_uint(w, "tried", c->n_tried);
	writer_uint(w, "bytes_up", c->up.bytes);
	writer_uint(w, "bytes_down", c->down.bytes);
	writer_uint(w, "age_ms", (now - c->since_us) / CLOCK_MS);
	writer_uint(w, "idle_ms", (now - c->last_us) / CLOCK_MS);
	writer_end(w);
}

static int show_connections(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct proxy *proxy = ctx;
	struct icorp *icorp;
	struct conn *conn;
	unsigned rows = 0;
	uint64_t now = clock_now_us();

	writer_array(w, "connections");
	LIST_FOREACH(icorp, &proxy->icorps, link)
		for (unsigned i = 0; i < icorp->n_services; i++)
			LIST_FOREACH(conn, &icorp->services[i]->conns, link)
				if (rows++ < COMMANDS_MAX_ROWS)
					write_conn(conn, now, w);
	writer_end(w);
	if (rows > COMMANDS_MAX_ROWS)
		writer_uint(w, "not_shown", rows - COMMANDS_MAX_ROWS);
	return 0;
}

static void write_counters(struct proxy *proxy, const struct service *s, struct writer *w)
{
	const struct service_counters *c = &s->counters;
	char chain[KERNEL_CHAIN], text[ADDR_TEXT];
	uint64_t accepted = c->accepted;

	if (s->in_kernel) {
		kernel_chain(chain, s->icorp->spec.key, s->spec.protocol, s->spec.port);
		kernel_count(proxy->kernel, chain, &accepted);
	}
	writer_object(w, NULL);
	writer_uint(w, "icorp", s->icorp->spec.key.id);
	writer_str(w, "leader", addr_text(s->icorp->spec.key.leader, text));
	writer_str(w, "service", s->spec.name);
	writer_uint(w, "accepted", accepted);
	writer_uint(w, "open", s->n_conns);
	writer_uint(w, "failovers", c->failovers);
	writer_uint(w, "failed", c->failed);
	writer_uint(w, "broken", c->broken);
	writer_uint(w, "timeouts", c->timeouts);
	writer_uint(w, "bytes_up", c->bytes_up);
	writer_uint(w, "bytes_down", c->bytes_down);
	writer_end(w);
}

static int show_counters(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct proxy *proxy = ctx;
	struct icorp *icorp;

	writer_array(w, "services");
	LIST_FOREACH(icorp, &proxy->icorps, link)
		for (unsigned i = 0; i < icorp->n_services; i++)
			write_counters(proxy, icorp->services[i], w);
	writer_end(w);
	writer_uint(w, "connections", proxy->n_conns);
	writer_uint(w, "max_connections", proxy->max_conns);
	writer_uint(w, "pipes", pipe_pool_used(proxy->pipes));
	return 0;
}

static int show_policies(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	writer_array(w, "policies");
	for (size_t i = 0; policy_nth(i); i++) {
		writer_object(w, NULL);
		writer_str(w, "name", policy_nth(i)->name);
		writer_str(w, "help", policy_nth(i)->help);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

const struct control_command proxy_commands[] = {
	{ "proxy/set", "JSON", "describe an ICorp completely; the same again renews it", 1, 1, run_set },
	{ "proxy/unset", "ID LEADER", "serve it no longer", 2, 2, run_unset },
	{ "proxy/list", "", "the descriptions in force", 0, 0, run_list },
	{ "proxy/audit", "", "compare the kernel with what should be there, put it right", 0, 0, run_audit },
	{ "show icorps", "", "the services, and how they are served", 0, 0, show_icorps },
	{ "show backends", "", "the servers behind each service and their health", 0, 0, show_backends },
	{ "show connections", "", "the connections being relayed", 0, 0, show_connections },
	{ "show counters", "", "what each service has carried", 0, 0, show_counters },
	{ "show policies", "", "the balancing policies", 0, 0, show_policies },
	{ NULL, NULL, NULL, 0, 0, NULL },
};
