/*
 * The table of sessions, the list of actions, and the one function that changes a session's state. Sessions are found
 * by (ICorp id, leader) in a chained hash table that doubles; the earliest deadline of each sits in a heap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "signald/session.h"

const char *session_state_name(enum session_state state)
{
	static const char *const names[SESSION_STATES] = { "new", "reserved", "committing", "up", "failed" };

	return state < SESSION_STATES ? names[state] : "?";
}

const char *core_counter_name(enum core_counter counter)
{
	static const char *const names[CORE_COUNTERS] = {
		"paths received", "resvs received", "path errors received", "resv errors received",
		"path tears received", "resv tears received", "resv confirmations received", "no path state", "ISCs beyond their own",
		"waited for a contract", "lapsed", "refused here", "loops", "stale revisions",
	};

	return counter < CORE_COUNTERS ? names[counter] : "?";
}

static const struct { enum element_kind kind; const char *name; } kinds[] = {
	{ ELEMENT_ACCESS, "access" }, { ELEMENT_ROUTER, "router" }, { ELEMENT_SWITCH, "switch" },
	{ ELEMENT_SERVER, "server" }, { ELEMENT_LEGACY, "legacy" },
};

const char *element_kind_name(enum element_kind kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "?";
}

int element_kind_parse(const char *text, enum element_kind *kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, text))
			return *kind = kinds[i].kind, 0;
	return -EINVAL;
}

/* ---- actions ---- */

void core_actions_clear(struct core_actions *a)
{
	a->n = a->spare_used = 0;
	a->lost = 0;
}

void core_actions_free(struct core_actions *a)
{
	for (unsigned i = 0; i < a->n_spare; i++) {
		rsvp_msg_free(a->spare[i]);
		free(a->spare[i]);
	}
	free(a->spare);
	free(a->v);
	memset(a, 0, sizeof(*a));
}

static struct core_action action_sink;

struct core_action *action_add(struct turn *t, enum core_action_type type)
{
	struct core_actions *a = t->actions;
	struct core_action *to;

	if (a->n == a->room) {
		unsigned room = a->room ? a->room * 2 : 16;
		struct core_action *v = realloc(a->v, room * sizeof(*v));

		if (!v) {
			a->lost++;
			return memset(&action_sink, 0, sizeof(action_sink));
		}
		a->v = v;
		a->room = room;
	}
	to = &a->v[a->n++];
	memset(to, 0, sizeof(*to));
	to->type = type;
	to->port = CORE_PORT_NONE;
	return to;
}

static struct rsvp_msg *spare_msg(struct core_actions *a)
{
	if (a->spare_used == a->n_spare) {
		if (a->n_spare == a->spare_room) {
			unsigned room = a->spare_room ? a->spare_room * 2 : 16;
			struct rsvp_msg **v = realloc(a->spare, room * sizeof(*v));

			if (!v)
				return NULL;
			a->spare = v;
			a->spare_room = room;
		}
		a->spare[a->n_spare] = calloc(1, sizeof(struct rsvp_msg));
		if (!a->spare[a->n_spare])
			return NULL;
		a->n_spare++;
	}
	return a->spare[a->spare_used++];
}

struct rsvp_msg *action_send(struct turn *t, struct in_addr to, int port, uint8_t type, const struct session *s)
{
	struct rsvp_msg *msg = spare_msg(t->actions);
	struct core_action *a;

	if (!msg) {
		t->actions->lost++;
		return NULL;
	}
	rsvp_msg_clear(msg);
	msg->type = type;
	msg->ttl = 63;
	msg->session.icorp = s->key.icorp;
	msg->session.leader = s->key.leader;
	a = action_add(t, CORE_SEND);
	a->to = to;
	a->port = port;
	a->key = s->key;
	a->msg = msg;
	return msg;
}

/* ---- table ---- */

static size_t hash(const struct core *core, struct adaptor_key key)
{
	uint64_t h = ((uint64_t)key.leader.s_addr << 32 | key.icorp) * 0x9e3779b97f4a7c15ull;

	return (size_t)(h >> 32) & (core->n_buckets - 1);
}

