/*
 * Signing and verifying (RFC 2747 section 4). A sequence number is taken as seen only when its digest verified, so
 * nobody without the key can move the window; the window is strict, for on a link of one hop nothing overtakes. Sequence
 * numbers begin at the wall clock, so a restarted end continues above its former life without any stored state.
 */
#include <errno.h>
#include <string.h>

#include "agent/link.h"
#include "lib/clock.h"

const char *link_counter_name(enum link_counter counter)
{
	static const char *const names[] = { "received", "sent", "challenged", "unsigned", "forged", "replayed", "malformed" };

	return counter < LINK_COUNTERS ? names[counter] : "?";
}

int link_init(struct link *link, const struct boot *boot)
{
	memset(link, 0, sizeof(*link));
	link->key = mac_key_new(MAC_HMAC_SHA256, boot->key, boot->key_len);
	if (!link->key)
		return errno ? -errno : -ENOMEM;
	link->key_id = boot->key_id;
	link->enterprise = boot->enterprise;
	link->icorp = boot->icorp;
	return 0;
}

void link_close(struct link *link)
{
	mac_key_free(link->key);
	link->key = NULL;
}

int link_seal(struct link *link, const struct rsvp_msg *msg, uint64_t wall_ns, uint8_t *buffer, size_t room)
{
	struct rsvp_auth auth = { .key = link->key, .key_id = link->key_id };
	int n;

	auth.flags = RSVP_AUTH_HANDSHAKE;
	auth.sequence = link->sent ? link->sent + 1 : wall_ns;
	n = rsvp_encode(msg, link->enterprise, &auth, buffer, room);
	if (n > 0) {
		link->sent = auth.sequence;
		link->counter[LINK_SENT]++;
	}
	return n;
}

static int drop(struct link *link, enum link_counter why, uint64_t now_us, int r, const char *detail)
{
	unsigned more;

	link->counter[why]++;
	if (log_burst_ok(&link->burst, now_us, CLOCK_S, &more))
		log_icorp(LOG_LEVEL_WARN, link->icorp, "datagram dropped: %s%s%s (%u more before)",
			  link_counter_name(why), *detail ? ": " : "", detail, more);
	return r;
}

/* Challenges are not signed; forged ones cost a few Responses a second. */
int link_challenge(struct link *link, const uint8_t *data, size_t len, uint64_t now_us, struct rsvp_msg *msg)
{
	if (len < 2 || data[1] != RSVP_CHALLENGE || rsvp_decode(data, len, link->enterprise, msg, NULL))
		return 0;
	if (!bucket_take(&link->answers, 1, 2, 4, now_us))
		return -EAGAIN;
	link->counter[LINK_CHALLENGED]++;
	msg->type = RSVP_CHALLENGE_RESPONSE;
	return 1;
}

int link_unseal(struct link *link, const uint8_t *data, size_t len, uint64_t now_us, struct rsvp_msg *msg)
{
	struct rsvp_decode_error error = { 0 };
	struct rsvp_auth auth = { 0 };
	int r = rsvp_auth_peek(data, len, &auth);

	if (r <= 0)
		return drop(link, r ? LINK_MALFORMED : LINK_UNSIGNED, now_us, r ? r : -ENOENT, "");
	if (auth.key_id != link->key_id || rsvp_auth_verify(data, len, link->key))
		return drop(link, LINK_FORGED, now_us, -EKEYREJECTED, "");
	if (auth.sequence <= link->received)
		return drop(link, LINK_REPLAYED, now_us, -EALREADY, "");
	link->received = auth.sequence;
	r = rsvp_decode(data, len, link->enterprise, msg, &error);
	if (r)
		return drop(link, LINK_MALFORMED, now_us, r, error.what ? error.what : "");
	link->counter[LINK_RECEIVED]++;
	return 0;
}
