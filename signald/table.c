/*
 * The table of sessions and the life of one: made, given a contract, closed. Sessions are found by (ICorp id, leader) in a
 * map of numbers made of them to their slots. session_chstate() is the one function that changes a session's state, and says so.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "signald/session.h"

/* ICorps of one leader that are numbered one after the other lie together, as idmap.h has it; where, the seed says. */
static uint32_t number_of(const struct core *core, struct adaptor_key key)
{
	struct adaptor_key leader = { core->by_key.seed, key.leader };
	uint32_t number = (uint32_t)adaptor_key_hash(leader) ^ key.icorp;

	return number ? number : 1;
}

/* Who has this number in the map. */
static struct session *holder(const struct core *core, uint32_t number)
{
	uint32_t slot;

	return idmap_get(&core->by_key, number, &slot) ? core->slot[slot] : NULL;
}

/* Another one has its number, which hardly ever happens: it goes into a row that is searched from end to end. */
static int put_beside(struct core *core, struct session *s)
{
	struct session **v = realloc(core->beside, (core->n_beside + 1) * sizeof(struct session *));

	if (!v)
		return -ENOMEM;
	core->beside = v;
	core->beside[core->n_beside++] = s;
	return 0;
}

/* Takes the i-th out of the row. */
static struct session *take_beside(struct core *core, size_t i)
{
	struct session *s = core->beside[i];

	core->beside[i] = core->beside[--core->n_beside];
	return s;
}

int table_put(struct core *core, struct session *s)
{
	uint32_t number = number_of(core, s->key);

	if (holder(core, number) ? put_beside(core, s) : idmap_set(&core->by_key, number, s->slot))
		return -ENOMEM;
	s->oldest = 1;
	return 0;
}

static void replace_beside(struct core *core, struct session *s, struct session *by)
{
	size_t i = 0;

	while (core->beside[i] != s)
		i++;
	if (by)
		core->beside[i] = by;
	else
		take_beside(core, i);
}

/* Another one that waits for this number; NULL: none. */
static struct session *next_holder(struct core *core, uint32_t number)
{
	for (size_t i = 0; i < core->n_beside; i++)
		if (number_of(core, core->beside[i]->key) == number)
			return take_beside(core, i);
	return NULL;
}

void table_replace(struct core *core, struct session *s, struct session *by)
{
	uint32_t number = number_of(core, s->key);

	s->oldest = 0;
	if (by)
		by->oldest = 1;
	if (holder(core, number) != s) {
		replace_beside(core, s, by);
		return;
	}
	by = by ? by : next_holder(core, number);
	if (by)
		(void)idmap_set(&core->by_key, number, by->slot); /* one that is there is replaced: that cannot fail */
	else
		idmap_remove(&core->by_key, number);
}

static int is_of(const struct session *s, struct adaptor_key key)
{
	return s && s->key.icorp == key.icorp && s->key.leader.s_addr == key.leader.s_addr;
}

struct session *session_find(struct core *core, struct adaptor_key key)
{
	struct session *s = core->recent;

	if (is_of(s, key))
		return s;
	s = holder(core, number_of(core, key));
	for (size_t i = 0; s && !is_of(s, key); i++)
		s = i < core->n_beside ? core->beside[i] : NULL;
	if (s)
		core->recent = s;
	return s;
}

struct session *session_of(struct core *core, const struct rsvp_msg *msg)
{
	struct session *s = session_find(core, (struct adaptor_key){ msg->session.icorp, msg->session.leader });

	while (s && (s->contract->revision != msg->template_.lsp_id ||
		     session_sender(s).s_addr != rsvp_sender(msg).s_addr))
		s = session_newer(s);
	return s;
}

static void leaves_free(struct core *core, struct session *s)
{
	for (unsigned i = 0; i < s->n_leaves; i++)
		free(s->leaf[i].more);
	pool_put(&core->pool, s->leaf, s->n_leaves * sizeof(*s->leaf));
}

/* Gives the session its contract, and a leaf per endpoint. 0 or -ENOMEM. */
static int set_contract(struct core *core, struct session *s, struct contract *contract)
{
	size_t size = contract->n_endpoints * sizeof(struct leaf);
	struct leaf *leaf = pool_get(&core->pool, size);

	contract = leaf ? shelf_take(core, contract) : NULL;
	if (!contract) {
		pool_put(&core->pool, leaf, size);
		return -ENOMEM;
	}
	s->leaf = leaf;
	s->n_leaves = (uint16_t)contract->n_endpoints;
	s->contract = contract;
	return 0;
}

