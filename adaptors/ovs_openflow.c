/*
 * An OpenFlow 1.4 connection to a bridge's management socket, which ovs-vswitchd has for every bridge. Debian has no C
 * library for OpenFlow (libopenvswitch is not packaged): the messages are ours, few and small. Changes go as one ordered,
 * atomic bundle, so the switch has all of a flush or nothing of it, and no packet sees the middle.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/openflow.h"
#include "adaptors/ovs.h"

#define ANSWERS_MAX (256u << 20)       /* of one dump: more is a broken peer */
#define BUNDLE 1
#define BUNDLE_ADD_SIZE 16             /* before the message it carries */

struct ovs_of { struct ovs_stream stream; uint32_t xid; };
struct message { uint8_t version, type; uint32_t xid; struct wire body; };

static void put_header(struct wire *w, uint8_t type, size_t len, uint32_t xid)
{
	wire_put_u8(w, OF_VERSION);
	wire_put_u8(w, type);
	wire_put_u16(w, (uint16_t)len);
	wire_put_u32(w, xid);
}

static int send_message(struct ovs_of *of, uint8_t type, const void *body, size_t len)
{
	uint8_t buffer[OF_HEADER + 64];
	struct wire w = wire_writer(buffer, sizeof(buffer));

	put_header(&w, type, OF_HEADER + len, ++of->xid);
	wire_put_bytes(&w, body, len);
	return w.error ? w.error : ovs_stream_send(&of->stream, buffer, w.pos);
}

/* The next message; its body points into the stream's buffer until the next call. */
static int receive(struct ovs_of *of, struct message *m)
{
	struct protocol_buffer *in = &of->stream.in;

	for (;;) {
		size_t there = in->len - in->pos;
		struct wire w = wire_reader(in->data + in->pos, there);

		if (there >= OF_HEADER) {
			m->version = wire_u8(&w);
			m->type = wire_u8(&w);
			size_t len = wire_u16(&w);

			m->xid = wire_u32(&w);
			if (len < OF_HEADER)
				return -EPROTO;
			if (there >= len) {
				m->body = wire_sub(&w, len - OF_HEADER);
				in->pos += len;
				return 0;
			}
		}
		int rc = ovs_stream_receive(&of->stream);

		if (rc)
			return rc;
	}
}

/* ONF TS-012 7.5.4. What can happen to us has words, the rest its numbers. */
static int refused(struct wire *body, char *why, size_t room)
{
	enum { HELLO_FAILED = 0, FLOW_MOD_FAILED = 5, TABLE_FULL = 1 };
	uint16_t type = wire_u16(body), code = wire_u16(body);

	if (type == HELLO_FAILED) {
		snprintf(why, room, "the bridge does not speak OpenFlow 1.4 (its `protocols`)");
		return -EPROTONOSUPPORT;
	}
	if (type == FLOW_MOD_FAILED && code == TABLE_FULL) {
		snprintf(why, room, "the switch's flow table is full");
		return -ENOSPC;
	}
	snprintf(why, room, "the switch refuses: OpenFlow error %u, code %u", type, code);
	return -EPROTO;
}

/* Waits for a message of that type. Errors end it; echoes are answered; the rest (packets, port changes) is not for us. */
static int await(struct ovs_of *of, uint8_t type, struct message *m, char *why, size_t room)
{
	for (;;) {
		int rc = receive(of, m);

		if (rc) {
			snprintf(why, room, rc == -EAGAIN ? "ovs-vswitchd does not answer" :
				 "ovs-vswitchd says what is no OpenFlow");
			return rc;
		}
		if (m->type == OF_ERROR)
			return refused(&m->body, why, room);
		if (m->type == OF_ECHO_REQUEST && wire_left(&m->body) <= 64)
			send_message(of, OF_ECHO_REPLY, m->body.base, m->body.size);
		if (m->type == type)
			return 0;
	}
}

int ovs_of_open(const struct ovs_config *config, struct ovs_of **out, char *why, size_t room)
{
	struct ovs_of *of = calloc(1, sizeof(*of));
	char path[OVS_PATH];
	uint8_t hello[8];
	struct wire w = wire_writer(hello, sizeof(hello));
	struct message m;

	*out = NULL;
	if (!of)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/%s.mgmt", config->rundir, config->bridge);
	int rc = ovs_stream_open(&of->stream, path, why, room);

	wire_put_u16(&w, OF_HELLO_BITMAP);
	wire_put_u16(&w, sizeof(hello));
	wire_put_u32(&w, 1u << OF_VERSION);
	rc = rc ? rc : send_message(of, OF_HELLO, hello, sizeof(hello));
	rc = rc ? rc : await(of, OF_HELLO, &m, why, room);
	if (!rc && m.version < OF_VERSION) {
		snprintf(why, room, "the bridge does not speak OpenFlow 1.4 (its `protocols`)");
		rc = -EPROTONOSUPPORT;
	}
	if (rc) {
		ovs_of_close(of);
		return rc;
	}
	*out = of;
	return 0;
}

