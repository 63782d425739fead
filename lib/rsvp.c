/*
 * The in-memory picture of a message: its vectors, its names, and the checksum. See rsvp.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/rsvp.h"
#include "lib/rsvp_wire.h"

const char *rsvp_type_name(uint8_t type)
{
	switch (type) {
	case RSVP_PATH: return "Path";
	case RSVP_RESV: return "Resv";
	case RSVP_PATH_ERR: return "PathErr";
	case RSVP_RESV_ERR: return "ResvErr";
	case RSVP_PATH_TEAR: return "PathTear";
	case RSVP_RESV_TEAR: return "ResvTear";
	case RSVP_RESV_CONF: return "ResvConf";
	case RSVP_BUNDLE: return "Bundle";
	case RSVP_ACK: return "Ack";
	case RSVP_SREFRESH: return "Srefresh";
	case RSVP_HELLO: return "Hello";
	case RSVP_CHALLENGE: return "Integrity Challenge";
	case RSVP_CHALLENGE_RESPONSE: return "Integrity Response";
	default: return "type?";
	}
}

int rsvp_has_session(uint8_t type)
{
	return type != RSVP_ACK && type != RSVP_SREFRESH && type != RSVP_HELLO && type != RSVP_CHALLENGE &&
	       type != RSVP_CHALLENGE_RESPONSE;
}

int rsvp_id_later(uint32_t a, uint32_t b)
{
	return a != b && a - b < 1u << 31;
}

void rsvp_msg_clear(struct rsvp_msg *msg)
{
	struct rsvp_msg kept = {
		.s2l = { msg->s2l.v, 0, msg->s2l.room }, .rro = { msg->rro.v, 0, msg->rro.room },
		.demands = { msg->demands.v, 0, msg->demands.room }, .loads = { msg->loads.v, 0, msg->loads.room },
		.grants = { msg->grants.v, 0, msg->grants.room },
		.ids = { msg->ids.v, 0, msg->ids.room }, .acks = { msg->acks.v, 0, msg->acks.room },
	};

	*msg = kept;
}

void rsvp_msg_free(struct rsvp_msg *msg)
{
	free(msg->s2l.v);
	free(msg->rro.v);
	free(msg->demands.v);
	free(msg->loads.v);
	free(msg->grants.v);
	free(msg->ids.v);
	free(msg->acks.v);
	memset(msg, 0, sizeof(*msg));
}

/* Makes room for one more entry of `size` bytes in a vector and returns where it goes; NULL: no memory. */
static void *vector_push(void **v, unsigned *n, unsigned *room, size_t size)
{
	if (*n == *room) {
		unsigned more = *room ? *room * 2 : 8;
		void *grown = realloc(*v, more * size);

		if (!grown)
			return NULL;
		*v = grown;
		*room = more;
	}
	return (char *)*v + size * (*n)++;
}

int rsvp_add_s2l(struct rsvp_msg *msg, struct in_addr addr, struct in_addr via)
{
	struct rsvp_s2l *to = vector_push((void **)&msg->s2l.v, &msg->s2l.n, &msg->s2l.room, sizeof(*to));

	return to ? (*to = (struct rsvp_s2l){ addr, via }, 0) : -ENOMEM;
}

int rsvp_add_rro(struct rsvp_msg *msg, struct in_addr addr)
{
	struct in_addr *to = vector_push((void **)&msg->rro.v, &msg->rro.n, &msg->rro.room, sizeof(*to));

	msg->has |= RSVP_HAS_RRO;
	return to ? (*to = addr, 0) : -ENOMEM;
}

int rsvp_add_demand(struct rsvp_msg *msg, const struct rsvp_demand *demand)
{
	struct rsvp_demand *to =
		vector_push((void **)&msg->demands.v, &msg->demands.n, &msg->demands.room, sizeof(*to));

	return to ? (*to = *demand, 0) : -ENOMEM;
}

int rsvp_add_load(struct rsvp_msg *msg, const struct rsvp_load *load)
{
	struct rsvp_load *to = vector_push((void **)&msg->loads.v, &msg->loads.n, &msg->loads.room, sizeof(*to));

	return to ? (*to = *load, 0) : -ENOMEM;
}

int rsvp_add_grant(struct rsvp_msg *msg, const struct rsvp_grant *grant)
{
	struct rsvp_grant *to = vector_push((void **)&msg->grants.v, &msg->grants.n, &msg->grants.room, sizeof(*to));

	return to ? (*to = *grant, 0) : -ENOMEM;
}

int rsvp_add_ack(struct rsvp_msg *msg, const struct rsvp_id_ack *ack)
{
	struct rsvp_id_ack *to = vector_push((void **)&msg->acks.v, &msg->acks.n, &msg->acks.room, sizeof(*to));

	return to ? (*to = *ack, 0) : -ENOMEM;
}

int rsvp_add_id(struct rsvp_msg *msg, uint32_t id)
{
	uint32_t *to = vector_push((void **)&msg->ids.v, &msg->ids.n, &msg->ids.room, sizeof(*to));

	return to ? (*to = id, 0) : -ENOMEM;
}

/* RFC 1071: the sum does not depend on the order of bytes, so it is taken over whole words as they lie in memory. */
uint16_t rsvp_checksum(const uint8_t *data, size_t len)
{
	uint64_t sum = 0, word;
	size_t i;

	for (i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		sum += (word & UINT32_MAX) + (word >> 32);
	}
	word = 0;
	memcpy(&word, data + i, len - i);
	sum += (word & UINT32_MAX) + (word >> 32);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~ntohs((uint16_t)sum);
}

static int vector_copy(void *to, unsigned *room, const void *from, unsigned n, size_t size)
{
	void *v = n ? malloc(n * size) : NULL;

	if (v)
		memcpy(v, from, n * size);
	memcpy(to, &v, sizeof(v));
	*room = n;
	return n && !v ? -ENOMEM : 0;
}

#define COPY(field) vector_copy(&to->field.v, &to->field.room, from->field.v, from->field.n, sizeof(*from->field.v))

int rsvp_msg_copy(struct rsvp_msg *to, const struct rsvp_msg *from)
{
	int r;

	*to = *from;
	to->body = NULL;
	to->body_len = 0;
	to->has &= ~(uint32_t)RSVP_HAS_BODY;
	memset(&to->ids, 0, sizeof(to->ids));
	memset(&to->acks, 0, sizeof(to->acks));
	r = COPY(s2l) | COPY(rro) | COPY(demands) | COPY(loads) | COPY(grants);
	if (!r)
		return 0;
	rsvp_msg_free(to);
	memset(to, 0, sizeof(*to));
	return -ENOMEM;
}
