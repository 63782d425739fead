/*
 * The nat technology: at the domain's edge, where an interface leads to the outside, ICorps' ISCs reach it though their
 * addresses are private: the source of what leaves becomes an address of ours (RFC 3022, NAPT), by nftables. The table
 * is drawn in nat.h; this file is the adaptor's operations.
 *
 * From outside nobody reaches an ICorp by this: services are the proxy's (its kernel mode is DNAT).
 */
#include "config.h"

#include "adaptors/nat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/nftables.h"
#include "lib/writer.h"

#define PRIVATE "10.64.0.0/10"          /* the gatekeeper's private_pool */

/* ---- options ---- */

static int add_interface(struct nat_config *c, const char *ifname, char *why, size_t room)
{
	size_t len = strlen(c->out);

	if (!*ifname || strlen(ifname) >= IF_NAMESIZE || strpbrk(ifname, "\" \\;{}\n") || !if_nametoindex(ifname)) {
		snprintf(why, room, "out: there is no interface %.40s", *ifname ? ifname : "without a name");
		return -ENODEV;
	}
	if ((size_t)snprintf(c->out + len, sizeof(c->out) - len, "%s\"%s\"", len ? ", " : "", ifname) < sizeof(c->out) - len)
		return 0;
	snprintf(why, room, "out: too many interfaces");
	return -ENOSPC;
}

static int parse_out(struct nat_config *c, const char *text, char *why, size_t room)
{
	char *list = text ? strdup(text) : NULL, *save, *ifname;
	int rc = list ? 0 : -EINVAL;

	if (rc)
		snprintf(why, room, "out=IFNAME is needed: which interface leads to the outside");
	for (ifname = rc ? NULL : strtok_r(list, ",", &save); ifname && !rc; ifname = strtok_r(NULL, ",", &save))
		rc = add_interface(c, ifname, why, room);
	free(list);
	return rc ? rc : *c->out ? 0 : add_interface(c, "", why, room);
}

static int parse_to(struct nat_config *c, const char *text, char *why, size_t room)
{
	char first[2 * ADDR_TEXT + 1], *last;

	if (!strcmp(text, "masquerade"))
		return 0;
	snprintf(first, sizeof(first), "%s", text);
	last = strchr(first, '-');
	if (last)
		*last++ = '\0';
	if (!addr_parse(first, &c->first) && !addr_parse(last ? last : first, &c->last) && c->first.s_addr &&
	    ntohl(c->first.s_addr) <= ntohl(c->last.s_addr))
		return 0;
	snprintf(why, room, "to=%.40s: it is masquerade, an address, or FIRST-LAST", text);
	return -EINVAL;
}

static int parse_config(struct nat_config *c, const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	const char *private = adaptor_option(options, n, "private", PRIVATE);
	int rc;

	memset(c, 0, sizeof(*c));
	rc = parse_out(c, adaptor_option(options, n, "out", NULL), why, room);
	if (!rc && (prefix_parse(private, &c->private, 0) || !c->private.len)) {
		snprintf(why, room, "private=%.40s: it is a prefix, such as " PRIVATE, private);
		rc = -EINVAL;
	}
	return rc ? rc : parse_to(c, adaptor_option(options, n, "to", "masquerade"), why, room);
}

/* ---- the slots ---- */

/* Would the kernel take the table, and one ICorp's elements? */
static int try_table(struct nft_ctx *nft, const struct nat_config *config, char *why, size_t room)
{
	struct nat_session one = { .next = { config->private, 900 }, .applied = 1 }, *first = &one;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	nat_table_text(out, config);
	nat_add_text(out, &(struct nat_batch){ &first, 1 }, nat_pick_next);
	int rc = fclose(out) ? -ENOMEM : nftables_try(nft, text, why, room);

	free(text);
	return rc;
}

#define TRIAL "ip icorp_trial"

/* Names what of nftables this kernel lacks. */
static void name_missing(struct nft_ctx *nft, char *why, size_t room)
{
	static const struct { const char *what, *commands; } pieces[] = {
		{ "nftables for IPv4", "add table " TRIAL "\n" },
		{ "sets of prefixes with timeouts and counters", "add table " TRIAL "\nadd set " TRIAL
		  " s { type ipv4_addr; flags interval, timeout; counter; }\n" },
		{ "sets of pairs of prefixes", "add table " TRIAL "\nadd set " TRIAL
		  " s { type ipv4_addr . ipv4_addr; flags interval, timeout; }\n" },
		{ "source NAT in nftables", "add table " TRIAL "\nadd chain " TRIAL
		  " c { type nat hook postrouting priority 100; }\nadd rule " TRIAL " c masquerade\n" },
	};
	char words[ADAPTOR_REASON];

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		if (nftables_try(nft, pieces[i].commands, words, sizeof(words))) {
			snprintf(why, room, "this kernel lacks %s (%.60s)", pieces[i].what, words);
			return;
		}
}