void ovs_of_close(struct ovs_of *of)
{
	if (of)
		ovs_stream_close(&of->stream);
	free(of);
}

static int control(struct ovs_of *of, uint16_t type, uint16_t reply, char *why, size_t room)
{
	uint8_t body[8];
	struct wire w = wire_writer(body, sizeof(body));
	struct message m;

	wire_put_u32(&w, BUNDLE);
	wire_put_u16(&w, type);
	wire_put_u16(&w, OF_BUNDLE_FLAGS);
	int rc = send_message(of, OF_BUNDLE_CONTROL, body, sizeof(body));

	if (rc)
		snprintf(why, room, "ovs-vswitchd does not take what is sent");
	rc = rc ? rc : await(of, OF_BUNDLE_CONTROL, &m, why, room);
	if (!rc && (wire_u32(&m.body) != BUNDLE || wire_u16(&m.body) != reply)) {
		snprintf(why, room, "ovs-vswitchd answers for another bundle");
		rc = -EPROTO;
	}
	return rc;
}

/* Each message as one of the bundle's: both headers have the same xid. */
static int wrap(struct ovs_of *of, const struct protocol_buffer *mods, struct protocol_buffer *out)
{
	for (size_t at = 0; at < mods->len;) {
		size_t len = (size_t)mods->data[at + 2] << 8 | mods->data[at + 3];
		int rc = protocol_reserve(out, BUNDLE_ADD_SIZE + len);

		if (rc)
			return rc;
		struct wire w = wire_writer(out->data + out->len, BUNDLE_ADD_SIZE + len);

		put_header(&w, OF_BUNDLE_ADD, BUNDLE_ADD_SIZE + len, ++of->xid);
		wire_put_u32(&w, BUNDLE);
		wire_put_u16(&w, 0);
		wire_put_u16(&w, OF_BUNDLE_FLAGS);
		put_header(&w, mods->data[at + 1], len, of->xid);
		wire_put_bytes(&w, mods->data + at + OF_HEADER, len - OF_HEADER);
		out->len += w.pos;
		at += len;
	}
	return 0;
}

int ovs_of_commit(struct ovs_of *of, const struct protocol_buffer *mods, char *why, size_t room)
{
	struct protocol_buffer out = { 0 };

	if (!mods->len)
		return 0;
	int rc = wrap(of, mods, &out);

	rc = rc ? rc : control(of, OF_BUNDLE_OPEN, OF_BUNDLE_OPENED, why, room);
	if (!rc && ovs_stream_send(&of->stream, out.data, out.len)) {
		snprintf(why, room, "ovs-vswitchd does not take what is sent");
		rc = -EAGAIN;
	}
	rc = rc ? rc : control(of, OF_BUNDLE_COMMIT, OF_BUNDLE_COMMITTED, why, room);
	protocol_free(&out);
	return rc;
}

int ovs_of_dump(struct ovs_of *of, uint16_t type, const void *body, size_t len,
		int (*each)(void *ctx, struct wire *body), void *ctx, char *why, size_t room)
{
	uint8_t request[56];
	struct wire w = wire_writer(request, sizeof(request));
	struct message m;
	size_t all = 0;
	int more = 1;

	wire_put_u16(&w, type);
	wire_put_u16(&w, 0);
	wire_put_u32(&w, 0);
	wire_put_bytes(&w, body, len);
	int rc = w.error ? w.error : send_message(of, OF_MULTIPART_REQUEST, request, w.pos);

	while (!rc && more) {
		rc = await(of, OF_MULTIPART_REPLY, &m, why, room);
		if (rc)
			break;
		all += m.body.size;
		if (m.xid != of->xid)
			continue;
		rc = wire_u16(&m.body) == type && all < ANSWERS_MAX ? 0 : -EPROTO;
		more = wire_u16(&m.body) & OF_MULTIPART_MORE;
		wire_u32(&m.body);
		rc = rc ? rc : m.body.error ? -EPROTO : each(ctx, &m.body);
		if (rc)
			snprintf(why, room, "ovs-vswitchd says what is no OpenFlow");
	}
	return rc;
}
