/*
 * A session as OpenFlow flows. No I/O.
 *
 *   table 0   host port:    untagged IPv4, ARP to the prefix -> push VLAN and priority, learn, go to our table
 *             trunk:        what has the VLAN -> set the priority, learn, go to our table
 *             any port:     (lower) the same packets -> dropped, so no one reaches the ICorp through the base VLAN
 *   our table learnt:       VLAN and destination -> [take the tag off,] to the port it was learnt at
 *             flood:        (lower) VLAN -> to all trunks; the tag off; to all host ports
 *
 * The learning is the switch's own (Open vSwitch's `learn` action), so it goes on when we do not. The cookie is
 * ICorp and leader; the first action is a note, which does nothing but say that the flow is ours and all that it is:
 * "ICM1", kind, priority, VLAN, prefix, and a digest of the rest. A flow that someone changed has lost it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/openflow.h"
#include "adaptors/ovs.h"
#include "adaptors/ovs_note.h"

#define LEARNT_IDLE_S 300
#define LEARNT_MAX 4096                /* addresses of one ICorp: a host cannot fill the switch */
#define PRIORITY_LEARNT 0x1c03
#define PRIORITY_MEMBER 0x1c02
#define PRIORITY_OTHER 0x1c01
#define ETHER_IP 0x0800
#define ETHER_ARP 0x0806
#define ETHER_VLAN 0x8100

static uint64_t cookie_of(struct adaptor_key key)
{
	return (uint64_t)key.icorp << 32 | ntohl(key.leader.s_addr);
}

static void put_action(struct wire *w, uint16_t type, uint16_t len)
{
	wire_put_u16(w, type);
	wire_put_u16(w, len);
}

static void put_nx_action(struct wire *w, uint16_t len, uint16_t subtype)
{
	put_action(w, OF_EXPERIMENTER, len);
	wire_put_u32(w, NX_VENDOR);
	wire_put_u16(w, subtype);
}

static void put_output(struct wire *w, uint32_t port)
{
	put_action(w, OF_OUTPUT, 16);
	wire_put_u32(w, port);
	wire_put_u64(w, 0);
}

static void put_push_vlan(struct wire *w)
{
	put_action(w, OF_PUSH_VLAN, 8);
	wire_put_u16(w, ETHER_VLAN);
	wire_put_u16(w, 0);
}

static void put_pop_vlan(struct wire *w)
{
	put_action(w, OF_POP_VLAN, 8);
	wire_put_u32(w, 0);
}

static void put_set_vlan(struct wire *w, uint16_t vlan)
{
	put_action(w, OF_SET_FIELD, 16);
	wire_put_u32(w, OXM_VLAN_VID);
	wire_put_u16(w, OF_VLAN_PRESENT | vlan);
	wire_pad(w, 8);
}

static void put_set_priority(struct wire *w, uint8_t priority)
{
	put_action(w, OF_SET_FIELD, 16);
	wire_put_u32(w, OXM_VLAN_PCP);
	wire_put_u8(w, priority);
	wire_pad(w, 8);
}

static void put_field(struct wire *w, uint32_t field)
{
	wire_put_u32(w, field);
	wire_put_u16(w, 0);   /* from its first bit */
}

/* The queue with the VLAN's number, on whatever port it leaves by. */
static void put_queue(struct wire *w, const struct ovs_session *s)
{
	if (!s->queued)
		return;
	put_action(w, OF_SET_QUEUE, 8);
	wire_put_u32(w, s->vlan);
}

/* Who sends from here is reached here: in this VLAN, and where hosts are without the tag. */
static void put_learn(struct wire *w, const struct ovs_session *s, uint8_t table, int trunk)
{
	size_t at = w->pos;

	put_nx_action(w, 0, NX_LEARN2);
	wire_put_u16(w, LEARNT_IDLE_S);
	wire_put_u16(w, 0);
	wire_put_u16(w, PRIORITY_LEARNT);
	wire_put_u64(w, cookie_of(s->key));
	wire_put_u16(w, 0);   /* flags */
	wire_put_u8(w, table);
	wire_put_u8(w, 0);
	wire_put_u32(w, 0);   /* not by TCP's FIN */
	wire_put_u32(w, LEARNT_MAX);
	wire_put_u32(w, 0);   /* no result to write */
	wire_put_u16(w, NX_LEARN_IMMEDIATE | NX_LEARN_MATCH | 12);
	wire_put_u16(w, s->vlan);
	put_field(w, NXM_VLAN_TCI);
	wire_put_u16(w, NX_LEARN_MATCH | 48);
	put_field(w, NXM_ETH_SRC);
	put_field(w, NXM_ETH_DST);
	if (!trunk) {
		wire_put_u16(w, NX_LEARN_IMMEDIATE | NX_LEARN_LOAD | 16);
		wire_put_u16(w, 0);
		put_field(w, NXM_VLAN_TCI);
	}
	wire_put_u16(w, NX_LEARN_OUTPUT | 16);
	put_field(w, NXM_IN_PORT);
	wire_pad(w, 8);
	wire_patch_u16(w, at + 2, (uint16_t)(w->pos - at));
}