static int op_probe(const struct adaptor_option *options, size_t n, char *why, size_t room)
{
	struct nat_config config;
	struct nft_ctx *nft;
	int rc = parse_config(&config, options, n, why, room);

	if (rc)
		return rc;
	nft = nftables_open();
	rc = nft ? try_table(nft, &config, why, room) : -ENOMEM;
	if (rc == -EIO)
		name_missing(nft, why, room);
	if (nft)
		nft_ctx_free(nft);
	return rc;
}

static void op_close(void *state)
{
	struct nat_state *s = state;
	struct nat_session *session;

	while ((session = nat_next(s, NULL)))
		nat_drop(s, session);
	keymap_free(&s->sessions);
	if (s->flows)
		mnl_socket_close(s->flows);
	if (s->nft)
		nft_ctx_free(s->nft);
	free(s->rules);
	free(s);
}

static int op_open(const struct adaptor_option *options, size_t n, void **state, char *why, size_t room)
{
	struct nat_state *s = calloc(1, sizeof(*s));
	int rc = s ? parse_config(&s->config, options, n, why, room) : -ENOMEM;

	if (!s)
		return rc;
	TAILQ_INIT(&s->staged);
	s->nft = rc ? NULL : nftables_open();
	rc = rc ? rc : s->nft ? nat_adopt(s) : -ENOMEM;
	if (!rc) {
		s->renews = nftables_renews(s->nft);
		nat_flows_open(s);
		rc = nat_rewrite(s, why, room);
	}
	if (rc) {
		op_close(s);
		return rc;
	}
	*state = s;
	return 0;
}

static int op_check(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	return nat_check(state, terms, result);
}

static int op_apply(void *state, const struct adaptor_terms *terms, struct adaptor_result *result)
{
	return nat_apply(state, terms, result);
}

static int op_flush(void *state, void (*result)(void *ctx, struct adaptor_key key, int error, const char *reason),
		    void *ctx)
{
	return nat_flush(state, result, ctx);
}

static int op_revoke(void *state, struct adaptor_key key, char *why, size_t room)
{
	nat_revoke(state, key);
	return 0;
}

static int op_renew(void *state, const struct adaptor_key *keys, size_t n, uint8_t *failed)
{
	return nat_renew(state, keys, n, failed);
}

static int op_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired)
{
	return nat_audit(state, keys, n, orphans, repaired);
}

static void write_key(struct writer *w, struct adaptor_key key)
{
	char leader[ADDR_TEXT];

	writer_object(w, NULL);
	writer_uint(w, "icorp", key.icorp);
	writer_str(w, "leader", addr_text(key.leader, leader));
}

static int op_inventory(void *state, struct writer *w)
{
	writer_array(w, "sessions");
	for (const struct nat_session *session = NULL; (session = nat_next(state, session));) {
		write_key(w, session->entry.key);
		writer_end(w);
	}
	writer_end(w);
	return 0;
}

/* An element and what those before it have counted. */
static void write_element(struct nat_state *s, const struct nat_element *e, int whole, struct writer *w)
{
	const struct nat_session *session = e->ours ? nat_find(s, e->key) : NULL;
	char prefix[PREFIX_TEXT];

	write_key(w, e->key);
	if (whole) {
		writer_str(w, "prefix", prefix_text(e->prefix, prefix));
		writer_uint(w, "expires_s", e->expires_s);
	}
	writer_uint(w, "packets", e->packets + (session ? session->packets : 0));
	writer_uint(w, "bytes", e->bytes + (session ? session->bytes : 0));
	writer_end(w);
}

static int write_elements(struct nat_state *s, const char *name, int whole, struct writer *w)
{
	struct nat_elements list;
	int rc = nat_read(s, "icorps", &list);

	writer_array(w, name);
	for (size_t i = 0; i < list.n; i++)
		if (list.element[i].ours)
			write_element(s, &list.element[i], whole, w);
	writer_end(w);
	free(list.element);
	return rc;
}

static int op_measure(void *state, struct writer *w)
{
	return write_elements(state, "sessions", 0, w);
}

static int op_show(void *state, struct writer *w)
{
	struct nat_state *s = state;
	char *rules = nat_rules(s);

	writer_bool(w, "renews", s->renews);
	writer_bool(w, "forgets_connections", s->flows != NULL);
	writer_str(w, "table", rules);
	free(rules);
	return write_elements(s, "icorps", 1, w);
}

static const char *const nat_options[] = {
	"out=IFNAME[,IFNAME…]: the interfaces to the outside",
	"private=PREFIX: where ICorps' addresses are from; to and from outside they are never seen (" PRIVATE ")",
	"to=masquerade|ADDRESS|FIRST-LAST: what they are seen as outside (masquerade: the interface's own)",
	NULL,
};

const struct adaptor_ops adaptor_nat = {
	.type = "nat",
	.help = "ISCs reach the outside from private addresses: source NAT by nftables",
	.terms = TERM_ROUTE,
	.options = nat_options,
	.probe = op_probe,
	.open = op_open,
	.check = op_check,
	.apply = op_apply,
	.flush = op_flush,
	.revoke = op_revoke,
	.renew = op_renew,
	.audit = op_audit,
	.inventory = op_inventory,
	.measure = op_measure,
	.show = op_show,
	.close = op_close,
};
