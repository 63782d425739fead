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

struct transport_received {
	struct in_addr from, to;
	unsigned ifindex;           /* where it came in; 0: unknown */
	unsigned ttl;               /* as it came in; 0: unknown */
	int passing;                /* it is on its way to somebody else: we have it because of its Router Alert, and they do not */
	const uint8_t *data; size_t len;
};

#define TRANSPORT_TTL 63 /* what we send with, and say in Send_TTL (RFC 2205 section 3.1.1) */

struct transport_hooks {
	/* Valid during the call. */
	void (*receive)(void *ctx, const struct transport_received *received);
	void *ctx;
};

/*
 * isc: to an ISC's controller: by UDP, and only over the interface to it, never over a router; -ENETUNREACH while there is
 * none. alert: with Router Alert. error is filled: 0 or -errno.
 */
struct transport_datagram { struct in_addr to; int isc, alert, error; uint8_t *data; size_t len; };

/* It can send; it does not listen yet. 0 or -errno with the reason in why. */
int transport_new(struct event_base *base, const struct transport_options *options, const struct transport_hooks *hooks,
		  struct transport **out, char *why, size_t room);
void transport_free(struct transport *t);
/* From now on what comes is handed up; what came before waits in the sockets, as far as they have room. */
void transport_listen(struct transport *t);
/* Sends n datagrams with as few calls as can be; each one's error says what became of it. */
void transport_send(struct transport *t, struct transport_datagram *v, unsigned n);
/* From now on fn sees what is sent and received, as pcap files have it: IPv4 packets of protocol 46. NULL: no longer. */
void transport_tap(struct transport *t, void (*fn)(void *ctx, const uint8_t *packet, size_t len), void *ctx);

#endif