/* To whom it does not come from: a switch sends nothing back where it came from. */
static void put_flood(struct wire *w, const struct ovs_session *s)
{
	for (unsigned i = 0; i < s->n_members; i++)
		if (s->member[i].port && s->member[i].trunk)
			put_output(w, s->member[i].port);
	put_pop_vlan(w);
	for (unsigned i = 0; i < s->n_members; i++)
		if (s->member[i].port && !s->member[i].trunk)
			put_output(w, s->member[i].port);
}

static void put_prefix(struct wire *w, uint32_t field, struct prefix prefix)
{
	uint32_t mask = 0xffffffffu << (32 - prefix.len);

	wire_put_u32(w, field + OXM_MASKED + 4);
	wire_put_u32(w, ntohl(prefix.addr.s_addr) & mask);
	wire_put_u32(w, mask);
}

static void put_match(struct wire *w, const struct ovs_session *s, enum ovs_kind kind, uint32_t port)
{
	int arp = kind == OVS_ARP || kind == OVS_NO_ARP;
	size_t at = w->pos;

	wire_put_u16(w, OF_MATCH_OXM);
	wire_put_u16(w, 0);
	if (port) {
		wire_put_u32(w, OXM_IN_PORT);
		wire_put_u32(w, port);
	}
	if (kind == OVS_TAG || kind == OVS_NO_TAG || kind == OVS_FLOOD) {
		wire_put_u32(w, OXM_VLAN_VID);
		wire_put_u16(w, OF_VLAN_PRESENT | s->vlan);
	} else {
		wire_put_u32(w, OXM_ETH_TYPE);
		wire_put_u16(w, arp ? ETHER_ARP : ETHER_IP);
		/* from others also what has a tag that names no VLAN: hosts take it for untagged */
		wire_put_u32(w, port ? OXM_VLAN_VID : OXM_VLAN_VID + OXM_MASKED + 2);
		wire_put_u16(w, 0);
		if (!port)
			wire_put_u16(w, OF_VLAN_ID);
		put_prefix(w, arp ? OXM_ARP_TPA : OXM_IPV4_DST, s->prefix);
	}
	wire_patch_u16(w, at + 2, (uint16_t)(w->pos - at));
	wire_pad(w, OF_MATCH_ALIGN);
}

static void put_actions(struct wire *w, const struct ovs_session *s, enum ovs_kind kind, uint8_t table)
{
	switch (kind) {
	case OVS_IP:
	case OVS_ARP:
		put_push_vlan(w);
		put_set_vlan(w, s->vlan);
		put_set_priority(w, s->priority);
		put_queue(w, s);
		put_learn(w, s, table, 0);
		break;
	case OVS_TAG:
		put_set_priority(w, s->priority);
		put_queue(w, s);
		put_learn(w, s, table, 1);
		break;
	case OVS_FLOOD:
		put_flood(w, s);
		break;
	case OVS_NO_IP:
	case OVS_NO_ARP:
	case OVS_NO_TAG:
		break;   /* nothing: dropped */
	}
}

static void put_instructions(struct wire *w, const struct ovs_session *s, const struct ovs_flow *flow, uint8_t table)
{
	size_t at = w->pos;

	put_action(w, OF_APPLY_ACTIONS, 0);
	wire_put_u32(w, 0);
	put_nx_action(w, NX_ACTION + OVS_NOTE_SIZE, NX_NOTE);
	wire_put_u32(w, OVS_NOTE_MARK);
	wire_put_u8(w, (uint8_t)flow->kind);
	wire_put_u8(w, s->priority);
	wire_put_u16(w, s->vlan);
	wire_put_u32(w, ntohl(s->prefix.addr.s_addr));
	wire_put_u8(w, s->prefix.len);
	wire_put_u8(w, 0);
	wire_put_u64(w, flow->digest);
	put_actions(w, s, flow->kind, table);
	wire_patch_u16(w, at + 2, (uint16_t)(w->pos - at));
	if (flow->kind == OVS_IP || flow->kind == OVS_ARP || flow->kind == OVS_TAG) {
		put_action(w, OF_GOTO_TABLE, 8);
		wire_put_u8(w, table);
		wire_pad(w, 8);
	}
}

/* FNV-1a, 64 bits: told apart, not protected, from the session's other flows. */
static uint64_t digest(const uint8_t *data, size_t len, uint64_t h)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ data[i]) * 0x100000001b3ull;
	return h;
}

