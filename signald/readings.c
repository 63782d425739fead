/* See readings.h. The readings of an answer are sorted, so that two answers are compared in one pass over both. */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "signald/readings.h"

#define BITS 8.0

/* A port's bytes by its place in the list, what is not of a port behind them. */
enum { PORT_LAST = ADAPTOR_MAX_PORTS - 1, CPU_NS, MEMORY_KIB };
struct reading { struct adaptor_key key; unsigned what; uint64_t count; };

static int compare(const void *a, const void *b)
{
	const struct reading *x = a, *y = b;

	if (x->key.icorp != y->key.icorp)
		return x->key.icorp < y->key.icorp ? -1 : 1;
	if (x->key.leader.s_addr != y->key.leader.s_addr)
		return x->key.leader.s_addr < y->key.leader.s_addr ? -1 : 1;
	return (x->what > y->what) - (x->what < y->what);
}

/* Counted, unless it is 0: then it says nothing. The room is there. */
static void put(struct readings *r, struct adaptor_key key, unsigned what, const json_t *number)
{
	if (json_integer_value(number) > 0)
		r->v[r->n++] = (struct reading){ key, what, (uint64_t)json_integer_value(number) };
}

static void read_session(struct readings *r, const json_t *session)
{
	const char *leader = json_string_value(json_object_get(session, "leader"));
	json_int_t icorp = json_integer_value(json_object_get(session, "icorp"));
	const json_t *ports = json_object_get(session, "ports");
	struct adaptor_key key = { .icorp = (uint32_t)icorp };

	if (icorp < 1 || icorp > UINT32_MAX || !leader || inet_pton(AF_INET, leader, &key.leader) != 1)
		return;
	for (size_t i = 0; i < json_array_size(ports) && i <= PORT_LAST; i++)
		put(r, key, (unsigned)i, json_object_get(json_array_get(ports, i), "bytes"));
	if (!ports)
		put(r, key, 0, json_object_get(session, "bytes"));
	put(r, key, CPU_NS, json_object_get(session, "cpu_time_ns"));
	put(r, key, MEMORY_KIB, json_object_get(session, "memory_kib"));
}

static int parse(const char *json, struct readings *out)
{
	json_t *root = json_loads(json, 0, NULL);
	const json_t *sessions = json_object_get(root, "sessions"), *session;
	size_t i, room = 0;

	if (!json_is_object(root)) {
		json_decref(root);
		return -EINVAL;
	}
	json_array_foreach(sessions, i, session)
		room += json_array_size(json_object_get(session, "ports")) + 3;
	out->v = calloc(room + 1, sizeof(*out->v));
	if (out->v) {
		json_array_foreach(sessions, i, session)
			read_session(out, session);
		qsort(out->v, out->n, sizeof(*out->v), compare);
	}
	json_decref(root);
	return out->v ? 0 : -ENOMEM;
}

static enum resource resource_of(const struct reading *one)
{
	return one->what == CPU_NS ? RESOURCE_CPU : one->what == MEMORY_KIB ? RESOURCE_MEMORY : RESOURCE_BANDWIDTH;
}

/* What a counter's growth in so many microseconds is. */
static uint64_t rate(const struct reading *now, uint64_t before, uint64_t us)
{
	double grown = (double)(now->count - before);

	if (now->what == MEMORY_KIB)
		return now->count;
	return (uint64_t)(now->what == CPU_NS ? grown / (double)us : grown * BITS * CLOCK_S / (double)us);
}

/* A row, or the larger number in the last one, when that is the same. */
static void add(struct use *out, size_t *n, const struct reading *now, uint64_t used)
{
	struct use *last = *n ? &out[*n - 1] : NULL;

	if (!last || last->key.icorp != now->key.icorp || last->key.leader.s_addr != now->key.leader.s_addr ||
	    last->resource != resource_of(now))
		out[(*n)++] = (struct use){ now->key, resource_of(now), used };
	else if (last->used < used)
		last->used = used;
}

int readings_take(struct readings *r, const char *json, uint64_t now_us, struct use **out, size_t *n)
{
	struct readings fresh = { .at_us = now_us };
	const struct reading *old = r->v, *end = r->v ? r->v + r->n : NULL;
	int rc = parse(json, &fresh);

	*n = 0;
	*out = rc ? NULL : calloc(fresh.n + 1, sizeof(**out));
	if (!*out) {
		readings_clear(&fresh);
		return rc ? rc : -ENOMEM;
	}
	for (size_t i = 0; r->at_us && now_us > r->at_us && i < fresh.n; i++) {
		uint64_t before;

		while (old < end && compare(old, &fresh.v[i]) < 0)
			old++;
		before = old < end && !compare(old, &fresh.v[i]) ? old->count : 0;
		if (before <= fresh.v[i].count) /* else it began anew */
			add(*out, n, &fresh.v[i], rate(&fresh.v[i], before, now_us - r->at_us));
	}
	readings_clear(r);
	*r = fresh;
	return 0;
}

void readings_clear(struct readings *r)
{
	free(r->v);
	*r = (struct readings){ 0 };
}
