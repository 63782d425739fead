/*
 * The tc adaptor: bandwidth on links, by Linux HTB and nftables (the layout is drawn in tc.h). This file is the table
 * of operations; what they do is in tc_plan.c (apply, flush, …), tc_audit.c and tc_link.c.
 *
 * Where packets are classified: at each link's netdev egress hook where the kernel has it (5.16 and on), which sees
 * routed, local and bridged packets alike; otherwise in postrouting, after source NAT, which does not see bridged ones.
 */
#include "config.h"

#include "adaptors/tc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/nftables.h"
#include "adaptors/tc_kernel.h"
#include "lib/config.h"
#include "lib/writer.h"

#define LINK_OPTION "link."

static int parse_hook(const struct adaptor_option *options, size_t n, int *automatic, enum tc_hook *hook, char *why,
		      size_t room)
{
	const char *text = adaptor_option(options, n, "hook", "auto");

	*automatic = !strcmp(text, "auto");
	*hook = !strcmp(text, "postrouting") ? TC_HOOK_POSTROUTING : TC_HOOK_EGRESS;
	if (*automatic || *hook == TC_HOOK_POSTROUTING || !strcmp(text, "egress"))
		return 0;
	snprintf(why, room, "hook=%.20s: it is auto, egress or postrouting", text);
	return -EINVAL;
}

static int parse_links(struct tc_state *s, const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	for (size_t i = 0; i < n; i++) {
		const char *ifname = options[i].key + strlen(LINK_OPTION), *of = strstr(options[i].value, " of ");
		char text[32];
		uint64_t rate;
		int rc;

		if (strncmp(options[i].key, LINK_OPTION, strlen(LINK_OPTION)))
			continue;
		snprintf(text, sizeof(text), "%.*s", of ? (int)(of - options[i].value) : 31, options[i].value);
		rc = parse_rate(text, &rate);
		rc = rc ? rc : tc_link_add(s, ifname, rate, of ? of + strlen(" of ") : NULL);
		if (rc) {
			snprintf(why, room, "%.40s=%.20s: %s", options[i].key, options[i].value,
				 rc == -EEXIST ? "the link is given twice" :
				 "an interface and its rate are wanted, such as link.eth0=100M (at least 800k)");
			return rc;
		}
	}
	if (s->n_links)
		return 0;
	snprintf(why, room, "no link: at least one option link.IFNAME=RATE is needed");
	return -EINVAL;
}

static int parse_pool(struct tc_state *s, const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	const char *text = adaptor_option(options, n, "pool", "0");
	char *end;

	s->pool_least = strtoul(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && !*end && s->pool_least <= TC_POOL_MAX)
		return 0;
	snprintf(why, room, "pool=%.20s: a number of classes is wanted, at most %u", text, TC_POOL_MAX);
	return -EINVAL;
}

static int has_egress(struct tc_kernel *k, const char *ifname)
{
	char text[256], why[ADAPTOR_REASON];

	snprintf(text, sizeof(text), "add table netdev " TC_TABLE "_probe\nadd chain netdev " TC_TABLE
		 "_probe out { type filter hook egress device \"%s\" priority 0; }\n", ifname);
	return !nftables_try(k->nft, text, why, sizeof(why));
}

static int has_maps(struct tc_kernel *k)
{
	char why[ADAPTOR_REASON];

	return !nftables_try(k->nft, "add table inet " TC_TABLE "_probe\nadd map inet " TC_TABLE
			     "_probe class24 { type ipv4_addr : classid; flags timeout; }\n", why, sizeof(why));
}