static int encode(const struct ovs_session *s, struct ovs_flow *flow, uint32_t port, uint8_t table, uint8_t *buffer,
		  size_t room)
{
	struct wire w = wire_writer(buffer, room);

	put_match(&w, s, flow->kind, port);
	flow->match_len = w.pos;
	put_instructions(&w, s, flow, table);
	flow->len = w.pos;
	return w.error ? -E2BIG : 0;
}

static int add_flow(struct ovs_session *s, enum ovs_kind kind, uint32_t port, uint8_t table)
{
	struct ovs_flow *more = realloc(s->flow, (s->n_flows + 1) * sizeof(*more));
	uint8_t buffer[OVS_FLOW_ROOM];

	if (!more)
		return -ENOMEM;
	s->flow = more;
	struct ovs_flow *flow = &more[s->n_flows];

	*flow = (struct ovs_flow){ .kind = kind, .table = kind == OVS_FLOOD ? table : 0,
				   .priority = port ? PRIORITY_MEMBER : PRIORITY_OTHER };
	int rc = encode(s, flow, port, table, buffer, sizeof(buffer));

	if (rc)
		return rc;
	flow->digest = digest(buffer, flow->len, 0xcbf29ce484222325ull);
	encode(s, flow, port, table, buffer, sizeof(buffer));   /* now with its digest in the note */
	flow->body = malloc(flow->len);
	if (!flow->body)
		return -ENOMEM;
	memcpy(flow->body, buffer, flow->len);
	s->n_flows++;
	return 0;
}

int ovs_flows_make(struct ovs_session *s, uint8_t table)
{
	static const enum ovs_kind all[] = { OVS_NO_IP, OVS_NO_ARP, OVS_NO_TAG, OVS_FLOOD };
	int rc = 0;

	ovs_flows_free(s);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !rc; i++)
		rc = add_flow(s, all[i], 0, table);
	for (unsigned i = 0; i < s->n_members && !rc; i++) {
		const struct ovs_member *m = &s->member[i];

		if (!m->port)
			continue;
		rc = add_flow(s, m->trunk ? OVS_TAG : OVS_IP, m->port, table);
		if (!rc && !m->trunk)
			rc = add_flow(s, OVS_ARP, m->port, table);
	}
	return rc;
}

void ovs_flows_free(struct ovs_session *s)
{
	for (unsigned i = 0; i < s->n_flows; i++)
		free(s->flow[i].body);
	free(s->flow);
	s->flow = NULL;
	s->n_flows = 0;
}

struct mod { uint8_t command, table; uint16_t timeout_s, priority; uint64_t cookie; };

static int put_mod(struct protocol_buffer *mods, const struct mod *mod, const void *body, size_t len)
{
	size_t size = OF_HEADER + 40 + len;
	int rc = protocol_reserve(mods, size), add = mod->command == OF_FLOW_ADD;

	if (rc)
		return rc;
	struct wire w = wire_writer(mods->data + mods->len, size);

	wire_put_u8(&w, OF_VERSION);
	wire_put_u8(&w, OF_FLOW_MOD);
	wire_put_u16(&w, (uint16_t)size);
	wire_put_u32(&w, 0);   /* the bundle has the xid */
	wire_put_u64(&w, mod->cookie);
	wire_put_u64(&w, add ? 0 : UINT64_MAX);
	wire_put_u8(&w, mod->table);
	wire_put_u8(&w, mod->command);
	wire_put_u16(&w, 0);
	wire_put_u16(&w, mod->timeout_s);
	wire_put_u16(&w, mod->priority);
	wire_put_u32(&w, OF_NO_BUFFER);
	wire_put_u32(&w, OF_ANY);
	wire_put_u32(&w, OF_ANY);
	wire_put_u32(&w, 0);   /* flags, importance */
	wire_put_bytes(&w, body, len);
	mods->len += w.pos;
	return 0;
}

int ovs_flow_mod(struct protocol_buffer *mods, const struct ovs_session *s, const struct ovs_flow *flow, int add)
{
	struct mod mod = { .command = add ? OF_FLOW_ADD : OF_FLOW_DELETE_STRICT, .table = flow->table,
			   .timeout_s = add ? s->timeout_s : 0, .priority = flow->priority, .cookie = cookie_of(s->key) };

	return put_mod(mods, &mod, flow->body, add ? flow->len : flow->match_len);
}

int ovs_flow_forget(struct protocol_buffer *mods, struct adaptor_key key, uint8_t table)
{
	static const uint8_t any[8] = { 0, OF_MATCH_OXM, 0, 4 };
	struct mod mod = { .command = OF_FLOW_DELETE, .table = table, .cookie = cookie_of(key) };

	return put_mod(mods, &mod, any, sizeof(any));
}