static void session_free(struct core *core, struct session *s)
{
	while (s->branch) {
		struct branch *b = s->branch;

		s->branch = b->next;
		branch_delete(core, b);
	}
	shelf_drop(core, s->contract);
	growth_forget(core, s);
	if (s->more) {
		grants_free(&core->pool, &s->more->grants);
		grants_free(&core->pool, &s->more->told);
		free(s->more);
	}
	pool_put(&core->pool, s->hold, s->holds_room * sizeof(*s->hold));
	pool_put(&core->pool, s->up.route, s->up.n_route * sizeof(*s->up.route));
	upstream_free(core, s);
	leaves_free(core, s);
	pool_put(&core->pool, s, sizeof(*s));
}

/* Numbers the session; free places are chained through the array itself, marked by their lowest bit. */
static int slot_take(struct core *core, struct session *s)
{
	if (core->free_slot) {
		s->slot = core->free_slot - 1;
		core->free_slot = (uint32_t)((uintptr_t)core->slot[s->slot] >> 1);
	} else {
		if (core->n_slots == core->slots_room) {
			uint32_t room = core->slots_room ? core->slots_room * 2 : 64;
			struct session **v = realloc(core->slot, room * sizeof(struct session *));

			if (!v)
				return -ENOMEM;
			core->slot = v;
			core->slots_room = room;
		}
		s->slot = core->n_slots++;
	}
	core->slot[s->slot] = s;
	return 0;
}

static void slot_give(struct core *core, const struct session *s)
{
	core->slot[s->slot] = (struct session *)((uintptr_t)core->free_slot << 1 | 1);
	core->free_slot = s->slot + 1;
}

struct session *session_at(const struct core *core, uint32_t slot)
{
	struct session *s = slot < core->n_slots ? core->slot[slot] : NULL;

	return (uintptr_t)s & 1 ? NULL : s;
}

struct session *session_create(struct turn *t, struct adaptor_key key, struct contract *contract, struct in_addr sender)
{
	struct core *core = t->core;
	struct session *s = pool_get(&core->pool, sizeof(*s));

	if (!s || set_contract(core, s, contract)) {
		pool_put(&core->pool, s, sizeof(*s));
		return NULL;
	}
	s->key = key;
	if (sender.s_addr != key.leader.s_addr) {
		if (!session_more(s)) {
			session_free(core, s);
			return NULL;
		}
		s->more->cut = sender;
	}
	s->up.port = CORE_PORT_NONE;
	s->next_lih = core->config.instance << 8; /* what neighbours say of branches of a former life is not taken for these */
	if (slot_take(core, s)) {
		session_free(core, s);
		return NULL;
	}
	if (revision_join(core, s)) {
		slot_give(core, s);
		session_free(core, s);
		return NULL;
	}
	core->recent = NULL;
	core->n_sessions++;
	recovery_claim(t, s);
	return s;
}

void table_bury(struct core *core)
{
	while (core->closed) {
		struct session *s = core->closed;

		core->closed = s->closed_next;
		session_free(core, s);
	}
}

struct session_more *session_more(struct session *s)
{
	if (!s->more)
		s->more = calloc(1, sizeof(*s->more));
	return s->more;
}

const struct session_more *session_rest(const struct session *s)
{
	static const struct session_more none;

	return s->more ? s->more : &none;
}

/* None of its states is to be refreshed any more, by us or by them. */
static void session_forget_messages(struct core *core, struct session *s)
{
	upstream_forget_messages(core, &s->up);
	if (s->former)
		upstream_forget_messages(core, s->former);
	for (struct branch *b = s->branch; b; b = b->next)
		branch_forget_messages(core, b);
}

void session_close(struct turn *t, struct session *s)
{
	struct core *core = t->core;

	if (s->closing)
		return;
	s->closing = 1;
	session_release(core, s);
	vlan_give(core, s);
	for (unsigned i = 0; i < s->n_leaves; i++)
		isc_levels_release(core, s, &s->leaf[i]);
	revision_leave(core, s);
	core->recent = NULL;
	core->n_sessions--;
	session_forget_messages(core, s);
	slot_give(core, s);
	wheel_remove(&core->timers, &s->timer);
	s->closed_next = core->closed;
	core->closed = s;
	log_icorp(LOG_LEVEL_INFO, s->key.icorp, "revision %u closed (was %s)", s->contract->revision,
		  session_state_name(s->state));
	revision_heirs(t, s);
	cutthrough_others(t, s);
}

