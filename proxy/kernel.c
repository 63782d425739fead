/*
 * See kernel.h. Order within a change: what refers to a chain goes before the chain goes, a chain comes before what
 * refers to it. A public address that changes takes its map elements along.
 */
#include "config.h"

#include "proxy/kernel.h"

#include <string.h>

#include "lib/addr.h"

void kernel_chain(char out[KERNEL_CHAIN], struct spec_key key, enum spec_protocol protocol, uint16_t port)
{
	char leader[ADDR_TEXT];

	snprintf(out, KERNEL_CHAIN, "icorp%u-%s-%s-%u", key.id, addr_text(key.leader, leader),
		 spec_protocol_name(protocol), port);
}

void kernel_render_base(FILE *out)
{
	fputs("add table ip " KERNEL_TABLE "\n"
	      "delete table ip " KERNEL_TABLE "\n"
	      "add table ip " KERNEL_TABLE "\n"
	      "add map ip " KERNEL_TABLE " services { type ipv4_addr . inet_proto . inet_service : verdict; }\n"
	      "add map ip " KERNEL_TABLE " sources { type ipv4_addr : ipv4_addr; }\n"
	      "add chain ip " KERNEL_TABLE " prerouting { type nat hook prerouting priority -100; policy accept; }\n"
	      "add chain ip " KERNEL_TABLE " output { type nat hook output priority -100; policy accept; }\n"
	      "add chain ip " KERNEL_TABLE " postrouting { type nat hook postrouting priority 100; policy accept; }\n"
	      "add rule ip " KERNEL_TABLE " prerouting ip daddr . meta l4proto . th dport vmap @services\n"
	      "add rule ip " KERNEL_TABLE " output ip daddr . meta l4proto . th dport vmap @services\n"
	      "add rule ip " KERNEL_TABLE " postrouting ct status dnat snat to ct original ip daddr map @sources\n",
	      out);
}

static const struct kernel_service *by_chain(const struct kernel_icorp *icorp, const char *chain)
{
	for (unsigned i = 0; icorp && i < icorp->n; i++)
		if (!strcmp(icorp->service[i].chain, chain))
			return &icorp->service[i];
	return NULL;
}

static unsigned element(FILE *out, const char *verb, struct in_addr addr, const struct kernel_service *s)
{
	char text[ADDR_TEXT];

	fprintf(out, "%s element ip " KERNEL_TABLE " services { %s . %s . %u", verb, addr_text(addr, text),
		spec_protocol_name(s->protocol), s->port);
	if (!strcmp(verb, "add"))
		fprintf(out, " : goto %s", s->chain);
	fputs(" }\n", out);
	return 1;
}

static unsigned source(FILE *out, const char *verb, const struct kernel_icorp *icorp)
{
	char text[ADDR_TEXT];

	fprintf(out, "%s element ip " KERNEL_TABLE " sources { %s", verb, addr_text(icorp->public_addr, text));
	if (!strcmp(verb, "add"))
		fprintf(out, " : %s", addr_text(icorp->source, text));
	fputs(" }\n", out);
	return 1;
}

static unsigned rule(FILE *out, const struct kernel_service *s)
{
	char text[ADDR_TEXT];

	fprintf(out, "add rule ip " KERNEL_TABLE " %s ip protocol %s counter name \"%s\"", s->chain,
		spec_protocol_name(s->protocol), s->chain);
	if (s->n_slots) {
		fprintf(out, " dnat ip to numgen inc mod %u map {", s->n_slots);
		for (unsigned i = 0; i < s->n_slots; i++)
			fprintf(out, "%s %u : %s . %u", i ? "," : "", i, addr_text(s->slot[i], text), s->target_port);
		fputs(" }", out);
	}
	fputs("\n", out);
	return 1;
}

static int same_rule(const struct kernel_service *a, const struct kernel_service *b)
{
	return a->target_port == b->target_port && a->n_slots == b->n_slots &&
	       !memcmp(a->slot, b->slot, a->n_slots * sizeof(a->slot[0]));
}

/* What of old goes: elements first, then chains and their counters. */
static unsigned removals(FILE *out, const struct kernel_icorp *old, const struct kernel_icorp *now, int moved)
{
	unsigned n = 0;

	for (unsigned i = 0; i < old->n; i++)
		if (moved || !by_chain(now, old->service[i].chain))
			n += element(out, "delete", old->public_addr, &old->service[i]);
	if (old->n && (moved || !now || !now->n || now->source.s_addr != old->source.s_addr))
		n += source(out, "delete", old);
	for (unsigned i = 0; i < old->n; i++) {
		const char *chain = old->service[i].chain;

		if (by_chain(now, chain))
			continue;
		fprintf(out, "flush chain ip " KERNEL_TABLE " %s\n", chain);
		fprintf(out, "delete chain ip " KERNEL_TABLE " %s\n", chain);
		fprintf(out, "delete counter ip " KERNEL_TABLE " %s\n", chain);
		n += 3;
	}
	return n;
}

static unsigned additions(FILE *out, const struct kernel_icorp *old, const struct kernel_icorp *now, int moved)
{
	unsigned n = 0;

	if (now->n && (moved || !old || !old->n || now->source.s_addr != old->source.s_addr))
		n += source(out, "add", now);
	for (unsigned i = 0; i < now->n; i++) {
		const struct kernel_service *s = &now->service[i], *was = by_chain(old, s->chain);

		if (!was) {
			fprintf(out, "add counter ip " KERNEL_TABLE " %s\n", s->chain);
			fprintf(out, "add chain ip " KERNEL_TABLE " %s\n", s->chain);
			n += 2;
		} else if (!same_rule(was, s)) {
			fprintf(out, "flush chain ip " KERNEL_TABLE " %s\n", s->chain);
			n++;
		}
		if (!was || !same_rule(was, s))
			n += rule(out, s);
		if (!was || moved)
			n += element(out, "add", now->public_addr, s);
	}
	return n;
}

unsigned kernel_render_change(FILE *out, const struct kernel_icorp *old, const struct kernel_icorp *now)
{
	int moved = old && now && old->public_addr.s_addr != now->public_addr.s_addr;
	unsigned n = 0;

	if (old)
		n += removals(out, old, now, moved);
	if (now)
		n += additions(out, old, now, moved);
	return n;
}