static int table_grow(struct core *core)
{
	size_t old_n = core->n_buckets;
	struct session **old = core->bucket;

	core->n_buckets = old_n ? old_n * 2 : 64;
	core->bucket = calloc(core->n_buckets, sizeof(*core->bucket));
	if (!core->bucket) {
		core->bucket = old;
		core->n_buckets = old_n;
		return old ? 0 : -ENOMEM; /* longer chains are not wrong */
	}
	for (size_t i = 0; i < old_n; i++) {
		while (old[i]) {
			struct session *s = old[i];
			size_t to = hash(core, s->key);

			old[i] = s->hash_next;
			s->hash_next = core->bucket[to];
			core->bucket[to] = s;
		}
	}
	free(old);
	return 0;
}

struct session *session_find(struct core *core, struct adaptor_key key)
{
	struct session *s = core->n_buckets ? core->bucket[hash(core, key)] : NULL;

	while (s && (s->key.icorp != key.icorp || s->key.leader.s_addr != key.leader.s_addr))
		s = s->hash_next;
	return s;
}

/* Gives the session its contract and a leaf per endpoint; leaves known by element keep what they were. */
int session_set_contract(struct session *s, struct contract *contract)
{
	struct leaf *leaf = calloc(contract->n_endpoints, sizeof(*leaf));

	if (!leaf)
		return -ENOMEM;
	for (unsigned i = 0; i < contract->n_endpoints; i++) {
		struct leaf *old = s->leaf ? leaf_by_addr(s, contract->endpoints[i].control) : NULL;

		if (old)
			leaf[i] = *old;
		leaf[i].ep = &contract->endpoints[i];
		leaf[i].told.endpoint = leaf[i].load.endpoint = contract->endpoints[i].control;
	}
	free(s->leaf);
	s->leaf = leaf;
	s->n_leaves = contract->n_endpoints;
	contract_ref(contract);
	contract_unref(s->contract);
	s->contract = contract;
	return 0;
}

struct session *session_create(struct turn *t, struct adaptor_key key, struct contract *contract)
{
	struct core *core = t->core;
	struct session *s = calloc(1, sizeof(*s));

	if (s && core->n_sessions >= core->n_buckets && table_grow(core)) {
		free(s);
		s = NULL;
	}
	if (!s || session_set_contract(s, contract)) {
		free(s);
		return NULL;
	}
	s->key = key;
	s->up.port = CORE_PORT_NONE;
	s->up.refresh_us = core->config.refresh_us;
	s->hash_next = core->bucket[hash(core, key)];
	core->bucket[hash(core, key)] = s;
	core->n_sessions++;
	return s;
}

static void session_free(struct session *s)
{
	while (s->branch) {
		struct branch *b = s->branch;

		s->branch = b->next;
		free(b->grants.v);
		free(b);
	}
	contract_unref(s->contract);
	free(s->grants.v);
	free(s->told.v);
	free(s->route.v);
	free(s->leaf);
	free(s);
}

static void bury(struct core *core)
{
	while (core->closed) {
		struct session *s = core->closed;

		core->closed = s->closed_next;
		session_free(s);
	}
}

void session_close(struct turn *t, struct session *s)
{
	struct core *core = t->core;
	struct session **at = &core->bucket[hash(core, s->key)];
	struct core_action *closed;

	if (s->closing)
		return;
	s->closing = 1;
	session_release(core, s);
	vlan_give(core, s);
	for (unsigned i = 0; i < s->n_leaves; i++)
		isc_levels_release(core, &s->leaf[i]);
	if (s->asked)
		action_add(t, CORE_REVOKE)->key = s->key;
	closed = action_add(t, CORE_CLOSED);
	closed->key = s->key;
	closed->session = s;
	while (*at != s)
		at = &(*at)->hash_next;
	*at = s->hash_next;
	core->n_sessions--;
	heap_remove(&core->timers, &s->timer);
	s->closed_next = core->closed;
	core->closed = s;
	log_icorp(LOG_LEVEL_INFO, s->key.icorp, "closed (was %s)", session_state_name(s->state));
}

void session_chstate(struct turn *t, struct session *s, enum session_state state, const char *why)
{
	if (s->state == state)
		return;
	log_icorp(LOG_LEVEL_INFO, s->key.icorp, "%s -> %s: %s", session_state_name(s->state),
		  session_state_name(state), why);
	s->state = state;
	s->dirty_report = 1;
}

/* ---- time ---- */

