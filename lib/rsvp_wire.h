/*
 * What the encoder, the decoder and the authenticator share: object classes and C-Types, and how large things may
 * get. Not for other rooms.
 */
#ifndef ICORP_LIB_RSVP_WIRE_H
#define ICORP_LIB_RSVP_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define RSVP_HEADER_SIZE 8
#define RSVP_OBJECT_SIZE 4          /* length, class, C-Type */
#define RSVP_CHECKSUM_AT 2
#define RSVP_INTEGRITY_FIXED 16     /* flags, reserved, key id, sequence */

/* How many entries a message may list: beyond it is refused, so that a datagram can't make us work long. */
#define RSVP_MAX_S2L 256
#define RSVP_MAX_RRO 64
#define RSVP_MAX_DEMANDS 1280
#define RSVP_MAX_LOADS 256
#define RSVP_MAX_GRANTS 2048
#define RSVP_MAX_IDS 16384

enum rsvp_class {
	CLASS_NULL = 0, CLASS_SESSION = 1, CLASS_HOP = 3, CLASS_INTEGRITY = 4, CLASS_TIME_VALUES = 5,
	CLASS_ERROR_SPEC = 6, CLASS_STYLE = 8, CLASS_FLOWSPEC = 9, CLASS_FILTER_SPEC = 10, CLASS_SENDER_TEMPLATE = 11,
	CLASS_SENDER_TSPEC = 12, CLASS_RESV_CONFIRM = 15, CLASS_RECORD_ROUTE = 21, CLASS_HELLO = 22, CLASS_MESSAGE_ID = 23, CLASS_MESSAGE_ID_ACK = 24,
	CLASS_MESSAGE_ID_LIST = 25, CLASS_S2L_SUB_LSP = 50, CLASS_CHALLENGE = 64,
	CLASS_SESSION_ATTRIBUTE = 207, CLASS_ICORP = 252,
};

enum {
	CTYPE_IPV4 = 1, CTYPE_INTSERV = 2, CTYPE_ACK = 1, CTYPE_NACK = 2, CTYPE_HELLO_REQUEST = 1, CTYPE_HELLO_ACK = 2, CTYPE_ATTRIBUTE = 7, CTYPE_P2MP_TEMPLATE = 12, CTYPE_P2MP_SESSION = 13,
};

/* C-Types of class 252. */
enum {
	ICORP_REF = 1, ICORP_BODY = 2, ICORP_HOPSTATE = 3, ICORP_DEMAND = 4, ICORP_LOAD = 5, ICORP_PRICE = 6,
	ICORP_SUBTARGET = 7, ICORP_GRANT = 8,
};

/* The Internet checksum of the bytes, as a number in host order. */
uint16_t rsvp_checksum(const uint8_t *data, size_t len);

#endif
