/*
 * What leaves: messages are signed one by one (RFC 2747), several to one neighbour travel as a Bundle (RFC 2961 section 3),
 * and all datagrams of one turn of the loop go to the kernel together.
 */
#ifndef ICORP_SIGNALD_OUTBOX_H
#define ICORP_SIGNALD_OUTBOX_H

#include "signald/errors.h"
#include "signald/peer.h"
#include "signald/transport.h"

struct outbox;

/* NULL: out of memory. No argument is owned. */
struct outbox *outbox_new(struct transport *transport, struct peers *peers, struct errors *errors);
void outbox_free(struct outbox *outbox);
/*
 * Takes a copy of an encoded, unsigned message. isc: to an ISC's controller, never in a Bundle; alone: not in one either. What cannot be sent is
 * counted with the peer, and said in the log once per burst.
 */
void outbox_add(struct outbox *outbox, struct in_addr to, int isc, int alone, uint8_t type, const uint8_t *message, size_t len);
/* Everything goes. */
void outbox_flush(struct outbox *outbox);
/* How many Bundles were sent. */
uint64_t outbox_bundles(const struct outbox *outbox);

#endif
