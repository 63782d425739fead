/* What the switch answers (OpenFlow 1.4, 7.3.5): our flows, what they learnt, ports. No I/O; nothing is believed. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "adaptors/openflow.h"
#include "adaptors/ovs.h"
#include "adaptors/ovs_note.h"

static size_t padded(size_t len)
{
	return (len + OF_MATCH_ALIGN - 1) & ~(size_t)(OF_MATCH_ALIGN - 1);
}

/* An exact destination address, if the match has one. */
static int match_destination(struct wire *match, uint8_t mac[ETHER_SIZE])
{
	int found = 0;

	while (wire_left(match) >= 4) {
		uint32_t field = wire_u32(match);
		const uint8_t *value = wire_bytes(match, field & 0xff);

		if (field == OXM_ETH_DST && value) {
			memcpy(mac, value, ETHER_SIZE);
			found = 1;
		}
	}
	return found && !match->error;
}

static int parse_note(struct wire *note, struct ovs_seen *seen)
{
	if (wire_left(note) != OVS_NOTE_SIZE || wire_u32(note) != OVS_NOTE_MARK)
		return 0;
	unsigned kind = wire_u8(note);

	seen->session.priority = wire_u8(note);
	seen->session.vlan = wire_u16(note);
	seen->session.prefix.addr.s_addr = htonl(wire_u32(note));
	seen->session.prefix.len = wire_u8(note);
	wire_u8(note);
	seen->flow.digest = wire_u64(note);
	seen->flow.kind = kind;
	return kind >= OVS_IP && kind <= OVS_FLOOD && seen->session.vlan >= 2 && seen->session.vlan <= 4094 &&
	       seen->session.prefix.len >= 1 && seen->session.prefix.len <= 32 && seen->session.priority <= 7;
}

/* Our note if it comes first, and the last port that it sends to. */
static int parse_actions(struct wire *actions, struct ovs_seen *seen)
{
	for (int first = 1; wire_left(actions) >= 8; first = 0) {
		uint16_t type = wire_u16(actions), len = wire_u16(actions);

		if (len < 8)
			return -EBADMSG;
		struct wire body = wire_sub(actions, len - 4u);

		if (type == OF_OUTPUT)
			seen->port = wire_u32(&body);
		else if (first && type == OF_EXPERIMENTER && wire_u32(&body) == NX_VENDOR && wire_u16(&body) == NX_NOTE)
			seen->ours = parse_note(&body, seen);
	}
	return actions->error;
}

static int parse_instructions(struct wire *entry, struct ovs_seen *seen)
{
	while (wire_left(entry) >= 4) {
		uint16_t type = wire_u16(entry), len = wire_u16(entry);

		if (len < 8)
			return -EBADMSG;
		struct wire body = wire_sub(entry, len - 4u);

		if (type != OF_APPLY_ACTIONS)
			continue;
		wire_skip(&body, 4);
		int rc = parse_actions(&body, seen);

		if (rc)
			return rc;
	}
	return entry->error;
}

int ovs_parse_flow(struct wire *body, uint8_t table, struct ovs_seen *seen)
{
	struct wire entry, peek = *body;

	memset(seen, 0, sizeof(*seen));
	if (!wire_left(body))
		return 0;
	size_t len = wire_u16(&peek);

	if (len < OF_FLOW_STATS + 8)
		return -EBADMSG;
	entry = wire_sub(body, len);
	wire_skip(&entry, 2);
	seen->flow.table = wire_u8(&entry);
	wire_skip(&entry, 9);
	seen->flow.priority = wire_u16(&entry);
	wire_skip(&entry, 2);
	seen->session.timeout_s = wire_u16(&entry);
	wire_skip(&entry, 6);
	uint64_t cookie = wire_u64(&entry);

	seen->session.key = (struct adaptor_key){ (uint32_t)(cookie >> 32), { htonl((uint32_t)cookie) } };
	seen->flow.packets = wire_u64(&entry);
	seen->flow.bytes = wire_u64(&entry);
	peek = entry;
	wire_skip(&peek, 2);
	size_t match = wire_u16(&peek);

	if (match < 4 || padded(match) > wire_left(&entry))
		return -EBADMSG;
	seen->flow.body = entry.base + entry.pos;
	seen->flow.match_len = seen->flow.len = padded(match);
	peek = wire_sub(&peek, match - 4);
	wire_skip(&entry, seen->flow.match_len);
	int destination = match_destination(&peek, seen->mac), rc = parse_instructions(&entry, seen);

	seen->learnt = !seen->ours && seen->flow.table == table && destination && seen->port;
	return body->error || rc ? -EBADMSG : 1;
}

int ovs_parse_port(struct wire *body, struct ovs_port *port)
{
	memset(port, 0, sizeof(*port));
	if (!wire_left(body))
		return 0;
	port->number = wire_u32(body);
	size_t len = wire_u16(body);

	if (len < OF_PORT)
		return -EBADMSG;
	struct wire rest = wire_sub(body, len - 6);

	wire_skip(&rest, 2);
	const uint8_t *mac = wire_bytes(&rest, ETHER_SIZE);

	wire_skip(&rest, 2);
	const uint8_t *name = wire_bytes(&rest, ADAPTOR_IFNAME);

	if (!mac || !name)
		return -EBADMSG;
	memcpy(port->mac, mac, ETHER_SIZE);
	memcpy(port->ifname, name, ADAPTOR_IFNAME - 1);
	return 1;
}
