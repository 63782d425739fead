/*
 * The tc technology's plans as text, and the numbers in them; no I/O. nftables gets commands as text anyway; changes to
 * queueing go over netlink, and their text (what one would tell `tc`) is for tests and people.
 *
 * HTB's numbers: buffers are times, in units of 64 ns, that a burst takes at the class's rate. A burst is 1/128 s worth,
 * at least two full frames: enough to make up for a timer that came late, too little to put any second off by a hundredth.
 * The quantum is what a class may send in its turn when borrowing: proportional to its rate, so that what is left over is
 * shared in proportion.
 *
 * Elements: adding an element that is there sets when it expires only in kernels since 6.12, and only if told (`expires`:
 * the same timeout alone renews nothing); and deleting one that has just timed out fails the whole transaction. So on
 * older ones an element is added (there or not), deleted and added anew, which works everywhere and is one transaction:
 * no packet sees the gap. Where adding again is enough (tried once, at open) that is all that is done. Its timeout is a quarter longer than the session's lifetime, so
 * that a refresh within the first quarter needs no work at all.
 */
#include "config.h"

#include "adaptors/tc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/nftables.h"

#define TICK_NS 64ull

void tc_text_add(struct tc_text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (t->error || n < 0)
		return;
	if (t->room - t->len <= (size_t)n) {
		size_t room = (t->len + (size_t)n + 1) * 2;
		char *data = realloc(t->data, room);

		if (!data) {
			t->error = -ENOMEM;
			return;
		}
		t->data = data;
		t->room = room;
	}
	va_start(args, fmt);
	vsnprintf(t->data + t->len, t->room - t->len, fmt, args);
	va_end(args);
	t->len += (size_t)n;
}

void tc_text_free(struct tc_text *t)
{
	free(t->data);
	memset(t, 0, sizeof(*t));
}

const char *tc_family(enum tc_hook hook)
{
	return hook == TC_HOOK_EGRESS ? "netdev" : "inet";
}

static uint64_t clamp(uint64_t v, uint64_t min, uint64_t max)
{
	return v < min ? min : v > max ? max : v;
}

/* How long `bytes` take at `rate` bytes a second, in HTB's ticks. */
static uint32_t ticks(uint64_t bytes, uint64_t rate)
{
	return (uint32_t)clamp(bytes * 1000000000ull / rate / TICK_NS, 1, UINT32_MAX);
}

struct tc_htb tc_htb(const struct tc_level *level)
{
	struct tc_htb h = { .rate = clamp(level->rate_bps / 8, 1, UINT64_MAX),
			    .ceil = clamp(level->ceil_bps / 8, 1, UINT64_MAX) };

	h.burst = (uint32_t)clamp(h.rate / 128, 2 * TC_MTU, 1u << 26);
	h.cburst = (uint32_t)clamp(h.ceil / 128, 2 * TC_MTU, 1u << 26);
	h.buffer = ticks(h.burst, h.rate);
	h.cbuffer = ticks(h.cburst, h.ceil);
	h.quantum = (uint32_t)clamp(h.rate / 100, TC_MTU, 65536);
	return h;
}

/* 100 ms at the ceiling, as a power of two, so that small changes leave the queue alone. */
uint32_t tc_leaf_limit(const struct tc_level *level)
{
	uint32_t limit = 1u << 17;

	while (limit < 1u << 24 && limit < level->ceil_bps / 80)
		limit *= 2;
	return limit;
}

static const char *parent_text(uint16_t minor)
{
	return minor == TC_MINOR_LINK ? "" : "1";
}

void tc_op_text(struct tc_text *t, const struct tc_op *op)
{
	const char *dev = op->link->ifname;
	struct tc_htb h;

	switch (op->kind) {
	case TC_OP_ROOT:
		tc_text_add(t, "qdisc replace dev %s root handle %x: htb default %x\n", dev, TC_MAJOR, TC_MINOR_DEFAULT);
		break;
	case TC_OP_CLASS:
		h = tc_htb(&op->level);
		tc_text_add(t, "class replace dev %s parent %x:%s classid %x:%x htb rate %" PRIu64 "bit ceil %" PRIu64
			    "bit prio %u burst %u cburst %u quantum %u\n", dev, TC_MAJOR, parent_text(op->minor), TC_MAJOR,
			    op->minor, op->level.rate_bps, op->level.ceil_bps, op->level.prio, h.burst, h.cburst,
			    h.quantum);
		break;
	case TC_OP_LEAF:
		tc_text_add(t, "qdisc replace dev %s parent %x:%x %s limit %u\n", dev, TC_MAJOR, op->minor, op->leaf,
			    op->limit);
		break;
	}
}

/* The ICorp whose prefix of that length the source, or the destination, is in. */
static void lookup_text(struct tc_text *t, const char *family, const char *chain, const char *end, unsigned len)
{
	struct in_addr mask = { htonl(~0u << (32 - len)) };
	char text[ADDR_TEXT];

	tc_text_add(t, "add rule %s " TC_TABLE " %s meta priority set ip %s & %s map @class%u\n", family, chain, end,
		    addr_text(mask, text), len);
}

