/*
 * INTEGRITY (RFC 2747): finding it and checking it, before any other object of the datagram is believed. Which key
 * and which sequence numbers are acceptable is the peer's business, not the codec's.
 */
#include <errno.h>
#include <string.h>

#include "lib/rsvp.h"
#include "lib/rsvp_wire.h"
#include "lib/wire.h"

/* Finds the INTEGRITY object: its body's offset and length. It must be the first object (section 2). 1, 0, -EBADMSG. */
static int integrity_find(const uint8_t *data, size_t len, size_t *at, size_t *size)
{
	struct wire w = wire_reader(data, len);
	uint16_t object_len;
	uint8_t class_;

	wire_skip(&w, RSVP_HEADER_SIZE);
	object_len = wire_u16(&w);
	class_ = wire_u8(&w);
	wire_skip(&w, 1);
	if (w.error)
		return -EBADMSG;
	if (class_ != CLASS_INTEGRITY)
		return 0;
	if (object_len < RSVP_OBJECT_SIZE + RSVP_INTEGRITY_FIXED + 4 ||
	    (size_t)object_len - RSVP_OBJECT_SIZE > wire_left(&w))
		return -EBADMSG;
	*at = w.pos;
	*size = object_len - RSVP_OBJECT_SIZE;
	return 1;
}

int rsvp_auth_peek(const uint8_t *data, size_t len, struct rsvp_auth *auth)
{
	size_t at, size;
	struct wire w;
	int r = integrity_find(data, len, &at, &size);

	if (r != 1)
		return r;
	w = wire_reader(data + at, size);
	auth->flags = wire_u8(&w);
	wire_skip(&w, 1);
	auth->key_id = (uint64_t)wire_u16(&w) << 32;
	auth->key_id |= wire_u32(&w);
	auth->sequence = wire_u64(&w);
	return 1;
}

int rsvp_auth_verify(const uint8_t *data, size_t len, struct mac_key *key)
{
	static const uint8_t zero[MAC_MAX_SIZE];
	uint8_t mac[MAC_MAX_SIZE];
	size_t at, size, digest;
	int r = integrity_find(data, len, &at, &size);

	if (r != 1)
		return r ? r : -ENOENT;
	if (size != RSVP_INTEGRITY_FIXED + mac_size(key))
		return -EKEYREJECTED;
	digest = at + RSVP_INTEGRITY_FIXED;
	struct mac_segment part[] = {
		{ data, RSVP_CHECKSUM_AT }, { zero, 2 }, { data + 4, digest - 4 }, { zero, mac_size(key) },
		{ data + digest + mac_size(key), len - digest - mac_size(key) },
	};
	r = mac_sign(key, part, sizeof(part) / sizeof(part[0]), mac);
	if (r)
		return r;
	return mac_equal(mac, data + digest, mac_size(key)) ? 0 : -EKEYREJECTED;
}