uint64_t core_jitter(struct core *core, uint64_t r_us)
{
	core->random ^= core->random << 13;
	core->random ^= core->random >> 7;
	core->random ^= core->random << 17;
	return r_us / 2 + core->random % (r_us + 1);
}

uint64_t core_lifetime(const struct core *core, uint64_t r_us)
{
	return (2 * core->config.multiplier + 1) * 3 * r_us / 4;
}

/* What a neighbour says of its R decides how long its state lives here, but not for ever and not for no time at all. */
#define MIN_REFRESH_MS 50
#define MAX_REFRESH_MS 3600000

uint64_t core_their_lifetime(const struct core *core, uint32_t refresh_ms)
{
	uint64_t ms = refresh_ms < MIN_REFRESH_MS ? MIN_REFRESH_MS : refresh_ms > MAX_REFRESH_MS ? MAX_REFRESH_MS : refresh_ms;

	return core_lifetime(core, ms * 1000);
}

static void earlier(uint64_t *at, uint64_t deadline)
{
	if (deadline && deadline < *at)
		*at = deadline;
}

void session_schedule(struct turn *t, struct session *s)
{
	uint64_t at = UINT64_MAX;

	if (s->closing)
		return;
	for (unsigned i = 0; i < s->n_leaves; i++) {
		if (s->leaf[i].where != LEAF_ELSEWHERE)
			earlier(&at, s->leaf[i].path_expires_us);
		earlier(&at, s->leaf[i].prune_us);
	}
	for (const struct branch *b = s->branch; b; b = b->next) {
		earlier(&at, b->next_path_us);
		earlier(&at, b->resv_expires_us);
	}
	earlier(&at, s->up.next_resv_us);
	earlier(&at, s->isc_deadline_us);
	earlier(&at, s->renew_us);
	if (at == UINT64_MAX)
		heap_remove(&t->core->timers, &s->timer);
	else if (heap_set(&t->core->timers, &s->timer, at))
		t->actions->lost++;
}

/* ---- the core ---- */

struct core *core_new(const struct core_config *config, const struct nexthops *nexthops)
{
	struct core *core = calloc(1, sizeof(*core));

	if (!core)
		return NULL;
	core->config = *config;
	core->nexthops = nexthops;
	core->random = config->seed ? config->seed : 88172645463325252ull;
	if (table_grow(core)) {
		free(core);
		return NULL;
	}
	return core;
}

static void parked_free(struct parked *p)
{
	rsvp_msg_free(&p->msg);
	free(p);
}