static void rules_text(struct tc_text *t, const struct tc_state *s, const char *chain)
{
	static const char *const ends[] = { "saddr", "daddr" };
	static const char *const signaling[] = { "ip protocol 46", "udp dport 3455" };
	const char *family = tc_family(s->hook);

	tc_text_add(t, "flush chain %s " TC_TABLE " %s\n", family, chain);
	for (size_t i = 0; i < 2; i++)
		tc_text_add(t, "add rule %s " TC_TABLE " %s %s meta priority set %x:%x\n", family, chain, signaling[i], TC_MAJOR,
			    TC_MINOR_SIGNALING);
	for (size_t i = 0; i < 2; i++)
		for (unsigned len = 1; len <= 32; len++)
			if (s->lengths & TC_LENGTH(len))
				lookup_text(t, family, chain, ends[i], len);
}

void tc_table_text(struct tc_text *t, const struct tc_state *s)
{
	const char *family = tc_family(s->hook);
	const char *other = tc_family(s->hook == TC_HOOK_EGRESS ? TC_HOOK_POSTROUTING : TC_HOOK_EGRESS);

	tc_text_add(t, "add table %s " TC_TABLE "\ndelete table %s " TC_TABLE "\n", other, other);
	tc_text_add(t, "add table %s " TC_TABLE "\n", family);
	for (unsigned len = 1; len <= 32; len++)
		if (s->lengths & TC_LENGTH(len))
			tc_text_add(t, "add map %s " TC_TABLE " class%u { type ipv4_addr : classid; flags timeout; }\n",
				    family, len);
	if (s->hook == TC_HOOK_POSTROUTING) {
		tc_text_add(t, "add chain %s " TC_TABLE " out { type filter hook postrouting priority 110; }\n", family);
		rules_text(t, s, "out");
		return;
	}
	for (size_t i = 0; i < s->n_links; i++) {
		char chain[32];

		if (!s->links[i].ifindex)
			continue;
		snprintf(chain, sizeof(chain), "out%zu", i);
		tc_text_add(t, "add chain %s " TC_TABLE " %s { type filter hook egress device \"%s\" priority 0; }\n",
			    family, chain, s->links[i].ifname);
		rules_text(t, s, chain);
	}
}

void tc_maps_gone_text(struct tc_text *t, const struct tc_state *s, uint64_t lengths)
{
	for (unsigned len = 1; len <= 32; len++)
		if (lengths & TC_LENGTH(len))
			tc_text_add(t, "delete map %s " TC_TABLE " class%u\n", tc_family(s->hook), len);
}

static void element(struct tc_text *full, struct tc_text *keys, const struct tc_session *session,
		    const struct tc_want *want)
{
	char network[ADDR_TEXT], leader[ADDR_TEXT], timeout[48] = "";
	uint32_t timeout_s = nftables_timeout_s(want->lifetime_s);

	addr_text(want->prefix.addr, network);
	if (timeout_s)
		snprintf(timeout, sizeof(timeout), " timeout %us expires %us", timeout_s, timeout_s);
	tc_text_add(full, "%s\n\t%s%s comment \"icorp %u %s\" : %x:%x", full->len ? "," : "", network, timeout,
		    session->key.icorp, addr_text(session->key.leader, leader), TC_MAJOR, session->minor);
	tc_text_add(keys, "%s\n\t%s", keys->len ? "," : "", network);
}

void tc_elements_put(struct tc_elements *e, const struct tc_session *session, const struct tc_want *want)
{
	struct tc_map_changes *m = &e->map[want->prefix.len];

	element(&m->put, &m->put_keys, session, want);
}

void tc_elements_remove(struct tc_elements *e, const struct tc_session *session, const struct tc_want *want)
{
	struct tc_map_changes *m = &e->map[want->prefix.len];

	element(&m->gone, &m->gone_keys, session, want);
}

void tc_elements_stray(struct tc_elements *e, struct prefix prefix)
{
	struct tc_text *keys = &e->map[prefix.len].gone_keys;
	char text[ADDR_TEXT];

	tc_text_add(keys, "%s\n\t%s", keys->len ? "," : "", addr_text(prefix.addr, text));
}

static void command(struct tc_text *t, const char *what, enum tc_hook hook, size_t len, const struct tc_text *elements)
{
	if (elements->error)
		t->error = elements->error;
	if (elements->len)
		tc_text_add(t, "%s element %s " TC_TABLE " class%zu {%s\n}\n", what, tc_family(hook), len, elements->data);
}

/* What goes first, then what comes: a prefix may pass from one ICorp to another. */
int tc_elements_run(const struct tc_state *s, struct tc_elements *e, char *why, size_t room)
{
	struct tc_text t = { 0 };

	for (size_t len = 1; len <= 32; len++) {
		command(&t, "add", s->hook, len, &e->map[len].gone);
		command(&t, "delete", s->hook, len, &e->map[len].gone_keys);
	}
	for (size_t len = 1; len <= 32; len++) {
		command(&t, "add", s->hook, len, &e->map[len].put);
		if (!e->thorough && s->renews)
			continue;
		command(&t, "delete", s->hook, len, &e->map[len].put_keys);
		command(&t, "add", s->hook, len, &e->map[len].put);
	}
	int rc = t.error;

	if (!rc && t.len)
		rc = s->backend->nft(s->backend_state, t.data, why, room);
	tc_text_free(&t);
	for (size_t len = 1; len <= 32; len++) {
		tc_text_free(&e->map[len].gone);
		tc_text_free(&e->map[len].gone_keys);
		tc_text_free(&e->map[len].put);
		tc_text_free(&e->map[len].put_keys);
	}
	return rc;
}