/* Options, a kernel to talk to, and which hook: what probe and open share. */
static int prepare(struct tc_state *s, struct tc_kernel **kernel, const struct adaptor_option *options, size_t n,
		   char *why, size_t room)
{
	int automatic, rc;

	*kernel = NULL;
	tc_state_init(s, &tc_kernel_backend, NULL);
	rc = parse_hook(options, n, &automatic, &s->hook, why, room);
	rc = rc ? rc : parse_links(s, options, n, why, room);
	rc = rc ? rc : parse_pool(s, options, n, why, room);
	if (rc)
		return rc;
	*kernel = tc_kernel_open();
	if (!*kernel) {
		snprintf(why, room, "no netlink socket: %s", strerror(errno));
		return -errno;
	}
	s->backend_state = *kernel;
	if (!has_maps(*kernel)) {
		snprintf(why, room, "no nftables maps here (not root, or a kernel without nf_tables)");
		return -EPERM;
	}
	if (s->hook == TC_HOOK_EGRESS && !has_egress(*kernel, s->links[0].ifname)) {
		s->hook = TC_HOOK_POSTROUTING;
		if (!automatic) {
			snprintf(why, room, "hook=egress: %s has none (kernels before 5.16, or no such interface)",
				 s->links[0].ifname);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

static int op_probe(const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	struct tc_kernel *kernel;
	struct tc_state *s = malloc(sizeof(*s));
	size_t found;

	if (!s)
		return -ENOMEM;
	int rc = prepare(s, &kernel, options, n, why, room);

	for (size_t i = 0; i < s->n_links && !rc; i++) {
		rc = s->backend->read_link(kernel, &s->links[i], 0, &found);
		if (!rc && !s->links[i].ifindex)
			rc = -ENODEV;
		else if (!rc && s->links[i].root < 0)
			rc = -EBUSY;
		if (rc)
			snprintf(why, room, "%s: %s", s->links[i].ifname, rc == -EBUSY ?
				 "has a queueing discipline of somebody else's; remove it" : strerror(-rc));
	}
	tc_state_clear(s);
	tc_kernel_close(kernel);
	free(s);
	return rc;
}

/* A fair queue per ICorp where the kernel has one; else a plain one, measured in bytes. */
static const char *choose_leaf(struct tc_state *s)
{
	struct tc_op op = { .kind = TC_OP_LEAF, .link = &s->links[0], .minor = TC_MINOR_DEFAULT, .limit = 1u << 20,
			    .leaf = "fq_codel" };

	return !s->backend->commit(s->backend_state, &op, 1) && !op.error ? "fq_codel" : "bfifo";
}

static void op_close(void *state)
{
	struct tc_state *s = state;
	struct tc_kernel *kernel = s->backend_state;

	tc_state_clear(s);
	tc_kernel_close(kernel);
	free(s);
}

static int op_open(const struct adaptor_option *options, size_t n, void **state, char *why, size_t room)
{
	struct tc_kernel *kernel;
	struct tc_state *s = malloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	int rc = prepare(s, &kernel, options, n, why, room);

	s->renews = !rc && nftables_renews(kernel->nft);
	rc = rc ? rc : tc_adopt(s, why, room);
	s->backend_state = kernel;
	if (rc) {
		op_close(s);
		return rc;
	}
	s->leaf = choose_leaf(s);
	*state = s;
	return 0;
}

static int op_check(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	return tc_check(state, terms, result);
}

static int op_apply(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	return tc_apply(state, terms, result);
}

static int op_flush(void *state, void (*result)(void *ctx, struct adaptor_key key, int error, const char *reason),
		    void *ctx)
{
	return tc_flush(state, result, ctx);
}

static int op_revoke(void *state, struct adaptor_key key, char *why, size_t room)
{
	return tc_revoke(state, key);
}

static int op_renew(void *state, const struct adaptor_key *keys, size_t n, uint8_t *failed)
{
	return tc_renew(state, keys, n, failed);
}

static int op_idle(void *state)
{
	tc_table_tidy(state);
	return tc_pool_ahead(state);
}

static int op_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
{
	return tc_audit(state, keys, n, orphans, repaired);
}

static int read_links(struct tc_state *s)
{
	size_t found;
	int rc = 0;

	for (size_t i = 0; i < s->n_links && !rc; i++)
		rc = s->backend->read_link(s->backend_state, &s->links[i], s->n_pool, &found);
	return rc;
}

static void write_key(struct writer *w, struct adaptor_key key)
{
	char leader[ADDR_TEXT];

	writer_uint(w, "icorp", key.icorp);
	writer_str(w, "leader", addr_text(key.leader, leader));
}

/* What left by each link, and all of it together. */
static void measure_session(struct writer *w, struct tc_state *s, const struct tc_session *session)
{
	uint64_t bytes = 0, packets = 0;

	writer_object(w, NULL);
	write_key(w, session->key);
	writer_array(w, "ports");
	for (size_t i = 0; i < s->n_links && session->minor; i++) {
		const struct tc_class *class = tc_class_of(&s->links[i], session->minor);

		writer_object(w, NULL);
		writer_str(w, "name", s->links[i].ifname);
		writer_uint(w, "bytes", class->bytes);
		writer_end(w);
		bytes += class->bytes;
		packets += class->packets;
	}
	writer_end(w);
	writer_uint(w, "bytes", bytes);
	writer_uint(w, "packets", packets);
	writer_end(w);
}

static int op_measure(void *state, struct writer *w)
{
	struct tc_state *s = state;
	struct tc_session *session;
	int rc = read_links(s);

	writer_array(w, "sessions");
	TAILQ_FOREACH(session, &s->sessions, link)
		measure_session(w, s, session);
	writer_end(w);
	return rc;
}

static void inventory_ports(struct writer *w, const struct tc_state *s, const struct tc_want *now)
{
	writer_array(w, "ports");
	for (size_t i = 0; now && i < s->n_links; i++) {
		if (now->level[i].rate_bps <= TC_IDLE_BPS)
			continue;
		writer_object(w, NULL);
		writer_str(w, "name", s->links[i].port);
		writer_uint(w, "rate", now->level[i].rate_bps);
		writer_end(w);
	}
	writer_end(w);
}

/* As adopted when we started. */
static int op_inventory(void *state, struct writer *w)
{
	struct tc_state *s = state;
	struct tc_session *session;

	writer_array(w, "sessions");
	TAILQ_FOREACH(session, &s->sessions, link) {
		writer_object(w, NULL);
		write_key(w, session->key);
		inventory_ports(w, s, session->now);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

static void show_class(struct writer *w, const struct tc_link *link, const struct tc_session *session)
{
	const struct tc_class *class = tc_class_of((struct tc_link *)(uintptr_t)link, session->minor);

	writer_object(w, NULL);
	write_key(w, session->key);
	writer_str(w, "link", link->ifname);
	writer_fmt(w, "class", "%x:%x", TC_MAJOR, session->minor);
	writer_bool(w, "present", class->present);
	writer_uint(w, "rate_bps", class->level.rate_bps);
	writer_uint(w, "ceil_bps", class->level.ceil_bps);
	writer_uint(w, "prio", class->level.prio);
	writer_uint(w, "bytes", class->bytes);
	writer_uint(w, "packets", class->packets);
	writer_end(w);
}

static void show_links(struct writer *w, const struct tc_state *s)
{
	writer_array(w, "links");
	for (size_t i = 0; i < s->n_links; i++) {
		writer_object(w, NULL);
		writer_str(w, "link", s->links[i].ifname);
		writer_str(w, "qdisc", s->links[i].root == 1 ? "htb" : s->links[i].ifindex ? "missing" : "no interface");
		writer_uint(w, "rate_bps", s->links[i].fixed[TC_MINOR_LINK].level.rate_bps);
		writer_uint(w, "promised_bps", s->links[i].promised_bps);
		writer_uint(w, "rest_bytes", s->links[i].fixed[TC_MINOR_DEFAULT].bytes);
		writer_uint(w, "signaling_bytes", s->links[i].fixed[TC_MINOR_SIGNALING].bytes);
		writer_end(w);
	}
	writer_end(w);
}

static void show_map(struct writer *w, struct tc_state *s)
{
	struct tc_element *elements = NULL;
	char prefix[PREFIX_TEXT];
	size_t n = 0;

	s->backend->read_map(s->backend_state, tc_family(s->hook), &elements, &n);
	writer_array(w, "map");
	for (size_t i = 0; i < n; i++) {
		writer_object(w, NULL);
		writer_str(w, "prefix", prefix_text(elements[i].prefix, prefix));
		writer_fmt(w, "class", "%x:%x", TC_MAJOR, elements[i].minor);
		write_key(w, elements[i].key);
		writer_uint(w, "expires_s", elements[i].expires_s);
		writer_end(w);
	}
	writer_end(w);
	free(elements);
}

static int op_show(void *state, struct writer *w)
{
	struct tc_state *s = state;
	struct tc_session *session;
	int rc = read_links(s);

	writer_str(w, "hook", s->hook == TC_HOOK_EGRESS ? "egress" : "postrouting");
	writer_str(w, "leaf", s->leaf);
	writer_bool(w, "renews", s->renews);
	writer_uint(w, "pool", s->n_pool);
	show_links(w, s);
	writer_array(w, "classes");
	TAILQ_FOREACH(session, &s->sessions, link)
		for (size_t i = 0; i < s->n_links && session->minor; i++)
			show_class(w, &s->links[i], session);
	writer_end(w);
	show_map(w, s);
	return rc;
}

static const char *const tc_options[] = {
	"link.IFNAME=RATE [of PORT]: shape what leaves this interface (a circuit of the trunk PORT) to RATE (100M) and share it among ICorps",
	"hook=auto|egress|postrouting: where packets are classified",
	"pool=N: classes to have on each link before they are needed (default 0; an eighth more than are used are kept anyway)",
	NULL,
};

const struct adaptor_ops adaptor_tc = {
	.type = "tc",
	.help = "bandwidth on links: HTB classes, classified by an nftables map",
	.terms = TERM_RATE,
	.options = tc_options,
	.probe = op_probe,
	.open = op_open,
	.check = op_check,
	.apply = op_apply,
	.flush = op_flush,
	.revoke = op_revoke,
	.renew = op_renew,
	.idle = op_idle,
	.audit = op_audit,
	.inventory = op_inventory,
	.measure = op_measure,
	.show = op_show,
	.close = op_close,
};
