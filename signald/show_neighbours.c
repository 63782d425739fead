/*
 * `show neighbours` and `show counters`. What is known of a neighbour has two sources: peer.h (are its datagrams
 * authentic) and neighbour.h (is it alive, what is on its way to it); they are joined by its address.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "signald/outbox.h"
#include "signald/show.h"

/* What the table of all neighbours has of each; the rest is said of one. */
static const enum neighbour_counter brief[] = {
	NEIGHBOUR_SRTT_US, NEIGHBOUR_RTO_US, NEIGHBOUR_WINDOW, NEIGHBOUR_IN_FLIGHT, NEIGHBOUR_QUEUE, NEIGHBOUR_STATES_SENT,
	NEIGHBOUR_STATES_LEARNT, NEIGHBOUR_RETRANSMITS, NEIGHBOUR_LOSSES, NEIGHBOUR_RESTARTS,
};

static uint64_t dropped(const struct peer *p)
{
	uint64_t n = 0;

	for (unsigned i = PEER_MALFORMED; i < PEER_COUNTERS; i++)
		n += p->counter[i];
	return n;
}

static void write_head(struct writer *w, const struct peer *p, const struct neighbour *n, uint64_t now)
{
	char text[ADDR_TEXT];

	writer_str(w, "address", p->addr.s_addr ? addr_text(p->addr, text) : "strangers");
	writer_str(w, "state", n ? neighbour_state_name(neighbour_state(n)) : p->isc ? "ISC" : "-");
	if (p->heard_us)
		writer_int(w, "heard_ms_ago", (int64_t)(now - p->heard_us) / 1000);
	else
		writer_str(w, "heard_ms_ago", "never");
}

static void write_row(struct writer *w, const struct peer *p, const struct neighbour *n, uint64_t now)
{
	writer_object(w, NULL);
	write_head(w, p, n, now);
	for (size_t i = 0; n && i < sizeof(brief) / sizeof(brief[0]); i++)
		writer_uint(w, neighbour_counter_name(brief[i]), neighbour_counter(n, brief[i]));
	writer_uint(w, "dropped", dropped(p));
	writer_end(w);
}

static int write_one(struct daemon *d, const char *text, struct writer *w, struct control_reply *reply)
{
	const struct peer *p = peers_first(d->peers);
	const struct neighbour *n;
	struct in_addr addr;
	char name[64];

	if (addr_parse(text, &addr)) {
		control_fail(reply, "%.32s: must be an IPv4 address", text);
		return -EINVAL;
	}
	while (p && p->addr.s_addr != addr.s_addr)
		p = peers_next(d->peers, p);
	if (!p) {
		control_fail(reply, "no such neighbour: %.32s", text);
		return -ENOENT;
	}
	n = neighbour_find(core_neighbours(d->core), addr);
	write_head(w, p, n, clock_now_us());
	writer_bool(w, "refresh reduction", n && neighbour_capable(n));
	for (unsigned i = 0; n && i < NEIGHBOUR_COUNTERS; i++)
		writer_uint(w, neighbour_counter_name(i), neighbour_counter(n, i));
	for (unsigned i = 0; i < PEER_COUNTERS; i++) {
		snprintf(name, sizeof(name), "%s %s", i < PEER_MALFORMED ? "datagrams" : "dropped", peer_counter_name(i));
		writer_uint(w, name, p->counter[i]);
	}
	return 0;
}

int show_neighbours(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	struct daemon *d = ctx;
	uint64_t now = clock_now_us();

	if (argc)
		return write_one(d, argv[0], w, reply);
	writer_array(w, "neighbours");
	for (const struct peer *p = peers_first(d->peers); p; p = peers_next(d->peers, p))
		write_row(w, p, neighbour_find(core_neighbours(d->core), p->addr), now);
	write_row(w, peers_strangers(d->peers), NULL, now);
	writer_end(w);
	return 0;
}

static void write_neighbour_sums(const struct daemon *d, struct writer *w)
{
	const struct neighbours *ns = core_neighbours(d->core);
	uint64_t sum[NEIGHBOUR_COUNTED] = { 0 };

	for (uint32_t index = 0; index < neighbours_end(ns); index++) {
		const struct neighbour *n = neighbour_at(ns, index);

		for (unsigned i = 0; n && i < NEIGHBOUR_COUNTED; i++)
			sum[i] += neighbour_counter(n, i);
	}
	for (unsigned i = 0; i < NEIGHBOUR_COUNTED; i++)
		writer_uint(w, neighbour_counter_name(i), sum[i]);
}

int show_counters(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	const struct daemon *d = ctx;
	uint64_t sum[PEER_COUNTERS];

	for (unsigned i = 0; i < CORE_COUNTERS; i++)
		writer_uint(w, core_counter_name(i), core_counters(d->core)[i]);
	write_neighbour_sums(d, w);
	writer_uint(w, "bundles sent", outbox_bundles(d->outbox));
	writer_uint(w, "bundles received", d->bundles_received);
	memcpy(sum, peers_strangers(d->peers)->counter, sizeof(sum));
	for (const struct peer *p = peers_first(d->peers); p; p = peers_next(d->peers, p))
		for (unsigned i = 0; i < PEER_COUNTERS; i++)
			sum[i] += p->counter[i];
	for (unsigned i = 0; i < PEER_COUNTERS; i++) {
		char name[64];

		snprintf(name, sizeof(name), "datagrams %s", peer_counter_name(i));
		writer_uint(w, name, sum[i]);
	}
	return 0;
}
