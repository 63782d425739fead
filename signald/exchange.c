/*
 * Between sessions and neighbours: every message a session makes goes out through its neighbour, which sees to it that it
 * arrives and is refreshed (neighbour.h); what the neighbours know of a state comes back here by the session's slot.
 */
#include <string.h>

#include "lib/log.h"
#include "signald/session.h"

#define MESSAGE_MAX 1300
#define HELLO_TENTHS 34              /* RFC 3209 suggests 3.5 intervals; what is left is for noticing it */

struct rsvp_msg *message_begin(struct turn *t, uint8_t type, const struct session *s)
{
	struct rsvp_msg *m = &t->core->out;

	rsvp_msg_clear(m);
	m->type = type;
	m->ttl = 63;
	m->session.icorp = s->key.icorp;
	m->session.leader = s->key.leader;
	return m;
}

uint32_t message_send(struct turn *t, const struct session *s, struct in_addr to, unsigned flags, uint32_t replaces)
{
	struct neighbour *n = neighbour_get(t->core->neighbours, to);

	if (!n) {
		t->actions->lost++;
		return 0;
	}
	if (flags & NEIGHBOUR_STATE)
		neighbour_watch(n, 1, t->now_us);
	return neighbour_send(n, &t->core->out, flags, s->slot, replaces, t->now_us);
}

void message_send_isc(struct turn *t, struct in_addr to)
{
	uint8_t bytes[RSVP_MAX_SIZE];
	int len = rsvp_encode(&t->core->out, t->core->config.enterprise, NULL, bytes, sizeof(bytes));

	if (len > 0)
		action_send(t, to, 1, t->core->out.type, bytes, (size_t)len);
	else
		t->actions->lost++;
}

enum message_age message_age(const struct core *core, const struct session *s, struct in_addr from, uint32_t id,
			     const struct rsvp_msg *msg)
{
	const struct neighbour *n = id && (msg->has & RSVP_HAS_ID) ? neighbour_find(core->neighbours, from) : NULL;
	uint32_t slot;

	if (!n || !neighbour_learnt(n, id, &slot) || slot != s->slot)
		return MESSAGE_NEW; /* nothing to compare with: the neighbour began anew, or does without ids */
	return msg->id.id == id ? MESSAGE_SAME : rsvp_id_later(msg->id.id, id) ? MESSAGE_NEW : MESSAGE_OLD;
}

void message_learn(struct turn *t, const struct session *s, struct in_addr from, uint32_t *id, const struct rsvp_msg *msg)
{
	struct neighbour *n = neighbour_find(t->core->neighbours, from);

	if (*id && *id != msg->id.id)
		message_unlearn(t->core, from, id);
	if (!n || !(msg->has & RSVP_HAS_ID))
		return;
	if (!neighbour_is_of(n, msg->id.epoch)) { /* it waited for its contract, and n was restarted */
		message_unlearn(t->core, from, id);
		return;
	}
	neighbour_watch(n, 1, t->now_us);
	*id = neighbour_learn(n, msg->id.id, s->slot) ? 0 : msg->id.id;
}

void message_unlearn(struct core *core, struct in_addr from, uint32_t *id)
{
	struct neighbour *n = *id ? neighbour_find(core->neighbours, from) : NULL;

	if (n)
		neighbour_unlearn(n, *id);
	*id = 0;
}

void message_withdraw(struct core *core, struct in_addr to, uint32_t *id)
{
	struct neighbour *n = *id ? neighbour_find(core->neighbours, to) : NULL;

	if (n)
		neighbour_withdraw(n, *id);
	*id = 0;
}

/* ---- what neighbours say of states ---- */

static void on_output(void *ctx, struct neighbour *n, const uint8_t *message, size_t len, uint8_t type)
{
	struct core *core = ctx;

	struct core_action *a = action_send(core->turn, neighbour_addr(n), 0, type, message, len);

	if (a)
		a->beyond = type == RSVP_PATH && neighbour_beyond(n);
}

/* RFC 2961 section 5.4: as if the message had come again. It only moves a deadline; the wheel looks when it is due. */
static int on_refreshed(void *ctx, struct neighbour *n, uint32_t slot, uint32_t id, uint64_t now_us)
{
	struct core *core = ctx;
	struct session *s = session_at(core, slot);
	uint32_t addr = neighbour_addr(n).s_addr;

	if (!s)
		return 0;
	if (s->up.path_id == id && s->up.addr.s_addr == addr) {
		upstream_renew(&s->up, now_us + core_their_lifetime(core, s->up.refresh_ms));
		return 1;
	}
	if (s->former && s->former->path_id == id && s->former->addr.s_addr == addr) {
		upstream_renew(s->former, now_us + core_their_lifetime(core, s->former->refresh_ms));
		return 1;
	}
	for (struct branch *b = s->branch; b; b = b->next) {
		if (b->resv_id != id || b->neighbour.s_addr != addr)
			continue;
		if (b->parts != UINT16_MAX)
			return 0; /* not all of it is here, or it is not to be relied on */
		branch_renew(b, now_us + core_their_lifetime(core, b->refresh_ms));
		return 1;
	}
	return 0;
}

static void on_resend(void *ctx, struct neighbour *n, uint32_t slot, uint32_t id, uint64_t now_us)
{
	struct core *core = ctx;
	struct session *s = session_at(core, slot);
	uint32_t addr = neighbour_addr(n).s_addr;

	if (s && ((s->up.resv_id == id && s->up.addr.s_addr == addr) ||
		  (s->former && s->former->resv_id == id && s->former->addr.s_addr == addr))) {
		send_resv(core->turn, s);
		return;
	}
	for (struct branch *b = s ? s->branch : NULL; b; b = b->next) {
		if (b->path_id == id && b->neighbour.s_addr == addr && b->n_leaves) {
			send_path(core->turn, s, b);
			return;
		}
	}
	neighbour_withdraw(n, id);
}

static void on_changed(void *ctx, struct neighbour *n, enum neighbour_event event, uint64_t now_us)
{
	char text[ADDR_TEXT];

	log_msg(event == NEIGHBOUR_UP ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "neighbour %s: %s",
		addr_text(neighbour_addr(n), text), neighbour_event_name(event));
}

int exchange_open(struct core *core)
{
	const struct core_config *config = &core->config;
	struct neighbour_options options = {
		.enterprise = config->enterprise,
		.epoch = config->epoch & 0xffffff ? config->epoch & 0xffffff : 1,
		.instance = config->instance ? config->instance : 1, .refresh_us = config->refresh_us,
		.hello_us = config->hello_us, .hello_tenths = HELLO_TENTHS,
		.rto_min_us = 20000, .rto_first_us = 100000, .rto_max_us = 500000, .tries = 10,
		.window_min = 16, .window_first = 64, .window_max = 8192, .message_max = MESSAGE_MAX,
		.seed = config->seed ? config->seed : 1,
	};
	struct neighbour_hooks hooks = { core, on_output, on_refreshed, on_resend, on_changed };

	core->neighbours = neighbours_new(&options, &hooks);
	return core->neighbours ? 0 : -1;
}