void session_chstate(struct turn *t, struct session *s, enum session_state state, const char *why)
{
	if (s->state == state)
		return;
	log_icorp(LOG_LEVEL_INFO, s->key.icorp, "%s -> %s: %s", session_state_name(s->state),
		  session_state_name(state), why);
	if (t->core->traced)
		action_state(t, s->key, s->state, state, why);
	s->state = (uint8_t)state;
	s->dirty_report = 1;
}

void turn_begin(struct turn *t, struct core *core, uint64_t now_us, struct core_actions *actions)
{
	*t = (struct turn){ .core = core, .now_us = now_us, .actions = actions };
	core->turn = t;
	table_bury(core);
}

struct core *core_new(const struct core_config *config, const struct nexthops *nexthops)
{
	struct core *core = calloc(1, sizeof(*core));

	if (!core)
		return NULL;
	core->config = *config;
	core->nexthops = nexthops;
	core->random = config->seed ? config->seed : 88172645463325252ull;
	core->by_key.seed = (uint32_t)core->random;
	if (exchange_open(core)) {
		core_free(core);
		return NULL;
	}
	return core;
}

void core_free(struct core *core)
{
	if (!core)
		return;
	table_bury(core);
	for (uint32_t i = 0; i < core->n_slots; i++)
		if (session_at(core, i))
			session_free(core, session_at(core, i));
	parked_clear(core);
	recovery_free(core);
	idmap_clear(&core->by_key);
	free(core->beside);
	free(core->shelf.bucket);
	free(core->slot);
	rsvp_msg_free(&core->out);
	for (unsigned i = 0; i < CORE_MAX_PORTS; i++)
		heap_free(&core->growth[i].heap);
	neighbours_free(core->neighbours);
	pool_free(&core->pool);
	free(core);
}

const struct core_config *core_config(const struct core *core)
{
	return &core->config;
}

/* Ports keep their index by name: sessions refer to them by it. */
void core_reconfigure(struct core *core, const struct core_config *config)
{
	struct core_config next = *config;

	for (unsigned i = 0; i < next.n_ports && i < core->config.n_ports; i++)
		next.port[i].reserved_bps = core->config.port[i].reserved_bps;
	for (unsigned r = 0; r <= RESOURCE_MAX; r++)
		next.resource[r].used = core->config.resource[r].used;
	core->config = next;
}

struct contract *core_contract_find(const struct core *core, const uint8_t digest[SHA256_SIZE])
{
	return shelf_find(&core->shelf, digest);
}

const struct session *core_session(const struct core *core, uint32_t icorp, struct in_addr leader)
{
	return session_find((struct core *)core, (struct adaptor_key){ icorp, leader });
}

const struct session *core_session_next(const struct core *core, const struct session *after)
{
	for (uint32_t i = after ? after->slot + 1 : 0; i < core->n_slots; i++) {
		const struct session *s = session_at(core, i);

		if (s && s->oldest)
			return s;
	}
	return NULL;
}

const struct session *core_session_newer(const struct session *s)
{
	return session_newer(s);
}

int core_in_force(const struct session *s)
{
	while (s && !s->asked)
		s = session_newer(s);
	return s != NULL;
}

int core_renews(const struct core_action *renew)
{
	for (const struct session *m = renew->session; m; m = session_newer(m))
		if (m->cookie && (int32_t)(m->cookie - (uint32_t)renew->cookie) > 0)
			return 0;
	return renew->session->asked;
}

uint16_t core_adaptors(const struct session *s)
{
	return s->adaptors;
}

void core_set_adaptors(const struct session *s, uint16_t adaptors)
{
	((struct session *)s)->adaptors = adaptors;
}

size_t core_sessions(const struct core *core)
{
	return core->n_sessions;
}

void core_trace(struct core *core, int on)
{
	core->traced = on;
}

const struct neighbours *core_neighbours(const struct core *core)
{
	return core->neighbours;
}

const uint64_t *core_counters(const struct core *core)
{
	return core->counter;
}