void core_free(struct core *core)
{
	if (!core)
		return;
	bury(core);
	for (size_t i = 0; i < core->n_buckets; i++) {
		while (core->bucket[i]) {
			struct session *s = core->bucket[i];

			core->bucket[i] = s->hash_next;
			session_free(s);
		}
	}
	while (core->parked) {
		struct parked *p = core->parked;

		core->parked = p->next;
		parked_free(p);
	}
	heap_free(&core->timers);
	free(core->bucket);
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

struct contract *core_contract_find(const struct core *core, struct adaptor_key key,
				    const uint8_t digest[SHA256_SIZE])
{
	const struct session *s = core_session(core, key.icorp, key.leader);

	return s && !memcmp(s->contract->digest, digest, SHA256_SIZE) ? s->contract : NULL;
}

const struct session *core_session(const struct core *core, uint32_t icorp, struct in_addr leader)
{
	return session_find((struct core *)core, (struct adaptor_key){ icorp, leader });
}

const struct session *core_session_next(const struct core *core, const struct session *after)
{
	size_t i = 0;

	if (after) {
		if (after->hash_next)
			return after->hash_next;
		i = hash(core, after->key) + 1;
	}
	for (; i < core->n_buckets; i++)
		if (core->bucket[i])
			return core->bucket[i];
	return NULL;
}

size_t core_sessions(const struct core *core)
{
	return core->n_sessions;
}

const uint64_t *core_counters(const struct core *core)
{
	return core->counter;
}

/* ---- inputs ---- */

/* A Path whose contract is not here yet waits; a newer one of the same hop and group takes its place. */
static void park(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from)
{
	struct core *core = t->core;
	struct core_action *a;
	struct parked *p;

	for (p = core->parked; p; p = p->next)
		if (p->msg.session.icorp == msg->session.icorp && p->from.addr.s_addr == from->addr.s_addr &&
		    p->msg.session.leader.s_addr == msg->session.leader.s_addr &&
		    p->msg.template_.group == msg->template_.group &&
		    !memcmp(p->msg.ref.digest, msg->ref.digest, SHA256_SIZE))
			return; /* already waiting; refreshes come again */
	if (core->n_parked >= CORE_MAX_PARKED)
		return;
	p = calloc(1, sizeof(*p));
	if (!p)
		return;
	p->msg = *msg;
	memset(&p->msg.s2l, 0, sizeof(p->msg.s2l));
	memset(&p->msg.rro, 0, sizeof(p->msg.rro));
	memset(&p->msg.demands, 0, sizeof(p->msg.demands));
	memset(&p->msg.loads, 0, sizeof(p->msg.loads));
	memset(&p->msg.grants, 0, sizeof(p->msg.grants));
	p->msg.has &= ~(uint32_t)RSVP_HAS_BODY;
	for (unsigned i = 0; i < msg->s2l.n; i++)
		rsvp_add_s2l(&p->msg, msg->s2l.v[i]);
	for (unsigned i = 0; i < msg->rro.n; i++)
		rsvp_add_rro(&p->msg, msg->rro.v[i]);
	p->from = *from;
	p->expires_us = t->now_us + core->config.contract_wait_us;
	p->next = core->parked;
	core->parked = p;
	core->n_parked++;
	core->counter[CORE_PARKED]++;
	a = action_add(t, CORE_FETCH);
	a->to = from->addr;
	a->key = (struct adaptor_key){ msg->session.icorp, msg->session.leader };
	a->length = msg->ref.length;
	memcpy(a->digest, msg->ref.digest, SHA256_SIZE);
}

static void path_message(struct turn *t, const struct rsvp_msg *msg, const struct core_from *from,
			 struct contract *contract)
{
	struct adaptor_key key = { msg->session.icorp, msg->session.leader };

	if (!contract)
		contract = core_contract_find(t->core, key, msg->ref.digest);
	if (!contract)
		park(t, msg, from);
	else
		path_input(t, msg, from, contract);
}

void core_message(struct core *core, const struct rsvp_msg *msg, const struct core_from *from,
		  struct contract *contract, uint64_t now_us, struct core_actions *actions)
{
	struct turn t = { core, now_us, actions };

	bury(core);
	if (from->isc && msg->type != RSVP_RESV && msg->type != RSVP_RESV_TEAR) {
		core->counter[CORE_NOT_ITS_OWN]++; /* a client's software answers Paths, it does not make them */
		return;
	}
	switch (msg->type) {
	case RSVP_PATH:
		core->counter[CORE_PATHS]++;
		path_message(&t, msg, from, contract);
		break;
	case RSVP_RESV:
		core->counter[CORE_RESVS]++;
		resv_input(&t, msg, from);
		break;
	case RSVP_PATH_ERR:
		core->counter[CORE_PATH_ERRS]++;
		path_err_input(&t, msg);
		break;
	case RSVP_RESV_ERR:
		core->counter[CORE_RESV_ERRS]++;
		resv_err_input(&t, msg);
		break;
	case RSVP_PATH_TEAR:
		core->counter[CORE_PATH_TEARS]++;
		path_tear_input(&t, msg);
		break;
	case RSVP_RESV_TEAR:
		core->counter[CORE_RESV_TEARS]++;
		resv_tear_input(&t, msg, from);
		break;
	case RSVP_RESV_CONF:
		core->counter[CORE_CONFS]++;
		resv_conf_input(&t, msg);
		break;
	default:
		break; /* 12, 13, 15, 20: the peer's business */
	}
}

void core_contract(struct core *core, const uint8_t digest[SHA256_SIZE], struct contract *contract, const char *why,
		   uint64_t now_us, struct core_actions *actions)
{
	struct turn t = { core, now_us, actions };
	struct parked **at = &core->parked, *due = NULL;

	bury(core);
	while (*at) {
		struct parked *p = *at;

		if (memcmp(p->msg.ref.digest, digest, SHA256_SIZE)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		core->n_parked--;
		p->next = due;
		due = p;
	}
	while (due) {
		struct parked *p = due;

		due = p->next;
		if (contract)
			path_input(&t, &p->msg, &p->from, contract);
		else
			log_icorp(LOG_LEVEL_WARN, p->msg.session.icorp, "contract not to be had: %s", why ? why : "?");
		parked_free(p);
	}
}

static void expire_parked(struct turn *t)
{
	struct parked **at = &t->core->parked;

	while (*at) {
		struct parked *p = *at;

		if (p->expires_us > t->now_us) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		t->core->n_parked--;
		log_icorp(LOG_LEVEL_WARN, p->msg.session.icorp, "contract not to be had in time; Path dropped");
		parked_free(p);
	}
}

/* A leaf's Path state ran out, or the leader gives it up. */
static void tick_leaves(struct turn *t, struct session *s)
{
	for (unsigned i = 0; i < s->n_leaves && !s->closing; i++) {
		struct leaf *leaf = &s->leaf[i];

		if (leaf->where == LEAF_ELSEWHERE)
			continue;
		if (leaf->path_expires_us <= t->now_us) {
			t->core->counter[CORE_LAPSED]++;
			log_icorp(LOG_LEVEL_INFO, s->key.icorp, "%s: path state lapsed", leaf->ep->element);
			leaf_prune(t, s, leaf);
		} else if (leaf->prune_us && leaf->prune_us <= t->now_us) {
			leaf->prune_us = 0;
			log_icorp(LOG_LEVEL_WARN, s->key.icorp, "%s: not confirmed again, given up", leaf->ep->element);
			leaf_prune(t, s, leaf);
			s->dirty_report = s->dirty_terms = s->dirty_down = 1;
		}
	}
}

static void tick_branches(struct turn *t, struct session *s)
{
	for (struct branch *b = s->branch; b; b = b->next) {
		if (b->resv_expires_us && b->resv_expires_us <= t->now_us) {
			t->core->counter[CORE_LAPSED]++;
			for (unsigned i = 0; i < s->n_leaves; i++)
				if (s->leaf[i].branch == b && s->leaf[i].up)
					leaf_lost(t, s, &s->leaf[i], "reservation lapsed");
			branch_unreserve(t, s, b);
		}
		if (b->next_path_us <= t->now_us && b->next_path_us)
			send_path(t, s, b);
	}
}

static void tick_session(struct turn *t, struct session *s)
{
	tick_leaves(t, s);
	if (s->closing)
		return;
	if (!s->leading && !s->branch && !s->n_holds && s->state != SESSION_FAILED) {
		int any = 0;

		for (unsigned i = 0; i < s->n_leaves; i++)
			any |= s->leaf[i].where != LEAF_ELSEWHERE;
		if (!any) {
			session_close(t, s);
			return;
		}
	}
	tick_branches(t, s);
	if (!s->closing && s->isc_deadline_us && s->isc_deadline_us <= t->now_us) {
		s->isc_deadline_us = 0;
		session_refuse(t, s, RSVP_ERR_ADMISSION, RSVP_ADMISSION_ADAPTOR, "the ISC did not answer in time");
	}
	if (!s->closing && s->renew_us && s->renew_us <= t->now_us) {
		s->renew_us = t->now_us + core_lifetime(t->core, t->core->config.refresh_us) / 3;
		s->dirty_terms = 1;
	}
	if (!s->closing && s->up.next_resv_us && s->up.next_resv_us <= t->now_us)
		send_resv(t, s);
}

void core_tick(struct core *core, uint64_t now_us, struct core_actions *actions)
{
	struct turn t = { core, now_us, actions };
	struct heap_entry *top;

	bury(core);
	expire_parked(&t);
	while ((top = heap_top(&core->timers)) && top->key <= now_us) {
		struct session *s = (struct session *)top;

		tick_session(&t, s);
		session_settle(&t, s);
		if (!s->closing && s->timer.key <= now_us && s->timer.slot)
			heap_set(&core->timers, &s->timer, now_us + 1000); /* never spin on a deadline nobody moved */
	}
}

uint64_t core_next(const struct core *core)
{
	const struct heap_entry *top = heap_top(&core->timers);
	uint64_t at = top ? top->key : UINT64_MAX;

	for (const struct parked *p = core->parked; p; p = p->next)
		if (p->expires_us < at)
			at = p->expires_us;
	return at;
}
