/*
 * The nat technology's table and its changes as text for libnftables; no I/O. The layout is drawn in nat.h.
 *
 * A command has as many elements as there are to change: libnftables goes through a whole set for each command. One
 * that is to go is added (there or not) and deleted, because to delete one that has just timed out fails the
 * transaction. An element is renewed by adding it again with `expires` where the kernel can (nftables_renews), else
 * deleted and added anew.
 */
#include "config.h"

#include "adaptors/nat.h"

#include "adaptors/nftables.h"

static int same_prefix(struct prefix a, struct prefix b)
{
	return a.addr.s_addr == b.addr.s_addr && a.len == b.len;
}

const struct nat_want *nat_pick_gone(const struct nat_session *session)
{
	return session->now.prefix.len && !same_prefix(session->now.prefix, session->next.prefix) ? &session->now : NULL;
}

static const struct nat_want *put(const struct nat_session *session)
{
	return session->put ? &session->next : NULL;
}

const struct nat_want *nat_pick_next(const struct nat_session *session)
{
	return session->next.prefix.len ? &session->next : NULL;
}

static void chain(FILE *out, const char *name, const char *hook)
{
	fprintf(out, "add chain " NAT_TABLE " %s", name);
	if (hook)
		fprintf(out, " { type %s; }", hook);
	fputc('\n', out);
}

static void source_text(FILE *out, const struct nat_config *c, const char *leaving)
{
	char first[ADDR_TEXT], last[ADDR_TEXT];

	fprintf(out, "add rule " NAT_TABLE " source %s ", leaving);
	if (!c->first.s_addr)
		fputs("masquerade\n", out);
	else if (c->first.s_addr == c->last.s_addr)
		fprintf(out, "snat to %s\n", addr_text(c->first, first));
	else
		fprintf(out, "snat to %s-%s persistent\n", addr_text(c->first, first), addr_text(c->last, last));
}

void nat_table_text(FILE *out, const struct nat_config *c)
{
	char private[PREFIX_TEXT], leaving[NAT_OUT + 64];

	prefix_text(c->private, private);
	snprintf(leaving, sizeof(leaving), "oifname { %s } ip saddr %s", c->out, private);
	fputs("add table " NAT_TABLE "\ndelete table " NAT_TABLE "\nadd table " NAT_TABLE "\n"
	      "add set " NAT_TABLE " icorps { type ipv4_addr; flags interval, timeout; counter; }\n"
	      "add set " NAT_TABLE " inside { type ipv4_addr . ipv4_addr; flags interval, timeout; }\n", out);
	chain(out, "before", "filter hook prerouting priority -300");
	fprintf(out, "add rule " NAT_TABLE " before iifname { %s } ip saddr %s drop\n", c->out, private);
	fprintf(out, "add rule " NAT_TABLE " before iifname { %s } ip daddr %s drop\n", c->out, private);
	chain(out, "leaves", NULL);
	fputs("add rule " NAT_TABLE " leaves ip saddr @icorps accept\nadd rule " NAT_TABLE " leaves drop\n", out);
	chain(out, "returns", NULL);
	fputs("add rule " NAT_TABLE " returns ip daddr @icorps accept\nadd rule " NAT_TABLE " returns drop\n", out);
	chain(out, "between", NULL);
	fputs("add rule " NAT_TABLE " between ip saddr . ip daddr @inside accept\n"
	      "add rule " NAT_TABLE " between ip saddr @icorps ip daddr @icorps drop\n", out);
	chain(out, "pass", "filter hook forward priority 0");
	fprintf(out, "add rule " NAT_TABLE " pass %s goto leaves\n", leaving);
	fprintf(out, "add rule " NAT_TABLE " pass iifname { %s } ip daddr %s goto returns\n", c->out, private);
	fprintf(out, "add rule " NAT_TABLE " pass ip saddr %s ip daddr %s goto between\n", private, private);
	chain(out, "source", "nat hook postrouting priority 100");
	source_text(out, c, leaving);
	chain(out, "after", "filter hook postrouting priority 300");
	fprintf(out, "add rule " NAT_TABLE " after %s drop\n", leaving);
	fprintf(out, "add rule " NAT_TABLE " after oifname { %s } ip daddr %s drop\n", c->out, private);
}

/* How long an element is to live: as its session, if not less is left of it. */
static void timeout_text(FILE *out, const struct nat_session *session, const struct nat_want *want)
{
	uint32_t timeout_s = session->applied || session->staged ? nftables_timeout_s(want->lifetime_s) : want->lifetime_s;

	if (timeout_s)
		fprintf(out, " timeout %us expires %us", timeout_s, timeout_s);
}

/* pair: of inside, else of icorps. */
static void command(FILE *out, int add, int pair, const struct nat_batch *batch, nat_pick *pick)
{
	const char *before = "{";

	for (size_t i = 0; i < batch->n; i++) {
		const struct nat_session *session = batch->session[i];
		const struct nat_want *want = pick(session);
		char prefix[PREFIX_TEXT], leader[ADDR_TEXT];

		if (!want)
			continue;
		if (*before == '{')
			fprintf(out, "%s element " NAT_TABLE " %s ", add ? "add" : "delete", pair ? "inside" : "icorps");
		fprintf(out, "%s\n\t%s", before, prefix_text(want->prefix, prefix));
		before = ",";
		if (pair)
			fprintf(out, " . %s", prefix);
		if (!add)
			continue;
		timeout_text(out, session, want);
		fprintf(out, " comment \"icorp %u %s\"", session->entry.key.icorp,
			addr_text(session->entry.key.leader, leader));
	}
	if (*before == ',')
		fputs("\n}\n", out);
}

void nat_add_text(FILE *out, const struct nat_batch *batch, nat_pick *pick)
{
	command(out, 1, 0, batch, pick);
	command(out, 1, 1, batch, pick);
}

static void delete_text(FILE *out, const struct nat_batch *batch, nat_pick *pick)
{
	command(out, 0, 0, batch, pick);
	command(out, 0, 1, batch, pick);
}

void nat_difference_text(FILE *out, const struct nat_batch *batch, int thorough)
{
	nat_add_text(out, batch, nat_pick_gone);
	delete_text(out, batch, nat_pick_gone);
	nat_add_text(out, batch, put);
	if (thorough) {
		delete_text(out, batch, put);
		nat_add_text(out, batch, put);
	}
}
