/*
 * Datagrams in and out: IP protocol 46 (Path with Router Alert, RFC 2113) or UDP 3455 between controllers, UDP always with
 * the ISCs on this machine. Received ones are handed up in batches with where they came in; --pcap writes both ways.
 */
#ifndef ICORP_SIGNALD_TRANSPORT_H
#define ICORP_SIGNALD_TRANSPORT_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct transport;

struct transport_options {
	int raw;                    /* protocol 46 between controllers */
	struct in_addr address;     /* ours, for pcap and as source */
	const char *pcap;           /* file or NULL */
};

/* ifindex: where it came in (0: unknown). */
typedef void transport_fn(void *ctx, struct in_addr from, unsigned ifindex, const uint8_t *data, size_t len);

/* 0 or -errno with the reason in why. */
int transport_new(struct event_base *base, const struct transport_options *options, transport_fn *receive, void *ctx,
		  struct transport **out, char *why, size_t room);
void transport_free(struct transport *t);
/*
 * isc: to an ISC's controller: by UDP, and only over the interface to it, never over a router; -ENETUNREACH while there is
 * none. alert: with Router Alert. 0 or -errno.
 */
int transport_send(struct transport *t, struct in_addr to, int isc, int alert, const uint8_t *data, size_t len);

#endif
